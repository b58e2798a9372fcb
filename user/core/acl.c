/* SPDX-License-Identifier: GPL-2.0-only */
#include "core/acl.h"

#include <stdlib.h>
#include <string.h>

#include "core/prefix.h"

enum { DEFAULTS = 2 };

/* FNV-1a. */
static uint64_t digest_of(const struct acl *a)
{
	const unsigned char *at = (const unsigned char *)&a->count;
	const unsigned char *end = (const unsigned char *)&a->entries[a->count];
	uint64_t digest = 0xcbf29ce484222325;

	while (at < end)
		digest = (digest ^ *at++) * 0x100000001b3;
	return digest;
}

/* Of one prefix, the verdict that stands is the last. */
static int by_prefix(const void *left, const void *right)
{
	const struct acl_entry *l = left, *r = right;
	int order = prefix_compare(&l->prefix, &r->prefix);

	return order ? order : (int)l->verdict - (int)r->verdict;
}

static struct acl *settle(struct acl *a)
{
	size_t kept = 0;

	qsort(a->entries, a->count, sizeof(a->entries[0]), by_prefix);
	for (size_t i = 0; i < a->count; i++)
		if (i + 1 == a->count ||
		    prefix_compare(&a->entries[i].prefix, &a->entries[i + 1].prefix))
			a->entries[kept++] = a->entries[i];
	a->count = kept;
	a->digest = digest_of(a);
	return a;
}

static size_t size_of(size_t count)
{
	return sizeof(struct acl) + count * sizeof(struct acl_entry);
}

static void add_all(struct acl *a, const struct acl_prefixes *p, enum lb_acl_verdict verdict)
{
	for (size_t i = 0; i < p->count; i++)
		a->entries[a->count++] = (struct acl_entry){.prefix = p->at[i], .verdict = verdict};
}

/* Has the list a prefix as wide as the default? Then that one says it. */
static bool has(const struct acl_prefixes *p, const struct prefix *wanted)
{
	for (size_t i = 0; i < p->count; i++)
		if (!prefix_compare(&p->at[i], wanted))
			return true;
	return false;
}

const struct acl *acl_new(const struct acl_prefixes *allow, const struct acl_prefixes *deny,
			  struct arena *arena)
{
	const struct prefix all[DEFAULTS] = {
		{.len = 0         },
		{ .addr = {.byte = {[10] = 0xff, [11] = 0xff}}, .len = PREFIX_V4},
	};
	struct acl *a = arena_alloc(arena, 1, size_of(allow->count + deny->count + DEFAULTS));

	add_all(a, allow, LB_ACL_ALLOW);
	add_all(a, deny, LB_ACL_DENY);
	for (int i = 0; i < DEFAULTS; i++)
		if (!has(allow, &all[i]) && !has(deny, &all[i]))
			add_all(a, &(struct acl_prefixes){&all[i], 1},
				allow->count ? LB_ACL_DENY : LB_ACL_ALLOW);
	return settle(a);
}

struct acl *acl_from_entries(const struct acl_entry *entries, size_t count)
{
	struct acl *a = calloc(1, size_of(count));

	if (!a)
		return NULL;
	a->count = count;
	memcpy(a->entries, entries, count * sizeof(*entries));
	return settle(a);
}

size_t acl_size(const struct acl *a)
{
	return size_of(a->count);
}

static bool of_family(const struct acl_entry *e, bool v4)
{
	return v4 == (e->prefix.len >= PREFIX_V4 && addr_is_v4(&e->prefix.addr));
}

/* A prefix of the list that the walk is in, and how many of its addresses others in it take. */
struct level {
	const struct acl_entry *entry;
	unsigned __int128 taken; /* modulo 2^128: all of /0 is 0, as nothing is */
	bool parted;             /* something is taken */
};

static unsigned __int128 addresses(const struct acl_entry *e)
{
	return e->prefix.len ? (unsigned __int128)1 << (PREFIX_BITS - e->prefix.len) : 0;
}

static bool allows_some(const struct level *l)
{
	bool nothing_left = l->parted && l->taken == addresses(l->entry);

	return l->entry->verdict == LB_ACL_ALLOW && !nothing_left;
}

/* Leaves the levels that do not contain e (NULL: all). True when one of them allows some. */
static bool leave(struct level *levels, size_t *depth, const struct acl_entry *e)
{
	while (*depth) {
		const struct level *l = &levels[*depth - 1];

		if (e && prefix_contains(&l->entry->prefix, &e->prefix.addr))
			return false;
		if (allows_some(l))
			return true;
		--*depth;
	}
	return false;
}

bool acl_allows_any(const struct acl *a, bool v4)
{
	struct level levels[PREFIX_BITS + 1];
	size_t depth = 0;

	for (size_t i = 0; i < a->count; i++) {
		const struct acl_entry *e = &a->entries[i];

		if (!of_family(e, v4))
			continue;
		if (leave(levels, &depth, e))
			return true;
		if (depth) {
			levels[depth - 1].taken += addresses(e);
			levels[depth - 1].parted = true;
		}
		levels[depth++] = (struct level){.entry = e};
	}
	return leave(levels, &depth, NULL);
}
