/* SPDX-License-Identifier: GPL-2.0-only */
#include "core/maglev.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/siphash.h"

/* A share on its way: the slots that it would like, in its own order. */
struct wish {
	uint64_t key;
	uint32_t real, weight;
	uint32_t next, step; /* the slot to ask for next, and from one to the next */
	uint64_t credit;     /* of the heaviest weight: a slot */
};

static struct wish wish_of(const struct maglev_share *s, size_t slots)
{
	static const uint64_t where[2] = {0, 0}, pace[2] = {0, 1};

	return (struct wish){
		.key = s->key,
		.real = s->real,
		.weight = s->weight,
		.next = siphash(where, &s->key, sizeof(s->key)) % slots,
		.step = siphash(pace, &s->key, sizeof(s->key)) % (slots - 1) + 1,
	};
}

/* Of the same key, by number: qsort keeps no order. */
static int by_key(const void *a, const void *b)
{
	const struct wish *x = a, *y = b;

	if (x->key != y->key)
		return x->key < y->key ? -1 : 1;
	return x->real < y->real ? -1 : x->real > y->real;
}

static size_t wishes_of(const struct maglev_share *shares, size_t count, size_t slots,
			struct wish *wishes)
{
	size_t used = 0;

	for (size_t i = 0; i < count; i++)
		if (shares[i].weight)
			wishes[used++] = wish_of(&shares[i], slots);
	qsort(wishes, used, sizeof(*wishes), by_key);
	return used;
}

static uint32_t heaviest(const struct wish *wishes, size_t count)
{
	uint32_t most = 0;

	for (size_t i = 0; i < count; i++)
		most = wishes[i].weight > most ? wishes[i].weight : most;
	return most;
}

/* The first free slot of its order. */
static void take_slot(struct ring *r, struct wish *w)
{
	while (r->slots[w->next])
		w->next = (w->next + w->step) % r->count;
	r->slots[w->next] = w->real;
}

/* In rounds: who has saved up the weight of the heaviest takes a slot for it. */
static void fill(struct ring *r, struct wish *wishes, size_t count)
{
	uint64_t price = heaviest(wishes, count);
	size_t taken = 0;

	for (size_t i = 0; taken < r->count; i = (i + 1) % count) {
		wishes[i].credit += wishes[i].weight;
		if (wishes[i].credit < price)
			continue;
		wishes[i].credit -= price;
		take_slot(r, &wishes[i]);
		taken++;
	}
}

struct ring *maglev_table(const struct maglev_share *shares, size_t count, size_t slots)
{
	struct wish *wishes = calloc(count + 1, sizeof(*wishes));
	struct ring *r = calloc(1, sizeof(*r) + slots * sizeof(r->slots[0]));
	size_t used;

	if (!wishes || !r) {
		free(wishes);
		free(r);
		return NULL;
	}
	used = wishes_of(shares, count, slots, wishes);
	r->count = used ? slots : 0;
	if (used)
		fill(r, wishes, used);
	r->digest = ring_digest(r->slots, r->count);
	free(wishes);
	return r;
}
