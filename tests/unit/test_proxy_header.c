/* SPDX-License-Identifier: GPL-2.0-only */
/* PROXY protocol headers, read and written. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "core/proxy_header.h"

#define V2 "\r\n\r\n\0\r\nQUIT\n"
#define V2_ROUTE4                                                                                  \
	V2 "\x21\x11\0\x0c"                                                                        \
	   "\x0a\0\0\1\x0a\0\0\2\x12\x34\1\xbb"

struct text_case {
	const char *text;
	size_t len;
	int result; /* 1: all of it */
	bool known;
};

#define TEXT(text) text, sizeof(text) - 1

static const struct text_case cases[] = {
	{TEXT("PROXY TCP4 10.0.0.1 10.0.0.2 4660 443\r\n"),   1,       true },
	{TEXT("PROXY TCP6 2001:db8::1 ::1 1 65535\r\n"),      1,       true },
	{TEXT("PROXY UNKNOWN\r\n"),                           1,       false},
	{TEXT("PROXY UNKNOWN whatever this says\r\n"),        1,       false},
	{TEXT("PROXY TCP4 10.0.0.1 10.0.0.2 4660 443\r"),     0,       false},
	{TEXT("PROXY TCP4 10.0.0.1"),                         0,       false},
	{TEXT("PRO"),					 0,       false},
	{TEXT(""),					    0,       false},
	{TEXT("GET / HTTP/1.1\r\n"),                          -EPROTO, false},
	{TEXT("PROXY TCP4 10.0.0.1 10.0.0.2 4660 443\n\r\n"), -EPROTO, false},
	{TEXT("PROXY TCP4 10.0.0.1 10.0.0.2 4660 443 \r\n"),  -EPROTO, false},
	{TEXT("PROXY TCP4 10.0.0.1 10.0.0.2 4660\r\n"),       -EPROTO, false},
	{TEXT("PROXY TCP4 10.0.0.1 10.0.0.2 4660 65536\r\n"), -EPROTO, false},
	{TEXT("PROXY TCP4 10.0.0.1 10.0.0.2 04660 443\r\n"),  -EPROTO, false},
	{TEXT("PROXY TCP4 10.0.0.1 10.0.0.2 -1 443\r\n"),     -EPROTO, false},
	{TEXT("PROXY TCP4 10.0.0.1  10.0.0.2 1 443\r\n"),     -EPROTO, false},
	{TEXT("PROXY TCP4 10.0.0.256 10.0.0.2 1 443\r\n"),    -EPROTO, false},
	{TEXT("PROXY TCP4 ::1 ::2 1 443\r\n"),                -EPROTO, false},
	{TEXT("PROXY TCP6 10.0.0.1 10.0.0.2 1 443\r\n"),      -EPROTO, false},
	{TEXT("PROXY UDP4 10.0.0.1 10.0.0.2 1 443\r\n"),      -EPROTO, false},
	{TEXT("PROXY TCP4 10.0.0.1\0 10.0.0.2 1 443\r\n"),    -EPROTO, false},
	{TEXT("PROXY \r\n"),				  -EPROTO, false},
	{TEXT(V2_ROUTE4),				     1,       true },
	{TEXT(V2 "\x20\0\0\0"),                               1,       false}, /* LOCAL */
	{TEXT(V2 "\x20\x11\0\2ab"),                           1,       false},
	{TEXT(V2 "\x21\0\0\0"),                               1,       false}, /* UNSPEC */
	{TEXT(V2 "\x21\x12\0\x0c"
		 "0123456789ab"),
	 1,							    false}, /* UDP */
	{TEXT(V2 "\x21\x11\0\x0f"
		 "\x0a\0\0\1\x0a\0\0\2\x12\x34\1\xbb"
		 "tlv"),
	 1,							    true },
	{TEXT(V2 "\x21\x11\0\x0b"
		 "0123456789a"),
	 -EPROTO,						      false}, /* short */
	{TEXT(V2 "\x21\x21\0\x0c"
		 "0123456789ab"),
	 -EPROTO,						      false},
	{TEXT(V2 "\x11\x11\0\x0c"
		 "0123456789ab"),
	 -EPROTO,						      false}, /* v1? */
	{TEXT(V2 "\x22\x11\0\x0c"
		 "0123456789ab"),
	 -EPROTO,						      false},
	{TEXT(V2 "\x21\x11\xff\xff"),                         -EPROTO, false}, /* huge */
	{TEXT(V2 "\x21\x11\0\x0c"
		 "0123"),
	 0,							    false},
	{TEXT(V2),					    0,       false},
	{TEXT("\r\n\r\n"),				    0,       false},
	{TEXT("\r\n\r\nQUIT"),				-EPROTO, false},
};

static void each_header_is_judged_as_the_specification_says(void **state)
{
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		const struct text_case *c = &cases[i];
		struct proxy_route route = {};
		bool known = false;
		int n = proxy_header_parse(c->text, c->len, &route, &known);

		if (n != (c->result == 1 ? (int)c->len : c->result) || (n > 0 && known != c->known))
			fail_msg("case %zu, \"%s\": %d, known %d", i, c->text, n, known);
	}
}

static void a_header_cut_anywhere_asks_for_more_and_a_tail_is_left_alone(void **state)
{
	char text[256];

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct proxy_route route;
		bool known;

		if (cases[i].result != 1)
			continue;
		for (size_t len = 0; len < cases[i].len; len++)
			assert_int_equal(proxy_header_parse(cases[i].text, len, &route, &known), 0);
		memcpy(text, cases[i].text, cases[i].len);
		memcpy(text + cases[i].len, "\r\nPROXY", 7);
		assert_int_equal(proxy_header_parse(text, cases[i].len + 7, &route, &known),
				 cases[i].len);
	}
}

static void a_line_without_an_end_is_refused_at_107_bytes(void **state)
{
	char text[200];
	struct proxy_route route;
	bool known;

	memset(text, 'x', sizeof(text));
	memcpy(text, "PROXY UNKNOWN ", 14);
	assert_int_equal(proxy_header_parse(text, 106, &route, &known), 0);
	assert_int_equal(proxy_header_parse(text, 107, &route, &known), -EPROTO);
	memcpy(text + 105, "\r\n", 2);
	assert_int_equal(proxy_header_parse(text, 107, &route, &known), 107);
}

static void addresses_and_ports_come_out_as_they_went_in(void **state)
{
	static const char *const pairs[][2] = {
		{"10.0.0.1",				"192.168.30.10"},
		{"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
		 "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fff0"                 },
		{"2001:db8::1",                             "192.168.30.10"},
	};

	for (size_t i = 0; i < ARRAY_COUNT(pairs); i++) {
		for (int version = PROXY_HEADER_V1; version <= PROXY_HEADER_V2; version++) {
			struct proxy_route in = {.source_port = 65535, .destination_port = 443},
					   out;
			char bytes[PROXY_HEADER_BUILD_MAX];
			bool known = false;
			size_t len;

			assert_int_equal(addr_parse(&in.source, pairs[i][0]), 0);
			assert_int_equal(addr_parse(&in.destination, pairs[i][1]), 0);
			len = proxy_header_build(version, &in, bytes);
			assert_true(len <= sizeof(bytes));
			assert_int_equal(proxy_header_parse(bytes, len, &out, &known), len);
			assert_true(known);
			assert_memory_equal(&in, &out, sizeof(in));
		}
	}
}

static void a_built_header_is_the_one_of_the_specification(void **state)
{
	struct proxy_route route = {.source_port = 0x1234, .destination_port = 443};
	char bytes[PROXY_HEADER_BUILD_MAX];
	size_t len;

	addr_parse(&route.source, "10.0.0.1");
	addr_parse(&route.destination, "10.0.0.2");
	len = proxy_header_build(PROXY_HEADER_V1, &route, bytes);
	assert_int_equal(len, cases[0].len);
	assert_memory_equal(bytes, cases[0].text, len);
	len = proxy_header_build(PROXY_HEADER_V2, &route, bytes);
	assert_int_equal(len, sizeof(V2_ROUTE4) - 1);
	assert_memory_equal(bytes, V2_ROUTE4, len);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_header_is_judged_as_the_specification_says),
		cmocka_unit_test(a_header_cut_anywhere_asks_for_more_and_a_tail_is_left_alone),
		cmocka_unit_test(a_line_without_an_end_is_refused_at_107_bytes),
		cmocka_unit_test(addresses_and_ports_come_out_as_they_went_in),
		cmocka_unit_test(a_built_header_is_the_one_of_the_specification),
	};

	return cmocka_run_group_tests_name("proxy header", tests, NULL, NULL);
}
