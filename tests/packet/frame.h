/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Frames for the packet cases, written byte by byte and without the data plane's own headers, so
 * that a mistake there is not repeated here.
 */
#ifndef TESTS_PACKET_FRAME_H
#define TESTS_PACKET_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FRAME_MAX = 9216, FRAME_PAYLOAD_MAX = 9000 };

struct frame {
	size_t len;
	size_t l3, l4; /* where the IP and the transport header begin */
	uint8_t byte[FRAME_MAX];
};

enum { PROTO_ICMP4 = 1, PROTO_TCP = 6, PROTO_UDP = 17, PROTO_ICMP6 = 58 };
enum { FIN = 1, SYN = 2, RST = 4, ACK = 16, ECE = 64, CWR = 128 };

/* A whole packet; what is left out is zero or a usual value. */
struct spec {
	bool six;
	unsigned tags;                    /* 802.1Q; of two, the outer is 802.1ad */
	uint8_t proto;                    /* 0: TCP */
	const char *src, *dst;            /* NULL: the client, the VIP */
	const uint8_t *src_mac, *dst_mac; /* NULL: the client's, ours */
	uint16_t sport, dport;            /* 0: 40000, 443 */
	uint8_t flags;
	uint32_t seq, ack;
	uint8_t tos, ttl; /* ttl 0: 64 */
	uint16_t id, window;
	unsigned options;     /* bytes of IPv4 options: no-operations */
	unsigned tcp_options; /* bytes, no-operations */
	const uint8_t *chain; /* IPv6 extension headers ... */
	size_t chain_len;
	uint8_t first;      /* ... and what the first of them is */
	uint8_t type, code; /* ICMP */
	size_t payload;
	const uint8_t *data; /* the payload; NULL: a pattern */
};

extern const uint8_t mac_client[6], mac_ours[6], mac_other[6], mac_broadcast[6];

void frame_build(struct frame *f, const struct spec *s);

/* Piece by piece: f starts as {}. */
void frame_ethernet(struct frame *f, const uint8_t *dst, const uint8_t *src, unsigned tags,
		    uint16_t type);
void frame_put(struct frame *f, const void *bytes, size_t len);
void frame_put16(struct frame *f, uint16_t value);
void frame_put32(struct frame *f, uint32_t value);
void frame_zero(struct frame *f, size_t len);
void frame_address(struct frame *f, const char *text); /* 4 or 16 bytes */

void frame_set16(struct frame *f, size_t at, uint16_t value);

/* Writes the transport checksum at `at` over everything from l4 to the frame's end. */
void frame_checksum6(struct frame *f, size_t at, uint8_t proto);

/* The 16 bytes of an address, IPv4 mapped. */
void frame_mapped(uint8_t to[16], const char *text);

#endif
