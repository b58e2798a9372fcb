/* SPDX-License-Identifier: GPL-2.0-only */
#include "core/prefix.h"

#include <stdio.h>
#include <string.h>

typedef unsigned __int128 number;

static number number_of(const struct addr *a)
{
	number n = 0;

	for (size_t i = 0; i < sizeof(a->byte); i++)
		n = n << 8 | a->byte[i];
	return n;
}

static struct addr addr_of(number n)
{
	struct addr a;

	for (size_t i = sizeof(a.byte); i-- > 0; n >>= 8)
		a.byte[i] = (uint8_t)n;
	return a;
}

/* The lowest bits, 0 to 128 of them, set. */
static number low_bits(unsigned int count)
{
	return count ? ~(number)0 >> (PREFIX_BITS - count) : 0;
}

struct prefix prefix_network(const struct prefix *p)
{
	number network = number_of(&p->addr) & ~low_bits(PREFIX_BITS - p->len);

	return (struct prefix){.addr = addr_of(network), .len = p->len};
}

int prefix_compare(const struct prefix *a, const struct prefix *b)
{
	int order = memcmp(&a->addr, &b->addr, sizeof(a->addr));

	return order ? order : (int)a->len - (int)b->len;
}

/* From the front, the largest block that begins there and does not reach past the end. */
size_t prefix_from_range(const struct addr *first, const struct addr *last, struct prefix *out)
{
	number at = number_of(first), end = number_of(last), behind;
	size_t count = 0;

	if (at > end)
		return 0;
	do {
		unsigned int bits = 0;

		while (bits < PREFIX_BITS && !(at & low_bits(bits + 1)) &&
		       (at | low_bits(bits + 1)) <= end)
			bits++;
		out[count++] = (struct prefix){.addr = addr_of(at), .len = PREFIX_BITS - bits};
		behind = at | low_bits(bits);
		at = behind + 1;
	} while (behind != end);
	return count;
}

const char *prefix_format(const struct prefix *p, char *text)
{
	size_t at = strlen(addr_format(&p->addr, text));
	unsigned int len = p->len - (addr_is_v4(&p->addr) ? PREFIX_V4 : 0u);

	if (p->len < PREFIX_BITS)
		snprintf(text + at, PREFIX_TEXT_LEN - at, "/%u", len);
	return text;
}
