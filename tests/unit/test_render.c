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
#include "unit/text_lab.h"
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
		"assert h['missed_packets_total']==13 and h['flood_packets_total']==17;"
		"assert h['flood'] is True and i['flood'] is False;"
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
	assert_has(&b, "lbxdp_service_missed_packets_total{service=\"CAS-HTTPS\"} 13\n");
	assert_has(&b, "lbxdp_service_flood_packets_total{service=\"CAS-HTTPS\"} 17\n");
	assert_has(&b, "lbxdp_service_flood{service=\"CAS-HTTPS\"} 1\n");
	snprintf(line, sizeof(line), "lbxdp_flow_stateless_total{reason=\"flood\"} ");
	assert_has(&b, line);
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
static struct view_packet sample_packet(void)
{
	return (struct view_packet){
		.time = SAMPLE_NOW * 1000000ULL + 42,
		.verdict = LB_FORWARDED,
		.src = sample_addr("10.0.0.7"),
		.dst = sample_addr("192.168.30.10"),
		.sport = 40000,
		.dport = 443,
		.type = 0x0800,
		.proto = 6,
		.flags = 0x12,
		.length = 66,
		.service = "owa",
		.real = "CAS1",
		.iface = "eth0",
	};
}

static void a_traced_packet_is_one_line(void **state)
{
	struct view_packet p = sample_packet();
	struct buf out = {};

	render_packet_text(&p, &out);
	p.src = sample_addr("fd00::7");
	p.type = 0x86dd;
	p.proto = 17;
	p.flags = 0;
	p.real = "";
	p.verdict = LB_NO_REAL;
	render_packet_text(&p, &out);
	p = (struct view_packet){.time = p.time,
				 .type = 0x0806,
				 .service = "",
				 .real = "",
				 .iface = "",
				 .verdict = LB_ARP_REPLY,
				 .src = sample_addr("10.0.0.7"),
				 .dst = sample_addr("10.0.0.1")};
	render_packet_text(&p, &out);
	p.type = 0x88cc;
	render_packet_text(&p, &out);
	p.type = 0x0800;
	p.proto = 50;
	render_packet_text(&p, &out);
	assert_string_equal(
		buf_text(&out),
		"22:13:20.000042Z FORWARDED      10.0.0.7:40000 > 192.168.30.10:443 TCP SA 66 "
		"bytes eth0 owa/CAS1\n"
		"22:13:20.000042Z NO_REAL        [fd00::7]:40000 > 192.168.30.10:443 UDP 66 bytes "
		"eth0 owa\n"
		"22:13:20.000042Z ARP_REPLY      10.0.0.7 > 10.0.0.1 ARP 0 bytes\n"
		"22:13:20.000042Z ARP_REPLY      10.0.0.7 > 10.0.0.1 0x88cc 0 bytes\n"
		"22:13:20.000042Z ARP_REPLY      10.0.0.7 > 10.0.0.1 IP/50 0 bytes\n");
	buf_free(&out);
}

static void a_traced_packet_is_one_object(void **state)
{
	struct view_packet p = sample_packet();
	struct buf out = {};

	render_packet_json(&p, &out);
	render_missed(true, 3, &out);
	render_traced(true, 1, 3, &out);
	assert_string_equal(
		buf_text(&out),
		"{\"time\":\"2023-11-14T22:13:20.000042Z\",\"verdict\":\"FORWARDED\","
		"\"source\":\"10.0.0.7\",\"source_port\":40000,"
		"\"destination\":\"192.168.30.10\",\"destination_port\":443,"
		"\"protocol\":\"TCP\",\"flags\":\"SA\",\"bytes\":66,\"interface\":\"eth0\","
		"\"service\":\"owa\",\"real\":\"CAS1\"}\n"
		"{\"not_shown\":3}\n"
		"{\"total_shown\":1,\"total_not_shown\":3}\n");
	buf_free(&out);
}

static void flows_are_listed_in_three_forms(void **state)
{
	const struct view_flow f = {.service = "CAS, \"IMAP4\"",
				    .real = "CAS1",
				    .client = sample_addr("10.0.0.7"),
				    .client_port = 40000,
				    .vip = sample_addr("fd00::10"),
				    .vip_port = 143,
				    .proto = 6,
				    .state = LB_FLOW_ESTABLISHED,
				    .idle = 12345,
				    .left = 600000};
	static const char *const wanted[] = {
		[FLOWS_TEXT] = "Virtual Service       Real Server       Client                  VIP"
			       "                     Protocol  State            Idle   Timeout\n"
			       "CAS, \"IMAP4\"          CAS1              10.0.0.7:40000          "
			       "[fd00::10]:143          tcp       established      12.3     600.0\n"
			       "CAS, \"IMAP4\"          CAS1              10.0.0.7:40000          "
			       "[fd00::10]:143          tcp       established      12.3     600.0\n"
			       "2 of 3 flows shown; the tables hold 9\n",
		[FLOWS_CSV] = "Virtual Service,Real Server,Client,VIP,Protocol,State,Idle,Timeout\n"
			      "\"CAS, \"\"IMAP4\"\"\",CAS1,10.0.0.7:40000,[fd00::10]:143,tcp,"
			      "established,12.3,600.0\n"
			      "\"CAS, \"\"IMAP4\"\"\",CAS1,10.0.0.7:40000,[fd00::10]:143,tcp,"
			      "established,12.3,600.0\n",
	};

	for (enum flows_form form = FLOWS_TEXT; form <= FLOWS_CSV; form++) {
		struct buf out = {};

		render_flows_begin(form, &out);
		render_flow(form, &f, true, &out);
		render_flow(form, &f, false, &out);
		render_flows_end(form, 2, 3, 9, true, &out);
		assert_string_equal(buf_text(&out), wanted[form]);
		buf_free(&out);
	}
}

static void flows_as_json_have_a_row_each_and_the_sums(void **state)
{
	const struct view_flow f = {
		.service = "a\"b", .real = "", .state = LB_FLOW_UDP, .proto = 17};
	struct buf out = {};

	render_flows_begin(FLOWS_JSON, &out);
	render_flow(FLOWS_JSON, &f, true, &out);
	render_flow(FLOWS_JSON, &f, false, &out);
	render_flows_end(FLOWS_JSON, 2, 3, 9, true, &out);
	assert_non_null(strstr(buf_text(&out), "{\"flows\":[\n{\"service\":\"a\\\"b\","));
	assert_non_null(
		strstr(buf_text(&out), "\"idle_seconds\":0.0,\"timeout_seconds\":0.0},\n{"));
	assert_non_null(
		strstr(buf_text(&out),
		       "}\n],\"shown\":2,\"matched\":3,\"flows_total\":9,\"complete\":true}\n"));
	buf_free(&out);
}

static void a_list_that_is_not_whole_says_so(void **state)
{
	struct buf out = {};

	render_flows_end(FLOWS_TEXT, 2, 3, 9, false, &out);
	assert_string_equal(buf_text(&out),
			    "2 of 3 flows shown; the tables hold 9; the list is not "
			    "complete\n");
	render_flows_end(FLOWS_JSON, 2, 3, 9, false, &out);
	assert_non_null(strstr(buf_text(&out), "\"complete\":false}\n"));
	buf_free(&out);
}

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

static void who_else_has_a_vip_stands_with_its_service(void **state)
{
	struct view *v = sample_view();
	struct view_service *s = (struct view_service *)v->services;
	const struct view_conflict conflicts[] = {
		{sample_addr("192.168.30.10"), "eth0", {2, 0, 0, 0, 0, 0x14}, "CAS-HTTPS", "CAS1"},
		{sample_addr("192.168.30.10"), "",     {2, 0, 0, 0, 0, 0x66}, NULL,        NULL  },
	};
	struct buf text = {}, json = {};

	render_status_json(v, &json);
	assert_has(&json, "\"conflicts\":[]");
	buf_clear(&json);
	s[0].conflicts = conflicts;
	s[0].conflict_count = 2;
	render_status_text(v, false, &text);
	render_status_json(v, &json);
	assert_has(&text, "  conflict: 02:00:00:00:00:14 answers for 192.168.30.10 too: real "
			  "server CAS1 (lbxdp doctor arp)\n");
	assert_has(&text, "  conflict: 02:00:00:00:00:66 answers for 192.168.30.10 too (lbxdp");
	assert_has(&json, "\"interface\":\"eth0\",\"mac\":\"02:00:00:00:00:14\","
			  "\"service\":\"CAS-HTTPS\",\"real\":\"CAS1\"}");
	assert_has(&json, "\"mac\":\"02:00:00:00:00:66\",\"service\":null,\"real\":null}");
	buf_free(&text);
	buf_free(&json);
	view_free(v);
}

static void findings_say_what_why_and_what_to_type(void **state)
{
	struct findings f = {};
	struct buf text = {}, json = {};

	render_findings_text(&f, &text);
	assert_string_equal(buf_text(&text), "nothing found\n");
	render_findings_json(&f, &json);
	assert_string_equal(buf_text(&json), "{\"findings\":[],\"notes\":[]}\n");
	buf_clear(&text);
	buf_clear(&json);
	findings_add(&f,
		     &(struct finding){FINDING_ERROR, "vip", "VIP a", "seen\x1b[31m", "w", "t"});
	render_findings_text(&f, &text);
	assert_string_equal(buf_text(&text), "error: VIP a: seen [31m\n    why:  w\n    type: t\n");
	render_findings_json(&f, &json);
	assert_has(&json, "{\"severity\":\"error\",\"examination\":\"vip\",\"about\":\"VIP a\"");
	assert_has(&json, "\"why\":\"w\",\"type\":\"t\"}],\"notes\":[]}");
	findings_note(&f, "asked on eth0");
	render_findings_text(&f, &text);
	assert_has(&text, "    type: t\nnote: asked on eth0\n");
	buf_clear(&json);
	render_findings_json(&f, &json);
	assert_has(&json, "],\"notes\":[\"asked on eth0\"]}");
	findings_free(&f);
	buf_free(&text);
	buf_free(&json);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_overview_names_a_service_as_the_guide_does),
		cmocka_unit_test(a_halted_real_shows_the_order_in_place_of_its_weight),
		cmocka_unit_test(colour_appears_only_when_asked_for),
		cmocka_unit_test(a_traced_packet_is_one_line),
		cmocka_unit_test(a_traced_packet_is_one_object),
		cmocka_unit_test(flows_are_listed_in_three_forms),
		cmocka_unit_test(flows_as_json_have_a_row_each_and_the_sums),
		cmocka_unit_test(a_list_that_is_not_whole_says_so),
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
		cmocka_unit_test(who_else_has_a_vip_stands_with_its_service),
		cmocka_unit_test(findings_say_what_why_and_what_to_type),
		cmocka_unit_test(ten_thousand_reals_render_within_a_scrape),
	};

	return cmocka_run_group_tests_name("render", tests, NULL, NULL);
}
