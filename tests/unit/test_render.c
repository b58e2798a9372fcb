/* SPDX-License-Identifier: GPL-2.0-only */
/* What operators and scripts read: parsed as a reader would, not compared letter by letter. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "admin/admin.h"
#include "admin/json.h"
#include "unit/view_sample.h"

typedef void render_fn(const struct view *v, struct buf *out);

static void status_text(const struct view *v, struct buf *out)
{
	render_status_text(v, false, out);
}

static void metrics_text(const struct view *v, struct buf *out)
{
	render_metrics(v, false, out);
}

static void metrics_open(const struct view *v, struct buf *out)
{
	render_metrics(v, true, out);
}

static struct buf rendered(render_fn *fn)
{
	struct view *v = sample_view();
	struct buf out = {};

	fn(v, &out);
	view_free(v);
	return out;
}

static void assert_has(const struct buf *b, const char *text)
{
	if (!strstr(buf_text(b), text))
		fail_msg("lacks \"%s\":\n%s", text, buf_text(b));
}

static void assert_lacks(const struct buf *b, const char *text)
{
	if (strstr(buf_text(b), text))
		fail_msg("has \"%s\":\n%s", text, buf_text(b));
}

/* Runs a program on the text. Skips the test when it is not installed. */
static void assert_accepted_by(const struct buf *b, const char *program, const char *command)
{
	char name[] = "/tmp/lbxdp-render-XXXXXX", *line;
	int fd = mkstemp(name);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, b->at, b->len), b->len);
	close(fd);
	assert_true(asprintf(&line, "command -v %s >/dev/null || exit 77; %s <%s", program, command,
			     name) > 0);
	fd = WEXITSTATUS(system(line));
	free(line);
	unlink(name);
	if (fd == 77)
		skip();
	assert_int_equal(fd, 0);
}

static void the_overview_names_a_service_as_the_guide_does(void **state)
{
	struct buf b = rendered(status_text);

	assert_has(&b, "2023-11-14 22:13:20 UTC"); /* R33 */
	assert_has(&b, "Virtual Service CAS-HTTPS Method: Layer 4 Mode: DR IP: 192.168.30.10 "
		       "Ports: 443 Protocol: TCP"); /* R64 */
	assert_has(&b, "VIRTUAL SERVICE");
	assert_has(&b, "Real Server");
	assert_has(&b, "Weight");
	assert_has(&b, "L7STS/503 in 12ms");
	assert_has(&b, "1m33s");
	assert_has(&b, "probe 101 (restarts 2)");
	assert_has(&b, "eth0 native");
	assert_has(&b, "eth1 not attached (no such)");
	buf_free(&b);
}

static void a_halted_real_shows_the_order_in_place_of_its_weight(void **state) /* R65 */
{
	struct buf b = rendered(status_text);
	char *row = strstr(buf_text(&b), "fd00:30::20");
	char ip[64], ports[64], weight[64], status[64];

	assert_non_null(row);
	assert_int_equal(sscanf(row, "%63s %63s %63s %63s", ip, ports, weight, status), 4);
	assert_string_equal(ports, "143,1000-1010");
	assert_string_equal(weight, "halt");
	assert_string_equal(status, "halt");
	buf_free(&b);
}

static void colour_appears_only_when_asked_for(void **state) /* R66 */
{
	struct view *v = sample_view();
	struct buf plain = {}, colour = {};

	render_status_text(v, false, &plain);
	render_status_text(v, true, &colour);
	assert_lacks(&plain, "\033");
	assert_has(&colour, "\033[31m");
	assert_has(&colour, "\033[34mhalt");
	assert_has(&plain, "Key: H healthy");
	buf_free(&plain);
	buf_free(&colour);
	view_free(v);
}

static void without_services_the_overview_points_to_the_wizard(void **state) /* R32 */
{
	struct view *v = sample_empty();
	struct buf b = {};

	render_status_text(v, false, &b);
	assert_has(&b, "No Virtual Services configured.");
	assert_has(&b, "lbxdp init");
	assert_has(&b, "PORTS  CONNS  PROTOCOL  METHOD  MODE");
	buf_free(&b);
	view_free(v);
}

static void a_server_cannot_speak_to_the_terminal(void **state)
{
	struct buf b = rendered(render_report_checks_text);

	assert_has(&b, "Service \"Unavailable\"?[31m");
	assert_lacks(&b, "\033");
	buf_free(&b);
}

static void status_json_is_json_with_the_promised_keys(void **state)
{
	struct buf b = rendered(render_status_json);

	assert_accepted_by(
		&b, "python3",
		"python3 -c \""
		"import json,sys; s=json.load(sys.stdin); h,i=s['services']; r=h['reals'][1];"
		"assert {'version','time','node','processes','interfaces','services'} <= set(s);"
		"assert s['time']=='2023-11-14T22:13:20Z', s['time'];"
		"assert s['processes'][1]=={'role':'probe','pid':101,'restarts':2};"
		"assert s['interfaces'][0]['xdp_mode']=='native';"
		"assert s['interfaces'][1]['xdp_mode'] is None;"
		"assert h['vip']==['192.168.30.10'] and h['ports']==['443'], h;"
		"assert (h['mode'],h['protocol'],h['scheduler'])==('l4-dr','tcp','wrr');"
		"assert h['status']=='degraded' and h['connections_total']==2000;"
		"assert h['denied_packets_total']==11;"
		"assert r['port'] is None and r['mac']=='02:00:00:00:00:14', r;"
		"assert r['weight']==100 and r['effective_weight']==0;"
		"assert r['status']=='down' and r['admin']=='online';"
		"assert r['check']['status']=='down' and r['check']['detail']=='L7STS/503';"
		"assert r['check']['duration_ms']==12.345, r['check'];"
		"assert r['check']['since']=='2023-11-14T22:11:47Z';"
		"assert len(r['checks'])==1 and h['reals'][2]['backup'] is True;"
		"assert i['ports']==['143','1000-1010'] and i['reals'][0]['mac'] is None;"
		"assert i['reals'][0]['check']['detail']=='checking';"
		"assert i['reals'][0]['check']['since'] is None;"
		"assert i['reals'][0]['admin']=='halt' and s['verdicts']['FORWARDED']==40000;"
		"\"");
	buf_free(&b);
}

static void json_survives_any_text(void **state)
{
	static const struct {
		const char *text, *json;
	} rows[] = {
		{"plain",                "\"plain\""                               },
		{"a\"b\\c",              "\"a\\\"b\\\\c\""                         },
		{"\n\t\x01\x7f",         "\"\\n\\t\\u0001\x7f\""                   },
		{"\xc3\xa4\xe2\x82\xac", "\"\xc3\xa4\xe2\x82\xac\""                },
		{"x\xff\xc3y",           "\"x\xef\xbf\xbd\xef\xbf\xbdy\""          },
		{"\xed\xa0\x80",         "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
		{"\xf0\x9f\x93\xa7",     "\"\xf0\x9f\x93\xa7\""                    },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct buf out = {};
		struct json j = {.out = &out};

		json_text(&j, NULL, rows[i].text);
		assert_string_equal(buf_text(&out), rows[i].json);
		buf_free(&out);
	}
}

static void the_layer_4_report_has_the_guides_columns(void **state) /* R68 */
{
	struct buf b = rendered(render_report_l4_text);
	char *row = strstr(buf_text(&b), "CAS1 192.168.30.20");
	char name[64], ip[64], method[64];
	unsigned int weight, active, inactive;

	assert_has(&b, "CAS-HTTPS 192.168.30.10 port 443/tcp");
	assert_has(&b, "Virtual Service");
	assert_has(&b, "Active Connections  Inactive Connections");
	assert_non_null(row);
	assert_int_equal(sscanf(row, "%63s %63s %63s %u %u %u", name, ip, method, &weight, &active,
				&inactive),
			 6);
	assert_string_equal(method, "Route");
	assert_int_equal(weight, 100);
	assert_int_equal(active, 6);
	assert_int_equal(inactive, 2);
	buf_free(&b);
}

static void a_full_real_is_said_to_be(void **state) /* R43 */
{
	struct view *v = sample_view();
	struct view_service *s = (struct view_service *)&v->services[0];
	struct view_real *r = (struct view_real *)&s->reals[0];
	struct buf status = {}, metrics = {}, csv = {};

	r->max_connections = 6;
	r->full = 1;
	s->full = 17;
	s->followed = 23;
	status_text(v, &status);
	metrics_text(v, &metrics);
	render_report_l4_csv(v, &csv);
	assert_has(&status, "up (full)");
	assert_has(&metrics, "lbxdp_service_full_packets_total{service=\"CAS-HTTPS\"} 17\n");
	assert_has(&metrics,
		   "lbxdp_service_persisted_connections_total{service=\"CAS-HTTPS\"} 23\n");
	assert_has(&metrics, "lbxdp_real_max_connections{service=\"CAS-HTTPS\",real=\"CAS1\"} 6\n");
	assert_has(&metrics, "lbxdp_real_full{service=\"CAS-HTTPS\",real=\"CAS1\"} 1\n");
	assert_has(&csv, "3000000,6\n");
	buf_free(&status);
	buf_free(&metrics);
	buf_free(&csv);
	view_free(v);
}

static void csv_reads_back_as_the_same_cells(void **state)
{
	struct buf b = rendered(render_report_l4_csv);

	assert_accepted_by(&b, "python3",
			   "python3 -c \"import csv,sys; r=list(csv.DictReader(sys.stdin));"
			   "assert len(r)==4, r; assert r[3]['Virtual Service']=='CAS, '+chr(34)+"
			   "'IMAP4'+chr(34), r[3];"
			   "assert r[0]['Forwarding Method']=='Route' and r[1]['Weight']=='0';"
			   "assert r[0]['Active Connections']=='6', r[0]\"");
	buf_free(&b);
}

static void reports_as_json_have_a_row_a_real(void **state)
{
	struct buf l4 = rendered(render_report_l4_json),
		   checks = rendered(render_report_checks_json);

	assert_accepted_by(&l4, "python3",
			   "python3 -c \"import json,sys; r=json.load(sys.stdin);"
			   "assert len(r)==4 and r[0]['weight']==100, r\"");
	assert_accepted_by(&checks, "python3",
			   "python3 -c \"import json,sys; r=json.load(sys.stdin);"
			   "assert r[1]['last_check']=='L7STS/503 in 12ms' and r[1]['failures']==3;"
			   "assert r[3]['since'] is None and r[0]['check']=='https:443', r\"");
	buf_free(&l4);
	buf_free(&checks);
}

static void promtool_accepts_the_metrics(void **state)
{
	struct buf b = rendered(metrics_text);

	assert_accepted_by(&b, "promtool", "promtool check metrics");
	buf_free(&b);
}

static void a_state_is_one_series_a_state(void **state)
{
	struct buf b = rendered(metrics_text);

	assert_has(&b, "lbxdp_service_status{service=\"CAS-HTTPS\",state=\"degraded\"} 1\n");
	assert_has(&b, "lbxdp_service_status{service=\"CAS-HTTPS\",state=\"healthy\"} 0\n");
	assert_has(&b, "lbxdp_real_status{service=\"CAS-HTTPS\",real=\"CAS2\",state=\"down\"} 1\n");
	assert_has(&b, "service=\"CAS, \\\"IMAP4\\\"\"");
	buf_free(&b);
}

static void drops_are_named_after_their_verdicts(void **state)
{
	struct buf b = rendered(metrics_text);
	char line[96];

	snprintf(line, sizeof(line), "lbxdp_drop_packets_total{reason=\"no_real\"} %d\n",
		 LB_NO_REAL);
	assert_has(&b, line);
	snprintf(line, sizeof(line), "lbxdp_drop_packets_total{reason=\"acl\"} %d\n", LB_ACL);
	assert_has(&b, line);
	assert_has(&b, "lbxdp_service_denied_packets_total{service=\"CAS-HTTPS\"} 11\n");
	assert_lacks(&b, "lbxdp_drop_packets_total{reason=\"not_ours\"}");
	assert_has(&b, "lbxdp_verdict_packets_total{verdict=\"forwarded\"} 40000\n");
	buf_free(&b);
}

static void the_histogram_is_cumulative_over_the_reals(void **state)
{
	struct buf b = rendered(metrics_text);

	assert_has(&b, "lbxdp_check_duration_seconds_bucket{service=\"CAS-HTTPS\","
		       "check=\"https:443\",le=\"0.01\"} 0\n");
	assert_has(&b, "le=\"0.025\"} 27\n");
	assert_has(&b, "le=\"1.0\"} 27\n");
	assert_has(&b, "le=\"+Inf\"} 30\n");
	assert_has(&b, "lbxdp_check_duration_seconds_sum{service=\"CAS-HTTPS\","
		       "check=\"https:443\"} 10.5\n");
	buf_free(&b);
}

static void openmetrics_ends_with_eof_and_names_families_without_suffix(void **state)
{
	struct buf b = rendered(metrics_open);

	assert_string_equal(b.at + b.len - 6, "# EOF\n");
	assert_has(&b, "# TYPE lbxdp_real_connections counter\n");
	assert_has(&b, "# TYPE lbxdp_build info\n");
	assert_has(&b, "lbxdp_real_connections_total{");
	buf_free(&b);
}

static void ten_thousand_reals_render_within_a_scrape(void **state)
{
	enum { REALS = 10000 };
	struct view *v = sample_view();
	struct view_service *s = arena_alloc(v->arena, 1, sizeof(*s));
	struct view_real *r = arena_alloc(v->arena, REALS, sizeof(*r));
	struct buf out = {};
	clock_t began;

	*s = v->services[0];
	for (size_t i = 0; i < REALS; i++) {
		r[i] = v->services[0].reals[0];
		r[i].name = arena_printf(v->arena, "real-%zu", i);
	}
	s->reals = r;
	s->real_count = REALS;
	v->services = s;
	v->service_count = 1;
	began = clock();
	render_metrics(v, false, &out);
	print_message("%zu bytes in %.0f ms\n", out.len,
		      (clock() - began) * 1000.0 / CLOCKS_PER_SEC);
	assert_has(&out, "real=\"real-9999\"");
	buf_free(&out);
	view_free(v);
}

/* A route's pool and a service that redirects, made of the sample's services. */
static void a_redirect_is_magenta_and_a_route_names_its_service(void **state) /* R67 */
{
	struct view *v = sample_view();
	struct view_service *s = (struct view_service *)v->services;
	struct service_config parent = *s[0].config, pool = *s[0].config;
	struct buf text = {}, colour = {}, json = {};

	parent.name = "OWA";
	pool.parent = &parent;
	pool.port_range_count = 0;
	pool.mode = MODE_L7_HTTP;
	s[0].config = &pool;
	s[0].status = SERVICE_REDIRECT;
	render_status_text(v, false, &text);
	render_status_text(v, true, &colour);
	render_status_json(v, &json);
	assert_has(&text, " route ");
	assert_has(&text, "R redirects");
	assert_has(&colour, "\033[35mredirect");
	assert_has(&json, "\"parent\":\"OWA\"");
	assert_has(&json, "\"status\":\"redirect\"");
	buf_free(&text);
	buf_free(&colour);
	buf_free(&json);
	view_free(v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_overview_names_a_service_as_the_guide_does),
		cmocka_unit_test(a_halted_real_shows_the_order_in_place_of_its_weight),
		cmocka_unit_test(colour_appears_only_when_asked_for),
		cmocka_unit_test(a_redirect_is_magenta_and_a_route_names_its_service),
		cmocka_unit_test(without_services_the_overview_points_to_the_wizard),
		cmocka_unit_test(a_server_cannot_speak_to_the_terminal),
		cmocka_unit_test(status_json_is_json_with_the_promised_keys),
		cmocka_unit_test(json_survives_any_text),
		cmocka_unit_test(the_layer_4_report_has_the_guides_columns),
		cmocka_unit_test(a_full_real_is_said_to_be),
		cmocka_unit_test(csv_reads_back_as_the_same_cells),
		cmocka_unit_test(reports_as_json_have_a_row_a_real),
		cmocka_unit_test(promtool_accepts_the_metrics),
		cmocka_unit_test(a_state_is_one_series_a_state),
		cmocka_unit_test(drops_are_named_after_their_verdicts),
		cmocka_unit_test(the_histogram_is_cumulative_over_the_reals),
		cmocka_unit_test(openmetrics_ends_with_eof_and_names_families_without_suffix),
		cmocka_unit_test(ten_thousand_reals_render_within_a_scrape),
	};

	return cmocka_run_group_tests_name("render", tests, NULL, NULL);
}
