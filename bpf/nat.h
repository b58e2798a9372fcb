/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Address translation, for reals with LB_REAL_NAT. flow.h chooses the real as for any other; then
 * the client's packet gets the real's address and port and, with LB_REAL_SNAT, a source of the
 * service's pool. What comes back is known by its row in lbx_nat, gets the VIP's
 * address and the client's, and leaves the way the client came: no route is asked for. Checksums
 * are mended, not computed (RFC 1624), so that what was broken stays broken. A translated packet
 * has one hop less (RFC 1812 5.3.1).
 */
#ifndef LBXDP_BPF_NAT_H
#define LBXDP_BPF_NAT_H

#include "csum.h"
#include "flow.h"
#include "parse.h"
#include "tx.h"

enum {
	NAT_TRIES = 16, /* source ports that a new flow asks for */
	NAT_PORT_FIRST = 1024,
	NAT_PORTS = 65536 - NAT_PORT_FIRST,
	NAT_L4_MASK = 0x7fff, /* a bound the verifier sees */
	NAT_PORTS_LEN = 8,    /* of a transport header, as much as every ICMP error quotes */
	NAT_ACTION_SHIFT = 8,
};

/* ICMP messages that quote a packet (RFC 792, RFC 4443 3). */
enum {
	NAT_ICMP4_UNREACHABLE = 3,
	NAT_ICMP4_TIME_EXCEEDED = 11,
	NAT_ICMP4_PARAMETER = 12,
	NAT_ICMP6_ERROR_FIRST = 1,
	NAT_ICMP6_ERROR_LAST = 4,
};

/* The headers of one packet. */
struct nat {
	struct pkt p;
	void *ports; /* the transport header, NAT_PORTS_LEN of it at hand */
};

/* Where they stand and whose they are, as one number to hand on: offsets, protocol, family. */
stage __u32 nat_where(const struct pkt *p)
{
	__u32 l4 = p->l3 + p->length - p->l4_len;

	return p->l3 | l4 << 8 | (__u32)p->proto << 23 | (__u32)!p->ip4 << 31;
}

stage bool nat_six(__u32 where)
{
	return where >> 31;
}

/* Points at the headers anew. False: they are not all at hand. */
stage bool nat_open(struct nat *n, struct xdp_md *ctx, __u32 where, bool six)
{
	struct pkt *p = &n->p;
	void *l4;

	p->ctx = ctx;
	p->l3 = where & PKT_L3_MASK;
	p->proto = where >> 23;
	if (!pkt_reopen(p))
		return false;
	if (six)
		p->ip6 = pkt_take(p, sizeof(*p->ip6));
	else
		p->ip4 = pkt_take(p, sizeof(*p->ip4));
	if (!p->ip4 && !p->ip6)
		return false;
	l4 = p->data + (where >> 8 & NAT_L4_MASK);
	pkt_skip(p, l4, 0);
	if (p->proto == WIRE_TCP)
		n->ports = p->tcp = pkt_take(p, sizeof(*p->tcp));
	else
		n->ports = pkt_take(p, NAT_PORTS_LEN);
	if (!n->ports)
		return false;
	p->ports = bpf_ntohl(env_load32(n->ports));
	return true;
}

/* IPv4 addresses are mapped ones here, so that one table serves both families. */
stage void nat_key(struct lb_flow6 *key, const struct lb_addr *src, const struct lb_addr *dst,
		   __u32 ports, __u8 proto)
{
	for (int i = 0; i < 16; i += 4) {
		env_store32(key->src + i, env_load32(src->byte + i));
		env_store32(key->dst + i, env_load32(dst->byte + i));
	}
	key->dport = ports;
	key->sport = ports >> 16;
	key->proto = proto;
}

stage void nat_key_of(struct lb_flow6 *key, const struct pkt *p)
{
	struct lb_addr src, dst;

	pkt_src(p, &src);
	pkt_dst(p, &dst);
	nat_key(key, &src, &dst, p->ports, p->proto);
}

/* The other row of the flow. */
stage void nat_key_mirrored(struct lb_flow6 *key, const struct lb_nat *row, __u8 proto)
{
	nat_key(key, &row->dst, &row->src, (__u32)row->dport << 16 | row->sport, proto);
}

stage struct lb_nat *nat_find(const struct lb_flow6 *key)
{
	return bpf_map_lookup_elem(&lbx_nat, key);
}

/* For what comes back. A mapped address in an IPv6 header is nobody's, and no row is for it. */
stage struct lb_nat *nat_find_back(const struct lb_flow6 *key, bool six)
{
	return six && acl_is_mapped((const struct lb_addr *)key->src) ? NULL : nat_find(key);
}

/* Is there any real whose packets are translated? */
stage bool nat_is_used(void)
{
	const __u32 zero = 0;
	const struct lb_settings *s = bpf_map_lookup_elem(&lbx_settings, &zero);

	return s && s->nat;
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
	ip->checksum = csum_replace(ip->checksum, bpf_htons(ip->ttl << 8),
				    bpf_htons((ip->ttl - 1) << 8));
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

/* The client's side as this packet shows it. */
stage void nat_note_client(const struct pkt *p, struct lb_nat *row)
{
	pkt_copy_mac(row->client_mac, p->eth->src);
	pkt_copy_mac(row->our_mac, p->eth->dst);
	row->ifindex = p->ctx->ingress_ifindex;
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
	n.p.now = flow_clock();
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

stage __u32 nat_mix(__u32 h)
{
	h = (h ^ h >> 16) * 0x85ebca6bU;
	h = (h ^ h >> 13) * 0xc2b2ae35U;
	return h ^ h >> 16;
}

/* The client's own port first; a flow that asks in vain tries others. */
stage __u32 nat_port(const struct pkt *p, __u32 hash, __u32 round)
{
	if (!round)
		return p->ports >> 16;
	return NAT_PORT_FIRST + ((nat_mix(hash + round) & 0xffff) * NAT_PORTS >> 16);
}

/* The source that the packet gets where it is not the client's own. False: there is none. */
stage bool nat_source(const struct pkt *p, __u32 hash, struct lb_addr *to)
{
	const struct lb_pool *pool;
	__u32 service = p->real->service;

	if (!(real_flags(p) & LB_REAL_SNAT))
		return true;
	pool = bpf_map_lookup_elem(&lbx_pools, &service);
	if (!pool || !pool->count)
		return false;
	*to = pool->addr[hash % pool->count & (LB_POOL_MAX - 1)];
	return true;
}

/* The client's packets' key from the row of the replies. */
stage void nat_key_out(struct lb_flow6 *key, const struct lb_nat *back, __u8 proto)
{
	nat_key(key, &back->dst, &back->src, (__u32)back->dport << 16 | back->sport, proto);
}

/* An earlier flow of the same client and port, to another real. */
stage void nat_forget(struct lb_flow6 *key, const struct lb_nat *back, __u8 proto)
{
	const struct lb_nat *old;

	nat_key_out(key, back, proto);
	old = nat_find(key);
	if (!old)
		return;
	nat_key_mirrored(key, old, proto);
	(void)bpf_map_delete_elem(&lbx_nat, key);
	nat_key_out(key, back, proto);
	(void)bpf_map_delete_elem(&lbx_nat, key);
}

/* The row of the replies to a client's packet, for any real. */
stage bool nat_read(struct xdp_md *ctx, __u32 where, struct lb_nat *row, bool six)
{
	struct nat n = {};

	if (!nat_open(&n, ctx, where, six))
		return false;
	row->seen = flow_clock();
	row->back = 1;
	row->dport = n.p.ports >> 16;
	row->sport = n.p.ports;
	pkt_dst(&n.p, &row->src);
	pkt_src(&n.p, &row->dst);
	nat_note_client(&n.p, row);
	return true;
}

/* Turns the row of the replies into that of the client's packets, and key, that of the former, into
 * its. */
stage void nat_turn(struct lb_nat *row, struct lb_flow6 *key)
{
	struct lb_addr vip = row->src, client = row->dst;
	__u32 ports = (__u32)row->dport << 16 | row->sport;

	row->back = 0;
	row->sport = key->dport;
	row->dport = key->sport;
	for (int i = 0; i < 16; i += 4) {
		env_store32(row->src.byte + i, env_load32(key->dst + i));
		env_store32(row->dst.byte + i, env_load32(key->src + i));
	}
	nat_key(key, &client, &vip, ports, key->proto);
}

/* The row of the client's packets, once that of the replies is in the table by key. */
stage int nat_insert_out(struct lb_flow6 *key, struct lb_nat *row)
{
	long err;

	nat_turn(row, key);
	err = bpf_map_update_elem(&lbx_nat, key, row, BPF_NOEXIST);
	if (!err)
		return LB_CONTINUE;
	nat_key_mirrored(key, row, key->proto);
	(void)bpf_map_delete_elem(&lbx_nat, key);
	/* Another packet of the flow may have been first, on another CPU. */
	return err == -EEXIST ? LB_CONTINUE : LB_NAT_FULL;
}

/* Takes the first source that no other flow has to the same port of the real. */
stage int nat_insert(const struct pkt *p, struct lb_flow6 *key, struct lb_nat *row)
{
	__u32 hash = nat_mix(p->ports ^ env_load32(row->dst.byte + 12) ^
			     env_load32(row->dst.byte + 4));
	__u32 port = p->real->port ? p->real->port : p->ports & 0xffff;
	struct lb_addr source = row->dst;

	for (__u32 round = 0; round < NAT_TRIES; round++) {
		long err;

		if (!nat_source(p, hash + round, &source))
			return LB_NAT_FULL;
		nat_key(key, &p->real->ip, &source, port << 16 | nat_port(p, hash, round),
			p->proto);
		err = bpf_map_update_elem(&lbx_nat, key, row, BPF_NOEXIST);
		if (!err)
			return nat_insert_out(key, row);
		if (err != -EEXIST)
			break;
	}
	return LB_NAT_FULL;
}

/*
 * Makes the two rows of a flow to this real. The insertion of that of the replies is what takes a
 * source port. LB_CONTINUE, or a drop.
 */
int nat_make(struct xdp_md *ctx, __u32 where, __u32 real);

separate int nat_make(struct xdp_md *ctx, __u32 where, __u32 real)
{
	struct pkt p = {.proto = where >> 23};
	struct lb_flow6 key = {};
	struct lb_nat row = {.real = real};

	if (!(nat_six(where) ? nat_read(ctx, where, &row, true)
			     : nat_read(ctx, where, &row, false)))
		return LB_NO_REAL;
	if (!real_choose(&p, real))
		return LB_NO_REAL;
	p.ports = (__u32)row.dport << 16 | row.sport;
	nat_forget(&key, &row, p.proto);
	return nat_insert(&p, &key, &row);
}

/* A client's packet, whose real is chosen; where as nat_look said. Returns verdict and action. A
 * fragment goes nowhere, because those that follow it have no ports. */
stage int nat_forward(struct xdp_md *ctx, __u32 where, __u32 real)
{
	int sent;

	if (!where)
		return nat_sent(LB_FRAGMENT, XDP_DROP);
	sent = nat_out(ctx, where, real);
	if (sent == LB_CONTINUE) {
		sent = nat_make(ctx, where, real);
		if (sent != LB_CONTINUE)
			return nat_sent(sent, XDP_DROP);
		sent = nat_out(ctx, where, real);
	}
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
	if (!row || !row->back)
		return LB_CONTINUE;
	if (!nat_hop(&n.p, six))
		return nat_sent(LB_HOP_LIMIT, XDP_DROP);
	n.p.now = flow_clock();
	nat_touch(&n.p, row);
	nat_translate(&n, row, six);
	return nat_to_client(&n.p, row);
}

/* Sends a reply to its client. Returns verdict and action, or LB_CONTINUE: it is none. */
int nat_reply(struct xdp_md *ctx, __u32 where);

separate int nat_reply(struct xdp_md *ctx, __u32 where)
{
	return nat_six(where) ? nat_back_of(ctx, where, true) : nat_back_of(ctx, where, false);
}

stage bool nat_is_error(const struct icmp_header *icmp, bool six)
{
	if (six)
		return icmp->type >= NAT_ICMP6_ERROR_FIRST && icmp->type <= NAT_ICMP6_ERROR_LAST;
	return icmp->type == NAT_ICMP4_UNREACHABLE || icmp->type == NAT_ICMP4_TIME_EXCEEDED ||
	       icmp->type == NAT_ICMP4_PARAMETER;
}

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
	if (!q->icmp || !nat_is_error(q->icmp, six))
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
	struct lb_nat *row;

	if (!nat_open(&n, ctx, where, six))
		return LB_CONTINUE;
	pkt_skip(&n.p, n.ports, 0);
	if (!nat_open_quoted(&n.p, &q, six) || !nat_key_quoted(&key, &n.p, &q))
		return LB_CONTINUE;
	row = nat_find_back(&key, six);
	if (!row)
		return LB_CONTINUE;
	if (!row->back && !real_choose(&n.p, row->real))
		return LB_CONTINUE;
	if (!nat_hop(&n.p, six))
		return nat_sent(LB_HOP_LIMIT, XDP_DROP);
	nat_translate_quoted(&n.p, &q, row, six);
	return row->back ? nat_to_client(&n.p, row) : nat_to_real(&n.p);
}

/* Sends an ICMP error about a translated packet to who sent that: a client, or a real (RFC 5508
 * 4.2). Returns verdict and action, or LB_CONTINUE: it is none. */
int nat_icmp(struct xdp_md *ctx, __u32 where);

separate int nat_icmp(struct xdp_md *ctx, __u32 where)
{
	return nat_six(where) ? nat_icmp_of(ctx, where, true) : nat_icmp_of(ctx, where, false);
}

/* LB_CONTINUE: to be parsed further; anything else: not a packet that is translated. */
stage enum lb_verdict nat_parse(struct pkt *p)
{
	enum lb_verdict v = parse_ethernet(p);

	if (v != LB_CONTINUE || pkt_group_mac(p))
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

	pkt_fetch(&p);
	if (nat_parse(&p) != LB_CONTINUE || p.fragment)
		return 0;
	if (p.proto == WIRE_ICMP4 ? !p.ip4 : p.proto == WIRE_ICMP6 && p.ip4)
		return 0;
	if (p.proto != WIRE_ICMP4 && p.proto != WIRE_ICMP6 && parse_transport(&p) != LB_CONTINUE)
		return 0;
	return nat_where(&p);
}

/* What comes back of a translated flow. Returns verdict and action, or LB_CONTINUE: it is another
 * packet, and nothing has changed. */
stage int nat_back(struct xdp_md *ctx, __u32 where)
{
	__u8 proto = where >> 23;

	return proto == WIRE_ICMP4 || proto == WIRE_ICMP6 ? nat_icmp(ctx, where)
							  : nat_reply(ctx, where);
}

#endif
