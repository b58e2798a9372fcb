/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The least that Direct Routing can be: a frame for the service's port goes back out of the
 * interface that it came by, with the sink's MAC. No flow, no choice, no counter.
 */
#include <linux/bpf.h>
#include <linux/in.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "frame.h"

SEC("xdp")
int bare(struct xdp_md *ctx)
{
	static const unsigned char sink[ETH_ALEN] = {0x02, 0, 0, 0, 0, FRAME_SINK};
	struct frame *f = (struct frame *)(long)ctx->data;

	if ((void *)(f + 1) > (void *)(long)ctx->data_end)
		return XDP_PASS;
	if (f->eth.h_proto != bpf_htons(ETH_P_IP) || f->ip.ihl != 5 ||
	    f->ip.protocol != IPPROTO_TCP || f->tcp.dest != bpf_htons(FRAME_PORT))
		return XDP_PASS;
	__builtin_memcpy(f->eth.h_source, f->eth.h_dest, ETH_ALEN);
	__builtin_memcpy(f->eth.h_dest, sink, ETH_ALEN);
	return XDP_TX;
}

char _license[] SEC("license") = "GPL";
