/* SPDX-License-Identifier: GPL-2.0-only */
/* A session's life: who is called when one of its connections is ready, its deadlines, its end. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "proxy/http_log.h"
#include "proxy/internal.h"

enum { OTHER_TIMERS = 16 }; /* of an engine, beside one a session */

void session_add(struct session *s, size_t offset, uint64_t n)
{
	struct proxy_shared *m = s->engine->shared;

	count(&m->service[s->service->id], offset, n);
	if (s->pool != s->service)
		count(&m->service[s->pool->id], offset, n);
	if (s->real)
		count(&m->real[s->real->id], offset, n);
}

void session_took(struct session *s, size_t offset, uint64_t msec)
{
	static const uint32_t bounds[] = PROXY_BOUNDS;
	size_t i = 0;

	while (i < PROXY_BUCKETS - 1 && msec > bounds[i])
		i++;
	session_add(s, offset + offsetof(struct proxy_histogram, bucket) + i * sizeof(uint64_t), 1);
	if (msec)
		session_add(s, offset + offsetof(struct proxy_histogram, sum), msec * 1000);
}

void session_broken(struct session *s, enum side side)
{
	s->ended_by = side == CLIENT ? 'C' : 'S';
	if (side == CLIENT)
		session_count(s, client_aborts, 1);
	else
		session_count(s, response_errors, 1);
	session_end(s, true);
}

/* The session waits for its server: only a client that is gone matters. */
static void watch_client(struct session *s, unsigned int events)
{
	if (events & LOOP_ERROR && end_error(s->end[CLIENT]))
		session_broken(s, CLIENT);
	else if (s->state == SESSION_QUEUE && s->end[CLIENT]->hung_up)
		queue_abandoned(s);
}

static void client_ready(struct session *s, unsigned int events)
{
	if (s->state == SESSION_HEADER)
		greeting_read(s);
	else if (s->state == SESSION_HANDSHAKE && s->end[CLIENT]->readable)
		handshake_later(s);
	else if (s->state == SESSION_HELLO && s->end[CLIENT]->readable)
		hello_read(s);
	else
		watch_client(s, events);
}

static void show(struct session *s)
{
	if (s->state == SESSION_ENDED)
		return;
	s->row->state = s->state;
	s->row->real = s->real ? s->real->id : 0;
}

void session_show_peer(struct session *s)
{
	s->row->client = s->source;
	s->row->client_port = s->source_port;
	s->row->vip = s->vip;
	s->row->vip_port = s->vip_port;
}

void session_forget_tries(struct session *s)
{
	s->tries = s->retries = 0;
	s->redispatched = false;
	s->place = s->place_at_real = 0;
}

static void dispatch(struct session *s, enum side side, unsigned int events)
{
	if (s->state == SESSION_RELAY)
		relay_ready(s, side, events);
	else if (s->state == SESSION_HTTP)
		http_ready(s, side, events);
	else if (side == SERVER)
		upstream_ready(s, events);
	else
		client_ready(s, events);
}

bool session_unsent(struct end *e, const void *bytes, size_t len)
{
	struct session *s = e->session;

	if (!s || way_hold(s, e == s->end[SERVER] ? CLIENT : SERVER, bytes, len) != STEP_WAIT)
		return false;
	if (s->state == SESSION_RELAY)
		session_arm(s, 0);
	return true;
}

/* What was left for the end of the round goes now, so that nobody mistakes it for sent. */
static void settle(struct session *s)
{
	for (int side = CLIENT; side <= SERVER; side++)
		if (s->end[side])
			outbox_send(s->end[side]);
}

void session_ready(struct watch *w, unsigned int events)
{
	struct end *e = container_of(w, struct end, watch);
	struct session *s = e->session;
	enum side side = e == s->end[SERVER] ? SERVER : CLIENT;

	settle(s);
	/* It may have to write in order to read, and the other way about. A handshake begins with
	 * the client's first word. */
	if (e->tls && s->state != SESSION_HANDSHAKE)
		events |= LOOP_READ | LOOP_WRITE;
	e->readable |= (events & (LOOP_READ | LOOP_ERROR)) != 0;
	e->hung_up |= (events & (LOOP_END | LOOP_ERROR)) != 0;
	if (e->parting)
		end_shutdown(e);
	dispatch(s, side, events);
	show(s);
}

static uint64_t end_deadline(const struct end *e, uint32_t timeout)
{
	return e->active + timeout;
}

/* Has that side something to say yet, or to take? */
static bool is_awaited(const struct session *s, enum side side)
{
	const struct end *e = s->end[side];

	return (!s->way[side].done && !e->hung_up) || way_waits(&s->way[!side]) || e->parting;
}

/* Of TCP mode: when that side must have said or taken something; its half has a timer of its own,
 * so that who has said his last byte and only waits for the other's is not held to his. */
static uint64_t half_deadline(const struct session *s, enum side side)
{
	const struct proxy_service *says = &s->settings->says;

	if (!is_awaited(s, side) && is_awaited(s, !side))
		return UINT64_MAX;
	return end_deadline(s->end[side], side == CLIENT ? says->client : says->server);
}

/* In a tunnel that HTTP opened, either side may speak for both. */
static uint64_t session_deadline(const struct session *s)
{
	const struct proxy_service *says = &s->settings->says;
	uint64_t client, server;

	if (s->state != SESSION_RELAY)
		return s->deadline;
	if (says->flags & PROXY_SERVICE_HTTP) {
		client = end_deadline(s->end[CLIENT], says->tunnel);
		server = end_deadline(s->end[SERVER], says->tunnel);
		return client > server ? client : server;
	}
	client = half_deadline(s, CLIENT);
	server = half_deadline(s, SERVER);
	return client < server ? client : server;
}

/* The heap is left alone when the timer comes early enough: it looks then what time it is. */
static void arm(struct session *s)
{
	uint64_t deadline = session_deadline(s), now = loop_now(s->engine->loop);

	if (!timer_running(&s->timer) || s->timer.due > deadline)
		timer_start(s->engine->loop, &s->timer, deadline > now ? deadline - now : 0);
}

uint32_t session_patience(const struct session *s)
{
	uint32_t request = s->settings->says.request;

	return request ? request : HEADER_WAIT;
}

void session_arm(struct session *s, uint64_t msec)
{
	s->deadline = loop_now(s->engine->loop) + msec;
	arm(s);
}

/* Whose timeout it was, in the log's words. */
static char silent_side(const struct session *s)
{
	if (!s->end[SERVER])
		return 'c';
	return half_deadline(s, CLIENT) <= loop_now(s->engine->loop) ? 'c' : 's';
}

static void session_timer(struct timer *t)
{
	struct session *s = container_of(t, struct session, timer);

	settle(s);
	if (loop_now(s->engine->loop) < session_deadline(s)) {
		arm(s);
		return;
	}
	switch (s->state) {
	case SESSION_HEADER:
		s->ended_by = 'c';
		session_count(s, bad_header, 1);
		session_end(s, false);
		break;
	case SESSION_HANDSHAKE:
		handshake_late(s);
		break;
	case SESSION_HTTP:
		http_timeout(s);
		break;
	case SESSION_CONNECT:
		upstream_failed(s, -ETIMEDOUT);
		break;
	case SESSION_PAUSE:
		upstream_start(s);
		break;
	case SESSION_QUEUE:
		queue_timeout(s);
		break;
	default:
		s->ended_by = silent_side(s);
		session_count(s, timeouts, 1);
		session_end(s, false);
	}
}

void session_step(struct session *s)
{
	settle(s);
	if (s->state == SESSION_HANDSHAKE)
		handshake_client(s);
	else if (s->state == SESSION_CONNECT)
		upstream_secure(s);
	show(s);
}

struct session *session_new(struct engine *e, struct service *service, int fd)
{
	struct session *s;

	if (loop_reserve(e->loop, e->sessions + OTHER_TIMERS)) /* F22 */
		return NULL;
	s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->row = seen_take(e, service->id);
	if (!s->row) {
		free(s);
		return NULL;
	}
	s->engine = e;
	s->service = service;
	s->settings = service_settings(e, service);
	s->timer.fn = session_timer;
	list_init(&s->of_real);
	list_init(&s->of_queue);
	list_init(&s->again);
	list_add(&e->alive, &s->of_engine);
	end_init(&s->client, e, s);
	s->end[CLIENT] = &s->client;
	s->client.watch.fd = fd;
	s->client.writable = true;
	s->pool = service;
	e->sessions++;
	vitals_sessions(e);
	service_enter(e, service);
	return s;
}

void session_begin(struct session *s)
{
	struct engine *e = s->engine;
	struct watch *w = &s->end[CLIENT]->watch;

	if (loop_watch(e->loop, w, w->fd, LOOP_READ | LOOP_WRITE | LOOP_EDGE)) {
		session_count(s, refused, 1);
		session_end(s, false);
	} else if (s->settings->says.accept_header != PROXY_HEADER_OFF) {
		s->state = SESSION_HEADER;
		session_arm(s, HEADER_WAIT);
	} else {
		session_next(s);
	}
	show(s);
}

void session_next(struct session *s)
{
	unsigned int flags = s->settings->says.flags;

	if (flags & PROXY_SERVICE_TLS && s->state != SESSION_HANDSHAKE)
		handshake_begin(s);
	else if (s->state != SESSION_HELLO && hello_is_wanted(s))
		hello_begin(s);
	else if (flags & PROXY_SERVICE_HTTP)
		http_begin(s);
	else
		upstream_start(s);
}

void session_again(struct session *s)
{
	list_remove(&s->again);
	list_add(&s->engine->again, &s->again);
	loop_defer(s->engine->loop, &s->engine->after);
}

void session_turn(struct session *s)
{
	if (s->state == SESSION_HTTP)
		http_again(s);
	else
		relay_again(s);
}

void session_drop_server(struct session *s, bool reset)
{
	struct end *server = s->end[SERVER];

	if (!server)
		return;
	end_close(server, reset);
	end_drop(server);
	s->end[SERVER] = NULL;
}

void session_end(struct session *s, bool reset)
{
	struct engine *e = s->engine;

	if (s->state == SESSION_ENDED)
		return;
	if (s->http)
		http_log_write(s);
	else
		log_session(s);
	s->state = SESSION_ENDED;
	queue_leave(s);
	timer_stop(&s->timer);
	session_drop_server(s, reset);
	end_close(&s->client, reset);
	for (int i = 0; i < 2; i++)
		way_fini(e, &s->way[i]);
	if (s->real)
		real_leave(e, s->real, s);
	list_remove(&s->again);
	list_remove(&s->of_engine);
	list_add(&e->dead, &s->of_engine);
	if (!s->http && s->pool != s->service) /* else the request has it */
		service_leave(e, s->pool);
	seen_give(e, s->row);
	settings_release(s->settings);
	service_leave(e, s->service);
	e->sessions--;
	vitals_sessions(e);
	loop_defer(e->loop, &e->after);
}

void session_free(struct session *s)
{
	list_remove(&s->of_engine);
	http_fini(s);
	free(s);
}
