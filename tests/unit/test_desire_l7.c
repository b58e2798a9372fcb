/* SPDX-License-Identifier: GPL-2.0-only */
/* Rows of layer 7 from a configuration: settings, routes, changes of heads, files, redirects. */
#include "core/desire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "core/config.h"

#define HEAD                                                                                       \
	"node: {interfaces: [eth0]}\nservices:\n  S:\n    vip: 192.168.30.10\n    ports: [443]\n"
#define HTTP HEAD "    mode: l7-http\n"

enum { REALS_MAX = 8, SERVICES_MAX = 4 };

/* Services have ids 1, 2 ..; reals 11, 12 .. of the first, 21, 22 .. of the second. */
struct world {
	struct model *model;
	struct service_fact services[SERVICES_MAX];
	struct real_fact reals[SERVICES_MAX][REALS_MAX];
	struct facts facts;
	struct store *store;
	struct plan *plan;
};

static const uint32_t check_ids[32];

static void plan_again(struct world *w)
{
	plan_free(w->plan);
	w->plan = desire(w->model, &w->facts, w->store);
	assert_non_null(w->plan);
}

static void world_make(struct world *w, const char *text)
{
	struct config_input in = {
		.file = "f", .text = text, .len = strlen(text), .host_name = "lb1"};
	struct buf messages = {0};

	memset(w, 0, sizeof(*w));
	w->model = config_read(&in, &messages);
	assert_string_equal(buf_text(&messages), "");
	buf_free(&messages);
	for (uint32_t i = 0; i < w->model->service_count; i++) {
		w->services[i] = (struct service_fact){.id = i + 1, .reals = w->reals[i]};
		for (uint32_t j = 0; j < w->model->services[i].real_count; j++)
			w->reals[i][j] = (struct real_fact){.id = 10 * (i + 1) + j + 1,
							    .check_ids = check_ids,
							    .weight = -1,
							    .health = HEALTH_UP};
	}
	w->facts = (struct facts){.services = w->services, .active = true};
	w->store = store_new();
	plan_again(w);
}

static void world_end(struct world *w)
{
	plan_free(w->plan);
	store_free(w->store);
	model_free(w->model);
}

static const struct proxy_service *service(const struct world *w, uint32_t id)
{
	const struct proxy_service *row = plan_find(w->plan, PLAN_PROXY_SERVICES, &id);

	assert_non_null(row);
	return row;
}

static const struct proxy_real *real(const struct world *w, uint32_t id)
{
	const struct proxy_real *row = plan_find(w->plan, PLAN_PROXY_REALS, &id);

	assert_non_null(row);
	return row;
}

static const struct proxy_rule *rule(const struct world *w, enum proxy_rule_kind kind,
				     uint16_t index)
{
	const struct proxy_rule_key key = {.service = 1, .kind = kind, .index = index};

	return plan_find(w->plan, PLAN_PROXY_RULES, &key);
}

static const struct proxy_blob *blob(const struct world *w, uint32_t id, enum proxy_blob_kind kind,
				     uint16_t index)
{
	const struct proxy_blob_key key = {.id = id, .kind = kind, .index = index};

	return plan_find(w->plan, PLAN_PROXY_BLOBS, &key);
}

static void the_settings_of_a_service_are_in_its_row(void **state)
{
	struct world w;
	const struct proxy_service *row;

	world_make(&w, "l7: {logging: on, splice: off}\n" HTTP
		       "    scheduler: lc\n    maxconn: 40\n    slow_start: 30s\n"
		       "    request_buffer: 51200\n    redirect_root: /owa/\n    source: client\n"
		       "    max_body: 1000000\n"
		       "    timeouts: {request: 1s, queue: 2s, tunnel: 3s}\n"
		       "    tls: {certificates: /a.pem, min_version: \"1.3\", client_ca: /c.pem}\n"
		       "    persistence: {cookie: LB, same_site: lax}\n"
		       "    reals: {A: {ip: 10.0.0.1}}\n");
	row = service(&w, 1);
	assert_string_equal(row->name, "S");
	assert_string_equal(row->cookie, "LB");
	assert_string_equal(row->redirect_root, "/owa/");
	assert_int_equal(row->request, 1000);
	assert_int_equal(row->queue, 2000);
	assert_int_equal(row->tunnel, 3000);
	assert_int_equal(row->maxconn, 40);
	assert_int_equal(row->request_buffer, 51200);
	assert_int_equal(row->max_body, 1000000);
	assert_int_equal(row->slow_start, 30000);
	assert_int_equal(row->persist, 0);
	assert_int_equal(row->parent, 0);
	assert_int_equal(row->redirect_code, 0);
	assert_int_equal(row->source_kind, PROXY_SOURCE_CLIENT);
	assert_int_equal(row->scheduler, SCHEDULER_LC);
	assert_int_equal(row->forwarded_for, PROXY_FORWARDED_APPEND);
	assert_int_equal(row->same_site, PROXY_SAME_SITE_LAX);
	assert_int_equal(row->flags, PROXY_SERVICE_HTTP | PROXY_SERVICE_TLS | PROXY_SERVICE_TLS13 |
					     PROXY_SERVICE_CLIENT_CA | PROXY_SERVICE_LOG |
					     PROXY_SERVICE_COPY | PROXY_SERVICE_COOKIE_SECURE |
					     PROXY_SERVICE_COOKIE_HTTP_ONLY);
	world_end(&w);
}

static void in_tcp_mode_a_row_says_nothing_of_http(void **state)
{
	struct world w;
	const struct proxy_service *row;

	world_make(&w, HEAD "    mode: l7-tcp\n    persistence: {source: 24, timeout: 1m}\n"
			    "    reals: {A: {ip: 10.0.0.1}}\n");
	row = service(&w, 1);
	assert_int_equal(row->flags, 0);
	assert_int_equal(row->request_buffer, 0);
	assert_int_equal(row->max_body, 0);
	assert_int_equal(row->forwarded_for, PROXY_FORWARDED_OFF);
	assert_int_equal(row->persist, 60000);
	assert_int_equal(row->persist_bits, 24);
	assert_int_equal(row->persist6_bits, 128);
	assert_int_equal(plan_count(w.plan, PLAN_PROXY_RULES), 0);
	assert_int_equal(plan_count(w.plan, PLAN_PROXY_BLOBS), 0);
	world_end(&w);
}

static void a_real_is_reencrypted_to_and_limited_as_configured(void **state) /* R43, R53 */
{
	struct world w;

	world_make(&w,
		   HTTP "    reals:\n"
			"      A: {ip: 10.0.0.1, reencrypt: on, verify: ca, ca: /r.pem, sni: a.b,\n"
			"        min_connections: 3, max_connections: 4}\n"
			"      B: {ip: 10.0.0.2, reencrypt: on}\n"
			"      C: {ip: 10.0.0.3}\n");
	assert_int_equal(real(&w, 11)->flags,
			 PROXY_REAL_USABLE | PROXY_REAL_TLS | PROXY_REAL_VERIFY);
	assert_string_equal(real(&w, 11)->sni, "a.b");
	assert_int_equal(real(&w, 11)->min_connections, 3);
	assert_int_equal(real(&w, 11)->max_connections, 4);
	assert_string_equal(blob(&w, 11, PROXY_BLOB_REAL_CA, 0)->path, "/r.pem");
	assert_int_equal(real(&w, 12)->flags, PROXY_REAL_USABLE | PROXY_REAL_TLS);
	assert_null(blob(&w, 12, PROXY_BLOB_REAL_CA, 0));
	assert_int_equal(real(&w, 13)->flags, PROXY_REAL_USABLE);
	assert_int_equal(real(&w, 13)->max_connections, 0);
	world_end(&w);
}

static void a_real_that_is_back_says_since_when(void **state)
{
	struct world w;

	world_make(&w, HTTP "    slow_start: 30s\n    reals: {A: {ip: 10.0.0.1}}\n");
	assert_int_equal(real(&w, 11)->since, 0);
	w.reals[0][0].usable_since = 777;
	plan_again(&w);
	assert_int_equal(real(&w, 11)->since, 777);
	w.reals[0][0].health = HEALTH_DOWN;
	plan_again(&w);
	assert_int_equal(real(&w, 11)->since, 0);
	world_end(&w);
}

static const char routed[] =
	HTTP "    tls: {certificates: /a.pem}\n"
	     "    maxconn: 9\n"
	     "    reals: {A: {ip: 10.0.0.1}}\n"
	     "    routes:\n"
	     "      - {path: /ews, check: {type: http, request: ews/healthcheck.htm}}\n"
	     "      - {path: /plain, host: b.example.com}\n"
	     "      - {host: c.example.com, scheduler: rr, reals: {C: {ip: 10.0.0.3}}}\n";

static void routes_lead_to_pools_or_to_the_service_itself(void **state)
{
	static const struct {
		const char *path, *host;
		uint32_t pool;
	} want[] = {
		{"/ews",   "",              2},
		{"/plain", "b.example.com", 1},
		{"",       "c.example.com", 3},
	};
	struct world w;

	world_make(&w, routed);
	for (uint16_t i = 0; i < ARRAY_COUNT(want); i++) {
		const struct proxy_rule *r = rule(&w, PROXY_RULE_ROUTE, i);

		assert_non_null(r);
		assert_string_equal(r->name, want[i].path);
		assert_string_equal(r->value, want[i].host);
		assert_int_equal(r->pool, want[i].pool);
	}
	assert_int_equal(plan_count(w.plan, PLAN_PROXY_RULES), 3);
	world_end(&w);
}

/* R20: reals, checks and a name, and nothing that clients or XDP could come to. */
static void a_pool_has_reals_and_checks_but_nobody_comes_to_it(void **state)
{
	const struct proxy_service *row;
	struct world w;

	world_make(&w, routed);
	row = service(&w, 2);
	assert_string_equal(row->name, "S:ews");
	assert_int_equal(row->parent, 1);
	assert_int_equal(row->flags, PROXY_SERVICE_HTTP);
	assert_int_equal(row->maxconn, 0);
	assert_int_equal(service(&w, 3)->scheduler, SCHEDULER_RR);
	assert_int_equal(real(&w, 21)->service, 2);
	assert_string_equal(real(&w, 31)->name, "C");
	assert_int_equal(plan_count(w.plan, PLAN_SERVICES), 3); /* names for adoption */
	assert_int_equal(plan_count(w.plan, PLAN_PROXY_REALS), 3);
	assert_int_equal(plan_count(w.plan, PLAN_LISTENERS), 1);
	assert_int_equal(plan_count(w.plan, PLAN_ENDPOINTS), 0);
	assert_int_equal(plan_count(w.plan, PLAN_ADDRESSES), 1);
	assert_int_equal(plan_count(w.plan, PLAN_VIPS), 1);
	assert_int_equal(plan_count(w.plan, PLAN_PROXY_BLOBS), 1); /* its parent's certificate */
	world_end(&w);
}

/* R19: managed availability takes out one protocol, not a server. */
static void a_real_that_fails_in_one_pool_serves_in_the_others(void **state)
{
	struct world w;

	world_make(&w, routed);
	w.reals[1][0].health = HEALTH_DOWN;
	plan_again(&w);
	assert_true(real(&w, 11)->flags & PROXY_REAL_USABLE);
	assert_false(real(&w, 21)->flags & PROXY_REAL_USABLE);
	assert_int_equal(service_status(&w.model->services[0], &w.services[0], NULL),
			 SERVICE_HEALTHY);
	assert_int_equal(service_status(&w.model->services[1], &w.services[1], NULL), SERVICE_DOWN);
	world_end(&w);
}

static void a_list_of_clients_guards_the_service_and_not_its_pools(void **state)
{
	struct buf text = {0};
	struct world w;

	buf_printf(&text, "%s    allow_from: 10.0.0.0/8\n", routed);
	world_make(&w, buf_text(&text));
	assert_int_equal(plan_count(w.plan, PLAN_ACLS), 1);
	assert_int_equal(plan_count(w.plan, PLAN_ENDPOINTS), 1);
	world_end(&w);
	buf_free(&text);
}

static void changes_of_heads_are_rules_in_order(void **state)
{
	static const struct {
		enum proxy_rule_kind kind;
		uint16_t index;
		const char *name, *value;
	} want[] = {
		{PROXY_RULE_REQUEST_SET,     0, "X-A",  "1"   },
		{PROXY_RULE_REQUEST_SET,     1, "X-B",  ""    },
		{PROXY_RULE_REQUEST_ADD,     0, "X-C",  "2 3" },
		{PROXY_RULE_REQUEST_DELETE,  0, "X-D",  ""    },
		{PROXY_RULE_RESPONSE_SET,    0, "X-E",  "4"   },
		{PROXY_RULE_RESPONSE_ADD,    0, "X-F",  "5"   },
		{PROXY_RULE_RESPONSE_DELETE, 0, "X-G",  ""    },
		{PROXY_RULE_REWRITE,         0, "/old", "/new"},
		{PROXY_RULE_REWRITE,         1, "/a/",  "/"   },
	};
	struct world w;

	world_make(&w, HTTP
		   "    reals: {A: {ip: 10.0.0.1}}\n"
		   "    request_headers: {set: {X-A: 1, X-B: \"\"}, add: {X-C: 2 3}, delete: X-D}\n"
		   "    response_headers: {set: {X-E: 4}, add: {X-F: 5}, delete: [X-G]}\n"
		   "    rewrite: [{from: /old, to: /new}, {from: /a/, to: /}]\n"
		   "    trust_forwarded_from: [10.0.0.0/8, \"2001:db8::/32\"]\n");
	for (size_t i = 0; i < ARRAY_COUNT(want); i++) {
		const struct proxy_rule *r = rule(&w, want[i].kind, want[i].index);

		assert_non_null(r);
		assert_string_equal(r->name, want[i].name);
		assert_string_equal(r->value, want[i].value);
	}
	assert_int_equal(rule(&w, PROXY_RULE_TRUST, 0)->bits, 104);
	assert_int_equal(rule(&w, PROXY_RULE_TRUST, 0)->from.byte[12], 10);
	assert_int_equal(rule(&w, PROXY_RULE_TRUST, 1)->bits, 32);
	assert_int_equal(plan_count(w.plan, PLAN_PROXY_RULES), ARRAY_COUNT(want) + 2);
	world_end(&w);
}

static void a_file_that_changes_changes_its_row_only(void **state)
{
	struct file_fact files[] = {
		{"/503.html", 5},
                {"/a.pem",    6},
                {"/b.pem",    7},
                {"/c.pem",    8}
        };
	struct plan *before;
	struct world w;

	world_make(&w, HTTP "    reals: {A: {ip: 10.0.0.1}}\n"
			    "    tls: {certificates: [/b.pem, /a.pem], client_ca: /c.pem}\n"
			    "    error_pages: {503: /503.html}\n");
	w.facts.files = files;
	w.facts.file_count = ARRAY_COUNT(files);
	plan_again(&w);
	assert_string_equal(blob(&w, 1, PROXY_BLOB_CERTIFICATE, 0)->path, "/b.pem");
	assert_int_equal(blob(&w, 1, PROXY_BLOB_CERTIFICATE, 0)->version, 7);
	assert_int_equal(blob(&w, 1, PROXY_BLOB_CERTIFICATE, 1)->version, 6);
	assert_int_equal(blob(&w, 1, PROXY_BLOB_CLIENT_CA, 0)->version, 8);
	assert_int_equal(blob(&w, 1, PROXY_BLOB_ERROR_PAGE, 503)->version, 5);
	before = w.plan;
	w.plan = NULL;
	plan_again(&w);
	assert_int_equal(plan_difference(before, w.plan), 0);
	files[2].version++;
	plan_again(&w);
	assert_int_equal(plan_difference(before, w.plan), 1);
	plan_free(before);
	world_end(&w);
}

static void a_redirect_has_listeners_and_no_reals(void **state) /* R67, R90 */
{
	struct world w;

	world_make(&w, HTTP "    redirect: {to: https, code: 307}\n");
	assert_int_equal(service(&w, 1)->redirect_code, 307);
	assert_int_equal(plan_count(w.plan, PLAN_PROXY_REALS), 0);
	assert_int_equal(plan_count(w.plan, PLAN_CHECKS), 0);
	assert_int_equal(plan_count(w.plan, PLAN_LISTENERS), 1);
	assert_int_equal(service_status(&w.model->services[0], &w.services[0], NULL),
			 SERVICE_REDIRECT);
	world_end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_settings_of_a_service_are_in_its_row),
		cmocka_unit_test(in_tcp_mode_a_row_says_nothing_of_http),
		cmocka_unit_test(a_real_is_reencrypted_to_and_limited_as_configured),
		cmocka_unit_test(a_real_that_is_back_says_since_when),
		cmocka_unit_test(routes_lead_to_pools_or_to_the_service_itself),
		cmocka_unit_test(a_pool_has_reals_and_checks_but_nobody_comes_to_it),
		cmocka_unit_test(a_real_that_fails_in_one_pool_serves_in_the_others),
		cmocka_unit_test(a_list_of_clients_guards_the_service_and_not_its_pools),
		cmocka_unit_test(changes_of_heads_are_rules_in_order),
		cmocka_unit_test(a_file_that_changes_changes_its_row_only),
		cmocka_unit_test(a_redirect_has_listeners_and_no_reals),
	};

	return cmocka_run_group_tests_name("desire_l7", tests, NULL, NULL);
}
