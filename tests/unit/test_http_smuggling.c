/* SPDX-License-Identifier: GPL-2.0-only */
/* What two readers could take for two different things (F16): refused for the reason that the row
 * names, or taken as the messages that everybody would see. Each row is read whole, byte by byte,
 * and cut in two at every place. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "http_reader.h"
#include "smuggling_rows.h"

/* Returns how many rows are wrong: 0 or 1. */
static int check(const struct row *row, const struct reader *r, size_t cut)
{
	const char *why = r->why ? r->why : "", *expected = row->why ? row->why : "";

	if (r->refused == row->refused && r->messages == row->messages && !strcmp(why, expected))
		return 0;
	print_error("\"%s\" cut at %zu: %u messages, %u %s\n", row->bytes, cut, r->messages,
		    r->refused, why);
	return 1;
}

static void a_stream_read_whole_is_refused_or_seen_as_everybody_sees_it(void **state)
{
	int wrong = 0;

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct reader r = {};

		reader_feed(&r, rows[i].bytes, rows[i].len);
		wrong += check(&rows[i], &r, rows[i].len);
	}
	assert_int_equal(wrong, 0);
}

static void a_stream_means_the_same_cut_in_two_at_any_place(void **state)
{
	int wrong = 0;

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		for (size_t cut = 0; cut < rows[i].len; cut++) {
			struct reader r = {};

			reader_feed(&r, rows[i].bytes, cut);
			reader_feed(&r, rows[i].bytes, rows[i].len);
			wrong += check(&rows[i], &r, cut);
		}
	}
	assert_int_equal(wrong, 0);
}

static void a_stream_means_the_same_byte_by_byte(void **state)
{
	int wrong = 0;

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct reader r = {};

		for (size_t have = 1; have <= rows[i].len; have++)
			reader_feed(&r, rows[i].bytes, have);
		wrong += check(&rows[i], &r, 1);
	}
	assert_int_equal(wrong, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_stream_read_whole_is_refused_or_seen_as_everybody_sees_it),
		cmocka_unit_test(a_stream_means_the_same_cut_in_two_at_any_place),
		cmocka_unit_test(a_stream_means_the_same_byte_by_byte),
	};

	return cmocka_run_group_tests_name("http_smuggling", tests, NULL, NULL);
}
