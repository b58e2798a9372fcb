/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The binary tree stands in an array: node 1 is the whole table, nodes 2n and 2n + 1 are the halves
 * of node n. A node holds 1 + the order of the largest free range under it, 0 when there is none. A
 * taken node is 0 while the nodes below it keep saying "free": they come back with it.
 */
#include "dataplane/slots.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

struct slots {
	uint32_t units, top; /* units = 2^top */
	uint8_t *free;
};

static uint32_t order_of(uint32_t count)
{
	uint32_t units = (count + SLOTS_UNIT - 1) / SLOTS_UNIT;

	return units <= 1 ? 0 : 32 - __builtin_clz(units - 1);
}

struct slots *slots_new(uint32_t count)
{
	struct slots *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->units = count / SLOTS_UNIT;
	s->top = order_of(count);
	s->free = calloc(2 * (size_t)s->units, 1);
	if (!s->free) {
		free(s);
		return NULL;
	}
	for (uint32_t node = 1; node < 2 * s->units; node++)
		s->free[node] = 1 + s->top - (31 - __builtin_clz(node));
	return s;
}

void slots_free(struct slots *s)
{
	if (s)
		free(s->free);
	free(s);
}

/* node has changed: so do all above it. order is node's own. */
static void tell_parents(struct slots *s, uint32_t node, uint32_t order)
{
	while (node > 1) {
		uint8_t a = s->free[node & ~1U], b = s->free[node | 1U];

		order++;
		node /= 2;
		if (a == order && b == order)
			s->free[node] = order + 1; /* both halves are whole, and so is this */
		else
			s->free[node] = a > b ? a : b;
	}
}

static uint32_t units_of(uint32_t count)
{
	return count ? (count + SLOTS_UNIT - 1) / SLOTS_UNIT : 1;
}

/* Marks units from unit on as free or not, in the largest parts that there are: what a range of
 * 2^n has more than was asked for stays free. */
static void mark(struct slots *s, uint32_t unit, uint32_t units, bool free)
{
	for (uint32_t order = s->top + 1; order-- > 0;) {
		uint32_t node = (s->units + unit) >> order;

		if (!(units >> order & 1))
			continue;
		s->free[node] = free ? order + 1 : 0;
		tell_parents(s, node, order);
		unit += 1U << order;
	}
}

int slots_take(struct slots *s, uint32_t count, uint32_t *first)
{
	uint32_t want = order_of(count), node = 1;

	if (want > s->top || s->free[1] < want + 1)
		return -ENOSPC;
	for (uint32_t order = s->top; order > want; order--)
		node = 2 * node + (s->free[2 * node] < want + 1);
	*first = ((node << want) - s->units) * SLOTS_UNIT;
	mark(s, *first / SLOTS_UNIT, units_of(count), false);
	return 0;
}

static bool is_free(const struct slots *s, uint32_t node, uint32_t order)
{
	if (s->free[node] != order + 1)
		return false;
	for (uint32_t above = node / 2; above; above /= 2)
		if (!s->free[above])
			return false;
	return true;
}

int slots_reserve(struct slots *s, uint32_t first, uint32_t count)
{
	uint32_t order = order_of(count), unit = first / SLOTS_UNIT, units = units_of(count);

	if (order > s->top || unit >= s->units || first % SLOTS_UNIT || unit % (1U << order))
		return -EINVAL;
	for (uint32_t at = unit, part = s->top + 1; part-- > 0;) {
		if (!(units >> part & 1))
			continue;
		if (!is_free(s, (s->units + at) >> part, part))
			return -EBUSY;
		at += 1U << part;
	}
	mark(s, unit, units, false);
	return 0;
}

void slots_give(struct slots *s, uint32_t first, uint32_t count)
{
	mark(s, first / SLOTS_UNIT, units_of(count), true);
}
