/* SPDX-License-Identifier: GPL-2.0-only */
/* The command line: one table of words (cli.c), one function a word. */
#ifndef LBXDP_CLI_CLI_H
#define LBXDP_CLI_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "cli/paths.h"

/* Exit codes, the control socket's too. */
enum { CLI_DONE, CLI_FAILED, CLI_USAGE };

/* What the common options said. */
struct cli {
	const char *config; /* -c, or the default */
	bool config_given;
	struct paths paths; /* -S and --instance */
	bool paths_given;
};

/* Returns the exit code of the program. */
int cli_main(int argc, char **argv);

/* One line on stderr, after "lbxdp: ". Returns code. */
int cli_fail(int code, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The text as it is, and the end of its last line where that is missing. */
void cli_print(FILE *to, const char *text);

/* "usage: ..." of a command word on stderr. Returns CLI_USAGE. */
int cli_usage(const char *word);

/* How many arguments a command word without options takes. */
int cli_argument_count(const char *word);

/* The commands, argv[0] being the word. Common options are already taken out. */
int cli_up(struct cli *c, int argc, char **argv);
int cli_down(struct cli *c, int argc, char **argv);
int cli_check(struct cli *c, int argc, char **argv);
int cli_schema(struct cli *c, int argc, char **argv);
int cli_status(struct cli *c, int argc, char **argv);
int cli_report(struct cli *c, int argc, char **argv);
int cli_trace(struct cli *c, int argc, char **argv);
int cli_metrics(struct cli *c, int argc, char **argv);
int cli_reload(struct cli *c, int argc, char **argv);
int cli_isolate(struct cli *c, int argc, char **argv);
int cli_probe(struct cli *c, int argc, char **argv);
int cli_script(struct cli *c, int argc, char **argv); /* real-script */
int cli_doctor(struct cli *c, int argc, char **argv);
int cli_relay(struct cli *c, int argc, char **argv); /* words that the daemon knows as they are */

#endif
