/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The packet on its way through the pipeline: a cursor that owns the bounds checks, and what the
 * stages have learnt. Bytes are read through pkt_take and pkt_skip only.
 */
#ifndef LBXDP_BPF_PKT_H
#define LBXDP_BPF_PKT_H

#include "wire.h"

#include "lbxdp/abi.h"
#include "lbxdp/verdict.h"

/* IPv4 as ::ffff:a.b.c.d: the third word. */
#define PKT_MAPPED bpf_htonl(0xffff)

/* An IP header begins at 14, 18 or 22; a bound the verifier sees. */
enum { PKT_L3_MASK = 31 };

struct pkt {
	struct xdp_md *ctx;
	void *data, *end, *at; /* at: where the next header starts; end: of the linear part */
	struct eth_header *eth;
	struct ip4_header *ip4; /* one of the two */
	struct ip6_header *ip6;
	struct tcp_header *tcp;
	struct icmp_header *icmp;
	__be16 type;   /* of the Ethernet frame, behind its tags */
	__u32 l3;      /* offset of the IP header in the frame */
	__u32 length;  /* of the IP packet with its header, as it says */
	__u32 l4_len;  /* bytes of it from the transport header on */
	__u32 bytes;   /* of the whole frame */
	__u32 ports;   /* sport << 16 | dport */
	__u8 proto;    /* transport protocol */
	__u8 flags;    /* of TCP, 0 for others */
	__u8 fragment; /* a first fragment: more follow */
	__u8 replaced; /* an old entry of this flow was removed */
	__u32 now;     /* ticks */
	__u32 real_id;
	__u32 hashed; /* NAT_HASHED: the hash chose the real for a flow that had no entry */
	__u32 action; /* of a forwarded packet: XDP_TX or XDP_REDIRECT */
	__u64 head;   /* first word of the real's row: MAC and flags */
	struct lb_real *real;
	struct lb_settings *settings;
};

stage void pkt_fetch(struct pkt *p)
{
	p->data = env_data(p->ctx);
	p->end = env_data_end(p->ctx);
	p->at = p->data;
}

/* What pkt_starts goes by, in one word, for functions that the verifier walks apart: asked once
 * here, it would double the ways that lead on. */
stage __u32 pkt_kind(const struct pkt *p)
{
	return p->flags | (__u32)p->proto << 8;
}

/* A SYN without ACK; RST and FIN make it something else. */
stage bool pkt_flags_begin(__u32 flags)
{
	return (flags & (TCP_SYN | TCP_ACK | TCP_RST | TCP_FIN)) == TCP_SYN;
}

/* May a packet of this kind begin a flow? */
stage bool pkt_starts(__u32 kind)
{
	return kind >> 8 == WIRE_UDP || pkt_flags_begin(kind);
}

/* The next bytes of the packet, or NULL when it ends before. */
stage void *pkt_take(struct pkt *p, __u32 bytes)
{
	void *header = p->at;

	if (header + bytes > p->end)
		return NULL;
	env_branch();
	p->at = header + bytes;
	return header;
}

/* Moves the cursor to bytes behind header, which may be past the end: pkt_take finds out. The
 * length is taken from the header's start, because the verifier loses bounds of differences. */
stage void pkt_skip(struct pkt *p, void *header, __u32 bytes)
{
	p->at = header + bytes;
	env_kept(p->at);
}

/*
 * Fetches every pointer anew, which bpf_xdp_adjust_tail and calls of separate functions make
 * stale, and puts the cursor on the IP or ARP header. False: the frame ends before.
 */
stage bool pkt_reopen(struct pkt *p)
{
	pkt_fetch(p);
	p->eth = pkt_take(p, sizeof(*p->eth));
	if (!p->eth)
		return false;
	pkt_skip(p, p->data, p->l3 & PKT_L3_MASK);
	return true;
}

stage void pkt_copy_mac(__u8 to[6], const __u8 from[6])
{
	for (int i = 0; i < 6; i++)
		to[i] = from[i];
}

stage bool pkt_same_mac(const __u8 a[6], const __u8 b[6])
{
	__u8 differ = 0;

	for (int i = 0; i < 6; i++)
		differ |= a[i] ^ b[i];
	return !differ;
}

/* Sends the frame back to where it came from. */
stage void pkt_swap_macs(struct pkt *p)
{
	__u8 mac[6];

	pkt_copy_mac(mac, p->eth->dst);
	pkt_copy_mac(p->eth->dst, p->eth->src);
	pkt_copy_mac(p->eth->src, mac);
}

/* struct lb_addr is aligned to 4. */
stage void pkt_addr6(struct lb_addr *to, const __be32 addr[4])
{
	for (int i = 0; i < 4; i++)
		env_store32(&to->byte[4 * i], addr[i]);
}

stage void pkt_addr4(struct lb_addr *to, __be32 addr)
{
	const __be32 mapped[4] = {0, 0, PKT_MAPPED, addr};

	pkt_addr6(to, mapped);
}

/* An address of either family as two words of memory, as it lies in struct lb_addr. */
struct pkt_words {
	__u64 first, last;
};

stage struct pkt_words pkt_src_words(const struct pkt *p)
{
	if (p->ip4)
		return (struct pkt_words){0, PKT_MAPPED | (__u64)p->ip4->src << 32};
	return (struct pkt_words){env_load64(p->ip6->src), env_load64(p->ip6->src + 2)};
}

stage struct pkt_words pkt_dst_words(const struct pkt *p)
{
	if (p->ip4)
		return (struct pkt_words){0, PKT_MAPPED | (__u64)p->ip4->dst << 32};
	return (struct pkt_words){env_load64(p->ip6->dst), env_load64(p->ip6->dst + 2)};
}

/* The source address of either family. */
stage void pkt_src(const struct pkt *p, struct lb_addr *to)
{
	if (p->ip4)
		pkt_addr4(to, p->ip4->src);
	else
		pkt_addr6(to, p->ip6->src);
}

/* The destination address of either family. */
stage void pkt_dst(const struct pkt *p, struct lb_addr *to)
{
	if (p->ip4)
		pkt_addr4(to, p->ip4->dst);
	else
		pkt_addr6(to, p->ip6->dst);
}

#endif
