/* SPDX-License-Identifier: GPL-2.0-only */
/* Counters: verdicts and events per CPU, a real's packets per CPU, a real's transitions shared. */
#ifndef LBXDP_BPF_STATS_H
#define LBXDP_BPF_STATS_H

#include "maps.h"

stage void stats_verdict(__u32 verdict)
{
	__u64 *count = bpf_map_lookup_elem(&lbx_verdicts, &verdict);

	if (count)
		++*count;
}

stage void stats_event(__u32 event)
{
	__u64 *count = bpf_map_lookup_elem(&lbx_events, &event);

	if (count)
		++*count;
}

/* A packet that begins a flow, of a service in flood mode. */
stage void stats_flood(__u32 service)
{
	__u64 *count = bpf_map_lookup_elem(&lbx_floods, &service);

	if (count)
		++*count;
	stats_event(LB_EVENT_FLOOD);
}

stage void stats_real(__u32 real, __u32 bytes)
{
	struct lb_real_stats *s = bpf_map_lookup_elem(&lbx_real_stats, &real);

	if (!s)
		return;
	s->packets++;
	s->bytes += bytes;
}

stage void stats_add(__u64 *counter, __s64 change)
{
	__sync_fetch_and_add(counter, change);
}

#endif
