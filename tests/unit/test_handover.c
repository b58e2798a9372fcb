/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A proxy process without its main, and a main that finds one. The process is the true one, in a
 * child; where it is of another version of lbxdp, a child plays it.
 */
#include "proxy/handover.h"

#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "core/handover.h"
#include "proxy/client.h"
#include "proxy/doors.h"
#include "proxy/predecessors.h"
#include "proxy/proxy.h"
#include "proxy_lab.h"

enum { COLUMN = 3, REAL = 11 };

static struct stage {
	char dir[64];
	struct channel main; /* the old main's end */
	bool ready;
	int ended; /* the column of the one that did last; -2: nobody */
	int server;
	uint16_t server_port;
	pid_t pid;
} stage;

static void take_report(struct channel *c, const void *bytes, size_t len, int fd)
{
	const struct proxy_report *r = bytes;

	assert_int_equal(len, sizeof(*r));
	stage.ready |= r->kind == PROXY_REPORT_READY;
}

static void no_close(struct channel *c)
{
	fail();
}

static void note_end(void *arg, int column)
{
	stage.ended = column;
}

/* Only root may ask, and `make check` may be anybody's. */
static int set_stage(void **state)
{
	if (geteuid())
		return 0;
	stage = (struct stage){.ended = -2, .dir = "/tmp/lbxdp-doors-XXXXXX"};
	stage.main = (struct channel){.message = take_report, .closed = no_close};
	loop = loop_new();
	stage.server = listen_at("127.0.0.1", &stage.server_port);
	return loop && mkdtemp(stage.dir) ? 0 : -1;
}

static int clear_stage(void **state)
{
	if (geteuid())
		return 0;
	if (stage.pid) {
		kill(stage.pid, SIGKILL);
		waitpid(stage.pid, NULL, 0);
		door_remove(stage.dir, stage.pid);
	}
	close(stage.server);
	loop_free(loop);
	return rmdir(stage.dir); /* no door stays */
}

static void tell(uint32_t kind, uint32_t id, const void *u, size_t len, int fd)
{
	struct proxy_order o = {.kind = kind, .id = id};

	if (len)
		memcpy(&o.u, u, len);
	assert_int_equal(channel_send(&stage.main, &o, sizeof(o), fd), 0);
	if (fd >= 0)
		close(fd);
}

static int sealed_memory(void)
{
	int fd = memfd_create("shared", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	assert_int_equal(ftruncate(fd, sizeof(struct proxy_shared)), 0);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL), 0);
	return fd;
}

static void tell_rows(void)
{
	struct proxy_service s = {.name = "S", .connect = 2000, .client = 60000, .server = 60000};
	struct proxy_real r = {.service = SERVICE,
			       .weight = 1,
			       .port = stage.server_port,
			       .flags = PROXY_REAL_USABLE};

	assert_int_equal(addr_parse(&r.ip, "127.0.0.1"), 0);
	tell(PROXY_ORDER_SHARED, 0, NULL, 0, sealed_memory());
	tell(PROXY_ORDER_SERVICE, SERVICE, &s, sizeof(s), -1);
	tell(PROXY_ORDER_REAL, REAL, &r, sizeof(r), -1);
	front = (struct proxy_endpoint){};
	assert_int_equal(addr_parse(&front.vip, "127.0.0.1"), 0);
	tell(PROXY_ORDER_LISTEN, SERVICE, &front, sizeof(front),
	     listen_at("127.0.0.1", &front.port));
}

/* The door is the last that main gives. */
static void start_process(void)
{
	struct proxy_endpoint at;
	int fd[2];

	assert_int_equal(channel_pair(fd), 0);
	stage.pid = fork();
	if (!stage.pid) {
		close(fd[0]);
		close(stage.server);
		_exit(proxy_main(&(struct proxy_fds){fd[1], COLUMN}));
	}
	close(fd[1]);
	assert_int_equal(channel_init(&stage.main, loop, fd[0]), 0);
	tell_rows();
	at = front;
	assert_true(at.port);
	tell(PROXY_ORDER_DOOR, 0, NULL, 0, door_open(stage.dir, stage.pid));
	until(stage.ready);
}

static struct predecessors *find(void)
{
	return predecessors_find(loop, stage.dir, note_end, NULL);
}

static struct predecessor_view the_one(const struct predecessors *p)
{
	struct predecessor_view v = {};

	assert_int_equal(predecessors_room(p), 1);
	assert_int_equal(predecessors_view(p, &v, 1), 1);
	return v;
}

/* Asks, and looks at the answers that came so far. */
static bool has_sessions(struct predecessors *p, uint64_t count)
{
	predecessors_count(p);
	return the_one(p).sessions == count;
}

#define NEEDS_ROOT                                                                                 \
	if (geteuid())                                                                             \
	skip()

static void a_process_serves_on_and_hands_over_what_it_has(void **state)
{
	struct predecessors *p;
	int client, server, listener, memory;

	NEEDS_ROOT;
	start_process();
	channel_fini(&stage.main); /* main dies */
	client = dial_from(&front);
	server = take_session(stage.server);
	say(client, "nobody noticed");
	assert_receives(server, "nobody noticed");
	p = find();
	assert_true(predecessors_accept(p));
	until(has_sessions(p, 1));
	assert_int_equal(the_one(p).pid, stage.pid);
	memory = predecessors_take_memory(p, 2);
	assert_true(memory >= 0);
	assert_int_equal(predecessors_columns(p), 1 << COLUMN);
	listener = predecessors_take_listener(p, &front);
	assert_true(listener >= 0);
	assert_int_equal(predecessors_take_listener(p, &front), -1);
	predecessors_finish(p);
	until(the_one(p).finishing);
	assert_false(predecessors_accept(p));
	close(dial_from(&front)); /* is ours now */
	until(accepts(listener));
	close(accepted);
	say(client, "and goes on");
	assert_receives(server, "and goes on");
	close(client);
	close(server);
	until(stage.ended == COLUMN);
	assert_int_equal(predecessors_room(p), 0);
	predecessors_free(p);
	close(listener);
	close(memory);
}

static void who_was_there_when_it_is_told_to_finish_is_served(void **state)
{
	struct predecessors *p;
	int client;

	NEEDS_ROOT;
	start_process();
	channel_fini(&stage.main);
	p = find();
	kill(stage.pid, SIGSTOP); /* busy, at the worst moment */
	client = dial_from(&front);
	predecessors_finish(p);
	kill(stage.pid, SIGCONT);
	close(take_session(stage.server));
	assert_end(client);
	close(client);
	until(stage.ended == NO_COLUMN);
	predecessors_free(p);
}

static void a_process_hands_nothing_over_while_its_main_lives(void **state)
{
	const struct handover_message ask = {
		.magic = HANDOVER_MAGIC, .version = HANDOVER_VERSION, .kind = HANDOVER_COUNT};
	struct handover_message m;
	int fd, pidfd, none = -1, client;

	NEEDS_ROOT;
	start_process();
	fd = door_knock(stage.dir, stage.pid, &pidfd);
	assert_true(fd >= 0);
	assert_int_equal(send(fd, &ask, sizeof(ask), 0), sizeof(ask));
	client = dial_from(&front); /* it has done a round when this is served */
	close(take_session(stage.server));
	assert_end(client);
	close(client);
	assert_int_equal(channel_receive(fd, &m, sizeof(m), &none), -EAGAIN);
	channel_fini(&stage.main);
	until(channel_receive(fd, &m, sizeof(m), &none) == sizeof(m));
	assert_int_equal(m.kind, HANDOVER_STATE);
	assert_int_equal(m.version, HANDOVER_VERSION);
	close(fd);
	close(pidfd);
}

static void a_process_without_a_door_ends_with_its_main(void **state)
{
	int fd[2], status;
	pid_t pid;

	NEEDS_ROOT;
	assert_int_equal(channel_pair(fd), 0);
	pid = fork();
	if (!pid) {
		close(fd[0]);
		_exit(proxy_main(&(struct proxy_fds){fd[1], COLUMN}));
	}
	close(fd[1]);
	assert_int_equal(channel_init(&stage.main, loop, fd[0]), 0);
	tell_rows();
	channel_fini(&stage.main);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* Sends each of the words, the listener's with its socket, and waits to be told to finish. */
static int play(int door, const struct handover_message *words, size_t count, int listener)
{
	struct channel c = {.last = &c.first};
	struct pollfd knock = {.fd = door, .events = POLLIN};
	struct handover_message m;
	int peer;

	(void)poll(&knock, 1, -1);
	peer = accept(door, NULL, NULL);
	if (recv(peer, &m, sizeof(m), 0) != sizeof(m) || m.kind != HANDOVER_TAKE)
		return 1;
	c.watch.fd = peer;
	for (size_t i = 0; i < count; i++)
		if (channel_send(&c, &words[i], sizeof(words[i]),
				 words[i].kind == HANDOVER_LISTENER ? listener : -1))
			return 1;
	return recv(peer, &m, sizeof(m), 0) != sizeof(m) || m.kind != HANDOVER_FINISH;
}

/* A process that says this when it is asked. It is behind its door when this returns. */
static void start_player(const struct handover_message *words, size_t count, int listener)
{
	int go[2];
	char c;

	assert_int_equal(pipe(go), 0);
	stage.pid = fork();
	if (!stage.pid) {
		int door = door_open(stage.dir, getpid());

		_exit(write(go[1], "", 1) != 1 || play(door, words, count, listener));
	}
	assert_int_equal(read(go[0], &c, 1), 1);
	close(go[0]);
	close(go[1]);
}

/* And has been told to finish. */
static void end_player(void)
{
	int status;

	assert_int_equal(waitpid(stage.pid, &status, 0), stage.pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	until(stage.ended == NO_COLUMN);
	stage.pid = 0;
}

static void a_process_that_knows_another_version_is_told_to_finish(void **state)
{
	const struct handover_message v9 = {
		.magic = HANDOVER_MAGIC, .version = 9, .kind = HANDOVER_STATE};
	struct predecessors *p;

	NEEDS_ROOT;
	start_player(&v9, 1, -1);
	p = find();
	assert_false(predecessors_accept(p));
	assert_int_equal(predecessors_take_memory(p, 1), -1);
	end_player();
	predecessors_free(p);
}

static void listeners_are_taken_also_where_the_memory_is_laid_out_otherwise(void **state)
{
	const struct handover_message words[] = {
		{.magic = HANDOVER_MAGIC,
		 .version = HANDOVER_VERSION,
		 .kind = HANDOVER_STATE,
		 .sessions = 5,
		 .memory_size = sizeof(struct proxy_shared) + 8,
		 .memory_version = PROXY_SHARED_VERSION},
		{.magic = HANDOVER_MAGIC, .version = HANDOVER_VERSION,                  .kind = HANDOVER_LISTENER                                  },
		{.magic = HANDOVER_MAGIC,                   .version = HANDOVER_VERSION,.kind = HANDOVER_DONE},
	};
	struct predecessors *p;
	int listener, fd;

	NEEDS_ROOT;
	front = (struct proxy_endpoint){};
	listener = listen_at("127.0.0.1", &front.port);
	assert_int_equal(addr_parse(&front.vip, "127.0.0.1"), 0);
	start_player(words, ARRAY_COUNT(words), listener);
	close(listener);
	p = find();
	assert_true(predecessors_accept(p));
	assert_int_equal(predecessors_take_memory(p, 1), -1);
	assert_int_equal(the_one(p).column, NO_COLUMN);
	assert_int_equal(the_one(p).sessions, 5);
	fd = predecessors_take_listener(p, &front);
	assert_true(fd >= 0);
	predecessors_finish(p);
	end_player();
	predecessors_free(p);
	close(fd);
}

static void what_is_no_listening_socket_is_not_taken(void **state)
{
	const struct handover_message words[] = {
		{.magic = HANDOVER_MAGIC, .version = HANDOVER_VERSION, .kind = HANDOVER_STATE   },
		{.magic = HANDOVER_MAGIC, .version = HANDOVER_VERSION, .kind = HANDOVER_LISTENER},
		{.magic = HANDOVER_MAGIC, .version = HANDOVER_VERSION, .kind = HANDOVER_DONE    },
	};
	struct sockaddr_storage sa;
	struct predecessors *p;
	int bound = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t len = sizeof(sa);

	NEEDS_ROOT;
	front = (struct proxy_endpoint){};
	assert_int_equal(addr_parse(&front.vip, "127.0.0.1"), 0);
	len = addr_to_sockaddr(&front.vip, 0, &sa);
	assert_int_equal(bind(bound, (struct sockaddr *)&sa, len), 0);
	assert_int_equal(getsockname(bound, (struct sockaddr *)&sa, &len), 0);
	assert_int_equal(addr_from_sockaddr(&front.vip, &front.port, (struct sockaddr *)&sa), 0);
	start_player(words, ARRAY_COUNT(words), bound);
	p = find();
	assert_int_equal(predecessors_take_listener(p, &front), -1);
	predecessors_finish(p);
	end_player();
	predecessors_free(p);
	close(bound);
}

static void the_door_of_one_that_died_is_taken_away(void **state)
{
	int pidfd;
	pid_t pid;
	struct stat st;
	char path[96];

	NEEDS_ROOT;
	pid = fork();
	if (!pid)
		_exit(0);
	close(door_open(stage.dir, pid));
	waitpid(pid, NULL, 0);
	snprintf(path, sizeof(path), "%s/proxy-%d.sock", stage.dir, pid);
	assert_int_equal(stat(path, &st), 0);
	assert_true(door_knock(stage.dir, pid, &pidfd) < 0);
	assert_int_equal(stat(path, &st), -1);
	assert_int_equal(doors_kill_all(stage.dir), 0);
}

static void down_ends_who_serves_on(void **state)
{
	int status;

	NEEDS_ROOT;
	start_process();
	channel_fini(&stage.main);
	assert_int_equal(doors_kill_all(stage.dir), 1);
	assert_int_equal(waitpid(stage.pid, &status, WNOHANG), stage.pid);
	assert_true(WIFSIGNALED(status));
	stage.pid = 0;
}

static const char *name_of(void *arg, enum plan_table t, uint32_t id)
{
	return t == PLAN_PROXY_SERVICES ? "S" : "S/R 127.0.0.1/l7";
}

static void no_loss(void *arg, unsigned int index)
{
	fail();
}

static struct proxy_client *main_of_now(void)
{
	const struct proxy_client_events events = {.lost = no_loss, .name_of = name_of};
	struct proxy_client *c = proxy_client_new(loop, 2, stage.dir, &events);

	assert_non_null(c);
	return c;
}

static void put(struct proxy_client *c, enum plan_table t, const void *key, const void *value)
{
	const struct plan_sink *sink = proxy_client_sink(c);

	assert_int_equal(sink->put(sink->to, t, key, value, NULL), 0);
}

static void put_rows(struct proxy_client *c)
{
	const struct proxy_service s = {
		.name = "S", .connect = 2000, .client = 60000, .server = 60000};
	struct proxy_real r = {.name = "R",
			       .service = SERVICE,
			       .weight = 1,
			       .port = stage.server_port,
			       .flags = PROXY_REAL_USABLE};
	const uint32_t service = SERVICE, real = REAL;

	assert_int_equal(addr_parse(&r.ip, "127.0.0.1"), 0);
	put(c, PLAN_PROXY_SERVICES, &service, &s);
	put(c, PLAN_PROXY_REALS, &real, &r);
	put(c, PLAN_LISTENERS, &front, &service);
}

static void connect_process(struct proxy_client *c)
{
	int fd[2];

	assert_int_equal(channel_pair(fd), 0);
	stage.pid = fork();
	if (!stage.pid) {
		close(fd[0]);
		close(stage.server);
		_exit(proxy_main(&(struct proxy_fds){fd[1], (int)proxy_client_column(c, 0)}));
	}
	close(fd[1]);
	assert_int_equal(proxy_client_connect(c, 0, stage.pid, fd[0]), 0);
}

/* The next order that is said to a process that we play; -1: none. Its descriptor is closed. */
static int next_order(int from)
{
	struct proxy_order o;
	int fd = -1;
	ssize_t len = channel_receive(from, &o, sizeof(o), &fd);

	if (fd >= 0)
		close(fd);
	return len == sizeof(o) ? (int)o.kind : -1;
}

static bool hears(int from, enum proxy_order_kind wanted)
{
	int kind;

	do
		kind = next_order(from);
	while (kind >= 0 && kind != (int)wanted);
	return kind >= 0;
}

static uint64_t current, queued;

static uint64_t sessions_of(const struct proxy_client *c)
{
	return proxy_client_service(c, SERVICE, &current, &queued).sessions;
}

static void note_name(void *arg, enum plan_table t, uint32_t id, const char *name)
{
	assert_string_equal(name, name_of(NULL, t, id));
	assert_int_equal(id, t == PLAN_PROXY_SERVICES ? SERVICE : REAL);
	++*(int *)arg;
}

static bool finishes(const struct proxy_client *c)
{
	struct predecessor_view v = {};

	return proxy_client_earlier(c, &v, 1) == 1 && v.finishing;
}

static void the_next_main_goes_on_where_the_last_one_was(void **state)
{
	const struct proxy_report ready = {.kind = PROXY_REPORT_READY};
	struct proxy_client *c;
	int client, server, names = 0, fd[2], probe;
	pid_t old;

	NEEDS_ROOT;
	front = (struct proxy_endpoint){};
	probe = listen_at("127.0.0.1", &front.port);
	assert_int_equal(addr_parse(&front.vip, "127.0.0.1"), 0);
	close(probe);
	c = main_of_now();
	put_rows(c);
	proxy_client_limit(c, 100);
	connect_process(c);
	old = stage.pid;
	client = dial_from(&front);
	server = take_session(stage.server);
	until(sessions_of(c) == 1);
	assert_int_equal(current, 1);
	proxy_client_free(c);

	c = main_of_now();
	proxy_client_each_name(c, note_name, &names);
	assert_int_equal(names, 2);
	assert_int_equal(sessions_of(c), 1);
	assert_int_equal(current, 1);
	assert_int_equal(proxy_client_column(c, 0), 1); /* 0 is in use */
	put_rows(c);                                    /* the port is free, for us alone */
	assert_int_equal(channel_pair(fd), 0);
	assert_int_equal(proxy_client_connect(c, 0, getpid(), fd[0]), 0);
	assert_false(hears(fd[1], PROXY_ORDER_LISTEN)); /* nothing is known of the reals yet */
	proxy_client_settled(c);
	assert_true(hears(fd[1], PROXY_ORDER_LISTEN));
	assert_true(hears(fd[1], PROXY_ORDER_DOOR));
	assert_false(finishes(c));
	assert_int_equal(send(fd[1], &ready, sizeof(ready), 0), sizeof(ready));
	until(finishes(c));
	close(client);
	close(server);
	until(proxy_client_earlier_room(c) == 0);
	assert_int_equal(sessions_of(c), 1);
	assert_int_equal(current, 0);
	assert_int_equal(waitpid(old, NULL, 0), old);
	stage.pid = 0;
	door_remove(stage.dir, getpid());
	proxy_client_free(c);
	close(fd[1]);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_stage, clear_stage)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_process_serves_on_and_hands_over_what_it_has),
		CASE(who_was_there_when_it_is_told_to_finish_is_served),
		CASE(a_process_hands_nothing_over_while_its_main_lives),
		CASE(a_process_without_a_door_ends_with_its_main),
		CASE(a_process_that_knows_another_version_is_told_to_finish),
		CASE(listeners_are_taken_also_where_the_memory_is_laid_out_otherwise),
		CASE(what_is_no_listening_socket_is_not_taken),
		CASE(the_door_of_one_that_died_is_taken_away),
		CASE(the_next_main_goes_on_where_the_last_one_was),
		CASE(down_ends_who_serves_on),
	};

	return cmocka_run_group_tests_name("handover", tests, NULL, NULL);
}
