/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The rows of lbx_nat and lbx_nat_half: whose they are, and the headers of the packets that they
 * are for.
 */
#ifndef LBXDP_BPF_NAT_ROW_H
#define LBXDP_BPF_NAT_ROW_H

#include "acl.h"
#include "flow.h"
#include "parse.h"

enum {
	NAT_L4_MASK = 0x7fff, /* a bound the verifier sees */
	NAT_PORTS_LEN = 8,    /* of a transport header, as much as every ICMP error quotes */
	NAT_ACTION_SHIFT = 8,
};

/* The headers of one packet. */
struct nat {
	struct pkt p;
	void *ports; /* the transport header, NAT_PORTS_LEN of it at hand */
};

/* In bits that the offset of the IP header leaves. */
enum {
	NAT_SYN = 1 << 5,   /* begins a TCP flow, so it is no reply */
	NAT_FIRST = 1 << 6, /* a first fragment */
	NAT_LATER = 1 << 7, /* a later one: it has no transport header, and no protocol is said */
};

/* Where they stand and whose they are, as one number to hand on: offsets, protocol, family. */
stage __u32 nat_where(const struct pkt *p)
{
	__u32 l4 = p->l3 + p->length - p->l4_len;

	return p->l3 | (flow_is_syn(p) ? NAT_SYN : 0) | (p->fragment ? NAT_FIRST : 0) | l4 << 8 |
	       (__u32)p->proto << 23 | (__u32)!p->ip4 << 31;
}

stage bool nat_six(__u32 where)
{
	return where >> 31;
}

stage __u32 nat_l4(__u32 where)
{
	return where >> 8 & NAT_L4_MASK;
}

stage __u8 nat_proto(__u32 where)
{
	return where >> 23;
}

/* Points at the headers anew. False: they are not all at hand. */
stage bool nat_open(struct nat *n, struct xdp_md *ctx, __u32 where, bool six)
{
	struct pkt *p = &n->p;
	void *l4;

	p->ctx = ctx;
	p->l3 = where & PKT_L3_MASK;
	p->proto = nat_proto(where);
	if (!pkt_reopen(p))
		return false;
	if (six)
		p->ip6 = pkt_take(p, sizeof(*p->ip6));
	else
		p->ip4 = pkt_take(p, sizeof(*p->ip4));
	if (!p->ip4 && !p->ip6)
		return false;
	l4 = p->data + nat_l4(where);
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

stage void nat_copy_client(struct lb_nat *to, const struct lb_nat *from)
{
	pkt_copy_mac(to->client_mac, from->client_mac);
	pkt_copy_mac(to->our_mac, from->our_mac);
	to->ifindex = from->ifindex;
}

#endif
