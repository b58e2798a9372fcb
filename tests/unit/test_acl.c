/* SPDX-License-Identifier: GPL-2.0-only */
/* Two lists as one for a longest-prefix match, and whether it lets anybody in. */
#include "core/acl.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/config_value.h"
#include "core/prefix.h"

enum { PREFIXES_MAX = 512 };

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

/* "10.0.0.0/8 192.168.30.50-192.168.30.60" */
static size_t read_prefixes(const char *text, struct prefix *out)
{
	char copy[256], *rest = copy;
	size_t count = 0, more;

	strncpy(copy, text, sizeof(copy) - 1);
	copy[sizeof(copy) - 1] = '\0';
	for (const char *word; (word = strsep(&rest, " "));) {
		if (!*word)
			continue;
		assert_null(value_prefixes(word, out + count, &more));
		count += more;
	}
	return count;
}

static const struct acl *list_of(const char *allow, const char *deny, struct arena *a)
{
	static struct prefix allowed[PREFIXES_MAX], denied[PREFIXES_MAX];
	const struct acl_prefixes yes = {allowed, read_prefixes(allow, allowed)};
	const struct acl_prefixes no = {denied, read_prefixes(deny, denied)};

	return acl_new(&yes, &no, a);
}

/* The longest match, by trying all. */
static bool allows(const struct acl *l, const struct addr *a)
{
	const struct acl_entry *best = NULL;

	for (size_t i = 0; i < l->count; i++)
		if (prefix_contains(&l->entries[i].prefix, a) &&
		    (!best || l->entries[i].prefix.len > best->prefix.len))
			best = &l->entries[i];
	assert_non_null(best);
	return best->verdict == LB_ACL_ALLOW;
}

static const struct {
	const char *allow, *deny, *yes, *no;
} rules[] = {
	{"192.168.30.50",               "",                     "192.168.30.50",               "192.168.30.51 10.0.0.1 fd00::1"},
	{"",			    "192.168.30.50",        "192.168.30.51 fd00::1",       "192.168.30.50"                 },
	{"10.0.0.0/8",                  "10.0.0.0/8",           "",                            "10.1.2.3 11.0.0.1 fd00::1"     }, /* R85 */
	{"10.1.0.0/16",                 "10.0.0.0/8",           "10.1.2.3",                    "10.2.0.1 11.0.0.1"             },
	{"10.0.0.0/8",                  "10.1.0.0/16 10.1.2.3", "10.2.0.1",                    "10.1.2.3 10.1.0.1"             },
	{"::/0",			"",		     "fd00::1 2001:db8::1",         "10.0.0.1"                      },
	{"0.0.0.0/0",                   "",                     "10.0.0.1",                    "fd00::1"                       },
	{"",			    "0.0.0.0/0",            "fd00::1",                     "10.0.0.1"                      },
	{"192.168.30.50-192.168.30.60", "192.168.30.55",        "192.168.30.50 192.168.30.60",
	 "192.168.30.49 192.168.30.55 192.168.30.61"									   },
	{"fd00::/64",                   "fd00::8-fd00::ffff",   "fd00::7 fd00::1:0",           "fd00::8 fd00::ffff fd01::1"    },
};

static void expect_each(const struct acl *l, const char *text, bool want)
{
	struct prefix one[PREFIXES_MAX];
	size_t count = read_prefixes(text, one);

	for (size_t i = 0; i < count; i++)
		assert_int_equal(allows(l, &one[i].addr), want);
}

static void the_most_specific_prefix_decides_and_deny_wins_a_tie(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
		struct arena *a = arena_new();
		const struct acl *l = list_of(rules[i].allow, rules[i].deny, a);

		expect_each(l, rules[i].yes, true);
		expect_each(l, rules[i].no, false);
		arena_free(a);
	}
}

static void a_list_is_sorted_and_holds_no_prefix_twice(void **state)
{
	struct arena *a = arena_new();
	const struct acl *l = list_of("10.2.0.0/16 10.0.0.0/8 10.2.0.0/16 fd00::1",
				      "10.2.0.0/16 10.0.0.1 10.0.0.1", a);

	assert_int_equal(l->count, 4 + 2);
	for (size_t i = 1; i < l->count; i++)
		assert_true(prefix_compare(&l->entries[i - 1].prefix, &l->entries[i].prefix) < 0);
	arena_free(a);
}

static void equal_lists_are_equal_in_every_byte(void **state)
{
	struct arena *a = arena_new();
	const struct acl *one = list_of("10.0.0.0/8 192.168.30.0/24", "10.1.0.0/16", a);
	const struct acl *same = list_of("192.168.30.0/24 10.0.0.0/8", "10.1.0.0/16", a);
	const struct acl *other = list_of("192.168.30.0/24 10.0.0.0/8", "10.1.0.0/17", a);
	struct acl_entry turned[8];
	struct acl *again;

	assert_int_equal(acl_size(one), acl_size(same));
	assert_memory_equal(one, same, acl_size(one));
	assert_int_not_equal(one->digest, other->digest);
	for (size_t i = 0; i < one->count; i++)
		turned[i] = one->entries[one->count - 1 - i];
	again = acl_from_entries(turned, one->count);
	assert_memory_equal(one, again, acl_size(one));
	free(again);
	arena_free(a);
}

static const struct {
	const char *allow, *deny;
	bool v4, v6;
} reach[] = {
	{"10.0.0.1",            "",					true,  false},
	{"fd00::1",             "",					false, true },
	{"",		    "10.0.0.1",				true,  true },
	{"",		    "0.0.0.0/0",			       false, true },
	{"",		    "::/0",				    true,  false},
	{"10.0.0.0/8",          "10.0.0.0/8",                              false, false},
	{"10.0.0.0/8",          "10.0.0.0/9 10.128.0.0/9",                 false, false},
	{"10.0.0.0/8",          "10.0.0.0/9 10.128.0.0/10",                true,  false},
	{"10.0.0.0/8 10.0.0.7", "10.0.0.0/9 10.128.0.0/9",                 true,  false},
	{"",		    "0.0.0.0/1 128.0.0.0/1",                   false, true },
	{"",		    "::/1 8000::/1",                           true,  false},
	{"",		    "::/1 8000::/2",                           true,  true },
	{"",		    "0.0.0.0-255.255.255.254",                 true,  true },
	{"",		    "0.0.0.0-255.255.255.254 255.255.255.255", false, true },
	{"10.0.0.1",            "10.0.0.0/8 0.0.0.0/0",                    true,  false},
};

static void a_list_that_lets_nobody_in_is_told_from_one_that_does(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(reach); i++) {
		struct arena *a = arena_new();
		const struct acl *l = list_of(reach[i].allow, reach[i].deny, a);

		if (acl_allows_any(l, true) != reach[i].v4 ||
		    acl_allows_any(l, false) != reach[i].v6)
			fail_msg("allow '%s' deny '%s'", reach[i].allow, reach[i].deny);
		arena_free(a);
	}
}

/* Against the count of addresses that it allows, over all lists of up to three of 14 prefixes. */
static void every_small_list_is_judged_as_its_addresses_are(void **state)
{
	struct prefix small[15];
	size_t n = 0;

	for (unsigned int len = 126; len <= 128; len++)
		for (unsigned int at = 0; at < 8; at += 1u << (128 - len)) {
			if (n == ARRAY_LEN(small))
				break;
			addr_parse(&small[n].addr, "10.0.0.0");
			small[n].addr.byte[15] = (uint8_t)at;
			small[n++].len = (uint8_t)len;
		}
	for (unsigned int set = 1; set < 1u << 14; set += 37) {
		const struct prefix whole = {small[0].addr, 125};
		struct prefix allow[16], deny[16];
		struct acl_prefixes yes = {allow, 1}, no = {deny, 0};
		struct arena *a = arena_new();
		const struct acl *l;
		bool any = false;

		allow[0] = whole;
		for (unsigned int i = 0; i < 14; i++) {
			if (!(set >> i & 1))
				continue;
			if (set >> ((i + 5) % 14) & 1)
				allow[yes.count++] = small[i];
			else
				deny[no.count++] = small[i];
		}
		l = acl_new(&yes, &no, a);
		for (unsigned int last = 0; last < 8; last++) {
			struct addr one = whole.addr;

			one.byte[15] = (uint8_t)last;
			any |= allows(l, &one);
		}
		assert_int_equal(acl_allows_any(l, true), any);
		arena_free(a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_most_specific_prefix_decides_and_deny_wins_a_tie),
		cmocka_unit_test(a_list_is_sorted_and_holds_no_prefix_twice),
		cmocka_unit_test(equal_lists_are_equal_in_every_byte),
		cmocka_unit_test(a_list_that_lets_nobody_in_is_told_from_one_that_does),
		cmocka_unit_test(every_small_list_is_judged_as_its_addresses_are),
	};

	return cmocka_run_group_tests_name("acl", tests, NULL, NULL);
}
