/* SPDX-License-Identifier: GPL-2.0-only */
#include "admin/l7_rows.h"

#include <stdio.h>

#include "admin/words.h"
#include "base/alloc.h"

static void begin(struct l7_row *row, const struct view *v, size_t index, enum l7_kind kind)
{
	*row = (struct l7_row){.kind = kind};
	for (size_t i = 0; i < L7_NUMBER_COUNT; i++)
		row->number[i] = L7_ABSENT;
	row->number[L7_PID] = 1; /* HAProxy's number of the process, of which there is one */
	row->number[L7_IID] = index + 2;
	row->number[L7_SID] = 0;
	row->number[L7_TYPE] = kind;
	row->text[L7_PXNAME] = v->services[index].name;
	row->text[L7_MODE] = v->services[index].config->mode == MODE_L7_HTTP ? "http" : "tcp";
}

static void put_sessions(struct l7_row *row, const struct view_l7 *l)
{
	row->number[L7_SCUR] = l->current;
	row->number[L7_SMAX] = l->counts.max_current;
	row->number[L7_STOT] = l->counts.sessions;
	row->number[L7_RATE] = l->rate;
	row->number[L7_RATE_MAX] = l->max_rate;
	row->number[L7_BIN] = l->counts.bytes_in;
	row->number[L7_BOUT] = l->counts.bytes_out;
}

/* Empty where the service does not speak HTTP. */
static void put_answers(struct l7_row *row, const struct view_service *s, const struct view_l7 *l)
{
	if (s->config->mode != MODE_L7_HTTP)
		return;
	for (size_t i = 0; i < ARRAY_COUNT(l->counts.answers); i++)
		row->number[L7_HRSP_OTHER + i] = l->counts.answers[i];
	row->number[L7_REQ_TOT] = l->counts.requests;
}

/* Mean in ms, or L7_ABSENT before the first. */
static uint64_t mean(const struct proxy_histogram *h)
{
	uint64_t count = 0;

	for (size_t i = 0; i < PROXY_BUCKETS; i++)
		count += h->bucket[i];
	return count ? h->sum / count / 1000 : L7_ABSENT;
}

/* What only the side of the servers has. */
static void put_server_side(struct l7_row *row, const struct view_l7 *l)
{
	row->number[L7_QCUR] = l->queued;
	row->number[L7_QMAX] = l->counts.max_queued;
	row->number[L7_CTIME] = mean(&l->counts.connect_time);
	row->number[L7_RTIME] = mean(&l->counts.response_time);
	row->number[L7_REUSE] = l->counts.reused;
	row->number[L7_LBTOT] = l->counts.sessions;
	row->number[L7_ECON] = l->counts.connect_errors + l->counts.refused;
	row->number[L7_ERESP] = l->counts.response_errors;
	row->number[L7_WRETR] = l->counts.retries;
	row->number[L7_WREDIS] = l->counts.redispatches;
	row->number[L7_CLI_ABRT] = l->counts.client_aborts;
	row->number[L7_SRV_ABRT] = l->counts.response_errors;
	row->number[L7_CONNECT] = l->counts.sessions + l->counts.retries + l->counts.redispatches;
}

static void frontend(struct l7_row *row, const struct view *v, const struct view_service *s)
{
	put_sessions(row, &s->l7);
	row->text[L7_SVNAME] = "FRONTEND";
	row->text[L7_STATUS] = "OPEN";
	row->number[L7_SLIM] = s->l7.limit;
	row->number[L7_RATE_LIM] = L7_UNLIMITED;
	row->number[L7_DREQ] = s->l7.counts.denied;
	row->number[L7_DRESP] = 0;
	row->number[L7_DCON] = s->denied_connections;
	row->number[L7_EREQ] = s->l7.counts.bad_header + s->l7.counts.bad_requests;
	put_answers(row, s, &s->l7);
	row->number[L7_CONN_TOT] = s->l7.counts.sessions;
}

static void put_since(struct l7_row *row, const struct view *v, time_t since)
{
	row->since = since;
	if (since)
		row->number[L7_LASTCHG] = v->now > since ? v->now - since : 0;
}

static void put_check(struct l7_row *row, const struct view *v, const struct view_real *r)
{
	const struct view_check *c = words_worst(r);
	uint64_t failures = 0, downs = 0;

	for (size_t i = 0; i < r->check_count; i++) {
		failures += view_check_failures(&r->checks[i]);
		downs += (r->checks[i].transitions + !words_check_up(&r->checks[i])) / 2;
	}
	row->number[L7_CHKFAIL] = failures;
	row->number[L7_CHKDOWN] = downs;
	if (!c)
		return;
	put_since(row, v, c->since);
	row->text[L7_CHECK_STATUS] = check_code_name(c->outcome.code);
	row->text[L7_LAST_CHK] = c->outcome.detail;
	row->text[L7_LASTCHK] =
		check_outcome_format(&c->outcome, row->lastchk, sizeof(row->lastchk));
	if (c->outcome.status)
		row->number[L7_CHECK_CODE] = c->outcome.status;
	row->number[L7_CHECK_DURATION] = c->outcome.duration_usec / 1000;
}

static void put_address(struct l7_row *row, const struct view_real *r)
{
	char ip[ADDR_TEXT_LEN];
	const char *text = addr_format(&r->ip, ip);

	if (!r->port)
		snprintf(row->addr, sizeof(row->addr), "%s", text);
	else
		snprintf(row->addr, sizeof(row->addr), addr_is_v4(&r->ip) ? "%s:%u" : "[%s]:%u",
			 text, r->port);
	row->text[L7_ADDR] = row->addr;
}

static void real(struct l7_row *row, const struct view *v, const struct view_service *s,
		 const struct view_real *r)
{
	/* HAProxy's words: what is halted is in maintenance. */
	static const char *const status[] = {[REAL_UP] = "UP",
					     [REAL_DOWN] = "DOWN",
					     [REAL_DRAIN] = "DRAIN",
					     [REAL_HALT] = "MAINT"};

	put_sessions(row, &r->l7);
	put_server_side(row, &r->l7);
	put_answers(row, s, &r->l7);
	put_check(row, v, r);
	row->number[L7_DOWNTIME] = r->downtime;
	row->number[L7_QLIMIT] = L7_UNLIMITED;
	row->number[L7_THROTTLE] = r->throttle ? r->throttle : L7_UNLIMITED;
	row->number[L7_SLIM] = r->max_connections ? r->max_connections : L7_UNLIMITED;
	put_address(row, r);
	row->text[L7_SVNAME] = r->name;
	row->text[L7_STATUS] = status[r->status];
	row->colour = words_real_colour(r->status);
	row->down = r->status == REAL_DOWN;
	row->number[L7_WEIGHT] = r->weight;
	row->number[L7_UWEIGHT] = r->weight;
	row->number[L7_ACT] = !r->backup;
	row->number[L7_BCK] = r->backup;
}

/* Since when the service can be used, or not: its latest change. */
static time_t latest_change(const struct view_service *s)
{
	time_t latest = 0;

	for (size_t i = 0; i < s->real_count; i++) {
		const struct view_check *c = words_worst(&s->reals[i]);

		if (c && c->since > latest)
			latest = c->since;
	}
	return latest;
}

/* HAProxy's word for it. */
static const char *algorithm(enum scheduler s)
{
	static const char *const name[SCHEDULER_COUNT] = {
		[SCHEDULER_WRR] = "roundrobin", [SCHEDULER_WLC] = "leastconn",
		[SCHEDULER_RR] = "roundrobin",  [SCHEDULER_LC] = "leastconn",
		[SCHEDULER_SH] = "source",      [SCHEDULER_MAGLEV] = "source"};

	return name[s];
}

/* Of the sessions that it lets in, those that its reals have places for. */
static uint64_t places_of(const struct view_service *s)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < s->real_count; i++) {
		if (!s->reals[i].max_connections)
			return s->l7.limit;
		sum += s->reals[i].max_connections;
	}
	return sum < s->l7.limit ? sum : s->l7.limit;
}

static void backend(struct l7_row *row, const struct view *v, const struct view_service *s)
{
	uint64_t weight = 0, act = 0, bck = 0, given = 0;

	for (size_t i = 0; i < s->real_count; i++) {
		const struct view_real *r = &s->reals[i];

		weight += r->effective_weight;
		act += r->status == REAL_UP && !r->backup;
		bck += r->status == REAL_UP && r->backup;
		given += r->l7.counts.sessions;
	}
	put_sessions(row, &s->l7);
	put_server_side(row, &s->l7);
	put_answers(row, s, &s->l7);
	put_since(row, v, latest_change(s));
	row->text[L7_SVNAME] = "BACKEND";
	row->text[L7_STATUS] = weight ? "UP" : "DOWN";
	row->text[L7_ALGO] = algorithm(s->config->scheduler);
	row->colour = weight ? GRID_GREEN : GRID_RED;
	row->number[L7_LBTOT] = given;
	row->number[L7_SLIM] = places_of(s);
	row->number[L7_DREQ] = 0;
	row->number[L7_DRESP] = 0;
	row->number[L7_WEIGHT] = weight;
	row->number[L7_UWEIGHT] = weight;
	row->number[L7_ACT] = act;
	row->number[L7_BCK] = bck;
}

void l7_rows(const struct view *v, size_t index, l7_row_fn *fn, void *arg)
{
	const struct view_service *s = &v->services[index];
	struct l7_row row;

	begin(&row, v, index, L7_FRONTEND);
	frontend(&row, v, s);
	fn(arg, &row);
	for (size_t i = 0; i < s->real_count; i++) {
		begin(&row, v, index, L7_REAL);
		row.number[L7_SID] = i + 1;
		real(&row, v, s, &s->reals[i]);
		fn(arg, &row);
	}
	if (service_is_redirect(s->config))
		return; /* there is nothing behind it */
	begin(&row, v, index, L7_BACKEND);
	backend(&row, v, s);
	fn(arg, &row);
}
