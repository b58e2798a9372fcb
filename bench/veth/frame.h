/* SPDX-License-Identifier: GPL-2.0-only */
/* The frames of this benchmark: what generator and sink agree on. */
#ifndef LBXDP_BENCH_VETH_FRAME_H
#define LBXDP_BENCH_VETH_FRAME_H

#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/tcp.h>
#include <linux/types.h>

enum {
	FRAME_PORT = 80,          /* the service */
	FRAME_FIRST_PORT = 16384, /* of the client */
	FRAME_FLOWS_MAX = 32768,
	FRAME_SINK = 0x5c, /* last byte of the MAC of every interface that ends frames */
	FRAME_WORDS = 7,   /* 54 bytes of headers in whole 64-bit words */
	FRAME_MIN = 60,
};

/* Ethernet, IPv4 and TCP without options. */
struct frame {
	struct ethhdr eth;
	struct iphdr ip;
	struct tcphdr tcp;
} __attribute__((packed));

_Static_assert(sizeof(struct frame) == 54, "headers are packed");

#endif
