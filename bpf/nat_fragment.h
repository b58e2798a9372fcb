/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Fragments of translated flows. The first is translated as any packet is: its transport checksum
 * is that of the whole datagram, and what changes is the same. It leaves the flow's ports in its
 * row of lbx_fragments, for replies too; by them the later ones find the row of their flow, and get
 * its addresses.
 */
#ifndef LBXDP_BPF_NAT_FRAGMENT_H
#define LBXDP_BPF_NAT_FRAGMENT_H

#include "fragment.h"
#include "nat_rewrite.h"

/* The flow that a datagram's first fragment was of. False: it has gone meanwhile. */
stage bool nat_read_datagram(const struct lb_datagram *datagram, struct lb_flow6 *key)
{
	const struct lb_fragments *f = bpf_map_lookup_elem(&lbx_fragments, datagram);

	if (!f)
		return false;
	nat_key(key, &datagram->src, &datagram->dst, (__u32)f->sport << 16 | f->dport, f->proto);
	return true;
}

stage int nat_follow_of(struct xdp_md *ctx, __u32 where, bool six)
{
	struct pkt p = {.ctx = ctx, .l3 = where & PKT_L3_MASK};
	struct lb_datagram datagram = {};
	struct fragment is = {};
	struct lb_flow6 key = {};
	struct lb_nat row;
	__u32 change;

	if (!fragment_read(&p, six, &datagram, &is) || !nat_read_datagram(&datagram, &key))
		return nat_sent(LB_FRAGMENT, XDP_DROP);
	if (nat_is_nobody(&key, six) || !nat_read_row(&key, &row) || !real_choose(&p, row.real))
		return nat_sent(LB_FRAGMENT, XDP_DROP);
	if (!nat_hop(&p, six))
		return nat_sent(LB_HOP_LIMIT, XDP_DROP);
	change = nat_set_addresses(&p, &row, six);
	if (!six)
		p.ip4->checksum = nat_mend(p.ip4->checksum, change);
	return row.back ? nat_to_client(&p, &row) : nat_to_real(&p);
}

/* A later fragment that fragment_find has judged. Returns verdict and action. */
int nat_follow(struct xdp_md *ctx, __u32 where);

separate int nat_follow(struct xdp_md *ctx, __u32 where)
{
	return nat_six(where) ? nat_follow_of(ctx, where, true) : nat_follow_of(ctx, where, false);
}

stage int nat_real_of(struct xdp_md *ctx, __u32 where, bool six)
{
	const struct lb_nat_half *half;
	const struct lb_nat *row;
	struct lb_flow6 key = {};
	struct nat n = {};

	if (!nat_open(&n, ctx, where, six))
		return 0;
	nat_key_of(&key, &n.p);
	if (nat_is_nobody(&key, six))
		return 0;
	row = nat_find(&key);
	if (row)
		return row->back ? row->real : 0;
	half = bpf_map_lookup_elem(&lbx_nat_half, &key);
	return half && half->row.back ? half->row.real : 0;
}

enum { NAT_BEGUN = 1 << 16 }; /* no verdict and action: to be translated */

/* A first fragment, if it is a reply. NAT_BEGUN; LB_CONTINUE: it is none; or a drop. */
int nat_begin(struct xdp_md *ctx, __u32 where);

separate int nat_begin(struct xdp_md *ctx, __u32 where)
{
	__u32 real =
		nat_six(where) ? nat_real_of(ctx, where, true) : nat_real_of(ctx, where, false);
	int found;

	if (!real)
		return LB_CONTINUE;
	found = fragment_begin(ctx, where, real);
	if (found & NAT_ASKED)
		return NAT_BEGUN;
	return nat_sent(found & REAL_DECIDED ? LB_FRAGMENT : found, XDP_DROP);
}

#endif
