/* SPDX-License-Identifier: GPL-2.0-only */
/* The rows of one service: whatever changes for it, they lead to what a whole plan has. Models and
 * changes are drawn by chance; services share VIPs, servers and interfaces. */
#include "core/desire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "core/config.h"
#include "core/ramp.h"

enum { MODELS = 40, CHANGES = 60, SERVICES = 6, REALS = 8, ADDRESSES = 5 };

struct world {
	struct model *model;
	struct arena *arena;
	struct service_fact *services;
	struct facts facts;
	struct store *store;
	struct plan *actual; /* as main keeps it */
	struct plan *kernel; /* as the sinks were told */
	size_t parts, wholes;
};

static unsigned int below(unsigned int n)
{
	return (unsigned int)rand() % n;
}

static const char *one_of(const char *const *words, size_t count)
{
	return words[below((unsigned int)count)];
}

static int world_put(void *to, enum plan_table t, const void *key, const void *value,
		     const void *old)
{
	struct world *w = to;
	const void *is = plan_find(w->kernel, t, key);

	assert_true(!is == !old);
	return plan_put(w->kernel, t, key, value);
}

static int world_delete(void *to, enum plan_table t, const void *key, const void *value)
{
	return plan_delete(((struct world *)to)->kernel, t, key);
}

/* What only some kinds of service may say. */
static const char *const layer4[] = {
	"    scheduler: wrr\n    slow_start: 30s\n",
	"    scheduler: wlc\n    slow_start: 10s\n    flood_rate: 500\n",
	"    scheduler: rr\n    allow_from: [10.0.0.0/8]\n",
	"    scheduler: lc\n    on_down: reset\n",
	"    scheduler: sh\n    check: [{type: connect}, {type: connect, via: vip}]\n",
	"    scheduler: maglev\n    on_miss: drop\n",
	"    mode: l4-nat\n",
	"    mode: l4-snat\n    source_pool: [192.0.2.200, 192.0.2.201]\n",
};
static const char *const layer7[] = {
	"    mode: l7-tcp\n    source: client\n",
	"    mode: l7-tcp\n    slow_start: 30s\n    deny_from: [10.0.0.0/8]\n",
	"    mode: l7-http\n    tls: {certificates: /a.pem}\n    require: any\n",
	"    mode: l7-http\n    routes:\n"
	"      - {path: /owa, reals: {X: {ip: 192.0.2.20}, Y: {ip: 192.0.2.31}}}\n"
	"      - {path: /ews, check: {type: connect}}\n",
};

static void write_reals(struct buf *text)
{
	unsigned int count = 1 + below(REALS - 1);

	buf_puts(text, "    reals:\n");
	for (unsigned int i = 0; i < count; i++)
		buf_printf(text, "      R%u: {ip: 192.0.2.%u, weight: %u}\n", i,
			   20 + (i * 3 + below(2)) % 20, below(4) * 10 + 1);
}

static void write_service(struct buf *text, unsigned int i)
{
	bool l4 = below(2);

	buf_printf(text, "  S%u:\n    vip: 192.0.2.%u\n    ports: [%u]\n%s", i,
		   (l4 ? 100 : 110) + below(2), 1000 + i,
		   l4 ? one_of(layer4, ARRAY_COUNT(layer4)) : one_of(layer7, ARRAY_COUNT(layer7)));
	write_reals(text);
}

static struct model *some_model(void)
{
	struct buf text = {}, messages = {};
	struct config_input in = {.file = "f", .host_name = "lb1"};
	struct model *m;

	buf_puts(&text, "version: 1\nnode: {interfaces: [eth0, eth1]}\nservices:\n");
	for (unsigned int i = 0; i < SERVICES; i++)
		write_service(&text, i);
	in.text = buf_text(&text);
	in.len = text.len;
	m = config_read(&in, &messages);
	if (!m)
		fail_msg("%s\n%s", buf_text(&text), buf_text(&messages));
	buf_free(&text);
	buf_free(&messages);
	return m;
}

static void change_real(const struct service_config *s, struct real_fact *f)
{
	f->health = below(HEALTH_DOWN + 1);
	f->admin = below(3) ? ADMIN_ONLINE : below(2) ? ADMIN_DRAIN : ADMIN_HALT;
	f->weight = below(2) ? -1 : (int32_t)below(40);
	f->has_mac = below(4);
	f->no_neighbour = !f->has_mac && below(2);
	f->mac[5] = (uint8_t)below(3);
	f->connect_failed = below(2);
	f->usable_since = s->slow_start ? below(3) * 1000 : 0;
	f->ramp = (uint8_t)(s->slow_start && !service_is_l7(s) ? below(RAMP_STEPS + 1) : 0);
}

static void make_facts(struct world *w)
{
	static const struct iface_fact ifaces[] = {
		{.ifindex = 2, .name = "eth0", .up = true, .epoch = 1, .attached = true},
		{.ifindex = 3, .name = "eth1", .up = true, .epoch = 1, .attached = true},
	};
	uint32_t reals = 0, checks = 0;

	w->services = arena_alloc(w->arena, w->model->service_count, sizeof(*w->services));
	for (size_t i = 0; i < w->model->service_count; i++) {
		const struct service_config *s = &w->model->services[i];
		struct real_fact *f = arena_alloc(w->arena, s->real_count + 1, sizeof(*f));

		w->services[i] = (struct service_fact){.id = (uint32_t)i + 1, .reals = f};
		for (size_t r = 0; r < s->real_count; r++) {
			size_t count = service_check_count(s, &s->reals[r]);
			uint32_t *ids = arena_alloc(w->arena, count + 1, sizeof(*ids));

			for (size_t c = 0; c < count; c++)
				ids[c] = ++checks;
			f[r] = (struct real_fact){.id = ++reals, .check_ids = ids, .ifindex = 2};
			change_real(s, &f[r]);
		}
	}
	w->facts = (struct facts){.services = w->services,
				  .ifaces = ifaces,
				  .iface_count = ARRAY_COUNT(ifaces),
				  .local_table = 77,
				  .active = true};
}

static const struct plan_sink *const *sinks_of(struct world *w)
{
	static struct plan_sink sink;
	static const struct plan_sink *sinks[PLAN_TABLE_COUNT];

	sink = (struct plan_sink){world_put, world_delete, w};
	for (int t = 0; t < PLAN_TABLE_COUNT; t++)
		sinks[t] = &sink;
	return sinks;
}

static struct plan *whole(struct world *w)
{
	struct plan *p = desire(w->model, &w->facts, w->store);

	assert_non_null(p);
	return p;
}

static void world_make(struct world *w)
{
	struct plan *p;

	w->model = some_model();
	w->arena = arena_new();
	w->store = store_new();
	w->actual = plan_new();
	w->kernel = plan_new();
	make_facts(w);
	p = whole(w);
	assert_int_equal(plan_apply(w->actual, p, sinks_of(w), NULL), 0);
	plan_free(p);
}

static void world_end(struct world *w)
{
	plan_free(w->actual);
	plan_free(w->kernel);
	store_free(w->store);
	arena_free(w->arena);
	model_free(w->model);
}

/* Changes some of the facts of a service; returns whether a way to a server is another now. */
static bool change(struct world *w, size_t service)
{
	const struct service_config *s = &w->model->services[service];
	struct real_fact *f = (struct real_fact *)w->services[service].reals;
	bool moved = false;

	for (size_t i = 0; i < s->real_count; i++) {
		if (below(3))
			change_real(s, &f[i]);
		if (below(20))
			continue;
		f[i].ifindex = below(4); /* 0 and 1: no interface of ours */
		moved = true;
	}
	return moved;
}

static void follow(struct world *w, size_t service)
{
	struct plan *before = desire_service(w->model, &w->facts, service, w->store), *after, *all;
	bool moved = change(w, service), fits;

	after = desire_service(w->model, &w->facts, service, w->store);
	all = whole(w);
	fits = plan_part_fits(before, after);
	assert_true(fits || moved);
	if (fits)
		assert_int_equal(plan_apply_part(w->actual, before, after, sinks_of(w), NULL), 0);
	else
		assert_int_equal(plan_apply(w->actual, all, sinks_of(w), NULL), 0);
	w->parts += fits;
	w->wholes += !fits;
	assert_int_equal(plan_difference(w->actual, all), 0);
	assert_int_equal(plan_difference(w->kernel, all), 0);
	store_trim(w->store, w->actual);
	plan_free(before);
	plan_free(after);
	plan_free(all);
}

static void what_a_service_changes_leads_to_what_a_whole_plan_has(void **state)
{
	struct world w = {};

	srand(7);
	for (int m = 0; m < MODELS; m++) {
		world_make(&w);
		for (int i = 0; i < CHANGES; i++)
			follow(&w, below((unsigned int)w.model->service_count));
		world_end(&w);
	}
	assert_true(w.parts > MODELS * CHANGES / 2);
	assert_true(w.wholes > MODELS);
}

static size_t own_rows(const struct plan *p)
{
	return plan_count(p, PLAN_CHECKS) + plan_count(p, PLAN_REALS) +
	       plan_count(p, PLAN_SERVICES) + plan_count(p, PLAN_RINGS) +
	       plan_count(p, PLAN_PROXY_REALS) + plan_count(p, PLAN_ENDPOINTS);
}

static void a_whole_plan_is_the_sum_of_its_services(void **state)
{
	struct world w = {};

	srand(11);
	for (int m = 0; m < MODELS; m++) {
		size_t rows = 0;

		world_make(&w);
		for (size_t i = 0; i < w.model->service_count; i++) {
			struct plan *p = desire_service(w.model, &w.facts, i, w.store);

			rows += own_rows(p);
			plan_free(p);
		}
		assert_int_equal(rows, own_rows(w.actual));
		world_end(&w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_service_changes_leads_to_what_a_whole_plan_has),
		cmocka_unit_test(a_whole_plan_is_the_sum_of_its_services),
	};

	return cmocka_run_group_tests_name("desire_part", tests, NULL, NULL);
}
