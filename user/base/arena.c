/* SPDX-License-Identifier: GPL-2.0-only */
#include "base/arena.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

enum { BLOCK_LEN = 16384 };

struct block {
	struct block *next;
	size_t used, room;
	alignas(max_align_t) char bytes[];
};

struct arena {
	struct block *newest;
};

static struct block *block_new(size_t room, struct block *next)
{
	struct block *b = xcalloc(1, sizeof(*b) + room);

	b->room = room;
	b->next = next;
	return b;
}

struct arena *arena_new(void)
{
	return xcalloc(1, sizeof(struct arena));
}

void arena_free(struct arena *a)
{
	struct block *next;

	if (!a)
		return;
	for (struct block *b = a->newest; b; b = next) {
		next = b->next;
		free(b);
	}
	free(a);
}

void *arena_alloc(struct arena *a, size_t count, size_t size)
{
	size_t align = alignof(max_align_t), len;
	void *at;

	if (__builtin_mul_overflow(count, size, &len) || len > SIZE_MAX / 2)
		return xcalloc(count, size); /* ends the process with its message */
	len = (len + align - 1) / align * align;
	if (!a->newest || a->newest->room - a->newest->used < len)
		a->newest = block_new(len > BLOCK_LEN ? len : BLOCK_LEN, a->newest);
	at = a->newest->bytes + a->newest->used;
	a->newest->used += len;
	return at;
}

char *arena_strndup(struct arena *a, const char *text, size_t len)
{
	char *copy = arena_alloc(a, len + 1, 1);

	memcpy(copy, text, len);
	return copy;
}

char *arena_strdup(struct arena *a, const char *text)
{
	return arena_strndup(a, text, strlen(text));
}

char *arena_printf(struct arena *a, const char *format, ...)
{
	va_list args, again;
	char *text;
	int len;

	va_start(args, format);
	va_copy(again, args);
	len = vsnprintf(NULL, 0, format, args);
	text = arena_alloc(a, len + 1, 1);
	vsnprintf(text, len + 1, format, again);
	va_end(again);
	va_end(args);
	return text;
}
