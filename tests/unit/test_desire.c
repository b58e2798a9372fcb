/* SPDX-License-Identifier: GPL-2.0-only */
/* Policy, row by row: one service with two reals and a backup, and what facts do to its plan. */
#include "core/desire.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

enum { REALS = 3, BACKUP = 2 };

struct world {
	struct model model;
	struct service_config service;
	struct real_config reals[REALS];
	struct check_config check;
	struct addr vip;
	struct port_range ports[2];
	struct service_fact service_fact;
	struct real_fact real_facts[REALS];
	struct iface_fact iface;
	struct retired_fact retired;
	struct facts facts;
	struct store *store;
};

static const uint32_t check_ids[REALS][2] = {
	{1, 2},
        {3, 4},
        {5, 6}
};

/* 143 and 993 on 192.0.2.10; CAS1 and CAS2 up with weights 100 and 50, the backup up too. */
static void world_make(struct world *w)
{
	static const char *const names[] = {"CAS1", "CAS2", "backup"};

	memset(w, 0, sizeof(*w));
	addr_parse(&w->vip, "192.0.2.10");
	w->ports[0] = (struct port_range){143, 143};
	w->ports[1] = (struct port_range){993, 993};
	w->check = (struct check_config){.type = CHECK_CONNECT,
					 .request = "",
					 .expect = "",
					 .method = "",
					 .host = "",
					 .sni = "",
					 .helo = "",
					 .ca = "",
					 .rise = 2,
					 .fall = 2};
	for (int i = 0; i < REALS; i++) {
		w->reals[i] = (struct real_config){
			.name = names[i], .weight = 100 / (1 + i), .backup = i == BACKUP};
		addr_parse(&w->reals[i].ip, "192.0.2.20");
		w->reals[i].ip.byte[15] += i;
		w->real_facts[i] = (struct real_fact){.id = 11 + i,
						      .check_ids = check_ids[i],
						      .weight = -1,
						      .ifindex = 2,
						      .has_mac = true,
						      .health = HEALTH_UP};
	}
	w->service = (struct service_config){.name = "IMAP",
					     .vips = &w->vip,
					     .vip_count = 1,
					     .ports = w->ports,
					     .port_range_count = 2,
					     .protocol = IPPROTO_TCP,
					     .checks = &w->check,
					     .check_count = 1,
					     .reals = w->reals,
					     .real_count = REALS};
	w->model.services = &w->service;
	w->model.service_count = 1;
	w->model.timeouts.established = 75 * 60 * 1000;
	w->service_fact = (struct service_fact){.id = 5, .reals = w->real_facts};
	w->iface = (struct iface_fact){
		.ifindex = 2, .name = "eth0", .up = true, .epoch = 1, .attached = true};
	w->facts = (struct facts){.services = &w->service_fact,
				  .ifaces = &w->iface,
				  .iface_count = 1,
				  .active = true};
	w->store = store_new();
}

static struct plan *plan_in(struct world *w)
{
	struct plan *p = desire(&w->model, &w->facts, w->store);

	assert_non_null(p);
	return p;
}

/* How many slots of the service's ring each real has, as "2 1 0". */
static const char *shares(struct world *w)
{
	static char text[32];
	struct plan *p = plan_in(w);
	__u32 id = 5;
	const struct row_ring *row = plan_find(p, PLAN_RINGS, &id);
	int got[REALS] = {0};

	for (size_t i = 0; i < row->ring->count; i++)
		got[row->ring->slots[i] - 11]++;
	snprintf(text, sizeof(text), "%d %d %d", got[0], got[1], got[2]);
	plan_free(p);
	return text;
}

static __u16 flags(struct world *w, __u32 id)
{
	struct plan *p = plan_in(w);
	const struct row_real *row = plan_find(p, PLAN_REALS, &id);
	__u16 f = row->real.flags;

	plan_free(p);
	return f;
}

static void new_flows_go_by_weight_to_the_usable_reals(void **state)
{
	static const struct {
		enum health first, second, backup;
		enum admin_order admin; /* the rest is of the first */
		bool has_mac;
		int weight;
		const char *want;
	} cases[] = {
		{HEALTH_UP,      HEALTH_UP,   HEALTH_UP,   ADMIN_ONLINE, true,  -1,  "2 1 0"},
		{HEALTH_DOWN,    HEALTH_UP,   HEALTH_UP,   ADMIN_ONLINE, true,  -1,  "0 1 0"},
		{HEALTH_UNKNOWN, HEALTH_UP,   HEALTH_UP,   ADMIN_ONLINE, true,  -1,  "0 1 0"},
		{HEALTH_UP,      HEALTH_UP,   HEALTH_UP,   ADMIN_ONLINE, false, -1,  "0 1 0"},
		{HEALTH_UP,      HEALTH_UP,   HEALTH_UP,   ADMIN_ONLINE, true,  0,   "0 1 0"},
		{HEALTH_UP,      HEALTH_UP,   HEALTH_UP,   ADMIN_ONLINE, true,  150, "3 1 0"},
		{HEALTH_UP,      HEALTH_UP,   HEALTH_UP,   ADMIN_DRAIN,  true,  -1,  "0 1 0"},
		{HEALTH_UP,      HEALTH_DOWN, HEALTH_UP,   ADMIN_HALT,   true,  -1,  "0 0 1"},
		{HEALTH_DOWN,    HEALTH_DOWN, HEALTH_UP,   ADMIN_ONLINE, true,  -1,  "0 0 1"},
		{HEALTH_DOWN,    HEALTH_DOWN, HEALTH_DOWN, ADMIN_ONLINE, true,  -1,  "0 0 0"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct world w;

		world_make(&w);
		w.reals[BACKUP].weight = 1;
		w.real_facts[0].health = cases[i].first;
		w.real_facts[1].health = cases[i].second;
		w.real_facts[BACKUP].health = cases[i].backup;
		w.real_facts[0].admin = cases[i].admin;
		w.real_facts[0].has_mac = cases[i].has_mac;
		w.real_facts[0].weight = cases[i].weight;
		assert_string_equal(shares(&w), cases[i].want);
		store_free(w.store);
	}
}

static void running_flows_are_reset_as_on_down_and_halt_say(void **state)
{
	static const struct {
		enum on_down on_down;
		enum admin_order admin;
		enum health health;
		bool connect_failed, no_neighbour, reset;
	} cases[] = {
		{ON_DOWN_AUTO,  ADMIN_ONLINE, HEALTH_UP,      false, false, false},
		{ON_DOWN_AUTO,  ADMIN_ONLINE, HEALTH_UNKNOWN, true,  true,  false},
		{ON_DOWN_AUTO,  ADMIN_ONLINE, HEALTH_DOWN,    false, false, false}, /* 503: finish */
		{ON_DOWN_AUTO,  ADMIN_ONLINE, HEALTH_DOWN,    true,  false, true },
		{ON_DOWN_AUTO,  ADMIN_ONLINE, HEALTH_DOWN,    false, true,  true },
		{ON_DOWN_KEEP,  ADMIN_ONLINE, HEALTH_DOWN,    true,  true,  false},
		{ON_DOWN_RESET, ADMIN_ONLINE, HEALTH_DOWN,    false, false, true },
		{ON_DOWN_RESET, ADMIN_ONLINE, HEALTH_UP,      false, false, false},
		{ON_DOWN_KEEP,  ADMIN_HALT,   HEALTH_UP,      false, false, true },
		{ON_DOWN_AUTO,  ADMIN_DRAIN,  HEALTH_UP,      false, false, false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct world w;

		world_make(&w);
		w.service.on_down = cases[i].on_down;
		w.real_facts[0].admin = cases[i].admin;
		w.real_facts[0].health = cases[i].health;
		w.real_facts[0].connect_failed = cases[i].connect_failed;
		w.real_facts[0].no_neighbour = cases[i].no_neighbour;
		assert_int_equal(!!(flags(&w, 11) & LB_REAL_RESET), cases[i].reset);
		store_free(w.store);
	}
}

static void a_service_is_healthy_degraded_or_down(void **state)
{
	struct world w;
	bool backup;

	world_make(&w);
	assert_int_equal(service_status(&w.service, &w.service_fact, &backup), SERVICE_HEALTHY);
	assert_false(backup);
	w.real_facts[0].health = HEALTH_DOWN;
	assert_int_equal(service_status(&w.service, &w.service_fact, &backup), SERVICE_DEGRADED);
	w.real_facts[1].health = HEALTH_DOWN;
	assert_int_equal(service_status(&w.service, &w.service_fact, &backup), SERVICE_DEGRADED);
	assert_true(backup);
	w.real_facts[BACKUP].health = HEALTH_DOWN;
	assert_int_equal(service_status(&w.service, &w.service_fact, &backup), SERVICE_DOWN);
	store_free(w.store);
}

static void the_checks_of_a_real_count_as_require_says(void **state)
{
	const enum health mixed[] = {HEALTH_UP, HEALTH_DOWN, HEALTH_UNKNOWN};
	const enum health early[] = {HEALTH_UP, HEALTH_UNKNOWN};
	const enum health late[] = {HEALTH_DOWN, HEALTH_UNKNOWN};
	const enum health up[] = {HEALTH_UP, HEALTH_UP}, down[] = {HEALTH_DOWN, HEALTH_DOWN};

	assert_int_equal(desire_health(REQUIRE_ALL, mixed, 3), HEALTH_DOWN);
	assert_int_equal(desire_health(REQUIRE_ANY, mixed, 3), HEALTH_UP);
	assert_int_equal(desire_health(REQUIRE_ALL, early, 2), HEALTH_UNKNOWN);
	assert_int_equal(desire_health(REQUIRE_ANY, early, 2), HEALTH_UP);
	assert_int_equal(desire_health(REQUIRE_ALL, late, 2), HEALTH_DOWN);
	assert_int_equal(desire_health(REQUIRE_ANY, late, 2), HEALTH_UNKNOWN);
	assert_int_equal(desire_health(REQUIRE_ALL, up, 2), HEALTH_UP);
	assert_int_equal(desire_health(REQUIRE_ANY, down, 2), HEALTH_DOWN);
}

static void every_port_of_every_vip_is_an_endpoint(void **state)
{
	struct world w;
	struct plan *p;

	world_make(&w);
	w.check.type = CHECK_ON; /* one check, whatever the ports */
	w.ports[1] = (struct port_range){65530, 65535};
	p = plan_in(&w);
	assert_int_equal(plan_count(p, PLAN_ENDPOINTS), 7);
	assert_int_equal(plan_count(p, PLAN_VIPS), 1);
	assert_int_equal(plan_count(p, PLAN_NEIGHBOURS), REALS);
	plan_free(p);
	store_free(w.store);
}

static void a_vip_is_announced_only_by_an_active_node_on_an_attached_link(void **state)
{
	struct world w;
	struct plan *p;

	for (int off = 0; off < 4; off++) {
		world_make(&w);
		w.iface.attached = off != 1;
		w.iface.up = off != 2;
		w.facts.active = off != 3;
		p = plan_in(&w);
		assert_int_equal(plan_count(p, PLAN_ANNOUNCE), off == 0);
		assert_int_equal(plan_count(p, PLAN_IFACES), 1);
		plan_free(p);
		store_free(w.store);
	}
}

static void a_real_that_left_keeps_its_row_without_new_flows(void **state)
{
	struct world w;

	world_make(&w);
	w.retired = (struct retired_fact){
		.id = 40,
		.has_mac = true,
		.real = {.flags = LB_REAL_USABLE | LB_REAL_UP, .ifindex = 2, .service = 5}
        };
	w.facts.retired = &w.retired;
	w.facts.retired_count = 1;
	assert_int_equal(flags(&w, 40), LB_REAL_UP | LB_REAL_HAS_MAC);
	w.retired.resets = true;
	assert_int_equal(flags(&w, 40), LB_REAL_UP | LB_REAL_HAS_MAC | LB_REAL_RESET);
	assert_string_equal(shares(&w), "2 1 0");
	store_free(w.store);
}

static void equal_facts_give_an_equal_plan(void **state)
{
	struct world w;
	struct plan *a, *b;

	world_make(&w);
	a = plan_in(&w);
	b = plan_in(&w);
	assert_int_equal(plan_difference(a, b), 0);
	plan_free(b);
	w.real_facts[1].health = HEALTH_DOWN;
	b = plan_in(&w);
	assert_int_equal(plan_difference(a, b), 2); /* the real and the ring */
	plan_free(a);
	plan_free(b);
	store_free(w.store);
}

static void timeouts_become_ticks_rounded_up(void **state)
{
	assert_int_equal(desire_ticks(0), 0);
	assert_int_equal(desire_ticks(1), 1);
	assert_int_equal(desire_ticks(134), 1);
	assert_int_equal(desire_ticks(135), 2);
	assert_int_equal(desire_ticks(60000), 448);
}

/* The same world as a layer-7 service, whose reals no neighbour table knows. */
static void world_make_l7(struct world *w)
{
	world_make(w);
	w->service.mode = MODE_L7_TCP;
	for (int i = 0; i < REALS; i++) {
		w->real_facts[i].has_mac = false;
		w->real_facts[i].no_neighbour = true;
		w->real_facts[i].ifindex = 0;
	}
}

static struct proxy_real proxy_real(struct world *w, __u32 id)
{
	struct plan *p = plan_in(w);
	const struct proxy_real *row = plan_find(p, PLAN_PROXY_REALS, &id);
	struct proxy_real copy;

	assert_non_null(row);
	copy = *row;
	plan_free(p);
	return copy;
}

static void layer_7_has_rows_for_the_proxy_and_none_for_direct_routing(void **state)
{
	static const enum plan_table none[] = {PLAN_NEIGHBOURS, PLAN_REALS, PLAN_RINGS,
					       PLAN_ENDPOINTS};
	static const struct {
		enum plan_table table;
		size_t count;
	} some[] = {
		{PLAN_SERVICES,       1    },
                {PLAN_CHECKS,         6    },
		{PLAN_PROXY_SERVICES, 1    },
                {PLAN_PROXY_REALS,    REALS},
		{PLAN_LISTENERS,      4    },
                {PLAN_ADDRESSES,      2    },
		{PLAN_VIPS,           2    },
                {PLAN_ANNOUNCE,       2    },
	};
	struct addr vips[2];
	struct world w;
	struct plan *p;

	world_make_l7(&w);
	vips[0] = w.vip;
	addr_parse(&vips[1], "2001:db8::10");
	w.service.vips = vips;
	w.service.vip_count = 2;
	p = plan_in(&w);
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		assert_int_equal(plan_count(p, none[i]), 0);
	for (size_t i = 0; i < sizeof(some) / sizeof(some[0]); i++)
		assert_int_equal(plan_count(p, some[i].table), some[i].count);
	plan_free(p);
	store_free(w.store);
}

/* Allows 10.0.0.0/8 only. */
static const struct acl *some_clients(struct arena *a)
{
	static const struct prefix ten = {.addr = {.byte = {[10] = 0xff, 0xff, 10}}, .len = 104};

	return acl_new(&(struct acl_prefixes){&ten, 1}, &(struct acl_prefixes){0}, a);
}

static void a_list_of_clients_guards_the_endpoints_of_either_layer(void **state) /* R82 */
{
	for (int l7 = 0; l7 < 2; l7++) {
		struct arena *a = arena_new(), *later = arena_new();
		const struct row_acl *row;
		struct plan *p, *again;
		struct world w;
		__u32 id = 5;

		(l7 ? world_make_l7 : world_make)(&w);
		w.service.acl = some_clients(a);
		p = plan_in(&w);
		row = plan_find(p, PLAN_ACLS, &id);
		assert_non_null(row);
		assert_int_equal(row->host, l7);
		assert_memory_equal(row->acl, w.service.acl, acl_size(w.service.acl));
		assert_int_equal(plan_count(p, PLAN_ENDPOINTS), 2);
		assert_int_equal(plan_count(p, PLAN_GUARD), l7);
		assert_int_equal(plan_count(p, PLAN_RINGS), !l7);
		assert_int_equal(plan_count(p, PLAN_LISTENERS), l7 ? 2 : 0);
		w.service.acl = some_clients(later); /* as a configuration that is read again */
		arena_free(a);
		again = plan_in(&w);
		assert_int_equal(plan_difference(p, again), 0);
		plan_free(again);
		plan_free(p);
		arena_free(later);
		store_free(w.store);
	}
}

static void a_flood_is_a_number_of_flows_a_window(void **state)
{
	static const struct {
		uint32_t rate, high, low;
	} cases[] = {
		{0,         0,         0       },
		{1,         1,         0       },
		{50000,     53687,     26843   },
		{100000000, 107374182, 53687091},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct row_flood *row;
		struct world w;
		struct plan *p;
		__u32 id = 5;

		world_make(&w);
		w.service.flood_rate = cases[i].rate;
		w.service.on_miss = i & 1 ? LB_ON_MISS_DROP : LB_ON_MISS_HASH;
		p = plan_in(&w);
		row = plan_find(p, PLAN_FLOODS, &id);
		assert_non_null(row);
		assert_int_equal(row->flood.high, cases[i].high);
		assert_int_equal(row->flood.low, cases[i].low);
		assert_int_equal(row->on_miss, w.service.on_miss);
		plan_free(p);
		store_free(w.store);
	}
}

static void layer_7_has_no_flood_mode(void **state)
{
	struct world w;
	struct plan *p;

	world_make_l7(&w);
	w.service.flood_rate = 1000;
	p = plan_in(&w);
	assert_int_equal(plan_count(p, PLAN_FLOODS), 0);
	plan_free(p);
	store_free(w.store);
}

static void a_list_that_no_plan_holds_is_forgotten(void **state)
{
	struct arena *a = arena_new();
	struct plan *with, *without;
	const struct acl *kept;
	struct world w;
	__u32 id = 5;

	world_make(&w);
	w.service.acl = some_clients(a);
	with = plan_in(&w);
	store_trim(w.store, with);
	kept = ((const struct row_acl *)plan_find(with, PLAN_ACLS, &id))->acl;
	assert_ptr_equal(store_acl(w.store, w.service.acl), kept);
	w.service.acl = NULL;
	without = plan_in(&w);
	assert_int_equal(plan_count(without, PLAN_ACLS), 0);
	store_trim(w.store, without); /* what the sanitizer would find lost */
	plan_free(with);
	plan_free(without);
	arena_free(a);
	store_free(w.store);
}

static void direct_routing_has_no_rows_for_the_proxy(void **state)
{
	static const enum plan_table none[] = {PLAN_PROXY_SERVICES, PLAN_PROXY_REALS,
					       PLAN_LISTENERS, PLAN_ADDRESSES};
	struct world w;
	struct plan *p;

	world_make(&w);
	p = plan_in(&w);
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		assert_int_equal(plan_count(p, none[i]), 0);
	plan_free(p);
	store_free(w.store);
}

static void both_modes_share_a_vip_on_different_ports(void **state) /* R24, R91 */
{
	struct service_config services[2];
	struct service_fact facts[2];
	struct port_range smtp = {25, 25};
	struct real_fact reals[REALS];
	struct world w;
	struct plan *p;

	world_make(&w);
	memcpy(reals, w.real_facts, sizeof(reals));
	for (int i = 0; i < REALS; i++)
		reals[i].id += REALS;
	services[0] = services[1] = w.service;
	services[1].mode = MODE_L7_TCP;
	services[1].ports = &smtp;
	services[1].port_range_count = 1;
	facts[0] = w.service_fact;
	facts[1] = (struct service_fact){.id = 6, .reals = reals};
	w.model.services = services;
	w.model.service_count = 2;
	w.facts.services = facts;
	p = plan_in(&w);
	assert_int_equal(plan_count(p, PLAN_ENDPOINTS), 2);
	assert_int_equal(plan_count(p, PLAN_LISTENERS), 1);
	assert_int_equal(plan_count(p, PLAN_VIPS), 1);
	assert_int_equal(plan_count(p, PLAN_ADDRESSES), 1);
	assert_int_equal(plan_count(p, PLAN_ANNOUNCE), 1);
	plan_free(p);
	store_free(w.store);
}

static void a_node_that_is_not_active_does_not_hold_the_address(void **state)
{
	struct world w;
	struct plan *p;

	world_make_l7(&w);
	w.facts.active = false;
	p = plan_in(&w);
	assert_int_equal(plan_count(p, PLAN_ADDRESSES), 0);
	assert_int_equal(plan_count(p, PLAN_LISTENERS), 2);
	plan_free(p);
	store_free(w.store);
}

static void sessions_follow_health_weight_and_orders_without_a_neighbour(void **state)
{
	enum {
		USE = PROXY_REAL_USABLE,
		RESET = PROXY_REAL_RESET,
		WAIT = PROXY_REAL_CHECKING,
		DOWN = PROXY_REAL_DOWN,
		BOTH = RESET | DOWN,
	};
	static const struct {
		enum health health;
		enum admin_order admin;
		enum on_down on_down;
		bool connect_failed;
		int weight, flags, want_weight;
		enum real_status status;
	} cases[] = {
		{HEALTH_UP,      ADMIN_ONLINE, ON_DOWN_AUTO,  false, -1, USE,   100, REAL_UP   },
		{HEALTH_UP,      ADMIN_ONLINE, ON_DOWN_AUTO,  false, 7,  USE,   7,   REAL_UP   },
		{HEALTH_UP,      ADMIN_ONLINE, ON_DOWN_AUTO,  false, 0,  0,     0,   REAL_UP   },
		{HEALTH_UP,      ADMIN_DRAIN,  ON_DOWN_AUTO,  false, -1, 0,     0,   REAL_DRAIN},
		{HEALTH_UP,      ADMIN_HALT,   ON_DOWN_KEEP,  false, -1, RESET, 0,   REAL_HALT },
		{HEALTH_UNKNOWN, ADMIN_ONLINE, ON_DOWN_RESET, true,  -1, WAIT,  0,   REAL_DOWN },
		{HEALTH_UNKNOWN, ADMIN_ONLINE, ON_DOWN_AUTO,  false, 0,  0,     0,   REAL_DOWN },
		{HEALTH_UNKNOWN, ADMIN_DRAIN,  ON_DOWN_AUTO,  false, -1, 0,     0,   REAL_DRAIN},
		{HEALTH_DOWN,    ADMIN_ONLINE, ON_DOWN_AUTO,  false, -1, DOWN,  0,   REAL_DOWN }, /* 503 */
		{HEALTH_DOWN,    ADMIN_DRAIN,  ON_DOWN_AUTO,  false, -1, DOWN,  0,   REAL_DRAIN},
		{HEALTH_DOWN,    ADMIN_ONLINE, ON_DOWN_AUTO,  true,  -1, BOTH,  0,   REAL_DOWN },
		{HEALTH_DOWN,    ADMIN_ONLINE, ON_DOWN_KEEP,  true,  -1, 0,     0,   REAL_DOWN },
		{HEALTH_DOWN,    ADMIN_ONLINE, ON_DOWN_RESET, false, -1, BOTH,  0,   REAL_DOWN },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct proxy_real row;
		struct world w;

		world_make_l7(&w);
		w.service.on_down = cases[i].on_down;
		w.real_facts[0].health = cases[i].health;
		w.real_facts[0].admin = cases[i].admin;
		w.real_facts[0].connect_failed = cases[i].connect_failed;
		w.real_facts[0].weight = cases[i].weight;
		row = proxy_real(&w, 11);
		assert_int_equal(row.flags, cases[i].flags);
		assert_int_equal(row.weight, cases[i].want_weight);
		assert_int_equal(real_status(&w.service, &w.real_facts[0]), cases[i].status);
		store_free(w.store);
	}
}

static void the_proxy_gets_what_the_service_says(void **state)
{
	struct proxy_real real;
	const struct proxy_service *row;
	struct world w;
	struct plan *p;
	__u32 id = 5;

	world_make_l7(&w);
	w.service.l7.source = PROXY_SOURCE_ADDRESS;
	addr_parse(&w.service.l7.source_address[0], "192.0.2.1");
	addr_parse(&w.service.l7.source_address[1], "192.0.2.2");
	w.service.l7.source_count = 2;
	w.service.l7.connect = 5000;
	w.service.l7.client = 30;
	w.service.l7.server = 31;
	w.service.l7.accept_header = PROXY_HEADER_V1;
	w.service.l7.send_header = PROXY_HEADER_V2;
	w.reals[0].port = 2525;
	p = plan_in(&w);
	row = plan_find(p, PLAN_PROXY_SERVICES, &id);
	assert_string_equal(row->name, "IMAP");
	assert_memory_equal(row->source, w.service.l7.source_address, sizeof(row->source));
	assert_int_equal(row->source_kind, PROXY_SOURCE_ADDRESS);
	assert_int_equal(row->connect, 5000);
	assert_int_equal(row->client, 30);
	assert_int_equal(row->server, 31);
	assert_int_equal(row->accept_header, PROXY_HEADER_V1);
	assert_int_equal(row->send_header, PROXY_HEADER_V2);
	plan_free(p);
	real = proxy_real(&w, 11);
	assert_string_equal(real.name, "CAS1");
	assert_true(addr_equal(&real.ip, &w.reals[0].ip));
	assert_int_equal(real.port, 2525);
	assert_int_equal(real.service, 5);
	assert_int_equal(proxy_real(&w, 12).port, 0); /* R54 */
	assert_int_equal(proxy_real(&w, 13).flags, PROXY_REAL_USABLE | PROXY_REAL_BACKUP);
	store_free(w.store);
}

static void a_layer_7_service_is_healthy_without_any_neighbour(void **state)
{
	struct world w;
	bool backup;

	world_make_l7(&w);
	assert_int_equal(service_status(&w.service, &w.service_fact, &backup), SERVICE_HEALTHY);
	w.real_facts[0].health = w.real_facts[1].health = HEALTH_DOWN;
	assert_int_equal(service_status(&w.service, &w.service_fact, &backup), SERVICE_DEGRADED);
	assert_true(backup);
	w.service.mode = MODE_L4_DR;
	assert_int_equal(service_status(&w.service, &w.service_fact, &backup), SERVICE_DOWN);
	store_free(w.store);
}

static void a_check_by_the_vip_has_rows_for_its_way(void **state) /* R88 */
{
	const __u32 eth0 = 2, first = 1, second = 4, backup = 5;
	struct world w;
	struct plan *p;
	const struct lb_via *via;

	world_make(&w);
	p = plan_in(&w);
	assert_int_equal(plan_count(p, PLAN_VIAS) + plan_count(p, PLAN_VIA_FILTERS), 0);
	plan_free(p);
	w.check.via = VIA_VIP;
	p = plan_in(&w);
	assert_int_equal(plan_count(p, PLAN_CHECKS), 6);
	assert_int_equal(plan_count(p, PLAN_VIAS), 4);
	assert_int_equal(plan_count(p, PLAN_VIA_FILTERS), 1);
	assert_non_null(plan_find(p, PLAN_VIA_FILTERS, &eth0));
	via = plan_find(p, PLAN_VIAS, &first);
	assert_int_equal(via->port, 143);
	assert_int_equal(via->real, 11);
	assert_memory_equal(via->rip.byte, w.reals[0].ip.byte, 16);
	assert_memory_equal(via->vip.byte, w.vip.byte, 16);
	via = plan_find(p, PLAN_VIAS, &second);
	assert_int_equal(via->port, 993);
	assert_int_equal(via->real, 12);
	assert_null(plan_find(p, PLAN_VIAS, &backup));
	plan_free(p);
	store_free(w.store);
}

static void no_check_goes_by_the_vip_where_xdp_does_not_run(void **state)
{
	struct world w;
	struct plan *p;

	world_make(&w);
	w.check.via = VIA_VIP;
	w.iface.attached = false;
	p = plan_in(&w);
	assert_int_equal(plan_count(p, PLAN_CHECKS), 2); /* the backup's go to its own address */
	assert_int_equal(plan_count(p, PLAN_VIAS) + plan_count(p, PLAN_VIA_FILTERS), 0);
	plan_free(p);
	store_free(w.store);
}

static void reals_of_two_ip_versions_are_asked_by_their_own_vip(void **state)
{
	const __u32 v6 = 3;
	struct addr vips[2];
	const struct lb_via *via;
	struct world w;
	struct plan *p;

	world_make(&w);
	vips[0] = w.vip;
	addr_parse(&vips[1], "2001:db8::10");
	addr_parse(&w.reals[1].ip, "2001:db8::21");
	w.service.vips = vips;
	w.service.vip_count = 2;
	w.check.via = VIA_VIP;
	p = plan_in(&w);
	assert_int_equal(plan_count(p, PLAN_VIAS), 4);
	via = plan_find(p, PLAN_VIAS, &v6);
	assert_memory_equal(via->rip.byte, w.reals[1].ip.byte, 16);
	assert_memory_equal(via->vip.byte, vips[1].byte, 16);
	plan_free(p);
	store_free(w.store);
}

static bool has_route(const struct plan *p, uint32_t family)
{
	const struct row_local_route key = {.family = family, .table = 77};

	return plan_find(p, PLAN_LOCAL_ROUTES, &key);
}

static void answers_to_the_clients_own_address_are_led_into_this_host(void **state) /* R81 */
{
	struct world w;
	struct plan *p;
	__u32 eth0 = 2, eth1 = 3;

	world_make_l7(&w);
	w.facts.local_table = 77;
	p = plan_in(&w);
	assert_int_equal(plan_count(p, PLAN_DIVERTS) + plan_count(p, PLAN_LOCAL_ROUTES), 0);
	plan_free(p);
	w.service.l7.source = PROXY_SOURCE_CLIENT;
	addr_parse(&w.reals[1].ip, "2001:db8::21");
	w.real_facts[0].ifindex = w.real_facts[2].ifindex = eth0;
	w.real_facts[1].ifindex = 0; /* no way leads there */
	p = plan_in(&w);
	assert_int_equal(plan_count(p, PLAN_DIVERTS), 1);
	assert_non_null(plan_find(p, PLAN_DIVERTS, &eth0));
	assert_true(has_route(p, AF_INET));
	assert_false(has_route(p, AF_INET6));
	plan_free(p);
	w.real_facts[1].ifindex = eth1;
	p = plan_in(&w);
	assert_int_equal(plan_count(p, PLAN_DIVERTS), 2);
	assert_true(has_route(p, AF_INET6));
	plan_free(p);
	store_free(w.store);
}

static void what_running_sessions_need_of_tproxy_stays(void **state)
{
	const struct row_local_route route = {.family = AF_INET, .table = 77};
	const uint32_t eth1 = 3;
	struct world w;
	struct plan *p;

	world_make_l7(&w);
	w.facts.held_routes = &route;
	w.facts.held_route_count = 1;
	w.facts.held_diverts = &eth1;
	w.facts.held_divert_count = 1;
	p = plan_in(&w);
	assert_non_null(plan_find(p, PLAN_DIVERTS, &eth1));
	assert_true(has_route(p, AF_INET));
	plan_free(p);
	store_free(w.store);
}

static void equal_facts_give_an_equal_layer_7_plan(void **state)
{
	struct world w;
	struct plan *a, *b;

	world_make_l7(&w);
	a = plan_in(&w);
	b = plan_in(&w);
	assert_int_equal(plan_difference(a, b), 0);
	plan_free(b);
	w.real_facts[1].admin = ADMIN_DRAIN;
	b = plan_in(&w);
	assert_int_equal(plan_difference(a, b), 1); /* the real */
	plan_free(a);
	plan_free(b);
	store_free(w.store);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(new_flows_go_by_weight_to_the_usable_reals),
		cmocka_unit_test(running_flows_are_reset_as_on_down_and_halt_say),
		cmocka_unit_test(a_service_is_healthy_degraded_or_down),
		cmocka_unit_test(the_checks_of_a_real_count_as_require_says),
		cmocka_unit_test(every_port_of_every_vip_is_an_endpoint),
		cmocka_unit_test(a_vip_is_announced_only_by_an_active_node_on_an_attached_link),
		cmocka_unit_test(a_real_that_left_keeps_its_row_without_new_flows),
		cmocka_unit_test(equal_facts_give_an_equal_plan),
		cmocka_unit_test(timeouts_become_ticks_rounded_up),
		cmocka_unit_test(layer_7_has_rows_for_the_proxy_and_none_for_direct_routing),
		cmocka_unit_test(a_list_of_clients_guards_the_endpoints_of_either_layer),
		cmocka_unit_test(a_flood_is_a_number_of_flows_a_window),
		cmocka_unit_test(layer_7_has_no_flood_mode),
		cmocka_unit_test(a_list_that_no_plan_holds_is_forgotten),
		cmocka_unit_test(direct_routing_has_no_rows_for_the_proxy),
		cmocka_unit_test(both_modes_share_a_vip_on_different_ports),
		cmocka_unit_test(a_node_that_is_not_active_does_not_hold_the_address),
		cmocka_unit_test(sessions_follow_health_weight_and_orders_without_a_neighbour),
		cmocka_unit_test(the_proxy_gets_what_the_service_says),
		cmocka_unit_test(a_layer_7_service_is_healthy_without_any_neighbour),
		cmocka_unit_test(a_check_by_the_vip_has_rows_for_its_way),
		cmocka_unit_test(no_check_goes_by_the_vip_where_xdp_does_not_run),
		cmocka_unit_test(reals_of_two_ip_versions_are_asked_by_their_own_vip),
		cmocka_unit_test(answers_to_the_clients_own_address_are_led_into_this_host),
		cmocka_unit_test(what_running_sessions_need_of_tproxy_stays),
		cmocka_unit_test(equal_facts_give_an_equal_layer_7_plan),
	};

	return cmocka_run_group_tests_name("desire", tests, NULL, NULL);
}
