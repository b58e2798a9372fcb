/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * VIPs as addresses of the host, for as long as a layer-7 service listens on them. They stand on
 * lo, as /32 or /128: lo never goes down or away, so one address serves every interface that
 * clients come by, and the kernel has no link on which to announce it or to test it for duplicates
 * (that is the work of the data plane). Ours bear a protocol number (ip address: "proto"), and
 * only those are ever deleted: an address the host had by itself stays.
 */
#include <errno.h>
#include <linux/if_addr.h>
#include <string.h>

#include "net/internal.h"

/* Beside the kernel's own 1 to 3. Linux before 5.18 does not keep it; there an address that we
 * made stays until the host restarts. */
enum { OUR_PROTOCOL = 0x6c };

static const uint32_t loopback = 1; /* lo has this index in each network namespace */

/* Not chosen by itself as the source of the host's own connections: IPv4 by its scope, IPv6
 * because it is not preferred. Binding to it works all the same. */
static void describe(struct nlmsghdr *m, const struct addr *vip)
{
	const struct ifa_cacheinfo life = {.ifa_prefered = 0, .ifa_valid = UINT32_MAX};
	struct ifaddrmsg *a = netlink_extra(m);
	bool v4 = addr_is_v4(vip);

	a->ifa_family = v4 ? AF_INET : AF_INET6;
	a->ifa_prefixlen = v4 ? 32 : 128;
	a->ifa_scope = v4 ? RT_SCOPE_HOST : RT_SCOPE_UNIVERSE;
	a->ifa_index = loopback;
	mnl_attr_put(m, IFA_LOCAL, v4 ? 4 : 16, vip->byte + (v4 ? 12 : 0));
	mnl_attr_put(m, IFA_ADDRESS, v4 ? 4 : 16, vip->byte + (v4 ? 12 : 0));
	mnl_attr_put_u8(m, IFA_PROTO, OUR_PROTOCOL);
	if (v4)
		return;
	mnl_attr_put_u32(m, IFA_FLAGS, IFA_F_NODAD);
	mnl_attr_put(m, IFA_CACHEINFO, sizeof(life), &life);
}

int addresses_put(struct net *n, const struct addr *vip)
{
	char buffer[256] __attribute__((aligned(8)));
	struct nlmsghdr *m = netlink_message(buffer, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL,
					     sizeof(struct ifaddrmsg));
	int err;

	describe(m, vip);
	err = netlink_request(&n->order, m);
	return err == -EEXIST ? 0 : err; /* ours from before, or the host's own */
}

struct search {
	net_address_fn *fn;
	void *arg;
};

static void look(void *arg, const struct nlmsghdr *m)
{
	const struct search *s = arg;
	const struct nlattr *attr;
	struct net_address a;
	uint8_t protocol = 0;

	if (!address_parse(m, &a))
		return;
	mnl_attr_for_each(attr, m, sizeof(struct ifaddrmsg))
	{
		if (mnl_attr_get_type(attr) == IFA_PROTO && mnl_attr_get_payload_len(attr) == 1)
			protocol = mnl_attr_get_u8(attr);
	}
	if (a.ifindex == loopback && protocol == OUR_PROTOCOL && a.network.len == 128)
		s->fn(s->arg, &a.local);
}

int net_own_addresses(struct net *n, net_address_fn *fn, void *arg)
{
	struct search s = {.fn = fn, .arg = arg};
	char buffer[256] __attribute__((aligned(8)));
	int err = -EINTR;

	for (int tries = 0; err == -EINTR && tries < 8; tries++) /* it changed meanwhile */
		err = netlink_query(
			&n->ask,
			netlink_message(buffer, RTM_GETADDR, NLM_F_DUMP, sizeof(struct ifaddrmsg)),
			look, &s);
	return err;
}

struct sought {
	const struct addr *vip;
	bool found;
};

static void compare(void *arg, const struct addr *own)
{
	struct sought *s = arg;

	s->found |= addr_equal(own, s->vip);
}

int addresses_delete(struct net *n, const struct addr *vip)
{
	char buffer[256] __attribute__((aligned(8)));
	struct sought sought = {.vip = vip};
	int err = net_own_addresses(n, compare, &sought);
	struct nlmsghdr *m;

	if (err || !sought.found)
		return err;
	m = netlink_message(buffer, RTM_DELADDR, 0, sizeof(struct ifaddrmsg));
	describe(m, vip);
	err = netlink_request(&n->order, m);
	return err == -EADDRNOTAVAIL ? 0 : err; /* someone took it away meanwhile */
}
