/* SPDX-License-Identifier: GPL-2.0-only */
/* Limits of reals and services and who waits for them, over two processes (R43, R72, R129). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sched.h>
#include <sys/wait.h>

#include "balance_lab.h"

enum { MANY = 8 };

static int clients[MANY], servers[MANY];

static void limited(int i, uint32_t most, uint32_t least)
{
	reals[i].max_connections = most;
	reals[i].min_connections = least;
	usable(i, 1);
}

/* Sessions from first on, by turns of the engines, at a real that has room for them. */
static void hold_sessions(int first, int n)
{
	for (int i = first; i < first + n; i++) {
		(void)where(i % ENGINES, NULL, &clients[i]);
		servers[i] = accepted;
	}
}

static void end_session(int i)
{
	uint32_t before = current(R1);

	close(clients[i]);
	close(servers[i]);
	until(current(R1) != before || waiting() == 0);
}

/* Who is served next, by its number. */
static char next_served(int *server)
{
	int at;

	until(arrives(&at));
	*server = accepted;
	until(gets_something(*server));
	return got[0];
}

static void nobody_comes(void)
{
	int at;

	for (int i = 0; i < 20; i++)
		turn();
	assert_false(arrives(&at));
}

/* The fallback would hide a call that is lost. */
static void no_fallback(void)
{
	for (int i = 0; i < ENGINES; i++)
		timer_stop(&engines[i]->fallback);
}

static void at_max_connections_sessions_wait_in_order(void **state)
{
	static const uint32_t limits[] = {1, 2, 3};

	give_bells();
	for (int l = 0; l < 3; l++) {
		int n = limits[l], late[3], server;

		limited(0, n, n);
		hold_sessions(0, n);
		for (int i = 0; i < 3; i++)
			late[i] = queue_up((i + 1) % ENGINES, 'a' + i);
		no_fallback();
		nobody_comes();
		for (int i = 0; i < 3; i++) {
			assert_int_equal(current(R1), n);
			close(clients[0]);
			close(servers[0]);
			assert_int_equal(next_served(&server), 'a' + i);
			assert_int_equal(current(R1), n);
			clients[0] = late[i];
			servers[0] = server;
		}
		for (int i = 0; i < n; i++) {
			close(clients[i]);
			close(servers[i]);
		}
		until(!sessions());
		assert_int_equal(waiting(), 0);
	}
	assert_int_equal(shared->service[SERVICE].queued, 9);
	assert_int_equal(shared->service[SERVICE].max_queued, 3);
	assert_int_equal(shared->real[R1].max_current, 3);
}

static void a_place_that_another_process_gives_is_taken_at_its_bell(void **state)
{
	int late, server;

	give_bells();
	limited(0, 1, 0);
	hold_sessions(0, 1);
	late = queue_up(1, 'x');
	no_fallback();
	close(clients[0]);
	close(servers[0]);
	assert_int_equal(next_served(&server), 'x');
	assert_int_equal(engine_sessions(engines[0]), 0);
	close(late);
	close(server);
	until(!sessions());
}

static void a_place_that_a_crash_gives_is_found(void **state)
{
	int late, server;

	shared->real_current[2][R1] = 1; /* a session of a process that will die */
	limited(0, 1, 0);
	late = queue_up(0, 'x');
	nobody_comes();
	shared->real_current[2][R1] = 0; /* as main does for it */
	assert_int_equal(next_served(&server), 'x');
	close(late);
	close(server);
	until(!sessions());
}

/* R43: as ipvsadm -x and -y. */
static void a_full_real_reopens_below_its_minimum(void **state)
{
	static const struct {
		uint32_t most, least;
		int ends; /* sessions that must end before another one comes */
	} cases[] = {
		{4, 2, 3},
                {4, 4, 1},
                {4, 0, 2},
                {5, 0, 2},
                {4, 9, 1},
	};

	for (size_t c = 0; c < sizeof(cases) / sizeof(cases[0]); c++) {
		int n = cases[c].most, late, server;

		limited(0, cases[c].most, cases[c].least);
		hold_sessions(0, n);
		late = queue_up(0, 'x');
		for (int i = 0; i < cases[c].ends; i++) {
			nobody_comes();
			end_session(i);
		}
		assert_int_equal(next_served(&server), 'x');
		close(late);
		close(server);
		for (int i = cases[c].ends; i < n; i++)
			end_session(i);
		until(!sessions());
	}
}

static void the_places_of_all_processes_are_counted(void **state)
{
	int late, server;

	limited(0, 3, 3);
	shared->real_current[2][R1] = 3;
	late = queue_up(0, 'x');
	nobody_comes();
	shared->real_current[2][R1] = 2;
	assert_int_equal(next_served(&server), 'x');
	assert_int_equal(shared->real_current[1][R1], 1);
	close(late);
	close(server);
	until(!sessions());
}

static void another_real_with_room_is_taken_at_once(void **state)
{
	limited(0, 1, 0);
	limited(1, 2, 0);
	hold_sessions(0, 3);
	assert_int_equal(current(R1), 1);
	assert_int_equal(current(R2), 2);
	assert_int_equal(shared->service[SERVICE].queued, 0);
	for (int i = 0; i < 3; i++) {
		close(clients[i]);
		close(servers[i]);
	}
	until(!sessions());
}

static void a_newcomer_stands_behind_those_that_wait_for_this_real(void **state)
{
	limited(0, 5, 0);
	limited(1, 5, 0);
	shared->real_queued[2][R1] = 1; /* in another process */
	assert_int_equal(where_once(0, NULL), 1);
	assert_int_equal(where_once(0, NULL), 1);
	shared->real_queued[2][R1] = 0;
}

static void a_newcomer_stands_behind_those_that_wait_for_any(void **state)
{
	int late, server;

	limited(0, 5, 0);
	shared->queue_head[2][SERVICE] = 2; /* number 1, in another process */
	shared->queue_numbers[SERVICE] = 1;
	late = client_of(0, NULL);
	say(late, "x");
	until(waiting() == 1);
	shared->queue_head[2][SERVICE] = 0;
	assert_int_equal(next_served(&server), 'x');
	close(late);
	close(server);
	until(!sessions());
}

static void who_waits_too_long_is_closed(void **state)
{
	int late;

	settings.queue = 30;
	say_service();
	limited(0, 1, 0);
	hold_sessions(0, 1);
	late = client_of(1, NULL);
	assert_end(late);
	close(late);
	assert_int_equal(shared->service[SERVICE].queue_timeouts, 1);
	assert_int_equal(shared->service[SERVICE].queued, 1);
	assert_int_equal(waiting(), 0);
	end_session(0);
	until(!sessions());
}

/* R129 */
static void who_leaves_the_queue_does_not_hold_up_the_next(void **state)
{
	int late[3], server;

	limited(0, 1, 0);
	hold_sessions(0, 1);
	for (int i = 0; i < 3; i++)
		late[i] = queue_up(0, 'a' + i);
	hang_up(late[0], true);
	close(late[1]);
	until(waiting() == 1);
	assert_int_equal(shared->service[SERVICE].client_aborts, 2);
	close(clients[0]);
	close(servers[0]);
	assert_int_equal(next_served(&server), 'c');
	close(late[2]);
	close(server);
	until(!sessions());
}

static void a_higher_limit_lets_those_in_that_wait(void **state)
{
	int late, server;

	limited(0, 1, 0);
	hold_sessions(0, 1);
	late = queue_up(0, 'x');
	no_fallback();
	limited(0, 2, 2);
	assert_int_equal(next_served(&server), 'x');
	close(late);
	close(server);
	end_session(0);
	until(!sessions());
}

static void without_a_usable_real_nobody_waits(void **state)
{
	int late;

	limited(0, 1, 0);
	hold_sessions(0, 1);
	late = client_of(1, NULL);
	until(waiting() == 1);
	drained(0);
	assert_end(late);
	close(late);
	assert_int_equal(waiting(), 0);
	end_session(0);
	until(!sessions());
}

static void before_the_first_check_has_ended_clients_wait_for_its_word(void **state)
{
	for (int passes = 1; passes >= 0; passes--) {
		int late, server;

		reals[0].flags = PROXY_REAL_CHECKING;
		say_real(0);
		late = queue_up(1, 'x');
		nobody_comes();
		reals[0].flags = passes ? USABLE : 0;
		reals[0].weight = passes;
		say_real(0);
		if (passes) {
			no_fallback();
			assert_int_equal(next_served(&server), 'x');
			close(server);
		} else {
			until(recv(late, got, 1, MSG_DONTWAIT) == 0);
		}
		close(late);
		until(!sessions());
	}
}

static void a_real_that_goes_leaves_its_queue_to_the_next(void **state)
{
	int late, server;

	limited(0, 1, 0);
	hold_sessions(0, 1);
	late = queue_up(1, 'x');
	for (int i = 0; i < ENGINES; i++) {
		engine = engines[i];
		order(PROXY_ORDER_REAL_GONE, R1, NULL, 0);
	}
	usable(1, 1);
	assert_int_equal(next_served(&server), 'x');
	assert_int_equal(current(R2), 1);
	close(late);
	close(server);
	close(clients[0]);
	close(servers[0]);
	until(!sessions());
}

/* Persistence: the source's own real is full, the other is not. */
static void a_persistent_client_waits_for_its_own_real_and_for_nobody_elses(void **state)
{
	int late, other, server;

	settings.persist = 300000;
	say_service();
	limited(0, 1, 0);
	assert_int_equal(where(0, "127.0.0.9", &clients[0]), 0);
	servers[0] = accepted;
	limited(1, 5, 0);
	late = client_of(1, "127.0.0.9");
	say(late, "x");
	until(waiting() == 1);
	assert_int_equal(shared->real_queued[2][R1], 1);
	assert_int_equal(where(0, "127.0.0.10", &other), 1);
	close(other);
	close(accepted);
	close(clients[0]);
	close(servers[0]);
	assert_int_equal(next_served(&server), 'x');
	assert_int_equal(current(R1), 1);
	assert_int_equal(shared->real_queued[2][R1], 0);
	assert_int_equal(shared->real[R1].queued, 1);
	close(late);
	close(server);
	until(!sessions());
}

static void a_persistent_client_goes_elsewhere_when_its_real_does(void **state)
{
	int late, server;

	settings.persist = 300000;
	say_service();
	limited(0, 1, 0);
	assert_int_equal(where(0, "127.0.0.9", &clients[0]), 0);
	servers[0] = accepted;
	limited(1, 5, 0);
	late = client_of(1, "127.0.0.9");
	say(late, "x");
	until(waiting() == 1);
	for (int i = 0; i < ENGINES; i++) {
		engine = engines[i];
		order(PROXY_ORDER_REAL_GONE, R1, NULL, 0);
	}
	assert_int_equal(next_served(&server), 'x');
	assert_int_equal(current(R2), 1);
	assert_int_equal(shared->real_queued[2][R1], 0);
	close(late);
	close(server);
	close(clients[0]);
	close(servers[0]);
	until(!sessions());
}

/* R72 */
static void at_maxconn_clients_wait_until_a_session_ends_in_any_process(void **state)
{
	int client, server;

	give_bells();
	settings.maxconn = 2;
	say_service();
	usable(0, 1);
	hold_sessions(0, 2);
	client = client_of(1, NULL);
	say(client, "x");
	nobody_comes();
	assert_int_equal(sessions(), 2);
	no_fallback();
	close(clients[0]);
	close(servers[0]);
	assert_int_equal(next_served(&server), 'x');
	assert_int_equal(shared->service[SERVICE].max_current, 2);
	close(client);
	close(server);
	close(clients[1]);
	close(servers[1]);
	until(!sessions());
}

static void a_higher_maxconn_lets_those_in_that_wait(void **state)
{
	int client, server;

	settings.maxconn = 1;
	say_service();
	usable(0, 1);
	hold_sessions(0, 1);
	client = client_of(0, NULL);
	say(client, "x");
	nobody_comes();
	no_fallback();
	settings.maxconn = 0;
	say_service();
	assert_int_equal(next_served(&server), 'x');
	close(client);
	close(server);
	end_session(0);
	until(!sessions());
}

#define GET  "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
#define OK_2 "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"

static void speak_http(void)
{
	settings.flags = PROXY_SERVICE_HTTP;
	settings.request = settings.tunnel = 60000;
	settings.request_buffer = 16384;
	say_service();
}

/* A request has come, by the connection that was there or by a new one. */
static bool request_comes(int *server)
{
	int at;

	if (*server >= 0 && gets_something(*server)) {
		if (got_len > 0)
			return true;
		close(*server); /* the limit lets none wait */
		*server = -1;
	}
	if (*server < 0 && arrives(&at))
		*server = accepted;
	return false;
}

static void a_request_has_a_place_and_an_idle_connection_has_none(void **state)
{
	int client[2], server = -1;

	speak_http();
	limited(0, 1, 1);
	for (int i = 0; i < 2; i++) {
		client[i] = client_of(0, NULL);
		say(client[i], GET);
		until(request_comes(&server));
		say(server, OK_2);
		assert_receives(client[i], OK_2);
	}
	assert_int_equal(current(R1), 0);
	assert_int_equal(shared->service[SERVICE].queued, 0);
	say(client[0], GET);
	until(request_comes(&server));
	say(client[1], GET);
	until(waiting() == 1);
	say(server, OK_2);
	assert_receives(client[0], OK_2);
	until(request_comes(&server));
	say(server, OK_2);
	assert_receives(client[1], OK_2);
	close(client[0]);
	close(client[1]);
	until(!sessions());
	close(server);
}

static void a_request_that_waits_too_long_is_answered_503(void **state)
{
	int client[2], server = -1;

	settings.queue = 30;
	speak_http();
	limited(0, 1, 0);
	client[0] = client_of(0, NULL);
	say(client[0], GET);
	until(request_comes(&server));
	client[1] = client_of(1, NULL);
	say(client[1], GET);
	until(gets_something(client[1]));
	got[12] = '\0';
	assert_string_equal(got, "HTTP/1.1 503");
	assert_int_equal(shared->service[SERVICE].queue_timeouts, 1);
	say(server, OK_2);
	assert_receives(client[0], OK_2);
	close(client[0]);
	close(client[1]);
	until(!sessions());
	close(server);
}

static void who_hung_up_before_it_had_to_wait_is_let_go(void **state)
{
	int late;

	settings.accept_header = PROXY_HEADER_V1;
	say_service();
	limited(0, 1, 0);
	shared->real_current[2][R1] = 1; /* of another process */
	late = client_of(0, NULL);
	say(late, "PROXY TCP4 192.0.2.7 192.0.2.9 4660 443\r\n");
	shutdown(late, SHUT_WR);
	until(shared->service[SERVICE].client_aborts == 1);
	assert_int_equal(shared->service[SERVICE].queued, 1);
	assert_int_equal(waiting(), 0);
	shared->real_current[2][R1] = 0;
	close(late);
	until(!sessions());
}

enum { RACERS = 4, RACES = 1000000, ROOM = 1 };

/* In memory of all of them. */
struct course {
	uint32_t ready, inside, most;
};

static void enter_and_leave(struct engine *e, struct course *c)
{
	struct real *r = e->reals[R1];
	struct session s = {};
	uint32_t n;

	list_init(&s.of_real);
	if (!real_enter(e, r, &s))
		return;
	n = __atomic_add_fetch(&c->inside, 1, __ATOMIC_SEQ_CST);
	if (n > __atomic_load_n(&c->most, __ATOMIC_SEQ_CST))
		__atomic_store_n(&c->most, n, __ATOMIC_SEQ_CST);
	(void)__atomic_sub_fetch(&c->inside, 1, __ATOMIC_SEQ_CST);
	real_leave(e, r, &s);
}

static void race(unsigned int index, int memory, struct course *c)
{
	struct engine *e = engine_new(loop_new(), index);
	struct proxy_order shares = {.kind = PROXY_ORDER_SHARED};

	if (engine_obey(e, &shares, memory) || service_put(e, SERVICE, &settings) ||
	    real_put(e, R1, &reals[0]))
		_exit(1);
	(void)__atomic_add_fetch(&c->ready, 1, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(&c->ready, __ATOMIC_SEQ_CST) < RACERS)
		sched_yield();
	for (int i = 0; i < RACES; i++)
		enter_and_leave(e, c);
	_exit(0);
}

/* Whoever has a place counts itself; nobody ever counts more than there is room for. */
static void the_limit_holds_while_processes_race(void **state)
{
	int memory = memfd_create("shared", MFD_CLOEXEC);
	struct course *c =
		mmap(NULL, sizeof(*c), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pid[RACERS];
	int status;

	assert_int_equal(ftruncate(memory, sizeof(*shared)), 0);
	reals[0].max_connections = reals[0].min_connections = ROOM;
	reals[0].flags = USABLE;
	reals[0].weight = 1;
	for (int i = 0; i < RACERS; i++) {
		pid[i] = fork();
		if (!pid[i])
			race(i, memory, c);
	}
	for (int i = 0; i < RACERS; i++) {
		assert_int_equal(waitpid(pid[i], &status, 0), pid[i]);
		assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	}
	assert_in_range(c->most, 1, ROOM);
	munmap(c, sizeof(*c));
	close(memory);
}

#define QUEUE_TEST(f) cmocka_unit_test_setup_teardown(f, balance_up, balance_down)

enum { ALLOWED = 4 };

/* As many as are allowed ask at once, by that process, and are answered. */
static void crowd_asks(unsigned int of, int *client, int *server)
{
	for (int i = 0; i < ALLOWED; i++) {
		client[i] = client_of(of, NULL);
		say(client[i], GET);
		server[i] = -1;
		until(request_comes(&server[i]));
	}
}

static int still_open(const int *server, int count)
{
	int open = 0;

	for (int i = 0; i < count; i++)
		open += recv(server[i], got, 1, MSG_PEEK) < 0 && errno == EAGAIN;
	return open;
}

/* R43: each process may keep its part of what is left; when the other uses more, less is left. */
static void connections_that_wait_are_within_the_limit_over_all_processes(void **state)
{
	int client[2 * ALLOWED], server[2 * ALLOWED];

	speak_http();
	limited(0, ALLOWED, 0);
	crowd_asks(0, client, server);
	for (int i = 0; i < ALLOWED; i++) {
		say(server[i], OK_2);
		assert_receives(client[i], OK_2);
	}
	until(current(R1) == 0);
	until(still_open(server, ALLOWED) == ALLOWED / (int)shared->processes);
	crowd_asks(1, client + ALLOWED, server + ALLOWED);
	until(still_open(server, 2 * ALLOWED) == ALLOWED);
	for (int i = 0; i < 2 * ALLOWED; i++) {
		close(client[i]);
		close(server[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		QUEUE_TEST(at_max_connections_sessions_wait_in_order),
		QUEUE_TEST(a_place_that_another_process_gives_is_taken_at_its_bell),
		QUEUE_TEST(a_place_that_a_crash_gives_is_found),
		QUEUE_TEST(a_full_real_reopens_below_its_minimum),
		QUEUE_TEST(the_limit_holds_while_processes_race),
		QUEUE_TEST(the_places_of_all_processes_are_counted),
		QUEUE_TEST(another_real_with_room_is_taken_at_once),
		QUEUE_TEST(a_newcomer_stands_behind_those_that_wait_for_this_real),
		QUEUE_TEST(a_newcomer_stands_behind_those_that_wait_for_any),
		QUEUE_TEST(who_waits_too_long_is_closed),
		QUEUE_TEST(who_leaves_the_queue_does_not_hold_up_the_next),
		QUEUE_TEST(a_higher_limit_lets_those_in_that_wait),
		QUEUE_TEST(without_a_usable_real_nobody_waits),
		QUEUE_TEST(before_the_first_check_has_ended_clients_wait_for_its_word),
		QUEUE_TEST(a_real_that_goes_leaves_its_queue_to_the_next),
		QUEUE_TEST(a_persistent_client_waits_for_its_own_real_and_for_nobody_elses),
		QUEUE_TEST(a_persistent_client_goes_elsewhere_when_its_real_does),
		QUEUE_TEST(a_request_has_a_place_and_an_idle_connection_has_none),
		QUEUE_TEST(connections_that_wait_are_within_the_limit_over_all_processes),
		QUEUE_TEST(a_request_that_waits_too_long_is_answered_503),
		QUEUE_TEST(who_hung_up_before_it_had_to_wait_is_let_go),
		QUEUE_TEST(at_maxconn_clients_wait_until_a_session_ends_in_any_process),
		QUEUE_TEST(a_higher_maxconn_lets_those_in_that_wait),
	};

	return cmocka_run_group_tests_name("proxy queue", tests, NULL, NULL);
}
