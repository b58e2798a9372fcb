/* SPDX-License-Identifier: GPL-2.0-only */
/* Maps of an earlier version, laid out here as that version did: what a start makes of them. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/alloc.h"
#include "core/store.h"
#include "dataplane/dataplane.h"
#include "kernel/lab.h"

#define PIN_DIR "/sys/fs/bpf/lbxdp"

enum { SERVICE = 3, OTHER_SERVICE = 9, REAL = 5, SPORT = 40000 };
enum { VERDICTS2 = 22, EVENTS2 = 5, ACL2 = 9, REPLACED2 = 4, SLOTS2 = 2097152 };

/* Rings of version 2 lie where this version puts none: the slot of a backup has no room there. */
static const struct lb_ring ring2 = {.first = 4096, .count = 8};
static const struct lb_ring other_ring2 = {.first = SLOTS2 - 8, .count = 8};

/* lbx_services of version 2. */
struct service2 {
	struct lb_ring ring;
	__u64 cursor;
	__u64 unrouted;
	struct lb_gate gate;
	__u64 denied;
	__u64 pad[3];
};

static const struct dataplane_options options = {.pin_dir = PIN_DIR, .flows = 4096};
static const struct lb_flow4 flow_key = {
	.src = {10,  0,   0,  1 },
          .dst = {192, 168, 30, 10},
          .dport = 443, .sport = SPORT, .proto = 6
};

static int try_open(struct dataplane **d, struct buf *why)
{
	*d = NULL;
	return dataplane_open(d, &options, why);
}

static struct dataplane *must_open(void)
{
	struct dataplane *d;
	struct buf why = {};
	int err = try_open(&d, &why);

	if (err)
		fail_msg("dataplane_open: %d: %s", err, buf_text(&why));
	buf_free(&why);
	return d;
}

static const char *pin(const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), PIN_DIR "/%s", name);
	return path;
}

static int pinned(const char *name)
{
	int fd = bpf_obj_get(pin(name));

	assert_true(fd >= 0);
	return fd;
}

static uint32_t map_id(const char *name)
{
	struct bpf_map_info info = {};
	__u32 len = sizeof(info);
	int fd = pinned(name);

	assert_int_equal(bpf_obj_get_info_by_fd(fd, &info, &len), 0);
	close(fd);
	return info.id;
}

static void put(struct dataplane *d, enum plan_table t, const void *key, const void *value)
{
	const struct plan_sink *s = dataplane_sink(d);

	assert_int_equal(s->put(s->to, t, key, value, NULL), 0);
}

static void set_row(const char *map, const void *key, const void *value)
{
	int fd = pinned(map);

	assert_int_equal(bpf_map_update_elem(fd, key, value, BPF_ANY), 0);
	close(fd);
}

/* Another map in place of the pinned one. Returns its descriptor. */
static int replace(const char *name, enum bpf_map_type type, uint32_t value_size, uint32_t entries,
		   uint32_t flags)
{
	LIBBPF_OPTS(bpf_map_create_opts, o, .map_flags = flags);
	int fd = bpf_map_create(type, name, sizeof(uint32_t), value_size, entries, &o);

	assert_true(fd >= 0);
	assert_int_equal(unlink(pin(name)), 0);
	assert_int_equal(bpf_obj_pin(fd, pin(name)), 0);
	return fd;
}

static void set_version(uint32_t version)
{
	int fd = pinned("lbx_settings");
	struct lb_settings s;
	uint32_t zero = 0;

	assert_int_equal(bpf_map_lookup_elem(fd, &zero, &s), 0);
	s.abi = version;
	assert_int_equal(bpf_map_update_elem(fd, &zero, &s, 0), 0);
	close(fd);
}

static const struct lb_endpoint endpoint = {
	.vip = {.byte = {[10] = 0xff, 0xff, 192, 168, 30, 10}}, .port = 443, .proto = 6};

/* A service with one real, one flow and a program on lbt0, as this version has them. */
static void make_rows(void)
{
	struct dataplane *d = must_open();
	struct row_real real;
	struct row_iface iface = {
		.mac = {2, 0, 0, 0, 0, 1}
        };
	struct lb_service_info info;
	struct lb_flow flow = {.real = REAL, .service = SERVICE, .state = LB_FLOW_ESTABLISHED};
	uint32_t service = SERVICE, other = OTHER_SERVICE, id = REAL, active = 1;
	uint32_t ifindex = lab_ifindex("lbt0");

	memset(&real, 0, sizeof(real));
	memset(&info, 0, sizeof(info));
	strcpy(info.name, "owa");
	strcpy(real.info.name, "CAS1");
	strcpy(real.info.service_name, "owa");
	real.real.service = SERVICE;
	real.real.ifindex = ifindex;
	real.real.mac[0] = 2;
	real.real.flags = LB_REAL_USABLE | LB_REAL_HAS_MAC;
	put(d, PLAN_SERVICES, &service, &info);
	put(d, PLAN_SERVICES, &other, &info);
	put(d, PLAN_REALS, &id, &real);
	put(d, PLAN_VIPS, &endpoint.vip, &active);
	put(d, PLAN_ENDPOINTS, &endpoint, &service);
	put(d, PLAN_IFACES, &ifindex, &iface);
	set_row("lbx_flows4", &flow_key, &flow);
	dataplane_close(d);
}

/* The same services as version 2 laid them out, one with counters. */
static void age_services(void)
{
	struct service2 then = {.ring = ring2, .cursor = 77, .unrouted = 11, .denied = 12};
	struct service2 other = {.ring = other_ring2};
	uint32_t service = SERVICE, other_service = OTHER_SERVICE;
	int fd = replace("lbx_services", BPF_MAP_TYPE_ARRAY, sizeof(then), LB_SERVICES_MAX,
			 BPF_F_MMAPABLE);

	assert_int_equal(bpf_map_update_elem(fd, &service, &then, 0), 0);
	assert_int_equal(bpf_map_update_elem(fd, &other_service, &other, 0), 0);
	close(fd);
}

static void age_counters(const char *name, uint32_t entries, uint32_t row, uint64_t value)
{
	int fd = replace(name, BPF_MAP_TYPE_PERCPU_ARRAY, sizeof(value), entries, 0);
	uint64_t each[libbpf_num_possible_cpus()];

	memset(each, 0, sizeof(each));
	each[0] = value;
	assert_int_equal(bpf_map_update_elem(fd, &row, each, 0), 0);
	close(fd);
}

static const uint8_t our_mac[8] = {2, 0, 0, 0, 0, 9};

static void set_slots2(int fd, struct lb_ring ring)
{
	for (uint32_t slot = ring.first; slot < ring.first + ring.count; slot++) {
		uint32_t real = REAL;

		assert_int_equal(bpf_map_update_elem(fd, &slot, &real, 0), 0);
	}
}

/* Half as many slots in rows of one. */
static void age_slots(void)
{
	int fd = replace("lbx_slots", BPF_MAP_TYPE_ARRAY, sizeof(uint32_t), SLOTS2, BPF_F_MMAPABLE);

	set_slots2(fd, ring2);
	set_slots2(fd, other_ring2);
	close(fd);
}

/* Interfaces without a count of answers. */
static void age_ifaces(void)
{
	uint32_t ifindex = 7;
	int fd = replace("lbx_ifaces", BPF_MAP_TYPE_HASH, sizeof(our_mac), LB_IFACES_MAX, 0);

	assert_int_equal(bpf_map_update_elem(fd, &ifindex, our_mac, 0), 0);
	close(fd);
}

static void assert_our_mac(void)
{
	uint32_t ifindex = 7;
	struct lb_iface row;
	int fd = pinned("lbx_ifaces");

	assert_int_equal(bpf_map_lookup_elem(fd, &ifindex, &row), 0);
	assert_memory_equal(row.mac, our_mac, sizeof(row.mac));
	close(fd);
}

/* What version 2 did not have. */
static void remove_new_maps(void)
{
	static const char *const names[] = {
		"lbx_trace_filters", "lbx_trace_seen", "lbx_trace",     "lbx_fragments", "lbx_icmp",
		"lbx_persist",       "lbx_nat",        "lbx_nat_half",  "lbx_pools",     "lbx_vias",
		"lbx_via_ports",     "lbx_floods",     "lbx_nat_brief", "lbx_claims"};

	for (size_t i = 0; i < ARRAY_COUNT(names); i++)
		assert_int_equal(unlink(pin(names[i])), 0);
}

static void make_version_2(void)
{
	make_rows();
	age_services();
	age_slots();
	age_ifaces();
	age_counters("lbx_verdicts", VERDICTS2, ACL2, 5);
	age_counters("lbx_events", EVENTS2, REPLACED2, 6);
	remove_new_maps();
	set_version(2);
}

static const struct ring *intern(void *arg, struct ring *r)
{
	return store_ring(arg, r);
}

static const struct acl *intern_acl(void *arg, const struct acl *a)
{
	return store_acl(arg, a);
}

static void expect_ring(const struct plan *actual, uint32_t service)
{
	const struct row_ring *row = plan_find(actual, PLAN_RINGS, &service);

	assert_non_null(row);
	assert_int_equal(row->ring->count, 8);
	for (uint32_t i = 0; i < row->ring->count; i++)
		assert_int_equal(row->ring->slots[i], REAL);
	assert_int_equal(row->backup, 0);
	assert_null(row->table);
}

/* The program as it stands before the first plan: a client that nobody knows gets his real. */
static void expect_a_syn_is_forwarded(void)
{
	static const uint8_t syn[60] = {
		2,    0,    0, 0,   0, 1,  2, 0, 0, 0,  0, 2, 8,    0,   0x45, 0,  0,
		40,   0,    0, 0,   0, 64, 6, 0, 0, 10, 9, 9, 9,    192, 168,  30, 10,
		0x9c, 0x40, 1, 187, 0, 0,  0, 0, 0, 0,  0, 0, 0x50, 2,   4,    0,
	};
	LIBBPF_OPTS(bpf_test_run_opts, o, .data_in = syn, .data_size_in = sizeof(syn), .repeat = 1);
	int fd = pinned("prog");

	assert_int_equal(bpf_prog_test_run_opts(fd, &o), 0);
	assert_int_equal(o.retval, XDP_REDIRECT);
	close(fd);
}

static void expect_rows(struct dataplane *d)
{
	struct store *store = store_new();
	struct plan *actual = plan_new();
	const struct row_real *real;
	uint32_t id = REAL;
	struct lb_flow flow;
	int fd = pinned("lbx_flows4");

	assert_int_equal(
		dataplane_read(d, actual, &(struct dataplane_intern){intern, intern_acl, store}),
		0);
	assert_our_mac();
	expect_ring(actual, SERVICE);
	expect_ring(actual, OTHER_SERVICE);
	expect_a_syn_is_forwarded();
	real = plan_find(actual, PLAN_REALS, &id);
	assert_non_null(real);
	assert_string_equal(real->info.name, "CAS1");
	assert_int_equal(bpf_map_lookup_elem(fd, &flow_key, &flow), 0);
	assert_int_equal(flow.real, REAL);
	close(fd);
	plan_free(actual);
	store_free(store);
}

static void end(struct dataplane *d)
{
	assert_int_equal(dataplane_destroy(d), 0);
	dataplane_close(d);
	assert_int_equal(access(PIN_DIR, F_OK), -1);
}

static uint32_t program_on(const char *name)
{
	__u32 id = 0;

	assert_int_equal(bpf_xdp_query_id((int)lab_ifindex(name), 0, &id), 0);
	return id;
}

static void version_2_is_carried_over_with_flows_and_counters(void **state)
{
	uint64_t verdicts[LB_VERDICT_COUNT], events[LB_EVENT_COUNT];
	struct dataplane_attachment at;
	uint32_t flows, before;
	struct dataplane *d;

	make_version_2();
	flows = map_id("lbx_flows4");
	before = program_on("lbt0");
	d = must_open();
	assert_true(dataplane_adopted(d));
	expect_rows(d);
	assert_int_equal(map_id("lbx_flows4"), flows); /* the same memory: no packet missed it */
	dataplane_attachment(d, lab_ifindex("lbt0"), &at);
	assert_true(at.attached);
	assert_int_not_equal(program_on("lbt0"), before);
	assert_int_equal(dataplane_unrouted(d, SERVICE), 11);
	assert_int_equal(dataplane_denied(d, SERVICE), 12);
	dataplane_verdicts(d, verdicts);
	dataplane_events(d, events);
	assert_int_equal(verdicts[LB_ACL], 5);
	assert_int_equal(events[LB_EVENT_FLOW_REPLACED], 6);
	dataplane_close(d);
	d = must_open(); /* by now it is of this version */
	expect_rows(d);
	assert_int_equal(dataplane_unrouted(d, SERVICE), 11);
	end(d);
}

/* The pins are new, but the version was not yet written. */
static void a_start_that_was_cut_short_is_finished_by_the_next(void **state)
{
	struct dataplane *d;

	make_version_2();
	dataplane_close(must_open());
	set_version(2);
	d = must_open();
	assert_true(dataplane_adopted(d));
	expect_rows(d);
	end(d);
}

static void put_back(const char *name, int fd)
{
	assert_int_equal(unlink(pin(name)), 0);
	assert_int_equal(bpf_obj_pin(fd, pin(name)), 0);
	close(fd);
}

/* The slots were pinned, and the services that name them not yet. */
static void a_start_that_was_cut_short_between_slots_and_services_is_finished(void **state)
{
	struct dataplane *d;
	int services;

	make_version_2();
	services = pinned("lbx_services");
	dataplane_close(must_open());
	put_back("lbx_services", services);
	set_version(2);
	d = must_open();
	expect_rows(d);
	end(d);
}

static void expect_refusal(const char *what)
{
	struct dataplane *d;
	struct buf why = {};

	assert_int_equal(try_open(&d, &why), -EEXIST);
	assert_non_null(strstr(buf_text(&why), what));
	assert_non_null(strstr(buf_text(&why), "run `lbxdp down`, then `lbxdp up`"));
	assert_int_not_equal(program_on("lbt0"), 0); /* what runs goes on */
	buf_free(&why);
}

static void what_cannot_be_carried_is_named_and_stays(void **state)
{
	make_version_2();
	close(replace("lbx_services", BPF_MAP_TYPE_ARRAY, 96, LB_SERVICES_MAX, BPF_F_MMAPABLE));
	expect_refusal("lbx_services has another size");
	assert_int_equal(unlink(pin("lbx_services")), 0);
	expect_refusal("lbx_services");
}

static void a_version_that_is_not_known_is_refused(void **state)
{
	make_version_2();
	set_version(1);
	expect_refusal("version 1");
	set_version(LB_ABI_VERSION + 1);
	expect_refusal("is");
}

static int make_links(void **state)
{
	lab_run("ip link add lbt0 type veth peer name lbt1");
	lab_run("ip link set lbt0 up; ip link set lbt1 up");
	return 0;
}

static int remove_links(void **state)
{
	struct buf why = {};

	(void)dataplane_remove(PIN_DIR, &why);
	buf_free(&why);
	(void)lab_try("ip link del lbt0");
	return 0;
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, make_links, remove_links)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(version_2_is_carried_over_with_flows_and_counters),
		CASE(a_start_that_was_cut_short_is_finished_by_the_next),
		CASE(a_start_that_was_cut_short_between_slots_and_services_is_finished),
		CASE(what_cannot_be_carried_is_named_and_stays),
		CASE(a_version_that_is_not_known_is_refused),
	};

	lab_enter();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
