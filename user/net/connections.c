/* SPDX-License-Identifier: GPL-2.0-only */
/* The TCP connections that end at this host, as the kernel's socket diagnosis lists them. */
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netinet/tcp.h>

#include "net/internal.h"

/* Those that still have something to say; what only waits for stray packets needs no address. */
static const uint32_t states = 1 << TCP_ESTABLISHED | 1 << TCP_SYN_RECV | 1 << TCP_FIN_WAIT1 |
			       1 << TCP_CLOSE_WAIT | 1 << TCP_LAST_ACK | 1 << TCP_CLOSING;

struct listing {
	net_address_fn *fn;
	void *arg;
};

static void tell(void *arg, const struct nlmsghdr *m)
{
	const struct listing *l = arg;
	const struct inet_diag_msg *s = netlink_extra(m);
	struct addr local = s->idiag_family == AF_INET ? addr_from_v4(s->id.idiag_src)
						       : addr_from_v6(s->id.idiag_src);

	/* No process has it any more, and the peer does not answer: the kernel gives it up alone.
	 */
	if (!s->idiag_inode && s->idiag_retrans)
		return;
	l->fn(l->arg, &local);
}

struct search {
	const struct net *net;
	bool found;
};

static bool is_own(const struct net *n, const struct addr *a)
{
	for (size_t i = 0; i < n->address_count; i++)
		if (addr_equal(&n->addresses[i].local, a))
			return true;
	return addr_is_v4(a) && a->byte[12] == 127;
}

static void compare(void *arg, const struct addr *local)
{
	struct search *s = arg;

	s->found = s->found || !is_own(s->net, local);
}

static int list(struct netlink *n, uint8_t family, struct listing *l)
{
	char buffer[256] __attribute__((aligned(8)));
	int err = -EINTR;

	for (int tries = 0; err == -EINTR && tries < 8; tries++) { /* it changed meanwhile */
		struct nlmsghdr *m = netlink_message(buffer, SOCK_DIAG_BY_FAMILY, NLM_F_DUMP,
						     sizeof(struct inet_diag_req_v2));
		struct inet_diag_req_v2 *r = netlink_extra(m);

		r->sdiag_family = family;
		r->sdiag_protocol = IPPROTO_TCP;
		r->idiag_states = states;
		err = netlink_query(n, m, tell, l);
	}
	return err;
}

int net_connections(net_address_fn *fn, void *arg)
{
	struct listing l = {.fn = fn, .arg = arg};
	struct netlink n;
	int err = netlink_open(&n, NETLINK_SOCK_DIAG);

	if (err)
		return err;
	err = list(&n, AF_INET, &l);
	if (!err)
		err = list(&n, AF_INET6, &l);
	netlink_close(&n);
	return err;
}

int net_transparent(const struct net *n, bool *any)
{
	struct search s = {.net = n};
	int err = net_connections(compare, &s);

	*any = s.found;
	return err;
}
