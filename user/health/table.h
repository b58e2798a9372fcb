/* SPDX-License-Identifier: GPL-2.0-only */
/* Things by number: a hash table of pointers that others own. */
#ifndef LBXDP_HEALTH_TABLE_H
#define LBXDP_HEALTH_TABLE_H

#include <stddef.h>
#include <stdint.h>

struct table_entry {
	uint32_t id;
	void *what; /* NULL: free */
};

/* Zero-initialised is empty. */
struct table {
	struct table_entry *entry;
	size_t count, room; /* room: a power of two, or 0 */
};

void table_fini(struct table *t);
void *table_find(const struct table *t, uint32_t id); /* or NULL */
void table_put(struct table *t, uint32_t id, void *what);
void table_delete(struct table *t, uint32_t id);

#endif
