/* SPDX-License-Identifier: GPL-2.0-only */
/* The XDP program: what it does is in pipeline.h, why it is fast in fast.h, its state in maps.h. */
#include "fast.h"

SEC("xdp.frags")
int lbxdp(struct xdp_md *ctx)
{
	return fast_then_pipeline(ctx);
}

char _license[] SEC("license") = "GPL";
