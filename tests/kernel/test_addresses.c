/* SPDX-License-Identifier: GPL-2.0-only */
/* VIPs as addresses of the host, against the kernel: needs root; works in a namespace of its own.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "kernel/lab.h"
#include "net/net.h"

static struct lab_ns ns;
static struct loop *loop;
static struct net *net;

static int enter_lab(void **state)
{
	const struct net_events none = {};

	lab_ns_make(&ns);
	lab_ns_enter(&ns);
	loop = loop_new();
	assert_non_null(loop);
	assert_int_equal(net_open(&net, loop, &none), 0);
	return 0;
}

static int leave_lab(void **state)
{
	net_close(net);
	loop_free(loop);
	lab_ns_leave(&ns);
	lab_ns_close(&ns);
	return 0;
}

static struct addr addr(const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse(&a, text), 0);
	return a;
}

static int put(const char *vip)
{
	const struct plan_sink *s = net_sink(net);
	struct addr key = addr(vip);
	uint32_t none = 0;

	return s->put(s->to, PLAN_ADDRESSES, &key, &none, NULL);
}

static int drop(const char *vip)
{
	const struct plan_sink *s = net_sink(net);
	struct addr key = addr(vip);
	uint32_t none = 0;

	return s->del(s->to, PLAN_ADDRESSES, &key, &none);
}

static bool lo_has(const char *what)
{
	return lab_try("ip addr show dev lo | grep -q '%s'", what);
}

static void a_vip_is_a_host_address_while_its_row_stands(void **state)
{
	assert_int_equal(put("192.0.2.80"), 0);
	assert_int_equal(put("2001:db8::80"), 0);
	assert_true(lo_has("inet 192.0.2.80/32 scope host lo"));
	assert_true(lo_has("inet6 2001:db8::80/128 scope global nodad deprecated"));
	assert_int_equal(drop("192.0.2.80"), 0);
	assert_int_equal(drop("2001:db8::80"), 0);
	assert_false(lo_has("192.0.2.80"));
	assert_false(lo_has("2001:db8::80"));
}

static void a_row_that_stands_already_is_put_again_without_an_error(void **state)
{
	assert_int_equal(put("192.0.2.80"), 0);
	assert_int_equal(put("192.0.2.80"), 0);
	assert_int_equal(drop("192.0.2.80"), 0);
	assert_int_equal(drop("192.0.2.80"), 0);
}

static void an_address_that_the_host_had_by_itself_stays(void **state)
{
	lab_run("ip addr add 192.0.2.80/32 dev lo; ip addr add 2001:db8::80/128 dev lo nodad");
	assert_int_equal(put("192.0.2.80"), 0);
	assert_int_equal(put("2001:db8::80"), 0);
	assert_int_equal(drop("192.0.2.80"), 0);
	assert_int_equal(drop("2001:db8::80"), 0);
	assert_true(lo_has("192.0.2.80"));
	assert_true(lo_has("2001:db8::80"));
}

static void the_same_address_on_another_interface_stays(void **state)
{
	lab_run("ip link add lba0 type veth peer name lba1; ip link set lba0 up; ip link set lba1 "
		"up");
	lab_run("ip addr add 192.0.2.80/24 dev lba0");
	assert_int_equal(put("192.0.2.80"), 0);
	assert_int_equal(drop("192.0.2.80"), 0);
	assert_false(lo_has("192.0.2.80"));
	assert_true(lab_try("ip addr show dev lba0 | grep -q 192.0.2.80/24"));
	assert_true(lab_try("ip route show table local | grep -q 'local 192.0.2.80 dev lba0'"));
}

static void a_vip_is_not_the_source_of_the_hosts_own_connections(void **state)
{
	lab_run("ip link add lba0 type veth peer name lba1; ip link set lba0 up; ip link set lba1 "
		"up");
	lab_run("ip addr add 198.51.100.1/24 dev lba0");
	lab_run("ip addr add 2001:db8:1::1/64 dev lba0 nodad");
	assert_int_equal(put("198.51.100.80"), 0);
	assert_int_equal(put("2001:db8:1::80"), 0);
	assert_true(lab_try("ip route get 198.51.100.9 | grep -q 'src 198.51.100.1 '"));
	assert_true(lab_try("ip route get 2001:db8:1::9 | grep -q 'src 2001:db8:1::1 '"));
}

static unsigned int own_count;

static void count(void *arg, const struct addr *a)
{
	struct addr v4 = addr("192.0.2.80"), v6 = addr("2001:db8::80");

	assert_true(addr_equal(a, &v4) || addr_equal(a, &v6));
	own_count++;
}

static void what_an_earlier_run_made_is_known_again(void **state)
{
	const struct net_events none = {};

	own_count = 0;
	lab_run("ip addr add 192.0.2.81/32 dev lo");
	assert_int_equal(put("192.0.2.80"), 0);
	assert_int_equal(put("2001:db8::80"), 0);
	net_close(net);
	assert_int_equal(net_open(&net, loop, &none), 0);
	assert_int_equal(net_own_addresses(net, count, NULL), 0);
	assert_int_equal(own_count, 2);
}

static void a_connection_is_listed_by_its_local_address_until_it_is_closed(void **state)
{
	struct addr vip = addr("192.0.2.80");
	struct sockaddr_storage sa;
	socklen_t len = addr_to_sockaddr(&vip, 25, &sa);
	int on = 1, end, listener = socket(AF_INET, SOCK_STREAM, 0),
	    client = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(put("192.0.2.80"), 0);
	assert_int_equal(setsockopt(listener, IPPROTO_IP, IP_FREEBIND, &on, sizeof(on)), 0);
	assert_int_equal(bind(listener, (struct sockaddr *)&sa, len), 0);
	assert_int_equal(listen(listener, 1), 0);
	own_count = 0;
	assert_int_equal(net_connections(count, NULL), 0);
	assert_int_equal(own_count, 0);
	assert_int_equal(connect(client, (struct sockaddr *)&sa, len), 0);
	end = accept(listener, NULL, NULL);
	assert_true(end >= 0);
	assert_int_equal(net_connections(count, NULL), 0);
	assert_int_equal(own_count, 2); /* both ends are here */
	close(end);
	close(client);
	close(listener);
	own_count = 0;
	assert_int_equal(net_connections(count, NULL), 0);
	assert_int_equal(own_count, 0);
}

/* A listener on loopback of one family, and two connections to it. */
struct pairs {
	int listener, client[2], end[2];
	uint16_t port, client_port[2];
};

static uint16_t port_of(int fd)
{
	struct sockaddr_storage sa = {};
	socklen_t len = sizeof(sa);
	struct addr a;
	uint16_t port;

	assert_int_equal(getsockname(fd, (struct sockaddr *)&sa, &len), 0);
	assert_int_equal(addr_from_sockaddr(&a, &port, (struct sockaddr *)&sa), 0);
	return port;
}

static void pairs_open(struct pairs *p, const char *text)
{
	struct addr a = addr(text);
	struct sockaddr_storage sa;
	socklen_t len = addr_to_sockaddr(&a, 0, &sa);

	p->listener = socket(sa.ss_family, SOCK_STREAM, 0);
	assert_int_equal(bind(p->listener, (struct sockaddr *)&sa, len), 0);
	assert_int_equal(listen(p->listener, 2), 0);
	p->port = port_of(p->listener);
	len = addr_to_sockaddr(&a, p->port, &sa);
	for (int i = 0; i < 2; i++) {
		p->client[i] = socket(sa.ss_family, SOCK_STREAM, 0);
		assert_int_equal(connect(p->client[i], (struct sockaddr *)&sa, len), 0);
		p->client_port[i] = port_of(p->client[i]);
		p->end[i] = accept(p->listener, NULL, NULL);
		assert_true(p->end[i] >= 0);
	}
}

static void pairs_close(struct pairs *p)
{
	for (int i = 0; i < 2; i++) {
		close(p->client[i]);
		close(p->end[i]);
	}
	close(p->listener);
}

/* The server's end of the first connection. */
static bool is_first(void *arg, const struct net_connection *c)
{
	const struct pairs *p = arg;

	return c->local_port == p->port && c->peer_port == p->client_port[0] &&
	       addr_equal(&c->local, &c->peer);
}

static void a_connection_that_is_ended_is_reset_on_both_sides(void **state)
{
	static const char *const where[] = {"127.0.0.1", "::1"};

	for (int i = 0; i < 2; i++) {
		struct pairs p;
		size_t ended;
		char c;

		pairs_open(&p, where[i]);
		assert_int_equal(net_end_connections(is_first, &p, &ended), 0);
		assert_int_equal(ended, 1);
		assert_int_equal(read(p.end[0], &c, 1), -1);
		assert_int_equal(errno, ECONNABORTED);
		assert_int_equal(read(p.client[0], &c, 1), -1);
		assert_int_equal(errno, ECONNRESET);
		assert_int_equal(write(p.client[1], "x", 1), 1);
		assert_int_equal(read(p.end[1], &c, 1), 1);
		assert_int_equal(net_end_connections(is_first, &p, &ended), 0);
		assert_int_equal(ended, 0);
		pairs_close(&p);
	}
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, enter_lab, leave_lab)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_vip_is_a_host_address_while_its_row_stands),
		CASE(a_row_that_stands_already_is_put_again_without_an_error),
		CASE(an_address_that_the_host_had_by_itself_stays),
		CASE(the_same_address_on_another_interface_stays),
		CASE(a_vip_is_not_the_source_of_the_hosts_own_connections),
		CASE(what_an_earlier_run_made_is_known_again),
		CASE(a_connection_is_listed_by_its_local_address_until_it_is_closed),
		CASE(a_connection_that_is_ended_is_reset_on_both_sides),
	};

	lab_enter();
	return cmocka_run_group_tests_name("addresses (kernel)", tests, NULL, NULL);
}
