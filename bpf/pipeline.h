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
		return fragment_ask_later(p, false);
	if (unlikely(v != LB_CONTINUE))
		return vip_blame(p, v);
	if (unlikely(p->proto == WIRE_ICMP4))
		return icmp_ask(p, false);
	v = parse_transport(p);
	if (unlikely(v != LB_CONTINUE))
		return vip_blame(p, fragment_blame(p, v));
	flow_key4(p, &key);
	v = flow_pipeline(p, FLOW_TABLES4, &key);
	return unlikely(p->fragment) ? fragment_ask_first(p, v) : (int)v;
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
		return fragment_ask_later(p, true);
	if (unlikely(v != LB_CONTINUE))
		return vip_blame(p, v);
	if (unlikely(p->proto == WIRE_ICMP6))
		return icmp_ask(p, true);
	v = parse_transport(p);
	if (unlikely(v != LB_CONTINUE))
		return vip_blame(p, fragment_blame(p, v));
	flow_key6(p, &key);
	v = flow_pipeline(p, FLOW_TABLES6, &key);
	return unlikely(p->fragment) ? fragment_ask_first(p, v) : (int)v;
}

stage int pipeline_network(struct pkt *p, __u32 frame)
{
	enum lb_verdict v = parse_opened(p, frame);

	if (unlikely(v != LB_CONTINUE))
		return v;
	if (likely(p->type == bpf_htons(WIRE_IP4)))
		return pipeline_ip4(p);
	if (p->type == bpf_htons(WIRE_IP6))
		return pipeline_ip6(p);
	return p->type == bpf_htons(WIRE_ARP) ? (int)(ARP_ASKED | p->l3) : LB_NOT_OURS;
}

/* A decision. The verifier knows no verdicts; it sees that without a real, nothing goes to one. */
stage int pipeline(struct pkt *p, __u32 frame)
{
	int v = pipeline_network(p, frame);

	if (likely(v == LB_FORWARDED && p->real))
		return unlikely(real_translates(p)) ? (int)(NAT_ASKED | p->hashed | p->real_id)
						    : (int)tx_forward(p);
	if (v == LB_NOT_OURS)
		return via_answer(p->ctx, p->l3, p->type);
	return v == LB_RESET ? (int)(RESET_ASKED | p->real_id) : v;
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

enum {
	PIPELINE_HAS_REAL = NAT_ASKED | FIRST_ASKED | RESET_ASKED,
	PIPELINE_ASKED = PIPELINE_HAS_REAL | ICMP_ASKED | LATER_ASKED | ARP_ASKED,
};

/*
 * An XDP action, or a decision that leaves something to find. frame is what parse_frame said: found
 * in here, it would be two cases for the verifier, with tags and without, in all that follows.
 */
int pipeline_judge(struct xdp_md *ctx, __u32 frame);

separate int pipeline_judge(struct xdp_md *ctx, __u32 frame)
{
	const __u32 zero = 0;
	struct pkt p = {.ctx = ctx};
	int v;

	p.settings = bpf_map_lookup_elem(&lbx_settings, &zero);
	if (unlikely(!p.settings))
		return XDP_PASS;
	v = pipeline(&p, frame);
	if (unlikely(v & PIPELINE_ASKED))
		return v;
	if (unlikely(p.settings->trace))
		(void)trace_say(v, p.real_id);
	if (likely(v == LB_FORWARDED))
		return p.action;
	stats_verdict(v);
	return pipeline_action(v);
}

/* What was found out by other means than a packet's own ports; real is that of its flow, or 0.
 * Returns the XDP action. */
int pipeline_finish(struct xdp_md *ctx, __u32 decision, __u32 real);

separate int pipeline_finish(struct xdp_md *ctx, __u32 decision, __u32 real)
{
	struct pkt p = {.ctx = ctx, .real_id = real, .bytes = bpf_xdp_get_buff_len(ctx)};
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

/* Finds what pipeline_judge left. Its own frame is too large to call more below. A decision. */
stage int pipeline_ask(struct xdp_md *ctx, __u32 where, int asked)
{
	if (asked & ARP_ASKED)
		return arp_answer(ctx, asked & PKT_L3_MASK);
	if (asked & ICMP_ASKED) {
		int found = icmp_answer(ctx, asked);

		return found & RELATED_ASKED ? related_find(ctx, found) : found;
	}
	if (asked & LATER_ASKED)
		return fragment_find(ctx, asked & PKT_L3_MASK, asked & FRAGMENT_SIX);
	if (!where)
		where = nat_look(ctx);
	return asked & FIRST_ASKED ? fragment_begin(ctx, where, asked & (REAL_DECIDED - 1))
				   : reset_answer(ctx, where);
}

/* The whole life of a packet: returns the XDP action. */
stage int pipeline_run(struct xdp_md *ctx)
{
	const __u32 zero = 0;
	const struct lb_settings *s = bpf_map_lookup_elem(&lbx_settings, &zero);
	__u32 where = 0, real;
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
		return found & REAL_DECIDED ? pipeline_finish(ctx, found, 0)
					    : pipeline_sent(found, 0);
	found = pipeline_judge(ctx, parse_frame(ctx));
	if (likely(!(found & PIPELINE_ASKED)))
		return found;
	real = found & PIPELINE_HAS_REAL ? found & (REAL_DECIDED - 1) : 0;
	if (!(found & NAT_ASKED))
		found = pipeline_ask(ctx, where, found);
	if (!(found & NAT_ASKED))
		return pipeline_finish(ctx, found, real);
	real = found & (REAL_DECIDED - 1);
	return pipeline_sent(nat_forward(ctx, where, real | (found & NAT_HASHED)), real);
}

#endif
