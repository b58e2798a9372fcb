/* SPDX-License-Identifier: GPL-2.0-only */
/* The XDP program: everything it does is in pipeline.h, everything it knows in maps.h. */
#include "pipeline.h"

SEC("xdp.frags")
int lbxdp(struct xdp_md *ctx)
{
	return pipeline_run(ctx);
}

char _license[] SEC("license") = "GPL";
