/* SPDX-License-Identifier: GPL-2.0-only */
/* The parts of the data plane's loader that need no kernel; the rest is in tests/kernel. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/dataplane.h"
#include "dataplane/expiry.h"
#include "dataplane/slots.h"

enum { SLOTS = 1024 };

static void ranges_do_not_overlap_until_all_are_taken(void **state)
{
	struct slots *s = slots_new(SLOTS);
	uint8_t owner[SLOTS] = {};
	uint32_t first, taken = 0;

	for (uint32_t n = 0; !slots_take(s, 1 + n % 20, &first); n++) {
		for (uint32_t i = 0; i < 1 + n % 20; i++) {
			assert_true(first + i < SLOTS);
			assert_int_equal(owner[first + i]++, 0);
		}
		taken += 1 + n % 20;
	}
	assert_true(taken > SLOTS / 3);
	slots_free(s);
}

static void given_ranges_grow_together_again(void **state)
{
	struct slots *s = slots_new(SLOTS);
	uint32_t first[SLOTS / SLOTS_UNIT], whole;
	const size_t count = SLOTS / SLOTS_UNIT;

	for (size_t i = 0; i < count; i++)
		assert_int_equal(slots_take(s, SLOTS_UNIT, &first[i]), 0);
	assert_int_equal(slots_take(s, 1, &whole), -ENOSPC);
	for (size_t i = 0; i < count; i += 2)
		slots_give(s, first[i], SLOTS_UNIT);
	assert_int_equal(slots_take(s, SLOTS_UNIT + 1, &whole), -ENOSPC);
	for (size_t i = 1; i < count; i += 2)
		slots_give(s, first[i], SLOTS_UNIT);
	assert_int_equal(slots_take(s, SLOTS, &whole), 0);
	assert_int_equal(whole, 0);
	assert_int_equal(slots_take(s, SLOTS + 1, &whole), -ENOSPC);
	slots_free(s);
}

/* A prime that is little above a power of two takes little more than that. */
static void what_a_range_has_more_than_was_asked_for_stays_free(void **state)
{
	struct slots *s = slots_new(SLOTS);
	uint32_t large, small[(SLOTS / 2 - 8) / SLOTS_UNIT], whole;

	assert_int_equal(slots_take(s, SLOTS / 2 + 1, &large), 0);
	for (size_t i = 0; i < sizeof(small) / sizeof(*small); i++)
		assert_int_equal(slots_take(s, SLOTS_UNIT, &small[i]), 0);
	assert_int_equal(slots_take(s, 1, &whole), -ENOSPC);
	slots_give(s, large, SLOTS / 2 + 1);
	for (size_t i = 0; i < sizeof(small) / sizeof(*small); i++) {
		assert_true(small[i] >= large + SLOTS / 2 + 1 || small[i] < large);
		slots_give(s, small[i], SLOTS_UNIT);
	}
	assert_int_equal(slots_take(s, SLOTS, &whole), 0);
	slots_free(s);
}

static void what_one_allocator_gave_another_reserves(void **state)
{
	struct slots *a = slots_new(SLOTS), *b = slots_new(SLOTS);
	uint32_t first[16], other;

	for (uint32_t i = 0; i < 16; i++) {
		assert_int_equal(slots_take(a, 3 + 2 * i, &first[i]), 0);
		assert_int_equal(slots_reserve(b, first[i], 3 + 2 * i), 0);
	}
	for (uint32_t i = 0; i < 16; i++)
		assert_int_equal(slots_reserve(b, first[i], 3 + 2 * i), -EBUSY);
	while (!slots_take(b, 1, &other))
		for (uint32_t i = 0; i < 16; i++)
			assert_true(other < first[i] || other >= first[i] + 3 + 2 * i);
	slots_free(a);
	slots_free(b);
}

static void a_range_that_is_never_given_is_not_reserved(void **state)
{
	struct slots *s = slots_new(SLOTS);

	assert_int_equal(slots_reserve(s, 3, 8), -EINVAL);
	assert_int_equal(slots_reserve(s, 8, 16), -EINVAL);
	assert_int_equal(slots_reserve(s, SLOTS, 8), -EINVAL);
	assert_int_equal(slots_reserve(s, 0, 2 * SLOTS), -EINVAL);
	assert_int_equal(slots_reserve(s, 0, SLOTS), 0);
	assert_int_equal(slots_reserve(s, 64, 8), -EBUSY);
	slots_free(s);
}

static void random_turns_keep_ranges_apart(void **state)
{
	struct slots *s = slots_new(SLOTS);
	struct {
		uint32_t first, count;
	} held[64] = {};
	uint8_t owner[SLOTS] = {};
	uint32_t dice = 1, whole;

	for (int turn = 0; turn < 20000; turn++) {
		size_t i;

		dice = dice * 1664525 + 1013904223;
		i = dice >> 16 & 63;
		if (held[i].count) {
			slots_give(s, held[i].first, held[i].count);
			memset(owner + held[i].first, 0, held[i].count);
			held[i].count = 0;
		} else if (!slots_take(s, 1 + (dice >> 24) % 50, &held[i].first)) {
			held[i].count = 1 + (dice >> 24) % 50;
			for (uint32_t n = 0; n < held[i].count; n++)
				assert_int_equal(owner[held[i].first + n]++, 0);
		}
	}
	for (size_t i = 0; i < 64; i++)
		if (held[i].count)
			slots_give(s, held[i].first, held[i].count);
	assert_int_equal(slots_take(s, SLOTS, &whole), 0);
	slots_free(s);
}

static void the_flow_tables_fit_the_machine(void **state)
{
	static const struct {
		uint64_t memory;
		uint32_t flows;
	} cases[] = {
		{0,          16384  },
		{64U << 20,  16384  },
		{2ULL << 30, 524288 },
		{1ULL << 40, 1000000},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(dataplane_default_flows(cases[i].memory), cases[i].flows);
}

static void a_flow_is_over_after_its_states_timeout_and_not_at_it(void **state)
{
	const struct lb_settings s = {
		.timeout = {1, 2, 3, 4, 5}
        };
	static const struct {
		uint32_t seen, state, now;
		bool over;
	} cases[] = {
		{100,        LB_FLOW_ESTABLISHED, 103, false},
                {100,        LB_FLOW_ESTABLISHED, 104, true },
		{100,        LB_FLOW_HALF_OPEN,   102, true },
                {100,        LB_FLOW_UDP,         105, false},
		{101,        LB_FLOW_HALF_OPEN,   100, false}, /* a packet saw the next tick */
		{UINT32_MAX, LB_FLOW_NEW,         1,   false},
                {UINT32_MAX, LB_FLOW_NEW,         2,   true },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct lb_flow f = {.seen = cases[i].seen, .state = cases[i].state};

		assert_int_equal(expiry_over(&s, &f, cases[i].now), cases[i].over);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ranges_do_not_overlap_until_all_are_taken),
		cmocka_unit_test(given_ranges_grow_together_again),
		cmocka_unit_test(what_a_range_has_more_than_was_asked_for_stays_free),
		cmocka_unit_test(what_one_allocator_gave_another_reserves),
		cmocka_unit_test(a_range_that_is_never_given_is_not_reserved),
		cmocka_unit_test(random_turns_keep_ranges_apart),
		cmocka_unit_test(the_flow_tables_fit_the_machine),
		cmocka_unit_test(a_flow_is_over_after_its_states_timeout_and_not_at_it),
	};

	return cmocka_run_group_tests_name("dataplane", tests, NULL, NULL);
}
