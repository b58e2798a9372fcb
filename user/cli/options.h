/* SPDX-License-Identifier: GPL-2.0-only */
/* Options of one command, decoded by a table. Options may stand anywhere; "--" ends them. */
#ifndef LBXDP_CLI_OPTIONS_H
#define LBXDP_CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

struct option_row {
	const char *name;   /* "--json" or "-S" */
	const char **value; /* takes a value, given as "--name V" or "--name=V" ("-SV") */
	bool *flag;         /* takes none */
};

/*
 * Takes the rows' options out of argv; argv[0] stays. Of an option given twice the last stands.
 * Returns the new argc, or -EINVAL after a line on stderr: a value is missing or, when strict, an
 * option is unknown.
 */
int options_take(const struct option_row *rows, size_t count, bool strict, int argc, char **argv);

#endif
