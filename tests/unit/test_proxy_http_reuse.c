/* SPDX-License-Identifier: GPL-2.0-only */
/* What was said on a connection, or stands for it, is not what the next request meets there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "http_lab.h"

#define NTLM   "GET / HTTP/1.1\r\nHost: a\r\nAuthorization: NTLM TlRM\r\n\r\n"
#define UNSAID "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nstray"

/* A client whose connection is kept, and the server's, which is too. */
static int kept(int *server)
{
	int client = dial_from(&front);

	say(client, GET);
	*server = take_session(listening[0]);
	assert_reads(*server, GET);
	say(*server, OK_2);
	assert_reads(client, OK_2);
	return client;
}

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_a_server_said_unasked_answers_nobody, http_up,
						http_down),
		cmocka_unit_test_setup_teardown(
			a_connection_to_where_a_real_was_serves_its_request_only, http_up,
			http_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
