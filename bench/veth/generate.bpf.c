/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The generator: run by BPF_F_TEST_XDP_LIVE_FRAMES, it writes the headers of the next flow's frame
 * and sends it out of one interface. All headers are written each time, because a recycled page
 * still holds what a forwarder made of its last frame.
 */
#include <linux/bpf.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "frame.h"

/* Set by generate.c while no frame is on its way. */
__u64 head[FRAME_WORDS] = {}; /* the headers; source port and TCP checksum are 0 */
__u32 tcp_sum = 0;            /* ones' complement sum of pseudo header and segment */
__u32 egress = 0;             /* ifindex */
__u32 flows = 0;
__u32 next = 0; /* flow of the next frame */

static __always_inline __u16 fold(__u32 sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	return ~((sum & 0xffff) + (sum >> 16));
}

SEC("xdp")
int generate(struct xdp_md *ctx)
{
	__u64 *word = (__u64 *)(long)ctx->data;
	struct frame *f = (struct frame *)word;
	__u32 flow = next;
	__be16 source;

	if ((void *)(word + FRAME_WORDS) > (void *)(long)ctx->data_end)
		return XDP_ABORTED;
	for (int i = 0; i < FRAME_WORDS; i++)
		word[i] = head[i];
	source = bpf_htons(FRAME_FIRST_PORT + flow);
	f->tcp.source = source;
	f->tcp.check = fold(tcp_sum + source);
	next = flow + 1 < flows ? flow + 1 : 0;
	return bpf_redirect(egress, 0);
}

char _license[] SEC("license") = "GPL";
