/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * May this client use the service? Asked where no flow knows the packet, and only of services that
 * have a list (R82). List and host are read together: the daemon changes them in one store.
 */
#ifndef LBXDP_BPF_ACL_H
#define LBXDP_BPF_ACL_H

#include "maps.h"
#include "pkt.h"
#include "stats.h"

union acl_gate {
	struct lb_gate gate;
	__u64 word;
};

stage struct lb_gate acl_gate(struct lb_service *s)
{
	union acl_gate g = {.word = READ_ONCE(*(__u64 *)&s->gate)};

	return g.gate;
}

/* In an IPv6 header ::ffff:a.b.c.d is nobody's address (RFC 4291 2.5.5.2); here it is IPv4's. */
stage bool acl_pretends(const struct pkt *p)
{
	return p->ip6 && !p->ip6->src[0] && !p->ip6->src[1] && p->ip6->src[2] == PKT_MAPPED;
}

/*
 * enum lb_verdict for the client of key, whose list is filled in here. A list holds a row for every
 * address; without one it allows nobody.
 */
int acl_ask(struct lb_service *s, struct lb_acl_key *key);

separate int acl_ask(struct lb_service *s, struct lb_acl_key *key)
{
	struct lb_gate gate;
	const __u32 *verdict;

	if (!s || !key)
		return LB_ACL;
	gate = acl_gate(s);
	if (!gate.list)
		return LB_CONTINUE;
	key->list = gate.list;
	verdict = bpf_map_lookup_elem(&lbx_acl, key);
	if (!verdict || *verdict != LB_ACL_ALLOW) {
		stats_add(&s->denied, 1);
		return LB_ACL;
	}
	return gate.host ? LB_NOT_OURS : LB_CONTINUE;
}

/* LB_CONTINUE, or the packet's end: refused, or allowed to go to the host. */
stage enum lb_verdict acl_judge(const struct pkt *p, struct lb_service *s)
{
	struct lb_acl_key key = {};

	if (likely(!acl_gate(s).list))
		return LB_CONTINUE;
	/* Of who pretends, nothing but the family counts. */
	key.prefix = acl_pretends(p) ? LB_ACL_LIST_BITS : LB_ACL_KEY_BITS;
	pkt_src(p, &key.addr);
	return acl_ask(s, &key);
}

#endif
