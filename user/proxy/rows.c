/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Services and reals of a process, and whose turn it is. What leaves the plan stays until its last
 * session is over; a ring is made anew when it is asked for after a change.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "proxy/internal.h"

/* Nothing but the place is left. */
static void service_clear(struct service *s)
{
	if (s->settings)
		settings_release(s->settings);
	s->settings = NULL;
	free(s->ring);
	s->ring = NULL;
	s->stale = true;
}

static void service_clear_if_over(struct service *s)
{
	if (s->gone && !s->sessions && list_empty(&s->reals))
		service_clear(s);
}

/* A real's row may come before its service's, and a route before its pool: then the service has no
 * settings yet. */
struct service *service_at(struct engine *e, uint32_t id)
{
	struct service *s = e->services[id];

	if (s)
		return s;
	s = xcalloc(1, sizeof(*s));
	s->id = id;
	s->gone = true;
	list_init(&s->reals);
	e->services[id] = s;
	return s;
}

int service_put(struct engine *e, uint32_t id, const struct proxy_service *row)
{
	struct service *s;

	if (!id || id >= LB_SERVICES_MAX)
		return -EINVAL;
	s = service_at(e, id);
	s->gone = false;
	s->row = *row;
	s->outdated = true;
	if (row->parent || !s->settings) /* no session may ever ask for a route's */
		settings_release(service_settings(e, s));
	return 0;
}

void service_gone(struct engine *e, uint32_t id)
{
	struct service *s = id < LB_SERVICES_MAX ? e->services[id] : NULL;

	if (!s)
		return;
	s->gone = true;
	service_clear_if_over(s);
}

static void real_free_if_over(struct engine *e, struct real *r)
{
	struct service *s = e->services[r->row.service];

	if (!r->gone || r->session_count)
		return;
	list_remove(&r->of_service);
	e->reals[r->id] = NULL;
	real_tls_release(r->tls);
	free(r);
	service_clear_if_over(s);
}

/* A session that is being connected goes elsewhere, the others end. */
static void reset_sessions(struct real *r)
{
	struct link *next;

	for (struct link *l = r->sessions.next; l != &r->sessions; l = next) {
		struct session *s = container_of(l, struct session, of_real);

		next = l->next;
		if (s->state == SESSION_CONNECT)
			upstream_failed(s, -ECONNRESET);
		else
			session_end(s, true);
	}
}

static void real_move(struct engine *e, struct real *r, uint32_t service)
{
	struct service *to = service_at(e, service), *from = e->services[r->row.service];

	list_remove(&r->of_service);
	list_add(&to->reals, &r->of_service);
	r->row.service = service;
	if (from) {
		from->stale = true;
		service_clear_if_over(from);
	}
}

int real_put(struct engine *e, uint32_t id, const struct proxy_real *row)
{
	struct real *r;

	if (!id || id >= LB_REALS_MAX || !row->service || row->service >= LB_SERVICES_MAX)
		return -EINVAL;
	r = e->reals[id];
	if (!r) {
		r = xcalloc(1, sizeof(*r));
		r->id = id;
		list_init(&r->of_service);
		list_init(&r->sessions);
		e->reals[id] = r;
	}
	if (r->row.service != row->service)
		real_move(e, r, row->service);
	r->row = *row;
	r->gone = false;
	e->services[row->service]->stale = true;
	if (row->flags & PROXY_REAL_RESET)
		reset_sessions(r);
	return 0;
}

void real_gone(struct engine *e, uint32_t id)
{
	struct real *r = id < LB_REALS_MAX ? e->reals[id] : NULL;

	if (!r)
		return;
	r->gone = true;
	e->services[r->row.service]->stale = true;
	real_free_if_over(e, r);
}

void rows_free(struct engine *e)
{
	for (uint32_t id = 0; id < LB_REALS_MAX; id++)
		real_gone(e, id);
	for (uint32_t id = 0; id < LB_SERVICES_MAX; id++) {
		if (!e->services[id])
			continue;
		service_clear(e->services[id]);
		free(e->services[id]);
	}
	free(e->reals);
	free(e->services);
}

/* The shares of the usable reals, of backups only or of the others only. */
static size_t shares_of(const struct service *s, unsigned int kind, struct ring_share *shares)
{
	size_t n = 0;

	for (const struct link *l = s->reals.next; l != &s->reals; l = l->next) {
		const struct real *r = container_of(l, struct real, of_service);

		if (r->gone || !(r->row.flags & PROXY_REAL_USABLE) || !r->row.weight ||
		    (r->row.flags & PROXY_REAL_BACKUP) != kind)
			continue;
		if (shares)
			shares[n] = (struct ring_share){r->id, r->row.weight};
		n++;
	}
	return n;
}

static int by_id(const void *a, const void *b)
{
	const struct ring_share *x = a, *y = b;

	return x->real < y->real ? -1 : x->real > y->real;
}

/* By id, so that all processes make the same ring whatever order their rows came in. */
static void make_ring(struct service *s)
{
	unsigned int kind = shares_of(s, 0, NULL) ? 0 : PROXY_REAL_BACKUP;
	size_t n = shares_of(s, kind, NULL);
	struct ring_share *shares = xcalloc(n + 1, sizeof(*shares));

	shares_of(s, kind, shares);
	qsort(shares, n, sizeof(*shares), by_id);
	free(s->ring);
	s->ring = ring_wrr(shares, n);
	s->stale = !s->ring;
	free(shares);
}

static bool is_among(uint32_t id, const uint32_t *ids, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (ids[i] == id)
			return true;
	return false;
}

bool service_ready(struct service *s)
{
	if (s->stale)
		make_ring(s);
	return s->ring && s->ring->count;
}

uint64_t service_ticket(struct engine *e, const struct service *s)
{
	return __atomic_fetch_add(&e->shared->cursor[s->id], 1, __ATOMIC_RELAXED);
}

struct real *service_choose(struct engine *e, struct service *s, uint64_t ticket,
			    const uint32_t *failed, size_t failed_count)
{
	for (size_t i = 0; i < s->ring->count; i++) {
		uint32_t id = s->ring->slots[(ticket + i) % s->ring->count];

		if (!is_among(id, failed, failed_count))
			return e->reals[id];
	}
	return e->reals[s->ring->slots[ticket % s->ring->count]];
}

/* A new high of this process is the moment to look at all of them. */
static void note_most(struct proxy_counts *c, const uint32_t *current, size_t stride)
{
	uint64_t sum = 0, most = __atomic_load_n(&c->max_current, __ATOMIC_RELAXED);

	for (size_t i = 0; i < PROXY_PROCESSES_MAX; i++)
		sum += __atomic_load_n(current + i * stride, __ATOMIC_RELAXED);
	while (sum > most && !__atomic_compare_exchange_n(&c->max_current, &most, sum, true,
							  __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		;
}

/* This process is the only one that writes its column. */
static void set_gauge(uint32_t *gauge, size_t n)
{
	__atomic_store_n(gauge, n, __ATOMIC_RELAXED);
}

void service_enter(struct engine *e, struct service *s)
{
	struct proxy_shared *m = e->shared;

	set_gauge(&m->service_current[e->index][s->id], ++s->sessions);
	count(&m->service[s->id], offsetof(struct proxy_counts, sessions), 1);
	if (s->sessions > s->most_sessions) {
		s->most_sessions = s->sessions;
		note_most(&m->service[s->id], &m->service_current[0][s->id], LB_SERVICES_MAX);
	}
}

void service_leave(struct engine *e, struct service *s)
{
	set_gauge(&e->shared->service_current[e->index][s->id], --s->sessions);
	service_clear_if_over(s);
}

void real_enter(struct engine *e, struct real *r, struct session *s)
{
	struct proxy_shared *m = e->shared;

	list_add(&r->sessions, &s->of_real);
	set_gauge(&m->real_current[e->index][r->id], ++r->session_count);
	if (r->session_count > r->most_sessions) {
		r->most_sessions = r->session_count;
		note_most(&m->real[r->id], &m->real_current[0][r->id], LB_REALS_MAX);
	}
}

void real_leave(struct engine *e, struct real *r, struct session *s)
{
	list_remove(&s->of_real);
	set_gauge(&e->shared->real_current[e->index][r->id], --r->session_count);
	real_free_if_over(e, r);
}
