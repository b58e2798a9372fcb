/* SPDX-License-Identifier: GPL-2.0-only */
/* What the proxy reads out of heads. What it refuses is in test_http_smuggling.c (F16). */
#include "core/http_message.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/alloc.h"

/* What the head says in one line, so that a row is one string; the two share a room. */
static const char *say(const struct http_head *h)
{
	static const char *const framings[] = {"none", "length", "chunked", "close"};
	static char text[512];
	int n = 0;

	if (h->is_request)
		n = snprintf(text, sizeof(text),
			     "%d form %d path %.*s query %.*s host %.*s of %.*s", h->method,
			     h->form, (int)h->path.len, h->path.at, (int)h->query.len, h->query.at,
			     (int)h->host.len, h->host.at, (int)h->authority.len, h->authority.at);
	else
		n = snprintf(text, sizeof(text), "%d %.*s", h->status, (int)h->reason.len,
			     h->reason.at);
	snprintf(text + n, sizeof(text) - n, " | %s %llu%s%s%s%s%s", framings[h->framing],
		 (unsigned long long)h->length, h->persistent ? " persistent" : "",
		 h->upgrade ? " upgrade" : "", h->ntlm ? " ntlm" : "",
		 h->expect_continue ? " expect" : "", h->names_fields ? " names" : "");
	return text;
}

#define A "Host: a\r\n"

/* clang-format off */
static const struct {
	const char *bytes, *said;
} requests[] = {
	/* Targets and hosts. */
	{"GET / HTTP/1.1\r\n" A, "1 form 1 path / query  host a of a | none 0 persistent"},
	{"GET /owa/?a=/b?c HTTP/1.1\r\nHost: Mail.Example.COM:443\r\n",
	 "1 form 1 path /owa/ query ?a=/b?c host Mail.Example.COM of Mail.Example.COM:443 | none 0 "
	 "persistent"},
	{"HEAD //x HTTP/1.1\r\nhost:[2001:db8::1]:80 \r\n",
	 "2 form 1 path //x query  host [2001:db8::1] of [2001:db8::1]:80 | none 0 persistent"},
	{"POST / HTTP/1.1\r\nHost: a:\r\n",
	 "3 form 1 path / query  host a of a: | none 0 persistent"},
	{"GET http://b/c?d HTTP/1.1\r\n" A,
	 "1 form 2 path /c query ?d host b of b | none 0 persistent"},
	{"GET HTTPS://b:8443?d HTTP/1.1\r\n" A,
	 "1 form 2 path  query ?d host b of b:8443 | none 0 persistent"},
	{"CONNECT a:443 HTTP/1.1\r\n" A,
	 "8 form 3 path  query  host a of a:443 | none 0 persistent"},
	{"OPTIONS * HTTP/1.1\r\n" A, "6 form 4 path  query  host a of a | none 0 persistent"},
	{"GET / HTTP/1.0\r\n", "1 form 1 path / query  host  of  | none 0"},
	/* Methods are case-sensitive, and any token is one. */
	{"get / HTTP/1.1\r\n" A, "0 form 1 path / query  host a of a | none 0 persistent"},
	{"GETS / HTTP/1.1\r\n" A, "0 form 1 path / query  host a of a | none 0 persistent"},
	{"PUT / HTTP/1.1\r\n" A, "4 form 1 path / query  host a of a | none 0 persistent"},
	{"DELETE / HTTP/1.1\r\n" A, "5 form 1 path / query  host a of a | none 0 persistent"},
	{"TRACE / HTTP/1.1\r\n" A, "7 form 1 path / query  host a of a | none 0 persistent"},
	{"RPC_OUT_DATA / HTTP/1.1\r\n" A, "0 form 1 path / query  host a of a | none 0 persistent"},
	/* Framing. */
	{"POST / HTTP/1.1\r\n" A "Content-Length: 7\r\n",
	 "3 form 1 path / query  host a of a | length 7 persistent"},
	{"GET / HTTP/1.1\r\n" A "Content-Length: 7\r\n",
	 "1 form 1 path / query  host a of a | length 7 persistent"},
	{"POST / HTTP/1.1\r\n" A "transfer-encoding: CHUNKED\r\n",
	 "3 form 1 path / query  host a of a | chunked 0 persistent"},
	{"POST / HTTP/1.0\r\nContent-Length: 7\r\n", "3 form 1 path / query  host  of  | length 7"},
	/* The connection. */
	{"GET / HTTP/1.1\r\n" A "Connection: close\r\n",
	 "1 form 1 path / query  host a of a | none 0"},
	{"GET / HTTP/1.1\r\n" A "Connection: Keep-Alive, CLOSE\r\n",
	 "1 form 1 path / query  host a of a | none 0"},
	{"GET / HTTP/1.1\r\n" A "Connection: keep-alive\r\nConnection: close\r\n",
	 "1 form 1 path / query  host a of a | none 0"},
	{"GET / HTTP/1.1\r\n" A "Connection: closed\r\n",
	 "1 form 1 path / query  host a of a | none 0 persistent names"},
	{"GET / HTTP/1.0\r\nConnection: keep-alive\r\n",
	 "1 form 1 path / query  host  of  | none 0 persistent"},
	{"GET / HTTP/1.0\r\nProxy-Connection: keep-alive\r\n",
	 "1 form 1 path / query  host  of  | none 0"},
	/* Upgrade. */
	{"GET / HTTP/1.1\r\n" A "Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n",
	 "1 form 1 path / query  host a of a | none 0 persistent upgrade"},
	{"GET / HTTP/1.1\r\n" A "Upgrade: websocket\r\n",
	 "1 form 1 path / query  host a of a | none 0 persistent"},
	{"GET / HTTP/1.1\r\n" A "Connection: Upgrade\r\n",
	 "1 form 1 path / query  host a of a | none 0 persistent"},
	{"GET / HTTP/1.1\r\n" A "Connection: Upgrade\r\nUpgrade: h2c\r\n",
	 "1 form 1 path / query  host a of a | none 0 persistent"},
	{"GET / HTTP/1.1\r\n" A "Connection: Upgrade\r\nUpgrade: websocket, H2C\r\n",
	 "1 form 1 path / query  host a of a | none 0 persistent"},
	{"GET / HTTP/1.0\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n",
	 "1 form 1 path / query  host  of  | none 0"},
	{"GET / HTTP/1.1\r\n" A
	 "Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 1\r\n",
	 "1 form 1 path / query  host a of a | length 1 persistent"},
	{"GET / HTTP/1.1\r\n" A
	 "Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 0\r\n",
	 "1 form 1 path / query  host a of a | length 0 persistent upgrade"},
	/* Expect. */
	{"POST / HTTP/1.1\r\n" A "Expect: 100-Continue\r\nContent-Length: 7\r\n",
	 "3 form 1 path / query  host a of a | length 7 persistent expect"},
	{"POST / HTTP/1.1\r\n" A "Expect: 100-continued\r\n",
	 "3 form 1 path / query  host a of a | none 0 persistent"},
	{"POST / HTTP/1.0\r\nExpect: 100-continue\r\n",
	 "3 form 1 path / query  host  of  | none 0"},
	/* Credentials of a connection. */
	{"GET / HTTP/1.1\r\n" A "Authorization: NTLM TlRMTVNTUAAB\r\n",
	 "1 form 1 path / query  host a of a | none 0 persistent ntlm"},
	{"GET / HTTP/1.1\r\n" A "authorization:negotiate YIIF\r\n",
	 "1 form 1 path / query  host a of a | none 0 persistent ntlm"},
	{"GET / HTTP/1.1\r\n" A "Proxy-Authorization: Negotiate YIIF\r\n",
	 "1 form 1 path / query  host a of a | none 0 persistent ntlm"},
	{"GET / HTTP/1.1\r\n" A "Authorization: NTLM\tTlRMTVNTUAAB\r\n",
	 "1 form 1 path / query  host a of a | none 0 persistent ntlm"},
	{"GET / HTTP/1.1\r\n" A "Authorization: Kerberos YIIF\r\n",
	 "1 form 1 path / query  host a of a | none 0 persistent ntlm"},
	{"GET / HTTP/1.1\r\n" A "Authorization: CredSSP YIIF\r\n",
	 "1 form 1 path / query  host a of a | none 0 persistent ntlm"},
	{"GET / HTTP/1.1\r\n" A "Authorization: Basic TlRMTQ==\r\n",
	 "1 form 1 path / query  host a of a | none 0 persistent"},
	{"GET / HTTP/1.1\r\n" A "Authorization: NTLMv9 x\r\n",
	 "1 form 1 path / query  host a of a | none 0 persistent"},
	{"GET / HTTP/1.1\r\n" A "WWW-Authenticate: NTLM\r\n",
	 "1 form 1 path / query  host a of a | none 0 persistent"},
};

static const struct {
	enum http_method asked;
	const char *bytes, *said; /* said begins with "!": refused for that reason */
} responses[] = {
	{HTTP_METHOD_GET, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n",
	 "200 OK | length 5 persistent"},
	{HTTP_METHOD_GET, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n",
	 "200 OK | chunked 0 persistent"},
	{HTTP_METHOD_GET, "HTTP/1.1 200 OK\r\n", "200 OK | close 0"},
	{HTTP_METHOD_GET, "HTTP/1.1 200 \r\nContent-Length: 0\r\n", "200  | length 0 persistent"},
	{HTTP_METHOD_GET, "HTTP/1.1 200\r\nContent-Length: 0\r\n", "200  | length 0 persistent"},
	{HTTP_METHOD_GET, "HTTP/1.1 200 \xc3\xa4 \t ok\r\nContent-Length: 0\r\n",
	 "200 \xc3\xa4 \t ok | length 0 persistent"},
	{HTTP_METHOD_GET, "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n", "200 OK | length 5"},
	{HTTP_METHOD_GET, "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 5\r\n",
	 "200 OK | length 5 persistent"},
	{HTTP_METHOD_GET, "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n", "200 OK | close 0"},
	{HTTP_METHOD_GET, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n",
	 "200 OK | length 5"},
	{HTTP_METHOD_GET, "HTTP/1.1 999 Odd\r\nContent-Length: 5\r\n",
	 "999 Odd | length 5 persistent"},
	/* No body. */
	{HTTP_METHOD_HEAD, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n",
	 "200 OK | none 5 persistent"},
	{HTTP_METHOD_HEAD, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n",
	 "200 OK | none 0 persistent"},
	{HTTP_METHOD_HEAD, "HTTP/1.1 200 OK\r\n", "200 OK | none 0 persistent"},
	{HTTP_METHOD_GET, "HTTP/1.1 100 Continue\r\n", "100 Continue | none 0 persistent"},
	{HTTP_METHOD_GET, "HTTP/1.1 103 Hints\r\nLink: x\r\n", "103 Hints | none 0 persistent"},
	{HTTP_METHOD_GET, "HTTP/1.1 204 None\r\nContent-Length: 5\r\n",
	 "204 None | none 5 persistent"},
	{HTTP_METHOD_GET, "HTTP/1.1 204 None\r\nTransfer-Encoding: chunked\r\n",
	 "204 None | none 0 persistent"},
	{HTTP_METHOD_GET, "HTTP/1.1 304 Same\r\nContent-Length: 5\r\n",
	 "304 Same | none 5 persistent"},
	{HTTP_METHOD_GET, "HTTP/1.1 205 Reset\r\nContent-Length: 0\r\n",
	 "205 Reset | length 0 persistent"},
	{HTTP_METHOD_CONNECT, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n",
	 "200 OK | none 5 persistent"},
	{HTTP_METHOD_CONNECT, "HTTP/1.1 407 No\r\nContent-Length: 5\r\n",
	 "407 No | length 5 persistent"},
	{HTTP_METHOD_GET, "HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: websocket\r\n",
	 "101 Switching | none 0 persistent upgrade"},
	/* Challenges. */
	{HTTP_METHOD_GET, "HTTP/1.1 401 No\r\nWWW-Authenticate: Negotiate\r\nContent-Length: 0\r\n",
	 "401 No | length 0 persistent ntlm"},
	{HTTP_METHOD_GET,
	 "HTTP/1.1 401 No\r\nWWW-Authenticate: Basic realm=\"a\"\r\nwww-authenticate: ntlm "
	 "TlRM\r\nContent-Length: 0\r\n", "401 No | length 0 persistent ntlm"},
	{HTTP_METHOD_GET,
	 "HTTP/1.1 407 No\r\nProxy-Authenticate: Basic realm=\"a\", NTLM\r\nContent-Length: 0\r\n",
	 "407 No | length 0 persistent ntlm"},
	{HTTP_METHOD_GET,
	 "HTTP/1.1 401 No\r\nWWW-Authenticate: Basic realm=\"NTLM\"\r\nContent-Length: 0\r\n",
	 "401 No | length 0 persistent"},
	{HTTP_METHOD_GET, "HTTP/1.1 200 OK\r\nAuthorization: NTLM x\r\nContent-Length: 0\r\n",
	 "200 OK | length 0 persistent"},
	/* Refused. */
	{HTTP_METHOD_GET, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n",
	 "!both Content-Length and Transfer-Encoding"},
	{HTTP_METHOD_HEAD, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n",
	 "!both Content-Length and Transfer-Encoding"},
	{HTTP_METHOD_GET, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n",
	 "!more than one Content-Length"},
	{HTTP_METHOD_GET, "HTTP/1.1 200 OK\r\nContent-Length:\r\n", "!malformed Content-Length"},
	{HTTP_METHOD_GET, "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n",
	 "!Transfer-Encoding other than chunked"},
	{HTTP_METHOD_GET, "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n",
	 "!Transfer-Encoding in HTTP/1.0"},
	{HTTP_METHOD_GET, "HTTP/1.1 200 OK\r\nA : b\r\n", "!blank before the colon"},
	{HTTP_METHOD_GET, "HTTP/1.1 200 OK\r\nA: b\r\n c\r\n", "!folded field line"},
	{HTTP_METHOD_GET, "HTTP/1.1 200 OK\r\nA: b\nC: d\r\n",
	 "!line feed without carriage return"},
	{HTTP_METHOD_GET, "HTTP/1.1 200 OK\r\nA: b\rC: d\r\n",
	 "!carriage return without line feed"},
	{HTTP_METHOD_GET, "HTTP/1.1 200 O\x01K\r\n", "!control character in the reason"},
	{HTTP_METHOD_GET, "HTTP/1.1 200 O\rK\r\n", "!control character in the reason"},
	{HTTP_METHOD_GET, "HTTP/1.1 2x0 OK\r\n", "!malformed status code"},
	{HTTP_METHOD_GET, "HTTP/1.1 099 OK\r\n", "!malformed status code"},
	{HTTP_METHOD_GET, "HTTP/1.1 2000 OK\r\n", "!malformed status code"},
	{HTTP_METHOD_GET, "HTTP/1.1 20 OK\r\n", "!malformed status code"},
	{HTTP_METHOD_GET, "HTTP/1.1  200 OK\r\n", "!malformed status code"},
	{HTTP_METHOD_GET, "HTTP/1.1 20\r\n", "!malformed status line"},
	{HTTP_METHOD_GET, "HTTP/1.2 200 OK\r\n", "!not HTTP/1.0 or HTTP/1.1"},
	{HTTP_METHOD_GET, "HTTP/2 200 OK\r\n", "!not an HTTP/1 response"},
	{HTTP_METHOD_GET, "http/1.1 200 OK\r\n", "!not an HTTP/1 response"},
	{HTTP_METHOD_GET, "\r\nHTTP/1.1 200 OK\r\n", "!not an HTTP/1 response"},
	{HTTP_METHOD_GET, "<html>", "!not an HTTP/1 response"},
};
/* clang-format on */

static int parse(struct http_head *h, const char *bytes, size_t len, size_t *seen, int asked)
{
	return asked < 0 ? http_request_parse(h, bytes, len, seen)
			 : http_response_parse(h, bytes, len, seen, asked);
}

/* Reads the head cut at that place, from copies without a byte behind them. asked < 0: a request.
 */
static void check(const char *text, const char *said, size_t cut, int asked)
{
	size_t len = strlen(text) + 2, seen = 0;
	char *first = malloc(cut ? cut : 1), *bytes = malloc(len);
	struct http_head h;
	int done;

	memcpy(bytes, text, len - 2);
	memcpy(bytes + len - 2, "\r\n", 2);
	memcpy(first, bytes, cut);
	done = parse(&h, first, cut, &seen, asked);
	if (!done)
		done = parse(&h, bytes, len, &seen, asked);
	if (*said == '!') {
		assert_int_equal(done, -EPROTO);
		assert_string_equal(h.error, said + 1);
		assert_in_range(h.error_at, 0, len);
	} else {
		assert_int_equal(done, 1);
		assert_int_equal(h.size, len);
		assert_string_equal(say(&h), said);
	}
	free(first);
	free(bytes);
}

static void a_request_says_the_same_cut_at_any_place(void **state)
{
	for (size_t i = 0; i < ARRAY_COUNT(requests); i++)
		for (size_t cut = 0; cut < strlen(requests[i].bytes) + 2; cut++)
			check(requests[i].bytes, requests[i].said, cut, -1);
}

static void a_response_says_the_same_cut_at_any_place(void **state)
{
	for (size_t i = 0; i < ARRAY_COUNT(responses); i++)
		for (size_t cut = 0; cut < strlen(responses[i].bytes) + 2; cut++)
			check(responses[i].bytes, responses[i].said, cut, responses[i].asked);
}

/* A bad start needs no end to be refused: a client that speaks TLS, a line feed that hides one. */
static void what_cannot_become_a_head_is_refused_at_once(void **state)
{
	static const char *const starts[] = {"\x16\x03\x01", "GET / HTTP/1.1\n", "\r\n\r", "\rG",
					     "GET / HTTP/1.1\r\nHost: a\nX"};
	struct http_head h;

	for (size_t i = 0; i < ARRAY_COUNT(starts); i++) {
		size_t seen = 0;

		assert_int_equal(http_request_parse(&h, starts[i], strlen(starts[i]), &seen),
				 -EPROTO);
		assert_int_equal(h.error_status, 400);
	}
}

static void fields_keep_case_order_and_inner_blanks(void **state)
{
	static const char bytes[] = "GET / HTTP/1.1\r\nX-RequestType:  Connect \r\nhOST:a\r\n"
				    "Cookie: a=b;  c=d\r\nEmpty:\r\ncookie: e=f\r\n\r\nbody";
	static const char *const fields[][2] = {
		{"X-RequestType", "Connect"  },
		{"hOST",          "a"        },
		{"Cookie",        "a=b;  c=d"},
		{"Empty",         ""         },
		{"cookie",        "e=f"      }
        };
	struct http_head h;
	size_t seen = 0;

	assert_int_equal(http_request_parse(&h, bytes, sizeof(bytes) - 1, &seen), 1);
	assert_int_equal(h.size, sizeof(bytes) - 1 - 4);
	assert_int_equal(h.field_count, ARRAY_COUNT(fields));
	for (size_t i = 0; i < h.field_count; i++) {
		const struct http_field *f = &h.fields[i];

		assert_int_equal(f->name.len, strlen(fields[i][0]));
		assert_memory_equal(f->name.at, fields[i][0], f->name.len);
		assert_int_equal(f->value.len, strlen(fields[i][1]));
		assert_memory_equal(f->value.at, fields[i][1], f->value.len);
	}
	assert_int_equal(h.fields[4].id, HTTP_NAME_COOKIE);
}

/* Returns what the parser makes of a request with that many fields, Host among them. */
static int parse_fields(struct http_head *h, size_t count)
{
	char *bytes = malloc(64 + count * 16);
	size_t len = sprintf(bytes, "GET / HTTP/1.1\r\nHost: a\r\n"), seen = 0;
	int done;

	for (size_t i = 1; i < count; i++)
		len += sprintf(bytes + len, "X%zu: y\r\n", i);
	len += sprintf(bytes + len, "\r\n");
	done = http_request_parse(h, bytes, len, &seen);
	free(bytes);
	return done;
}

static void one_field_too_many_is_a_431(void **state)
{
	struct http_head h;

	assert_int_equal(parse_fields(&h, HTTP_FIELDS_MAX), 1);
	assert_int_equal(parse_fields(&h, HTTP_FIELDS_MAX + 1), -EPROTO);
	assert_int_equal(h.error_status, 431);
}

/* Each option costs a search of all fields when the head is written. */
static void more_than_32_options_of_connection_are_refused(void **state)
{
	char bytes[256] = "GET / HTTP/1.1\r\nHost: a\r\nConnection: a";
	struct http_head h;
	size_t seen = 0;

	for (int i = 1; i < 32; i++)
		strcat(bytes, ",a");
	strcat(bytes, "\r\n\r\n");
	assert_int_equal(http_request_parse(&h, bytes, strlen(bytes), &seen), 1);
	strcpy(bytes + strlen(bytes) - 4, "\r\nConnection: b\r\n\r\n");
	seen = 0;
	assert_int_equal(http_request_parse(&h, bytes, strlen(bytes), &seen), -EPROTO);
	assert_string_equal(h.error, "too many options in Connection");
}

/* Every known name is known in any case, and no other name of its length is. */
static void names_that_matter_are_known_in_any_case(void **state)
{
	static const char *const names[] = {"TE",
					    "Host",
					    "Cookie",
					    "Expect",
					    "UPGRADE",
					    "Connection",
					    "keep-alive",
					    "authorization",
					    "Content-Length",
					    "WWW-Authenticate",
					    "Proxy-Connection",
					    "Transfer-Encoding",
					    "Proxy-Authenticate",
					    "Proxy-Authorization"};
	char bytes[128];
	struct http_head h;

	for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
		bool number = !strcmp(names[i], "Content-Length");
		size_t seen = 0, len = sprintf(bytes, "HTTP/1.1 200 OK\r\n%s: %s\r\n%sX: y\r\n\r\n",
					       names[i], number ? "1" : "chunked", names[i]);

		assert_int_equal(http_response_parse(&h, bytes, len, &seen, HTTP_METHOD_GET), 1);
		assert_int_equal(h.fields[0].id, HTTP_NAME_TE + i);
		assert_int_equal(h.fields[1].id, HTTP_NAME_OTHER);
	}
}

static void only_methods_that_change_nothing_twice_are_idempotent(void **state)
{
	for (enum http_method m = HTTP_METHOD_OTHER; m < HTTP_METHOD_COUNT; m++)
		assert_int_equal(http_method_is_idempotent(m), m != HTTP_METHOD_OTHER &&
								       m != HTTP_METHOD_POST &&
								       m != HTTP_METHOD_CONNECT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_says_the_same_cut_at_any_place),
		cmocka_unit_test(a_response_says_the_same_cut_at_any_place),
		cmocka_unit_test(what_cannot_become_a_head_is_refused_at_once),
		cmocka_unit_test(fields_keep_case_order_and_inner_blanks),
		cmocka_unit_test(one_field_too_many_is_a_431),
		cmocka_unit_test(more_than_32_options_of_connection_are_refused),
		cmocka_unit_test(names_that_matter_are_known_in_any_case),
		cmocka_unit_test(only_methods_that_change_nothing_twice_are_idempotent),
	};

	return cmocka_run_group_tests_name("http_message", tests, NULL, NULL);
}
