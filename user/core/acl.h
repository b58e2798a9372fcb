/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who may use a service (R82, R85): allow_from and deny_from as one list for a longest-prefix
 * match. The most specific prefix decides, deny where both lists have it; what nothing matches is
 * refused if there is any allow_from, else allowed. That last rule is two entries of the list, one
 * a family, so that every address matches some entry and ::/0 says nothing about IPv4.
 */
#ifndef LBXDP_CORE_ACL_H
#define LBXDP_CORE_ACL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/arena.h"
#include "lbxdp/abi.h"

struct acl_entry {
	struct prefix prefix;
	uint8_t verdict; /* enum lb_acl_verdict */
};
_Static_assert(sizeof(struct acl_entry) == 18, "struct acl_entry has hidden padding");

/* Sorted as prefix_compare says, no prefix twice. Equal lists are equal in every byte. */
struct acl {
	uint64_t digest; /* of count and entries */
	uint64_t count;
	struct acl_entry entries[];
};

/* One list of the two, as configured. */
struct acl_prefixes {
	const struct prefix *at; /* networks: no bits behind len */
	size_t count;
};

/* The list of both, in a. */
const struct acl *acl_new(const struct acl_prefixes *allow, const struct acl_prefixes *deny,
			  struct arena *a);

/* A list from entries that were read back, in any order, no prefix twice; free(). NULL
 * without memory. */
struct acl *acl_from_entries(const struct acl_entry *entries, size_t count);

/* Bytes of the whole list. */
size_t acl_size(const struct acl *a);

/* Is there any IPv4, or IPv6, address that the list allows? */
bool acl_allows_any(const struct acl *a, bool v4);

#endif
