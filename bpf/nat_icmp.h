/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ICMP errors about translated packets: who sent the packet must get one that quotes what it sent
 * (RFC 5508 4.2), or path MTU discovery fails.
 */
#ifndef LBXDP_BPF_NAT_ICMP_H
#define LBXDP_BPF_NAT_ICMP_H

#include "nat_rewrite.h"
#include "related.h"

/* The packet that an error quotes. */
struct nat_quoted {
	struct icmp_header *icmp;
	struct ip4_header *ip4;
	struct ip6_header *ip6;
	void *ports;
	__u8 proto;
};

/* Only a first fragment has ports; extension headers are rare enough to be left out. */
stage bool nat_open_quoted(struct pkt *p, struct nat_quoted *q, bool six)
{
	q->icmp = pkt_take(p, sizeof(*q->icmp));
	if (!q->icmp ||
	    !(six ? related_is_error6(q->icmp->type) : related_is_error4(q->icmp->type)))
		return false;
	if (six) {
		q->ip6 = pkt_take(p, sizeof(*q->ip6));
		if (!q->ip6)
			return false;
		q->proto = q->ip6->next;
	} else {
		q->ip4 = pkt_take(p, sizeof(*q->ip4));
		if (!q->ip4 || (q->ip4->version_ihl & 15) < sizeof(*q->ip4) / 4 ||
		    q->ip4->fragment & bpf_htons(PARSE_OFFSET4))
			return false;
		q->proto = q->ip4->proto;
		pkt_skip(p, q->ip4, (q->ip4->version_ihl & 15) << 2);
	}
	q->ports = pkt_take(p, NAT_PORTS_LEN);
	return q->ports && (q->proto == WIRE_TCP || q->proto == WIRE_UDP);
}

/* The key of what answers the quoted packet, for whose sender the error must be. */
stage bool nat_key_quoted(struct lb_flow6 *key, const struct pkt *p, const struct nat_quoted *q)
{
	const struct pkt quoted = {.ip4 = q->ip4, .ip6 = q->ip6};
	__u32 ports = bpf_ntohl(env_load32(q->ports)), differ = 0;
	struct lb_addr src, dst, to;

	pkt_src(&quoted, &src);
	pkt_dst(&quoted, &dst);
	pkt_dst(p, &to);
	nat_key(key, &dst, &src, ports << 16 | ports >> 16, q->proto);
	for (int i = 0; i < 16; i += 4)
		differ |= env_load32(to.byte + i) ^ env_load32(src.byte + i);
	return !differ;
}

/*
 * The quoted packet becomes again what its sender sent. The quoted transport checksum is left: it
 * may be cut off, and nobody asks it. In IPv4 the change of the quoted addresses is undone in the
 * message's sum by that of their header's checksum.
 */
stage void nat_translate_quoted(struct pkt *p, struct nat_quoted *q, const struct lb_nat *row,
				bool six)
{
	__u32 change = nat_set_addresses(p, row, six), quoted;

	if (!six)
		p->ip4->checksum = nat_mend(p->ip4->checksum, change);
	quoted = nat_set_address(0, six ? (void *)q->ip6->src : &q->ip4->src, &row->dst, six);
	quoted = nat_set_address(quoted, six ? (void *)q->ip6->dst : &q->ip4->dst, &row->src, six);
	if (six)
		change += quoted;
	else
		q->ip4->checksum = nat_mend(q->ip4->checksum, quoted);
	change = nat_set(six ? change : 0, q->ports,
			 bpf_htonl((__u32)row->dport << 16 | row->sport));
	q->icmp->checksum = nat_mend(q->icmp->checksum, change);
}

stage int nat_icmp_of(struct xdp_md *ctx, __u32 where, bool six)
{
	struct nat n = {};
	struct nat_quoted q = {};
	struct lb_flow6 key = {};
	struct lb_nat row;

	if (!nat_open(&n, ctx, where, six))
		return LB_CONTINUE;
	pkt_skip(&n.p, n.ports, 0);
	if (!nat_open_quoted(&n.p, &q, six) || !nat_key_quoted(&key, &n.p, &q))
		return LB_CONTINUE;
	if (nat_is_nobody(&key, six) || !nat_read_row(&key, &row))
		return LB_CONTINUE;
	if (!real_choose(&n.p, row.real))
		return LB_CONTINUE;
	if (related_limited(n.p.real->service))
		return nat_sent(LB_ICMP_LIMITED, XDP_DROP);
	if (!nat_hop(&n.p, six))
		return nat_sent(LB_HOP_LIMIT, XDP_DROP);
	nat_translate_quoted(&n.p, &q, &row, six);
	return row.back ? nat_to_client(&n.p, &row) : nat_to_real(&n.p);
}

/* Sends an ICMP error about a translated packet to who sent that: a client, or a real (RFC 5508
 * 4.2). Returns verdict and action, or LB_CONTINUE: it is none. */
int nat_icmp(struct xdp_md *ctx, __u32 where);

separate int nat_icmp(struct xdp_md *ctx, __u32 where)
{
	return nat_six(where) ? nat_icmp_of(ctx, where, true) : nat_icmp_of(ctx, where, false);
}

#endif
