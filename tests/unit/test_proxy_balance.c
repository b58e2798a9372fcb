/* SPDX-License-Identifier: GPL-2.0-only */
/* Who gets a session: schedulers, slow start and persistence, over two processes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "balance_lab.h"

enum { MANY = 24 };

static int clients[MANY], servers[MANY];

/* n sessions that stay, by turns of the engines. Returns nothing: see current(). */
static void hold_sessions(int n)
{
	for (int i = 0; i < n; i++) {
		(void)where(i % ENGINES, NULL, &clients[i]);
		servers[i] = accepted;
	}
}

static void end_sessions(int n)
{
	for (int i = 0; i < n; i++) {
		close(clients[i]);
		close(servers[i]);
	}
	until(!sessions());
}

static void schedule_by(enum scheduler scheduler)
{
	settings.scheduler = scheduler;
	say_service();
}

/* Sessions that stay, one after the other, by scheduler and weights; how many each real has then.
 */
static const struct {
	enum scheduler scheduler;
	uint32_t weight[REALS];
	int sessions;
	uint32_t has[REALS];
} spreads[] = {
	{SCHEDULER_WRR, {3, 1, 0}, 16, {12, 4, 0}},
        {SCHEDULER_RR,  {3, 1, 0}, 16, {8, 8, 0} },
	{SCHEDULER_WLC, {3, 1, 0}, 16, {12, 4, 0}},
        {SCHEDULER_WLC, {1, 1, 2}, 16, {4, 4, 8} },
	{SCHEDULER_LC,  {3, 1, 9}, 15, {5, 5, 5} },
};

static void two_processes_spread_sessions_as_one(void **state)
{
	for (size_t c = 0; c < sizeof(spreads) / sizeof(spreads[0]); c++) {
		schedule_by(spreads[c].scheduler);
		for (int i = 0; i < REALS; i++)
			usable(i, spreads[c].weight[i]);
		hold_sessions(spreads[c].sessions);
		for (int i = 0; i < REALS; i++)
			assert_int_equal(current(R1 + i), spreads[c].has[i]);
		end_sessions(spreads[c].sessions);
	}
}

static void least_connections_make_good_what_others_lost(void **state)
{
	schedule_by(SCHEDULER_WLC);
	usable(0, 1);
	hold_sessions(4);
	usable(1, 1);
	for (int i = 4; i < 8; i++) {
		assert_int_equal(where(i % ENGINES, NULL, &clients[i]), 1);
		servers[i] = accepted;
	}
	end_sessions(8);
}

/* R36: with a load of 10 on the one, the other may have a twentieth of that at first. */
static void a_returning_server_is_not_flooded(void **state)
{
	schedule_by(SCHEDULER_WLC);
	settings.slow_start = 3600000;
	say_service();
	usable(0, 1);
	hold_sessions(10);
	reals[1].since = clock_msec();
	usable(1, 1);
	for (int i = 10; i < 15; i++) {
		(void)where(i % ENGINES, NULL, &clients[i]);
		servers[i] = accepted;
	}
	assert_int_equal(current(R2), 1);
	reals[1].since = clock_msec() - settings.slow_start / 2; /* now the half */
	usable(1, 1);
	for (int i = 15; i < 20; i++) {
		(void)where(i % ENGINES, NULL, &clients[i]);
		servers[i] = accepted;
	}
	assert_int_equal(current(R2), 6);
	end_sessions(20);
}

static void turns_ramp_as_well(void **state)
{
	settings.slow_start = 3600000;
	say_service();
	usable(0, 1);
	reals[1].since = clock_msec();
	usable(1, 1);
	for (int i = 0; i < 21; i++)
		(void)where_once(i % ENGINES, NULL);
	assert_int_equal(shared->real[R2].sessions, 1);
	assert_int_equal(shared->real[R1].sessions, 20);
}

static void a_ramp_ends_without_another_row(void **state)
{
	settings.slow_start = 200;
	say_service();
	usable(0, 1);
	reals[1].since = clock_msec();
	usable(1, 1);
	(void)where_once(0, NULL);
	until(clock_msec() > reals[1].since + 200);
	turn();
	shared->cursor[SERVICE] = 0;
	shared->real[R1].sessions = shared->real[R2].sessions = 0;
	for (int i = 0; i < 6; i++)
		(void)where_once(i % ENGINES, NULL);
	assert_int_equal(shared->real[R2].sessions, 3);
}

static void hashing_sends_a_client_to_one_real_in_all_processes(void **state)
{
	static const enum scheduler hashing[] = {SCHEDULER_SH, SCHEDULER_MAGLEV};

	for (int i = 0; i < REALS; i++)
		usable(i, 1);
	for (int h = 0; h < 2; h++) {
		bool met[REALS] = {};

		schedule_by(hashing[h]);
		for (int i = 1; i <= 60; i++) {
			char from[ADDR_TEXT_LEN];
			int at;

			snprintf(from, sizeof(from), "127.0.1.%d", i);
			at = where_once(0, from);
			assert_int_equal(where_once(1, from), at);
			met[at] = true;
		}
		assert_true(met[0] && met[1] && met[2]);
	}
}

static void hashing_passes_over_a_real_that_fails(void **state)
{
	schedule_by(SCHEDULER_MAGLEV);
	usable(0, 1);
	usable(1, 1);
	close(listening[0]); /* its port refuses */
	for (int i = 1; i <= 12; i++) {
		char from[ADDR_TEXT_LEN];

		snprintf(from, sizeof(from), "127.0.1.%d", i);
		assert_int_equal(where_once(0, from), 1);
	}
	assert_true(shared->real[R1].connect_errors > 0);
	listening[0] = socket(AF_INET, SOCK_STREAM, 0);
}

static void persist_for(uint32_t msec)
{
	settings.persist = msec;
	say_service();
}

static struct proxy_persist *entry(void)
{
	for (size_t i = 0; i < PROXY_PERSIST_SETS; i++)
		for (size_t w = 0; w < PROXY_PERSIST_WAYS; w++)
			if (shared->persist[i][w].key)
				return &shared->persist[i][w];
	return NULL;
}

/* R124, R130 */
static void a_source_comes_back_to_its_real_by_any_process(void **state)
{
	int at;

	persist_for(300000);
	for (int i = 0; i < REALS; i++)
		usable(i, 1);
	at = where_once(0, "127.0.0.9");
	for (int i = 0; i < 6; i++)
		assert_int_equal(where_once(i % ENGINES, "127.0.0.9"), at);
	assert_int_equal(shared->cursor[SERVICE], 1);
	assert_int_not_equal(where_once(1, "127.0.0.10"), at);
}

static void sources_of_one_network_may_count_as_one(void **state)
{
	int at;

	settings.persist_bits = 24;
	persist_for(300000);
	for (int i = 0; i < REALS; i++)
		usable(i, 1);
	at = where_once(0, "127.0.0.9");
	assert_int_equal(where_once(1, "127.0.0.77"), at);
	assert_int_not_equal(where_once(1, "127.0.1.9"), at);
}

/* R124 */
static void a_drained_real_holds_no_source(void **state)
{
	int at, other;

	persist_for(300000);
	usable(0, 1);
	usable(1, 1);
	at = where_once(0, "127.0.0.9");
	drained(at);
	other = where_once(1, "127.0.0.9");
	assert_int_not_equal(other, at);
	usable(at, 1);
	for (int i = 0; i < 4; i++)
		assert_int_equal(where_once(i % ENGINES, "127.0.0.9"), other);
}

static void an_entry_of_another_pool_is_not_followed(void **state)
{
	persist_for(300000);
	usable(0, 1);
	assert_int_equal(where_once(0, "127.0.0.9"), 0);
	entry()->real = R2;
	reals[1].service = SERVICE + 1;
	usable(1, 1);
	assert_int_equal(where_once(0, "127.0.0.9"), 0);
	assert_int_equal(entry()->real, R1);
}

static void a_source_is_forgotten_after_its_time(void **state)
{
	persist_for(300000);
	usable(0, 1);
	usable(1, 1);
	assert_int_equal(where_once(0, "127.0.0.9"), 0);
	entry()->used -= 290;
	assert_int_equal(where_once(0, "127.0.0.9"), 0);
	entry()->used -= 300; /* of 1,024 ms */
	assert_int_equal(where_once(0, "127.0.0.9"), 1);
}

static void a_running_session_keeps_its_entry(void **state)
{
	int client;

	persist_for(40);
	usable(0, 1);
	usable(1, 1);
	assert_int_equal(where(0, "127.0.0.9", &client), 0);
	entry()->used -= 1000;
	until(entry()->used + 500 > (uint32_t)(clock_msec() >> 10));
	close(accepted);
	close(client);
	until(!sessions());
}

static void a_real_that_fails_loses_the_source(void **state)
{
	persist_for(300000);
	usable(0, 1);
	usable(1, 1);
	assert_int_equal(where_once(0, "127.0.0.9"), 0);
	close(listening[0]);
	assert_int_equal(where_once(0, "127.0.0.9"), 1);
	assert_int_equal(entry()->real, R2);
	assert_int_equal(shared->service[SERVICE].redispatches, 1);
	listening[0] = socket(AF_INET, SOCK_STREAM, 0);
}

#define BALANCE_TEST(f) cmocka_unit_test_setup_teardown(f, balance_up, balance_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		BALANCE_TEST(two_processes_spread_sessions_as_one),
		BALANCE_TEST(least_connections_make_good_what_others_lost),
		BALANCE_TEST(a_returning_server_is_not_flooded),
		BALANCE_TEST(turns_ramp_as_well),
		BALANCE_TEST(a_ramp_ends_without_another_row),
		BALANCE_TEST(hashing_sends_a_client_to_one_real_in_all_processes),
		BALANCE_TEST(hashing_passes_over_a_real_that_fails),
		BALANCE_TEST(a_source_comes_back_to_its_real_by_any_process),
		BALANCE_TEST(sources_of_one_network_may_count_as_one),
		BALANCE_TEST(a_drained_real_holds_no_source),
		BALANCE_TEST(an_entry_of_another_pool_is_not_followed),
		BALANCE_TEST(a_source_is_forgotten_after_its_time),
		BALANCE_TEST(a_running_session_keeps_its_entry),
		BALANCE_TEST(a_real_that_fails_loses_the_source),
	};

	return cmocka_run_group_tests_name("proxy balance", tests, NULL, NULL);
}
