/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Health checks through a VIP (R88), on their way out by the interfaces of real servers: the RIP
 * that the probe connected to becomes the VIP, the frame still goes to the RIP's MAC. Which check a
 * connection is says its local port, and all others are let alone after a look at that. Answers
 * are turned back by XDP (via.h). Other filters go on with the packet.
 */
#include "via_maps.h"
#include "wire.h"

enum { NEXT_FILTER = -1, L3 = sizeof(struct eth_header), IP4_PLAIN = 0x45, FRAGMENT_BITS = 0x3fff };

/* <linux/bpf.h>: the sum is over the addresses too. */
#define PSEUDO_HEADER (1ULL << 4)

struct plain4 {
	struct eth_header eth;
	struct ip4_header ip;
	struct tcp_header tcp;
} __attribute__((packed));

struct plain6 {
	struct eth_header eth;
	struct ip6_header ip;
	struct tcp_header tcp;
} __attribute__((packed));

/* The row of the packet's check, or NULL. rip: where it goes. */
static __always_inline struct lb_via *check_of(__be16 sport, __be16 dport,
					       const struct lb_addr *rip)
{
	__u32 differ = 0, port = bpf_ntohs(sport);
	struct lb_via *via;

	if (likely(port < LB_VIA_PORT_FIRST))
		return NULL;
	via = via_row(port);
	if (!via || via->port != bpf_ntohs(dport))
		return NULL;
	for (int i = 0; i < 16; i += 4)
		differ |= env_load32(&rip->byte[i]) ^ env_load32(&via->rip.byte[i]);
	return differ ? NULL : via;
}

/* What the card has yet to sum up is told apart by the helper (BPF_F_PSEUDO_HDR). */
static __always_inline void turn4(struct __sk_buff *skb)
{
	const __u32 to = L3 + offsetof(struct ip4_header, dst);
	struct plain4 *p = (void *)(long)skb->data;
	struct lb_addr rip = {};
	struct lb_via *via;
	__be32 is;

	if ((void *)(p + 1) > (void *)(long)skb->data_end || p->ip.proto != WIRE_TCP ||
	    p->ip.version_ihl != IP4_PLAIN || p->ip.fragment & bpf_htons(FRAGMENT_BITS))
		return;
	rip.byte[10] = rip.byte[11] = 0xff;
	env_store32(&rip.byte[12], p->ip.dst);
	via = check_of(p->tcp.sport, p->tcp.dport, &rip);
	if (!via)
		return;
	is = env_load32(&via->vip.byte[12]);
	if (bpf_l4_csum_replace(skb, offsetof(struct plain4, tcp.checksum),
				env_load32(&rip.byte[12]), is, PSEUDO_HEADER | sizeof(is)) ||
	    bpf_l3_csum_replace(skb, offsetof(struct plain4, ip.checksum),
				env_load32(&rip.byte[12]), is, sizeof(is)))
		return;
	bpf_skb_store_bytes(skb, to, &is, sizeof(is), 0);
}

static __always_inline void turn6(struct __sk_buff *skb)
{
	struct plain6 *p = (void *)(long)skb->data;
	struct lb_addr rip, is;
	struct lb_via *via;
	__s64 difference;

	if ((void *)(p + 1) > (void *)(long)skb->data_end || p->ip.next != WIRE_TCP)
		return;
	__builtin_memcpy(&rip, p->ip.dst, sizeof(rip));
	via = check_of(p->tcp.sport, p->tcp.dport, &rip);
	if (!via)
		return;
	is = via->vip;
	difference = bpf_csum_diff((__be32 *)&rip, sizeof(rip), (__be32 *)&is, sizeof(is), 0);
	if (difference < 0 || bpf_l4_csum_replace(skb, offsetof(struct plain6, tcp.checksum), 0,
						  difference, PSEUDO_HEADER))
		return;
	bpf_skb_store_bytes(skb, offsetof(struct plain6, ip.dst), &is, sizeof(is), 0);
}

SEC("tc")
int lbxdp_via(struct __sk_buff *skb)
{
	if (skb->protocol == bpf_htons(WIRE_IP4))
		turn4(skb);
	else if (skb->protocol == bpf_htons(WIRE_IP6))
		turn6(skb);
	return NEXT_FILTER;
}

char _license[] SEC("license") = "GPL";
