/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Neighbour Discovery for the VIPs (RFC 4861 7, RFC 4862 5.4). A valid solicitation is turned into
 * the advertisement in place; a probe for a duplicate is answered to all nodes (F9). Another
 * host's advertisement of a VIP is counted and passed.
 */
#ifndef LBXDP_BPF_ND_H
#define LBXDP_BPF_ND_H

#include "csum.h"
#include "stats.h"
#include "vip.h"

enum {
	ND_SOLICITATION = 135,
	ND_ADVERTISEMENT = 136,
	ND_SOURCE_ADDRESS = 1, /* options */
	ND_TARGET_ADDRESS = 2,
	ND_HOPS = 255,
	ND_UNIT = 8,         /* options are counted in these */
	ND_OPTIONS_MAX = 16, /* units; real solicitations carry one or two */
	ND_SOLICITED = 0x40000000,
	ND_OVERRIDE = 0x20000000,
};

/* What a message says, in one word: a MAC address as it lies in memory, and these. */
#define ND_MAC    0xffffffffffffULL /* of the last target address option, if ND_TARGET */
#define ND_TARGET (1ULL << 48)
#define ND_SOURCE (1ULL << 49) /* it has a source address option */
#define ND_VALID  (1ULL << 50)

stage bool nd_unspecified(const __be32 addr[4])
{
	return !(addr[0] | addr[1] | addr[2] | addr[3]);
}

/* ff02::1:ffXX:XXXX of the target (RFC 4291 2.7.1). */
stage bool nd_is_group_of(const __be32 group[4], const __be32 target[4])
{
	return group[0] == bpf_htonl(0xff020000) && !group[1] && group[2] == bpf_htonl(1) &&
	       group[3] == (target[3] | bpf_htonl(0xff000000));
}

stage __u64 nd_note_option(__u64 said, const struct nd_option *option)
{
	if (option->type == ND_SOURCE_ADDRESS)
		return said | ND_SOURCE;
	if (option->type != ND_TARGET_ADDRESS)
		return said;
	return (said & ND_SOURCE) | ND_TARGET | env_load64(option) >> 16;
}

/* Adds up count units of options and walks them; each length is at least one unit. */
stage __u64 nd_walk(struct pkt *p, __u32 sum, __u32 count)
{
	__u32 rest = 0;
	__u64 said = 0;

	for (__u32 i = 0; i < ND_OPTIONS_MAX && i < count; i++) {
		struct nd_option *option = pkt_take(p, ND_UNIT);

		if (!option)
			return 0;
		sum = csum_words(sum, option, 2);
		if (!rest) {
			rest = option->len;
			if (!rest)
				return 0;
			said = nd_note_option(said, option);
		}
		rest--;
	}
	return !rest && csum_fold(sum) == 0xffff ? said | ND_VALID : 0;
}

/* What the message says whose IP header is at an offset of the frame; 0: it is not valid. RFC 4861
 * 7.1.1 and 7.1.2, as far as both messages share it. */
__u64 nd_read(struct xdp_md *ctx, __u32 l3);

separate __u64 nd_read(struct xdp_md *ctx, __u32 l3)
{
	struct pkt p = {.ctx = ctx, .l3 = l3};
	struct ip6_header *ip = pkt_reopen(&p) ? pkt_take(&p, sizeof(*ip)) : NULL;
	struct nd_message *nd = ip ? pkt_take(&p, sizeof(*nd)) : NULL;
	__u32 len, options, sum;

	if (!nd)
		return 0;
	len = bpf_ntohs(ip->length);
	options = len - sizeof(*nd);
	if (ip->hops != ND_HOPS || nd->code || len < sizeof(*nd) || options % ND_UNIT ||
	    options > ND_OPTIONS_MAX * ND_UNIT)
		return 0;
	sum = csum_words(csum_pseudo(WIRE_ICMP6, len), ip->src, 8);
	sum = csum_words(sum, nd, sizeof(*nd) / 4);
	return nd_walk(&p, sum, options / ND_UNIT);
}

/* To who asked, or to all nodes and their Ethernet group (RFC 2464 7). */
stage void nd_write_headers(struct pkt *p, struct ip6_header *ip, const __be32 target[4],
			    const struct lb_iface *iface, bool solicited)
{
	static const __u8 all_nodes[6] = {0x33, 0x33, 0, 0, 0, 1};

	pkt_copy_mac(p->eth->dst, p->eth->src);
	pkt_copy_mac(p->eth->src, iface->mac);
	ip->version_class_label = bpf_htonl(0x60000000);
	ip->length = bpf_htons(sizeof(struct nd_message) + sizeof(struct nd_option));
	ip->hops = ND_HOPS;
	for (int i = 0; i < 4; i++) {
		ip->dst[i] = ip->src[i];
		ip->src[i] = target[i];
	}
	if (solicited)
		return;
	pkt_copy_mac(p->eth->dst, all_nodes);
	ip->dst[0] = bpf_htonl(0xff020000);
	ip->dst[3] = bpf_htonl(1);
}

/* The frame has its final length; the target stays where it is, the rest is written anew. */
stage enum lb_verdict nd_write(struct pkt *p, const struct lb_iface *iface, bool solicited)
{
	struct ip6_header *ip = pkt_reopen(p) ? pkt_take(p, sizeof(*ip)) : NULL;
	struct nd_message *nd = ip ? pkt_take(p, sizeof(*nd)) : NULL;
	struct nd_option *option = nd ? pkt_take(p, sizeof(*option)) : NULL;
	__u32 len = sizeof(*nd) + sizeof(*option), sum;

	if (!option)
		return LB_ND_INVALID;
	nd_write_headers(p, ip, nd->target, iface, solicited);
	nd->type = ND_ADVERTISEMENT;
	nd->checksum = 0;
	nd->flags = bpf_htonl(ND_OVERRIDE | (solicited ? ND_SOLICITED : 0));
	option->type = ND_TARGET_ADDRESS;
	option->len = 1;
	pkt_copy_mac(option->mac, iface->mac);
	sum = csum_words(csum_pseudo(WIRE_ICMP6, len), ip->src, 8);
	nd->checksum = csum_finish(csum_words(sum, nd, len / 4));
	return LB_ND_REPLY;
}

/* May who asks be answered? Who has no address yet probes for a duplicate, and says so. */
stage bool nd_is_question(const struct ip6_header *ip, const struct nd_message *nd, __u64 said)
{
	if (!(said & ND_VALID))
		return false;
	return !nd_unspecified(ip->src) ||
	       (!(said & ND_SOURCE) && nd_is_group_of(ip->dst, nd->target));
}

/* The cursor is on the IP header. */
stage enum lb_verdict nd_solicitation(struct pkt *p, struct lb_vip *vip, struct lb_iface *iface,
				      __u64 said)
{
	struct ip6_header *ip = pkt_take(p, sizeof(*ip));
	struct nd_message *nd = ip ? pkt_take(p, sizeof(*nd)) : NULL;
	__u32 want = p->l3 + sizeof(*ip) + sizeof(*nd) + sizeof(struct nd_option);
	enum lb_verdict v;
	bool solicited;

	if (!nd || !nd_is_question(ip, nd, said))
		return LB_ND_INVALID;
	solicited = !nd_unspecified(ip->src);
	if (vip_answers_enough(iface))
		return LB_ANSWER_LIMIT;
	if (bpf_xdp_adjust_tail(p->ctx, want - bpf_xdp_get_buff_len(p->ctx)))
		return LB_NOT_OURS;
	v = nd_write(p, iface, solicited);
	if (v == LB_ND_REPLY)
		stats_add(&vip->nd_replies, 1);
	return v;
}

/* What another host says counts only if it is a valid message; the host judges the rest. The cursor
 * is on the IP header. */
stage enum lb_verdict nd_advertisement(struct pkt *p, struct lb_vip *vip,
				       const struct lb_iface *iface, __u64 said)
{
	const struct ip6_header *ip = pkt_take(p, sizeof(*ip));
	const struct nd_message *nd = ip ? pkt_take(p, sizeof(*nd)) : NULL;
	__u64 mac = said & ND_MAC;

	if (!(said & ND_TARGET))
		pkt_copy_mac((__u8 *)&mac, p->eth->src);
	if (!(said & ND_VALID) || pkt_same_mac((__u8 *)&mac, iface->mac))
		return LB_NOT_OURS;
	if (!nd)
		return LB_NOT_OURS;
	vip_conflict(p, vip, nd->target, (__u8 *)&mac);
	return LB_ND_CONFLICT;
}

/* LB_CONTINUE: not a message about a VIP's address. */
stage enum lb_verdict nd_pipeline(struct pkt *p)
{
	struct nd_message *nd = pkt_take(p, sizeof(*nd));
	struct lb_iface *iface;
	struct lb_vip *vip;
	bool asks;
	__u64 said;

	if (!nd || (nd->type != ND_SOLICITATION && nd->type != ND_ADVERTISEMENT))
		return LB_CONTINUE;
	asks = nd->type == ND_SOLICITATION;
	vip = vip_find6(nd->target);
	if (!vip || !vip_answers(vip))
		return LB_CONTINUE;
	iface = vip_iface(p);
	said = nd_read(p->ctx, p->l3);
	if (!iface || !pkt_reopen(p))
		return LB_NOT_OURS;
	return asks ? nd_solicitation(p, vip, iface, said) : nd_advertisement(p, vip, iface, said);
}

#endif
