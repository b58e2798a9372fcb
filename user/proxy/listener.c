/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Listening sockets, shared with the other processes: whoever is awake accepts. With no room for a
 * session they are not watched at all, so that the clients wait in the kernel, or are served by
 * another process, and nobody spins (F21). Of a service at maxconn those that clients come to are
 * held; a session that ends anywhere frees them in all processes.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "proxy/internal.h"

enum { BATCH_MAX = 16 };

static void warn(struct engine *e, const char *what)
{
	uint64_t now = loop_now(e->loop);

	if (e->last_warning && now - e->last_warning < WARN_EVERY)
		return;
	e->last_warning = now;
	log_warning("proxy: no new sessions for the moment: %s", what);
}

static const char *name_of(const struct proxy_endpoint *at, char *text)
{
	return addr_format_port(&at->vip, at->port, text);
}

static void set_peer(struct session *s, const struct listener *l, const struct sockaddr *sa)
{
	s->vip = s->destination = l->endpoint.vip;
	s->vip_port = s->destination_port = l->endpoint.port;
	(void)addr_from_sockaddr(&s->source, &s->source_port, sa); /* a listener of ours is IP */
}

/* NULL: gone. */
static struct service *service_of(const struct listener *l)
{
	struct service *s = l->engine->services[l->service];

	return s && !s->gone ? s : NULL;
}

static void welcome(struct listener *l, struct service *service, int fd, const struct sockaddr *sa)
{
	struct session *s = service ? session_new(l->engine, service, fd) : NULL;

	if (!s) {
		close(fd);
		if (service)
			service_unreserve(l->engine, service);
		return;
	}
	set_peer(s, l, sa);
	session_show_peer(s);
	s->row->peer = s->source;
	s->row->peer_port = s->source_port;
	session_begin(s);
}

static int listener_watch(struct listener *l)
{
	return loop_watch(l->engine->loop, &l->watch, l->watch.fd, LOOP_READ | LOOP_EXCLUSIVE);
}

static void let_go(struct listener *l)
{
	list_remove(&l->of_held);
	if (!l->engine->paused && listener_watch(l))
		listeners_pause(l->engine, true); /* no memory for a watch: in a moment */
}

/* Says first that it waits, then looks: a session that ends in between is not missed. */
static bool has_to_wait(const struct listener *l)
{
	struct engine *e = l->engine;
	const struct service *s = service_of(l);

	(void)__atomic_fetch_or(&e->shared->service_held[l->service], 1ull << e->index,
				__ATOMIC_SEQ_CST);
	return s && service_is_full(e, s);
}

/* Its service is at maxconn: the clients wait in the kernel, those of other services do not. */
static void hold(struct listener *l)
{
	loop_unwatch(&l->watch);
	list_add(&l->engine->held, &l->of_held);
	if (!has_to_wait(l))
		let_go(l);
	queue_watch(l->engine);
}

/* What accept() says about one client that is already gone is no reason to stop. */
static bool is_of_one_client(int err)
{
	return err == ECONNABORTED || err == EINTR || err == EPROTO || err == EPERM ||
	       err == ENETDOWN || err == EHOSTUNREACH || err == ENETUNREACH || err == ETIMEDOUT;
}

/* Returns false when there is nobody, or no room. */
static bool accept_one(struct listener *l)
{
	struct service *service = service_of(l);
	struct sockaddr_storage sa;
	socklen_t len = sizeof(sa);
	int fd, err;

	if (service && !service_reserve(l->engine, service)) {
		hold(l);
		return false;
	}
	fd = accept4(l->watch.fd, (struct sockaddr *)&sa, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
	err = errno;
	if (fd >= 0) {
		welcome(l, service, fd, (struct sockaddr *)&sa);
		return true;
	}
	if (service)
		service_unreserve(l->engine, service);
	if (err == EAGAIN)
		return false;
	if (is_of_one_client(err))
		return true;
	if (err == EINVAL) { /* it was shut: the order to let it go is on its way */
		loop_unwatch(&l->watch);
		return false;
	}
	warn(l->engine, strerror(err));
	listeners_pause(l->engine, true);
	return false;
}

/* As many as the last time, twice that if there were so many: a lone client costs one call. */
static void listener_ready(struct watch *w, unsigned int events)
{
	struct listener *l = container_of(w, struct listener, watch);
	struct engine *e = l->engine;
	unsigned int n = 0;

	while (n < l->batch && e->sessions < e->limit && accept_one(l))
		n++;
	if (e->sessions >= e->limit) {
		warn(e, "the limit of sessions is reached");
		listeners_pause(e, false);
	}
	if (n == l->batch && n < BATCH_MAX)
		l->batch *= 2;
	else if (n < l->batch)
		l->batch = n ? n : 1;
}

static int prepare(int fd)
{
	int one = 1, flags = fcntl(fd, F_GETFL);

	/* Accepted sockets inherit it; without it small messages are late, not lost. */
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) ? -errno : 0;
}

static void take_socket(struct listener *l, int fd)
{
	loop_unwatch(&l->watch);
	if (l->watch.fd >= 0)
		close(l->watch.fd);
	l->watch.fd = fd;
}

static struct listener *listener_new(struct engine *e, const struct proxy_endpoint *at)
{
	char text[ENDPOINT_TEXT_LEN];
	struct listener *l = xcalloc(1, sizeof(*l));

	l->engine = e;
	l->endpoint = *at;
	l->batch = 1;
	list_init(&l->of_held);
	l->watch.fn = listener_ready;
	l->watch.fd = -1;
	list_add(&e->listening, &l->of_engine);
	map_put(e->listeners, name_of(at, text), l);
	return l;
}

static void listener_free(struct listener *l)
{
	char text[ENDPOINT_TEXT_LEN];

	map_remove(l->engine->listeners, name_of(&l->endpoint, text));
	list_remove(&l->of_engine);
	list_remove(&l->of_held);
	take_socket(l, -1);
	free(l);
}

int listener_put(struct engine *e, uint32_t service, const struct proxy_endpoint *at, int fd)
{
	char text[ENDPOINT_TEXT_LEN];
	struct listener *l = map_find(e->listeners, name_of(at, text));
	int err = 0;

	if (service >= LB_SERVICES_MAX || (fd < 0 && !l))
		return -EINVAL;
	if (fd >= 0)
		err = prepare(fd);
	if (err)
		return err;
	if (!l)
		l = listener_new(e, at);
	l->service = service;
	if (!list_empty(&l->of_held))
		let_go(l);
	if (fd < 0)
		return 0;
	take_socket(l, fd);
	err = e->paused ? 0 : listener_watch(l);
	if (err) {
		l->watch.fd = -1; /* the caller's again */
		listener_free(l);
	}
	return err;
}

void listener_gone(struct engine *e, const struct proxy_endpoint *at)
{
	char text[ENDPOINT_TEXT_LEN];
	struct listener *l = map_find(e->listeners, name_of(at, text));

	if (l)
		listener_free(l);
}

void listeners_free(struct engine *e)
{
	while (!list_empty(&e->listening))
		listener_free(container_of(e->listening.next, struct listener, of_engine));
}

void listeners_pause(struct engine *e, bool out_of_descriptors)
{
	if (out_of_descriptors)
		timer_start(e->loop, &e->resume, DESCRIPTORS_WAIT);
	if (e->paused)
		return;
	e->paused = true;
	for (struct link *l = e->listening.next; l != &e->listening; l = l->next)
		loop_unwatch(&container_of(l, struct listener, of_engine)->watch);
}

/* A client whose coming woke us alone waits for us alone: so first no more wake us, and then those
 * are accepted that are there. Listeners that are held wake others already. */
void listeners_leave(struct engine *e)
{
	listeners_pause(e, false);
	for (struct link *at = e->listening.next; at != &e->listening; at = at->next) {
		struct listener *l = container_of(at, struct listener, of_engine);

		while (list_empty(&l->of_held) && e->sessions < e->limit && accept_one(l))
			;
	}
	listeners_free(e);
}

void listeners_resume(struct engine *e)
{
	if (!e->paused || e->sessions >= e->limit)
		return;
	timer_stop(&e->resume);
	e->paused = false;
	for (struct link *at = e->listening.next; at != &e->listening && !e->paused;
	     at = at->next) {
		struct listener *l = container_of(at, struct listener, of_engine);

		if (list_empty(&l->of_held) && listener_watch(l))
			listeners_pause(e, true); /* no memory for a watch: in a moment */
	}
}

void listeners_freed(struct engine *e, const struct service *s)
{
	uint64_t *held = &e->shared->service_held[s->id], bits;

	if (!__atomic_load_n(held, __ATOMIC_SEQ_CST))
		return;
	bits = __atomic_exchange_n(held, 0, __ATOMIC_SEQ_CST);
	for (unsigned int i = 0; i < PROXY_PROCESSES_MAX; i++)
		if (bits >> i & 1 && i != e->index)
			queue_ring(e, i);
	if (bits >> e->index & 1) {
		e->recheck = true;
		loop_defer(e->loop, &e->after);
	}
}

void listeners_recheck(struct engine *e)
{
	struct link *next;

	if (!e->recheck)
		return;
	e->recheck = false;
	for (struct link *at = e->held.next; at != &e->held; at = next) {
		struct listener *l = container_of(at, struct listener, of_held);

		next = at->next;
		if (!has_to_wait(l))
			let_go(l);
	}
}
