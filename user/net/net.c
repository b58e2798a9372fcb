/* SPDX-License-Identifier: GPL-2.0-only */
#include "net/net.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "net/internal.h"

static const unsigned int groups[] = {
	RTNLGRP_LINK,
	RTNLGRP_IPV4_IFADDR,
	RTNLGRP_IPV6_IFADDR,
	RTNLGRP_NEIGH,
};

static void tell(struct net *n)
{
	bool dirty = n->dirty;

	n->dirty = false;
	if (dirty && n->events.changed)
		n->events.changed(n->events.arg);
}

static void message(void *arg, const struct nlmsghdr *m)
{
	struct net *n = arg;
	struct link_change change;

	switch (m->nlmsg_type) {
	case RTM_NEWLINK:
	case RTM_DELLINK:
		change = links_heard(n, m);
		if (change.gone)
			neighbours_link_gone(n, change.ifindex);
		else if (change.came_up)
			neighbours_link_up(n, change.ifindex);
		break;
	case RTM_NEWADDR:
	case RTM_DELADDR:
		addresses_heard(n, m);
		break;
	case RTM_NEWNEIGH:
	case RTM_DELNEIGH:
		neighbours_heard(n, m);
		break;
	}
}

static void batch(void *arg)
{
	tell(arg);
}

static int read_all(struct net *n)
{
	int err = links_read_all(n);

	return err ? err : neighbours_read_all(n);
}

static void overrun(void *arg)
{
	struct net *n = arg;
	int err = read_all(n);

	n->dirty = true;
	if (err)
		log_error("network: events were lost and reading anew failed: %s", strerror(-err));
	else
		log_warning("network: too many events at once; everything was read anew");
}

static int net_put(void *to, enum plan_table t, const void *key, const void *value, const void *old)
{
	if (t == PLAN_NEIGHBOURS)
		return neighbours_put(to, key);
	if (t == PLAN_ADDRESSES)
		return addresses_put(to, key);
	if (t == PLAN_LOCAL_ROUTES)
		return local_route_put(to, key);
	return t == PLAN_ANNOUNCE ? announce_put(to, key, value) : -EOPNOTSUPP;
}

static int net_delete(void *to, enum plan_table t, const void *key, const void *value)
{
	if (t == PLAN_NEIGHBOURS)
		return neighbours_delete(to, key);
	if (t == PLAN_ADDRESSES)
		return addresses_delete(to, key);
	if (t == PLAN_LOCAL_ROUTES)
		return local_route_delete(to, key);
	return t == PLAN_ANNOUNCE ? announce_delete(to, key) : -EOPNOTSUPP;
}

const struct plan_sink *net_sink(struct net *n)
{
	return &n->sink;
}

/* Events are subscribed to before the tables are read, so that none falls between. */
int net_open(struct net **out, struct loop *l, const struct net_events *e)
{
	struct net *n = calloc(1, sizeof(*n));
	int err;

	if (!n)
		return -ENOMEM;
	n->loop = l;
	n->events = *e;
	n->sink = (struct plan_sink){.put = net_put, .del = net_delete, .to = n};
	asker_open(n);
	knocker_open(n);
	n->listen = (struct netlink_watch){
		.message = message, .batch = batch, .overrun = overrun, .arg = n};
	err = netlink_open(&n->ask, NETLINK_ROUTE);
	if (!err)
		err = netlink_open(&n->order, NETLINK_ROUTE);
	if (!err)
		err = netlink_watch_open(&n->listen, l, groups, sizeof(groups) / sizeof(groups[0]));
	if (!err)
		err = neighbours_open(n);
	if (!err)
		err = announcer_open(n);
	if (!err)
		err = read_all(n);
	if (err) {
		net_close(n);
		return err;
	}
	n->dirty = false;
	*out = n;
	return 0;
}

void net_close(struct net *n)
{
	if (!n)
		return;
	asker_close(n);
	knocker_close(n);
	announcer_close(n);
	neighbours_close(n);
	netlink_watch_close(&n->listen);
	netlink_close(&n->order);
	netlink_close(&n->ask);
	links_free(n);
	free(n);
}
