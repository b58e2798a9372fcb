/* SPDX-License-Identifier: GPL-2.0-only */
/* Headers as they stand on the wire. No bit fields; multi-byte fields are in network order. */
#ifndef LBXDP_BPF_WIRE_H
#define LBXDP_BPF_WIRE_H

#include "env.h"

enum {
	WIRE_IP4 = 0x0800,
	WIRE_ARP = 0x0806,
	WIRE_IP6 = 0x86dd,
	WIRE_VLAN = 0x8100, /* 802.1Q */
	WIRE_QINQ = 0x88a8, /* 802.1ad */
};

enum {
	WIRE_HOP_BY_HOP = 0,
	WIRE_ICMP4 = 1,
	WIRE_TCP = 6,
	WIRE_UDP = 17,
	WIRE_ROUTING = 43,
	WIRE_FRAGMENT = 44,
	WIRE_AUTHENTICATION = 51,
	WIRE_ICMP6 = 58,
	WIRE_DESTINATION = 60,
	WIRE_MOBILITY = 135,
};

enum {
	TCP_FIN = 1,
	TCP_SYN = 2,
	TCP_RST = 4,
	TCP_ACK = 16,
};

struct eth_header {
	__u8 dst[6];
	__u8 src[6];
	__be16 type;
};

struct vlan_tag {
	__be16 tci;
	__be16 type;
};

struct arp_packet {
	__be16 hardware, protocol;
	__u8 hardware_len, protocol_len;
	__be16 operation;
	__u8 sender_mac[6], sender_ip[4];
	__u8 target_mac[6], target_ip[4];
};

struct ip4_header {
	__u8 version_ihl;
	__u8 tos;
	__be16 length;
	__be16 id;
	__be16 fragment; /* flags and offset */
	__u8 ttl;
	__u8 proto;
	__be16 checksum;
	__be32 src, dst;
};

struct ip6_header {
	__be32 version_class_label;
	__be16 length; /* of what follows this header */
	__u8 next;
	__u8 hops;
	__be32 src[4], dst[4];
};

/* The start of every extension header; a fragment header has its offset in word. */
struct ip6_extension {
	__u8 next;
	__u8 len;
	__be16 word;
	__be32 rest;
};

struct tcp_header {
	__be16 sport, dport;
	__be32 seq, ack;
	__u8 offset; /* in 32-bit words, upper four bits */
	__u8 flags;
	__be16 window, checksum, urgent;
};

struct udp_header {
	__be16 sport, dport;
	__be16 length, checksum;
};

struct icmp_header {
	__u8 type, code;
	__be16 checksum;
	__be32 rest;
};

/* Neighbour solicitation or advertisement (RFC 4861 4.3, 4.4) without options. */
struct nd_message {
	__u8 type, code;
	__be16 checksum;
	__be32 flags;
	__be32 target[4];
};

/* A link-layer address option of an Ethernet (RFC 4861 4.6.1). */
struct nd_option {
	__u8 type, len; /* len in units of 8 bytes */
	__u8 mac[6];
};

#endif
