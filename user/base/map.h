/* SPDX-License-Identifier: GPL-2.0-only */
/* Text to pointer, by open addressing. Keys are copied; values are borrowed and never NULL. */
#ifndef LBXDP_BASE_MAP_H
#define LBXDP_BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>

struct map;

struct map *map_new(void);
void map_free(struct map *m); /* NULL does nothing; the values stay */

void *map_find(const struct map *m, const char *key); /* NULL: not there */
void map_put(struct map *m, const char *key, void *value);
void *map_remove(struct map *m, const char *key); /* the value, NULL: was not there */
size_t map_count(const struct map *m);

/* All entries, in no order: start with *at = 0, until it returns false. The map must not change
 * meanwhile. */
bool map_next(const struct map *m, size_t *at, const char **key, void **value);

#endif
