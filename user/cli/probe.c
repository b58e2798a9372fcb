/* SPDX-License-Identifier: GPL-2.0-only */
/* `lbxdp probe`: one health check by hand. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "core/config_value.h"
#include "health/probe.h"

/* What was typed, before it becomes a check_spec. */
struct wish {
	const char *type, *target;
	const char *request, *expect, *timeout, *method, *host, *sni, *helo, *send, *ca, *verify;
};

static const struct {
	enum check_type type;
	uint16_t port;
} default_ports[] = {
	{CHECK_HTTP,  80 },
        {CHECK_HTTPS, 443},
        {CHECK_SMTP,  25 },
        {CHECK_IMAP,  143},
	{CHECK_IMAPS, 993},
        {CHECK_POP3,  110},
        {CHECK_POP3S, 995},
};

static uint16_t default_port(enum check_type t)
{
	for (size_t i = 0; i < ARRAY_COUNT(default_ports); i++)
		if (default_ports[i].type == t)
			return default_ports[i].port;
	return 0;
}

static bool parse_port(const char *text, uint16_t *port)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (*text < '0' || *text > '9' || *end || value == 0 || value > 65535)
		return false;
	*port = value;
	return true;
}

/* "192.0.2.1", "192.0.2.1:443", "2001:db8::1" or "[2001:db8::1]:443". */
static bool parse_target(const char *text, struct check_spec *spec)
{
	char address[ADDR_TEXT_LEN + 2];
	const char *colon = strrchr(text, ':'), *end = text + strlen(text);
	bool bracket = *text == '[';

	if (!addr_parse(&spec->addr, text))
		return true;
	if (colon && (bracket ? colon > text && colon[-1] == ']' : colon == strchr(text, ':'))) {
		if (!parse_port(colon + 1, &spec->port))
			return false;
		end = colon;
	}
	text += bracket;
	if (bracket && end[-1] != ']')
		return false;
	end -= bracket;
	if (end <= text || (size_t)(end - text) >= sizeof(address))
		return false;
	memcpy(address, text, end - text);
	address[end - text] = '\0';
	return !addr_parse(&spec->addr, address);
}

/* Copies text; false when it is too long. */
static bool put(char *to, size_t room, const char *text)
{
	if (!text)
		return true;
	if (strlen(text) >= room)
		return false;
	strcpy(to, text);
	return true;
}

static bool put_words(const struct wish *w, struct check_spec *spec)
{
	const char *path = w->request ? w->request : "";

	spec->request[0] = '/';
	return put(spec->request + 1, sizeof(spec->request) - 1, path + (*path == '/')) &&
	       put(spec->expect, sizeof(spec->expect), w->expect) &&
	       put(spec->method, sizeof(spec->method), w->method ? w->method : "GET") &&
	       put(spec->host, sizeof(spec->host), w->host) &&
	       put(spec->sni, sizeof(spec->sni), w->sni) &&
	       put(spec->helo, sizeof(spec->helo), w->helo ? w->helo : "lbxdp") &&
	       put(spec->ca, sizeof(spec->ca), w->ca);
}

/* The same for text with C escapes, as the configuration has it. */
static bool put_escaped(char *to, size_t room, const char *text)
{
	const char *wrong = text ? value_unescape(text, to, room) : NULL;

	if (wrong)
		(void)cli_fail(CLI_USAGE, "'%s' %s", text, wrong);
	return !wrong;
}

/* A tcp check waits, then speaks, as far as it was told to. */
static bool put_step(const struct wish *w, struct check_spec *spec)
{
	struct check_step *s = &spec->steps[0];

	if (spec->type != CHECK_TCP)
		return true;
	spec->step_count = 1;
	return put_escaped(s->expect, sizeof(s->expect), w->expect) &&
	       put_escaped(s->send, sizeof(s->send), w->send);
}

/* Each option belongs to some types; elsewhere it is a mistake. */
static const char *misplaced(const struct wish *w, enum check_type t)
{
	bool http = t == CHECK_HTTP || t == CHECK_HTTPS;
	bool tls = t == CHECK_HTTPS || t == CHECK_IMAPS || t == CHECK_POP3S;
	const struct {
		const char *name, *value;
		bool fits;
	} rules[] = {
		{"--request", w->request, http                  },
		{"--method",  w->method,  http                  },
		{"--host",    w->host,    http                  },
		{"--expect",  w->expect,  http || t == CHECK_TCP},
		{"--send",    w->send,    t == CHECK_TCP        },
		{"--helo",    w->helo,    t == CHECK_SMTP       },
		{"--sni",     w->sni,     tls                   },
		{"--ca",      w->ca,      tls                   },
		{"--verify",  w->verify,  tls                   },
	};

	for (size_t i = 0; i < ARRAY_COUNT(rules); i++)
		if (rules[i].value && !rules[i].fits)
			return rules[i].name;
	return NULL;
}

static int judge_type(const struct wish *w, struct check_spec *spec)
{
	int type = check_type_parse(w->type);
	const char *wrong;

	if (type < 0)
		return cli_fail(CLI_USAGE, "unknown check type %s", w->type);
	spec->type = type;
	wrong = misplaced(w, type);
	if (wrong)
		return cli_fail(CLI_USAGE, "%s does not apply to %s checks", wrong, w->type);
	if (type == CHECK_TCP && !w->expect && !w->send)
		return cli_fail(CLI_USAGE, "a tcp check needs --expect or --send");
	if (w->verify && strcmp(w->verify, "none") && strcmp(w->verify, "ca"))
		return cli_fail(CLI_USAGE, "--verify is none or ca");
	spec->verify = w->verify ? !strcmp(w->verify, "ca") : w->ca != NULL;
	if (spec->verify && !w->ca)
		return cli_fail(CLI_USAGE, "--verify ca needs --ca FILE");
	return CLI_DONE;
}

static bool takes_port(enum check_type t)
{
	return t != CHECK_PING && t != CHECK_ON && t != CHECK_OFF;
}

static int judge(const struct wish *w, struct check_spec *spec)
{
	const char *wrong = w->timeout ? value_duration(w->timeout, &spec->timeout) : NULL;
	int code = judge_type(w, spec);

	if (code != CLI_DONE)
		return code;
	if (!parse_target(w->target, spec))
		return cli_fail(CLI_USAGE, "%s is not an ADDRESS or ADDRESS:PORT", w->target);
	if (!takes_port(spec->type) && spec->port)
		return cli_fail(CLI_USAGE, "a %s check has no port", w->type);
	if (!spec->port)
		spec->port = default_port(spec->type);
	if (takes_port(spec->type) && !spec->port)
		return cli_fail(CLI_USAGE, "a %s check needs ADDRESS:PORT", w->type);
	if (wrong)
		return cli_fail(CLI_USAGE, "--timeout %s: %s", w->timeout, wrong);
	if (!put_words(w, spec))
		return cli_fail(CLI_USAGE, "an argument is too long");
	return put_step(w, spec) ? CLI_DONE : CLI_USAGE;
}

int cli_probe(struct cli *c, int argc, char **argv)
{
	struct check_spec spec = {
		.interval = 6000, .fast_interval = 1000, .timeout = 3000, .fall = 1, .rise = 1};
	struct wish w = {};
	const struct option_row rows[] = {
		{"--request", &w.request, NULL},
                {"--expect",  &w.expect,  NULL},
		{"--timeout", &w.timeout, NULL},
                {"--method",  &w.method,  NULL},
		{"--host",    &w.host,    NULL},
                {"--sni",     &w.sni,     NULL},
		{"--helo",    &w.helo,    NULL},
                {"--send",    &w.send,    NULL},
		{"--ca",      &w.ca,      NULL},
                {"--verify",  &w.verify,  NULL},
	};
	int code;

	if (options_take(rows, ARRAY_COUNT(rows), true, argc, argv) != 3)
		return cli_usage("probe");
	w.type = argv[1];
	w.target = argv[2];
	code = judge(&w, &spec);
	return code == CLI_DONE ? probe_once(&spec) : code;
}
