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

enum { ACL_NO_PACKET = 0 }; /* the kind of what no client sent */

union acl_gate {
	struct lb_gate gate;
	__u64 word;
};

stage struct lb_gate acl_gate(struct lb_service *s)
{
	union acl_gate g = {.word = READ_ONCE(*(__u64 *)&s->gate)};

	return g.gate;
}

/* ::ffff:a.b.c.d, which in an IPv6 header is nobody's address (RFC 4291 2.5.5.2). */
stage bool acl_is_mapped(const struct lb_addr *a)
{
	return !env_load64(a->byte) && env_load32(a->byte + 8) == PKT_MAPPED;
}

/*
 * enum lb_verdict for a client, of IPv6 if six, and its packet's kind. A list holds a row for every
 * address; without one it allows nobody. Who is refused is counted, but for ACL_NO_PACKET: anybody
 * can have a client quoted. The key is made here: up to 6.1 the verifier takes none
 * that came as an argument.
 */
int acl_ask(struct lb_service *s, const struct lb_addr *client, __u32 six, __u32 kind);

separate int acl_ask(struct lb_service *s, const struct lb_addr *client, __u32 six, __u32 kind)
{
	struct lb_acl_key key = {.prefix = LB_ACL_KEY_BITS};
	struct lb_gate gate;
	const __u32 *verdict;

	if (!s || !client)
		return LB_ACL;
	gate = acl_gate(s);
	if (!gate.list)
		return LB_CONTINUE;
	key.list = gate.list;
	key.addr = *client;
	/* Of who pretends to be of IPv4, nothing but the family counts. */
	if (six && acl_is_mapped(client))
		key.prefix = LB_ACL_LIST_BITS;
	verdict = bpf_map_lookup_elem(&lbx_acl, &key);
	if (!verdict || *verdict != LB_ACL_ALLOW) {
		if (kind == ACL_NO_PACKET)
			return LB_ACL;
		stats_add(&s->denied, 1);
		if (pkt_starts(kind))
			stats_add(&s->denied_connections, 1);
		return LB_ACL;
	}
	return gate.host ? LB_NOT_OURS : LB_CONTINUE;
}

/* LB_CONTINUE, or the packet's end: refused, or allowed to go to the host. */
stage enum lb_verdict acl_judge(const struct pkt *p, struct lb_service *s)
{
	struct lb_addr client;

	if (likely(!acl_gate(s).list))
		return LB_CONTINUE;
	pkt_src(p, &client);
	return acl_ask(s, &client, !p->ip4, pkt_kind(p));
}

#endif
