/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The specification of what happens to a packet, in order. What is not ours leaves untouched and
 * first; an established packet costs one hash lookup; a packet ends in exactly one verdict.
 */
#ifndef LBXDP_BPF_PIPELINE_H
#define LBXDP_BPF_PIPELINE_H

#include "arp.h"
#include "flow.h"
#include "icmp.h"
#include "nat.h"
#include "nd.h"
#include "parse.h"
#include "reset.h"
#include "tx.h"

stage enum lb_verdict pipeline_ip4(struct pkt *p)
{
	enum lb_verdict v = parse_ip4_start(p);
	struct lb_flow4 key;

	if (unlikely(v != LB_CONTINUE))
		return v;
	if (!vip_maybe4(p->ip4->dst) || unlikely(pkt_group_mac(p)))
		return LB_NOT_OURS;
	v = parse_ip4(p);
	if (unlikely(v != LB_CONTINUE))
		return vip_blame(p, v);
	if (unlikely(p->proto == WIRE_ICMP4))
		return icmp_answer(p->ctx, p->l3, false);
	v = parse_transport(p);
	if (unlikely(v != LB_CONTINUE))
		return vip_blame(p, v);
	flow_key4(p, &key);
	return flow_pipeline(p, FLOW_TABLES4, &key);
}

stage enum lb_verdict pipeline_ip6(struct pkt *p)
{
	enum lb_verdict v = parse_ip6_start(p);
	struct lb_flow6 key;

	if (unlikely(v != LB_CONTINUE))
		return v;
	if (unlikely(p->ip6->next == WIRE_ICMP6))
		return icmp_answer(p->ctx, p->l3, true);
	if (!vip_maybe(p->ip6->dst) || unlikely(pkt_group_mac(p)))
		return LB_NOT_OURS;
	v = parse_ip6(p);
	if (unlikely(v != LB_CONTINUE))
		return vip_blame(p, v);
	if (unlikely(p->proto == WIRE_ICMP6))
		return icmp_answer(p->ctx, p->l3, true);
	v = parse_transport(p);
	if (unlikely(v != LB_CONTINUE))
		return vip_blame(p, v);
	flow_key6(p, &key);
	return flow_pipeline(p, FLOW_TABLES6, &key);
}

stage enum lb_verdict pipeline_network(struct pkt *p)
{
	enum lb_verdict v = parse_ethernet(p);

	if (unlikely(v != LB_CONTINUE))
		return v;
	if (likely(p->type == bpf_htons(WIRE_IP4)))
		return pipeline_ip4(p);
	if (p->type == bpf_htons(WIRE_IP6))
		return pipeline_ip6(p);
	return p->type == bpf_htons(WIRE_ARP) ? arp_answer(p->ctx, p->l3) : LB_NOT_OURS;
}

/* The verifier knows no verdicts; it sees that without a real, nothing goes to one. LB_CONTINUE: to
 * a real whose packets are translated. */
stage enum lb_verdict pipeline(struct pkt *p)
{
	enum lb_verdict v = pipeline_network(p);

	if (likely(v == LB_FORWARDED && p->real))
		return unlikely(real_translates(p)) ? LB_CONTINUE : tx_forward(p);
	return v == LB_RESET && p->tcp ? reset_answer(p) : v;
}

stage __u32 pipeline_action(enum lb_verdict v)
{
	switch (v) {
#define LB_ACTION(name, action, help)                                                              \
	case LB_##name:                                                                            \
		return action;
		LB_VERDICTS(LB_ACTION)
#undef LB_ACTION
	default:
		return XDP_DROP;
	}
}

/* A packet that is nobody's reply. Returns its verdict, with the action of one that is forwarded,
 * or PIPELINE_NAT and the real whose packets are translated. */
__u32 pipeline_there(struct xdp_md *ctx);

#define PIPELINE_NAT 0x80000000U

separate __u32 pipeline_there(struct xdp_md *ctx)
{
	struct pkt p = {.ctx = ctx};
	enum lb_verdict v;

	pkt_fetch(&p);
	v = pipeline(&p);
	if (likely(v == LB_FORWARDED))
		return nat_sent(v, p.action);
	if (v == LB_CONTINUE)
		return PIPELINE_NAT | p.real_id;
	return v;
}

/* The whole life of a packet: returns the XDP action. */
stage int pipeline_run(struct xdp_md *ctx)
{
	__u32 where = nat_is_used() ? nat_look(ctx) : 0;
	int sent = where ? nat_back(ctx, where) : LB_CONTINUE;

	if (sent == LB_CONTINUE) {
		__u32 there = pipeline_there(ctx);

		if (there & PIPELINE_NAT)
			sent = nat_forward(ctx, where, there & ~PIPELINE_NAT);
		else if ((there & 0xff) == LB_FORWARDED)
			sent = there;
		else
			sent = nat_sent(there, pipeline_action(there));
	}
	if ((sent & 0xff) != LB_FORWARDED)
		stats_verdict(sent & 0xff);
	return sent >> NAT_ACTION_SHIFT;
}

#endif
