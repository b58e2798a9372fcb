/* SPDX-License-Identifier: GPL-2.0-only */
/* What goes wrong in l7-http: refusals, servers that are gone or slow, retries, clients that leave.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <malloc.h>

#include "http_lab.h"

#define CLOSES "\r\nConnection: close\r\n\r\n"

#define ASK_POST "POST / HTTP/1.1\r\nHost: a\r\n"

/* clang-format off */
#define REFUSED(X)                                                                              \
	X("400 Bad Request", "GET / HTTP/1.1\r\n\r\n")                                            \
	X("400 Bad Request", "GET /\r\n\r\n")                                                     \
	X("400 Bad Request", ASK_POST "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n")  \
	X("400 Bad Request", ASK_POST "Transfer-Encoding: chunked\r\n\r\nzz\r\n")                 \
	X("505 HTTP Version Not Supported", "GET / HTTP/2.0\r\nHost: a\r\n\r\n")                 \
	X("501 Not Implemented", ASK_POST "Transfer-Encoding: gzip\r\n\r\n")
/* clang-format on */

static const struct {
	const char *status, *ask;
} refused[] = {
#define REFUSAL(...) {__VA_ARGS__},
	REFUSED(REFUSAL)
#undef REFUSAL
};

/* F16 */
static void what_two_readers_could_take_for_two_things_is_refused(void **state)
{
	const size_t count = sizeof(refused) / sizeof(*refused);

	for (size_t i = 0; i < count; i++) {
		int client = dial_from(&front);
		char line[100];

		say(client, refused[i].ask);
		say(client, "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n");
		read_all(client);
		snprintf(line, sizeof(line), "HTTP/1.1 %s\r\n", refused[i].status);
		if (!begins_with(read_text, line))
			fail_msg("%s: %s", refused[i].ask, read_text);
		assert_non_null(strstr(read_text, CLOSES));
		assert_non_null(strstr(read_text, "X-Request-Id: "));
		assert_null(strstr(read_text + 1, "HTTP/1.1 4"));
		close(client);
		until(!engine_sessions(engine));
	}
	assert_false(accepts(listening[0]));
	assert_int_equal(shared->service[SERVICE].bad_requests, count);
	assert_int_equal(shared->service[SERVICE].answers[4] + shared->service[SERVICE].answers[5],
			 count);
}

static void a_chunk_that_breaks_later_is_refused_and_the_server_dropped(void **state)
{
	static const char head[] =
		"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n";
	int client = dial_from(&front), server;

	say(client, head);
	server = take_session(listening[0]);
	assert_reads(server, head);
	say(client, "-1\r\nGET / HTTP/1.1\r\n");
	read_all(client);
	assert_true(begins_with(read_text, "HTTP/1.1 400 "));
	assert_reset(server);
	close(client);
	close(server);
}

static void say_authorization(int client, size_t len)
{
	static char head[70000];
	int n = snprintf(head, sizeof(head),
			 "GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Negotiate ");

	memset(head + n, 'Y', len);
	strcpy(head + n + len, "\r\n\r\n");
	for (size_t at = 0; at < n + len + 4;) {
		ssize_t sent = send(client, head + at, n + len + 4 - at, MSG_NOSIGNAL);

		at += sent > 0 ? sent : 0;
		turn_for(0);
	}
}

static void limit_bodies(uint32_t bytes)
{
	settings.max_body = bytes;
	order_service();
}

/* Content-Length, a first chunk, a second: the end of what a refusal says. */
static void a_body_above_the_limit_is_a_413_before_a_server_is_chosen(void **state)
{
	static const char *const asks[] = {
		ASK_POST "Content-Length: 11\r\n\r\n",
		ASK_POST "Content-Length: 11\r\n\r\n0123456789x",
		ASK_POST "Content-Length: 11\r\nExpect: 100-continue\r\n\r\n",
		ASK_POST "Transfer-Encoding: chunked\r\n\r\nb\r\n",
		ASK_POST "Transfer-Encoding: chunked\r\n\r\na\r\n0123456789\r\n1\r\n",
	};
	const size_t count = sizeof(asks) / sizeof(*asks);

	limit_bodies(10);
	for (size_t i = 0; i < count; i++) {
		int client = dial_from(&front);

		say(client, asks[i]);
		read_all(client);
		assert_true(begins_with(read_text, "HTTP/1.1 413 Content Too Large\r\n"));
		assert_non_null(strstr(read_text, CLOSES));
		assert_non_null(strstr(read_text, "10 bytes that max_body allows"));
		close(client);
		until(!engine_sessions(engine));
	}
	assert_false(accepts(listening[0]));
	assert_int_equal(shared->service[SERVICE].bad_requests, count);
	assert_int_equal(shared->service[SERVICE].answers[4], count);
}

static void a_body_that_passes_the_limit_later_costs_the_server_connection(void **state)
{
	int client, server;

	limit_bodies(10);
	client = dial_from(&front);
	say(client, ASK_POST "Transfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n");
	server = take_session(listening[0]);
	assert_reads(server, ASK_POST "Transfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n");
	say(client, "7\r\nand more");
	assert_reset(server);
	read_all(client);
	assert_true(begins_with(read_text, "HTTP/1.1 413 "));
	assert_int_equal(shared->service[SERVICE].bad_requests, 1);
	close(client);
	close(server);
}

/* What the server answered before stands; more than its beginning nobody gets. */
static void an_answer_that_has_begun_ends_with_the_body_that_is_too_long(void **state)
{
	static const char begun[] = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi";
	int client, server;

	limit_bodies(10);
	client = dial_from(&front);
	say(client, ASK_POST "Transfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n");
	server = take_session(listening[0]);
	say(server, begun);
	assert_reads(client, begun);
	say(client, "7\r\nand more");
	read_all(client);
	assert_string_equal(read_text, "");
	until(!engine_sessions(engine));
	assert_int_equal(shared->service[SERVICE].bad_requests, 1);
	close(client);
	close(server);
}

/* Outlook Anywhere announces a gigabyte for each half. */
static void outlook_anywhere_has_no_limit(void **state)
{
	static const char ask[] = "RPC_IN_DATA /rpc HTTP/1.1\r\nHost: a\r\n"
				  "Content-Length: 1073741824\r\n\r\nmore than ten bytes";
	int client, server;

	limit_bodies(10);
	client = dial_from(&front);
	say(client, ask);
	server = take_session(listening[0]);
	assert_reads(server, ask);
	close(client);
	close(server);
}

static void a_body_within_the_limit_passes(void **state)
{
	static const char chunked[] = ASK_POST "Transfer-Encoding: chunked\r\n\r\n"
					       "4\r\nbody\r\n6\r\nbodies\r\n0\r\n\r\n";
	static const char whole[] = ASK_POST "Content-Length: 10\r\n\r\n0123456789";
	int client, server;

	limit_bodies(10);
	client = dial_from(&front);
	say(client, chunked);
	server = take_session(listening[0]);
	assert_reads(server, chunked);
	say(server, OK_2);
	assert_reads(client, OK_2);
	say(client, whole); /* each request has its own */
	assert_reads(server, whole);
	close(client);
	close(server);
}

/* R55 */
static void a_kerberos_ticket_of_40_KB_passes_where_the_buffer_is_larger(void **state)
{
	int client = dial_from(&front), server;

	say_authorization(client, 40000);
	read_all(client);
	assert_true(begins_with(read_text, "HTTP/1.1 431 Request Header Fields Too Large\r\n"));
	assert_non_null(strstr(read_text, "16384 bytes that request_buffer"));
	assert_int_equal(shared->service[SERVICE].bad_requests, 1);
	close(client);
	settings.request_buffer = 51200;
	order_service();
	client = dial_from(&front);
	say_authorization(client, 40000);
	server = take_session(listening[0]);
	read_len = 0;
	until(has_read(server, 40054));
	assert_true(begins_with(read_text, "GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Nego"));
	assert_memory_equal(read_text + read_len - 6, "YY\r\n\r\n", 6);
	say(server, OK_2);
	assert_reads(client, OK_2);
	close(client);
	close(server);
}

static void a_head_that_does_not_end_meets_the_limit(void **state)
{
	int client = dial_from(&front);

	settings.request_buffer = 2000;
	order_service();
	close(client);
	client = dial_from(&front);
	say(client, "GET / HTTP/1.1\r\nHost: a\r\n");
	for (int i = 0; i < 400; i++) {
		if (send(client, "X-Filler: 1\r\n", 13, MSG_NOSIGNAL) < 0)
			break;
		turn_for(0);
	}
	read_all(client);
	assert_true(begins_with(read_text, "HTTP/1.1 431 "));
	assert_non_null(strstr(read_text, "2000 bytes"));
	close(client);
}

/* F17 */
static void a_slow_head_gets_408_but_silence_nothing(void **state)
{
	int slow, silent;

	settings.request = 60;
	order_service();
	slow = dial_from(&front);
	silent = dial_from(&front);
	say(slow, "GET / HTTP/1.1\r\n");
	read_all(slow);
	assert_true(begins_with(read_text, "HTTP/1.1 408 Request Timeout\r\n"));
	assert_end(silent);
	assert_int_equal(shared->service[SERVICE].timeouts, 1);
	close(slow);
	close(silent);
}

static void an_idle_client_is_closed_without_a_word(void **state)
{
	int client, server;

	settings.client = 60;
	order_service();
	client = dial_from(&front);
	say(client, GET);
	server = take_session(listening[0]);
	assert_reads(server, GET);
	say(server, OK_2);
	assert_reads(client, OK_2);
	assert_end(client);
	assert_int_equal(shared->service[SERVICE].timeouts, 0);
	close(client);
	close(server);
}

/* F17: however often a byte comes. */
static void a_slow_body_gets_408(void **state)
{
	int client, server;

	settings.request = 100;
	order_service();
	client = dial_from(&front);
	say(client, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n");
	server = take_session(listening[0]);
	until((send(client, "x", 1, MSG_NOSIGNAL), turn_for(10), gets_something(client)));
	assert_true(begins_with(got, "HTTP/1.1 408 "));
	close(client);
	close(server);
}

static void outlook_anywhere_may_be_as_slow_as_it_likes(void **state)
{
	int client, server;

	settings.request = 50;
	order_service();
	client = dial_from(&front);
	say(client, "RPC_IN_DATA / HTTP/1.1\r\nHost: a\r\nContent-Length: 1073741824\r\n\r\n");
	server = take_session(listening[0]);
	turn_for(300);
	assert_false(gets_something(client));
	say(client, "pdu");
	until(has_read(server, 70) && gets_something(server));
	close(client);
	close(server);
}

static void a_body_that_stops_gets_408(void **state)
{
	int client, server;

	settings.client = 60;
	order_service();
	client = dial_from(&front);
	say(client, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nsome");
	server = take_session(listening[0]);
	read_all(client);
	assert_true(begins_with(read_text, "HTTP/1.1 408 "));
	assert_int_equal(shared->service[SERVICE].timeouts, 1);
	close(client);
	close(server);
}

static void a_server_that_does_not_answer_is_a_504(void **state)
{
	int client, server;

	settings.server = 60;
	order_service();
	client = dial_from(&front);
	say(client, GET);
	server = take_session(listening[0]);
	read_all(client);
	assert_true(begins_with(read_text, "HTTP/1.1 504 Gateway Timeout\r\n"));
	assert_int_equal(shared->service[SERVICE].timeouts, 1);
	close(client);
	close(server);
}

static void an_answer_that_stops_ends_the_connection(void **state)
{
	int client, server;

	settings.server = 60;
	order_service();
	client = dial_from(&front);
	say(client, GET);
	server = take_session(listening[0]);
	say(server, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
	assert_reads(client, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
	assert_end(client);
	close(client);
	close(server);
}

static void without_a_usable_real_there_is_a_503(void **state)
{
	int client;

	order_named_real(0, 0);
	client = dial_from(&front);
	say(client, POST);
	read_all(client);
	assert_true(begins_with(read_text, "HTTP/1.1 503 Service Unavailable\r\n"));
	assert_int_equal(shared->service[SERVICE].refused, 1);
	assert_int_equal(shared->service[SERVICE].answers[5], 1);
	close(client);
	client = dial_from(&front);
	say(client, "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
	read_all(client);
	assert_true(begins_with(read_text, "HTTP/1.1 503 Service Unavailable\r\n"));
	assert_string_equal(read_text + read_len - 4, "\r\n\r\n");
	close(client);
}

static void reals_that_refuse_are_a_503_in_the_end(void **state)
{
	int client;

	settings.connect = 20;
	order_service();
	close(listening[0]);
	client = dial_from(&front);
	say(client, POST);
	read_all(client);
	assert_true(begins_with(read_text, "HTTP/1.1 503 "));
	assert_int_equal(shared->service[SERVICE].connect_errors, 3);
	listening[0] = listen_at("127.0.0.1", &port[0]);
	close(client);
}

static void a_request_goes_to_the_real_that_accepts(void **state)
{
	int client, server;

	close(listening[0]);
	order_named_real(1, USABLE);
	for (int i = 0; i < 2; i++) {
		client = dial_from(&front);
		say(client, POST);
		server = take_session(listening[1]);
		assert_reads(server, POST);
		say(server, OK_2);
		assert_reads(client, OK_2);
		close(client);
		close(server);
	}
	assert_int_equal(shared->service[SERVICE].redispatches, 1);
	listening[0] = listen_at("127.0.0.1", &port[0]);
}

#define SWITCHING "HTTP/1.1 101 OK\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n"

static const struct {
	const char *what, *answer;
} wrong[] = {
	{"no HTTP",     "SSH-2.0-OpenSSH\r\n\r\n"                                            },
	{"nothing",     ""								   },
	{"half a head", "HTTP/1.1 200 OK\r\nContent-"                                        },
	{"two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"},
	{"101 unasked", SWITCHING							    },
	{"a bad chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz"           },
};

static void an_answer_that_is_not_http_is_a_502(void **state)
{
	const size_t count = sizeof(wrong) / sizeof(*wrong);

	for (size_t i = 0; i < count; i++) {
		int client = dial_from(&front), server;

		print_message("%s\n", wrong[i].what);
		say(client, POST);
		server = take_session(listening[0]);
		assert_reads(server, POST);
		say(server, wrong[i].answer);
		close(server);
		read_all(client);
		assert_true(begins_with(read_text, "HTTP/1.1 502 Bad Gateway\r\n"));
		close(client);
		until(!engine_sessions(engine));
	}
	assert_int_equal(shared->service[SERVICE].response_errors, count);
	assert_int_equal(shared->real[R1].response_errors, count);
}

static void an_answer_head_without_end_is_a_502(void **state)
{
	int client = dial_from(&front), server;

	say(client, GET);
	server = take_session(listening[0]);
	say(server, "HTTP/1.1 200 OK\r\n");
	for (int i = 0; i < 8000; i++) {
		if (send(server, "X-Filler: 1\r\n", 13, MSG_NOSIGNAL) < 0)
			break;
		turn_for(0);
	}
	read_all(client);
	assert_true(begins_with(read_text, "HTTP/1.1 502 "));
	close(client);
	close(server);
}

static void a_get_is_asked_again_when_its_kept_connection_dies(void **state)
{
	int server, client = kept(&server);

	say(client, GET);
	assert_reads(server, GET);
	close(server);
	server = take_session(listening[0]);
	assert_reads(server, GET);
	say(server, OK_2);
	assert_reads(client, OK_2);
	assert_int_equal(shared->service[SERVICE].retries, 1);
	assert_int_equal(shared->service[SERVICE].response_errors, 0);
	close(client);
	close(server);
}

static void a_post_is_not_asked_again(void **state)
{
	int server, client = kept(&server);

	say(client, POST);
	assert_reads(server, POST);
	close(server);
	read_all(client);
	assert_true(begins_with(read_text, "HTTP/1.1 502 "));
	assert_false(accepts(listening[0]));
	close(client);
}

static void a_post_meets_no_connection_that_its_server_has_closed(void **state)
{
	int server, client = kept(&server);

	say(client, POST); /* both are there when the engine looks */
	close(server);
	server = take_session(listening[0]);
	assert_reads(server, POST);
	say(server, OK_2);
	assert_reads(client, OK_2);
	close(client);
	close(server);
}

static void an_answer_that_has_begun_is_not_asked_for_again(void **state)
{
	int server, client = kept(&server);

	say(client, GET);
	assert_reads(server, GET);
	say(server, "HTTP/1.1 100 Continue\r\n\r\n");
	assert_reads(client, "HTTP/1.1 100 Continue\r\n\r\n");
	close(server);
	read_all(client);
	assert_true(begins_with(read_text, "HTTP/1.1 502 "));
	assert_false(accepts(listening[0]));
	close(client);
}

static void a_get_that_kills_its_server_is_asked_once_more_and_elsewhere(void **state)
{
	int client = dial_from(&front), server;

	order_named_real(1, USABLE);
	say(client, GET);
	for (int i = 0; i < 2; i++) {
		until(accepts(listening[0]) || accepts(listening[1]));
		server = accepted;
		assert_reads(server, GET);
		close(server);
	}
	read_all(client);
	assert_true(begins_with(read_text, "HTTP/1.1 502 "));
	assert_int_equal(shared->real[R1].requests + shared->real[R2].sessions, 2);
	assert_int_equal(shared->service[SERVICE].redispatches, 1);
	close(client);
}

static void a_client_that_resets_takes_the_server_along_in_every_state(void **state)
{
	static const char *const said[] = {"", "GET / HT", POST,
					   ("POST / HTTP/1.1\r\nHost: a\r\n"
					    "Content-Length: 9\r\n\r\nx")};
	static const char *const answered[] = {NULL, "", "HTTP/1.1 100 Continue\r\n\r\n",
					       "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx"};

	for (int i = 0; i < 16; i++) {
		const char *ask = said[i / 4], *answer = answered[i % 4];
		int client = dial_from(&front), server = -1;

		say(client, ask);
		if (i / 4 >= 2 && answer) {
			server = take_session(listening[0]);
			say(server, answer);
			turn_for(1);
		} else {
			turn_for(0);
		}
		hang_up(client, true);
		until(!engine_sessions(engine));
		if (server >= 0) {
			until(gets_something(server) && got_len <= 0);
			close(server);
		}
		while (accepts(listening[0]))
			close(accepted);
	}
	assert_int_equal(shared->real_current[1][R1], 0);
}

static void a_client_that_has_sent_its_last_byte_still_gets_its_answer(void **state)
{
	int client = dial_from(&front), server;

	say(client, GET);
	shutdown(client, SHUT_WR);
	server = take_session(listening[0]);
	assert_reads(server, GET);
	say(server, OK_2);
	assert_reads(client, OK_2);
	assert_end(client);
	close(client);
	close(server);
	until(!engine_sessions(engine));
}

static void halt_resets_who_waits_for_that_real(void **state)
{
	int client = dial_from(&front), server;

	say(client, GET);
	server = take_session(listening[0]);
	assert_reads(server, GET);
	order_named_real(0, PROXY_REAL_RESET);
	assert_reset(client);
	assert_reset(server);
	close(client);
	close(server);
}

/* What nginx is blamed for: a reload that closes what a request is just coming on. */
static void a_service_that_goes_says_so_with_its_next_answer(void **state)
{
	int server, client = kept(&server);

	order(PROXY_ORDER_LISTEN_GONE, 0, &front, sizeof(front));
	order(PROXY_ORDER_SERVICE_GONE, SERVICE, NULL, 0);
	say(client, GET);
	assert_reads(server, GET);
	say(server, OK_2);
	assert_reads(client, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi");
	assert_end(client);
	close(client);
	close(server);
	until(!engine_sessions(engine));
}

static void one_of_each(int i)
{
	int server = -1, client = dial_from(&front);

	say(client, i % 5 == 4 ? "GET / HTTP/3\r\n\r\n" : i % 2 ? GET GET : POST);
	if (i % 5 == 4) {
		read_all(client);
		close(client);
		return;
	}
	until(accepts(listening[0]));
	server = accepted;
	if (i % 3) /* it may be one that was retried, and whose client is gone by now */
		(void)send(server, OK_2, i % 3 == 1 ? strlen(OK_2) : 20, MSG_NOSIGNAL);
	turn_for(0);
	hang_up(i % 7 < 3 ? client : server, i % 11 < 6);
	turn_for(0);
	close(i % 7 < 3 ? server : client);
}

static void all_of_them(void)
{
	for (int i = 0; i < 1155; i++)
		one_of_each(i);
	order_named_real(0, PROXY_REAL_RESET); /* and what waits for an answer ends, too */
	while (accepts(listening[0]))
		close(accepted);
	until(!engine_sessions(engine));
	order_named_real(0, USABLE);
	turn_for(0);
}

/* F37 */
static void a_thousand_broken_exchanges_leave_descriptors_and_memory_as_they_were(void **state)
{
	size_t before;
	int fds;

	settings.connect = 50;
	order_service();
	all_of_them();
	before = mallinfo2().uordblks;
	fds = open_fds();
	all_of_them();
	assert_int_equal(open_fds(), fds);
	/* The allocator keeps some chunks of each size for the next; 15 bytes an exchange. */
	assert_true(mallinfo2().uordblks <= before + (size_t)15 * 1155);
	assert_int_equal(shared->real_current[1][R1], 0);
}

#define in_lab(test) cmocka_unit_test_setup_teardown(test, http_up, http_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_lab(what_two_readers_could_take_for_two_things_is_refused),
		in_lab(a_chunk_that_breaks_later_is_refused_and_the_server_dropped),
		in_lab(a_body_above_the_limit_is_a_413_before_a_server_is_chosen),
		in_lab(a_body_that_passes_the_limit_later_costs_the_server_connection),
		in_lab(an_answer_that_has_begun_ends_with_the_body_that_is_too_long),
		in_lab(outlook_anywhere_has_no_limit),
		in_lab(a_body_within_the_limit_passes),
		in_lab(a_kerberos_ticket_of_40_KB_passes_where_the_buffer_is_larger),
		in_lab(a_head_that_does_not_end_meets_the_limit),
		in_lab(a_slow_head_gets_408_but_silence_nothing),
		in_lab(an_idle_client_is_closed_without_a_word),
		in_lab(a_slow_body_gets_408),
		in_lab(outlook_anywhere_may_be_as_slow_as_it_likes),
		in_lab(a_body_that_stops_gets_408),
		in_lab(a_server_that_does_not_answer_is_a_504),
		in_lab(an_answer_that_stops_ends_the_connection),
		in_lab(without_a_usable_real_there_is_a_503),
		in_lab(reals_that_refuse_are_a_503_in_the_end),
		in_lab(a_request_goes_to_the_real_that_accepts),
		in_lab(an_answer_that_is_not_http_is_a_502),
		in_lab(an_answer_head_without_end_is_a_502),
		in_lab(a_get_is_asked_again_when_its_kept_connection_dies),
		in_lab(a_post_is_not_asked_again),
		in_lab(a_post_meets_no_connection_that_its_server_has_closed),
		in_lab(an_answer_that_has_begun_is_not_asked_for_again),
		in_lab(a_get_that_kills_its_server_is_asked_once_more_and_elsewhere),
		in_lab(a_client_that_resets_takes_the_server_along_in_every_state),
		in_lab(a_client_that_has_sent_its_last_byte_still_gets_its_answer),
		in_lab(halt_resets_who_waits_for_that_real),
		in_lab(a_service_that_goes_says_so_with_its_next_answer),
		in_lab(a_thousand_broken_exchanges_leave_descriptors_and_memory_as_they_were),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
