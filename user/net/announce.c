/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where a VIP lives, told to everybody: gratuitous ARP, unsolicited neighbour advertisements, each
 * three times a second apart, because the first may be lost on a port that just came up. And the
 * solicited-node group of an IPv6 VIP, joined at the link layer only: without a socket, so that the
 * NIC lets solicitations through to XDP when every process is gone.
 */
#include <errno.h>
#include <linux/if_packet.h>
#include <linux/sockios.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "net/internal.h"
#include "net/packet.h"

enum { REPEATS = 2, REPEAT_MSEC = 1000 };

struct announcement {
	struct row_announce_key key;
	struct row_announce row;
	unsigned int left;
	uint64_t due; /* loop_now() */
};

struct announcer {
	struct net *net;
	struct announcement *at;
	size_t count;
	struct timer timer;
	int packet_fd; /* AF_PACKET, sends only */
	int raw4, raw6;
};

static int change_group(uint32_t ifindex, const struct addr *vip, unsigned long request)
{
	struct ifreq r = {.ifr_hwaddr = {.sa_family = AF_UNSPEC}};
	int fd, err = 0;

	if (!if_indextoname(ifindex, r.ifr_name))
		return -errno;
	packet_group_mac((uint8_t *)r.ifr_hwaddr.sa_data, vip);
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (ioctl(fd, request, &r))
		err = -errno;
	close(fd);
	return err;
}

/* A driver without a multicast filter refuses, and lets every group through. */
static int join_group(uint32_t ifindex, const struct addr *vip)
{
	int err = change_group(ifindex, vip, SIOCADDMULTI);

	return err == -EINVAL || err == -EOPNOTSUPP ? 0 : err;
}

int net_leave_group(uint32_t ifindex, const struct addr *vip)
{
	int err = change_group(ifindex, vip, SIOCDELMULTI);

	return err == -EINVAL || err == -EOPNOTSUPP || err == -ENOENT ? 0 : err;
}

static int send_frame(const struct announcer *a, uint32_t ifindex, const uint8_t *frame, size_t len)
{
	struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_ifindex = (int)ifindex};

	return sendto(a->packet_fd, frame, len, MSG_DONTWAIT, (struct sockaddr *)&to, sizeof(to)) <
			       0
		       ? -errno
		       : 0;
}

static int announce_once(const struct announcer *a, const struct announcement *one)
{
	uint8_t frame[PACKET_ROOM];
	const struct addr *vip = &one->key.vip;
	int err;

	if (!addr_is_v4(vip))
		return send_frame(a, one->key.ifindex, frame,
				  packet_advertisement(frame, one->row.mac, vip));
	err = send_frame(a, one->key.ifindex, frame, packet_garp(frame, one->row.mac, vip, false));
	if (!err)
		err = send_frame(a, one->key.ifindex, frame,
				 packet_garp(frame, one->row.mac, vip, true));
	return err;
}

static void repeat(struct timer *t)
{
	struct announcer *a = container_of(t, struct announcer, timer);
	uint64_t now = loop_now(a->net->loop), next = UINT64_MAX;

	for (size_t i = 0; i < a->count; i++) {
		struct announcement *one = &a->at[i];

		if (one->left && one->due <= now) {
			(void)announce_once(a, one); /* the link may be down: its return tells */
			one->left--;
			one->due = now + REPEAT_MSEC;
		}
		if (one->left && one->due < next)
			next = one->due;
	}
	if (next != UINT64_MAX)
		timer_start(a->net->loop, t, next - now);
}

static struct announcement *find(const struct announcer *a, const struct row_announce_key *key)
{
	for (size_t i = 0; i < a->count; i++)
		if (!memcmp(&a->at[i].key, key, sizeof(*key)))
			return &a->at[i];
	return NULL;
}

static struct announcement *find_or_add(struct announcer *a, const struct row_announce_key *key)
{
	struct announcement *one = find(a, key);

	if (one)
		return one;
	a->at = xrealloc(a->at, a->count + 1, sizeof(*a->at));
	one = &a->at[a->count++];
	memset(one, 0, sizeof(*one));
	one->key = *key;
	return one;
}

int announce_put(struct net *n, const struct row_announce_key *key,
		 const struct row_announce *value)
{
	struct announcer *a = n->announcer;
	struct announcement *one;
	int err = addr_is_v4(&key->vip) ? 0 : join_group(key->ifindex, &key->vip);

	if (err)
		return err;
	one = find_or_add(a, key);
	one->row = *value;
	one->left = REPEATS;
	one->due = loop_now(n->loop) + REPEAT_MSEC;
	err = announce_once(a, one);
	if (!timer_running(&a->timer))
		timer_start(n->loop, &a->timer, REPEAT_MSEC);
	/* A link that is down announces when it comes up: the row changes then. */
	return err == -ENETDOWN || err == -ENOBUFS || err == -EAGAIN ? 0 : err;
}

static bool group_is_shared(const struct announcer *a, const struct row_announce_key *key)
{
	uint8_t mine[6], other[6];

	packet_group_mac(mine, &key->vip);
	for (size_t i = 0; i < a->count; i++) {
		packet_group_mac(other, &a->at[i].key.vip);
		if (a->at[i].key.ifindex == key->ifindex && !addr_is_v4(&a->at[i].key.vip) &&
		    !memcmp(mine, other, sizeof(mine)))
			return true;
	}
	return false;
}

int announce_delete(struct net *n, const struct row_announce_key *key)
{
	struct announcer *a = n->announcer;
	struct announcement *one = find(a, key);
	int err = 0;

	if (one)
		*one = a->at[--a->count];
	if (!addr_is_v4(&key->vip) && !group_is_shared(a, key))
		err = net_leave_group(key->ifindex, &key->vip);
	return err == -ENODEV || err == -ENXIO ? 0 : err;
}

int announcer_open(struct net *n)
{
	struct announcer *a = calloc(1, sizeof(*a));

	if (!a)
		return -ENOMEM;
	n->announcer = a;
	a->net = n;
	a->timer.fn = repeat;
	/* Protocol 0: nothing is received. IPPROTO_RAW: our own IP headers, nothing is received. */
	a->packet_fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	a->raw4 = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	a->raw6 = socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	if (a->raw6 < 0 && errno == EAFNOSUPPORT)
		return a->packet_fd < 0 || a->raw4 < 0 ? -EPERM : 0;
	return a->packet_fd < 0 || a->raw4 < 0 || a->raw6 < 0 ? -errno : 0;
}

void announcer_close(struct net *n)
{
	struct announcer *a = n->announcer;

	if (!a)
		return;
	timer_stop(&a->timer);
	if (a->packet_fd >= 0)
		close(a->packet_fd);
	if (a->raw4 >= 0)
		close(a->raw4);
	if (a->raw6 >= 0)
		close(a->raw6);
	free(a->at);
	free(a);
}

/*
 * The window is not known, so the numbers are random: outside it but for one time in thousands, and
 * answered inside it too, because the acknowledgement is not acceptable either (RFC 5961 5.2).
 */
int net_send_ack(struct net *n, const struct addr *vip, uint16_t vport, const struct addr *client,
		 uint16_t cport)
{
	const struct packet_ends e = {.src = *vip, .dst = *client, .sport = vport, .dport = cport};
	uint8_t packet[PACKET_ROOM];
	struct sockaddr_storage to;
	uint32_t random[2];
	socklen_t to_len = addr_to_sockaddr(client, 0, &to);
	int fd = addr_is_v4(vip) ? n->announcer->raw4 : n->announcer->raw6;
	size_t len;

	if (getrandom(random, sizeof(random), GRND_NONBLOCK) != sizeof(random))
		return -EAGAIN;
	len = packet_ack(packet, &e, random[0], random[1]);
	return sendto(fd, packet, len, MSG_DONTWAIT, (struct sockaddr *)&to, to_len) < 0 ? -errno
											 : 0;
}
