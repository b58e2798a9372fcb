/* SPDX-License-Identifier: GPL-2.0-only */
/* The event loop and the channel, over pipes and socket pairs. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "io/channel.h"
#include "io/loop.h"

static struct loop *loop;
static char said[256];

static int make_loop(void **state)
{
	loop = loop_new();
	said[0] = '\0';
	return loop ? 0 : -1;
}

static int free_loop(void **state)
{
	loop_free(loop);
	return 0;
}

static void say(const char *word)
{
	strncat(said, word, sizeof(said) - strlen(said) - 1);
}

struct named_timer {
	struct timer timer;
	const char *name;
};

static void say_name(struct timer *t)
{
	say(container_of(t, struct named_timer, timer)->name);
}

static void say_and_stop(struct timer *t)
{
	say_name(t);
	loop_stop(loop);
}

static void room_for_timers_is_there_or_refused(void **state)
{
	struct named_timer a = {{.fn = say_name}, "a"}, end = {{.fn = say_and_stop}, "."};

	assert_int_equal(loop_reserve(loop, 1000), 0);
	timer_start(loop, &a.timer, 1);
	assert_int_equal(loop_reserve(loop, 10), 0); /* it is there */
	assert_int_equal(loop_reserve(loop, SIZE_MAX / 4), -ENOMEM);
	timer_start(loop, &end.timer, 2);
	assert_int_equal(loop_run(loop), 0);
	assert_string_equal(said, "a.");
}

static void timers_fire_in_the_order_they_are_due(void **state)
{
	struct named_timer a = {{.fn = say_name}, "a"}, b = {{.fn = say_name}, "b"},
			   c = {{.fn = say_name}, "c"}, end = {{.fn = say_and_stop}, "."};

	timer_start(loop, &end.timer, 40);
	timer_start(loop, &c.timer, 5);
	timer_start(loop, &b.timer, 20);
	timer_start(loop, &a.timer, 1);
	timer_start(loop, &c.timer, 30); /* again: moves it */
	assert_int_equal(loop_run(loop), 0);
	assert_string_equal(said, "abc.");
	assert_false(timer_running(&a.timer));
}

static void a_stopped_timer_does_not_fire(void **state)
{
	struct named_timer t[100], end = {{.fn = say_and_stop}, "."};

	for (int i = 0; i < 100; i++) {
		t[i] = (struct named_timer){{.fn = say_name}, i % 3 ? "x" : "y"};
		timer_start(loop, &t[i].timer, (i * 7) % 10);
	}
	for (int i = 0; i < 100; i++)
		if (i % 3)
			timer_stop(&t[i].timer);
	timer_start(loop, &end.timer, 20);
	assert_int_equal(loop_run(loop), 0);
	assert_int_equal(strlen(said), 35);
	assert_null(strchr(said, 'x'));
}

static struct watch watches[2];
static int pipes[2][2];

static void say_and_unwatch_both(struct watch *w, unsigned int events)
{
	say("r");
	loop_unwatch(&watches[0]);
	loop_unwatch(&watches[1]);
	loop_stop(loop);
}

static void an_unwatched_fd_is_silent_even_in_the_same_round(void **state)
{
	for (int i = 0; i < 2; i++) {
		assert_int_equal(pipe(pipes[i]), 0);
		assert_int_equal(write(pipes[i][1], "x", 1), 1);
		watches[i] = (struct watch){.fn = say_and_unwatch_both};
		assert_int_equal(loop_watch(loop, &watches[i], pipes[i][0], LOOP_READ), 0);
	}
	assert_int_equal(loop_run(loop), 0);
	assert_string_equal(said, "r");
	for (int i = 0; i < 2; i++) {
		close(pipes[i][0]);
		close(pipes[i][1]);
	}
}

static void say_who_has_news(struct watch *w, unsigned int events)
{
	for (int i = 0; i < 2; i++)
		say(loop_has_news(&watches[i]) ? "y" : "n");
	if (!loop_has_news(&watches[0]) && !loop_has_news(&watches[1]))
		loop_stop(loop);
}

static void news_of_a_round_is_known_before_its_callback(void **state)
{
	for (int i = 0; i < 2; i++) {
		assert_int_equal(pipe(pipes[i]), 0);
		assert_int_equal(write(pipes[i][1], "x", 1), 1);
		watches[i] = (struct watch){.fn = say_who_has_news};
		assert_int_equal(loop_watch(loop, &watches[i], pipes[i][0], LOOP_READ), 0);
	}
	assert_int_equal(loop_run(loop), 0);
	assert_string_equal(said, "nynn");
	for (int i = 0; i < 2; i++) {
		loop_unwatch(&watches[i]);
		assert_false(loop_has_news(&watches[i]));
		close(pipes[i][0]);
		close(pipes[i][1]);
	}
}

static struct loop_usage usage;

static void note_usage(struct watch *w, unsigned int events)
{
	usage = loop_usage(loop);
	loop_stop(loop);
}

static void the_loop_knows_its_watches_and_their_news(void **state)
{
	char byte;

	for (int i = 0; i < 2; i++) {
		assert_int_equal(pipe(pipes[i]), 0);
		assert_int_equal(write(pipes[i][1], "x", 1), 1);
		watches[i] = (struct watch){.fn = note_usage};
		for (int again = 0; again < 2; again++)
			assert_int_equal(loop_watch(loop, &watches[i], pipes[i][0], LOOP_READ), 0);
	}
	assert_int_equal(loop_run(loop), 0);
	assert_int_equal(usage.watches, 2);
	assert_int_equal(usage.news, 2);
	assert_int_equal(read(pipes[0][0], &byte, 1), 1);
	assert_int_equal(loop_run(loop), 0);
	assert_int_equal(usage.news, 1);
	for (int i = 0; i < 2; i++) {
		loop_unwatch(&watches[i]);
		loop_unwatch(&watches[i]);
		assert_int_equal(loop_usage(loop).watches, 1 - i);
		close(pipes[i][0]);
		close(pipes[i][1]);
	}
}

/* Of twenty waits, no host is late for every one; and nobody sleeps longer than time goes by. */
static void time_asleep_is_time_waited(void **state)
{
	struct named_timer end = {{.fn = say_and_stop}, "."};
	uint64_t began = clock_msec();

	for (int i = 0; i < 20; i++) {
		timer_start(loop, &end.timer, 5);
		assert_int_equal(loop_run(loop), 0);
	}
	assert_true(loop_usage(loop).asleep > 0);
	assert_true(loop_usage(loop).asleep <= clock_msec() - began);
}

static unsigned int seen;

static void note_events(struct watch *w, unsigned int events)
{
	seen |= events;
	say("e");
}

static void an_edge_watch_tells_of_changes_only(void **state)
{
	struct watch w = {.fn = note_events};
	struct named_timer end = {{.fn = say_and_stop}, "."};
	int fd[2];

	assert_int_equal(channel_pair(fd), 0);
	assert_int_equal(loop_watch(loop, &w, fd[0], LOOP_READ | LOOP_EDGE), 0);
	for (int i = 0; i < 2; i++) {
		seen = 0;
		assert_int_equal(write(fd[1], "x", 1), 1);
		timer_start(loop, &end.timer, 10);
		assert_int_equal(loop_run(loop), 0);
		assert_int_equal(seen, LOOP_READ);
	}
	close(fd[1]);
	timer_start(loop, &end.timer, 10);
	assert_int_equal(loop_run(loop), 0);
	assert_true(seen & LOOP_END);
	assert_string_equal(said, "e.e.e.");
	loop_forget(&w);
	close(fd[0]);
}

static void an_exclusive_watch_wakes_and_can_be_made_anew(void **state)
{
	struct watch w = {.fn = note_events};
	struct named_timer end = {{.fn = say_and_stop}, "."};
	int fd[2];

	assert_int_equal(pipe(fd), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(loop_watch(loop, &w, fd[0], LOOP_READ | LOOP_EXCLUSIVE), 0);
		loop_unwatch(&w);
	}
	seen = 0;
	assert_int_equal(loop_watch(loop, &w, fd[0], LOOP_READ | LOOP_EXCLUSIVE), 0);
	assert_int_equal(write(fd[1], "x", 1), 1);
	timer_start(loop, &end.timer, 1);
	assert_int_equal(loop_run(loop), 0);
	assert_int_equal(seen, LOOP_READ);
	loop_unwatch(&w);
	close(fd[0]);
	close(fd[1]);
}

struct named_hook {
	struct hook hook;
	const char *name;
};

static void hook_says(struct hook *h)
{
	say(container_of(h, struct named_hook, hook)->name);
	loop_stop(loop);
}

static void a_hook_asked_for_twice_runs_once(void **state)
{
	struct named_hook h = {{.fn = hook_says}, "h"};

	loop_defer(loop, &h.hook);
	loop_defer(loop, &h.hook);
	assert_int_equal(loop_run(loop), 0);
	assert_string_equal(said, "h");
}

static void on_signal(void *arg, int signal)
{
	say(signal == SIGUSR1 ? "1" : "?");
	loop_stop(loop);
}

static void a_signal_arrives_in_the_loop(void **state)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	assert_int_equal(loop_signals(loop, &set, on_signal, NULL), 0);
	assert_int_equal(raise(SIGUSR1), 0);
	assert_int_equal(loop_run(loop), 0);
	assert_string_equal(said, "1");
}

enum { MESSAGES = 3000 };

static struct {
	int count, in_order, fds;
	bool closed;
} got;

static void on_message(struct channel *c, const void *bytes, size_t len, int fd)
{
	int number;

	memcpy(&number, bytes, sizeof(number));
	got.in_order += number == got.count;
	got.count++;
	if (fd >= 0) {
		got.fds += write(fd, "y", 1) == 1;
		close(fd);
	}
	if (got.count == MESSAGES)
		loop_stop(loop);
}

static void on_closed(struct channel *c)
{
	got.closed = true;
	loop_stop(loop);
}

/* More than the socket holds, so that the queue is used, and descriptors keep their message. */
static void messages_arrive_in_order_with_their_descriptors(void **state)
{
	struct channel a = {.message = on_message, .closed = on_closed}, b = a;
	int fd[2], pipe_fd[2];
	char message[1000] = "", ys[16];

	memset(&got, 0, sizeof(got));
	assert_int_equal(channel_pair(fd), 0);
	assert_int_equal(pipe(pipe_fd), 0);
	assert_int_equal(channel_init(&a, loop, fd[0]), 0);
	assert_int_equal(channel_init(&b, loop, fd[1]), 0);
	for (int i = 0; i < MESSAGES; i++) {
		memcpy(message, &i, sizeof(i));
		assert_int_equal(
			channel_send(&a, message, sizeof(message), i % 500 == 1 ? pipe_fd[1] : -1),
			0);
	}
	assert_true(a.queued > 0);
	assert_int_equal(loop_run(loop), 0);
	assert_int_equal(got.in_order, MESSAGES);
	assert_int_equal(got.fds, 6);
	assert_int_equal(read(pipe_fd[0], ys, sizeof(ys)), 6);
	assert_int_equal(channel_send(&a, message, CHANNEL_MESSAGE_MAX + 1, -1), -EMSGSIZE);
	channel_fini(&b);
	assert_int_equal(loop_run(loop), 0);
	assert_true(got.closed);
	assert_int_equal(channel_send(&a, message, 4, -1), -EPIPE);
	channel_fini(&a);
	close(pipe_fd[0]);
	close(pipe_fd[1]);
}

/* A message that is too long, with a descriptor: the peer is not to be trusted any more. */
static void nonsense_closes_the_channel_and_its_descriptor(void **state)
{
	static char message[CHANNEL_MESSAGE_MAX + 1];
	struct channel a = {.message = on_message, .closed = on_closed};
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int))];
	} control = {
		.header = {CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS}
        };
	struct iovec iov = {message, sizeof(message)};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = &control,
			     .msg_controllen = sizeof(control)};
	int fd[2], pipe_fd[2];

	memset(&got, 0, sizeof(got));
	assert_int_equal(channel_pair(fd), 0);
	assert_int_equal(pipe2(pipe_fd, O_NONBLOCK), 0);
	assert_int_equal(channel_init(&a, loop, fd[0]), 0);
	memcpy(CMSG_DATA(&control.header), &pipe_fd[1], sizeof(int));
	assert_int_equal(sendmsg(fd[1], &msg, 0), sizeof(message));
	close(pipe_fd[1]);
	assert_int_equal(loop_run(loop), 0);
	assert_true(got.closed);
	assert_int_equal(got.count, 0);
	assert_int_equal(read(pipe_fd[0], message, 1), 0); /* the other end is closed everywhere */
	channel_fini(&a);
	close(pipe_fd[0]);
	close(fd[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(room_for_timers_is_there_or_refused, make_loop,
						free_loop),
		cmocka_unit_test_setup_teardown(timers_fire_in_the_order_they_are_due, make_loop,
						free_loop),
		cmocka_unit_test_setup_teardown(a_stopped_timer_does_not_fire, make_loop,
						free_loop),
		cmocka_unit_test_setup_teardown(an_unwatched_fd_is_silent_even_in_the_same_round,
						make_loop, free_loop),
		cmocka_unit_test_setup_teardown(news_of_a_round_is_known_before_its_callback,
						make_loop, free_loop),
		cmocka_unit_test_setup_teardown(the_loop_knows_its_watches_and_their_news,
						make_loop, free_loop),
		cmocka_unit_test_setup_teardown(time_asleep_is_time_waited, make_loop, free_loop),
		cmocka_unit_test_setup_teardown(an_edge_watch_tells_of_changes_only, make_loop,
						free_loop),
		cmocka_unit_test_setup_teardown(an_exclusive_watch_wakes_and_can_be_made_anew,
						make_loop, free_loop),
		cmocka_unit_test_setup_teardown(a_hook_asked_for_twice_runs_once, make_loop,
						free_loop),
		cmocka_unit_test_setup_teardown(a_signal_arrives_in_the_loop, make_loop, free_loop),
		cmocka_unit_test_setup_teardown(messages_arrive_in_order_with_their_descriptors,
						make_loop, free_loop),
		cmocka_unit_test_setup_teardown(nonsense_closes_the_channel_and_its_descriptor,
						make_loop, free_loop),
	};

	return cmocka_run_group_tests_name("loop", tests, NULL, NULL);
}
