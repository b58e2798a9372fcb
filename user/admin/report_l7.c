/* SPDX-License-Identifier: GPL-2.0-only */
/* `lbxdp report l7`: the guide's Layer 7 Statistics (R69-R73). CSV and JSON bear HAProxy's names,
 * in its order, so that what reads its statistics reads these; what is not measured stays empty. */
#include <stdio.h>
#include <string.h>

#include "admin/admin.h"
#include "admin/l7_rows.h"
#include "admin/words.h"
#include "base/alloc.h"
#include "base/clock.h"

enum { EMPTY, NUMBER, TEXT };

struct flat_column {
	struct grid_column grid;
	int source;  /* EMPTY, NUMBER or TEXT ... */
	int element; /* ... and which */
};

/* clang-format off */
#define N(name, element) {{name, name, true}, NUMBER, element}
#define T(name, element) {{name, name, false}, TEXT, element}
#define E(name)          {{name, name, false}, EMPTY, 0}

/* The last one has no name: HAProxy ends every line with a comma. */
static const struct flat_column flat_columns[] = {
	{{"# pxname", "pxname", false}, TEXT, L7_PXNAME},
	T("svname", L7_SVNAME), N("qcur", L7_QCUR), N("qmax", L7_QMAX), N("scur", L7_SCUR),
	N("smax", L7_SMAX), N("slim", L7_SLIM), N("stot", L7_STOT), N("bin", L7_BIN),
	N("bout", L7_BOUT), N("dreq", L7_DREQ), N("dresp", L7_DRESP), N("ereq", L7_EREQ),
	N("econ", L7_ECON), N("eresp", L7_ERESP), N("wretr", L7_WRETR), N("wredis", L7_WREDIS),
	T("status", L7_STATUS), N("weight", L7_WEIGHT), N("act", L7_ACT), N("bck", L7_BCK),
	N("chkfail", L7_CHKFAIL), N("chkdown", L7_CHKDOWN), N("lastchg", L7_LASTCHG),
	N("downtime", L7_DOWNTIME), N("qlimit", L7_QLIMIT), N("pid", L7_PID), N("iid", L7_IID), N("sid", L7_SID),
	N("throttle", L7_THROTTLE), N("lbtot", L7_LBTOT), E("tracked"), N("type", L7_TYPE), N("rate", L7_RATE),
	N("rate_lim", L7_RATE_LIM), N("rate_max", L7_RATE_MAX), T("check_status", L7_CHECK_STATUS),
	N("check_code", L7_CHECK_CODE), N("check_duration", L7_CHECK_DURATION), N("hrsp_1xx", L7_HRSP_1XX),
	N("hrsp_2xx", L7_HRSP_2XX), N("hrsp_3xx", L7_HRSP_3XX), N("hrsp_4xx", L7_HRSP_4XX), N("hrsp_5xx", L7_HRSP_5XX), N("hrsp_other", L7_HRSP_OTHER),
	E("hanafail"), E("req_rate"), E("req_rate_max"), N("req_tot", L7_REQ_TOT),
	N("cli_abrt", L7_CLI_ABRT), N("srv_abrt", L7_SRV_ABRT), E("comp_in"), E("comp_out"),
	E("comp_byp"), E("comp_rsp"), E("lastsess"), T("last_chk", L7_LAST_CHK), E("last_agt"),
	E("qtime"), N("ctime", L7_CTIME), N("rtime", L7_RTIME), E("ttime"), E("agent_status"), E("agent_code"),
	E("agent_duration"), E("check_desc"), E("agent_desc"), E("check_rise"), E("check_fall"),
	E("check_health"), E("agent_rise"), E("agent_fall"), E("agent_health"),
	T("addr", L7_ADDR), E("cookie"), T("mode", L7_MODE), T("algo", L7_ALGO), E("conn_rate"),
	E("conn_rate_max"), N("conn_tot", L7_CONN_TOT), E("intercepted"), N("dcon", L7_DCON), E("dses"),
	E("wrew"), N("connect", L7_CONNECT), N("reuse", L7_REUSE), E("cache_lookups"), E("cache_hits"),
	E("srv_icur"), E("src_ilim"), E("qtime_max"), E("ctime_max"), E("rtime_max"),
	E("ttime_max"), E("eint"), E("idle_conn_cur"), E("safe_conn_cur"), E("used_conn_cur"),
	E("need_conn_est"), N("uweight", L7_UWEIGHT), E(""),
};
#undef N
#undef T
#undef E

/* The guide's columns under their groups; svname stands before. */
static const struct {
	const char *group; /* NULL: that of the column before */
	const char *heading;
	int source, element;
} text_columns[] = {
	{"",             "",        TEXT,   L7_SVNAME},
	{"Queue",        "Cur",     NUMBER, L7_QCUR},
	{NULL,           "Max",     NUMBER, L7_QMAX},
	{NULL,           "Limit",   NUMBER, L7_QLIMIT},
	{"Session rate", "Cur",     NUMBER, L7_RATE},
	{NULL,           "Max",     NUMBER, L7_RATE_MAX},
	{NULL,           "Limit",   NUMBER, L7_RATE_LIM},
	{"Sessions",     "Cur",     NUMBER, L7_SCUR},
	{NULL,           "Max",     NUMBER, L7_SMAX},
	{NULL,           "Limit",   NUMBER, L7_SLIM},
	{NULL,           "Total",   NUMBER, L7_STOT},
	{NULL,           "LbTot",   NUMBER, L7_LBTOT},
	{"Bytes",        "In",      NUMBER, L7_BIN},
	{NULL,           "Out",     NUMBER, L7_BOUT},
	{"Denied",       "Req",     NUMBER, L7_DREQ},
	{NULL,           "Resp",    NUMBER, L7_DRESP},
	{"Errors",       "Req",     NUMBER, L7_EREQ},
	{NULL,           "Conn",    NUMBER, L7_ECON},
	{NULL,           "Resp",    NUMBER, L7_ERESP},
	{"Warnings",     "Retr",    NUMBER, L7_WRETR},
	{NULL,           "Redis",   NUMBER, L7_WREDIS},
	{"Server",       "Status",  TEXT,   L7_STATUS},
	{NULL,           "LastChk", TEXT,   L7_LASTCHK},
	{NULL,           "Wght",    NUMBER, L7_WEIGHT},
	{NULL,           "Act",     NUMBER, L7_ACT},
	{NULL,           "Bck",     NUMBER, L7_BCK},
	{NULL,           "Chk",     NUMBER, L7_CHKFAIL},
	{NULL,           "Dwn",     NUMBER, L7_CHKDOWN},
	{NULL,           "Dwntme",  NUMBER, L7_DOWNTIME},
	{NULL,           "Thrtle",  NUMBER, L7_THROTTLE},
};
/* clang-format on */

struct filling {
	struct grid grid;
	const struct view *view;
	size_t columns;
	bool up_only;
};

static void value_cell(struct grid *g, const struct l7_row *row, int source, int element,
		       const char *unlimited)
{
	uint64_t value = source == NUMBER ? row->number[element] : L7_ABSENT;
	const char *text = source == TEXT ? row->text[element] : NULL;

	if (value == L7_UNLIMITED)
		grid_cell(g, GRID_PLAIN, "%s", unlimited);
	else if (value != L7_ABSENT)
		grid_cell(g, GRID_PLAIN, "%llu", (unsigned long long)value);
	else
		grid_cell(g, GRID_PLAIN, "%s", text ? text : "");
}

static void flat_row(void *arg, const struct l7_row *row)
{
	struct filling *f = arg;

	if (f->up_only && row->down)
		return;
	for (size_t i = 0; i < f->columns; i++)
		value_cell(&f->grid, row, flat_columns[i].source, flat_columns[i].element, "");
}

/* "1m33s UP" */
static void status_cell(struct filling *f, const struct l7_row *row)
{
	char age[DURATION_TEXT_LEN] = "";

	if (row->since)
		words_age(row->since, f->view->now, age);
	grid_cell(&f->grid, row->colour, "%s%s%s", age, *age ? " " : "", row->text[L7_STATUS]);
}

/* "1m33s" */
static void downtime_cell(struct filling *f, const struct l7_row *row)
{
	uint64_t seconds = row->number[L7_DOWNTIME];
	char text[DURATION_TEXT_LEN] = "";

	if (seconds != L7_ABSENT)
		words_age(f->view->now - (time_t)seconds, f->view->now, text);
	grid_cell(&f->grid, GRID_PLAIN, "%s", text);
}

static const char *name_of(const struct l7_row *row)
{
	static const char *const name[] = {[L7_FRONTEND] = "Frontend", [L7_BACKEND] = "Backend"};

	return row->kind == L7_REAL ? row->text[L7_SVNAME] : name[row->kind];
}

/* Y for yes; the Backend counts. */
static void role_cell(struct filling *f, const struct l7_row *row, int element)
{
	if (row->kind == L7_REAL)
		grid_cell(&f->grid, GRID_PLAIN, row->number[element] ? "Y" : "-");
	else
		value_cell(&f->grid, row, NUMBER, element, "");
}

static void text_row(void *arg, const struct l7_row *row)
{
	struct filling *f = arg;

	if (f->up_only && row->down)
		return;
	for (size_t i = 0; i < ARRAY_COUNT(text_columns); i++) {
		int source = text_columns[i].source, element = text_columns[i].element;

		if (source == TEXT && element == L7_SVNAME)
			grid_cell(&f->grid, GRID_PLAIN, "%s", name_of(row));
		else if (source == TEXT && element == L7_STATUS)
			status_cell(f, row);
		else if (source == NUMBER && (element == L7_ACT || element == L7_BCK))
			role_cell(f, row, element);
		else if (source == NUMBER && element == L7_DOWNTIME)
			downtime_cell(f, row);
		else
			value_cell(&f->grid, row, source, element, "-");
	}
}

/* Clients come to services, not to their routes. */
static uint64_t rate_of_all(const struct view *v)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < v->service_count; i++)
		if (!v->services[i].config->parent)
			sum += v->services[i].l7.rate;
	return sum;
}

static void put_limits(const struct view *v, struct buf *out)
{
	buf_puts(out, "system limits: memmax = ");
	if (v->process.memory_max)
		buf_printf(out, "%llu MB", (unsigned long long)v->process.memory_max >> 20);
	else
		buf_puts(out, "unlimited");
	buf_printf(out,
		   "; ulimit-n = %llu each\n"
		   "maxsock = %u; maxconn = %llu; limit = %llu%s; maxpipes = %u\n",
		   (unsigned long long)v->process.max_fds, v->l7.sum.sockets,
		   (unsigned long long)v->l7.maxconn, (unsigned long long)v->l7.limit,
		   v->l7.limit < v->l7.maxconn ? " (what the descriptors allow)" : "",
		   v->l7.sum.pipes_max);
}

/* The guide's "General process information" (R69). */
static void put_header(const struct view *v, struct buf *out)
{
	char now[CLOCK_TEXT_LEN];
	long long up = v->now - (time_t)v->process.start_time;
	const char *comma = "";

	buf_printf(out, "LAYER 7 STATISTICS %s\n\npid = ", clock_format(v->now, now));
	for (size_t i = 0; i < v->process_count; i++)
		if (!strcmp(v->processes[i].role, "proxy")) {
			buf_printf(out, "%s%d", comma, v->processes[i].pid);
			comma = ", ";
		}
	buf_printf(out, "%s (processes = %u)\nuptime = %lldd %lldh %02lldm %02llds\n",
		   *comma ? "" : "none", v->l7.processes, up / 86400, up / 3600 % 24, up / 60 % 60,
		   up % 60);
	put_limits(v, out);
	buf_printf(out,
		   "current conns = %llu; current pipes = %u/%u; conn rate = %llu/sec\n"
		   "Running tasks: %u/%u; idle = %u %%\n",
		   (unsigned long long)v->l7.current, v->l7.sum.pipes_used, v->l7.sum.pipes_free,
		   (unsigned long long)rate_of_all(v), v->l7.sum.running, v->l7.sum.tasks,
		   (1005 - v->l7.sum.busy) / 10);
}

static void put_table(const struct view *v, size_t index, bool up_only, struct buf *out)
{
	struct filling f = {.view = v, .up_only = up_only};
	struct grid_column columns[ARRAY_COUNT(text_columns)];
	const char *groups[ARRAY_COUNT(text_columns)];

	for (size_t i = 0; i < ARRAY_COUNT(text_columns); i++) {
		columns[i] = (struct grid_column){text_columns[i].heading, "",
						  text_columns[i].source != TEXT};
		groups[i] = text_columns[i].group;
	}
	grid_init(&f.grid, columns, ARRAY_COUNT(text_columns));
	f.grid.groups = groups;
	l7_rows(v, index, text_row, &f);
	buf_printf(out, "\n%s\n", v->services[index].name);
	grid_print(&f.grid, "  ", false, out);
	grid_fini(&f.grid);
}

void render_report_l7_text(const struct view *v, bool up_only, struct buf *out)
{
	put_header(v, out);
	for (size_t i = 0; i < v->service_count; i++)
		if (service_is_l7(v->services[i].config))
			put_table(v, i, up_only, out);
}

typedef void print_fn(const struct grid *g, struct buf *out);

static void print_flat(const struct view *v, bool up_only, size_t count, print_fn *print,
		       struct buf *out)
{
	struct filling f = {.view = v, .up_only = up_only, .columns = count};
	struct grid_column columns[ARRAY_COUNT(flat_columns)];

	for (size_t i = 0; i < count; i++)
		columns[i] = flat_columns[i].grid;
	grid_init(&f.grid, columns, count);
	for (size_t i = 0; i < v->service_count; i++)
		if (service_is_l7(v->services[i].config))
			l7_rows(v, i, flat_row, &f);
	print(&f.grid, out);
	grid_fini(&f.grid);
}

void render_report_l7_csv(const struct view *v, bool up_only, struct buf *out)
{
	print_flat(v, up_only, ARRAY_COUNT(flat_columns), grid_print_csv, out);
}

void render_report_l7_json(const struct view *v, bool up_only, struct buf *out)
{
	print_flat(v, up_only, ARRAY_COUNT(flat_columns) - 1, grid_print_json, out);
}
