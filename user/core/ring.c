/* SPDX-License-Identifier: GPL-2.0-only */
#include "core/ring.h"

#include <stdlib.h>
#include <string.h>

enum { RING_ROOM_MIN = 8 };

static uint32_t gcd(uint32_t a, uint32_t b)
{
	while (b) {
		uint32_t rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}

static uint64_t sum_of(const uint32_t *weight, size_t count)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < count; i++)
		sum += weight[i];
	return sum;
}

static void divide_by_gcd(uint32_t *weight, size_t count)
{
	uint32_t common = 0;

	for (size_t i = 0; i < count; i++)
		common = gcd(common, weight[i]);
	for (size_t i = 0; common > 1 && i < count; i++)
		weight[i] /= common;
}

/* Down to most slots, or one each where there are more shares than that. */
static void scale_down(uint32_t *weight, size_t count, uint64_t most)
{
	uint64_t sum = sum_of(weight, count);

	if (sum <= most)
		return;
	for (size_t i = 0; i < count; i++)
		if (weight[i]) {
			uint64_t scaled = weight[i] * most / sum;

			weight[i] = scaled ? scaled : 1;
		}
	divide_by_gcd(weight, count);
}

/* A share on its way round the ring: its next slot is its taken-th. */
struct turn {
	uint64_t weight, taken;
	uint32_t real;
};

/*
 * Slot s of S goes to the turn that is due first among those that may have one: the n-th slot of
 * weight w opens at n / w of the ring and is due at (n + 1) / w (WF2Q's rule, Bennett and Zhang
 * 1996). Nobody is ever a whole slot ahead of or behind the ideal.
 */
static struct turn *next_turn(struct turn *turns, size_t count, uint64_t s, uint64_t slots)
{
	struct turn *first = NULL;

	for (struct turn *t = turns; t < turns + count; t++) {
		if (t->taken * slots > s * t->weight)
			continue;
		if (!first || (t->taken + 1) * first->weight < (first->taken + 1) * t->weight)
			first = t;
	}
	return first;
}

static void fill(struct ring *r, struct turn *turns, size_t count)
{
	for (size_t s = 0; s < r->count; s++) {
		struct turn *t =
			count == r->count ? &turns[s] : next_turn(turns, count, s, r->count);

		r->slots[s] = t->real;
		t->taken++;
	}
}

/* FNV-1a, 64 bits. */
uint64_t ring_digest(const uint32_t *slots, size_t count)
{
	const unsigned char *byte = (const void *)slots;
	uint64_t digest = 0xcbf29ce484222325;

	for (size_t i = 0; i < count * sizeof(*slots); i++)
		digest = (digest ^ byte[i]) * 0x100000001b3;
	return digest;
}

static size_t turns_of(const struct ring_share *shares, const uint32_t *weight, size_t count,
		       struct turn *turns)
{
	size_t used = 0;

	for (size_t i = 0; i < count; i++)
		if (weight[i])
			turns[used++] = (struct turn){.weight = weight[i], .real = shares[i].real};
	return used;
}

/* What is left of the weights in a ring that fits. NULL without memory. */
static uint32_t *weights_of(const struct ring_share *shares, size_t count, size_t most)
{
	uint32_t *weight = calloc(count + 1, sizeof(*weight));

	if (!weight)
		return NULL;
	for (size_t i = 0; i < count; i++)
		weight[i] = shares[i].weight;
	divide_by_gcd(weight, count);
	scale_down(weight, count, most);
	return weight;
}

size_t ring_wrr_count(const struct ring_share *shares, size_t count, size_t most)
{
	uint32_t *weight = weights_of(shares, count, most);
	size_t slots = weight ? sum_of(weight, count) : 0;

	free(weight);
	return slots;
}

size_t ring_room(size_t count)
{
	size_t room = RING_ROOM_MIN;

	while (room < count)
		room *= 2;
	return count ? room : 0;
}

struct ring *ring_wrr(const struct ring_share *shares, size_t count, size_t most)
{
	uint32_t *weight = weights_of(shares, count, most);
	struct turn *turns = calloc(count + 1, sizeof(*turns));
	struct ring *r = NULL;
	size_t slots;

	if (!weight || !turns)
		goto out;
	slots = sum_of(weight, count);
	r = calloc(1, sizeof(*r) + slots * sizeof(r->slots[0]));
	if (!r)
		goto out;
	r->count = slots;
	fill(r, turns, turns_of(shares, weight, count, turns));
	r->digest = ring_digest(r->slots, slots);
out:
	free(turns);
	free(weight);
	return r;
}
