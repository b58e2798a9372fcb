/* SPDX-License-Identifier: GPL-2.0-only */
#include "cli/init.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "core/config.h"
#include "core/config_value.h"

static const char usage[] =
	"usage: lbxdp init exchange --vip ADDRESS --real NAME=ADDRESS [--real ...]\n"
	"           [--interface NAME] [--mode l4-dr|l7-tcp] [--imap] [--pop3] [--helo NAME]\n";

enum wanted { ALWAYS, WITH_IMAP, WITH_POP3 };

/* The guide's virtual services (R15, R16, R54), in its words. */
static const struct {
	const char *label, *ports, *port, *check, *comment;
	enum wanted wanted;
} services[] = {
	{"CAS-HTTPS", "[443]",      "443", "{type: https, request: owa/healthcheck.htm, expect: 200 OK}",
	 "Outlook Web App, Outlook Anywhere, ActiveSync, EWS, Autodiscover.", ALWAYS   },
	{"CAS-IMAP4", "[143, 993]", NULL,  "{type: connect}",
	 "Each port is asked by a TCP connection.",                           WITH_IMAP},
	{"CAS-POP3",  "[110, 995]", NULL,  "{type: connect}",
	 "Each port is asked by a TCP connection.",                           WITH_POP3},
	{"CAS-SMTP",  "[25]",       "25",  NULL,
	 "The check says EHLO and QUIT, as Exchange's log wants it.",         ALWAYS   },
};

static bool is_wanted(const struct init_answers *a, enum wanted w)
{
	return w == ALWAYS || (w == WITH_IMAP && a->imap) || (w == WITH_POP3 && a->pop3);
}

static void write_word(const char *before, const char *word, const char *after, struct buf *out)
{
	buf_puts(out, before);
	value_print_word(word, out);
	buf_puts(out, after);
}

static void write_check(const struct init_answers *a, const char *check, struct buf *out)
{
	buf_puts(out, "    check: ");
	if (check)
		buf_printf(out, "%s\n", check);
	else if (a->helo)
		write_word("{type: smtp, helo: ", a->helo, "}\n", out);
	else
		buf_puts(out, "{type: smtp}\n");
}

static void write_service(const struct init_answers *a, size_t i, struct buf *out)
{
	buf_printf(out, "\n  # %s\n  %s:\n    mode: %s\n", services[i].comment, services[i].label,
		   mode_name(a->l7 ? MODE_L7_TCP : MODE_L4_DR));
	write_word("    vip: ", a->vip, "\n", out);
	buf_printf(out, "    ports: %s\n", services[i].ports);
	write_check(a, services[i].check, out);
	buf_puts(out, "    reals:\n");
	for (size_t j = 0; j < a->real_count; j++) {
		write_word("      ", a->reals[j].name, ": {ip: ", out);
		write_word("", a->reals[j].ip, ", ", out);
		if (a->l7 && services[i].port)
			buf_printf(out, "port: %s, ", services[i].port);
		buf_puts(out, "weight: 100}\n");
	}
}

static const char direct_routing_head[] =
	"# Exchange with Direct Routing, written by lbxdp init.\n"
	"#\n"
	"# On every real server the VIP must stand on a loopback interface that does\n"
	"# not answer ARP; what to run there is printed by\n"
	"#   lbxdp real-script CAS-HTTPS --os windows\n";

static const char layer7_head[] =
	"# Exchange at layer 7 (TCP mode), written by lbxdp init.\n"
	"#\n"
	"# The real servers need no change. They see connections come from this host's\n"
	"# address: receive connectors that judge mail by its sender's address need that\n"
	"# one service in mode l4-dr.\n";

void init_write(const struct init_answers *a, struct buf *out)
{
	buf_printf(out,
		   "%s"
		   "#\n"
		   "# Then: lbxdp check -c FILE && lbxdp up -c FILE\n"
		   "version: 1\n"
		   "\n"
		   "node:\n",
		   a->l7 ? layer7_head : direct_routing_head);
	write_word("  interfaces: [", a->interface, "] # in the network of ", out);
	buf_printf(out, "the %s\n", a->l7 ? "VIP" : "real servers");
	if (a->l7)
		buf_puts(out, "\ndefaults:\n  timeouts: {client: 30m, server: 30m}\n");
	buf_puts(out, "\nservices:");
	for (size_t i = 0; i < ARRAY_COUNT(services); i++)
		if (is_wanted(a, services[i].wanted))
			write_service(a, i, out);
}

static int fail_usage(const char *what, const char *value)
{
	fprintf(stderr, "lbxdp init: %s%s%s\n%s", what, value ? ": " : "", value ? value : "",
		usage);
	return 2;
}

/* Splits "NAME=ADDRESS", which stays the reals' storage. */
static bool take_real(struct init_answers *a, char *text)
{
	char *equals = strrchr(text, '=');
	struct addr ip;

	if (!equals || a->real_count == INIT_REALS_MAX)
		return false;
	*equals = '\0';
	if (value_label(text) || value_address(equals + 1, &ip)) {
		*equals = '=';
		return false;
	}
	a->reals[a->real_count++] = (struct init_real){text, equals + 1};
	return true;
}

enum { OPT_VIP = 256, OPT_REAL, OPT_MODE, OPT_INTERFACE, OPT_IMAP, OPT_POP3, OPT_HELO };

static const struct option options[] = {
	{"vip",       required_argument, NULL, OPT_VIP      },
	{"real",      required_argument, NULL, OPT_REAL     },
	{"mode",      required_argument, NULL, OPT_MODE     },
	{"interface", required_argument, NULL, OPT_INTERFACE},
	{"imap",      no_argument,       NULL, OPT_IMAP     },
	{"pop3",      no_argument,       NULL, OPT_POP3     },
	{"helo",      required_argument, NULL, OPT_HELO     },
	{NULL,        0,                 NULL, 0            },
};

static int take_vip(struct init_answers *a, const char *text)
{
	struct addr ip;

	if (a->vip)
		return fail_usage("one --vip only", NULL);
	if (value_address(text, &ip))
		return fail_usage("no address that a VIP can have", text);
	a->vip = text;
	return 0;
}

static int take_mode(struct init_answers *a, const char *mode)
{
	a->l7 = !strcmp(mode, mode_name(MODE_L7_TCP));
	if (a->l7 || !strcmp(mode, mode_name(MODE_L4_DR)))
		return 0;
	return fail_usage("unknown --mode", mode);
}

static int take_option(struct init_answers *a, int option)
{
	switch (option) {
	case OPT_VIP:
		return take_vip(a, optarg);
	case OPT_REAL:
		return take_real(a, optarg) ? 0 : fail_usage("not NAME=ADDRESS", optarg);
	case OPT_MODE:
		return take_mode(a, optarg);
	case OPT_INTERFACE:
		a->interface = optarg;
		return value_interface(optarg) ? fail_usage("no interface name", optarg) : 0;
	case OPT_IMAP:
		a->imap = true;
		return 0;
	case OPT_POP3:
		a->pop3 = true;
		return 0;
	case OPT_HELO:
		a->helo = optarg;
		return *optarg && value_is_printable(optarg, false)
			       ? 0
			       : fail_usage("no host name", optarg);
	default:
		fputs(usage, stderr);
		return 2;
	}
}

static int take_options(struct init_answers *a, int argc, char **argv)
{
	int option, status = 0;

	optind = 0; /* glibc: begin anew */
	while (!status && (option = getopt_long(argc, argv, "", options, NULL)) != -1)
		status = take_option(a, option);
	if (status)
		return status;
	if (optind + 1 < argc)
		return fail_usage("unexpected word", argv[optind + 1]);
	if (optind < argc && strcmp(argv[optind], "exchange"))
		return fail_usage("unknown kind of setup (known: exchange)", argv[optind]);
	return optind < argc || argc == 1 ? 0 : fail_usage("say what to set up: exchange", NULL);
}

/* Asks on stderr, as stdout becomes the file. Returns a new string, or NULL at the end of input. */
static char *ask(const char *question)
{
	char *line = NULL;
	size_t room = 0;
	ssize_t len;

	fprintf(stderr, "%s ", question);
	len = getline(&line, &room, stdin);
	if (len < 0) {
		free(line);
		return NULL;
	}
	line[strcspn(line, "\r\n")] = '\0';
	return line;
}

static bool is_yes(const char *answer)
{
	return answer && (*answer == 'y' || *answer == 'Y');
}

static bool ask_vip(struct init_answers *a)
{
	struct addr ip;

	while ((a->vip = ask("Virtual IP address of the mail services:"))) {
		const char *wrong = value_address(a->vip, &ip);

		if (!wrong)
			return true;
		fprintf(stderr, "'%s' %s\n", a->vip, wrong);
	}
	return false;
}

static bool ask_interface(struct init_answers *a)
{
	char *answer;

	while ((answer = ask("Interface in the real servers' network [eth0]:"))) {
		if (!*answer)
			return true;
		a->interface = answer;
		if (!value_interface(answer))
			return true;
		fprintf(stderr, "'%s' %s\n", answer, value_interface(answer));
	}
	return false;
}

static bool ask_reals(struct init_answers *a)
{
	char *answer;

	while ((answer = ask("Real server as NAME=ADDRESS (empty line: no more):"))) {
		if (!*answer && a->real_count)
			return true;
		if (*answer && !take_real(a, answer))
			fprintf(stderr, "'%s' is not NAME=ADDRESS, like CAS1=192.168.30.20\n",
				answer);
	}
	return false;
}

/* The guide's Setup Wizard (R32). */
static int ask_all(struct init_answers *a)
{
	char *helo;

	fprintf(stderr, "Exchange. The file goes to standard output.\n");
	a->l7 = is_yes(ask("Layer 7 (TCP mode) instead of Direct Routing? [y/N]"));
	if (!ask_vip(a) || !ask_interface(a) || !ask_reals(a)) {
		fprintf(stderr, "\nlbxdp init: the answers ended too early; nothing written\n");
		return 1;
	}
	a->imap = is_yes(ask("IMAP4 on ports 143 and 993? [y/N]"));
	a->pop3 = is_yes(ask("POP3 on ports 110 and 995? [y/N]"));
	helo = ask("Name the SMTP check says in EHLO (empty: its usual one):");
	a->helo = helo && *helo ? helo : NULL;
	return 0;
}

static int print_answers(const struct init_answers *a)
{
	struct buf file = {0}, messages = {0};
	struct config_input in = {.file = "lbxdp init"};
	struct model *m;
	int status = 1;

	init_write(a, &file);
	in.text = buf_text(&file);
	in.len = file.len;
	m = config_read(&in, &messages);
	if (!m)
		fprintf(stderr, "the answers make no valid configuration:\n%s",
			buf_text(&messages));
	else if (fwrite(buf_text(&file), 1, file.len, stdout) != file.len || fflush(stdout))
		perror("lbxdp init: cannot write to standard output");
	else
		status = 0;
	model_free(m);
	buf_free(&file);
	buf_free(&messages);
	return status;
}

/* Answers live as long as the process: the command runs once. */
int cli_init(int argc, char **argv)
{
	struct init_answers a = {.interface = "eth0"};
	int status = take_options(&a, argc, argv);

	if (status)
		return status;
	if (argc <= 2 && isatty(STDIN_FILENO))
		status = ask_all(&a);
	else if (!a.vip)
		return fail_usage("--vip is missing", NULL);
	else if (!a.real_count)
		return fail_usage("--real is missing", NULL);
	return status ? status : print_answers(&a);
}
