/* SPDX-License-Identifier: GPL-2.0-only */
#include "core/config_value.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "lbxdp/abi.h"

static const struct {
	const char *name;
	uint32_t msec;
} units[] = {
	{"d",  86400000},
        {"h",  3600000 },
        {"m",  60000   },
        {"s",  1000    },
        {"ms", 1       }
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Reads digits up to *end; false when there are none, or the number is above UINT32_MAX. */
static bool take_digits(const char *text, const char **end, uint32_t *out)
{
	uint64_t n = 0;
	const char *at = text;

	for (; is_digit(*at); at++) {
		n = n * 10 + (uint64_t)(*at - '0');
		if (n > UINT32_MAX)
			return false;
	}
	*end = at;
	*out = (uint32_t)n;
	return at != text;
}

const char *value_uint(const char *text, uint32_t *out)
{
	const char *end = text;

	if (*text == '0' && is_digit(text[1]))
		return "is not a plain number (no leading zero)";
	if (!take_digits(text, &end, out) || *end)
		return is_digit(*text) && !*(text + strspn(text, "0123456789"))
			       ? "is too large"
			       : "is not a whole number";
	return NULL;
}

const char *value_duration(const char *text, uint32_t *msec)
{
	const char *unit;
	uint32_t n;

	if (!is_digit(*text) || !take_digits(text, &unit, &n))
		return "is not a duration (like 250ms, 6s, 30m, 2h, 1d)";
	if (!*unit && n)
		return "needs a unit: ms, s, m, h or d (like 6s)";
	if (!*unit) {
		*msec = 0;
		return NULL;
	}
	for (size_t i = 0; i < ARRAY_COUNT(units); i++) {
		if (strcmp(unit, units[i].name))
			continue;
		if (n > UINT32_MAX / units[i].msec)
			return "is too long (at most 49d)";
		*msec = n * units[i].msec;
		return NULL;
	}
	return "has an unknown unit: known are ms, s, m, h and d";
}

void value_print_duration(uint32_t msec, struct buf *out)
{
	size_t i = 0;

	while (msec % units[i].msec || (!msec && units[i].msec != 1000))
		i++;
	buf_printf(out, "%u%s", msec / units[i].msec, units[i].name);
}

static const char *take_port(const char **text, uint16_t *port)
{
	uint32_t n;

	if (!take_digits(*text, text, &n) || n < 1 || n > 65535)
		return "is not a port (1 to 65535), a range (1000-1010) or a list (143,993)";
	*port = (uint16_t)n;
	return NULL;
}

static void skip_spaces(const char **text)
{
	while (**text == ' ')
		(*text)++;
}

const char *value_port_range(const char **text, struct port_range *out)
{
	const char *at = *text, *wrong;

	skip_spaces(&at);
	wrong = take_port(&at, &out->first);
	if (wrong)
		return wrong;
	out->last = out->first;
	if (*at == '-') {
		at++;
		wrong = take_port(&at, &out->last);
	}
	skip_spaces(&at);
	if (wrong || (*at && *at != ','))
		return "is not a port (1 to 65535), a range (1000-1010) or a list (143,993)";
	if (*at == ',' && !*++at)
		return "ends with a comma";
	if (out->first > out->last)
		return "is a range that ends before it begins";
	*text = at;
	return NULL;
}

const char *value_listen(const char *text, struct addr *a, uint16_t *port)
{
	static const char shape[] =
		"is not ADDRESS:PORT (127.0.0.1:9443 or \"[::1]:9443\") and not off";
	const char *colon = strrchr(text, ':');
	size_t len = colon ? (size_t)(colon - text) : 0;
	char address[ADDR_TEXT_LEN];
	bool bracketed = len > 2 && *text == '[' && text[len - 1] == ']';
	uint32_t n;

	if (bracketed) {
		text++;
		len -= 2;
	}
	if (!len || len >= sizeof(address))
		return shape;
	memcpy(address, text, len);
	address[len] = '\0';
	if (addr_parse(a, address) || (strchr(address, ':') != NULL) != bracketed)
		return shape;
	if (value_uint(colon + 1, &n) || n < 1 || n > 65535)
		return "has no port from 1 to 65535 behind its address";
	*port = (uint16_t)n;
	return NULL;
}

bool value_is_loopback(const struct addr *a)
{
	static const struct addr one = {.byte = {[15] = 1}};

	return addr_is_v4(a) ? a->byte[12] == 127 : addr_equal(a, &one);
}

const char *value_address(const char *text, struct addr *a)
{
	struct addr parsed;

	if (addr_parse(&parsed, text))
		return strchr(text, '/') ? "is a network; an address without /length is needed here"
					 : "is not an IPv4 or IPv6 address";
	if (addr_is_unspecified(&parsed))
		return "is the unspecified address";
	if (addr_is_multicast(&parsed))
		return "is a multicast address";
	if (value_is_loopback(&parsed))
		return "is a loopback address";
	if (addr_is_v4(&parsed) && (parsed.byte[12] == 0 || parsed.byte[12] >= 240))
		return "is a reserved or broadcast address";
	if (addr_is_link_local(&parsed))
		return "is a link-local address, which means nothing without its interface";
	*a = parsed;
	return NULL;
}

/* Beyond ASCII: C1 controls, and what YAML takes for line breaks or refuses to hold. */
static bool is_odd(const char *at)
{
	static const char *const odd[] = {"\xe2\x80\xa8", "\xe2\x80\xa9", "\xef\xbb\xbf",
					  "\xef\xbf\xbe", "\xef\xbf\xbf"};

	if ((unsigned char)at[0] == 0xc2 && (unsigned char)at[1] < 0xa0)
		return true;
	for (size_t i = 0; i < ARRAY_COUNT(odd); i++)
		if (!strncmp(at, odd[i], strlen(odd[i])))
			return true;
	return false;
}

bool value_is_printable(const char *text, bool spaces)
{
	for (const char *at = text; *at; at++)
		if ((unsigned char)*at < ' ' || *at == 0x7f || (*at == ' ' && !spaces) ||
		    is_odd(at))
			return false;
	return true;
}

const char *value_label(const char *text)
{
	size_t len = strlen(text);

	if (!len)
		return "is an empty label";
	if (len >= LB_NAME_LEN)
		return "is longer than 63 bytes";
	if (strpbrk(text, "/*"))
		return "holds '/' or '*', which separate and match labels on the command line";
	if (!value_is_printable(text, true) || text[0] == ' ' || text[len - 1] == ' ')
		return "holds characters that cannot be printed, or begins or ends with a space";
	return NULL;
}

const char *value_interface(const char *text)
{
	size_t len = strlen(text);

	if (!len || len > 15 || strpbrk(text, "/:%") || !value_is_printable(text, false) ||
	    !strcmp(text, ".") || !strcmp(text, ".."))
		return "is not an interface name (1 to 15 characters, no space, '/', ':' or '%')";
	return NULL;
}

bool value_is_token(const char *text)
{
	static const char known[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789!#$%&'*+-.^_`|~";

	return *text && !text[strspn(text, known)];
}

static int hex_byte(const char *at)
{
	char digits[3] = {at[0], at[0] ? at[1] : '\0'};

	if (!isxdigit((unsigned char)digits[0]) || !isxdigit((unsigned char)digits[1]))
		return -1;
	return (int)strtol(digits, NULL, 16);
}

/* The byte of the escape behind the backslash; moves *at past it. -1 when there is none. */
static int take_escape(const char **at)
{
	static const char names[] = "rnt\\\"", bytes[] = "\r\n\t\\\"";
	const char *found = **at ? strchr(names, **at) : NULL;
	int byte;

	if (found) {
		(*at)++;
		return bytes[found - names];
	}
	if (**at != 'x')
		return -1;
	byte = hex_byte(*at + 1);
	if (byte <= 0)
		return -1;
	*at += 3;
	return byte;
}

const char *value_unescape(const char *text, char *out, size_t room)
{
	size_t len = 0;

	while (*text) {
		int byte = (unsigned char)*text++;

		if (byte == '\\')
			byte = take_escape(&text);
		if (byte < 0)
			return "holds an unknown escape (known: \\r \\n \\t \\\\ \\\" \\xHH, not "
			       "\\x00)";
		if (len + 1 == room)
			return "is too long (at most 255 bytes)";
		out[len++] = (char)byte;
	}
	out[len] = '\0';
	return NULL;
}

void value_escape(const char *text, struct buf *out)
{
	static const char names[] = "rnt\\", bytes[] = "\r\n\t\\";

	for (; *text; text++) {
		const char *found = strchr(bytes, *text);

		if (found)
			buf_printf(out, "\\%c", names[found - bytes]);
		else if ((unsigned char)*text < ' ' || (unsigned char)*text >= 0x7f)
			buf_printf(out, "\\x%02x", (unsigned char)*text);
		else
			buf_append(out, text, 1);
	}
}

static bool needs_quotes(const char *text)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789_./-";

	return !*text || !isalnum((unsigned char)*text) || text[strspn(text, plain)];
}

void value_print_word(const char *text, struct buf *out)
{
	if (!needs_quotes(text)) {
		buf_puts(out, text);
		return;
	}
	buf_puts(out, "\"");
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			buf_puts(out, "\\");
		buf_append(out, text, 1);
	}
	buf_puts(out, "\"");
}
