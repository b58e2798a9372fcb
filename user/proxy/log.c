/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The log of sessions and requests: lines of core/session_log.h into l7.logging's file, or into the
 * daemon's own log. Lines of a round are written together; those that cannot be written (disk full)
 * are dropped and counted (F27).
 */
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "proxy/internal.h"

enum { FLUSH_AT = 65536 };

/* Over all processes. */
static uint64_t all_sessions(const struct engine *e)
{
	return places_sum(e, &e->shared->vitals[0].sessions,
			  sizeof(struct proxy_vitals) / sizeof(uint32_t));
}

static char during(const struct session *s)
{
	switch (s->state) {
	case SESSION_QUEUE:
		return 'Q';
	case SESSION_CONNECT:
	case SESSION_PAUSE:
		return 'C';
	case SESSION_RELAY:
		return 'D';
	default:
		return s->ended_by == 'S' ? 'C' : 'R'; /* there was no real to connect to */
	}
}

/* Each end of a session says why, where it is not the peers' own orderly one. */
void log_fill(const struct session *s, struct session_log *l)
{
	const struct engine *e = s->engine;
	const struct proxy_shared *m = e->shared;
	uint64_t age = loop_now(e->loop) - s->row->began;

	l->client = s->row->client;
	l->client_port = s->row->client_port;
	l->when = clock_wall_msec() - age;
	l->zone = clock_zone(l->when);
	l->service = s->settings->says.name;
	l->tls = s->client.tls;
	l->backend = s->pool->settings ? s->pool->settings->says.name : l->service;
	l->real = s->real ? s->real->row.name : NULL;
	l->total = (int64_t)age;
	l->bytes = s->row->bytes_out;
	l->ended_by = s->ended_by ? s->ended_by : '-';
	l->during = s->ended_by ? during(s) : '-';
	l->all = all_sessions(e);
	l->of_service = places_sum(e, &m->service_current[0][s->service->id], LB_SERVICES_MAX);
	l->of_backend = places_sum(e, &m->service_current[0][s->pool->id], LB_SERVICES_MAX);
	if (s->real)
		l->of_real = places_sum(e, &m->real_current[0][s->real->id], LB_REALS_MAX);
	l->retries = s->retries;
	l->redispatched = s->redispatched;
	l->real_queue = s->place_at_real;
	l->backend_queue = s->place;
}

void log_put(struct engine *e, const struct session_log *l)
{
	char line[SESSION_LOG_MAX];
	size_t len = session_log_write(l, line);

	if (e->log_fd < 0) {
		log_info("%.*s", (int)len - 1, line);
		return;
	}
	buf_append(&e->log_lines, line, len);
	if (e->log_lines.len >= FLUSH_AT)
		log_flush(e);
	loop_defer(e->loop, &e->after);
}

void log_session(const struct session *s)
{
	struct session_log l = {.wait = -1, .connect = -1, .request = -1, .response = -1};

	if (!(s->settings->says.flags & PROXY_SERVICE_LOG))
		return;
	log_fill(s, &l);
	if (s->connecting)
		l.wait = (int64_t)(s->connecting - s->row->began);
	if (s->connected)
		l.connect = (int64_t)(s->connected - s->connecting);
	log_put(s->engine, &l);
}

void log_flush(struct engine *e)
{
	struct buf *b = &e->log_lines;

	if (!b->len)
		return;
	if (write(e->log_fd, b->at, b->len) != (ssize_t)b->len)
		(void)__atomic_fetch_add(&e->shared->log_dropped, 1, __ATOMIC_RELAXED);
	buf_clear(b);
}
