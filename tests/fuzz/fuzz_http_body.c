/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Chunked bodies: the first byte is the size of the pieces. Strictly or leniently, a body ends at
 * the same byte however it is cut; what the strict walker lets pass is the same message, with the
 * same content, to the lenient one. A limit lets pass what is within it, and never more.
 */
#include <stdint.h>
#include <stdlib.h>

#include "core/http_body.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct walked {
	bool refused, over;
	size_t len, content;
	uint32_t sum; /* of the content, in order */
};

static void add(struct walked *w, struct slice content)
{
	w->content += content.len;
	for (size_t i = 0; i < content.len; i++)
		w->sum = w->sum * 31 + (uint8_t)content.at[i];
}

/* Takes one piece, from a copy, so that the sanitizer sees a byte too many. */
static void take(struct walked *w, struct http_body *b, const uint8_t *data, size_t len)
{
	char *piece = malloc(len + !len);
	size_t at = 0;

	if (!piece)
		abort();
	memcpy(piece, data, len);
	while (at < len && !w->refused && !http_body_over(b)) {
		struct slice content;
		ssize_t n = http_body_take(b, piece + at, len - at, &content);

		w->refused = n < 0;
		if (!n || n > (ssize_t)(len - at) || (w->refused && !b->error))
			abort();
		if (w->refused)
			break;
		add(w, content);
		at += n;
	}
	w->len += at;
	w->over = http_body_over(b);
	free(piece);
}

static struct walked walk(const uint8_t *data, size_t size, size_t piece, bool strict,
			  uint64_t limit)
{
	struct walked w = {};
	struct http_body b;

	http_body_start(&b, HTTP_CHUNKED, 0, strict);
	if (!http_body_limit(&b, limit))
		abort();
	for (size_t at = 0; at < size && !w.refused && !w.over; at += piece)
		take(&w, &b, data + at, piece < size - at ? piece : size - at);
	return w;
}

static void must_be_same(const struct walked *a, const struct walked *b)
{
	if (a->refused != b->refused || a->over != b->over)
		abort();
	if (!a->refused && (a->len != b->len || a->content != b->content || a->sum != b->sum))
		abort();
}

static void must_be_within(const struct walked *limited, const struct walked *all, uint64_t limit)
{
	if (limited->content > limit || (all->content > limit && !limited->refused))
		abort();
	if (all->over && all->content <= limit)
		must_be_same(limited, all);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint64_t none = UINT64_MAX;
	struct walked strict, lenient, pieces, limited;

	if (size < 2)
		return 0;
	strict = walk(data + 1, size - 1, size, true, none);
	pieces = walk(data + 1, size - 1, data[0] % 16 + 1, true, none);
	must_be_same(&strict, &pieces);
	limited = walk(data + 1, size - 1, data[0] % 16 + 1, true, data[0] / 16);
	must_be_within(&limited, &strict, data[0] / 16);
	lenient = walk(data + 1, size - 1, size, false, none);
	pieces = walk(data + 1, size - 1, data[0] % 16 + 1, false, none);
	must_be_same(&lenient, &pieces);
	if (!strict.refused)
		must_be_same(&strict, &lenient);
	return 0;
}
