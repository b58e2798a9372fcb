/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Field lines, and what they say of framing, host and connection. Each field that means something
 * has a row by its length, and a reader; every contradiction between two of them is an error,
 * because two readers could resolve it in two ways (RFC 9112 section 6.3, 11.2).
 */
#include <errno.h>

#include "base/alloc.h"
#include "core/http_parse.h"

/* Each is looked for among all fields when the head is written. */
enum { OPTIONS_MAX = 32 };

/* As most write them, which compares fastest. */
static const char *const known[HTTP_NAME_COUNT] = {
	[HTTP_NAME_TE] = "TE",
	[HTTP_NAME_HOST] = "Host",
	[HTTP_NAME_COOKIE] = "Cookie",
	[HTTP_NAME_EXPECT] = "Expect",
	[HTTP_NAME_UPGRADE] = "Upgrade",
	[HTTP_NAME_CONNECTION] = "Connection",
	[HTTP_NAME_KEEP_ALIVE] = "Keep-Alive",
	[HTTP_NAME_AUTHORIZATION] = "Authorization",
	[HTTP_NAME_CONTENT_LENGTH] = "Content-Length",
	[HTTP_NAME_WWW_AUTHENTICATE] = "WWW-Authenticate",
	[HTTP_NAME_PROXY_CONNECTION] = "Proxy-Connection",
	[HTTP_NAME_TRANSFER_ENCODING] = "Transfer-Encoding",
	[HTTP_NAME_PROXY_AUTHENTICATE] = "Proxy-Authenticate",
	[HTTP_NAME_PROXY_AUTHORIZATION] = "Proxy-Authorization",
};

/* The names are in the order of their lengths, so that a length tells which few to compare. */
static const struct {
	uint8_t first, last;
} of_len[] = {
	[2] = {HTTP_NAME_TE,                  HTTP_NAME_TE                 },
	[4] = {HTTP_NAME_HOST,                HTTP_NAME_HOST               },
	[6] = {HTTP_NAME_COOKIE,              HTTP_NAME_EXPECT             },
	[7] = {HTTP_NAME_UPGRADE,             HTTP_NAME_UPGRADE            },
	[10] = {HTTP_NAME_CONNECTION,          HTTP_NAME_KEEP_ALIVE         },
	[13] = {HTTP_NAME_AUTHORIZATION,       HTTP_NAME_AUTHORIZATION      },
	[14] = {HTTP_NAME_CONTENT_LENGTH,      HTTP_NAME_CONTENT_LENGTH     },
	[16] = {HTTP_NAME_WWW_AUTHENTICATE,    HTTP_NAME_PROXY_CONNECTION   },
	[17] = {HTTP_NAME_TRANSFER_ENCODING,   HTTP_NAME_TRANSFER_ENCODING  },
	[18] = {HTTP_NAME_PROXY_AUTHENTICATE,  HTTP_NAME_PROXY_AUTHENTICATE },
	[19] = {HTTP_NAME_PROXY_AUTHORIZATION, HTTP_NAME_PROXY_AUTHORIZATION},
};

enum http_name http_name_of(struct slice name)
{
	if (name.len >= ARRAY_COUNT(of_len) || !of_len[name.len].first)
		return HTTP_NAME_OTHER;
	for (enum http_name id = of_len[name.len].first; id <= of_len[name.len].last; id++)
		if (!((*known[id] ^ *name.at) & ~0x20) &&
		    slice_letters_same(known[id], name.at, name.len))
			return id;
	return HTTP_NAME_OTHER;
}

/* What was met so far, beyond what the head keeps. */
struct reading {
	struct http_head *h;
	struct slice authority, host; /* of Host: all of it, and without the port */
	unsigned int options;         /* that Connection names */
	bool has_host, has_length, says_close, says_keep_alive, says_upgrade, has_upgrade, is_h2c;
};

typedef int read_value(struct reading *r, struct slice value);

static int read_host(struct reading *r, struct slice value)
{
	if (!r->h->is_request)
		return 0;
	if (r->has_host)
		return http_refuse(r->h, 400, value.at, "more than one Host");
	if (!http_authority_split(value, false, &r->host))
		return http_refuse(r->h, 400, value.at, "malformed Host");
	r->has_host = true;
	r->authority = value;
	return 0;
}

static int read_length(struct reading *r, struct slice value)
{
	if (r->has_length)
		return http_refuse(r->h, 400, value.at, "more than one Content-Length");
	if (!http_number(value, &r->h->length) || r->h->length > INT64_MAX)
		return http_refuse(r->h, 400, value.at, "malformed Content-Length");
	r->has_length = true;
	return 0;
}

static int read_coding(struct reading *r, struct slice value)
{
	if (r->h->has_coding)
		return http_refuse(r->h, 400, value.at, "more than one Transfer-Encoding");
	if (!r->h->minor)
		return http_refuse(r->h, 400, value.at, "Transfer-Encoding in HTTP/1.0");
	if (!value.len)
		return http_refuse(r->h, 400, value.at, "empty Transfer-Encoding");
	if (!slice_is(value, "chunked"))
		return http_refuse(r->h, 501, value.at, "Transfer-Encoding other than chunked");
	r->h->has_coding = true;
	return 0;
}

/* A sender that has the next one drop these hopes that two readers see two messages. */
static bool is_vital(enum http_name id)
{
	return id == HTTP_NAME_HOST || id == HTTP_NAME_CONTENT_LENGTH ||
	       id == HTTP_NAME_TRANSFER_ENCODING;
}

static int read_option(struct reading *r, struct slice option)
{
	enum http_name id = option.len ? http_name_of(option) : HTTP_NAME_OTHER;

	if (++r->options > OPTIONS_MAX)
		return http_refuse(r->h, 400, option.at, "too many options in Connection");
	if (is_vital(id))
		return http_refuse(r->h, 400, option.at, "Connection names a vital field");
	if (slice_is(option, "close"))
		r->says_close = true;
	else if (id == HTTP_NAME_KEEP_ALIVE)
		r->says_keep_alive = true;
	else if (id == HTTP_NAME_UPGRADE)
		r->says_upgrade = true;
	else if (option.len && id != HTTP_NAME_TE)
		r->h->names_fields = true;
	return 0;
}

static int read_connection(struct reading *r, struct slice value)
{
	struct slice option;

	while (http_list_next(&value, &option)) {
		int err = read_option(r, option);

		if (err)
			return err;
	}
	return 0;
}

/* HTTP/2 behind an upgrade would be a way past all this. */
static int read_upgrade(struct reading *r, struct slice value)
{
	struct slice protocol;

	while (http_list_next(&value, &protocol)) {
		r->has_upgrade |= protocol.len > 0;
		r->is_h2c |= slice_begins(protocol, "h2");
	}
	return 0;
}

static int read_expect(struct reading *r, struct slice value)
{
	if (r->h->is_request && r->h->minor && slice_is(value, "100-continue"))
		r->h->expect_continue = true;
	return 0;
}

static bool is_scheme(struct slice value, const char *scheme)
{
	size_t len = strlen(scheme);

	return slice_begins(value, scheme) &&
	       (value.len == len || value.at[len] == ' ' || value.at[len] == '\t');
}

/* Schemes that log a connection in, not a request: of IIS, and of WinRM, by which Exchange's
 * PowerShell comes. */
static bool is_of_connection(struct slice value)
{
	static const char *const schemes[] = {"NTLM", "Negotiate", "Kerberos", "CredSSP"};

	for (size_t i = 0; i < ARRAY_COUNT(schemes); i++)
		if (is_scheme(value, schemes[i]))
			return true;
	return false;
}

/* Credentials are one; challenges may be several in one field. */
static int read_credentials(struct reading *r, struct slice value)
{
	struct slice element;

	while (http_list_next(&value, &element))
		if (is_of_connection(element))
			r->h->ntlm = true;
	return 0;
}

static int read_request_credentials(struct reading *r, struct slice value)
{
	return r->h->is_request ? read_credentials(r, value) : 0;
}

static int read_challenge(struct reading *r, struct slice value)
{
	return r->h->is_request ? 0 : read_credentials(r, value);
}

static read_value *const readers[HTTP_NAME_COUNT] = {
	[HTTP_NAME_HOST] = read_host,
	[HTTP_NAME_EXPECT] = read_expect,
	[HTTP_NAME_UPGRADE] = read_upgrade,
	[HTTP_NAME_CONNECTION] = read_connection,
	[HTTP_NAME_AUTHORIZATION] = read_request_credentials,
	[HTTP_NAME_CONTENT_LENGTH] = read_length,
	[HTTP_NAME_WWW_AUTHENTICATE] = read_challenge,
	[HTTP_NAME_TRANSFER_ENCODING] = read_coding,
	[HTTP_NAME_PROXY_AUTHENTICATE] = read_challenge,
	[HTTP_NAME_PROXY_AUTHORIZATION] = read_request_credentials,
};

/* What stands where a name should. */
static int refuse_name(struct http_head *h, const char *line, const char *at)
{
	const char *why = "malformed field name";

	if (at == line)
		why = *at == ':' ? "empty field name" : "a field line begins with a bad byte";
	if (at == line && (*at == ' ' || *at == '\t'))
		why = "folded field line";
	else if (*at == ' ' || *at == '\t')
		why = "blank before the colon";
	return http_refuse(h, 400, at, why);
}

/* The end of a value: 1, 0 when it is not there yet, or -EPROTO. */
static int check_line_end(struct http_head *h, const char *cr, const char *end)
{
	if (cr == end)
		return 0;
	if (cr[0] != '\r')
		return http_refuse(h, 400, cr, "control character in a field");
	if (cr + 1 == end)
		return 0;
	if (cr[1] != '\n')
		return http_refuse(h, 400, cr, "carriage return without line feed");
	return 1;
}

/* One line; *at goes on behind it. Returns 1, 0 when it has no end yet, or -EPROTO. */
static int split_field(struct http_head *h, const char **at, const char *end, struct http_field *f)
{
	const char *line = *at, *value, *cr;
	size_t len = http_token_span(line, end - line);
	int whole;

	if (line + len == end)
		return 0;
	if (!len || line[len] != ':')
		return refuse_name(h, line, line + len);
	value = line + len + 1;
	while (value < end && (*value == ' ' || *value == '\t'))
		value++;
	cr = value + http_text_span(value, end - value);
	whole = check_line_end(h, cr, end);
	if (whole <= 0)
		return whole;
	f->name = (struct slice){line, len};
	f->id = http_name_of(f->name);
	*at = cr + 2;
	while (cr > value && (cr[-1] == ' ' || cr[-1] == '\t'))
		cr--;
	f->value = (struct slice){value, cr - value};
	return 1;
}

/* Up to the empty line. Returns 1, 0 when it is not there yet, or -EPROTO. */
static int read_fields(struct reading *r, const char *at, const char *end)
{
	struct http_head *h = r->h;
	int whole;

	while (at < end && *at != '\r') {
		struct http_field *f = &h->fields[h->field_count];

		if (h->field_count == HTTP_FIELDS_MAX)
			return http_refuse(h, 431, at, "too many header fields");
		whole = split_field(h, &at, end, f);
		if (whole <= 0)
			return whole;
		if (readers[f->id] && readers[f->id](r, f->value))
			return -EPROTO;
		h->field_count++;
	}
	whole = check_line_end(h, at, end);
	h->size = whole == 1 ? at + 2 - h->bytes : 0;
	return whole;
}

/* Section 6.3, rules 1 and 2. */
static bool has_no_framing(const struct http_head *h, enum http_method asked)
{
	return !h->is_request && (h->status < 200 || h->status == 204 ||
				  (asked == HTTP_METHOD_CONNECT && h->status / 100 == 2));
}

static enum http_framing framing_of(const struct reading *r, enum http_method asked)
{
	const struct http_head *h = r->h;

	if (h->no_framing || (!h->is_request && (asked == HTTP_METHOD_HEAD || h->status == 304)))
		return HTTP_NO_BODY;
	if (h->has_coding)
		return HTTP_CHUNKED;
	if (r->has_length)
		return HTTP_LENGTH;
	return h->is_request ? HTTP_NO_BODY : HTTP_UNTIL_CLOSE;
}

static bool has_content(const struct http_head *h)
{
	return h->framing == HTTP_CHUNKED || (h->framing == HTTP_LENGTH && h->length);
}

/* Returns 1 or -EPROTO. */
static int conclude_request(struct reading *r)
{
	struct http_head *h = r->h;

	if (!r->has_host && h->minor)
		return http_refuse(h, 400, h->bytes + h->size, "no Host");
	if (h->method == HTTP_METHOD_CONNECT && has_content(h))
		return http_refuse(h, 400, h->bytes + h->size, "CONNECT with a body");
	if (!h->authority.len && r->has_host) {
		h->authority = r->authority;
		h->host = r->host;
	}
	h->upgrade = h->upgrade && !has_content(h);
	return 1;
}

int http_fields_read(struct http_head *h, const char *at, const char *end, enum http_method asked)
{
	struct reading r = {.h = h};
	int whole = read_fields(&r, at, end);

	if (whole <= 0)
		return whole;
	if (h->has_coding && r.has_length)
		return http_refuse(h, 400, at, "both Content-Length and Transfer-Encoding");
	h->no_framing = has_no_framing(h, asked);
	h->framing = framing_of(&r, asked);
	h->persistent =
		!r.says_close && (h->minor || r.says_keep_alive) && h->framing != HTTP_UNTIL_CLOSE;
	h->upgrade = h->minor && r.says_upgrade && r.has_upgrade && !r.is_h2c;
	return h->is_request ? conclude_request(&r) : 1;
}
