/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The body of an HTTP/1 message. Chunked coding is a machine of one state a kind of byte: it keeps
 * nothing, so that a size line of many pieces needs no buffer. Line ends are CR LF and nothing else
 * here: a proxy that is more generous than its peer is smuggled through.
 */
#include <errno.h>

#include "core/http1.h"

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
		return (c | 0x20) - 'a' + 10;
	return -1;
}

static bool go(struct http1_body *b, enum http1_body_state next)
{
	b->state = next;
	return true;
}

static bool line_grows(struct http1_body *b, unsigned int limit)
{
	return ++b->line <= limit;
}

static bool size_byte(struct http1_body *b, char c)
{
	int digit = hex_digit(c);

	if (digit >= 0 && b->left >> 60 == 0) {
		b->left = b->left << 4 | digit;
		b->digits++;
		return line_grows(b, HTTP1_CHUNK_LINE_MAX);
	}
	if (digit >= 0 || !b->digits)
		return false;
	if (c == '\r')
		return go(b, HTTP1_BODY_SIZE_END);
	return (c == ';' || c == ' ' || c == '\t') && go(b, HTTP1_BODY_EXTENSION);
}

static bool extension_byte(struct http1_body *b, char c)
{
	if (c == '\r')
		return go(b, HTTP1_BODY_SIZE_END);
	return c != '\n' && c != '\0' && line_grows(b, HTTP1_CHUNK_LINE_MAX);
}

static bool size_end_byte(struct http1_body *b, char c)
{
	b->line = 0;
	return c == '\n' && go(b, b->left ? HTTP1_BODY_DATA : HTTP1_BODY_TRAILER);
}

static bool data_cr_byte(struct http1_body *b, char c)
{
	return c == '\r' && go(b, HTTP1_BODY_DATA_LF);
}

static bool data_lf_byte(struct http1_body *b, char c)
{
	b->digits = 0;
	return c == '\n' && go(b, HTTP1_BODY_SIZE);
}

static bool trailer_byte(struct http1_body *b, char c)
{
	if (c == '\r')
		return go(b, HTTP1_BODY_LAST_LF);
	return c != '\n' && go(b, HTTP1_BODY_TRAILER_LINE);
}

static bool trailer_line_byte(struct http1_body *b, char c)
{
	if (c == '\r')
		return go(b, HTTP1_BODY_TRAILER_LF);
	return c != '\n' && line_grows(b, HTTP1_TRAILER_MAX);
}

static bool trailer_lf_byte(struct http1_body *b, char c)
{
	return c == '\n' && line_grows(b, HTTP1_TRAILER_MAX) && go(b, HTTP1_BODY_TRAILER);
}

static bool last_lf_byte(struct http1_body *b, char c)
{
	return c == '\n' && go(b, HTTP1_BODY_OVER);
}

static bool (*const on_byte[])(struct http1_body *b, char c) = {
	[HTTP1_BODY_SIZE] = size_byte,
	[HTTP1_BODY_EXTENSION] = extension_byte,
	[HTTP1_BODY_SIZE_END] = size_end_byte,
	[HTTP1_BODY_DATA_CR] = data_cr_byte,
	[HTTP1_BODY_DATA_LF] = data_lf_byte,
	[HTTP1_BODY_TRAILER] = trailer_byte,
	[HTTP1_BODY_TRAILER_LINE] = trailer_line_byte,
	[HTTP1_BODY_TRAILER_LF] = trailer_lf_byte,
	[HTTP1_BODY_LAST_LF] = last_lf_byte,
};

void http1_body_start(struct http1_body *b, const struct http1_head *h)
{
	*b = (struct http1_body){.framing = h->framing, .left = h->length};
	switch (h->framing) {
	case HTTP1_NO_BODY:
		b->state = HTTP1_BODY_OVER;
		break;
	case HTTP1_LENGTH:
		b->state = b->left ? HTTP1_BODY_DATA : HTTP1_BODY_OVER;
		break;
	case HTTP1_CHUNKED:
		b->left = 0;
		b->state = HTTP1_BODY_SIZE;
		break;
	case HTTP1_UNTIL_CLOSE:
		b->left = UINT64_MAX;
		break;
	}
}

static size_t take_data(struct http1_body *b, const char *bytes, size_t len, struct slice *content)
{
	size_t n = len < b->left ? len : b->left;

	*content = (struct slice){bytes, n};
	if (b->framing != HTTP1_UNTIL_CLOSE)
		b->left -= n;
	if (!b->left)
		b->state = b->framing == HTTP1_CHUNKED ? HTTP1_BODY_DATA_CR : HTTP1_BODY_OVER;
	return n;
}

ssize_t http1_body_take(struct http1_body *b, const char *bytes, size_t len, struct slice *content)
{
	size_t used = 0;

	*content = (struct slice){bytes, 0};
	if (b->state == HTTP1_BODY_DATA)
		return take_data(b, bytes, len, content);
	while (used < len && b->state != HTTP1_BODY_DATA && b->state != HTTP1_BODY_OVER) {
		if (!on_byte[b->state](b, bytes[used])) {
			b->error = "broken chunked coding";
			return -EPROTO;
		}
		used++;
	}
	return used;
}
