/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Connections to reals that wait for the next request of anybody. Only those wait whose last
 * exchange is wholly over; one that says something meanwhile is closed. The one used last is taken
 * first, so that a quiet hour lets the others go.
 */
#include <errno.h>
#include <sys/socket.h>

#include "base/addr.h"
#include "base/alloc.h"
#include "proxy/http_internal.h"

enum {
	IDLE_REAL = 512,   /* a real and process: as many as answer in one burst */
	IDLE_TIME = 30000, /* ms; below what servers allow (IIS 120 s, nginx 75 s), so that a
			    * request seldom meets one that is just being closed */
	QUIET_TIME = 1000, /* ms; no server gives up on a connection sooner */
};

static void forget(struct end *e)
{
	struct real *r = e->real;

	list_remove(&e->link);
	list_remove(&e->of_idle);
	e->real = NULL;
	r->idle_count--;
	e->engine->idle_count--;
}

static void let_go(struct end *e, bool reset)
{
	forget(e);
	end_close(e, reset);
	end_drop(e);
}

/* Nothing is lost by a reset, and no port stays taken for a minute as after a FIN of ours: with
 * many clients the ports of our address would run out. */
static void discard(struct end *e)
{
	let_go(e, true);
}

/* It owes nothing: an end, a reset, or a word that nobody asked for. */
static void idle_ready(struct watch *w, unsigned int events)
{
	if (events & ~LOOP_WRITE)
		let_go(container_of(w, struct end, watch), false);
}

static void arm(struct engine *e)
{
	const struct end *oldest;
	uint64_t now = loop_now(e->loop), due;

	if (list_empty(&e->idle) || timer_running(&e->idle_timer))
		return;
	oldest = container_of(e->idle.next, struct end, of_idle);
	due = oldest->active + IDLE_TIME;
	timer_start(e->loop, &e->idle_timer, due > now ? due - now : 0);
}

static void idle_timer(struct timer *t)
{
	struct engine *e = container_of(t, struct engine, idle_timer);

	while (!list_empty(&e->idle)) {
		struct end *oldest = container_of(e->idle.next, struct end, of_idle);

		if (oldest->active + IDLE_TIME > loop_now(e->loop))
			break;
		discard(oldest);
	}
	arm(e);
}

void reuse_init(struct engine *e)
{
	list_init(&e->idle);
	e->idle_timer.fn = idle_timer;
}

/* Whether it is silent; a read that was cut off by its room may have left something. */
static bool is_silent(struct end *e)
{
	char byte;

	return !e->readable || (end_recv(e, &byte, 1) < 0 && errno == EAGAIN);
}

/* The process' part of the connections that a real with max_connections may have beside so many
 * that are in use, so that all processes together never keep more than it may have (R43). */
static size_t part_of(const struct engine *e, const struct real *r, uint64_t used)
{
	uint64_t most = r->row.max_connections;

	if (!most)
		return IDLE_REAL;
	most = used < most ? (most - used) / places_processes(e) : 0;
	return most < IDLE_REAL ? most : IDLE_REAL;
}

static uint64_t used_of(const struct engine *e, const struct real *r)
{
	return places_sum(e, &e->shared->real_current[0][r->id], LB_REALS_MAX);
}

/* When one of those in use is about to wait. Who stands in the queue here takes it in this round.
 */
static size_t most_idle(const struct engine *e, const struct real *r)
{
	const struct service *pool = e->services[r->row.service];

	return part_of(e, r, used_of(e, r) - 1) + (r->row.max_connections && pool->queued);
}

static struct end *oldest_of(const struct real *r)
{
	return container_of(r->idle.next, struct end, link);
}

void reuse_make_room(struct engine *e, struct real *r)
{
	while (r->idle_count && r->idle_count > part_of(e, r, used_of(e, r)))
		discard(oldest_of(r));
}

void reuse_trim(struct engine *e)
{
	struct link *next;

	for (struct link *l = e->idle.next; l != &e->idle; l = next) {
		struct end *end = container_of(l, struct end, of_idle);
		const struct real *r = end->real;

		next = l->next;
		if (r->row.max_connections && r->idle_count > part_of(e, r, used_of(e, r)))
			discard(end);
	}
}

/* It is as good as new, and there is room for it. */
static bool may_wait(struct engine *e, const struct real *r, struct end *server)
{
	return !r->gone && server->era == r->era && r->row.flags & PROXY_REAL_USABLE &&
	       !server->hung_up && server->writable && !server->out && is_silent(server) &&
	       e->idle_max && most_idle(e, r);
}

void reuse_give(struct engine *e, struct real *r, struct end *server)
{
	server->session = NULL;
	if (!may_wait(e, r, server)) {
		end_close(server, false);
		end_drop(server);
		return;
	}
	if (r->idle_count >= most_idle(e, r))
		discard(oldest_of(r));
	else if (e->idle_count >= e->idle_max)
		discard(container_of(e->idle.next, struct end, of_idle));
	server->real = r;
	server->active = loop_now(e->loop);
	server->watch.fn = idle_ready;
	list_add(&r->idle, &server->link);
	list_add(&e->idle, &server->of_idle);
	r->idle_count++;
	e->idle_count++;
	arm(e);
}

/*
 * Who may have one: no session that speaks for its client alone, no request that is asked again
 * because one was dead, and of requests that must not be asked twice only those of a client that
 * got answers here before; it knows that a connection may end (RFC 9110 9.2.2, 9112 9.3.1).
 */
static bool may_take(const struct session *s)
{
	const struct http *h = s->http;
	const struct proxy_service *says = &s->settings->says;

	return !h->fresh && !h->tied && (h->idempotent || !h->first) &&
	       says->send_header == PROXY_HEADER_OFF && says->source_kind != PROXY_SOURCE_CLIENT;
}

static bool leads(const struct end *e, const struct addr *from, uint16_t port)
{
	static const struct addr none;

	return e->port == port && addr_equal(&e->from, from ? from : &none);
}

/* Whether its server has closed it in the round that we are in, or has said what would be taken for
 * the answer to the next request. */
static bool is_over(const struct end *e)
{
	char byte;

	return recv(e->watch.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0 || errno != EAGAIN;
}

/* It costs a system call, which is worth it where a request must not be asked twice, where a server
 * may be of another opinion about the end of its answer, after a while in which it may have lost
 * its patience (a 408, a FIN), and where something is known to have come. */
static bool is_worth_a_look(const struct session *s, const struct end *e)
{
	return !s->http->idempotent || e->bare ||
	       loop_now(s->engine->loop) - e->active >= QUIET_TIME || loop_has_news(&e->watch);
}

struct end *reuse_take(struct session *s, struct real *r, const struct addr *from, uint16_t port)
{
	struct link *l = r->idle.prev, *before;

	if (!may_take(s))
		return NULL;
	for (; l != &r->idle; l = before) {
		struct end *e = container_of(l, struct end, link);

		before = l->prev;
		if (!leads(e, from, port))
			continue;
		if (is_worth_a_look(s, e) && is_over(e)) {
			let_go(e, false);
			continue;
		}
		forget(e);
		e->watch.fn = session_ready;
		return e;
	}
	return NULL;
}

void reuse_close(struct real *r)
{
	r->era++;
	while (!list_empty(&r->idle))
		let_go(container_of(r->idle.next, struct end, link), false);
}
