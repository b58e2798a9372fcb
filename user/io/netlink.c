/* SPDX-License-Identifier: GPL-2.0-only */
#include "io/netlink.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "base/alloc.h"

enum {
	ANSWER_SECONDS = 2,        /* the kernel answers at once, or something is broken */
	WATCH_BUFFER = 4 << 20,    /* a burst of neighbour events */
	MESSAGES_A_WAKE_UP = 1024, /* then the loop's other work gets its turn */
};

int netlink_open(struct netlink *n, int bus)
{
	const struct timeval patience = {.tv_sec = ANSWER_SECONDS};

	n->sequence = 0;
	n->socket = mnl_socket_open2(bus, SOCK_CLOEXEC);
	if (!n->socket)
		return -errno;
	if (mnl_socket_bind(n->socket, 0, MNL_SOCKET_AUTOPID) ||
	    setsockopt(mnl_socket_get_fd(n->socket), SOL_SOCKET, SO_RCVTIMEO, &patience,
		       sizeof(patience))) {
		int err = -errno;

		netlink_close(n);
		return err;
	}
	n->port = mnl_socket_get_portid(n->socket);
	return 0;
}

void netlink_close(struct netlink *n)
{
	if (n->socket)
		mnl_socket_close(n->socket);
	n->socket = NULL;
}

struct nlmsghdr *netlink_message(void *buffer, uint16_t type, uint16_t flags, size_t extra)
{
	struct nlmsghdr *m = mnl_nlmsg_put_header(buffer);

	m->nlmsg_type = type;
	m->nlmsg_flags = NLM_F_REQUEST | flags;
	mnl_nlmsg_put_extra_header(m, extra); /* zeroes it */
	return m;
}

void *netlink_extra(const struct nlmsghdr *m)
{
	return mnl_nlmsg_get_payload(m);
}

struct query {
	netlink_message_fn *fn;
	void *arg;
};

static int one_message(const struct nlmsghdr *m, void *data)
{
	const struct query *q = data;

	if (q->fn)
		q->fn(q->arg, m);
	return MNL_CB_OK;
}

static int transact(struct netlink *n, struct nlmsghdr *m, struct query *q)
{
	char room[NETLINK_ROOM] __attribute__((aligned(8)));
	int more = MNL_CB_OK;

	m->nlmsg_seq = ++n->sequence;
	if (mnl_socket_sendto(n->socket, m, m->nlmsg_len) < 0)
		return -errno;
	while (more > MNL_CB_STOP) {
		ssize_t len = mnl_socket_recvfrom(n->socket, room, sizeof(room));

		if (len < 0 && errno == EINTR)
			continue;
		if (len < 0)
			return -errno;
		more = mnl_cb_run(room, (size_t)len, n->sequence, n->port, one_message, q);
		if (more < 0 && errno == EPROTO)
			more = MNL_CB_OK; /* the late answer to a request that we gave up */
	}
	return more < 0 ? -errno : 0;
}

int netlink_request(struct netlink *n, struct nlmsghdr *m)
{
	struct query none = {};

	m->nlmsg_flags |= NLM_F_ACK;
	return transact(n, m, &none);
}

int netlink_query(struct netlink *n, struct nlmsghdr *m, netlink_message_fn *fn, void *arg)
{
	struct query q = {fn, arg};

	if (!(m->nlmsg_flags & NLM_F_DUMP))
		m->nlmsg_flags |= NLM_F_ACK; /* ends an answer of one message */
	return transact(n, m, &q);
}

static int watched_message(const struct nlmsghdr *m, void *data)
{
	const struct netlink_watch *w = data;

	w->message(w->arg, m);
	return MNL_CB_OK;
}

void netlink_watch_read(struct netlink_watch *w)
{
	char room[NETLINK_ROOM] __attribute__((aligned(8)));
	bool lost = false, any = false;

	for (int i = 0; i < MESSAGES_A_WAKE_UP; i++) {
		ssize_t len = mnl_socket_recvfrom(w->socket, room, sizeof(room));

		if (len < 0 && (errno == ENOBUFS || errno == EINTR)) {
			lost |= errno == ENOBUFS;
			continue;
		}
		if (len <= 0)
			break;
		any = true;
		(void)mnl_cb_run(room, (size_t)len, 0, 0, watched_message, w);
	}
	if (lost)
		w->overrun(w->arg);
	if (lost || any)
		w->batch(w->arg);
}

static void readable(struct watch *watch, unsigned int events)
{
	netlink_watch_read(container_of(watch, struct netlink_watch, watch));
}

static int join(struct netlink_watch *w, const unsigned int *groups, size_t count)
{
	int size = WATCH_BUFFER, fd = mnl_socket_get_fd(w->socket);

	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)))
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)); /* helps only */
	if (mnl_socket_bind(w->socket, 0, MNL_SOCKET_AUTOPID))
		return -errno;
	for (size_t i = 0; i < count; i++) {
		int group = (int)groups[i];

		if (mnl_socket_setsockopt(w->socket, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)))
			return -errno;
	}
	return 0;
}

int netlink_watch_open(struct netlink_watch *w, struct loop *l, const unsigned int *groups,
		       size_t count)
{
	int err;

	w->socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (!w->socket)
		return -errno;
	err = join(w, groups, count);
	w->watch.fn = readable;
	if (!err)
		err = loop_watch(l, &w->watch, mnl_socket_get_fd(w->socket), LOOP_READ);
	if (err)
		netlink_watch_close(w);
	return err;
}

void netlink_watch_close(struct netlink_watch *w)
{
	loop_unwatch(&w->watch);
	if (w->socket)
		mnl_socket_close(w->socket);
	w->socket = NULL;
}
