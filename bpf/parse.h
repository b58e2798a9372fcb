/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Bytes to struct pkt. parse_ethernet, parse_ip4_start and parse_ip6_start read no more than what
 * tells whose packet it is; parse_ip4 and parse_ip6 judge the rest, once it may be ours.
 */
#ifndef LBXDP_BPF_PARSE_H
#define LBXDP_BPF_PARSE_H

#include "pkt.h"

enum {
	PARSE_TAGS_MAX = 2,
	PARSE_EXTENSIONS_MAX = 6,
	PARSE_CHAIN_MASK =
		0x3fff, /* more than six headers of 2,048 bytes; a bound the verifier sees */
	PARSE_EXTENSION_MASK = 0x7fff, /* likewise: such a chain behind another */
	PARSE_MORE_FRAGMENTS4 = 0x2000,
	PARSE_OFFSET4 = 0x1fff,
	PARSE_MORE_FRAGMENTS6 = 0x0001,
	PARSE_OFFSET6 = 0xfff8,
};

#define PARSE_FAILED 0x80000000U

stage bool parse_is_tag(__be16 type)
{
	return type == bpf_htons(WIRE_VLAN) || type == bpf_htons(WIRE_QINQ);
}

/* Reads up to two tags. Returns the offset of what they hold and its type (bits 16 on), or
 * PARSE_FAILED. */
__u32 parse_tags(struct xdp_md *ctx);

separate __u32 parse_tags(struct xdp_md *ctx)
{
	struct pkt p = {.ctx = ctx, .l3 = sizeof(struct eth_header)};
	__be16 type;

	if (!pkt_reopen(&p))
		return PARSE_FAILED;
	type = p.eth->type;
	for (int i = 0; i < PARSE_TAGS_MAX && parse_is_tag(type); i++) {
		struct vlan_tag *tag = pkt_take(&p, sizeof(*tag));

		if (!tag)
			return PARSE_FAILED;
		type = tag->type;
		p.l3 += sizeof(*tag);
	}
	return p.l3 | (__u32)type << 16;
}

/* The same for any frame. */
stage __u32 parse_frame(struct xdp_md *ctx)
{
	struct pkt p = {.ctx = ctx, .l3 = sizeof(struct eth_header)};

	if (unlikely(!pkt_reopen(&p)))
		return PARSE_FAILED;
	if (unlikely(parse_is_tag(p.eth->type)))
		return parse_tags(ctx);
	return p.l3 | (__u32)p.eth->type << 16;
}

/* Opens a frame of which parse_frame has said this. */
stage enum lb_verdict parse_opened(struct pkt *p, __u32 frame)
{
	p->l3 = frame & PKT_L3_MASK;
	p->type = frame >> 16;
	return likely(frame != PARSE_FAILED && pkt_reopen(p)) ? LB_CONTINUE : LB_BAD_ETHERNET;
}

stage enum lb_verdict parse_ethernet(struct pkt *p)
{
	return parse_opened(p, parse_frame(p->ctx));
}

/* The IP packet must lie within the frame. Only the linear part is at hand: a jumbo frame's rest
 * is asked for. Padding behind the packet is legal. */
stage bool parse_within_frame(struct pkt *p)
{
	p->bytes = p->end - p->data;
	if (likely(p->l3 + p->length <= p->bytes))
		return true;
	p->bytes = bpf_xdp_get_buff_len(p->ctx);
	return p->l3 + p->length <= p->bytes;
}

/* RFC 9293 3.1: the data offset is at least 5 and the header lies within the packet. */
stage enum lb_verdict parse_tcp(struct pkt *p)
{
	struct tcp_header *tcp = pkt_take(p, sizeof(*tcp));
	__u32 header_len;

	if (unlikely(!tcp || p->l4_len < sizeof(*tcp)))
		return LB_BAD_TCP;
	header_len = tcp->offset >> 4 << 2;
	if (unlikely(header_len < sizeof(*tcp) || header_len > p->l4_len))
		return LB_BAD_TCP;
	p->tcp = tcp;
	p->flags = tcp->flags;
	p->ports = bpf_ntohl(env_load32(tcp));
	return LB_CONTINUE;
}

/* A first fragment carries the length of the whole datagram. */
stage enum lb_verdict parse_udp(struct pkt *p)
{
	struct udp_header *udp = pkt_take(p, sizeof(*udp));
	__u32 len;

	if (unlikely(!udp || p->l4_len < sizeof(*udp)))
		return LB_BAD_UDP;
	len = bpf_ntohs(udp->length);
	if (unlikely(len < sizeof(*udp) || (len > p->l4_len && !p->fragment)))
		return LB_BAD_UDP;
	p->ports = bpf_ntohl(env_load32(udp));
	return LB_CONTINUE;
}

/* LB_NOT_OURS: a protocol that no service has. */
stage enum lb_verdict parse_transport(struct pkt *p)
{
	if (likely(p->proto == WIRE_TCP))
		return parse_tcp(p);
	return p->proto == WIRE_UDP ? parse_udp(p) : LB_NOT_OURS;
}

stage enum lb_verdict parse_ip4_start(struct pkt *p)
{
	p->ip4 = pkt_take(p, sizeof(*p->ip4));
	return likely(p->ip4) ? LB_CONTINUE : LB_BAD_IP;
}

stage enum lb_verdict parse_ip4(struct pkt *p)
{
	struct ip4_header *ip = p->ip4;
	__u32 header_len = (ip->version_ihl & 15) << 2;

	if (unlikely(ip->version_ihl >> 4 != 4 || header_len < sizeof(*ip)))
		return LB_BAD_IP;
	p->length = bpf_ntohs(ip->length);
	if (unlikely(p->length < header_len || !parse_within_frame(p)))
		return LB_BAD_LENGTH;
	if (unlikely(ip->fragment & bpf_htons(PARSE_OFFSET4)))
		return LB_FRAGMENT;
	p->fragment = !!(ip->fragment & bpf_htons(PARSE_MORE_FRAGMENTS4));
	p->proto = ip->proto;
	p->l4_len = p->length - header_len;
	pkt_skip(p, ip, header_len);
	return LB_CONTINUE;
}

stage enum lb_verdict parse_ip6_start(struct pkt *p)
{
	p->ip6 = pkt_take(p, sizeof(*p->ip6));
	return likely(p->ip6) ? LB_CONTINUE : LB_BAD_IP;
}

stage bool parse_is_version6(const struct ip6_header *ip)
{
	return (ip->version_class_label & bpf_htonl(0xf0000000)) == bpf_htonl(0x60000000);
}

stage bool parse_is_extension(__u8 next)
{
	return next == WIRE_HOP_BY_HOP || next == WIRE_ROUTING || next == WIRE_FRAGMENT ||
	       next == WIRE_DESTINATION || next == WIRE_AUTHENTICATION || next == WIRE_MOBILITY;
}

/* RFC 8200 4, RFC 4302 2.2: the length of an extension header, each kind in its own unit. */
stage __u32 parse_extension_len(__u8 kind, __u8 len)
{
	if (kind == WIRE_FRAGMENT)
		return 8;
	if (kind == WIRE_AUTHENTICATION)
		return (len + 2) << 2;
	return (len + 1) << 3;
}

/*
 * The start of an extension header at an offset of the frame, or NULL. A masked offset is one case
 * for the verifier, where a pointer that moves on is one for each length that led to it.
 */
stage struct ip6_extension *parse_extension_at(struct pkt *p, __u32 at)
{
	pkt_skip(p, p->data, at & PARSE_EXTENSION_MASK);
	return pkt_take(p, sizeof(struct ip6_extension));
}

/* The header at *at, which moves on to what is behind it. */
stage enum lb_verdict parse_extension(struct pkt *p, __u32 *at)
{
	struct ip6_extension *ext = parse_extension_at(p, *at);
	__u32 len;

	if (!ext)
		return LB_BAD_EXTENSION;
	len = parse_extension_len(p->proto, ext->len);
	if (len > p->l4_len)
		return LB_BAD_EXTENSION;
	if (p->proto == WIRE_ROUTING && !(ext->word & bpf_htons(0xff00)))
		return LB_ROUTING_HEADER;
	if (p->proto == WIRE_FRAGMENT) {
		if (ext->word & bpf_htons(PARSE_OFFSET6))
			return LB_FRAGMENT;
		p->fragment |= !!(ext->word & bpf_htons(PARSE_MORE_FRAGMENTS6));
	}
	p->proto = ext->next;
	p->l4_len -= len;
	*at += len;
	return LB_CONTINUE;
}

/*
 * F4: a bounded walk; what is longer never reaches a real. ip6 is the offset of the fixed header,
 * len counts from behind it. Returns PARSE_FAILED + verdict, or the transport protocol, whether it
 * is a first fragment (bit 8), and the length of the headers (bits 16 on).
 */
__u32 parse_extensions(struct xdp_md *ctx, __u32 ip6, __u32 len, __u32 next);

separate __u32 parse_extensions(struct xdp_md *ctx, __u32 ip6, __u32 len, __u32 next)
{
	struct pkt p = {.ctx = ctx, .l4_len = len, .proto = next};

	__u32 at = ip6 + sizeof(struct ip6_header);

	pkt_fetch(&p);
	for (int i = 0; i < PARSE_EXTENSIONS_MAX && parse_is_extension(p.proto); i++) {
		enum lb_verdict v = parse_extension(&p, &at);

		if (v != LB_CONTINUE)
			return PARSE_FAILED + v;
	}
	if (parse_is_extension(p.proto))
		return PARSE_FAILED + LB_BAD_EXTENSION;
	return p.proto | p.fragment << 8 | (len - p.l4_len) << 16;
}

/* Everything between the fixed header and the transport header. */
stage enum lb_verdict parse_ip6_chain(struct pkt *p)
{
	__u32 found = parse_extensions(p->ctx, p->l3, p->l4_len, p->proto);
	__u32 len = found >> 16 & PARSE_CHAIN_MASK;

	p->ip6 = pkt_reopen(p) ? pkt_take(p, sizeof(*p->ip6)) : NULL;
	if (!p->ip6)
		return LB_NOT_OURS;
	if (found >= PARSE_FAILED)
		return found & 0xff;
	p->proto = found;
	p->fragment = found >> 8 & 1;
	p->l4_len -= len;
	pkt_skip(p, p->ip6, sizeof(*p->ip6) + len);
	return LB_CONTINUE;
}

stage enum lb_verdict parse_ip6(struct pkt *p)
{
	struct ip6_header *ip = p->ip6;

	if (unlikely(!parse_is_version6(ip)))
		return LB_BAD_IP;
	p->l4_len = bpf_ntohs(ip->length);
	p->length = sizeof(*ip) + p->l4_len;
	if (unlikely(!parse_within_frame(p)))
		return LB_BAD_LENGTH;
	p->proto = ip->next;
	return unlikely(parse_is_extension(p->proto)) ? parse_ip6_chain(p) : LB_CONTINUE;
}

#endif
