/* SPDX-License-Identifier: GPL-2.0-only */
/* Networks and ranges of addresses (RFC 4632, RFC 4291 2.3). Pure; struct prefix is base/addr.h's.
 */
#ifndef LBXDP_CORE_PREFIX_H
#define LBXDP_CORE_PREFIX_H

#include <stddef.h>

#include "base/addr.h"

/* A range of 128-bit addresses is never more prefixes than this; "ADDRESS/128" and its NUL. */
enum { PREFIX_RANGE_MAX = 254, PREFIX_TEXT_LEN = ADDR_TEXT_LEN + 4 };

/* As prefix.len counts: the bits of the whole address, and what stands before an IPv4 one. */
enum { PREFIX_BITS = 128, PREFIX_V4 = 96 };

/* The network of p: its address without the bits behind len. */
struct prefix prefix_network(const struct prefix *p);

/* By address, then the shorter one first: a network stands before all it contains. */
int prefix_compare(const struct prefix *a, const struct prefix *b);

/* The fewest prefixes that are together first..last (both included), in order, into out
 * (PREFIX_RANGE_MAX). Returns how many; 0 when last is below first. */
size_t prefix_from_range(const struct addr *first, const struct addr *last, struct prefix *out);

/* "192.168.30.0/24", or the address alone where it is one, into text (PREFIX_TEXT_LEN). */
const char *prefix_format(const struct prefix *p, char *text);

#endif
