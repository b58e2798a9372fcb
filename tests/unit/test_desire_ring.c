/* SPDX-License-Identifier: GPL-2.0-only */
/* The rules of in which order a layer-4 service's new flows meet its reals. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/desire.h"
#include "core/maglev.h"
#include "core/ramp.h"

enum { REALS = 10, BACKUP = REALS, SERVICES = 20, SERVICE_ID = 5, FIRST_ID = 11 };

static const uint32_t check_ids[] = {1};

/* CAS0 to CAS9 and a backup, all up; services that are all alike. */
struct world {
	struct real_config reals[REALS + 1];
	struct check_config check;
	struct service_config services[SERVICES];
	struct model model;
	struct real_fact real_facts[REALS + 1];
	struct service_fact service_facts[SERVICES];
	struct facts facts;
	struct store *store;
};

static void make_service(struct world *w, size_t i, size_t reals)
{
	w->services[i] = (struct service_config){
		.name = "IMAP",
		.reals = w->reals,
		.real_count = reals,
		.protocol = IPPROTO_TCP,
		.checks = &w->check,
		.check_count = 1,
	};
	w->service_facts[i] = (struct service_fact){.id = SERVICE_ID + i, .reals = w->real_facts};
}

/* reals: the first so many of them; more than REALS is with the backup. */
static void world_make(struct world *w, size_t reals)
{
	memset(w, 0, sizeof(*w));
	w->check = (struct check_config){.type = CHECK_ON,
					 .request = "",
					 .expect = "",
					 .method = "",
					 .host = "",
					 .sni = "",
					 .helo = "",
					 .ca = ""};
	for (int i = 0; i <= REALS; i++) {
		w->reals[i] =
			(struct real_config){.name = "CAS", .weight = 100, .backup = i == BACKUP};
		addr_parse(&w->reals[i].ip, "192.0.2.20");
		w->reals[i].ip.byte[15] += i;
		w->real_facts[i] = (struct real_fact){.id = FIRST_ID + i,
						      .check_ids = check_ids,
						      .weight = -1,
						      .ifindex = 2,
						      .has_mac = true,
						      .health = HEALTH_UP};
	}
	for (size_t i = 0; i < SERVICES; i++)
		make_service(w, i, reals);
	w->model.services = w->services;
	w->model.service_count = 1;
	w->facts = (struct facts){.services = w->service_facts, .active = true};
	w->store = store_new();
}

/* The row of the first service, and of a real; they stay when the plan is gone. */
static struct row_ring ring_row(struct world *w)
{
	struct plan *p = desire(&w->model, &w->facts, w->store);
	const __u32 id = SERVICE_ID;
	struct row_ring row;

	assert_non_null(p);
	row = *(const struct row_ring *)plan_find(p, PLAN_RINGS, &id);
	plan_free(p);
	return row;
}

static struct lb_real real_row(struct world *w, size_t i)
{
	struct plan *p = desire(&w->model, &w->facts, w->store);
	const __u32 id = FIRST_ID + i;
	struct lb_real row;

	assert_non_null(p);
	row = ((const struct row_real *)plan_find(p, PLAN_REALS, &id))->real;
	plan_free(p);
	return row;
}

/* How many slots the first reals have, as "2 1 0". */
static const char *shares(const struct ring *r, size_t reals)
{
	static char text[128];
	size_t len = 0;

	for (size_t i = 0; i < reals; i++) {
		unsigned int count = 0;

		for (size_t s = 0; s < r->count; s++)
			count += r->slots[s] == FIRST_ID + i;
		len += snprintf(text + len, sizeof(text) - len, "%s%u", i ? " " : "", count);
	}
	return text;
}

static const struct {
	enum scheduler scheduler;
	enum lb_scheduler as;
	const char *ring, *ramped;      /* of weights 100 and 50; the second at 5 of 20 steps */
	uint32_t weight, ramped_weight; /* of the second's row */
} orders[] = {
	{SCHEDULER_WRR,    LB_SCHEDULER_TURN,  "2 1", "8 1", 50 * 20, 50 * 5 },
	{SCHEDULER_WLC,    LB_SCHEDULER_LEAST, "1 1", "1 1", 50 * 20, 50 * 5 },
	{SCHEDULER_RR,     LB_SCHEDULER_TURN,  "1 1", "4 1", 20,      5      },
	{SCHEDULER_LC,     LB_SCHEDULER_LEAST, "1 1", "1 1", 20,      5      },
	{SCHEDULER_SH,     LB_SCHEDULER_RING,  "2 1", "2 1", 50 * 20, 50 * 20},
	{SCHEDULER_MAGLEV, LB_SCHEDULER_TABLE, "2 1", "2 1", 50 * 20, 50 * 20},
};

static void each_scheduler_has_its_ring_and_weights(void **state)
{
	for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
		struct world w;

		world_make(&w, 2);
		w.services[0].scheduler = orders[i].scheduler;
		w.reals[1].weight = 50;
		assert_int_equal(ring_row(&w).policy.scheduler, orders[i].as);
		assert_string_equal(shares(ring_row(&w).ring, 2), orders[i].ring);
		assert_int_equal(real_row(&w, 1).weight, orders[i].weight);
		w.real_facts[1].ramp = 5;
		assert_string_equal(shares(ring_row(&w).ring, 2), orders[i].ramped);
		assert_int_equal(real_row(&w, 1).weight, orders[i].ramped_weight);
		store_free(w.store);
	}
}

static void a_plain_service_has_no_policy(void **state)
{
	static const struct lb_policy none;
	static const enum scheduler plain[] = {SCHEDULER_WRR, SCHEDULER_RR};

	for (size_t i = 0; i < 2; i++) {
		struct world w;
		struct lb_policy policy;

		world_make(&w, REALS + 1);
		w.services[0].scheduler = plain[i];
		policy = ring_row(&w).policy;
		assert_memory_equal(&policy, &none, sizeof(none));
		store_free(w.store);
	}
}

static void the_policy_says_what_the_service_does(void **state)
{
	struct world w;
	struct lb_policy policy;

	world_make(&w, 2);
	w.services[0].one_packet = true;
	w.services[0].persist.source = 24;
	w.services[0].persist.source6 = 64;
	w.services[0].persist.timeout = 300000;
	policy = ring_row(&w).policy;
	assert_int_equal(policy.flags, LB_POLICY_ONE_PACKET);
	assert_int_equal(policy.mask4, 24);
	assert_int_equal(policy.mask6, 64);
	assert_int_equal(policy.persist_timeout, desire_ticks(300000));
	w.reals[1].max_connections = 5;
	assert_int_equal(ring_row(&w).policy.flags, LB_POLICY_ONE_PACKET | LB_POLICY_LIMITS);
	store_free(w.store);
}

static void a_real_gets_flows_again_below_its_minimum(void **state) /* R43 */
{
	static const struct {
		uint32_t max, min, below;
	} cases[] = {
		{0,   0,  0 },
                {1,   0,  1 },
                {2,   0,  2 },
                {4,   0,  3 },
		{100, 0,  75},
                {100, 20, 20},
                {7,   0,  6 },
                {5,   5,  5 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct world w;

		world_make(&w, 2);
		w.reals[0].max_connections = cases[i].max;
		w.reals[0].min_connections = cases[i].min;
		assert_int_equal(real_row(&w, 0).max_connections, cases[i].max);
		assert_int_equal(real_row(&w, 0).min_connections, cases[i].below);
		store_free(w.store);
	}
}

static void a_real_that_gets_no_flows_weighs_nothing(void **state)
{
	struct world w;

	world_make(&w, 2);
	w.services[0].scheduler = SCHEDULER_LC;
	w.real_facts[0].admin = ADMIN_DRAIN;
	assert_int_equal(real_row(&w, 0).weight, 0);
	assert_string_equal(shares(ring_row(&w).ring, 2), "0 1");
	assert_string_equal(shares(ring_row(&w).table, 2), "0 251");
	store_free(w.store);
}

/* What is searched for a real with room is searched to its end. */
static void a_ring_with_limits_is_no_longer_than_a_search(void **state)
{
	struct world w;

	world_make(&w, REALS);
	for (int i = 0; i < REALS; i++)
		w.reals[i].weight = 1000 + 137 * i;
	assert_true(ring_row(&w).ring->count > LB_SCAN_MAX);
	w.reals[3].max_connections = 1;
	assert_true(ring_row(&w).ring->count <= LB_SCAN_MAX);
	store_free(w.store);
}

static void the_backup_stands_behind_who_may_be_full(void **state)
{
	struct world w;

	world_make(&w, REALS + 1);
	assert_int_equal(ring_row(&w).backup, 0);
	w.reals[0].max_connections = 1;
	assert_int_equal(ring_row(&w).backup, FIRST_ID + BACKUP);
	w.real_facts[BACKUP].health = HEALTH_DOWN;
	assert_int_equal(ring_row(&w).backup, 0);
	w.real_facts[BACKUP].health = HEALTH_UP;
	for (int i = 0; i < REALS; i++)
		w.real_facts[i].health = HEALTH_DOWN;
	assert_int_equal(ring_row(&w).backup, 0); /* it is the ring itself */
	assert_int_equal(ring_row(&w).ring->slots[0], FIRST_ID + BACKUP);
	store_free(w.store);
}

static size_t changed(const struct ring *a, const struct ring *b)
{
	size_t count = 0;

	assert_int_equal(a->count, b->count);
	for (size_t i = 0; i < a->count; i++)
		count += a->slots[i] != b->slots[i];
	return count;
}

/* One of ten goes or comes: at most 1.05 times its share of the clients move. */
static void with_maglev_hardly_a_client_moves(void **state)
{
	struct world w;
	const struct ring *all;

	world_make(&w, REALS);
	w.services[0].scheduler = SCHEDULER_MAGLEV;
	all = ring_row(&w).table;
	assert_int_equal(all->count, 65537);
	for (int i = 0; i < REALS; i++) {
		w.real_facts[i].health = HEALTH_DOWN;
		assert_true(changed(all, ring_row(&w).table) * 100 <= all->count / REALS * 105);
		w.real_facts[i].health = HEALTH_UP;
	}
	store_free(w.store);
}

/* Nor do ids make a difference, which are others on the other node of a pair. */
static void a_table_depends_on_addresses_not_on_ids(void **state)
{
	struct world w;
	const struct ring *one, *other;

	world_make(&w, REALS);
	w.services[0].scheduler = SCHEDULER_MAGLEV;
	one = ring_row(&w).table;
	for (int i = 0; i < REALS; i++)
		w.real_facts[i].id += 1000;
	other = ring_row(&w).table;
	for (size_t i = 0; i < one->count; i++)
		assert_int_equal(one->slots[i] + 1000, other->slots[i]);
	store_free(w.store);
}

/* At l4-nat one machine may serve on several ports: each is a real of its own, wherever it stands.
 */
static void ports_tell_reals_of_one_address_apart(void **state)
{
	struct world w;
	const struct ring *one, *other;

	world_make(&w, 2);
	w.services[0].mode = MODE_L4_NAT;
	for (int i = 0; i < 2; i++) {
		w.reals[i].ip = w.reals[0].ip;
		w.reals[i].port = 8080 + i;
	}
	one = ring_row(&w).table;
	w.reals[0].port = 8081;
	w.reals[1].port = 8080;
	other = ring_row(&w).table;
	for (size_t i = 0; i < one->count; i++)
		assert_int_not_equal(one->slots[i], other->slots[i]);
	store_free(w.store);
}

static void a_table_stands_while_a_real_starts_slowly(void **state)
{
	struct world w;
	struct row_ring before;

	world_make(&w, 2);
	before = ring_row(&w);
	w.real_facts[0].ramp = 1;
	assert_ptr_equal(ring_row(&w).table, before.table);
	assert_ptr_not_equal(ring_row(&w).ring, before.ring);
	store_free(w.store);
}

static void tables_are_as_large_as_there_is_room(void **state)
{
	static const struct {
		size_t services, reals, slots;
		enum scheduler scheduler;
	} cases[] = {
		{1,  1,  0,     SCHEDULER_MAGLEV},
                {1,  2,  251,   SCHEDULER_WRR   },
		{1,  10, 251,   SCHEDULER_WLC   },
                {16, 2,  65537, SCHEDULER_MAGLEV},
		{17, 2,  16381, SCHEDULER_MAGLEV},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct world w;
		struct row_ring row;

		world_make(&w, cases[i].reals);
		w.model.service_count = cases[i].services;
		for (size_t s = 0; s < cases[i].services; s++)
			w.services[s].scheduler = cases[i].scheduler;
		row = ring_row(&w);
		assert_int_equal(row.table ? row.table->count : 0, cases[i].slots);
		store_free(w.store);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_scheduler_has_its_ring_and_weights),
		cmocka_unit_test(a_plain_service_has_no_policy),
		cmocka_unit_test(the_policy_says_what_the_service_does),
		cmocka_unit_test(a_real_gets_flows_again_below_its_minimum),
		cmocka_unit_test(a_real_that_gets_no_flows_weighs_nothing),
		cmocka_unit_test(a_ring_with_limits_is_no_longer_than_a_search),
		cmocka_unit_test(the_backup_stands_behind_who_may_be_full),
		cmocka_unit_test(with_maglev_hardly_a_client_moves),
		cmocka_unit_test(a_table_depends_on_addresses_not_on_ids),
		cmocka_unit_test(ports_tell_reals_of_one_address_apart),
		cmocka_unit_test(a_table_stands_while_a_real_starts_slowly),
		cmocka_unit_test(tables_are_as_large_as_there_is_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
