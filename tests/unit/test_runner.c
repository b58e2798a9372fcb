/* SPDX-License-Identifier: GPL-2.0-only */
/* A probe process and main's end of it: orders go out, results come back, health adds up. */
#include "health/client.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "health/probe.h"
#include "unit/bad_server.h"

static const struct act web[ACTS_MAX] = {
	{ACT_WAIT, "\r\n\r\n"					},
	{ACT_SAY,  "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nCAS1"},
};

enum { IDS = 8 };

static struct stage {
	struct loop *loop;
	struct health_client *client;
	struct timer guard;
	struct check_report last[IDS];
	unsigned int reports[IDS];
	bool (*enough)(void);
	bool lost;
	pid_t probe;
	enum health known;
} stage;

static void start_probe(void)
{
	struct probe_fds fds = {.icmp4 = -1, .icmp6 = -1};
	int fd[2];

	assert_int_equal(channel_pair(fd), 0);
	stage.probe = fork();
	if (!stage.probe) {
		close(fd[0]);
		fds.channel = fd[1];
		_exit(probe_main(&fds));
	}
	close(fd[1]);
	assert_int_equal(health_client_connect(stage.client, fd[0]), 0);
}

static void take_report(void *arg, const struct check_report *r)
{
	stage.last[r->id] = *r;
	stage.reports[r->id]++;
	if (stage.enough && stage.enough())
		loop_stop(stage.loop);
}

static void take_loss(void *arg)
{
	stage.lost = true;
	loop_stop(stage.loop);
}

static enum health tell_health(void *arg, uint32_t id)
{
	return stage.known;
}

static void give_up(struct timer *t)
{
	fail_msg("nothing happened for 10 s");
}

static void run_until(bool (*enough)(void))
{
	stage.enough = enough;
	timer_start(stage.loop, &stage.guard, 10000);
	assert_int_equal(loop_run(stage.loop), 0);
	timer_stop(&stage.guard);
}

static struct check_spec spec_of(enum check_type type, uint16_t port)
{
	struct check_spec spec = {
		.type = type,
		.port = port,
		.interval = 60000,
		.fast_interval = 50,
		.timeout = 5000,
		.rise = 2,
		.fall = 3,
	};

	addr_parse(&spec.addr, "127.0.0.1");
	return spec;
}

static int put(uint32_t id, const struct check_spec *spec)
{
	const struct plan_sink *sink = health_client_sink(stage.client);

	return sink->put(sink->to, PLAN_CHECKS, &id,
			 &(struct row_check){.spec = spec, .addr = spec->addr, .port = spec->port},
			 NULL);
}

static void drop(uint32_t id)
{
	const struct plan_sink *sink = health_client_sink(stage.client);

	assert_int_equal(sink->del(sink->to, PLAN_CHECKS, &id, NULL), 0);
}

static bool first_two_are_in(void)
{
	return stage.reports[0] && stage.reports[1];
}

static void unchecked_reals_are_up_at_once(void **state)
{
	struct check_spec on = spec_of(CHECK_ON, 0), off = spec_of(CHECK_OFF, 0);

	put(0, &on);
	put(1, &off);
	run_until(first_two_are_in);
	assert_int_equal(stage.last[0].health, HEALTH_UP);
	assert_int_equal(stage.last[1].health, HEALTH_UP);
	assert_int_equal(stage.last[1].outcome.code, CHECK_CODE_OFF);
	assert_true(stage.last[1].changed);
}

static void the_first_result_counts_at_once(void **state)
{
	struct bad_server server;
	struct check_spec good, bad;

	bad_server_start(&server, web, NULL);
	good = spec_of(CHECK_HTTP, server.port);
	bad = good;
	snprintf(bad.expect, sizeof(bad.expect), "CAS2");
	put(0, &good);
	put(1, &bad);
	run_until(first_two_are_in);
	bad_server_stop(&server);
	assert_int_equal(stage.last[0].health, HEALTH_UP);
	assert_true(stage.last[0].changed);
	assert_int_equal(stage.last[1].health, HEALTH_DOWN);
	assert_int_equal(stage.last[1].outcome.code, CHECK_CODE_L7RSP);
}

static bool zero_is_up(void)
{
	return stage.last[0].health == HEALTH_UP;
}

static bool zero_is_down(void)
{
	return stage.last[0].health == HEALTH_DOWN;
}

/* The health is kept over the new order, so it takes all of fall, at the fast interval, to lose it.
 */
static void a_changed_order_keeps_its_health(void **state)
{
	struct bad_server server;
	struct check_spec spec;

	bad_server_start(&server, web, NULL);
	spec = spec_of(CHECK_HTTP, server.port);
	put(0, &spec);
	run_until(zero_is_up);
	snprintf(spec.expect, sizeof(spec.expect), "CAS2");
	stage.reports[0] = 0;
	put(0, &spec);
	run_until(zero_is_down);
	bad_server_stop(&server);
	assert_int_equal(stage.reports[0], 3);
	assert_true(stage.last[0].changed);
}

static bool zero_has_four(void)
{
	return stage.reports[0] >= 4;
}

static void a_dropped_check_is_not_heard_of_again(void **state)
{
	struct check_spec gone = spec_of(CHECK_CONNECT, 1), left = spec_of(CHECK_CONNECT, 1);

	left.interval = gone.interval = 50;
	put(0, &left);
	put(1, &gone);
	run_until(first_two_are_in);
	drop(1);
	stage.reports[0] = stage.reports[1] = 0;
	run_until(zero_has_four);
	assert_int_equal(stage.reports[1], 0);
}

static void a_new_process_gets_every_row_and_the_known_health(void **state)
{
	struct check_spec spec = spec_of(CHECK_CONNECT, 1); /* refused */

	stage.known = HEALTH_UP;
	put(0, &spec);
	run_until(zero_is_down);
	assert_int_equal(stage.reports[0], 3);
	kill(stage.probe, SIGKILL);
	waitpid(stage.probe, NULL, 0);
	run_until(NULL);
	assert_true(stage.lost);
	stage.reports[0] = 0;
	stage.last[0].health = HEALTH_UNKNOWN;
	start_probe();
	run_until(zero_is_down);
	assert_int_equal(stage.reports[0], 3); /* fall: it began as up */
}

static void our_own_trouble_does_not_change_health(void **state)
{
	struct check_spec ping = spec_of(CHECK_PING, 0); /* without a socket */

	stage.known = HEALTH_UP;
	put(0, &ping);
	run_until(zero_is_up);
	assert_int_equal(stage.last[0].outcome.code, CHECK_CODE_SOCKERR);
	assert_false(stage.last[0].changed);
}

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static void a_ca_bundle_reaches_a_process_that_cannot_open_files(void **state)
{
	char path[] = "/tmp/lbxdp-test-ca-XXXXXX", pem[4096];
	SSL_CTX *ctx = bad_server_context(pem);
	struct bad_server server;
	struct check_spec right, wrong;
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	close(fd);
	write_file(path, pem);
	bad_server_start(&server, web, ctx);
	SSL_CTX_free(ctx);
	right = spec_of(CHECK_HTTPS, server.port);
	right.verify = true;
	snprintf(right.ca, sizeof(right.ca), "%s", path);
	wrong = right;
	snprintf(wrong.host, sizeof(wrong.host), "other.example.com");
	assert_int_equal(put(0, &right), 0);
	assert_int_equal(put(1, &wrong), 0);
	run_until(first_two_are_in);
	bad_server_stop(&server);
	unlink(path);
	assert_int_equal(stage.last[0].outcome.code, CHECK_CODE_L7OK);
	assert_int_equal(stage.last[1].outcome.code, CHECK_CODE_L6RSP);
	assert_non_null(strstr(stage.last[1].outcome.detail, "hostname mismatch"));
}

static bool zero_has_passed(void)
{
	return stage.last[0].outcome.code == CHECK_CODE_L7OK;
}

static bool one_is_in(void)
{
	return stage.reports[1];
}

static void a_bundle_is_replaced_by_a_whole_one_only(void **state)
{
	char path[] = "/tmp/lbxdp-test-ca-XXXXXX", pem[4096], other[4096];
	SSL_CTX *ctx = bad_server_context(pem), *other_ctx = bad_server_context(other);
	struct bad_server server;
	struct check_spec spec;
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	close(fd);
	write_file(path, other);
	bad_server_start(&server, web, ctx);
	SSL_CTX_free(ctx);
	SSL_CTX_free(other_ctx);
	spec = spec_of(CHECK_HTTPS, server.port);
	spec.verify = true;
	snprintf(spec.ca, sizeof(spec.ca), "%s", path);
	assert_int_equal(put(0, &spec), 0);
	assert_int_equal(put(1, &spec), 0);
	run_until(first_two_are_in);
	assert_int_equal(stage.last[0].outcome.code, CHECK_CODE_L6RSP);
	write_file(path, pem);
	health_client_look(stage.client);
	run_until(zero_has_passed);
	write_file(path, "half a certific");
	health_client_look(stage.client);
	drop(1);
	stage.reports[1] = 0;
	assert_int_equal(put(1, &spec), 0);
	run_until(one_is_in);
	assert_int_equal(stage.last[1].outcome.code, CHECK_CODE_L7OK);
	bad_server_stop(&server);
	unlink(path);
}

static void a_missing_ca_bundle_refuses_the_row(void **state)
{
	struct check_spec spec = spec_of(CHECK_HTTPS, 1);

	spec.verify = true;
	snprintf(spec.ca, sizeof(spec.ca), "/nonexistent/ca.pem");
	assert_int_equal(put(0, &spec), -ENOENT);
}

static int open_stage(void **state)
{
	struct health_client_events events = {
		.report = take_report,
		.lost = take_loss,
		.known = tell_health,
	};

	stage = (struct stage){.guard.fn = give_up};
	stage.loop = loop_new();
	stage.client = health_client_new(stage.loop, &events);
	start_probe();
	return 0;
}

/* The probe process ends by itself when its channel closes. */
static int close_stage(void **state)
{
	int status = -1;

	health_client_free(stage.client);
	waitpid(stage.probe, &status, 0);
	loop_free(stage.loop);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_stage, close_stage)
		TEST(unchecked_reals_are_up_at_once),
		TEST(the_first_result_counts_at_once),
		TEST(a_changed_order_keeps_its_health),
		TEST(a_dropped_check_is_not_heard_of_again),
		TEST(a_new_process_gets_every_row_and_the_known_health),
		TEST(our_own_trouble_does_not_change_health),
		TEST(a_ca_bundle_reaches_a_process_that_cannot_open_files),
		TEST(a_bundle_is_replaced_by_a_whole_one_only),
		TEST(a_missing_ca_bundle_refuses_the_row),
	};

	return cmocka_run_group_tests_name("runner", tests, NULL, NULL);
}
