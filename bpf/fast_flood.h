/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The packet that comes by the million in an attack: a SYN of no known flow, for a service that has
 * been in flood mode for longer than half-open flows live. It is judged and sent as flow_new has
 * it, by the same stages; the first surprise gives up, having changed nothing, as in fast.h. No
 * reply of a translated real begins like this, so that nobody asks nat.h.
 */
#ifndef LBXDP_BPF_FAST_FLOOD_H
#define LBXDP_BPF_FAST_FLOOD_H

#include "pipeline.h"

enum { FAST_GIVE_UP = -1 };

/* Can it come from where it says? A VIP is looked for no further than the filter. */
stage bool fast_flood_has_origin(const struct pkt *p)
{
	if (p->ip4)
		return !origin_is_bad4(p->ip4->src) && !vip_maybe4(p->ip4->src);
	return !origin_is_bad6(pkt_src_words(p)) && !vip_maybe(p->ip6->src);
}

/* Everybody may use the service, which is in flood mode and goes by the hash. */
stage bool fast_flood_serves(const struct pkt *p, struct lb_service *s)
{
	return flood_settled(s, p->settings, p->now) && !acl_gate(s).list &&
	       pick_is_keyed(sched_policy(s));
}

/* Is the packet's flow in the table? The key is made where that of the service is done with: all
 * functions of a chain share 512 bytes of stack, and the first of them is here. */
stage bool fast_flood_knows(const struct pkt *p)
{
	struct lb_flow4 key4;
	struct lb_flow6 key6;

	if (p->ip4) {
		flow_key4(p, &key4);
		return bpf_map_lookup_elem(&lbx_flows4, &key4);
	}
	flow_key6(p, &key6);
	return bpf_map_lookup_elem(&lbx_flows6, &key6);
}

/* Chooses the real; false: there is none, or more has to be done than to send it the packet. */
stage bool fast_flood_choose(struct pkt *p, struct lb_service *s)
{
	struct lb_ring ring = sched_hash_ring(s);
	__u32 key = sched_key_of(p->settings->hash_key, pkt_src_words(p), p->ports);

	return ring.count && sched_keyed(p, ring, key) && !real_translates(p);
}

/* A segment with the SYN flag. Returns the XDP action, or FAST_GIVE_UP. */
stage int fast_flood(struct pkt *p)
{
	const __u32 zero = 0;
	struct lb_service *s;
	__u32 id;

	p->settings = bpf_map_lookup_elem(&lbx_settings, &zero);
	if (!p->settings || p->settings->trace || !flow_is_syn(p) || !fast_flood_has_origin(p))
		return FAST_GIVE_UP;
	p->now = flow_clock(p->settings);
	s = sched_service(p, &id);
	if (!s || !fast_flood_serves(p, s) || fast_flood_knows(p))
		return FAST_GIVE_UP;
	if (!fast_flood_choose(p, s) || !origin_is_for_us(p) || tx_forward(p) != LB_FORWARDED)
		return FAST_GIVE_UP;
	(void)flood_counts(s, p->now); /* which keeps the mode up */
	stats_flood(id);
	return p->action;
}

#endif
