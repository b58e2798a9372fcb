/* SPDX-License-Identifier: GPL-2.0-only */
#include "io/pool.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum {
	FINE = 16, /* steps up to FINE_MAX */
	FINE_MAX = 1024,
	COARSE = 512, /* steps up to COARSE_MAX; a connection of OpenSSL is 7624 */
	COARSE_MAX = 32768,
	FINE_CLASSES = FINE_MAX / FINE,
	CLASSES = FINE_CLASSES + (COARSE_MAX - FINE_MAX) / COARSE,
	UNPOOLED = CLASSES, /* as large as it is asked for */
	SLAB_MAX = 4096,    /* larger blocks are not cut from slabs */
	SLAB = 262144,      /* malloc maps so much apart from its heap, which can then shrink */
	LARGE_KEPT = 64,    /* free blocks of a class above SLAB_MAX; the rest goes back */
};

/* Before each block; keeps it aligned for any type. */
struct head {
	size_t room;
	size_t class;
};

struct block {
	struct block *next;
};

static struct {
	struct block *free;
	size_t count;
} classes[CLASSES];

static char *slab;
static size_t slab_left;

static size_t class_of(size_t size)
{
	if (size <= FINE_MAX)
		return (size - 1) / FINE;
	if (size <= COARSE_MAX)
		return FINE_CLASSES + (size - 1 - FINE_MAX) / COARSE;
	return UNPOOLED;
}

static size_t room_of(size_t class, size_t size)
{
	if (class == UNPOOLED)
		return size;
	if (class < FINE_CLASSES)
		return (class + 1) * FINE;
	return FINE_MAX + (class - FINE_CLASSES + 1) * COARSE;
}

/* The rest of a slab that is too small for the next block is lost: at most 2 %. */
static struct head *cut(size_t bytes)
{
	struct head *h;

	if (slab_left < bytes) {
		slab = malloc(SLAB);
		slab_left = slab ? SLAB : 0;
	}
	if (!slab)
		return NULL;
	h = (struct head *)slab;
	slab += bytes;
	slab_left -= bytes;
	return h;
}

static struct head *make(size_t class, size_t room)
{
	struct head *h = room <= SLAB_MAX ? cut(sizeof(*h) + room) : malloc(sizeof(*h) + room);

	if (h)
		*h = (struct head){room, class};
	return h;
}

void *pool_alloc(size_t size)
{
	size_t class;
	struct head *h;

	if (!size || size > SIZE_MAX / 2)
		return NULL;
	class = class_of(size);
	if (class != UNPOOLED && classes[class].free) {
		struct block *b = classes[class].free;

		classes[class].free = b->next;
		classes[class].count--;
		return b;
	}
	h = make(class, room_of(class, size));
	return h ? h + 1 : NULL;
}

void pool_free(void *p)
{
	struct block *b = p;
	struct head *h;

	if (!p)
		return;
	h = (struct head *)p - 1;
	if (h->class == UNPOOLED || (h->room > SLAB_MAX && classes[h->class].count >= LARGE_KEPT)) {
		free(h);
		return;
	}
	b->next = classes[h->class].free;
	classes[h->class].free = b;
	classes[h->class].count++;
}

void *pool_resize(void *old, size_t size)
{
	const struct head *h;
	void *p;

	if (!old || !size) {
		pool_free(old);
		return pool_alloc(size);
	}
	h = (const struct head *)old - 1;
	if (size <= h->room && 2 * size >= h->room)
		return old;
	p = pool_alloc(size);
	if (!p)
		return NULL;
	memcpy(p, old, size < h->room ? size : h->room);
	pool_free(old);
	return p;
}
