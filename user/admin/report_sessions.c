/* SPDX-License-Identifier: GPL-2.0-only */
/* `lbxdp report sessions`: every session at layer 7, the oldest first. */
#include <stdlib.h>

#include "admin/admin.h"
#include "admin/grid.h"
#include "admin/words.h"
#include "base/alloc.h"

static const struct grid_column columns[] = {
	{"Virtual Service", "service",      false},
	{"Real Server",     "real",         false},
	{"State",           "state",        false},
	{"Client",          "client",       false},
	{"VIP",             "vip",          false},
	{"Age",             "age_seconds",  true },
	{"Idle",            "idle_seconds", true },
	{"Bytes In",        "bytes_in",     true },
	{"Bytes Out",       "bytes_out",    true },
	{"Requests",        "requests",     true },
	{"Process",         "process",      true },
};

static void endpoint_cell(struct grid *g, const struct addr *a, uint16_t port)
{
	char text[ENDPOINT_TEXT_LEN];

	grid_cell(g, GRID_PLAIN, "%s", addr_format_port(a, port, text));
}

static void number_cell(struct grid *g, uint64_t value)
{
	grid_cell(g, GRID_PLAIN, "%llu", (unsigned long long)value);
}

static void seconds_cell(struct grid *g, uint64_t msec)
{
	grid_cell(g, GRID_PLAIN, "%llu.%llu", (unsigned long long)(msec / 1000),
		  (unsigned long long)(msec % 1000 / 100));
}

static void session_row(struct grid *g, const struct view_session *s)
{
	const struct proxy_session *p = &s->seen;

	grid_cell(g, GRID_PLAIN, "%s", s->service);
	grid_cell(g, GRID_PLAIN, "%s", s->real ? s->real : "");
	grid_cell(g, GRID_PLAIN, "%s",
		  p->state < SESSION_STATE_COUNT ? session_state_name(p->state) : "");
	endpoint_cell(g, &p->client, p->client_port);
	endpoint_cell(g, &p->vip, p->vip_port);
	seconds_cell(g, s->age);
	seconds_cell(g, s->idle);
	number_cell(g, p->bytes_in);
	number_cell(g, p->bytes_out);
	number_cell(g, p->requests);
	grid_cell(g, GRID_PLAIN, "%d", s->pid);
}

static int by_age(const void *a, const void *b)
{
	const struct view_session *const *x = a, *const *y = b;

	return (*y)->age > (*x)->age ? 1 : (*y)->age < (*x)->age ? -1 : 0;
}

static void fill(struct grid *g, const struct view *v)
{
	const struct view_session **order = xcalloc(v->session_count + 1, sizeof(*order));

	grid_init(g, columns, ARRAY_COUNT(columns));
	for (size_t i = 0; i < v->session_count; i++)
		order[i] = &v->sessions[i];
	qsort(order, v->session_count, sizeof(*order), by_age);
	for (size_t i = 0; i < v->session_count; i++)
		session_row(g, order[i]);
	free(order);
}

void render_report_sessions_text(const struct view *v, struct buf *out)
{
	struct grid g;

	fill(&g, v);
	grid_print(&g, "", false, out);
	buf_printf(out, "%zu sessions\n", v->session_count);
	grid_fini(&g);
}

void render_report_sessions_csv(const struct view *v, struct buf *out)
{
	struct grid g;

	fill(&g, v);
	grid_print_csv(&g, out);
	grid_fini(&g);
}

void render_report_sessions_json(const struct view *v, struct buf *out)
{
	struct grid g;

	fill(&g, v);
	grid_print_json(&g, out);
	grid_fini(&g);
}
