/* SPDX-License-Identifier: GPL-2.0-only */
#include "core/http_text.h"

#include <endian.h>

enum { SIGN = HTTP_TOKEN, UNRESERVED = HTTP_TOKEN | HTTP_HOST };

const uint8_t http_alphabets[256] = {
	['!'] = SIGN,
	['#' ... '\''] = SIGN,
	['*' ... '+'] = SIGN,
	['-' ... '.'] = UNRESERVED,
	['0' ... '9'] = UNRESERVED,
	['A' ... 'Z'] = UNRESERVED,
	['^'] = SIGN,
	['_'] = UNRESERVED,
	['`'] = SIGN,
	['a' ... 'z'] = UNRESERVED,
	['|'] = SIGN,
	['~'] = UNRESERVED,
};

bool http_is_text(char c)
{
	uint8_t byte = c;

	return byte == '\t' || (byte >= 0x20 && byte != 0x7f);
}

static bool is_visible(char c)
{
	return c > 0x20 && c < 0x7f;
}

static const uint64_t ones = 0x0101010101010101;

/* Marks, by its highest bit, each of the eight bytes that is below bound (at most 0x80), or 0x7f. A
 * borrow may mark bytes above such a one as well; the lowest mark always stands where it should. */
static uint64_t strays(uint64_t eight, uint8_t bound)
{
	uint64_t del = eight ^ (0x7f * ones);

	return (((eight - bound * ones) & ~eight) | ((del - ones) & ~del)) & (0x80 * ones);
}

static uint64_t may_leave_text(uint64_t eight)
{
	return strays(eight, 0x20);
}

static uint64_t may_leave_visible(uint64_t eight)
{
	return strays(eight, 0x21) | (eight & (0x80 * ones));
}

static inline uint64_t first_eight(const char *at)
{
	uint64_t eight;

	memcpy(&eight, at, sizeof(eight));
	return le64toh(eight);
}

/* Eight bytes at a time, and only those that may_leave marks one by one. */
static inline size_t span(const char *at, size_t len, uint64_t (*may_leave)(uint64_t eight),
			  bool (*belongs)(char c))
{
	size_t n = 0;

	while (len - n >= 8) {
		uint64_t marks = may_leave(first_eight(at + n));

		if (!marks) {
			n += 8;
			continue;
		}
		n += __builtin_ctzll(marks) / 8;
		if (!belongs(at[n]))
			return n;
		n++;
	}
	while (n < len && belongs(at[n]))
		n++;
	return n;
}

size_t http_token_span(const char *at, size_t len)
{
	size_t n = 0;

	while (n < len && http_is_token(at[n]))
		n++;
	return n;
}

size_t http_text_span(const char *at, size_t len)
{
	return span(at, len, may_leave_text, http_is_text);
}

size_t http_visible_span(const char *at, size_t len)
{
	return span(at, len, may_leave_visible, is_visible);
}

int http_hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
		return (c | 0x20) - 'a' + 10;
	return -1;
}

bool http_number(struct slice text, uint64_t *number)
{
	*number = 0;
	for (size_t i = 0; i < text.len; i++) {
		if (text.at[i] < '0' || text.at[i] > '9' || *number > (UINT64_MAX - 9) / 10)
			return false;
		*number = *number * 10 + (text.at[i] - '0');
	}
	return text.len > 0;
}

bool http_list_next(struct slice *list, struct slice *element)
{
	const char *comma;

	if (!list->len)
		return false;
	comma = memchr(list->at, ',', list->len);
	element->at = list->at;
	element->len = comma ? (size_t)(comma - list->at) : list->len;
	list->at += element->len + (comma ? 1 : 0);
	list->len -= element->len + (comma ? 1 : 0);
	*element = slice_trim(*element);
	return true;
}
