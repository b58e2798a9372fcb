/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Out to the chosen real: both MAC addresses are rewritten, nothing else (R2). Back through the
 * interface the packet came in by, or redirected to the real's. VLAN tags stay.
 */
#ifndef LBXDP_BPF_TX_H
#define LBXDP_BPF_TX_H

#include "real.h"
#include "stats.h"

/* The row holds both addresses, 8 bytes apart, flags behind the first: two stores. */
stage void tx_rewrite(struct pkt *p)
{
	const __u8 *source = p->real->source_mac;
	__u64 start = p->head & 0xffffffffffffULL;

	start |= env_load64(source) << 48;
	env_store64(p->eth->dst, start);
	env_store32(p->eth->src + 2, env_load64(source) >> 16);
}

stage enum lb_verdict tx_forward(struct pkt *p)
{
	__u32 ifindex = p->real->ifindex;

	if (unlikely(!(real_flags(p) & LB_REAL_HAS_MAC)))
		return LB_NO_NEIGHBOUR;
	p->action = XDP_TX;
	if (ifindex != p->ctx->ingress_ifindex) {
		p->action = bpf_redirect_map(&lbx_tx, ifindex, XDP_DROP);
		if (unlikely(p->action != XDP_REDIRECT))
			return LB_NO_NEIGHBOUR;
	}
	tx_rewrite(p);
	stats_real(p->real_id, p->bytes);
	return LB_FORWARDED;
}

#endif
