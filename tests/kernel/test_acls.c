/* SPDX-License-Identifier: GPL-2.0-only */
/* Lists of clients in the kernel's maps, and what becomes of flows that a new list refuses. Root.
 */
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <bpf/bpf.h>

#include "base/clock.h"
#include "core/acl.h"
#include "core/config_value.h"
#include "core/store.h"
#include "dataplane/expiry.h"
#include "kernel/plane_lab.h"

enum { SERVICE = 1, OTHER_SERVICE = 2, MANY = 100000, DEFAULTS = 2, SWITCHES = 300, ROUND = 60 };

/* Rows of all lists in the map. */
static size_t rows(void)
{
	struct lb_acl_key key, next;
	const struct lb_acl_key *from = NULL;
	int fd = pinned("lbx_acl");
	size_t count = 0;

	for (; !bpf_map_get_next_key(fd, from, &next); count++) {
		key = next;
		from = &key;
	}
	close(fd);
	return count;
}

static struct addr address(const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse(&a, text), 0);
	return a;
}

/* Allows one entry as lbxdp.yaml says it, or everybody but one. */
static void put_list(struct dataplane *d, uint32_t service, const char *text, bool allow)
{
	struct arena *a = arena_new();
	struct prefix prefixes[PREFIX_RANGE_MAX];
	struct acl_prefixes some = {.at = prefixes}, none = {};
	struct row_acl row = {};

	assert_null(value_prefixes(text, prefixes, &some.count));
	row.acl = acl_new(allow ? &some : &none, allow ? &none : &some, a);
	assert_int_equal(put(d, PLAN_ACLS, &service, &row), 0);
	arena_free(a);
}

static bool denies(struct dataplane *d, uint32_t service, const char *client)
{
	struct addr a = address(client);

	return dataplane_denies(d, service, &a);
}

static void a_list_answers_by_its_longest_prefix(void **state)
{
	struct dataplane *d = must_open();
	uint32_t service = SERVICE;

	assert_false(denies(d, SERVICE, "10.0.0.1"));
	put_list(d, SERVICE, "192.168.30.50-192.168.30.60", true); /* R83 */
	assert_true(denies(d, SERVICE, "192.168.30.49"));
	assert_false(denies(d, SERVICE, "192.168.30.50"));
	assert_false(denies(d, SERVICE, "192.168.30.60"));
	assert_true(denies(d, SERVICE, "192.168.30.61"));
	assert_true(denies(d, SERVICE, "fd00::1"));
	assert_false(denies(d, OTHER_SERVICE, "10.0.0.1"));
	put_list(d, SERVICE, "fd00::/64", false);
	assert_false(denies(d, SERVICE, "192.168.30.49"));
	assert_true(denies(d, SERVICE, "fd00::1"));
	assert_int_equal(dataplane_sink(d)->del(d, PLAN_ACLS, &service, NULL), 0);
	assert_false(denies(d, SERVICE, "fd00::1"));
	end(d);
}

static bool four_rows(struct dataplane *d)
{
	return rows() == 4 + DEFAULTS;
}

static bool no_rows(struct dataplane *d)
{
	return !rows();
}

static void an_old_lists_rows_go_after_a_grace(void **state)
{
	struct dataplane *d = must_open();
	uint32_t service = SERVICE;
	uint64_t begun;

	put_list(d, SERVICE, "10.0.0.0/8", true);
	put_list(d, SERVICE, "192.168.30.50-192.168.30.60", true);
	begun = lab_now();
	assert_int_equal(rows(), 1 + DEFAULTS + 4 + DEFAULTS);
	assert_true(sweep_until(d, four_rows));
	assert_true(lab_now() - begun >= 190);
	assert_false(denies(d, SERVICE, "192.168.30.55"));
	assert_int_equal(dataplane_sink(d)->del(d, PLAN_ACLS, &service, NULL), 0);
	assert_true(sweep_until(d, no_rows));
	end(d);
}

/* Asks as packets do, all the while that lists come and go. */
struct asking {
	struct dataplane *d;
	bool over;
	unsigned long asked, wrong;
};

static void *ask(void *arg)
{
	struct asking *a = arg;
	struct addr in_both = address("10.0.0.1"), in_none = address("11.0.0.1");

	while (!__atomic_load_n(&a->over, __ATOMIC_RELAXED)) {
		a->wrong += dataplane_denies(a->d, SERVICE, &in_both);
		a->wrong += !dataplane_denies(a->d, SERVICE, &in_none);
		a->asked++;
	}
	return NULL;
}

/* The grace of all the others is over, and their numbers may be given again. */
static bool one_list_is_left(struct dataplane *d)
{
	return rows() == 1 + DEFAULTS;
}

static void a_list_changes_as_a_whole(void **state)
{
	struct dataplane *d = must_open();
	struct asking a = {.d = d};
	pthread_t thread;

	put_list(d, SERVICE, "10.0.0.0/8", true);
	assert_int_equal(pthread_create(&thread, NULL, ask, &a), 0);
	for (int i = 0; i < SWITCHES; i++) {
		put_list(d, SERVICE, i % 2 ? "10.0.0.0/8" : "10.0.0.0-10.0.3.7", true);
		dataplane_sweep(d);
		if (i % ROUND == ROUND - 1)
			assert_true(sweep_until(d, one_list_is_left));
	}
	__atomic_store_n(&a.over, true, __ATOMIC_RELAXED);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_true(a.asked > 0);
	assert_int_equal(a.wrong, 0);
	end(d);
}

static void put_many(struct dataplane *d, uint8_t first)
{
	struct prefix *prefixes = calloc(MANY, sizeof(*prefixes));
	struct acl_prefixes some = {.at = prefixes, .count = MANY}, none = {};
	struct arena *a = arena_new();
	struct row_acl row = {};
	uint32_t service = SERVICE;

	assert_non_null(prefixes);
	for (uint32_t i = 0; i < MANY; i++)
		prefixes[i] = (struct prefix){
			addr_from_v4((uint8_t[]){first + i / 65536, i / 256 % 256, i % 256, 0}),
			120};
	row.acl = acl_new(&some, &none, a);
	assert_int_equal(put(d, PLAN_ACLS, &service, &row), 0);
	arena_free(a);
	free(prefixes);
}

/* Counting takes its time: not after every slice. */
static bool one_big_list(struct dataplane *d)
{
	static unsigned int calls;

	return ++calls % 64 == 0 && rows() == MANY + DEFAULTS;
}

static void a_hundred_thousand_prefixes_are_written_and_switched(void **state)
{
	struct dataplane *d = must_open();
	uint64_t begun = lab_now();

	put_many(d, 10);
	print_message("100,000 prefixes: written in %lu ms\n", lab_now() - begun);
	assert_int_equal(rows(), MANY + DEFAULTS);
	assert_false(denies(d, SERVICE, "10.0.0.1"));
	assert_false(denies(d, SERVICE, "11.134.159.1"));
	assert_true(denies(d, SERVICE, "11.134.160.1"));
	begun = lab_now();
	put_many(d, 20);
	print_message("changed in %lu ms\n", lab_now() - begun);
	assert_true(denies(d, SERVICE, "10.0.0.1"));
	assert_false(denies(d, SERVICE, "20.0.0.1"));
	assert_true(sweep_until(d, one_big_list));
	end(d);
}

static const struct ring *intern(void *arg, struct ring *r)
{
	return store_ring(arg, r);
}

static const struct acl *intern_acl(void *arg, const struct acl *a)
{
	return store_acl(arg, a);
}

static bool two_lists(struct dataplane *d)
{
	return rows() == 4 + DEFAULTS + 1 + DEFAULTS;
}

static void lists_are_adopted_and_those_of_nobody_removed(void **state)
{
	struct lb_acl_key stray = {.prefix = 32 + 128, .list = 4711};
	struct lb_service_info info = {"smtp"};
	struct store *store = store_new();
	struct plan *actual = plan_new();
	struct dataplane *d = must_open();
	const struct row_acl *row;
	uint32_t one = SERVICE, verdict = LB_ACL_ALLOW;
	int fd = pinned("lbx_acl");

	assert_int_equal(put(d, PLAN_SERVICES, &one, &info), 0);
	put_list(d, SERVICE, "192.168.30.50-192.168.30.60", true);
	put_list(d, OTHER_SERVICE, "fd00::1", false);
	assert_int_equal(bpf_map_update_elem(fd, &stray, &verdict, BPF_ANY), 0);
	close(fd);
	dataplane_close(d);
	d = must_open();
	assert_int_equal(
		dataplane_read(d, actual, &(struct dataplane_intern){intern, intern_acl, store}),
		0);
	row = plan_find(actual, PLAN_ACLS, &one);
	assert_non_null(row);
	assert_int_equal(row->acl->count, 4 + DEFAULTS);
	assert_false(denies(d, SERVICE, "192.168.30.55"));
	assert_true(denies(d, SERVICE, "192.168.30.5"));
	assert_true(denies(d, OTHER_SERVICE, "fd00::1"));
	assert_true(sweep_until(d, two_lists));
	put_list(d, OTHER_SERVICE, "fd00::2", false);
	assert_false(denies(d, OTHER_SERVICE, "fd00::1"));
	assert_false(denies(d, SERVICE, "192.168.30.55"));
	plan_free(actual);
	store_free(store);
	end(d);
}

/* --- running flows */

static void set_timeouts(struct dataplane *d)
{
	struct row_settings row = {};
	uint32_t zero = 0;

	for (size_t i = 0; i < sizeof(row.timeout) / sizeof(row.timeout[0]); i++)
		row.timeout[i] = 1000;
	assert_int_equal(put(d, PLAN_SETTINGS, &zero, &row), 0);
}

static void put_real(struct dataplane *d, uint32_t id)
{
	struct row_real row;

	memset(&row, 0, sizeof(row));
	row.real.service = row.info.service = SERVICE;
	row.real.flags = LB_REAL_USABLE;
	assert_int_equal(put(d, PLAN_REALS, &id, &row), 0);
}

struct a_flow {
	uint8_t last; /* of the client, 10.0.0.last or fd00::last */
	bool six;
	uint8_t proto;
	uint32_t service;
	enum lb_flow_state state;
};

static int table_of(const struct a_flow *f)
{
	if (f->state == LB_FLOW_HALF_OPEN)
		return pinned(f->six ? "lbx_half6" : "lbx_half4");
	return pinned(f->six ? "lbx_flows6" : "lbx_flows4");
}

static void key_of(const struct a_flow *f, void *key)
{
	struct lb_flow4 four = {
		.src = {10, 0, 0, f->last},
                  .dport = 25, .sport = 4000, .proto = f->proto
        };
	struct lb_flow6 six = {
		.src = {0xfd, [15] = f->last},
                  .dport = 25, .sport = 4000, .proto = f->proto
        };

	if (f->six)
		memcpy(key, &six, sizeof(six));
	else
		memcpy(key, &four, sizeof(four));
}

/* As packets leave it: entry, counters of real 1, the table's count. */
static void make_flow(const struct a_flow *f)
{
	struct lb_flow flow = {.real = 1, .service = f->service, .state = f->state};
	int fd = table_of(f), conns = pinned("lbx_real_conns"), settings = pinned("lbx_settings");
	uint32_t real = 1, zero = 0;
	struct lb_real_conns c;
	struct lb_settings s;
	uint8_t key[sizeof(struct lb_flow6)];

	flow.seen = (uint32_t)(clock_nsec_coarse() >> LB_TICK_SHIFT);
	key_of(f, key);
	assert_int_equal(bpf_map_update_elem(fd, key, &flow, BPF_ANY), 0);
	assert_int_equal(bpf_map_lookup_elem(conns, &real, &c), 0);
	assert_int_equal(bpf_map_lookup_elem(settings, &zero, &s), 0);
	if (f->state != LB_FLOW_HALF_OPEN) {
		*(f->six ? &s.count6 : &s.count4) += 1;
		c.opened++;
		c.closed += f->state == LB_FLOW_CLOSING;
		c.closing_begun += f->state == LB_FLOW_CLOSING;
	}
	assert_int_equal(bpf_map_update_elem(settings, &zero, &s, 0), 0);
	assert_int_equal(bpf_map_update_elem(conns, &real, &c, 0), 0);
	close(fd);
	close(conns);
	close(settings);
}

/* What state the flow is in now; -1: gone. */
static int state_of(const struct a_flow *f)
{
	uint8_t key[sizeof(struct lb_flow6)];
	struct lb_flow flow;
	int fd = table_of(f), err;

	key_of(f, key);
	err = bpf_map_lookup_elem(fd, key, &flow);
	close(fd);
	return err ? -1 : (int)flow.state;
}

/* Clients 1 are allowed, clients 2 not. */
static const struct {
	struct a_flow flow;
	int then;
} judged[] = {
	{{1, false, IPPROTO_TCP, SERVICE, LB_FLOW_ESTABLISHED},       LB_FLOW_ESTABLISHED},
	{{2, false, IPPROTO_TCP, SERVICE, LB_FLOW_ESTABLISHED},       LB_FLOW_DENIED     },
	{{3, false, IPPROTO_TCP, SERVICE, LB_FLOW_CLOSING},           LB_FLOW_DENIED     },
	{{4, false, IPPROTO_TCP, SERVICE, LB_FLOW_NEW},               LB_FLOW_DENIED     },
	{{5, false, IPPROTO_TCP, SERVICE, LB_FLOW_HALF_OPEN},         LB_FLOW_DENIED     },
	{{6, false, IPPROTO_UDP, SERVICE, LB_FLOW_UDP},               -1                 },
	{{7, false, IPPROTO_TCP, OTHER_SERVICE, LB_FLOW_ESTABLISHED}, LB_FLOW_ESTABLISHED},
	{{1, true, IPPROTO_TCP, SERVICE, LB_FLOW_ESTABLISHED},        LB_FLOW_DENIED     },
	{{2, true, IPPROTO_TCP, OTHER_SERVICE, LB_FLOW_ESTABLISHED},  LB_FLOW_ESTABLISHED},
};

enum { JUDGED = sizeof(judged) / sizeof(judged[0]) };

static bool all_judged(struct dataplane *d)
{
	for (size_t i = 0; i < JUDGED; i++)
		if (state_of(&judged[i].flow) != judged[i].then)
			return false;
	return true;
}

static void flows_that_a_new_list_refuses_are_marked_and_others_are_not(void **state)
{
	struct dataplane *d = must_open();
	struct dataplane_flow flows[16];
	uint64_t counts[2];
	struct lb_real_conns c;
	bool done, woken = false;
	size_t found = 0;

	set_timeouts(d);
	put_real(d, 1);
	for (size_t i = 0; i < JUDGED; i++)
		make_flow(&judged[i].flow);
	put_list(d, SERVICE, "10.0.0.1", true);
	for (uint64_t until = lab_until(10000); !all_judged(d) && lab_now() < until;)
		woken |= dataplane_sweep(d);
	for (size_t i = 0; i < JUDGED; i++)
		assert_int_equal(state_of(&judged[i].flow), judged[i].then);
	assert_true(woken);
	c = dataplane_real_conns(d, 1);
	assert_int_equal(c.opened - c.closed, 3);
	assert_int_equal(c.closing_begun - c.closing_ended, 4);
	dataplane_flow_counts(d, counts);
	assert_int_equal(counts[0], 5);
	assert_int_equal(counts[1], 2);
	do {
		found += dataplane_reset_flows(d, flows, 16, &done);
	} while (!done);
	assert_int_equal(found, 4);
	end(d);
}

static bool first_denied(struct dataplane *d)
{
	return state_of(&judged[1].flow) == LB_FLOW_DENIED;
}

static void flows_that_a_dead_daemon_did_not_judge_are_judged_by_the_next(void **state)
{
	struct dataplane *d = must_open();

	set_timeouts(d);
	put_real(d, 1);
	make_flow(&judged[0].flow);
	make_flow(&judged[1].flow);
	put_list(d, SERVICE, "10.0.0.1", true);
	dataplane_close(d);
	d = must_open();
	assert_int_equal(dataplane_acl_switches(d), 1);
	assert_true(sweep_until(d, first_denied));
	assert_int_equal(state_of(&judged[0].flow), LB_FLOW_ESTABLISHED);
	end(d);
}

static bool pass_over(struct dataplane *d)
{
	static unsigned int calls;

	return ++calls % 64 == 0;
}

static void flows_are_left_alone_while_no_list_changes(void **state)
{
	static const struct a_flow late = {9, false, IPPROTO_TCP, SERVICE, LB_FLOW_ESTABLISHED};
	struct dataplane *d = must_open();

	set_timeouts(d);
	put_real(d, 1);
	put_list(d, SERVICE, "10.0.0.1", true);
	assert_true(sweep_until(d, pass_over)); /* the pass that judges */
	make_flow(&late);
	assert_true(sweep_until(d, pass_over));
	assert_int_equal(state_of(&late), LB_FLOW_ESTABLISHED);
	put_list(d, SERVICE, "10.0.0.2", true);
	assert_true(sweep_until(d, pass_over));
	assert_int_equal(state_of(&late), LB_FLOW_DENIED);
	end(d);
}

/* --- translations */

static const uint8_t rip[16] = {[10] = 0xff, 0xff, 192, 168, 30, 11};
static const uint8_t vip[16] = {[10] = 0xff, 0xff, 192, 168, 30, 10};

static void put_translating(struct dataplane *d, uint32_t id, uint32_t service, uint16_t flags)
{
	struct row_real row;

	memset(&row, 0, sizeof(row));
	row.real.service = row.info.service = service;
	row.real.flags = LB_REAL_USABLE | LB_REAL_NAT | flags;
	assert_int_equal(put(d, PLAN_REALS, &id, &row), 0);
}

/* A translation of client 10.0.0.last's to a real: of its packets, or of the replies. */
struct a_row {
	uint8_t last;
	uint32_t real;
	bool back, half;
};

static void nat_key_of(const struct a_row *r, struct lb_flow6 *key)
{
	uint8_t client[16] = {[10] = 0xff, 0xff, 10, 0, 0, r->last};

	*key = (struct lb_flow6){.dport = 25, .sport = 4000, .proto = IPPROTO_UDP};
	memcpy(key->src, r->back ? rip : client, 16);
	memcpy(key->dst, r->back ? client : vip, 16);
	key->dst[0] = (uint8_t)r->real; /* apart from those of other reals */
}

static void make_row(const struct a_row *r)
{
	struct lb_nat_half half = {
		.row = {.real = r->real, .back = r->back}
        };
	int fd = pinned(r->half ? "lbx_nat_half" : "lbx_nat");
	struct lb_flow6 key;

	nat_key_of(r, &key);
	memcpy(half.row.src.byte, r->back ? vip : key.src, 16);
	memcpy(half.row.dst.byte, r->back ? key.dst : rip, 16);
	half.row.dst.byte[0] = 0;
	half.row.seen = (uint32_t)(clock_nsec_coarse() >> LB_TICK_SHIFT);
	assert_int_equal(bpf_map_update_elem(fd, &key, &half, BPF_ANY), 0);
	close(fd);
}

static bool has_row(const struct a_row *r)
{
	int fd = pinned(r->half ? "lbx_nat_half" : "lbx_nat"), err;
	struct lb_nat_half half;
	struct lb_flow6 key;

	nat_key_of(r, &key);
	err = bpf_map_lookup_elem(fd, &key, &half);
	close(fd);
	return !err;
}

/* Real 1 is the service's, real 2 the other's. */
static const struct {
	struct a_row row;
	bool refused, reset;
} translated[] = {
	{{1, 1, false, false}, false, true },
        {{1, 1, true, false},  false, true },
	{{2, 1, false, false}, true,  true },
        {{2, 1, true, false},  true,  true },
	{{3, 1, false, true},  true,  true },
        {{3, 1, true, true},   true,  true },
	{{1, 1, true, true},   false, true },
        {{2, 2, false, false}, false, false},
	{{2, 2, true, true},   false, false},
};

enum { TRANSLATED = sizeof(translated) / sizeof(translated[0]) };

static struct dataplane *open_translating(void)
{
	struct dataplane *d = must_open();

	set_timeouts(d);
	put_translating(d, 1, SERVICE, 0);
	put_translating(d, 2, OTHER_SERVICE, 0);
	for (size_t i = 0; i < TRANSLATED; i++)
		make_row(&translated[i].row);
	return d;
}

static bool refused_are_gone(struct dataplane *d)
{
	for (size_t i = 0; i < TRANSLATED; i++)
		if (translated[i].refused && has_row(&translated[i].row))
			return false;
	return true;
}

static bool reset_are_gone(struct dataplane *d)
{
	for (size_t i = 0; i < TRANSLATED; i++)
		if (translated[i].reset && has_row(&translated[i].row))
			return false;
	return true;
}

/* No flow has these rows, as when a client has been silent for long while the real sends. */
static void translations_that_a_new_list_refuses_go_and_others_stay(void **state)
{
	struct dataplane *d = open_translating();

	assert_true(sweep_until(d, pass_over));
	for (size_t i = 0; i < TRANSLATED; i++)
		assert_true(has_row(&translated[i].row));
	put_list(d, SERVICE, "10.0.0.1", true);
	assert_true(sweep_until(d, refused_are_gone));
	assert_true(sweep_until(d, pass_over));
	for (size_t i = 0; i < TRANSLATED; i++)
		assert_int_equal(has_row(&translated[i].row), !translated[i].refused);
	end(d);
}

static void translations_of_a_real_that_is_reset_go_and_others_stay(void **state)
{
	struct dataplane *d = open_translating();

	put_translating(d, 1, SERVICE, LB_REAL_RESET);
	assert_true(sweep_until(d, reset_are_gone));
	assert_true(sweep_until(d, pass_over));
	for (size_t i = 0; i < TRANSLATED; i++)
		assert_int_equal(has_row(&translated[i].row), !translated[i].reset);
	end(d);
}

static void translations_that_a_dead_daemon_left_to_a_reset_real_go_with_the_next(void **state)
{
	struct dataplane *d = open_translating();

	put_translating(d, 1, SERVICE, LB_REAL_RESET);
	dataplane_close(d);
	d = must_open();
	assert_true(sweep_until(d, reset_are_gone));
	end(d);
}

/* As main does: until there is no more to do. A change amid a walk takes another. */
static void judging_ends_when_all_is_judged_and_a_change_meanwhile_is_not_lost(void **state)
{
	static const struct a_flow one = {2, false, IPPROTO_TCP, SERVICE, LB_FLOW_ESTABLISHED};
	struct dataplane *d = must_open();

	set_timeouts(d);
	put_real(d, 1);
	make_flow(&one);
	assert_false(dataplane_judge(d));
	put_list(d, SERVICE, "10.0.0.0/8", true);
	assert_true(dataplane_judge(d)); /* begun */
	put_list(d, SERVICE, "10.0.0.1", true);
	while (dataplane_judge(d))
		;
	assert_int_equal(state_of(&one), LB_FLOW_DENIED);
	assert_true(dataplane_sweep(d)); /* there is a new one */
	assert_false(dataplane_sweep(d));
	end(d);
}

static struct lb_settings settings_of(void)
{
	int fd = pinned("lbx_settings");
	struct lb_settings s;
	__u32 zero = 0;

	assert_int_equal(bpf_map_lookup_elem(fd, &zero, &s), 0);
	close(fd);
	return s;
}

/* Slots of lbx_nat_brief that are no younger. */
static void a_new_list_ends_translations_that_no_flow_table_knows(void **state)
{
	struct dataplane *d = must_open();
	__u32 now;

	set_timeouts(d);
	put_real(d, 1);
	assert_false(dataplane_judge(d));
	assert_int_equal(settings_of().brief_since, 0);
	now = expiry_now();
	put_list(d, SERVICE, "10.0.0.0/8", true);
	while (dataplane_judge(d))
		;
	assert_true((__s32)(settings_of().brief_since - now) >= 0);
	assert_true((__s32)(expiry_now() - settings_of().brief_since) >= 0);
	end(d);
}

#define CASE(name) cmocka_unit_test_teardown(name, remove_all)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_list_answers_by_its_longest_prefix),
		CASE(an_old_lists_rows_go_after_a_grace),
		CASE(a_list_changes_as_a_whole),
		CASE(a_hundred_thousand_prefixes_are_written_and_switched),
		CASE(lists_are_adopted_and_those_of_nobody_removed),
		CASE(flows_that_a_new_list_refuses_are_marked_and_others_are_not),
		CASE(flows_that_a_dead_daemon_did_not_judge_are_judged_by_the_next),
		CASE(flows_are_left_alone_while_no_list_changes),
		CASE(judging_ends_when_all_is_judged_and_a_change_meanwhile_is_not_lost),
		CASE(a_new_list_ends_translations_that_no_flow_table_knows),
		CASE(translations_that_a_new_list_refuses_go_and_others_stay),
		CASE(translations_of_a_real_that_is_reset_go_and_others_stay),
		CASE(translations_that_a_dead_daemon_left_to_a_reset_real_go_with_the_next),
	};

	lab_enter();
	return cmocka_run_group_tests_name("acls (kernel)", tests, NULL, NULL);
}
