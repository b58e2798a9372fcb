/* SPDX-License-Identifier: GPL-2.0-only */
#include "base/slice.h"

#include <stdint.h>

static const uint64_t ones = 0x0101010101010101;

static uint64_t load_eight(const char *at)
{
	uint64_t eight;

	memcpy(&eight, at, sizeof(eight));
	return eight;
}

/* At most seven bytes, each at least once, and at the same places for the same len. */
static uint64_t load_few(const char *at, size_t len)
{
	uint32_t low, high;

	if (len < sizeof(low))
		return len ? (uint8_t)at[0] | (uint8_t)at[len / 2] << 8 | (uint8_t)at[len - 1] << 16
			   : 0;
	memcpy(&low, at, sizeof(low));
	memcpy(&high, at + len - sizeof(high), sizeof(high));
	return (uint64_t)high << 32 | low;
}

/* In each byte below 0x80, no sum reaches the next one. */
static uint64_t lower(uint64_t eight)
{
	uint64_t low = eight & (0x7f * ones);
	uint64_t from_a = low + (0x80 - 'A') * ones, behind_z = low + (0x80 - 'Z' - 1) * ones;

	return eight | (from_a & ~behind_z & ~eight & (0x80 * ones)) >> 2;
}

static inline bool same(uint64_t a, uint64_t b)
{
	return a == b || lower(a) == lower(b);
}

bool slice_letters_same(const char *a, const char *b, size_t len)
{
	size_t n = 0;

	if (len < 8)
		return same(load_few(a, len), load_few(b, len));
	for (; len - n >= 8; n += 8)
		if (!same(load_eight(a + n), load_eight(b + n)))
			return false;
	return same(load_eight(a + len - 8), load_eight(b + len - 8));
}
