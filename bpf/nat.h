/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Address translation, for reals with LB_REAL_NAT. flow.h chooses the real as for any other; then
 * the client's packet gets the real's address and port and, with LB_REAL_SNAT, a source of the
 * service's pool. What comes back is known by its row, gets the VIP's address and the client's, and
 * leaves the way the client came: no route is asked for. lbx_nat is asked first, and answers for
 * every packet of a flow that runs; lbx_nat_half is for those that begin.
 */
#ifndef LBXDP_BPF_NAT_H
#define LBXDP_BPF_NAT_H

#include "nat_fragment.h"
#include "nat_icmp.h"

enum { NAT_CLIENTS = -2 }; /* it has a row, but not one of replies */

/* Is there any real whose packets are translated? */
stage bool nat_is_used(void)
{
	const __u32 zero = 0;
	const struct lb_settings *s = bpf_map_lookup_elem(&lbx_settings, &zero);

	return s && s->nat;
}

stage int nat_out_of(struct xdp_md *ctx, __u32 where, __u32 real, bool six)
{
	struct nat n = {};
	struct lb_flow6 key = {};
	struct lb_nat *row;

	if (!nat_open(&n, ctx, where, six) || !real_choose(&n.p, real))
		return nat_sent(LB_NO_REAL, XDP_DROP);
	nat_key_of(&key, &n.p);
	row = nat_find(&key);
	if (!(real_flags(&n.p) & LB_REAL_HAS_MAC))
		return nat_sent(LB_NO_NEIGHBOUR, XDP_DROP);
	if (!row || row->back || row->real != real)
		return LB_CONTINUE;
	if (!nat_hop(&n.p, six))
		return nat_sent(LB_HOP_LIMIT, XDP_DROP);
	n.p.now = flow_tick();
	nat_touch(&n.p, row);
	nat_follow_client(&n.p, row);
	nat_translate(&n, row, six);
	return nat_to_real(&n.p);
}

/* Sends a client's packet to the real by its row. Returns verdict and action, or LB_CONTINUE: there
 * is no row, and nothing has changed. */
int nat_out(struct xdp_md *ctx, __u32 where, __u32 real);

separate int nat_out(struct xdp_md *ctx, __u32 where, __u32 real)
{
	return nat_six(where) ? nat_out_of(ctx, where, real, true)
			      : nat_out_of(ctx, where, real, false);
}

stage int nat_pass_of(struct xdp_md *ctx, __u32 where, const struct lb_nat *row, __u32 real,
		      bool six)
{
	struct nat n = {};

	if (!nat_open(&n, ctx, where, six) || (real && !real_choose(&n.p, real)))
		return LB_CONTINUE;
	if (!nat_hop(&n.p, six))
		return nat_sent(LB_HOP_LIMIT, XDP_DROP);
	nat_translate(&n, row, six);
	return real ? nat_to_real(&n.p) : nat_to_client(&n.p, row);
}

/* Makes of a packet what a row says that is no map's, and sends it: to that real; real 0: to the
 * client. Returns verdict and action, or LB_CONTINUE: there is no such real. */
int nat_pass(struct xdp_md *ctx, __u32 where, const struct lb_nat *row, __u32 real);

separate int nat_pass(struct xdp_md *ctx, __u32 where, const struct lb_nat *row, __u32 real)
{
	if (!row)
		return LB_CONTINUE;
	return nat_six(where) ? nat_pass_of(ctx, where, row, real, true)
			      : nat_pass_of(ctx, where, row, real, false);
}

stage bool nat_has_hops(int sent)
{
	return (sent & 0xff) != LB_HOP_LIMIT;
}

/* What a packet says of its flow that is asked once its headers are not at hand. */
struct nat_said {
	struct lb_flow6 key;
	__u32 answer; /* as in struct lb_nat_half */
	bool tcp, reset;
};

stage bool nat_read_said_of(struct xdp_md *ctx, __u32 where, struct nat_said *said, bool six)
{
	struct nat n = {};

	if (!nat_open(&n, ctx, where, six))
		return false;
	nat_key_of(&said->key, &n.p);
	if (n.p.tcp) {
		said->tcp = true;
		said->reset = n.p.tcp->flags & TCP_RST;
		said->answer = bpf_ntohl(n.p.tcp->seq) + !!(n.p.tcp->flags & TCP_SYN);
	}
	return !nat_is_nobody(&said->key, six);
}

stage bool nat_read_said(struct xdp_md *ctx, __u32 where, struct nat_said *said)
{
	return nat_six(where) ? nat_read_said_of(ctx, where, said, true)
			      : nat_read_said_of(ctx, where, said, false);
}

/* What the real said, for nat_is_earned. A reset proves nothing. */
stage void nat_note_answer(const struct nat_said *said, struct lb_nat_half *half)
{
	if (said->reset)
		return;
	if (said->tcp)
		half->answer = said->answer;
	half->answered = 1;
}

/* Sends a packet by its row in lbx_nat_half: a client's to its real; real 0: a reply. Returns
 * verdict and action, or LB_CONTINUE: there is no row, and nothing has changed. */
int nat_half(struct xdp_md *ctx, __u32 where, __u32 real);

separate int nat_half(struct xdp_md *ctx, __u32 where, __u32 real)
{
	struct nat_said said = {};
	struct lb_nat_half *half;
	struct lb_nat row;
	__u32 now;
	int sent;

	if (!nat_read_said(ctx, where, &said))
		return LB_CONTINUE;
	half = nat_find_half(&said.key, &row);
	if (!half || row.back != !real || (real && row.real != real))
		return LB_CONTINUE;
	sent = nat_pass(ctx, where, &row, real);
	if (!nat_has_hops(sent))
		return sent;
	now = flow_tick();
	if (half->row.seen != now)
		half->row.seen = now;
	if (!real)
		nat_note_answer(&said, half);
	return sent;
}

/* No verdict and action: */
enum {
	NAT_AGAIN = 2 << 16,   /* another flow has this source; there are others */
	NAT_HAS_ROWS = 3 << 16 /* the flow's rows are in lbx_nat */
};

/* Is the row of the client's packets in lbx_nat too? */
stage bool nat_brief_has_row(const struct nat_flow *f)
{
	const struct lb_nat *row = nat_find(&f->out);

	return row && !row->back && row->real == f->half.row.real;
}

/* The replies of a flow without an entry find their way. LB_CONTINUE, one of these two, or a drop.
 */
stage int nat_brief_source(const struct pkt *p, struct nat_flow *f, __u32 round, bool six)
{
	const struct lb_nat_half *half;
	const struct lb_nat *taken;
	int rows;

	if (!nat_name_back(p, f, round))
		return nat_sent(LB_NAT_FULL, XDP_DROP);
	taken = nat_find(&f->back);
	if (taken && nat_owns(f, taken) && nat_brief_has_row(f))
		return NAT_HAS_ROWS;
	if (!taken) {
		half = bpf_map_lookup_elem(&lbx_nat_half, &f->back);
		taken = half ? &half->row : NULL;
	}
	if (taken)
		return nat_owns(f, taken) ? LB_CONTINUE : NAT_AGAIN;
	rows = nat_brief_keep(f, six);
	if (rows == NAT_TAKEN)
		return NAT_AGAIN;
	if (rows == NAT_PROMOTED)
		return NAT_HAS_ROWS;
	return rows == LB_CONTINUE ? LB_CONTINUE : nat_sent(rows, XDP_DROP);
}

/* Sends a client's packet of a flow without an entry to the real that the hash chose. Returns
 * verdict and action, or one of the above; rounds as for nat_settle. */
int nat_brief(struct xdp_md *ctx, __u32 where, __u32 real, __u32 round);

separate int nat_brief(struct xdp_md *ctx, __u32 where, __u32 real, __u32 round)
{
	struct nat_flow f = {.half = {.row = {.real = real}}};
	struct pkt p = {};
	int found;

	if (!nat_read_flow(ctx, where, &f) || !real_choose(&p, real))
		return nat_sent(LB_NO_REAL, XDP_DROP);
	if (!(real_flags(&p) & LB_REAL_HAS_MAC))
		return nat_sent(LB_NO_NEIGHBOUR, XDP_DROP);
	if (!(where & NAT_SYN))
		nat_forget(&f);
	found = nat_brief_source(&p, &f, round, nat_six(where));
	if (found != LB_CONTINUE)
		return found;
	nat_fill(&f, false);
	return nat_pass(ctx, where, &f.half.row, real);
}

stage int nat_forward_hashed(struct xdp_md *ctx, __u32 where, __u32 real)
{
	int sent = NAT_AGAIN;

	for (__u32 round = 0; round < NAT_TRIES && sent == NAT_AGAIN; round++)
		sent = nat_brief(ctx, where, real, round);
	if (sent == NAT_HAS_ROWS)
		sent = nat_out(ctx, where, real);
	return sent == NAT_AGAIN || sent == LB_CONTINUE ? nat_sent(LB_NAT_FULL, XDP_DROP) : sent;
}

/* A client's packet; where as nat_look said, real with NAT_HASHED as it was decided. Returns
 * verdict and action. */
stage int nat_forward(struct xdp_md *ctx, __u32 where, __u32 real)
{
	int sent, rows = NAT_TAKEN;

	if (!where) /* the setting was made after nat_look was to be asked */
		return nat_sent(LB_NAT_FULL, XDP_DROP);
	if (real & NAT_HASHED && !(where & NAT_FIRST)) /* later fragments ask for rows */
		return nat_forward_hashed(ctx, where, real & ~NAT_HASHED);
	real &= ~NAT_HASHED;
	sent = nat_out(ctx, where, real);
	if (sent != LB_CONTINUE)
		return sent;
	for (__u32 round = 0; round < NAT_TRIES && rows == NAT_TAKEN; round++)
		rows = nat_settle(ctx, where, real, round);
	if (rows != LB_CONTINUE && rows != NAT_PROMOTED)
		return nat_sent(rows == NAT_TAKEN ? LB_NAT_FULL : rows, XDP_DROP);
	sent = rows == NAT_PROMOTED ? nat_out(ctx, where, real) : nat_half(ctx, where, real);
	return sent == LB_CONTINUE ? nat_sent(LB_NAT_FULL, XDP_DROP) : sent;
}

stage int nat_back_of(struct xdp_md *ctx, __u32 where, bool six)
{
	struct nat n = {};
	struct lb_flow6 key = {};
	struct lb_nat *row;

	if (!nat_open(&n, ctx, where, six))
		return LB_CONTINUE;
	nat_key_of(&key, &n.p);
	row = nat_find_back(&key, six);
	if (!row)
		return LB_CONTINUE;
	if (!row->back)
		return NAT_CLIENTS;
	if (!nat_hop(&n.p, six))
		return nat_sent(LB_HOP_LIMIT, XDP_DROP);
	n.p.now = flow_tick();
	nat_touch(&n.p, row);
	nat_translate(&n, row, six);
	return nat_to_client(&n.p, row);
}

/* Sends a reply to its client. Returns verdict and action, LB_CONTINUE: it is none, or NAT_CLIENTS:
 * certainly none. */
int nat_reply(struct xdp_md *ctx, __u32 where);

separate int nat_reply(struct xdp_md *ctx, __u32 where)
{
	return nat_six(where) ? nat_back_of(ctx, where, true) : nat_back_of(ctx, where, false);
}

/* Sends a reply to its client by its slot in lbx_nat_brief. Returns verdict and action, or
 * LB_CONTINUE: there is none, and nothing has changed. */
int nat_brief_reply(struct xdp_md *ctx, __u32 where);

separate int nat_brief_reply(struct xdp_md *ctx, __u32 where)
{
	struct nat_said said = {};
	struct lb_nat_brief *b;
	struct lb_nat row;
	int sent;

	if (!nat_read_said(ctx, where, &said))
		return LB_CONTINUE;
	b = nat_find_brief(&said.key, nat_six(where), &row);
	if (!b)
		return LB_CONTINUE;
	sent = nat_pass(ctx, where, &row, 0);
	if (nat_has_hops(sent))
		nat_note_answer(&said, &b->half);
	return sent;
}

/* LB_CONTINUE: to be parsed further; anything else: not a packet that is translated. */
stage enum lb_verdict nat_parse(struct pkt *p)
{
	enum lb_verdict v = parse_ethernet(p);

	if (v != LB_CONTINUE || !origin_takes(p))
		return LB_NOT_OURS;
	if (p->type == bpf_htons(WIRE_IP4)) {
		v = parse_ip4_start(p);
		return v == LB_CONTINUE ? parse_ip4(p) : v;
	}
	if (p->type != bpf_htons(WIRE_IP6))
		return LB_NOT_OURS;
	v = parse_ip6_start(p);
	return v == LB_CONTINUE ? parse_ip6(p) : v;
}

/* Where a packet's headers stand, if it is one that can be translated, or an ICMP message; else 0.
 */
__u32 nat_look(struct xdp_md *ctx);

separate __u32 nat_look(struct xdp_md *ctx)
{
	struct pkt p = {.ctx = ctx};
	enum lb_verdict v;

	pkt_fetch(&p);
	v = nat_parse(&p);
	if (v == LB_FRAGMENT)
		return p.l3 | NAT_LATER | (__u32)!p.ip4 << 31;
	if (v != LB_CONTINUE)
		return 0;
	if (p.proto == WIRE_ICMP4 || p.proto == WIRE_ICMP6)
		return !p.ip4 == (p.proto == WIRE_ICMP6) && !p.fragment ? nat_where(&p) : 0;
	return parse_transport(&p) == LB_CONTINUE ? nat_where(&p) : 0;
}

/* Between the two look-ups another CPU may have promoted the flow: then it is in the table that was
 * asked first. */
stage int nat_answer(struct xdp_md *ctx, __u32 where)
{
	int sent = nat_reply(ctx, where);

	if (sent == LB_CONTINUE)
		sent = nat_half(ctx, where, 0);
	if (sent == LB_CONTINUE)
		sent = nat_brief_reply(ctx, where);
	if (sent == LB_CONTINUE)
		sent = nat_reply(ctx, where);
	return sent == NAT_CLIENTS ? LB_CONTINUE : sent;
}

/* Whoever's it is: what fragment_find decides is all that there is to find. */
stage int nat_later(struct xdp_md *ctx, __u32 where)
{
	int found = fragment_find(ctx, where & PKT_L3_MASK, nat_six(where));

	if (found & NAT_ASKED)
		return nat_follow(ctx, where);
	if (found & REAL_DECIDED)
		return found;
	return nat_sent(found, found == LB_NOT_OURS ? XDP_PASS : XDP_DROP);
}

/* What comes back of a translated flow, and later fragments of any. Returns verdict and action;
 * REAL_DECIDED and a real that nothing is translated for; or LB_CONTINUE: it is another packet, and
 * nothing has changed. */
stage int nat_back(struct xdp_md *ctx, __u32 where)
{
	__u8 proto = where >> 23;
	int found;

	if (where & NAT_LATER)
		return nat_later(ctx, where);
	if (where & NAT_SYN)
		return LB_CONTINUE;
	if (proto == WIRE_ICMP4 || proto == WIRE_ICMP6)
		return nat_icmp(ctx, where);
	if (where & NAT_FIRST) {
		found = nat_begin(ctx, where);
		if (found != NAT_BEGUN)
			return found;
	}
	return nat_answer(ctx, where);
}

#endif
