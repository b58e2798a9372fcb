/* SPDX-License-Identifier: GPL-2.0-only */
/* Connections to reals that belong to one client, by a login or because it was announced there,
 * when their real is drained, goes down, or leaves (R19, R20, R107). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "http_lab.h"

#define CHALLENGE "HTTP/1.1 401 No\r\nWWW-Authenticate: NTLM TlRM\r\nContent-Length: 0\r\n\r\n"
#define NTLM      "GET / HTTP/1.1\r\nHost: a\r\nAuthorization: NTLM TlRM\r\n\r\n"
#define GOODBYE   "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi"

static void drain(void)
{
	order_named_real(0, 0);
}

static void put_down(void)
{
	order_named_real(0, PROXY_REAL_DOWN);
}

static void take_away(void)
{
	order(PROXY_ORDER_REAL_GONE, R1, NULL, 0);
}

static void finish(void)
{
	engine_finish(engine);
}

/* A client that has logged in at the first real. */
static int logged_in(int *server)
{
	int client = dial_from(&front);

	say(client, NTLM);
	*server = take_session(listening[0]);
	assert_reads(*server, NTLM);
	say(*server, OK_2);
	assert_reads(client, OK_2);
	return client;
}

/* Not in the middle of the login, which would be lost. */
static void a_login_ends_with_the_answer_after_its_real(void (*ends)(void))
{
	int client = dial_from(&front), server;

	say(client, NTLM);
	server = take_session(listening[0]);
	assert_reads(server, NTLM);
	order_named_real(1, USABLE);
	ends();
	say(server, CHALLENGE);
	assert_reads(client, CHALLENGE);
	say(client, NTLM);
	assert_reads(server, NTLM);
	say(server, OK_2);
	assert_reads(client, GOODBYE);
	assert_end(client);
	assert_end(server);
	close(client);
	close(server);
	assert_false(accepts(listening[1]));
}

static void a_login_at_a_real_that_leaves_ends_with_an_answer(void **state)
{
	a_login_ends_with_the_answer_after_its_real(take_away);
}

static void a_login_at_a_real_that_goes_down_ends_with_an_answer(void **state)
{
	a_login_ends_with_the_answer_after_its_real(put_down);
}

static void a_login_in_a_proxy_that_finishes_ends_with_an_answer(void **state)
{
	a_login_ends_with_the_answer_after_its_real(finish);
}

static void a_login_at_a_drained_real_stays(void **state)
{
	int server, client = logged_in(&server);

	order_named_real(1, USABLE);
	drain();
	for (int i = 0; i < 3; i++) {
		say(client, GET);
		assert_reads(server, GET);
		say(server, OK_2);
		assert_reads(client, OK_2);
	}
	close(client);
	close(server);
	assert_false(accepts(listening[1]));
}

static void a_login_whose_real_is_up_again_goes_on(void **state)
{
	int server, client = logged_in(&server);

	put_down();
	order_named_real(0, USABLE);
	say(client, GET);
	assert_reads(server, GET);
	say(server, OK_2);
	assert_reads(client, OK_2);
	close(client);
	close(server);
}

/* As it may be before a request and during one. */
static void an_announced_client_moves_when_its_real(void (*ends)(void))
{
	int client, server, other;

	settings.send_header = PROXY_HEADER_V1;
	order_service();
	for (int during = 0; during < 2; during++) {
		order_named_real(0, USABLE);
		client = dial_from(&front);
		say(client, GET);
		server = take_session(listening[0]);
		until(gets_something(server));
		if (!during) {
			say(server, OK_2);
			assert_reads(client, OK_2);
		}
		order_named_real(1, USABLE);
		ends();
		if (during) {
			say(server, OK_2);
			assert_reads(client, OK_2);
			assert_end(server);
		}
		say(client, GET);
		other = take_session(listening[1]);
		until(gets_something(other));
		assert_true(begins_with(got, "PROXY TCP4 127.0.0.1 "));
		say(other, OK_2);
		assert_reads(client, OK_2);
		close(client);
		close(server);
		close(other);
		until(!engine_sessions(engine));
		order(PROXY_ORDER_REAL_GONE, R2, NULL, 0);
	}
}

static void an_announced_client_goes_to_another_real_when_its_own_leaves(void **state)
{
	an_announced_client_moves_when_its_real(take_away);
}

static void an_announced_client_goes_to_another_real_when_its_own_is_down(void **state)
{
	an_announced_client_moves_when_its_real(put_down);
}

static void an_announced_client_goes_to_another_real_when_its_own_is_drained(void **state)
{
	an_announced_client_moves_when_its_real(drain);
}

static void an_announced_client_leaves_the_backup_when_a_real_is_back(void **state)
{
	int client, server, other;

	settings.send_header = PROXY_HEADER_V1;
	order_service();
	order_named_real(0, USABLE | PROXY_REAL_BACKUP);
	client = dial_from(&front);
	say(client, GET);
	server = take_session(listening[0]);
	until(gets_something(server));
	say(server, OK_2);
	assert_reads(client, OK_2);
	order_named_real(1, USABLE);
	say(client, GET);
	other = take_session(listening[1]);
	assert_end(server);
	close(client);
	close(server);
	close(other);
}

#define TIED_TEST(f) cmocka_unit_test_setup_teardown(f, http_up, http_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TIED_TEST(a_login_at_a_real_that_leaves_ends_with_an_answer),
		TIED_TEST(a_login_at_a_real_that_goes_down_ends_with_an_answer),
		TIED_TEST(a_login_in_a_proxy_that_finishes_ends_with_an_answer),
		TIED_TEST(a_login_at_a_drained_real_stays),
		TIED_TEST(a_login_whose_real_is_up_again_goes_on),
		TIED_TEST(an_announced_client_goes_to_another_real_when_its_own_leaves),
		TIED_TEST(an_announced_client_goes_to_another_real_when_its_own_is_down),
		TIED_TEST(an_announced_client_goes_to_another_real_when_its_own_is_drained),
		TIED_TEST(an_announced_client_leaves_the_backup_when_a_real_is_back),
	};

	return cmocka_run_group_tests_name("proxy http tied", tests, NULL, NULL);
}
