/* SPDX-License-Identifier: GPL-2.0-only */
/* The few packets that the daemon sends itself, as bytes. Pure. */
#ifndef LBXDP_NET_PACKET_H
#define LBXDP_NET_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"

enum { PACKET_ROOM = 128 };

/* Gratuitous ARP for vip (IPv4) at mac: as a request, which switches and most hosts heed, or as a
 * reply, for those that heed only these. Returns the frame's length. */
size_t packet_garp(uint8_t frame[PACKET_ROOM], const uint8_t mac[6], const struct addr *vip,
		   bool reply);

/* Unsolicited neighbour advertisement for vip (IPv6) to all nodes, overriding (RFC 4861 4.4). */
size_t packet_advertisement(uint8_t frame[PACKET_ROOM], const uint8_t mac[6],
			    const struct addr *vip);

/*
 * Who has vip? A broadcast ARP request (IPv4; from unspecified: a probe, RFC 5227 2.1.1), or a
 * neighbour solicitation (IPv6) from an address of ours: the answer comes to us alone, and no
 * neighbour table changes for it.
 */
size_t packet_question(uint8_t frame[PACKET_ROOM], const uint8_t mac[6], const struct addr *from,
		       const struct addr *vip);

/* Does a frame say that an address is at a MAC: any ARP with a sender, or a neighbour
 * advertisement? Then fills both in. */
bool packet_claims(const uint8_t *frame, size_t len, struct addr *vip, uint8_t mac[6]);

struct packet_ends {
	struct addr src, dst;
	uint16_t sport, dport; /* host order */
};

/* A TCP segment without data, from the IP header on; flags: TH_* of <netinet/tcp.h>. */
size_t packet_tcp(uint8_t packet[PACKET_ROOM], const struct packet_ends *e, uint8_t flags,
		  uint32_t seq, uint32_t ack);

/* An ACK. */
size_t packet_ack(uint8_t packet[PACKET_ROOM], const struct packet_ends *e, uint32_t seq,
		  uint32_t ack);

/* A TCP segment as it came, behind plain IP: no options of IPv4, headers of IPv6, or fragments. */
struct packet_segment {
	uint8_t mac[6]; /* who sent the frame */
	struct packet_ends ends;
	uint8_t flags;
	uint32_t seq, ack;
};

/* False: the frame holds something else. */
bool packet_segment(const uint8_t *frame, size_t len, struct packet_segment *out);

/* The frame's header: puts it before an IP packet of len bytes that stands behind its place in
 * frame. Returns the length of all. */
enum { PACKET_ETHERNET = 14 };
size_t packet_frame(uint8_t *frame, const uint8_t to[6], const uint8_t from[6], size_t len);

/* The Ethernet address of vip's solicited-node group (RFC 4291 2.7.1, RFC 2464 7). */
void packet_group_mac(uint8_t mac[6], const struct addr *vip);

/* The Internet checksum (RFC 1071) of len bytes, continuing sum; 0 starts. In network order. */
uint32_t packet_sum(uint32_t sum, const void *bytes, size_t len);
uint16_t packet_fold(uint32_t sum);

#endif
