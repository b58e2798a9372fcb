/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The body of an HTTP/1 message (RFC 9112 sections 6 and 7): which of the bytes behind a head
 * belong to it, and whether it is over. Pure; keeps no bytes and takes them in pieces of any size,
 * so that a proxy sends on what it has just checked.
 *
 * One walker for the checks and for the proxy. What strict adds for the proxy: a chunk line is at
 * most HTTP_CHUNK_LINE_MAX bytes, an extension is ";" token [ "=" ( token | quoted-string ) ]
 * without blanks, and trailers are well-formed fields of at most HTTP_TRAILER_MAX bytes together
 * that say nothing of framing, routing, credentials or content. Line ends are CR LF either way.
 */
#ifndef LBXDP_CORE_HTTP_BODY_H
#define LBXDP_CORE_HTTP_BODY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/slice.h"

enum {
	HTTP_CHUNK_LINE_MAX = 256, /* strict: bytes of size and extensions, without the line end */
	HTTP_TRAILER_MAX = 16384,  /* strict: bytes of all trailers with their line ends */
	HTTP_BODY_NAME_MAX = 20,   /* more than any name that is refused in a trailer */
};

enum http_framing {
	HTTP_NO_BODY,
	HTTP_LENGTH,
	HTTP_CHUNKED,
	HTTP_UNTIL_CLOSE, /* responses only */
};

enum http_body_state {
	HTTP_BODY_DATA,
	HTTP_BODY_SIZE,
	HTTP_BODY_EXTENSION, /* lenient: anything up to the line end */
	HTTP_BODY_EXT_NAME,
	HTTP_BODY_EXT_VALUE,
	HTTP_BODY_EXT_TOKEN,
	HTTP_BODY_EXT_QUOTED,
	HTTP_BODY_EXT_ESCAPE,
	HTTP_BODY_EXT_END,
	HTTP_BODY_SIZE_LF,
	HTTP_BODY_DATA_CR,
	HTTP_BODY_DATA_LF,
	HTTP_BODY_TRAILER,
	HTTP_BODY_TRAILER_LINE, /* lenient: anything up to the line end */
	HTTP_BODY_TRAILER_NAME,
	HTTP_BODY_TRAILER_VALUE,
	HTTP_BODY_TRAILER_LF,
	HTTP_BODY_LAST_LF,
	HTTP_BODY_OVER,
};

/* Whoever has one reads state, left, error and error_status, and changes nothing. */
struct http_body {
	uint64_t left;     /* bytes of the length, or of this chunk */
	uint64_t room;     /* bytes of content that further chunks may bring */
	const char *error; /* why it was refused, and with which status: 400, or 413 */
	uint16_t error_status;
	uint32_t line;   /* bytes of this chunk line, or of the trailers */
	uint8_t framing; /* enum http_framing */
	uint8_t state;   /* enum http_body_state; HTTP_BODY_OVER: the message ends here */
	bool strict;
	uint8_t count; /* digits of a chunk size, bytes of an element or of a trailer's name */
	char name[HTTP_BODY_NAME_MAX]; /* the trailer's name, cut short */
};

/* length: bytes, for HTTP_LENGTH only. A message without a body is over at once. */
void http_body_start(struct http_body *b, enum http_framing framing, uint64_t length, bool strict);

/*
 * It may have so many bytes of content, without the chunked coding; to be said after the start. A
 * chunk that would pass that is refused with its size, before any byte of it. Returns false when a
 * Content-Length is above it: error and error_status then say so.
 */
bool http_body_limit(struct http_body *b, uint64_t bytes);

/*
 * Takes bytes behind the head. *content is the part of them that is content, without the chunked
 * coding (it may be empty). Returns how many bytes were taken, at least one unless len is 0 or the
 * body is over; call again with the rest. -EPROTO (see error) when the chunked coding is broken, or
 * brings more than the limit.
 */
ssize_t http_body_take(struct http_body *b, const char *bytes, size_t len, struct slice *content);

/*
 * For sending on as it came: how many of the bytes belong to this message, coding and all; fewer
 * than len only when it is over (the rest is the next message's, or should not be there). -EPROTO
 * (see error): something among them is broken, and none of them may be sent on.
 */
ssize_t http_body_pass(struct http_body *b, const char *bytes, size_t len);

/* Whether the message is over; with HTTP_UNTIL_CLOSE it never is before the peer closes. */
static inline bool http_body_over(const struct http_body *b)
{
	return b->state == HTTP_BODY_OVER;
}

/* How many bytes come next that nobody needs to look at, for splice(2): 0 between chunks and at the
 * end, UINT64_MAX until close. What was moved is told with http_body_moved(), never more than that.
 */
uint64_t http_body_opaque(const struct http_body *b);
void http_body_moved(struct http_body *b, uint64_t bytes);

#endif
