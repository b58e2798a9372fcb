/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Memory for a library that takes and gives back the same few sizes all the time, as OpenSSL does
 * for each handshake. Freed blocks are kept by size, so that what lives long (sessions) and what
 * lives a moment do not tear the heap to pieces. For one thread.
 */
#ifndef LBXDP_IO_POOL_H
#define LBXDP_IO_POOL_H

#include <stddef.h>

/* NULL when there is no memory, or size is 0. */
void *pool_alloc(size_t size);
void *pool_resize(void *old, size_t size);
void pool_free(void *p); /* NULL: nothing */

#endif
