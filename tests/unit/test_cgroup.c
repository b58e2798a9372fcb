/* SPDX-License-Identifier: GPL-2.0-only */
/* Limits of control groups, as made-up files say them. */
#include "io/cgroup.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"

static char dir[64];

static const char *path_of(const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static void write_file(const char *name, const char *text)
{
	FILE *f = fopen(path_of(name), "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

/* The least first, so that each parent is there. */
static const char *const folders[] = {"a", "a/b", "memory", "memory/c"};
static const char *const files[] = {"self",
				    "memory.max",
				    "a/memory.max",
				    "a/b/memory.max",
				    "memory/memory.limit_in_bytes",
				    "memory/c/memory.limit_in_bytes"};

static int make_dir(void **state)
{
	snprintf(dir, sizeof(dir), "/tmp/lbxdp-cgroup-XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	for (size_t i = 0; i < ARRAY_COUNT(folders); i++)
		if (mkdir(path_of(folders[i]), 0700))
			return -1;
	return 0;
}

static int remove_dir(void **state)
{
	for (size_t i = 0; i < ARRAY_COUNT(files); i++)
		(void)unlink(path_of(files[i])); /* not every test makes all */
	for (size_t i = ARRAY_COUNT(folders); i--;)
		(void)rmdir(path_of(folders[i])); /* likewise */
	return rmdir(dir);
}

static uint64_t limit(void)
{
	char self[128];

	snprintf(self, sizeof(self), "%s", path_of("self"));
	return cgroup_memory_max(self, dir);
}

static void the_least_of_a_group_and_those_around_it_counts(void **state)
{
	write_file("self", "0::/a/b\n");
	assert_int_equal(limit(), 0); /* nothing can be read */
	write_file("a/b/memory.max", "max\n");
	assert_int_equal(limit(), 0);
	write_file("a/memory.max", "3000000\n");
	assert_int_equal(limit(), 3000000);
	write_file("a/b/memory.max", "2000000\n");
	assert_int_equal(limit(), 2000000);
	write_file("memory.max", "1000000\n");
	assert_int_equal(limit(), 1000000);
}

static void the_root_group_has_the_mounts_own_limit(void **state)
{
	write_file("self", "0::/\n");
	write_file("memory.max", "5\n");
	assert_int_equal(limit(), 5);
}

static void version_one_says_none_by_a_huge_number(void **state)
{
	write_file("self", "9:name=systemd:/a\n4:memory:/c\n0::/\n");
	write_file("memory/memory.limit_in_bytes", "9223372036854771712\n");
	assert_int_equal(limit(), 0);
	write_file("memory/c/memory.limit_in_bytes", "4096\n");
	assert_int_equal(limit(), 4096);
}

static void nonsense_is_no_limit(void **state)
{
	static const char *const lines[] = {"", "\n", "0\n", "0:\n", "0:memory\n", "::::\n"};

	for (size_t i = 0; i < ARRAY_COUNT(lines); i++) {
		write_file("self", lines[i]);
		assert_int_equal(limit(), 0);
	}
	assert_int_equal(cgroup_memory_max("/nowhere", dir), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_least_of_a_group_and_those_around_it_counts,
						make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(the_root_group_has_the_mounts_own_limit, make_dir,
						remove_dir),
		cmocka_unit_test_setup_teardown(version_one_says_none_by_a_huge_number, make_dir,
						remove_dir),
		cmocka_unit_test_setup_teardown(nonsense_is_no_limit, make_dir, remove_dir),
	};

	return cmocka_run_group_tests_name("cgroup", tests, NULL, NULL);
}
