/* SPDX-License-Identifier: GPL-2.0-only */
/* The plan core against a sink that writes down what it was told. */
#include "core/plan.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct tape {
	char said[512];
	int refuse_after; /* puts; < 0: never */
	bool refuse_deletes;
};

static void say(struct tape *t, const char *what, enum plan_table table, const void *key)
{
	char word[32];
	__u32 id;

	memcpy(&id, key, sizeof(id));
	snprintf(word, sizeof(word), "%s%c%u ", what, plan_table_name(table)[0], id);
	strncat(t->said, word, sizeof(t->said) - strlen(t->said) - 1);
}

static int tape_put(void *to, enum plan_table t, const void *key, const void *value,
		    const void *old)
{
	struct tape *tape = to;

	if (!tape->refuse_after)
		return -ENOSPC;
	tape->refuse_after--;
	say(tape, old ? "~" : "+", t, key);
	return 0;
}

static int tape_del(void *to, enum plan_table t, const void *key, const void *value)
{
	struct tape *tape = to;

	if (tape->refuse_deletes)
		return -EBUSY;
	say(tape, "-", t, key);
	return 0;
}

static size_t apply(struct tape *tape, struct plan *actual, const struct plan *desired)
{
	struct plan_sink sink = {tape_put, tape_del, tape};
	const struct plan_sink *sinks[PLAN_TABLE_COUNT];

	for (int t = 0; t < PLAN_TABLE_COUNT; t++)
		sinks[t] = &sink;
	return plan_apply(actual, desired, sinks, NULL);
}

/* Reals and services with ids count .. 1, put in falling order. */
static struct plan *plan_of(__u32 count)
{
	struct plan *p = plan_new();

	for (__u32 id = count; id > 0; id--) {
		struct row_real real = {.real.service = id};
		struct lb_service_info info = {.name = "s"};

		assert_int_equal(plan_put(p, PLAN_REALS, &id, &real), 0);
		assert_int_equal(plan_put(p, PLAN_SERVICES, &id, &info), 0);
	}
	return p;
}

static void rows_appear_in_table_order_and_go_in_the_opposite_order(void **state)
{
	struct tape tape = {.refuse_after = -1};
	struct plan *actual = plan_of(0), *two = plan_of(2), *none = plan_of(0);

	assert_int_equal(apply(&tape, actual, two), 0);
	assert_int_equal(apply(&tape, actual, none), 0);
	assert_string_equal(tape.said, "+s1 +s2 +r1 +r2 -r1 -r2 -s1 -s2 ");
	plan_free(actual);
	plan_free(two);
	plan_free(none);
}

static void an_equal_plan_costs_nothing(void **state)
{
	struct tape tape = {.refuse_after = -1};
	struct plan *actual = plan_of(3), *same = plan_of(3);

	assert_int_equal(plan_difference(actual, same), 0);
	assert_int_equal(apply(&tape, actual, same), 0);
	assert_string_equal(tape.said, "");
	plan_free(actual);
	plan_free(same);
}

static void a_changed_row_is_put_with_its_old_value(void **state)
{
	struct tape tape = {.refuse_after = -1};
	struct plan *actual = plan_of(2), *desired = plan_of(2);
	struct row_real changed = {.real.service = 9};
	__u32 id = 2;

	plan_put(desired, PLAN_REALS, &id, &changed);
	assert_int_equal(plan_difference(actual, desired), 1);
	apply(&tape, actual, desired);
	assert_string_equal(tape.said, "~r2 ");
	plan_free(actual);
	plan_free(desired);
}

static void a_refused_row_is_tried_again(void **state)
{
	struct tape tape = {.refuse_after = 1};
	struct plan *actual = plan_of(0), *two = plan_of(2);

	assert_int_equal(apply(&tape, actual, two), 3);
	tape.refuse_after = -1;
	assert_int_equal(apply(&tape, actual, two), 0);
	assert_string_equal(tape.said, "+s1 +s2 +r1 +r2 ");
	plan_free(actual);
	plan_free(two);
}

static void a_refused_delete_stays_in_actual(void **state)
{
	struct tape tape = {.refuse_after = -1, .refuse_deletes = true};
	struct plan *actual = plan_of(1), *none = plan_of(0);

	assert_int_equal(apply(&tape, actual, none), 2);
	assert_int_equal(plan_count(actual, PLAN_REALS), 1);
	tape.refuse_deletes = false;
	assert_int_equal(apply(&tape, actual, none), 0);
	assert_string_equal(tape.said, "-r1 -s1 ");
	plan_free(actual);
	plan_free(none);
}

static void the_later_of_two_puts_stands(void **state)
{
	struct plan *p = plan_of(2);
	struct row_real later = {.real.service = 7};
	const struct row_real *found;
	__u32 id = 1;

	plan_put(p, PLAN_REALS, &id, &later);
	assert_int_equal(plan_count(p, PLAN_REALS), 2);
	found = plan_find(p, PLAN_REALS, &id);
	assert_int_equal(found->real.service, 7);
	assert_int_equal(plan_delete(p, PLAN_REALS, &id), 0);
	assert_null(plan_find(p, PLAN_REALS, &id));
	assert_int_equal(plan_delete(p, PLAN_REALS, &id), -ENOENT);
	plan_free(p);
}

static size_t apply_part(struct tape *tape, struct plan *actual, const struct plan *before,
			 const struct plan *after)
{
	struct plan_sink sink = {tape_put, tape_del, tape};
	const struct plan_sink *sinks[PLAN_TABLE_COUNT];

	for (int t = 0; t < PLAN_TABLE_COUNT; t++)
		sinks[t] = &sink;
	return plan_apply_part(actual, before, after, sinks, NULL);
}

static void a_part_changes_its_rows_and_no_others(void **state)
{
	struct tape tape = {.refuse_after = -1};
	struct plan *actual = plan_of(3), *before = plan_of(2), *after = plan_of(2);
	struct row_real changed = {.real.service = 9};
	const struct row_real *found;
	__u32 id = 2;

	plan_put(after, PLAN_REALS, &id, &changed);
	assert_true(plan_part_fits(before, after));
	assert_int_equal(apply_part(&tape, actual, before, after), 0);
	assert_string_equal(tape.said, "~r2 ");
	found = plan_find(actual, PLAN_REALS, &id);
	assert_int_equal(found->real.service, 9);
	assert_int_equal(plan_count(actual, PLAN_REALS), 3);
	plan_free(actual);
	plan_free(before);
	plan_free(after);
}

static void a_row_that_comes_or_goes_takes_a_whole_plan(void **state)
{
	struct plan *two = plan_of(2), *three = plan_of(3);

	assert_true(plan_part_fits(two, two));
	assert_false(plan_part_fits(two, three));
	assert_false(plan_part_fits(three, two));
	plan_free(two);
	plan_free(three);
}

static void another_value_of_a_shared_row_takes_a_whole_plan(void **state)
{
	struct plan *before = plan_new(), *after = plan_new();
	const struct lb_addr vip = {.byte = {1}};
	const __u32 active = 1, silent = 0;

	plan_put(before, PLAN_VIPS, &vip, &active);
	plan_put(after, PLAN_VIPS, &vip, &active);
	assert_true(plan_part_fits(before, after));
	plan_put(after, PLAN_VIPS, &vip, &silent);
	assert_false(plan_part_fits(before, after));
	plan_free(before);
	plan_free(after);
}

/* The tables of a plan in which something happened, in turn. */
struct turns {
	enum plan_table table[2 * PLAN_TABLE_COUNT];
	size_t count;
};

static int turn_put(void *to, enum plan_table t, const void *key, const void *value,
		    const void *old)
{
	struct turns *turns = to;

	turns->table[turns->count++] = t;
	return 0;
}

static int turn_del(void *to, enum plan_table t, const void *key, const void *value)
{
	return turn_put(to, t, key, value, NULL);
}

static size_t turn_of(const struct turns *turns, enum plan_table t)
{
	for (size_t i = 0; i < turns->count; i++)
		if (turns->table[i] == t)
			return i;
	fail_msg("nothing happened in %s", plan_table_name(t));
	return 0;
}

/* One row in each table, of zeros but for the value's first byte. */
static struct plan *plan_of_all(unsigned char first)
{
	static const unsigned char key[4096];
	unsigned char value[4096] = {first};
	struct plan *p = plan_new();

	for (int t = 0; t < PLAN_TABLE_COUNT; t++)
		assert_int_equal(plan_put(p, t, key, value), 0);
	return p;
}

static const enum plan_table guards[] = {PLAN_ACLS, PLAN_ENDPOINTS, PLAN_GUARD};
static const enum plan_table guarded[] = {PLAN_LISTENERS, PLAN_ADDRESSES, PLAN_VIPS, PLAN_IFACES,
					  PLAN_ANNOUNCE};

/* Each of the guards came before each of what they guard, or after. */
static void assert_guards(const struct turns *turns, bool before)
{
	for (size_t i = 0; i < sizeof(guards) / sizeof(*guards); i++)
		for (size_t j = 0; j < sizeof(guarded) / sizeof(*guarded); j++)
			assert_int_equal(turn_of(turns, guards[i]) < turn_of(turns, guarded[j]),
					 before);
}

static void what_guards_comes_first_and_goes_last(void **state) /* R82 */
{
	struct turns came = {}, went = {}, changed = {};
	struct plan_sink sink = {turn_put, turn_del, &came};
	const struct plan_sink *sinks[PLAN_TABLE_COUNT];
	struct plan *actual = plan_new(), *none = plan_new(), *all = plan_of_all(0),
		    *others = plan_of_all(1);

	for (int t = 0; t < PLAN_TABLE_COUNT; t++)
		sinks[t] = &sink;
	assert_int_equal(plan_apply(actual, all, sinks, NULL), 0);
	assert_guards(&came, true);
	sink.to = &changed;
	assert_int_equal(plan_apply_part(actual, all, others, sinks, NULL), 0);
	assert_guards(&changed, true);
	sink.to = &went;
	assert_int_equal(plan_apply(actual, none, sinks, NULL), 0);
	assert_guards(&went, false);
	plan_free(actual);
	plan_free(none);
	plan_free(all);
	plan_free(others);
}

/* A service that moves to layer 7 has its packets forwarded until its listener stands. */
static void a_list_that_replaces_another_waits_for_what_it_serves_with(void **state)
{
	struct turns turns = {};
	const struct plan_sink sink = {turn_put, turn_del, &turns};
	const struct plan_sink *sinks[PLAN_TABLE_COUNT];
	struct plan *actual = plan_of_all(0), *desired = plan_of_all(1);

	for (int t = 0; t < PLAN_TABLE_COUNT; t++)
		sinks[t] = &sink;
	assert_int_equal(plan_apply(actual, desired, sinks, NULL), 0);
	assert_int_equal(turns.count, PLAN_TABLE_COUNT);
	assert_true(turn_of(&turns, PLAN_LISTENERS) < turn_of(&turns, PLAN_ACLS));
	assert_true(turn_of(&turns, PLAN_ADDRESSES) < turn_of(&turns, PLAN_ACLS));
	assert_true(turn_of(&turns, PLAN_ACLS) < turn_of(&turns, PLAN_VIPS));
	plan_free(actual);
	plan_free(desired);
}

static void a_refused_row_of_a_part_stays_as_it_was(void **state)
{
	struct tape tape = {.refuse_after = 0};
	struct plan *actual = plan_of(1), *before = plan_of(1), *after = plan_of(1);
	struct row_real changed = {.real.service = 9};
	__u32 id = 1;

	plan_put(after, PLAN_REALS, &id, &changed);
	assert_int_equal(apply_part(&tape, actual, before, after), 1);
	assert_int_equal(plan_difference(actual, before), 0);
	/* Nor is a row made that actual does not have. */
	tape.refuse_after = -1;
	assert_int_equal(plan_delete(actual, PLAN_REALS, &id), 0);
	assert_int_equal(apply_part(&tape, actual, before, after), 1);
	assert_string_equal(tape.said, "");
	assert_int_equal(plan_count(actual, PLAN_REALS), 0);
	plan_free(actual);
	plan_free(before);
	plan_free(after);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_appear_in_table_order_and_go_in_the_opposite_order),
		cmocka_unit_test(an_equal_plan_costs_nothing),
		cmocka_unit_test(a_changed_row_is_put_with_its_old_value),
		cmocka_unit_test(what_guards_comes_first_and_goes_last),
		cmocka_unit_test(a_list_that_replaces_another_waits_for_what_it_serves_with),
		cmocka_unit_test(a_refused_row_is_tried_again),
		cmocka_unit_test(a_refused_delete_stays_in_actual),
		cmocka_unit_test(the_later_of_two_puts_stands),
		cmocka_unit_test(a_part_changes_its_rows_and_no_others),
		cmocka_unit_test(a_row_that_comes_or_goes_takes_a_whole_plan),
		cmocka_unit_test(another_value_of_a_shared_row_takes_a_whole_plan),
		cmocka_unit_test(a_refused_row_of_a_part_stays_as_it_was),
	};

	return cmocka_run_group_tests_name("plan", tests, NULL, NULL);
}
