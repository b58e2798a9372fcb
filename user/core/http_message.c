/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Heads and their first lines. Most come in one piece, so what is there first is parsed as if it
 * was all. If it was not, the end is looked for, each byte once, however small the pieces, and only
 * the whole head is parsed again.
 */
#include "core/http_message.h"

#include <errno.h>

#include "core/http_parse.h"

enum { VERSION_LEN = 8, STATUS_LINE_MIN = VERSION_LEN + 4 };

static const char *const method_names[HTTP_METHOD_COUNT] = {
	[HTTP_METHOD_GET] = "GET",       [HTTP_METHOD_HEAD] = "HEAD",
	[HTTP_METHOD_POST] = "POST",     [HTTP_METHOD_PUT] = "PUT",
	[HTTP_METHOD_DELETE] = "DELETE", [HTTP_METHOD_OPTIONS] = "OPTIONS",
	[HTTP_METHOD_TRACE] = "TRACE",   [HTTP_METHOD_CONNECT] = "CONNECT",
};

int http_refuse(struct http_head *h, unsigned int status, const char *at, const char *why)
{
	h->error = why;
	h->error_status = status;
	h->error_at = at - h->bytes;
	return -EPROTO;
}

/* Everything but the fields, which are many and only count up to field_count. */
static void head_init(struct http_head *h, const char *bytes, bool is_request)
{
	memset(h, 0, offsetof(struct http_head, fields));
	h->bytes = bytes;
	h->is_request = is_request;
}

/* Looks for the empty line behind the head; one before it has no line in front. Every line end on
 * the way is checked at once: a bare LF must not wait for an end that it may hide. */
static int find_end(struct http_head *h, size_t len, size_t *seen)
{
	while (*seen < len) {
		const char *lf = memchr(h->bytes + *seen, '\n', len - *seen);
		size_t at = lf ? (size_t)(lf - h->bytes) : len;

		*seen = at;
		if (!lf)
			break;
		if (!at || lf[-1] != '\r')
			return http_refuse(h, 400, lf, "line feed without carriage return");
		*seen = at + 1;
		if (at >= 3 && lf[-2] == '\n') {
			h->size = at + 1;
			return 1;
		}
	}
	return 0;
}

/* RFC 9112 2.2: one empty line before a request is left over from the one before. */
static size_t skip_empty_line(const char *bytes, size_t len)
{
	return len >= 2 && bytes[0] == '\r' && bytes[1] == '\n' ? 2 : 0;
}

/* What can no longer become a request is refused before its end arrives: a TLS handshake, say. */
static int check_first_byte(struct http_head *h, size_t first, size_t len)
{
	if (first == len || http_is_token(h->bytes[first]))
		return 0;
	if (h->bytes[first] != '\r')
		return http_refuse(h, 400, h->bytes + first, "no method");
	if (first)
		return http_refuse(h, 400, h->bytes + first, "more than one empty line");
	if (len > 1)
		return http_refuse(h, 400, h->bytes, "carriage return without line feed");
	return 0;
}

static enum http_method method_of(struct slice text)
{
	for (enum http_method m = HTTP_METHOD_GET; m < HTTP_METHOD_COUNT; m++)
		if (*method_names[m] == *text.at && strlen(method_names[m]) == text.len &&
		    !memcmp(method_names[m], text.at, text.len))
			return m;
	return HTTP_METHOD_OTHER;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* "HTTP/1.1": the name is case-sensitive (RFC 9112 2.3). */
static int read_version(struct http_head *h, struct slice text)
{
	if (text.len < VERSION_LEN - 2 || memcmp(text.at, "HTTP/", 5) || !is_digit(text.at[5]))
		return http_refuse(h, 400, text.at, "malformed HTTP version");
	if (text.len > VERSION_LEN && text.at[5] == '1')
		return http_refuse(h, 400, text.at, "malformed HTTP version");
	if (text.len != VERSION_LEN || memcmp(text.at, "HTTP/1.", 7) || text.at[7] < '0' ||
	    text.at[7] > '1')
		return http_refuse(h, 505, text.at, "not HTTP/1.0 or HTTP/1.1");
	h->minor = text.at[7] - '0';
	return 0;
}

/* method SP target SP version, each blank exactly one. */
static int read_request_line(struct http_head *h)
{
	const char *at = h->line.at, *end = at + h->line.len;
	size_t n = http_token_span(at, end - at);
	int err;

	if (!n || at + n == end || at[n] != ' ')
		return http_refuse(h, 400, at + n, "malformed method");
	h->method_text = (struct slice){at, n};
	h->method = method_of(h->method_text);
	at += n + 1;
	n = http_visible_span(at, end - at);
	if (!n)
		return http_refuse(h, 400, at, "no request target");
	if (at + n == end)
		return http_refuse(h, 400, end, "no HTTP version");
	if (at[n] != ' ')
		return http_refuse(h, 400, at + n, "bad byte in the request target");
	h->target = (struct slice){at, n};
	at += n + 1;
	err = read_version(h, (struct slice){at, end - at});
	return err ? err : http_target_read(h);
}

/* "HTTP/1.1 200 OK". Servers that give no reason leave out the blank before it, too. */
static int read_status_line(struct http_head *h)
{
	const char *at = h->line.at;
	size_t len = h->line.len;
	int err;

	if (len < STATUS_LINE_MIN || at[VERSION_LEN] != ' ')
		return http_refuse(h, 400, at, "malformed status line");
	err = read_version(h, (struct slice){at, VERSION_LEN});
	if (err)
		return err;
	if (at[9] < '1' || at[9] > '9' || !is_digit(at[10]) || !is_digit(at[11]) ||
	    (len > STATUS_LINE_MIN && at[STATUS_LINE_MIN] != ' '))
		return http_refuse(h, 400, at + 9, "malformed status code");
	h->status = (at[9] - '0') * 100 + (at[10] - '0') * 10 + (at[11] - '0');
	if (len > STATUS_LINE_MIN)
		h->reason = (struct slice){at + STATUS_LINE_MIN + 1, len - STATUS_LINE_MIN - 1};
	if (http_text_span(h->reason.at, h->reason.len) != h->reason.len)
		return http_refuse(h, 400, h->reason.at, "control character in the reason");
	return 0;
}

/* The first line, without its end; false when it has none yet. */
static bool find_line(struct http_head *h, size_t first, size_t len)
{
	const char *at = h->bytes + first, *lf = memchr(at, '\n', len - first);

	if (!lf || lf == at || lf[-1] != '\r')
		return false;
	h->line = (struct slice){at, lf - at - 1};
	return true;
}

static const char *behind_line(const struct http_head *h)
{
	return h->line.at + h->line.len + 2;
}

/* Of the first len bytes, the empty line before it aside. Returns as the parsers do. */
static int read_head(struct http_head *h, size_t first, size_t len, enum http_method asked)
{
	int err;

	if (!find_line(h, first, len))
		return 0;
	err = h->is_request ? read_request_line(h) : read_status_line(h);
	if (err)
		return err;
	return http_fields_read(h, behind_line(h), h->bytes + len,
				h->is_request ? h->method : asked);
}

/* False: what is wrong, if anything is, is said when the end is here, whatever the pieces. */
static bool read_at_once(struct http_head *h, size_t first, size_t len, size_t *seen,
			 enum http_method asked)
{
	if (read_head(h, first, len, asked) == 1) {
		*seen = h->size;
		return true;
	}
	head_init(h, h->bytes, h->is_request);
	return false;
}

static int read_whole(struct http_head *h, size_t first, size_t len, size_t *seen,
		      enum http_method asked)
{
	int whole;

	if (!*seen && read_at_once(h, first, len, seen, asked))
		return 1;
	whole = find_end(h, len, seen);
	return whole <= 0 ? whole : read_head(h, first, h->size, asked);
}

int http_request_parse(struct http_head *h, const char *bytes, size_t len, size_t *seen)
{
	size_t first = skip_empty_line(bytes, len);
	int err;

	head_init(h, bytes, true);
	err = check_first_byte(h, first, len);
	return err ? err : read_whole(h, first, len, seen, HTTP_METHOD_OTHER);
}

/* Refused before its end arrives, as a request is. */
static int check_is_response(struct http_head *h, size_t len)
{
	static const char start[] = "HTTP/1.";
	size_t known = sizeof(start) - 1;

	if (memcmp(h->bytes, start, len < known ? len : known))
		return http_refuse(h, 400, h->bytes, "not an HTTP/1 response");
	return 0;
}

int http_response_parse(struct http_head *h, const char *bytes, size_t len, size_t *seen,
			enum http_method asked)
{
	int err;

	head_init(h, bytes, false);
	err = check_is_response(h, len);
	return err ? err : read_whole(h, 0, len, seen, asked);
}

bool http_method_is_idempotent(enum http_method m)
{
	return m != HTTP_METHOD_OTHER && m != HTTP_METHOD_POST && m != HTTP_METHOD_CONNECT;
}
