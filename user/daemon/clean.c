/* SPDX-License-Identifier: GPL-2.0-only */
/* `down` when no daemon runs: adopt what one left behind, and take it away row by row. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/state.h"

static void ignore_change(void *arg)
{
}

static const struct ring *intern(void *arg, struct ring *r)
{
	return ring_store_intern(arg, r);
}

static int take_away(struct dataplane *dp, struct net *net, struct plan *actual)
{
	const struct plan_sink *sinks[PLAN_TABLE_COUNT];
	struct plan *nothing = plan_new();

	for (int t = 0; t < PLAN_TABLE_COUNT; t++)
		sinks[t] = dataplane_sink(dp);
	sinks[PLAN_NEIGHBOURS] = sinks[PLAN_ANNOUNCE] = net_sink(net);
	if (nothing)
		(void)plan_apply(actual, nothing, sinks, NULL); /* destroy ends the rest */
	plan_free(nothing);
	return dataplane_destroy(dp);
}

static int clean(const struct daemon_options *o, struct loop *l, struct ring_store *rings,
		 struct plan *actual, struct buf *out)
{
	const struct dataplane_options options = {.pin_dir = o->pin_dir};
	const struct net_events events = {.changed = ignore_change};
	struct dataplane *dp = NULL;
	struct net *net = NULL;
	int err = dataplane_open(&dp, &options, out);

	if (err)
		return err;
	err = dataplane_read(dp, actual, intern, rings);
	if (!err)
		err = net_open(&net, l, &events);
	if (err) {
		buf_printf(out, "cannot read what is there: %s\n", strerror(-err));
	} else {
		gather_kernel_rows(actual);
		err = take_away(dp, net, actual);
		net_close(net);
		buf_printf(out,
			   err ? "something stays under %s: %s\n"
			       : "no daemon ran; its data plane under %s was removed%s\n",
			   o->pin_dir, err ? strerror(-err) : "");
	}
	dataplane_close(dp);
	return err;
}

int daemon_clean(const struct daemon_options *o, struct buf *out)
{
	struct loop *l;
	struct ring_store *rings;
	struct plan *actual;
	int err = -ENOMEM;

	if (access(o->pin_dir, F_OK)) {
		buf_printf(out,
			   "nothing to do: lbxdp does not run and nothing is pinned under %s\n",
			   o->pin_dir);
		return 0;
	}
	l = loop_new();
	rings = ring_store_new();
	actual = plan_new();
	if (l && actual)
		err = clean(o, l, rings, actual, out);
	plan_free(actual);
	ring_store_free(rings);
	loop_free(l);
	return err;
}
