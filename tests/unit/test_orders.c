/* SPDX-License-Identifier: GPL-2.0-only */
/* Admin orders on disk, and patterns that name reals. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"
#include "daemon/orders.h"

static char path[] = "/tmp/lbxdp-orders-XXXXXX";

static int make_file(void **state)
{
	int fd;

	strcpy(path + strlen(path) - 6, "XXXXXX");
	fd = mkstemp(path);
	close(fd);
	return fd < 0;
}

static int remove_file(void **state)
{
	return unlink(path);
}

static void write_file(const char *text)
{
	FILE *f = fopen(path, "w");

	fputs(text, f);
	fclose(f);
}

static void orders_survive_a_restart_until_undone(void **state)
{
	struct orders *o = orders_open(path);

	orders_set(o, "CAS HTTPS", "CAS1", (struct order){.admin = ADMIN_DRAIN, .weight = 30});
	orders_set(o, "SMTP", "CAS2", (struct order){.admin = ADMIN_HALT, .weight = -1});
	assert_int_equal(orders_save(o), 0);
	orders_close(o);

	o = orders_open(path);
	assert_int_equal(orders_get(o, "CAS HTTPS", "CAS1").admin, ADMIN_DRAIN);
	assert_int_equal(orders_get(o, "CAS HTTPS", "CAS1").weight, 30);
	assert_int_equal(orders_get(o, "SMTP", "CAS2").admin, ADMIN_HALT);
	assert_int_equal(orders_get(o, "SMTP", "CAS1").admin, ADMIN_ONLINE);
	orders_set(o, "SMTP", "CAS2", (struct order){.admin = ADMIN_ONLINE, .weight = -1});
	assert_int_equal(orders_save(o), 0);
	orders_close(o);

	o = orders_open(path);
	assert_int_equal(orders_get(o, "SMTP", "CAS2").admin, ADMIN_ONLINE);
	orders_close(o);
}

static void a_damaged_line_costs_only_itself(void **state)
{
	FILE *null = fopen("/dev/null", "w");
	struct orders *o;

	log_open("test", LOG_STYLE_PLAIN, fileno(null));
	write_file("drain A/r1\nnonsense\nweight x A/r2\nweight 70000 A/r2\nhalt\nhalt noslash\n"
		   "weight 5 A/r3\n");
	o = orders_open(path);
	assert_int_equal(orders_get(o, "A", "r1").admin, ADMIN_DRAIN);
	assert_int_equal(orders_get(o, "A", "r2").weight, -1);
	assert_int_equal(orders_get(o, "A", "r3").weight, 5);
	orders_close(o);
	fclose(null);
	log_open("test", LOG_STYLE_PLAIN, STDERR_FILENO);
}

static void count(void *arg, const struct service_config *s, const struct real_config *r)
{
	++*(int *)arg;
}

static void patterns_name_one_real_or_many(void **state)
{
	static const struct real_config reals[] = {{.name = "CAS1"}, {.name = "CAS2"}};
	static const struct service_config services[] = {
		{.name = "HTTPS", .reals = reals, .real_count = 2},
		{.name = "SMTP",  .reals = reals, .real_count = 1},
	};
	static const struct {
		const char *pattern;
		int matches;
	} cases[] = {
		{"HTTPS/CAS1", 1},
                {"*/CAS1",     2},
                {"HTTPS/*",    2},
                {"*/*",        3},
		{"SMTP/CAS2",  0},
                {"HTTP/*",     0},
                {"HTTPS",      0},
                {"",           0},
		{"/",          0},
                {"*/",         0},
                {"https/CAS1", 0},
	};
	const struct model m = {.services = services, .service_count = 2};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buf why = {};
		int matches = 0;

		assert_int_equal(orders_match(&m, cases[i].pattern, count, &matches, &why),
				 cases[i].matches);
		assert_int_equal(matches, cases[i].matches);
		assert_int_equal(why.len > 0, !matches);
		buf_free(&why);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(orders_survive_a_restart_until_undone, make_file,
						remove_file),
		cmocka_unit_test_setup_teardown(a_damaged_line_costs_only_itself, make_file,
						remove_file),
		cmocka_unit_test(patterns_name_one_real_or_many),
	};

	return cmocka_run_group_tests_name("orders", tests, NULL, NULL);
}
