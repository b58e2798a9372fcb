/* SPDX-License-Identifier: GPL-2.0-only */
/* Maglev tables: whose the slots are, and how few change hands. */
#include "core/maglev.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { REALS = 10, DRAWS = 8, TENTH = MAGLEV_SLOTS / REALS };

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

static const uint32_t weights[][REALS] = {
	{1,   1,   1,   1,   1,   1,   1,   1,   1,  1  },
	{10,  20,  30,  40,  50,  60,  70,  80,  90, 100},
	{100, 50,  100, 25,  1,   7,   13,  100, 90, 33 },
	{1,   100, 100, 100, 100, 100, 100, 100, 0,  9  },
};

static void draw(struct maglev_share *shares, const uint32_t *weight, unsigned int nth)
{
	for (uint32_t i = 0; i < REALS; i++)
		shares[i] = (struct maglev_share){
			.key = (nth * REALS + i + 1) * 0x9e3779b97f4a7c15,
			.real = i + 1,
			.weight = weight[i],
		};
}

static size_t owned(const struct ring *r, uint32_t real)
{
	size_t n = 0;

	for (size_t i = 0; i < r->count; i++)
		n += r->slots[i] == real;
	return n;
}

static size_t moved(const struct ring *a, const struct ring *b)
{
	size_t n = 0;

	for (size_t i = 0; i < a->count; i++)
		n += a->slots[i] != b->slots[i];
	return n;
}

static void each_real_has_its_share_within_two_slots(void **state)
{
	for (size_t w = 0; w < ARRAY_LEN(weights); w++) {
		struct maglev_share shares[REALS];
		uint64_t sum = 0;
		struct ring *r;

		draw(shares, weights[w], w);
		for (int i = 0; i < REALS; i++)
			sum += weights[w][i];
		r = maglev_table(shares, REALS, MAGLEV_SLOTS);
		assert_int_equal(r->count, MAGLEV_SLOTS);
		for (int i = 0; i < REALS; i++) {
			uint64_t ideal = (uint64_t)MAGLEV_SLOTS * weights[w][i] / sum;
			size_t has = owned(r, i + 1);

			assert_true(has + 2 >= ideal && has <= ideal + 2);
		}
		free(r);
	}
}

/* Calls check(slots of the real, slots that change hands) for each real that goes; that it comes is
 * the same table turned round. */
static void for_each_that_goes(const uint32_t *weight, void (*check)(size_t own, size_t all))
{
	for (unsigned int d = 0; d < DRAWS; d++) {
		struct maglev_share shares[REALS];
		struct ring *before, *after;

		draw(shares, weight, d);
		before = maglev_table(shares, REALS, MAGLEV_SLOTS);
		for (int gone = 0; gone < REALS; gone++) {
			shares[gone].weight = 0;
			after = maglev_table(shares, REALS, MAGLEV_SLOTS);
			check(owned(before, gone + 1), moved(before, after));
			shares[gone].weight = weight[gone];
			free(after);
		}
		free(before);
	}
}

static void at_most_five_in_a_hundred_more(size_t own, size_t all)
{
	assert_true(all >= own);
	assert_true(all * 100 <= own * 105);
}

static void at_most_five_in_a_hundred_of_a_tenth_more(size_t own, size_t all)
{
	assert_true(all >= own);
	assert_true((all - own) * 100 <= TENTH * 5);
}

static void one_of_ten_takes_hardly_more_than_its_own_slots_along(void **state)
{
	for_each_that_goes(weights[0], at_most_five_in_a_hundred_more);
}

static void weights_do_not_make_others_move(void **state)
{
	for (size_t w = 1; w < ARRAY_LEN(weights); w++)
		for_each_that_goes(weights[w], at_most_five_in_a_hundred_of_a_tenth_more);
}

static void the_order_of_the_reals_does_not_matter(void **state)
{
	struct maglev_share shares[REALS], turned[REALS];
	struct ring *a, *b;

	draw(shares, weights[2], 0);
	for (int i = 0; i < REALS; i++)
		turned[i] = shares[REALS - 1 - i];
	a = maglev_table(shares, REALS, MAGLEV_SLOTS);
	b = maglev_table(turned, REALS, MAGLEV_SLOTS);
	assert_int_equal(moved(a, b), 0);
	assert_true(a->digest == b->digest);
	free(a);
	free(b);
}

static void without_weight_there_is_no_slot(void **state)
{
	struct maglev_share nobody = {.key = 1, .real = 1};
	struct ring *r = maglev_table(&nobody, 1, MAGLEV_SLOTS);

	assert_int_equal(r->count, 0);
	free(r);
	r = maglev_table(NULL, 0, MAGLEV_SLOTS);
	assert_int_equal(r->count, 0);
	free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_real_has_its_share_within_two_slots),
		cmocka_unit_test(one_of_ten_takes_hardly_more_than_its_own_slots_along),
		cmocka_unit_test(weights_do_not_make_others_move),
		cmocka_unit_test(the_order_of_the_reals_does_not_matter),
		cmocka_unit_test(without_weight_there_is_no_slot),
	};

	return cmocka_run_group_tests_name("maglev", tests, NULL, NULL);
}
