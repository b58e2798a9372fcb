/* SPDX-License-Identifier: GPL-2.0-only */
#include "cli/cli.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "cli/client.h"
#include "cli/init.h"
#include "cli/options.h"
#include "cli/real_script.h"
#include "daemon/daemon.h"

static const char default_config[] = "/etc/lbxdp/lbxdp.yaml";

/* Which common options a word takes. */
enum { TAKES_CONFIG = 1, TAKES_SOCKET = 2, INTERNAL = 4 };

static int run_init(struct cli *c, int argc, char **argv)
{
	return cli_init(argc, argv);
}

static int run_help(struct cli *c, int argc, char **argv);

/* Words, their arguments and options as usage and completion show them, and what they do. */
/* clang-format off */
static const struct {
	const char *word, *arguments, *does;
	int takes;
	int (*run)(struct cli *c, int argc, char **argv);
} commands[] = {
	{"up", "[IFACE...] [-c FILE] [--xdp-mode auto|native|generic] [--foreground] [--no-wait]",
	 "attach and start the daemon; join a further interface", TAKES_CONFIG | TAKES_SOCKET, cli_up},
	{"down", "[IFACE...]",
	 "detach, remove pins and run-time files, stop", TAKES_SOCKET, cli_down},
	{"check", "[IFACE...] [-c FILE] [--print]",
	 "validate the configuration", TAKES_CONFIG, cli_check},
	{"reload", "[certificates]",
	 "take the configuration again, all or nothing; or only the files that it names", TAKES_SOCKET,
	 cli_reload},
	{"status", "[--json] [--watch]",
	 "the system overview", TAKES_SOCKET, cli_status},
	{"report", "l4|l7|flows|sessions|checks [SERVICE[/REAL]] [--client PREFIX] [--state STATE] "
	 "[--limit N] [--json|--csv] [--up-only]",
	 "layer 4 status, its flows, layer 7 statistics, its sessions, or every check",
	 TAKES_SOCKET, cli_report},
	{"trace", "[SERVICE] [--client PREFIX] [--verdict NAME,...] [--rate N] [--count N] [--json]",
	 "packets and what becomes of them, as they come", TAKES_SOCKET, cli_trace},
	{"drain", "SERVICE/REAL",
	 "no new connections; running ones go on", TAKES_SOCKET, cli_relay},
	{"halt", "SERVICE/REAL",
	 "no new connections; running ones are reset", TAKES_SOCKET, cli_relay},
	{"online", "SERVICE/REAL",
	 "undo drain and halt", TAKES_SOCKET, cli_relay},
	{"weight", "SERVICE/REAL N|default",
	 "another weight, until undone", TAKES_SOCKET, cli_relay},
	{"isolate", "SERVICE/REAL",
	 "halt all the others until interrupted", TAKES_SOCKET, cli_isolate},
	{"init", "exchange --vip ADDRESS --real NAME=ADDRESS... [--mode l4-dr|l7-tcp|l7-http] "
	 "[--certificate FILE] [--interface IFACE] [--imap] [--pop3] [--helo NAME]",
	 "write a configuration to standard output", 0, run_init},
	{"real-script", "SERVICE --os linux|windows [--interface NAME] [--loopback NAME] [-c FILE]",
	 "what to run on a real server (ARP problem)", TAKES_CONFIG, cli_script},
	{"probe", "TYPE ADDRESS[:PORT] [--request P] [--expect S] [--timeout D] [--method M] "
	 "[--host H] [--sni N] [--helo N] [--send S] [--verify none|ca] [--ca FILE]",
	 "one health check by hand", 0, cli_probe},
	{"doctor", "[arp | exchange NAME] [--json] [-c FILE]",
	 "find what is wrong in the network, and what to type", TAKES_CONFIG | TAKES_SOCKET,
	 cli_doctor},
	{"metrics", "[--openmetrics]",
	 "the Prometheus text, as the scrape gives it", TAKES_SOCKET, cli_metrics},
	{"schema", "[--mdoc]",
	 "the keys of the configuration file", 0, cli_schema},
	{"help", "[COMMAND]",
	 "this list, or the usage of one command", 0, run_help},
	{"wait", "",
	 "return when each check has its first result", TAKES_SOCKET | INTERNAL, cli_relay},
	{"ping", "",
	 "ask whether the daemon answers", TAKES_SOCKET | INTERNAL, cli_relay},
	{"warnings", "",
	 "print the warnings of `up` again", TAKES_SOCKET | INTERNAL, cli_relay},
	{"config", "",
	 "print the path of the configuration in force", TAKES_SOCKET | INTERNAL, cli_relay},
	{"names", "",
	 "print SERVICE/REAL of every real", TAKES_SOCKET | INTERNAL, cli_relay},
};
/* clang-format on */

int cli_fail(int code, const char *format, ...)
{
	va_list args;

	fputs("lbxdp: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputs("\n", stderr);
	return code;
}

void cli_print(FILE *to, const char *text)
{
	size_t len = strlen(text);

	fputs(text, to);
	if (len && text[len - 1] != '\n')
		fputs("\n", to);
}

static int find(const char *word)
{
	for (size_t i = 0; i < ARRAY_COUNT(commands); i++)
		if (!strcmp(word, commands[i].word))
			return (int)i;
	return -1;
}

static void print_usage(FILE *to, int i)
{
	fprintf(to, "usage: lbxdp %s%s%s\n", commands[i].word, *commands[i].arguments ? " " : "",
		commands[i].arguments);
}

int cli_usage(const char *word)
{
	print_usage(stderr, find(word));
	return CLI_USAGE;
}

int cli_argument_count(const char *word)
{
	const char *at = commands[find(word)].arguments;
	int count = *at != '\0';

	for (; *at; at++)
		count += *at == ' ';
	return count;
}

static void print_help(FILE *to)
{
	fputs("usage: lbxdp COMMAND [ARGUMENT...] [-S SOCKET] [--instance NAME]\n\n", to);
	for (size_t i = 0; i < ARRAY_COUNT(commands); i++)
		if (!(commands[i].takes & INTERNAL))
			fprintf(to, "  %-12s %s\n", commands[i].word, commands[i].does);
	fputs("\nlbxdp help COMMAND shows its arguments; lbxdp(8) and lbxdp.yaml(5) the rest.\n",
	      to);
}

static int run_help(struct cli *c, int argc, char **argv)
{
	int i = argc > 1 ? find(argv[1]) : -1;

	if (argc > 2)
		return cli_usage("help");
	if (argc > 1 && i < 0)
		return cli_fail(CLI_USAGE, "unknown command %s; lbxdp help lists them", argv[1]);
	if (i >= 0)
		print_usage(stdout, i);
	else
		print_help(stdout);
	return CLI_DONE;
}

/* For completion: the words themselves, or the options that a word's usage names. */
static int print_words(const char *word)
{
	int i = word ? find(word) : -1;

	for (size_t n = 0; !word && n < ARRAY_COUNT(commands); n++)
		if (!(commands[n].takes & INTERNAL))
			puts(commands[n].word);
	if (i < 0)
		return word ? CLI_USAGE : CLI_DONE;
	if (commands[i].takes & TAKES_SOCKET)
		puts("-S\n--instance");
	for (const char *at = commands[i].arguments; *at; at += *at != '\0') {
		size_t len;

		at += strcspn(at, "-");
		len = strspn(at, "abcdefghijklmnopqrstuvwxyz0123456789-");
		if (len > 1 && (at[-1] == '[' || at[-1] == ' ' || at[-1] == '|'))
			printf("%.*s\n", (int)len, at);
		at += len ? len - 1 : 0;
	}
	return CLI_DONE;
}

/* Socket and instance; the latter also names pins and state. */
static int set_paths(struct cli *c, const char *socket, const char *instance)
{
	if (paths_init(&c->paths, instance))
		return cli_fail(CLI_USAGE,
				"--instance %s: letters, digits, - and _ only, at most %d",
				instance, INSTANCE_NAME_MAX);
	if (socket && paths_set_socket(&c->paths, socket))
		return cli_fail(CLI_USAGE, "-S: the name is too long");
	c->paths_given = socket || instance;
	return CLI_DONE;
}

static int take_common(struct cli *c, int *argc, char **argv, bool *help)
{
	const char *socket = NULL, *instance = NULL, *config = NULL;
	const struct option_row rows[] = {
		{"-S",         &socket,   NULL},
                {"--socket",   &socket,   NULL},
                {"--instance", &instance, NULL},
		{"-c",         &config,   NULL},
                {"--config",   &config,   NULL},
                {"--help",     NULL,      help},
		{"-h",         NULL,      help},
	};
	int count = options_take(rows, ARRAY_COUNT(rows), false, *argc, argv);

	if (count < 0)
		return CLI_USAGE;
	*argc = count;
	c->config = config ? config : default_config;
	c->config_given = config != NULL;
	return set_paths(c, socket, instance);
}

static int run(struct cli *c, int argc, char **argv, bool help)
{
	int i = find(argv[0]);

	if (i < 0)
		return cli_fail(CLI_USAGE, "unknown command %s; lbxdp help lists them", argv[0]);
	if (help) {
		print_usage(stdout, i);
		return CLI_DONE;
	}
	if (c->config_given && !(commands[i].takes & TAKES_CONFIG))
		return cli_fail(CLI_USAGE, "%s takes no -c", argv[0]);
	if (c->paths_given && !(commands[i].takes & TAKES_SOCKET))
		return cli_fail(CLI_USAGE, "%s takes no -S or --instance", argv[0]);
	return commands[i].run(c, argc, argv);
}

int cli_main(int argc, char **argv)
{
	struct cli c = {};
	bool help = false;
	int code;

	if (argc > 2 && !strcmp(argv[1], "--role"))
		return daemon_role(argv[2], argc - 3, argv + 3);
	if (argc > 1 && !strcmp(argv[1], "--words"))
		return print_words(argv[2]);
	code = take_common(&c, &argc, argv, &help);
	if (code != CLI_DONE)
		return code;
	if (argc > 1 && !strcmp(argv[1], "--version")) {
		puts("lbxdp " LBXDP_VERSION);
		return CLI_DONE;
	}
	if (argc < 2) {
		print_help(help ? stdout : stderr);
		return help ? CLI_DONE : CLI_USAGE;
	}
	return run(&c, argc - 1, argv + 1, help);
}
