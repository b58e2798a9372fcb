/* SPDX-License-Identifier: GPL-2.0-only */
/* Memory for configuration and start-up: running out ends the process with one line on stderr. */
#ifndef LBXDP_BASE_ALLOC_H
#define LBXDP_BASE_ALLOC_H

#include <stddef.h>

void *xcalloc(size_t count, size_t size);
void *xrealloc(void *old, size_t count, size_t size);
char *xstrdup(const char *text);

/* The struct that member_pointer is embedded in. */
#define container_of(pointer, type, member) ((type *)((char *)(pointer)-offsetof(type, member)))

#define ARRAY_COUNT(a) (sizeof(a) / sizeof((a)[0]))

#endif
