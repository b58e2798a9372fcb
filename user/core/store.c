/* SPDX-License-Identifier: GPL-2.0-only */
#include "core/store.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

enum { CHAINS = 16384 };

struct item {
	struct item *next;
	uint64_t digest;
	size_t len;
	void *content;
	struct item *ring; /* of a recipe: what it makes */
	bool used;         /* since the last trim */
};

struct items {
	struct item *chain[CHAINS];
};

struct store {
	struct items rings, wrr, maglev, specs, acls; /* wrr, maglev: recipes */
	size_t made;                                  /* bytes of new rings since the last trim */
};

/* Eight bytes at a time, by FNV's rule; specs are long. */
static uint64_t digest_of(const void *bytes, size_t len)
{
	uint64_t digest = 0xcbf29ce484222325, word;

	for (size_t i = 0; i < len; i += sizeof(word)) {
		word = 0;
		memcpy(&word, (const char *)bytes + i, len - i < 8 ? len - i : 8);
		digest = (digest ^ word) * 0x100000001b3;
		digest ^= digest >> 32;
	}
	return digest;
}

/* Where the item of that content stands, or would. */
static struct item **place_of(struct items *all, uint64_t digest, const void *content, size_t len)
{
	struct item **at = &all->chain[digest % CHAINS];

	for (; *at; at = &(*at)->next)
		if ((*at)->digest == digest && (*at)->len == len &&
		    !memcmp((*at)->content, content, len))
			break;
	return at;
}

static struct item *find(struct items *all, const void *content, size_t len)
{
	return *place_of(all, digest_of(content, len), content, len);
}

/* Content is taken; it is not there yet. */
static struct item *add_digested(struct items *all, uint64_t digest, void *content, size_t len)
{
	struct item *i = xcalloc(1, sizeof(*i));

	i->digest = digest;
	i->len = len;
	i->content = content;
	*place_of(all, i->digest, content, len) = i;
	return i;
}

static struct item *add(struct items *all, void *content, size_t len)
{
	return add_digested(all, digest_of(content, len), content, len);
}

static void *copy_of(const void *content, size_t len)
{
	return memcpy(xcalloc(1, len), content, len);
}

/* Frees what is not used and clears the marks. */
static void sweep(struct items *all)
{
	for (size_t c = 0; c < CHAINS; c++)
		for (struct item **at = &all->chain[c]; *at;) {
			struct item *i = *at;

			if (i->used) {
				i->used = false;
				at = &i->next;
				continue;
			}
			*at = i->next;
			free(i->content);
			free(i);
		}
}

struct store *store_new(void)
{
	return xcalloc(1, sizeof(struct store));
}

void store_free(struct store *s)
{
	struct items *const all[] = {&s->rings, &s->wrr, &s->maglev, &s->specs, &s->acls};

	for (size_t i = 0; s && i < ARRAY_COUNT(all); i++) {
		sweep(all[i]); /* the marks go ... */
		sweep(all[i]); /* ... and now everything */
	}
	free(s);
}

static struct item *intern_ring(struct store *s, struct ring *r)
{
	size_t len = sizeof(*r) + r->count * sizeof(r->slots[0]);
	struct item *i = find(&s->rings, r, len);

	if (!i) {
		s->made += len;
		return add(&s->rings, r, len);
	}
	free(r);
	return i;
}

const struct ring *store_ring(struct store *s, struct ring *r)
{
	return intern_ring(s, r)->content;
}

/* What a ring is made of. */
struct recipe {
	uint64_t slots;
	unsigned char shares[];
};

/* len: of the shares, in bytes. */
static struct recipe *recipe_of(const void *shares, size_t len, size_t slots)
{
	struct recipe *r = xcalloc(1, sizeof(*r) + len);

	r->slots = slots;
	if (len)
		memcpy(r->shares, shares, len);
	return r;
}

/* The item of recipe r, which is taken; it is new where it has no ring. */
static struct item *item_of(struct items *recipes, struct recipe *r, size_t len)
{
	struct item *i = find(recipes, r, sizeof(*r) + len);

	if (i)
		free(r);
	else
		i = add(recipes, r, sizeof(*r) + len);
	return i;
}

/* made: the ring of an item that has none. */
static const struct ring *ring_of(struct store *s, struct item *i, struct ring *made)
{
	if (!i->ring && made)
		i->ring = intern_ring(s, made);
	i->used = i->ring;
	return i->ring ? i->ring->content : NULL;
}

const struct ring *store_wrr(struct store *s, const struct ring_share *shares, size_t count,
			     size_t most)
{
	size_t len = count * sizeof(*shares);
	struct item *i = item_of(&s->wrr, recipe_of(shares, len, most), len);

	return ring_of(s, i, i->ring ? NULL : ring_wrr(shares, count, most));
}

const struct ring *store_maglev(struct store *s, const struct maglev_share *shares, size_t count,
				size_t slots)
{
	size_t len = count * sizeof(*shares);
	struct item *i = item_of(&s->maglev, recipe_of(shares, len, slots), len);

	return ring_of(s, i, i->ring ? NULL : maglev_table(shares, count, slots));
}

/* A list brings its digest, and may be long. */
static struct item *find_acl(struct store *s, const struct acl *a)
{
	return *place_of(&s->acls, a->digest, a, acl_size(a));
}

const struct acl *store_acl(struct store *s, const struct acl *a)
{
	struct item *i = find_acl(s, a);
	size_t len = acl_size(a);

	return (i ? i : add_digested(&s->acls, a->digest, copy_of(a, len), len))->content;
}

const struct check_spec *store_spec(struct store *s, const struct check_spec *spec)
{
	struct item *i = find(&s->specs, spec, sizeof(*spec));

	return (i ? i : add(&s->specs, copy_of(spec, sizeof(*spec)), sizeof(*spec)))->content;
}

static void mark_ring(struct store *s, const struct ring *r)
{
	if (r)
		find(&s->rings, r, sizeof(*r) + r->count * sizeof(r->slots[0]))->used = true;
}

static void mark_rings(struct store *s, const struct plan *plan)
{
	for (size_t i = 0; i < plan_count(plan, PLAN_RINGS); i++) {
		const struct row_ring *row = plan_value(plan, PLAN_RINGS, i);

		mark_ring(s, row->ring);
		mark_ring(s, row->table);
	}
}

static void mark_specs(struct store *s, const struct plan *plan)
{
	const struct check_spec *last = NULL;

	for (size_t i = 0; i < plan_count(plan, PLAN_CHECKS); i++) {
		const struct row_check *row = plan_value(plan, PLAN_CHECKS, i);

		if (row->spec != last)
			find(&s->specs, row->spec, sizeof(*row->spec))->used = true;
		last = row->spec;
	}
}

static void mark_acls(struct store *s, const struct plan *plan)
{
	for (size_t i = 0; i < plan_count(plan, PLAN_ACLS); i++) {
		const struct row_acl *row = plan_value(plan, PLAN_ACLS, i);

		find_acl(s, row->acl)->used = true;
	}
}

/* Recipes are remembered for as long as they are asked for and their ring is used. */
static void keep_recipes_of_used_rings(struct items *recipes)
{
	for (size_t c = 0; c < CHAINS; c++)
		for (struct item *i = recipes->chain[c]; i; i = i->next)
			i->used &= i->ring && i->ring->used;
}

void store_trim(struct store *s, const struct plan *plan)
{
	mark_rings(s, plan);
	mark_specs(s, plan);
	mark_acls(s, plan);
	keep_recipes_of_used_rings(&s->wrr);
	keep_recipes_of_used_rings(&s->maglev);
	sweep(&s->wrr);
	sweep(&s->maglev);
	sweep(&s->rings);
	sweep(&s->specs);
	sweep(&s->acls);
	s->made = 0;
}

size_t store_made(const struct store *s)
{
	return s->made;
}
