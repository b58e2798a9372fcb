/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ICMP errors about what a real sent as the VIP: path MTU discovery lives on them (RFC 1191, RFC
 * 8201). They quote the packet that could not be delivered, so the flow is the other way round; the
 * real that has it gets the error as it came; if no entry knows it, the real that the packets of
 * such a flow are sent to, but where they are translated. 8 bytes behind the quoted IP header are
 * enough (RFC 792). A flow is neither made, kept alive nor ended by an error; who may send one is
 * not asked, because routers are no clients.
 */
#ifndef LBXDP_BPF_RELATED_H
#define LBXDP_BPF_RELATED_H

#include "flow.h"
#include "parse.h"

enum {
	RELATED_UNREACHABLE4 = 3,
	RELATED_TIME_EXCEEDED4 = 11,
	RELATED_PARAMETER4 = 12,
	RELATED_UNREACHABLE6 = 1,
	RELATED_PARAMETER6 = 4, /* with packet too big and time exceeded between */
	RELATED_PORTS = 8,      /* bytes of a transport header that are always quoted */
	RELATED_TRIES = 3,
	RELATED_GUESSES = LB_ICMP_BURST / 2,
};

stage bool related_is_error4(__u8 type)
{
	return type == RELATED_UNREACHABLE4 || type == RELATED_TIME_EXCEEDED4 ||
	       type == RELATED_PARAMETER4;
}

stage bool related_is_error6(__u8 type)
{
	return type >= RELATED_UNREACHABLE6 && type <= RELATED_PARAMETER6;
}

/*
 * A token bucket in one word: the time at which it will be full again. Of errors that find a real
 * only; those that know it by an entry may take all burst tokens. The hash finds one for any flow
 * that is made up, so that guesses leave them RELATED_GUESSES.
 */
stage bool related_takes(__u32 service, __u32 burst)
{
	__u64 *full = bpf_map_lookup_elem(&lbx_icmp, &service), now = bpf_ktime_get_coarse_ns();

	if (!full)
		return false;
	for (int i = 0; i < RELATED_TRIES; i++) {
		__u64 was = READ_ONCE(*full), from = was > now ? was : now;

		if (from - now >= (__u64)burst << LB_ICMP_SHIFT)
			return false;
		if (__sync_val_compare_and_swap(full, was, from + (1 << LB_ICMP_SHIFT)) == was)
			return true;
	}
	return false;
}

stage bool related_limited(__u32 service)
{
	return !related_takes(service, LB_ICMP_BURST);
}

/* A decision: to that real, if it serves; errors of what nat.h translates it has turned, if it has
 * a row. */
stage int related_send(struct pkt *p, __u32 real, __u32 service, __u32 burst)
{
	if (!real_serves(p, real) || real_translates(p))
		return LB_ICMP_NO_FLOW;
	if (!related_takes(service, burst))
		return LB_ICMP_LIMITED;
	stats_event(LB_EVENT_ICMP_ERROR);
	return REAL_DECIDED + real;
}

/*
 * The real that the hash names for a flow without an entry; 0: none is guessed. A list that refuses
 * the client says that there is no such flow. addr is the client's.
 */
__u32 related_guess(__u32 service, __u64 first, __u64 last, __u32 ports);

separate __u32 related_guess(__u32 service, __u64 first, __u64 last, __u32 ports)
{
	struct lb_service *s = bpf_map_lookup_elem(&lbx_services, &service);
	struct pick_client c = {.service = service, .now = flow_tick(), .limitless = 1};
	bool six = first || (__u32)last != PKT_MAPPED;

	if (!s || s->on_miss != LB_ON_MISS_HASH)
		return 0;
	env_store64(c.addr.byte, first);
	env_store64(c.addr.byte + 8, last);
	if (acl_gate(s).list && acl_ask(s, &c.addr, six, ACL_NO_PACKET) != LB_CONTINUE)
		return 0;
	return pick_unremembered_id(s, &c, ports);
}

/* No entry: a service of layer 7, or the host itself, may know what is quoted. Otherwise the flow
 * may be one that goes by the hash. A decision. */
stage int related_stranger(struct pkt *p, struct pkt_words client)
{
	__u32 id = 0, real;
	struct lb_service *s = sched_service(p, &id);

	if (!s || acl_gate(s).host)
		return LB_NOT_OURS;
	real = related_guess(id, client.first, client.last, p->ports);
	return real ? related_send(p, real, id, RELATED_GUESSES) : LB_ICMP_NO_FLOW;
}

/* A decision. Half-open flows are asked first: one that is promoted meanwhile is in the other table
 * before it leaves this one. An expired entry is none. */
stage int related_flow(struct pkt *p, struct flow_tables t, const void *key,
		       struct pkt_words client)
{
	const __u32 zero = 0;
	struct lb_flow is, *f;

	p->settings = bpf_map_lookup_elem(&lbx_settings, &zero);
	if (!p->settings)
		return LB_NOT_OURS;
	p->now = flow_clock(p->settings);
	if (!flow_find_half(t, key, &is) || flow_expired(p, &is, is.state)) {
		f = bpf_map_lookup_elem(t.flows, key);
		if (!f)
			return related_stranger(p, client);
		is = *f;
		if (flow_expired(p, &is, is.state))
			return related_stranger(p, client);
	}
	return flow_denied(&is) ? LB_ICMP_NO_FLOW
				: related_send(p, is.real, is.service, LB_ICMP_BURST);
}

/* Reads the quoted ports, as a packet of the client would have them. LB_NOT_OURS: a protocol that
 * has none. */
stage enum lb_verdict related_ports(struct pkt *p)
{
	struct udp_header *ports;

	if (p->proto != WIRE_TCP && p->proto != WIRE_UDP)
		return LB_NOT_OURS;
	ports = pkt_take(p, RELATED_PORTS);
	if (!ports || p->l4_len < RELATED_PORTS)
		return LB_BAD_ICMP;
	p->ports = bpf_ntohl((__u32)ports->sport << 16 | ports->dport);
	return LB_CONTINUE;
}

stage struct pkt_words related_client4(const struct lb_flow4 *key)
{
	return (struct pkt_words){0, PKT_MAPPED | (__u64)env_load32(key->src) << 32};
}

stage struct pkt_words related_client6(const struct lb_flow6 *key)
{
	return (struct pkt_words){env_load64(key->src), env_load64(key->src + 8)};
}

/* The cursor is on the ICMP header, and p->l4_len counts from it. */
stage int related4(struct pkt *p, __be32 vip)
{
	struct ip4_header *ip = NULL;
	__u32 header_len, len = p->l4_len;
	struct lb_flow4 key;
	enum lb_verdict v;

	if (pkt_take(p, sizeof(struct icmp_header)))
		ip = pkt_take(p, sizeof(*ip));
	header_len = ip ? (ip->version_ihl & 15) << 2 : 0;
	if (!ip || ip->version_ihl >> 4 != 4 || header_len < sizeof(*ip) ||
	    len < sizeof(struct icmp_header) + header_len)
		return LB_BAD_ICMP;
	if (ip->src != vip)
		return LB_NOT_OURS;
	if (ip->fragment & bpf_htons(PARSE_OFFSET4))
		return LB_ICMP_NO_FLOW;
	p->proto = ip->proto;
	p->l4_len = len - sizeof(struct icmp_header) - header_len;
	env_store64(key.src, ip->dst | (__u64)ip->src << 32);
	pkt_skip(p, ip, header_len);
	v = related_ports(p);
	if (v != LB_CONTINUE)
		return v;
	env_store64(&key.dport, p->ports | (__u64)p->proto << 32);
	return related_flow(p, FLOW_TABLES4, &key, related_client4(&key));
}

stage bool related_same6(const __be32 a[4], const __be32 b[4])
{
	return !(((a[0] ^ b[0]) | (a[1] ^ b[1])) | ((a[2] ^ b[2]) | (a[3] ^ b[3])));
}

/* The quoted header of IPv6, at an offset of the frame. */
stage struct ip6_header *related_quoted6(struct pkt *p, __u32 at)
{
	pkt_fetch(p);
	pkt_skip(p, p->data, at & PARSE_CHAIN_MASK);
	return pkt_take(p, sizeof(struct ip6_header));
}

/* Whatever is wrong with the quoted chain, it leads to no ports. Otherwise its length is *len. */
stage enum lb_verdict related_chain6(struct pkt *p, __u32 at, __u32 *len)
{
	__u32 found;

	*len = 0;
	if (!parse_is_extension(p->proto))
		return LB_CONTINUE;
	found = parse_extensions(p->ctx, at, p->l4_len, p->proto);
	if (found >= PARSE_FAILED)
		return found == PARSE_FAILED + LB_FRAGMENT ? LB_ICMP_NO_FLOW : LB_BAD_ICMP;
	*len = found >> 16 & PARSE_CHAIN_MASK;
	p->proto = found;
	p->l4_len -= *len;
	return LB_CONTINUE;
}

/* at is that of the quoted header. */
stage int related6(struct pkt *p, __u32 at)
{
	struct ip6_header *ip;
	struct lb_flow6 key;
	enum lb_verdict v;
	__u32 chain;

	v = related_chain6(p, at, &chain);
	if (v != LB_CONTINUE)
		return v;
	ip = related_quoted6(p, at);
	if (!ip)
		return LB_BAD_ICMP;
	for (int i = 0; i < 2; i++) {
		env_store64(key.src + 8 * i, env_load64(ip->dst + 2 * i));
		env_store64(key.dst + 8 * i, env_load64(ip->src + 2 * i));
	}
	pkt_skip(p, ip, sizeof(*ip) + chain);
	v = related_ports(p);
	if (v != LB_CONTINUE)
		return v;
	env_store64(&key.dport, p->ports | (__u64)p->proto << 32);
	return related_flow(p, FLOW_TABLES6, &key, related_client6(&key));
}

stage int related_find4(struct pkt *p, __u32 at)
{
	if (parse_ip4_start(p) != LB_CONTINUE)
		return LB_NOT_OURS;
	pkt_skip(p, p->data, at);
	return related4(p, p->ip4->dst);
}

stage int related_find6(struct pkt *p, __u32 at)
{
	const __u32 headers = sizeof(struct icmp_header) + sizeof(struct ip6_header);
	struct ip6_header *ip;

	at += sizeof(struct icmp_header);
	ip = related_quoted6(p, at);
	if (!ip || !parse_is_version6(ip) || p->l4_len < headers)
		return LB_BAD_ICMP;
	p->proto = ip->next;
	p->l4_len -= headers;
	if (!pkt_reopen(p) || parse_ip6_start(p) != LB_CONTINUE)
		return LB_NOT_OURS;
	return related_same6(ip->src, p->ip6->dst) ? related6(p, at) : LB_NOT_OURS;
}

/* An ICMP error of len bytes, at an offset of the frame: who finds it hands it on. */
stage int related_ask(__u32 at, __u32 len)
{
	return RELATED_ASKED | (at & PARSE_CHAIN_MASK) << 16 | (len & 0xffff);
}

/* Takes what related_ask said; a decision. The addresses are read anew. */
int related_find(struct xdp_md *ctx, __u32 asked);

separate int related_find(struct xdp_md *ctx, __u32 asked)
{
	__u32 at = asked >> 16 & PARSE_CHAIN_MASK, found = parse_tags(ctx);
	struct pkt p = {.ctx = ctx, .l3 = found & PKT_L3_MASK, .l4_len = asked & 0xffff};

	if (found == PARSE_FAILED || !pkt_reopen(&p))
		return LB_NOT_OURS;
	return found >> 16 == bpf_htons(WIRE_IP4) ? related_find4(&p, at) : related_find6(&p, at);
}

#endif
