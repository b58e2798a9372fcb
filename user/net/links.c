/* SPDX-License-Identifier: GPL-2.0-only */
/* Interfaces and their addresses, as netlink tells them. */
#include <errno.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/if_arp.h>
#include <linux/if_link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "net/internal.h"

static struct net_link *link_at(const struct net *n, uint32_t ifindex)
{
	for (size_t i = 0; i < n->link_count; i++)
		if (n->links[i].is.ifindex == ifindex)
			return &n->links[i];
	return NULL;
}

const struct net_iface *net_iface_at(const struct net *n, uint32_t ifindex)
{
	const struct net_link *l = link_at(n, ifindex);

	return l ? &l->is : NULL;
}

const struct net_iface *net_iface_named(const struct net *n, const char *name)
{
	for (size_t i = 0; i < n->link_count; i++)
		if (!strcmp(n->links[i].is.name, name))
			return &n->links[i].is;
	return NULL;
}

size_t net_ethernets(const struct net *n, uint32_t *out, size_t room)
{
	size_t count = 0;

	for (size_t i = 0; i < n->link_count && count < room; i++)
		if (n->links[i].is.ethernet && n->links[i].is.up)
			out[count++] = n->links[i].is.ifindex;
	return count;
}

static void remove_link(struct net *n, struct net_link *l)
{
	uint32_t ifindex = l->is.ifindex;
	size_t kept = 0;

	*l = n->links[--n->link_count];
	for (size_t i = 0; i < n->address_count; i++)
		if (n->addresses[i].ifindex != ifindex)
			n->addresses[kept++] = n->addresses[i];
	n->address_count = kept;
	n->dirty = true;
}

/* Where frames come and go: that of a bridge or bond, not its ports; but a VRF moves none. */
struct kinds {
	bool vlan, in_vrf;
};

static struct kinds parse_kinds(const struct nlattr *info)
{
	const struct nlattr *a;
	struct kinds k = {};

	mnl_attr_for_each_nested(a, info)
	{
		if (mnl_attr_get_type(a) == IFLA_INFO_KIND)
			k.vlan = !strcmp(mnl_attr_get_str(a), "vlan");
		else if (mnl_attr_get_type(a) == IFLA_INFO_SLAVE_KIND)
			k.in_vrf = !strcmp(mnl_attr_get_str(a), "vrf");
	}
	return k;
}

static bool parse_link(const struct nlmsghdr *m, struct net_iface *to)
{
	const struct ifinfomsg *info = netlink_extra(m);
	const struct nlattr *a;
	struct kinds kinds = {};
	bool has_master = false;

	/* Bridges tell about their ports in link messages of another family. */
	if (info->ifi_family != AF_UNSPEC)
		return false;
	to->ifindex = (uint32_t)info->ifi_index;
	to->up = (info->ifi_flags & IFF_UP) && (info->ifi_flags & IFF_LOWER_UP);
	mnl_attr_for_each(a, m, sizeof(*info))
	{
		uint16_t type = mnl_attr_get_type(a), len = mnl_attr_get_payload_len(a);

		if (type == IFLA_IFNAME)
			snprintf(to->name, sizeof(to->name), "%.*s", (int)len, mnl_attr_get_str(a));
		else if (type == IFLA_MTU && len >= sizeof(uint32_t))
			to->mtu = mnl_attr_get_u32(a);
		else if (type == IFLA_ADDRESS && len == sizeof(to->mac))
			memcpy(to->mac, mnl_attr_get_payload(a), len);
		else if (type == IFLA_LINKINFO)
			kinds = parse_kinds(a);
		has_master |= type == IFLA_MASTER;
	}
	to->ethernet = info->ifi_type == ARPHRD_ETHER && !(info->ifi_flags & IFF_LOOPBACK) &&
		       (!has_master || kinds.in_vrf);
	to->vlan = kinds.vlan;
	return true;
}

static struct net_link *add_link(struct net *n, uint32_t ifindex)
{
	struct net_link *l;

	n->links = xrealloc(n->links, n->link_count + 1, sizeof(*n->links));
	l = &n->links[n->link_count++];
	memset(l, 0, sizeof(*l));
	l->is.ifindex = ifindex;
	return l;
}

static bool same_iface(const struct net_iface *a, const struct net_iface *b)
{
	return !strcmp(a->name, b->name) && !memcmp(a->mac, b->mac, sizeof(a->mac)) &&
	       a->up == b->up && a->mtu == b->mtu;
}

struct link_change links_heard(struct net *n, const struct nlmsghdr *m)
{
	struct net_iface now = {};
	struct link_change change = {};
	struct net_link *l;

	if (!parse_link(m, &now))
		return change;
	change.ifindex = now.ifindex;
	l = link_at(n, now.ifindex);
	if (m->nlmsg_type == RTM_DELLINK) {
		change.gone = l != NULL;
		if (l)
			remove_link(n, l);
		return change;
	}
	if (!l)
		l = add_link(n, now.ifindex);
	now.epoch = l->is.epoch;
	change.came_up = now.up && !l->is.up;
	if (change.came_up)
		now.epoch++;
	n->dirty |= !same_iface(&l->is, &now);
	l->is = now;
	l->seen = true;
	return change;
}

bool address_parse(const struct nlmsghdr *m, struct net_address *to)
{
	const struct ifaddrmsg *info = netlink_extra(m);
	const struct nlattr *a, *local = NULL, *address = NULL;
	size_t len = info->ifa_family == AF_INET ? 4 : 16;

	if (info->ifa_family != AF_INET && info->ifa_family != AF_INET6)
		return false;
	mnl_attr_for_each(a, m, sizeof(*info))
	{
		if (mnl_attr_get_payload_len(a) != len)
			continue;
		if (mnl_attr_get_type(a) == IFA_LOCAL)
			local = a;
		else if (mnl_attr_get_type(a) == IFA_ADDRESS)
			address = a; /* the peer's, on a point-to-point link */
	}
	if (!address)
		return false;
	if (!local)
		local = address;
	to->ifindex = info->ifa_index;
	if (len == 4) {
		to->local = addr_from_v4(mnl_attr_get_payload(local));
		to->network.addr = addr_from_v4(mnl_attr_get_payload(address));
		to->network.len = (uint8_t)(96 + info->ifa_prefixlen);
	} else {
		to->local = addr_from_v6(mnl_attr_get_payload(local));
		to->network.addr = addr_from_v6(mnl_attr_get_payload(address));
		to->network.len = info->ifa_prefixlen;
	}
	return true;
}

static bool same_address(const struct net_address *a, const struct net_address *b)
{
	return a->ifindex == b->ifindex && addr_equal(&a->local, &b->local) &&
	       addr_equal(&a->network.addr, &b->network.addr) && a->network.len == b->network.len;
}

void addresses_heard(struct net *n, const struct nlmsghdr *m)
{
	struct net_address now;
	size_t i = 0;

	if (!address_parse(m, &now))
		return;
	while (i < n->address_count && !same_address(&n->addresses[i], &now))
		i++;
	if (m->nlmsg_type == RTM_DELADDR) {
		if (i == n->address_count)
			return;
		n->addresses[i] = n->addresses[--n->address_count];
	} else {
		if (i < n->address_count)
			return;
		n->addresses = xrealloc(n->addresses, i + 1, sizeof(*n->addresses));
		n->addresses[n->address_count++] = now;
	}
	n->dirty = true;
}

static void link_message(void *arg, const struct nlmsghdr *m)
{
	(void)links_heard(arg, m); /* neighbours are read anew after this */
}

static void address_message(void *arg, const struct nlmsghdr *m)
{
	addresses_heard(arg, m);
}

static int dump(struct net *n, uint16_t type, size_t extra, netlink_message_fn *fn)
{
	char buffer[256] __attribute__((aligned(8)));
	int err = -EINTR;

	for (int tries = 0; err == -EINTR && tries < 8; tries++) /* it changed meanwhile */
		err = netlink_query(&n->ask, netlink_message(buffer, type, NLM_F_DUMP, extra), fn,
				    n);
	return err;
}

int links_read_all(struct net *n)
{
	int err;

	for (size_t i = 0; i < n->link_count; i++)
		n->links[i].seen = false;
	n->address_count = 0;
	err = dump(n, RTM_GETLINK, sizeof(struct ifinfomsg), link_message);
	if (err)
		return err;
	for (size_t i = n->link_count; i-- > 0;)
		if (!n->links[i].seen)
			remove_link(n, &n->links[i]);
	return dump(n, RTM_GETADDR, sizeof(struct ifaddrmsg), address_message);
}

void links_free(struct net *n)
{
	free(n->links);
	free(n->addresses);
}

static bool is_allowed(uint32_t ifindex, const uint32_t *allowed, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (allowed[i] == ifindex)
			return true;
	return false;
}

uint32_t net_route_connected(const struct net *n, const struct addr *ip, const uint32_t *allowed,
			     size_t count)
{
	const struct net_address *best = NULL;

	for (size_t i = 0; i < n->address_count; i++) {
		const struct net_address *a = &n->addresses[i];

		if ((!best || a->network.len > best->network.len) &&
		    is_allowed(a->ifindex, allowed, count) && prefix_contains(&a->network, ip))
			best = a;
	}
	return best ? best->ifindex : 0;
}
