/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Heads of HTTP/1.0 and HTTP/1.1 responses (RFC 9112) as servers answer checks: leniently, as
 * section 5 lets a user agent. What is sent on to somebody is read by core/http_message.h. Pure;
 * allocates nothing; works on bytes that arrive in pieces of any size and looks at each once.
 */
#ifndef LBXDP_CORE_HTTP1_H
#define LBXDP_CORE_HTTP1_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "core/http_body.h"

enum { HTTP1_HEAD_MAX = 65536 };

/* Zero-initialised before the first byte. */
struct http1_head {
	uint8_t minor;   /* of the version: 0 or 1 (higher ones count as 1) */
	uint16_t status; /* 0 until the status line is complete */
	size_t line_len; /* the status line, without its end; it starts at the first byte */
	size_t size;     /* of the whole head, once it is complete */
	enum http_framing framing;
	uint64_t length;   /* HTTP_LENGTH */
	const char *error; /* why it was refused */
	/* How far the parser is. */
	size_t at, seen;
	bool has_length, has_coding, chunked;
};

/*
 * Reads the head that starts at bytes; call again with the same bytes and more behind them. A
 * folded line is unfolded in place (its line end becomes blanks), as section 5.2 tells a user
 * agent. no_body: the answer to HEAD. Returns 1 when the head is complete, 0 when bytes are
 * missing, -EPROTO (see error) when this is not HTTP.
 */
int http1_response(struct http1_head *h, char *bytes, size_t len, bool no_body);

/* The fields of a complete head, one a call; *at starts at head.line_len. False past the last. */
bool http1_field(const char *bytes, const struct http1_head *h, size_t *at, struct slice *name,
		 struct slice *value);

#endif
