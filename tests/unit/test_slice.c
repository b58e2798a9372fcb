/* SPDX-License-Identifier: GPL-2.0-only */
/* Letters of either case are the same, at every place of a word of any length; nothing else is. */
#include "base/slice.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

enum { LEN_MAX = 27 };

static int lower(int c)
{
	return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c;
}

/* Two words of len bytes that differ at one place at most; each ends where its memory ends. */
static void compare(size_t len, size_t place, int a, int b)
{
	char *one = malloc(len), *other = malloc(len);

	memset(one, 'x', len);
	memset(other, 'X', len);
	one[place] = (char)a;
	other[place] = (char)b;
	assert_int_equal(slice_letters_same(one, other, len), lower(a) == lower(b));
	free(one);
	free(other);
}

static void letters_are_the_same_in_either_case_and_no_other_bytes_are(void **state)
{
	for (int a = 0; a < 256; a++)
		for (int b = 0; b < 256; b++)
			compare(LEN_MAX, (a + b) % LEN_MAX, a, b);
}

static void each_byte_counts_whatever_the_length(void **state)
{
	for (size_t len = 1; len <= LEN_MAX; len++) {
		for (size_t place = 0; place < len; place++) {
			compare(len, place, 'a', 'A');
			compare(len, place, '@', '`');
			compare(len, place, '-', '\r');
			compare(len, place, 0xc1, 0xe1);
			compare(len, place, 'y', 'x');
		}
	}
	assert_true(slice_letters_same("a", "b", 0));
}

static void words_of_different_lengths_differ(void **state)
{
	assert_true(slice_is(slice_of("Content-Length"), "content-length"));
	assert_false(slice_is(slice_of("Content-Length"), "content-lengt"));
	assert_true(slice_begins(slice_of("Content-Length"), "CONTENT-"));
	assert_false(slice_begins(slice_of("Content"), "content-"));
	assert_true(slice_same((struct slice){}, slice_of("")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(letters_are_the_same_in_either_case_and_no_other_bytes_are),
		cmocka_unit_test(each_byte_counts_whatever_the_length),
		cmocka_unit_test(words_of_different_lengths_differ),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
