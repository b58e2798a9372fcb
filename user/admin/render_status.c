/* SPDX-License-Identifier: GPL-2.0-only */
/* `lbxdp status`: the guide's System Overview (R32, R33, R63-R67) as text. */
#include <stdio.h>

#include "admin/admin.h"
#include "admin/grid.h"
#include "admin/words.h"
#include "base/alloc.h"

static const struct grid_column overview_columns[] = {
	{"",		"letter",   false},
        {"VIRTUAL SERVICE", "service",  false},
	{"IP",              "ip",       false},
        {"PORTS",           "ports",    false},
	{"CONNS",           "conns",    true },
        {"PROTOCOL",        "protocol", false},
	{"METHOD",          "method",   false},
        {"MODE",            "mode",     false},
	{"STATUS",          "status",   false},
};

static const struct grid_column real_columns[] = {
	{"",            "letter",   false},
        {"Real Server", "real",     false},
        {"IP",          "ip",       false},
	{"Ports",       "ports",    false},
        {"Weight",      "weight",   true },
        {"Status",      "status",   false},
	{"Active",      "active",   true },
        {"Inactive",    "inactive", true },
        {"Since",       "since",    true },
	{"Check",       "check",    false},
};

static uint64_t service_active(const struct view_service *s)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < s->real_count; i++)
		sum += words_active(s, &s->reals[i]);
	return sum;
}

/* "TCP": the guide writes protocols in capitals. */
static void put_protocol(const struct view_service *s, struct buf *out)
{
	for (const char *c = protocol_name(s->config->protocol); *c; c++)
		buf_printf(out, "%c", *c >= 'a' && *c <= 'z' ? *c - 'a' + 'A' : *c);
}

static void overview_row(struct grid *g, const struct view_service *s)
{
	struct buf vips = {}, ports = {}, protocol = {};

	words_vips(s->config, &vips);
	words_ports(s->config, &ports);
	put_protocol(s, &protocol);
	grid_cell(g, words_service_colour(s->status), "%c", words_service_letter(s->status));
	grid_cell(g, GRID_PLAIN, "%s", s->name);
	grid_cell(g, GRID_PLAIN, "%s", buf_text(&vips));
	grid_cell(g, GRID_PLAIN, "%s", buf_text(&ports));
	grid_cell(g, GRID_PLAIN, "%llu", (unsigned long long)service_active(s));
	grid_cell(g, GRID_PLAIN, "%s", buf_text(&protocol));
	grid_cell(g, GRID_PLAIN, "%s", words_method(s->config));
	grid_cell(g, GRID_PLAIN, "%s", words_mode(s->config));
	grid_cell(g, words_service_colour(s->status), "%s", service_status_name(s->status));
	buf_free(&vips);
	buf_free(&ports);
	buf_free(&protocol);
}

static void put_overview(const struct view *v, bool colour, struct buf *out)
{
	struct grid g;

	grid_init(&g, overview_columns, ARRAY_COUNT(overview_columns));
	for (size_t i = 0; i < v->service_count; i++)
		overview_row(&g, &v->services[i]);
	grid_print(&g, "", colour, out);
	grid_fini(&g);
}

/* What stands in the guide's weight column: an order hides the number (R65). */
static void weight_cell(struct grid *g, const struct view_real *r)
{
	if (r->status == REAL_HALT || r->status == REAL_DRAIN)
		grid_cell(g, GRID_BLUE, "%s", real_status_name(r->status));
	else
		grid_cell(g, GRID_PLAIN, "%u", r->weight);
}

static void check_cell(struct grid *g, const struct view_real *r)
{
	const struct view_check *c = words_worst(r);
	char text[64];

	if (!c)
		grid_cell(g, GRID_PLAIN, "-");
	else if (words_check_up(c) || !c->outcome.detail[0])
		grid_cell(g, GRID_PLAIN, "%s", check_outcome_format(&c->outcome, text, 64));
	else
		grid_cell(g, GRID_PLAIN, "%s: %s", check_outcome_format(&c->outcome, text, 64),
			  c->outcome.detail);
}

/* A real without a port of its own gets the port the client came to (R54). */
static void port_cell(struct grid *g, const struct view_real *r, const char *ports)
{
	if (r->port)
		grid_cell(g, GRID_PLAIN, "%u", r->port);
	else
		grid_cell(g, GRID_PLAIN, "%s", ports);
}

/* Why a real of layer 4 that is up gets no new connections. */
static const char *remark(const struct view_real *r)
{
	if (r->status != REAL_UP)
		return "";
	return !r->has_mac ? " (no MAC)" : r->full ? " (full)" : "";
}

static void real_row(struct grid *g, const struct view_service *s, const struct view_real *r,
		     const char *ports, time_t now)
{
	const struct view_check *c = words_worst(r);
	char ip[ADDR_TEXT_LEN], age[DURATION_TEXT_LEN];
	enum grid_colour colour = words_real_colour(r->status);
	bool l7 = service_is_l7(s->config);

	grid_cell(g, colour, "%c", words_real_letter(r->status));
	grid_cell(g, GRID_PLAIN, "%s", r->name);
	grid_cell(g, GRID_PLAIN, "%s", addr_format(&r->ip, ip));
	port_cell(g, r, ports);
	weight_cell(g, r);
	grid_cell(g, colour, "%s%s", real_status_name(r->status), l7 ? "" : remark(r));
	grid_cell(g, GRID_PLAIN, "%llu", (unsigned long long)words_active(s, r));
	if (l7)
		grid_cell(g, GRID_PLAIN, "-");
	else
		grid_cell(g, GRID_PLAIN, "%llu", (unsigned long long)r->inactive);
	grid_cell(g, GRID_PLAIN, "%s", words_age(c ? c->since : 0, now, age));
	check_cell(g, r);
}

static void put_conflicts(const struct view_service *s, struct buf *out)
{
	for (size_t i = 0; i < s->conflict_count; i++) {
		const struct view_conflict *c = &s->conflicts[i];
		char vip[ADDR_TEXT_LEN], mac[MAC_TEXT_LEN];

		buf_printf(out, "  conflict: %s answers for %s too", mac_format(c->mac, mac),
			   addr_format(&c->vip, vip));
		if (c->real)
			buf_printf(out, ": real server %s", c->real);
		buf_puts(out, " (lbxdp doctor arp)\n");
	}
}

static void put_service(const struct view *v, const struct view_service *s, bool colour,
			struct buf *out)
{
	struct buf ports = {};
	struct grid g;

	words_ports(s->config, &ports);
	buf_printf(out, "\nVirtual Service %s Method: %s Mode: %s IP: ", s->name,
		   words_method(s->config), words_mode(s->config));
	words_vips(s->config, out);
	buf_printf(out, " Ports: %s Protocol: ", buf_text(&ports));
	put_protocol(s, out);
	buf_puts(out, " Status: ");
	grid_paint(out, words_service_colour(s->status), colour, service_status_name(s->status));
	if (*s->reason)
		buf_printf(out, " (%s)", s->reason);
	buf_puts(out, "\n");
	put_conflicts(s, out);
	if (service_is_redirect(s->config)) {
		buf_free(&ports);
		return;
	}
	grid_init(&g, real_columns, ARRAY_COUNT(real_columns));
	for (size_t i = 0; i < s->real_count; i++)
		real_row(&g, s, &s->reals[i], buf_text(&ports), v->now);
	grid_print(&g, "  ", colour, out);
	if (s->flooded)
		buf_puts(out, "  flood: too many new connections; they are forwarded by a hash and "
			      "remembered once their clients answer\n");
	for (size_t i = 0; i < s->real_count; i++)
		if (s->reals[i].warning)
			buf_printf(out, "  %s: %s\n", s->reals[i].name, s->reals[i].warning);
	grid_fini(&g);
	buf_free(&ports);
}

/* The guide's key, with our letters. */
static void put_key(bool colour, struct buf *out)
{
	static const struct {
		enum grid_colour colour;
		const char *text;
	} key[] = {
		{GRID_GREEN,  "H healthy, U up"              },
		{GRID_AMBER,  "A degraded: needs attention"  },
		{GRID_RED,    "D down"                       },
		{GRID_BLUE,   "O taken offline (drain, halt)"},
		{GRID_PURPLE, "R redirects"                  },
	};

	buf_puts(out, "\nKey: ");
	for (size_t i = 0; i < ARRAY_COUNT(key); i++) {
		buf_puts(out, i ? "; " : "");
		grid_paint(out, key[i].colour, colour, key[i].text);
	}
	buf_puts(out, "\n");
}

static void put_iface(const struct view_iface *f, struct buf *out)
{
	if (!f->attached)
		buf_printf(out, "%s not attached", f->name);
	else
		buf_printf(out, "%s %s%s", f->name, f->native ? "native" : "generic",
			   f->dispatcher ? ", dispatcher" : ", no dispatcher");
	if (*f->problem)
		buf_printf(out, " (%s)", f->problem);
}

/* A limit below what is configured is worth a word (R69). */
static void put_sessions(const struct view *v, struct buf *out)
{
	buf_printf(out, "Layer 7 sessions: %llu of %llu", (unsigned long long)v->l7.current,
		   (unsigned long long)v->l7.limit);
	if (v->l7.limit < v->l7.maxconn)
		buf_printf(out, " (maxconn is %llu; the descriptors allow no more)",
			   (unsigned long long)v->l7.maxconn);
	buf_puts(out, "\n");
}

static void put_host(const struct view *v, struct buf *out)
{
	buf_puts(out, "\nInterfaces: ");
	for (size_t i = 0; i < v->iface_count; i++) {
		buf_puts(out, i ? "; " : "");
		put_iface(&v->ifaces[i], out);
	}
	buf_puts(out, v->iface_count ? "\nProcesses: " : "none\nProcesses: ");
	for (size_t i = 0; i < v->process_count; i++) {
		const struct view_process *p = &v->processes[i];

		buf_printf(out, "%s%s %d", i ? "; " : "", p->role, p->pid);
		if (p->restarts)
			buf_printf(out, " (restarts %u)", p->restarts);
		if (p->earlier)
			buf_printf(out, ", %llu sessions", (unsigned long long)p->sessions);
	}
	buf_puts(out, "\n");
	if (v->l7.processes)
		put_sessions(v, out);
	if (v->refused_rows)
		buf_printf(out, "Refused by the kernel, being retried: %llu rows\n",
			   (unsigned long long)v->refused_rows);
	if (!v->config.last_ok)
		buf_puts(out, "The last reload failed: the configuration before it is in force\n");
}

void render_status_text(const struct view *v, bool colour, struct buf *out)
{
	struct tm tm;
	char now[32] = "";

	if (gmtime_r(&v->now, &tm))
		strftime(now, sizeof(now), "%Y-%m-%d %H:%M:%S UTC", &tm);
	buf_printf(out, "SYSTEM OVERVIEW %s (lbxdp %s)\n%s\n\n", v->node, v->version, now);
	put_overview(v, colour, out);
	if (!v->service_count)
		buf_puts(out, "No Virtual Services configured.\n\n"
			      "Would you like to run the setup wizard? lbxdp init exchange\n");
	for (size_t i = 0; i < v->service_count; i++)
		put_service(v, &v->services[i], colour, out);
	if (v->service_count)
		put_key(colour, out);
	put_host(v, out);
}
