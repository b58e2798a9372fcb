/* SPDX-License-Identifier: GPL-2.0-only */
/* Every flow, for those who list them: half-open ones first, as the sweep walks, so that a flow
 * that is promoted meanwhile is not missed. */
#include <stdlib.h>

#include "dataplane/batch.h"
#include "dataplane/expiry.h"
#include "dataplane/internal.h"

static const enum map_id tables[] = {MAP_HALF4, MAP_HALF6, MAP_FLOWS4, MAP_FLOWS6};

enum { TABLES = sizeof(tables) / sizeof(tables[0]), TRIES = 3 };

struct dataplane_walk {
	struct dataplane *d;
	size_t table;          /* of tables */
	unsigned int failures; /* in a row */
	int error;             /* what ended the walk before its end */
	struct batch batch;
};

static bool is_six(enum map_id id)
{
	return id == MAP_HALF6 || id == MAP_FLOWS6;
}

static void begin_table(struct dataplane_walk *w)
{
	enum map_id id = tables[w->table];

	batch_init(&w->batch, w->d->fd[id], is_six(id), map_entries(w->d, id));
}

struct dataplane_walk *dataplane_walk_new(struct dataplane *d)
{
	struct dataplane_walk *w = malloc(sizeof(*w));

	if (!w)
		return NULL;
	w->d = d;
	w->table = 0;
	w->failures = 0;
	w->error = 0;
	begin_table(w);
	return w;
}

void dataplane_walk_free(struct dataplane_walk *w)
{
	free(w);
}

/* As many as a full half-open table holds, where nobody counts. */
static uint64_t about(const struct dataplane_walk *w)
{
	enum map_id id = tables[w->table];
	uint64_t counts[2];

	dataplane_flow_counts(w->d, counts);
	return id == MAP_FLOWS4 ? counts[0] : id == MAP_FLOWS6 ? counts[1] : map_entries(w->d, id);
}

static uint64_t msec_of(int32_t ticks)
{
	return ticks > 0 ? ((uint64_t)ticks << LB_TICK_SHIFT) / 1000000 : 0;
}

static void describe(const struct dataplane_walk *w, size_t i, uint32_t now,
		     struct dataplane_seen *s)
{
	const struct batch *b = &w->batch;
	const struct lb_flow *f = &b->flow[i];
	uint32_t timeout = w->d->settings->timeout[f->state & 7];

	batch_describe(b, i, &s->flow);
	s->service = f->service;
	s->state = f->state;
	s->idle_msec = msec_of((int32_t)(now - f->seen));
	s->left_msec = msec_of((int32_t)(f->seen + timeout - now));
}

/* The next entries, or those of the slice that the kernel refused before. False: it does so again
 * and again. */
static bool read_slice(struct dataplane_walk *w)
{
	int err = batch_next(&w->batch, about(w));

	w->failures = err ? w->failures + 1 : 0;
	if (w->failures == TRIES)
		w->error = err;
	return !w->error;
}

int dataplane_walk_error(const struct dataplane_walk *w)
{
	return w->error;
}

bool dataplane_walk_next(struct dataplane_walk *w,
			 void (*fn)(void *arg, const struct dataplane_seen *s), void *arg)
{
	uint32_t now = expiry_now();

	if (w->batch.ended && ++w->table == TABLES)
		return false;
	if (w->batch.ended)
		begin_table(w);
	if (w->error || !read_slice(w))
		return false;
	for (size_t i = 0; i < w->batch.count; i++) {
		struct dataplane_seen s;

		if (expiry_over(w->d->settings, &w->batch.flow[i], now))
			continue;
		describe(w, i, now, &s);
		fn(arg, &s);
	}
	return true;
}
