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
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one,
				 sizeof(one)); /* late otherwise */
	return err;
}

void upstream_none(struct session *s, uint16_t status)
{
	queue_leave(s);
	if (s->settings->says.flags & PROXY_SERVICE_HTTP)
		http_upstream_none(s, status);
	else
		session_end(s, false);
}

static void refuse(struct session *s)
{
	s->ended_by = 'S';
	session_count(s, refused, 1);
	upstream_none(s, 503);
}

static uint16_t port_of(const struct session *s, const struct real *r)
{
	return r->row.port ? r->row.port : s->vip_port;
}

static void use(struct session *s, struct end *server)
{
	server->session = s;
	s->end[SERVER] = server;
}

/* HTTP only: a connection that is there. */
static bool use_idle(struct session *s)
{
	struct real *r = s->real;
	struct end *server =
		s->http ? reuse_take(s, r, source_of(s, &r->row.ip), port_of(s, r)) : NULL;

	if (!server)
		return false;
	use(s, server);
	s->connecting = loop_now(s->engine->loop);
	http_upstream_open(s);
	return true;
}

/* What reuse_take asks for later. */
static void note_route(const struct session *s, const struct real *r, struct end *server)
{
	const struct addr *from = source_of(s, &r->row.ip);

	if (from)
		server->from = *from;
	server->port = port_of(s, r);
	server->era = r->era;
}

/* For the service and for the real that failed last. */
static void count_try(const struct session *s, bool again)
{
	struct proxy_shared *m = s->engine->shared;
	size_t what = again ? offsetof(struct proxy_counts, retries)
			    : offsetof(struct proxy_counts, redispatches);

	count(&m->service[s->service->id], what, 1);
	if (s->pool != s->service)
		count(&m->service[s->pool->id], what, 1);
	count(&m->real[s->failed[s->tries - 1]], what, 1);
}

/* Without a descriptor it is nobody's fault: the place goes to another session. */
static void give_up(struct session *s)
{
	struct real *r = s->real;

	listeners_pause(s->engine, true);
	s->real = NULL;
	real_leave(s->engine, r, s);
	refuse(s);
}

static void dial_anew(struct session *s)
{
	struct engine *e = s->engine;
	const struct proxy_real *row = &s->real->row;
	struct end *server = end_new(e);
	int family = addr_is_v4(&row->ip) ? AF_INET : AF_INET6, err;
	int fd = server ? socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP)
			: -1;

	s->state = SESSION_CONNECT;
	reuse_make_room(e, s->real);
	if (fd < 0) {
		free(server);
		give_up(s);
		return;
	}
	use(s, server);
	note_route(s, s->real, server);
	s->connecting = loop_now(e->loop);
	server->watch.fd = fd;
	err = dial(s, fd, &row->ip, server->port);
	if (!err)
		err = loop_watch(e->loop, &server->watch, fd, LOOP_READ | LOOP_WRITE | LOOP_EDGE);
	if (err)
		upstream_failed(s, err);
	else
		session_arm(s, s->settings->says.connect);
}

void upstream_connect(struct session *s)
{
	if (s->tries) {
		bool again = has_failed(s, s->real->id);

		count_try(s, again);
		s->retries++;
		s->redispatched |= !again;
	}
	persist_note(s);
	if (!use_idle(s))
		dial_anew(s);
}

static uint32_t pause_of(const struct session *s)
{
	uint32_t connect = s->settings->says.connect;

	return connect < RETRY_WAIT ? connect : RETRY_WAIT;
}

void upstream_start(struct session *s)
{
	if (!s->tries)
		balance_begin(s);
	if (service_awaits(s->pool)) {
		queue_enter(s);
	} else if (!service_ready(s->pool)) {
		refuse(s);
	} else if (s->state != SESSION_PAUSE && balance_tried_all(s)) {
		s->state = SESSION_PAUSE;
		session_arm(s, pause_of(s));
	} else if (balance_take(s)) {
		upstream_connect(s);
	} else {
		queue_enter(s);
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

/* R77: a real whose answers take another way looks as if it were silent, though its check passes.
 */
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
	list_remove(&s->again); /* no handshake goes on */
	s->failed[s->tries++] = r->id;
	s->real = NULL;
	real_leave(s->engine, r, s);
	if (s->tries == CONNECT_TRIES) {
		s->ended_by = err == -ETIMEDOUT ? 's' : 'S';
		upstream_none(s, 503);
	} else {
		upstream_start(s);
	}
}

static void note_connected(struct session *s)
{
	s->connected = loop_now(s->engine->loop);
	session_time(s, connect_time, s->connected - s->connecting);
}

/* Returns 0 when the socket is connected and there is no TLS, -EAGAIN, or another -errno. */
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
	if (!server->tls && !(s->real->row.flags & PROXY_REAL_TLS))
		return 0;
	handshake_later(s);
	return -EAGAIN;
}

static void went(struct session *s, int err)
{
	if (err == -EAGAIN)
		return;
	if (err) {
		upstream_failed(s, err);
		return;
	}
	note_connected(s);
	s->end[SERVER]->writable = true;
	if (s->http) {
		http_upstream_open(s);
	} else {
		count(&s->engine->shared->real[s->real->id],
		      offsetof(struct proxy_counts, sessions), 1);
		relay_start(s);
	}
}

void upstream_ready(struct session *s, unsigned int events)
{
	went(s, go_on(s, events));
}

void upstream_secure(struct session *s)
{
	went(s, handshake_server(s));
}
