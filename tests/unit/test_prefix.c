/* SPDX-License-Identifier: GPL-2.0-only */
/* Ranges to prefixes: against a tree that is walked node by node, and at the edges. */
#include "core/prefix.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

static struct addr address(const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse(&a, text), 0);
	return a;
}

/* The n-th address behind base; no more than 255 of them. */
static struct addr behind(const char *base, unsigned int n)
{
	struct addr a = address(base);

	a.byte[15] = (uint8_t)(a.byte[15] + n);
	return a;
}

/* How many nodes of a binary tree over 2^bits leaves from `at` on make up first..last. */
static size_t nodes(unsigned int at, unsigned int bits, unsigned int first, unsigned int last)
{
	unsigned int end = at + (1u << bits) - 1;

	if (end < first || at > last)
		return 0;
	if (at >= first && end <= last)
		return 1;
	return nodes(at, bits - 1, first, last) +
	       nodes(at + (1u << (bits - 1)), bits - 1, first, last);
}

static void expect_range(const char *base, unsigned int first, unsigned int last)
{
	struct addr a = behind(base, first), b = behind(base, last);
	struct prefix out[PREFIX_RANGE_MAX];
	size_t count = prefix_from_range(&a, &b, out);

	assert_int_equal(count, nodes(0, 6, first, last));
	for (unsigned int n = 0; n < 64; n++) {
		struct addr one = behind(base, n);
		size_t in = 0;

		for (size_t i = 0; i < count; i++)
			in += prefix_contains(&out[i], &one);
		assert_int_equal(in, n >= first && n <= last);
	}
}

static void every_small_range_is_the_fewest_prefixes(void **state) /* R83 */
{
	static const char *const bases[] = {"192.168.30.0", "192.168.30.64", "2001:db8::1:0",
					    "2001:db8::40"};

	for (size_t i = 0; i < ARRAY_LEN(bases); i++)
		for (unsigned int first = 0; first < 64; first++)
			for (unsigned int last = first; last < 64; last++)
				expect_range(bases[i], first, last);
}

static const struct {
	const char *first, *last, *prefixes;
} ranges[] = {
	{"192.168.30.50",			   "192.168.30.60",
	 "192.168.30.50/31 192.168.30.52/30 192.168.30.56/30 192.168.30.60 "                                             },
	{"192.168.30.50",			   "192.168.30.50",                           "192.168.30.50 "          },
	{"192.168.30.50",			   "192.168.30.49",                           ""                        },
	{"0.0.0.0",				 "255.255.255.255",                         "0.0.0.0/0 "              },
	{"0.0.0.0",				 "127.255.255.255",                         "0.0.0.0/1 "              },
	{"255.255.255.254",                         "255.255.255.255",                         "255.255.255.254/31 "     },
	{"10.255.255.255",                          "11.0.0.0",                                "10.255.255.255 11.0.0.0 "},
	{"::",				      "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "::/0 "                   },
	{"8000::",				  "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "8000::/1 "               },
	{"2001:db8::",			      "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff",  "2001:db8::/32 "          },
	{"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
	 "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "								      },
};

static void known_ranges_are_the_known_prefixes(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(ranges); i++) {
		struct addr first = address(ranges[i].first), last = address(ranges[i].last);
		struct prefix out[PREFIX_RANGE_MAX];
		size_t count = prefix_from_range(&first, &last, out);
		char all[256] = "", text[PREFIX_TEXT_LEN];

		for (size_t p = 0; p < count; p++) {
			strcat(all, prefix_format(&out[p], text));
			strcat(all, " ");
		}
		assert_string_equal(all, ranges[i].prefixes);
	}
}

static void the_worst_range_fits(void **state)
{
	struct addr first = address("::1");
	struct addr last = address("ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe");
	struct prefix out[PREFIX_RANGE_MAX];

	assert_int_equal(prefix_from_range(&first, &last, out), PREFIX_RANGE_MAX);
}

static void a_network_has_no_bits_behind_its_length(void **state)
{
	for (unsigned int len = 0; len <= PREFIX_BITS; len++) {
		struct prefix all = {.len = (uint8_t)len}, network;

		memset(&all.addr, 0xff, sizeof(all.addr));
		network = prefix_network(&all);
		assert_int_equal(network.len, len);
		for (unsigned int bit = 0; bit < PREFIX_BITS; bit++)
			assert_int_equal(network.addr.byte[bit / 8] >> (7 - bit % 8) & 1,
					 bit < len);
	}
}

static void a_network_stands_before_what_it_contains(void **state)
{
	const struct prefix wide = {address("10.0.0.0"), 104}, narrow = {address("10.0.0.0"), 112};
	const struct prefix next = {address("10.1.0.0"), 112};

	assert_true(prefix_compare(&wide, &narrow) < 0);
	assert_true(prefix_compare(&narrow, &wide) > 0);
	assert_true(prefix_compare(&narrow, &next) < 0);
	assert_int_equal(prefix_compare(&next, &next), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_small_range_is_the_fewest_prefixes),
		cmocka_unit_test(known_ranges_are_the_known_prefixes),
		cmocka_unit_test(the_worst_range_fits),
		cmocka_unit_test(a_network_has_no_bits_behind_its_length),
		cmocka_unit_test(a_network_stands_before_what_it_contains),
	};

	return cmocka_run_group_tests_name("prefix", tests, NULL, NULL);
}
