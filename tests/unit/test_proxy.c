/* SPDX-License-Identifier: GPL-2.0-only */
/* Sessions from end to end over loopback: balancing, failing reals, PROXY headers, limits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <malloc.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "io/channel.h"
#include "proxy/internal.h"
#include "proxy/proxy.h"
#include "proxy_lab.h"

enum { R1 = 21, R2 = 22, USABLE = PROXY_REAL_USABLE };

static int listening[2];
static uint16_t port[2];

static int reals_up(void **state)
{
	if (lab_up(state))
		return -1;
	for (int i = 0; i < 2; i++) {
		port[i] = 0;
		listening[i] = listen_at("127.0.0.1", &port[i]);
	}
	order_real(R1, "127.0.0.1", port[0], USABLE);
	return 0;
}

static int reals_down(void **state)
{
	close(listening[0]);
	close(listening[1]);
	return lab_down(state);
}

/* A port that refuses: bound, not listening. */
static int bind_closed(uint16_t *at)
{
	struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t len = sizeof(sa);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&sa, len), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&sa, &len), 0);
	*at = ntohs(sa.sin_port);
	return fd;
}

static void new_sessions_take_turns_by_weight_and_are_counted(void **state)
{
	int client[6];

	order_real(R2, "127.0.0.1", port[1], USABLE);
	for (int i = 0; i < 6; i++) {
		client[i] = dial_from(&front);
		until(accepts(listening[0]) || accepts(listening[1]));
		close(accepted);
		close(client[i]);
	}
	until(!engine_sessions(engine));
	assert_int_equal(shared->service[SERVICE].sessions, 6);
	assert_int_equal(shared->real[R1].sessions, 3);
	assert_int_equal(shared->real[R2].sessions, 3);
	assert_int_equal(shared->cursor[SERVICE], 6);
	assert_int_equal(shared->service_current[1][SERVICE], 0);
	assert_true(shared->service[SERVICE].max_current >= 1);
}

static void a_backup_serves_only_when_no_other_is_usable(void **state)
{
	int client;

	order_real(R2, "127.0.0.1", port[1], USABLE | PROXY_REAL_BACKUP);
	for (int i = 0; i < 4; i++) {
		client = dial_from(&front);
		close(take_session(listening[0]));
		close(client);
	}
	order_real(R1, "127.0.0.1", port[0], 0);
	client = dial_from(&front);
	close(take_session(listening[1]));
	close(client);
}

static void without_a_usable_real_the_client_is_closed(void **state)
{
	int client;

	order_real(R1, "127.0.0.1", port[0], 0);
	client = dial_from(&front);
	assert_end(client);
	assert_int_equal(shared->service[SERVICE].refused, 1);
	close(client);
}

static void a_real_that_refuses_is_passed_over(void **state)
{
	uint16_t closed_port;
	int closed = bind_closed(&closed_port), client[4], server[4];

	order_real(R2, "127.0.0.1", closed_port, USABLE);
	for (int i = 0; i < 4; i++) {
		client[i] = dial_from(&front);
		server[i] = take_session(listening[0]);
		say(server[i], "220 hello");
		assert_receives(client[i], "220 hello");
	}
	assert_int_equal(shared->service[SERVICE].connect_errors, 2);
	assert_int_equal(shared->real[R2].connect_errors, 2);
	assert_int_equal(shared->service[SERVICE].redispatches, 2);
	assert_int_equal(shared->real[R2].redispatches, 2);
	assert_int_equal(shared->service[SERVICE].retries, 0);
	for (int i = 0; i < 4; i++) {
		close(client[i]);
		close(server[i]);
	}
	close(closed);
}

static void when_all_reals_refuse_the_client_is_closed(void **state)
{
	uint16_t closed_port[2];
	int closed[2] = {bind_closed(&closed_port[0]), bind_closed(&closed_port[1])}, client;

	settings.connect = 20;
	order_service();
	order_real(R1, "127.0.0.1", closed_port[0], USABLE);
	order_real(R2, "127.0.0.1", closed_port[1], USABLE);
	client = dial_from(&front);
	assert_end(client);
	assert_int_equal(shared->service[SERVICE].connect_errors, 3);
	assert_int_equal(shared->service[SERVICE].redispatches, 1);
	assert_int_equal(shared->service[SERVICE].retries, 1);
	close(client);
	close(closed[0]);
	close(closed[1]);
}

/* A backlog that is full takes no more SYNs: connects to it hang. */
static void a_connect_that_hangs_ends_at_its_timeout(void **state)
{
	int client, filler[4], full, server;
	uint16_t full_port = 0;
	struct proxy_endpoint to = front;

	full = listen_at("127.0.0.1", &full_port);
	listen(full, 0);
	to.port = full_port;
	for (int i = 0; i < 4; i++)
		filler[i] = dial_from(&to);
	settings.connect = 50;
	order_service();
	order_real(R1, "127.0.0.1", full_port, USABLE);
	order_real(R2, "127.0.0.1", port[1], USABLE);
	for (int i = 0; i < 2; i++) {
		client = dial_from(&front);
		server = take_session(listening[1]);
		close(server);
		close(client);
	}
	assert_int_equal(shared->real[R1].connect_errors, 1);
	for (int i = 0; i < 4; i++)
		close(filler[i]);
	close(full);
}

static void halt_resets_the_sessions_of_one_real_at_once(void **state)
{
	int client[2], server[2];

	client[0] = dial_from(&front);
	server[0] = take_session(listening[0]);
	order_real(R1, "127.0.0.1", port[0], 0);
	order_real(R2, "127.0.0.1", port[1], USABLE);
	client[1] = dial_from(&front);
	server[1] = take_session(listening[1]);
	order_real(R1, "127.0.0.1", port[0], PROXY_REAL_RESET);
	assert_reset(client[0]);
	assert_reset(server[0]);
	say(client[1], "still here");
	assert_receives(server[1], "still here");
	assert_int_equal(engine_sessions(engine), 1);
	for (int i = 0; i < 2; i++) {
		close(client[i]);
		close(server[i]);
	}
}

static void sessions_outlive_drain_and_the_rows_they_came_by(void **state)
{
	int client = dial_from(&front), server = take_session(listening[0]), late;

	order_real(R1, "127.0.0.1", port[0], 0);
	say(client, "drained");
	assert_receives(server, "drained");
	order(PROXY_ORDER_LISTEN_GONE, 0, &front, sizeof(front));
	order(PROXY_ORDER_REAL_GONE, R1, NULL, 0);
	order(PROXY_ORDER_SERVICE_GONE, SERVICE, NULL, 0);
	say(server, "gone");
	assert_receives(client, "gone");
	assert_int_equal(shared->real_current[1][R1], 1);
	late = dial_from(&front);
	until(sock_error(late) == -ECONNREFUSED || gets_something(late));
	close(late);
	close(client);
	assert_end(server);
	close(server);
	until(!engine_sessions(engine));
	assert_int_equal(shared->real_current[1][R1], 0);
	assert_int_equal(shared->service[SERVICE].bytes_in, 7);
	assert_int_equal(shared->service[SERVICE].bytes_out, 4);
}

static void a_session_keeps_the_settings_it_began_with(void **state)
{
	int old_client = dial_from(&front), old_server = take_session(listening[0]), client, server;

	settings.client = 30;
	order_service();
	client = dial_from(&front);
	server = take_session(listening[0]);
	assert_end(client);
	assert_end(server);
	say(old_client, "old");
	assert_receives(old_server, "old");
	assert_int_equal(shared->service[SERVICE].timeouts, 1);
	close(client);
	close(server);
	close(old_client);
	close(old_server);
}

static void a_real_without_a_port_gets_the_port_the_client_came_to(void **state)
{
	uint16_t same = front.port;
	int there = listen_at("127.0.0.2", &same), client, server;

	order_real(R1, "127.0.0.2", 0, USABLE);
	client = dial_from(&front);
	server = take_session(there);
	close(client);
	close(server);
	close(there);
}

static void assert_peer(int server, const char *address)
{
	struct sockaddr_storage sa;
	socklen_t len = sizeof(sa);
	char text[ADDR_TEXT_LEN];
	struct addr a;
	uint16_t from;

	assert_int_equal(getpeername(server, (struct sockaddr *)&sa, &len), 0);
	assert_int_equal(addr_from_sockaddr(&a, &from, (struct sockaddr *)&sa), 0);
	assert_string_equal(addr_format(&a, text), address);
}

static void the_source_is_the_vip_or_the_configured_address(void **state)
{
	static const struct {
		int kind;
		const char *comes_from;
	} cases[] = {
		{PROXY_SOURCE_AUTO,    "127.0.0.1"},
		{PROXY_SOURCE_VIP,     "127.0.0.5"},
		{PROXY_SOURCE_ADDRESS, "127.0.0.9"},
	};

	order_listen("127.0.0.5");
	addr_parse(&settings.source[0], "127.0.0.9");
	for (int i = 0; i < 3; i++) {
		int client, server;

		settings.source_kind = cases[i].kind;
		order_service();
		client = dial_from(&front);
		server = take_session(listening[0]);
		assert_peer(server, cases[i].comes_from);
		close(client);
		close(server);
	}
}

static void a_source_that_is_not_ours_is_counted(void **state)
{
	int client;

	settings.source_kind = PROXY_SOURCE_ADDRESS;
	settings.connect = 10;
	addr_parse(&settings.source[0], "192.0.2.1");
	order_service();
	client = dial_from(&front);
	assert_end(client);
	assert_int_equal(shared->service[SERVICE].no_source_port, 3);
	close(client);
}

static void ipv6_clients_reach_ipv4_reals_and_the_other_way_round(void **state)
{
	uint16_t port6 = 0;
	int server6 = listen_at("::1", &port6), client, server;

	order_listen("::1");
	settings.source_kind = PROXY_SOURCE_VIP; /* of another family: the kernel's choice */
	order_service();
	client = dial_from(&front);
	server = take_session(listening[0]);
	say(client, "six to four");
	assert_receives(server, "six to four");
	close(client);
	close(server);
	order_real(R1, "::1", port6, USABLE);
	order_listen("127.0.0.1");
	client = dial_from(&front);
	server = take_session(server6);
	say(server, "six to four");
	assert_receives(client, "six to four");
	close(client);
	close(server);
	close(server6);
}

static void the_clients_address_of_another_family_gives_way_to_ours(void **state)
{
	uint16_t port6 = 0;
	int server6 = listen_at("::1", &port6), client, server;

	settings.source_kind = PROXY_SOURCE_CLIENT;
	order_service();
	order_real(R1, "::1", port6, USABLE);
	client = dial_from(&front);
	server = take_session(server6);
	say(client, "hello");
	assert_receives(server, "hello");
	assert_int_equal(shared->service[SERVICE].own_source, 1);
	assert_int_equal(shared->real[R1].own_source, 1);
	assert_int_equal(shared->service[SERVICE].other_source_port, 0);
	close(client);
	close(server);
	close(server6);
}

static void a_header_goes_out_before_the_first_byte(void **state)
{
	struct sockaddr_in sa;
	socklen_t len = sizeof(sa);
	char line[256];
	int client, server;

	settings.send_header = PROXY_HEADER_V1;
	order_service();
	client = dial_from(&front);
	say(client, "EHLO");
	server = take_session(listening[0]);
	getsockname(client, (struct sockaddr *)&sa, &len);
	snprintf(line, sizeof(line), "PROXY TCP4 127.0.0.1 127.0.0.1 %u %u\r\n", ntohs(sa.sin_port),
		 front.port);
	until(recv(server, got, sizeof(got), MSG_PEEK) == (ssize_t)strlen(line) + 4);
	until(gets_something(server));
	assert_memory_equal(got, line, strlen(line));
	assert_string_equal(got + strlen(line), "EHLO");
	close(client);
	close(server);
}

static void a_header_that_comes_in_goes_out_in_the_other_version(void **state)
{
	int client, server;

	settings.accept_header = PROXY_HEADER_V1;
	settings.send_header = PROXY_HEADER_V2;
	order_service();
	client = dial_from(&front);
	say(client, "PROXY TCP4 192.0.2.7 ");
	for (int i = 0; i < 20; i++)
		turn();
	say(client, "192.0.2.9 4660 443\r\nQUIT");
	server = take_session(listening[0]);
	until(recv(server, got, sizeof(got), MSG_PEEK) == 28 + 4);
	until(gets_something(server));
	assert_memory_equal(got + 12, "\x21\x11\0\x0c\xc0\0\2\7\xc0\0\2\x09\x12\x34\1\xbbQUIT", 20);
	close(client);
	close(server);
}

/* By the latter main ends a session in a process that takes no orders from it. */
static void a_session_is_shown_with_its_client_and_with_its_own_peer(void **state)
{
	const struct proxy_session *row = &shared->session[1][0];
	char text[ENDPOINT_TEXT_LEN];
	struct sockaddr_in sa;
	socklen_t len = sizeof(sa);
	int client, server;

	settings.accept_header = PROXY_HEADER_V1;
	order_service();
	client = dial_from(&front);
	say(client, "PROXY TCP4 192.0.2.7 192.0.2.9 4660 443\r\n");
	server = take_session(listening[0]);
	getsockname(client, (struct sockaddr *)&sa, &len);
	assert_string_equal(addr_format_port(&row->client, row->client_port, text),
			    "192.0.2.7:4660");
	assert_string_equal(addr_format(&row->peer, text), "127.0.0.1");
	assert_int_equal(row->peer_port, ntohs(sa.sin_port));
	close(client);
	close(server);
}

static void a_client_without_a_proper_header_is_closed(void **state)
{
	static const char *const wrong[] = {"EHLO client\r\n", "PROXY TCP4 1 2 3 4\r\n", ""};

	settings.accept_header = PROXY_HEADER_V2;
	order_service();
	for (int i = 0; i < 3; i++) {
		int client = dial_from(&front);

		say(client, wrong[i]);
		shutdown(client, SHUT_WR);
		until(gets_something(client));
		assert_true(got_len <= 0);
		close(client);
	}
	assert_int_equal(shared->service[SERVICE].bad_header, 3);
	assert_int_equal(shared->cursor[SERVICE], 0);
}

static void at_the_limit_clients_wait_until_a_session_ends(void **state)
{
	const uint32_t limit = 2;
	int client[3], server[3];

	order(PROXY_ORDER_LIMIT, 0, &limit, sizeof(limit));
	for (int i = 0; i < 2; i++) {
		client[i] = dial_from(&front);
		server[i] = take_session(listening[0]);
	}
	client[2] = dial_from(&front);
	for (int i = 0; i < 30; i++)
		turn();
	assert_false(accepts(listening[0]));
	close(client[0]);
	close(server[0]);
	server[2] = take_session(listening[0]);
	assert_int_equal(engine_sessions(engine), 2);
	for (int i = 1; i < 3; i++) {
		close(client[i]);
		close(server[i]);
	}
}

/* R69: what the report's head is made of. */
static void a_process_tells_how_it_fares(void **state)
{
	const struct proxy_vitals *v = &shared->vitals[1];
	struct rlimit files;
	int client, server;

	getrlimit(RLIMIT_NOFILE, &files);
	assert_int_equal(v->pipes_max, proxy_pipes(files.rlim_cur)); /* at once */
	assert_int_equal(v->busy, 0);
	client = dial_from(&front);
	server = take_session(listening[0]);
	until(v->tasks == 4); /* by the next pulse: a listener, a session and its two ends */
	assert_int_equal(v->sockets,
			 2 * proxy_sessions(files.rlim_cur, 1) + proxy_idle(files.rlim_cur) + 1);
	assert_true(v->running <= v->tasks && v->busy <= 1000);
	assert_int_equal(v->pipes_used + v->pipes_free, 0);
	close(client);
	close(server);
	until(v->tasks == 1);
}

static unsigned int cpu_msec(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000 +
	       (u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1000;
}

/* F21 */
static void without_descriptors_nothing_spins_and_accepting_resumes(void **state)
{
	struct rlimit before, none;
	int client = dial_from(&front), server;
	unsigned int began;

	getrlimit(RLIMIT_NOFILE, &before);
	none = before;
	none.rlim_cur = client + 1;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	began = cpu_msec();
	turn_for(300);
	assert_true(cpu_msec() - began < 30);
	assert_int_equal(engine_sessions(engine), 0);
	setrlimit(RLIMIT_NOFILE, &before);
	server = take_session(listening[0]);
	say(server, "here");
	assert_receives(client, "here");
	close(client);
	close(server);
}

static void two_thousand_sessions(void)
{
	for (int i = 0; i < 2000; i++) {
		int client = dial_from(&front), server = take_session(listening[0]);

		say(client, "x");
		assert_receives(server, "x");
		hang_up(i % 3 ? client : server, i % 2);
		close(i % 3 ? server : client);
	}
	until(!engine_sessions(engine));
}

/* F37 */
static void thousands_of_sessions_leave_descriptors_and_memory_as_they_were(void **state)
{
	size_t before;
	int fds;

	two_thousand_sessions();
	before = mallinfo2().uordblks;
	fds = open_fds();
	two_thousand_sessions();
	assert_int_equal(open_fds(), fds);
	assert_true(mallinfo2().uordblks <= before + 1024);
}

static void orders_that_make_no_sense_change_nothing(void **state)
{
	struct proxy_real r = {.service = LB_SERVICES_MAX};

	assert_int_equal(order_fd(99, 1, NULL, 0, -1), -EINVAL);
	assert_int_equal(order_fd(PROXY_ORDER_REAL, R1, &r, sizeof(r), -1), -EINVAL);
	assert_int_equal(order_fd(PROXY_ORDER_SERVICE, LB_SERVICES_MAX, NULL, 0, -1), -EINVAL);
	assert_int_equal(order_fd(PROXY_ORDER_SHARED, 0, NULL, 0, -1), -EEXIST);
	r.service = 0;
	assert_int_equal(order_fd(PROXY_ORDER_REAL, R1, &r, sizeof(r), -1), -EINVAL);
	order(PROXY_ORDER_REAL_GONE, LB_REALS_MAX, NULL, 0);
	order(PROXY_ORDER_SERVICE_GONE, 5, NULL, 0);
}

static void no_message(struct channel *c, const void *bytes, size_t len, int fd)
{
	fail();
}

static void no_close(struct channel *c)
{
	fail();
}

static void send_order(struct channel *c, uint32_t kind, uint32_t id, const void *u, size_t len,
		       int fd)
{
	struct proxy_order o = {.kind = kind, .id = id};

	if (len)
		memcpy(&o.u, u, len);
	assert_int_equal(channel_send(c, &o, sizeof(o), fd), 0);
	if (fd >= 0)
		close(fd);
}

static void a_process_obeys_its_channel_and_ends_with_it(void **state)
{
	struct channel c = {.message = no_message, .closed = no_close};
	struct proxy_real r = {.service = SERVICE, .weight = 1, .port = port[0], .flags = USABLE};
	int fd[2], memory = memfd_create("shared", 0), status, client, server;
	pid_t pid;

	assert_int_equal(channel_pair(fd), 0);
	pid = fork();
	if (!pid) {
		close(fd[0]);
		_exit(proxy_main(&(struct proxy_fds){fd[1], 3}));
	}
	close(fd[1]);
	assert_int_equal(channel_init(&c, loop, fd[0]), 0);
	assert_int_equal(ftruncate(memory, sizeof(*shared)), 0);
	addr_parse(&r.ip, "127.0.0.1");
	send_order(&c, PROXY_ORDER_SHARED, 0, NULL, 0, memory);
	send_order(&c, PROXY_ORDER_SERVICE, SERVICE, &settings, sizeof(settings), -1);
	send_order(&c, PROXY_ORDER_REAL, R1, &r, sizeof(r), -1);
	order(PROXY_ORDER_LISTEN_GONE, 0, &front, sizeof(front));
	front.port = 0;
	server = listen_at("127.0.0.1", &front.port);
	send_order(&c, PROXY_ORDER_LISTEN, SERVICE, &front, sizeof(front), server);
	client = dial_from(&front);
	server = take_session(listening[0]);
	say(client, "over there");
	assert_receives(server, "over there");
	channel_fini(&c);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	close(client);
	close(server);
}

static void a_bell_that_rings_is_answered_and_only_our_own(void **state)
{
	int ours = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC), another;
	uint64_t once = 1;

	another = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	assert_int_equal(order_fd(PROXY_ORDER_BELL, 1, NULL, 0, dup(ours)), 0);
	assert_int_equal(order_fd(PROXY_ORDER_BELL, 0, NULL, 0, dup(another)), 0);
	assert_int_equal(order_fd(PROXY_ORDER_BELL, PROXY_PROCESSES_MAX, NULL, 0, dup(another)),
			 -EINVAL);
	assert_int_equal(order_fd(PROXY_ORDER_BELL, 0, NULL, 0, -1), -EINVAL);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(write(ours, &once, sizeof(once)), sizeof(once));
		assert_int_equal(write(another, &once, sizeof(once)), sizeof(once));
		until(read(ours, &once, sizeof(once)) == -1 && errno == EAGAIN);
		assert_int_equal(read(another, &once, sizeof(once)), sizeof(once));
		once = 1;
	}
	close(ours);
	close(another);
}

/* The table is for all processes to write, and one of them may be a stranger's by now. */
static void what_others_scribble_into_the_table_leads_nobody_out_of_it(void **state)
{
	struct proxy_real r = {
		.service = SERVICE, .weight = 1, .max_connections = 9, .flags = USABLE};
	int client, server;

	assert_int_equal(addr_parse(&r.ip, "127.0.0.1"), 0);
	r.port = port[0];
	order(PROXY_ORDER_REAL, R1, &r, sizeof(r));
	shared->processes = UINT32_MAX;
	shared->session_rows[1] = UINT32_MAX - 9;
	shared->queue_head[2][SERVICE] = UINT64_MAX;
	shared->service_held[SERVICE] = UINT64_MAX;
	client = dial_from(&front);
	server = take_session(listening[0]);
	say(client, "through");
	assert_receives(server, "through");
	close(client);
	assert_end(server);
	close(server);
}

/* Main shuts one before its processes hear that it goes. */
static void a_listener_that_was_shut_stops_no_other(void **state)
{
	struct proxy_endpoint other = front;
	int fd = listen_at("127.0.0.6", &other.port), ours = dup(fd), client = dial_from(&front);

	assert_int_equal(addr_parse(&other.vip, "127.0.0.6"), 0);
	assert_int_equal(order_fd(PROXY_ORDER_LISTEN, SERVICE, &other, sizeof(other), fd), 0);
	assert_int_equal(shutdown(ours, SHUT_RD), 0);
	close(take_session(listening[0]));
	turn();
	assert_false(engine->paused);
	order(PROXY_ORDER_LISTEN_GONE, 0, &other, sizeof(other));
	close(client);
	close(ours);
}

#define SESSION_TEST(f) cmocka_unit_test_setup_teardown(f, reals_up, reals_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SESSION_TEST(new_sessions_take_turns_by_weight_and_are_counted),
		SESSION_TEST(a_backup_serves_only_when_no_other_is_usable),
		SESSION_TEST(without_a_usable_real_the_client_is_closed),
		SESSION_TEST(a_real_that_refuses_is_passed_over),
		SESSION_TEST(when_all_reals_refuse_the_client_is_closed),
		SESSION_TEST(a_connect_that_hangs_ends_at_its_timeout),
		SESSION_TEST(halt_resets_the_sessions_of_one_real_at_once),
		SESSION_TEST(sessions_outlive_drain_and_the_rows_they_came_by),
		SESSION_TEST(a_listener_that_was_shut_stops_no_other),
		SESSION_TEST(a_session_keeps_the_settings_it_began_with),
		SESSION_TEST(a_real_without_a_port_gets_the_port_the_client_came_to),
		SESSION_TEST(the_source_is_the_vip_or_the_configured_address),
		SESSION_TEST(a_source_that_is_not_ours_is_counted),
		SESSION_TEST(ipv6_clients_reach_ipv4_reals_and_the_other_way_round),
		SESSION_TEST(the_clients_address_of_another_family_gives_way_to_ours),
		SESSION_TEST(a_header_goes_out_before_the_first_byte),
		SESSION_TEST(a_header_that_comes_in_goes_out_in_the_other_version),
		SESSION_TEST(a_client_without_a_proper_header_is_closed),
		SESSION_TEST(a_session_is_shown_with_its_client_and_with_its_own_peer),
		SESSION_TEST(at_the_limit_clients_wait_until_a_session_ends),
		SESSION_TEST(a_process_tells_how_it_fares),
		SESSION_TEST(without_descriptors_nothing_spins_and_accepting_resumes),
		SESSION_TEST(thousands_of_sessions_leave_descriptors_and_memory_as_they_were),
		SESSION_TEST(orders_that_make_no_sense_change_nothing),
		SESSION_TEST(what_others_scribble_into_the_table_leads_nobody_out_of_it),
		SESSION_TEST(a_bell_that_rings_is_answered_and_only_our_own),
		SESSION_TEST(a_process_obeys_its_channel_and_ends_with_it),
	};

	return cmocka_run_group_tests_name("proxy", tests, NULL, NULL);
}
