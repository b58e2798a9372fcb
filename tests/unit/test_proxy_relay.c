/* SPDX-License-Identifier: GPL-2.0-only */
/* How bytes, ends and resets pass through a session, over loopback. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>

#include "base/alloc.h"
#include "proxy/internal.h"
#include "proxy_lab.h"

enum { REAL = 21, BULK = 24 << 20 };

static int listening, client, server;

/* Sessions begin when a test asks, so that it can set what it needs first. */
static int relay_up(void **state)
{
	uint16_t port = 0;

	signal(SIGPIPE, SIG_IGN);
	if (lab_up(state))
		return -1;
	listening = listen_at("127.0.0.1", &port);
	order_real(REAL, "127.0.0.1", port, PROXY_REAL_USABLE);
	client = server = -1;
	return 0;
}

static int relay_down(void **state)
{
	if (client >= 0)
		close(client);
	if (server >= 0)
		close(server);
	close(listening);
	return lab_down(state);
}

static struct session *the_session(void)
{
	return container_of(engine->alive.next, struct session, of_engine);
}

/* To the point where the engine knows that the server is there: a reset before it is a failed
 * connect, and is tried again. */
static void begin(void)
{
	client = dial_from(&front);
	server = take_session(listening);
	until(the_session()->state == SESSION_RELAY);
}

static void small_messages_pass_both_ways(void **state)
{
	begin();
	say(server, "220 ready");
	assert_receives(client, "220 ready");
	for (int i = 0; i < 100; i++) {
		say(client, "EHLO me");
		assert_receives(server, "EHLO me");
		say(server, "250 you");
		assert_receives(client, "250 you");
	}
	assert_int_equal(shared->service[SERVICE].bytes_in, 700);
	assert_int_equal(shared->service[SERVICE].bytes_out, 709);
	assert_int_equal(shared->real[REAL].bytes_in, 700);
}

static void what_the_client_says_before_the_server_is_there_is_not_lost(void **state)
{
	client = dial_from(&front);
	say(client, "early");
	shutdown(client, SHUT_WR);
	server = take_session(listening);
	assert_receives(server, "early");
	assert_end(server);
	say(server, "late");
	assert_receives(client, "late");
}

static void an_end_is_carried_each_way_by_itself(void **state)
{
	for (int way = 0; way < 2; way++) {
		int first, second;

		begin();
		first = way ? server : client;
		second = way ? client : server;
		say(first, "last words");
		shutdown(first, SHUT_WR);
		assert_receives(second, "last words");
		assert_end(second);
		for (int i = 0; i < 3; i++) {
			say(second, "more");
			assert_receives(first, "more");
		}
		assert_int_equal(engine_sessions(engine), 1);
		shutdown(second, SHUT_WR);
		assert_end(first);
		until(!engine_sessions(engine));
		close(client);
		close(server);
	}
	client = server = -1;
	assert_int_equal(shared->service[SERVICE].client_aborts, 0);
	assert_int_equal(shared->service[SERVICE].response_errors, 0);
}

static void a_reset_is_passed_on_as_a_reset(void **state)
{
	begin();
	hang_up(client, true);
	client = -1;
	assert_reset(server);
	close(server);
	assert_int_equal(shared->service[SERVICE].client_aborts, 1);
	begin();
	hang_up(server, true);
	server = -1;
	assert_reset(client);
	assert_int_equal(shared->service[SERVICE].response_errors, 1);
	assert_int_equal(shared->real[REAL].response_errors, 1);
}

static void a_reset_ends_a_half_closed_session(void **state)
{
	begin();
	shutdown(client, SHUT_WR);
	assert_end(server);
	hang_up(client, true);
	client = -1;
	until(sock_error(server) == -EPIPE); /* a RST after a FIN */
	until(!engine_sessions(engine));
}

/* Byte i of a stream. */
static uint8_t pattern(size_t i)
{
	return i * 2654435761U >> 24;
}

static size_t sent, received;
static bool intact;

static bool send_some(int fd, size_t total)
{
	uint8_t bytes[65536];
	size_t n = total - sent < sizeof(bytes) ? total - sent : sizeof(bytes);
	ssize_t done;

	for (size_t i = 0; i < n; i++)
		bytes[i] = pattern(sent + i);
	done = send(fd, bytes, n, MSG_NOSIGNAL);
	sent += done > 0 ? done : 0;
	return done > 0;
}

static void receive_some(int fd)
{
	uint8_t bytes[65536];
	ssize_t n = recv(fd, bytes, sizeof(bytes), 0);

	for (ssize_t i = 0; i < n; i++)
		intact &= bytes[i] == pattern(received + i);
	received += n > 0 ? n : 0;
}

static void move_bulk(int from, int to, size_t total)
{
	sent = received = 0;
	intact = true;
	for (uint64_t end = clock_msec() + PATIENCE; received < total;) {
		assert_true(clock_msec() < end);
		while (sent < total && send_some(from, total))
			;
		turn();
		for (int i = 0; i < 64; i++)
			receive_some(to);
	}
	assert_true(intact);
}

static void megabytes_arrive_as_they_were_sent(void **state)
{
	for (int splicing = 0; splicing < 2; splicing++) {
		order_splice(splicing);
		begin();
		move_bulk(client, server, BULK);
		move_bulk(server, client, BULK);
		assert_int_equal(engine->pipe_count > 0, splicing);
		say(client, "small again");
		assert_receives(server, "small again");
		shutdown(client, SHUT_WR);
		assert_end(server);
		close(client);
		close(server);
		until(!engine_sessions(engine));
	}
	client = server = -1;
	assert_int_equal(shared->service[SERVICE].bytes_in, 2 * (BULK + 11));
}

static void pipes_go_back_to_the_pool_when_it_is_quiet(void **state)
{
	begin();
	move_bulk(server, client, BULK);
	assert_int_equal(engine->pipe_count, 1);
	assert_non_null(engine->pipes);
	for (int i = 0; i < 20; i++) {
		say(server, "small");
		assert_receives(client, "small");
	}
	assert_true(engine->pipe_count <= 1);
}

/* What waits in this process; the rest waits in the kernel's windows. */
static size_t waiting(enum side side)
{
	const struct session *s = the_session();

	return s->way[side].held_len + s->way[side].piped;
}

static void a_slow_reader_stops_its_sender_and_memory_stays_bounded(void **state)
{
	for (int splicing = 0; splicing < 2; splicing++) {
		size_t quiet = 0;

		order_splice(splicing);
		begin();
		sent = received = 0;
		intact = true;
		while (quiet < 20) {
			quiet = send_some(server, SIZE_MAX) ? 0 : quiet + 1;
			turn();
			assert_true(waiting(SERVER) <= (splicing ? 1 << 20 : COPY_ROOM));
		}
		assert_true(waiting(SERVER) > 0);
		say(client, "the other way is open");
		assert_receives(server, "the other way is open");
		until((receive_some(client), received == sent));
		assert_true(intact);
		assert_int_equal(waiting(SERVER), 0);
		close(client);
		close(server);
		until(!engine_sessions(engine));
	}
	client = server = -1;
}

/* Each is left for the end of its round; one of them finds no more room. */
static void small_messages_to_a_slow_reader_arrive_whole(void **state)
{
	enum { SMALL = 1111 };

	begin();
	sent = received = 0;
	intact = true;
	while (!waiting(SERVER)) {
		assert_true(send_some(server, sent + SMALL));
		turn_for(0);
	}
	shutdown(server, SHUT_WR);
	turn();
	until((receive_some(client), received == sent));
	assert_true(intact);
	assert_end(client);
}

static void a_client_that_resets_before_the_end_of_the_round_is_noticed(void **state)
{
	begin();
	say(server, "heard first");
	hang_up(client, true);
	client = -1;
	assert_reset(server);
	assert_int_equal(engine_sessions(engine), 0);
	assert_int_equal(shared->service[SERVICE].client_aborts, 1);
}

static bool left;

/* Timers come after the round's events and before its end. */
static void leave(struct timer *t)
{
	assert_int_equal(the_session()->row->bytes_out, 1);
	hang_up(client, true);
	client = -1;
	left = true;
}

static void what_is_refused_at_the_end_of_the_round_ends_the_session(void **state)
{
	struct timer t = {.fn = leave};

	begin();
	left = false;
	say(server, "x");
	timer_start(loop, &t, 0);
	until(left);
	assert_reset(server);
	assert_int_equal(engine_sessions(engine), 0);
	assert_int_equal(shared->service[SERVICE].client_aborts, 1);
}

static void a_reset_gets_past_a_slow_reader(void **state)
{
	begin();
	sent = 0;
	for (int quiet = 0; quiet < 20; turn())
		quiet = send_some(server, SIZE_MAX) ? 0 : quiet + 1;
	hang_up(server, true);
	server = -1;
	until(!engine_sessions(engine));
	assert_int_equal(shared->service[SERVICE].response_errors, 1);
}

static void a_silent_side_meets_its_own_timeout(void **state)
{
	for (int side = 0; side < 2; side++) {
		uint64_t began;

		settings.client = side ? 60000 : 60;
		settings.server = side ? 60 : 60000;
		order_service();
		began = clock_msec();
		begin();
		assert_end(client);
		assert_end(server);
		assert_true(clock_msec() - began >= 60);
		close(client);
		close(server);
	}
	client = server = -1;
	assert_int_equal(shared->service[SERVICE].timeouts, 2);
}

static void a_side_that_takes_bytes_is_not_silent(void **state)
{
	uint64_t began;

	settings.client = settings.server = 100;
	order_service();
	begin();
	began = clock_msec();
	while (clock_msec() - began < 400) {
		say(server, "news");
		assert_receives(client, "news");
	}
	assert_end(client);
	assert_int_equal(shared->service[SERVICE].timeouts, 1);
}

static void a_half_closed_session_has_a_timeout_too(void **state)
{
	settings.server = 60;
	order_service();
	begin();
	shutdown(client, SHUT_WR);
	assert_end(server);
	assert_end(client);
	assert_int_equal(shared->service[SERVICE].timeouts, 1);
}

/* It only waits for what the other makes of it, which has a timeout of its own. */
static void who_has_said_his_last_byte_is_held_to_no_timeout(void **state)
{
	for (int side = 0; side < 2; side++) {
		int from, to;

		settings.client = side ? 60000 : 60;
		settings.server = side ? 60 : 60000;
		order_service();
		begin();
		from = side ? server : client;
		to = side ? client : server;
		say(from, "question");
		shutdown(from, SHUT_WR);
		assert_receives(to, "question");
		assert_end(to);
		turn_for(200);
		say(to, "answer");
		assert_receives(from, "answer");
		assert_int_equal(engine_sessions(engine), 1);
		close(client);
		close(server);
		until(!engine_sessions(engine));
	}
	client = server = -1;
	assert_int_equal(shared->service[SERVICE].timeouts, 0);
}

/* While nothing was to be taken, nobody waited for the server. */
static void who_has_said_his_last_byte_still_has_to_take_the_others(void **state)
{
	settings.server = 300;
	order_service();
	begin();
	shutdown(server, SHUT_WR);
	assert_end(client);
	turn_for(400);
	assert_int_equal(engine_sessions(engine), 1);
	until((send_some(client, SIZE_MAX), !engine_sessions(engine)));
	assert_int_equal(shared->service[SERVICE].timeouts, 1);
}

static void an_idle_session_holds_no_buffer(void **state)
{
	struct session *s;

	begin();
	move_bulk(server, client, BULK);
	say(client, "x");
	assert_receives(server, "x");
	s = the_session();
	for (int i = 0; i < 2; i++) {
		assert_null(s->way[i].held);
		assert_null(s->way[i].pipe);
	}
	assert_true(sizeof(*s) <= 640);
}

#define RELAY_TEST(f) cmocka_unit_test_setup_teardown(f, relay_up, relay_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		RELAY_TEST(small_messages_pass_both_ways),
		RELAY_TEST(what_the_client_says_before_the_server_is_there_is_not_lost),
		RELAY_TEST(an_end_is_carried_each_way_by_itself),
		RELAY_TEST(a_reset_is_passed_on_as_a_reset),
		RELAY_TEST(a_reset_ends_a_half_closed_session),
		RELAY_TEST(megabytes_arrive_as_they_were_sent),
		RELAY_TEST(pipes_go_back_to_the_pool_when_it_is_quiet),
		RELAY_TEST(a_slow_reader_stops_its_sender_and_memory_stays_bounded),
		RELAY_TEST(small_messages_to_a_slow_reader_arrive_whole),
		RELAY_TEST(a_client_that_resets_before_the_end_of_the_round_is_noticed),
		RELAY_TEST(what_is_refused_at_the_end_of_the_round_ends_the_session),
		RELAY_TEST(a_reset_gets_past_a_slow_reader),
		RELAY_TEST(a_silent_side_meets_its_own_timeout),
		RELAY_TEST(a_side_that_takes_bytes_is_not_silent),
		RELAY_TEST(a_half_closed_session_has_a_timeout_too),
		RELAY_TEST(who_has_said_his_last_byte_is_held_to_no_timeout),
		RELAY_TEST(who_has_said_his_last_byte_still_has_to_take_the_others),
		RELAY_TEST(an_idle_session_holds_no_buffer),
	};

	return cmocka_run_group_tests_name("proxy relay", tests, NULL, NULL);
}
