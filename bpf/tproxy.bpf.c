/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The tc side of TProxy, on the interfaces by which real servers answer. A packet whose receiver is
 * a connection of this host gets our mark, a policy rule leads what has the mark into the host, and
 * there the kernel finds the connection by itself: that is what a proxy needs that uses its
 * client's address. The connection is found here by all of its four numbers, so a packet that this
 * host only forwards keeps its way. Other filters go on with the packet.
 */
#include "lbxdp/tproxy.h"
#include "env.h"
#include "wire.h"

enum { NEXT_FILTER = -1, EXTENSIONS_MAX = 4, FRAGMENT_BITS = 0x3fff };
enum { UNREACHABLE4 = 3, ERRORS6_LAST = 4, ICMP_LEN = sizeof(struct icmp_header) };

struct ports {
	__be16 source, target;
};

/* at counts from the network header. */
static __always_inline bool load(struct __sk_buff *skb, __u32 at, void *to, __u32 len)
{
	return !bpf_skb_load_bytes_relative(skb, at, to, len, BPF_HDR_START_NET);
}

/* One that listens is found by its own numbers alone, and may be another program's. */
static __always_inline bool has_connection(struct __sk_buff *skb, struct bpf_sock_tuple *of,
					   __u32 len)
{
	struct bpf_sock *sk = bpf_skc_lookup_tcp(skb, of, len, BPF_F_CURRENT_NETNS, 0);
	bool is;

	if (!sk)
		return false;
	is = sk->state != BPF_TCP_LISTEN && sk->state != BPF_TCP_NEW_SYN_RECV;
	bpf_sk_release(sk);
	return is;
}

/* A SYN alone is for who listens, if for anybody; a look-up would ask the guard (guard.h), which
 * would count its client twice. */
static __always_inline bool begins(struct __sk_buff *skb, __u32 at)
{
	__u8 flags;

	return load(skb, at + offsetof(struct tcp_header, flags), &flags, sizeof(flags)) &&
	       (flags & (TCP_SYN | TCP_ACK)) == TCP_SYN;
}

static __always_inline bool tcp4(struct __sk_buff *skb, const struct ip4_header *ip, __u32 at,
				 bool quoted)
{
	struct bpf_sock_tuple tuple = {};
	struct ports p;

	at += (ip->version_ihl & 15) * 4;
	if (!load(skb, at, &p, sizeof(p)) || (!quoted && begins(skb, at)))
		return false;
	/* An error quotes what was sent: the other way round than its answer. */
	tuple.ipv4.saddr = quoted ? ip->dst : ip->src;
	tuple.ipv4.daddr = quoted ? ip->src : ip->dst;
	tuple.ipv4.sport = quoted ? p.target : p.source;
	tuple.ipv4.dport = quoted ? p.source : p.target;
	return has_connection(skb, &tuple, sizeof(tuple.ipv4));
}

/* Path MTU discovery needs the errors too (RFC 1191). */
static __always_inline bool icmp4(struct __sk_buff *skb, __u32 at)
{
	struct icmp_header icmp;
	struct ip4_header quoted;

	return load(skb, at, &icmp, sizeof(icmp)) && icmp.type == UNREACHABLE4 &&
	       load(skb, at + ICMP_LEN, &quoted, sizeof(quoted)) && quoted.proto == WIRE_TCP &&
	       tcp4(skb, &quoted, at + ICMP_LEN, true);
}

/* TCP sends no fragments (RFC 791 DF); whoever makes some has them forwarded. */
static __always_inline bool ip4(struct __sk_buff *skb)
{
	struct ip4_header ip;

	if (!load(skb, 0, &ip, sizeof(ip)) || ip.fragment & bpf_htons(FRAGMENT_BITS))
		return false;
	if (ip.proto == WIRE_TCP)
		return tcp4(skb, &ip, 0, false);
	return ip.proto == WIRE_ICMP4 && icmp4(skb, (ip.version_ihl & 15) * 4);
}

static __always_inline bool tcp6(struct __sk_buff *skb, const struct ip6_header *ip, __u32 at,
				 bool quoted)
{
	struct bpf_sock_tuple tuple = {};
	struct ports p;

	if (!load(skb, at, &p, sizeof(p)) || (!quoted && begins(skb, at)))
		return false;
	__builtin_memcpy(tuple.ipv6.saddr, quoted ? ip->dst : ip->src, 16);
	__builtin_memcpy(tuple.ipv6.daddr, quoted ? ip->src : ip->dst, 16);
	tuple.ipv6.sport = quoted ? p.target : p.source;
	tuple.ipv6.dport = quoted ? p.source : p.target;
	return has_connection(skb, &tuple, sizeof(tuple.ipv6));
}

/* RFC 8201 */
static __always_inline bool icmp6(struct __sk_buff *skb, __u32 at)
{
	const __u32 inner = at + ICMP_LEN;
	struct icmp_header icmp;
	struct ip6_header quoted;

	return load(skb, at, &icmp, sizeof(icmp)) && icmp.type && icmp.type <= ERRORS6_LAST &&
	       load(skb, inner, &quoted, sizeof(quoted)) && quoted.next == WIRE_TCP &&
	       tcp6(skb, &quoted, inner + sizeof(quoted), true);
}

static __always_inline bool ip6(struct __sk_buff *skb)
{
	__u32 at = sizeof(struct ip6_header);
	struct ip6_extension e;
	struct ip6_header ip;
	__u8 next;

	if (!load(skb, 0, &ip, sizeof(ip)))
		return false;
	next = ip.next;
	for (int i = 0; i < EXTENSIONS_MAX; i++) {
		if (next != WIRE_HOP_BY_HOP && next != WIRE_ROUTING && next != WIRE_DESTINATION)
			break;
		if (!load(skb, at, &e, sizeof(e)))
			return false;
		next = e.next;
		at += (e.len + 1) * 8;
	}
	if (next == WIRE_TCP)
		return tcp6(skb, &ip, at, false);
	return next == WIRE_ICMP6 && icmp6(skb, at);
}

SEC("tc")
int lbxdp_tproxy(struct __sk_buff *skb)
{
	if (skb->protocol == bpf_htons(WIRE_IP4) ? ip4(skb)
						 : skb->protocol == bpf_htons(WIRE_IP6) && ip6(skb))
		skb->mark |= LB_TPROXY_MARK;
	return NEXT_FILTER;
}

char _license[] SEC("license") = "GPL";
