/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Answers to health checks that went to a real server by a VIP (R88): the tc program of via.bpf.c
 * turned the RIP of the check's connection into the VIP, so what comes back from the VIP's port,
 * the real's MAC and to the check's local port is turned back, and the host's TCP knows it again.
 */
#ifndef LBXDP_BPF_VIA_H
#define LBXDP_BPF_VIA_H

#include "csum.h"
#include "maps.h"
#include "parse.h"
#include "pkt.h"

struct via_ports {
	__be16 source, target;
};

/* May the packet, read up to its transport header, be such an answer? Costs others two bytes. */
stage bool via_suspect(struct pkt *p)
{
	const struct via_ports *ports = pkt_take(p, sizeof(*ports));
	__u32 port = ports ? bpf_ntohs(ports->target) : 0;

	return unlikely(port >= LB_VIA_PORT_FIRST) && via_row(port);
}

/* A real without a known MAC is not told from others; it gets no traffic either. */
stage bool via_from_real(const struct pkt *p, __u32 id)
{
	const struct lb_real *real = bpf_map_lookup_elem(&lbx_reals, &id);

	return real && (!(real->flags & LB_REAL_HAS_MAC) || pkt_same_mac(p->eth->src, real->mac));
}

/* The row of the check that this segment from src answers, or NULL. */
stage struct lb_via *via_answered(const struct pkt *p, const struct lb_addr *src)
{
	struct lb_via *via = via_row(bpf_ntohs(p->tcp->dport));
	__u32 differ = 0;

	if (!via || bpf_ntohs(p->tcp->sport) != via->port)
		return NULL;
	for (int i = 0; i < 16; i += 4)
		differ |= env_load32(&src->byte[i]) ^ env_load32(&via->vip.byte[i]);
	return !differ && via_from_real(p, via->real) ? via : NULL;
}

/*
 * RFC 1624: both checksums follow. A TCP checksum that the card has yet to fill in is a plain sum
 * and follows the wrong way, but such a packet never was on a wire and nobody looks. What a
 * server's TCP sends has neither fragments nor options of IPv4.
 */
stage enum lb_verdict via_turn4(struct pkt *p)
{
	struct ip4_header *ip = pkt_take(p, sizeof(*ip));
	const struct lb_via *via;
	struct lb_addr src;
	__be32 is;

	if (!ip || ip->version_ihl != 0x45 || ip->proto != WIRE_TCP ||
	    ip->fragment & bpf_htons(PARSE_MORE_FRAGMENTS4 | PARSE_OFFSET4))
		return LB_NOT_OURS;
	p->tcp = pkt_take(p, sizeof(*p->tcp));
	if (!p->tcp)
		return LB_NOT_OURS;
	pkt_addr4(&src, ip->src);
	via = via_answered(p, &src);
	if (!via)
		return LB_NOT_OURS;
	is = env_load32(&via->rip.byte[12]);
	ip->checksum = csum_change(ip->checksum, &ip->src, &is, 1);
	p->tcp->checksum = csum_change(p->tcp->checksum, &ip->src, &is, 1);
	ip->src = is;
	return LB_CHECK_ANSWER;
}

stage enum lb_verdict via_turn6(struct pkt *p)
{
	struct ip6_header *ip = pkt_take(p, sizeof(*ip));
	const struct lb_via *via;
	struct lb_addr src;

	if (!ip || ip->next != WIRE_TCP)
		return LB_NOT_OURS;
	p->tcp = pkt_take(p, sizeof(*p->tcp));
	if (!p->tcp)
		return LB_NOT_OURS;
	pkt_addr6(&src, ip->src);
	via = via_answered(p, &src);
	if (!via)
		return LB_NOT_OURS;
	p->tcp->checksum = csum_change(p->tcp->checksum, ip->src, via->rip.byte, 4);
	for (int i = 0; i < 4; i++)
		ip->src[i] = env_load32(&via->rip.byte[4 * i]);
	return LB_CHECK_ANSWER;
}

/* Of a packet that nobody else wants. type: of the frame, behind its tags. */
int via_answer(struct xdp_md *ctx, __u32 l3, __u32 type);

separate int via_answer(struct xdp_md *ctx, __u32 l3, __u32 type)
{
	struct pkt p = {.ctx = ctx, .l3 = l3};

	if (!pkt_reopen(&p))
		return LB_NOT_OURS;
	if (type == bpf_htons(WIRE_IP4))
		return via_turn4(&p);
	return type == bpf_htons(WIRE_IP6) ? via_turn6(&p) : LB_NOT_OURS;
}

#endif
