/* SPDX-License-Identifier: GPL-2.0-only */
/* What was said on a connection, or stands for it, is not what the next request meets there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <netinet/tcp.h>

#include "http_lab.h"

#define NTLM   "GET / HTTP/1.1\r\nHost: a\r\nAuthorization: NTLM TlRM\r\n\r\n"
#define UNSAID "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nstray"

/* Both are there when the engine looks, and it looks at the client first. */
static void what_a_server_said_unasked_answers_nobody(void **state)
{
	int server, other, client = kept(&server);

	say(client, GET);
	say(server, UNSAID);
	other = take_session(listening[0]);
	assert_reads(other, GET);
	say(other, OK_2);
	assert_reads(client, OK_2);
	close(client);
	close(server);
	close(other);
}

/* The real moves to another address while a request is under way to the one before. */
static void a_connection_to_where_a_real_was_serves_its_request_only(void **state)
{
	struct proxy_real r = {.service = SERVICE, .weight = 1, .flags = USABLE, .name = "R1"};
	int client = dial_from(&front), server, moved = listen_at("127.0.0.2", &port[0]);

	say(client, GET);
	server = take_session(listening[0]);
	assert_reads(server, GET);
	r.port = port[0];
	assert_int_equal(addr_parse(&r.ip, "127.0.0.2"), 0);
	order(PROXY_ORDER_REAL, R1, &r, sizeof(r));
	say(server, OK_2);
	assert_reads(client, OK_2);
	assert_end(server);
	close(server);
	say(client, GET);
	server = take_session(moved);
	assert_reads(server, GET);
	close(client);
	close(server);
	close(moved);
}

#define CONNECT_UP "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n"
#define SWITCHED   "HTTP/1.1 101 Yes\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n"

static void connect_that_is_answered_with_101_is_a_tunnel_too(void **state)
{
	int client = dial_from(&front), server;

	say(client, CONNECT_UP);
	server = take_session(listening[0]);
	assert_reads(server, CONNECT_UP);
	say(server, SWITCHED);
	assert_reads(client, SWITCHED);
	say(server, "raw");
	assert_receives(client, "raw");
	say(client, GET "any");
	assert_reads(server, GET "any");
	close(client);
	assert_end(server);
	close(server);
}

/* A small window, so that a head does not get through at once. */
static void narrow(int listener)
{
	int bytes = 2048;

	setsockopt(listener, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
}

/* Its bytes and those that are early would be mixed. */
static void who_agrees_to_a_tunnel_before_all_of_the_request_was_sent_is_wrong(void **state)
{
	static char head[3 << 20];
	int client, server, n;

	settings.request_buffer = sizeof(head);
	order_service();
	narrow(listening[0]);
	client = dial_from(&front);
	n = snprintf(head, sizeof(head),
		     "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: x\r\nConnection: "
		     "Upgrade\r\nX-Long: ");
	memset(head + n, 'x', sizeof(head) - n - 16);
	strcpy(head + sizeof(head) - 16, "\r\n\r\nearly");
	for (size_t at = 0; at < sizeof(head) - 7;) {
		ssize_t sent = send(client, head + at, sizeof(head) - 7 - at, MSG_NOSIGNAL);

		at += sent > 0 ? sent : 0;
		turn_for(0);
	}
	server = take_session(listening[0]);
	say(server, SWITCHED);
	read_all(client);
	assert_true(begins_with(read_text, "HTTP/1.1 502 "));
	close(client);
	close(server);
}

#define TO_ROOT      "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
#define ROOT_OF_BODY "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n"
#define SMUGGLED     "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"

/* Little room for what is on its way to a client that does not read. */
static void listen_narrowly(void)
{
	int fd, bytes = 2048;

	order(PROXY_ORDER_LISTEN_GONE, 0, &front, sizeof(front));
	front.port = 0;
	fd = listen_at("127.0.0.1", &front.port);
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
	assert_int_equal(order_fd(PROXY_ORDER_LISTEN, SERVICE, &front, sizeof(front), fd), 0);
}

static int dial_narrowly(void)
{
	struct sockaddr_storage sa;
	socklen_t len = addr_to_sockaddr(&front.vip, front.port, &sa);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), bytes = 2048,
	    on = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
	(void)connect(fd, (struct sockaddr *)&sa, len);
	until(sock_error(fd) == 0 && engine_sessions(engine));
	return fd;
}

/* The client takes none of the redirects before the last, whose body is then for nobody, although
 * the connection to the server is this client's own. How many it takes to fill the way is for the
 * kernel to say: each number is tried. */
static void the_body_of_what_is_answered_here_goes_to_no_server(void **state)
{
	enum { MOST = 120 };

	strcpy(settings.redirect_root, "/owa/");
	order_service();
	listen_narrowly();
	for (int ahead = 0; ahead < MOST; ahead++) {
		int client = dial_narrowly(), server;

		say(client, "GET /x HTTP/1.1\r\nHost: a\r\nAuthorization: NTLM TlRM\r\n\r\n");
		server = take_session(listening[0]);
		until(gets_something(server));
		say(server, OK_2);
		assert_reads(client, OK_2);
		for (int i = 0; i < ahead; i++) {
			say(client, TO_ROOT);
			turn_for(0);
		}
		say(client, ROOT_OF_BODY);
		turn_for(0);
		(void)send(client, SMUGGLED, strlen(SMUGGLED), MSG_NOSIGNAL);
		for (int i = 0; i < 6; i++)
			turn_for(0);
		if (gets_something(server) && got_len > 0)
			fail_msg("after %d: %s", ahead, got);
		close(client);
		close(server);
		until(!engine_sessions(engine));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_a_server_said_unasked_answers_nobody, http_up,
						http_down),
		cmocka_unit_test_setup_teardown(
			a_connection_to_where_a_real_was_serves_its_request_only, http_up,
			http_down),
		cmocka_unit_test_setup_teardown(connect_that_is_answered_with_101_is_a_tunnel_too,
						http_up, http_down),
		cmocka_unit_test_setup_teardown(
			who_agrees_to_a_tunnel_before_all_of_the_request_was_sent_is_wrong, http_up,
			http_down),
		cmocka_unit_test_setup_teardown(the_body_of_what_is_answered_here_goes_to_no_server,
						http_up, http_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
