/* SPDX-License-Identifier: GPL-2.0-only */
/* l4-nat and l4-snat: ports of reals, source_pool, and what cannot be translated. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "core/config.h"
#include "core/desire.h"

#define HEAD  "node: {interfaces: [eth0]}\nservices:\n  S:\n"
#define VIP   "    vip: 192.168.30.10\n    ports: 443\n"
#define REALS "    reals: {A: {ip: 192.168.30.20, port: 8443}}\n"
#define SNAT  HEAD "    mode: l4-snat\n"
#define NAT   HEAD "    mode: l4-nat\n"

static const char *const interfaces[] = {"eth0"};
static const struct prefix network = {{{[10] = 0xff, 0xff, 192, 168, 30}}, 120};
static const struct addr own = {
	{[10] = 0xff, 0xff, 192, 168, 30, 2}
};
static const struct config_net host = {.interfaces = interfaces,
				       .interface_count = 1,
				       .connected = &network,
				       .connected_count = 1,
				       .addresses = &own,
				       .address_count = 1};

static struct model *read_text(const char *text, struct buf *messages)
{
	struct config_input in = {
		.file = "f", .text = text, .len = strlen(text), .host_name = "lb1", .net = &host};

	return config_read(&in, messages);
}

static struct model *must_read(const char *text)
{
	struct buf messages = {};
	struct model *m = read_text(text, &messages);

	assert_string_equal(buf_text(&messages), "");
	assert_non_null(m);
	buf_free(&messages);
	return m;
}

static void each_mistake_is_named_at_its_place(void **state)
{
	static const struct {
		const char *text, *said;
	} rows[] = {
		{SNAT VIP REALS,
		 "f:3:3: error: services.S.source_pool: is missing (like source_pool: "
		 "192.168.30.9)\n"							     },
		{SNAT "    source_pool: none\n" VIP REALS,
		 "f:3:3: error: services.S.source_pool: is missing (like source_pool: "
		 "192.168.30.9)\n"							     },
		{SNAT "    source_pool: x\n" VIP REALS,
		 "f:5:18: error: services.S.source_pool: 'x' is not an address, a network "
		 "(192.168.30.0/24) or a range (192.168.30.50-192.168.30.60)\n"                },
		{SNAT "    source_pool: 192.168.30.0/27\n" VIP REALS,
		 "f:5:18: error: services.S.source_pool: more than 16 addresses (a network counts "
		 "with all that are in it)\n"						  },
		{SNAT "    source_pool: 192.168.30.20\n" VIP REALS,
		 "f:5:18: error: services.S.source_pool: 192.168.30.20 is the address of real "
		 "server A\n"								  },
		{SNAT "    source_pool: 192.168.30.2\n" VIP REALS,
		 "f:5:18: error: services.S.source_pool: 192.168.30.2 is this host's own address; "
		 "one that nothing uses belongs here\n"                                        },
		{SNAT "    source_pool: 192.168.30.10\n" VIP REALS,
		 "f:5:18: error: services.S.source_pool: 192.168.30.10 is a VIP, of service S; an "
		 "address that nothing else uses belongs here\n"                               },
		{SNAT "    source_pool: \"2001:db8::9\"\n" VIP REALS,
		 "f:5:18: error: services.S.source_pool: 2001:db8::9 is IPv6 and VIP 192.168.30.10 "
		 "is not: l4-snat translates within one IP version (make a service for each)\n"},
		{NAT "    vip: [192.168.30.10, \"2001:db8::10\"]\n    ports: 443\n" REALS,
		 "f:5:10: error: services.S.vip: 2001:db8::10 is IPv6 and VIP 192.168.30.10 is "
		 "not: l4-nat translates within one IP version (make a service for each)\n"    },
		{NAT "    source_pool: 192.168.30.9\n" VIP REALS,
		 "f:5:5: error: services.S.source_pool: belongs to mode: l4-snat\n"            },
		{NAT VIP "    reals: {A: {ip: 10.0.0.1, port: 80}}\n",
		 "f:7:21: error: services.S.reals.A.ip: 10.0.0.1 is on no network of the attached "
		 "interfaces (eth0 with 192.168.30.0/24); layer 4 reaches only neighbours\n"   },
	};

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct buf messages = {};
		struct model *m = read_text(rows[i].text, &messages);

		if (strcmp(buf_text(&messages), rows[i].said))
			print_error("%s", rows[i].text);
		assert_string_equal(buf_text(&messages), rows[i].said);
		assert_null(m);
		buf_free(&messages);
	}
}

static void a_pool_is_addresses_ranges_and_networks_one_by_one(void **state)
{
	struct model *m = must_read(SNAT "    source_pool: [192.168.30.9, 192.168.30.64/30, "
					 "192.168.30.99-192.168.30.101]\n" VIP REALS);
	static const uint8_t last[] = {9, 64, 65, 66, 67, 99, 100, 101};
	const struct service_config *s = &m->services[0];

	assert_int_equal(s->pool_count, ARRAY_COUNT(last));
	for (size_t i = 0; i < ARRAY_COUNT(last); i++)
		assert_int_equal(s->pool[i].byte[15], last[i]);
	model_free(m);
}

static void what_is_printed_reads_back_the_same(void **state)
{
	struct model *m = must_read(SNAT "    source_pool: 192.168.30.9\n" VIP REALS), *again;
	struct buf text = {}, twice = {};

	config_print(m, &text);
	again = must_read(buf_text(&text));
	config_print(again, &twice);
	assert_string_equal(buf_text(&text), buf_text(&twice));
	assert_non_null(strstr(buf_text(&text), "192.168.30.9"));
	assert_non_null(strstr(buf_text(&text), "port: 8443\n"));
	buf_free(&text);
	buf_free(&twice);
	model_free(m);
	model_free(again);
}

static void checks_ask_the_port_that_clients_are_sent_to(void **state) /* R54 */
{
	struct model *m = must_read(NAT VIP REALS);
	struct check_spec spec;

	assert_true(service_check_spec(&m->services[0], &m->services[0].reals[0], 0, &spec));
	assert_int_equal(spec.port, 8443);
	model_free(m);
}

/* The plan of a service with one real that is up, by id 7 of service 3. */
static struct plan *plan_of(const struct model *m, struct store *store)
{
	static const uint32_t check_ids[] = {1};
	const struct real_fact real = {.id = 7,
				       .check_ids = check_ids,
				       .weight = -1,
				       .ifindex = 2,
				       .has_mac = true,
				       .health = HEALTH_UP};
	const struct service_fact service = {.id = 3, .reals = &real};
	const struct iface_fact iface = {
		.ifindex = 2, .name = "eth0", .up = true, .attached = true};
	const struct facts f = {
		.services = &service, .ifaces = &iface, .iface_count = 1, .active = true};
	struct plan *p = desire(m, &f, store);

	assert_non_null(p);
	return p;
}

static void expect_real(const struct plan *p, __u16 flags)
{
	const __u32 id = 7;
	const struct row_real *row = plan_find(p, PLAN_REALS, &id);

	assert_int_equal(row->real.flags & (LB_REAL_NAT | LB_REAL_SNAT), flags);
	assert_int_equal(row->real.port, 8443);
	assert_int_equal(row->real.flags & LB_REAL_USABLE, LB_REAL_USABLE);
	assert_int_equal(plan_count(p, PLAN_NEIGHBOURS), 1);
}

static void snat_answers_for_its_pool_as_for_a_vip(void **state)
{
	struct model *m = must_read(SNAT "    source_pool: 192.168.30.8/31\n" VIP REALS);
	struct store *store = store_new();
	struct plan *p = plan_of(m, store);
	const __u32 id = 3;
	const struct lb_pool *pool = plan_find(p, PLAN_POOLS, &id);

	expect_real(p, LB_REAL_NAT | LB_REAL_SNAT);
	assert_int_equal(pool->count, 2);
	assert_int_equal(pool->addr[1].byte[15], 9);
	assert_int_equal(plan_count(p, PLAN_VIPS), 3);
	assert_int_equal(plan_count(p, PLAN_ANNOUNCE), 3);
	plan_free(p);
	store_free(store);
	model_free(m);
}

static void nat_has_no_pool_and_needs_the_reals_mac(void **state)
{
	struct model *m = must_read(NAT VIP REALS);
	struct store *store = store_new();
	struct plan *p = plan_of(m, store);
	const struct real_fact lost = {.weight = -1, .health = HEALTH_UP};

	expect_real(p, LB_REAL_NAT);
	assert_int_equal(plan_count(p, PLAN_POOLS), 0);
	assert_int_equal(plan_count(p, PLAN_VIPS), 1);
	assert_false(real_usable(&m->services[0], &m->services[0].reals[0], &lost));
	plan_free(p);
	store_free(store);
	model_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_mistake_is_named_at_its_place),
		cmocka_unit_test(a_pool_is_addresses_ranges_and_networks_one_by_one),
		cmocka_unit_test(what_is_printed_reads_back_the_same),
		cmocka_unit_test(checks_ask_the_port_that_clients_are_sent_to),
		cmocka_unit_test(snat_answers_for_its_pool_as_for_a_vip),
		cmocka_unit_test(nat_has_no_pool_and_needs_the_reals_mac),
	};

	return cmocka_run_group_tests_name("nat", tests, NULL, NULL);
}
