/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The packet of a halted flow becomes the VIP's RST to its client. The sequence number is the one
 * the client acknowledged, so that RFC 5961 accepts it at once (RFC 9293 3.10.7.1).
 */
#ifndef LBXDP_BPF_RESET_H
#define LBXDP_BPF_RESET_H

#include "csum.h"
#include "nat_row.h"

enum { RESET_TTL = 64 };

/* Host order. */
struct reset {
	__u32 ports, seq, ack;
	__u8 flags;
};

/* A packet without ACK is answered with what it would be acknowledged by. */
stage struct reset reset_of(const struct pkt *p)
{
	const struct tcp_header *tcp = p->tcp;
	struct reset r = {.ports = p->ports << 16 | p->ports >> 16, .flags = TCP_RST};

	if (tcp->flags & TCP_ACK) {
		r.seq = bpf_ntohl(tcp->ack);
		return r;
	}
	r.flags |= TCP_ACK;
	r.ack = bpf_ntohl(tcp->seq) + p->l4_len - (tcp->offset >> 4 << 2);
	r.ack += !!(tcp->flags & TCP_SYN) + !!(tcp->flags & TCP_FIN);
	return r;
}

/* sum is that of the addresses. */
stage void reset_write_tcp(struct tcp_header *tcp, struct reset r, __u32 sum)
{
	env_store32(tcp, bpf_htonl(r.ports));
	tcp->seq = bpf_htonl(r.seq);
	tcp->ack = bpf_htonl(r.ack);
	tcp->offset = sizeof(*tcp) / 4 << 4;
	tcp->flags = r.flags;
	tcp->window = 0;
	tcp->checksum = 0;
	tcp->urgent = 0;
	sum = csum_word(sum, csum_pseudo(WIRE_TCP, sizeof(*tcp)));
	tcp->checksum = csum_finish(csum_words(sum, tcp, sizeof(*tcp) / 4));
}

stage void reset_write_ip4(struct ip4_header *ip)
{
	__be32 client = ip->src;

	ip->version_ihl = 0x45;
	ip->tos = 0;
	ip->length = bpf_htons(sizeof(*ip) + sizeof(struct tcp_header));
	ip->id = 0;
	ip->fragment = bpf_htons(0x4000); /* don't fragment */
	ip->ttl = RESET_TTL;
	ip->proto = WIRE_TCP;
	ip->checksum = 0;
	ip->src = ip->dst;
	ip->dst = client;
	ip->checksum = csum_finish(csum_words(0, ip, sizeof(*ip) / 4));
}

stage void reset_write_ip6(struct ip6_header *ip)
{
	ip->version_class_label = bpf_htonl(0x60000000);
	ip->length = bpf_htons(sizeof(struct tcp_header));
	ip->next = WIRE_TCP;
	ip->hops = RESET_TTL;
	for (int i = 0; i < 4; i++) {
		__be32 client = ip->src[i];

		ip->src[i] = ip->dst[i];
		ip->dst[i] = client;
	}
}

stage bool reset_write4(struct pkt *p, struct reset r)
{
	struct ip4_header *ip = pkt_take(p, sizeof(*ip));
	struct tcp_header *tcp = ip ? pkt_take(p, sizeof(*tcp)) : NULL;

	if (!tcp)
		return false;
	reset_write_ip4(ip);
	reset_write_tcp(tcp, r, csum_words(0, &ip->src, 2));
	return true;
}

stage bool reset_write6(struct pkt *p, struct reset r)
{
	struct ip6_header *ip = pkt_take(p, sizeof(*ip));
	struct tcp_header *tcp = ip ? pkt_take(p, sizeof(*tcp)) : NULL;

	if (!tcp)
		return false;
	reset_write_ip6(ip);
	reset_write_tcp(tcp, r, csum_words(0, ip->src, 8));
	return true;
}

/* The segment, whose headers stand where nat_look says, as the RST is made of it. False: it is not
 * there any more. */
stage bool reset_read(struct nat *n, struct xdp_md *ctx, __u32 where, bool six)
{
	struct pkt *p = &n->p;

	if (!nat_open(n, ctx, where, six) || !p->tcp)
		return false;
	p->length = six ? sizeof(*p->ip6) + bpf_ntohs(p->ip6->length) : bpf_ntohs(p->ip4->length);
	p->l4_len = p->l3 + p->length - nat_l4(where);
	return true;
}

stage enum lb_verdict reset_answer_of(struct xdp_md *ctx, __u32 where, bool six)
{
	struct nat n = {};
	struct reset r;
	__u32 len = sizeof(struct tcp_header);

	if (!reset_read(&n, ctx, where, six))
		return LB_NO_REAL;
	r = reset_of(&n.p);
	len += n.p.l3 + (six ? sizeof(struct ip6_header) : sizeof(struct ip4_header));
	if (bpf_xdp_adjust_tail(ctx, len - bpf_xdp_get_buff_len(ctx)))
		return LB_NO_REAL;
	if (!pkt_reopen(&n.p) || !(six ? reset_write6(&n.p, r) : reset_write4(&n.p, r)))
		return LB_NO_REAL;
	pkt_swap_macs(&n.p);
	return LB_RESET;
}

/* Cuts the frame to the RST's length (options and payload go), then writes it in place. */
int reset_answer(struct xdp_md *ctx, __u32 where);

separate int reset_answer(struct xdp_md *ctx, __u32 where)
{
	return nat_six(where) ? reset_answer_of(ctx, where, true)
			      : reset_answer_of(ctx, where, false);
}

#endif
