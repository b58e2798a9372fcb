/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The sweep: walks the flow tables in slices, deletes what is over, counts what is there, and mends
 * counters that drifted. A pass is: note each real's counters, walk the half-open tables and then
 * the established ones (a flow that is promoted meanwhile is met at least once), compare. A slice
 * lies between the steps, so that a packet that was under way has counted what it did.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>

#include "base/clock.h"
#include "dataplane/batch.h"
#include "dataplane/expiry.h"
#include "dataplane/internal.h"

enum {
	SLICE_USEC = 1500,   /* leaves room for the last call within 2 ms */
	PASS_MSEC = 1000,    /* a small table is passed so often */
	REALS_A_STEP = 2048, /* noted or compared at once */
};

enum phase { PHASE_REST, PHASE_NOTE, PHASE_WALK, PHASE_COMPARE };

enum { WALKS = 4 };

/* In the order of the walk. */
static const struct {
	enum map_id map;
	bool six, half;
} walks[WALKS] = {
	{MAP_HALF4,  false, true },
	{MAP_HALF6,  true,  true },
	{MAP_FLOWS4, false, false},
	{MAP_FLOWS6, true,  false},
};

struct tally {
	uint64_t moves; /* sum of the counters when the pass began: they only grow */
	uint32_t active, closing, half;
	uint32_t clean; /* the last pass that met no flow of this real */
};

struct sweep {
	enum phase phase;
	uint32_t pass;
	uint64_t began; /* the pass, clock_msec() */
	uint32_t real;  /* NOTE, COMPARE: the next one */
	size_t walk;    /* WALK: the table */
	uint64_t met[WALKS], met_before[WALKS];
	uint64_t counted[2]; /* count4 and count6 when the walk was over */
	uint64_t moved;      /* by all reals since the pass began */
	uint64_t denied;     /* LB_FLOW_DENIED that this pass met */
	struct tally of[LB_REALS_MAX];
	struct batch batch;
};

static void batch_begin(struct dataplane *d)
{
	struct sweep *s = d->sweep;
	enum map_id id = walks[s->walk].map;

	s->met[s->walk] = 0;
	batch_init(&s->batch, d->fd[id], walks[s->walk].six, map_entries(d, id));
}

int sweep_open(struct dataplane *d)
{
	d->sweep = calloc(1, sizeof(*d->sweep));
	return d->sweep ? 0 : -ENOMEM;
}

void sweep_close(struct dataplane *d)
{
	free(d->sweep);
}

uint32_t sweep_pass(const struct dataplane *d)
{
	return d->sweep ? d->sweep->pass : 0;
}

static uint64_t load(const __u64 *counter)
{
	return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

static void add(__u64 *counter, uint64_t n)
{
	if (n)
		__atomic_fetch_add(counter, n, __ATOMIC_RELAXED);
}

static __u64 *table_count(struct dataplane *d, bool six)
{
	return six ? &d->settings->count6 : &d->settings->count4;
}

static uint64_t moves_of(const struct lb_real_conns *c)
{
	return load(&c->opened) + load(&c->closed) + load(&c->closing_begun) +
	       load(&c->closing_ended);
}

/* Each step returns true when its phase is over. */
static bool step_note(struct dataplane *d)
{
	struct sweep *s = d->sweep;

	for (uint32_t n = 0; n < REALS_A_STEP && s->real < d->real_top; n++, s->real++) {
		struct tally *t = &s->of[s->real];

		t->moves = moves_of(&d->conns[s->real]);
		t->active = t->closing = t->half = 0;
	}
	return s->real >= d->real_top;
}

/* Their entries count alike, as flow_close() in bpf/flow.h has it. */
static bool is_closing(uint32_t state)
{
	return state == LB_FLOW_CLOSING || state == LB_FLOW_DENIED;
}

void sweep_count_removed(struct dataplane *d, const struct lb_flow *f, bool six)
{
	if (f->real < LB_REALS_MAX)
		add(is_closing(f->state) ? &d->conns[f->real].closing_ended
					 : &d->conns[f->real].closed,
		    1);
	__atomic_fetch_sub(table_count(d, six), 1, __ATOMIC_RELAXED);
}

/* Counts by what was truly removed: a packet may have touched the flow after we read it. Returns
 * whether an entry went. */
static bool expire(struct dataplane *d, const void *key, uint32_t now)
{
	struct sweep *s = d->sweep;
	int fd = s->batch.fd;
	struct lb_flow f;

	if (bpf_map_lookup_and_delete_elem(fd, key, &f))
		return true; /* a packet was first, and counted */
	if (!expiry_over(d->settings, &f, now) && !bpf_map_update_elem(fd, key, &f, BPF_NOEXIST))
		return false;
	if (!walks[s->walk].half)
		sweep_count_removed(d, &f, walks[s->walk].six);
	return true;
}

static void count_met(struct dataplane *d, const struct lb_flow *f)
{
	struct sweep *s = d->sweep;
	struct tally *t;

	s->met[s->walk]++;
	s->denied += f->state == LB_FLOW_DENIED;
	if (f->real >= LB_REALS_MAX)
		return;
	t = &s->of[f->real];
	if (walks[s->walk].half)
		t->half++;
	else if (is_closing(f->state))
		t->closing++;
	else
		t->active++;
}

static void walk_slice(struct dataplane *d)
{
	struct batch *b = &d->sweep->batch;
	uint32_t now = expiry_now();

	for (size_t i = 0; i < b->count; i++)
		if (!expiry_over(d->settings, &b->flow[i], now) || !expire(d, batch_key(b, i), now))
			count_met(d, &b->flow[i]);
}

static bool step_walk(struct dataplane *d)
{
	struct sweep *s = d->sweep;
	uint64_t about = walks[s->walk].half ? s->met_before[s->walk]
					     : load(table_count(d, walks[s->walk].six));

	if (batch_next(&s->batch, about))
		s->batch.ended = true; /* the next pass tries again */
	walk_slice(d);
	if (!s->batch.ended)
		return false;
	s->met_before[s->walk] = s->met[s->walk];
	if (!walks[s->walk].half)
		s->counted[walks[s->walk].six] = load(table_count(d, walks[s->walk].six));
	if (++s->walk == WALKS)
		return true;
	batch_begin(d);
	return false;
}

/* is and ought to be equal; both grow only, so the one that is behind is raised. */
static void raise_behind(__u64 *up, __u64 *down, uint64_t ought)
{
	uint64_t is = load(up) - load(down);

	if ((int64_t)is < (int64_t)ought)
		add(up, ought - is);
	else
		add(down, is - ought);
}

static void mend_real(struct dataplane *d, uint32_t id)
{
	struct tally *t = &d->sweep->of[id];
	struct lb_real_conns *c = &d->conns[id];
	uint64_t moved = moves_of(c) - t->moves;

	d->sweep->moved += moved;
	__atomic_store_n(&c->half_open, t->half, __ATOMIC_RELAXED);
	if (!t->active && !t->closing && !t->half)
		t->clean = d->sweep->pass;
	if (moved)
		return;
	raise_behind(&c->opened, &c->closed, t->active);
	raise_behind(&c->closing_begun, &c->closing_ended, t->closing);
}

/* During the walk the table held at least and at most what was met, give or take the moves. */
static void mend_table(struct dataplane *d, size_t walk)
{
	struct sweep *s = d->sweep;
	bool six = walks[walk].six;
	int64_t off = (int64_t)(s->counted[six] - s->met[walk]);

	if (off > (int64_t)s->moved)
		__atomic_fetch_sub(table_count(d, six), (uint64_t)off - s->moved, __ATOMIC_RELAXED);
	else if (-off > (int64_t)s->moved)
		add(table_count(d, six), (uint64_t)-off - s->moved);
}

static bool step_compare(struct dataplane *d)
{
	struct sweep *s = d->sweep;

	for (uint32_t n = 0; n < REALS_A_STEP && s->real < d->real_top; n++, s->real++)
		mend_real(d, s->real);
	if (s->real < d->real_top)
		return false;
	for (size_t w = 0; w < WALKS; w++)
		if (!walks[w].half)
			mend_table(d, w);
	d->denied_flows = s->denied + d->denied_new;
	return true;
}

static bool step_rest(struct dataplane *d)
{
	struct sweep *s = d->sweep;
	uint64_t now = clock_msec();

	if (s->pass && now - s->began < PASS_MSEC)
		return false;
	s->began = now;
	s->pass++;
	s->moved = 0;
	s->denied = 0;
	d->denied_new = 0;
	return true;
}

static void begin(struct dataplane *d, enum phase phase)
{
	struct sweep *s = d->sweep;

	s->phase = phase;
	s->real = 0;
	s->walk = 0;
	if (phase == PHASE_WALK)
		batch_begin(d);
}

/* One phase, or as much of it as a slice holds. */
static void run_slice(struct dataplane *d)
{
	static bool (*const step[])(struct dataplane * d) = {
		[PHASE_REST] = step_rest,
		[PHASE_NOTE] = step_note,
		[PHASE_WALK] = step_walk,
		[PHASE_COMPARE] = step_compare,
	};
	uint64_t end = clock_usec() + SLICE_USEC;
	enum phase phase = d->sweep->phase;

	if (phase == PHASE_REST) {
		if (!step_rest(d))
			return;
		begin(d, phase = PHASE_NOTE);
	}
	while (!step[phase](d))
		if (clock_usec() >= end)
			return;
	begin(d, phase == PHASE_COMPARE ? PHASE_REST : phase + 1);
}

bool dataplane_sweep(struct dataplane *d)
{
	bool denied;

	__atomic_store_n(&d->settings->heartbeat, expiry_now(), __ATOMIC_RELAXED);
	rings_reap(d);
	acls_reap(d);
	(void)dataplane_judge(d); /* where nobody calls it more often */
	run_slice(d);
	nat_sweep(d);
	denied = d->denied_some;
	d->denied_some = false;
	return denied;
}

bool dataplane_real_idle(struct dataplane *d, uint32_t real)
{
	const struct lb_real_conns *c;

	if (real >= LB_REALS_MAX)
		return false;
	c = &d->conns[real];
	return rings_left_before(d, real, d->sweep->of[real].clean) &&
	       load(&c->opened) == load(&c->closed) &&
	       load(&c->closing_begun) == load(&c->closing_ended) && !load(&c->half_open);
}
