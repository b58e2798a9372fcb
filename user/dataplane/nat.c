/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Address translation, the daemon's half: packets look for replies only while some real needs it
 * (lb_settings.nat, and its address in the filter, with l4-nat), and rows of lbx_nat go with their
 * flow. A row is looked at once no packet has used it for as long as a flow that has just begun is
 * kept; it goes when its flow has no entry any more and its mirror is as old. One of lbx_nat_half
 * just goes.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>

#include "base/clock.h"
#include "dataplane/expiry.h"
#include "dataplane/internal.h"
#include "dataplane/nat_walk.h"
#include "lbxdp/vip_filter.h"

enum {
	SLICE_MIN_USEC = 500,   /* of a call, while the table is empty ... */
	SLICE_MORE_USEC = 4000, /* ... and so much more when it is full */
};

struct nat_sweep {
	struct nat_walk walk;
	uint64_t met[NAT_TABLES], met_before[NAT_TABLES]; /* in this pass, and the last */
	bool passed;                                      /* once at least */
	/* Sources of l4-snat that flows have, by the VIP filter's hash: likewise. */
	uint64_t source[LB_VIP_FILTER_WORDS], source_before[LB_VIP_FILTER_WORDS];
};

int nat_open(struct dataplane *d)
{
	d->nat_sweep = calloc(1, sizeof(*d->nat_sweep));
	return d->nat_sweep ? 0 : -ENOMEM;
}

void nat_close(struct dataplane *d)
{
	free(d->nat_sweep);
}

/* Its replies are for clients, so that only their source tells them. */
static bool answers_clients(const struct lb_real *r)
{
	return (r->flags & (LB_REAL_NAT | LB_REAL_SNAT)) == LB_REAL_NAT;
}

static bool resets(const struct lb_real *r)
{
	const uint16_t both = LB_REAL_NAT | LB_REAL_RESET;

	return (r->flags & both) == both;
}

void nat_note_real(struct dataplane *d, const struct lb_real *before, const struct lb_real *after)
{
	if (resets(after) && !resets(before))
		(void)judge_later(d, false);
	if (answers_clients(after))
		sink_filter_add(d, &after->ip);
	if (answers_clients(before))
		sink_filter_drop(d, &before->ip);
	d->nat_reals += !!(after->flags & LB_REAL_NAT);
	d->nat_reals -= !!(before->flags & LB_REAL_NAT);
	__atomic_store_n(&d->settings->nat, d->nat_reals, __ATOMIC_RELEASE);
}

static struct lb_flow6 mirror(const struct lb_flow6 *key, const struct lb_nat *row)
{
	struct lb_flow6 other = {.dport = row->sport, .sport = row->dport, .proto = key->proto};

	memcpy(other.src, row->dst.byte, sizeof(other.src));
	memcpy(other.dst, row->src.byte, sizeof(other.dst));
	return other;
}

/* No packet has used it for a while. */
static bool is_old(const struct dataplane *d, const struct lb_flow6 *key, const struct lb_nat *row,
		   uint32_t now)
{
	bool tcp = key->proto == IPPROTO_TCP;
	uint32_t timeout = d->settings->timeout[tcp ? LB_FLOW_NEW : LB_FLOW_UDP];

	return (int32_t)(now - row->seen) > (int32_t)timeout;
}

static bool in_table(const struct dataplane *d, enum map_id id, const void *key, uint32_t real)
{
	struct lb_flow f;

	return !bpf_map_lookup_elem(d->fd[id], key, &f) && f.real == real;
}

/* key is that of the client's packets. */
static bool has_flow(const struct dataplane *d, const struct lb_flow6 *key, uint32_t real)
{
	const struct addr src = addr_from_v6(key->src);
	struct lb_flow4 four = {.dport = key->dport, .sport = key->sport, .proto = key->proto};

	if (!addr_is_v4(&src))
		return in_table(d, MAP_FLOWS6, key, real) || in_table(d, MAP_HALF6, key, real);
	memcpy(four.src, key->src + 12, sizeof(four.src));
	memcpy(four.dst, key->dst + 12, sizeof(four.dst));
	return in_table(d, MAP_FLOWS4, &four, real) || in_table(d, MAP_HALF4, &four, real);
}

static bool same_key(const struct lb_flow6 *a, const struct lb_flow6 *b)
{
	return !memcmp(a, b, sizeof(*a));
}

/* Of a row of replies: its mirror is there, and takes it along when it goes. */
static bool is_held(const struct dataplane *d, const struct lb_flow6 *key, const struct lb_nat *row)
{
	struct lb_flow6 out = mirror(key, row), back;
	struct lb_nat other;

	if (bpf_map_lookup_elem(d->fd[MAP_NAT], &out, &other))
		return false;
	back = mirror(&out, &other);
	return same_key(&back, key);
}

static uint32_t bit_of(const struct lb_addr *a)
{
	uint32_t word[4];

	memcpy(word, a, sizeof(word));
	return lb_vip_filter_bit(word);
}

/* The client's row of a flow that stays. */
static void note_source(const struct dataplane *d, const struct lb_nat *row)
{
	uint32_t bit = bit_of(&row->src);

	if (!row->back && row->real < LB_REALS_MAX && d->reals[row->real].flags & LB_REAL_SNAT)
		d->nat_sweep->source[bit / 64] |= 1ULL << bit % 64;
}

bool dataplane_nat_uses(const struct dataplane *d, const struct lb_addr *a)
{
	const struct nat_sweep *s = d->nat_sweep;
	uint32_t bit = bit_of(a);

	if (!s->passed)
		return d->nat_reals > 0;
	return (s->source[bit / 64] | s->source_before[bit / 64]) >> bit % 64 & 1;
}

/* Returns whether the row went. A handshake is given as long as its entry in the flow tables. */
static bool judge_half(const struct dataplane *d, const struct lb_flow6 *key,
		       const struct lb_nat *row, uint32_t now)
{
	bool tcp = key->proto == IPPROTO_TCP;
	uint32_t timeout = d->settings->timeout[tcp ? LB_FLOW_HALF_OPEN : LB_FLOW_UDP];

	if ((int32_t)(now - row->seen) <= (int32_t)timeout)
		return false;
	/* A packet may be first; then its flow makes it anew. */
	(void)bpf_map_delete_elem(d->fd[MAP_NAT_HALF], key);
	return true;
}

/* Likewise, of lbx_nat. */
static bool judge(const struct dataplane *d, const struct lb_flow6 *key, const struct lb_nat *row,
		  uint32_t now)
{
	struct lb_flow6 other = mirror(key, row);
	struct lb_nat back;

	if (!is_old(d, key, row, now))
		return false;
	if (row->back ? is_held(d, key, row) : has_flow(d, key, row->real))
		return false;
	if (!row->back && !bpf_map_lookup_elem(d->fd[MAP_NAT], &other, &back) &&
	    !is_old(d, &other, &back, now))
		return false;
	/* A packet may be first; then its flow makes them anew. */
	(void)bpf_map_delete_elem(d->fd[MAP_NAT], key);
	if (!row->back)
		(void)bpf_map_delete_elem(d->fd[MAP_NAT], &other);
	return true;
}

static void judge_all(struct dataplane *d)
{
	const struct nat_walk *w = &d->nat_sweep->walk;
	bool half = w->table == NAT_HALF;
	uint32_t now = expiry_now();

	for (uint32_t i = 0; i < w->count; i++) {
		const struct lb_nat *row = nat_walk_row(w, i);

		if (!(half ? judge_half : judge)(d, &w->key[i], row, now))
			note_source(d, row);
	}
}

static void end_pass(struct nat_sweep *s)
{
	s->passed = true;
	memcpy(s->source_before, s->source, sizeof(s->source));
	memset(s->source, 0, sizeof(s->source));
}

/* Returns true at the end of a pass. */
static bool walk(struct dataplane *d)
{
	struct nat_sweep *s = d->nat_sweep;
	size_t table = s->walk.table;

	/* After an error the next pass tries again. */
	(void)nat_walk_next(d, &s->walk, s->met_before[table]);
	judge_all(d);
	s->met[table] += s->walk.count;
	if (!s->walk.ended)
		return false;
	s->met_before[table] = s->met[table];
	s->met[table] = 0;
	if (nat_walk_more(&s->walk))
		return false;
	end_pass(s);
	return true;
}

uint64_t nat_rows(const struct dataplane *d, size_t table)
{
	return d->nat_sweep->met_before[table];
}

bool nat_is_idle(const struct dataplane *d)
{
	const struct nat_sweep *s = d->nat_sweep;

	return !d->nat_reals && !s->met_before[NAT_HALF] && !s->met_before[NAT_WHOLE] &&
	       !s->walk.begun && !s->walk.table;
}

void nat_sweep(struct dataplane *d)
{
	uint64_t rows = d->nat_sweep->met_before[NAT_HALF] + d->nat_sweep->met_before[NAT_WHOLE];
	uint64_t room = (uint64_t)map_entries(d, MAP_NAT) + map_entries(d, MAP_NAT_HALF);
	uint64_t end = clock_usec() + SLICE_MIN_USEC + rows * SLICE_MORE_USEC / room;

	if (nat_is_idle(d))
		return;
	while (!walk(d) && clock_usec() < end)
		;
}
