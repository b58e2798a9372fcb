/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Ends what may not go on. When the list of a service changes, a walk over the flow tables takes
 * out the flows of clients that it refuses, and one over the translations their rows; when a real
 * whose packets are translated begins to be reset, its rows go. Translations that no table of flows
 * knows (lbx_nat_brief) all end at once, whoever's they are. A row would live without its flow
 * as long as the real sends. There is no walk without a reason, and one that came up meanwhile gets
 * the next. A slice lies between the reason and the walk, and between flows and translations, so
 * that a packet that was under way has made what it makes.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>

#include "base/clock.h"
#include "base/log.h"
#include "dataplane/batch.h"
#include "dataplane/expiry.h"
#include "dataplane/internal.h"
#include "dataplane/nat_walk.h"

enum {
	SLICE_USEC = 1500, /* leaves room for the last call within 2 ms */
	TRIES = 3,         /* slices in a row that the kernel may refuse */
};

/* In the order of the walk: a flow that is promoted meanwhile is met at least once. */
static const struct {
	enum map_id map;
	bool six, half;
} tables[] = {
	{MAP_HALF4,  false, true },
	{MAP_HALF6,  true,  true },
	{MAP_FLOWS4, false, false},
	{MAP_FLOWS6, true,  false},
};

enum { TABLES = sizeof(tables) / sizeof(tables[0]) };

/* What a step comes to. */
enum step { STEP_MORE, STEP_REST, STEP_OVER };

struct judge {
	uint32_t walk;        /* the number of the one that runs or ran last */
	uint32_t flows, rows; /* the last walk that there is a reason for, over each */
	bool running;
	unsigned int failures; /* in a row */
	size_t table;          /* TABLES: the translations */
	struct batch batch;
	struct nat_walk nat;
};

int judge_open(struct dataplane *d)
{
	d->judge = calloc(1, sizeof(*d->judge));
	return d->judge ? 0 : -ENOMEM;
}

void judge_close(struct dataplane *d)
{
	free(d->judge);
}

uint32_t judge_later(struct dataplane *d, bool flows)
{
	struct judge *j = d->judge;

	j->rows = j->walk + 1;
	if (flows)
		j->flows = j->rows;
	return j->rows;
}

static void begin_table(struct dataplane *d, size_t table)
{
	struct judge *j = d->judge;

	j->table = table;
	if (table < TABLES)
		batch_init(&j->batch, d->fd[tables[table].map], tables[table].six,
			   map_entries(d, tables[table].map));
	else
		memset(&j->nat, 0, offsetof(struct nat_walk, key));
}

static void begin(struct dataplane *d)
{
	struct judge *j = d->judge;

	j->running = true;
	j->walk++;
	/* Slots have nobody to walk for: who may go on writes his anew with his next packet. */
	__atomic_store_n(&d->settings->brief_since, expiry_now(), __ATOMIC_RELAXED);
	begin_table(d, j->flows == j->walk ? 0 : TABLES);
}

/* Does this walk end what this client has of the service? */
static bool refuses(const struct dataplane *d, uint32_t service, struct addr client)
{
	return acls_judged_in(d, service, d->judge->walk) && dataplane_denies(d, service, &client);
}

static void add(__u64 *counter, uint64_t n)
{
	__atomic_fetch_add(counter, n, __ATOMIC_RELAXED);
}

/* An entry that is made, and closing at once. */
static void count_denied(struct dataplane *d, const struct lb_flow *f, bool six)
{
	struct lb_real_conns *c = &d->conns[f->real < LB_REALS_MAX ? f->real : 0];

	add(&c->opened, 1);
	add(&c->closed, 1);
	add(&c->closing_begun, 1);
	add(six ? &d->settings->count6 : &d->settings->count4, 1);
}

/*
 * Takes the flow out, so that its packets meet the list. A TCP flow comes back as one that answers
 * with resets; where a packet of another life of it was faster, that one was allowed.
 */
static void deny(struct dataplane *d, size_t i)
{
	const struct judge *j = d->judge;
	const void *key = batch_key(&j->batch, i);
	bool half = tables[j->table].half, six = tables[j->table].six;
	struct lb_flow f;

	if (bpf_map_lookup_and_delete_elem(j->batch.fd, key, &f))
		return; /* a packet was first */
	if (!half)
		sweep_count_removed(d, &f, six);
	if (batch_protocol(&j->batch, i) != IPPROTO_TCP)
		return;
	f.state = LB_FLOW_DENIED;
	if (bpf_map_update_elem(j->batch.fd, key, &f, BPF_NOEXIST))
		return;
	if (!half)
		count_denied(d, &f, six);
	d->denied_flows++;
	d->denied_new++;
	d->denied_some = true;
}

/* As many as a full half-open table holds, where nobody counts. */
static uint64_t entries(const struct dataplane *d)
{
	size_t table = d->judge->table;
	uint64_t counts[2];

	dataplane_flow_counts(d, counts);
	return tables[table].half ? map_entries(d, tables[table].map) : counts[tables[table].six];
}

/* The next slice tries again, for a while. What the rest of a table holds lives to its timeout. */
static bool gives_up(struct judge *j, int err)
{
	if (++j->failures < TRIES)
		return false;
	log_warning("flows that a new list or a halt ends: cannot read all of a table: %s",
		    strerror(-err));
	j->failures = 0;
	return true;
}

static enum step next_table(struct dataplane *d)
{
	begin_table(d, d->judge->table + 1);
	return d->judge->table < TABLES ? STEP_MORE : STEP_REST;
}

static enum step step_flows(struct dataplane *d)
{
	struct judge *j = d->judge;
	struct batch *b = &j->batch;
	int err = batch_next(b, entries(d));

	if (err)
		return gives_up(j, err) ? next_table(d) : STEP_REST;
	j->failures = 0;
	for (size_t i = 0; i < b->count; i++)
		if (b->flow[i].state != LB_FLOW_DENIED &&
		    refuses(d, b->flow[i].service, batch_source(b, i)))
			deny(d, i);
	return b->ended ? next_table(d) : STEP_MORE;
}

/* The row of a client's packets has its address in the key, that of replies in what they get. */
static bool row_must_go(const struct dataplane *d, const struct lb_flow6 *key,
			const struct lb_nat *row)
{
	const struct lb_real *real = &d->reals[row->real < LB_REALS_MAX ? row->real : 0];

	return real->flags & LB_REAL_RESET ||
	       refuses(d, real->service, addr_from_v6(row->back ? row->dst.byte : key->src));
}

static enum step step_rows(struct dataplane *d)
{
	struct nat_walk *w = &d->judge->nat;
	int err;

	if (nat_is_idle(d))
		return STEP_OVER;
	err = nat_walk_next(d, w, nat_rows(d, w->table));
	if (err)
		return gives_up(d->judge, err) ? STEP_OVER : STEP_REST;
	d->judge->failures = 0;
	for (uint32_t i = 0; i < w->count; i++)
		if (row_must_go(d, &w->key[i], nat_walk_row(w, i)))
			nat_walk_drop(d, w, i);
	return !w->ended || nat_walk_more(w) ? STEP_MORE : STEP_OVER;
}

bool dataplane_judge(struct dataplane *d)
{
	struct judge *j = d->judge;
	uint64_t end = clock_usec() + SLICE_USEC;
	enum step step;

	if (!j->running && j->rows != j->walk) {
		begin(d);
		return true;
	}
	if (!j->running)
		return false;
	do
		step = j->table < TABLES ? step_flows(d) : step_rows(d);
	while (step == STEP_MORE && clock_usec() < end);
	j->running = step != STEP_OVER;
	return j->running || j->rows != j->walk;
}
