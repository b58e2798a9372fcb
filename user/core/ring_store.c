/* SPDX-License-Identifier: GPL-2.0-only */
#include "core/ring_store.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

struct kept {
	struct kept *next;
	struct ring *ring;
	bool used;
};

enum { CHAINS = 4096 };

struct ring_store {
	struct kept *chain[CHAINS];
};

struct ring_store *ring_store_new(void)
{
	return xcalloc(1, sizeof(struct ring_store));
}

static struct kept **place_of(struct ring_store *s, const struct ring *r)
{
	struct kept **at = &s->chain[r->digest % CHAINS];

	for (; *at; at = &(*at)->next)
		if ((*at)->ring->digest == r->digest && (*at)->ring->count == r->count &&
		    !memcmp((*at)->ring->slots, r->slots, r->count * sizeof(r->slots[0])))
			break;
	return at;
}

/* Frees what is not used and clears the marks. */
static void sweep(struct ring_store *s)
{
	for (size_t c = 0; c < CHAINS; c++)
		for (struct kept **at = &s->chain[c]; *at;) {
			struct kept *k = *at;

			if (k->used) {
				k->used = false;
				at = &k->next;
				continue;
			}
			*at = k->next;
			free(k->ring);
			free(k);
		}
}

void ring_store_free(struct ring_store *s)
{
	if (!s)
		return;
	sweep(s);
	free(s);
}

const struct ring *ring_store_intern(struct ring_store *s, struct ring *r)
{
	struct kept **at = place_of(s, r);

	if (*at) {
		free(r);
		return (*at)->ring;
	}
	*at = xcalloc(1, sizeof(**at));
	(*at)->ring = r;
	return r;
}

void ring_store_trim(struct ring_store *s, const struct plan *plan)
{
	for (size_t i = 0; i < plan_count(plan, PLAN_RINGS); i++) {
		const struct row_ring *row = plan_value(plan, PLAN_RINGS, i);

		(*place_of(s, row->ring))->used = true;
	}
	sweep(s);
}
