/* SPDX-License-Identifier: GPL-2.0-only */
/* A growing byte buffer for output: status pages, metrics, messages. Running out ends the process.
 */
#ifndef LBXDP_BASE_BUF_H
#define LBXDP_BASE_BUF_H

#include <stdarg.h>
#include <stddef.h>

/* Zero-initialised is empty. at is NUL-terminated whenever it is not NULL. */
struct buf {
	char *at;
	size_t len, room;
};

void buf_free(struct buf *b);
void buf_clear(struct buf *b);
void buf_append(struct buf *b, const void *bytes, size_t len);
void buf_puts(struct buf *b, const char *text);
void buf_printf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
void buf_vprintf(struct buf *b, const char *format, va_list args);

/* Drops the first len bytes. */
void buf_consume(struct buf *b, size_t len);

/* The text, never NULL. Borrowed until the next call on b. */
const char *buf_text(const struct buf *b);

#endif
