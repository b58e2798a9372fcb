/* SPDX-License-Identifier: GPL-2.0-only */
/* Who owns which range of lbx_slots: a buddy allocator over ranges of 2^n units, the last of
 * which stay free where fewer are asked for. Taking, reserving and giving back cost the logarithm
 * of the table's size. */
#ifndef LBXDP_DATAPLANE_SLOTS_H
#define LBXDP_DATAPLANE_SLOTS_H

#include <stdint.h>

enum { SLOTS_UNIT = 8 };

struct slots;

/* count is a power of two times SLOTS_UNIT. NULL without memory. */
struct slots *slots_new(uint32_t count);
void slots_free(struct slots *s);

/* A free range of at least count slots. Returns 0 or -ENOSPC. */
int slots_take(struct slots *s, uint32_t count, uint32_t *first);

/* Marks a range that slots_take once gave as taken. Returns 0, -EBUSY when it is, or -EINVAL when
 * slots_take never gives such a range. */
int slots_reserve(struct slots *s, uint32_t first, uint32_t count);

/* Returns a range of slots_take or slots_reserve, with the same count. */
void slots_give(struct slots *s, uint32_t first, uint32_t count);

#endif
