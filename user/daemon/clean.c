/* SPDX-License-Identifier: GPL-2.0-only */
/* `down` when no daemon runs: adopt what one left behind, and take it away row by row. */
#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "daemon/state.h"
#include "proxy/doors.h"

static void ignore_change(void *arg)
{
}

static const struct ring *intern(void *arg, struct ring *r)
{
	return store_ring(arg, r);
}

/* Takes the named interfaces out of actual, and our program off them. */
static int leave_interfaces(const struct daemon_options *o, struct dataplane *dp,
			    struct plan *actual, struct buf *out)
{
	const struct plan_sink *sink = dataplane_sink(dp);

	for (size_t i = 0; i < o->interface_count; i++) {
		__u32 ifindex = if_nametoindex(o->interfaces[i]);
		const struct row_iface *row = plan_find(actual, PLAN_IFACES, &ifindex);
		int err = row ? sink->del(sink->to, PLAN_IFACES, &ifindex, row) : -ENODEV;

		if (err) {
			buf_printf(out, "interface %s: %s\n", o->interfaces[i],
				   row ? strerror(-err) : "no program of ours runs there");
			return err;
		}
		(void)plan_delete(actual, PLAN_IFACES, &ifindex); /* it was found */
		buf_printf(out, "interface %s: detached; no daemon ran\n", o->interfaces[i]);
	}
	return 0;
}

static const enum plan_table net_tables[] = {PLAN_NEIGHBOURS, PLAN_LOCAL_ROUTES, PLAN_ADDRESSES,
					     PLAN_ANNOUNCE};

static int take_away(struct dataplane *dp, struct net *net, struct plan *actual)
{
	const struct plan_sink *sinks[PLAN_TABLE_COUNT];
	struct plan *nothing = plan_new();

	for (int t = 0; t < PLAN_TABLE_COUNT; t++)
		sinks[t] = dataplane_sink(dp);
	for (size_t i = 0; i < ARRAY_COUNT(net_tables); i++)
		sinks[net_tables[i]] = net_sink(net);
	if (nothing)
		(void)plan_apply(actual, nothing, sinks, NULL); /* destroy ends the rest */
	plan_free(nothing);
	return dataplane_destroy(dp);
}

static const struct acl *intern_acl(void *arg, const struct acl *a)
{
	return store_acl(arg, a);
}

/* Proxy processes outlive their main. Returns how many there were. */
static size_t end_proxies(const struct daemon_options *o, struct buf *out)
{
	size_t count = doors_kill_all(o->run_dir);

	if (count)
		buf_printf(out, "%zu proxy processes were ended with their sessions\n", count);
	return count;
}

static void remove_local_routes(const struct daemon_options *o, struct loop *l)
{
	const struct net_events events = {.changed = ignore_change};
	struct plan *left = plan_new();
	struct net *net = NULL;

	if (!left || net_open(&net, l, &events))
		goto out;
	tproxy_kernel_rows(o->pin_dir, NULL, left);
	for (size_t i = 0; i < plan_count(left, PLAN_LOCAL_ROUTES); i++) {
		const struct plan_sink *sink = net_sink(net);

		(void)sink->del(sink->to, PLAN_LOCAL_ROUTES, /* without filters they do nothing */
				plan_key(left, PLAN_LOCAL_ROUTES, i),
				plan_value(left, PLAN_LOCAL_ROUTES, i));
	}
out:
	net_close(net);
	plan_free(left);
}

/* Another version of lbxdp made it: its rows cannot be read, but it can be removed. */
static int remove_stranger(const struct daemon_options *o, struct loop *l, struct buf *out)
{
	int err;

	end_proxies(o, out);
	err = dataplane_remove(o->pin_dir, out);
	remove_local_routes(o, l);
	if (!err)
		buf_printf(out, "the data plane of another version under %s was removed\n",
			   o->pin_dir);
	return err;
}

static int clean(const struct daemon_options *o, struct loop *l, struct store *store,
		 struct plan *actual, struct buf *out)
{
	const struct dataplane_options options = {.pin_dir = o->pin_dir};
	const struct net_events events = {.changed = ignore_change};
	struct dataplane *dp = NULL;
	struct net *net = NULL;
	struct buf why = {};
	int err = dataplane_open(&dp, &options, &why);

	if (err == -EEXIST)
		err = remove_stranger(o, l, out);
	else if (err)
		buf_printf(out, "%s\n", buf_text(&why));
	buf_free(&why);
	if (!dp)
		return err;
	err = dataplane_read(dp, actual, &(struct dataplane_intern){intern, intern_acl, store});
	if (!err)
		err = net_open(&net, l, &events);
	if (err) {
		buf_printf(out, "cannot read what is there: %s\n", strerror(-err));
	} else {
		gather_kernel_rows(net, actual);
		tproxy_kernel_rows(o->pin_dir, dp, actual);
		err = leave_interfaces(o, dp, actual, out);
		if (!err && (!o->interface_count || !plan_count(actual, PLAN_IFACES))) {
			end_proxies(o, out);
			err = take_away(dp, net, actual);
			buf_printf(out,
				   err ? "something stays under %s: %s\n"
				       : "no daemon ran; its data plane under %s was removed%s\n",
				   o->pin_dir, err ? strerror(-err) : "");
		}
		net_close(net);
	}
	dataplane_close(dp);
	return err;
}

int daemon_clean(const struct daemon_options *o, struct buf *out)
{
	struct loop *l;
	struct store *store;
	struct plan *actual;
	int err = -ENOMEM;

	if (access(o->pin_dir, F_OK)) {
		if (end_proxies(o, out))
			return 0;
		buf_printf(out,
			   "nothing to do: lbxdp does not run and nothing is pinned under %s\n",
			   o->pin_dir);
		return 0;
	}
	l = loop_new();
	store = store_new();
	actual = plan_new();
	if (l && actual)
		err = clean(o, l, store, actual, out);
	plan_free(actual);
	store_free(store);
	loop_free(l);
	return err;
}
