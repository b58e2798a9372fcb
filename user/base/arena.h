/* SPDX-License-Identifier: GPL-2.0-only */
/* Memory that is freed whole. Running out ends the process, as in base/alloc.h. */
#ifndef LBXDP_BASE_ARENA_H
#define LBXDP_BASE_ARENA_H

#include <stddef.h>

struct arena;

struct arena *arena_new(void);
void arena_free(struct arena *a);

/* Zeroed and aligned for any type. */
void *arena_alloc(struct arena *a, size_t count, size_t size);
char *arena_strndup(struct arena *a, const char *text, size_t len);
char *arena_strdup(struct arena *a, const char *text);
char *arena_printf(struct arena *a, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
