/* SPDX-License-Identifier: GPL-2.0-only */
/* SipHash against values of its authors' paper and reference vectors. */
#include "core/siphash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* The key is 00 01 .. 0f and the input 00 01 .. of that length. */
static const struct {
	size_t len;
	uint64_t hash;
} cases[] = {
	{0,  0x726fdb47dd0e0e31},
	{1,  0x74f839c593dc67fd},
	{15, 0xa129ca6149be45e5},
};

static void it_agrees_with_the_published_values(void **state)
{
	const uint64_t key[2] = {0x0706050403020100, 0x0f0e0d0c0b0a0908};
	unsigned char input[16];

	for (unsigned int i = 0; i < sizeof(input); i++)
		input[i] = i;
	for (size_t c = 0; c < sizeof(cases) / sizeof(cases[0]); c++)
		assert_true(siphash(key, input, cases[c].len) == cases[c].hash);
}

static void another_key_is_another_hash(void **state)
{
	const uint64_t one[2] = {1, 0}, two[2] = {0, 1};

	assert_false(siphash(one, "same", 4) == siphash(two, "same", 4));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_agrees_with_the_published_values),
		cmocka_unit_test(another_key_is_another_hash),
	};

	return cmocka_run_group_tests_name("siphash", tests, NULL, NULL);
}
