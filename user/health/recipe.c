/* SPDX-License-Identifier: GPL-2.0-only */
#include "health/recipe.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/buf.h"

static const struct trait {
	enum recipe_talk talk;
	enum dialogue_script script;
	bool tls, quiet;
	uint16_t http_port; /* that the Host header does not name */
} traits[CHECK_TYPE_COUNT] = {
	[CHECK_CONNECT] = {RECIPE_SILENT,   0,              false, true,  0  },
	[CHECK_TCP] = {RECIPE_DIALOGUE, DIALOGUE_STEPS, false, false, 0  },
	[CHECK_HTTP] = {RECIPE_HTTP,     0,              false, true,  80 },
	[CHECK_HTTPS] = {RECIPE_HTTP,     0,              true,  true,  443},
	[CHECK_SMTP] = {RECIPE_DIALOGUE, DIALOGUE_SMTP,  false, false, 0  },
	[CHECK_IMAP] = {RECIPE_DIALOGUE, DIALOGUE_IMAP,  false, false, 0  },
	[CHECK_IMAPS] = {RECIPE_DIALOGUE, DIALOGUE_IMAP,  true,  true,  0  },
	[CHECK_POP3] = {RECIPE_DIALOGUE, DIALOGUE_POP3,  false, false, 0  },
	[CHECK_POP3S] = {RECIPE_DIALOGUE, DIALOGUE_POP3,  true,  true,  0  },
};

/* The path, with or without its leading slash (R40). What cannot stand in a request line is
 * written as RFC 3986 2.1 says. */
static void write_target(struct buf *out, const char *path)
{
	if (*path != '/' && strcmp(path, "*") && !strstr(path, "://"))
		buf_puts(out, "/");
	for (const unsigned char *p = (const unsigned char *)path; *p; p++) {
		if (*p <= ' ' || *p >= 0x7f)
			buf_printf(out, "%%%02X", *p);
		else
			buf_append(out, p, 1);
	}
}

/* What the server is known by: the address its clients come to. */
static const struct addr *public_addr(const struct check_spec *spec)
{
	return addr_is_unspecified(&spec->via) ? &spec->addr : &spec->via;
}

static void write_host(struct buf *out, const struct check_spec *spec)
{
	const struct addr *addr = public_addr(spec);
	char text[ENDPOINT_TEXT_LEN];

	if (*spec->host)
		buf_puts(out, spec->host);
	else if (spec->port != traits[spec->type].http_port)
		buf_puts(out, addr_format_port(addr, spec->port, text));
	else
		buf_printf(out, addr_is_v4(addr) ? "%s" : "[%s]", addr_format(addr, text));
}

static void write_request(struct buf *out, const struct check_spec *spec)
{
	buf_printf(out, "%s ", *spec->method ? spec->method : "GET");
	write_target(out, spec->request);
	buf_puts(out, " HTTP/1.1\r\nHost: ");
	write_host(out, spec);
	buf_puts(out, "\r\nUser-Agent: lbxdp\r\nAccept: */*\r\nConnection: close\r\n\r\n");
}

/* The host part of a Host header: without its port, without the brackets. */
static struct slice bare_host(const char *host)
{
	const char *end = strchr(host, *host == '[' ? ']' : ':');

	if (*host == '[')
		host++;
	return (struct slice){host, end ? (size_t)(end - host) : strlen(host)};
}

/* The server's name for SNI: names only, never an address (RFC 6066 3). An address in Host is what
 * the certificate must then be for. */
static void choose_name(struct recipe *r, struct buf *text, const struct check_spec *spec)
{
	struct slice host = slice_of(spec->sni);
	char name[CHECK_TEXT_LEN] = "";
	struct addr literal;

	if (!host.len)
		host = bare_host(spec->host);
	memcpy(name, host.at, host.len);
	r->peer_addr = *public_addr(spec);
	if (!addr_parse(&literal, name))
		r->peer_addr = literal;
	else
		buf_append(text, name, strlen(name));
}

/* Texts stand one behind the other, each with its NUL. */
static void end_text(struct buf *text)
{
	buf_append(text, "", 1);
}

static const char *next_text(const char *text)
{
	return text + strlen(text) + 1;
}

static void set_texts(struct recipe *r, struct dialogue_step *steps, const char *text)
{
	r->request = slice_of(text);
	r->expect = text = next_text(text);
	r->helo = text = next_text(text);
	text = next_text(text);
	r->name = *text ? text : NULL;
	for (size_t i = 0; i < r->step_count; i++) {
		steps[i].expect = text = next_text(text);
		steps[i].send = text = next_text(text);
	}
	r->steps = steps;
}

static void write_texts(struct recipe *r, struct buf *text, const struct check_spec *spec)
{
	if (r->talk == RECIPE_HTTP)
		write_request(text, spec);
	end_text(text);
	buf_puts(text, spec->expect);
	end_text(text);
	buf_puts(text, *spec->helo ? spec->helo : "lbxdp");
	end_text(text);
	choose_name(r, text, spec);
	end_text(text);
	for (size_t i = 0; i < r->step_count; i++) {
		buf_puts(text, spec->steps[i].expect);
		end_text(text);
		buf_puts(text, spec->steps[i].send);
		end_text(text);
	}
}

struct recipe *recipe_new(const struct check_spec *spec)
{
	const struct trait *t = &traits[spec->type];
	struct recipe draft = {
		.type = spec->type,
		.talk = t->talk,
		.script = t->script,
		.tls = t->tls,
		.verify = t->tls && spec->verify,
		.quiet = t->quiet,
		.no_body = !strcmp(spec->method, "HEAD"),
		.addr = spec->addr,
		.via = spec->via,
		.port = spec->port,
		.interval = spec->interval,
		.fast_interval = spec->fast_interval,
		.timeout = spec->timeout,
		.fall = spec->fall,
		.rise = spec->rise,
		.step_count = spec->type == CHECK_TCP ? spec->step_count : 0,
	};
	struct buf text = {};
	size_t steps_size = draft.step_count * sizeof(struct dialogue_step);
	struct recipe *r;

	write_texts(&draft, &text, spec);
	r = xcalloc(1, sizeof(*r) + steps_size + text.len);
	*r = draft;
	memcpy((char *)(r + 1) + steps_size, text.at, text.len);
	set_texts(r, (struct dialogue_step *)(r + 1), (char *)(r + 1) + steps_size);
	buf_free(&text);
	return r;
}

void recipe_free(struct recipe *r)
{
	free(r);
}
