/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * flood DEVICE MAC VIP PORT KIND FRAMES SECONDS RATE: frames, RATE a second or (0) as fast as an
 * AF_PACKET socket takes them, from a source address and port of their own each, until one of the
 * two limits is reached. KIND: syn; pair, a SYN and the ACK that would answer its SYN-ACK; ack, the
 * middle of nothing. TCP checksums are wrong: servers drop what they get, so that the balancer is
 * what is flooded. Prints how many were sent.
 */
#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum { BATCH = 64, LEN = 74, SYN = 2, ACK = 16 };

struct flood {
	uint8_t frame[BATCH][LEN];
	struct iovec iov[BATCH];
	struct mmsghdr msg[BATCH];
	size_t l3, l4, source; /* offsets */
	uint8_t flags[2];      /* of frames that share a source, in turn */
	unsigned kinds;
	uint32_t sources; /* used so far */
};

static void put16(uint8_t *at, unsigned value)
{
	at[0] = value >> 8;
	at[1] = value;
}

static void ip4_checksum(uint8_t *ip)
{
	uint32_t sum = 0;

	put16(ip + 10, 0);
	for (int i = 0; i < 20; i += 2)
		sum += ip[i] << 8 | ip[i + 1];
	sum = (sum & 0xffff) + (sum >> 16);
	put16(ip + 10, ~(sum + (sum >> 16)));
}

static void build4(struct flood *f, uint8_t *frame, const struct in_addr *vip)
{
	static const uint8_t head[20] = {0x45, 0, 0, 40, 0, 0, 0x40, 0, 64, IPPROTO_TCP};

	put16(frame + 12, ETH_P_IP);
	memcpy(frame + 14, head, sizeof(head));
	memcpy(frame + 30, vip, 4);
	f->l4 = 34;
	f->source = 26;
}

static void build6(struct flood *f, uint8_t *frame, const struct in6_addr *vip)
{
	static const uint8_t head[12] = {0x60, 0, 0, 0, 0, 20, IPPROTO_TCP, 64, 0xfd, 0x64, 0, 1};

	put16(frame + 12, ETH_P_IPV6);
	memcpy(frame + 14, head, sizeof(head));
	memcpy(frame + 38, vip, 16);
	f->l4 = 54;
	f->source = 34;
}

static void build(struct flood *f, uint8_t *frame, char **argv)
{
	struct in6_addr six;
	struct in_addr four;

	sscanf(argv[2], "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", frame, frame + 1, frame + 2, frame + 3,
	       frame + 4, frame + 5);
	memcpy(frame + 6, "\x02\0\0\0\0\x66", 6);
	if (inet_pton(AF_INET, argv[3], &four) == 1)
		build4(f, frame, &four);
	else if (inet_pton(AF_INET6, argv[3], &six) == 1)
		build6(f, frame, &six);
	else
		exit(2);
	put16(frame + f->l4 + 2, atoi(argv[4]));
	if (!strcmp(argv[5], "udp")) { /* 12 bytes of data, and no checksum */
		frame[f->l4 == 34 ? 23 : 20] = IPPROTO_UDP;
		put16(frame + f->l4 + 4, 20);
		return;
	}
	frame[f->l4 + 12] = 0x50;
	put16(frame + f->l4 + 14, 65535);
}

/*
 * The next source, in no order that shows: an address of 22 bits comes again only after all of them
 * (a product with an odd number), with another port then.
 */
static uint32_t next_source(struct flood *f, uint16_t *port)
{
	uint32_t n = f->sources++, host = n * 0x9e3779b1U & 0x3fffff;

	*port = 1024 + (host * 40503U + (n >> 22) * 7919U) % 60000;
	return host;
}

/* Another source for the frames of a turn: 10.64.0.0/10, or the last four bytes of IPv6. */
static void vary(struct flood *f)
{
	uint32_t host = 0;
	uint16_t port = 0;

	for (unsigned i = 0; i < BATCH; i++) {
		uint8_t *frame = f->frame[i];

		if (i % f->kinds == 0)
			host = next_source(f, &port);
		put16(frame + f->source, 10 << 8 | 64 | host >> 16);
		put16(frame + f->source + 2, host);
		if (f->l4 == 34)
			ip4_checksum(frame + 14);
		put16(frame + f->l4, port);
		frame[f->l4 + 13] = f->flags[i % f->kinds];
	}
}

static int open_device(const char *name)
{
	struct sockaddr_ll at = {.sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex(name)};
	int fd = socket(AF_PACKET, SOCK_RAW, 0), one = 1;

	if (fd < 0 || !at.sll_ifindex || bind(fd, (struct sockaddr *)&at, sizeof(at)) ||
	    setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof(one))) {
		perror(name);
		exit(1);
	}
	return fd;
}

static int set_kind(struct flood *f, const char *kind)
{
	f->kinds = strcmp(kind, "pair") ? 1 : 2;
	f->flags[0] = strcmp(kind, "ack") ? SYN : ACK;
	f->flags[1] = ACK;
	return strcmp(kind, "pair") && strcmp(kind, "ack") && strcmp(kind, "syn") &&
	       strcmp(kind, "udp");
}

/* Until so many frames are due; rate 0: they are at once. */
static void keep_to(const struct timespec *begun, long long sent, long long rate)
{
	long long nsec = rate ? begun->tv_nsec + sent % rate * 1000000000LL / rate : 0;
	struct timespec due = *begun;

	if (!rate)
		return;
	due.tv_sec += sent / rate + nsec / 1000000000LL;
	due.tv_nsec = nsec % 1000000000LL;
	(void)clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL);
}

int main(int argc, char **argv)
{
	static struct flood f;
	long long sent = 0, limit = argc == 9 ? atoll(argv[6]) : 0;
	struct timespec now, begun;
	time_t end;
	int fd;

	if (argc != 9 || set_kind(&f, argv[5]))
		return 2;
	fd = open_device(argv[1]);
	for (int i = 0; i < BATCH; i++) {
		build(&f, f.frame[i], argv);
		f.iov[i] = (struct iovec){f.frame[i], f.l4 + 20};
		f.msg[i].msg_hdr = (struct msghdr){.msg_iov = &f.iov[i], .msg_iovlen = 1};
	}
	clock_gettime(CLOCK_MONOTONIC, &now);
	begun = now;
	end = now.tv_sec + atoi(argv[7]);
	while (sent < limit && now.tv_sec < end) {
		int n;

		vary(&f);
		n = sendmmsg(fd, f.msg, BATCH, 0);
		sent += n > 0 ? n : 0; /* a full queue is full for a moment */
		keep_to(&begun, sent, atoll(argv[8]));
		clock_gettime(CLOCK_MONOTONIC, &now);
	}
	printf("%lld\n", sent);
	return 0;
}
