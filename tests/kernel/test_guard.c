/* SPDX-License-Identifier: GPL-2.0-only */
/* Clients of layer 7 that no XDP program sees, and the program that judges them: whom it refuses,
 * how it comes and goes. Connections of the host to itself. Root. */
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "core/acl.h"
#include "kernel/plane_lab.h"

enum { SERVICE = 1, PORT = 8080, OTHER_PORT = 8081, PREFIX4 = 96 + 24 };

static const __u32 only = 0, service = SERVICE;

static struct addr address(const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse(&a, text), 0);
	return a;
}

/* One prefix may use the service on PORT of vip, nobody else. */
static void put_service(struct dataplane *d, const char *vip, const char *allowed, uint8_t len,
			bool host)
{
	const struct prefix one = {.addr = address(allowed), .len = len};
	const struct lb_service_info info = {.name = "web"};
	struct lb_endpoint at = {.port = PORT, .proto = IPPROTO_TCP};
	struct addr where = address(vip);
	struct arena *a = arena_new();
	struct row_acl row = {.host = host};

	row.acl = acl_new(&(struct acl_prefixes){&one, 1}, &(struct acl_prefixes){}, a);
	memcpy(at.vip.byte, where.byte, sizeof(at.vip.byte));
	assert_int_equal(put(d, PLAN_SERVICES, &service, &info), 0);
	assert_int_equal(put(d, PLAN_ACLS, &service, &row), 0);
	assert_int_equal(put(d, PLAN_ENDPOINTS, &at, &service), 0);
	arena_free(a);
}

static void put_guard(struct dataplane *d)
{
	assert_int_equal(put(d, PLAN_GUARD, &only, &only), 0);
}

static void drop_guard(struct dataplane *d)
{
	const struct plan_sink *s = dataplane_sink(d);

	assert_int_equal(s->del(s->to, PLAN_GUARD, &only, &only), 0);
}

static int listen_on(const char *vip, uint16_t port)
{
	struct sockaddr_storage sa;
	struct addr at = address(vip);
	socklen_t len = addr_to_sockaddr(&at, port, &sa);
	int fd = socket(sa.ss_family, SOCK_STREAM, 0), one = 1;

	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)), 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&sa, len), 0);
	assert_int_equal(listen(fd, 16), 0);
	return fd;
}

/* 0, or what the client is told. */
static int knock(const char *from, const char *vip, uint16_t port)
{
	struct sockaddr_storage sa;
	struct addr source = address(from), to = address(vip);
	socklen_t len = addr_to_sockaddr(&source, 0, &sa);
	int fd = socket(sa.ss_family, SOCK_STREAM, 0), err;

	assert_int_equal(bind(fd, (struct sockaddr *)&sa, len), 0);
	len = addr_to_sockaddr(&to, port, &sa);
	err = connect(fd, (struct sockaddr *)&sa, len) ? -errno : 0;
	close(fd);
	return err;
}

static uint64_t refusals(struct dataplane *d)
{
	uint64_t verdicts[LB_VERDICT_COUNT];

	dataplane_verdicts(d, verdicts);
	assert_int_equal(verdicts[LB_ACL], dataplane_denied(d, SERVICE));
	assert_int_equal(verdicts[LB_ACL], dataplane_denied_connections(d, SERVICE));
	return verdicts[LB_ACL];
}

static const char near[] = "127.0.1.7", stranger[] = "127.0.2.7", vip[] = "127.0.0.10";

/* near may, stranger may not. */
static struct dataplane *guarded(void)
{
	struct dataplane *d = must_open();

	put_service(d, vip, near, PREFIX4, true);
	put_guard(d);
	return d;
}

static void a_refused_client_meets_no_listener_and_is_counted(void **state) /* R82 */
{
	struct dataplane *d = guarded();
	int web = listen_on(vip, PORT), other = listen_on(vip, OTHER_PORT);

	assert_int_equal(knock(near, vip, PORT), 0);
	assert_int_equal(refusals(d), 0);
	assert_int_equal(knock(stranger, vip, PORT), -ECONNREFUSED);
	assert_int_equal(refusals(d), 1);
	assert_int_equal(knock(stranger, vip, OTHER_PORT), 0);
	assert_int_equal(refusals(d), 1);
	close(web);
	close(other);
	end(d);
}

static void a_client_of_ipv6_is_refused_by_its_own_address(void **state)
{
	struct dataplane *d = must_open();
	int web;

	lab_run("for a in 7 8 10; do ip addr add fd00::$a/128 dev lo nodad; done");
	web = listen_on("fd00::10", PORT);
	put_service(d, "fd00::10", "fd00::7", 128, true);
	put_guard(d);
	assert_int_equal(knock("fd00::7", "fd00::10", PORT), 0);
	assert_int_equal(knock("fd00::8", "fd00::10", PORT), -ECONNREFUSED);
	assert_int_equal(refusals(d), 1);
	close(web);
	end(d);
}

static void datagrams_to_the_same_port_are_not_the_guards(void **state)
{
	struct dataplane *d = guarded();
	struct addr from = address(stranger), to = address(vip);
	struct sockaddr_storage sa;
	int server = socket(AF_INET, SOCK_DGRAM, 0), client = socket(AF_INET, SOCK_DGRAM, 0);
	char got;

	assert_int_equal(bind(client, (struct sockaddr *)&sa, addr_to_sockaddr(&from, 0, &sa)), 0);
	assert_int_equal(bind(server, (struct sockaddr *)&sa, addr_to_sockaddr(&to, PORT, &sa)), 0);
	assert_int_equal(sendto(client, "x", 1, 0, (struct sockaddr *)&sa, sizeof(sa)), 1);
	assert_int_equal(recv(server, &got, 1, MSG_DONTWAIT), 1);
	assert_int_equal(refusals(d), 0);
	close(server);
	close(client);
	end(d);
}

/* XDP forwards what comes for it; who listens here is another program's server. */
static void a_service_of_layer_4_is_not_the_guards(void **state)
{
	struct dataplane *d = must_open();
	int web = listen_on(vip, PORT);

	put_service(d, vip, near, PREFIX4, false);
	put_guard(d);
	assert_int_equal(knock(stranger, vip, PORT), 0);
	assert_int_equal(refusals(d), 0);
	close(web);
	end(d);
}

static void the_guard_comes_and_goes_with_its_row(void **state)
{
	struct dataplane *d = must_open();
	int web = listen_on(vip, PORT);

	put_service(d, vip, near, PREFIX4, true);
	assert_false(dataplane_guards_now(d));
	assert_int_equal(knock(stranger, vip, PORT), 0);
	for (int i = 0; i < 2; i++) { /* as the next life of the daemon does */
		put_guard(d);
		assert_true(dataplane_guards_now(d));
		assert_int_equal(knock(stranger, vip, PORT), -ECONNREFUSED);
	}
	drop_guard(d);
	assert_false(dataplane_guards_now(d));
	assert_int_equal(knock(stranger, vip, PORT), 0);
	drop_guard(d);
	close(web);
	end(d);
}

static void what_is_detached_or_of_another_namespace_is_made_anew(void **state)
{
	struct dataplane *d = guarded();
	int web = listen_on(vip, PORT);
	struct lab_ns ns;

	lab_run("bpftool link detach pinned " PIN_DIR "/lbx_guard");
	assert_false(dataplane_guards_now(d));
	put_guard(d);
	assert_true(dataplane_guards_now(d));
	assert_int_equal(knock(stranger, vip, PORT), -ECONNREFUSED);
	lab_ns_make(&ns);
	lab_ns_enter(&ns);
	assert_false(dataplane_guards_now(d));
	put_guard(d);
	assert_true(dataplane_guards_now(d));
	lab_ns_leave(&ns);
	lab_ns_close(&ns);
	assert_false(dataplane_guards_now(d));
	put_guard(d);
	assert_int_equal(knock(stranger, vip, PORT), -ECONNREFUSED);
	close(web);
	end(d);
}

static void it_stands_without_a_daemon_and_is_found_by_the_next(void **state)
{
	struct dataplane *d = guarded();
	int web = listen_on(vip, PORT);
	struct plan *actual = plan_new();
	struct buf why = {};

	dataplane_close(d);
	assert_int_equal(knock(stranger, vip, PORT), -ECONNREFUSED);
	assert_int_equal(knock(near, vip, PORT), 0);
	d = must_open();
	assert_int_equal(refusals(d), 1);
	assert_int_equal(dataplane_read_filters(d, actual), 0);
	assert_non_null(plan_find(actual, PLAN_GUARD, &only));
	dataplane_close(d);
	assert_int_equal(dataplane_remove(PIN_DIR, &why), 0); /* whatever version made it */
	assert_int_equal(knock(stranger, vip, PORT), 0);
	plan_free(actual);
	buf_free(&why);
	close(web);
}

/* Either refuses for its own services, and neither for the other's. */
static void two_instances_have_a_guard_each(void **state)
{
	const struct dataplane_options second = {.pin_dir = PIN_DIR "2", .flows = 4096};
	struct dataplane *d = guarded(), *other = NULL;
	int web = listen_on(vip, PORT);
	struct buf why = {};

	assert_int_equal(dataplane_open(&other, &second, &why), 0);
	put_guard(other);
	assert_int_equal(knock(stranger, vip, PORT), -ECONNREFUSED);
	assert_int_equal(knock(near, vip, PORT), 0);
	assert_int_equal(dataplane_destroy(other), 0);
	dataplane_close(other);
	assert_int_equal(knock(stranger, vip, PORT), -ECONNREFUSED);
	buf_free(&why);
	close(web);
	end(d);
}

#define CASE(name) cmocka_unit_test_teardown(name, remove_all)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_refused_client_meets_no_listener_and_is_counted),
		CASE(a_client_of_ipv6_is_refused_by_its_own_address),
		CASE(datagrams_to_the_same_port_are_not_the_guards),
		CASE(a_service_of_layer_4_is_not_the_guards),
		CASE(the_guard_comes_and_goes_with_its_row),
		CASE(what_is_detached_or_of_another_namespace_is_made_anew),
		CASE(it_stands_without_a_daemon_and_is_found_by_the_next),
		CASE(two_instances_have_a_guard_each),
	};

	lab_enter();
	return cmocka_run_group_tests_name("guard (kernel)", tests, NULL, NULL);
}
