/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Heads of strangers, there and back: a head means the same in one piece and in two, no byte beyond
 * it is read, and what is written of it is one well-formed head with the same meaning, which is
 * written again byte for byte.
 */
#ifndef LBXDP_TESTS_FUZZ_HTTP_ROUND_H
#define LBXDP_TESTS_FUZZ_HTTP_ROUND_H

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "core/http_edit.h"

#define ROUND_TEXT(text)                                                                           \
	{                                                                                          \
		text, sizeof(text) - 1                                                             \
	}

static inline void round_must(bool holds)
{
	if (!holds)
		abort();
}

/* asked < 0: a request. */
static inline int round_parse(struct http_head *h, const char *bytes, size_t len, size_t *seen,
			      int asked)
{
	return asked < 0 ? http_request_parse(h, bytes, len, seen)
			 : http_response_parse(h, bytes, len, seen, asked);
}

static inline char *round_copy(const void *bytes, size_t len)
{
	char *copy = malloc(len + !len); /* so that the sanitizer sees a byte too many */

	round_must(copy != NULL);
	memcpy(copy, bytes, len);
	return copy;
}

/* In two pieces: a refusal may come earlier, a head must not. */
static inline void round_cut(const char *bytes, size_t len, size_t cut, int asked, int whole)
{
	static struct http_head h;
	char *first = round_copy(bytes, cut);
	size_t seen = 0;
	int done = round_parse(&h, first, cut, &seen, asked);

	round_must(seen <= cut && (done != 1 || whole == 1));
	if (!done)
		done = round_parse(&h, bytes, len, &seen, asked);
	round_must(done == whole);
	free(first);
}

/* Slow and simple: what every reader of heads agrees on. */
static inline void round_lines(const struct http_head *h, const char *bytes, size_t len)
{
	size_t lines = 0;

	for (size_t i = 0; i < len; i++) {
		round_must(bytes[i] != '\0' && (bytes[i] != '\r' || bytes[i + 1] == '\n'));
		if (bytes[i] != '\n')
			continue;
		round_must(i && bytes[i - 1] == '\r' && bytes[i + 1 < len ? i + 1 : 0] != ' ');
		lines++;
	}
	round_must(lines == h->field_count + 2u);
	round_must(len >= 4 && !memcmp(bytes + len - 4, "\r\n\r\n", 4));
}

static inline struct http_write round_write_of(uint8_t choice, const struct http_head *h)
{
	static const struct http_edit edits[] = {
		{HTTP_EDIT_APPEND, ROUND_TEXT("X-Forwarded-For"), ROUND_TEXT("192.0.2.1")},
		{HTTP_EDIT_SET,    ROUND_TEXT("A"),               ROUND_TEXT("b")        },
		{HTTP_EDIT_DELETE, ROUND_TEXT("Cookie"),          ROUND_TEXT("")         },
		{HTTP_EDIT_ADD,    ROUND_TEXT("A"),               ROUND_TEXT("")         },
	};
	static const struct http_rewrite rewrites[] = {
		{ROUND_TEXT("/owa"), ROUND_TEXT("/")},
		{ROUND_TEXT("/a/"),  ROUND_TEXT("") },
	};
	struct http_write w = {.edits = edits, .rewrites = rewrites, .say = choice & 3};

	if (w.say == HTTP_SAY_UPGRADE && !h->upgrade)
		w.say = HTTP_SAY_NOTHING;
	w.edit_count = choice & 4 ? ARRAY_COUNT(edits) : 0;
	w.rewrite_count = choice & 8 ? ARRAY_COUNT(rewrites) : 0;
	if (choice & 16)
		w.drop_cookie = slice_of("LB");
	return w;
}

static inline void round_same(const struct http_head *a, const struct http_head *b)
{
	round_must(a->framing == b->framing && a->minor == b->minor && a->method == b->method);
	round_must(a->status == b->status && a->no_framing == b->no_framing);
	round_must(a->no_framing || a->length == b->length);
	round_must(slice_same(a->method_text, b->method_text) && slice_same(a->reason, b->reason));
	round_must(!b->is_request || slice_same(a->authority, b->authority));
	round_must(!b->names_fields && b->form != HTTP_TARGET_ABSOLUTE);
}

/* Writes h, reads it, and writes that again without a change. */
static inline void round_there_and_back(const struct http_head *h, uint8_t choice, int asked)
{
	static struct http_head again;
	static char first[1 << 18], second[1 << 18];
	struct http_write w = round_write_of(choice, h), same = {.say = w.say};
	ssize_t len = http_head_write(h, &w, first, sizeof(first)), len_again;
	char *exact;
	size_t seen = 0;

	round_must(len > 0);
	exact = round_copy(first, len);
	/* A head that was full may have no place for what was added. */
	if (round_parse(&again, exact, len, &seen, asked) != 1) {
		round_must(h->field_count + 4 > HTTP_FIELDS_MAX && again.error_status == 431);
		free(exact);
		return;
	}
	round_must(again.size == (size_t)len);
	round_lines(&again, exact, len);
	round_same(h, &again);
	len_again = http_head_write(&again, &same, second, sizeof(second));
	round_must(len_again == len && (size_t)len < sizeof(second));
	round_must(w.say != HTTP_SAY_NOTHING || !memcmp(first, second, len));
	round_must(http_head_write(h, &w, second, len - 1) == -ENOSPC);
	free(exact);
}

static inline int round_trip(const uint8_t *data, size_t size, int asked)
{
	static struct http_head h;
	size_t len = size - 2, seen = 0;
	char *bytes = round_copy(data + 2, len);
	int whole = round_parse(&h, bytes, len, &seen, asked);

	round_must(whole == 1 || whole == 0 || (whole == -EPROTO && h.error && h.error_at <= len));
	if (whole == 1) {
		size_t skipped = h.line.at - bytes;

		round_must(h.size <= len && skipped <= 2);
		round_lines(&h, bytes + skipped, h.size - skipped);
		round_there_and_back(&h, data[1], asked);
	}
	round_cut(bytes, len, len ? data[0] * len / 256 : 0, asked, whole);
	free(bytes);
	return 0;
}

#endif
