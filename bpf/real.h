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

/* A SYN on a flow it already has may stay on the chosen real. */
stage bool real_keeps(const struct pkt *p)
{
	__u32 wanted = LB_REAL_USABLE | LB_REAL_HAS_MAC;

	return (real_flags(p) & (wanted | LB_REAL_RESET)) == wanted;
}

stage struct lb_real_conns *real_conns(__u32 id)
{
	return bpf_map_lookup_elem(&lbx_real_conns, &id);
}

#endif
