/* SPDX-License-Identifier: GPL-2.0-only */
/* `lbxdp report`: the guide's Layer 4 Status (R68) and the checks in full, each as text, CSV and
 * JSON from one grid. */
#include <stdio.h>

#include "admin/admin.h"
#include "admin/grid.h"
#include "admin/words.h"
#include "base/alloc.h"
#include "base/clock.h"

/* The guide's six columns. In text the service has a row of its own, as there. */
static const struct grid_column l4_columns[] = {
	{"Virtual Service",      "virtual_service",      false},
	{"Real Server",          "real_server",          false},
	{"Forwarding Method",    "forwarding_method",    false},
	{"Weight",               "weight",               true },
	{"Active Connections",   "active_connections",   true },
	{"Inactive Connections", "inactive_connections", true },
};

/* For programs: the same columns first, then what the text's service row says. */
static const struct grid_column l4_flat_columns[] = {
	{"Virtual Service",      "virtual_service",      false},
	{"Real Server",          "real_server",          false},
	{"Forwarding Method",    "forwarding_method",    false},
	{"Weight",               "weight",               true },
	{"Active Connections",   "active_connections",   true },
	{"Inactive Connections", "inactive_connections", true },
	{"IP",		   "ip",                   false},
	{"Ports",                "ports",                false},
	{"Protocol",             "protocol",             false},
	{"Real IP",              "real_ip",              false},
	{"Status",               "status",               false},
	{"Connections",          "connections_total",    true },
	{"Packets",              "packets_total",        true },
	{"Bytes",                "bytes_total",          true },
	{"Limit",                "limit",                true },
};

static const struct grid_column check_columns[] = {
	{"Virtual Service", "virtual_service", false},
	{"Real Server",     "real_server",     false},
	{"Check",           "check",           false},
	{"Status",          "status",          false},
	{"LastChk",         "last_check",      false},
	{"Duration ms",     "duration_ms",     true },
	{"Since",           "since",           false},
	{"Runs",            "runs",            true },
	{"Failures",        "failures",        true },
	{"Transitions",     "transitions",     true },
	{"Cause",           "cause",           false},
};

/* What ipvsadm calls Direct Routing, and the guide's report too. */
static const char forwarding_method[] = "Route";

static void number_cell(struct grid *g, uint64_t value)
{
	grid_cell(g, GRID_PLAIN, "%llu", (unsigned long long)value);
}

static void l4_counts(struct grid *g, const struct view_real *r)
{
	grid_cell(g, GRID_PLAIN, "%s", forwarding_method);
	number_cell(g, r->effective_weight);
	number_cell(g, r->active);
	number_cell(g, r->inactive);
}

static void l4_tree(const struct view *v, const struct view_service *s, struct grid *g)
{
	char ip[ADDR_TEXT_LEN];
	struct buf ports = {};

	words_ports(s->config, &ports);
	for (size_t i = 0; i < s->config->vip_count; i++) {
		grid_cell(g, GRID_PLAIN, "%s %s port %s/%s", s->name,
			  addr_format(&s->config->vips[i], ip), buf_text(&ports),
			  protocol_name(s->config->protocol));
		grid_end_row(g);
	}
	for (size_t i = 0; i < s->real_count; i++) {
		grid_cell(g, GRID_PLAIN, "%s", "");
		grid_cell(g, GRID_PLAIN, "%s %s", s->reals[i].name,
			  addr_format(&s->reals[i].ip, ip));
		l4_counts(g, &s->reals[i]);
	}
	buf_free(&ports);
}

static void l4_flat(const struct view *v, const struct view_service *s, struct grid *g)
{
	struct buf vips = {}, ports = {};
	char ip[ADDR_TEXT_LEN];

	words_vips(s->config, &vips);
	words_ports(s->config, &ports);
	for (size_t i = 0; i < s->real_count; i++) {
		const struct view_real *r = &s->reals[i];

		grid_cell(g, GRID_PLAIN, "%s", s->name);
		grid_cell(g, GRID_PLAIN, "%s", r->name);
		l4_counts(g, r);
		grid_cell(g, GRID_PLAIN, "%s", buf_text(&vips));
		grid_cell(g, GRID_PLAIN, "%s", buf_text(&ports));
		grid_cell(g, GRID_PLAIN, "%s", protocol_name(s->config->protocol));
		grid_cell(g, GRID_PLAIN, "%s", addr_format(&r->ip, ip));
		grid_cell(g, GRID_PLAIN, "%s", real_status_name(r->status));
		number_cell(g, r->connections);
		number_cell(g, r->packets);
		number_cell(g, r->bytes);
		number_cell(g, r->max_connections);
	}
	buf_free(&vips);
	buf_free(&ports);
}

static void check_row(struct grid *g, const struct view_service *s, const struct view_real *r,
		      size_t index)
{
	const struct view_check *c = &r->checks[index];
	char label[CHECK_LABEL_LEN], last[64], since[CLOCK_TEXT_LEN];
	bool up = words_check_up(c);

	grid_cell(g, GRID_PLAIN, "%s", s->name);
	grid_cell(g, GRID_PLAIN, "%s", r->name);
	grid_cell(g, GRID_PLAIN, "%s", words_check_label(r, index, label));
	grid_cell(g, up ? GRID_GREEN : GRID_RED, "%s", up ? "up" : "down");
	grid_cell(g, GRID_PLAIN, "%s", check_outcome_format(&c->outcome, last, sizeof(last)));
	grid_cell(g, GRID_PLAIN, "%.3f", c->outcome.duration_usec / 1000.0);
	grid_cell(g, GRID_PLAIN, "%s", c->since ? clock_format(c->since, since) : "");
	number_cell(g, c->runs);
	number_cell(g, view_check_failures(c));
	number_cell(g, c->transitions);
	grid_cell(g, GRID_PLAIN, "%s", c->outcome.detail);
}

static void checks_of(const struct view *v, const struct view_service *s, struct grid *g)
{
	for (size_t i = 0; i < s->real_count; i++)
		for (size_t n = 0; n < s->reals[i].check_count; n++)
			check_row(g, s, &s->reals[i], n);
}

typedef void fill_fn(const struct view *v, const struct view_service *s, struct grid *g);

static bool is_l4(const struct view_service *s)
{
	return !service_is_l7(s->config);
}

static bool is_any(const struct view_service *s)
{
	return true;
}

static void fill(struct grid *g, const struct view *v, const struct grid_column *columns,
		 size_t count, bool (*wanted)(const struct view_service *s), fill_fn *fn)
{
	grid_init(g, columns, count);
	for (size_t i = 0; i < v->service_count; i++)
		if (wanted(&v->services[i]))
			fn(v, &v->services[i], g);
}

void render_report_l4_text(const struct view *v, struct buf *out)
{
	char now[CLOCK_TEXT_LEN];
	struct grid g;

	buf_printf(out, "LAYER 4 STATUS %s\n\n", clock_format(v->now, now));
	fill(&g, v, l4_columns, ARRAY_COUNT(l4_columns), is_l4, l4_tree);
	grid_print(&g, "", false, out);
	grid_fini(&g);
}

void render_report_l4_csv(const struct view *v, struct buf *out)
{
	struct grid g;

	fill(&g, v, l4_flat_columns, ARRAY_COUNT(l4_flat_columns), is_l4, l4_flat);
	grid_print_csv(&g, out);
	grid_fini(&g);
}

void render_report_l4_json(const struct view *v, struct buf *out)
{
	struct grid g;

	fill(&g, v, l4_flat_columns, ARRAY_COUNT(l4_flat_columns), is_l4, l4_flat);
	grid_print_json(&g, out);
	grid_fini(&g);
}

void render_report_checks_text(const struct view *v, struct buf *out)
{
	char now[CLOCK_TEXT_LEN];
	struct grid g;

	buf_printf(out, "CHECKS %s\n\n", clock_format(v->now, now));
	fill(&g, v, check_columns, ARRAY_COUNT(check_columns), is_any, checks_of);
	grid_print(&g, "", false, out);
	grid_fini(&g);
}

void render_report_checks_csv(const struct view *v, struct buf *out)
{
	struct grid g;

	fill(&g, v, check_columns, ARRAY_COUNT(check_columns), is_any, checks_of);
	grid_print_csv(&g, out);
	grid_fini(&g);
}

void render_report_checks_json(const struct view *v, struct buf *out)
{
	struct grid g;

	fill(&g, v, check_columns, ARRAY_COUNT(check_columns), is_any, checks_of);
	grid_print_json(&g, out);
	grid_fini(&g);
}
