/* SPDX-License-Identifier: GPL-2.0-only */
/* To a real: choose one, connect, and when that fails try another, or after a pause the same. */
#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "io/sock.h"
#include "proxy/internal.h"

static bool has_failed(const struct session *s, uint32_t id)
{
	for (unsigned int i = 0; i < s->tries; i++)
		if (s->failed[i] == id)
			return true;
	return false;
}

static int dial(struct session *s, int fd, const struct addr *to, uint16_t port)
{
	int one = 1, err = source_connect(s, fd, to, port);

	if (!err)
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)); /* late otherwise */
	return err;
}

/* There is no connection to be had. */
static void give_up(struct session *s, uint16_t status)
{
	if (s->settings->says.flags & PROXY_SERVICE_HTTP)
		http_upstream_none(s, status);
	else
		session_end(s, false);
}

static void refuse(struct session *s)
{
	session_count(s, refused, 1);
	give_up(s, 503);
}

static void begin_connect(struct session *s, struct real *r)
{
	struct engine *e = s->engine;
	struct end *server = end_new(e);
	int family = addr_is_v4(&r->row.ip) ? AF_INET : AF_INET6, err;
	int fd = server ? socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP)
			: -1;

	if (fd < 0) {
		free(server);
		listeners_pause(e, true);
		refuse(s);
		return;
	}
	server->session = s;
	s->end[SERVER] = server;
	s->real = r;
	real_enter(e, r, s);
	s->state = SESSION_CONNECT;
	server->watch.fd = fd;
	err = dial(s, fd, &r->row.ip, r->row.port ? r->row.port : s->vip_port);
	if (!err)
		err = loop_watch(e->loop, &server->watch, fd, LOOP_READ | LOOP_WRITE | LOOP_EDGE);
	if (err)
		upstream_failed(s, err);
	else
		session_arm(s, s->settings->says.connect);
}

static uint32_t pause_of(const struct session *s)
{
	uint32_t connect = s->settings->says.connect;

	return connect < RETRY_WAIT ? connect : RETRY_WAIT;
}

/* For the service and for the real that failed last. */
static void count_try(const struct session *s, bool again)
{
	struct proxy_shared *m = s->engine->shared;
	size_t what = again ? offsetof(struct proxy_counts, retries)
			    : offsetof(struct proxy_counts, redispatches);

	count(&m->service[s->service->id], what, 1);
	count(&m->real[s->failed[s->tries - 1]], what, 1);
}

/* A session draws one ticket, however often it is tried, so that turns stay exact. */
static struct real *choose(struct session *s)
{
	if (!service_ready(s->pool))
		return NULL;
	if (!s->tries)
		s->ticket = service_ticket(s->engine, s->pool);
	return service_choose(s->engine, s->pool, s->ticket, s->failed, s->tries);
}

void upstream_start(struct session *s)
{
	struct real *r = choose(s);
	bool again = r && has_failed(s, r->id);

	if (!r) {
		refuse(s);
	} else if (again && s->state != SESSION_PAUSE) {
		s->state = SESSION_PAUSE;
		session_arm(s, pause_of(s));
	} else {
		if (s->tries)
			count_try(s, again);
		begin_connect(s, r);
	}
}

/* F36 */
static void note_no_port(struct session *s)
{
	struct engine *e = s->engine;
	uint64_t now = loop_now(e->loop);

	session_count(s, no_source_port, 1);
	if (e->last_port_warning && now - e->last_port_warning < WARN_EVERY)
		return;
	e->last_port_warning = now;
	log_warning("service %s: real %s: no source address or port is free to connect from",
		    s->settings->says.name, s->real->row.name);
}

/* R77: a real whose answers take another way looks as if it were silent, though its check passes. */
static void note_answer(const struct session *s, bool answered)
{
	struct proxy_counts *c = &s->engine->shared->real[s->real->id];

	if (!source_is_client(s))
		return;
	if (!answered)
		count(c, offsetof(struct proxy_counts, unanswered), 1);
	else if (__atomic_load_n(&c->unanswered, __ATOMIC_RELAXED))
		__atomic_store_n(&c->unanswered, 0, __ATOMIC_RELAXED);
}

void upstream_failed(struct session *s, int err)
{
	struct real *r = s->real;

	if (err == -ETIMEDOUT && !s->end[SERVER]->tls)
		note_answer(s, false);
	session_count(s, connect_errors, 1);
	if (err == -EADDRNOTAVAIL)
		note_no_port(s);
	session_drop_server(s, true);
	s->failed[s->tries++] = r->id;
	s->real = NULL;
	real_leave(s->engine, r, s);
	if (s->tries == CONNECT_TRIES)
		give_up(s, err == -ETIMEDOUT ? 504 : 502);
	else
		upstream_start(s);
}

/* The socket is connected. Returns 0 when TLS, if any, is too; -EAGAIN; or another -errno. */
static int go_on(struct session *s, unsigned int events)
{
	struct end *server = s->end[SERVER];
	int err = events & LOOP_ERROR ? sock_error(server->watch.fd) : 0;

	if (err)
		return err;
	if (!server->tls) {
		if (!(events & (LOOP_WRITE | LOOP_ERROR)))
			return -EAGAIN;
		note_answer(s, true);
		err = greeting_put(s);
	}
	if (err)
		return err;
	return server->tls || s->real->row.flags & PROXY_REAL_TLS ? handshake_server(s) : 0;
}

void upstream_ready(struct session *s, unsigned int events)
{
	int err = go_on(s, events);

	if (err == -EAGAIN)
		return;
	if (err) {
		upstream_failed(s, err);
		return;
	}
	s->end[SERVER]->writable = true;
	count(&s->engine->shared->real[s->real->id], offsetof(struct proxy_counts, sessions), 1);
	if (s->settings->says.flags & PROXY_SERVICE_HTTP)
		http_upstream_open(s);
	else
		relay_start(s);
}
