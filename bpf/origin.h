/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where a packet of no known flow cannot come from (F6): a source that no host has (RFC 1122
 * 3.2.1.3, RFC 6890, RFC 4291 2.7), or a VIP, whose answer would come back. And frames for another
 * host, which a promiscuous interface shows: who sends those on, too, sends them twice.
 */
#ifndef LBXDP_BPF_ORIGIN_H
#define LBXDP_BPF_ORIGIN_H

#include "vip.h"

/* 0/8, 127/8, and from 224 on: multicast, class E, broadcast. */
stage bool origin_is_bad4(__be32 src)
{
	__u8 first = src;

	return !first || first == 127 || first >= 224;
}

/* ::/96 with :: and ::1, ::ffff:0:0/96, ff00::/8. */
stage bool origin_is_bad6(struct pkt_words src)
{
	__u32 third = src.last;

	return (__u8)src.first == 0xff || (!src.first && (!third || third == PKT_MAPPED));
}

stage bool origin_is_vip(struct pkt_words src)
{
	struct lb_addr key __attribute__((aligned(8))); /* it is written in whole words */
	__u32 word[4];

	env_store64(key.byte, src.first);
	env_store64(key.byte + 8, src.last);
	for (int i = 0; i < 4; i++)
		word[i] = env_load32(key.byte + 4 * i);
	return vip_maybe(word) && bpf_map_lookup_elem(&lbx_vips, &key);
}

/* A MAC address in the upper six bytes of a word, as it lies in memory before something else. */
stage __u64 origin_mac(const __u8 *mac)
{
	return env_load64(mac) << 16;
}

/* 00:00:5e:00:01:XX and 00:00:5e:00:02:XX, which VRRP moves between routers (RFC 9568 7.3). */
stage bool origin_is_virtual(__u64 mac)
{
	__u8 kind = mac >> 48;

	return (__u32)(mac >> 16) == bpf_htonl(0x00005e00) && (kind == 1 || kind == 2);
}

/* Is a frame to mac (see origin_mac) for us alone? It has our address on the interface, or that
 * says nothing about whose it is. */
int origin_ask_mac(__u64 mac, __u32 ifindex);

separate int origin_ask_mac(__u64 mac, __u32 ifindex)
{
	const struct lb_iface *iface = bpf_map_lookup_elem(&lbx_ifaces, &ifindex);

	if (mac >> 16 & 1) /* a group's */
		return false;
	return !iface || origin_mac(iface->mac) == mac || origin_is_virtual(mac);
}

stage bool origin_takes(const struct pkt *p)
{
	return origin_ask_mac(origin_mac(p->eth->dst), p->ctx->ingress_ifindex);
}

/* The same, of a packet whose real is chosen: our address on the real's interface is mostly the one
 * that the frame is to, and at hand. */
stage bool origin_is_for_us(const struct pkt *p)
{
	if (origin_mac(p->real->source_mac) == origin_mac(p->eth->dst))
		return true;
	return origin_takes(p);
}

/* LB_BAD_SOURCE or LB_CONTINUE for the words of a source address; six: of an IPv6 header. */
int origin_ask(__u64 first, __u64 last, __u32 six);

separate int origin_ask(__u64 first, __u64 last, __u32 six)
{
	struct pkt_words src = {first, last};

	if (six ? origin_is_bad6(src) : origin_is_bad4(last >> 32))
		return LB_BAD_SOURCE;
	return origin_is_vip(src) ? LB_BAD_SOURCE : LB_CONTINUE;
}

/* LB_CONTINUE, or LB_BAD_SOURCE. */
stage enum lb_verdict origin_judge(const struct pkt *p)
{
	struct pkt_words src = pkt_src_words(p);

	return origin_ask(src.first, src.last, !p->ip4);
}

#endif
