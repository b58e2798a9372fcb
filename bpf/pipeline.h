/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The specification of what happens to a packet, in order. What is not ours leaves untouched and
 * first; an established packet costs one hash lookup; a packet ends in exactly one verdict.
 */
#ifndef LBXDP_BPF_PIPELINE_H
#define LBXDP_BPF_PIPELINE_H

#include "arp.h"
#include "flow.h"
#include "fragment.h"
#include "icmp.h"
#include "nat.h"
#include "nd.h"
#include "origin.h"
#include "parse.h"
#include "reset.h"
#include "trace.h"
#include "tx.h"
#include "via.h"

stage int pipeline_ip4(struct pkt *p)
{
	enum lb_verdict v = parse_ip4_start(p);
	struct lb_flow4 key;

	if (unlikely(v != LB_CONTINUE))
		return v;
	if (!vip_maybe4(p->ip4->dst) || unlikely(!origin_takes(p)))
		return LB_NOT_OURS;
	v = parse_ip4(p);
	if (unlikely(v == LB_FRAGMENT))
		return fragment_find(p->ctx, p->l3, false);
	if (unlikely(v != LB_CONTINUE))
		return vip_blame(p, v);
	if (unlikely(p->proto == WIRE_ICMP4))
		return icmp_ask(p, false);
	v = parse_transport(p);
	if (unlikely(v != LB_CONTINUE))
		return vip_blame(p, fragment_blame(p, v));
	flow_key4(p, &key);
	v = flow_pipeline(p, FLOW_TABLES4, &key);
	return unlikely(p->fragment) ? fragment_first(p, v) : (int)v;
}

stage int pipeline_ip6(struct pkt *p)
{
	enum lb_verdict v = parse_ip6_start(p);
	struct lb_flow6 key;

	if (unlikely(v != LB_CONTINUE))
		return v;
	if (unlikely(p->ip6->next == WIRE_ICMP6))
		return icmp_ask(p, true);
	if (!vip_maybe(p->ip6->dst) || unlikely(!origin_takes(p)))
		return LB_NOT_OURS;
	v = parse_ip6(p);
	if (unlikely(v == LB_FRAGMENT))
		return fragment_find(p->ctx, p->l3, true);
	if (unlikely(v != LB_CONTINUE))
		return vip_blame(p, v);
	if (unlikely(p->proto == WIRE_ICMP6))
		return icmp_ask(p, true);
	v = parse_transport(p);
	if (unlikely(v != LB_CONTINUE))
		return vip_blame(p, fragment_blame(p, v));
	flow_key6(p, &key);
	v = flow_pipeline(p, FLOW_TABLES6, &key);
	return unlikely(p->fragment) ? fragment_first(p, v) : (int)v;
}

stage int pipeline_network(struct pkt *p)
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

/* A decision. The verifier knows no verdicts; it sees that without a real, nothing goes to one. */
stage int pipeline(struct pkt *p)
{
	int v = pipeline_network(p);

	if (likely(v == LB_FORWARDED && p->real))
		return unlikely(real_translates(p)) ? (int)(NAT_ASKED | p->real_id)
						    : (int)tx_forward(p);
	if (v == LB_NOT_OURS)
		return via_answer(p->ctx, p->l3, p->type);
	return v == LB_RESET && p->tcp ? (int)reset_answer(p) : v;
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

/* An XDP action, or a decision that leaves something to find. */
int pipeline_judge(struct xdp_md *ctx);

separate int pipeline_judge(struct xdp_md *ctx)
{
	const __u32 zero = 0;
	struct pkt p = {.ctx = ctx};
	int v;

	p.settings = bpf_map_lookup_elem(&lbx_settings, &zero);
	if (unlikely(!p.settings))
		return XDP_PASS;
	pkt_fetch(&p);
	v = pipeline(&p);
	if (unlikely(v & (REAL_DECIDED | ICMP_ASKED | NAT_ASKED)))
		return v;
	if (unlikely(p.settings->trace))
		(void)trace_say(v, p.real_id);
	if (likely(v == LB_FORWARDED))
		return p.action;
	stats_verdict(v);
	return pipeline_action(v);
}

/* What was found out by other means than a packet's own ports. Returns the XDP action. */
int pipeline_finish(struct xdp_md *ctx, __u32 decision);

separate int pipeline_finish(struct xdp_md *ctx, __u32 decision)
{
	struct pkt p = {.ctx = ctx, .bytes = bpf_xdp_get_buff_len(ctx)};
	enum lb_verdict v = decision;

	if (decision & REAL_DECIDED) {
		v = LB_NO_REAL;
		if (pkt_reopen(&p) && real_choose(&p, decision & (REAL_DECIDED - 1)))
			v = real_translates(&p) ? LB_FRAGMENT : tx_forward(&p);
	}
	(void)trace_say(v, p.real_id); /* where the packet was noted */
	if (v == LB_FORWARDED)
		return p.action;
	stats_verdict(v);
	return pipeline_action(v);
}

/* What nat.h made of a packet. Returns the XDP action. */
stage int pipeline_sent(int sent, __u32 real)
{
	__u32 v = sent & 0xff;

	(void)trace_say(v, real); /* where the packet was noted */
	if (v != LB_FORWARDED)
		stats_verdict(v);
	return sent >> NAT_ACTION_SHIFT;
}

/* The whole life of a packet: returns the XDP action. */
stage int pipeline_run(struct xdp_md *ctx)
{
	const __u32 zero = 0;
	const struct lb_settings *s = bpf_map_lookup_elem(&lbx_settings, &zero);
	__u32 where = 0;
	int found = LB_CONTINUE;

	if (unlikely(!s))
		return XDP_PASS;
	if (unlikely(s->trace))
		(void)trace_see(ctx);
	if (unlikely(s->nat))
		where = nat_look(ctx);
	if (unlikely(where))
		found = nat_back(ctx, where);
	if (unlikely(found != LB_CONTINUE))
		return found & REAL_DECIDED ? pipeline_finish(ctx, found) : pipeline_sent(found, 0);
	found = pipeline_judge(ctx);
	if (likely(!(found & (REAL_DECIDED | ICMP_ASKED | NAT_ASKED))))
		return found;
	if (found & NAT_ASKED) {
		__u32 real = found & (REAL_DECIDED - 1);

		return pipeline_sent(nat_forward(ctx, where, real), real);
	}
	if (found & ICMP_ASKED)
		found = icmp_answer(ctx, found);
	if (found & RELATED_ASKED)
		found = related_find(ctx, found);
	return pipeline_finish(ctx, found);
}

#endif
