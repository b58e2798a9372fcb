/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Chunked coding is a machine of one state a kind of byte: it keeps nothing but a trailer's name,
 * so that a size line of many pieces needs no buffer. Line ends are CR LF and nothing else here: a
 * proxy that is more generous than its peer is smuggled through.
 */
#include "core/http_body.h"

#include <errno.h>

#include "base/alloc.h"
#include "core/http_text.h"

enum { LENIENT_LINE_MAX = 4096, LENIENT_TRAILER_MAX = 65536, SIZE_DIGITS_MAX = 16, LINE_END = 2 };

/* RFC 9110 6.5.1: what decides about framing, routing, credentials or content has been decided by
 * the head; who reads it again at the end is fooled. */
static const char *const forbidden[] = {
	"content-length",
	"transfer-encoding",
	"host",
	"connection",
	"keep-alive",
	"proxy-connection",
	"upgrade",
	"te",
	"trailer",
	"expect",
	"max-forwards",
	"range",
	"cache-control",
	"authorization",
	"proxy-authorization",
	"www-authenticate",
	"proxy-authenticate",
	"cookie",
	"set-cookie",
	"content-type",
	"content-encoding",
	"content-range",
	"forwarded",
	"x-forwarded-for",
	"x-forwarded-proto",
	"x-forwarded-host",
	"location",
};

static bool is_forbidden(struct slice name)
{
	for (size_t i = 0; i < ARRAY_COUNT(forbidden); i++)
		if (slice_is(name, forbidden[i]))
			return true;
	return false;
}

static bool go(struct http_body *b, enum http_body_state next)
{
	b->state = next;
	return true;
}

static bool refuse(struct http_body *b, uint16_t status, const char *why)
{
	b->error = why;
	b->error_status = status;
	return false;
}

static bool no(struct http_body *b, const char *why)
{
	return refuse(b, 400, why);
}

static bool too_large(struct http_body *b)
{
	return refuse(b, 413, "more content than is allowed");
}

/* Only whether there is one matters beyond the first few. */
static void count(struct http_body *b)
{
	b->count += b->count < UINT8_MAX;
}

/* Strictly a size stays below 2^63, so that a peer's signed number holds it. */
static bool add_digit(struct http_body *b, int digit)
{
	if (b->left >> (b->strict ? 59 : 60) || (b->strict && b->count == SIZE_DIGITS_MAX))
		return no(b, "chunk size too large");
	b->left = b->left << 4 | digit;
	count(b);
	return true;
}

static bool begin_extension(struct http_body *b)
{
	b->count = 0;
	return go(b, b->strict ? HTTP_BODY_EXT_NAME : HTTP_BODY_EXTENSION);
}

static bool size_byte(struct http_body *b, char c)
{
	int digit = http_hex_digit(c);

	if (digit >= 0)
		return add_digit(b, digit);
	if (!b->count)
		return false;
	if (c == '\r')
		return go(b, HTTP_BODY_SIZE_LF);
	return (c == ';' || (!b->strict && (c == ' ' || c == '\t'))) && begin_extension(b);
}

static bool extension_byte(struct http_body *b, char c)
{
	if (c == '\r')
		return go(b, HTTP_BODY_SIZE_LF);
	return c != '\n' && c != '\0';
}

/* What may stand behind a whole extension: the next, or the line's end. */
static bool extension_end(struct http_body *b, char c)
{
	if (c == '\r')
		return go(b, HTTP_BODY_SIZE_LF);
	return c == ';' && begin_extension(b);
}

static bool ext_name_byte(struct http_body *b, char c)
{
	if (http_is_token(c)) {
		count(b);
		return true;
	}
	if (c == '=' && b->count)
		return go(b, HTTP_BODY_EXT_VALUE);
	return b->count && extension_end(b, c);
}

static bool ext_value_byte(struct http_body *b, char c)
{
	if (c == '"')
		return go(b, HTTP_BODY_EXT_QUOTED);
	return http_is_token(c) && go(b, HTTP_BODY_EXT_TOKEN);
}

static bool ext_token_byte(struct http_body *b, char c)
{
	return http_is_token(c) || extension_end(b, c);
}

static bool ext_quoted_byte(struct http_body *b, char c)
{
	if (c == '"')
		return go(b, HTTP_BODY_EXT_END);
	if (c == '\\')
		return go(b, HTTP_BODY_EXT_ESCAPE);
	return http_is_text(c);
}

static bool ext_escape_byte(struct http_body *b, char c)
{
	return http_is_text(c) && go(b, HTTP_BODY_EXT_QUOTED);
}

static bool size_lf_byte(struct http_body *b, char c)
{
	if (c != '\n')
		return false;
	if (b->left > b->room)
		return too_large(b);
	b->room -= b->left;
	b->line = 0;
	return go(b, b->left ? HTTP_BODY_DATA : HTTP_BODY_TRAILER);
}

static bool data_cr_byte(struct http_body *b, char c)
{
	return c == '\r' && go(b, HTTP_BODY_DATA_LF);
}

static bool data_lf_byte(struct http_body *b, char c)
{
	b->count = 0;
	b->line = 0;
	return c == '\n' && go(b, HTTP_BODY_SIZE);
}

static bool trailer_name_byte(struct http_body *b, char c)
{
	if (c == ':' && is_forbidden((struct slice){b->name, b->count}))
		return no(b, "forbidden field in a trailer");
	if (c == ':')
		return go(b, HTTP_BODY_TRAILER_VALUE);
	if (!http_is_token(c))
		return no(b, "malformed trailer");
	if (b->count < HTTP_BODY_NAME_MAX)
		b->name[b->count++] = c;
	return true;
}

static bool trailer_byte(struct http_body *b, char c)
{
	if (c == '\r')
		return go(b, HTTP_BODY_LAST_LF);
	if (!b->strict)
		return c != '\n' && go(b, HTTP_BODY_TRAILER_LINE);
	b->count = 0;
	return c != ':' && go(b, HTTP_BODY_TRAILER_NAME) && trailer_name_byte(b, c);
}

static bool trailer_value_byte(struct http_body *b, char c)
{
	if (c == '\r')
		return go(b, HTTP_BODY_TRAILER_LF);
	return http_is_text(c) || no(b, "malformed trailer");
}

static bool trailer_line_byte(struct http_body *b, char c)
{
	if (c == '\r')
		return go(b, HTTP_BODY_TRAILER_LF);
	return c != '\n';
}

static bool trailer_lf_byte(struct http_body *b, char c)
{
	return c == '\n' && go(b, HTTP_BODY_TRAILER);
}

static bool last_lf_byte(struct http_body *b, char c)
{
	return c == '\n' && go(b, HTTP_BODY_OVER);
}

static bool (*const on_byte[])(struct http_body *b, char c) = {
	[HTTP_BODY_SIZE] = size_byte,
	[HTTP_BODY_EXTENSION] = extension_byte,
	[HTTP_BODY_EXT_NAME] = ext_name_byte,
	[HTTP_BODY_EXT_VALUE] = ext_value_byte,
	[HTTP_BODY_EXT_TOKEN] = ext_token_byte,
	[HTTP_BODY_EXT_QUOTED] = ext_quoted_byte,
	[HTTP_BODY_EXT_ESCAPE] = ext_escape_byte,
	[HTTP_BODY_EXT_END] = extension_end,
	[HTTP_BODY_SIZE_LF] = size_lf_byte,
	[HTTP_BODY_DATA_CR] = data_cr_byte,
	[HTTP_BODY_DATA_LF] = data_lf_byte,
	[HTTP_BODY_TRAILER] = trailer_byte,
	[HTTP_BODY_TRAILER_LINE] = trailer_line_byte,
	[HTTP_BODY_TRAILER_NAME] = trailer_name_byte,
	[HTTP_BODY_TRAILER_VALUE] = trailer_value_byte,
	[HTTP_BODY_TRAILER_LF] = trailer_lf_byte,
	[HTTP_BODY_LAST_LF] = last_lf_byte,
};

/* The line's own end does not count: strangers are told a limit in bytes that they write. */
static bool line_grows(struct http_body *b)
{
	bool trailer = b->state >= HTTP_BODY_TRAILER;
	uint32_t strict = trailer ? HTTP_TRAILER_MAX : HTTP_CHUNK_LINE_MAX;
	uint32_t lenient = trailer ? LENIENT_TRAILER_MAX : LENIENT_LINE_MAX;

	return ++b->line <= (b->strict ? strict : lenient) + LINE_END ||
	       no(b, trailer ? "trailers too long" : "chunk line too long");
}

void http_body_start(struct http_body *b, enum http_framing framing, uint64_t length, bool strict)
{
	*b = (struct http_body){.framing = framing, .strict = strict, .room = UINT64_MAX};
	switch (framing) {
	case HTTP_NO_BODY:
		b->state = HTTP_BODY_OVER;
		break;
	case HTTP_LENGTH:
		b->left = length;
		b->state = length ? HTTP_BODY_DATA : HTTP_BODY_OVER;
		break;
	case HTTP_CHUNKED:
		b->state = HTTP_BODY_SIZE;
		break;
	case HTTP_UNTIL_CLOSE:
		b->left = UINT64_MAX;
		break;
	}
}

bool http_body_limit(struct http_body *b, uint64_t bytes)
{
	b->room = bytes;
	return b->framing != HTTP_LENGTH || b->left <= bytes || too_large(b);
}

uint64_t http_body_opaque(const struct http_body *b)
{
	return b->state == HTTP_BODY_DATA ? b->left : 0;
}

void http_body_moved(struct http_body *b, uint64_t bytes)
{
	if (b->framing != HTTP_UNTIL_CLOSE)
		b->left -= bytes;
	if (!b->left)
		b->state = b->framing == HTTP_CHUNKED ? HTTP_BODY_DATA_CR : HTTP_BODY_OVER;
}

ssize_t http_body_take(struct http_body *b, const char *bytes, size_t len, struct slice *content)
{
	size_t used = 0;

	*content = (struct slice){bytes, 0};
	if (b->state == HTTP_BODY_DATA) {
		content->len = len < b->left ? len : b->left;
		http_body_moved(b, content->len);
		return content->len;
	}
	while (used < len && b->state != HTTP_BODY_DATA && b->state != HTTP_BODY_OVER) {
		if (!line_grows(b) || !on_byte[b->state](b, bytes[used])) {
			if (!b->error)
				(void)no(b, "broken chunked coding");
			return -EPROTO;
		}
		used++;
	}
	return used;
}

ssize_t http_body_pass(struct http_body *b, const char *bytes, size_t len)
{
	size_t passed = 0;

	while (passed < len && !http_body_over(b)) {
		struct slice content;
		ssize_t n = http_body_take(b, bytes + passed, len - passed, &content);

		if (n < 0)
			return n;
		passed += n;
	}
	return passed;
}
