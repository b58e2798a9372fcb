/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What will bite later on an interface that XDP runs on, and what to type against it. Looks at the
 * driver, its offloads, and at the other end of a veth pair.
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

static void warn_generic(const struct net_iface *i, const struct look *l, const char *why,
			 struct buf *out)
{
	bool mtu = strcasestr(why, "mtu") || strstr(why, "out of range");

	if (!*why) { /* it was asked for, now or by an earlier daemon */
		buf_printf(out,
			   "%s: XDP runs in generic mode, which is slower; for native mode: lbxdp "
			   "down, then lbxdp up --xdp-mode auto\n",
			   i->name);
		return;
	}
	buf_printf(out, "%s: XDP runs in generic mode, which is slower: %s; ", i->name, why);
	if (mtu)
		buf_printf(
			out,
			"an MTU of %u is too large for native mode: ip link set dev %s mtu 1500\n",
			i->mtu, i->name);
	else if (l->has_flags && l->flags & ETH_FLAG_LRO)
		buf_printf(out, "LRO may be in the way of native mode: ethtool -K %s lro off\n",
			   i->name);
	else
		buf_printf(out, "driver %s: ethtool -i %s\n", *l->driver ? l->driver : "unknown",
			   i->name);
}

static void warn_offloads(const struct net_iface *i, const struct look *l, struct buf *out)
{
	if (l->has_flags && l->flags & ETH_FLAG_RXVLAN)
		buf_printf(out,
			   "%s: the NIC takes VLAN tags off before XDP sees them, and forwarded "
			   "frames lose theirs; ethtool -K %s rxvlan off\n",
			   i->name, i->name);
	if (l->has_flags && l->flags & ETH_FLAG_LRO)
		buf_printf(out,
			   "%s: LRO joins frames before XDP sees them; ethtool -K %s lro off\n",
			   i->name, i->name);
}

static void warn_transmit(const struct net_iface *i, const struct look *l, struct buf *out)
{
	if (l->knows_transmits && !l->transmits)
		buf_printf(
			out,
			"%s: driver %s cannot transmit frames that came in by another interface; "
			"real servers behind %s need node.xdp_mode: generic\n",
			i->name, *l->driver ? l->driver : "unknown", i->name);
}

static void warn_peer_offloads(const struct net_iface *i, const char *peer, struct buf *out)
{
	struct ethtool_value sums = {.cmd = ETHTOOL_GTXCSUM}, flags = {.cmd = ETHTOOL_GFLAGS};

	if (!ethtool(peer, &flags) && flags.data & ETH_FLAG_TXVLAN)
		buf_printf(
			out,
			"%s: its veth peer %s hides VLAN tags from XDP; ethtool -K %s txvlan off "
			"tx-vlan-stag-hw-insert off\n",
			i->name, peer, peer);
	if (!ethtool(peer, &sums) && sums.data)
		buf_printf(out,
			   "%s: its veth peer %s leaves checksums unfinished, which real servers "
			   "then drop; ethtool -K %s tx off\n",
			   i->name, peer, peer);
}

static void warn_veth(const struct net_iface *i, const struct look *l, struct buf *out)
{
	struct look peer = {};
	bool known = !look_at_link(&peer, l->peer, l->peer_elsewhere ? &l->peer_ns : NULL);

	if (known && peer.xdp != XDP_ATTACHED_DRV && peer.xdp != XDP_ATTACHED_MULTI)
		buf_printf(
			out,
			"%s: its veth peer %s has no XDP program, and every frame that XDP sends "
			"is lost; ip link set dev %s xdpdrv obj pass.o sec xdp\n",
			i->name, peer.name, peer.name);
	if (known && !l->peer_elsewhere)
		warn_peer_offloads(i, peer.name, out);
	if (!known)
		buf_printf(
			out,
			"%s: its veth peer (ifindex %u) is in another namespace; without an XDP "
			"program in native mode there, every frame that XDP sends is lost; check "
			"there: ip -d link show\n",
			i->name, l->peer);
}

void net_warnings(const struct net *n, uint32_t ifindex, bool attached_generic, const char *why,
		  struct buf *out)
{
	const struct net_iface *i = net_iface_at(n, ifindex);
	struct look l = {};

	if (!i)
		return;
	look_at_driver(&l, i->name);
	(void)look_at_link(&l, ifindex, NULL); /* gone meanwhile: nothing to say */
	if (attached_generic) {
		warn_generic(i, &l, why, out);
		return;
	}
	if (!strcmp(l.kind, "veth")) {
		warn_veth(i, &l, out);
		return;
	}
	look_at_features(&l, ifindex);
	warn_offloads(i, &l, out);
	warn_transmit(i, &l, out);
}
