/* SPDX-License-Identifier: GPL-2.0-only */
/* The command line without a daemon: options, exit codes, messages, and that the manual and the
 * completion know what the program knows. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/options.h"
#include "lbxdp/verdict.h"

enum { ARGUMENTS_MAX = 16 };

struct outcome {
	int code;
	struct buf out, err;
};

static void read_back(FILE *f, struct buf *to)
{
	char part[4096];
	size_t got;

	rewind(f);
	while ((got = fread(part, 1, sizeof(part), f)) > 0)
		buf_append(to, part, got);
	fclose(f);
}

/* Runs the program with a line of plain words, in a child of its own. */
static struct outcome run(const char *line)
{
	char copy[512], *argv[ARGUMENTS_MAX + 1] = {"lbxdp"};
	FILE *out = tmpfile(), *err = tmpfile();
	struct outcome o = {};
	int argc = 1, status;
	pid_t child;

	snprintf(copy, sizeof(copy), "%s", line);
	for (char *at = strtok(copy, " "); at && argc < ARGUMENTS_MAX; at = strtok(NULL, " "))
		argv[argc++] = at;
	fflush(NULL);
	child = fork();
	if (child == 0) {
		dup2(fileno(out), STDOUT_FILENO);
		dup2(fileno(err), STDERR_FILENO);
		status = cli_main(argc, argv);
		fflush(NULL);
		_exit(status);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	o.code = WEXITSTATUS(status);
	read_back(out, &o.out);
	read_back(err, &o.err);
	return o;
}

static void outcome_free(struct outcome *o)
{
	buf_free(&o->out);
	buf_free(&o->err);
}

static void assert_outcome(const char *line, int code, const char *text)
{
	struct outcome o = run(line);
	const char *said = buf_text(code ? &o.err : &o.out);

	if (o.code != code || !strstr(said, text))
		fail_msg("lbxdp %s: exit %d, said: %s", line, o.code, said);
	if (code == CLI_FAILED && strchr(said, '\n') != said + strlen(said) - 1)
		fail_msg("lbxdp %s: not one line: %s", line, said);
	outcome_free(&o);
}

static void wrong_usage_is_exit_code_2_and_names_what_is_wrong(void **state)
{
	static const struct {
		const char *line, *says;
	} rows[] = {
		{"",				  "usage: lbxdp COMMAND"    },
		{"frobnicate",                        "unknown command"         },
		{"status --frob",                     "unknown option --frob"   },
		{"status now",                        "usage: lbxdp status"     },
		{"report",			    "usage: lbxdp report"     },
		{"report l9",                         "usage: lbxdp report"     },
		{"report l4 --up-only",               "usage: lbxdp report"     },
		{"report l7 --json --csv",            "usage: lbxdp report"     },
		{"report l4 --json --csv",            "usage: lbxdp report"     },
		{"status -S",                         "-S needs a value"        },
		{"status -c /tmp/x",                  "status takes no -c"      },
		{"check -S /tmp/x",                   "check takes no -S"       },
		{"status --instance a/b",             "--instance a/b"          },
		{"up --xdp-mode fast",                "usage: lbxdp up"         },
		{"isolate",                           "usage: lbxdp isolate"    },
		{"probe https",                       "usage: lbxdp probe"      },
		{"probe gopher 192.0.2.1",            "unknown check type"      },
		{"probe https 192.0.2.1:0",           "not an ADDRESS"          },
		{"probe https 192.0.2.1:70000",       "not an ADDRESS"          },
		{"probe https mail.example.com",      "not an ADDRESS"          },
		{"probe connect 192.0.2.1",           "needs ADDRESS:PORT"      },
		{"probe ping 192.0.2.1:80",           "no port"                 },
		{"probe smtp 192.0.2.1 --request /",  "--request does not apply"},
		{"probe tcp 192.0.2.1:7",             "--expect or --send"      },
		{"probe https 192.0.2.1 --timeout 3", "--timeout 3"             },
		{"probe https 192.0.2.1 --verify ca", "--ca FILE"               },
		{"probe tcp 192.0.2.1:7 --send \\q",  "unknown escape"          },
		{"drain",			     "usage: lbxdp drain"      },
		{"weight a/b",                        "usage: lbxdp weight"     },
		{"reload now",                        "usage: lbxdp reload"     },
		{"reload certificates now",           "usage: lbxdp reload"     },
		{"help frobnicate",                   "unknown command"         },
	};

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
		assert_outcome(rows[i].line, CLI_USAGE, rows[i].says);
}

static void help_is_no_error(void **state)
{
	assert_outcome("help", CLI_DONE, "drain");
	assert_outcome("--help", CLI_DONE, "usage: lbxdp COMMAND");
	assert_outcome("help weight", CLI_DONE, "usage: lbxdp weight SERVICE/REAL N|default\n");
	assert_outcome("up --help", CLI_DONE, "--xdp-mode auto|native|generic");
	assert_outcome("--version", CLI_DONE, "lbxdp " LBXDP_VERSION "\n");
}

static void without_a_daemon_the_error_says_how_to_start_one(void **state)
{
	static const char *const lines[] = {
		"status",      "report l4",          "metrics", "drain a/b", "reload",
		"isolate a/b", "reload certificates"};
	char line[128];

	for (size_t i = 0; i < ARRAY_COUNT(lines); i++) {
		snprintf(line, sizeof(line), "%s -S /nonexistent/control.sock", lines[i]);
		assert_outcome(line, CLI_FAILED, "not running; start it with: lbxdp up");
	}
}

static void up_without_a_file_points_to_the_wizard(void **state)
{
	assert_outcome("up -c /nonexistent/lbxdp.yaml", CLI_FAILED, "lbxdp init exchange");
}

static void an_instance_keeps_everything_apart(void **state)
{
	struct paths p;

	assert_int_equal(paths_init(&p, NULL), 0);
	assert_string_equal(p.socket, "/run/lbxdp/control.sock");
	assert_string_equal(p.pin_dir, "/sys/fs/bpf/lbxdp");
	assert_string_equal(p.state_dir, "/var/lib/lbxdp");
	assert_int_equal(paths_init(&p, "blue"), 0);
	assert_string_equal(p.socket, "/run/lbxdp-blue/control.sock");
	assert_string_equal(p.run_dir, "/run/lbxdp-blue");
	assert_string_equal(p.pin_dir, "/sys/fs/bpf/lbxdp-blue");
	assert_string_equal(p.state_dir, "/var/lib/lbxdp-blue");
	assert_int_equal(paths_init(&p, ""), -EINVAL);
	assert_int_equal(paths_init(&p, "../x"), -EINVAL);
	assert_int_equal(paths_init(&p, "a-name-of-more-than-thirty-two-bytes"), -EINVAL);
}

static void options_may_stand_anywhere_until_the_double_dash(void **state)
{
	const char *file = NULL, *mode = NULL;
	bool json = false;
	const struct option_row rows[] = {
		{"-c",     &file, NULL },
		{"--mode", &mode, NULL },
		{"--json", NULL,  &json},
	};
	char *argv[] = {"x", "a", "-cF", "--mode=m", "b", "--json", "--", "-c", "--odd"};
	int argc = options_take(rows, ARRAY_COUNT(rows), true, ARRAY_COUNT(argv), argv);

	assert_int_equal(argc, 5);
	assert_string_equal(argv[1], "a");
	assert_string_equal(argv[2], "b");
	assert_string_equal(argv[3], "-c");
	assert_string_equal(argv[4], "--odd");
	assert_string_equal(file, "F");
	assert_string_equal(mode, "m");
	assert_true(json);
}

static void an_option_is_not_mistaken_for_a_longer_one(void **state)
{
	bool json = false;
	const struct option_row rows[] = {
		{"--json", NULL, &json}
        };
	char *longer[] = {"x", "--jsonify"}, *valued[] = {"x", "--json=1"};

	assert_int_equal(options_take(rows, 1, false, 2, longer), 2);
	assert_int_equal(options_take(rows, 1, false, 2, valued), 2);
	assert_false(json);
}

/* A daemon that says one thing to one client. */
static pid_t serve_once(const char *path, const char *reply, size_t len)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), client;
	char line[256];
	pid_t child;

	strcpy(addr.sun_path, path);
	(void)unlink(path);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(listen(fd, 1), 0);
	child = fork();
	if (child == 0) {
		client = accept(fd, NULL, NULL);
		if (recv(client, line, sizeof(line), 0) > 0)
			(void)send(client, reply, len, MSG_NOSIGNAL);
		_exit(0);
	}
	close(fd);
	return child;
}

struct exchange {
	const char *reply;
	size_t len; /* 0: that of a text */
	const char *out, *err;
	int code;
};

/* What the program makes of each reply to a command of these words. */
static void assert_exchanges(const char *words, const struct exchange *rows, size_t count)
{
	char dir[] = "/tmp/lbxdp-cli-XXXXXX", path[64], line[128];

	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/sock", dir);
	snprintf(line, sizeof(line), "%s -S %s", words, path);
	for (size_t i = 0; i < count; i++) {
		const struct exchange *r = &rows[i];
		pid_t server = serve_once(path, r->reply, r->len ? r->len : strlen(r->reply));
		struct outcome o = run(line);

		assert_int_equal(o.code, r->code);
		assert_string_equal(buf_text(&o.out), r->out);
		assert_non_null(strstr(buf_text(&o.err), r->err));
		assert_int_equal(waitpid(server, NULL, 0), server);
		outcome_free(&o);
	}
	unlink(path);
	rmdir(dir);
}

static void a_reply_goes_where_its_exit_code_says(void **state)
{
	static const struct exchange rows[] = {
		{"0\nall is well\n",  0, "all is well\n", "",                0},
		{"1\nno such real\n", 0, "",              "no such real\n",  1},
		{"2\nusage: x\n",     0, "",              "usage: x\n",      2},
		{"",                  0, "",              "the daemon went", 1},
		{"garbage\n",         0, "",              "the daemon went", 1},
	};

	assert_exchanges("drain a/b", rows, ARRAY_COUNT(rows));
}

static void a_list_of_flows_without_its_end_is_a_failure(void **state)
{
	static const struct exchange rows[] = {
		{"0\none\n\0000\n",            9,  "one\n", "",                  0},
		{"0\n\0000\n",                 5,  "",      "",                  0},
		{"0\none\n\0001\nno memory\n", 19, "one\n", "no memory\n",       1},
		{"0\none\n",                   6,  "one\n", "the daemon went",   1},
		{"0\none\n\0",                 7,  "one\n", "the daemon went",   1},
		{"0\n",			2,  "",      "the daemon went",   1},
		{"1\nno such service\n",       0,  "",      "no such service\n", 1},
	};

	assert_exchanges("report flows", rows, ARRAY_COUNT(rows));
}

static struct buf read_file(const char *name)
{
	struct buf text = {};
	FILE *f = fopen(name, "r");

	if (!f)
		fail_msg("%s: %s", name, strerror(errno));
	read_back(f, &text);
	return text;
}

static void assert_documented(const struct buf *page, const char *format, const char *word)
{
	char text[128];

	snprintf(text, sizeof(text), format, word);
	if (!strstr(buf_text(page), text))
		fail_msg("docs/lbxdp.8 lacks %s", text);
}

static void the_manual_names_every_command(void **state)
{
	struct buf page = read_file("docs/lbxdp.8");
	struct outcome o = run("--words");
	char *words = strdup(buf_text(&o.out));

	assert_non_null(strstr(words, "isolate\n"));
	assert_null(strstr(words, "ping\n"));
	for (char *at = strtok(words, "\n"); at; at = strtok(NULL, "\n"))
		if (strcmp(at, "help") && strcmp(at, "report"))
			assert_documented(&page, ".It Cm %s\n", at);
	free(words);
	outcome_free(&o);
	buf_free(&page);
}

static void the_manual_lists_every_verdict_and_event_in_order(void **state)
{
	static const char *const names[] = {
#define NAME(name, ...) #name,
		LB_VERDICTS(NAME) LB_EVENTS(NAME)
#undef NAME
	};
	struct buf page = read_file("docs/lbxdp.8");
	const char *at = buf_text(&page);
	char row[64];

	for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
		snprintf(row, sizeof(row), ".It %s\n", names[i]);
		at = strstr(at, row);
		if (!at)
			fail_msg("docs/lbxdp.8 lacks %s, or not in its place", names[i]);
	}
	buf_free(&page);
}

static void the_manual_explains_every_map(void **state)
{
	static const char *const maps[] = {
		"lbx_vip_filter", "lbx_vips",       "lbx_endpoints", "lbx_services",
		"lbx_slots",      "lbx_svc_info",   "lbx_reals",     "lbx_real_info",
		"lbx_real_conns", "lbx_real_stats", "lbx_flows4",    "lbx_flows6",
		"lbx_half4",      "lbx_half6",      "lbx_settings",  "lbx_verdicts",
		"lbx_events",     "lbx_ifaces",     "lbx_tx",        "lbx_fragments",
		"lbx_icmp",       "lbx_persist",
	};
	struct buf page = read_file("docs/lbxdp.8");

	for (size_t i = 0; i < ARRAY_COUNT(maps); i++)
		assert_documented(&page, "%s", maps[i]);
	buf_free(&page);
}

static void completion_words_are_the_options_of_a_command(void **state)
{
	assert_outcome("--words status", CLI_DONE, "--json\n--watch\n");
	assert_outcome("--words up", CLI_DONE, "-c\n--xdp-mode\n--foreground\n--no-wait\n");
	assert_outcome("--words report", CLI_DONE, "--json\n--csv\n--up-only\n");
	assert_outcome("--words real-script", CLI_DONE, "--os\n");
	assert_outcome("--words init", CLI_DONE, "--imap\n--pop3\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wrong_usage_is_exit_code_2_and_names_what_is_wrong),
		cmocka_unit_test(help_is_no_error),
		cmocka_unit_test(without_a_daemon_the_error_says_how_to_start_one),
		cmocka_unit_test(up_without_a_file_points_to_the_wizard),
		cmocka_unit_test(an_instance_keeps_everything_apart),
		cmocka_unit_test(options_may_stand_anywhere_until_the_double_dash),
		cmocka_unit_test(an_option_is_not_mistaken_for_a_longer_one),
		cmocka_unit_test(a_reply_goes_where_its_exit_code_says),
		cmocka_unit_test(a_list_of_flows_without_its_end_is_a_failure),
		cmocka_unit_test(the_manual_names_every_command),
		cmocka_unit_test(the_manual_lists_every_verdict_and_event_in_order),
		cmocka_unit_test(the_manual_explains_every_map),
		cmocka_unit_test(completion_words_are_the_options_of_a_command),
	};

	return cmocka_run_group_tests_name("cli", tests, NULL, NULL);
}
