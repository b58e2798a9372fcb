/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Rings: the order in which a service's new flows meet its reals. Smooth weighted round robin,
 * exact over every whole turn: a real with weight w of sum W has w/gcd slots of W/gcd, spread
 * evenly.
 */
#ifndef LBXDP_CORE_RING_H
#define LBXDP_CORE_RING_H

#include <stddef.h>
#include <stdint.h>

enum { RING_SLOTS_MAX = 16384 };

enum scheduler {
	SCHEDULER_WRR,
	SCHEDULER_WLC, /* fewest connections for its weight */
	SCHEDULER_RR,  /* weights do not count */
	SCHEDULER_LC,
	SCHEDULER_SH,     /* by the client's address, over the ring of weights */
	SCHEDULER_MAGLEV, /* the same over a table that hardly changes when a real comes or goes */
	SCHEDULER_COUNT,
};

struct ring {
	uint64_t digest; /* of slots */
	size_t count;
	uint32_t slots[]; /* real ids */
};

struct ring_share {
	uint32_t real;
	uint32_t weight; /* 0: gets no slot */
};

/*
 * The smooth weighted ring of shares. Weights whose sum over their gcd exceeds most are scaled down
 * to fit, each keeping at least one slot. Returns a ring (free()), count 0 when no share has
 * weight, or NULL without memory.
 */
struct ring *ring_wrr(const struct ring_share *shares, size_t count, size_t most);

/* How many slots that ring has, and how many a ring of count slots takes of lbx_slots, where each
 * has a power of two. Without memory 0. */
size_t ring_wrr_count(const struct ring_share *shares, size_t count, size_t most);
size_t ring_room(size_t count);

/* The digest of a ring that was read back. */
uint64_t ring_digest(const uint32_t *slots, size_t count);

#endif
