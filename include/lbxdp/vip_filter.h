/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which bit of lbx_vip_filter stands for a destination address. The daemon sets it for each VIP;
 * the data plane passes every packet whose bit is clear without looking further. Two addresses may
 * share a bit: what gets through is looked up exactly later.
 */
#ifndef LBXDP_VIP_FILTER_H
#define LBXDP_VIP_FILTER_H

#include "lbxdp/abi.h"

/* word is the address as it stands in memory (struct lb_addr). Word = bit / 64, 1ULL << bit % 64.
 */
static inline __u32 lb_vip_filter_bit(const __u32 word[4])
{
	return ((word[0] ^ word[1] ^ word[2] ^ word[3]) * 0x9e3779b1U) >> 16;
}

_Static_assert(LB_VIP_FILTER_WORDS * 64 == 1 << 16, "the filter has a bit for every 16-bit hash");

#endif
