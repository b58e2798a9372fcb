/* SPDX-License-Identifier: GPL-2.0-only */
/* The rules are those of the specification's sections 2.1 and 2.2, read strictly: what a real
 * server would take for something else is refused. */
#include "core/proxy_header.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum {
	V1_MAX = 107, /* with CR and LF */
	V2_FIXED = 16,
	V2_COMMAND_LOCAL = 0x20,
	V2_COMMAND_PROXY = 0x21,
	V2_TCP4 = 0x11,
	V2_TCP6 = 0x21,
	V2_TCP4_LEN = 12,
	V2_TCP6_LEN = 36,
};

static const char v1_begin[] = "PROXY ";
static const uint8_t v2_begin[12] = "\r\n\r\n\0\r\nQUIT\n";

/* Takes the word up to the next single space or the end into text. */
static bool take_word(const char **at, const char *end, char *text, size_t room)
{
	size_t len = 0;

	while (*at + len < end && (*at)[len] != ' ')
		len++;
	if (!len || len >= room)
		return false;
	memcpy(text, *at, len);
	text[len] = '\0';
	*at += len;
	if (*at < end)
		++*at;
	return strlen(text) == len;
}

static bool take_addr(const char **at, const char *end, bool v4, struct addr *a)
{
	char text[ADDR_TEXT_LEN];

	if (!take_word(at, end, text, sizeof(text)) || addr_parse(a, text))
		return false;
	return v4 == !strchr(text, ':');
}

/* Decimal, without sign or leading zeros. */
static bool take_port(const char **at, const char *end, uint16_t *port)
{
	char text[6];
	unsigned int n = 0;

	if (!take_word(at, end, text, sizeof(text)) || (text[0] == '0' && text[1]))
		return false;
	for (const char *c = text; *c; c++) {
		if (*c < '0' || *c > '9')
			return false;
		n = n * 10 + (*c - '0');
	}
	*port = n;
	return n <= 65535;
}

static bool parse_v1_line(const char *at, const char *end, struct proxy_route *r, bool *known)
{
	char family[8];
	bool v4;

	if (!take_word(&at, end, family, sizeof(family)))
		return false;
	*known = strcmp(family, "UNKNOWN") != 0;
	if (!*known)
		return true; /* whatever follows is to be ignored */
	v4 = !strcmp(family, "TCP4");
	if (!v4 && strcmp(family, "TCP6") != 0)
		return false;
	return take_addr(&at, end, v4, &r->source) && take_addr(&at, end, v4, &r->destination) &&
	       take_port(&at, end, &r->source_port) && take_port(&at, end, &r->destination_port) &&
	       at == end && end[-1] != ' ';
}

static int parse_v1(const char *bytes, size_t len, struct proxy_route *r, bool *known)
{
	size_t have = len < V1_MAX ? len : V1_MAX;
	const char *cr = memchr(bytes, '\r', have);

	if (!cr)
		return len < V1_MAX ? 0 : -EPROTO;
	if (cr + 1 == bytes + have)
		return len < V1_MAX ? 0 : -EPROTO;
	if (cr[1] != '\n' || !parse_v1_line(bytes + strlen(v1_begin), cr, r, known))
		return -EPROTO;
	return cr + 2 - bytes;
}

static uint16_t read_u16(const uint8_t *at)
{
	return at[0] << 8 | at[1];
}

/* Addresses of other families (UNIX, UDP) are no client of ours: the connection's own count. */
static bool parse_v2_route(const uint8_t *bytes, size_t len, struct proxy_route *r, bool *known)
{
	const uint8_t *at = bytes + V2_FIXED;

	*known = bytes[13] == V2_TCP4 || bytes[13] == V2_TCP6;
	if (bytes[13] == V2_TCP4 && len >= V2_TCP4_LEN) {
		r->source = addr_from_v4(at);
		r->destination = addr_from_v4(at + 4);
		at += 8;
	} else if (bytes[13] == V2_TCP6 && len >= V2_TCP6_LEN) {
		r->source = addr_from_v6(at);
		r->destination = addr_from_v6(at + 16);
		at += 32;
	} else {
		return !*known;
	}
	r->source_port = read_u16(at);
	r->destination_port = read_u16(at + 2);
	return true;
}

static int parse_v2(const uint8_t *bytes, size_t len, struct proxy_route *r, bool *known)
{
	size_t rest;

	if (len < V2_FIXED)
		return 0;
	rest = read_u16(bytes + 14);
	if (V2_FIXED + rest > PROXY_HEADER_READ_MAX)
		return -EPROTO;
	if (bytes[12] != V2_COMMAND_LOCAL && bytes[12] != V2_COMMAND_PROXY)
		return -EPROTO;
	if (len < V2_FIXED + rest)
		return 0;
	*known = false;
	if (bytes[12] == V2_COMMAND_PROXY && !parse_v2_route(bytes, rest, r, known))
		return -EPROTO;
	return V2_FIXED + rest;
}

/* The same beginning, as far as both go? */
static bool begins(const void *bytes, size_t len, const void *with, size_t with_len)
{
	return !memcmp(bytes, with, len < with_len ? len : with_len);
}

int proxy_header_parse(const void *bytes, size_t len, struct proxy_route *route, bool *known)
{
	if (!len)
		return 0;
	if (begins(bytes, len, v2_begin, sizeof(v2_begin)))
		return parse_v2(bytes, len, route, known);
	if (!begins(bytes, len, v1_begin, strlen(v1_begin)))
		return -EPROTO;
	return len > strlen(v1_begin) ? parse_v1(bytes, len, route, known) : 0;
}

static bool both_v4(const struct proxy_route *r)
{
	return addr_is_v4(&r->source) && addr_is_v4(&r->destination);
}

static const char *format_as(const struct addr *a, bool v4, char *text)
{
	if (v4 || !addr_is_v4(a))
		return addr_format(a, text);
	snprintf(text, ADDR_TEXT_LEN, "::ffff:%u.%u.%u.%u", a->byte[12], a->byte[13], a->byte[14],
		 a->byte[15]);
	return text;
}

static size_t build_v1(const struct proxy_route *r, char *bytes)
{
	char line[V1_MAX + 64], source[ADDR_TEXT_LEN], destination[ADDR_TEXT_LEN];
	bool v4 = both_v4(r);
	int len = snprintf(line, sizeof(line), "PROXY TCP%d %s %s %u %u\r\n", v4 ? 4 : 6,
			   format_as(&r->source, v4, source),
			   format_as(&r->destination, v4, destination), r->source_port,
			   r->destination_port);

	memcpy(bytes, line, len); /* 104 bytes for the longest addresses */
	return len;
}

static uint8_t *put(uint8_t *at, const void *bytes, size_t len)
{
	memcpy(at, bytes, len);
	return at + len;
}

static size_t build_v2(const struct proxy_route *r, uint8_t *bytes)
{
	size_t skip = both_v4(r) ? 12 : 0; /* of an address */
	uint16_t ports[2] = {htons(r->source_port), htons(r->destination_port)};
	const uint8_t fixed[4] = {V2_COMMAND_PROXY, skip ? V2_TCP4 : V2_TCP6, 0,
				  skip ? V2_TCP4_LEN : V2_TCP6_LEN};
	uint8_t *at = put(bytes, v2_begin, sizeof(v2_begin));

	at = put(at, fixed, sizeof(fixed));
	at = put(at, r->source.byte + skip, 16 - skip);
	at = put(at, r->destination.byte + skip, 16 - skip);
	return put(at, ports, sizeof(ports)) - bytes;
}

size_t proxy_header_build(enum proxy_header version, const struct proxy_route *route, void *bytes)
{
	return version == PROXY_HEADER_V1 ? build_v1(route, bytes) : build_v2(route, bytes);
}
