/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What lbxdp is measured against, and what feeds it. The generator restores the packet, which the
 * program before it changed, varies its flow and tail-calls the program under test.
 */
#include "wire.h"

#include "lbxdp/abi.h"

enum {
	BENCH_WORDS = 10,
	BENCH_BYTES = 6 + 8 * BENCH_WORDS, /* of a frame, at least */
	BENCH_FLOWS = 131072,              /* size of the reference's table, and of lbxdp's */
	BENCH_LRU = 65536,                 /* and of the LRU that lbxdp has for half-open flows */
};

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} bench_target SEC(".maps");

LB_MAP(bench_flows, BPF_MAP_TYPE_HASH, struct lb_flow4, struct lb_flow, BENCH_FLOWS, 0);
LB_MAP(bench_lru, BPF_MAP_TYPE_LRU_HASH, struct lb_flow4, struct lb_flow, BENCH_LRU, 0);

/*
 * The frame: its first `lead` bytes (2 or 6) in head, the rest in words. Words are stored where the
 * program will load them, so that no load waits for two stores: a NIC's packets do not either.
 */
struct {
	__u64 head;
	__u64 word[BENCH_WORDS];
	__u64 vary[BENCH_WORDS]; /* bits that tell the flows apart */
	__u32 six;
	__u32 flows_mask;
	__u32 next;
} bench_frame;

stage void bench_words(void *at, __u64 spread)
{
	for (int i = 0; i < BENCH_WORDS; i++)
		env_store64(at + 8 * i, bench_frame.word[i] ^ (bench_frame.vary[i] & spread));
}

SEC("xdp.frags")
int generator(struct xdp_md *ctx)
{
	void *data = env_data(ctx), *end = env_data_end(ctx);
	__u64 flow = bench_frame.next++ & bench_frame.flows_mask;

	if (data + BENCH_BYTES > end)
		return XDP_ABORTED;
	*(__u16 *)data = bench_frame.head;
	flow <<= 8; /* the first byte of a source address stays as it is */
	flow |= flow << 32;
	if (bench_frame.six) {
		env_store32(data + 2, bench_frame.head >> 16);
		bench_words(data + 6, flow);
	} else {
		bench_words(data + 2, flow);
	}
	bpf_tail_call(ctx, &bench_target, 0);
	return XDP_ABORTED;
}

SEC("xdp.frags")
int nothing(struct xdp_md *ctx)
{
	return XDP_TX;
}

/* Two loads and two stores. */
stage void bench_swap_macs(void *eth)
{
	__u64 first = env_load64(eth), dst = first << 16 >> 16;
	__u64 src = first >> 48 | (__u64)env_load32(eth + 8) << 16;

	env_store64(eth, src | dst << 48);
	env_store32(eth + 8, dst >> 16);
}

/* Parses Ethernet, IPv4 and TCP, looks the 5-tuple up once, swaps the MACs; makes an entry for what
 * is not there. */
stage int bench_reference(struct xdp_md *ctx, bool insert)
{
	void *data = env_data(ctx), *end = env_data_end(ctx);
	struct eth_header *eth = data;
	struct ip4_header *ip = data + sizeof(*eth);
	struct tcp_header *tcp = data + sizeof(*eth) + sizeof(*ip);
	struct lb_flow4 key;

	if ((void *)(tcp + 1) > end || eth->type != bpf_htons(WIRE_IP4))
		return XDP_PASS;
	if (ip->version_ihl != 0x45 || ip->proto != WIRE_TCP)
		return XDP_PASS;
	env_store64(key.src, env_load64(&ip->src));
	env_store64(&key.dport, bpf_ntohl(env_load32(tcp)) | (__u64)ip->proto << 32);
	if (!bpf_map_lookup_elem(&bench_flows, &key)) {
		const struct lb_flow flow = {.real = 1};

		if (!insert || bpf_map_update_elem(&bench_lru, &key, &flow, BPF_ANY))
			return XDP_DROP;
	}
	bench_swap_macs(eth);
	return XDP_TX;
}

SEC("xdp.frags")
int reference(struct xdp_md *ctx)
{
	return bench_reference(ctx, false);
}

SEC("xdp.frags")
int reference_insert(struct xdp_md *ctx)
{
	return bench_reference(ctx, true);
}

char _license[] SEC("license") = "GPL";
