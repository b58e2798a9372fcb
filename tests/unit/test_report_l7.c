/* SPDX-License-Identifier: GPL-2.0-only */
/* What operators and HAProxy's readers see of layer 7. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "admin/admin.h"
#include "base/alloc.h"
#include "unit/text_lab.h"
#include "unit/view_sample.h"

typedef void render_fn(const struct view *v, bool option, struct buf *out);

static void status_json(const struct view *v, bool option, struct buf *out)
{
	render_status_json(v, out);
}

static void report_l4(const struct view *v, bool option, struct buf *out)
{
	render_report_l4_text(v, out);
}

static struct buf rendered(render_fn *fn, bool option)
{
	struct view *v = sample_l7_view();
	struct buf out = {};

	fn(v, option, &out);
	view_free(v);
	return out;
}

static void the_header_tells_of_the_processes_and_their_limit(void **state) /* R69 */
{
	struct buf b = rendered(render_report_l7_text, false);

	assert_has(&b, "pid = 201, 202 (processes = 2)\n");
	assert_has(&b, "uptime = 0d 0h 01m 33s\n");
	assert_has(&b, "system limits: memmax = 3 MB; ulimit-n = 81000 each\n");
	assert_has(&b, "maxsock = 80025; maxconn = 40000; limit = 20000 (what the descriptors "
		       "allow); maxpipes = 512\n");
	assert_has(&b, "current conns = 4; current pipes = 3/5; conn rate = 7/sec\n");
	assert_has(&b, "Running tasks: 2/17; idle = 99 %\n");
	buf_free(&b);
}

static void memory_without_a_limit_is_unlimited(void **state) /* R69 */
{
	struct view *v = sample_l7_view();
	struct buf b = {};

	v->process.memory_max = 0;
	render_report_l7_text(v, false, &b);
	assert_has(&b, "memmax = unlimited; ");
	buf_free(&b);
	view_free(v);
}

/* The row of that name begins with these words, one space between them. */
static void assert_row(const struct buf *b, const char *name, const char *expected)
{
	const char *at = strstr(strstr(buf_text(b), "\nCAS-SMTP\n"), name);
	char words[256];
	size_t len = 0;

	for (; at && *at && *at != '\n' && len + 1 < sizeof(words); at++)
		if (!len || *at != ' ' || words[len - 1] != ' ')
			words[len++] = *at;
	words[len] = '\0';
	if (strncmp(words, expected, strlen(expected)))
		fail_msg("\"%s\" does not begin with \"%s\"", words, expected);
}

/* As on the guide's page: no limit of the queue and of the rate is "-" where there could be one. */
static void a_limit_that_is_not_set_is_a_dash(void **state) /* R70, R72 */
{
	struct buf b = rendered(render_report_l7_text, false);

	assert_row(&b, "Frontend", "Frontend 7 30 - 4 10");
	assert_row(&b, "CAS1", "CAS1 0 0 - 0 12 2 5 500 1");
	assert_row(&b, "CAS2", "CAS2 0 0 - 0 12 2 5 - 1");
	assert_row(&b, "Backend", "Backend 0 0 7 30 4 10 4000 2");
	buf_free(&b);
}

static void old_processes_are_seen_with_what_they_still_hold(void **state)
{
	struct buf text = rendered(render_status_text, false), json = rendered(status_json, false);
	struct buf metrics = {};
	struct view *v = sample_l7_view();

	assert_has(&text, "proxy 202 (restarts 1); proxy (finishing) 190, 3 sessions\n");
	assert_accepted_by(&json, "python3",
			   "python3 -c \"import json,sys; p=json.load(sys.stdin)['processes'][-1];"
			   "assert p=={'role':'proxy (finishing)','pid':190,'restarts':0,"
			   "'sessions':3}, p\"");
	render_metrics(v, false, &metrics);
	assert_has(&metrics, "lbxdp_process_restarts_total{role=\"proxy\"} 1\n");
	assert_lacks(&metrics, "finishing");
	assert_has(&metrics, "lbxdp_l7_earlier_processes 1\n");
	assert_has(&metrics, "lbxdp_l7_earlier_sessions 3\n");
	buf_free(&text);
	buf_free(&json);
	buf_free(&metrics);
	view_free(v);
}

static void the_table_has_the_guides_groups_and_rows(void **state) /* R70, R72, R73 */
{
	struct buf b = rendered(render_report_l7_text, false);

	assert_has(&b, "\nCAS-SMTP\n");
	assert_has(&b, "Queue            Session rate     Sessions      ");
	assert_has(&b, "Denied     Errors           Warnings");
	assert_has(&b, "\n  Frontend ");
	assert_has(&b, "OPEN");
	assert_has(&b, "1m33s UP    L4OK in 12ms    100    Y    -    3    0");
	assert_has(&b, "1m33s DOWN  L4CON in 12ms   100    Y    -    3    1   3m05s");
	assert_has(&b, "1m33s UP    L4OK in 12ms    100    -    Y ");
	assert_has(&b, "\n  Backend ");
	assert_lacks(&b, "CAS-HTTPS");
	buf_free(&b);
}

static void up_only_hides_the_reals_that_are_down(void **state) /* R71 */
{
	struct buf text = rendered(render_report_l7_text, true);
	struct buf csv = rendered(render_report_l7_csv, true);

	assert_lacks(&text, "DOWN");
	assert_has(&text, "CAS1");
	assert_lacks(&csv, "CAS2");
	assert_has(&csv, "CAS-SMTP,CAS1,");
	buf_free(&text);
	buf_free(&csv);
}

/* What HAProxy 2.6 answers to "show stat", as far as its first 33 columns. */
static const char haproxy_head[] =
	"# pxname,svname,qcur,qmax,scur,smax,slim,stot,bin,bout,dreq,dresp,ereq,econ,eresp,wretr,"
	"wredis,status,weight,act,bck,chkfail,chkdown,lastchg,downtime,qlimit,pid,iid,sid,throttle,"
	"lbtot,tracked,type,";

static void the_csv_bears_haproxys_names_in_its_order(void **state) /* R71 */
{
	struct buf b = rendered(render_report_l7_csv, false);

	assert_int_equal(strncmp(buf_text(&b), haproxy_head, strlen(haproxy_head)), 0);
	assert_accepted_by(
		&b, "python3",
		"python3 -c \"import csv,sys; f=sys.stdin; f.read(2); r=list(csv.DictReader(f));"
		"assert [x['svname'] for x in r]==['FRONTEND','CAS1','CAS2','backup','BACKEND'];"
		"f,a,b,s,e=r; assert {x['pxname'] for x in r}=={'CAS-SMTP'};"
		"assert (f['dreq'],f['dcon'],f['qlimit'],a['qlimit'],a['dcon'])=="
		"('5','9','','',''), f;"
		"assert (e['slim'],e['dreq'],f['rate_lim'])==('4000','0',''), e;"
		"assert (f['status'],f['slim'],f['stot'],f['ereq'],f['type'])=="
		"('OPEN','4000','22','4','0'), f;"
		"assert (a['scur'],a['smax'],a['stot'],a['bin'])==('2','5','12','12908'), a;"
		"assert (a['addr'],b['addr'])==('192.168.30.20:2525','[fd00:30::21]:2526'), b;"
		"assert (s['addr'],s['bck'],s['act'])==('192.168.30.30','1','0'), s;"
		"assert (b['status'],b['check_status'],b['chkdown'])==('DOWN','L4CON','1'), b;"
		"assert (a['check_duration'],a['lastchg'],a['downtime'])==('12','93','0'), a;"
		"assert (a['slim'],b['slim'],b['downtime'],e['downtime'])==('500','','185',''), b;"
		"assert (a['throttle'],b['throttle'])==('40',''), a;"
		"assert (e['econ'],e['wredis'],e['act'],e['bck'])==('4','7','1','1'), e;"
		"assert e['lbtot']=='22' and "
		"(f['rate'],f['rate_max'],a['rate_max'])==('7','30','12') and f['lastchg']=='', "
		"e\"");
	buf_free(&b);
}

static void the_json_has_the_same_keys(void **state)
{
	struct buf b = rendered(render_report_l7_json, false);

	assert_accepted_by(
		&b, "python3",
		"python3 -c \"import json,sys; r=json.load(sys.stdin);"
		"assert len(r)==5 and r[1]['pxname']=='CAS-SMTP', r;"
		"assert r[1]['stot']==12 and (r[0]['rate'], r[0]['rate_lim'])==(7, None), r;"
		"assert '' not in r[0] and r[0]['mode']=='tcp'\"");
	buf_free(&b);
}

static void the_overview_names_a_layer_7_service_as_the_guide_does(void **state) /* R64, R54 */
{
	struct view *v = sample_l7_view();
	struct buf b = {};
	char *row, ip[64], port[64];

	render_status_text(v, false, &b);
	assert_has(&b, "Virtual Service CAS-SMTP Method: Layer 7 Mode: TCP IP: 192.168.30.10 "
		       "Ports: 25,587 Protocol: TCP");
	assert_has(&b, "Layer 7 sessions: 4 of 20000 (maxconn is 40000; the descriptors allow no "
		       "more)");
	row = strstr(strstr(buf_text(&b), "Virtual Service CAS-SMTP"), "192.168.30.20");
	assert_int_equal(sscanf(row, "%63s %63s", ip, port), 2);
	assert_string_equal(port, "2525");
	row = strstr(row, "192.168.30.30");
	assert_int_equal(sscanf(row, "%63s %63s", ip, port), 2);
	assert_string_equal(port, "25,587");
	assert_lacks(&b, "no MAC");
	buf_free(&b);
	view_free(v);
}

static void status_json_has_mode_port_and_sessions(void **state)
{
	struct buf b = rendered(status_json, false);

	assert_accepted_by(&b, "python3",
			   "python3 -c \"import json,sys; v=json.load(sys.stdin);"
			   "s=v['services'][2]; r=s['reals']; assert s['mode']=='l7-tcp', s;"
			   "assert r[0]['port']==2525 and r[2]['port'] is None, r;"
			   "assert r[0]['active']==2 and r[0]['l7']['sessions_total']==12, r;"
			   "assert s['l7']['queued_total']==6 and s['l7']['tls_failures_total']==8;"
			   "assert s['l7']['refused_total']==3 and 'l7' not in v['services'][0];"
			   "assert v['l7']=={'processes':2,'maxconn':40000,'limit':20000,"
			   "'current_sessions':4}, v['l7']\"");
	buf_free(&b);
}

static void the_layer_4_report_is_of_layer_4_only(void **state)
{
	struct buf b = rendered(report_l4, false);

	assert_has(&b, "CAS-HTTPS");
	assert_lacks(&b, "CAS-SMTP");
	buf_free(&b);
}

static void metrics_of_layer_7_bear_the_right_labels(void **state)
{
	struct buf b = rendered(render_metrics, false);

	assert_has(&b, "lbxdp_l7_limit_sessions 20000\n");
	assert_has(&b, "lbxdp_l7_service_limit_sessions{service=\"CAS-SMTP\"} 4000\n");
	assert_has(&b, "lbxdp_l7_service_sessions_total{service=\"CAS-SMTP\"} 22\n");
	assert_has(&b, "lbxdp_l7_service_refused_total{service=\"CAS-SMTP\"} 3\n");
	assert_has(&b, "lbxdp_l7_real_sessions_total{service=\"CAS-SMTP\",real=\"CAS2\"} 10\n");
	assert_has(&b, "lbxdp_l7_real_current_sessions{service=\"CAS-SMTP\",real=\"backup\"} 2\n");
	assert_lacks(&b, "lbxdp_l7_service_sessions_total{service=\"CAS-HTTPS\"}");
	buf_free(&b);
}

/* What HAProxy's families of frontends, backends and servers are called here. */
static const char *const service_families[] = {
	"limit_sessions",
	"current_session_rate",
	"max_session_rate",
	"sessions_total",
	"current_sessions",
	"max_sessions",
	"bytes_in_total",
	"bytes_out_total",
	"denied_connections_total",
	"denied_requests_total",
	"bad_requests_total",
	"bad_headers_total",
	"refused_total",
	"connect_errors_total",
	"response_errors_total",
	"client_aborts_total",
	"timeouts_total",
	"retries_total",
	"redispatches_total",
	"no_source_port_total",
	"other_source_port_total",
	"own_source_total",
	"current_queue",
	"max_queue",
	"queued_total",
	"queue_timeouts_total",
	"http_requests_total",
	"reused_connections_total",
	"tls_handshakes_total",
	"tls_resumed_total",
	"tls_failures_total",
};

static const char *const real_families[] = {
	"limit_sessions",          "current_session_rate",     "max_session_rate",
	"sessions_total",          "current_sessions",         "max_sessions",
	"bytes_in_total",          "bytes_out_total",          "connect_errors_total",
	"response_errors_total",   "client_aborts_total",      "timeouts_total",
	"retries_total",           "redispatches_total",       "no_source_port_total",
	"other_source_port_total", "own_source_total",         "current_queue",
	"http_requests_total",     "reused_connections_total", "tls_handshakes_total",
	"tls_resumed_total",       "tls_failures_total",       "unanswered_connects",
	"connect_seconds_count",   "connect_seconds_sum",      "connect_seconds_bucket",
};

static const char *const process_families[] = {
	"processes 2",          "earlier_processes 1", "earlier_sessions 3", "maxconn 40000",
	"limit_sessions 20000", "current_sessions 4",  "max_sockets 80025",  "max_pipes 512",
	"pipes_used 3",         "pipes_free 5",        "tasks 17",           "running_tasks 2",
	"idle_ratio 0.987",
};

static void every_family_of_layer_7_is_there(void **state)
{
	struct buf b = rendered(render_metrics, false);
	char text[128];

	for (size_t i = 0; i < ARRAY_COUNT(process_families); i++) {
		snprintf(text, sizeof(text), "\nlbxdp_l7_%s\n", process_families[i]);
		assert_has(&b, text);
	}
	for (size_t i = 0; i < ARRAY_COUNT(service_families); i++) {
		snprintf(text, sizeof(text), "\nlbxdp_l7_service_%s{service=\"CAS-SMTP\"} ",
			 service_families[i]);
		assert_has(&b, text);
	}
	for (size_t i = 0; i < ARRAY_COUNT(real_families); i++) {
		snprintf(text, sizeof(text),
			 "\nlbxdp_l7_real_%s{service=\"CAS-SMTP\",real=\"CAS1\"", real_families[i]);
		assert_has(&b, text);
	}
	/* Of HTTP services only; the sample is of TCP. */
	assert_has(&b, "# TYPE lbxdp_l7_real_response_seconds histogram\n");
	assert_has(&b, "# TYPE lbxdp_l7_service_http_responses_total counter\n");
	assert_has(&b, "\nlbxdp_l7_service_denied_connections_total{service=\"CAS-SMTP\"} 9\n");
	buf_free(&b);
}

static void promtool_accepts_the_metrics_of_layer_7(void **state)
{
	struct buf b = rendered(render_metrics, false);

	assert_accepted_by(&b, "promtool", "promtool check metrics");
	buf_free(&b);
}

static void report_sessions(const struct view *v, bool option, struct buf *out)
{
	if (option)
		render_report_sessions_csv(v, out);
	else
		render_report_sessions_text(v, out);
}

static void sessions_are_listed_the_oldest_first(void **state)
{
	struct buf text = rendered(report_sessions, false), csv = rendered(report_sessions, true);

	assert_has(&text, "\n2 sessions\n");
	assert_has(&csv,
		   "SMTP-L7,,queue,[2001:db8::50]:1,[2001:db8::10]:25,90.0,90.0,0,0,0,202\n"
		   "SMTP-L7,mail1,relay,192.168.30.50:50123,192.168.30.11:25,61.2,0.0,120,4500,"
		   "0,201\n");
	buf_free(&text);
	buf_free(&csv);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_header_tells_of_the_processes_and_their_limit),
		cmocka_unit_test(memory_without_a_limit_is_unlimited),
		cmocka_unit_test(a_limit_that_is_not_set_is_a_dash),
		cmocka_unit_test(old_processes_are_seen_with_what_they_still_hold),
		cmocka_unit_test(the_table_has_the_guides_groups_and_rows),
		cmocka_unit_test(up_only_hides_the_reals_that_are_down),
		cmocka_unit_test(the_csv_bears_haproxys_names_in_its_order),
		cmocka_unit_test(the_json_has_the_same_keys),
		cmocka_unit_test(the_overview_names_a_layer_7_service_as_the_guide_does),
		cmocka_unit_test(status_json_has_mode_port_and_sessions),
		cmocka_unit_test(the_layer_4_report_is_of_layer_4_only),
		cmocka_unit_test(metrics_of_layer_7_bear_the_right_labels),
		cmocka_unit_test(every_family_of_layer_7_is_there),
		cmocka_unit_test(promtool_accepts_the_metrics_of_layer_7),
		cmocka_unit_test(sessions_are_listed_the_oldest_first),
	};

	return cmocka_run_group_tests_name("report_l7", tests, NULL, NULL);
}
