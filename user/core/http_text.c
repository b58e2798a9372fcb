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

size_t http_token_span(const char *at, size_t len)
{
	size_t n = 0;

	while (n < len && http_is_token(at[n]))
		n++;
	return n;
}

size_t http_visible_span(const char *at, size_t len)
{
	size_t n = 0;

	while (n < len && at[n] > 0x20 && at[n] < 0x7f)
		n++;
	return n;
}

/* Whether a byte of the eight is a control: below 0x20, or 0x7f. A tab counts; who asks looks at
 * the bytes one by one then. */
static bool has_control(uint64_t eight)
{
	const uint64_t ones = 0x0101010101010101, highs = 0x80 * ones;
	uint64_t del = eight ^ (0x7f * ones);

	return (((eight - 0x20 * ones) & ~eight) | ((del - ones) & ~del)) & highs;
}

size_t http_text_span(const char *at, size_t len)
{
	size_t n = 0;

	for (;;) {
		uint64_t eight;
		size_t stop = n + 8;

		if (len - n >= 8) {
			memcpy(&eight, at + n, 8);
			if (!has_control(eight)) {
				n += 8;
				continue;
			}
		}
		for (; n < len && n < stop; n++)
			if (!http_is_text(at[n]))
				return n;
		if (n == len)
			return n;
	}
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
