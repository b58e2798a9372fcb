/* SPDX-License-Identifier: GPL-2.0-only */
/* Addresses, networks and ranges of allow_from and deny_from. */
#include <string.h>

#include "core/config_value.h"

static const char shape[] = "is not an address, a network (192.168.30.0/24) or a range "
			    "(192.168.30.50-192.168.30.60)";

/* The address that the first len bytes of text are. */
static bool take_address(const char *text, size_t len, struct addr *a)
{
	char copy[ADDR_TEXT_LEN];

	if (!len || len >= sizeof(copy))
		return false;
	memcpy(copy, text, len);
	copy[len] = '\0';
	return !addr_parse(a, copy);
}

/* ::ffff:a.b.c.d is how IPv4 is held; on the wire of IPv6 it is no client's address. */
static bool holds_mapped(const struct addr *first, const struct addr *last)
{
	static const struct addr mapped = {
		.byte = {[10] = 0xff, [11] = 0xff}
        };

	return memcmp(first, &mapped, sizeof(mapped)) <= 0 &&
	       memcmp(last, &mapped, sizeof(mapped)) >= 0;
}

static const char *take_range(const char *text, const char *dash, struct prefix *out, size_t *count)
{
	struct addr first, last;

	if (!take_address(text, (size_t)(dash - text), &first))
		return shape;
	if (!take_address(dash + 1, strlen(dash + 1), &last))
		return "is a range whose end is not a whole address (like "
		       "192.168.30.50-192.168.30.60)";
	if (addr_is_v4(&first) != addr_is_v4(&last))
		return "is a range from one address family to the other";
	if (memcmp(&first, &last, sizeof(first)) > 0)
		return "is a range that ends before it begins";
	if (!addr_is_v4(&first) && holds_mapped(&first, &last))
		return "is a range over ::ffff:0:0/96, which stands for IPv4 (split it there)";
	*count = prefix_from_range(&first, &last, out);
	return NULL;
}

static const char *take_network(const char *text, const char *slash, struct prefix *out,
				size_t *count)
{
	struct prefix p, network;
	uint32_t len;

	if (!take_address(text, (size_t)(slash - text), &p.addr) || value_uint(slash + 1, &len))
		return shape;
	if (len > (addr_is_v4(&p.addr) ? PREFIX_BITS - PREFIX_V4 : PREFIX_BITS))
		return addr_is_v4(&p.addr) ? "has a length above 32" : "has a length above 128";
	p.len = (uint8_t)(len + (addr_is_v4(&p.addr) ? PREFIX_V4 : 0));
	network = prefix_network(&p);
	*out = network;
	*count = 1;
	return prefix_compare(&p, &network) ? "has bits behind its length" : NULL;
}

const char *value_prefixes(const char *text, struct prefix *out, size_t *count)
{
	const char *dash = strchr(text, '-'), *slash = strchr(text, '/');

	*count = 0;
	if (dash)
		return take_range(text, dash, out, count);
	if (slash)
		return take_network(text, slash, out, count);
	out->len = PREFIX_BITS;
	if (!take_address(text, strlen(text), &out->addr))
		return shape;
	*count = 1;
	return NULL;
}
