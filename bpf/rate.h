/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How often something happens, in one word that all CPUs share: the number of a window of time, and
 * the count within it. Past its limit a window is not written any more.
 */
#ifndef LBXDP_BPF_RATE_H
#define LBXDP_BPF_RATE_H

#include "env.h"

/*
 * Counts one more in window; returns how many it holds then, at most limit + 1. Of CPUs that open a
 * window at once, one counts.
 */
stage __u32 rate_count(__u64 *word, __u32 window, __u32 limit)
{
	__u64 was = READ_ONCE(*word);

	if ((__u32)(was >> 32) != window) {
		__sync_val_compare_and_swap(word, was, (__u64)window << 32 | 1);
		return 1;
	}
	if ((__u32)was > limit)
		return limit + 1;
	return (__u32)__sync_fetch_and_add(word, 1) + 1;
}

#endif
