/* SPDX-License-Identifier: GPL-2.0-only */
#include "core/http_match.h"

#include "core/http_text.h"

bool http_host_matches(struct slice host, struct slice route)
{
	if (host.len && host.at[host.len - 1] == '.')
		host.len--;
	return slice_same(host, route);
}

/* Nearly every path is plain already. */
static bool is_plain(struct slice path)
{
	char before = 0;

	for (size_t i = 0; i < path.len; i++) {
		char c = path.at[i];

		if (c == '%' || c == '\\' || (before == '/' && (c == '/' || c == '.')))
			return false;
		before = c;
	}
	return true;
}

/* Returns how many bytes of the path make the next byte. */
static size_t decode_byte(struct slice path, size_t at, char *byte)
{
	int high, low, code;

	*byte = path.at[at] == '\\' ? '/' : path.at[at];
	if (path.at[at] != '%' || path.len - at < 3)
		return 1;
	high = http_hex_digit(path.at[at + 1]);
	low = http_hex_digit(path.at[at + 2]);
	code = high * 16 + low;
	if (high < 0 || low < 0 || code <= 0x20 || code >= 0x7f)
		return 1;
	*byte = code == '\\' ? '/' : (char)code;
	return 3;
}

static size_t decode(struct slice path, char *room)
{
	size_t n = 0;

	for (size_t at = 0; at < path.len;)
		at += decode_byte(path, at, &room[n++]);
	return n;
}

/* Takes the last segment and its slash off; at the root there is none. */
static size_t parent(const char *text, size_t len)
{
	while (len && text[len - 1] != '/')
		len--;
	return len ? len - 1 : 0;
}

/* In place: what is written is never longer than what was read, as each segment has a slash before
 * it. A path that ends in a slash or in a dot segment is that of a folder. */
static size_t resolve(char *text, size_t len)
{
	size_t n = 0, at = 0, segment;

	while (at < len) {
		while (at < len && text[at] == '/')
			at++;
		segment = at;
		while (at < len && text[at] != '/')
			at++;
		if (at - segment == 2 && text[segment] == '.' && text[segment + 1] == '.') {
			n = parent(text, n);
		} else if (at != segment && (at - segment != 1 || text[segment] != '.')) {
			text[n++] = '/';
			memmove(text + n, text + segment, at - segment);
			n += at - segment;
			continue;
		}
		if (at == len)
			text[n++] = '/';
	}
	return n;
}

struct slice http_path_plain(struct slice path, char *room)
{
	if (!path.len)
		return slice_of("/");
	if (*path.at != '/' || is_plain(path))
		return path;
	return (struct slice){room, resolve(room, decode(path, room))};
}

bool http_path_matches(struct slice plain, struct slice route)
{
	while (route.len && route.at[route.len - 1] == '/')
		route.len--;
	if (!route.len)
		return true;
	if (plain.len < route.len || !slice_letters_same(plain.at, route.at, route.len))
		return false;
	return plain.len == route.len || plain.at[route.len] == '/';
}
