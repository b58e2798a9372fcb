/* SPDX-License-Identifier: GPL-2.0-only */
#include "core/http1.h"

#include <errno.h>

#include "core/http_text.h"

static int refuse(struct http1_head *h, const char *why)
{
	h->error = why;
	return -EPROTO;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Bytes of a version line that can no longer become one are refused before its end arrives, so that
 * garbage without a line end does not cost a timeout. */
static bool may_be_version(const char *bytes, size_t len)
{
	static const char start[] = "HTTP/1.";
	size_t known = sizeof(start) - 1;

	return !memcmp(bytes, start, len < known ? len : known);
}

/* "HTTP/1.1 200 OK". The blank behind the status is missing in answers of real servers that give no
 * reason, so it may be missing here. */
static int read_status(struct http1_head *h, struct slice line)
{
	const char *p = line.at;

	if (line.len < 12 || !is_digit(p[7]) || p[8] != ' ')
		return refuse(h, "malformed status line");
	if (p[9] < '1' || p[9] > '9' || !is_digit(p[10]) || !is_digit(p[11]))
		return refuse(h, "malformed status code");
	if (line.len > 12 && p[12] != ' ')
		return refuse(h, "malformed status code");
	h->minor = p[7] > '0';
	h->status = (p[9] - '0') * 100 + (p[10] - '0') * 10 + (p[11] - '0');
	h->line_len = line.len;
	return 0;
}

static bool split_field(struct slice line, struct slice *name, struct slice *value)
{
	const char *colon = memchr(line.at, ':', line.len);
	size_t len;

	if (!colon)
		return false;
	len = http_token_span(line.at, colon - line.at);
	*name = (struct slice){line.at, len};
	*value = slice_trim((struct slice){colon + 1, line.at + line.len - colon - 1});
	/* Blanks before the colon are removed from responses (section 5.1). */
	while (line.at + len < colon && (line.at[len] == ' ' || line.at[len] == '\t'))
		len++;
	return name->len && line.at + len == colon;
}

/* The same length said twice is one length; two lengths are an attack or a fault (section 6.3). */
static int read_length(struct http1_head *h, struct slice value)
{
	struct slice element;
	uint64_t number;

	if (!value.len)
		return refuse(h, "malformed Content-Length");
	while (http_list_next(&value, &element)) {
		if (!http_number(element, &number))
			return refuse(h, "malformed Content-Length");
		if (h->has_length && number != h->length)
			return refuse(h, "contradictory Content-Length");
		h->has_length = true;
		h->length = number;
	}
	return 0;
}

static int read_field(struct http1_head *h, struct slice line)
{
	struct slice name, value, element;

	if (memchr(line.at, '\0', line.len) || memchr(line.at, '\r', line.len))
		return refuse(h, "control character in a header field");
	if (!split_field(line, &name, &value))
		return refuse(h, "malformed header field");
	if (slice_is(name, "content-length"))
		return read_length(h, value);
	if (slice_is(name, "transfer-encoding")) {
		h->has_coding = true;
		while (http_list_next(&value, &element))
			h->chunked = slice_is(element, "chunked");
	}
	return 0;
}

/* Section 6.3: which rule tells where the body ends. */
static enum http_framing framing_of(const struct http1_head *h, bool no_body)
{
	if (no_body || h->status < 200 || h->status == 204 || h->status == 304)
		return HTTP_NO_BODY;
	if (h->has_coding)
		return h->chunked ? HTTP_CHUNKED : HTTP_UNTIL_CLOSE;
	return h->has_length ? HTTP_LENGTH : HTTP_UNTIL_CLOSE;
}

/* One whole line that ends before next. Returns 1 for the empty line at the end. */
static int read_line(struct http1_head *h, const char *bytes, size_t end, size_t next)
{
	struct slice line = {bytes + h->at, end - h->at};
	int err;

	if (line.len && line.at[line.len - 1] == '\r')
		line.len--;
	if (h->status && !line.len) {
		h->size = next;
		return 1;
	}
	err = h->status ? read_field(h, line) : read_status(h, line);
	h->at = h->seen = next;
	return err;
}

/* A field goes on in the next line when that starts with a blank; unfold it. */
static bool unfold(const struct http1_head *h, char *bytes, size_t end, char next)
{
	if (!h->status || end == h->at || (next != ' ' && next != '\t'))
		return false;
	bytes[end] = ' ';
	if (bytes[end - 1] == '\r')
		bytes[end - 1] = ' ';
	return true;
}

static bool is_empty_line(const struct http1_head *h, const char *bytes, size_t end)
{
	return end == h->at || (end == h->at + 1 && bytes[h->at] == '\r');
}

int http1_response(struct http1_head *h, char *bytes, size_t len, bool no_body)
{
	size_t limit = len < HTTP1_HEAD_MAX ? len : HTTP1_HEAD_MAX;

	if (!h->status && limit && !may_be_version(bytes, limit))
		return refuse(h, "not HTTP/1.x");
	while (h->seen < limit) {
		const char *found = memchr(bytes + h->seen, '\n', limit - h->seen);
		size_t end = found ? (size_t)(found - bytes) : limit;
		bool empty = is_empty_line(h, bytes, end);
		int done;

		/* Whether a field is over shows in the byte behind its line. */
		h->seen = end;
		if (!found || (h->status && !empty && end + 1 >= limit))
			break;
		if (!empty && unfold(h, bytes, end, bytes[end + 1 < limit ? end + 1 : end])) {
			h->seen = end + 1;
			continue;
		}
		done = read_line(h, bytes, end, end + 1);
		if (done) {
			h->framing = framing_of(h, no_body);
			return done;
		}
	}
	return limit == HTTP1_HEAD_MAX ? refuse(h, "header larger than 64 KB") : 0;
}

bool http1_field(const char *bytes, const struct http1_head *h, size_t *at, struct slice *name,
		 struct slice *value)
{
	const char *from = memchr(bytes + *at, '\n', h->size - *at), *to;
	struct slice line;

	if (!from)
		return false;
	from++;
	to = memchr(from, '\n', bytes + h->size - from);
	if (!to)
		return false;
	line = (struct slice){from, to - from};
	if (line.len && line.at[line.len - 1] == '\r')
		line.len--;
	*at = to - bytes;
	/* The field's own line end is where the next call starts looking. */
	return split_field(line, name, value);
}
