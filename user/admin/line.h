/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A request line of the control socket: words between spaces; a word with spaces stands in double
 * quotes, in which \" and \\ mean the character. Pure. No control characters, so that a line can be
 * logged as it came.
 */
#ifndef LBXDP_ADMIN_LINE_H
#define LBXDP_ADMIN_LINE_H

#include <stddef.h>

#include "base/buf.h"

enum { LINE_MAX_BYTES = 4096, LINE_WORDS_MAX = 300 };

struct line_words {
	size_t count;
	const char *word[LINE_WORDS_MAX]; /* into the line, NUL-terminated */
};

/* Splits text (NUL-terminated) in place. Returns 0, -E2BIG for too many words, or -EINVAL for a
 * control character or a quote that is not closed. */
int line_split(char *text, struct line_words *w);

/* Appends word, quoted where it must be, after a space when out is not empty. Returns 0, or -EINVAL
 * for a word that no line can carry. */
int line_add(struct buf *out, const char *word);

#endif
