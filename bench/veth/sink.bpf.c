/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The sink: ends every TCP frame that is addressed to its MAC, and counts it by the last byte of
 * the IPv4 destination. A SYN is answered with a SYN-ACK, so that connection tracking on the way
 * sees a whole handshake. The rest (ARP) goes to the stack.
 */
#include <linux/bpf.h>
#include <linux/in.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "frame.h"

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 256);
	__type(key, __u32);
	__type(value, __u64);
} counts SEC(".maps");

static __always_inline __u16 fold(__u32 sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	return ~((sum & 0xffff) + (sum >> 16));
}

/*
 * The SYN becomes its own answer: addresses and ports trade places, which the checksum does not
 * see, and the generator's sequence number, which does not end in ffff, moves to the other field.
 * Redirect, because a veth peer that has GRO and no program takes in no XDP_TX.
 */
static __always_inline int answer(struct xdp_md *ctx, struct frame *f)
{
	__u16 sum = ~f->tcp.check;
	unsigned char mac[ETH_ALEN];
	__be32 address = f->ip.saddr;
	__be16 port = f->tcp.source;

	__builtin_memcpy(mac, f->eth.h_dest, ETH_ALEN);
	__builtin_memcpy(f->eth.h_dest, f->eth.h_source, ETH_ALEN);
	__builtin_memcpy(f->eth.h_source, mac, ETH_ALEN);
	f->ip.saddr = f->ip.daddr;
	f->ip.daddr = address;
	f->tcp.source = f->tcp.dest;
	f->tcp.dest = port;
	f->tcp.ack_seq = bpf_htonl(bpf_ntohl(f->tcp.seq) + 1);
	f->tcp.seq = 0;
	f->tcp.ack = 1;
	f->tcp.check = fold(sum + bpf_htons(1) + bpf_htons(0x0010));
	return bpf_redirect(ctx->ingress_ifindex, 0);
}

SEC("xdp")
int sink(struct xdp_md *ctx)
{
	struct frame *f = (struct frame *)(long)ctx->data;
	__u32 key;
	__u64 *count;

	if ((void *)(f + 1) > (void *)(long)ctx->data_end)
		return XDP_PASS;
	if (f->eth.h_proto != bpf_htons(ETH_P_IP) || f->ip.protocol != IPPROTO_TCP)
		return XDP_PASS;
	if (f->eth.h_dest[ETH_ALEN - 1] != FRAME_SINK)
		return XDP_DROP;
	key = bpf_ntohl(f->ip.daddr) & 0xff;
	count = bpf_map_lookup_elem(&counts, &key);
	if (count)
		++*count;
	return f->tcp.syn && !f->tcp.ack ? answer(ctx, f) : XDP_DROP;
}

char _license[] SEC("license") = "GPL";
