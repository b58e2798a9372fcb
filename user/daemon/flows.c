/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * `report flows`: the tables are walked in slices between the daemon's other work, and what was met
 * goes out at the pace of who reads it. A table of a million flows takes seconds; nothing waits for
 * it, and no more than a slice is kept.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "daemon/state.h"

enum {
	LISTINGS_MAX = 4,
	PENDING_MAX = 262144, /* bytes that the client has not read: then the walk waits */
	SLICE_USEC = 2000,    /* of work in one go, of all who list together */
	PAUSE_MSEC = 1,
	WAIT_MSEC = 10, /* where nobody has read what there is */
};

struct listing {
	struct listing *next;
	const void *token;
	struct dataplane_walk *walk;
	char service[LB_NAME_LEN], real[LB_NAME_LEN];
	struct flows_request want; /* service and real point to these two */
	uint64_t shown, matched;
	const struct daemon *daemon;
	struct buf text; /* of the present slice */
};

static bool wanted(const struct flows_request *w, const struct view_flow *f)
{
	return (!*w->service || !strcmp(w->service, f->service)) &&
	       (!*w->real || !strcmp(w->real, f->real)) &&
	       (w->state < 0 || w->state == (int)f->state) &&
	       prefix_contains(&w->client, &f->client);
}

static void on_flow(void *listing, const struct dataplane_seen *s)
{
	struct listing *l = listing;
	const struct view_flow f = {
		.service = trace_service_name(l->daemon, s->service),
		.real = trace_real_name(l->daemon, s->flow.real),
		.client = s->flow.src,
		.client_port = s->flow.sport,
		.vip = s->flow.dst,
		.vip_port = s->flow.dport,
		.proto = s->flow.proto,
		.state = s->state,
		.idle = s->idle_msec,
		.left = s->left_msec,
	};

	if (!wanted(&l->want, &f))
		return;
	l->matched++;
	if (l->want.limit && l->shown == l->want.limit)
		return;
	render_flow(l->want.form, &f, !l->shown, &l->text);
	l->shown++;
}

/* The last line, and why it is not the last of all flows; "": it is. */
static void say_end(struct daemon *d, struct listing *l, const char *why)
{
	uint64_t counts[2];

	dataplane_flow_counts(d->dataplane, counts);
	render_flows_end(l->want.form, l->shown, l->matched, counts[0] + counts[1], !*why,
			 &l->text);
	admin_stream_add(d->admin, l->token, &l->text);
	admin_stream_seal(d->admin, l->token, *why ? 1 : 0, why);
}

/* Frees it. why NULL: nobody listens any more. */
static void end_listing(struct daemon *d, struct listing **at, const char *why)
{
	struct listing *l = *at;

	*at = l->next;
	if (why)
		say_end(d, l, why);
	buf_free(&l->text);
	dataplane_walk_free(l->walk);
	free(l);
}

/* Returns false when the walk was at its end: l is gone. */
static bool list_slice(struct daemon *d, struct listing **at)
{
	struct listing *l = *at;
	char why[128] = "";
	int err;

	if (!dataplane_walk_next(l->walk, on_flow, l)) {
		err = dataplane_walk_error(l->walk);
		if (err)
			snprintf(why, sizeof(why),
				 "the list is not complete: cannot read a flow table: %s\n",
				 strerror(-err));
		end_listing(d, at, why);
		return false;
	}
	admin_stream_add(d->admin, l->token, &l->text);
	buf_clear(&l->text);
	return true;
}

/* One slice for each whose client keeps up. Returns how many there were. */
static size_t list_round(struct daemon *d)
{
	size_t worked = 0;

	for (struct listing **at = &d->listings; *at;) {
		bool goes_on = true;

		if (admin_stream_pending(d->admin, (*at)->token) <= PENDING_MAX) {
			goes_on = list_slice(d, at);
			worked++;
		}
		if (goes_on)
			at = &(*at)->next;
	}
	return worked;
}

static void list_fire(struct timer *timer)
{
	struct daemon *d = container_of(timer, struct daemon, listing);
	uint64_t end = clock_usec() + SLICE_USEC;
	size_t worked;

	do
		worked = list_round(d);
	while (worked && clock_usec() < end);
	if (d->listings)
		timer_start(d->loop, timer, worked ? PAUSE_MSEC : WAIT_MSEC);
}

int flows_begin(void *arg, const struct flows_request *r, const void *token, struct buf *out)
{
	struct daemon *d = arg;
	size_t count = 0;
	struct listing *l;
	uint32_t service;
	int err;

	for (l = d->listings; l; l = l->next)
		count++;
	if (count == LISTINGS_MAX) {
		buf_printf(out, "%d lists are being made already; try again\n", LISTINGS_MAX);
		return -EBUSY;
	}
	err = trace_find_service(d, r->service, &service, out);
	if (err)
		return err;
	l = xcalloc(1, sizeof(*l));
	*l = (struct listing){.next = d->listings, .token = token, .want = *r, .daemon = d};
	snprintf(l->service, sizeof(l->service), "%s", r->service);
	snprintf(l->real, sizeof(l->real), "%s", r->real);
	l->want.service = l->service;
	l->want.real = l->real;
	l->walk = dataplane_walk_new(d->dataplane);
	if (!l->walk) {
		free(l);
		return -ENOMEM;
	}
	d->listings = l;
	render_flows_begin(r->form, out);
	d->listing.fn = list_fire;
	timer_start(d->loop, &d->listing, PAUSE_MSEC);
	return 0;
}

void flows_stop(struct daemon *d, const void *token)
{
	struct listing **at = &d->listings;

	while (*at && (*at)->token != token)
		at = &(*at)->next;
	if (*at)
		end_listing(d, at, NULL);
}

void flows_end(struct daemon *d)
{
	while (d->listings)
		end_listing(d, &d->listings, "the list is not complete: the daemon ends\n");
}
