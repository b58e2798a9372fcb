/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The rows of lbx_nat, and how a flow gets its two. The insertion of the replies' row is what takes
 * a source port: no two flows get the same one to the same port of a real.
 */
#ifndef LBXDP_BPF_NAT_ROW_H
#define LBXDP_BPF_NAT_ROW_H

#include "acl.h"
#include "flow.h"
#include "parse.h"

enum {
	NAT_TRIES = 16, /* source ports that a new flow asks for */
	NAT_PORT_FIRST = 1024,
	NAT_PORTS = 65536 - NAT_PORT_FIRST,
	NAT_L4_MASK = 0x7fff, /* a bound the verifier sees */
	NAT_PORTS_LEN = 8,    /* of a transport header, as much as every ICMP error quotes */
	NAT_ACTION_SHIFT = 8,
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

/* The client's side as this packet shows it. */
stage void nat_note_client(const struct pkt *p, struct lb_nat *row)
{
	pkt_copy_mac(row->client_mac, p->eth->src);
	pkt_copy_mac(row->our_mac, p->eth->dst);
	row->ifindex = p->ctx->ingress_ifindex;
}

/* The client's own port first; a flow that asks in vain tries others. */
stage __u32 nat_port(const struct pkt *p, __u32 hash, __u32 round)
{
	if (!round)
		return p->ports >> 16;
	return NAT_PORT_FIRST + ((sched_mix(hash + round) & 0xffff) * NAT_PORTS >> 16);
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

/* An earlier flow of the same client and port, to another real. */
stage void nat_forget(struct lb_flow6 *key, const struct lb_nat *back, __u8 proto)
{
	const struct lb_nat *old;

	nat_key_mirrored(key, back, proto);
	old = nat_find(key);
	if (!old)
		return;
	nat_key_mirrored(key, old, proto);
	(void)bpf_map_delete_elem(&lbx_nat, key);
	nat_key_mirrored(key, back, proto);
	(void)bpf_map_delete_elem(&lbx_nat, key);
}

/* The row of the replies to a client's packet, for any real. */
stage bool nat_read(struct xdp_md *ctx, __u32 where, struct lb_nat *row, bool six)
{
	struct nat n = {};

	if (!nat_open(&n, ctx, where, six))
		return false;
	row->seen = flow_tick();
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
	int err; /* no more of it than a kernel before 6.4 returns */

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
	__u32 hash = sched_mix(p->ports ^ env_load32(row->dst.byte + 12) ^
			       env_load32(row->dst.byte + 4));
	__u32 port = p->real->port ? p->real->port : p->ports & 0xffff;
	struct lb_addr source = row->dst;

	for (__u32 round = 0; round < NAT_TRIES; round++) {
		int err; /* no more of it than a kernel before 6.4 returns */

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

#endif
