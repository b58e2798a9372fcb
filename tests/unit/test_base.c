/* SPDX-License-Identifier: GPL-2.0-only */
/* Floor 0: addresses, buffers, arenas, maps. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/addr.h"
#include "base/alloc.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/map.h"

static void addresses_read_and_print_back(void **state)
{
	static const struct {
		const char *text, *with_port; /* NULL: not an address */
	} cases[] = {
		{"192.0.2.1",        "192.0.2.1:25"     },
		{"2001:db8::15",     "[2001:db8::15]:25"},
		{"::",               "[::]:25"          },
		{"0.0.0.0",          "0.0.0.0:25"       },
		{"192.0.2",          NULL               },
		{"192.0.2.256",      NULL               },
		{"2001:db8:::1",     NULL               },
		{"192.0.2.1 ",       NULL               },
		{"",                 NULL               },
		{"mail.example.com", NULL               },
	};

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		char text[ENDPOINT_TEXT_LEN];
		struct addr a;
		int err = addr_parse(&a, cases[i].text);

		assert_int_equal(err, cases[i].with_port ? 0 : -EINVAL);
		if (err)
			continue;
		assert_string_equal(addr_format(&a, text), cases[i].text);
		assert_string_equal(addr_format_port(&a, 25, text), cases[i].with_port);
	}
}

static void a_socket_address_comes_back_unchanged(void **state)
{
	static const char *const texts[] = {"192.0.2.1", "2001:db8::15"};

	for (size_t i = 0; i < ARRAY_COUNT(texts); i++) {
		struct sockaddr_storage sa;
		struct addr a, b;
		uint16_t port;

		assert_int_equal(addr_parse(&a, texts[i]), 0);
		(void)addr_to_sockaddr(&a, 993, &sa);
		assert_int_equal(addr_from_sockaddr(&b, &port, (struct sockaddr *)&sa), 0);
		assert_true(addr_equal(&a, &b));
		assert_int_equal(port, 993);
	}
}

static void a_prefix_holds_its_own_and_no_other(void **state)
{
	static const struct {
		const char *net;
		uint8_t len; /* of an IPv6 prefix; IPv4 adds 96 */
		const char *addr;
		bool holds;
	} cases[] = {
		{"192.0.2.0",   96 + 24, "192.0.2.255",     true },
		{"192.0.2.0",   96 + 24, "192.0.3.0",       false},
		{"192.0.2.128", 96 + 25, "192.0.2.127",     false},
		{"192.0.2.1",   128,     "192.0.2.1",       true },
		{"192.0.2.1",   128,     "192.0.2.0",       false},
		{"0.0.0.0",     96,      "203.0.113.9",     true },
		{"0.0.0.0",     96,      "2001:db8::1",     false},
		{"2001:db8::",  33,      "2001:db8:7fff::", true },
		{"2001:db8::",  33,      "2001:db8:8000::", false},
	};

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct prefix p = {.len = cases[i].len};
		struct addr a;

		assert_int_equal(addr_parse(&p.addr, cases[i].net), 0);
		assert_int_equal(addr_parse(&a, cases[i].addr), 0);
		assert_int_equal(prefix_contains(&p, &a), cases[i].holds);
	}
}

static void kinds_of_addresses_are_told_apart(void **state)
{
	struct addr a;

	addr_parse(&a, "fe80::1");
	assert_true(addr_is_link_local(&a) && !addr_is_multicast(&a) && !addr_is_v4(&a));
	addr_parse(&a, "224.0.0.18");
	assert_true(addr_is_multicast(&a) && addr_is_v4(&a));
	addr_parse(&a, "ff02::1");
	assert_true(addr_is_multicast(&a));
	addr_parse(&a, "0.0.0.0");
	assert_true(addr_is_unspecified(&a));
	addr_parse(&a, "::1");
	assert_false(addr_is_unspecified(&a));
}

static void a_buffer_grows_and_is_consumed_from_the_front(void **state)
{
	struct buf b = {};

	assert_string_equal(buf_text(&b), "");
	for (int i = 0; i < 1000; i++)
		buf_printf(&b, "%03d,", i);
	assert_int_equal(b.len, 4000);
	buf_consume(&b, 3996);
	assert_string_equal(buf_text(&b), "999,");
	buf_append(&b, "\0x", 2);
	assert_int_equal(b.len, 6);
	buf_clear(&b);
	assert_string_equal(buf_text(&b), "");
	buf_free(&b);
}

static void an_arena_serves_small_and_large_alike(void **state)
{
	struct arena *a = arena_new();
	char *first = arena_strdup(a, "first"), *large = arena_alloc(a, 1, 1 << 20);

	memset(large, 'x', 1 << 20);
	for (int i = 0; i < 10000; i++)
		assert_int_equal((uintptr_t)arena_alloc(a, 1, 24) % 16, 0);
	assert_string_equal(first, "first");
	assert_string_equal(arena_printf(a, "%s-%d", "n", 7), "n-7");
	assert_string_equal(arena_strndup(a, "abcdef", 3), "abc");
	arena_free(a);
}

static void a_map_finds_what_was_put_through_growth_and_removal(void **state)
{
	static int values[2000];
	struct map *m = map_new();
	size_t seen = 0;
	const char *key;
	char name[16];
	void *value;

	for (int i = 0; i < 2000; i++) {
		snprintf(name, sizeof(name), "key%d", i);
		map_put(m, name, &values[i]);
	}
	for (int i = 0; i < 2000; i += 2) {
		snprintf(name, sizeof(name), "key%d", i);
		assert_ptr_equal(map_remove(m, name), &values[i]);
		assert_null(map_remove(m, name));
	}
	for (int i = 0; i < 2000; i++) {
		snprintf(name, sizeof(name), "key%d", i);
		assert_ptr_equal(map_find(m, name), i % 2 ? &values[i] : NULL);
	}
	for (size_t at = 0; map_next(m, &at, &key, &value);)
		seen++;
	assert_int_equal(seen, 1000);
	assert_int_equal(map_count(m), 1000);
	map_free(m);
}

/* Removed entries must not fill the table until no look-up ends. */
static void a_map_survives_endless_putting_and_removing(void **state)
{
	struct map *m = map_new();
	char name[16];
	int value;

	for (int i = 0; i < 100000; i++) {
		snprintf(name, sizeof(name), "k%d", i);
		map_put(m, name, &value);
		assert_ptr_equal(map_remove(m, name), &value);
	}
	assert_int_equal(map_count(m), 0);
	map_free(m);
}

/* A zone in the words of POSIX needs no files: summer time from March to October. */
static void local_time_is_ahead_of_utc_by_the_zone_of_the_host(void **state)
{
	setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
	clock_know_zone();
	assert_int_equal(clock_zone(1769860800000), 3600);
	assert_int_equal(clock_zone(1783080000000), 7200);
	unsetenv("TZ");
	clock_know_zone();
}

static void wall_time_prints_as_rfc_3339(void **state)
{
	char text[CLOCK_TEXT_LEN];

	assert_string_equal(clock_format(1769860800, text), "2026-01-31T12:00:00Z");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_read_and_print_back),
		cmocka_unit_test(a_socket_address_comes_back_unchanged),
		cmocka_unit_test(a_prefix_holds_its_own_and_no_other),
		cmocka_unit_test(kinds_of_addresses_are_told_apart),
		cmocka_unit_test(a_buffer_grows_and_is_consumed_from_the_front),
		cmocka_unit_test(an_arena_serves_small_and_large_alike),
		cmocka_unit_test(a_map_finds_what_was_put_through_growth_and_removal),
		cmocka_unit_test(a_map_survives_endless_putting_and_removing),
		cmocka_unit_test(wall_time_prints_as_rfc_3339),
		cmocka_unit_test(local_time_is_ahead_of_utc_by_the_zone_of_the_host),
	};

	return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
