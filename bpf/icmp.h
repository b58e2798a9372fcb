/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ICMP: Neighbour Discovery (nd.h), errors for the reals (related.h), and echo replies for an
 * active VIP (RFC 792, RFC 4443 4.2). The checksum is mended, not computed, so that a request
 * broken on the way yields a reply that its sender discards. Every other message is left to the
 * host.
 */
#ifndef LBXDP_BPF_ICMP_H
#define LBXDP_BPF_ICMP_H

#include "csum.h"
#include "nd.h"
#include "origin.h"
#include "parse.h"
#include "related.h"
#include "stats.h"
#include "vip.h"

enum {
	ICMP4_ECHO_REPLY = 0,
	ICMP4_ECHO_REQUEST = 8,
	ICMP6_ECHO_REQUEST = 128,
	ICMP6_ECHO_REPLY = 129,
	ICMP_TTL = 64,
};

stage void icmp_turn(struct pkt *p, __u8 reply)
{
	struct icmp_header *icmp = p->icmp;
	__be16 was = bpf_htons(icmp->type << 8), is = bpf_htons(reply << 8);

	icmp->type = reply;
	icmp->checksum = csum_replace(icmp->checksum, was, is);
	pkt_swap_macs(p);
}

stage enum lb_verdict icmp_parse(struct pkt *p)
{
	p->icmp = pkt_take(p, sizeof(*p->icmp));
	if (!p->icmp || p->l4_len < sizeof(*p->icmp))
		return LB_BAD_ICMP;
	return p->fragment ? LB_FRAGMENT : LB_CONTINUE;
}

stage enum lb_verdict icmp_echo(struct pkt *p, struct lb_vip *vip, __u8 request, __u8 reply)
{
	if (!vip_answers(vip) || p->icmp->type != request || p->icmp->code)
		return LB_NOT_OURS;
	icmp_turn(p, reply);
	stats_add(&vip->echo_replies, 1);
	return LB_ECHO_REPLY;
}

stage enum lb_verdict icmp_echo4(struct pkt *p, struct lb_vip *vip)
{
	enum lb_verdict v = icmp_echo(p, vip, ICMP4_ECHO_REQUEST, ICMP4_ECHO_REPLY);
	struct ip4_header *ip = p->ip4;
	__be32 asker = ip->src;

	if (v != LB_ECHO_REPLY)
		return v;
	ip->checksum =
		csum_replace(ip->checksum, bpf_htons(ip->ttl << 8), bpf_htons(ICMP_TTL << 8));
	ip->ttl = ICMP_TTL;
	ip->src = ip->dst;
	ip->dst = asker;
	return v;
}

stage enum lb_verdict icmp_echo6(struct pkt *p, struct lb_vip *vip)
{
	enum lb_verdict v = icmp_echo(p, vip, ICMP6_ECHO_REQUEST, ICMP6_ECHO_REPLY);
	struct ip6_header *ip = p->ip6;

	if (v != LB_ECHO_REPLY)
		return v;
	ip->hops = ICMP_TTL;
	for (int i = 0; i < 4; i++) {
		__be32 asker = ip->src[i];

		ip->src[i] = ip->dst[i];
		ip->dst[i] = asker;
	}
	return v;
}

/* The cursor is on the ICMP header. */
stage int icmp_message(struct pkt *p)
{
	struct lb_vip *vip = vip_find(p);
	__u32 at = p->at - p->data;
	enum lb_verdict v;

	if (!vip)
		return LB_NOT_OURS;
	v = icmp_parse(p);
	if (v != LB_CONTINUE)
		return v;
	if (p->ip4 ? related_is_error4(p->icmp->type) : related_is_error6(p->icmp->type))
		return related_ask(at, p->l4_len);
	return p->ip4 ? icmp_echo4(p, vip) : icmp_echo6(p, vip);
}

stage int icmp_pipeline4(struct pkt *p)
{
	enum lb_verdict v = parse_ip4_start(p);

	if (v == LB_CONTINUE)
		v = parse_ip4(p);
	return v == LB_CONTINUE ? icmp_message(p) : (int)v;
}

stage int icmp_pipeline6(struct pkt *p)
{
	enum lb_verdict v = parse_ip6_start(p);

	if (v == LB_CONTINUE && p->ip6->next == WIRE_ICMP6)
		v = nd_pipeline(p);
	if (v != LB_CONTINUE || !vip_maybe(p->ip6->dst) || !origin_takes(p))
		return v == LB_CONTINUE ? LB_NOT_OURS : v;
	pkt_skip(p, p->ip6, sizeof(*p->ip6));
	v = parse_ip6(p);
	return v == LB_CONTINUE ? icmp_message(p) : (int)vip_blame(p, v);
}

enum { ICMP_SIX = 1 << 8 };

/* The pipeline finds a message and hands it on: its own frame is too large to call more below. */
stage int icmp_ask(const struct pkt *p, __u32 six)
{
	return ICMP_ASKED | (six ? ICMP_SIX : 0) | (p->l3 & PKT_L3_MASK);
}

/* Takes what icmp_ask said; a decision. */
int icmp_answer(struct xdp_md *ctx, __u32 asked);

separate int icmp_answer(struct xdp_md *ctx, __u32 asked)
{
	struct pkt p = {.ctx = ctx, .l3 = asked & PKT_L3_MASK};

	if (!pkt_reopen(&p))
		return LB_NOT_OURS;
	return asked & ICMP_SIX ? icmp_pipeline6(&p) : icmp_pipeline4(&p);
}

#endif
