/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The two packets that come by the million: one of an established TCP flow, and one that is not
 * for us; a third is in fast_flood.h. Made of the pipeline's own stages; the first surprise gives
 * up, having changed nothing, and the pipeline begins again. What this file does not know costs
 * speed, never correctness.
 */
#ifndef LBXDP_BPF_FAST_H
#define LBXDP_BPF_FAST_H

#include "fast_flood.h"

/* Returns the XDP action, or FAST_GIVE_UP. */
stage int fast_forward(struct pkt *p, struct flow_tables t, const void *key)
{
	const __u32 zero = 0;
	struct lb_flow *f = bpf_map_lookup_elem(t.flows, key);

	p->settings = bpf_map_lookup_elem(&lbx_settings, &zero);
	if (unlikely(!f || !p->settings || p->settings->trace || f->state != LB_FLOW_ESTABLISHED))
		return FAST_GIVE_UP;
	p->now = flow_clock(p->settings);
	if (unlikely(flow_expired(p, f, LB_FLOW_ESTABLISHED) || !real_choose(p, f->real)))
		return FAST_GIVE_UP;
	if (unlikely(real_flags(p) & (LB_REAL_RESET | LB_REAL_NAT) || !origin_is_for_us(p)))
		return FAST_GIVE_UP;
	flow_touch(p, f);
	return likely(tx_forward(p) == LB_FORWARDED) ? (int)p->action : FAST_GIVE_UP;
}

/* Not for a VIP, read up to its transport header. It may answer a check through a VIP; from a real
 * that clients reach translated it may be a reply. */
stage int fast_pass(struct pkt *p, bool from_real)
{
	if (unlikely(from_real || via_suspect(p)))
		return FAST_GIVE_UP;
	stats_verdict(LB_NOT_OURS);
	return XDP_PASS;
}

/* A whole TCP segment in one piece that ends and resets nothing. */
stage bool fast_segment(struct pkt *p)
{
	p->bytes = p->end - p->data;
	if (unlikely(p->proto != WIRE_TCP || p->l3 + p->length > p->bytes))
		return false;
	return parse_tcp(p) == LB_CONTINUE && !(p->flags & (TCP_FIN | TCP_RST));
}

stage int fast_ip4(struct pkt *p)
{
	struct ip4_header *ip;
	struct lb_flow4 key;

	if (unlikely(parse_ip4_start(p) != LB_CONTINUE))
		return FAST_GIVE_UP;
	ip = p->ip4;
	if (!vip_maybe4(ip->dst))
		return fast_pass(p, nat_is_used() && vip_maybe4(ip->src));
	if (unlikely(ip->version_ihl != 0x45 ||
		     ip->fragment & bpf_htons(PARSE_MORE_FRAGMENTS4 | PARSE_OFFSET4)))
		return FAST_GIVE_UP;
	p->length = bpf_ntohs(ip->length);
	p->l4_len = p->length - sizeof(*ip);
	p->proto = ip->proto;
	if (unlikely(p->length < sizeof(*ip) || !fast_segment(p)))
		return FAST_GIVE_UP;
	if (unlikely(p->flags & TCP_SYN))
		return fast_flood(p);
	flow_key4(p, &key);
	return fast_forward(p, FLOW_TABLES4, &key);
}

stage int fast_ip6(struct pkt *p)
{
	struct ip6_header *ip;
	struct lb_flow6 key;

	if (unlikely(parse_ip6_start(p) != LB_CONTINUE))
		return FAST_GIVE_UP;
	ip = p->ip6;
	if (unlikely(ip->next == WIRE_ICMP6))
		return FAST_GIVE_UP;
	if (!vip_maybe(ip->dst))
		return fast_pass(p, nat_is_used() && vip_maybe(ip->src));
	if (unlikely(!parse_is_version6(ip)))
		return FAST_GIVE_UP;
	p->l4_len = bpf_ntohs(ip->length);
	p->length = sizeof(*ip) + p->l4_len;
	p->proto = ip->next;
	if (unlikely(!fast_segment(p)))
		return FAST_GIVE_UP;
	if (unlikely(p->flags & TCP_SYN))
		return fast_flood(p);
	flow_key6(p, &key);
	return fast_forward(p, FLOW_TABLES6, &key);
}

/* Returns the XDP action, or FAST_GIVE_UP: ask the pipeline. */
stage int fast_run(struct xdp_md *ctx)
{
	struct pkt p = {.ctx = ctx, .l3 = sizeof(struct eth_header)};

	pkt_fetch(&p);
	p.eth = pkt_take(&p, sizeof(*p.eth));
	if (unlikely(!p.eth))
		return FAST_GIVE_UP;
	if (likely(p.eth->type == bpf_htons(WIRE_IP4)))
		return fast_ip4(&p);
	return p.eth->type == bpf_htons(WIRE_IP6) ? fast_ip6(&p) : FAST_GIVE_UP;
}

/* The program: returns the XDP action. */
stage int fast_then_pipeline(struct xdp_md *ctx)
{
	int action = fast_run(ctx);

	return likely(action != FAST_GIVE_UP) ? action : pipeline_run(ctx);
}

#endif
