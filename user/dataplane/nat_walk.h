/* SPDX-License-Identifier: GPL-2.0-only */
/* A walk over both tables of translations in slices: each row that stays is met once, while packets
 * add and remove others; one that is promoted meanwhile is met in the second table at least. */
#ifndef LBXDP_DATAPLANE_NAT_WALK_H
#define LBXDP_DATAPLANE_NAT_WALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lbxdp/abi.h"

struct dataplane;

enum { NAT_WALK_ROOM = 1024 };

/* In the order of the walk. */
enum nat_table { NAT_HALF, NAT_WHOLE, NAT_TABLES };

/* All zero: at the beginning. */
struct nat_walk {
	size_t table;      /* NAT_HALF or NAT_WHOLE */
	bool begun, ended; /* of this table */
	uint32_t at, next;
	uint32_t count; /* rows of the present slice */
	struct lb_flow6 key[NAT_WALK_ROOM];
	union {
		struct lb_nat whole[NAT_WALK_ROOM];
		struct lb_nat_half half[NAT_WALK_ROOM];
	};
};

/* The next slice of the present table into w->count and w->key; rows is about how many it holds.
 * w->ended when it was the last. 0 or -errno, which ends the table too. */
int nat_walk_next(const struct dataplane *d, struct nat_walk *w, uint64_t rows);

/* Goes on to the other table. False: back to the beginning, as that was the last. */
bool nat_walk_more(struct nat_walk *w);

const struct lb_nat *nat_walk_row(const struct nat_walk *w, uint32_t i);

/* Takes the i-th row out of its table. */
void nat_walk_drop(const struct dataplane *d, const struct nat_walk *w, uint32_t i);

#endif
