/* SPDX-License-Identifier: GPL-2.0-only */
/* The doctor's questions to real servers of layer 4 (core/knock.h), when somebody asks him. */
#include <errno.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/log.h"
#include "daemon/state.h"

struct knocking {
	struct arena *arena; /* of the last round, or the one that runs; NULL: there was none */
	struct knocks knocks;
	bool again; /* when the round that runs is over */
};

static int begin(struct daemon *d);

static void answered(void *arg)
{
	struct daemon *d = arg;

	if (d->knocking->again) {
		d->knocking->again = false;
		(void)begin(d); /* what this round said stays */
	}
	admin_wake(d->admin);
}

static int begin(struct daemon *d)
{
	struct knocking *k = d->knocking;
	struct knocks knocks;
	struct arena *a;
	struct view *v;
	int err;

	if (net_knocking(d->net))
		return -EBUSY;
	v = snapshot_take(d);
	a = arena_new();
	knocks = knocks_plan(v, a);
	view_free(v);
	err = net_knock(d->net, knocks.at, knocks.count, answered, d);
	if (err) {
		arena_free(a);
		return err;
	}
	if (k->arena)
		arena_free(k->arena);
	k->arena = a;
	k->knocks = knocks;
	return 0;
}

/* A round that began before somebody asked may have missed what he changed: another follows it. */
int knocks_ask(struct daemon *d)
{
	int err;

	if (!d->knocking)
		d->knocking = xcalloc(1, sizeof(*d->knocking));
	err = begin(d);
	d->knocking->again |= err == -EBUSY;
	return err == -EBUSY ? 0 : err;
}

bool knocks_answered(const struct daemon *d)
{
	return !net_knocking(d->net) && (!d->knocking || !d->knocking->again);
}

struct knocks knocks_last(const struct daemon *d)
{
	const struct knocking *k = d->knocking;

	return k && !net_knocking(d->net) ? k->knocks : (struct knocks){};
}

void knocks_end(struct daemon *d)
{
	if (d->knocking && d->knocking->arena)
		arena_free(d->knocking->arena);
	free(d->knocking);
}
