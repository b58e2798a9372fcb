/* SPDX-License-Identifier: GPL-2.0-only */
#include "cli/options.h"

#include <errno.h>
#include <string.h>

#include "cli/cli.h"

/* True when argument is the row's option; *value is what it carries itself, or NULL. */
static bool matches(const struct option_row *row, const char *argument, const char **value)
{
	size_t len = strlen(row->name);
	const char *rest = argument + len;

	*value = NULL;
	if (strncmp(argument, row->name, len))
		return false;
	if (!*rest || !row->value)
		return !*rest;
	if (row->name[1] == '-' && *rest != '=')
		return false;
	*value = row->name[1] == '-' ? rest + 1 : rest;
	return true;
}

static const struct option_row *find_row(const struct option_row *rows, size_t count,
					 const char *argument)
{
	const char *value;

	for (size_t i = 0; i < count; i++)
		if (matches(&rows[i], argument, &value))
			return &rows[i];
	return NULL;
}

/* Takes the option at argv[i]. Returns how many arguments it was, or -EINVAL. */
static int take(const struct option_row *row, int i, int argc, char **argv)
{
	const char *value;

	(void)matches(row, argv[i], &value); /* it does */
	if (row->flag) {
		*row->flag = true;
		return 1;
	}
	if (!value && i + 1 == argc) {
		(void)cli_fail(CLI_USAGE, "option %s needs a value", row->name);
		return -EINVAL;
	}
	*row->value = value ? value : argv[i + 1];
	return value ? 1 : 2;
}

int options_take(const struct option_row *rows, size_t count, bool strict, int argc, char **argv)
{
	int kept = 1;

	for (int i = 1; i < argc;) {
		const struct option_row *row = find_row(rows, count, argv[i]);
		bool ends = !strcmp(argv[i], "--");
		int taken = row ? take(row, i, argc, argv) : 0;

		if (taken < 0)
			return taken;
		if (!row && strict && !ends && argv[i][0] == '-' && argv[i][1]) {
			(void)cli_fail(CLI_USAGE, "unknown option %s", argv[i]);
			return -EINVAL;
		}
		i += taken;
		if (ends && strict)
			i++; /* the mark itself is no argument */
		while (ends && i < argc)
			argv[kept++] = argv[i++];
		if (!row && !ends)
			argv[kept++] = argv[i++];
	}
	return kept;
}
