/* SPDX-License-Identifier: GPL-2.0-only */
#include "core/ids.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/map.h"

struct ids {
	struct map *by_name; /* values: number as a pointer */
	char **names;        /* by number, room entries */
	uint32_t max, room, newest;
};

struct ids *ids_new(uint32_t max)
{
	struct ids *s = xcalloc(1, sizeof(*s));

	s->by_name = map_new();
	s->max = max;
	return s;
}

void ids_free(struct ids *s)
{
	if (!s)
		return;
	for (uint32_t i = 0; i < s->room; i++)
		free(s->names[i]);
	free(s->names);
	map_free(s->by_name);
	free(s);
}

static void ensure_room(struct ids *s, uint32_t id)
{
	uint32_t room = s->room ? s->room : 64;

	while (room <= id)
		room *= 2;
	if (room == s->room)
		return;
	s->names = xrealloc(s->names, room, sizeof(*s->names));
	memset(s->names + s->room, 0, (room - s->room) * sizeof(*s->names));
	s->room = room;
}

uint32_t ids_find(const struct ids *s, const char *name)
{
	return (uintptr_t)map_find(s->by_name, name);
}

bool ids_claim(struct ids *s, const char *name, uint32_t id)
{
	if (!id || id >= s->max || ids_name(s, id) || ids_find(s, name))
		return false;
	ensure_room(s, id);
	s->names[id] = xstrdup(name);
	map_put(s->by_name, name, (void *)(uintptr_t)id);
	if (id > s->newest)
		s->newest = id;
	return true;
}

uint32_t ids_get(struct ids *s, const char *name)
{
	uint32_t id = ids_find(s, name);

	if (id || map_count(s->by_name) + 1 >= s->max)
		return id;
	for (uint32_t tried = 1; tried < s->max; tried++) {
		id = s->newest + 1 < s->max ? s->newest + 1 : 1;
		s->newest = id;
		if (ids_claim(s, name, id))
			return id;
	}
	return 0;
}

void ids_release(struct ids *s, uint32_t id)
{
	if (!ids_name(s, id))
		return;
	map_remove(s->by_name, s->names[id]);
	free(s->names[id]);
	s->names[id] = NULL;
}

const char *ids_name(const struct ids *s, uint32_t id)
{
	return id < s->room ? s->names[id] : NULL;
}
