/* SPDX-License-Identifier: GPL-2.0-only */
/* Bodies as the proxy sends them on: strictly, verbatim. What is refused byte for byte is in
 * test_http_smuggling.c; the lenient side is in test_http1.c. */
#include "core/http_body.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/alloc.h"

static ssize_t pass(struct http_body *b, const char *text)
{
	return http_body_pass(b, text, strlen(text));
}

static void a_length_takes_that_many_bytes_and_no_more(void **state)
{
	struct http_body b;

	http_body_start(&b, HTTP_LENGTH, 8, true);
	assert_int_equal(pass(&b, "hello"), 5);
	assert_false(http_body_over(&b));
	assert_int_equal(pass(&b, "hello"), 3);
	assert_true(http_body_over(&b));
	assert_int_equal(pass(&b, "more"), 0);
}

static void no_body_and_an_empty_one_are_over_at_once(void **state)
{
	struct http_body b;

	http_body_start(&b, HTTP_NO_BODY, 5, true);
	assert_true(http_body_over(&b));
	http_body_start(&b, HTTP_LENGTH, 0, true);
	assert_true(http_body_over(&b));
}

static void a_body_until_close_is_never_over(void **state)
{
	struct http_body b;

	http_body_start(&b, HTTP_UNTIL_CLOSE, 0, true);
	assert_int_equal(pass(&b, "anything"), 8);
	assert_true(http_body_opaque(&b) == UINT64_MAX);
	http_body_moved(&b, (uint64_t)1 << 40);
	assert_true(http_body_opaque(&b) == UINT64_MAX);
	assert_false(http_body_over(&b));
}

static void what_is_moved_unseen_counts_as_passed(void **state)
{
	struct http_body b;

	http_body_start(&b, HTTP_CHUNKED, 0, true);
	assert_int_equal(http_body_opaque(&b), 0);
	assert_int_equal(pass(&b, "100000\r\nabc"), 11);
	assert_int_equal(http_body_opaque(&b), 0x100000 - 3);
	http_body_moved(&b, 0x100000 - 4);
	assert_int_equal(http_body_opaque(&b), 1);
	http_body_moved(&b, 1);
	assert_int_equal(http_body_opaque(&b), 0);
	assert_int_equal(pass(&b, "\r\n0\r\n\r\nnext"), 7);
	assert_true(http_body_over(&b));

	http_body_start(&b, HTTP_LENGTH, 10, true);
	http_body_moved(&b, 10);
	assert_true(http_body_over(&b));
}

/* Every name that head and framing are made of, in a trailer. */
static void a_trailer_must_not_decide_what_the_head_decides(void **state)
{
	static const char *const names[] = {
		"Content-Length",
		"Transfer-Encoding",
		"Host",
		"CONNECTION",
		"keep-alive",
		"Proxy-Connection",
		"Upgrade",
		"TE",
		"Trailer",
		"Expect",
		"Max-Forwards",
		"Range",
		"Cache-Control",
		"Authorization",
		"Proxy-Authorization",
		"WWW-Authenticate",
		"Proxy-Authenticate",
		"Cookie",
		"Set-Cookie",
		"Content-Type",
		"Content-Encoding",
		"Content-Range",
		"Forwarded",
		"X-Forwarded-For",
		"X-Forwarded-Proto",
		"X-Forwarded-Host",
		"Location",
	};

	for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
		struct http_body b;

		http_body_start(&b, HTTP_CHUNKED, 0, true);
		assert_int_equal(pass(&b, "0\r\n"), 3);
		assert_int_equal(pass(&b, names[i]), strlen(names[i]));
		assert_int_equal(pass(&b, ":"), -EPROTO);
		assert_string_equal(b.error, "forbidden field in a trailer");

		http_body_start(&b, HTTP_CHUNKED, 0, true);
		assert_int_equal(pass(&b, "0\r\n"), 3);
		assert_int_equal(pass(&b, names[i]), strlen(names[i]));
		assert_int_equal(pass(&b, "s-and-more-of-it: x\r\n\r\n"), 23);
		assert_true(http_body_over(&b));
	}
}

/* Feeds start, count times the letter a, and end. Returns what the last call said. */
static ssize_t pass_filled(struct http_body *b, const char *start, size_t count, const char *end)
{
	http_body_start(b, HTTP_CHUNKED, 0, true);
	assert_int_equal(pass(b, start), strlen(start));
	for (size_t i = 0; i < count; i++)
		if (pass(b, "a") != 1)
			return -EPROTO;
	return pass(b, end);
}

static void a_chunk_line_is_at_most_256_bytes(void **state)
{
	struct http_body b;

	assert_int_equal(pass_filled(&b, "5;", 254, "\r\n"), 2);
	assert_int_equal(http_body_opaque(&b), 5);
	assert_int_equal(pass_filled(&b, "5;", 255, "\r\n"), -EPROTO);
	assert_string_equal(b.error, "chunk line too long");
}

static void each_chunk_line_has_its_own_256_bytes(void **state)
{
	struct http_body b;

	assert_int_equal(pass_filled(&b, "1;", 254, "\r\nx\r\n1;"), 7);
	for (int i = 0; i < 254; i++)
		assert_int_equal(pass(&b, "a"), 1);
	assert_int_equal(pass(&b, "\r\nx\r\n0\r\n\r\n"), 10);
	assert_true(http_body_over(&b));
}

static void trailers_are_at_most_16_kb_together(void **state)
{
	struct http_body b;

	assert_int_equal(pass_filled(&b, "0\r\nX: y\r\nZ:", HTTP_TRAILER_MAX - 10, "\r\n\r\n"), 4);
	assert_true(http_body_over(&b));
	assert_int_equal(pass_filled(&b, "0\r\nX: y\r\nZ:", HTTP_TRAILER_MAX - 4, "\r\n"), -EPROTO);
	assert_string_equal(b.error, "trailers too long");
}

/* RFC 9112 7.1.1: 1 to 16 digits, and what a signed 64-bit number holds. */
static void a_size_has_up_to_16_digits_below_2_to_the_63(void **state)
{
	struct http_body b;

	http_body_start(&b, HTTP_CHUNKED, 0, true);
	assert_int_equal(pass(&b, "7FFFffffffffffff\r\n"), 18);
	assert_true(http_body_opaque(&b) == INT64_MAX);
	http_body_start(&b, HTTP_CHUNKED, 0, true);
	assert_int_equal(pass(&b, "8000000000000000\r\n"), -EPROTO);
	http_body_start(&b, HTTP_CHUNKED, 0, false);
	assert_int_equal(pass(&b, "8000000000000000\r\n"), 18);
}

/* Blanks and strange extensions of old servers: good enough for a check, not for sending on. */
static void what_a_check_forgives_a_proxy_does_not(void **state)
{
	static const char *const texts[] = {
		"5 \r\n",       "5 ; a\r\n",         "5;\r\n",
		"5;a=\x01\r\n", "0\r\nno colon\r\n", "0\r\nContent-Length: 5\r\n"};

	for (size_t i = 0; i < ARRAY_COUNT(texts); i++) {
		struct http_body b;

		http_body_start(&b, HTTP_CHUNKED, 0, false);
		assert_int_equal(pass(&b, texts[i]), strlen(texts[i]));
		http_body_start(&b, HTTP_CHUNKED, 0, true);
		assert_int_equal(pass(&b, texts[i]), -EPROTO);
	}
}

/* Each body, and how much of it is content. Refused below that, before any byte too many. */
static void a_limit_counts_content_and_nothing_else(void **state)
{
	static const struct {
		const char *text;
		uint64_t content;
	} rows[] = {
		{"5\r\nhello\r\n0\r\n\r\n",                        5                },
		{"5;a=b\r\nhello\r\n0\r\nX: long trailer\r\n\r\n", 5                },
		{"2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",               5                },
		{"1\r\na\r\n7fffffffffffffff\r\n",                 (uint64_t)1 << 63},
	};

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct http_body b;

		http_body_start(&b, HTTP_CHUNKED, 0, true);
		assert_true(http_body_limit(&b, rows[i].content));
		assert_int_equal(pass(&b, rows[i].text), strlen(rows[i].text));
		http_body_start(&b, HTTP_CHUNKED, 0, true);
		assert_true(http_body_limit(&b, rows[i].content - 1));
		assert_int_equal(pass(&b, rows[i].text), -EPROTO);
		assert_int_equal(b.error_status, 413);
	}
}

static void a_chunk_too_many_is_refused_with_its_size(void **state)
{
	struct http_body b;

	http_body_start(&b, HTTP_CHUNKED, 0, true);
	assert_true(http_body_limit(&b, 10));
	assert_int_equal(pass(&b, "a\r\n0123456789\r\n"), 15);
	assert_int_equal(pass(&b, "1\r"), 2);
	assert_int_equal(pass(&b, "\n"), -EPROTO);
	assert_int_equal(b.error_status, 413);
	http_body_start(&b, HTTP_CHUNKED, 0, true);
	assert_true(http_body_limit(&b, 10));
	assert_int_equal(pass(&b, "b\rx"), -EPROTO); /* what is broken is not too large */
	assert_int_equal(b.error_status, 400);
}

static void a_length_is_held_against_the_limit_at_once(void **state)
{
	struct http_body b;

	http_body_start(&b, HTTP_LENGTH, 10, true);
	assert_true(http_body_limit(&b, 10));
	assert_int_equal(pass(&b, "0123456789"), 10);
	assert_true(http_body_over(&b));
	http_body_start(&b, HTTP_LENGTH, 11, true);
	assert_false(http_body_limit(&b, 10));
	assert_int_equal(b.error_status, 413);
	http_body_start(&b, HTTP_NO_BODY, 0, true);
	assert_true(http_body_limit(&b, 10));
	assert_true(http_body_over(&b));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_length_takes_that_many_bytes_and_no_more),
		cmocka_unit_test(no_body_and_an_empty_one_are_over_at_once),
		cmocka_unit_test(a_body_until_close_is_never_over),
		cmocka_unit_test(what_is_moved_unseen_counts_as_passed),
		cmocka_unit_test(a_trailer_must_not_decide_what_the_head_decides),
		cmocka_unit_test(a_chunk_line_is_at_most_256_bytes),
		cmocka_unit_test(each_chunk_line_has_its_own_256_bytes),
		cmocka_unit_test(trailers_are_at_most_16_kb_together),
		cmocka_unit_test(a_size_has_up_to_16_digits_below_2_to_the_63),
		cmocka_unit_test(what_a_check_forgives_a_proxy_does_not),
		cmocka_unit_test(a_limit_counts_content_and_nothing_else),
		cmocka_unit_test(a_chunk_too_many_is_refused_with_its_size),
		cmocka_unit_test(a_length_is_held_against_the_limit_at_once),
	};

	return cmocka_run_group_tests_name("http_body", tests, NULL, NULL);
}
