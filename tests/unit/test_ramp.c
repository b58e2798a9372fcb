/* SPDX-License-Identifier: GPL-2.0-only */
/* Slow start over tables of moments (R36). */
#include "core/ramp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

static const struct {
	uint64_t since;
	uint32_t over;
	uint64_t now;
	unsigned int step;
	uint64_t next;
} cases[] = {
	{0,    30000, 5000,  RAMP_STEPS, UINT64_MAX}, /* usable for long */
	{1000, 0,     1000,  RAMP_STEPS, UINT64_MAX}, /* no slow start */
	{1000, 20000, 1000,  1,          2000      },
	{1000, 20000, 1999,  1,          2000      },
	{1000, 20000, 2000,  2,          3000      },
	{1000, 20000, 11000, 11,         12000     },
	{1000, 20000, 20000, RAMP_STEPS, UINT64_MAX},
	{1000, 20000, 99999, RAMP_STEPS, UINT64_MAX},
	{1000, 20000, 900,   1,          2000      }, /* another process' clock was read later */
	{1000, 7,     1000,  1,          1001      }, /* shorter than the steps */
};

static void the_share_grows_step_by_step(void **state)
{
	for (size_t c = 0; c < ARRAY_LEN(cases); c++) {
		assert_int_equal(ramp_step(cases[c].since, cases[c].over, cases[c].now),
				 cases[c].step);
		assert_true(ramp_next(cases[c].since, cases[c].over, cases[c].now) ==
			    cases[c].next);
	}
}

static void the_next_step_is_due_when_it_is_said_to_be(void **state)
{
	for (uint32_t over = 1; over < 400; over += 7)
		for (uint64_t now = 500; ramp_next(500, over, now) != UINT64_MAX;) {
			uint64_t next = ramp_next(500, over, now);

			assert_true(next > now);
			assert_int_equal(ramp_step(500, over, next - 1), ramp_step(500, over, now));
			assert_true(ramp_step(500, over, next) > ramp_step(500, over, now));
			now = next;
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_share_grows_step_by_step),
		cmocka_unit_test(the_next_step_is_due_when_it_is_said_to_be),
	};

	return cmocka_run_group_tests_name("ramp", tests, NULL, NULL);
}
