/* SPDX-License-Identifier: GPL-2.0-only */
/* What `lbxdp init exchange` writes: the guide's virtual services in its words, with comments. */
#include "base/alloc.h"
#include "cli/init.h"
#include "core/config_value.h"

enum wanted { ALWAYS, WITH_IMAP, WITH_POP3 };

/* R15, R16, R54. */
static const struct outline {
	const char *label, *ports, *port, *check, *comment;
	enum wanted wanted;
	bool http; /* HTTP mode is for it; what else mail speaks goes by TCP mode then */
} outlines[] = {
	{"CAS-HTTPS", "[443]",      "443", "{type: https, request: owa/healthcheck.htm, expect: 200 OK}",
	 "Outlook Web App, Outlook Anywhere, ActiveSync, EWS, Autodiscover.", ALWAYS,    true },
	{"CAS-IMAP4", "[143, 993]", NULL,  "{type: connect}",
	 "Each port is asked by a TCP connection.",                           WITH_IMAP, false},
	{"CAS-POP3",  "[110, 995]", NULL,  "{type: connect}",
	 "Each port is asked by a TCP connection.",                           WITH_POP3, false},
	{"CAS-SMTP",  "[25]",       "25",  NULL,
	 "The check says EHLO and QUIT, as Exchange's log wants it.",         ALWAYS,    false},
};

/* Exchange's virtual directories beside /owa, each with a health check of its own (R20, R21). */
static const struct {
	const char *name, *directory;
} routes[] = {
	{"ews",          "ews"			},
	{"activesync",   "Microsoft-Server-ActiveSync"},
	{"autodiscover", "autodiscover"               },
	{"mapi",         "mapi"		       },
	{"rpc",          "rpc"			},
	{"oab",          "oab"			},
	{"ecp",          "ecp"			},
};

static bool is_wanted(const struct init_answers *a, enum wanted w)
{
	return w == ALWAYS || (w == WITH_IMAP && a->imap) || (w == WITH_POP3 && a->pop3);
}

static enum service_mode mode_of(const struct init_answers *a, const struct outline *t)
{
	return a->mode == MODE_L7_HTTP && !t->http ? MODE_L7_TCP : a->mode;
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

static void write_reals(const struct init_answers *a, const struct outline *t, struct buf *out)
{
	enum service_mode mode = mode_of(a, t);

	buf_puts(out, "    reals:\n");
	for (size_t i = 0; i < a->real_count; i++) {
		write_word("      ", a->reals[i].name, ": {ip: ", out);
		write_word("", a->reals[i].ip, ", ", out);
		if (mode != MODE_L4_DR && t->port)
			buf_printf(out, "port: %s, ", t->port);
		if (mode == MODE_L7_HTTP)
			buf_puts(out, "reencrypt: on, ");
		buf_puts(out, "weight: 100}\n");
	}
}

static void write_tls(const struct init_answers *a, struct buf *out)
{
	buf_puts(out, "    # The certificate that the servers have too, with its chain and key.\n");
	write_word("    tls: {certificates: [", a->certificate, "]}\n", out);
	buf_puts(out, "    redirect_root: /owa/\n");
}

static void write_routes(struct buf *out)
{
	buf_puts(out,
		 "    # Exchange takes out one protocol at a time: each is checked for itself.\n"
		 "    # What matches none of these goes by the check above.\n"
		 "    routes:\n");
	for (size_t i = 0; i < ARRAY_COUNT(routes); i++)
		buf_printf(out,
			   "      - name: %s\n"
			   "        path: /%s\n"
			   "        check: {type: https, request: %s/healthcheck.htm}\n",
			   routes[i].name, routes[i].directory, routes[i].directory);
}

static void write_service(const struct init_answers *a, const struct outline *t, struct buf *out)
{
	enum service_mode mode = mode_of(a, t);

	buf_printf(out, "\n  # %s\n  %s:\n    mode: %s\n", t->comment, t->label, mode_name(mode));
	write_word("    vip: ", a->vip, "\n", out);
	buf_printf(out, "    ports: %s\n", t->ports);
	if (mode == MODE_L7_HTTP)
		write_tls(a, out);
	write_check(a, t->check, out);
	write_reals(a, t, out);
	if (mode == MODE_L7_HTTP)
		write_routes(out);
}

/* R90 */
static void write_redirect(const struct init_answers *a, struct buf *out)
{
	buf_puts(out, "\n  # http://mail.example.com/owa goes to https://mail.example.com/owa.\n"
		      "  HTTP-redirect:\n"
		      "    mode: l7-http\n");
	write_word("    vip: ", a->vip, "\n", out);
	buf_puts(out, "    ports: [80]\n"
		      "    redirect: {to: https, code: 301}\n");
}

#define SMTP_SEES_US                                                                               \
	"# The real servers need no change. They see connections come from this host's\n"          \
	"# address: receive connectors that judge mail by its sender's address need that\n"        \
	"# one service in mode l4-dr.\n"

static const char *const heads[MODE_COUNT] = {
	[MODE_L4_DR] =
		"# Exchange with Direct Routing, written by lbxdp init.\n"
		"#\n"
		"# On every real server the VIP must stand on a loopback interface that does\n"
		"# not answer ARP; what to run there is printed by\n"
		"#   lbxdp real-script CAS-HTTPS --os windows\n",
	[MODE_L7_TCP] = "# Exchange at layer 7 (TCP mode), written by lbxdp init.\n"
			"#\n" SMTP_SEES_US,
	[MODE_L7_HTTP] =
		"# Exchange at layer 7 (HTTP mode; TLS ends here), written by lbxdp init.\n"
		"#\n" SMTP_SEES_US,
};

/* R52, R55. */
static const char *const layer7_settings[MODE_COUNT] = {
	[MODE_L4_DR] = "",
	[MODE_L7_TCP] = "\ndefaults:\n"
			"  timeouts: {client: 30m, server: 30m}\n",
	[MODE_L7_HTTP] = "\nl7:\n"
			 "  request_buffer: 51200 # for Kerberos tickets of users in many groups\n"
			 "\ndefaults:\n"
			 "  timeouts: {client: 30m, server: 30m}\n",
};

void init_write(const struct init_answers *a, struct buf *out)
{
	buf_printf(out,
		   "%s"
		   "#\n"
		   "# Then: lbxdp check -c FILE && lbxdp up -c FILE\n"
		   "version: 1\n"
		   "\n"
		   "node:\n",
		   heads[a->mode]);
	write_word("  interfaces: [", a->interface, "] # in the network of ", out);
	buf_printf(out, "the %s\n", a->mode == MODE_L4_DR ? "real servers" : "VIP");
	buf_puts(out, layer7_settings[a->mode]);
	buf_puts(out, "\nservices:");
	for (size_t i = 0; i < ARRAY_COUNT(outlines); i++)
		if (is_wanted(a, outlines[i].wanted))
			write_service(a, &outlines[i], out);
	if (a->mode == MODE_L7_HTTP)
		write_redirect(a, out);
}
