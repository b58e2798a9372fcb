/* SPDX-License-Identifier: GPL-2.0-only */
/* Heads as the proxy sends them on: what a row expects is the whole head, and it parses again as
 * the same message. */
#include "core/http_edit.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/alloc.h"

#define BYTES(text) text, sizeof(text) - 1
#define TEXT(text)                                                                                 \
	{                                                                                          \
		text, sizeof(text) - 1                                                             \
	}
#define EDITS(...)                                                                                 \
	(const struct http_edit[])                                                                 \
	{                                                                                          \
		__VA_ARGS__,                                                                       \
		{                                                                                  \
		}                                                                                  \
	}
#define SET(n, v)                                                                                  \
	{                                                                                          \
		HTTP_EDIT_SET, TEXT(n), TEXT(v)                                                    \
	}
#define ADD(n, v)                                                                                  \
	{                                                                                          \
		HTTP_EDIT_ADD, TEXT(n), TEXT(v)                                                    \
	}
#define APPEND(n, v)                                                                               \
	{                                                                                          \
		HTTP_EDIT_APPEND, TEXT(n), TEXT(v)                                                 \
	}
#define DELETE(n)                                                                                  \
	{                                                                                          \
		HTTP_EDIT_DELETE, TEXT(n), TEXT("")                                                \
	}

#define GET "GET / HTTP/1.1\r\n"
#define A   "Host: a\r\n"
#define OK  "HTTP/1.1 200 OK\r\n"

/* clang-format off */
static const struct row {
	const char *in, *out;
	const struct http_edit *edits; /* up to one without a name */
	enum http_say say;
	const char *drop_cookie;
	struct http_rewrite rewrite;
	int asked; /* of a response */
} rows[] = {
	/* Every byte, the case and the order stay. */
	{.in = GET A "X-RequestType:Connect\r\nx-b:  c \t\r\nAccept: */*\r\n\r\n",
	 .out = GET A "X-RequestType:Connect\r\nx-b:  c\r\nAccept: */*\r\n\r\n"},
	{.in = "\r\n" GET A "\r\n", .out = GET A "\r\n"},
	{.in = "get /a?b HTTP/1.0\r\n\r\n", .out = "get /a?b HTTP/1.0\r\n\r\n"},
	{.in = OK "Content-Length: 3\r\nSet-Cookie: a\r\nset-cookie: b\r\n\r\n",
	 .out = OK "Content-Length: 3\r\nSet-Cookie: a\r\nset-cookie: b\r\n\r\n"},
	{.in = "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n",
	 .out = "HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n"},
	{.in = "HTTP/1.0 200 \r\nContent-Length: 0\r\n\r\n",
	 .out = "HTTP/1.0 200 \r\nContent-Length: 0\r\n\r\n"},
	/* Hop by hop (RFC 9110 7.6.1). */
	{.in = GET A "Connection: close\r\n\r\n", .out = GET A "\r\n"},
	{.in = GET A "Connection: X-A, keep-alive\r\nX-A: 1\r\nx-a: 2\r\nX-AB: 3\r\n"
	  "Keep-Alive: 5\r\n\r\n",
	 .out = GET A "X-AB: 3\r\n\r\n"},
	{.in = GET A "X-A: 1\r\nX-B: 2\r\nConnection: x-b\r\nconnection: ,x-a\r\n\r\n",
	 .out = GET A "\r\n"},
	{.in = GET A "TE: trailers\r\nProxy-Connection: keep-alive\r\nUpgrade: x\r\n\r\n",
	 .out = GET A "\r\n"},
	{.in = GET A "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
	  "HTTP2-Settings: AA\r\n\r\n",
	 .out = GET A "\r\n"},
	{.in = GET A "Authorization: NTLM a\r\nProxy-Authorization: b\r\nTrailer: c\r\n\r\n",
	 .out = GET A "Authorization: NTLM a\r\nProxy-Authorization: b\r\nTrailer: c\r\n\r\n"},
	/* F16: only the framing of requests is said anew, as every server reads it. */
	{.in = "POST / HTTP/1.1\r\n" A "transfer-ENCODING:\tChunked \r\n\r\n",
	 .out = "POST / HTTP/1.1\r\n" A "transfer-ENCODING: chunked\r\n\r\n"},
	{.in = "POST / HTTP/1.1\r\n" A "Content-length:\t0010\r\n\r\n",
	 .out = "POST / HTTP/1.1\r\n" A "Content-length: 10\r\n\r\n"},
	{.in = "POST / HTTP/1.1\r\n" A "Content-Length:000\r\n\r\n",
	 .out = "POST / HTTP/1.1\r\n" A "Content-Length: 0\r\n\r\n"},
	{.in = "POST / HTTP/1.1\r\n" A "Transfer-Encoding: chunked\r\n\r\n",
	 .out = "POST / HTTP/1.1\r\n" A "Transfer-Encoding: chunked\r\n\r\n"},
	{.in = OK "Proxy-Authenticate: NTLM\r\nWWW-Authenticate: a\r\n"
	  "Keep-Alive: timeout=5\r\n\r\n",
	 .out = OK "Proxy-Authenticate: NTLM\r\nWWW-Authenticate: a\r\n\r\n"},
	/* What is said of the connection. */
	{.in = GET A "Connection: keep-alive\r\n\r\n", .out = GET A "Connection: close\r\n\r\n",
	 .say = HTTP_SAY_CLOSE},
	{.in = GET A "\r\n", .out = GET A "Connection: keep-alive\r\n\r\n",
	 .say = HTTP_SAY_KEEP_ALIVE},
	{.in = GET A "Connection: upgrade\r\nUpgrade: websocket\r\n"
	  "Sec-WebSocket-Version: 13\r\n\r\n",
	 .out = GET A "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
	  "Connection: Upgrade\r\n\r\n",
	 .say = HTTP_SAY_UPGRADE},
	/* A response without a body says nothing of one, unless it speaks of another's. */
	{.in = "HTTP/1.1 204 No\r\nContent-Length: 3\r\nX: y\r\n\r\n",
	 .out = "HTTP/1.1 204 No\r\nX: y\r\n\r\n"},
	{.in = "HTTP/1.1 204 No\r\nTransfer-Encoding: chunked\r\n\r\n",
	 .out = "HTTP/1.1 204 No\r\n\r\n"},
	{.in = "HTTP/1.1 100 Go\r\nContent-Length: 3\r\n\r\n", .out = "HTTP/1.1 100 Go\r\n\r\n"},
	{.in = OK "Content-Length: 3\r\n\r\n", .out = OK "\r\n", .asked = HTTP_METHOD_CONNECT},
	{.in = OK "Content-Length: 3\r\n\r\n", .out = OK "Content-Length: 3\r\n\r\n",
	 .asked = HTTP_METHOD_HEAD},
	{.in = "HTTP/1.1 304 Same\r\nContent-Length: 3\r\n\r\n",
	 .out = "HTTP/1.1 304 Same\r\nContent-Length: 3\r\n\r\n"},
	/* Absolute form becomes origin form, and its host is the host (RFC 9112 3.2.2). */
	{.in = "GET http://b:81/c?d HTTP/1.1\r\nX: y\r\nhost:a\r\n\r\n",
	 .out = "GET /c?d HTTP/1.1\r\nX: y\r\nhost: b:81\r\n\r\n"},
	{.in = "GET https://b?d HTTP/1.1\r\n" A "\r\n",
	 .out = "GET /?d HTTP/1.1\r\nHost: b\r\n\r\n"},
	{.in = "GET http://b HTTP/1.0\r\nX: y\r\n\r\n",
	 .out = "GET / HTTP/1.0\r\nHost: b\r\nX: y\r\n\r\n"},
	{.in = "OPTIONS http://b HTTP/1.1\r\n" A "\r\n",
	 .out = "OPTIONS * HTTP/1.1\r\nHost: b\r\n\r\n"},
	{.in = "OPTIONS http://b/ HTTP/1.1\r\n" A "\r\n",
	 .out = "OPTIONS / HTTP/1.1\r\nHost: b\r\n\r\n"},
	{.in = "CONNECT b:443 HTTP/1.1\r\n" A "\r\n",
	 .out = "CONNECT b:443 HTTP/1.1\r\n" A "\r\n"},
	{.in = "GET http://b/ HTTP/1.1\r\n" A "\r\n", .out = "GET / HTTP/1.1\r\nHost: c\r\n\r\n",
	 .edits = EDITS(SET("host", "c"))},
	{.in = "GET http://b/ HTTP/1.0\r\n\r\n", .out = "GET / HTTP/1.0\r\nHost: c\r\n\r\n",
	 .edits = EDITS(SET("Host", "c"))},
	/* Edits. */
	{.in = GET A "x-a: 1\r\nX-B: 2\r\nX-A: 3\r\n\r\n",
	 .out = GET A "x-a: new\r\nX-B: 2\r\n\r\n", .edits = EDITS(SET("X-A", "new"))},
	{.in = GET A "\r\n", .out = GET A "X-A: new\r\n\r\n", .edits = EDITS(SET("X-A", "new"))},
	{.in = GET A "X-AA: 1\r\n\r\n", .out = GET A "X-AA: 1\r\nX-A: new\r\n\r\n",
	 .edits = EDITS(SET("X-A", "new"))},
	{.in = GET A "X-A: 1\r\n\r\n", .out = GET A "X-A: 1\r\nX-A: 2\r\nX-A: 3\r\n\r\n",
	 .edits = EDITS(ADD("X-A", "2"), ADD("X-A", "3"))},
	{.in = GET A "x-a: 1\r\nX-A: 2\r\nX-B: 3\r\n\r\n", .out = GET A "X-B: 3\r\n\r\n",
	 .edits = EDITS(DELETE("X-A"))},
	{.in = GET A "X-A: 1\r\n\r\n", .out = GET A "X-A: 2\r\n\r\n",
	 .edits = EDITS(DELETE("X-A"), ADD("X-A", "2"))},
	{.in = GET A "X-A: 1\r\n\r\n", .out = GET A "\r\n",
	 .edits = EDITS(DELETE("X-A"), SET("X-A", "2"))},
	{.in = GET A "X-Forwarded-For: 1.1.1.1\r\n\r\n",
	 .out = GET A "X-Forwarded-For: 1.1.1.1, 2.2.2.2\r\n\r\n",
	 .edits = EDITS(APPEND("X-Forwarded-For", "2.2.2.2"))},
	{.in = GET A "x-forwarded-for: 1\r\nX: y\r\nX-Forwarded-For: 2\r\n\r\n",
	 .out = GET A "x-forwarded-for: 1\r\nX: y\r\nX-Forwarded-For: 2, 3\r\n\r\n",
	 .edits = EDITS(APPEND("X-Forwarded-For", "3"))},
	{.in = GET A "X-Forwarded-For:\r\n\r\n", .out = GET A "X-Forwarded-For: 3\r\n\r\n",
	 .edits = EDITS(APPEND("X-Forwarded-For", "3"))},
	{.in = GET A "\r\n", .out = GET A "X-Forwarded-For: 3\r\n\r\n",
	 .edits = EDITS(APPEND("X-Forwarded-For", "3"))},
	/* A client cannot have the proxy's own word dropped by naming it in Connection. */
	{.in = GET A "Connection: X-Forwarded-For\r\nX-Forwarded-For: 1\r\n\r\n",
	 .out = GET A "X-Forwarded-For: 3\r\n\r\n",
	 .edits = EDITS(APPEND("X-Forwarded-For", "3"))},
	{.in = GET A "Connection: X-A\r\nX-A: 1\r\n\r\n", .out = GET A "X-A: new\r\n\r\n",
	 .edits = EDITS(SET("X-A", "new"))},
	{.in = OK "Server: IIS\r\nContent-Length: 1\r\n\r\n",
	 .out = OK "Content-Length: 1\r\nSet-Cookie: LB=1\r\n\r\n",
	 .edits = EDITS(DELETE("server"), ADD("Set-Cookie", "LB=1"))},
	/* Cookies. */
	{.in = GET A "Cookie: a=1; LB=x; b=2\r\n\r\n", .out = GET A "Cookie: a=1; b=2\r\n\r\n",
	 .drop_cookie = "LB"},
	{.in = GET A "Cookie: LB=x\r\nX: y\r\ncookie:LB=y;c=3\r\n\r\n",
	 .out = GET A "X: y\r\ncookie:c=3\r\n\r\n", .drop_cookie = "LB"},
	{.in = GET A "Cookie: LBX=1; lb=2\r\n\r\n", .out = GET A "Cookie: LBX=1; lb=2\r\n\r\n",
	 .drop_cookie = "LB"},
	{.in = GET A "Set-Cookie: LB=1\r\n\r\n", .out = GET A "Set-Cookie: LB=1\r\n\r\n",
	 .drop_cookie = "LB"},
	/* Path prefix. */
	{.in = "GET /old/x?y HTTP/1.1\r\n" A "\r\n", .out = "GET /new/x?y HTTP/1.1\r\n" A "\r\n",
	 .rewrite = {TEXT("/old/"), TEXT("/new/")}},
	{.in = "GET /OLD/x HTTP/1.1\r\n" A "\r\n", .out = "GET /new/x HTTP/1.1\r\n" A "\r\n",
	 .rewrite = {TEXT("/old"), TEXT("/new")}},
	{.in = "GET /old HTTP/1.1\r\n" A "\r\n", .out = "GET /new HTTP/1.1\r\n" A "\r\n",
	 .rewrite = {TEXT("/old"), TEXT("/new")}},
	{.in = "GET /old?q=/old HTTP/1.1\r\n" A "\r\n",
	 .out = "GET /new?q=/old HTTP/1.1\r\n" A "\r\n", .rewrite = {TEXT("/old"), TEXT("/new")}},
	{.in = "GET /older HTTP/1.1\r\n" A "\r\n", .out = "GET /older HTTP/1.1\r\n" A "\r\n",
	 .rewrite = {TEXT("/old"), TEXT("/new")}},
	{.in = "GET /old HTTP/1.1\r\n" A "\r\n", .out = "GET /old HTTP/1.1\r\n" A "\r\n",
	 .rewrite = {TEXT("/old/"), TEXT("/new/")}},
	{.in = "GET /old/x HTTP/1.1\r\n" A "\r\n", .out = "GET /x HTTP/1.1\r\n" A "\r\n",
	 .rewrite = {TEXT("/old"), TEXT("/")}},
	{.in = "GET /old/x HTTP/1.1\r\n" A "\r\n", .out = "GET /x HTTP/1.1\r\n" A "\r\n",
	 .rewrite = {TEXT("/old/"), TEXT("")}},
	{.in = "GET /old HTTP/1.1\r\n" A "\r\n", .out = "GET / HTTP/1.1\r\n" A "\r\n",
	 .rewrite = {TEXT("/old"), TEXT("")}},
	{.in = "GET /a HTTP/1.1\r\n" A "\r\n", .out = "GET /owa/a HTTP/1.1\r\n" A "\r\n",
	 .rewrite = {TEXT("/"), TEXT("/owa/")}},
	{.in = "GET http://b HTTP/1.1\r\n" A "\r\n",
	 .out = "GET /owa/ HTTP/1.1\r\nHost: b\r\n\r\n", .rewrite = {TEXT("/"), TEXT("/owa/")}},
	{.in = "OPTIONS * HTTP/1.1\r\n" A "\r\n", .out = "OPTIONS * HTTP/1.1\r\n" A "\r\n",
	 .rewrite = {TEXT("/"), TEXT("/owa/")}},
};
/* clang-format on */

static int parse(struct http_head *h, const char *bytes, size_t len, int asked)
{
	size_t seen = 0;

	if (!strncmp(bytes, "HTTP/", 5))
		return http_response_parse(h, bytes, len, &seen, asked);
	return http_request_parse(h, bytes, len, &seen);
}

static struct http_write write_of(const struct row *row)
{
	struct http_write w = {.say = row->say, .edits = row->edits, .rewrites = &row->rewrite};

	while (w.edits && w.edits[w.edit_count].name.len)
		w.edit_count++;
	w.rewrite_count = row->rewrite.from.len > 0;
	if (row->drop_cookie)
		w.drop_cookie = slice_of(row->drop_cookie);
	return w;
}

static void a_head_goes_on_with_what_a_proxy_changes_and_nothing_else(void **state)
{
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct http_write w = write_of(&rows[i]);
		struct http_head h;
		char out[512];
		ssize_t len;

		assert_int_equal(parse(&h, rows[i].in, strlen(rows[i].in), rows[i].asked), 1);
		len = http_head_write(&h, &w, out, sizeof(out) - 1);
		assert_true(len > 0);
		out[len] = '\0';
		assert_string_equal(out, rows[i].out);
	}
}

static void what_is_written_is_the_same_message_again(void **state)
{
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct http_head in, out;
		size_t len = strlen(rows[i].out);

		assert_int_equal(parse(&in, rows[i].in, strlen(rows[i].in), rows[i].asked), 1);
		assert_int_equal(parse(&out, rows[i].out, len, rows[i].asked), 1);
		assert_int_equal(out.size, len);
		assert_int_equal(out.framing, in.framing);
		assert_int_equal(out.method, in.method);
		assert_int_equal(out.minor, in.minor);
	}
}

/* The room is allocated exactly, so that a sanitizer sees a byte too many. */
static void too_little_room_is_said_and_not_overrun(void **state)
{
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct http_write w = write_of(&rows[i]);
		size_t len = strlen(rows[i].out);
		struct http_head h;

		assert_int_equal(parse(&h, rows[i].in, strlen(rows[i].in), rows[i].asked), 1);
		for (size_t room = 0; room < len; room++) {
			char *out = malloc(room ? room : 1);

			assert_int_equal(http_head_write(&h, &w, out, room), -ENOSPC);
			free(out);
		}
	}
}

static const struct {
	enum http_edit_op op;
	const char *name, *value;
	size_t len;
	bool sound;
} soundness[] = {
	{HTTP_EDIT_SET,    "X-A",               BYTES("b c\t\xe4"),            true },
	{HTTP_EDIT_SET,    "X-A",               BYTES(""),                     true },
	{HTTP_EDIT_SET,    "",                  BYTES("b"),                    false},
	{HTTP_EDIT_SET,    "X A",               BYTES("b"),                    false},
	{HTTP_EDIT_SET,    "X-A:",              BYTES("b"),                    false},
	{HTTP_EDIT_SET,    "X-A",               BYTES("b\r\nX-B: c"),          false},
	{HTTP_EDIT_SET,    "X-A",               BYTES("b\n"),                  false},
	{HTTP_EDIT_SET,    "X-A",               BYTES("a\0b"),                 false},
	{HTTP_EDIT_SET,    "X-A",               BYTES("\x7f"),                 false},
	{HTTP_EDIT_SET,    "X-A",               BYTES(" b"),                   false},
	{HTTP_EDIT_SET,    "X-A",               BYTES("b\t"),                  false},
	{HTTP_EDIT_SET,    "Connection",        BYTES("close"),                false},
	{HTTP_EDIT_DELETE, "content-length",    BYTES(""),                     false},
	{HTTP_EDIT_DELETE, "Transfer-Encoding", BYTES(""),                     false},
	{HTTP_EDIT_ADD,    "Keep-Alive",        BYTES("a"),                    false},
	{HTTP_EDIT_ADD,    "TE",                BYTES("a"),                    false},
	{HTTP_EDIT_SET,    "Upgrade",           BYTES("a"),                    false},
	{HTTP_EDIT_SET,    "Proxy-Connection",  BYTES("a"),                    false},
	{HTTP_EDIT_SET,    "Host",              BYTES("mail.example.com:443"), true },
	{HTTP_EDIT_SET,    "host",              BYTES("a b"),                  false},
	{HTTP_EDIT_ADD,    "Host",              BYTES("a"),                    false},
	{HTTP_EDIT_APPEND, "Host",              BYTES("a"),                    false},
	{HTTP_EDIT_DELETE, "Host",              BYTES(""),                     false},
	{HTTP_EDIT_DELETE, "Authorization",     BYTES(""),                     true },
	{HTTP_EDIT_ADD,    "Set-Cookie",        BYTES("a=b"),                  true },
};

/* A client cannot have the proxy keep quiet by a field that goes no further, or says nothing. */
static void a_field_that_goes_on_is_told_from_one_that_does_not(void **state)
{
	static const struct {
		const char *fields;
		bool passes;
	} cases[] = {
		{"x-a: 1\r\n",                              true },
		{"X-A:\r\nX-A: 1\r\n",                      true },
		{"Connection: X-B\r\nX-A: 1\r\n",           true },
		{"X-AA: 1\r\nX-: 1\r\n",                    false},
		{"X-A:\r\n",				false},
		{"X-A: 1\r\nConnection: te, x-a\r\n",       false},
		{"Connection: X-A\r\nX-A: 1\r\nX-A: 2\r\n", false},
	};

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct http_head h;
		char text[128];
		size_t seen = 0;
		int len = snprintf(text, sizeof(text), GET A "%s\r\n", cases[i].fields);

		assert_int_equal(http_request_parse(&h, text, len, &seen), 1);
		assert_int_equal(http_head_passes(&h, "X-A"), cases[i].passes);
	}
}

static void an_edit_that_could_break_the_head_is_not_sound(void **state)
{
	for (size_t i = 0; i < ARRAY_COUNT(soundness); i++) {
		struct http_edit e = {
			soundness[i].op,
			slice_of(soundness[i].name),
			{soundness[i].value, soundness[i].len}
                };

		assert_int_equal(http_edit_is_sound(&e), soundness[i].sound);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_head_goes_on_with_what_a_proxy_changes_and_nothing_else),
		cmocka_unit_test(what_is_written_is_the_same_message_again),
		cmocka_unit_test(too_little_room_is_said_and_not_overrun),
		cmocka_unit_test(a_field_that_goes_on_is_told_from_one_that_does_not),
		cmocka_unit_test(an_edit_that_could_break_the_head_is_not_sound),
	};

	return cmocka_run_group_tests_name("http_edit", tests, NULL, NULL);
}
