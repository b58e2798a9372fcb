/* SPDX-License-Identifier: GPL-2.0-only */
/* The data plane's loader against the kernel: needs root; works in namespaces of its own. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_link.h>

#include "base/clock.h"
#include "core/maglev.h"
#include "core/store.h"
#include "kernel/plane_lab.h"
#include "lbxdp/vip_filter.h"

static int make_links(void **state)
{
	lab_run("ip link add lbt0 type veth peer name lbt1");
	lab_run("ip link add lbt2 type veth peer name lbt3");
	lab_run("for i in 0 1 2 3; do ip link set lbt$i up; done");
	return 0;
}

static int remove_links(void **state)
{
	(void)remove_all(state);
	(void)lab_try("ip link del lbt0; ip link del lbt2");
	return 0;
}

static int del(struct dataplane *d, enum plan_table t, const void *key)
{
	const struct plan_sink *s = dataplane_sink(d);

	return s->del(s->to, t, key, NULL);
}

static int attach(struct dataplane *d, const char *name, bool native_only)
{
	struct row_iface row = {
		.native_only = native_only, .mac = {2, 0, 0, 0, 0, 1}
        };
	uint32_t ifindex = lab_ifindex(name);

	return put(d, PLAN_IFACES, &ifindex, &row);
}

static struct dataplane_attachment attachment(struct dataplane *d, const char *name)
{
	struct dataplane_attachment a;

	dataplane_attachment(d, lab_ifindex(name), &a);
	return a;
}

static uint32_t program_on(const char *name)
{
	__u32 id = 0;

	assert_int_equal(bpf_xdp_query_id((int)lab_ifindex(name), 0, &id), 0);
	return id;
}

static void opens_attaches_and_leaves_nothing_behind(void **state)
{
	struct dataplane *d = must_open();

	assert_false(dataplane_adopted(d));
	assert_int_equal(dataplane_flows_limit(d), 4096);
	assert_int_equal(attach(d, "lbt0", true), 0);
	assert_true(attachment(d, "lbt0").attached);
	assert_true(attachment(d, "lbt0").native);
	assert_string_equal(attachment(d, "lbt0").why, "");
	assert_true(dataplane_attached_now(d, lab_ifindex("lbt0")));
	assert_int_not_equal(program_on("lbt0"), 0);
	end(d);
	assert_int_equal(program_on("lbt0"), 0);
}

static void a_driver_without_native_mode_gets_the_generic_one_and_a_reason(void **state)
{
	struct dataplane *d = must_open();

	assert_int_equal(attach(d, "lo", false), 0);
	assert_true(attachment(d, "lo").attached);
	assert_false(attachment(d, "lo").native);
	assert_non_null(strstr(attachment(d, "lo").why, "native mode: "));
	end(d);
}

static void native_only_is_refused_where_the_driver_cannot(void **state)
{
	struct dataplane *d = must_open();

	assert_true(attach(d, "lo", true) < 0);
	assert_false(attachment(d, "lo").attached);
	assert_non_null(strstr(attachment(d, "lo").why, "native mode: "));
	assert_int_equal(program_on("lo"), 0);
	end(d);
}

static void all_interfaces_without_a_dispatcher_share_one_program(void **state)
{
	struct dataplane *d = must_open();

	assert_int_equal(attach(d, "lbt0", false), 0);
	assert_int_equal(attach(d, "lbt2", false), 0);
	if (!attachment(d, "lbt0").dispatcher)
		assert_int_equal(program_on("lbt0"), program_on("lbt2"));
	end(d);
	assert_int_equal(program_on("lbt2"), 0);
}

static void another_daemon_adopts_and_swaps_the_program(void **state)
{
	struct dataplane *d = must_open();
	uint32_t before;

	assert_int_equal(attach(d, "lbt0", false), 0);
	before = program_on("lbt0");
	dataplane_close(d);
	assert_int_equal(program_on("lbt0"), before);
	d = must_open();
	assert_true(dataplane_adopted(d));
	assert_true(attachment(d, "lbt0").attached);
	assert_true(attachment(d, "lbt0").native);
	assert_int_not_equal(program_on("lbt0"), 0);
	assert_int_not_equal(program_on("lbt0"), before);
	assert_true(dataplane_attached_now(d, lab_ifindex("lbt0")));
	end(d);
}

static void a_killed_daemon_is_adopted(void **state)
{
	struct dataplane *d;
	char ready;
	int pipes[2], status;
	pid_t pid;

	assert_int_equal(pipe(pipes), 0);
	pid = fork();
	if (!pid) {
		d = must_open();
		_exit(attach(d, "lbt0", false) || write(pipes[1], "r", 1) != 1 || pause());
	}
	assert_int_equal(read(pipes[0], &ready, 1), 1);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	close(pipes[0]);
	close(pipes[1]);
	assert_int_not_equal(program_on("lbt0"), 0);
	d = must_open();
	assert_true(dataplane_adopted(d));
	assert_true(dataplane_attached_now(d, lab_ifindex("lbt0")));
	end(d);
}

/* Main's capabilities, with CAP_SYS_ADMIN held back (design section 4). */
static bool limit_power(bool admin)
{
	static const cap_value_t kept[] = {CAP_BPF, CAP_PERFMON, CAP_NET_ADMIN, CAP_NET_RAW};
	static const cap_value_t held_back[] = {CAP_SYS_ADMIN};
	cap_t set = cap_init();
	bool done = set && !cap_set_flag(set, CAP_PERMITTED, 4, kept, CAP_SET) &&
		    !cap_set_flag(set, CAP_EFFECTIVE, 4, kept, CAP_SET) &&
		    (!admin || !cap_set_flag(set, CAP_PERMITTED, 1, held_back, CAP_SET)) &&
		    !cap_set_proc(set);

	cap_free(set);
	return done;
}

static int work_limited(bool admin)
{
	struct dataplane *d = NULL;
	struct buf why = {};
	int status, err = 1;
	pid_t pid = fork();

	if (!pid) {
		if (limit_power(admin))
			err = dataplane_open(&d, &options, &why);
		if (err)
			fprintf(stderr, "%s\n", buf_text(&why));
		if (!err)
			err = attach(d, "lbt0", false);
		for (int i = 0; !err && i < 5; i++)
			dataplane_sweep(d);
		_exit(err || dataplane_destroy(d));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void mains_reduced_capabilities_are_enough(void **state)
{
	assert_int_equal(work_limited(true), 0);
	assert_int_equal(work_limited(false), 0);
	assert_int_equal(program_on("lbt0"), 0);
}

static void maps_of_another_size_are_refused(void **state)
{
	struct dataplane_options other = options;
	struct dataplane *d = must_open(), *second = NULL;
	struct buf why = {};

	other.flows = 8192;
	assert_int_equal(dataplane_open(&second, &other, &why), -EEXIST);
	assert_non_null(strstr(buf_text(&why), "lbx_flows4 holds 4096 flows, not 8192"));
	buf_clear(&why);
	other.flows = 0;
	dataplane_close(d);
	assert_int_equal(dataplane_open(&second, &other, &why), 0);
	assert_int_equal(dataplane_flows_limit(second), 4096);
	buf_free(&why);
	end(second);
}

static void maps_of_another_version_are_refused_and_removable(void **state)
{
	struct dataplane *d = must_open(), *second = NULL;
	struct lb_settings s;
	uint32_t zero = 0;
	struct buf why = {};
	int fd = pinned("lbx_settings");

	assert_int_equal(attach(d, "lbt0", false), 0);
	assert_int_equal(bpf_map_lookup_elem(fd, &zero, &s), 0);
	s.abi = 77;
	assert_int_equal(bpf_map_update_elem(fd, &zero, &s, 0), 0);
	close(fd);
	dataplane_close(d);
	assert_int_equal(dataplane_open(&second, &options, &why), -EEXIST);
	assert_non_null(strstr(buf_text(&why), "version 77"));
	assert_int_not_equal(program_on("lbt0"), 0);
	buf_clear(&why);
	assert_int_equal(dataplane_remove(PIN_DIR, &why), 0);
	assert_int_equal(program_on("lbt0"), 0);
	assert_int_equal(access(PIN_DIR, F_OK), -1);
	buf_free(&why);
}

static int load_stranger(void)
{
	const struct bpf_insn pass[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = XDP_PASS},
		{.code = BPF_JMP | BPF_EXIT                   },
	};
	int fd = bpf_prog_load(BPF_PROG_TYPE_XDP, "stranger", "GPL", pass, 2, NULL);

	assert_true(fd >= 0);
	return fd;
}

/* F34 */
static void a_strangers_program_is_named_and_stays(void **state)
{
	struct dataplane *d = must_open();
	int fd = load_stranger();
	uint32_t id;

	assert_int_equal(bpf_xdp_attach((int)lab_ifindex("lbt2"), fd, XDP_FLAGS_DRV_MODE, NULL), 0);
	id = program_on("lbt2");
	assert_int_equal(attach(d, "lbt2", false), -EBUSY);
	assert_non_null(strstr(attachment(d, "lbt2").why, "stranger"));
	assert_false(attachment(d, "lbt2").attached);
	assert_int_equal(attach(d, "lbt0", false), 0);
	end(d);
	assert_int_equal(program_on("lbt2"), id);
	close(fd);
}

static void a_stranger_that_replaced_us_is_noticed_and_not_removed(void **state)
{
	struct dataplane *d = must_open();
	uint32_t ifindex = lab_ifindex("lbt0");
	int fd = load_stranger();

	assert_int_equal(attach(d, "lbt0", false), 0);
	assert_int_equal(bpf_xdp_attach((int)ifindex, fd, XDP_FLAGS_DRV_MODE, NULL), 0);
	assert_false(dataplane_attached_now(d, ifindex));
	assert_int_equal(del(d, PLAN_IFACES, &ifindex), 0);
	assert_int_not_equal(program_on("lbt0"), 0);
	end(d);
	assert_int_not_equal(program_on("lbt0"), 0);
	close(fd);
}

/* F33 */
static void an_interface_that_went_and_came_is_attached_again(void **state)
{
	struct dataplane *d = must_open();
	uint32_t gone = lab_ifindex("lbt0");

	assert_int_equal(attach(d, "lbt0", false), 0);
	lab_run("ip link del lbt0");
	assert_false(dataplane_attached_now(d, gone));
	assert_int_equal(del(d, PLAN_IFACES, &gone), 0);
	lab_run("ip link add lbt0 type veth peer name lbt1");
	assert_int_equal(attach(d, "lbt0", false), 0);
	assert_true(dataplane_attached_now(d, lab_ifindex("lbt0")));
	end(d);
}

/* A service with its reals 1..reals, ring and endpoint. */
static struct lb_real real_row(uint32_t service, unsigned int n)
{
	struct lb_real r = {
		.mac = {2, 1, 0, 0, 0, (uint8_t)n},
		.flags = LB_REAL_USABLE | LB_REAL_HAS_MAC | LB_REAL_UP,
		.ifindex = 2,
		.service = service
        };

	r.ip.byte[10] = r.ip.byte[11] = 0xff;
	r.ip.byte[12] = 10;
	r.ip.byte[14] = (uint8_t)(n >> 8);
	r.ip.byte[15] = (uint8_t)n;
	return r;
}

static void put_real(struct dataplane *d, uint32_t service, uint32_t id, uint16_t more_flags)
{
	struct row_real row;

	memset(&row, 0, sizeof(row));
	row.real = real_row(service, id);
	row.real.flags |= more_flags;
	snprintf(row.info.name, sizeof(row.info.name), "CAS%u", id);
	row.info.service = service;
	row.info.weight = 100;
	assert_int_equal(put(d, PLAN_REALS, &id, &row), 0);
}

static struct ring *ring_of(uint32_t first_real, size_t reals)
{
	struct ring_share share[64];

	for (size_t i = 0; i < reals; i++)
		share[i] = (struct ring_share){first_real + (uint32_t)i, 1};
	return ring_wrr(share, reals, RING_SLOTS_MAX);
}

static void put_ring(struct dataplane *d, uint32_t service, uint32_t first_real, size_t reals)
{
	struct ring *ring = ring_of(first_real, reals);
	struct row_ring row = {.ring = ring};

	assert_int_equal(put(d, PLAN_RINGS, &service, &row), 0);
	free(ring);
}

static struct lb_service pinned_service(uint32_t service)
{
	int fd = pinned("lbx_services");
	struct lb_service s;

	assert_int_equal(bpf_map_lookup_elem(fd, &service, &s), 0);
	close(fd);
	return s;
}

static struct lb_ring pinned_ring(uint32_t service)
{
	return pinned_service(service).ring;
}

static uint32_t pinned_slot(uint32_t index)
{
	int fd = pinned("lbx_slots");
	uint32_t row = index / 2;
	struct lb_slots pair;

	assert_int_equal(bpf_map_lookup_elem(fd, &row, &pair), 0);
	close(fd);
	return pair.real[index % 2];
}

static void a_new_ring_stands_beside_the_old_one(void **state)
{
	struct dataplane *d = must_open();
	struct lb_ring first, second;

	put_ring(d, 1, 1, 3);
	first = pinned_ring(1);
	assert_int_equal(first.count, 3);
	assert_int_equal(pinned_slot(first.first + 2), 3);
	put_ring(d, 1, 7, 2);
	second = pinned_ring(1);
	assert_int_equal(second.count, 2);
	assert_int_not_equal(second.first, first.first);
	assert_int_equal(pinned_slot(first.first + 2), 3);
	assert_int_equal(pinned_slot(second.first), 7);
	end(d);
}

static struct lb_ring first_ring;

/* Another ring every time it is asked: the first one's slots are free when one is there. */
static bool another_ring_is_in_the_firsts_place(struct dataplane *d)
{
	static uint32_t real;

	put_ring(d, 1, 1 + real++ % 2, 3);
	return pinned_ring(1).first == first_ring.first;
}

/* Two reals, first_real and the next. */
static struct ring *table_of(uint32_t first_real, size_t slots)
{
	const struct maglev_share shares[] = {
		{7, first_real,     1},
                {8, first_real + 1, 1}
        };

	return maglev_table(shares, 2, slots);
}

static void ring_table_and_policy_change_each_by_itself(void **state)
{
	struct dataplane *d = must_open();
	struct ring *ring = ring_of(1, 2), *table = table_of(1, 251), *other = table_of(3, 251);
	struct row_ring was = {.ring = ring, .table = table}, is = was;
	struct lb_service before, now;
	uint32_t service = 1;

	assert_int_equal(put(d, PLAN_RINGS, &service, &was), 0);
	before = pinned_service(service);
	assert_int_equal(before.hash.count, 251);
	assert_int_equal(pinned_slot(before.hash.first + 250), table->slots[250]);
	assert_int_equal(pinned_slot(before.ring.first + 2), 0);
	is.table = other;
	is.policy.scheduler = LB_SCHEDULER_TABLE;
	assert_int_equal(dataplane_sink(d)->put(d, PLAN_RINGS, &service, &is, &was), 0);
	now = pinned_service(service);
	assert_memory_equal(&now.ring, &before.ring, sizeof(now.ring));
	assert_int_not_equal(now.hash.first, before.hash.first);
	assert_int_equal(pinned_slot(now.hash.first + 250), other->slots[250]);
	assert_int_equal(pinned_slot(before.hash.first + 250), table->slots[250]);
	assert_int_equal(now.policy.scheduler, LB_SCHEDULER_TABLE);
	was = is;
	is.backup = 9;
	assert_int_equal(dataplane_sink(d)->put(d, PLAN_RINGS, &service, &is, &was), 0);
	now = pinned_service(service);
	assert_int_not_equal(now.ring.first, before.ring.first);
	assert_int_equal(pinned_slot(now.ring.first + 2), 9);
	free(ring);
	free(table);
	free(other);
	end(d);
}

static void without_room_for_a_table_the_ring_has_to_do(void **state)
{
	struct dataplane *d = must_open();
	struct ring *ring = ring_of(1, 2), *table = table_of(1, MAGLEV_SLOTS);
	struct row_ring row = {.ring = ring, .table = table};
	uint32_t service, with = 0;

	for (service = 1; service < 70; service++) {
		assert_int_equal(put(d, PLAN_RINGS, &service, &row), 0);
		assert_int_equal(pinned_service(service).ring.count, 2);
		with += pinned_service(service).hash.count == MAGLEV_SLOTS;
	}
	assert_in_range(with, 20, 68);
	free(ring);
	free(table);
	end(d);
}

static void an_old_rings_slots_are_used_again_after_a_grace(void **state)
{
	struct dataplane *d = must_open();
	uint64_t begun = lab_now();

	put_ring(d, 1, 3, 3);
	first_ring = pinned_ring(1);
	assert_true(sweep_until(d, another_ring_is_in_the_firsts_place));
	assert_true(lab_now() - begun >= 200);
	end(d);
}

static struct lb_addr vip_at(uint8_t last)
{
	return (struct lb_addr){
		{[10] = 0xff, [11] = 0xff, [12] = 192, 168, 30, last}
        };
}

static bool filter_has(const struct lb_addr *a)
{
	int fd = pinned("lbx_vip_filter");
	uint32_t word[4], bit, index;
	uint64_t bits;

	memcpy(word, a, sizeof(word));
	bit = lb_vip_filter_bit(word);
	index = bit / 64;
	assert_int_equal(bpf_map_lookup_elem(fd, &index, &bits), 0);
	close(fd);
	return bits >> bit % 64 & 1;
}

static void a_vip_keeps_its_counters_when_it_becomes_active(void **state)
{
	struct dataplane *d = must_open();
	struct lb_addr a = vip_at(10);
	struct lb_vip v;
	uint32_t active = 0;
	int fd = pinned("lbx_vips");

	assert_int_equal(put(d, PLAN_VIPS, &a, &active), 0);
	assert_true(filter_has(&a));
	assert_int_equal(dataplane_vip(d, &a, &v), 0);
	v.arp_replies = 5;
	assert_int_equal(bpf_map_update_elem(fd, &a, &v, 0), 0);
	active = 1;
	assert_int_equal(put(d, PLAN_VIPS, &a, &active), 0);
	assert_int_equal(dataplane_vip(d, &a, &v), 0);
	assert_int_equal(v.active, 1);
	assert_int_equal(v.arp_replies, 5);
	assert_int_equal(del(d, PLAN_VIPS, &a), 0);
	assert_false(filter_has(&a));
	close(fd);
	end(d);
}

static void a_filter_bit_that_two_vips_share_stays_for_the_second(void **state)
{
	struct dataplane *d = must_open();
	struct lb_addr a = {}, b = {};
	uint32_t active = 1;

	a.byte[0] = b.byte[4] = 0x20; /* the four words meet by exclusive or */
	assert_int_equal(put(d, PLAN_VIPS, &a, &active), 0);
	assert_int_equal(put(d, PLAN_VIPS, &b, &active), 0);
	dataplane_close(d);
	d = must_open();
	assert_int_equal(del(d, PLAN_VIPS, &a), 0);
	assert_true(filter_has(&b));
	assert_int_equal(del(d, PLAN_VIPS, &b), 0);
	assert_false(filter_has(&b));
	end(d);
}

static const struct acl *a_list(struct arena *a)
{
	const struct prefix smart_host = {.addr = addr_from_v4((uint8_t[]){192, 168, 30, 50}),
					  .len = 128};
	const struct acl_prefixes allow = {&smart_host, 1}, deny = {};

	return acl_new(&allow, &deny, a);
}

static void fill(struct dataplane *d, struct plan *want, struct store *store)
{
	const struct lb_pool pool = {.count = 1, .addr = {{{1, 2, 3}}}};
	const struct plan_sink *sinks[PLAN_TABLE_COUNT] = {};
	struct row_settings settings = {
		.timeout = {10, 20, 30, 40, 50}
        };
	struct lb_service_info info = {"CAS-HTTPS"};
	struct lb_endpoint endpoint = {.vip = vip_at(10), .port = 443, .proto = 6};
	struct lb_addr vip = vip_at(10);
	uint32_t zero = 0, service = 3, active = 1;
	static const struct maglev_share shares[] = {
		{7, 1, 1},
                {8, 2, 1}
        };
	struct row_ring ring = {
		.ring = store_ring(store, ring_of(1, 2)),
		.table = store_maglev(store, shares, 2, 251),
		.policy = {.scheduler = LB_SCHEDULER_TABLE, .mask4 = 24, .persist_timeout = 9},
		.backup = 2,
	};
	struct plan *actual = plan_new();
	struct arena *arena = arena_new();
	struct row_flood flood = {
		{5000, 2500},
                LB_ON_MISS_DROP
        };
	struct row_acl acl = {.host = 1};

	plan_put(want, PLAN_SETTINGS, &zero, &settings);
	plan_put(want, PLAN_SERVICES, &service, &info);
	for (uint32_t id = 1; id <= 2; id++) {
		struct row_real row;

		memset(&row, 0, sizeof(row));
		row.real = real_row(service, id);
		snprintf(row.info.name, sizeof(row.info.name), "CAS%u", id);
		plan_put(want, PLAN_REALS, &id, &row);
	}
	plan_put(want, PLAN_RINGS, &service, &ring);
	acl.acl = store_acl(store, a_list(arena));
	plan_put(want, PLAN_FLOODS, &service, &flood);
	plan_put(want, PLAN_ACLS, &service, &acl);
	plan_put(want, PLAN_POOLS, &service, &pool);
	plan_put(want, PLAN_ENDPOINTS, &endpoint, &service);
	plan_put(want, PLAN_VIPS, &vip, &active);
	for (size_t t = 0; t < PLAN_TABLE_COUNT; t++)
		sinks[t] = dataplane_sink(d);
	assert_int_equal(plan_apply(actual, want, sinks, NULL), 0);
	plan_free(actual);
	arena_free(arena);
}

static const struct ring *intern(void *arg, struct ring *r)
{
	return store_ring(arg, r);
}

static const struct acl *intern_acl(void *arg, const struct acl *a)
{
	return store_acl(arg, a);
}

static void what_was_put_is_read_back_after_adoption(void **state)
{
	struct store *store = store_new();
	struct plan *want = plan_new(), *actual = plan_new();
	struct dataplane *d = must_open();
	uint32_t ifindex = lab_ifindex("lbt0");

	fill(d, want, store);
	assert_int_equal(attach(d, "lbt0", false), 0);
	dataplane_close(d);
	d = must_open();
	assert_int_equal(
		dataplane_read(d, actual, &(struct dataplane_intern){intern, intern_acl, store}),
		0);
	assert_non_null(plan_find(actual, PLAN_IFACES, &ifindex));
	assert_int_equal(plan_delete(actual, PLAN_IFACES, &ifindex), 0);
	assert_int_equal(plan_difference(actual, want), 0);
	plan_free(want);
	plan_free(actual);
	store_free(store);
	end(d);
}

static void a_real_row_that_is_used_again_starts_from_zero(void **state)
{
	struct dataplane *d = must_open();
	struct lb_real_conns c = {.connections = 9, .opened = 5, .closed = 5};
	struct lb_real_stats stats[256] = {
		{1, 2}
        };
	uint32_t id = 4;
	int conns = pinned("lbx_real_conns"), real_stats = pinned("lbx_real_stats");

	put_real(d, 1, id, 0);
	assert_int_equal(bpf_map_update_elem(conns, &id, &c, 0), 0);
	assert_int_equal(bpf_map_update_elem(real_stats, &id, stats, 0), 0);
	put_real(d, 1, id, LB_REAL_KNOWN);
	assert_int_equal(dataplane_real_conns(d, id).connections, 9);
	assert_int_equal(dataplane_real_stats(d, id).packets, 1);
	assert_int_equal(del(d, PLAN_REALS, &id), 0);
	put_real(d, 1, id, 0);
	assert_int_equal(dataplane_real_conns(d, id).connections, 0);
	assert_int_equal(dataplane_real_stats(d, id).bytes, 0);
	/* Nor does the next daemon know which rows the last one used. */
	assert_int_equal(del(d, PLAN_REALS, &id), 0);
	assert_int_equal(bpf_map_update_elem(conns, &id, &c, 0), 0);
	dataplane_close(d);
	d = must_open();
	put_real(d, 1, id, 0);
	assert_int_equal(dataplane_real_conns(d, id).connections, 0);
	close(conns);
	close(real_stats);
	end(d);
}

static void hash_key(uint64_t key[2])
{
	struct lb_settings s;
	uint32_t zero = 0;
	int fd = pinned("lbx_settings");

	assert_int_equal(bpf_map_lookup_elem(fd, &zero, &s), 0);
	memcpy(key, s.hash_key, sizeof(s.hash_key));
	close(fd);
}

static void the_key_of_the_hash_is_made_with_the_maps_and_kept_by_adoption(void **state)
{
	struct dataplane *d = must_open();
	uint64_t first[2], again[2];

	hash_key(first);
	assert_true(first[0] && first[1]);
	dataplane_close(d);
	d = must_open();
	hash_key(again);
	assert_memory_equal(first, again, sizeof(first));
	end(d);
	d = must_open();
	hash_key(again);
	assert_true(first[0] != again[0] && first[1] != again[1]);
	end(d);
}

static void a_service_that_is_used_again_is_in_no_flood(void **state)
{
	struct dataplane *d = must_open();
	struct row_flood flood = {
		{5000, 2500},
                LB_ON_MISS_DROP
        };
	struct lb_service_info info = {"web"};
	uint64_t each[1024] = {}; /* more CPUs than there are */
	struct lb_service row;
	uint32_t id = 3;
	int fd = pinned("lbx_services"), floods = pinned("lbx_floods");

	assert_int_equal(put(d, PLAN_SERVICES, &id, &info), 0);
	assert_int_equal(put(d, PLAN_FLOODS, &id, &flood), 0);
	assert_int_equal(bpf_map_lookup_elem(fd, &id, &row), 0);
	row.flood_until = (uint32_t)(clock_nsec_coarse() >> LB_TICK_SHIFT) + 1000;
	row.missed = 7;
	assert_int_equal(bpf_map_update_elem(fd, &id, &row, 0), 0);
	each[0] = 5;
	assert_int_equal(bpf_map_update_elem(floods, &id, each, 0), 0);
	assert_int_equal(dataplane_flood_packets(d, id), 5);
	assert_true(dataplane_flooded(d, id));
	assert_int_equal(dataplane_missed(d, id), 7);
	assert_int_equal(del(d, PLAN_FLOODS, &id), 0);
	assert_false(dataplane_flooded(d, id));
	assert_int_equal(del(d, PLAN_SERVICES, &id), 0);
	assert_int_equal(put(d, PLAN_SERVICES, &id, &info), 0);
	assert_int_equal(put(d, PLAN_FLOODS, &id, &flood), 0);
	assert_false(dataplane_flooded(d, id));
	assert_int_equal(dataplane_missed(d, id), 0);
	assert_int_equal(dataplane_flood_packets(d, id), 0);
	close(floods);
	close(fd);
	end(d);
}

static uint32_t ticks_now(void)
{
	return (uint32_t)(clock_nsec_coarse() >> LB_TICK_SHIFT);
}

/* A flow as packets leave it: entry, counters, table count. */
static void make_flow(struct dataplane *d, uint16_t sport, uint32_t real, enum lb_flow_state state,
		      uint32_t age)
{
	bool half = state == LB_FLOW_HALF_OPEN;
	int fd = pinned(half ? "lbx_half4" : "lbx_flows4");
	struct lb_flow4 key = {
		.src = {10,  0,   0,  1 },
		.dst = {192, 168, 30, 10},
		.dport = 443,
		.sport = sport,
		.proto = 6
        };
	struct lb_flow flow = {
		.real = real, .service = 1, .seen = ticks_now() - age, .state = state};
	struct lb_real_conns c = dataplane_real_conns(d, real);
	uint32_t zero = 0;
	struct lb_settings s;
	int conns = pinned("lbx_real_conns"), settings = pinned("lbx_settings");

	assert_int_equal(bpf_map_update_elem(fd, &key, &flow, BPF_ANY), 0);
	c.connections++;
	if (!half) {
		assert_int_equal(bpf_map_lookup_elem(settings, &zero, &s), 0);
		s.count4++;
		assert_int_equal(bpf_map_update_elem(settings, &zero, &s, 0), 0);
		c.opened++;
		c.closed += state == LB_FLOW_CLOSING;
		c.closing_begun += state == LB_FLOW_CLOSING;
	}
	assert_int_equal(bpf_map_update_elem(conns, &real, &c, 0), 0);
	close(settings);
	close(conns);
	close(fd);
}

static void set_timeouts(struct dataplane *d)
{
	struct row_settings row = {
		.timeout = {100, 100, 1000, 100, 100}
        };
	uint32_t zero = 0;

	assert_int_equal(put(d, PLAN_SETTINGS, &zero, &row), 0);
}

static uint64_t active(struct dataplane *d, uint32_t real)
{
	struct lb_real_conns c = dataplane_real_conns(d, real);

	return c.opened - c.closed;
}

static uint64_t inactive(struct dataplane *d, uint32_t real)
{
	struct lb_real_conns c = dataplane_real_conns(d, real);

	return c.closing_begun - c.closing_ended + c.half_open;
}

static uint64_t entries4(struct dataplane *d)
{
	uint64_t counts[2];

	dataplane_flow_counts(d, counts);
	return counts[0];
}

static bool two_half_open_and_one_entry(struct dataplane *d)
{
	return inactive(d, 1) == 2 && entries4(d) == 1;
}

static void the_sweep_expires_each_state_by_its_timeout_and_counts(void **state)
{
	struct dataplane *d = must_open();

	set_timeouts(d);
	put_real(d, 1, 1, 0);
	make_flow(d, 1, 1, LB_FLOW_ESTABLISHED, 900);  /* stays */
	make_flow(d, 2, 1, LB_FLOW_ESTABLISHED, 1100); /* over */
	make_flow(d, 3, 1, LB_FLOW_NEW, 150);          /* over */
	make_flow(d, 4, 1, LB_FLOW_CLOSING, 150);      /* over */
	make_flow(d, 5, 1, LB_FLOW_UDP, 150);          /* over */
	make_flow(d, 6, 1, LB_FLOW_HALF_OPEN, 0);      /* stays */
	make_flow(d, 7, 1, LB_FLOW_HALF_OPEN, 10);     /* stays */
	make_flow(d, 8, 1, LB_FLOW_HALF_OPEN, 150);    /* over */
	assert_true(sweep_until(d, two_half_open_and_one_entry));
	assert_int_equal(active(d, 1), 1);
	assert_int_equal(dataplane_real_conns(d, 1).closing_begun,
			 dataplane_real_conns(d, 1).closing_ended);
	assert_int_equal(dataplane_real_conns(d, 1).connections, 8);
	end(d);
}

enum { NAT_REAL = 1 };

static const struct lb_addr nat_client = {
	{[10] = 0xff, 0xff, 10, 0, 0, 1}
};
static const struct lb_addr nat_vip = {
	{[10] = 0xff, 0xff, 192, 168, 30, 10}
};
static const struct lb_addr nat_pool = {
	{[10] = 0xff, 0xff, 192, 168, 30, 200}
};
static const struct lb_addr nat_ip = {
	{[10] = 0xff, 0xff, 192, 168, 30, 20}
};

static void put_nat_real(struct dataplane *d, uint16_t flags)
{
	struct row_real row = {
		.real = {.service = 1, .ip = nat_ip}
        };
	uint32_t id = NAT_REAL;

	row.real.flags = LB_REAL_NAT | flags;
	assert_int_equal(put(d, PLAN_REALS, &id, &row), 0);
}

static struct lb_flow6 nat_key(const struct lb_addr *src, const struct lb_addr *dst, uint16_t sport,
			       uint16_t dport)
{
	struct lb_flow6 key = {.sport = sport, .dport = dport, .proto = 6};

	memcpy(key.src, src, sizeof(key.src));
	memcpy(key.dst, dst, sizeof(key.dst));
	return key;
}

/* The rows of the flow that make_flow makes of this port, as packets leave them. */
static void make_nat(uint16_t sport, uint32_t out_age, uint32_t back_age)
{
	struct lb_nat out = {.src = nat_pool, .dst = nat_ip, .sport = sport, .dport = 443};
	struct lb_nat back = {.src = nat_vip, .dst = nat_client, .sport = 443, .dport = sport};
	struct lb_flow6 out_key = nat_key(&nat_client, &nat_vip, sport, 443);
	struct lb_flow6 back_key = nat_key(&nat_ip, &nat_pool, 443, sport);
	int fd = pinned("lbx_nat");

	out.real = back.real = NAT_REAL;
	out.seen = ticks_now() - out_age;
	back.seen = ticks_now() - back_age;
	back.back = 1;
	assert_int_equal(bpf_map_update_elem(fd, &out_key, &out, BPF_ANY), 0);
	assert_int_equal(bpf_map_update_elem(fd, &back_key, &back, BPF_ANY), 0);
	close(fd);
}

static size_t nat_rows(void)
{
	struct lb_flow6 key;
	const void *from = NULL;
	int fd = pinned("lbx_nat");
	size_t count = 0;

	for (; !bpf_map_get_next_key(fd, from, &key); from = &key)
		count++;
	close(fd);
	return count;
}

static bool six_rows_are_left(struct dataplane *d)
{
	return nat_rows() == 6;
}

static bool the_source_is_free(struct dataplane *d)
{
	return !dataplane_nat_uses(d, &nat_pool);
}

static void translations_go_with_their_flow_and_stay_while_any_packet_uses_them(void **state)
{
	struct dataplane *d = must_open();
	struct lb_flow6 orphan = nat_key(&nat_ip, &nat_pool, 443, 9);
	struct lb_nat row = {.src = nat_vip, .dst = nat_client, .back = 1};
	int fd = pinned("lbx_nat");

	set_timeouts(d);
	put_nat_real(d, LB_REAL_SNAT);
	make_flow(d, 1, NAT_REAL, LB_FLOW_ESTABLISHED, 0);
	make_nat(1, 5000, 5000); /* stays: its flow does */
	make_nat(2, 5000, 5000); /* goes */
	make_nat(3, 5000, 0);    /* stays: the server talks */
	make_nat(4, 0, 5000);    /* stays: so does the client */
	row.seen = ticks_now() - 5000;
	assert_int_equal(bpf_map_update_elem(fd, &orphan, &row, BPF_ANY), 0); /* goes */
	close(fd);
	assert_true(sweep_until(d, six_rows_are_left));
	assert_true(dataplane_nat_uses(d, &nat_pool));
	end(d);
}

/* The rows of a handshake: of a client of this port, who was heard so many ticks ago. */
static void make_half(uint16_t sport, uint8_t proto, uint32_t age)
{
	struct lb_nat_half out = {
		.row = {.src = nat_pool, .real = NAT_REAL, .sport = sport}
        };
	struct lb_flow6 key = nat_key(&nat_client, &nat_vip, sport, 443);
	int fd = pinned("lbx_nat_half");

	key.proto = proto;
	out.row.seen = ticks_now() - age;
	assert_int_equal(bpf_map_update_elem(fd, &key, &out, BPF_ANY), 0);
	close(fd);
}

static size_t half_rows(void)
{
	struct lb_flow6 key;
	const void *from = NULL;
	int fd = pinned("lbx_nat_half");
	size_t count = 0;

	for (; !bpf_map_get_next_key(fd, from, &key); from = &key)
		count++;
	close(fd);
	return count;
}

static bool two_halves_are_left(struct dataplane *d)
{
	return half_rows() == 2;
}

static void half_open_translations_go_when_a_handshake_would(void **state)
{
	struct dataplane *d = must_open();

	set_timeouts(d);
	put_nat_real(d, LB_REAL_SNAT);
	make_half(1, IPPROTO_TCP, 10);  /* stays */
	make_half(2, IPPROTO_UDP, 10);  /* stays */
	make_half(3, IPPROTO_TCP, 150); /* goes */
	make_half(4, IPPROTO_UDP, 150); /* goes */
	assert_true(sweep_until(d, two_halves_are_left));
	assert_true(dataplane_nat_uses(d, &nat_pool));
	make_half(1, IPPROTO_TCP, 150);
	make_half(2, IPPROTO_UDP, 150);
	assert_true(sweep_until(d, the_source_is_free));
	assert_int_equal(half_rows(), 0);
	end(d);
}

/* Maps of a build that did not know these four. */
static void half_open_translations_are_made_where_a_daemon_had_none(void **state)
{
	struct dataplane *d = must_open();

	put_nat_real(d, LB_REAL_SNAT);
	make_nat(1, 0, 0);
	dataplane_close(d);
	assert_int_equal(unlink(PIN_DIR "/lbx_nat_half"), 0);
	assert_int_equal(unlink(PIN_DIR "/lbx_nat_brief"), 0);
	assert_int_equal(unlink(PIN_DIR "/lbx_floods"), 0);
	assert_int_equal(unlink(PIN_DIR "/lbx_claims"), 0);
	d = must_open();
	assert_true(dataplane_adopted(d));
	assert_int_equal(nat_rows(), 2);
	assert_int_equal(half_rows(), 0);
	end(d);
}

static void a_source_is_in_use_until_its_last_flow_is_over(void **state)
{
	struct dataplane *d = must_open();

	set_timeouts(d);
	put_nat_real(d, LB_REAL_SNAT);
	make_nat(1, 0, 0);
	assert_true(dataplane_nat_uses(d, &nat_pool)); /* nothing is known yet */
	make_nat(1, 5000, 5000);
	assert_true(sweep_until(d, the_source_is_free));
	assert_int_equal(nat_rows(), 0);
	end(d);
}

static uint32_t nat_setting(void)
{
	struct lb_settings s;
	uint32_t zero = 0;
	int fd = pinned("lbx_settings");

	assert_int_equal(bpf_map_lookup_elem(fd, &zero, &s), 0);
	close(fd);
	return s.nat;
}

static void packets_look_for_replies_only_while_a_real_needs_it(void **state)
{
	struct dataplane *d = must_open();
	uint32_t id = NAT_REAL;

	assert_int_equal(nat_setting(), 0);
	put_nat_real(d, LB_REAL_SNAT);
	assert_int_equal(nat_setting(), 1);
	assert_false(filter_has(&nat_ip));
	put_nat_real(d, 0);
	assert_int_equal(nat_setting(), 1);
	assert_true(filter_has(&nat_ip));
	dataplane_close(d);
	d = must_open(); /* adopted */
	assert_int_equal(nat_setting(), 1);
	assert_true(filter_has(&nat_ip));
	assert_int_equal(del(d, PLAN_REALS, &id), 0);
	assert_int_equal(nat_setting(), 0);
	assert_false(filter_has(&nat_ip));
	end(d);
}

static bool counts_are_mended(struct dataplane *d)
{
	return entries4(d) == 2 && active(d, 1) == 1 && inactive(d, 1) == 1 && active(d, 2) == 0;
}

static void counters_that_drifted_are_mended_when_nothing_moves(void **state)
{
	struct dataplane *d = must_open();
	struct lb_real_conns low = {.opened = 3, .closed = 3}, high = {.opened = 40, .closed = 2};
	struct lb_settings s;
	uint32_t one = 1, two = 2, zero = 0;
	int conns = pinned("lbx_real_conns"), settings = pinned("lbx_settings");

	set_timeouts(d);
	put_real(d, 1, 1, 0);
	put_real(d, 1, 2, 0);
	make_flow(d, 1, 1, LB_FLOW_ESTABLISHED, 0);
	make_flow(d, 2, 1, LB_FLOW_CLOSING, 0);
	assert_int_equal(bpf_map_update_elem(conns, &one, &low, 0), 0);
	assert_int_equal(bpf_map_update_elem(conns, &two, &high, 0), 0);
	assert_int_equal(bpf_map_lookup_elem(settings, &zero, &s), 0);
	s.count4 = 3000;
	assert_int_equal(bpf_map_update_elem(settings, &zero, &s, 0), 0);
	assert_true(sweep_until(d, counts_are_mended));
	close(settings);
	close(conns);
	end(d);
}

static bool real_1_idle(struct dataplane *d)
{
	return dataplane_real_idle(d, 1);
}

static void a_real_is_idle_only_without_ring_and_flows(void **state)
{
	struct dataplane *d = must_open();

	set_timeouts(d);
	put_real(d, 1, 1, 0);
	put_ring(d, 1, 1, 1);
	make_flow(d, 1, 1, LB_FLOW_NEW, 93); /* over in a second */
	assert_false(dataplane_real_idle(d, 1));
	put_ring(d, 1, 2, 1);
	assert_false(dataplane_real_idle(d, 1));
	assert_true(sweep_until(d, real_1_idle));
	assert_int_equal(entries4(d), 0);
	put_ring(d, 1, 1, 1);
	assert_false(dataplane_real_idle(d, 1));
	end(d);
}

static void flows_of_a_halted_real_are_found_in_slices(void **state)
{
	struct dataplane *d = must_open();
	struct dataplane_flow flows[3];
	bool done = false, met[16] = {};
	size_t total = 0;

	set_timeouts(d);
	put_real(d, 1, 1, 0);
	put_real(d, 1, 2, 0);
	for (uint16_t n = 0; n < 10; n++)
		make_flow(d, n, 1, LB_FLOW_ESTABLISHED, 0);
	make_flow(d, 10, 2, LB_FLOW_ESTABLISHED, 0);
	make_flow(d, 11, 1, LB_FLOW_CLOSING, 0);
	assert_int_equal(dataplane_reset_flows(d, flows, 3, &done), 0);
	assert_true(done);
	put_real(d, 1, 1, LB_REAL_RESET);
	do {
		size_t n = dataplane_reset_flows(d, flows, 3, &done);

		assert_true(n <= 3);
		for (size_t i = 0; i < n; i++) {
			char text[ADDR_TEXT_LEN];

			assert_int_equal(flows[i].real, 1);
			assert_int_equal(flows[i].dport, 443);
			assert_string_equal(addr_format(&flows[i].src, text), "10.0.0.1");
			assert_string_equal(addr_format(&flows[i].dst, text), "192.168.30.10");
			assert_false(met[flows[i].sport]);
			met[flows[i].sport] = true;
		}
		total += n;
	} while (!done);
	assert_int_equal(total, 10);
	end(d);
}

/* As the daemon does for ten reals. */
static void put_ring_and_table(struct dataplane *d, uint32_t service, uint32_t first_real)
{
	struct maglev_share shares[10];
	struct row_ring row = {.ring = ring_of(first_real, 10)};
	struct ring *table;

	for (uint32_t i = 0; i < 10; i++)
		shares[i] = (struct maglev_share){i, first_real + i, 1};
	row.table = table = maglev_table(shares, 10, 251);
	assert_int_equal(put(d, PLAN_RINGS, &service, &row), 0);
	free((void *)row.ring);
	free(table);
}

static void ten_thousand_services_load_and_read_back(void **state)
{
	struct store *store = store_new();
	struct plan *actual = plan_new();
	struct dataplane *d = must_open();
	uint64_t begin = lab_now(), loaded;

	for (uint32_t s = 1; s <= 10000; s++) {
		struct lb_endpoint e = {.vip = vip_at(10), .port = (uint16_t)s, .proto = 6};
		struct lb_service_info info;

		memset(&info, 0, sizeof(info));
		snprintf(info.name, sizeof(info.name), "S%u", s);
		assert_int_equal(put(d, PLAN_SERVICES, &s, &info), 0);
		for (uint32_t r = 1; r <= 10; r++)
			put_real(d, s, (s - 1) * 10 + r, 0);
		put_ring_and_table(d, s, (s - 1) * 10 + 1);
		assert_int_equal(put(d, PLAN_ENDPOINTS, &e, &s), 0);
	}
	loaded = lab_now();
	print_message("10,000 services, 100,000 reals: loaded in %lu ms\n", loaded - begin);
	dataplane_close(d);
	begin = lab_now();
	d = must_open();
	assert_int_equal(
		dataplane_read(d, actual, &(struct dataplane_intern){intern, intern_acl, store}),
		0);
	assert_int_equal(plan_count(actual, PLAN_REALS), 100000);
	assert_int_equal(pinned_service(10000).hash.count, 251);
	print_message("adopted and read back in %lu ms\n", lab_now() - begin);
	plan_free(actual);
	store_free(store);
	end(d);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, make_links, remove_links)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(opens_attaches_and_leaves_nothing_behind),
		CASE(a_driver_without_native_mode_gets_the_generic_one_and_a_reason),
		CASE(native_only_is_refused_where_the_driver_cannot),
		CASE(all_interfaces_without_a_dispatcher_share_one_program),
		CASE(another_daemon_adopts_and_swaps_the_program),
		CASE(a_killed_daemon_is_adopted),
		CASE(mains_reduced_capabilities_are_enough),
		CASE(maps_of_another_size_are_refused),
		CASE(maps_of_another_version_are_refused_and_removable),
		CASE(a_strangers_program_is_named_and_stays),
		CASE(a_stranger_that_replaced_us_is_noticed_and_not_removed),
		CASE(an_interface_that_went_and_came_is_attached_again),
		CASE(a_new_ring_stands_beside_the_old_one),
		CASE(ring_table_and_policy_change_each_by_itself),
		CASE(without_room_for_a_table_the_ring_has_to_do),
		CASE(an_old_rings_slots_are_used_again_after_a_grace),
		CASE(a_vip_keeps_its_counters_when_it_becomes_active),
		CASE(a_filter_bit_that_two_vips_share_stays_for_the_second),
		CASE(what_was_put_is_read_back_after_adoption),
		CASE(a_real_row_that_is_used_again_starts_from_zero),
		CASE(the_key_of_the_hash_is_made_with_the_maps_and_kept_by_adoption),
		CASE(a_service_that_is_used_again_is_in_no_flood),
		CASE(the_sweep_expires_each_state_by_its_timeout_and_counts),
		CASE(translations_go_with_their_flow_and_stay_while_any_packet_uses_them),
		CASE(half_open_translations_go_when_a_handshake_would),
		CASE(half_open_translations_are_made_where_a_daemon_had_none),
		CASE(a_source_is_in_use_until_its_last_flow_is_over),
		CASE(packets_look_for_replies_only_while_a_real_needs_it),
		CASE(counters_that_drifted_are_mended_when_nothing_moves),
		CASE(a_real_is_idle_only_without_ring_and_flows),
		CASE(flows_of_a_halted_real_are_found_in_slices),
		CASE(ten_thousand_services_load_and_read_back),
	};

	lab_enter();
	return cmocka_run_group_tests_name("dataplane (kernel)", tests, NULL, NULL);
}
