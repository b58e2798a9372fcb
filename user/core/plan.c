/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Rows lie one after another, key then value. They are appended as they come and sorted when first
 * read, so that filling a plan of a million rows costs a sort and not a million moves.
 */
#include "core/plan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *name;
	size_t key, value;
} tables[PLAN_TABLE_COUNT] = {
	[PLAN_SETTINGS] = {"settings",       sizeof(__u32),                   sizeof(struct row_settings)   },
	[PLAN_VIA_FILTERS] = {"via filters",    sizeof(__u32),                   sizeof(__u32)                 },
	[PLAN_VIAS] = {"vias",           sizeof(__u32),                   sizeof(struct lb_via)         },
	[PLAN_NEIGHBOURS] = {"neighbours",     sizeof(struct row_neighbour),    sizeof(__u32)                 },
	[PLAN_CHECKS] = {"checks",         sizeof(__u32),                   sizeof(struct row_check)      },
	[PLAN_SERVICES] = {"services",       sizeof(__u32),                   sizeof(struct lb_service_info)},
	[PLAN_REALS] = {"reals",          sizeof(__u32),                   sizeof(struct row_real)       },
	[PLAN_POOLS] = {"pools",          sizeof(__u32),                   sizeof(struct lb_pool)        },
	[PLAN_RINGS] = {"rings",          sizeof(__u32),                   sizeof(struct row_ring)       },
	[PLAN_ACLS] = {"acls",           sizeof(__u32),                   sizeof(struct row_acl)        },
	[PLAN_FLOODS] = {"floods",         sizeof(__u32),                   sizeof(struct row_flood)      },
	[PLAN_ENDPOINTS] = {"endpoints",      sizeof(struct lb_endpoint),      sizeof(__u32)                 },
	[PLAN_GUARD] = {"guard",          sizeof(__u32),                   sizeof(__u32)                 },
	[PLAN_LOCAL_ROUTES] = {"local routes",   sizeof(struct row_local_route),  sizeof(__u32)                 },
	[PLAN_DIVERTS] = {"diverts",        sizeof(__u32),                   sizeof(__u32)                 },
	[PLAN_PROXY_SERVICES] = {"proxy services", sizeof(__u32),                   sizeof(struct proxy_service)  },
	[PLAN_PROXY_REALS] = {"proxy reals",    sizeof(__u32),                   sizeof(struct proxy_real)     },
	[PLAN_PROXY_RULES] = {"proxy rules",    sizeof(struct proxy_rule_key),
                           sizeof(struct proxy_rule)							},
	[PLAN_PROXY_BLOBS] = {"proxy files",    sizeof(struct proxy_blob_key),
                           sizeof(struct proxy_blob)							},
	[PLAN_LISTENERS] = {"listeners",      sizeof(struct proxy_endpoint),   sizeof(__u32)                 },
	[PLAN_ADDRESSES] = {"addresses",      sizeof(struct addr),             sizeof(__u32)                 },
	[PLAN_VIPS] = {"vips",           sizeof(struct lb_addr),          sizeof(__u32)                 },
	[PLAN_IFACES] = {"interfaces",     sizeof(__u32),                   sizeof(struct row_iface)      },
	[PLAN_ANNOUNCE] = {"announcements",  sizeof(struct row_announce_key),
			   sizeof(struct row_announce)						      },
};

struct rows {
	unsigned char *at;
	size_t count, room;
	bool unsorted;
};

struct plan {
	struct rows table[PLAN_TABLE_COUNT];
};

static size_t row_size(enum plan_table t)
{
	/* Rows stay aligned for the widest member, a pointer. */
	return (tables[t].key + tables[t].value + 7) / 8 * 8;
}

/* The value stands first, so that it is aligned whatever the key's size. */
static unsigned char *value_of(enum plan_table t, unsigned char *row)
{
	return row;
}

static unsigned char *key_of(enum plan_table t, unsigned char *row)
{
	return row + tables[t].value;
}

static unsigned char *row_at(const struct rows *r, enum plan_table t, size_t i)
{
	return r->at + i * row_size(t);
}

const char *plan_table_name(enum plan_table t)
{
	return tables[t].name;
}

struct plan *plan_new(void)
{
	return calloc(1, sizeof(struct plan));
}

void plan_free(struct plan *p)
{
	if (!p)
		return;
	for (int t = 0; t < PLAN_TABLE_COUNT; t++)
		free(p->table[t].at);
	free(p);
}

static int rows_append(struct rows *r, enum plan_table t, const void *key, const void *value)
{
	unsigned char *row;

	if (r->count == r->room) {
		size_t room = r->room ? 2 * r->room : 16;
		void *at = reallocarray(r->at, room, row_size(t));

		if (!at)
			return -ENOMEM;
		r->at = at;
		r->room = room;
	}
	row = row_at(r, t, r->count++);
	memset(row, 0, row_size(t));
	memcpy(key_of(t, row), key, tables[t].key);
	memcpy(value_of(t, row), value, tables[t].value);
	return 0;
}

/* By key; of equal keys the one put later, which lies at the higher address, comes last. */
static int compare_rows(const void *a, const void *b, void *table)
{
	enum plan_table t = *(const enum plan_table *)table;
	unsigned char *x = *(unsigned char *const *)a, *y = *(unsigned char *const *)b;
	int by_key = memcmp(key_of(t, x), key_of(t, y), tables[t].key);

	return by_key ? by_key : (x > y) - (x < y);
}

static bool same_key(enum plan_table t, unsigned char *a, unsigned char *b)
{
	return !memcmp(key_of(t, a), key_of(t, b), tables[t].key);
}

/* Sorts if rows were appended out of order. Without memory the rows stay as they are and the next
 * reader tries again; a table that cannot be sorted looks empty (plan_apply makes sure). */
static size_t settled_count(const struct plan *p, enum plan_table t)
{
	struct rows *r = (struct rows *)&p->table[t]; /* logically const: order is not content */
	unsigned char **row, *sorted;
	size_t kept = 0;

	if (!r->unsorted)
		return r->count;
	row = calloc(r->count, sizeof(*row));
	sorted = calloc(r->count, row_size(t));
	if (!row || !sorted) {
		free(row);
		free(sorted);
		return 0;
	}
	for (size_t i = 0; i < r->count; i++)
		row[i] = row_at(r, t, i);
	qsort_r(row, r->count, sizeof(*row), compare_rows, &t);
	for (size_t i = 0; i < r->count; i++)
		if (i + 1 == r->count || !same_key(t, row[i], row[i + 1]))
			memcpy(sorted + kept++ * row_size(t), row[i], row_size(t));
	free(row);
	free(r->at);
	*r = (struct rows){.at = sorted, .count = kept, .room = r->count};
	return kept;
}

int plan_put(struct plan *p, enum plan_table t, const void *key, const void *value)
{
	struct rows *r = &p->table[t];
	int err = rows_append(r, t, key, value);
	size_t n = r->count;

	if (!err && n > 1 && !r->unsorted)
		r->unsorted = memcmp(key_of(t, row_at(r, t, n - 2)), key, tables[t].key) >= 0;
	return err;
}

/* The first row whose key is not below key; *found says whether it is key. */
static size_t row_find(const struct plan *p, enum plan_table t, const void *key, bool *found)
{
	size_t low = 0, high = settled_count(p, t), count = high;
	const struct rows *r = &p->table[t];

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (memcmp(key_of(t, row_at(r, t, mid)), key, tables[t].key) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	*found = low < count && !memcmp(key_of(t, row_at(r, t, low)), key, tables[t].key);
	return low;
}

int plan_delete(struct plan *p, enum plan_table t, const void *key)
{
	struct rows *r = &p->table[t];
	bool found;
	size_t i = row_find(p, t, key, &found);

	if (!found)
		return -ENOENT;
	memmove(row_at(r, t, i), row_at(r, t, i + 1), (--r->count - i) * row_size(t));
	return 0;
}

size_t plan_count(const struct plan *p, enum plan_table t)
{
	return settled_count(p, t);
}

const void *plan_key(const struct plan *p, enum plan_table t, size_t i)
{
	return key_of(t, row_at(&p->table[t], t, i));
}

const void *plan_value(const struct plan *p, enum plan_table t, size_t i)
{
	return value_of(t, row_at(&p->table[t], t, i));
}

const void *plan_find(const struct plan *p, enum plan_table t, const void *key)
{
	bool found;
	size_t i = row_find(p, t, key, &found);

	return found ? plan_value(p, t, i) : NULL;
}

/* Walks two sorted tables as one: the row of each at the next key, NULL where it has none. */
struct walk {
	const struct rows *a, *b;
	size_t i, j, a_count, b_count;
	unsigned char *in_a, *in_b;
};

static struct walk walk_of(const struct plan *a, const struct plan *b, enum plan_table t)
{
	return (struct walk){
		.a = &a->table[t],
		.b = &b->table[t],
		.a_count = settled_count(a, t),
		.b_count = settled_count(b, t),
	};
}

static bool walk_next(struct walk *w, enum plan_table t)
{
	int order;

	w->in_a = w->i < w->a_count ? row_at(w->a, t, w->i) : NULL;
	w->in_b = w->j < w->b_count ? row_at(w->b, t, w->j) : NULL;
	if (w->in_a && w->in_b) {
		order = memcmp(key_of(t, w->in_a), key_of(t, w->in_b), tables[t].key);
		if (order < 0)
			w->in_b = NULL;
		else if (order > 0)
			w->in_a = NULL;
	}
	w->i += w->in_a != NULL;
	w->j += w->in_b != NULL;
	return w->in_a || w->in_b;
}

static bool same_row(enum plan_table t, const unsigned char *a, const unsigned char *b)
{
	return !memcmp(a, b, row_size(t));
}

struct apply {
	struct plan *actual;
	const struct plan *desired;
	const struct plan_sink *sink;
	const struct plan_refusal *refusal;
	size_t refused;
};

/* Returns whether the row may count as done. */
static bool accepted(struct apply *a, enum plan_table t, unsigned char *row, int err)
{
	if (!err)
		return true;
	a->refused++;
	if (a->refusal)
		a->refusal->fn(a->refusal->arg, t, key_of(t, row), err);
	return false;
}

static void keep(struct rows *now, enum plan_table t, unsigned char *row)
{
	if (row)
		(void)rows_append(now, t, key_of(t, row), value_of(t, row)); /* room is reserved */
}

static int reserve(struct rows *now, enum plan_table t, size_t count)
{
	now->at = calloc(count + 1, row_size(t));
	now->room = count + 1;
	return now->at ? 0 : -ENOMEM;
}

/* Puts what is missing, and, if changed is set, what is different; actual's rows become what the
 * sink agreed to. */
static void put_missing(struct apply *a, enum plan_table t, bool changed)
{
	struct walk w = walk_of(a->actual, a->desired, t);
	struct rows now = {};

	if (reserve(&now, t, w.a_count + w.b_count)) {
		a->refused++;
		return;
	}
	while (walk_next(&w, t)) {
		bool put = w.in_b && (!w.in_a || (changed && !same_row(t, w.in_a, w.in_b)));

		if (put &&
		    accepted(a, t, w.in_b,
			     a->sink->put(a->sink->to, t, key_of(t, w.in_b), value_of(t, w.in_b),
					  w.in_a ? value_of(t, w.in_a) : NULL)))
			keep(&now, t, w.in_b);
		else
			keep(&now, t, w.in_a);
	}
	free(a->actual->table[t].at);
	a->actual->table[t] = now;
}

static void delete_extra(struct apply *a, enum plan_table t)
{
	struct walk w = walk_of(a->actual, a->desired, t);
	struct rows now = {};

	if (reserve(&now, t, w.a_count)) {
		a->refused++;
		return;
	}
	while (walk_next(&w, t)) {
		bool extra = w.in_a && !w.in_b;

		if (extra &&
		    accepted(a, t, w.in_a,
			     a->sink->del(a->sink->to, t, key_of(t, w.in_a), value_of(t, w.in_a))))
			continue;
		keep(&now, t, w.in_a);
	}
	free(a->actual->table[t].at);
	a->actual->table[t] = now;
}

/* Without memory to sort, a full plan would look empty, and everything would be taken away. */
static bool settled(const struct plan *p)
{
	for (int t = 0; t < PLAN_TABLE_COUNT; t++) {
		(void)settled_count(p, t); /* what counts is whether it sorted */
		if (p->table[t].unsorted)
			return false;
	}
	return true;
}

size_t plan_apply(struct plan *actual, const struct plan *desired,
		  const struct plan_sink *const sinks[PLAN_TABLE_COUNT],
		  const struct plan_refusal *refusal)
{
	struct apply a = {.actual = actual, .desired = desired, .refusal = refusal};

	if (!settled(actual) || !settled(desired))
		return 1;
	for (int t = 0; t < PLAN_TABLE_COUNT; t++) {
		a.sink = sinks[t];
		put_missing(&a, t, t != PLAN_ACLS);
		/* The list that stands goes on guarding, and sends packets where they are served,
		 * until its successor's listeners are there. */
		if (t == PLAN_ADDRESSES) {
			a.sink = sinks[PLAN_ACLS];
			put_missing(&a, PLAN_ACLS, true);
		}
	}
	for (int t = PLAN_TABLE_COUNT; t-- > 0;) {
		a.sink = sinks[t];
		delete_extra(&a, t);
	}
	return a.refused;
}

/* The rows of these say what a host or an interface has, whichever service asked for it. */
static bool is_shared(enum plan_table t)
{
	switch (t) {
	case PLAN_VIA_FILTERS:
	case PLAN_NEIGHBOURS:
	case PLAN_GUARD:
	case PLAN_LOCAL_ROUTES:
	case PLAN_DIVERTS:
	case PLAN_ADDRESSES:
	case PLAN_VIPS:
	case PLAN_ANNOUNCE:
		return true;
	default:
		return false;
	}
}

bool plan_part_fits(const struct plan *before, const struct plan *after)
{
	if (!settled(before) || !settled(after))
		return false;
	for (int t = 0; t < PLAN_TABLE_COUNT; t++) {
		struct walk w = walk_of(before, after, t);

		while (walk_next(&w, t))
			if (!w.in_a || !w.in_b || (is_shared(t) && !same_row(t, w.in_a, w.in_b)))
				return false;
	}
	return true;
}

/* Another value for a row of actual, in its place. */
static void replace(struct apply *a, enum plan_table t, unsigned char *to)
{
	bool found;
	size_t i = row_find(a->actual, t, key_of(t, to), &found);
	unsigned char *row = row_at(&a->actual->table[t], t, i);

	if (!found)
		a->refused++; /* as it was before: all rows have to be looked at */
	else if (accepted(a, t, to,
			  a->sink->put(a->sink->to, t, key_of(t, to), value_of(t, to),
				       value_of(t, row))))
		memcpy(row, to, row_size(t));
}

size_t plan_apply_part(struct plan *actual, const struct plan *before, const struct plan *after,
		       const struct plan_sink *const sinks[PLAN_TABLE_COUNT],
		       const struct plan_refusal *refusal)
{
	struct apply a = {.actual = actual, .refusal = refusal};

	if (!settled(actual))
		return 1;
	for (int t = 0; t < PLAN_TABLE_COUNT; t++) {
		struct walk w = walk_of(before, after, t);

		a.sink = sinks[t];
		while (walk_next(&w, t))
			if (!same_row(t, w.in_a, w.in_b))
				replace(&a, t, w.in_b);
	}
	return a.refused;
}

size_t plan_difference(const struct plan *actual, const struct plan *desired)
{
	size_t count = 0;

	for (int t = 0; t < PLAN_TABLE_COUNT; t++) {
		struct walk w = walk_of(actual, desired, t);

		while (walk_next(&w, t))
			count += !w.in_a || !w.in_b || !same_row(t, w.in_a, w.in_b);
	}
	return count;
}
