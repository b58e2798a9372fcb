/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What leads packets with the mark of TProxy into the host: a policy rule, and a table of its own
 * in which every address is local. Table and protocol number (0x6c, as the addresses have it) make
 * both ours; a rule of somebody else with that mark is left alone.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lbxdp/tproxy.h"
#include "net/internal.h"

enum { OUR_PROTOCOL = 0x6c };

static const uint32_t loopback = 1; /* lo has this index in each network namespace */

static int order_rule(struct net *n, uint16_t type, uint16_t flags, const struct row_local_route *r)
{
	char buffer[256] __attribute__((aligned(8)));
	struct nlmsghdr *m = netlink_message(buffer, type, flags, sizeof(struct fib_rule_hdr));
	struct fib_rule_hdr *h = netlink_extra(m);

	h->family = (uint8_t)r->family;
	h->action = FR_ACT_TO_TBL;
	mnl_attr_put_u32(m, FRA_PRIORITY, LB_TPROXY_RULE_PRIORITY);
	mnl_attr_put_u32(m, FRA_FWMARK, LB_TPROXY_MARK);
	mnl_attr_put_u32(m, FRA_FWMASK, LB_TPROXY_MARK);
	mnl_attr_put_u32(m, FRA_TABLE, r->table);
	mnl_attr_put_u8(m, FRA_PROTOCOL, OUR_PROTOCOL);
	return netlink_request(&n->order, m);
}

static int order_route(struct net *n, uint16_t type, uint16_t flags,
		       const struct row_local_route *r)
{
	char buffer[256] __attribute__((aligned(8)));
	struct nlmsghdr *m = netlink_message(buffer, type, flags, sizeof(struct rtmsg));
	struct rtmsg *h = netlink_extra(m);

	h->rtm_family = (uint8_t)r->family;
	h->rtm_protocol = OUR_PROTOCOL;
	h->rtm_scope = r->family == AF_INET ? RT_SCOPE_HOST : RT_SCOPE_UNIVERSE;
	h->rtm_type = RTN_LOCAL;
	mnl_attr_put_u32(m, RTA_TABLE, r->table);
	mnl_attr_put_u32(m, RTA_OIF, loopback);
	return netlink_request(&n->order, m);
}

/* -ESRCH, -ENOENT: it is gone; the others: the host has no IPv6. */
static bool is_gone(int err)
{
	return err == -ESRCH || err == -ENOENT || err == -EAFNOSUPPORT || err == -EOPNOTSUPP;
}

/* The route first: without it the rule would lead nowhere, and the packet on to its receiver. */
int local_route_put(struct net *n, const struct row_local_route *r)
{
	const uint16_t anew = NLM_F_CREATE | NLM_F_EXCL;
	int err = order_route(n, RTM_NEWROUTE, anew, r);

	if (!err || err == -EEXIST)
		err = order_rule(n, RTM_NEWRULE, anew, r);
	return err == -EEXIST ? 0 : err;
}

int local_route_delete(struct net *n, const struct row_local_route *r)
{
	int err = order_rule(n, RTM_DELRULE, 0, r);

	if (!err || is_gone(err))
		err = order_route(n, RTM_DELROUTE, 0, r);
	return is_gone(err) ? 0 : err;
}

static void note_egress(void *arg, const struct nlmsghdr *m)
{
	const struct rtmsg *h = netlink_extra(m);
	const struct nlattr *a;
	uint32_t *ifindex = arg;

	if (m->nlmsg_type != RTM_NEWROUTE || h->rtm_type != RTN_UNICAST)
		return;
	mnl_attr_for_each(a, m, sizeof(*h))
	{
		if (mnl_attr_get_type(a) == RTA_OIF)
			*ifindex = mnl_attr_get_u32(a);
	}
}

uint32_t net_egress(struct net *n, const struct addr *to)
{
	char buffer[256] __attribute__((aligned(8)));
	struct nlmsghdr *m = netlink_message(buffer, RTM_GETROUTE, 0, sizeof(struct rtmsg));
	struct rtmsg *h = netlink_extra(m);
	bool v4 = addr_is_v4(to);
	uint32_t ifindex = 0;

	h->rtm_family = v4 ? AF_INET : AF_INET6;
	h->rtm_dst_len = v4 ? 32 : 128;
	mnl_attr_put(m, RTA_DST, v4 ? 4 : 16, to->byte + (v4 ? 12 : 0));
	return netlink_query(&n->order, m, note_egress, &ifindex) ? 0 : ifindex;
}

bool net_forwards(int family)
{
	int fd = open(family == AF_INET ? "/proc/sys/net/ipv4/ip_forward"
					: "/proc/sys/net/ipv6/conf/all/forwarding",
		      O_RDONLY | O_CLOEXEC);
	char value = '1'; /* where it cannot be read, nothing is to be said */

	if (fd < 0)
		return true;
	(void)!read(fd, &value, 1);
	close(fd);
	return value != '0';
}
