/* SPDX-License-Identifier: GPL-2.0-only */
/* Who stands still, over tables of counts as a watcher sees them. */
#include "core/pulse.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/alloc.h"

/* A digit a look; "!" where it is lost. */
static const char *const lives[] = {
	"1234567890",                    /* it beats */
	"0000000000000",                 /* it has not begun */
	"7777777777777",                 /* nor has who took another's place */
	"1222222!",      "122222122222", /* late once */
	"00012333344",
};

static void who_has_begun_to_beat_and_stands_still_is_lost(void **state)
{
	for (size_t i = 0; i < ARRAY_COUNT(lives); i++) {
		struct pulse p = {};

		for (const char *c = lives[i]; *c && *c != '!'; c++)
			if (pulse_is_lost(&p, (uint64_t)(*c - '0')) != (c[1] == '!'))
				fail_msg("%s at %d", lives[i], (int)(c - lives[i]));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_has_begun_to_beat_and_stands_still_is_lost),
	};

	return cmocka_run_group_tests_name("pulse", tests, NULL, NULL);
}
