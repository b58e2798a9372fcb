/* SPDX-License-Identifier: GPL-2.0-only */
/* `lbxdp report flows`: row by row, as the tables are walked, so columns have fixed widths. */
#include <stdio.h>
#include <string.h>

#include "admin/admin.h"
#include "admin/grid.h"
#include "admin/json.h"
#include "base/alloc.h"

enum { CELL_LEN = 72 };

enum { SERVICE, REAL, CLIENT, VIP, PROTOCOL, STATE, IDLE, LEFT, COLUMNS };

static const struct {
	const char *heading, *key;
	int width; /* at least; less than 0: left-aligned */
	bool number;
} columns[COLUMNS] = {
	[SERVICE] = {"Virtual Service", "service",         -20, false},
	[REAL] = {"Real Server",     "real",            -16, false},
	[CLIENT] = {"Client",          "client",          -22, false},
	[VIP] = {"VIP",             "vip",             -22, false},
	[PROTOCOL] = {"Protocol",        "protocol",        -8,  false},
	[STATE] = {"State",           "state",           -11, false},
	[IDLE] = {"Idle",            "idle_seconds",    8,   true },
	[LEFT] = {"Timeout",         "timeout_seconds", 8,   true },
};

static void seconds_text(uint64_t msec, char *text)
{
	snprintf(text, CELL_LEN, "%llu.%llu", (unsigned long long)(msec / 1000),
		 (unsigned long long)(msec % 1000 / 100));
}

static void fill(const struct view_flow *f, char cell[COLUMNS][CELL_LEN])
{
	snprintf(cell[SERVICE], CELL_LEN, "%s", f->service);
	snprintf(cell[REAL], CELL_LEN, "%s", f->real);
	(void)addr_format_port(&f->client, f->client_port, cell[CLIENT]);
	(void)addr_format_port(&f->vip, f->vip_port, cell[VIP]);
	snprintf(cell[PROTOCOL], CELL_LEN, "%s", f->proto == IPPROTO_UDP ? "udp" : "tcp");
	snprintf(cell[STATE], CELL_LEN, "%s", flow_state_name(f->state));
	seconds_text(f->idle, cell[IDLE]);
	seconds_text(f->left, cell[LEFT]);
}

static void text_cell(size_t column, const char *text, struct buf *out)
{
	bool last = column + 1 == COLUMNS;

	buf_printf(out, "%*s%s", columns[column].width, text, last ? "\n" : "  ");
}

static void csv_cell(size_t column, const char *text, struct buf *out)
{
	grid_csv_field(out, text);
	buf_puts(out, column + 1 == COLUMNS ? "\n" : ",");
}

static void json_row(char cell[COLUMNS][CELL_LEN], struct buf *out)
{
	struct json j = {.out = out};

	json_open(&j, NULL, '{');
	for (size_t c = 0; c < COLUMNS; c++)
		if (columns[c].number)
			json_raw(&j, columns[c].key, cell[c]);
		else
			json_text(&j, columns[c].key, cell[c]);
	json_close(&j, '}');
}

void render_flows_begin(enum flows_form form, struct buf *out)
{
	if (form == FLOWS_JSON)
		buf_puts(out, "{\"flows\":[");
	for (size_t c = 0; form != FLOWS_JSON && c < COLUMNS; c++)
		(form == FLOWS_CSV ? csv_cell : text_cell)(c, columns[c].heading, out);
}

void render_flow(enum flows_form form, const struct view_flow *f, bool first, struct buf *out)
{
	char cell[COLUMNS][CELL_LEN];

	fill(f, cell);
	if (form == FLOWS_JSON) {
		buf_puts(out, first ? "\n" : ",\n");
		json_row(cell, out);
	}
	for (size_t c = 0; form != FLOWS_JSON && c < COLUMNS; c++)
		(form == FLOWS_CSV ? csv_cell : text_cell)(c, cell[c], out);
}

void render_flows_end(enum flows_form form, uint64_t shown, uint64_t matched, uint64_t all,
		      bool whole, struct buf *out)
{
	const unsigned long long s = shown, m = matched, a = all;

	if (form == FLOWS_TEXT)
		buf_printf(out, "%llu of %llu flows shown; the tables hold %llu%s\n", s, m, a,
			   whole ? "" : "; the list is not complete");
	else if (form == FLOWS_JSON)
		buf_printf(out,
			   "\n],\"shown\":%llu,\"matched\":%llu,\"flows_total\":%llu,"
			   "\"complete\":%s}\n",
			   s, m, a, whole ? "true" : "false");
}
