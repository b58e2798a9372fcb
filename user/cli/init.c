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
	"           [--interface NAME] [--mode l4-dr|l7-tcp|l7-http] [--certificate FILE]\n"
	"           [--imap] [--pop3] [--helo NAME]\n";

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

enum {
	OPT_VIP = 256,
	OPT_REAL,
	OPT_MODE,
	OPT_CERTIFICATE,
	OPT_INTERFACE,
	OPT_IMAP,
	OPT_POP3,
	OPT_HELO
};

static const struct option options[] = {
	{"vip",         required_argument, NULL, OPT_VIP        },
	{"real",        required_argument, NULL, OPT_REAL       },
	{"mode",        required_argument, NULL, OPT_MODE       },
	{"certificate", required_argument, NULL, OPT_CERTIFICATE},
	{"interface",   required_argument, NULL, OPT_INTERFACE  },
	{"imap",        no_argument,       NULL, OPT_IMAP       },
	{"pop3",        no_argument,       NULL, OPT_POP3       },
	{"helo",        required_argument, NULL, OPT_HELO       },
	{NULL,          0,                 NULL, 0              },
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

/* Returns whether it is one. */
static bool find_mode(const char *name, enum service_mode *mode)
{
	for (int i = 0; i < MODE_COUNT; i++) {
		if (strcmp(name, mode_name((enum service_mode)i)) != 0)
			continue;
		*mode = (enum service_mode)i;
		return true;
	}
	return false;
}

static bool is_path(const char *text)
{
	return *text == '/' && value_is_printable(text, true);
}

static int take_option(struct init_answers *a, int option)
{
	switch (option) {
	case OPT_VIP:
		return take_vip(a, optarg);
	case OPT_REAL:
		return take_real(a, optarg) ? 0 : fail_usage("not NAME=ADDRESS", optarg);
	case OPT_MODE:
		return find_mode(optarg, &a->mode) ? 0 : fail_usage("unknown --mode", optarg);
	case OPT_CERTIFICATE:
		a->certificate = optarg;
		return is_path(optarg) ? 0 : fail_usage("no absolute path", optarg);
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

static bool ask_mode(struct init_answers *a)
{
	static const char question[] =
		"Mode: l4-dr (Direct Routing), l7-tcp, or l7-http, where TLS ends here [l4-dr]:";
	char *answer;

	while ((answer = ask(question))) {
		if (!*answer || find_mode(answer, &a->mode))
			return true;
		fprintf(stderr, "'%s' is not l4-dr, l7-tcp or l7-http\n", answer);
	}
	return false;
}

static bool ask_certificate(struct init_answers *a)
{
	char *answer;

	if (a->mode != MODE_L7_HTTP)
		return true;
	while ((answer = ask("PEM file with certificate, chain and key [/etc/lbxdp/mail.pem]:"))) {
		a->certificate = *answer ? answer : "/etc/lbxdp/mail.pem";
		if (is_path(a->certificate))
			return true;
		fprintf(stderr, "'%s' is not an absolute path\n", answer);
	}
	return false;
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
	const char *question = a->mode == MODE_L4_DR
				       ? "Interface in the real servers' network [eth0]:"
				       : "Interface in the VIP's network [eth0]:";
	char *answer;

	while ((answer = ask(question))) {
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
	if (!ask_mode(a) || !ask_certificate(a) || !ask_vip(a) || !ask_interface(a) ||
	    !ask_reals(a)) {
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

/* What has no sense together, or lacks something. */
static int judge(const struct init_answers *a)
{
	if (!a->vip)
		return fail_usage("--vip is missing", NULL);
	if (!a->real_count)
		return fail_usage("--real is missing", NULL);
	if (a->mode == MODE_L7_HTTP && !a->certificate)
		return fail_usage("--certificate is missing: with l7-http TLS ends here", NULL);
	if (a->mode != MODE_L7_HTTP && a->certificate)
		return fail_usage("--certificate is for --mode l7-http only", NULL);
	return 0;
}

/* Answers live as long as the process: the command runs once. */
int cli_init(int argc, char **argv)
{
	struct init_answers a = {.interface = "eth0"};
	int status = take_options(&a, argc, argv);

	if (status)
		return status;
	status = argc <= 2 && isatty(STDIN_FILENO) ? ask_all(&a) : judge(&a);
	return status ? status : print_answers(&a);
}
