/* SPDX-License-Identifier: GPL-2.0-only */
/* Exchanges of l7-http from end to end over loopback, whole and byte by byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "http_lab.h"

#define HEAD_CHUNKED "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
#define CHUNKS       "5;x=1\r\nhello\r\n0\r\nX-Sum: 5\r\n\r\n"

#define CLOSED "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi"

/* What is asked, what of it the server sees (NULL: all), what it answers, what of it the client
 * sees, and whether the client's connection ends then. */
/* clang-format off */
#define EXCHANGES(X)                                                                            \
	X("a length",                                                                           \
	  GET,                                                                                  \
	  NULL,                                                                                 \
	  OK_2,                                                                                 \
	  NULL, false)                                                                          \
	X("a body",                                                                             \
	  POST,                                                                                 \
	  NULL,                                                                                 \
	  OK_2,                                                                                 \
	  NULL, false)                                                                          \
	X("empty lines first",                                                                  \
	  "\r\n" GET,                                                                           \
	  GET,                                                                                  \
	  OK_2,                                                                                 \
	  NULL, false)                                                                          \
	X("chunks both ways",                                                                   \
	  "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" CHUNKS,            \
	  NULL,                                                                                 \
	  HEAD_CHUNKED CHUNKS,                                                                  \
	  NULL, false)                                                                          \
	X("HEAD",                                                                               \
	  "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n",                                                 \
	  NULL,                                                                                 \
	  "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n",                                      \
	  NULL, false)                                                                          \
	X("204",                                                                                \
	  GET,                                                                                  \
	  NULL,                                                                                 \
	  "HTTP/1.1 204 No Content\r\n\r\n",                                                    \
	  NULL, false)                                                                          \
	X("304",                                                                                \
	  GET,                                                                                  \
	  NULL,                                                                                 \
	  "HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n",                             \
	  NULL, false)                                                                          \
	X("interim answers",                                                                    \
	  GET,                                                                                  \
	  NULL,                                                                                 \
	  "HTTP/1.1 102 Processing\r\n\r\n" "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" OK_2, \
	  NULL, false)                                                                          \
	X("names in their case and order, unknown methods",                                     \
	  "PROPPATCH /x HTTP/1.1\r\nhOsT: a\r\nX-RequestType: PING\r\nx-b: 1\r\n\r\n",          \
	  NULL,                                                                                 \
	  "HTTP/1.1 200 OK\r\nX-ResponseCode: 0\r\ncontent-LENGTH: 0\r\n\r\n",                  \
	  NULL, false)                                                                          \
	X("the absolute form",                                                                  \
	  "GET http://b/x?y HTTP/1.1\r\nHost: a\r\n\r\n",                                       \
	  "GET /x?y HTTP/1.1\r\nHost: b\r\n\r\n",                                               \
	  OK_2,                                                                                 \
	  NULL, false)                                                                          \
	X("a client that closes",                                                               \
	  "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",                             \
	  GET,                                                                                  \
	  OK_2,                                                                                 \
	  CLOSED, true)                                                                         \
	X("HTTP/1.0",                                                                           \
	  "GET / HTTP/1.0\r\n\r\n",                                                             \
	  "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",                                   \
	  OK_2,                                                                                 \
	  CLOSED, true)                                                                         \
	X("HTTP/1.0 with keep-alive, which gets no interim answers",                            \
	  "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",                                   \
	  NULL,                                                                                 \
	  "HTTP/1.1 102 Processing\r\n\r\n" OK_2,                                               \
	  "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n" "Connection: keep-alive\r\n\r\nhi", false) \
	X("a server that closes",                                                               \
	  GET,                                                                                  \
	  NULL,                                                                                 \
	  "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi",                \
	  OK_2, false)
/* clang-format on */

static const struct exchange {
	const char *what, *ask, *server_sees, *answer, *client_sees;
	bool ends;
} exchanges[] = {
#define EXCHANGE(...) {__VA_ARGS__},
	EXCHANGES(EXCHANGE)
#undef EXCHANGE
};

static void exchange(int client, const struct exchange *x, size_t piece)
{
	int server;

	say_in_pieces(client, x->ask, piece);
	server = take_session(listening[0]);
	assert_reads(server, x->server_sees ? x->server_sees : x->ask);
	say_in_pieces(server, x->answer, piece);
	assert_reads(client, x->client_sees ? x->client_sees : x->answer);
	close(server);
	if (x->ends)
		assert_end(client);
	else
		assert_silent(client);
}

static void messages_pass_whole_and_byte_by_byte(void **state)
{
	for (size_t piece = 1; piece < 5000; piece *= 70) {
		for (size_t i = 0; i < sizeof(exchanges) / sizeof(*exchanges); i++) {
			int client = dial_from(&front);

			print_message("%s, %zu bytes at a time\n", exchanges[i].what, piece);
			exchange(client, &exchanges[i], piece);
			close(client);
			until(!engine_sessions(engine));
		}
	}
	assert_int_equal(shared->service[SERVICE].response_errors, 0);
	assert_int_equal(shared->service[SERVICE].client_aborts, 0);
	assert_int_equal(shared->service[SERVICE].bad_requests, 0);
}

static void both_sides_are_kept_alive_and_the_server_serves_the_next_client(void **state)
{
	int server, client = kept(&server);

	for (int i = 0; i < 3; i++) {
		say(client, GET);
		assert_reads(server, GET);
		say(server, OK_2);
		assert_reads(client, OK_2);
	}
	close(client);
	client = dial_from(&front);
	say(client, GET);
	assert_reads(server, GET);
	say(server, OK_2);
	assert_reads(client, OK_2);
	assert_false(accepts(listening[0]));
	assert_int_equal(shared->service[SERVICE].requests, 5);
	assert_int_equal(shared->service[SERVICE].reused, 4);
	assert_int_equal(shared->service[SERVICE].answers[2], 5);
	assert_int_equal(shared->real[R1].requests, 5);
	assert_int_equal(shared->real[R1].answers[2], 5);
	assert_int_equal(shared->real[R1].bytes_in, 5 * strlen(GET));
	assert_int_equal(shared->service[SERVICE].bytes_in, 5 * strlen(GET));
	assert_int_equal(shared->service[SERVICE].bytes_out, 5 * strlen(OK_2));
	assert_int_equal(shared->real_current[1][R1], 0);
	close(client);
	close(server);
}

static void pipelined_requests_are_answered_in_order(void **state)
{
	int client = dial_from(&front), server;

	say(client, POST GET GET);
	server = take_session(listening[0]);
	assert_reads(server, POST);
	assert_silent(server);
	say(server, OK_2);
	assert_reads(server, GET);
	assert_silent(server);
	say(server, OK_2);
	assert_reads(server, GET);
	say(server, OK_2);
	assert_reads(client, OK_2 OK_2 OK_2);
	close(client);
	close(server);
}

static void requests_of_one_client_take_turns_among_reals(void **state)
{
	int client = dial_from(&front), server[2];

	order_named_real(1, USABLE);
	for (int i = 0; i < 2; i++) {
		say(client, GET);
		until(accepts(listening[0]) || accepts(listening[1]));
		server[i] = accepted;
		assert_reads(server[i], GET);
		say(server[i], OK_2);
		assert_reads(client, OK_2);
	}
	assert_int_equal(shared->real[R1].requests, 1);
	assert_int_equal(shared->real[R2].requests, 1);
	close(client);
	close(server[0]);
	close(server[1]);
}

/* The client's word has come, but nobody has heard of it when the connection is closed. */
static void the_last_answer_reaches_a_client_that_said_more_behind_its_request(void **state)
{
	int client = dial_from(&front), server;

	say(client, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
	server = take_session(listening[0]);
	assert_reads(server, GET);
	say(server, OK_2);
	say(client, "\r\n");
	assert_reads(client, CLOSED);
	close(client);
	close(server);
}

static void a_body_without_a_length_ends_with_its_connection(void **state)
{
	int client = dial_from(&front), server;

	say(client, GET);
	server = take_session(listening[0]);
	assert_reads(server, GET);
	say(server, "HTTP/1.1 200 OK\r\n\r\nsome");
	assert_reads(client, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nsome");
	say(server, " more");
	assert_reads(client, " more");
	close(server);
	assert_end(client);
	close(client);
	until(!engine_sessions(engine));
	assert_int_equal(shared->service[SERVICE].response_errors, 0);
}

#define EXPECT "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n"

static void who_expects_a_100_gets_it_and_sends_on(void **state)
{
	int client = dial_from(&front), server;

	say(client, EXPECT);
	server = take_session(listening[0]);
	assert_reads(server, EXPECT);
	assert_silent(client);
	say(server, "HTTP/1.1 100 Continue\r\n\r\n");
	assert_reads(client, "HTTP/1.1 100 Continue\r\n\r\n");
	say(client, "body");
	assert_reads(server, "body");
	say(server, OK_2);
	assert_reads(client, OK_2);
	say(client, GET);
	assert_reads(server, GET);
	close(client);
	close(server);
}

static void who_does_not_wait_for_the_100_gets_it_all_the_same(void **state)
{
	int client = dial_from(&front), server;

	say(client, EXPECT "body");
	server = take_session(listening[0]);
	assert_reads(server, EXPECT "body");
	say(server, "HTTP/1.1 100 Continue\r\n\r\n" OK_2);
	assert_reads(client, "HTTP/1.1 100 Continue\r\n\r\n" OK_2);
	say(client, GET);
	assert_reads(server, GET);
	close(client);
	close(server);
}

static void a_final_answer_instead_of_the_100_passes_and_the_body_may_follow(void **state)
{
	int client = dial_from(&front), server;

	say(client, EXPECT);
	server = take_session(listening[0]);
	assert_reads(server, EXPECT);
	say(server, OK_2);
	assert_reads(client, OK_2);
	say(client, "body");
	assert_reads(server, "body");
	say(client, GET);
	assert_reads(server, GET);
	say(server, OK_2);
	assert_reads(client, OK_2);
	close(client);
	close(server);
}

static void a_final_answer_instead_of_the_100_that_closes_closes(void **state)
{
	int client = dial_from(&front), server;

	say(client, EXPECT);
	server = take_session(listening[0]);
	assert_reads(server, EXPECT);
	say(server, "HTTP/1.1 417 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
	assert_reads(client, "HTTP/1.1 417 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
	assert_end(client);
	assert_end(server);
	close(client);
	close(server);
	until(!engine_sessions(engine));
}

static void a_client_that_leaves_instead_of_sending_on_takes_the_server_along(void **state)
{
	int client = dial_from(&front), server;

	say(client, EXPECT);
	server = take_session(listening[0]);
	assert_reads(server, EXPECT);
	close(client);
	assert_end(server);
	close(server);
	assert_int_equal(engine_sessions(engine), 0);
	assert_int_equal(shared->service[SERVICE].client_aborts, 1);
}

/* The server reads no more, says so, and closes: the client gets the answer, and then the end. */
static void an_early_answer_reaches_a_client_that_is_still_sending(void **state)
{
	int client = dial_from(&front), server;

	say(client, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\nbegin");
	server = take_session(listening[0]);
	assert_reads(server,
		     "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\nbegin");
	say(server, "HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno");
	close(server);
	for (int i = 0; i < 50; i++) {
		say(client, "and more of it");
		turn_for(0);
	}
	assert_reads(client,
		     "HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno");
	assert_end(client);
	close(client);
	until(!engine_sessions(engine));
}

/* Outlook Anywhere: MS-RPCH 2.1.2.1. */
static void rpc_in_data_streams_a_gigabyte_that_never_comes(void **state)
{
	static const char ask[] = "RPC_IN_DATA /rpc/rpcproxy.dll?cas:6001 HTTP/1.1\r\nHost: a\r\n"
				  "Content-Length: 1073741824\r\n\r\n";
	int client = dial_from(&front), server;

	say(client, ask);
	server = take_session(listening[0]);
	assert_reads(server, ask);
	for (int i = 0; i < 5; i++) {
		say(client, "pdu");
		assert_reads(server, "pdu");
	}
	close(client);
	assert_end(server);
	close(server);
	assert_int_equal(shared->service[SERVICE].client_aborts, 0);
}

static void rpc_out_data_streams_until_the_server_leaves(void **state)
{
	static const char answer[] = "HTTP/1.1 200 Success\r\nContent-Length: 1073741824\r\n\r\n";
	static const char ask[] =
		"RPC_OUT_DATA / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody";
	int client = dial_from(&front), server;

	say(client, ask);
	server = take_session(listening[0]);
	assert_reads(server, ask);
	say(server, answer);
	assert_reads(client, answer);
	for (int i = 0; i < 5; i++) {
		say(server, "pdu");
		assert_reads(client, "pdu");
	}
	close(server);
	assert_end(client);
	close(client);
	until(!engine_sessions(engine));
	assert_int_equal(shared->service[SERVICE].response_errors, 0);
}

static void bodies_flow_both_ways_at_once(void **state)
{
	int client = dial_from(&front), server;

	say(client, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
	server = take_session(listening[0]);
	assert_reads(server, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
	say(server, HEAD_CHUNKED);
	assert_reads(client, HEAD_CHUNKED);
	for (int i = 0; i < 3; i++) {
		say(client, "3\r\nask\r\n");
		assert_reads(server, "3\r\nask\r\n");
		say(server, "6\r\nanswer\r\n");
		assert_reads(client, "6\r\nanswer\r\n");
	}
	say(server, "0\r\n\r\n");
	assert_reads(client, "0\r\n\r\n");
	say(client, "0\r\n\r\n" GET);
	assert_reads(server, "0\r\n\r\n" GET);
	close(client);
	close(server);
}

#define UPGRADE "GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
#define SWITCHING                                                                                  \
	"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"

static void an_upgrade_that_is_agreed_makes_a_tunnel(void **state)
{
	int client = dial_from(&front), server;

	say(client, UPGRADE "early");
	server = take_session(listening[0]);
	assert_reads(server, UPGRADE);
	assert_silent(server);
	say(server, SWITCHING "frame");
	assert_reads(client, SWITCHING "frame");
	assert_reads(server, "early");
	say(client, "ping");
	assert_reads(server, "ping");
	say(server, "pong");
	assert_reads(client, "pong");
	shutdown(client, SHUT_WR);
	assert_end(server);
	say(server, "last");
	assert_reads(client, "last");
	close(server);
	assert_end(client);
	close(client);
	until(!engine_sessions(engine));
}

static void an_upgrade_that_is_refused_is_a_request_as_any(void **state)
{
	int client = dial_from(&front), server;

	say(client, UPGRADE GET);
	server = take_session(listening[0]);
	assert_reads(server, UPGRADE);
	say(server, OK_2);
	assert_reads(client, OK_2);
	assert_reads(server, GET);
	close(client);
	close(server);
}

static void connect_that_fails_is_a_request_as_any(void **state)
{
	static const char ask[] = "CONNECT b:443 HTTP/1.1\r\nHost: b:443\r\n\r\n";
	int client = dial_from(&front), server;

	say(client, ask);
	server = take_session(listening[0]);
	assert_reads(server, ask);
	say(server, "HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno");
	assert_reads(client, "HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno");
	say(client, ask);
	assert_reads(server, ask);
	close(client);
	close(server);
}

static void connect_that_succeeds_makes_a_tunnel(void **state)
{
	static const char ask[] = "CONNECT b:443 HTTP/1.1\r\nHost: b:443\r\n\r\n";
	int client = dial_from(&front), server;

	say(client, ask);
	server = take_session(listening[0]);
	assert_reads(server, ask);
	say(server, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
	assert_reads(client, "HTTP/1.1 200 OK\r\n\r\n");
	say(client, "\x16\x03");
	assert_reads(server, "\x16\x03");
	close(client);
	assert_end(server);
	close(server);
	until(!engine_sessions(engine));
}

#define CHALLENGE "HTTP/1.1 401 No\r\nWWW-Authenticate: NTLM TlRM\r\nContent-Length: 0\r\n\r\n"
#define NTLM      "GET / HTTP/1.1\r\nHost: a\r\nAuthorization: NTLM TlRM\r\n\r\n"

/* Each logs in as somebody else; the connection is who they are (haproxy#581). */
static void a_connection_with_ntlm_belongs_to_its_client_for_life(void **state)
{
	int client[2], server[2];

	for (int i = 0; i < 2; i++) {
		client[i] = dial_from(&front);
		say(client[i], GET);
		server[i] = take_session(listening[0]);
		assert_reads(server[i], GET);
		say(server[i], CHALLENGE);
		assert_reads(client[i], CHALLENGE);
	}
	for (int i = 0; i < 6; i++) {
		say(client[i % 2], i < 2 ? NTLM : POST);
		assert_reads(server[i % 2], i < 2 ? NTLM : POST);
		say(server[i % 2], OK_2);
		assert_reads(client[i % 2], OK_2);
	}
	close(client[0]);
	assert_end(server[0]);
	close(server[0]);
	assert_silent(server[1]);
	close(server[1]);
	until(shared->real_current[1][R1] == 0);
	say(client[1], GET);
	server[1] = take_session(listening[0]);
	assert_reads(server[1], GET);
	close(client[1]);
	close(server[1]);
}

static void announced_clients_share_no_connection(void **state)
{
	int client, server;
	char line[200];

	settings.send_header = PROXY_HEADER_V1;
	order_service();
	for (int i = 0; i < 2; i++) {
		struct sockaddr_in sa;
		socklen_t len = sizeof(sa);

		client = dial_from(&front);
		getsockname(client, (struct sockaddr *)&sa, &len);
		say(client, GET);
		server = take_session(listening[0]);
		snprintf(line, sizeof(line), "PROXY TCP4 127.0.0.1 127.0.0.1 %u %u\r\n" GET,
			 ntohs(sa.sin_port), front.port);
		assert_reads(server, line);
		say(server, OK_2);
		assert_reads(client, OK_2);
		say(client, GET);
		assert_reads(server, GET);
		say(server, OK_2);
		assert_reads(client, OK_2);
		close(client);
		assert_end(server);
		close(server);
	}
}

static void exchange_once(int *server)
{
	int client = dial_from(&front);

	say(client, GET);
	*server = take_session(listening[0]);
	assert_reads(*server, GET);
	say(*server, OK_2);
	assert_reads(client, OK_2);
	close(client);
	until(!engine_sessions(engine));
}

static void an_idle_connection_goes_when_its_real_does(void **state)
{
	int server;

	exchange_once(&server);
	order_named_real(0, 0);
	assert_end(server);
	close(server);
	order_named_real(0, USABLE);
	exchange_once(&server);
	order(PROXY_ORDER_REAL_GONE, R1, NULL, 0);
	assert_end(server);
	close(server);
}

/* As when it gets another address or another CA to prove itself by. */
static void a_connection_that_is_busy_when_its_real_changes_serves_nobody_else(void **state)
{
	int client = dial_from(&front), server;

	say(client, GET);
	server = take_session(listening[0]);
	assert_reads(server, GET);
	order_named_real(0, USABLE | PROXY_REAL_TLS);
	order_named_real(0, USABLE);
	say(server, OK_2);
	assert_reads(client, OK_2);
	assert_end(server);
	close(client);
	close(server);
}

static void a_server_that_says_something_unasked_is_left(void **state)
{
	int server;

	exchange_once(&server);
	say(server, "HTTP/1.1 408 Request Timeout\r\n\r\n");
	until(gets_something(server));
	assert_true(got_len <= 0);
	close(server);
	exchange_once(&server);
	close(server);
}

static void the_first_post_of_a_client_gets_a_connection_of_its_own(void **state)
{
	int server, other, client;

	exchange_once(&server);
	client = dial_from(&front);
	say(client, POST);
	other = take_session(listening[0]);
	assert_reads(other, POST);
	say(other, OK_2);
	assert_reads(client, OK_2);
	say(client, POST);
	assert_reads(other, POST);
	close(client);
	close(server);
	close(other);
}

/* Of two processes each may keep half of them. */
static void no_more_connections_idle_than_the_real_may_have(void **state)
{
	enum { MANY = 12, MOST = 8, KEPT = MOST / 2 };
	int client[MANY], server[MANY], closed = 0;

	for (int i = 0; i < MANY; i++) {
		client[i] = dial_from(&front);
		say(client[i], GET);
		server[i] = take_session(listening[0]);
		assert_reads(server[i], GET);
	}
	order_limited_real(0, MOST);
	for (int i = 0; i < MANY; i++) {
		say(server[i], OK_2);
		assert_reads(client[i], OK_2);
	}
	for (int i = 0; i < MANY; i++)
		closed += gets_something(server[i]);
	assert_int_equal(closed, MANY - KEPT);
	for (int i = 0; i < MANY; i++) {
		close(client[i]);
		close(server[i]);
	}
}

static void bulk_passes_both_ways_with_and_without_splice(void **state)
{
	enum { SIZE = 8 << 20 };
	static char bulk[SIZE];
	char head[200];

	memset(bulk, 'x', sizeof(bulk));
	for (int splice = 0; splice < 2; splice++) {
		int client = dial_from(&front), server = -1;
		size_t sent = 0, got_bytes = 0, want;

		order_splice(splice);
		want = snprintf(head, sizeof(head),
				"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %u\r\n\r\n", SIZE) +
		       SIZE;
		say(client, head);
		server = take_session(listening[0]);
		while (got_bytes < want) {
			ssize_t n = send(client, bulk, SIZE - sent, MSG_NOSIGNAL | MSG_DONTWAIT);

			sent += n > 0 ? n : 0;
			turn_for(0);
			while ((n = recv(server, read_text, sizeof(read_text), 0)) > 0)
				got_bytes += n;
		}
		assert_int_equal(got_bytes, want);
		want = snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\nContent-Length: %u\r\n\r\n",
				SIZE) +
		       SIZE;
		say(server, head);
		for (sent = got_bytes = 0; got_bytes < want;) {
			ssize_t n = send(server, bulk, SIZE - sent, MSG_NOSIGNAL | MSG_DONTWAIT);

			sent += n > 0 ? n : 0;
			turn_for(0);
			while ((n = recv(client, read_text, sizeof(read_text), 0)) > 0)
				got_bytes += n;
		}
		assert_int_equal(got_bytes, want);
		say(client, GET);
		assert_reads(server, GET);
		say(server, OK_2);
		assert_reads(client, OK_2);
		close(client);
		close(server);
		until(!engine_sessions(engine));
	}
}

static size_t count_all(int fd)
{
	size_t total = 0;
	ssize_t n;

	while ((n = recv(fd, read_text, sizeof(read_text), 0)) > 0)
		total += n;
	return total;
}

static void bulk_without_a_length_passes_to_its_end(void **state)
{
	enum { SIZE = 8 << 20 };
	static char bulk[65536];
	static const char head[] = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n";
	int client = dial_from(&front), server;
	size_t sent = 0, came = 0;

	say(client, GET);
	server = take_session(listening[0]);
	assert_reads(server, GET);
	say(server, "HTTP/1.1 200 OK\r\n\r\n");
	assert_reads(client, head);
	while (sent < SIZE) {
		ssize_t n = send(server, bulk, sizeof(bulk), MSG_NOSIGNAL | MSG_DONTWAIT);

		sent += n > 0 ? n : 0;
		turn_for(0);
		came += count_all(client);
	}
	close(server);
	until((came += count_all(client)) == sent);
	assert_end(client);
	close(client);
	until(!engine_sessions(engine));
}

/* The client reads nothing for a while: what is on its way waits, and its source is not read. */
static void who_does_not_read_holds_its_server_up_and_nobody_else(void **state)
{
	static char bulk[65536];
	int slow = dial_from(&front), quick, server[2];
	size_t sent = 0, came = 0;
	ssize_t n;

	say(slow, GET);
	server[0] = take_session(listening[0]);
	say(server[0], "HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n");
	do {
		for (int i = 0; i < 10; i++)
			turn_for(0);
		n = send(server[0], bulk, sizeof(bulk), MSG_NOSIGNAL | MSG_DONTWAIT);
		sent += n > 0 ? n : 0;
	} while (n > 0);
	assert_true(sent < 50000000);
	quick = dial_from(&front);
	say(quick, GET);
	server[1] = take_session(listening[0]);
	assert_reads(server[1], GET);
	say(server[1], OK_2);
	assert_reads(quick, OK_2);
	sent += strlen("HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n");
	until((came += count_all(slow)) == sent);
	close(slow);
	close(quick);
	close(server[0]);
	close(server[1]);
}

#define in_lab(test) cmocka_unit_test_setup_teardown(test, http_up, http_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_lab(messages_pass_whole_and_byte_by_byte),
		in_lab(both_sides_are_kept_alive_and_the_server_serves_the_next_client),
		in_lab(pipelined_requests_are_answered_in_order),
		in_lab(requests_of_one_client_take_turns_among_reals),
		in_lab(the_last_answer_reaches_a_client_that_said_more_behind_its_request),
		in_lab(a_body_without_a_length_ends_with_its_connection),
		in_lab(who_expects_a_100_gets_it_and_sends_on),
		in_lab(who_does_not_wait_for_the_100_gets_it_all_the_same),
		in_lab(a_final_answer_instead_of_the_100_passes_and_the_body_may_follow),
		in_lab(a_final_answer_instead_of_the_100_that_closes_closes),
		in_lab(a_client_that_leaves_instead_of_sending_on_takes_the_server_along),
		in_lab(an_early_answer_reaches_a_client_that_is_still_sending),
		in_lab(rpc_in_data_streams_a_gigabyte_that_never_comes),
		in_lab(rpc_out_data_streams_until_the_server_leaves),
		in_lab(bodies_flow_both_ways_at_once),
		in_lab(an_upgrade_that_is_agreed_makes_a_tunnel),
		in_lab(an_upgrade_that_is_refused_is_a_request_as_any),
		in_lab(connect_that_fails_is_a_request_as_any),
		in_lab(connect_that_succeeds_makes_a_tunnel),
		in_lab(a_connection_with_ntlm_belongs_to_its_client_for_life),
		in_lab(announced_clients_share_no_connection),
		in_lab(an_idle_connection_goes_when_its_real_does),
		in_lab(a_connection_that_is_busy_when_its_real_changes_serves_nobody_else),
		in_lab(a_server_that_says_something_unasked_is_left),
		in_lab(the_first_post_of_a_client_gets_a_connection_of_its_own),
		in_lab(no_more_connections_idle_than_the_real_may_have),
		in_lab(bulk_passes_both_ways_with_and_without_splice),
		in_lab(bulk_without_a_length_passes_to_its_end),
		in_lab(who_does_not_read_holds_its_server_up_and_nobody_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
