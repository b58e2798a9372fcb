/* SPDX-License-Identifier: GPL-2.0-only */
/* One look at the host's interfaces and connected networks, for `check` and `up`. */
#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "net/internal.h"

static const char *name_of(const struct net *n, const struct net_snapshot *s, uint32_t ifindex)
{
	const struct net_iface *i = net_iface_at(n, ifindex);

	for (size_t j = 0; i && j < s->interface_count; j++)
		if (!strcmp(s->interfaces[j], i->name))
			return s->interfaces[j];
	return NULL;
}

static void fill(struct net_snapshot *s, const struct net *n, struct arena *a)
{
	memset(s, 0, sizeof(*s));
	s->interfaces = arena_alloc(a, n->link_count + 1, sizeof(*s->interfaces));
	s->connected = arena_alloc(a, n->address_count + 1, sizeof(*s->connected));
	for (size_t i = 0; i < n->link_count; i++)
		s->interfaces[s->interface_count++] = arena_strdup(a, n->links[i].is.name);
	for (size_t i = 0; i < n->address_count; i++) {
		const struct net_address *from = &n->addresses[i];
		const char *name = name_of(n, s, from->ifindex);

		if (!name)
			continue;
		s->connected[s->connected_count].interface = name;
		s->connected[s->connected_count].address = from->local;
		s->connected[s->connected_count++].prefix = from->network;
	}
}

int net_snapshot_take(struct net_snapshot *s, struct arena *a)
{
	struct net n = {};
	int err = netlink_open(&n.ask, NETLINK_ROUTE);

	if (!err)
		err = links_read_all(&n);
	if (!err)
		fill(s, &n, a);
	links_free(&n);
	netlink_close(&n.ask);
	return err;
}
