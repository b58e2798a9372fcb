/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Looks for a text in bytes that come in pieces of any size, keeping none of them. Each byte is
 * looked at once (Knuth, Morris, Pratt), so that no answer can make the search slow.
 */
#ifndef LBXDP_CORE_MATCH_H
#define LBXDP_CORE_MATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MATCH_TEXT_MAX = 255 };

struct match {
	const char *text; /* borrowed; longer than MATCH_TEXT_MAX is cut there */
	size_t len, have; /* have: bytes of text that the last bytes agree with */
	uint8_t back[MATCH_TEXT_MAX + 1];
};

void match_start(struct match *m, const char *text);

/* Returns the number of bytes up to the end of the text, when it ends in these bytes, or -1. An
 * empty text is found at once. */
ptrdiff_t match_feed(struct match *m, const char *bytes, size_t len);

#endif
