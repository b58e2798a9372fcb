/* SPDX-License-Identifier: GPL-2.0-only */
/* The alphabet of HTTP/1: every byte, at every place of a word. */
#include "core/http_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/alloc.h"

/* RFC 9110 5.6.2, 5.5 and RFC 5234's VCHAR, written the slow way. */
static bool is_token(int c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c && strchr("!#$%&'*+-.^_`|~", c));
}

/* RFC 3986 2.3. */
static bool is_host(int c)
{
	return is_token(c) && !strchr("!#$%&'*+^`|", c);
}

static bool is_text(int c)
{
	return c == '\t' || (c >= ' ' && c != 0x7f);
}

static bool is_visible(int c)
{
	return c > ' ' && c < 0x7f;
}

static const struct {
	size_t (*span)(const char *at, size_t len);
	bool (*belongs)(int c);
} alphabets[] = {
	{http_token_span,   is_token  },
	{http_text_span,    is_text   },
	{http_visible_span, is_visible},
};

enum { LEN = 27 };

/* One byte at that place among letters; the copy ends where the bytes end. */
static void check(size_t which, int byte, size_t place)
{
	char *text = malloc(LEN);
	bool belongs = alphabets[which].belongs(byte);

	memset(text, 'a', LEN);
	text[place] = (char)byte;
	assert_int_equal(alphabets[which].span(text, LEN), belongs ? LEN : place);
	assert_int_equal(alphabets[which].span(text, place), place);
	free(text);
}

static void a_span_ends_at_the_first_byte_that_does_not_belong(void **state)
{
	for (size_t i = 0; i < ARRAY_COUNT(alphabets); i++)
		for (int byte = 0; byte < 256; byte++)
			for (size_t place = 0; place < LEN; place++)
				check(i, byte, place);
}

static void one_byte_belongs_as_it_does_in_a_span(void **state)
{
	for (int byte = 0; byte < 256; byte++) {
		assert_int_equal(http_is_token((char)byte), is_token(byte));
		assert_int_equal(http_is_host((char)byte), is_host(byte));
		assert_int_equal(http_is_text((char)byte), is_text(byte));
	}
}

static void a_number_is_digits_and_nothing_else(void **state)
{
	static const struct {
		const char *text;
		bool ok;
		uint64_t number;
	} rows[] = {
		{"0",                    true,  0                   },
		{"007",                  true,  7                   },
		{"9223372036854775808",  true,  9223372036854775808u},
		{"18446744073709551616", false, 0                   },
		{"99999999999999999999", false, 0                   },
		{"",		     false, 0                   },
		{"+1",                   false, 0                   },
		{"1 ",                   false, 0                   },
		{"1/",                   false, 0                   },
		{"1:",                   false, 0                   },
	};

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		uint64_t number;

		assert_int_equal(http_number(slice_of(rows[i].text), &number), rows[i].ok);
		if (rows[i].ok)
			assert_true(number == rows[i].number);
	}
}

static void a_list_is_its_elements_without_the_blanks_around(void **state)
{
	static const char *const elements[] = {"a", "b c", "", "d"};
	struct slice list = slice_of("a ,\tb c ,, d"), element;

	for (size_t i = 0; i < ARRAY_COUNT(elements); i++) {
		assert_true(http_list_next(&list, &element));
		assert_true(slice_same(element, slice_of(elements[i])));
	}
	assert_false(http_list_next(&list, &element));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_span_ends_at_the_first_byte_that_does_not_belong),
		cmocka_unit_test(one_byte_belongs_as_it_does_in_a_span),
		cmocka_unit_test(a_number_is_digits_and_nothing_else),
		cmocka_unit_test(a_list_is_its_elements_without_the_blanks_around),
	};

	return cmocka_run_group_tests_name("http_text", tests, NULL, NULL);
}
