/* SPDX-License-Identifier: GPL-2.0-only */
/* Local ports of checks through a VIP (R88), and a run that uses one. The map is a memfd. */
#include "health/ports.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "health/run.h"
#include "lbxdp/abi.h"

enum { SIZE = LB_VIA_PORTS * sizeof(struct lb_via_port), CHECK = 7, OTHER = 8, PATIENT = 5000 };

static struct {
	int fd;
	const struct lb_via_port *row;
	struct ports *ports;
} map;

static int open_map(void **state)
{
	map.fd = memfd_create("ports", MFD_CLOEXEC);
	assert_int_equal(ftruncate(map.fd, SIZE), 0);
	map.row = mmap(NULL, SIZE, PROT_READ, MAP_SHARED, map.fd, 0);
	assert_true(map.row != MAP_FAILED);
	map.ports = ports_new(map.fd);
	assert_non_null(map.ports);
	return 0;
}

static int close_map(void **state)
{
	ports_free(map.ports);
	munmap((void *)map.row, SIZE);
	close(map.fd);
	return 0;
}

static uint32_t owner(uint16_t port)
{
	return map.row[port - LB_VIA_PORT_FIRST].check;
}

static void a_ports_row_names_its_check_until_another_takes_it(void **state)
{
	uint16_t port = ports_take(map.ports, CHECK), again = 0;

	assert_in_range(port, LB_VIA_PORT_FIRST, UINT16_MAX);
	assert_int_equal(owner(port), CHECK);
	ports_give(map.ports, port);
	assert_int_equal(owner(port), CHECK);
	for (int i = 0; i < LB_VIA_PORTS && again != port; i++) {
		again = ports_take(map.ports, OTHER);
		ports_give(map.ports, again);
	}
	assert_int_equal(again, port);
	assert_int_equal(owner(port), OTHER);
}

static void runs_that_follow_each_other_have_different_ports(void **state)
{
	uint16_t one = ports_take(map.ports, CHECK), two;

	ports_give(map.ports, one);
	two = ports_take(map.ports, CHECK);
	assert_int_not_equal(one, two);
}

static void a_port_belongs_to_one_run_at_a_time(void **state)
{
	static bool taken[LB_VIA_PORTS];
	uint16_t port = 0;

	for (int i = 0; i < LB_VIA_PORTS; i++) {
		port = ports_take(map.ports, CHECK);
		assert_in_range(port, LB_VIA_PORT_FIRST, UINT16_MAX);
		assert_false(taken[port - LB_VIA_PORT_FIRST]);
		taken[port - LB_VIA_PORT_FIRST] = true;
	}
	assert_int_equal(ports_take(map.ports, CHECK), 0);
	ports_give(map.ports, port);
	assert_int_equal(ports_take(map.ports, OTHER), port);
}

static void without_a_map_there_are_no_ports(void **state)
{
	assert_null(ports_new(-1));
}

/* --- a run */

static struct check_outcome outcome;

static void run_done(void *loop, const struct check_outcome *o)
{
	outcome = *o;
	loop_stop(loop);
}

static void run_check(enum check_type type, uint16_t port, struct ports *ports)
{
	struct check_spec spec = {.type = type, .port = port, .timeout = PATIENT};
	struct loop *loop = loop_new();
	struct run_order order = {
		.loop = loop, .ports = ports, .check = CHECK, .done = run_done, .arg = loop};
	struct recipe *recipe;

	addr_parse(&spec.addr, "127.0.0.1");
	addr_parse(&spec.via, "192.0.2.10");
	order.recipe = recipe = recipe_new(&spec);
	assert_non_null(run_start(&order));
	assert_int_equal(loop_run(loop), 0);
	recipe_free(recipe);
	loop_free(loop);
}

static int listen_on(uint16_t *port)
{
	struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(sa);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&sa, len), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&sa, &len), 0);
	*port = ntohs(sa.sin_port);
	return fd;
}

static void a_refusal_says_by_which_vip_it_came(void **state)
{
	uint16_t port;

	close(listen_on(&port));
	run_check(CHECK_CONNECT, port, map.ports);
	assert_int_equal(outcome.code, CHECK_CODE_L4CON);
	assert_string_equal(outcome.detail, "via 192.0.2.10: Connection refused");
}

static void without_ports_a_check_by_a_vip_fails_on_our_side(void **state)
{
	run_check(CHECK_CONNECT, 9, NULL);
	assert_int_equal(outcome.code, CHECK_CODE_SOCKERR);
}

/* The client's address is what the server's kernel says it is. */
static void a_run_connects_from_its_port_and_asks_for_the_vip(void **state)
{
	char head[512] = "";
	struct sockaddr_in peer;
	socklen_t len = sizeof(peer);
	uint16_t port;
	int listener = listen_on(&port), fd;
	pid_t child = fork();
	int status;

	if (!child) {
		run_check(CHECK_HTTP, port, map.ports);
		_exit(outcome.code == CHECK_CODE_L7OK && outcome.status == 200 ? 0 : 1);
	}
	fd = accept(listener, (struct sockaddr *)&peer, &len);
	assert_true(fd >= 0);
	assert_int_equal(owner(ntohs(peer.sin_port)), CHECK);
	assert_true(read(fd, head, sizeof(head) - 1) > 0);
	assert_non_null(strstr(head, "\r\nHost: 192.0.2.10:"));
	assert_true(write(fd, "HTTP/1.1 200 OK\r\n\r\n", 19) == 19);
	close(fd);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	close(listener);
}

/* A program that listens there, or an earlier connection to the same server. */
static void a_port_that_is_taken_is_passed_over(void **state)
{
	struct sockaddr_in sa = {.sin_family = AF_INET};
	int busy = socket(AF_INET, SOCK_STREAM, 0);
	uint16_t port, next = ports_take(map.ports, OTHER);

	ports_give(map.ports, next);
	sa.sin_port = htons(next == UINT16_MAX ? LB_VIA_PORT_FIRST : next + 1);
	assert_int_equal(bind(busy, (struct sockaddr *)&sa, sizeof(sa)), 0);
	close(listen_on(&port));
	run_check(CHECK_CONNECT, port, map.ports);
	assert_int_equal(outcome.code, CHECK_CODE_L4CON); /* it got as far as the server */
	assert_int_equal(owner(ntohs(sa.sin_port)), CHECK);
	close(busy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_map, close_map)
		TEST(a_ports_row_names_its_check_until_another_takes_it),
		TEST(runs_that_follow_each_other_have_different_ports),
		TEST(a_port_belongs_to_one_run_at_a_time),
		TEST(without_a_map_there_are_no_ports),
		TEST(a_refusal_says_by_which_vip_it_came),
		TEST(without_ports_a_check_by_a_vip_fails_on_our_side),
		TEST(a_run_connects_from_its_port_and_asks_for_the_vip),
		TEST(a_port_that_is_taken_is_passed_over),
	};

	return cmocka_run_group_tests_name("ports", tests, NULL, NULL);
}
