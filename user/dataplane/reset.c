/* SPDX-License-Identifier: GPL-2.0-only */
/* Finds the flows that a reset must wake: established TCP flows of reals with LB_REAL_RESET, and
 * those whose clients may no longer use the service. */
#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "dataplane/batch.h"
#include "dataplane/expiry.h"
#include "dataplane/internal.h"

enum { SCAN_USEC = 1500 };

struct reset_scan {
	bool running;
	size_t at; /* in the present slice */
	struct batch batch;
};

int reset_open(struct dataplane *d)
{
	d->reset_scan = calloc(1, sizeof(*d->reset_scan));
	return d->reset_scan ? 0 : -ENOMEM;
}

void reset_close(struct dataplane *d)
{
	free(d->reset_scan);
}

static void begin_table(struct dataplane *d, bool six)
{
	struct reset_scan *r = d->reset_scan;

	batch_init(&r->batch, d->fd[six ? MAP_FLOWS6 : MAP_FLOWS4], six, d->flows);
	r->at = 0;
	r->running = true;
}

static bool wanted(const struct dataplane *d, size_t i, uint32_t now)
{
	const struct batch *b = &d->reset_scan->batch;
	const struct lb_flow *f = &b->flow[i];

	if (batch_protocol(b, i) != IPPROTO_TCP || expiry_over(d->settings, f, now))
		return false;
	if (f->state == LB_FLOW_DENIED)
		return true;
	return f->real < LB_REALS_MAX && (d->reals[f->real].flags & LB_REAL_RESET) &&
	       (f->state == LB_FLOW_NEW || f->state == LB_FLOW_ESTABLISHED);
}

/* From the present slice. */
static size_t collect(struct dataplane *d, struct dataplane_flow *flows, size_t max)
{
	struct reset_scan *r = d->reset_scan;
	uint32_t now = expiry_now();
	size_t count = 0;

	for (; r->at < r->batch.count && count < max; r->at++)
		if (wanted(d, r->at, now))
			batch_describe(&r->batch, r->at, &flows[count++]);
	return count;
}

/* The next slice, or the next table. False when the pass is complete. */
static bool advance(struct dataplane *d)
{
	struct reset_scan *r = d->reset_scan;
	uint64_t counts[2];

	if (r->batch.ended && r->batch.six)
		return false;
	if (r->batch.ended)
		begin_table(d, true);
	dataplane_flow_counts(d, counts);
	r->at = 0;
	if (batch_next(&r->batch, counts[r->batch.six]))
		r->batch.ended = true; /* the next pass tries again */
	return true;
}

size_t dataplane_reset_flows(struct dataplane *d, struct dataplane_flow *flows, size_t max,
			     bool *done)
{
	struct reset_scan *r = d->reset_scan;
	uint64_t end = clock_usec() + SCAN_USEC;
	size_t count = 0;

	*done = !d->reset_reals && !d->denied_flows;
	if (*done)
		r->running = false;
	else if (!r->running)
		begin_table(d, false);
	while (!*done && count < max && clock_usec() < end) {
		count += collect(d, flows + count, max - count);
		if (count < max)
			*done = !advance(d);
	}
	if (*done)
		r->running = false;
	return count;
}
