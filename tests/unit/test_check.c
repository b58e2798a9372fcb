/* SPDX-License-Identifier: GPL-2.0-only */
/* Rise and fall, names and LastChk words; ids; rings by content. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/check.h"
#include "core/ids.h"
#include "core/store.h"

/* '+' a passed result, '-' a failed one; the health after each, '?' 'U' 'D', and '!' on a change.
 */
static void rise_and_fall_damp_what_changes(void **state)
{
	static const struct {
		uint32_t rise, fall;
		const char *results, *want;
	} cases[] = {
		{2, 2, "+",       "U!"       },
		{2, 2, "-",       "D!"       },
		{2, 2, "+-+-+-",  "U!UUUUU"  },
		{2, 2, "+--",     "U!UD!"    },
		{2, 2, "-+-++",   "D!DDDU!"  },
		{3, 1, "+-+++",   "U!D!DDU!" },
		{1, 3, "+--+---", "U!UUUUUD!"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct check_state s = {};
		char got[32] = "";

		for (const char *r = cases[i].results; *r; r++) {
			bool changed =
				check_state_count(&s, *r == '+', cases[i].rise, cases[i].fall);
			char *end = got + strlen(got);

			*end = "?UD"[s.health];
			end[1] = changed ? '!' : '\0';
			end[2] = '\0';
		}
		assert_string_equal(got, cases[i].want);
	}
}

static void the_fast_interval_holds_while_results_stand_against_the_health(void **state)
{
	struct check_state s = {};

	assert_true(check_state_changing(&s));
	check_state_count(&s, true, 2, 2);
	assert_false(check_state_changing(&s));
	check_state_count(&s, false, 2, 2);
	assert_true(check_state_changing(&s));
	check_state_count(&s, false, 2, 2);
	assert_false(check_state_changing(&s));
}

static void type_names_read_back(void **state)
{
	for (int t = 0; t < CHECK_TYPE_COUNT; t++)
		assert_int_equal(check_type_parse(check_type_name(t)), t);
	assert_int_equal(check_type_parse("telnet"), -1);
}

static void outcomes_read_as_haproxy_writes_them(void **state)
{
	struct check_outcome sts = {
		.code = CHECK_CODE_L7STS, .status = 503, .duration_usec = 12345};
	struct check_outcome ok = {.code = CHECK_CODE_L4OK, .duration_usec = 400}, none = {};
	char text[64];

	assert_string_equal(check_outcome_format(&sts, text, sizeof(text)), "L7STS/503 in 12ms");
	assert_string_equal(check_outcome_format(&ok, text, sizeof(text)), "L4OK in 0ms");
	assert_string_equal(check_outcome_format(&none, text, sizeof(text)), "checking");
	assert_false(check_code_passed(CHECK_CODE_L7STS));
	assert_true(check_code_passed(CHECK_CODE_L7OK) && check_code_passed(CHECK_CODE_OFF));
}

static void an_id_stays_with_its_name_and_returns_late(void **state)
{
	struct ids *s = ids_new(5);
	uint32_t a = ids_get(s, "a"), b = ids_get(s, "b");

	assert_int_equal(ids_get(s, "a"), a);
	assert_true(a && b && a != b);
	ids_release(s, a);
	assert_true(ids_get(s, "c") != a); /* others are free */
	assert_int_not_equal(ids_get(s, "d"), 0);
	assert_int_equal(ids_get(s, "e"), a); /* the last one left */
	assert_int_equal(ids_get(s, "f"), 0); /* all taken */
	assert_string_equal(ids_name(s, b), "b");
	assert_int_equal(ids_find(s, "a"), 0);
	ids_free(s);
}

static void an_adopted_id_is_claimed_once(void **state)
{
	struct ids *s = ids_new(1000);

	assert_true(ids_claim(s, "old", 700));
	assert_false(ids_claim(s, "old", 701));
	assert_false(ids_claim(s, "other", 700));
	assert_false(ids_claim(s, "zero", 0));
	assert_false(ids_claim(s, "beyond", 1000));
	assert_int_equal(ids_get(s, "old"), 700);
	ids_free(s);
}

static void equal_rings_are_one_pointer_until_no_row_holds_them(void **state)
{
	struct ring_share share = {.real = 1, .weight = 1}, other = {.real = 2, .weight = 1};
	struct store *s = store_new();
	const struct ring *a = store_ring(s, ring_wrr(&share, 1, RING_SLOTS_MAX));
	const struct ring *b = store_ring(s, ring_wrr(&other, 1, RING_SLOTS_MAX));
	struct plan *p = plan_new();
	struct row_ring row = {.ring = b};
	__u32 id = 1;

	assert_ptr_equal(store_ring(s, ring_wrr(&share, 1, RING_SLOTS_MAX)), a);
	assert_ptr_not_equal(a, b);
	plan_put(p, PLAN_RINGS, &id, &row);
	store_trim(s, p); /* frees a; the sanitizer would tell of b */
	assert_int_equal(b->slots[0], 2);
	assert_ptr_equal(store_ring(s, ring_wrr(&other, 1, RING_SLOTS_MAX)), b);
	plan_free(p);
	store_free(s);
}

static void weights_that_come_again_make_no_new_ring(void **state)
{
	const struct ring_share shares[] =
		{
			{1, 3},
                        {2, 1}
        },
				same_ring[] = {{1, 6}, {2, 2}};
	struct store *s = store_new();
	struct plan *p = plan_new();
	struct row_ring row = {.ring = store_wrr(s, shares, 2, RING_SLOTS_MAX)};
	__u32 id = 1;

	assert_int_equal(row.ring->count, 4);
	assert_int_equal(plan_put(p, PLAN_RINGS, &id, &row), 0);
	for (int round = 0; round < 3; round++) {
		assert_ptr_equal(store_wrr(s, shares, 2, RING_SLOTS_MAX), row.ring);
		store_trim(s, p);
	}
	store_trim(s, p); /* nobody asked for the shares: forgotten, the ring stays */
	assert_ptr_equal(store_wrr(s, same_ring, 2, RING_SLOTS_MAX), row.ring);
	assert_int_equal(plan_delete(p, PLAN_RINGS, &id), 0);
	store_trim(s, p); /* the ring goes, and with it what made it */
	row.ring = store_wrr(s, same_ring, 2, RING_SLOTS_MAX);
	assert_int_equal(row.ring->slots[0], 1);
	plan_free(p);
	store_free(s);
}

static void equal_specs_are_one_pointer_until_no_row_holds_them(void **state)
{
	struct check_spec https = {.type = CHECK_HTTPS, .interval = 6000}, smtp = https;
	struct store *s = store_new();
	struct plan *p = plan_new();
	struct row_check row = {.spec = store_spec(s, &https)};
	const struct check_spec *again;
	__u32 id = 1;

	smtp.type = CHECK_SMTP;
	again = store_spec(s, &https);
	assert_ptr_equal(again, row.spec);
	assert_ptr_not_equal(store_spec(s, &smtp), row.spec);
	assert_int_equal(plan_put(p, PLAN_CHECKS, &id, &row), 0);
	store_trim(s, p); /* frees smtp */
	assert_ptr_equal(store_spec(s, &https), row.spec);
	assert_int_equal(row.spec->type, CHECK_HTTPS);
	plan_free(p);
	store_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rise_and_fall_damp_what_changes),
		cmocka_unit_test(the_fast_interval_holds_while_results_stand_against_the_health),
		cmocka_unit_test(type_names_read_back),
		cmocka_unit_test(outcomes_read_as_haproxy_writes_them),
		cmocka_unit_test(an_id_stays_with_its_name_and_returns_late),
		cmocka_unit_test(an_adopted_id_is_claimed_once),
		cmocka_unit_test(equal_rings_are_one_pointer_until_no_row_holds_them),
		cmocka_unit_test(weights_that_come_again_make_no_new_ring),
		cmocka_unit_test(equal_specs_are_one_pointer_until_no_row_holds_them),
	};

	return cmocka_run_group_tests_name("check", tests, NULL, NULL);
}
