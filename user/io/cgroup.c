/* SPDX-License-Identifier: GPL-2.0-only */
#include "io/cgroup.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"

/* Where each version has its limits. Version 1 writes a number near 2^63 for none. */
static const struct hierarchy {
	const char *controllers, *folder, *file;
} hierarchies[] = {
	{"",       "",        "memory.max"           },
	{"memory", "/memory", "memory.limit_in_bytes"},
};

enum { NO_LIMIT_SHIFT = 62 };

/* The number in a file; 0 for "max", and where there is none. */
static uint64_t read_limit(const char *mount, const struct hierarchy *h, const char *group)
{
	char path[PATH_MAX];
	unsigned long long limit = 0;
	FILE *f;

	if (snprintf(path, sizeof(path), "%s%s%s/%s", mount, h->folder, group, h->file) >=
	    (int)sizeof(path))
		return 0;
	f = fopen(path, "re");
	if (!f)
		return 0;
	if (fscanf(f, "%llu", &limit) != 1 || limit >> NO_LIMIT_SHIFT)
		limit = 0;
	fclose(f);
	return limit;
}

static uint64_t lesser(uint64_t a, uint64_t b)
{
	return a && (!b || a < b) ? a : b;
}

/* Of a group and all around it; group is cut on the way. */
static uint64_t limit_of(const char *mount, const struct hierarchy *h, char *group)
{
	uint64_t limit = 0;
	char *end;

	do {
		limit = lesser(limit, read_limit(mount, h, group));
		end = strrchr(group, '/');
		if (end)
			*end = '\0';
	} while (end);
	return limit;
}

/* "ID:CONTROLLERS:/GROUP" */
static uint64_t limit_of_line(const char *mount, char *line)
{
	char *controllers = strchr(line, ':'), *group;

	line[strcspn(line, "\n")] = '\0';
	if (!controllers || !(group = strchr(++controllers, ':')))
		return 0;
	*group++ = '\0';
	for (size_t i = 0; i < ARRAY_COUNT(hierarchies); i++)
		if (!strcmp(controllers, hierarchies[i].controllers))
			return limit_of(mount, &hierarchies[i], group);
	return 0;
}

uint64_t cgroup_memory_max(const char *self, const char *mount)
{
	char line[PATH_MAX];
	uint64_t limit = 0;
	FILE *f = fopen(self, "re");

	if (!f)
		return 0;
	while (fgets(line, sizeof(line), f))
		limit = lesser(limit, limit_of_line(mount, line));
	fclose(f);
	return limit;
}
