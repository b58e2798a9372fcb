/* SPDX-License-Identifier: GPL-2.0-only */
/* Heads and bodies of HTTP/1 answers, and what a check makes of them (R41, R42, F20). */
#include "core/http_check.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/alloc.h"

#define OK "HTTP/1.1 200 OK\r\n"

/* The head as the parser sees it: result 1 whole, 0 more is needed, -EPROTO refused. */
static const struct head_case {
	const char *bytes;
	int result;
	unsigned int status;
	enum http_framing framing;
	uint64_t length;
} head_cases[] = {
	{OK "\r\n",							  1,       200, HTTP_UNTIL_CLOSE, 0},
	{OK "Content-Length: 5\r\n\r\nhello",                                1,       200, HTTP_LENGTH,      5},
	{OK "content-length:5\r\n\r\n",                                      1,       200, HTTP_LENGTH,      5},
	{OK "Content-Length : 5\r\n\r\n",                                    1,       200, HTTP_LENGTH,      5},
	{OK "Content-Length: 5, 5\r\n\r\n",                                  1,       200, HTTP_LENGTH,      5},
	{OK "Content-Length: 5\r\nContent-Length: 5\r\n\r\n",                1,       200, HTTP_LENGTH,      5},
	{OK "Content-Length: 5\r\nContent-Length: 6\r\n\r\n",                -EPROTO, 200, 0,                0},
	{OK "Content-Length: -5\r\n\r\n",                                    -EPROTO, 200, 0,                0},
	{OK "Content-Length: +5\r\n\r\n",                                    -EPROTO, 200, 0,                0},
	{OK "Content-Length:\r\n\r\n",				       -EPROTO, 200, 0,                0},
	{OK "Content-Length: 99999999999999999999\r\n\r\n",                  -EPROTO, 200, 0,                0},
	{OK "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",       1,       200, HTTP_CHUNKED,     5},
	{OK "Transfer-Encoding: gzip, Chunked\r\n\r\n",                      1,       200, HTTP_CHUNKED,     0},
	{OK "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n", 1,       200, HTTP_CHUNKED,
	 0												    },
	{OK "Transfer-Encoding: chunked, gzip\r\n\r\n",                      1,       200, HTTP_UNTIL_CLOSE, 0},
	{OK "Transfer-Encoding: xchunked\r\n\r\n",                           1,       200, HTTP_UNTIL_CLOSE, 0},
	{OK "Content-Length:\r\n 5\r\n\r\n",                                 1,       200, HTTP_LENGTH,      5},
	{OK "X: a\r\n\tb\r\nContent-Length: 7\r\n\r\n",                      1,       200, HTTP_LENGTH,      7},
	{"HTTP/1.1 200 OK\nContent-Length: 3\n\n",                           1,       200, HTTP_LENGTH,      3},
	{"HTTP/1.0 200 OK\r\n\r\n",					  1,       200, HTTP_UNTIL_CLOSE, 0},
	{"HTTP/1.1 200\r\n\r\n",					     1,       200, HTTP_UNTIL_CLOSE, 0},
	{"HTTP/1.1 200 \r\n\r\n",					    1,       200, HTTP_UNTIL_CLOSE, 0},
	{"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n",             1,       204, HTTP_NO_BODY,     5},
	{"HTTP/1.1 304 Not Modified\r\n\r\n",                                1,       304, HTTP_NO_BODY,     0},
	{"HTTP/1.1 100 Continue\r\n\r\n",                                    1,       100, HTTP_NO_BODY,     0},
	{"HTTQ/1.1 200 OK\r\n\r\n",					  -EPROTO, 0,   0,                0},
	{"http/1.1 200 OK\r\n\r\n",					  -EPROTO, 0,   0,                0},
	{"HTTP/2 200\r\n\r\n",					       -EPROTO, 0,   0,                0},
	{"HTTP/1.x 200 OK\r\n\r\n",					  -EPROTO, 0,   0,                0},
	{"HTTP/1.1  200 OK\r\n\r\n",					 -EPROTO, 0,   0,                0},
	{"HTTP/1.1 20 OK\r\n\r\n",					   -EPROTO, 0,   0,                0},
	{"HTTP/1.1 2000 OK\r\n\r\n",					 -EPROTO, 0,   0,                0},
	{"HTTP/1.1 099 OK\r\n\r\n",					  -EPROTO, 0,   0,                0},
	{"HTTP/1.1 2x0 OK\r\n\r\n",					  -EPROTO, 0,   0,                0},
	{"\r\nHTTP/1.1 200 OK\r\n\r\n",                                      -EPROTO, 0,   0,                0},
	{"<html>",							   -EPROTO, 0,   0,                0},
	{"SSH-2.0-OpenSSH_9.2\r\n",					  -EPROTO, 0,   0,                0},
	{OK "no colon\r\n\r\n",					      -EPROTO, 200, 0,                0},
	{OK ": no name\r\n\r\n",					     -EPROTO, 200, 0,                0},
	{OK "a b: c\r\n\r\n",						-EPROTO, 200, 0,                0},
	{OK " folded: status line\r\n\r\n",                                  -EPROTO, 200, 0,                0},
	{OK "A: b\rc\r\n\r\n",					       -EPROTO, 200, 0,                0},
	{"",								 0,       0,   0,                0},
	{"HTT",							      0,       0,   0,                0},
	{"HTTP/1.1 200 OK",						  0,       0,   0,                0},
	{OK,								 0,       200, 0,                0},
	{OK "A: b\r\n",						      0,       200, 0,                0},
	{OK "A: b\r\n\r",						    0,       200, 0,                0},
};

static void check_head(const struct head_case *c, size_t piece)
{
	struct http1_head h = {};
	size_t len = strlen(c->bytes);
	char *bytes = strdup(c->bytes);
	int result = 0;

	for (size_t n = piece < len ? piece : len; !result; n = n + piece < len ? n + piece : len) {
		result = http1_response(&h, bytes, n, false);
		if (n == len)
			break;
	}
	if (result != c->result || h.status != c->status)
		print_error("case \"%s\" in pieces of %zu\n", c->bytes, piece);
	assert_int_equal(result, c->result);
	assert_int_equal(h.status, c->status);
	if (result == 1) {
		assert_int_equal(h.framing, c->framing);
		assert_true(h.length == c->length);
	}
	free(bytes);
}

static void a_head_means_the_same_in_pieces_of_any_size(void **state)
{
	for (size_t i = 0; i < ARRAY_COUNT(head_cases); i++)
		for (size_t piece = 1; piece < 64; piece += piece < 8 ? 1 : 9)
			check_head(&head_cases[i], piece);
}

static void the_answer_to_head_has_no_body(void **state)
{
	char bytes[] = OK "Content-Length: 5\r\n\r\n";
	struct http1_head h = {};

	assert_int_equal(http1_response(&h, bytes, sizeof(bytes) - 1, true), 1);
	assert_int_equal(h.framing, HTTP_NO_BODY);
}

static void fields_are_found_one_by_one(void **state)
{
	char bytes[] = OK "A: 1\r\nLong:  x\r\n y \r\nB:\r\n\r\nbody: no";
	struct slice name, value;
	struct http1_head h = {};
	size_t at;

	assert_int_equal(http1_response(&h, bytes, sizeof(bytes) - 1, false), 1);
	at = h.line_len;
	assert_true(http1_field(bytes, &h, &at, &name, &value));
	assert_true(slice_is(name, "a") && slice_is(value, "1"));
	assert_true(http1_field(bytes, &h, &at, &name, &value));
	assert_true(slice_is(name, "Long") && slice_is(value, "x   y"));
	assert_true(http1_field(bytes, &h, &at, &name, &value));
	assert_true(slice_is(name, "B") && slice_is(value, ""));
	assert_false(http1_field(bytes, &h, &at, &name, &value));
}

static void an_endless_head_is_refused_at_64_kb(void **state)
{
	struct http1_head h = {};
	size_t len = HTTP1_HEAD_MAX;
	char *bytes = malloc(len);

	memset(bytes, 'a', len);
	memcpy(bytes, OK "A: ", 20);
	assert_int_equal(http1_response(&h, bytes, len - 1, false), 0);
	assert_int_equal(http1_response(&h, bytes, len, false), -EPROTO);
	free(bytes);
}

/* Chunked bodies: what is decoded, and whether the message is over (1), goes on (0), is broken. */
static const struct body_case {
	const char *bytes, *content;
	int result;
} body_cases[] = {
	{"5\r\nhello\r\n0\r\n\r\n",                           "hello",       1      },
	{"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\nrest",        "hello world", 1      },
	{"005\r\nhello\r\n000\r\n\r\n",                       "hello",       1      },
	{"a\r\n0123456789\r\n0\r\n\r\n",                      "0123456789",  1      },
	{"A;name=value\r\n0123456789\r\n0;last\r\n\r\n",      "0123456789",  1      },
	{"5 ; a\r\nhello\r\n0\r\n\r\n",                       "hello",       1      },
	{"5\r\nhello\r\n0\r\nTrailer: x\r\nOther: y\r\n\r\n", "hello",       1      },
	{"5\r\nhello\r\n0\r\nTrailer: x\r\n",                 "hello",       0      },
	{"5\r\nhello\r\n",				    "hello",       0      },
	{"5\r\nhel",					  "hel",         0      },
	{"",						  "",            0      },
	{"\r\nhello",					 "",            -EPROTO},
	{"-5\r\nhello",				       "",            -EPROTO},
	{"0x5\r\nhello",				      "",            -EPROTO},
	{"g\r\nhello",					"",            -EPROTO},
	{"5\nhello\n0\n\n",				   "",            -EPROTO},
	{"5\r\nhello!\r\n0\r\n\r\n",                          "hello",       -EPROTO},
	{"11111111111111111\r\n",                             "",            -EPROTO},
	{"5;a\nb\r\nhello\r\n",                               "",            -EPROTO},
};

static void check_body(const struct body_case *c, size_t piece)
{
	size_t len = strlen(c->bytes), at = 0, have = 0;
	struct http_body b;
	struct slice content;
	char got[64] = "";
	ssize_t n = 0;

	http_body_start(&b, HTTP_CHUNKED, 0, false);
	while (at < len && !http_body_over(&b)) {
		n = http_body_take(&b, c->bytes + at, at + piece < len ? piece : len - at,
				   &content);
		if (n < 0)
			break;
		assert_true(n > 0);
		memcpy(got + have, content.at, content.len);
		have += content.len;
		at += n;
	}
	assert_string_equal(got, c->content);
	assert_int_equal(n < 0 ? n : http_body_over(&b), c->result);
}

static void a_chunked_body_means_the_same_in_pieces_of_any_size(void **state)
{
	for (size_t i = 0; i < ARRAY_COUNT(body_cases); i++)
		for (size_t piece = 1; piece < 24; piece++)
			check_body(&body_cases[i], piece);
}

/* The verdict on an answer after which the server closes. */
static const struct verdict_case {
	const char *expect, *bytes;
	enum check_code code;
	unsigned int status;
} verdict_cases[] = {
	{"",       OK "\r\n",						      CHECK_CODE_L7OK,  200},
	{"",       "HTTP/1.1 204 No Content\r\n\r\n",                              CHECK_CODE_L7STS, 204},
	{"",       "HTTP/1.1 302 Found\r\n\r\n",                                   CHECK_CODE_L7STS, 302},
	{"",       "HTTP/1.1 503 Service Unavailable\r\n\r\n",                     CHECK_CODE_L7STS, 503},
	{"",       "HTTP/1.1 503 Service Unavailable\r\nbroken",                   CHECK_CODE_L7STS, 503},
	{"",       OK "A: b\r\n",						  CHECK_CODE_L7RSP, 200},
	{"",       "HTTP/1.1 100 Continue\r\n\r\n" OK "\r\n",                      CHECK_CODE_L7OK,  200},
	{"",       "HTTP/1.1 103 Hints\r\nLink: x\r\n\r\nHTTP/1.1 500 No\r\n\r\n", CHECK_CODE_L7STS, 500},
	{"",       "HTTP/1.1 101 Switching\r\n\r\n",                               CHECK_CODE_L7STS, 101},
	{"",       "HTTP/1.1 100 Continue\r\n\r\n",                                CHECK_CODE_L7RSP, 0  },
	{"",       "HTTQ/1.1 200 OK\r\n\r\n",                                      CHECK_CODE_L7RSP, 0  },
	{"",       "",							     CHECK_CODE_L7RSP, 0  },
	{"200 OK", OK "\r\n",						      CHECK_CODE_L7OK,  200},
	{"200 OK", "HTTP/1.1 500 x\r\n\r\n200 OK",                                 CHECK_CODE_L7STS, 500},
	{"401",    "HTTP/1.1 401 Unauthorized\r\n\r\n",                            CHECK_CODE_L7OK,  401},
	{"CAS1",   OK "Content-Length: 9\r\n\r\nI am CAS1",                        CHECK_CODE_L7OK,  200},
	{"CAS1",   OK "Content-Length: 8\r\n\r\nI am CAS1",                        CHECK_CODE_L7RSP, 200},
	{"CAS1",   OK "\r\nI am CAS1",					     CHECK_CODE_L7OK,  200},
	{"CAS1",   OK "\r\nI am CAS2",					     CHECK_CODE_L7RSP, 200},
	{"CAS1",   OK "Transfer-Encoding: chunked\r\n\r\n3\r\n CA\r\n2\r\nS1\r\n", CHECK_CODE_L7OK,
	 200											    },
	{"CAS1",   OK "Transfer-Encoding: chunked\r\n\r\nCAS1",                    CHECK_CODE_L7RSP, 200},
	{"CAS1",   OK "X: CAS1\r\nContent-Length: 0\r\n\r\n",                      CHECK_CODE_L7RSP, 200},
	{"CAS1",   "HTTP/1.1 204 None\r\n\r\nCAS1",                                CHECK_CODE_L7RSP, 204},
	{"CAS1",   OK "\r\nCACAS1",						CHECK_CODE_L7OK,  200},
};

static void check_verdict(const struct verdict_case *c, size_t piece)
{
	size_t len = strlen(c->bytes), at = 0, have = 0;
	char *bytes = malloc(len + 1);
	struct http_check h;

	http_check_start(&h, c->expect, false);
	while (at < len && !h.over) {
		size_t n = at + piece < len ? piece : len - at, used;

		memcpy(bytes + have, c->bytes + at, n);
		at += n;
		have += n;
		used = http_check_feed(&h, bytes, have);
		have -= used;
		memmove(bytes, bytes + used, have);
	}
	http_check_closed(&h, "connection closed");
	if (h.outcome.code != c->code)
		print_error("case \"%s\" in pieces of %zu: %s\n", c->bytes, piece,
			    h.outcome.detail);
	assert_int_equal(h.outcome.code, c->code);
	assert_int_equal(h.outcome.status, c->status);
	free(bytes);
}

static void the_verdict_is_the_same_in_pieces_of_any_size(void **state)
{
	for (size_t i = 0; i < ARRAY_COUNT(verdict_cases); i++)
		for (size_t piece = 1; piece < 100; piece += piece < 8 ? 1 : 13)
			check_verdict(&verdict_cases[i], piece);
}

static void an_endless_body_is_searched_for_64_kb_only(void **state)
{
	static char bytes[1000];
	struct http_check h;
	char head[] = OK "\r\n";
	int rounds = 0;

	http_check_start(&h, "not there", false);
	http_check_feed(&h, head, strlen(head));
	for (; !h.over && rounds < 1000; rounds++)
		http_check_feed(&h, bytes, sizeof(bytes));
	assert_int_equal(h.outcome.code, CHECK_CODE_L7RSP);
	assert_int_equal(rounds, 66);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_head_means_the_same_in_pieces_of_any_size),
		cmocka_unit_test(the_answer_to_head_has_no_body),
		cmocka_unit_test(fields_are_found_one_by_one),
		cmocka_unit_test(an_endless_head_is_refused_at_64_kb),
		cmocka_unit_test(a_chunked_body_means_the_same_in_pieces_of_any_size),
		cmocka_unit_test(the_verdict_is_the_same_in_pieces_of_any_size),
		cmocka_unit_test(an_endless_body_is_searched_for_64_kb_only),
	};

	return cmocka_run_group_tests_name("http1", tests, NULL, NULL);
}
