/* SPDX-License-Identifier: GPL-2.0-only */
/* Open addressing, linear probing, at most half full. */
#include "health/table.h"

#include <stdlib.h>

#include "base/alloc.h"

static size_t home(const struct table *t, uint32_t id)
{
	return id * 2654435769U & (t->room - 1);
}

/* Where id is, or the free entry where it would be. */
static size_t place(const struct table *t, uint32_t id)
{
	size_t i = home(t, id);

	while (t->entry[i].what && t->entry[i].id != id)
		i = (i + 1) & (t->room - 1);
	return i;
}

static void grow(struct table *t)
{
	struct table old = *t;

	t->room = old.room ? 2 * old.room : 64;
	t->entry = xcalloc(t->room, sizeof(*t->entry));
	for (size_t i = 0; i < old.room; i++)
		if (old.entry[i].what)
			t->entry[place(t, old.entry[i].id)] = old.entry[i];
	free(old.entry);
}

void table_fini(struct table *t)
{
	free(t->entry);
	*t = (struct table){};
}

void *table_find(const struct table *t, uint32_t id)
{
	return t->room ? t->entry[place(t, id)].what : NULL;
}

void table_put(struct table *t, uint32_t id, void *what)
{
	size_t i;

	if (2 * (t->count + 1) > t->room)
		grow(t);
	i = place(t, id);
	if (!t->entry[i].what)
		t->count++;
	t->entry[i] = (struct table_entry){id, what};
}

void table_delete(struct table *t, uint32_t id)
{
	size_t hole, i;

	if (!table_find(t, id))
		return;
	t->count--;
	hole = place(t, id);
	t->entry[hole].what = NULL;
	/* What stands behind the hole and was pushed there moves up. */
	for (i = (hole + 1) & (t->room - 1); t->entry[i].what; i = (i + 1) & (t->room - 1)) {
		struct table_entry moved = t->entry[i];

		t->entry[i].what = NULL;
		t->entry[place(t, moved.id)] = moved;
	}
}
