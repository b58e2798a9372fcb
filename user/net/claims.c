/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who else has a VIP: asked by ARP and neighbour solicitations on each interface, and heard through
 * packet sockets that are open for the length of a round only. Slices of questions keep a host of
 * many VIPs from flooding its network.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <netinet/icmp6.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "net/internal.h"
#include "net/packet.h"

enum { SLICE = 64, SLICE_MSEC = 10, LISTEN_MSEC = 1000, READ_BUDGET = 256 };

struct asker {
	struct net *net;
	struct watch arp, nd;
	struct timer timer;
	bool running;
	struct addr *vips; /* sorted; of the round */
	size_t vip_count;
	uint32_t *ifindex;
	size_t ifindex_count;
	size_t next; /* of all questions */
	void (*heard)(void *arg);
	void *arg;
	struct net_claim now[NET_CLAIMS_MAX], last[NET_CLAIMS_MAX];
	size_t now_count, last_count;
};

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct addr));
}

bool net_own_mac(const struct net *n, const uint8_t mac[6])
{
	for (size_t i = 0; i < n->link_count; i++)
		if (!memcmp(n->links[i].is.mac, mac, 6))
			return true;
	return false;
}

static void note(struct asker *a, const struct net_claim *c)
{
	static const uint8_t nobody[6];

	if (c->mac[0] & 1 || !memcmp(c->mac, nobody, 6) || net_own_mac(a->net, c->mac) ||
	    !bsearch(&c->vip, a->vips, a->vip_count, sizeof(*a->vips), compare))
		return;
	for (size_t i = 0; i < a->now_count; i++)
		if (!memcmp(&a->now[i], c, sizeof(*c)))
			return;
	if (a->now_count < NET_CLAIMS_MAX)
		a->now[a->now_count++] = *c;
}

static bool is_asked(const struct asker *a, uint32_t ifindex)
{
	for (size_t i = 0; i < a->ifindex_count; i++)
		if (a->ifindex[i] == ifindex)
			return true;
	return false;
}

static void hear(struct asker *a, int fd)
{
	uint8_t frame[PACKET_ROOM];

	for (int i = 0; i < READ_BUDGET; i++) {
		struct sockaddr_ll from = {};
		socklen_t from_len = sizeof(from);
		struct net_claim c;
		ssize_t got = recvfrom(fd, frame, sizeof(frame), MSG_DONTWAIT,
				       (struct sockaddr *)&from, &from_len);

		if (got < 0)
			return;
		memset(&c, 0, sizeof(c)); /* whole structs are compared */
		c.ifindex = (uint32_t)from.sll_ifindex;
		if (from.sll_pkttype != PACKET_OUTGOING && is_asked(a, c.ifindex) &&
		    packet_claims(frame, (size_t)got, &c.vip, c.mac))
			note(a, &c);
	}
}

static void arp_ready(struct watch *w, unsigned int events)
{
	hear(container_of(w, struct asker, arp), w->fd);
}

static void nd_ready(struct watch *w, unsigned int events)
{
	hear(container_of(w, struct asker, nd), w->fd);
}

/* Neighbour advertisements only, straight behind an IPv6 header. */
static int filter_advertisements(int fd)
{
	enum { NEXT_HEADER = ETH_HLEN + 6, TYPE = ETH_HLEN + 40 };
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, NEXT_HEADER),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_ICMPV6, 0, 3),
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, TYPE),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ND_NEIGHBOR_ADVERT, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, PACKET_ROOM),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	const struct sock_fprog program = {.len = ARRAY_COUNT(code), .filter = code};

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) ? -errno : 0;
}

/* Hears nothing before it is bound: by then its filter stands. */
static int open_ear(struct asker *a, struct watch *w, uint16_t type)
{
	struct sockaddr_ll all = {.sll_family = AF_PACKET, .sll_protocol = htons(type)};
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), err = 0;

	if (fd < 0)
		return -errno;
	if (type == ETH_P_IPV6)
		err = filter_advertisements(fd);
	if (!err && bind(fd, (struct sockaddr *)&all, sizeof(all)))
		err = -errno;
	if (!err)
		err = loop_watch(a->net->loop, w, fd, LOOP_READ);
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

static void end_round(struct asker *a)
{
	timer_stop(&a->timer);
	close_ear(&a->arp);
	close_ear(&a->nd);
	free(a->vips);
	free(a->ifindex);
	a->vips = NULL;
	a->ifindex = NULL;
	a->running = false;
}

/* A sender that a client in the VIP's network would be too, else some address of the interface.
 * Unspecified when it has none: ARP can ask so, neighbour discovery would tell everybody. */
static struct addr sender(const struct net *n, uint32_t ifindex, const struct addr *vip)
{
	struct addr some = addr_is_v4(vip) ? addr_from_v4(&(uint32_t){0}) : (struct addr){};
	bool found = false;

	for (size_t i = 0; i < n->address_count; i++) {
		const struct net_address *a = &n->addresses[i];

		if (a->ifindex != ifindex || addr_is_v4(&a->local) != addr_is_v4(vip) ||
		    addr_equal(&a->local, vip))
			continue;
		if (prefix_contains(&a->network, vip))
			return a->local;
		if (!found)
			some = a->local;
		found = true;
	}
	return some;
}

static void ask_one(struct asker *a, uint32_t ifindex, const struct addr *vip)
{
	const struct net_iface *iface = net_iface_at(a->net, ifindex);
	struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_ifindex = (int)ifindex};
	struct addr from = sender(a->net, ifindex, vip);
	uint8_t frame[PACKET_ROOM];
	size_t len;

	if (!iface || !iface->up || (!addr_is_v4(vip) && addr_is_unspecified(&from)))
		return;
	len = packet_question(frame, iface->mac, &from, vip);
	(void)sendto(a->arp.fd, frame, len, MSG_DONTWAIT, (struct sockaddr *)&to,
		     sizeof(to)); /* the next round asks again */
}

static void go_on(struct timer *t)
{
	struct asker *a = container_of(t, struct asker, timer);
	size_t all = a->vip_count * a->ifindex_count;

	if (a->next < all) {
		for (int i = 0; i < SLICE && a->next < all; i++, a->next++)
			ask_one(a, a->ifindex[a->next / a->vip_count],
				&a->vips[a->next % a->vip_count]);
		timer_start(a->net->loop, t, a->next < all ? SLICE_MSEC : LISTEN_MSEC);
		return;
	}
	memcpy(a->last, a->now, sizeof(a->now));
	a->last_count = a->now_count;
	end_round(a);
	a->heard(a->arg);
}

static int begin_round(struct asker *a)
{
	int err = open_ear(a, &a->arp, ETH_P_ARP);

	if (!err)
		err = open_ear(a, &a->nd, ETH_P_IPV6);
	if (err) {
		end_round(a);
		return err;
	}
	a->running = true;
	a->next = a->now_count = 0;
	timer_start(a->net->loop, &a->timer, a->vip_count && a->ifindex_count ? 0 : LISTEN_MSEC);
	return 0;
}

int net_ask(struct net *n, const struct net_question *q)
{
	struct asker *a = n->asker;

	if (a->running)
		return -EBUSY;
	a->heard = q->heard;
	a->arg = q->arg;
	a->vips = xcalloc(q->vip_count + 1, sizeof(*q->vips));
	memcpy(a->vips, q->vips, q->vip_count * sizeof(*q->vips));
	qsort(a->vips, q->vip_count, sizeof(*a->vips), compare);
	a->vip_count = q->vip_count;
	a->ifindex = xcalloc(q->ifindex_count + 1, sizeof(*q->ifindex));
	memcpy(a->ifindex, q->ifindex, q->ifindex_count * sizeof(*q->ifindex));
	a->ifindex_count = q->ifindex_count;
	return begin_round(a);
}

bool net_asking(const struct net *n)
{
	return n->asker->running;
}

const struct net_claim *net_claims(const struct net *n, size_t *count)
{
	*count = n->asker->last_count;
	return n->asker->last;
}

void asker_open(struct net *n)
{
	struct asker *a = xcalloc(1, sizeof(*a));

	n->asker = a;
	a->net = n;
	a->arp.fn = arp_ready;
	a->nd.fn = nd_ready;
	a->timer.fn = go_on;
}

void asker_close(struct net *n)
{
	if (!n->asker)
		return;
	end_round(n->asker);
	free(n->asker);
}
