/* SPDX-License-Identifier: GPL-2.0-only */
/* Streams over socket pairs and loopback: opening, both directions, ends, and who is called when.
 */
#include "io/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"

struct fixture {
	struct loop *loop;
	struct stream stream;
	struct timer guard;
	int peer;
	int calls, error;
	enum stream_state state;
};

static void stop_at_first_call(struct stream *s, int error)
{
	struct fixture *f = container_of(s, struct fixture, stream);

	f->calls++;
	f->error = error;
	f->state = s->state;
	loop_stop(f->loop);
}

static void give_up(struct timer *t)
{
	fail_msg("nothing happened for 10 s");
}

static int open_pair(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));
	int fd[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fd))
		return -1;
	f->loop = loop_new();
	f->guard.fn = give_up;
	f->stream.fn = stop_at_first_call;
	f->peer = fd[1];
	timer_start(f->loop, &f->guard, 10000);
	*state = f;
	return stream_open(&f->stream, f->loop, fd[0]);
}

static int close_pair(void **state)
{
	struct fixture *f = *state;

	stream_close(&f->stream);
	timer_stop(&f->guard);
	loop_free(f->loop);
	if (f->peer >= 0)
		close(f->peer);
	free(f);
	return 0;
}

static void run_until_called(struct fixture *f)
{
	int before = f->calls;

	assert_int_equal(loop_run(f->loop), 0);
	assert_int_equal(f->calls, before + 1);
}

static void an_opened_stream_carries_bytes_both_ways(void **state)
{
	struct fixture *f = *state;
	char bytes[8];

	run_until_called(f);
	assert_int_equal(f->error, 0);
	assert_int_equal(f->state, STREAM_OPEN);
	assert_int_equal(stream_write(&f->stream, "hello", 5), 5);
	assert_int_equal(read(f->peer, bytes, sizeof(bytes)), 5);
	assert_int_equal(stream_read(&f->stream, bytes, sizeof(bytes)), -EAGAIN);
	assert_int_equal(stream_want(&f->stream, LOOP_READ), 0);
	assert_int_equal(write(f->peer, "world", 5), 5);
	run_until_called(f);
	assert_int_equal(stream_read(&f->stream, bytes, sizeof(bytes)), 5);
	assert_memory_equal(bytes, "world", 5);
}

static void the_end_of_the_peer_is_read_as_zero(void **state)
{
	struct fixture *f = *state;
	char bytes[8];

	run_until_called(f);
	assert_int_equal(stream_want(&f->stream, LOOP_READ), 0);
	close(f->peer);
	f->peer = -1;
	run_until_called(f);
	assert_int_equal(stream_read(&f->stream, bytes, sizeof(bytes)), 0);
	assert_int_equal(stream_write(&f->stream, "x", 1), -EPIPE);
}

static void a_full_socket_says_wait_and_then_go(void **state)
{
	static char bytes[65536];
	struct fixture *f = *state;
	ssize_t n;

	run_until_called(f);
	do
		n = stream_write(&f->stream, bytes, sizeof(bytes));
	while (n > 0);
	assert_int_equal(n, -EAGAIN);
	assert_int_equal(stream_want(&f->stream, LOOP_WRITE), 0);
	while (read(f->peer, bytes, sizeof(bytes)) > 0)
		;
	run_until_called(f);
	assert_int_equal(stream_write(&f->stream, "x", 1), 1);
}

static void closing_twice_is_closing_once(void **state)
{
	struct fixture *f = *state;
	char byte;

	run_until_called(f);
	stream_close(&f->stream);
	stream_close(&f->stream);
	stream_abort(&f->stream);
	assert_int_equal(f->stream.state, STREAM_CLOSED);
	assert_int_equal(read(f->peer, &byte, 1), 0);
}

static int listen_on(struct sockaddr_in *sa)
{
	socklen_t len = sizeof(*sa);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	*sa = (struct sockaddr_in){.sin_family = AF_INET};
	sa->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(fd, (struct sockaddr *)sa, len), 0);
	assert_int_equal(listen(fd, 4), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)sa, &len), 0);
	return fd;
}

static void a_refused_connection_is_told_while_connecting(void **state)
{
	struct fixture *f = *state;
	struct sockaddr_in sa;
	struct addr to;

	close(listen_on(&sa));
	stream_close(&f->stream);
	addr_parse(&to, "127.0.0.1");
	assert_int_equal(stream_connect(&f->stream, f->loop, &to, ntohs(sa.sin_port), true), 0);
	run_until_called(f);
	assert_int_equal(f->error, -ECONNREFUSED);
	assert_int_equal(f->state, STREAM_CONNECTING);
}

/* What a connect check relies on: the mail server's program never learns that somebody was there.
 */
static void an_aborted_quiet_connection_is_never_accepted(void **state)
{
	struct fixture *f = *state;
	struct sockaddr_in sa;
	struct addr to;
	int listener = listen_on(&sa);

	stream_close(&f->stream);
	addr_parse(&to, "127.0.0.1");
	assert_int_equal(stream_connect(&f->stream, f->loop, &to, ntohs(sa.sin_port), true), 0);
	run_until_called(f);
	assert_int_equal(f->error, 0);
	stream_abort(&f->stream);
	fcntl(listener, F_SETFL, O_NONBLOCK);
	assert_int_equal(accept(listener, NULL, NULL), -1);
	assert_int_equal(errno, EAGAIN);
	close(listener);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_pair, close_pair)
		TEST(an_opened_stream_carries_bytes_both_ways),
		TEST(the_end_of_the_peer_is_read_as_zero),
		TEST(a_full_socket_says_wait_and_then_go),
		TEST(closing_twice_is_closing_once),
		TEST(a_refused_connection_is_told_while_connecting),
		TEST(an_aborted_quiet_connection_is_never_accepted),
	};

	return cmocka_run_group_tests_name("stream", tests, NULL, NULL);
}
