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

/* The address to come from, or NULL for the kernel's choice, as when the families differ. */
static const struct addr *source_of(const struct session *s, const struct addr *to)
{
	const struct proxy_service *says = &s->settings->says;
	const struct addr *from = NULL;

	if (says->source_kind == PROXY_SOURCE_VIP)
		from = &s->vip;
	else if (says->source_kind == PROXY_SOURCE_ADDRESS)
		from = &says->source;
	return from && addr_is_v4(from) == addr_is_v4(to) ? from : NULL;
}

/* The port is chosen at connect(), so that a port may serve each destination once. */
static int bind_source(int fd, const struct addr *from)
{
	struct sockaddr_storage sa;
	socklen_t len = addr_to_sockaddr(from, 0, &sa);
	int one = 1;

	(void)setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one));
	return bind(fd, (struct sockaddr *)&sa, len) ? -errno : 0;
}

static int dial(const struct session *s, int fd, const struct addr *to, uint16_t port)
{
	const struct addr *from = source_of(s, to);
	struct sockaddr_storage sa;
	socklen_t len = addr_to_sockaddr(to, port, &sa);
	int one = 1, err = from ? bind_source(fd, from) : 0;

	if (err)
		return err;
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)); /* late otherwise */
	if (connect(fd, (struct sockaddr *)&sa, len) && errno != EINPROGRESS)
		return -errno;
	return 0;
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
	session_count(s, refused, 1);
	upstream_none(s, 503);
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

static uint16_t port_of(const struct session *s, const struct real *r)
{
	return r->row.port ? r->row.port : s->vip_port;
}

static void use(struct session *s, struct end *server)
{
	server->session = s;
	s->end[SERVER] = server;
	s->connecting = loop_now(s->engine->loop);
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
	http_upstream_open(s);
	return true;
}

/* What reuse_take asks for later. */
static void note_route(const struct session *s, struct end *server)
{
	const struct real *r = s->real;
	const struct addr *from = source_of(s, &r->row.ip);

	if (from)
		server->from = *from;
	server->port = port_of(s, r);
}

static void begin_connect(struct session *s)
{
	struct engine *e = s->engine;
	const struct proxy_real *row = &s->real->row;
	struct end *server = end_new(e);
	int family = addr_is_v4(&row->ip) ? AF_INET : AF_INET6, err;
	int fd = server ? socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP)
			: -1;

	s->state = SESSION_CONNECT;
	if (fd < 0) {
		free(server);
		give_up(s);
		return;
	}
	use(s, server);
	note_route(s, server);
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
	if (s->tries)
		count_try(s, has_failed(s, s->real->id));
	persist_note(s);
	if (!use_idle(s))
		begin_connect(s);
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
	if (!service_ready(s->pool)) {
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

void upstream_failed(struct session *s, int err)
{
	struct real *r = s->real;

	session_count(s, connect_errors, 1);
	if (err == -EADDRNOTAVAIL)
		note_no_port(s);
	session_drop_server(s, true);
	s->failed[s->tries++] = r->id;
	s->real = NULL;
	real_leave(s->engine, r, s);
	if (s->tries == CONNECT_TRIES)
		upstream_none(s, 503); /* as HAProxy has it */
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
	session_time(s, connect_time, loop_now(s->engine->loop) - s->connecting);
	if (s->http) {
		http_upstream_open(s);
	} else {
		count(&s->engine->shared->real[s->real->id],
		      offsetof(struct proxy_counts, sessions), 1);
		relay_start(s);
	}
}
