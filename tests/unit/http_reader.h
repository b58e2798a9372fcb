/* SPDX-License-Identifier: GPL-2.0-only */
/* Reads a client's stream as the proxy does: head, body, head ... in pieces cut wherever a test
 * likes. Each look is at a copy of exactly those bytes, so that a sanitizer sees a step beyond
 * them. */
#ifndef LBXDP_TESTS_UNIT_HTTP_READER_H
#define LBXDP_TESTS_UNIT_HTTP_READER_H

#include <stdlib.h>

#include "core/http_message.h"

struct reader {
	struct http_head head; /* the last; its slices are gone */
	struct http_body body;
	bool in_body;
	size_t at, seen;
	unsigned int messages; /* whole ones */
	unsigned int refused;  /* the status */
	const char *why;
};

static inline void reader_refuse(struct reader *r, unsigned int status, const char *why)
{
	r->refused = status;
	r->why = why;
}

static inline size_t reader_head(struct reader *r, const char *bytes, size_t len)
{
	int done = http_request_parse(&r->head, bytes, len, &r->seen);

	if (done < 0)
		reader_refuse(r, r->head.error_status, r->head.error);
	if (done <= 0)
		return 0;
	http_body_start(&r->body, r->head.framing, r->head.length, true);
	r->in_body = true;
	return r->head.size;
}

static inline size_t reader_body(struct reader *r, const char *bytes, size_t len)
{
	ssize_t n = http_body_pass(&r->body, bytes, len);

	if (n < 0) {
		reader_refuse(r, 400, r->body.error);
		return 0;
	}
	if (http_body_over(&r->body)) {
		r->messages++;
		r->in_body = false;
		r->seen = 0;
	}
	return n;
}

/* The bytes up to have are there. */
static inline void reader_feed(struct reader *r, const char *bytes, size_t have)
{
	bool was_in_body = !r->in_body;
	size_t n = 1;

	while (!r->refused && (n || r->in_body != was_in_body)) {
		size_t len = have - r->at;
		char *copy = malloc(len ? len : 1);

		memcpy(copy, bytes + r->at, len);
		was_in_body = r->in_body;
		n = r->in_body ? reader_body(r, copy, len) : reader_head(r, copy, len);
		r->at += n;
		free(copy);
	}
}

#endif
