/* SPDX-License-Identifier: GPL-2.0-only */
/* Main's end of the proxy processes: rows and sockets go out to each, and again to a new one. The
 * test holds the other ends itself. */
#include "proxy/client.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"

enum { PROCESSES = 2, SERVICE = 5, REAL = 70000 };

static struct stage {
	struct loop *loop;
	struct proxy_client *client;
	const struct plan_sink *sink;
	int process[PROCESSES]; /* the other ends */
	int lost;               /* index of the last that was, else -1 */
} stage;

static void take_loss(void *arg, unsigned int index)
{
	stage.lost = (int)index;
	loop_stop(stage.loop);
}

static void connect_process(unsigned int index)
{
	int fd[2];

	assert_int_equal(channel_pair(fd), 0);
	assert_int_equal(proxy_client_connect(stage.client, index, 0, fd[0]), 0);
	stage.process[index] = fd[1];
}

static int set_stage(void **state)
{
	const struct proxy_client_events events = {.lost = take_loss};

	stage = (struct stage){
		.loop = loop_new(), .process = {-1, -1},
                     .lost = -1
        };
	stage.client = proxy_client_new(stage.loop, PROCESSES, NULL, &events);
	assert_non_null(stage.client);
	stage.sink = proxy_client_sink(stage.client);
	return 0;
}

static int clear_stage(void **state)
{
	proxy_client_free(stage.client);
	for (size_t i = 0; i < PROCESSES; i++)
		if (stage.process[i] >= 0)
			close(stage.process[i]);
	loop_free(stage.loop);
	return 0;
}

/* The next order that process index was given, with its descriptor (-1: none). False: no more. */
static bool next_order(unsigned int index, struct proxy_order *o, int *fd)
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec iov = {.iov_base = o, .iov_len = sizeof(*o)};
	struct msghdr m = {.msg_iov = &iov,
			   .msg_iovlen = 1,
			   .msg_control = &control,
			   .msg_controllen = sizeof(control)};
	ssize_t len = recvmsg(stage.process[index], &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	*fd = -1;
	if (len < 0)
		return false;
	assert_int_equal(len, sizeof(*o));
	if (m.msg_controllen)
		memcpy(fd, CMSG_DATA(&control.header), sizeof(*fd));
	return true;
}

/* The orders of process index in a word of letters; an upper-case one came with a descriptor. */
static const char *orders(unsigned int index)
{
	static const char letters[] = "mblgsruopxyvwz";
	static char text[64];
	size_t len = 0;
	struct proxy_order o;
	int fd;

	while (next_order(index, &o, &fd)) {
		assert_true(o.kind < sizeof(letters) - 1 && len < sizeof(text) - 1);
		text[len++] = (char)(letters[o.kind] - (fd >= 0 ? 'a' - 'A' : 0));
		if (fd >= 0)
			close(fd);
	}
	text[len] = '\0';
	return text;
}

static struct proxy_endpoint endpoint(const char *vip, uint16_t port)
{
	struct proxy_endpoint e = {.port = port};

	assert_int_equal(addr_parse(&e.vip, vip), 0);
	return e;
}

static int put_service(uint32_t id, const char *name)
{
	struct proxy_service row = {.connect = 1000};

	snprintf(row.name, sizeof(row.name), "%s", name);
	return stage.sink->put(stage.sink->to, PLAN_PROXY_SERVICES, &id, &row, NULL);
}

static int put_real(uint32_t id)
{
	const struct proxy_real row = {.service = SERVICE, .weight = 100};

	return stage.sink->put(stage.sink->to, PLAN_PROXY_REALS, &id, &row, NULL);
}

static int put_listener(const struct proxy_endpoint *at, uint32_t service)
{
	return stage.sink->put(stage.sink->to, PLAN_LISTENERS, at, &service, NULL);
}

static int drop(enum plan_table t, const void *key)
{
	return stage.sink->del(stage.sink->to, t, key, NULL);
}

/* The port that a listening socket for port 0 got. */
static uint16_t port_of(int fd)
{
	struct sockaddr_storage sa;
	socklen_t len = sizeof(sa);
	struct addr a;
	uint16_t port;

	assert_int_equal(getsockname(fd, (struct sockaddr *)&sa, &len), 0);
	assert_int_equal(addr_from_sockaddr(&a, &port, (struct sockaddr *)&sa), 0);
	return port;
}

/* The socket that the first order for process index with a descriptor of kind brought. */
static int socket_of(unsigned int index, enum proxy_order_kind kind)
{
	struct proxy_order o;
	int fd;

	while (next_order(index, &o, &fd)) {
		if (o.kind == kind && fd >= 0)
			return fd;
		if (fd >= 0)
			close(fd);
	}
	return -1;
}

static struct proxy_shared *map_shared(unsigned int index)
{
	int fd = socket_of(index, PROXY_ORDER_SHARED);
	struct stat st;
	void *at;

	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_size, sizeof(struct proxy_shared));
	assert_int_equal(ftruncate(fd, 0), -1); /* sealed */
	at = mmap(NULL, sizeof(struct proxy_shared), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_ptr_not_equal(at, MAP_FAILED);
	close(fd);
	return at;
}

static void a_new_process_gets_the_table_its_limit_and_every_row_in_order(void **state)
{
	struct proxy_endpoint at = endpoint("127.0.0.1", 0);

	assert_int_equal(put_listener(&at, SERVICE), 0);
	assert_int_equal(put_real(REAL), 0);
	assert_int_equal(put_real(REAL + 1), 0);
	assert_int_equal(put_service(SERVICE, "smtp"), 0);
	connect_process(0);
	assert_string_equal(orders(0), "MBBlsrrP");
}

static void each_process_gets_a_row_and_its_end(void **state)
{
	struct proxy_endpoint at = endpoint("127.0.0.1", 0);
	uint32_t service = SERVICE, real = REAL;

	connect_process(0);
	connect_process(1);
	assert_int_equal(put_service(SERVICE, "smtp"), 0);
	assert_int_equal(put_real(REAL), 0);
	assert_int_equal(put_listener(&at, SERVICE), 0);
	assert_int_equal(drop(PLAN_LISTENERS, &at), 0);
	assert_int_equal(drop(PLAN_PROXY_REALS, &real), 0);
	assert_int_equal(drop(PLAN_PROXY_SERVICES, &service), 0);
	for (unsigned int i = 0; i < PROCESSES; i++)
		assert_string_equal(orders(i), "MBBlsrPzyx");
}

static void a_row_carries_what_the_plan_said(void **state)
{
	struct proxy_order o;
	int fd;

	connect_process(0);
	orders(0);
	assert_int_equal(put_service(SERVICE, "smtp"), 0);
	assert_int_equal(put_real(REAL), 0);
	assert_true(next_order(0, &o, &fd));
	assert_int_equal(o.id, SERVICE);
	assert_string_equal(o.u.service.name, "smtp");
	assert_int_equal(o.u.service.connect, 1000);
	assert_true(next_order(0, &o, &fd));
	assert_int_equal(o.id, REAL);
	assert_int_equal(o.u.real.weight, 100);
}

static void all_processes_share_one_socket_that_outlives_them(void **state)
{
	struct proxy_endpoint at = endpoint("127.0.0.1", 0);
	uint16_t port;
	int fd;

	connect_process(0);
	connect_process(1);
	assert_int_equal(put_listener(&at, SERVICE), 0);
	fd = socket_of(0, PROXY_ORDER_LISTEN);
	port = port_of(fd);
	close(fd);
	fd = socket_of(1, PROXY_ORDER_LISTEN);
	assert_int_equal(port_of(fd), port);
	close(fd);
	close(stage.process[0]);
	connect_process(0);
	fd = socket_of(0, PROXY_ORDER_LISTEN);
	assert_int_equal(port_of(fd), port);
	close(fd);
}

static void a_listener_that_changes_hands_keeps_its_socket(void **state)
{
	struct proxy_endpoint at = endpoint("127.0.0.1", 0);
	int before, after;

	connect_process(0);
	assert_int_equal(put_listener(&at, SERVICE), 0);
	before = socket_of(0, PROXY_ORDER_LISTEN);
	assert_int_equal(put_listener(&at, SERVICE + 1), 0);
	after = socket_of(0, PROXY_ORDER_LISTEN);
	assert_int_equal(port_of(before), port_of(after));
	assert_int_equal(proxy_client_listeners(stage.client), 1);
	close(before);
	close(after);
}

static void a_port_that_is_in_use_is_a_refused_row(void **state)
{
	struct sockaddr_storage sa;
	struct proxy_endpoint at = endpoint("127.0.0.1", 0);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&sa, addr_to_sockaddr(&at.vip, 0, &sa)), 0);
	assert_int_equal(listen(fd, 1), 0);
	at.port = port_of(fd);
	assert_int_equal(put_listener(&at, SERVICE), -EADDRINUSE);
	assert_int_equal(proxy_client_listeners(stage.client), 0);
	close(fd);
	assert_int_equal(put_listener(&at, SERVICE), 0);
	assert_int_equal(proxy_client_listeners(stage.client), 1);
}

static void an_address_that_the_host_does_not_have_yet_is_listened_on(void **state)
{
	struct proxy_endpoint v4 = endpoint("192.0.2.80", 0), v6 = endpoint("2001:db8::80", 0);

	assert_int_equal(put_listener(&v4, SERVICE), 0);
	assert_int_equal(put_listener(&v6, SERVICE), 0);
}

static void processes_share_the_limit_of_sessions(void **state)
{
	struct proxy_order o;
	int fd;

	connect_process(0);
	connect_process(1);
	orders(0);
	orders(1);
	proxy_client_limit(stage.client, 9);
	assert_true(next_order(0, &o, &fd));
	assert_int_equal(o.u.limit, 5);
	assert_true(next_order(1, &o, &fd));
	assert_int_equal(o.u.limit, 4);
	proxy_client_limit(stage.client, 9);
	assert_string_equal(orders(0), "");
}

static void counts_add_up_over_processes(void **state)
{
	struct proxy_shared *shared;
	uint64_t current, queued;

	connect_process(0);
	shared = map_shared(0);
	shared->real[REAL].sessions = 7;
	shared->real_current[0][REAL] = 2;
	shared->real_current[1][REAL] = 3;
	shared->service[SERVICE].bytes_in = 9;
	shared->service_current[1][SERVICE] = 4;
	assert_int_equal(proxy_client_real(stage.client, REAL, &current, &queued).sessions, 7);
	assert_int_equal(current, 5);
	assert_int_equal(proxy_client_service(stage.client, SERVICE, &current, &queued).bytes_in,
			 9);
	assert_int_equal(current, 4);
	assert_int_equal(proxy_client_sessions(stage.client), 4);
	proxy_client_clear_real(stage.client, REAL);
	assert_int_equal(proxy_client_real(stage.client, REAL, &current, &queued).sessions, 0);
	munmap(shared, sizeof(*shared));
}

static void sessions_of_a_process_that_died_are_taken_back(void **state)
{
	struct proxy_shared *shared;
	uint64_t current, queued;

	connect_process(0);
	connect_process(1);
	shared = map_shared(0);
	for (unsigned int i = 0; i < PROCESSES; i++) {
		shared->service_current[i][LB_SERVICES_MAX - 1] = 10 + i;
		shared->real_current[i][1] = 20 + i;
		shared->real_current[i][LB_REALS_MAX - 1] = 30 + i;
		shared->service_queued[i][1] = 40 + i;
		shared->real_queued[i][LB_REALS_MAX - 1] = 50 + i;
		shared->queue_head[i][1] = shared->queue_head[i][LB_SERVICES_MAX - 1] = 60 + i;
	}
	shared->real[1].sessions = 50;
	close(stage.process[0]);
	stage.process[0] = -1;
	assert_int_equal(loop_run(stage.loop), 0);
	assert_int_equal(stage.lost, 0);
	assert_int_equal(proxy_client_sessions(stage.client), 11);
	assert_int_equal(proxy_client_real(stage.client, 1, &current, &queued).sessions, 50);
	assert_int_equal(current, 21);
	(void)proxy_client_real(stage.client, LB_REALS_MAX - 1, &current, &queued);
	assert_int_equal(current, 31);
	assert_int_equal(queued, 51);
	for (unsigned int i = 0; i < PROCESSES; i++) {
		assert_int_equal(shared->service_queued[i][1], i ? 41 : 0);
		assert_int_equal(shared->queue_head[i][1], i ? 61 : 0);
		assert_int_equal(shared->queue_head[i][LB_SERVICES_MAX - 1], i ? 61 : 0);
	}
	munmap(shared, sizeof(*shared));
}

static void a_process_that_talks_nonsense_is_given_up(void **state)
{
	const char nonsense[] = "reboot";

	connect_process(0);
	connect_process(1);
	orders(1);
	assert_int_equal(send(stage.process[1], nonsense, sizeof(nonsense), 0), sizeof(nonsense));
	assert_int_equal(loop_run(stage.loop), 0);
	assert_int_equal(stage.lost, 1);
	assert_int_equal(recv(stage.process[1], (char[8]){}, 8, MSG_DONTWAIT), 0); /* its end */
}

static void rows_of_a_process_that_is_gone_wait_for_the_next(void **state)
{
	connect_process(0);
	close(stage.process[0]);
	assert_int_equal(put_service(SERVICE, "smtp"), 0);
	connect_process(0);
	assert_string_equal(orders(0), "MBBls");
}

static int put_page(const char *path, uint64_t version)
{
	const struct proxy_blob_key key = {
		.id = SERVICE, .kind = PROXY_BLOB_ERROR_PAGE, .index = 503};
	struct proxy_blob row = {.version = version};

	snprintf(row.path, sizeof(row.path), "%s", path);
	return stage.sink->put(stage.sink->to, PLAN_PROXY_BLOBS, &key, &row, NULL);
}

static void write_page(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static void assert_page(unsigned int index, const char *text)
{
	char got[64] = "";
	int fd = socket_of(index, PROXY_ORDER_BLOB);

	assert_int_equal(pread(fd, got, sizeof(got) - 1, 0), strlen(text));
	assert_string_equal(got, text);
	close(fd);
}

static void a_file_s_content_goes_out_and_again_to_a_new_process(void **state)
{
	const struct proxy_blob_key key = {
		.id = SERVICE, .kind = PROXY_BLOB_ERROR_PAGE, .index = 503};
	char path[] = "/tmp/lbxdp-page-XXXXXX";

	close(mkstemp(path));
	write_page(path, "first");
	connect_process(0);
	assert_int_equal(put_page(path, 1), 0);
	assert_page(0, "first");
	write_page(path, "second");
	assert_int_equal(put_page(path, 2), 0);
	unlink(path);
	assert_int_equal(put_page(path, 3), -ENOENT); /* the old content stays */
	connect_process(1);
	assert_page(0, "second");
	assert_page(1, "second");
	assert_int_equal(drop(PLAN_PROXY_BLOBS, &key), 0);
	assert_string_equal(orders(1), "w");
	connect_process(1);
	assert_string_equal(orders(1), "MBBl");
}

static void rules_go_out_and_again_to_a_new_process(void **state)
{
	struct proxy_rule_key key = {.service = SERVICE, .kind = PROXY_RULE_ROUTE, .index = 3};
	struct proxy_rule row = {.value = "mail.example.com", .pool = 6};
	struct proxy_order o;
	int fd;

	connect_process(0);
	assert_string_equal(orders(0), "MBBl");
	assert_int_equal(stage.sink->put(stage.sink->to, PLAN_PROXY_RULES, &key, &row, NULL), 0);
	assert_true(next_order(0, &o, &fd));
	assert_int_equal(o.kind, PROXY_ORDER_RULE);
	assert_memory_equal(&o.u.rule.key, &key, sizeof(key));
	assert_memory_equal(&o.u.rule.row, &row, sizeof(row));
	connect_process(1);
	assert_string_equal(orders(1), "MBBlu");
	assert_int_equal(drop(PLAN_PROXY_RULES, &key), 0);
	assert_true(next_order(0, &o, &fd));
	assert_int_equal(o.kind, PROXY_ORDER_RULE_GONE);
	assert_memory_equal(&o.u.rule.key, &key, sizeof(key));
	assert_string_equal(orders(1), "v");
}

static void every_process_can_ring_every_other(void **state)
{
	struct proxy_order o;
	uint64_t times = 1;
	int fd, bell[2][2];

	for (unsigned int i = 0; i < 2; i++) {
		connect_process(i);
		assert_true(next_order(i, &o, &fd));
		close(fd);
		for (unsigned int j = 0; j < 2; j++) {
			assert_true(next_order(i, &o, &bell[i][j]));
			assert_int_equal(o.kind, PROXY_ORDER_BELL);
			assert_int_equal(o.id, j);
		}
	}
	assert_int_equal(write(bell[0][1], &times, sizeof(times)), sizeof(times));
	assert_int_equal(read(bell[1][0], &times, sizeof(times)), -1); /* not this one */
	assert_int_equal(read(bell[1][1], &times, sizeof(times)), sizeof(times));
	for (int i = 0; i < 4; i++)
		close(bell[i / 2][i % 2]);
}

static void the_log_is_opened_anew_for_who_rotates_it(void **state)
{
	char path[] = "/tmp/lbxdp-log-XXXXXX", moved[sizeof(path) + 2];
	int first, second;

	close(mkstemp(path));
	snprintf(moved, sizeof(moved), "%s.1", path);
	connect_process(0);
	assert_int_equal(proxy_client_log(stage.client, path), 0);
	first = socket_of(0, PROXY_ORDER_LOG);
	assert_int_equal(fcntl(first, F_GETFL) & (O_APPEND | O_ACCMODE), O_APPEND | O_WRONLY);
	assert_int_equal(rename(path, moved), 0);
	assert_int_equal(proxy_client_log(stage.client, path), 0);
	second = socket_of(0, PROXY_ORDER_LOG);
	assert_int_equal(write(second, "new", 3), 3);
	assert_int_equal(access(path, F_OK), 0);
	connect_process(1);
	assert_string_equal(orders(1), "MBBGl");
	assert_int_equal(proxy_client_log(stage.client, "/nonexistent/log"), -ENOENT);
	assert_string_equal(orders(1), "");
	assert_int_equal(proxy_client_log(stage.client, NULL), 0);
	assert_string_equal(orders(1), "g");
	assert_int_equal(proxy_client_log(stage.client, NULL), 0);
	assert_string_equal(orders(1), "");
	close(first);
	close(second);
	unlink(path);
	unlink(moved);
}

/* Neither main nor a proxy ever waits for who reads it; alarm() ends a test that does. */
static void a_log_that_is_a_pipe_is_not_waited_for(void **state)
{
	char dir[] = "/tmp/lbxdp-log-XXXXXX", path[64];
	int reader, writer;

	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/pipe", dir);
	assert_int_equal(mkfifo(path, 0600), 0);
	(void)alarm(10);
	assert_int_equal(proxy_client_log(stage.client, path), -ENXIO);
	reader = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	assert_true(reader >= 0);
	connect_process(0);
	assert_int_equal(proxy_client_log(stage.client, path), 0);
	(void)alarm(0);
	writer = socket_of(0, PROXY_ORDER_LOG);
	assert_true(fcntl(writer, F_GETFL) & O_NONBLOCK);
	close(writer);
	close(reader);
	unlink(path);
	rmdir(dir);
}

static void processes_are_wanted_while_there_is_a_service(void **state)
{
	uint32_t id = SERVICE;

	assert_false(proxy_client_wanted(stage.client));
	assert_int_equal(put_service(SERVICE, "smtp"), 0);
	assert_true(proxy_client_wanted(stage.client));
	assert_int_equal(drop(PLAN_PROXY_SERVICES, &id), 0);
	assert_false(proxy_client_wanted(stage.client));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_stage, clear_stage)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_new_process_gets_the_table_its_limit_and_every_row_in_order),
		CASE(each_process_gets_a_row_and_its_end),
		CASE(a_row_carries_what_the_plan_said),
		CASE(all_processes_share_one_socket_that_outlives_them),
		CASE(a_listener_that_changes_hands_keeps_its_socket),
		CASE(a_port_that_is_in_use_is_a_refused_row),
		CASE(an_address_that_the_host_does_not_have_yet_is_listened_on),
		CASE(processes_share_the_limit_of_sessions),
		CASE(counts_add_up_over_processes),
		CASE(sessions_of_a_process_that_died_are_taken_back),
		CASE(a_process_that_talks_nonsense_is_given_up),
		CASE(rows_of_a_process_that_is_gone_wait_for_the_next),
		CASE(a_file_s_content_goes_out_and_again_to_a_new_process),
		CASE(rules_go_out_and_again_to_a_new_process),
		CASE(every_process_can_ring_every_other),
		CASE(the_log_is_opened_anew_for_who_rotates_it),
		CASE(a_log_that_is_a_pipe_is_not_waited_for),
		CASE(processes_are_wanted_while_there_is_a_service),
	};

	return cmocka_run_group_tests_name("proxy_client", tests, NULL, NULL);
}
