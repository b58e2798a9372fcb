/* SPDX-License-Identifier: GPL-2.0-only */
/* Rings by content: equal rings are one pointer, so that plans compare them by pointer. */
#ifndef LBXDP_CORE_RING_STORE_H
#define LBXDP_CORE_RING_STORE_H

#include "core/plan.h"
#include "core/ring.h"

struct ring_store;

struct ring_store *ring_store_new(void);
void ring_store_free(struct ring_store *s);

/* Takes r and returns the ring of that content that everyone uses. */
const struct ring *ring_store_intern(struct ring_store *s, struct ring *r);

/* Frees the rings that no row of plan holds. */
void ring_store_trim(struct ring_store *s, const struct plan *plan);

#endif
