/* SPDX-License-Identifier: GPL-2.0-only */
#include "core/http_text.h"

static const bool token[256] = {
	['!'] = true,         ['#' ... '\''] = true, ['*' ... '+'] = true,
	['-' ... '.'] = true, ['0' ... '9'] = true,  ['A' ... 'Z'] = true,
	['^' ... 'z'] = true, ['|'] = true,          ['~'] = true,
};

bool http_is_token(char c)
{
	return token[(uint8_t)c];
}

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

/* Whether one of the eight bytes is below bound (at most 0x80), or 0x7f; the bytes themselves show
 * which, since a borrow may mark the one above it as well. */
static uint64_t strays(uint64_t eight, uint8_t bound)
{
	uint64_t del = eight ^ (0x7f * ones);

	return (((eight - bound * ones) & ~eight) | ((del - ones) & ~del)) & (0x80 * ones);
}

static bool may_leave_text(uint64_t eight)
{
	return strays(eight, 0x20) != 0;
}

static bool may_leave_visible(uint64_t eight)
{
	return strays(eight, 0x21) || (eight & (0x80 * ones));
}

/* Eight bytes at a time while none may_leave; then one by one. */
static inline size_t span(const char *at, size_t len, bool (*may_leave)(uint64_t eight),
			  bool (*belongs)(char c))
{
	size_t n = 0, stop;

	for (;;) {
		uint64_t eight;

		for (; len - n >= 8; n += 8) {
			memcpy(&eight, at + n, 8);
			if (may_leave(eight))
				break;
		}
		for (stop = len - n < 8 ? len : n + 8; n < stop; n++)
			if (!belongs(at[n]))
				return n;
		if (n == len)
			return n;
	}
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
