/* SPDX-License-Identifier: GPL-2.0-only */
/* Exactness and smoothness of rings, over tables of weights. */
#include "core/ring.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

static const struct {
	uint32_t weight[6];
	size_t count;
	size_t slots;
} cases[] = {
	{{100, 100},           2, 2             },
	{{3, 1},               2, 4             },
	{{1},		  1, 1             },
	{{5, 1, 1},            3, 7             },
	{{0, 7},               2, 1             },
	{{0, 0},               2, 0             },
	{{100, 99, 98},        3, 297           },
	{{7, 7, 7, 7, 7, 7},   6, 6             },
	{{65535, 1},           2, 0 /* scaled */},
	{{10, 20, 30, 40, 50}, 5, 15            },
	{{13, 11, 5, 3, 2, 1}, 6, 35            },
};

static struct ring *ring_of(size_t c, struct ring_share *share)
{
	for (size_t i = 0; i < cases[c].count; i++)
		share[i] = (struct ring_share){.real = i + 1, .weight = cases[c].weight[i]};
	return ring_wrr(share, cases[c].count, RING_SLOTS_MAX);
}

static void each_real_has_exactly_its_share_of_a_turn(void **state)
{
	for (size_t c = 0; c < ARRAY_LEN(cases); c++) {
		struct ring_share share[6];
		struct ring *r = ring_of(c, share);
		uint64_t sum = 0;
		size_t got[7] = {0};

		for (size_t i = 0; i < cases[c].count; i++)
			sum += cases[c].weight[i];
		if (cases[c].slots || !sum)
			assert_int_equal(r->count, cases[c].slots);
		assert_int_equal(ring_wrr_count(share, cases[c].count, RING_SLOTS_MAX), r->count);
		for (size_t i = 0; i < r->count; i++)
			got[r->slots[i]]++;
		for (size_t i = 0; cases[c].slots && i < cases[c].count; i++)
			assert_int_equal(got[i + 1] * sum, cases[c].weight[i] * r->count);
		free(r);
	}
}

static void a_ring_takes_a_power_of_two_of_the_table(void **state)
{
	static const size_t rows[][2] = {
		{0,                  0             },
                {1,                  8             },
                {8,                  8             },
                {9,                  16            },
                {16,                 16            },
                {RING_SLOTS_MAX - 1, RING_SLOTS_MAX},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_int_equal(ring_room(rows[i][0]), rows[i][1]);
}

/* After n slots a real that deserves n * w / W is never a whole slot off from that. */
static void no_prefix_is_a_slot_off(void **state)
{
	for (size_t c = 0; c < ARRAY_LEN(cases); c++) {
		struct ring_share share[6];
		struct ring *r = ring_of(c, share);
		size_t got[7] = {0};
		double sum = 0;

		for (size_t i = 0; i < cases[c].count; i++)
			sum += cases[c].weight[i];
		for (size_t n = 1; cases[c].slots && n <= r->count; n++) {
			got[r->slots[n - 1]]++;
			for (size_t i = 0; i < cases[c].count; i++) {
				double ideal = n * cases[c].weight[i] / sum;

				assert_true(got[i + 1] <= ideal + 1.0001);
				assert_true(got[i + 1] + 1.0001 >= ideal);
			}
		}
		free(r);
	}
}

static void a_huge_ratio_is_scaled_and_nobody_starves(void **state)
{
	struct ring_share share[2] = {
		{.real = 1, .weight = 65535},
                {.real = 2, .weight = 1    }
        };
	struct ring *r = ring_wrr(share, 2, RING_SLOTS_MAX);
	size_t second = 0;

	assert_true(r->count <= RING_SLOTS_MAX + 2);
	for (size_t i = 0; i < r->count; i++)
		second += r->slots[i] == 2;
	assert_int_equal(second, 1);
	free(r);
}

static void equal_input_gives_an_equal_ring(void **state)
{
	struct ring_share share[6];
	struct ring *a = ring_of(6, share), *b = ring_of(6, share), *c = ring_of(3, share);

	assert_int_equal(a->digest, b->digest);
	assert_memory_equal(a->slots, b->slots, a->count * sizeof(a->slots[0]));
	assert_true(a->digest != c->digest);
	free(a);
	free(b);
	free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_real_has_exactly_its_share_of_a_turn),
		cmocka_unit_test(a_ring_takes_a_power_of_two_of_the_table),
		cmocka_unit_test(no_prefix_is_a_slot_off),
		cmocka_unit_test(a_huge_ratio_is_scaled_and_nobody_starves),
		cmocka_unit_test(equal_input_gives_an_equal_ring),
	};

	return cmocka_run_group_tests_name("ring", tests, NULL, NULL);
}
