/* SPDX-License-Identifier: GPL-2.0-only */
#include "base/map.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

struct entry {
	char *key; /* NULL: never used, or removed */
	void *value;
	bool removed;
};

struct map {
	struct entry *entries;
	size_t room, count, used; /* used counts removed ones too */
};

static size_t hash(const char *key)
{
	uint64_t h = 0xcbf29ce484222325;

	for (; *key; key++)
		h = (h ^ (unsigned char)*key) * 0x100000001b3;
	return h ^ h >> 29;
}

/* The entry of key, or the first free one on its way. */
static struct entry *slot(const struct map *m, const char *key)
{
	struct entry *gap = NULL;

	for (size_t i = hash(key);; i++) {
		struct entry *e = &m->entries[i & (m->room - 1)];

		if (e->key && !strcmp(e->key, key))
			return e;
		if (!e->key && e->removed && !gap)
			gap = e;
		if (!e->key && !e->removed)
			return gap ? gap : e;
	}
}

static void grow(struct map *m)
{
	struct map bigger = {.room = m->count * 2 < m->room / 2 ? m->room : 2 * m->room};

	bigger.entries = xcalloc(bigger.room, sizeof(*bigger.entries));
	for (size_t i = 0; i < m->room; i++)
		if (m->entries[i].key)
			*slot(&bigger, m->entries[i].key) = m->entries[i];
	bigger.count = bigger.used = m->count;
	free(m->entries);
	*m = bigger;
}

struct map *map_new(void)
{
	struct map *m = xcalloc(1, sizeof(*m));

	m->room = 16;
	m->entries = xcalloc(m->room, sizeof(*m->entries));
	return m;
}

void map_free(struct map *m)
{
	if (!m)
		return;
	for (size_t i = 0; i < m->room; i++)
		free(m->entries[i].key);
	free(m->entries);
	free(m);
}

void *map_find(const struct map *m, const char *key)
{
	const struct entry *e = slot(m, key);

	return e->key ? e->value : NULL;
}

void map_put(struct map *m, const char *key, void *value)
{
	struct entry *e;

	if ((m->used + 1) * 4 > m->room * 3)
		grow(m);
	e = slot(m, key);
	if (!e->key) {
		m->count++;
		m->used += !e->removed;
		e->key = xstrdup(key);
		e->removed = false;
	}
	e->value = value;
}

void *map_remove(struct map *m, const char *key)
{
	struct entry *e = slot(m, key);
	void *value = e->key ? e->value : NULL;

	if (!e->key)
		return NULL;
	free(e->key);
	*e = (struct entry){.removed = true};
	m->count--;
	return value;
}

size_t map_count(const struct map *m)
{
	return m->count;
}

bool map_next(const struct map *m, size_t *at, const char **key, void **value)
{
	for (; *at < m->room; ++*at)
		if (m->entries[*at].key) {
			*key = m->entries[*at].key;
			*value = m->entries[*at].value;
			++*at;
			return true;
		}
	return false;
}
