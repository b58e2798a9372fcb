/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A look at an interface that XDP runs on: its driver and offloads, what stands on it, and the
 * other end of a veth pair. What it means is core/doctor.h's.
 */
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/genetlink.h>
#include <linux/if_link.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/internal.h"

/* Of the kernel's netdev family (Linux 6.3), which older headers do not have. */
enum { NETDEV_GET = 1, NETDEV_IFINDEX = 1, NETDEV_XDP_FEATURES = 3, NETDEV_XDP_TRANSMITS = 1 << 2 };

struct look {
	char driver[32];
	bool has_flags, knows_transmits, transmits;
	uint32_t flags; /* ETH_FLAG_ */
	char kind[16];
	uint32_t peer;       /* ifindex of the other end; 0: none */
	bool peer_elsewhere; /* in the namespace peer_ns */
	int32_t peer_ns;
	uint8_t xdp; /* XDP_ATTACHED_ */
	char name[IFNAMSIZ];
};

static int ethtool(const char *name, void *data)
{
	struct ifreq r = {.ifr_data = data};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), err = 0;

	if (fd < 0)
		return -errno;
	snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", name);
	if (ioctl(fd, SIOCETHTOOL, &r))
		err = -errno;
	close(fd);
	return err;
}

static void look_at_driver(struct look *l, const char *name)
{
	struct ethtool_drvinfo info = {.cmd = ETHTOOL_GDRVINFO};
	struct ethtool_value flags = {.cmd = ETHTOOL_GFLAGS};

	if (!ethtool(name, &info))
		snprintf(l->driver, sizeof(l->driver), "%.*s", (int)sizeof(l->driver) - 1,
			 info.driver);
	l->has_flags = !ethtool(name, &flags);
	l->flags = flags.data;
}

static const struct nlattr *attribute(const struct nlmsghdr *m, size_t head, uint16_t type)
{
	const struct nlattr *a, *found = NULL;

	mnl_attr_for_each(a, m, head)
	{
		if (mnl_attr_get_type(a) == type)
			found = a;
	}
	return found;
}

static const struct nlattr *nested_attribute(const struct nlattr *in, uint16_t type)
{
	const struct nlattr *a, *found = NULL;

	mnl_attr_for_each_nested(a, in)
	{
		if (mnl_attr_get_type(a) == type)
			found = a;
	}
	return found;
}

static void link_message(void *arg, const struct nlmsghdr *m)
{
	const size_t head = sizeof(struct ifinfomsg);
	const struct nlattr *name = attribute(m, head, IFLA_IFNAME);
	const struct nlattr *peer = attribute(m, head, IFLA_LINK);
	const struct nlattr *peer_ns = attribute(m, head, IFLA_LINK_NETNSID);
	const struct nlattr *info = attribute(m, head, IFLA_LINKINFO);
	const struct nlattr *xdp = attribute(m, head, IFLA_XDP);
	const struct nlattr *kind = info ? nested_attribute(info, IFLA_INFO_KIND) : NULL;
	const struct nlattr *attached = xdp ? nested_attribute(xdp, IFLA_XDP_ATTACHED) : NULL;
	struct look *l = arg;

	snprintf(l->name, sizeof(l->name), "%s", name ? mnl_attr_get_str(name) : "?");
	snprintf(l->kind, sizeof(l->kind), "%s", kind ? mnl_attr_get_str(kind) : "");
	l->peer = peer ? mnl_attr_get_u32(peer) : 0;
	l->peer_elsewhere = peer_ns != NULL;
	l->peer_ns = peer_ns ? (int32_t)mnl_attr_get_u32(peer_ns) : 0;
	l->xdp = attached ? mnl_attr_get_u8(attached) : XDP_ATTACHED_NONE;
}

/* In our namespace, or in the one that ours calls ns. */
static int look_at_link(struct look *l, uint32_t ifindex, const int32_t *ns)
{
	char buffer[256] __attribute__((aligned(8)));
	struct nlmsghdr *m = netlink_message(buffer, RTM_GETLINK, 0, sizeof(struct ifinfomsg));
	struct ifinfomsg *info = netlink_extra(m);
	struct netlink ask;
	int err = netlink_open(&ask, NETLINK_ROUTE);

	info->ifi_index = (int)ifindex;
	if (ns)
		mnl_attr_put_u32(m, IFLA_TARGET_NETNSID, (uint32_t)*ns);
	if (!err)
		err = netlink_query(&ask, m, link_message, l);
	netlink_close(&ask);
	return err;
}

static void family_message(void *arg, const struct nlmsghdr *m)
{
	const struct nlattr *id = attribute(m, sizeof(struct genlmsghdr), CTRL_ATTR_FAMILY_ID);

	if (id)
		*(uint16_t *)arg = mnl_attr_get_u16(id);
}

static void features_message(void *arg, const struct nlmsghdr *m)
{
	const struct nlattr *a = attribute(m, sizeof(struct genlmsghdr), NETDEV_XDP_FEATURES);
	struct look *l = arg;

	l->knows_transmits = a != NULL;
	l->transmits = a && (mnl_attr_get_u64(a) & NETDEV_XDP_TRANSMITS);
}

static struct nlmsghdr *generic_message(void *buffer, uint16_t family, uint8_t command)
{
	struct nlmsghdr *m = netlink_message(buffer, family, 0, sizeof(struct genlmsghdr));
	struct genlmsghdr *g = netlink_extra(m);

	g->cmd = command;
	g->version = 1;
	return m;
}

/* Only kernels from 6.3 on can be asked. */
static void look_at_features(struct look *l, uint32_t ifindex)
{
	char buffer[256] __attribute__((aligned(8)));
	struct nlmsghdr *m = generic_message(buffer, GENL_ID_CTRL, CTRL_CMD_GETFAMILY);
	struct netlink ask;
	uint16_t family = 0;

	if (netlink_open(&ask, NETLINK_GENERIC))
		return;
	mnl_attr_put_strz(m, CTRL_ATTR_FAMILY_NAME, "netdev");
	if (!netlink_query(&ask, m, family_message, &family) && family) {
		m = generic_message(buffer, family, NETDEV_GET);
		mnl_attr_put_u32(m, NETDEV_IFINDEX, ifindex);
		(void)netlink_query(&ask, m, features_message, l); /* no answer: not known */
	}
	netlink_close(&ask);
}

static void look_at_peer(const struct look *l, struct doctor_peer *p)
{
	struct ethtool_value sums = {.cmd = ETHTOOL_GTXCSUM}, flags = {.cmd = ETHTOOL_GFLAGS};
	struct look there = {};

	p->is_there = true;
	p->ifindex = l->peer;
	p->known = !look_at_link(&there, l->peer, l->peer_elsewhere ? &l->peer_ns : NULL);
	p->beside = !l->peer_elsewhere;
	memcpy(p->name, there.name, sizeof(p->name));
	p->native = there.xdp == XDP_ATTACHED_DRV || there.xdp == XDP_ATTACHED_MULTI;
	if (!p->known || !p->beside)
		return;
	p->hides_tags = !ethtool(p->name, &flags) && flags.data & ETH_FLAG_TXVLAN;
	p->partial_sums = !ethtool(p->name, &sums) && sums.data;
}

/* A setting under /proc/sys/net as a number; fallback when it cannot be read. */
static uint64_t setting(const char *name, uint64_t fallback)
{
	unsigned long long value = fallback;
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/sys/net/%s", name);
	f = fopen(path, "re");
	if (!f)
		return fallback;
	if (fscanf(f, "%llu", &value) != 1)
		value = fallback;
	(void)fclose(f); /* only read */
	return value;
}

/* The kernel takes the larger of both. */
static bool is_strict(const char *name)
{
	char path[64];
	uint64_t all = setting("ipv4/conf/all/rp_filter", 0), one;

	snprintf(path, sizeof(path), "ipv4/conf/%s/rp_filter", name);
	one = setting(path, 0);
	return (all > one ? all : one) == 1;
}

static bool has_vlans(const struct net *n, uint32_t ifindex)
{
	for (size_t i = 0; i < n->link_count; i++) {
		struct look l = {};

		if (!look_at_link(&l, n->links[i].is.ifindex, NULL) && l.peer == ifindex &&
		    !strcmp(l.kind, "vlan"))
			return true;
	}
	return false;
}

bool net_look(const struct net *n, const char *name, struct doctor_link *out)
{
	const struct net_iface *i = net_iface_named(n, name);
	struct look l = {};

	snprintf(out->name, sizeof(out->name), "%s", name);
	out->exists = i && !look_at_link(&l, i->ifindex, NULL);
	if (!out->exists)
		return false;
	out->up = i->up;
	out->mtu = i->mtu;
	out->strict = is_strict(name);
	look_at_driver(&l, name);
	memcpy(out->driver, l.driver, sizeof(out->driver));
	out->lro = l.has_flags && l.flags & ETH_FLAG_LRO;
	out->takes_tags = l.has_flags && l.flags & ETH_FLAG_RXVLAN;
	if (!strcmp(l.kind, "veth")) {
		look_at_peer(&l, &out->peer);
		return true;
	}
	look_at_features(&l, i->ifindex);
	out->knows_transmits = l.knows_transmits;
	out->transmits = l.transmits;
	out->has_vlans = out->takes_tags && has_vlans(n, i->ifindex);
	return true;
}

void net_conntrack(uint64_t *tracked, uint64_t *max)
{
	*max = setting("netfilter/nf_conntrack_max", 0);
	*tracked = setting("netfilter/nf_conntrack_count", 0);
}
