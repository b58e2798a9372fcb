/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a row makes of a packet. Checksums are mended, not computed (RFC 1624), so that what was
 * broken stays broken. A translated packet has one hop less (RFC 1812 5.3.1).
 */
#ifndef LBXDP_BPF_NAT_REWRITE_H
#define LBXDP_BPF_NAT_REWRITE_H

#include "csum.h"
#include "nat_brief.h"
#include "tx.h"

/* A mapped address in an IPv6 header is nobody's, and no row is for it. */
stage bool nat_is_nobody(const struct lb_flow6 *key, bool six)
{
	return six && acl_is_mapped((const struct lb_addr *)key->src);
}

/* For what comes back. */
stage struct lb_nat *nat_find_back(const struct lb_flow6 *key, bool six)
{
	return nat_is_nobody(key, six) ? NULL : nat_find(key);
}

/*
 * The half-open row of key; *is becomes what it says. Another CPU may give its memory to another
 * flow while we read: what is read is believed if the key still leads there.
 */
stage struct lb_nat_half *nat_find_half(const struct lb_flow6 *key, struct lb_nat *is)
{
	struct lb_nat_half *half = bpf_map_lookup_elem(&lbx_nat_half, key);

	if (!half)
		return NULL;
	*is = half->row;
	return bpf_map_lookup_elem(&lbx_nat_half, key) == half ? half : NULL;
}

/* The row of key in either table. */
stage bool nat_read_row(const struct lb_flow6 *key, struct lb_nat *is)
{
	const struct lb_nat *row = nat_find(key);

	if (!row)
		return nat_find_half(key, is);
	*is = *row;
	return true;
}

/* From what a word of a header was to what it becomes, and that change for the checksums. */
stage __u32 nat_set(__u32 change, void *at, __u32 is)
{
	change = csum_word(change, ~env_load32(at));
	env_store32(at, is);
	return csum_word(change, is);
}

stage __be16 nat_mend(__be16 checksum, __u32 change)
{
	return csum_finish((__u16)~checksum + csum_fold(change));
}

stage __u32 nat_set_address(__u32 change, void *at, const struct lb_addr *is, bool six)
{
	if (!six)
		return nat_set(change, at, env_load32(is->byte + 12));
	for (int i = 0; i < 16; i += 4)
		change = nat_set(change, at + i, env_load32(is->byte + i));
	return change;
}

stage __u32 nat_set_addresses(struct pkt *p, const struct lb_nat *row, bool six)
{
	__u32 change = nat_set_address(0, six ? (void *)p->ip6->src : &p->ip4->src, &row->src, six);

	return nat_set_address(change, six ? (void *)p->ip6->dst : &p->ip4->dst, &row->dst, six);
}

/* One hop less. False: there is none left. */
stage bool nat_hop(struct pkt *p, bool six)
{
	struct ip4_header *ip = p->ip4;

	if ((six ? p->ip6->hops : ip->ttl) <= 1)
		return false;
	if (six) {
		p->ip6->hops--;
		return true;
	}
	ip->checksum =
		csum_replace(ip->checksum, bpf_htons(ip->ttl << 8), bpf_htons((ip->ttl - 1) << 8));
	ip->ttl--;
	return true;
}

/* RFC 768: a sum of zero goes as all ones, because zero is none, and none stays none. */
stage void nat_mend_transport(struct nat *n, __u32 change)
{
	struct udp_header *udp = n->ports;

	if (n->p.tcp) {
		n->p.tcp->checksum = nat_mend(n->p.tcp->checksum, change);
	} else if (udp->checksum) {
		udp->checksum = nat_mend(udp->checksum, change);
		if (!udp->checksum)
			udp->checksum = 0xffff;
	}
}

stage void nat_translate(struct nat *n, const struct lb_nat *row, bool six)
{
	__u32 change = nat_set_addresses(&n->p, row, six);

	if (!six)
		n->p.ip4->checksum = nat_mend(n->p.ip4->checksum, change);
	change = nat_set(change, n->ports, bpf_htonl((__u32)row->sport << 16 | row->dport));
	nat_mend_transport(n, change);
}

stage void nat_touch(const struct pkt *p, struct lb_nat *row)
{
	if (row->seen != p->now)
		row->seen = p->now;
}

stage int nat_sent(enum lb_verdict v, __u32 action)
{
	return v | action << NAT_ACTION_SHIFT;
}

/* To the real. */
stage int nat_to_real(struct pkt *p)
{
	enum lb_verdict v;

	p->bytes = bpf_xdp_get_buff_len(p->ctx);
	v = tx_forward(p);
	return v == LB_FORWARDED ? nat_sent(v, p->action) : nat_sent(v, XDP_DROP);
}

/* To the client, from whose packets the way is known. */
stage int nat_to_client(struct pkt *p, const struct lb_nat *row)
{
	__u32 action = XDP_TX;

	if (row->ifindex != p->ctx->ingress_ifindex) {
		action = bpf_redirect_map(&lbx_tx, row->ifindex, XDP_DROP);
		if (action != XDP_REDIRECT)
			return nat_sent(LB_NO_NEIGHBOUR, XDP_DROP);
	}
	pkt_copy_mac(p->eth->dst, row->client_mac);
	pkt_copy_mac(p->eth->src, row->our_mac);
	return nat_sent(LB_NAT_REPLY, action);
}

/* Another router may lead to the client by now; for an instant a reply may see half of the change.
 */
stage void nat_follow_client(const struct pkt *p, struct lb_nat *row)
{
	struct lb_flow6 key = {};
	struct lb_nat *back;

	if (likely(pkt_same_mac(row->client_mac, p->eth->src) &&
		   pkt_same_mac(row->our_mac, p->eth->dst) &&
		   row->ifindex == p->ctx->ingress_ifindex))
		return;
	nat_note_client(p, row);
	nat_key_mirrored(&key, row, p->proto);
	back = nat_find(&key);
	if (back)
		nat_note_client(p, back);
}

#endif
