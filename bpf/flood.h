/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Flood mode of a service: above a rate of new flows they make no entries, and a keyed hash chooses
 * their reals. It begins within the window that has too many, and ends when two windows had at most
 * half as many. Who answers the SYN-ACK meets the same hash, and gets an entry then. Nobody answers
 * for a datagram: of them, so many as would end the mode get an entry in each window, for the
 * hash's real; so flows that go on are no news in the next one, and the mode can end.
 *
 * The node's: where flows ask for more half-open entries than there are within a window, whatever
 * their services, one would be gone before its client answers. Then every service that has a limit
 * is in flood mode, and none goes by another order than the hash.
 */
#ifndef LBXDP_BPF_FLOOD_H
#define LBXDP_BPF_FLOOD_H

#include "maps.h"
#include "rate.h"

enum {
	FLOOD_HOLD = 2 << LB_FLOOD_WINDOW_SHIFT, /* ticks that a full window keeps the mode for */
	FLOOD_GRACE = 80,                        /* ticks in which SYNs of the mode are answered */
	FLOOD_NODE_HIGH = LB_HALF_OPEN_MAX,      /* entries in a window */
	FLOOD_NODE_LOW = FLOOD_NODE_HIGH / 2,
};

/* What a new flow meets; the greater one counts. */
enum flood {
	FLOOD_NONE,
	FLOOD_FEW, /* flood mode, in a window that does not hold it */
	FLOOD_MANY,
};

stage bool flood_holds(__u32 until, __u32 now)
{
	return until && (__s32)(until - now) >= 0;
}

stage void flood_hold(__u32 *until, __u32 now)
{
	if (READ_ONCE(*until) != now + FLOOD_HOLD)
		*until = now + FLOOD_HOLD;
}

/* Counts a new flow of the service. */
stage enum flood flood_counts(struct lb_service *s, __u32 now)
{
	__u32 high = READ_ONCE(s->flood.high);
	bool is = flood_holds(READ_ONCE(s->flood_until), now);
	__u32 limit = is ? READ_ONCE(s->flood.low) : high;

	if (!high)
		return FLOOD_NONE;
	if (rate_count(&s->new_flows, now >> LB_FLOOD_WINDOW_SHIFT, limit) <= limit)
		return is ? FLOOD_FEW : FLOOD_NONE;
	if (!is)
		s->flood_since = now;
	flood_hold(&s->flood_until, now);
	return FLOOD_MANY;
}

/*
 * Counts a flow that asks for a half-open entry; of a service without a limit it gets one. Those
 * that answer in the mode may be as many as there are entries: SYNs count up to the half only, so
 * that the other one is theirs.
 */
stage enum flood flood_node_counts(const struct lb_service *s, struct lb_settings *settings,
				   __u32 now, bool answers)
{
	bool is = flood_holds(READ_ONCE(settings->flood_until), now);
	__u32 limit = is && !answers ? FLOOD_NODE_LOW : FLOOD_NODE_HIGH;
	enum flood flood = is ? FLOOD_FEW : FLOOD_NONE;

	if (rate_count(&settings->half_flows, now >> LB_FLOOD_WINDOW_SHIFT, limit) > limit) {
		flood_hold(&settings->flood_until, now);
		flood = FLOOD_MANY;
	}
	return READ_ONCE(s->flood.high) ? flood : FLOOD_NONE;
}

/* Has flood mode lasted for so long that no SYN from before it is in the half-open table? */
stage bool flood_settled(const struct lb_service *s, const struct lb_settings *settings, __u32 now)
{
	__u32 timeout = settings->timeout[LB_FLOW_HALF_OPEN];

	return flood_holds(READ_ONCE(s->flood_until), now) && READ_ONCE(s->flood.high) &&
	       (__s32)(now - READ_ONCE(s->flood_since)) > (__s32)timeout;
}

/* Is it now, or was it at most so many ticks ago? 0: it never was. */
stage bool flood_near(__u32 until, __u32 now, __u32 ticks)
{
	return until && (__s32)(now - until) <= (__s32)ticks;
}

/* May the service have a flow whose last packet is at most so many ticks old, and that has no entry
 * because of a flood or a full table? */
stage bool flood_lately(const struct lb_service *s, const struct lb_settings *settings, __u32 now,
			__u32 ticks)
{
	if (flood_near(READ_ONCE(settings->full_seen), now, ticks))
		return true;
	return READ_ONCE(s->flood.high) &&
	       (flood_near(READ_ONCE(s->flood_until), now, ticks) ||
		flood_near(READ_ONCE(settings->flood_until), now, ticks));
}

#endif
