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

/* A SYN on a flow it already has may stay on the chosen real. */
stage bool real_keeps(const struct pkt *p)
{
	__u32 wanted = LB_REAL_USABLE | LB_REAL_HAS_MAC;

	return (real_flags(p) & (wanted | LB_REAL_RESET)) == wanted;
}

/*
 * A decision is an enum lb_verdict; or REAL_DECIDED + the id of the real that the packet goes to;
 * or one of the others + what icmp.h and related.h are asked about. That is how functions that the
 * verifier walks on their own tell.
 */
enum { REAL_DECIDED = 1 << 24, ICMP_ASKED = 1 << 25, RELATED_ASKED = 1 << 30 };

/* Whether real id still takes packets of what it was given. */
stage bool real_serves(struct pkt *p, __u32 id)
{
	return real_choose(p, id) && !real_resets(p);
}

stage struct lb_real_conns *real_conns(__u32 id)
{
	return bpf_map_lookup_elem(&lbx_real_conns, &id);
}

#endif
