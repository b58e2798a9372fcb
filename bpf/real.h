/* SPDX-License-Identifier: GPL-2.0-only */
/* Real servers: their rows, and the counters of flows that come and go. */
#ifndef LBXDP_BPF_REAL_H
#define LBXDP_BPF_REAL_H

#include "maps.h"
#include "pkt.h"

/*
 * Chooses real for the packet. MAC and flags are read together, once, because the daemon changes
 * them in one store. False: no such row.
 */
stage bool real_choose(struct pkt *p, __u32 id)
{
	struct lb_real *real = bpf_map_lookup_elem(&lbx_reals, &id);

	if (unlikely(!real))
		return false;
	p->real = real;
	p->real_id = id;
	p->head = READ_ONCE(*(__u64 *)real);
	return true;
}

stage __u32 real_flags(const struct pkt *p)
{
	return p->head >> 48;
}

stage bool real_resets(const struct pkt *p)
{
	return real_flags(p) & LB_REAL_RESET;
}

/* More than the MACs of its packets change (nat.h). */
stage bool real_translates(const struct pkt *p)
{
	return real_flags(p) & LB_REAL_NAT;
}

/* May a real with these flags have a new flow, if it is its turn? */
stage bool real_takes_flows(__u32 flags)
{
	__u32 wanted = LB_REAL_USABLE | LB_REAL_HAS_MAC;

	return (flags & (wanted | LB_REAL_RESET)) == wanted;
}

/* A SYN on a flow it already has may stay on the chosen real. */
stage bool real_keeps(const struct pkt *p)
{
	return real_takes_flows(real_flags(p));
}

/*
 * A decision is an enum lb_verdict; or REAL_DECIDED + the id of the real that the packet goes to;
 * or one of the others + what is asked. That is how functions that the verifier walks on their own
 * tell. NAT_HASHED is LATER_ASKED again: who asks for NAT_ASKED first, as pipeline_run does, takes
 * neither for the other, and a decision never has LATER_ASKED beside NAT_ASKED. flow_plan says
 * NAT_HASHED too; what it says is a plan, which flow_serve takes apart, and no decision.
 */
enum {
	REAL_DECIDED = 1 << 24,
	ICMP_ASKED = 1 << 25,      /* + what icmp_answer takes */
	NAT_ASKED = 1 << 26,       /* + the id of a real whose packets are translated ... */
	FIRST_ASKED = 1 << 27,     /* a first fragment, + its real's id, or 0 */
	LATER_ASKED = 1 << 28,     /* a later fragment, + the offset of its IP header */
	RESET_ASKED = 1 << 29,     /* + the id of the real of the flow */
	RELATED_ASKED = 1 << 30,   /* + what related_find takes, in the bits of the others */
	NAT_HASHED = LATER_ASKED,  /* ... + this: the hash chose it for a flow without an entry */
	ARP_ASKED = RELATED_ASKED, /* of a frame: + the offset of its ARP message */
};

/* Whether real id still takes packets of what it was given. */
stage bool real_serves(struct pkt *p, __u32 id)
{
	return real_choose(p, id) && !real_resets(p);
}

stage struct lb_real_conns *real_conns(__u32 id)
{
	return bpf_map_lookup_elem(&lbx_real_conns, &id);
}

/* Flows between two counters, of which another CPU may have moved one only: no less than 0, and
 * without a branch that the verifier would have to follow. */
stage __u64 real_between(__u64 more, __u64 less)
{
	__s64 between = more - less;

	return between & ~(between >> 63);
}

stage __u64 real_active(const struct lb_real_conns *c)
{
	return real_between(READ_ONCE(c->opened), READ_ONCE(c->closed));
}

/* As IPVS has it: an active flow weighs as much as 256 that are half-open or closing. */
stage __u64 real_load(const struct lb_real_conns *c)
{
	return (real_active(c) << 8) + READ_ONCE(c->half_open) +
	       real_between(READ_ONCE(c->closing_begun), READ_ONCE(c->closing_ended));
}

/*
 * Full from max_connections on until it has less than min_connections (R43). Handshakes under way
 * do not count: a flood would close the real with them.
 */
stage bool real_is_full(const struct lb_real *real, struct lb_real_conns *c)
{
	__u32 most = READ_ONCE(real->max_connections);
	__u64 was = READ_ONCE(c->full), is;

	if (likely(!most))
		return false;
	is = real_active(c) >= (was ? READ_ONCE(real->min_connections) : most);
	if (is != was)
		c->full = is;
	return is;
}

#endif
