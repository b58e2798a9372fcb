/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * HTTP/1.0 and HTTP/1.1 responses (RFC 9112): the head, and how long the body is and where. Pure;
 * allocates nothing; works on bytes that arrive in pieces of any size and looks at each once.
 */
#ifndef LBXDP_CORE_HTTP1_H
#define LBXDP_CORE_HTTP1_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/slice.h"

enum { HTTP1_HEAD_MAX = 65536, HTTP1_TRAILER_MAX = 65536, HTTP1_CHUNK_LINE_MAX = 4096 };

enum http1_framing {
	HTTP1_NO_BODY,
	HTTP1_LENGTH,
	HTTP1_CHUNKED,
	HTTP1_UNTIL_CLOSE,
};

/* Zero-initialised before the first byte. */
struct http1_head {
	uint8_t minor;   /* of the version: 0 or 1 (higher ones count as 1) */
	uint16_t status; /* 0 until the status line is complete */
	size_t line_len; /* the status line, without its end; it starts at the first byte */
	size_t size;     /* of the whole head, once it is complete */
	enum http1_framing framing;
	uint64_t length;   /* HTTP1_LENGTH */
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

enum http1_body_state {
	HTTP1_BODY_DATA,
	HTTP1_BODY_SIZE,
	HTTP1_BODY_EXTENSION,
	HTTP1_BODY_SIZE_END,
	HTTP1_BODY_DATA_CR,
	HTTP1_BODY_DATA_LF,
	HTTP1_BODY_TRAILER,
	HTTP1_BODY_TRAILER_LINE,
	HTTP1_BODY_TRAILER_LF,
	HTTP1_BODY_LAST_LF,
	HTTP1_BODY_OVER,
};

struct http1_body {
	enum http1_framing framing;
	enum http1_body_state state; /* HTTP1_BODY_OVER: the message ends here */
	uint64_t left;               /* of the length, or of this chunk */
	unsigned int digits, line;   /* of the chunk size; bytes of the line or of the trailers */
	const char *error;
};

void http1_body_start(struct http1_body *b, const struct http1_head *h);

/*
 * Takes bytes behind the head. *content is the part of them that is the body's (it may be empty).
 * Returns how many bytes were taken, at least one unless len is 0 or the body is over; call again
 * with the rest. -EPROTO when the chunked coding is broken.
 */
ssize_t http1_body_take(struct http1_body *b, const char *bytes, size_t len, struct slice *content);

#endif
