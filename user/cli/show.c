/* SPDX-License-Identifier: GPL-2.0-only */
/* What only reads: status, report, metrics. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/options.h"
#include "dataplane/dataplane.h"

enum { WATCH_SECONDS = 2 };

/* Only on a terminal that wants it (R66). */
static bool wants_colour(void)
{
	const char *term = getenv("TERM"), *no = getenv("NO_COLOR");

	return isatty(STDOUT_FILENO) && (!no || !*no) && term && strcmp(term, "dumb");
}

/* Without a daemon, layer 4 may well go on (F24). */
static void say_orphan(const char *pin_dir)
{
	uint64_t msec;

	if (!dataplane_silence(pin_dir, &msec) && msec >= 1000)
		fprintf(stderr,
			"lbxdp: the data plane under %s goes on with the state of %llu s ago\n",
			pin_dir, (unsigned long long)msec / 1000);
}

int cli_status(struct cli *c, int argc, char **argv)
{
	bool json = false, watch = false;
	const struct option_row rows[] = {
		{"--json",  NULL, &json },
		{"--watch", NULL, &watch},
	};
	const char *words[] = {"status", "text", "colour"};
	size_t count = wants_colour() ? 3 : 2;
	int code;

	if (options_take(rows, ARRAY_COUNT(rows), true, argc, argv) != 1)
		return cli_usage("status");
	if (json) {
		words[1] = "json";
		count = 2;
	}
	for (;;) {
		const struct timespec pause = {.tv_sec = WATCH_SECONDS};

		if (watch && !json && isatty(STDOUT_FILENO))
			fputs("\033[H\033[2J", stdout);
		code = client_relay(c->paths.socket, words, count);
		if (code != CLI_DONE)
			say_orphan(c->paths.pin_dir);
		if (!watch || code != CLI_DONE)
			return code;
		(void)nanosleep(&pause, NULL); /* a signal ends the program */
	}
}

int cli_report(struct cli *c, int argc, char **argv)
{
	bool json = false, csv = false, up_only = false, l7;
	const struct option_row rows[] = {
		{"--json",    NULL, &json   },
		{"--csv",     NULL, &csv    },
		{"--up-only", NULL, &up_only},
	};
	const char *words[] = {"report", NULL, "text", "up"};

	argc = options_take(rows, ARRAY_COUNT(rows), true, argc, argv);
	l7 = argc == 2 && !strcmp(argv[1], "l7");
	if (argc != 2 || (json && csv) || (up_only && !l7) ||
	    (!l7 && strcmp(argv[1], "l4") && strcmp(argv[1], "sessions") &&
	     strcmp(argv[1], "checks")))
		return cli_usage("report");
	words[1] = argv[1];
	if (json || csv)
		words[2] = json ? "json" : "csv";
	return client_relay(c->paths.socket, words, up_only ? 4 : 3);
}

int cli_metrics(struct cli *c, int argc, char **argv)
{
	bool open = false;
	const struct option_row rows[] = {
		{"--openmetrics", NULL, &open}
        };
	const char *words[] = {"metrics", "text"};

	if (options_take(rows, ARRAY_COUNT(rows), true, argc, argv) != 1)
		return cli_usage("metrics");
	if (open)
		words[1] = "open";
	return client_relay(c->paths.socket, words, ARRAY_COUNT(words));
}
