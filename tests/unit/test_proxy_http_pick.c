/* SPDX-License-Identifier: GPL-2.0-only */
/* Where requests of l7-http go and what is changed in them: routes, cookies, redirects, fields. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "http_lab.h"

enum { POOL = 8 };

static void order_rule(enum proxy_rule_kind kind, unsigned int index, const char *name,
		       const char *value)
{
	struct {
		struct proxy_rule_key key;
		struct proxy_rule row;
	} u = {
		.key = {SERVICE, kind, index}
        };

	strcpy(u.row.name, name);
	strcpy(u.row.value, value);
	u.row.pool = POOL;
	u.row.bits = !strcmp(name, "/denied");
	order(PROXY_ORDER_RULE, 0, &u, sizeof(u));
}

static void order_trust(const char *from, unsigned int bits)
{
	struct {
		struct proxy_rule_key key;
		struct proxy_rule row;
	} u = {
		.key = {SERVICE, PROXY_RULE_TRUST, 0},
                  .row.bits = bits
        };

	addr_parse(&u.row.from, from);
	order(PROXY_ORDER_RULE, 0, &u, sizeof(u));
}

/* The server gets this for that, and the client this answer. */
static void exchange(const char *ask, const char *server_sees, const char *answer,
		     const char *client_sees)
{
	int client = dial_from(&front), server;

	say(client, ask);
	server = take_session(listening[0]);
	assert_reads(server, server_sees);
	say(server, answer);
	assert_reads(client, client_sees);
	close(server);
	close(client);
	until(!engine_sessions(engine));
}

/* Who answers with a page of our own says no more. */
static void assert_own(const char *ask, const char *line, const char *field)
{
	int client = dial_from(&front);

	say(client, ask);
	until(gets_something(client));
	if (!begins_with(got, line) || !strstr(got, field))
		fail_msg("%s: %s", ask, got);
	close(client);
	until(!engine_sessions(engine));
}

static const struct {
	const char *ask;
	int to; /* which server */
} routed[] = {
	{"GET /ews/exchange.asmx HTTP/1.1\r\nHost: a\r\n\r\n",   1},
	{"GET /EWS HTTP/1.1\r\nHost: a\r\n\r\n",                 1},
	{"GET /x/../%65ws/ HTTP/1.1\r\nHost: a\r\n\r\n",         1},
	{"GET /ewsx HTTP/1.1\r\nHost: a\r\n\r\n",                0},
	{"GET / HTTP/1.1\r\nHost: a\r\n\r\n",                    0},
	{"GET /any HTTP/1.1\r\nHost: Autodiscover.a:80\r\n\r\n", 1},
};

static void order_pool(void)
{
	struct proxy_service pool = settings;
	struct proxy_real r = {.service = POOL, .weight = 1, .port = port[1], .flags = USABLE};

	pool.parent = SERVICE;
	strcpy(pool.name, "S/ews");
	order(PROXY_ORDER_SERVICE, POOL, &pool, sizeof(pool));
	addr_parse(&r.ip, "127.0.0.1");
	strcpy(r.name, "P1");
	order(PROXY_ORDER_REAL, R2, &r, sizeof(r));
	order_rule(PROXY_RULE_ROUTE, 0, "/ews", "");
	order_rule(PROXY_RULE_ROUTE, 1, "", "autodiscover.a");
}

static void the_first_route_that_fits_leads_to_its_pool(void **state)
{
	int client, server;

	order_pool();
	client = dial_from(&front);
	for (size_t i = 0; i < sizeof(routed) / sizeof(*routed); i++) {
		say(client, routed[i].ask);
		server = take_session(listening[routed[i].to]);
		assert_reads(server, routed[i].ask);
		say(server, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi");
		assert_reads(client, OK_2);
		close(server);
	}
	assert_int_equal(shared->service[SERVICE].requests, 6);
	assert_int_equal(shared->service[POOL].requests, 4);
	assert_int_equal(shared->service[POOL].answers[2], 4);
	assert_int_equal(shared->service_current[1][POOL], 0);
	close(client);
}

static void what_a_route_denies_is_counted(void **state)
{
	order_pool();
	order_rule(PROXY_RULE_ROUTE, 2, "/denied", "");
	assert_own("GET /denied/x HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 403 ", "X-Request-Id: ");
	assert_int_equal(shared->service[SERVICE].denied, 1);
	assert_int_equal(shared->service[SERVICE].bad_requests, 0);
}

/* R19, R20: one protocol is out, the others are not. */
static void a_pool_without_a_real_is_a_503_and_the_rest_works(void **state)
{
	order_pool();
	order(PROXY_ORDER_REAL_GONE, R2, NULL, 0);
	assert_own(routed[0].ask, "HTTP/1.1 503 ", "X-Request-Id: ");
	exchange(GET, GET, OK_2, OK_2);
}

static void a_cookie_leads_back_to_the_real_and_is_not_shown_to_it(void **state)
{
	int client, server[2], first;
	char cookie[100], line[300], *at;

	strcpy(settings.cookie, "LB");
	settings.flags |= PROXY_SERVICE_COOKIE_SECURE | PROXY_SERVICE_COOKIE_HTTP_ONLY;
	settings.same_site = PROXY_SAME_SITE_NONE;
	order_service();
	order_named_real(1, USABLE);
	client = dial_from(&front);
	say(client, GET);
	until(accepts(listening[0]) ? (first = 0, true)
				    : accepts(listening[1]) && (first = 1, true));
	server[first] = accepted;
	assert_reads(server[first], GET);
	say(server[first], OK_2);
	until(gets_something(client));
	at = strstr(got, "\r\nSet-Cookie: LB=");
	assert_non_null(at);
	assert_non_null(strstr(at, "; Path=/; Secure; HttpOnly; SameSite=None\r\n"));
	snprintf(cookie, sizeof(cookie), "%.11s", at + strlen("\r\nSet-Cookie: LB="));
	assert_null(strstr(cookie, "127"));
	snprintf(line, sizeof(line), "GET / HTTP/1.1\r\nHost: a\r\nCookie: x=1; LB=%s; y=2\r\n\r\n",
		 cookie);
	for (int i = 0; i < 4; i++) {
		say(client, line);
		assert_reads(server[first],
			     "GET / HTTP/1.1\r\nHost: a\r\nCookie: x=1; y=2\r\n\r\n");
		say(server[first], OK_2);
		assert_reads(client, OK_2);
	}
	order_named_real(first, 0);
	say(client, line);
	server[!first] = take_session(listening[!first]);
	assert_reads(server[!first], "GET / HTTP/1.1\r\nHost: a\r\nCookie: x=1; y=2\r\n\r\n");
	say(server[!first], OK_2);
	until(gets_something(client));
	assert_non_null(strstr(got, "\r\nSet-Cookie: LB="));
	assert_null(strstr(got, cookie));
	close(client);
	close(server[0]);
	close(server[1]);
}

static void a_cookie_that_leads_nowhere_is_replaced(void **state)
{
	int client, server;

	strcpy(settings.cookie, "LB");
	order_service();
	client = dial_from(&front);
	say(client, "GET / HTTP/1.1\r\nHost: a\r\nCookie: LB=AAAAAAAAAAA\r\n\r\n");
	server = take_session(listening[0]);
	assert_reads(server, GET);
	say(server, OK_2);
	until(gets_something(client));
	assert_non_null(strstr(got, "\r\nSet-Cookie: LB="));
	close(client);
	close(server);
}

/* R90 */
static void http_is_sent_to_https_with_host_path_and_query(void **state)
{
	settings.redirect_code = 301;
	order_service();
	assert_own("GET /owa/?a=b HTTP/1.1\r\nHost: mail.example.com:80\r\n\r\n",
		   "HTTP/1.1 301 Moved Permanently\r\n",
		   "\r\nLocation: https://mail.example.com/owa/?a=b\r\n");
	assert_own("GET / HTTP/1.0\r\n\r\n", "HTTP/1.1 301 ",
		   "\r\nLocation: https://127.0.0.1/\r\n");
	settings.redirect_code = 308;
	order_service();
	assert_own("POST /x HTTP/1.1\r\nHost: [::1]\r\nContent-Length: 4\r\n\r\nbody",
		   "HTTP/1.1 308 Permanent Redirect\r\n", "\r\nLocation: https://[::1]/x\r\n");
	assert_own("GET /x HTTP/1.1\r\nHost: mail:8080\r\n\r\n", "HTTP/1.1 308 ",
		   "\r\nLocation: https://mail/x\r\n");
	assert_own("GET /x HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n", "HTTP/1.1 308 ",
		   "\r\nLocation: https://[::1]/x\r\n");
	assert_own("GET http://mail:81/x?q HTTP/1.1\r\nHost: b\r\n\r\n", "HTTP/1.1 308 ",
		   "\r\nLocation: https://mail/x?q\r\n");
	assert_int_equal(shared->service[SERVICE].answers[3], 6);
	assert_int_equal(shared->service[SERVICE].bad_requests, 0);
}

static void a_redirect_keeps_the_connection(void **state)
{
	static const char redirect[] = "HTTP/1.1 302 Found\r\nLocation: /owa/\r\n";
	int client, server;

	strcpy(settings.redirect_root, "/owa/");
	order_service();
	client = dial_from(&front);
	for (int i = 0; i < 2; i++) {
		say(client, GET);
		until(gets_something(client));
		assert_true(begins_with(got, redirect));
		assert_null(strstr(got, "Connection"));
	}
	say(client, "GET /owa/ HTTP/1.1\r\nHost: a\r\n\r\n");
	server = take_session(listening[0]);
	assert_reads(server, "GET /owa/ HTTP/1.1\r\nHost: a\r\n\r\n");
	close(client);
	close(server);
}

static void fields_are_set_added_deleted_and_paths_rewritten(void **state)
{
	order_rule(PROXY_RULE_REQUEST_SET, 0, "X-Set", "new");
	order_rule(PROXY_RULE_REQUEST_ADD, 0, "X-Add", "more");
	order_rule(PROXY_RULE_REQUEST_DELETE, 0, "X-Gone", "");
	order_rule(PROXY_RULE_RESPONSE_SET, 0, "Strict-Transport-Security", "max-age=1");
	order_rule(PROXY_RULE_RESPONSE_DELETE, 0, "Server", "");
	order_rule(PROXY_RULE_REWRITE, 0, "/old", "/new");
	exchange(
		"GET /old/x?q HTTP/1.1\r\nHost: a\r\nx-set: old\r\nX-Gone: 1\r\nX-Add: 1\r\n\r\n",
		"GET /new/x?q HTTP/1.1\r\nHost: a\r\nx-set: new\r\nX-Add: 1\r\nX-Add: more\r\n\r\n",
		"HTTP/1.1 200 OK\r\nServer: IIS\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nStrict-Transport-Security: max-age=1\r\n"
		"\r\n");
}

#define ASK_FORWARDED                                                                              \
	"GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: "           \
	"https\r\n\r\n"

static void the_client_is_appended_or_stands_alone(void **state)
{
	static const char appended[] =
		"GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 192.0.2.1, 127.0.0.1\r\n"
		"X-Forwarded-Proto: http\r\nForwarded: for=127.0.0.1;proto=http\r\n\r\n";
	static const char believed[] =
		"GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 192.0.2.1, 127.0.0.1\r\n"
		"X-Forwarded-Proto: https\r\nForwarded: for=127.0.0.1;proto=http\r\n\r\n";
	static const char alone[] =
		"GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 127.0.0.1\r\n"
		"X-Forwarded-Proto: http\r\nForwarded: for=127.0.0.1;proto=http\r\n\r\n";

	exchange(ASK_FORWARDED, ASK_FORWARDED, OK_2, OK_2);
	settings.forwarded_for = PROXY_FORWARDED_APPEND;
	order_service();
	exchange(GET, alone, OK_2, OK_2);
	exchange(ASK_FORWARDED, appended, OK_2, OK_2);
	order_trust("127.0.0.0", 104);
	exchange(ASK_FORWARDED, believed, OK_2, OK_2);
	order_trust("127.0.1.0", 120);
	exchange(ASK_FORWARDED, alone, OK_2, OK_2);
	settings.forwarded_for = PROXY_FORWARDED_REPLACE;
	order_service();
	order_trust("127.0.0.0", 104);
	exchange(ASK_FORWARDED, alone, OK_2, OK_2);
}

/* It would be the name in links that servers make. */
static void the_host_that_was_asked_for_is_believed_of_the_trusted(void **state)
{
	static const char ask[] = "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-Host: evil\r\n\r\n";
	static const char tail[] = "X-Forwarded-For: 127.0.0.1\r\nX-Forwarded-Proto: http\r\n"
				   "Forwarded: for=127.0.0.1;proto=http\r\n\r\n";
	char with[300], without[300], ours[300];

	snprintf(with, sizeof(with), "%.*s%s", (int)strlen(ask) - 2, ask, tail);
	snprintf(without, sizeof(without), "GET / HTTP/1.1\r\nHost: a\r\n%s", tail);
	snprintf(ours, sizeof(ours), "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-Host: b\r\n%s",
		 tail);
	exchange(ask, ask, OK_2, OK_2);
	settings.forwarded_for = PROXY_FORWARDED_APPEND;
	order_service();
	exchange(ask, without, OK_2, OK_2);
	order_trust("127.0.0.0", 104);
	exchange(ask, with, OK_2, OK_2);
	order_trust("127.0.1.0", 120);
	exchange(ask, without, OK_2, OK_2);
	order_rule(PROXY_RULE_REQUEST_SET, 0, "X-Forwarded-Host", "b");
	exchange(ask, ours, OK_2, OK_2);
}

/* Where trusted clients name theirs, not a byte of it is changed. */
static void what_trusted_clients_say_is_kept_and_nobody_elses(void **state)
{
	static const char in_other_words[] =
		"GET / HTTP/1.1\r\nHost: a\r\nForwarded: for=192.0.2.1;proto=https\r\n"
		"X-Forwarded-Proto: https\r\n\r\n";
	static const char proto_only[] =
		"GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-Proto: https\r\n\r\n";
	static const char filled_in[] =
		"GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-Proto: https\r\n"
		"X-Forwarded-For: 127.0.0.1\r\nForwarded: for=127.0.0.1;proto=http\r\n\r\n";
	static const char alone[] =
		"GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 127.0.0.1\r\n"
		"X-Forwarded-Proto: http\r\nForwarded: for=127.0.0.1;proto=http\r\n\r\n";
	static const char dropped[] = "GET / HTTP/1.1\r\nHost: a\r\nConnection: X-Forwarded-For\r\n"
				      "X-Forwarded-For: 192.0.2.1\r\n\r\n";

	settings.forwarded_for = PROXY_FORWARDED_KEEP;
	order_service();
	order_trust("127.0.0.0", 104);
	exchange(ASK_FORWARDED, ASK_FORWARDED, OK_2, OK_2);
	exchange(in_other_words, in_other_words, OK_2, OK_2);
	exchange(proto_only, filled_in, OK_2, OK_2);
	exchange(GET, alone, OK_2, OK_2);
	exchange(dropped, alone, OK_2, OK_2);
	order_trust("127.0.1.0", 120);
	exchange(ASK_FORWARDED, alone, OK_2, OK_2);
}

static void a_page_of_the_service_stands_for_ours(void **state)
{
	static const char page[] = "<html>away</html>";
	struct proxy_blob_key key = {SERVICE, PROXY_BLOB_ERROR_PAGE, 503};
	int fd = memfd_create("page", MFD_CLOEXEC);

	assert_int_equal(write(fd, page, strlen(page)), strlen(page));
	assert_int_equal(order_fd(PROXY_ORDER_BLOB, 0, &key, sizeof(key), fd), 0);
	order_named_real(0, 0);
	assert_own(GET, "HTTP/1.1 503 ", page);
}

static void a_keep_alive_session_keeps_the_settings_it_began_with(void **state)
{
	int server, client = kept(&server);

	order_rule(PROXY_RULE_REQUEST_ADD, 0, "X-Add", "more");
	settings.redirect_code = 301;
	order_service();
	say(client, GET);
	assert_reads(server, GET);
	say(server, OK_2);
	assert_reads(client, OK_2);
	close(client);
	close(server);
}

#define in_lab(test) cmocka_unit_test_setup_teardown(test, http_up, http_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_lab(the_first_route_that_fits_leads_to_its_pool),
		in_lab(what_a_route_denies_is_counted),
		in_lab(a_pool_without_a_real_is_a_503_and_the_rest_works),
		in_lab(a_cookie_leads_back_to_the_real_and_is_not_shown_to_it),
		in_lab(a_cookie_that_leads_nowhere_is_replaced),
		in_lab(http_is_sent_to_https_with_host_path_and_query),
		in_lab(a_redirect_keeps_the_connection),
		in_lab(fields_are_set_added_deleted_and_paths_rewritten),
		in_lab(the_client_is_appended_or_stands_alone),
		in_lab(the_host_that_was_asked_for_is_believed_of_the_trusted),
		in_lab(what_trusted_clients_say_is_kept_and_nobody_elses),
		in_lab(a_page_of_the_service_stands_for_ours),
		in_lab(a_keep_alive_session_keeps_the_settings_it_began_with),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
