/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Flood mode of a service: above a rate of new flows they make no entries, and a keyed hash chooses
 * their reals. It begins within the window that has too many, and ends when two windows had at most
 * half as many. Who answers the SYN-ACK meets the same hash, and gets an entry then.
 */
#ifndef LBXDP_BPF_FLOOD_H
#define LBXDP_BPF_FLOOD_H

#include "maps.h"
#include "rate.h"

enum {
	FLOOD_HOLD = 2 << LB_FLOOD_WINDOW_SHIFT, /* ticks that a full window keeps the mode for */
	FLOOD_GRACE = 80,                        /* ticks in which SYNs of the mode are answered */
};

/* Counts a new flow. True: the service is in flood mode. */
stage bool flood_counts(struct lb_service *s, __u32 now)
{
	__u32 high = READ_ONCE(s->flood.high), until = READ_ONCE(s->flood_until);
	bool is = until && (__s32)(until - now) >= 0;
	__u32 limit = is ? READ_ONCE(s->flood.low) : high;

	if (!high)
		return false;
	if (rate_count(&s->new_flows, now >> LB_FLOOD_WINDOW_SHIFT, limit) <= limit)
		return is;
	if (!is)
		s->flood_since = now;
	if (until != now + FLOOD_HOLD)
		s->flood_until = now + FLOOD_HOLD;
	return true;
}

/* Has flood mode lasted for so long that no SYN from before it is in the half-open table? */
stage bool flood_settled(const struct lb_service *s, const struct lb_settings *settings, __u32 now)
{
	__u32 until = READ_ONCE(s->flood_until), timeout = settings->timeout[LB_FLOW_HALF_OPEN];

	return until && READ_ONCE(s->flood.high) && (__s32)(until - now) >= 0 &&
	       (__s32)(now - READ_ONCE(s->flood_since)) > (__s32)timeout;
}

/* Is the service in flood mode, or was it when the client may have sent its SYN? */
stage bool flood_lately(const struct lb_service *s, __u32 now)
{
	__u32 until = READ_ONCE(s->flood_until);

	return until && READ_ONCE(s->flood.high) && (__s32)(now - until) <= FLOOD_GRACE;
}

#endif
