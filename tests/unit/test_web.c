/* SPDX-License-Identifier: GPL-2.0-only */
/* HTTP: the request parser by tables, and both ends of the web channel on one loop (F15, F18). */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "admin/request.h"
#include "admin/web.h"
#include "admin/web_server.h"
#include "base/alloc.h"
#include "base/buf.h"
#include "base/log.h"
#include "unit/view_sample.h"

#define HOST "Host: lb1\r\n"

static int parse(const char *text, struct request *r)
{
	return request_parse(text, strlen(text), r);
}

static void well_formed_requests_are_understood(void **state)
{
	static const struct {
		const char *text, *path;
		bool head, keep_alive, openmetrics;
	} rows[] = {
		{"GET / HTTP/1.0\r\n\r\n",						     "/",        false, false, false},
		{"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",                           "/",        false, true,  false},
		{"GET /metrics HTTP/1.1\r\n" HOST "\r\n",                                      "/metrics", false, true,  false},
		{"\r\nGET /a?b=c HTTP/1.1\r\n" HOST "\r\n",                                    "/a",       false, true,  false},
		{"HEAD / HTTP/1.1\r\n" HOST "\r\n",                                            "/",        true,  true,  false},
		{"GET / HTTP/1.1\r\n" HOST "connection: Close\r\n\r\n",                        "/",        false, false, false},
		{"GET / HTTP/1.1\r\n" HOST "Connection: x, close\r\n\r\n",                     "/",        false, false,
		 false													},
		{"GET http://lb1:9443/metrics?x HTTP/1.1\r\n" HOST "\r\n",                     "/metrics", false, true,
		 false													},
		{"GET http://lb1 HTTP/1.1\r\n" HOST "\r\n",                                    "/",        false, true,  false},
		{"GET / HTTP/1.1\r\n" HOST "Content-Length: 0\r\n\r\n",                        "/",        false, true,  false},
		{"GET / HTTP/1.1\r\n" HOST "Accept: application/openmetrics-text;version=1.0.0,"
		 "application/openmetrics-text;version=0.0.1;q=0.75,"
		 "text/plain;version=0.0.4;q=0.5,*/*;q=0.1\r\n\r\n",          "/",        false, true,  true },
		{"GET / HTTP/1.1\r\n" HOST "Accept: application/openmetrics-text;q=0.2,"
		 "text/plain\r\n\r\n",					"/",        false, true,  false},
		{"GET / HTTP/1.1\r\n" HOST "Accept: */*\r\n\r\n",                              "/",        false, true,  false},
		{"GET / HTTP/1.1\r\n" HOST "Accept: application/openmetrics-text;q=0\r\n\r\n", "/",
		 false,											   true,  false},
	};

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct request r;

		assert_int_equal(parse(rows[i].text, &r), strlen(rows[i].text));
		assert_int_equal(r.path_len, strlen(rows[i].path));
		assert_memory_equal(r.path, rows[i].path, r.path_len);
		assert_int_equal(r.head, rows[i].head);
		assert_int_equal(r.keep_alive, rows[i].keep_alive);
		assert_int_equal(r.openmetrics, rows[i].openmetrics);
	}
}

static void malformed_requests_are_refused(void **state)
{
	static const struct {
		const char *text;
		int answer;
	} rows[] = {
		{"POST / HTTP/1.1\r\n" HOST "\r\n",                              -405},
		{"get / HTTP/1.1\r\n" HOST "\r\n",                               -405},
		{"GET / HTTP/2.0\r\n" HOST "\r\n",                               -505},
		{"GET / HTTP/1.1\r\n\r\n",                                       -400},
		{"GET / HTTP/1.1\r\n" HOST HOST "\r\n",                          -400},
		{"GET / HTTP/1.1\n" HOST "\r\n",                                 -400},
		{"GET / HTTP/1.1\r\nHost: lb1\n\r\n",                            -400},
		{"GET  / HTTP/1.1\r\n" HOST "\r\n",                              -400},
		{"GET /\r\n\r\n",						-400},
		{"GET / HTTX/1.1\r\n" HOST "\r\n",                               -400},
		{"GET / HTTP/1.1 \r\n" HOST "\r\n",                              -400},
		{"GET metrics HTTP/1.1\r\n" HOST "\r\n",                         -400},
		{"GET /a\tb HTTP/1.1\r\n" HOST "\r\n",                           -400},
		{"G\"T / HTTP/1.1\r\n" HOST "\r\n",                              -400},
		{"GET / HTTP/1.1\r\n" HOST "a b: c\r\n\r\n",                     -400},
		{"GET / HTTP/1.1\r\n" HOST "a : c\r\n\r\n",                      -400},
		{"GET / HTTP/1.1\r\n" HOST " folded\r\n\r\n",                    -400},
		{"GET / HTTP/1.1\r\n" HOST "no colon\r\n\r\n",                   -400},
		{"GET / HTTP/1.1\r\n" HOST "a: b\rc\r\n\r\n",                    -400},
		{"GET / HTTP/1.1\r\n" HOST "a: \x01\r\n\r\n",                    -400},
		{"GET / HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\n",          -400},
		{"GET / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n", -400},
		{"GET / HTTP/1.1\r\n" HOST "Transfer-Encoding: gzip\r\n\r\n",    -501},
		{"\r\n\r\nGET / HTTP/1.1\r\n" HOST "\r\n",                       -400},
		{"\x16\x03\x01\x02\x01\x01\r\n",                                 -400},
	};

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct request r;

		if (parse(rows[i].text, &r) != rows[i].answer)
			fail_msg("%s: %d", rows[i].text, parse(rows[i].text, &r));
	}
}

static void a_request_is_incomplete_at_every_byte_but_the_last(void **state)
{
	static const char text[] = "GET /metrics HTTP/1.1\r\n" HOST "Accept: */*\r\n\r\n";
	struct request r;

	for (size_t len = 0; len < strlen(text); len++)
		assert_int_equal(request_parse(text, len, &r), 0);
	assert_int_equal(request_parse(text, strlen(text), &r), strlen(text));
}

static void endless_requests_are_cut_off(void **state) /* F18 */
{
	static char text[REQUEST_HEAD_MAX + 1];
	struct request r;
	int len;

	memset(text, 'a', sizeof(text) - 1);
	memcpy(text, "GET /", 5);
	assert_int_equal(request_parse(text, REQUEST_LINE_MAX + 2, &r), -414);
	len = sprintf(text, "GET / HTTP/1.1\r\n" HOST);
	for (size_t at = len; at + 6 < sizeof(text); at += 6)
		memcpy(text + at, "a: b\r\n", 6);
	assert_int_equal(request_parse(text, sizeof(text) - 1, &r), -431);
	memset(text + len, 'a', sizeof(text) - len - 1);
	assert_int_equal(request_parse(text, sizeof(text) - 1, &r), -431);
}

/* Main's end, the web process' end and the clients, on one loop. */
struct stage {
	struct loop *loop;
	struct web_client *main;
	struct web_server *web;
	struct sockaddr_storage addr;
	socklen_t addr_len;
	unsigned int views;
	bool no_view, late, lost;
	struct timer guard;
};

static struct view *stage_view(void *arg)
{
	struct stage *s = arg;

	s->views++;
	return s->no_view ? NULL : sample_view();
}

static void stage_lost(void *arg)
{
	struct stage *s = arg;

	s->lost = true;
	loop_stop(s->loop);
}

static int open_listener(struct stage *s)
{
	struct addr loopback = sample_addr("127.0.0.1");
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	s->addr_len = addr_to_sockaddr(&loopback, 0, &s->addr);
	assert_int_equal(bind(fd, (struct sockaddr *)&s->addr, s->addr_len), 0);
	assert_int_equal(listen(fd, 256), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&s->addr, &s->addr_len), 0);
	return fd;
}

static int set_up(void **state)
{
	struct stage *s = xcalloc(1, sizeof(*s));
	struct web_client_events e = {.view = stage_view, .lost = stage_lost, .arg = s};
	int pair[2];

	s->loop = loop_new();
	assert_int_equal(channel_pair(pair), 0);
	s->main = web_client_new(s->loop, &e);
	assert_int_equal(web_client_connect(s->main, pair[0]), 0);
	assert_int_equal(web_server_new(&s->web, s->loop, pair[1], open_listener(s)), 0);
	*state = s;
	return 0;
}

static int tear_down(void **state)
{
	struct stage *s = *state;

	web_server_free(s->web);
	web_client_free(s->main);
	loop_free(s->loop);
	free(s);
	return 0;
}

struct client {
	struct stage *stage;
	struct watch watch;
	struct buf answer;
	bool ended;
};

static void client_ready(struct watch *w, unsigned int events)
{
	struct client *c = container_of(w, struct client, watch);
	char part[4096];
	ssize_t got = recv(w->fd, part, sizeof(part), MSG_DONTWAIT);

	if (got > 0)
		buf_append(&c->answer, part, got);
	else
		c->ended = true;
	loop_stop(c->stage->loop);
}

static void guard_fired(struct timer *t)
{
	struct stage *s = container_of(t, struct stage, guard);

	s->late = true;
	loop_stop(s->loop);
}

static void run(struct stage *s)
{
	s->guard.fn = guard_fired;
	timer_start(s->loop, &s->guard, 5000);
	assert_int_equal(loop_run(s->loop), 0);
	timer_stop(&s->guard);
	assert_false(s->late);
}

static int connect_to(const struct stage *s)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(connect(fd, (const struct sockaddr *)&s->addr, s->addr_len), 0);
	return fd;
}

static void client_open(struct client *c, struct stage *s, const char *request)
{
	*c = (struct client){.stage = s, .watch.fn = client_ready};
	c->watch.fd = connect_to(s);
	assert_int_equal(loop_watch(s->loop, &c->watch, c->watch.fd, LOOP_READ), 0);
	assert_int_equal(send(c->watch.fd, request, strlen(request), MSG_NOSIGNAL),
			 strlen(request));
}

static void client_close(struct client *c)
{
	loop_unwatch(&c->watch);
	close(c->watch.fd);
	buf_free(&c->answer);
}

/* Sends a request that ends its connection and waits for all of the answer. */
static void ask(struct stage *s, const char *request, struct client *c)
{
	client_open(c, s, request);
	while (!c->ended)
		run(s);
}

static const char *body_of(const struct client *c)
{
	const char *end = strstr(buf_text(&c->answer), "\r\n\r\n");

	assert_non_null(end);
	return end + 4;
}

static void assert_answer(struct stage *s, const char *request, const char *head, const char *body)
{
	struct client c;

	ask(s, request, &c);
	if (!strstr(buf_text(&c.answer), head) || !strstr(body_of(&c), body))
		fail_msg("%s: lacks %s or %s:\n%s", request, head, body, buf_text(&c.answer));
	client_close(&c);
}

static void every_page_is_served(void **state)
{
	assert_answer(*state, "GET / HTTP/1.0\r\n\r\n", "HTTP/1.1 200 OK\r\n", "/status.json");
	assert_answer(*state, "GET /metrics HTTP/1.0\r\n\r\n",
		      "Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n",
		      "lbxdp_build_info{version=\"0.1.0\",commit=\"abc1234\",");
	assert_answer(
		*state, "GET /metrics HTTP/1.0\r\nAccept: application/openmetrics-text\r\n\r\n",
		"Content-Type: application/openmetrics-text; version=1.0.0; charset=utf-8\r\n",
		"# EOF\n");
	assert_answer(*state, "GET /status.json HTTP/1.0\r\n\r\n",
		      "Content-Type: application/json\r\n", "\"CAS-HTTPS\"");
}

static void head_has_the_length_and_no_body(void **state)
{
	struct client get, head;
	char line[64];

	ask(*state, "GET /metrics HTTP/1.0\r\n\r\n", &get);
	ask(*state, "HEAD /metrics HTTP/1.0\r\n\r\n", &head);
	snprintf(line, sizeof(line), "Content-Length: %zu\r\n", strlen(body_of(&get)));
	assert_non_null(strstr(buf_text(&get.answer), line));
	assert_non_null(strstr(buf_text(&head.answer), line));
	assert_string_equal(body_of(&head), "");
	client_close(&get);
	client_close(&head);
}

static void what_is_no_read_of_a_page_gets_its_status(void **state) /* F15 */
{
	struct stage *s = *state;

	assert_answer(s, "GET /nothing HTTP/1.0\r\n\r\n", "HTTP/1.1 404 Not Found\r\n", "404");
	assert_answer(s, "POST / HTTP/1.1\r\n" HOST "Content-Length: 4\r\n\r\nhalt",
		      "Allow: GET, HEAD\r\n", "405");
	assert_answer(s, "DELETE /metrics HTTP/1.1\r\n" HOST "\r\n", "HTTP/1.1 405 ", "405");
	assert_answer(s, "hello\r\n\r\n", "HTTP/1.1 400 Bad Request\r\n", "400");
	assert_answer(s, "GET / HTTP/3.0\r\n\r\n", "HTTP/1.1 505 ", "505");
	assert_int_equal(s->views, 0);
}

static void an_endless_head_is_431_and_an_endless_line_414(void **state) /* F18 */
{
	static char text[REQUEST_HEAD_MAX + 64];

	memset(text, 'a', sizeof(text) - 1);
	memcpy(text, "GET /", 5);
	assert_answer(*state, text, "HTTP/1.1 414 ", "414");
	memcpy(text, "GET / HTTP/1.1\r\nx: ", 19);
	assert_answer(*state, text, "HTTP/1.1 431 ", "431");
}

static void a_connection_serves_several_requests_even_pipelined(void **state)
{
	struct client c;
	const char *second;

	ask(*state,
	    "GET /status.json HTTP/1.1\r\n" HOST "\r\nGET /none HTTP/1.1\r\n" HOST "\r\n"
	    "GET /metrics HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n",
	    &c);
	assert_non_null(strstr(buf_text(&c.answer), "Connection: keep-alive\r\n"));
	second = strstr(buf_text(&c.answer), "404 Not Found");
	assert_non_null(second);
	assert_non_null(strstr(second, "lbxdp_build_info"));
	assert_non_null(strstr(second, "Connection: close\r\n"));
	client_close(&c);
}

static void many_scrapers_cost_main_one_page(void **state) /* F15 */
{
	struct stage *s = *state;
	struct client c[20];

	for (size_t i = 0; i < ARRAY_COUNT(c); i++)
		client_open(&c[i], s, "GET /metrics HTTP/1.0\r\n\r\n");
	for (size_t i = 0; i < ARRAY_COUNT(c); i++) {
		while (!c[i].ended)
			run(s);
		assert_non_null(strstr(buf_text(&c[i].answer), "lbxdp_build_info"));
		client_close(&c[i]);
	}
	assert_in_range(s->views, 1, 2);
}

static void idle_connections_make_room_for_new_ones(void **state) /* F15 */
{
	struct stage *s = *state;
	int idle[WEB_CONNECTIONS_MAX * 2];

	for (size_t i = 0; i < ARRAY_COUNT(idle); i++)
		idle[i] = connect_to(s);
	assert_answer(s, "GET /metrics HTTP/1.0\r\n\r\n", "HTTP/1.1 200 ", "lbxdp_build_info");
	for (size_t i = 0; i < ARRAY_COUNT(idle); i++)
		close(idle[i]);
}

static void a_page_that_main_cannot_make_is_503(void **state)
{
	struct stage *s = *state;

	s->no_view = true;
	assert_answer(s, "GET /metrics HTTP/1.0\r\n\r\n", "HTTP/1.1 503 ", "503");
	s->no_view = false;
	assert_answer(s, "GET /metrics HTTP/1.0\r\n\r\n", "HTTP/1.1 200 ", "lbxdp_build_info");
}

static void main_outlives_the_web_process_and_takes_a_new_one(void **state)
{
	struct stage *s = *state;
	int pair[2];

	web_server_free(s->web);
	run(s);
	assert_true(s->lost);
	assert_int_equal(channel_pair(pair), 0);
	assert_int_equal(web_client_connect(s->main, pair[0]), 0);
	assert_int_equal(web_server_new(&s->web, s->loop, pair[1], open_listener(s)), 0);
	assert_answer(s, "GET /metrics HTTP/1.0\r\n\r\n", "HTTP/1.1 200 ", "lbxdp_build_info");
}

static void nonsense_on_the_channel_changes_nothing(void **state) /* F15 */
{
	struct stage *s = *state;
	struct web_question q = {.id = 1, .page = 4000};
	struct client c = {.stage = s, .watch.fn = client_ready};
	struct web_answer a;
	int pair[2];

	assert_int_equal(channel_pair(pair), 0);
	assert_int_equal(web_client_connect(s->main, pair[0]), 0);
	assert_int_equal(send(pair[1], "nonsense", 3, 0), 3);
	assert_int_equal(send(pair[1], &q, sizeof(q), 0), sizeof(q));
	assert_int_equal(loop_watch(s->loop, &c.watch, pair[1], LOOP_READ), 0);
	while (c.answer.len < sizeof(a))
		run(s); /* the end of the old channel stops it once, too */
	memcpy(&a, c.answer.at, sizeof(a));
	assert_int_equal(a.error, -EINVAL);
	assert_int_equal(s->views, 0);
	client_close(&c);
}

int main(void)
{
#define ON_STAGE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(well_formed_requests_are_understood),
		cmocka_unit_test(malformed_requests_are_refused),
		cmocka_unit_test(a_request_is_incomplete_at_every_byte_but_the_last),
		cmocka_unit_test(endless_requests_are_cut_off),
		ON_STAGE(every_page_is_served),
		ON_STAGE(head_has_the_length_and_no_body),
		ON_STAGE(what_is_no_read_of_a_page_gets_its_status),
		ON_STAGE(an_endless_head_is_431_and_an_endless_line_414),
		ON_STAGE(a_connection_serves_several_requests_even_pipelined),
		ON_STAGE(many_scrapers_cost_main_one_page),
		ON_STAGE(idle_connections_make_room_for_new_ones),
		ON_STAGE(a_page_that_main_cannot_make_is_503),
		ON_STAGE(main_outlives_the_web_process_and_takes_a_new_one),
		ON_STAGE(nonsense_on_the_channel_changes_nothing),
	};
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	log_open("test", LOG_STYLE_PLAIN, null);
	return cmocka_run_group_tests_name("web", tests, NULL, NULL);
}
