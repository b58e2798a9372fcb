/* SPDX-License-Identifier: GPL-2.0-only */
#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

static void reserve(struct buf *b, size_t more)
{
	size_t need = b->len + more + 1;

	if (need <= b->room)
		return;
	b->room = need < 2 * b->room ? 2 * b->room : need < 256 ? 256 : need;
	b->at = xrealloc(b->at, b->room, 1);
}

void buf_free(struct buf *b)
{
	free(b->at);
	*b = (struct buf){};
}

void buf_clear(struct buf *b)
{
	b->len = 0;
	if (b->at)
		b->at[0] = '\0';
}

void buf_append(struct buf *b, const void *bytes, size_t len)
{
	reserve(b, len);
	if (len)
		memcpy(b->at + b->len, bytes, len);
	b->len += len;
	b->at[b->len] = '\0';
}

void buf_puts(struct buf *b, const char *text)
{
	buf_append(b, text, strlen(text));
}

void buf_vprintf(struct buf *b, const char *format, va_list args)
{
	va_list again;
	int len;

	va_copy(again, args);
	len = vsnprintf(NULL, 0, format, args);
	reserve(b, len);
	vsnprintf(b->at + b->len, len + 1, format, again);
	va_end(again);
	b->len += len;
}

void buf_printf(struct buf *b, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	buf_vprintf(b, format, args);
	va_end(args);
}

void buf_consume(struct buf *b, size_t len)
{
	if (!len)
		return;
	memmove(b->at, b->at + len, b->len - len + 1);
	b->len -= len;
}

const char *buf_text(const struct buf *b)
{
	return b->at ? b->at : "";
}
