/* SPDX-License-Identifier: GPL-2.0-only */
/* The TCP connections that end at this host, as the kernel's socket diagnosis lists and ends them.
 */
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netinet/tcp.h>
#include <stdlib.h>

#include "net/internal.h"

/* Those that still have something to say; what only waits for stray packets needs no address. */
static const uint32_t states = 1 << TCP_ESTABLISHED | 1 << TCP_SYN_RECV | 1 << TCP_FIN_WAIT1 |
			       1 << TCP_CLOSE_WAIT | 1 << TCP_LAST_ACK | 1 << TCP_CLOSING;

typedef void socket_fn(void *arg, const struct inet_diag_msg *s);

struct listing {
	socket_fn *fn;
	void *arg;
};

static struct addr addr_of(const struct inet_diag_msg *s, const __be32 *from)
{
	return s->idiag_family == AF_INET ? addr_from_v4(from) : addr_from_v6(from);
}

static void tell(void *arg, const struct nlmsghdr *m)
{
	const struct listing *l = arg;

	l->fn(l->arg, netlink_extra(m));
}

static int list_family(struct netlink *n, uint8_t family, struct listing *l)
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

static int list(struct netlink *n, socket_fn *fn, void *arg)
{
	struct listing l = {.fn = fn, .arg = arg};
	int err = list_family(n, AF_INET, &l);

	return err ? err : list_family(n, AF_INET6, &l);
}

struct addresses {
	net_address_fn *fn;
	void *arg;
};

static void tell_local(void *arg, const struct inet_diag_msg *s)
{
	const struct addresses *a = arg;
	struct addr local = addr_of(s, s->id.idiag_src);

	/* No process has it any more, and the peer does not answer: the kernel gives it up alone.
	 */
	if (s->idiag_inode || !s->idiag_retrans)
		a->fn(a->arg, &local);
}

int net_connections(net_address_fn *fn, void *arg)
{
	struct addresses a = {fn, arg};
	struct netlink n;
	int err = netlink_open(&n, NETLINK_SOCK_DIAG);

	if (err)
		return err;
	err = list(&n, tell_local, &a);
	netlink_close(&n);
	return err;
}

/* The sockets that are to end: the kernel is told when it has told everything. */
struct chosen {
	net_connection_fn *ends;
	void *arg;
	struct inet_diag_req_v2 *at;
	size_t count, room;
	bool no_memory;
};

static struct inet_diag_req_v2 *chosen_add(struct chosen *c)
{
	if (c->count == c->room) {
		size_t room = c->room ? 2 * c->room : 64;
		void *at = reallocarray(c->at, room, sizeof(*c->at));

		if (!at) {
			c->no_memory = true;
			return NULL;
		}
		c->at = at;
		c->room = room;
	}
	return &c->at[c->count++];
}

static void choose(void *arg, const struct inet_diag_msg *s)
{
	struct chosen *c = arg;
	const struct net_connection is = {
		.local = addr_of(s, s->id.idiag_src),
		.peer = addr_of(s, s->id.idiag_dst),
		.local_port = ntohs(s->id.idiag_sport),
		.peer_port = ntohs(s->id.idiag_dport),
	};
	struct inet_diag_req_v2 *r = c->ends(c->arg, &is) ? chosen_add(c) : NULL;

	if (r)
		*r = (struct inet_diag_req_v2){.sdiag_family = s->idiag_family,
					       .sdiag_protocol = IPPROTO_TCP,
					       .idiag_states = states,
					       .id = s->id};
}

static int destroy(struct netlink *n, const struct inet_diag_req_v2 *socket)
{
	char buffer[256] __attribute__((aligned(8)));
	struct nlmsghdr *m = netlink_message(buffer, SOCK_DESTROY, 0, sizeof(*socket));
	int err;

	*(struct inet_diag_req_v2 *)netlink_extra(m) = *socket;
	err = netlink_request(n, m);
	return err == -ENOENT ? 0 : err; /* it ended by itself */
}

int net_end_connections(net_connection_fn *ends, void *arg, size_t *ended)
{
	struct chosen c = {.ends = ends, .arg = arg};
	struct netlink n;
	int err = netlink_open(&n, NETLINK_SOCK_DIAG);

	*ended = 0;
	if (err)
		return err;
	err = list(&n, choose, &c);
	if (!err && c.no_memory)
		err = -ENOMEM;
	for (size_t i = 0; i < c.count; i++) {
		int e = destroy(&n, &c.at[i]);

		*ended += !e;
		err = err ? err : e;
	}
	free(c.at);
	netlink_close(&n);
	return err;
}

struct search {
	const struct net *net;
	uid_t uid;
	bool found;
};

static bool is_own(const struct net *n, const struct addr *a)
{
	for (size_t i = 0; i < n->address_count; i++)
		if (addr_equal(&n->addresses[i].local, a))
			return true;
	return addr_is_v4(a) && a->byte[12] == 127;
}

/* One that its process has closed may have lost its owner. */
static void compare(void *arg, const struct inet_diag_msg *socket)
{
	struct search *s = arg;
	struct addr local = addr_of(socket, socket->id.idiag_src);
	bool closed = !socket->idiag_inode;

	if (closed ? !socket->idiag_retrans : socket->idiag_uid == s->uid)
		s->found = s->found || !is_own(s->net, &local);
}

int net_transparent(const struct net *n, uid_t uid, bool *any)
{
	struct search s = {.net = n, .uid = uid};
	struct netlink ask;
	int err = netlink_open(&ask, NETLINK_SOCK_DIAG);

	*any = false;
	if (err)
		return err;
	err = list(&ask, compare, &s);
	netlink_close(&ask);
	*any = s.found;
	return err;
}
