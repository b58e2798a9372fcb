/* SPDX-License-Identifier: GPL-2.0-only */
#include "core/http_cookie.h"

#include <errno.h>

#include "base/alloc.h"

/* What stands between two semicolons, blanks and all; false at the end. */
static bool next_pair(struct slice *value, struct slice *pair)
{
	const char *end;

	if (!value->len)
		return false;
	end = memchr(value->at, ';', value->len);
	*pair = (struct slice){value->at, end ? (size_t)(end - value->at) : value->len};
	value->at += pair->len + (end ? 1 : 0);
	value->len -= pair->len + (end ? 1 : 0);
	return true;
}

/* Whether the pair is a cookie of that name; its value then. Browsers put no blanks around the "=",
 * others might. */
static bool is_named(struct slice pair, struct slice name, struct slice *value)
{
	const char *equals = pair.len ? memchr(pair.at, '=', pair.len) : NULL;
	struct slice said;

	if (!equals)
		return false;
	said = slice_trim((struct slice){pair.at, equals - pair.at});
	*value = slice_trim((struct slice){equals + 1, pair.at + pair.len - equals - 1});
	return said.len == name.len && !memcmp(said.at, name.at, name.len);
}

static struct slice unquote(struct slice s)
{
	if (s.len >= 2 && s.at[0] == '"' && s.at[s.len - 1] == '"')
		return (struct slice){s.at + 1, s.len - 2};
	return s;
}

static bool find_in(struct slice field, struct slice name, struct slice *value)
{
	struct slice pair;

	while (next_pair(&field, &pair)) {
		if (!is_named(pair, name, value))
			continue;
		*value = unquote(*value);
		return true;
	}
	return false;
}

bool http_cookie_find(const struct http_head *h, struct slice name, struct slice *value)
{
	for (size_t i = 0; i < h->field_count; i++)
		if (h->fields[i].id == HTTP_NAME_COOKIE && find_in(h->fields[i].value, name, value))
			return true;
	return false;
}

static struct slice without_indent(struct slice s)
{
	while (s.len && (*s.at == ' ' || *s.at == '\t'))
		s.at++, s.len--;
	return s;
}

size_t http_cookie_without(struct slice value, struct slice name, char *to)
{
	struct slice pair, ignored;
	size_t n = 0;

	while (next_pair(&value, &pair)) {
		if (!slice_trim(pair).len || is_named(pair, name, &ignored))
			continue;
		if (n)
			to[n++] = ';';
		else
			pair = without_indent(pair);
		memcpy(to + n, pair.at, pair.len);
		n += pair.len;
	}
	return slice_trim((struct slice){to, n}).len;
}

/* RFC 6265 4.1.1: cookie-octet. */
static bool is_cookie_byte(char c)
{
	return c > 0x20 && c < 0x7f && c != '"' && c != ',' && c != ';' && c != '\\';
}

bool http_cookie_is_sound(struct slice name, struct slice value)
{
	for (size_t i = 0; i < value.len; i++)
		if (!is_cookie_byte(value.at[i]))
			return false;
	return name.len && http_token_span(name.at, name.len) == name.len;
}

static const char *const same_site_texts[] = {
	[HTTP_SAME_SITE_UNSAID] = "",
	[HTTP_SAME_SITE_NONE] = "; SameSite=None",
	[HTTP_SAME_SITE_LAX] = "; SameSite=Lax",
	[HTTP_SAME_SITE_STRICT] = "; SameSite=Strict",
};

ssize_t http_set_cookie_text(const struct http_set_cookie *c, char *to, size_t room)
{
	const struct slice parts[] = {
		c->name,
		slice_of("="),
		c->value,
		slice_of("; Path=/"),
		slice_of(c->secure ? "; Secure" : ""),
		slice_of(c->http_only ? "; HttpOnly" : ""),
		slice_of(same_site_texts[c->same_site]),
	};
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_COUNT(parts); i++) {
		if (parts[i].len > room - n)
			return -ENOSPC;
		if (parts[i].len)
			memcpy(to + n, parts[i].at, parts[i].len);
		n += parts[i].len;
	}
	return n;
}
