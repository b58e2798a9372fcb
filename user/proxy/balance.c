/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who gets a session. Every scheduler has a ring of reals to go round from some slot on: wrr, rr
 * and the least-connections ones from the slot whose turn it is, by a cursor that all processes
 * share; the hashing ones from the client's. The least-connections ones take the least loaded on
 * the way, all others the first, which has a place and has not failed this session.
 */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "core/maglev.h"
#include "core/ramp.h"
#include "core/siphash.h"
#include "proxy/internal.h"

#define NO_TICKET UINT64_MAX

enum trait {
	WEIGHS = 1, /* shares are by weight, not equal */
	LEAST = 2,  /* the least loaded, not the next */
	HASHES = 4, /* by client, not by turn */
};

static const unsigned int traits[SCHEDULER_COUNT] = {
	[SCHEDULER_WRR] = WEIGHS,
	[SCHEDULER_WLC] = WEIGHS | LEAST,
	[SCHEDULER_RR] = 0,
	[SCHEDULER_LC] = LEAST,
	[SCHEDULER_SH] = WEIGHS | HASHES,
	[SCHEDULER_MAGLEV] = WEIGHS | HASHES,
};

static enum scheduler scheduler_of(const struct service *s)
{
	uint8_t scheduler = s->row.scheduler;

	return scheduler < SCHEDULER_COUNT ? scheduler : SCHEDULER_WRR;
}

static bool is(const struct service *s, enum trait trait)
{
	return traits[scheduler_of(s)] & trait;
}

/* A route has its parent's. Where clients are hashed nothing ramps: they would move each time. */
static uint32_t slow_start_of(const struct service *s)
{
	const struct proxy_service *row = &s->row;
	const struct service *parent =
		row->parent < LB_SERVICES_MAX ? s->engine->services[row->parent] : NULL;

	if (is(s, HASHES))
		return 0;
	return parent ? parent->row.slow_start : row->slow_start;
}

/* In RAMP_STEPS-ths, so that slow start stays whole numbers. */
static uint32_t weight_of(const struct service *s, const struct real *r)
{
	uint32_t weight = is(s, WEIGHS) ? r->row.weight : 1;

	return weight * ramp_step(r->row.since, slow_start_of(s), loop_now(s->engine->loop));
}

/* The next of the service's usable reals after *at, of backups only or of the others only. */
static struct real *next_usable(const struct service *s, unsigned int kind, struct link **at)
{
	while ((*at = (*at)->next) != &s->reals) {
		struct real *r = container_of(*at, struct real, of_service);

		if (!r->gone && r->row.flags & PROXY_REAL_USABLE && r->row.weight &&
		    (r->row.flags & PROXY_REAL_BACKUP) == kind)
			return r;
	}
	return NULL;
}

static int by_id(const void *a, const void *b)
{
	const struct ring_share *x = a, *y = b;

	return x->real < y->real ? -1 : x->real > y->real;
}

/* What stays the same for the real when processes and ids come and go. */
static uint64_t identity(const struct proxy_real *row)
{
	static const uint64_t key[2] = {0, 0};
	unsigned char bytes[sizeof(row->ip) + sizeof(row->port)];

	memcpy(bytes, &row->ip, sizeof(row->ip));
	memcpy(bytes + sizeof(row->ip), &row->port, sizeof(row->port));
	return siphash(key, bytes, sizeof(bytes));
}

static struct ring *maglev_of(const struct service *s, const struct ring_share *shares, size_t n)
{
	struct maglev_share *known = xcalloc(n + 1, sizeof(*known));
	struct ring *ring;

	for (size_t i = 0; i < n; i++)
		known[i] = (struct maglev_share){identity(&s->engine->reals[shares[i].real]->row),
						 shares[i].real, shares[i].weight};
	ring = maglev_table(known, n, MAGLEV_SLOTS);
	free(known);
	return ring;
}

static size_t shares_of(struct service *s, unsigned int kind, struct ring_share **shares)
{
	struct link *at = &s->reals;
	size_t n = 0;

	*shares = xcalloc(1, sizeof(**shares));
	for (struct real *r; (r = next_usable(s, kind, &at));) {
		*shares = xrealloc(*shares, n + 1, sizeof(**shares));
		(*shares)[n++] = (struct ring_share){r->id, weight_of(s, r)};
	}
	return n;
}

/* What else is known of the reals in the ring. */
static void note_reals(struct service *s, const struct ring_share *shares, size_t n)
{
	uint64_t now = loop_now(s->engine->loop);

	s->usable = n;
	s->limited = false;
	s->ring_until = UINT64_MAX;
	for (size_t i = 0; i < n; i++) {
		const struct proxy_real *row = &s->engine->reals[shares[i].real]->row;
		uint64_t next = ramp_next(row->since, slow_start_of(s), now);

		s->limited |= row->max_connections != 0;
		s->ring_until = next < s->ring_until ? next : s->ring_until;
	}
}

/* By id, so that all processes make the same ring whatever order their rows came in. */
static void make_ring(struct service *s)
{
	struct ring_share *shares;
	size_t n = shares_of(s, 0, &shares);

	if (!n) {
		free(shares);
		n = shares_of(s, PROXY_REAL_BACKUP, &shares);
	}
	if (n) /* NULL is no array, not even of nothing */
		qsort(shares, n, sizeof(*shares), by_id);
	free(s->ring);
	s->ring = scheduler_of(s) == SCHEDULER_MAGLEV ? maglev_of(s, shares, n)
						      : ring_wrr(shares, n, RING_SLOTS_MAX);
	s->stale = !s->ring;
	note_reals(s, shares, n);
	free(shares);
}

bool service_ready(struct service *s)
{
	if (s->stale || loop_now(s->engine->loop) >= s->ring_until)
		make_ring(s);
	return s->ring && s->ring->count;
}

bool service_awaits(struct service *s)
{
	if (service_ready(s))
		return false;
	for (struct link *l = s->reals.next; l != &s->reals; l = l->next) {
		const struct real *r = container_of(l, struct real, of_service);

		if (!r->gone && r->row.flags & PROXY_REAL_CHECKING)
			return true;
	}
	return false;
}

static bool has_failed(const struct session *s, const struct real *r)
{
	for (unsigned int i = 0; i < s->tries; i++)
		if (s->failed[i] == r->id)
			return true;
	return false;
}

bool balance_may_use(const struct service *s, const struct real *r)
{
	const struct proxy_real *row = &r->row;
	const struct real *first = s->engine->reals[s->ring->slots[0]];

	return !r->gone && row->service == s->id && row->weight && row->flags & PROXY_REAL_USABLE &&
	       !((row->flags ^ first->row.flags) & PROXY_REAL_BACKUP);
}

bool balance_tried_all(const struct session *s)
{
	size_t failed = 0;

	for (unsigned int i = 0; i < s->tries; i++) {
		const struct real *r = s->engine->reals[s->failed[i]];
		bool again = false;

		for (unsigned int j = 0; j < i; j++)
			again |= s->failed[j] == s->failed[i];
		failed += !again && r && balance_may_use(s->pool, r);
	}
	return failed && failed >= s->pool->usable;
}

static uint64_t hash_of(const struct addr *source)
{
	static const uint64_t key[2] = {0, 0}; /* the same client, the same real, on every host */

	return siphash(key, source, sizeof(*source));
}

/* A session draws one ticket, however often it is tried, so that turns stay exact. */
static size_t first_slot(struct session *s)
{
	const struct service *pool = s->pool;

	if (is(pool, HASHES))
		return hash_of(&s->source) % pool->ring->count;
	if (s->ticket == NO_TICKET)
		s->ticket = __atomic_fetch_add(&s->engine->shared->cursor[pool->id], 1,
					       __ATOMIC_RELAXED);
	return s->ticket % pool->ring->count;
}

static uint64_t load_of(const struct engine *e, const struct real *r)
{
	return places_sum(e, &e->shared->real_current[0][r->id], LB_REALS_MAX);
}

/* a has fewer sessions for its weight than b. */
static bool is_lighter(const struct service *s, const struct real *a, const struct real *b)
{
	return load_of(s->engine, a) * weight_of(s, b) < load_of(s->engine, b) * weight_of(s, a);
}

/* Of those not tried in this choice, the first from that slot on, or the least loaded: the first of
 * these. Each real is met once. */
static struct real *candidate(const struct service *s, size_t from)
{
	struct engine *e = s->engine;
	bool least = is(s, LEAST);
	struct real *best = NULL;
	size_t met = 0;

	e->look++;
	for (size_t i = 0; i < s->ring->count && met < s->usable; i++) {
		struct real *r = e->reals[s->ring->slots[(from + i) % s->ring->count]];

		if (r->met == e->look)
			continue;
		r->met = e->look;
		met++;
		if (r->tried == e->choice)
			continue;
		if (!best || is_lighter(s, r, best))
			best = r;
		if (!least)
			break;
	}
	return best;
}

/* Who comes anew stands behind those that wait for just this real. */
static bool may_enter(const struct session *s, const struct real *r)
{
	const struct engine *e = s->engine;

	return !r->row.max_connections || s->state == SESSION_QUEUE ||
	       !places_sum(e, &e->shared->real_queued[0][r->id], LB_REALS_MAX);
}

/* While a queue is gone through, a real that was full is not asked again. */
static bool enter(struct session *s, struct real *r)
{
	struct engine *e = s->engine;
	bool waits = s->state == SESSION_QUEUE;

	if ((waits && r->full == e->scan) || !may_enter(s, r))
		return false;
	if (real_enter(e, r, s)) {
		s->real = r;
		return true;
	}
	if (waits)
		r->full = e->scan;
	return false;
}

void balance_begin(struct session *s)
{
	s->ticket = NO_TICKET;
	persist_find(s);
}

struct real *balance_wants(const struct session *s)
{
	struct real *r = s->wanted < LB_REALS_MAX ? s->engine->reals[s->wanted] : NULL;

	return r && balance_may_use(s->pool, r) && !has_failed(s, r) ? r : NULL;
}

/* Those that failed are left out, unless it is all of them. Returns how many are left. */
static size_t leave_out_failed(const struct session *s)
{
	struct engine *e = s->engine;
	size_t left = s->pool->usable;

	e->choice++;
	if (balance_tried_all(s))
		return left;
	for (unsigned int i = 0; i < s->tries; i++) {
		struct real *r = e->reals[s->failed[i]];

		if (!r || r->tried == e->choice || !balance_may_use(s->pool, r))
			continue;
		r->tried = e->choice;
		left--;
	}
	return left;
}

bool balance_take(struct session *s)
{
	struct engine *e = s->engine;
	struct service *pool = s->pool;
	struct real *r = balance_wants(s);
	size_t from, left;

	if (r)
		return enter(s, r);
	from = first_slot(s);
	if (pool->limited && s->state != SESSION_QUEUE && queue_has(e, pool))
		return false;
	for (left = leave_out_failed(s); left; left--) {
		r = candidate(pool, from);
		if (!r || enter(s, r))
			return r;
		r->tried = e->choice;
	}
	return false;
}
