/* SPDX-License-Identifier: GPL-2.0-only */
/* Request targets and hosts (RFC 9112 section 3.2, RFC 3986 section 3.2). */
#include "core/http_parse.h"

enum { PORT_DIGITS_MAX = 5, PORT_MAX = 65535 };

static bool is_address_byte(char c)
{
	return http_hex_digit(c) >= 0 || c == ':' || c == '.';
}

/* Where the host ends; 0 when there is none. "[2001:db8::1]" keeps its brackets. */
static size_t host_end(struct slice authority)
{
	bool in_brackets = authority.len && *authority.at == '[';
	size_t end = in_brackets;

	if (!in_brackets) {
		while (end < authority.len && http_is_host(authority.at[end]))
			end++;
		return end;
	}
	while (end < authority.len && is_address_byte(authority.at[end]))
		end++;
	return end > 1 && end < authority.len && authority.at[end] == ']' ? end + 1 : 0;
}

/* RFC 3986 lets the port be empty behind its colon. */
static bool is_port(struct slice text, bool needed)
{
	uint64_t port;

	if (!text.len)
		return !needed;
	return text.len <= PORT_DIGITS_MAX && http_number(text, &port) && port <= PORT_MAX;
}

bool http_authority_split(struct slice authority, bool with_port, struct slice *host)
{
	size_t end = host_end(authority);

	*host = (struct slice){authority.at, end};
	if (!end)
		return false;
	if (end == authority.len)
		return !with_port;
	return authority.at[end] == ':' &&
	       is_port((struct slice){authority.at + end + 1, authority.len - end - 1}, with_port);
}

static void split_path(struct http_head *h, struct slice rest)
{
	const char *mark = rest.len ? memchr(rest.at, '?', rest.len) : NULL;
	size_t path = mark ? (size_t)(mark - rest.at) : rest.len;

	h->path = (struct slice){rest.at, path};
	h->query = (struct slice){rest.at + path, rest.len - path};
}

/* Returns the length of "http://" or "https://", or 0. */
static size_t scheme_len(struct slice target)
{
	if (slice_begins(target, "http://"))
		return strlen("http://");
	return slice_begins(target, "https://") ? strlen("https://") : 0;
}

static int read_absolute(struct http_head *h)
{
	size_t from = scheme_len(h->target), to = from;
	struct slice t = h->target;

	if (!from)
		return http_refuse(h, 400, t.at, "malformed request target");
	while (to < t.len && t.at[to] != '/' && t.at[to] != '?')
		to++;
	h->form = HTTP_TARGET_ABSOLUTE;
	h->authority = (struct slice){t.at + from, to - from};
	if (!http_authority_split(h->authority, false, &h->host))
		return http_refuse(h, 400, t.at + from, "bad host in the request target");
	split_path(h, (struct slice){t.at + to, t.len - to});
	return 0;
}

static int read_authority(struct http_head *h)
{
	h->form = HTTP_TARGET_AUTHORITY;
	h->authority = h->target;
	if (!http_authority_split(h->authority, true, &h->host))
		return http_refuse(h, 400, h->target.at, "CONNECT needs host:port");
	return 0;
}

static int read_asterisk(struct http_head *h)
{
	h->form = HTTP_TARGET_ASTERISK;
	if (h->method != HTTP_METHOD_OPTIONS)
		return http_refuse(h, 400, h->target.at, "\"*\" is for OPTIONS only");
	return 0;
}

int http_target_read(struct http_head *h)
{
	if (memchr(h->target.at, '#', h->target.len))
		return http_refuse(h, 400, h->target.at, "fragment in the request target");
	if (h->method == HTTP_METHOD_CONNECT)
		return read_authority(h);
	if (*h->target.at == '/') {
		h->form = HTTP_TARGET_ORIGIN;
		split_path(h, h->target);
		return 0;
	}
	if (h->target.len == 1 && *h->target.at == '*')
		return read_asterisk(h);
	return read_absolute(h);
}
