/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Fragments follow their first (R110, F2): it has the ports, finds its real as any packet does, and
 * leaves a row in lbx_fragments by which the later ones find the same. What comes before its first
 * is dropped. A row knows how far its datagram came without a gap, where it ends, and nothing of
 * gaps further on: what overlaps for certain is dropped, what may fill a gap is sent on. The real
 * puts it together and judges again.
 */
#ifndef LBXDP_BPF_FRAGMENT_H
#define LBXDP_BPF_FRAGMENT_H

#include "nat_row.h"
#include "vip.h"

enum { FRAGMENT_UNIT = 8, FRAGMENT_END_MAX = 65535, FRAGMENT_SIX = 1 << 8 };

/* Which bytes of its datagram a fragment brings: from .. to - 1. */
struct fragment {
	__u32 from, to;
	bool more; /* not the last */
};

stage bool fragment_read4(struct pkt *p, struct lb_datagram *key, struct fragment *is)
{
	enum lb_verdict v = parse_ip4_start(p);
	struct ip4_header *ip = p->ip4;
	__u32 place;

	if (v != LB_CONTINUE)
		return false;
	place = bpf_ntohs(ip->fragment);
	is->from = (place & PARSE_OFFSET4) * FRAGMENT_UNIT;
	is->to = is->from + bpf_ntohs(ip->length) - ((ip->version_ihl & 15) << 2);
	is->more = place & PARSE_MORE_FRAGMENTS4;
	key->id = ip->id;
	key->proto = ip->proto;
	return true;
}

/* The first fragment header, with p->l4_len what is behind it. */
stage struct ip6_extension *fragment_header(struct pkt *p)
{
	__u32 at = p->l3 + sizeof(struct ip6_header);

	for (int i = 0; i < PARSE_EXTENSIONS_MAX && parse_is_extension(p->proto); i++) {
		struct ip6_extension *ext = parse_extension_at(p, at);
		__u32 len = ext ? parse_extension_len(p->proto, ext->len) : 0;

		if (!ext || len > p->l4_len)
			return NULL;
		p->l4_len -= len;
		if (p->proto == WIRE_FRAGMENT)
			return ext;
		p->proto = ext->next;
		at += len;
	}
	return NULL;
}

stage bool fragment_read6(struct pkt *p, struct lb_datagram *key, struct fragment *is)
{
	enum lb_verdict v = parse_ip6_start(p);
	struct ip6_extension *ext;
	__u32 place;

	if (v != LB_CONTINUE)
		return false;
	p->l4_len = bpf_ntohs(p->ip6->length);
	p->proto = p->ip6->next;
	ext = fragment_header(p);
	if (!ext)
		return false;
	place = bpf_ntohs(ext->word);
	is->from = place & PARSE_OFFSET6;
	is->to = is->from + p->l4_len;
	is->more = place & PARSE_MORE_FRAGMENTS6;
	key->id = ext->rest;
	return true;
}

/* False: what the pipeline has parsed is not there any more. */
stage bool fragment_read(struct pkt *p, __u32 six, struct lb_datagram *key, struct fragment *is)
{
	if (!pkt_reopen(p) || !(six ? fragment_read6(p, key, is) : fragment_read4(p, key, is)))
		return false;
	pkt_src(p, &key->src);
	pkt_dst(p, &key->dst);
	return true;
}

stage bool fragment_is_ours(const struct lb_datagram *key)
{
	return bpf_map_lookup_elem(&lbx_vips, &key->dst);
}

/* RFC 791 3.2, RFC 8200 4.5: all but the last fill whole units, and 64 KB is the end. */
stage bool fragment_possible(const struct fragment *is)
{
	return is->to > is->from && is->to <= FRAGMENT_END_MAX &&
	       !(is->more && (is->to - is->from) % FRAGMENT_UNIT);
}

stage bool fragment_is_old(const struct lb_fragments *f, __u32 now)
{
	return (__s32)(now - f->seen) > LB_DATAGRAM_TICKS;
}

/* Whether some byte of it came before, or lies where the datagram has ended. */
stage bool fragment_overlaps(const struct lb_fragments *f, const struct fragment *is)
{
	if (is->from < f->whole)
		return true;
	return f->end ? is->to > f->end || !is->more : !is->more && is->to < f->top;
}

stage void fragment_add(struct lb_fragments *f, const struct fragment *is)
{
	if (is->from == f->whole)
		f->whole = is->to;
	if (is->to > f->top)
		f->top = is->to;
	if (!is->more)
		f->end = is->to;
}

/*
 * RFC 5722: an overlap ends an IPv6 datagram. One that brings nothing but what has come already is
 * a copy, which costs only itself (RFC 8200 4.5).
 */
stage enum lb_verdict fragment_judge(struct lb_fragments *f, const struct fragment *is, bool six)
{
	if (!fragment_possible(is))
		return LB_BAD_FRAGMENT;
	if (f->spoilt)
		return LB_FRAGMENT_OVERLAP;
	if (!fragment_overlaps(f, is)) {
		fragment_add(f, is);
		return LB_CONTINUE;
	}
	if (six && is->to > f->whole)
		f->spoilt = 1;
	return LB_FRAGMENT_OVERLAP;
}

stage int fragment_decision(const struct lb_fragments *f)
{
	if (!f->real)
		return LB_NOT_OURS;
	return (f->proto ? NAT_ASKED : REAL_DECIDED) + (int)f->real;
}

/*
 * A first fragment of which a row exists. IPv4 ids come round (RFC 6864): the row begins anew, and
 * its ports say where to. IPv6 ids do not: a copy, or an overlap.
 */
stage bool fragment_is_again(const struct lb_fragments *f, __u32 six, __u32 now)
{
	return six && f && !fragment_is_old(f, now);
}

/* Only where the real's packets are translated, later fragments are by the ports of the first. */
stage void fragment_note_ports(struct lb_fragments *f, struct pkt *p, __u32 where)
{
	void *ports;

	if (!f->real || !real_choose(p, f->real) || !real_translates(p))
		return;
	pkt_skip(p, p->data, nat_l4(where));
	ports = pkt_take(p, sizeof(__u32));
	if (!ports)
		return;
	f->sport = bpf_ntohl(env_load32(ports)) >> 16;
	f->dport = bpf_ntohl(env_load32(ports));
	f->proto = nat_proto(where);
}

/* The first fragment of a datagram for real, or of one of its own to a client (0: for the host, if
 * the address is a VIP); where its headers stand, as nat_look says. A decision. */
int fragment_begin(struct xdp_md *ctx, __u32 where, __u32 real);

separate int fragment_begin(struct xdp_md *ctx, __u32 where, __u32 real)
{
	struct pkt p = {.ctx = ctx, .l3 = where & PKT_L3_MASK};
	struct lb_fragments f = {.real = real}, *was;
	struct lb_datagram key = {};
	struct fragment is = {};
	bool six = nat_six(where);
	enum lb_verdict v;

	if (!fragment_read(&p, six, &key, &is))
		return LB_BAD_FRAGMENT;
	if (!f.real && !fragment_is_ours(&key))
		return LB_NOT_OURS;
	f.seen = flow_tick();
	fragment_note_ports(&f, &p, where);
	was = bpf_map_lookup_elem(&lbx_fragments, &key);
	if (fragment_is_again(was, six, f.seen))
		f = *was;
	v = fragment_judge(&f, &is, six);
	if (v != LB_BAD_FRAGMENT)
		(void)bpf_map_update_elem(&lbx_fragments, &key, &f, BPF_ANY);
	return v == LB_CONTINUE ? fragment_decision(&f) : (int)v;
}

/* A decision for a later fragment. */
int fragment_find(struct xdp_md *ctx, __u32 l3, __u32 six);

separate int fragment_find(struct xdp_md *ctx, __u32 l3, __u32 six)
{
	struct pkt p = {.ctx = ctx, .l3 = l3};
	struct lb_datagram key = {};
	struct fragment is = {};
	struct lb_fragments f, *row;
	enum lb_verdict v;

	if (!fragment_read(&p, six, &key, &is))
		return LB_NOT_OURS;
	row = bpf_map_lookup_elem(&lbx_fragments, &key);
	if (!row || fragment_is_old(row, flow_tick()))
		return fragment_is_ours(&key) ? LB_FRAGMENT : LB_NOT_OURS;
	f = *row;
	v = fragment_judge(&f, &is, six);
	if (v != LB_BAD_FRAGMENT)
		(void)bpf_map_update_elem(&lbx_fragments, &key, &f, BPF_EXIST);
	if (v != LB_CONTINUE)
		return v;
	if (f.real && !real_serves(&p, f.real))
		return LB_FRAGMENT;
	if (f.real)
		stats_event(LB_EVENT_FRAGMENT_FOLLOWED);
	return fragment_decision(&f);
}

/* The pipeline finds fragments and hands them on, as icmp_ask does. A later one: */
stage int fragment_ask_later(const struct pkt *p, __u32 six)
{
	return LATER_ASKED | (six ? FRAGMENT_SIX : 0) | (p->l3 & PKT_L3_MASK);
}

/* v is what a first fragment came to so far; where it goes on, it leaves a row. A decision. */
stage int fragment_ask_first(const struct pkt *p, enum lb_verdict v)
{
	if (v != LB_FORWARDED && v != LB_NOT_OURS)
		return v;
	return FIRST_ASKED | (v == LB_FORWARDED ? p->real_id : 0);
}

/* RFC 1858 3, RFC 7112: ports and flags of a datagram are in its first fragment, or it goes. */
stage enum lb_verdict fragment_blame(const struct pkt *p, enum lb_verdict v)
{
	__u32 header = p->proto == WIRE_TCP ? sizeof(struct tcp_header) : sizeof(struct udp_header);

	if (!p->fragment || v == LB_NOT_OURS || p->l4_len >= header)
		return v;
	return LB_FRAGMENT_TINY;
}

#endif
