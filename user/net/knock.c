/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * SYNs that are sent and answered past the host's TCP, through packet sockets: to a VIP at a real's
 * MAC address, or from an address that is not this host's. One local port is kept for them, so that
 * no connection of another program has it meanwhile; which question an answer is to says the
 * sequence number that it acknowledges.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "lbxdp/abi.h"
#include "net/internal.h"
#include "net/packet.h"

enum {
	SLICE = 64,
	SLICE_MSEC = 10,
	LISTEN_MSEC = 650, /* after each try; the first answers come at once */
	TRIES = 3,
	READ_BUDGET = 256,
	SEQ_SHIFT = 20, /* between the numbers of two questions: KNOCKS_MAX fit */
	PORT_TRIES = 64,
};

struct knocker {
	struct net *net;
	struct watch ear4, ear6;
	struct timer timer;
	bool running;
	int held; /* the socket that keeps the port */
	uint16_t port;
	uint32_t seq; /* of the first question */
	struct knock *at;
	size_t count, silent, next;
	unsigned int tries;
	void (*done)(void *arg);
	void *arg;
};

static uint32_t seq_of(const struct knocker *k, const struct knock *one)
{
	return k->seq + ((uint32_t)(one - k->at) << SEQ_SHIFT);
}

/* Of the interface's own, in the real's network: where its answers come to directly. */
static struct addr near_address(const struct net *n, uint32_t ifindex, const struct addr *real)
{
	for (size_t i = 0; i < n->address_count; i++) {
		const struct net_address *a = &n->addresses[i];

		if (a->ifindex == ifindex && prefix_contains(&a->network, real))
			return a->local;
	}
	return (struct addr){};
}

/*
 * One of the VIP's network, where clients are, if that is not the real's; else an address that is
 * nobody's (RFC 5737, RFC 3849), which the real sends to its default gateway.
 */
static struct addr away_address(const struct net *n, const struct knock *one)
{
	static const uint8_t nobody4[4] = {192, 0, 2, 1};
	static const struct addr nobody6 = {
		{0x20, 0x01, 0x0d, 0xb8, [15] = 1}
        };

	for (size_t i = 0; i < n->address_count; i++) {
		const struct net_address *a = &n->addresses[i];

		if (prefix_contains(&a->network, &one->vip) && !addr_equal(&a->local, &one->vip) &&
		    !prefix_contains(&a->network, &one->real))
			return a->local;
	}
	return addr_is_v4(&one->real) ? addr_from_v4(nobody4) : nobody6;
}

static void send_segment(const struct knocker *k, const struct knock *one, uint8_t flags,
			 uint32_t seq)
{
	const struct net_iface *iface = net_iface_named(k->net, one->interface);
	const struct packet_ends e = {one->from, one->at, k->port, one->port};
	struct sockaddr_ll to = {.sll_family = AF_PACKET};
	uint8_t frame[PACKET_ETHERNET + PACKET_ROOM];
	size_t len;

	if (!iface || addr_is_unspecified(&one->from))
		return;
	to.sll_ifindex = (int)iface->ifindex;
	len = packet_tcp(frame + PACKET_ETHERNET, &e, flags, seq, 0);
	len = packet_frame(frame, one->mac, iface->mac, len);
	(void)sendto(k->ear4.fd, frame, len, MSG_DONTWAIT, (struct sockaddr *)&to,
		     sizeof(to)); /* there are more tries */
}

/* The question that it answers, or NULL. */
static struct knock *answered(const struct knocker *k, const struct packet_segment *s, int ifindex)
{
	const struct net_iface *iface;
	uint32_t offset = s->ack - 1 - k->seq;
	struct knock *one;

	if (!(s->flags & TH_ACK) || offset >> SEQ_SHIFT >= k->count ||
	    offset & ((1U << SEQ_SHIFT) - 1))
		return NULL;
	one = &k->at[offset >> SEQ_SHIFT];
	iface = net_iface_named(k->net, one->interface);
	if (!iface || (int)iface->ifindex != ifindex || s->ends.dport != k->port ||
	    s->ends.sport != one->port || !addr_equal(&s->ends.src, &one->at) ||
	    !addr_equal(&s->ends.dst, &one->from) || memcmp(s->mac, one->mac, sizeof(s->mac)))
		return NULL;
	return one;
}

static void take(struct knocker *k, struct knock *one, uint8_t flags)
{
	k->silent -= one->answer == KNOCK_SILENT;
	one->answer = flags & TH_RST ? KNOCK_REFUSED : KNOCK_OPEN;
	if (one->answer == KNOCK_OPEN) /* else it would be sent again and again */
		send_segment(k, one, TH_RST, seq_of(k, one) + 1);
}

static void hear(struct knocker *k, int fd)
{
	uint8_t frame[PACKET_ETHERNET + PACKET_ROOM];

	for (int i = 0; i < READ_BUDGET; i++) {
		struct sockaddr_ll from = {};
		socklen_t from_len = sizeof(from);
		struct packet_segment s;
		struct knock *one = NULL;
		ssize_t got = recvfrom(fd, frame, sizeof(frame), MSG_DONTWAIT,
				       (struct sockaddr *)&from, &from_len);

		if (got < 0)
			return;
		if (from.sll_pkttype == PACKET_HOST && packet_segment(frame, (size_t)got, &s))
			one = answered(k, &s, from.sll_ifindex);
		if (one)
			take(k, one, s.flags);
	}
}

static void ear4_ready(struct watch *w, unsigned int events)
{
	hear(container_of(w, struct knocker, ear4), w->fd);
}

static void ear6_ready(struct watch *w, unsigned int events)
{
	hear(container_of(w, struct knocker, ear6), w->fd);
}

/* TCP to our port only: the host may be busy. Plain headers only, as packet_segment reads them. */
static int filter_answers(int fd, bool v4, uint16_t port)
{
	const uint32_t proto = ETH_HLEN + (v4 ? 9 : 6), target = ETH_HLEN + (v4 ? 20 : 40) + 2;
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, proto),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_TCP, 0, 3),
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, target),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, port, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, PACKET_ETHERNET + PACKET_ROOM),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	const struct sock_fprog program = {.len = ARRAY_COUNT(code), .filter = code};

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) ? -errno : 0;
}

/* Hears nothing before it is bound: by then its filter stands. */
static int open_ear(struct knocker *k, struct watch *w, uint16_t type)
{
	struct sockaddr_ll all = {.sll_family = AF_PACKET, .sll_protocol = htons(type)};
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), err;

	if (fd < 0)
		return -errno;
	err = filter_answers(fd, type == ETH_P_IP, k->port);
	if (!err && bind(fd, (struct sockaddr *)&all, sizeof(all)))
		err = -errno;
	if (!err)
		err = loop_watch(k->net->loop, w, fd, LOOP_READ);
	if (err) {
		close(fd);
		return err;
	}
	w->fd = fd;
	return 0;
}

static void close_ear(struct watch *w)
{
	if (!w->active)
		return;
	loop_unwatch(w);
	close(w->fd);
}

/* A port of both families that the kernel gives; or -errno. */
static int hold_port(uint16_t *port)
{
	struct sockaddr_in6 any = {.sin6_family = AF_INET6};
	struct sockaddr_in any4 = {.sin_family = AF_INET};
	socklen_t len = sizeof(any);
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0), err;

	if (fd >= 0) {
		err = bind(fd, (struct sockaddr *)&any, sizeof(any));
	} else {
		fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		err = fd < 0 ? -1 : bind(fd, (struct sockaddr *)&any4, sizeof(any4));
	}
	if (err || getsockname(fd, (struct sockaddr *)&any, &len)) {
		err = -errno;
		if (fd >= 0)
			close(fd);
		return err;
	}
	*port = ntohs(any.sin6_port); /* at the same place in both */
	return fd;
}

/* Below the ports of checks by a VIP, which XDP and tc look at. Ports that do not fit are held
 * until another is found. */
static int hold_fitting_port(struct knocker *k)
{
	int held[PORT_TRIES], tries = 0, err = -EADDRINUSE;

	k->held = -1;
	while (k->held < 0 && tries < PORT_TRIES) {
		int fd = hold_port(&k->port);

		if (fd < 0) {
			err = fd;
			break;
		}
		if (k->port < LB_VIA_PORT_FIRST)
			k->held = fd;
		else
			held[tries++] = fd;
	}
	while (tries)
		close(held[--tries]);
	return k->held < 0 ? err : 0;
}

static void end_round(struct knocker *k)
{
	timer_stop(&k->timer);
	close_ear(&k->ear4);
	close_ear(&k->ear6);
	if (k->held >= 0)
		close(k->held);
	k->held = -1;
	k->running = false;
}

static void go_on(struct timer *t)
{
	struct knocker *k = container_of(t, struct knocker, timer);

	if (k->next == k->count && k->silent && k->tries < TRIES)
		k->next = 0;
	if (k->next == k->count) {
		end_round(k);
		k->done(k->arg);
		return;
	}
	for (int i = 0; i < SLICE && k->next < k->count; i++, k->next++)
		if (k->at[k->next].answer == KNOCK_SILENT)
			send_segment(k, &k->at[k->next], TH_SYN, seq_of(k, &k->at[k->next]));
	k->tries += k->next == k->count;
	timer_start(k->net->loop, t, k->next < k->count ? SLICE_MSEC : LISTEN_MSEC);
}

static void choose_sources(const struct knocker *k)
{
	for (size_t i = 0; i < k->count; i++) {
		struct knock *one = &k->at[i];
		const struct net_iface *iface = net_iface_named(k->net, one->interface);

		one->answer = KNOCK_SILENT;
		one->from = (struct addr){};
		if (iface && one->kind == KNOCK_AWAY)
			one->from = away_address(k->net, one);
		else if (iface)
			one->from = near_address(k->net, iface->ifindex, &one->real);
	}
}

static int begin_round(struct knocker *k)
{
	int err = hold_fitting_port(k);

	if (!err && getrandom(&k->seq, sizeof(k->seq), GRND_NONBLOCK) != sizeof(k->seq))
		err = -EAGAIN;
	if (!err)
		err = open_ear(k, &k->ear4, ETH_P_IP);
	if (!err)
		err = open_ear(k, &k->ear6, ETH_P_IPV6);
	if (err) {
		end_round(k);
		return err;
	}
	choose_sources(k);
	k->running = true;
	k->silent = k->count;
	k->next = k->tries = 0;
	timer_start(k->net->loop, &k->timer, 0);
	return 0;
}

int net_knock(struct net *n, struct knock *knocks, size_t count, void (*done)(void *arg), void *arg)
{
	struct knocker *k = n->knocker;

	if (k->running)
		return -EBUSY;
	k->at = knocks;
	k->count = count;
	k->done = done;
	k->arg = arg;
	return begin_round(k);
}

bool net_knocking(const struct net *n)
{
	return n->knocker->running;
}

void knocker_open(struct net *n)
{
	struct knocker *k = xcalloc(1, sizeof(*k));

	n->knocker = k;
	k->net = n;
	k->held = -1;
	k->ear4.fn = ear4_ready;
	k->ear6.fn = ear6_ready;
	k->timer.fn = go_on;
}

void knocker_close(struct net *n)
{
	if (!n->knocker)
		return;
	end_round(n->knocker);
	free(n->knocker);
}
