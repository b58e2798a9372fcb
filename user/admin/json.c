/* SPDX-License-Identifier: GPL-2.0-only */
#include "admin/json.h"

#include <string.h>

/* RFC 3629, section 4: no overlong forms, no surrogates, nothing above U+10FFFF. */
static const struct {
	unsigned char first_low, first_high, second_low, second_high;
	unsigned int len;
} sequences[] = {
	{0x01, 0x7f, 0,    0,    1},
        {0xc2, 0xdf, 0x80, 0xbf, 2},
        {0xe0, 0xe0, 0xa0, 0xbf, 3},
	{0xe1, 0xec, 0x80, 0xbf, 3},
        {0xed, 0xed, 0x80, 0x9f, 3},
        {0xee, 0xef, 0x80, 0xbf, 3},
	{0xf0, 0xf0, 0x90, 0xbf, 4},
        {0xf1, 0xf3, 0x80, 0xbf, 4},
        {0xf4, 0xf4, 0x80, 0x8f, 4},
};

unsigned int json_utf8(const char *s)
{
	const unsigned char *b = (const unsigned char *)s;

	for (size_t i = 0; i < sizeof(sequences) / sizeof(sequences[0]); i++) {
		unsigned int len = sequences[i].len;

		if (b[0] < sequences[i].first_low || b[0] > sequences[i].first_high)
			continue;
		if (len > 1 && (b[1] < sequences[i].second_low || b[1] > sequences[i].second_high))
			return 0;
		for (unsigned int n = 2; n < len; n++)
			if ((b[n] & 0xc0) != 0x80)
				return 0;
		return len;
	}
	return 0;
}

static void put_escaped(struct buf *out, unsigned char c)
{
	static const char plain[] = "\"\\\b\f\n\r\t", letter[] = "\"\\bfnrt";
	const char *at = c ? strchr(plain, c) : NULL;

	if (at)
		buf_printf(out, "\\%c", letter[at - plain]);
	else
		buf_printf(out, "\\u%04x", c);
}

static void put_string(struct buf *out, const char *s)
{
	buf_append(out, "\"", 1);
	while (*s) {
		size_t plain = strcspn(s, "\"\\"), len = 0;
		unsigned int sequence = 0;

		while (len < plain && (unsigned char)s[len] >= 0x20) {
			sequence = json_utf8(s + len);
			if (!sequence)
				break;
			len += sequence;
		}
		buf_append(out, s, len);
		s += len;
		if (!*s)
			break;
		if ((unsigned char)*s < 0x80)
			put_escaped(out, (unsigned char)*s);
		else
			buf_puts(out, "\xef\xbf\xbd");
		s++;
	}
	buf_append(out, "\"", 1);
}

static void begin(struct json *j, const char *key)
{
	if (j->comma)
		buf_append(j->out, ",", 1);
	j->comma = true;
	if (!key)
		return;
	put_string(j->out, key);
	buf_append(j->out, ":", 1);
}

void json_open(struct json *j, const char *key, char bracket)
{
	begin(j, key);
	buf_append(j->out, &bracket, 1);
	j->comma = false;
}

void json_close(struct json *j, char bracket)
{
	buf_append(j->out, &bracket, 1);
	j->comma = true;
}

void json_text(struct json *j, const char *key, const char *value)
{
	begin(j, key);
	put_string(j->out, value);
}

void json_number(struct json *j, const char *key, uint64_t value)
{
	begin(j, key);
	buf_printf(j->out, "%llu", (unsigned long long)value);
}

void json_fraction(struct json *j, const char *key, double value)
{
	begin(j, key);
	buf_printf(j->out, "%.3f", value);
}

void json_raw(struct json *j, const char *key, const char *value)
{
	begin(j, key);
	buf_puts(j->out, value);
}

void json_bool(struct json *j, const char *key, bool value)
{
	json_raw(j, key, value ? "true" : "false");
}

void json_null(struct json *j, const char *key)
{
	json_raw(j, key, "null");
}
