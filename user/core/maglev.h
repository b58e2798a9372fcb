/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Maglev hashing (Eisenbud et al., "Maglev: A Fast and Reliable Software Network Load Balancer",
 * NSDI 2016, section 3.4): a table of slots that clients are hashed over. Its shares are those of
 * the weights, and when a real comes or goes hardly any slot but its own changes hands.
 */
#ifndef LBXDP_CORE_MAGLEV_H
#define LBXDP_CORE_MAGLEV_H

#include <stddef.h>
#include <stdint.h>

#include "core/ring.h"

enum { MAGLEV_SLOTS = 65537 }; /* of a table that clients are spread over for good */

struct maglev_share {
	uint64_t key;    /* what the real is known by wherever the table is made: a hash of its name
			  * or address */
	uint32_t real;   /* not 0 */
	uint32_t weight; /* 0: gets no slot */
};

/*
 * The table as a ring of so many slots (free()), whatever the order of shares; keys differ. slots
 * is a prime above 2, so that every step through the table meets each slot. Count 0 when no share
 * has weight, NULL without memory. Beyond as many shares as slots some have none.
 */
struct ring *maglev_table(const struct maglev_share *shares, size_t count, size_t slots);

#endif
