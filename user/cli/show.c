/* SPDX-License-Identifier: GPL-2.0-only */
/* What only reads: status, report, trace, metrics. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/options.h"
#include "cli/stream.h"
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

/* The one metric that can be told without a daemon, for a collector that reads files. */
static void print_orphan(const char *pin_dir)
{
	uint64_t msec;

	if (!dataplane_silence(pin_dir, &msec))
		printf("# HELP lbxdp_heartbeat_age_seconds Since the daemon last refreshed what "
		       "the "
		       "data plane goes by.\n"
		       "# TYPE lbxdp_heartbeat_age_seconds gauge\n"
		       "lbxdp_heartbeat_age_seconds %llu.%03llu\n",
		       (unsigned long long)msec / 1000, (unsigned long long)msec % 1000);
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

/* What report flows alone takes. */
struct flow_words {
	const char *client, *state, *limit;
};

static int report_flows(struct cli *c, const char *form, const char *target,
			const struct flow_words *w)
{
	const struct stream stream = {.socket = c->paths.socket, .sealed = true};
	const char *words[] = {"flows",
			       form,
			       w->limit ? w->limit : "0",
			       target,
			       w->client ? w->client : "",
			       w->state ? w->state : ""};

	return stream_run(&stream, words, ARRAY_COUNT(words));
}

/* Which words `report` takes, and what each understands beside the form. */
static const struct {
	const char *word;
	bool up_only, flows;
} reports[] = {
	{"l4",       false, false},
        {"l7",       true,  false},
        {"flows",    false, true },
	{"sessions", false, false},
        {"checks",   false, false},
};

static int find_report(const char *word)
{
	for (size_t i = 0; i < ARRAY_COUNT(reports); i++)
		if (!strcmp(reports[i].word, word))
			return (int)i;
	return -1;
}

int cli_report(struct cli *c, int argc, char **argv)
{
	bool json = false, csv = false, up_only = false;
	struct flow_words w = {};
	const struct option_row rows[] = {
		{"--json",    NULL,      &json   },
                {"--csv",     NULL,      &csv    },
		{"--up-only", NULL,      &up_only},
                {"--client",  &w.client, NULL    },
		{"--state",   &w.state,  NULL    },
                {"--limit",   &w.limit,  NULL    },
	};
	const char *form, *words[] = {"report", NULL, NULL, "up"};
	int i;

	argc = options_take(rows, ARRAY_COUNT(rows), true, argc, argv);
	i = argc > 1 ? find_report(argv[1]) : -1;
	if (i < 0 || argc > 2 + reports[i].flows || (json && csv) ||
	    (up_only && !reports[i].up_only) ||
	    (!reports[i].flows && (w.client || w.state || w.limit)))
		return cli_usage("report");
	form = json ? "json" : csv ? "csv" : "text";
	if (reports[i].flows)
		return report_flows(c, form, argc > 2 ? argv[2] : "", &w);
	words[1] = argv[1];
	words[2] = form;
	return client_relay(c->paths.socket, words, up_only ? 4 : 3);
}

int cli_trace(struct cli *c, int argc, char **argv)
{
	bool json = false;
	const char *client = "", *verdicts = "", *rate = "100", *count = "0";
	const struct option_row rows[] = {
		{"--json",    NULL,      &json},
                {"--client",  &client,   NULL },
		{"--verdict", &verdicts, NULL },
                {"--rate",    &rate,     NULL },
		{"--count",   &count,    NULL },
	};
	struct stream stream = {.socket = c->paths.socket, .lasts = true, .says_more = true};
	const char *words[] = {"trace", "text", NULL, NULL, NULL, NULL, NULL};

	argc = options_take(rows, ARRAY_COUNT(rows), true, argc, argv);
	if (argc < 1 || argc > 2)
		return cli_usage("trace");
	if (json)
		words[1] = "json";
	words[2] = rate;
	words[3] = count;
	words[4] = argc > 1 ? argv[1] : "";
	words[5] = client;
	words[6] = verdicts;
	if (!strcmp(count, "0"))
		stream.lost = "the daemon went away";
	return stream_run(&stream, words, ARRAY_COUNT(words));
}

int cli_metrics(struct cli *c, int argc, char **argv)
{
	bool open = false;
	const struct option_row rows[] = {
		{"--openmetrics", NULL, &open}
        };
	const char *words[] = {"metrics", "text"};
	int code;

	if (options_take(rows, ARRAY_COUNT(rows), true, argc, argv) != 1)
		return cli_usage("metrics");
	if (open)
		words[1] = "open";
	code = client_relay(c->paths.socket, words, ARRAY_COUNT(words));
	if (code != CLI_DONE)
		print_orphan(c->paths.pin_dir);
	return code;
}
