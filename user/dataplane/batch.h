/* SPDX-License-Identifier: GPL-2.0-only */
/* A walk over a flow table in slices: each entry that stays in the table is met once, while packets
 * add and remove others. */
#ifndef LBXDP_DATAPLANE_BATCH_H
#define LBXDP_DATAPLANE_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "dataplane/dataplane.h"
#include "lbxdp/abi.h"

enum { BATCH_ROOM = 4096 };

struct batch {
	int fd;
	bool six;
	uint32_t buckets; /* of the kernel's table */
	uint32_t at, next;
	bool begun, ended;
	size_t count; /* entries of the present slice */
	union {
		struct lb_flow4 four[BATCH_ROOM];
		struct lb_flow6 six_[BATCH_ROOM];
	} key;
	struct lb_flow flow[BATCH_ROOM];
};

void batch_init(struct batch *b, int fd, bool six, uint32_t table_size);

/* From the beginning. */
void batch_restart(struct batch *b);

/*
 * The next slice into b->count, b->key, b->flow. entries is about how many the table holds: one
 * call walks a limited number of buckets, full or empty. b->ended when it was the last. 0 or
 * -errno.
 */
int batch_next(struct batch *b, uint64_t entries);

/* The i-th entry's key, and what stands in it. */
const void *batch_key(const struct batch *b, size_t i);
struct addr batch_source(const struct batch *b, size_t i);
uint32_t batch_protocol(const struct batch *b, size_t i);
void batch_describe(const struct batch *b, size_t i, struct dataplane_flow *to);

#endif
