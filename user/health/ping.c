/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A reply counts when address, identifier, sequence number and a random cookie of this process are
 * those of a request in flight: neither another program's ping nor a late reply passes for ours.
 */
#include "health/ping.h"

#include <errno.h>
#include <linux/icmp.h>
#include <netinet/icmp6.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/alloc.h"

/* Sequence numbers go round; a slot is that number modulo the table's size. */
enum { SLOTS = 8192, READ_BUDGET = 64 };

/* ICMP and ICMPv6 echo have the same layout. */
struct echo {
	uint8_t type, code;
	uint16_t checksum;
	uint16_t id, sequence; /* network order */
	uint64_t cookie;
};

static const struct family {
	int domain;
	uint8_t request, reply;
	bool has_ip_header; /* in what is received */
} families[] = {
	{AF_INET,  ICMP_ECHO,          ICMP_ECHOREPLY,   true },
	{AF_INET6, ICMP6_ECHO_REQUEST, ICMP6_ECHO_REPLY, false},
};

struct pinger;

struct socket {
	const struct family *family;
	struct pinger *owner;
	struct watch watch; /* fd is -1 without a socket */
};

struct pinger {
	struct socket socket[ARRAY_COUNT(families)];
	uint16_t id, next;
	uint64_t cookie;
	struct ping *slot[SLOTS];
};

/* RFC 1071. The kernel fills in ICMPv6's own checksum, which needs addresses that only it knows. */
static uint16_t checksum(const void *bytes, size_t len)
{
	const uint16_t *word = bytes;
	uint32_t sum = 0;

	for (size_t i = 0; i < len / 2; i++)
		sum += word[i];
	sum = (sum & 0xffff) + (sum >> 16);
	return ~(sum + (sum >> 16));
}

static void take_reply(struct socket *s, const char *bytes, size_t len, const struct addr *from)
{
	struct pinger *p = s->owner;
	size_t skip = s->family->has_ip_header && len ? (bytes[0] & 15) * 4 : 0;
	struct echo e;
	struct ping *one;

	if (len < skip + sizeof(e))
		return;
	memcpy(&e, bytes + skip, sizeof(e));
	one = p->slot[ntohs(e.sequence) % SLOTS];
	if (e.type != s->family->reply || e.id != p->id || e.cookie != p->cookie || !one ||
	    one->sequence != ntohs(e.sequence) || !addr_equal(&one->addr, from))
		return;
	ping_stop(p, one);
	one->answered(one);
}

static void socket_ready(struct watch *w, unsigned int events)
{
	struct socket *s = container_of(w, struct socket, watch);

	for (int budget = READ_BUDGET; budget; budget--) {
		struct sockaddr_storage sa;
		socklen_t sa_len = sizeof(sa);
		char bytes[256]; /* an IP header of 60 bytes and the echo; the rest is not ours */
		ssize_t len = recvfrom(w->fd, bytes, sizeof(bytes), MSG_DONTWAIT,
				       (struct sockaddr *)&sa, &sa_len);
		struct addr from;
		uint16_t port;

		if (len < 0)
			return;
		if (!addr_from_sockaddr(&from, &port, (struct sockaddr *)&sa))
			take_reply(s, bytes, len, &from);
	}
}

/* A raw socket receives every ICMP packet of the host; let the kernel keep the others away. Where
 * it cannot, take_reply does. */
static void filter_replies(const struct socket *s)
{
	struct icmp_filter v4 = {.data = ~(1U << ICMP_ECHOREPLY)};
	struct icmp6_filter v6;

	ICMP6_FILTER_SETBLOCKALL(&v6);
	ICMP6_FILTER_SETPASS(ICMP6_ECHO_REPLY, &v6);
	if (s->family->domain == AF_INET)
		(void)setsockopt(s->watch.fd, SOL_RAW, ICMP_FILTER, &v4, sizeof(v4));
	else
		(void)setsockopt(s->watch.fd, IPPROTO_ICMPV6, ICMP6_FILTER, &v6, sizeof(v6));
}

struct pinger *pinger_new(struct loop *l, int icmp4, int icmp6)
{
	struct pinger *p = xcalloc(1, sizeof(*p));
	int fd[] = {icmp4, icmp6};

	(void)getrandom(&p->id, sizeof(p->id), 0); /* cannot fail for so few bytes */
	(void)getrandom(&p->cookie, sizeof(p->cookie), 0);
	for (size_t i = 0; i < ARRAY_COUNT(families); i++) {
		struct socket *s = &p->socket[i];

		s->family = &families[i];
		s->owner = p;
		s->watch.fn = socket_ready;
		s->watch.fd = -1;
		if (fd[i] >= 0 && !loop_watch(l, &s->watch, fd[i], LOOP_READ))
			filter_replies(s);
	}
	return p;
}

void pinger_free(struct pinger *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < ARRAY_COUNT(families); i++)
		if (p->socket[i].watch.active)
			loop_unwatch(&p->socket[i].watch);
	free(p);
}

/* Takes a free slot. */
static bool take_slot(struct pinger *p, struct ping *one)
{
	for (int tries = 0; tries < SLOTS; tries++, p->next++) {
		if (p->slot[p->next % SLOTS])
			continue;
		one->sequence = p->next++;
		one->waiting = true;
		p->slot[one->sequence % SLOTS] = one;
		return true;
	}
	return false;
}

int ping_send(struct pinger *p, struct ping *one, const struct addr *to)
{
	struct socket *s = &p->socket[addr_is_v4(to) ? 0 : 1];
	struct sockaddr_storage sa;
	socklen_t sa_len = addr_to_sockaddr(to, 0, &sa);
	struct echo e = {.type = s->family->request, .id = p->id, .cookie = p->cookie};
	int err;

	if (s->watch.fd < 0)
		return -EBADF;
	if (!take_slot(p, one))
		return -EBUSY;
	one->addr = *to;
	e.sequence = htons(one->sequence);
	e.checksum = checksum(&e, sizeof(e));
	if (sendto(s->watch.fd, &e, sizeof(e), MSG_DONTWAIT | MSG_NOSIGNAL, (struct sockaddr *)&sa,
		   sa_len) >= 0)
		return 0;
	err = -errno;
	ping_stop(p, one);
	return err;
}

void ping_stop(struct pinger *p, struct ping *one)
{
	if (one->waiting)
		p->slot[one->sequence % SLOTS] = NULL;
	one->waiting = false;
}
