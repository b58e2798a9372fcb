/* SPDX-License-Identifier: GPL-2.0-only */
/* Checks through a VIP against the kernel: what the tc program makes of a packet, its filter beside
 * that of TProxy, its rows. Needs root; works in a namespace of its own. */
#include <errno.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/alloc.h"
#include "dataplane/dataplane.h"
#include "health/ports.h"
#include "kernel/lab.h"
#include "net/net.h"
#include "via.skel.h"

#define PIN_DIR "/sys/fs/bpf/lbxdp-via"

enum { CHECK4 = 7, CHECK6, PORT4 = LB_VIA_PORT_FIRST + 9, PORT6, UNUSED, UNSPEC = -1 };

static struct lab_ns ns;
static struct dataplane *dataplane;

static int enter_lab(void **state)
{
	const struct dataplane_options options = {.pin_dir = PIN_DIR, .flows = 4096};
	struct buf why = {};

	lab_ns_make(&ns);
	lab_ns_enter(&ns);
	lab_run("ip link add lbd0 type veth peer name lbd1");
	lab_run("ip link set lbd0 up; ip link set lbd1 up; ip addr add 10.9.0.1/24 dev lbd0");
	assert_int_equal(dataplane_open(&dataplane, &options, &why), 0);
	buf_free(&why);
	return 0;
}

static int leave_lab(void **state)
{
	assert_int_equal(dataplane_destroy(dataplane), 0);
	dataplane_close(dataplane);
	lab_ns_leave(&ns);
	lab_ns_close(&ns);
	return 0;
}

/* --- the program */

static struct via_bpf *skel;

static struct lb_via via_of(const char *rip, const char *vip)
{
	struct lb_via via = {.real = 3, .port = 443};
	struct addr a;

	assert_int_equal(addr_parse(&a, rip), 0);
	memcpy(via.rip.byte, a.byte, sizeof(via.rip.byte));
	assert_int_equal(addr_parse(&a, vip), 0);
	memcpy(via.vip.byte, a.byte, sizeof(via.vip.byte));
	return via;
}

static void add_check(uint32_t port, uint32_t check, const char *rip, const char *vip)
{
	const struct lb_via_port row = {.check = check};
	const struct lb_via via = via_of(rip, vip);
	uint32_t index = port - LB_VIA_PORT_FIRST;

	assert_int_equal(
		bpf_map_update_elem(bpf_map__fd(skel->maps.lbx_via_ports), &index, &row, BPF_ANY),
		0);
	assert_int_equal(
		bpf_map_update_elem(bpf_map__fd(skel->maps.lbx_vias), &check, &via, BPF_ANY), 0);
}

static int load(void **state)
{
	skel = via_bpf__open_and_load();
	assert_non_null(skel);
	add_check(PORT4, CHECK4, "10.9.0.20", "10.9.0.100");
	add_check(PORT6, CHECK6, "fd09::20", "fd09::100");
	return 0;
}

static int unload(void **state)
{
	via_bpf__destroy(skel);
	return 0;
}

struct frame {
	uint8_t at[256];
	size_t len;
};

static void add(struct frame *f, const void *header, size_t len)
{
	memcpy(f->at + f->len, header, len);
	f->len += len;
}

/* RFC 1071, over what starts at an even place. */
static uint32_t sum(uint32_t so_far, const void *bytes, size_t len)
{
	for (size_t i = 0; i + 1 < len; i += 2)
		so_far += ((const uint8_t *)bytes)[i] << 8 | ((const uint8_t *)bytes)[i + 1];
	return so_far;
}

static uint16_t finish(uint32_t so_far)
{
	while (so_far >> 16)
		so_far = (so_far & 0xffff) + (so_far >> 16);
	return htons((uint16_t)~so_far);
}

struct wanted {
	const char *to;
	uint16_t source, target;
	uint8_t protocol, options; /* 0: TCP; in IPv4, bytes of options */
	uint16_t fragment;
};

#define TCP(to_, from, port, ...)                                                                  \
	((struct wanted){.to = to_, .source = from, .target = port, __VA_ARGS__})

static void add_tcp(struct frame *f, const struct wanted *w, uint32_t addresses)
{
	struct tcphdr tcp = {
		.source = htons(w->source), .dest = htons(w->target), .doff = 5, .syn = 1};

	tcp.check = finish(sum(addresses + IPPROTO_TCP + sizeof(tcp), &tcp, sizeof(tcp)));
	add(f, &tcp, sizeof(tcp));
}

static struct frame frame4(struct wanted w)
{
	const struct ether_header e = {.ether_type = htons(ETHERTYPE_IP)};
	struct iphdr ip = {.version = 4,
			   .ihl = (sizeof(ip) + w.options) / 4,
			   .ttl = 64,
			   .tot_len = htons(sizeof(ip) + w.options + sizeof(struct tcphdr)),
			   .frag_off = htons(w.fragment),
			   .protocol = w.protocol ? w.protocol : IPPROTO_TCP};
	static const uint8_t none[40];
	struct frame f = {};
	struct addr a;

	addr_parse(&a, w.to);
	memcpy(&ip.daddr, a.byte + 12, 4);
	ip.saddr = htonl(0x0a090001);
	ip.check = finish(sum(0, &ip, sizeof(ip)));
	add(&f, &e, sizeof(e));
	add(&f, &ip, sizeof(ip));
	add(&f, none, w.options);
	add_tcp(&f, &w, sum(0, &ip.saddr, 8));
	return f;
}

static struct frame frame6(struct wanted w)
{
	const struct ether_header e = {.ether_type = htons(ETHERTYPE_IPV6)};
	struct ip6_hdr ip = {.ip6_plen = htons(sizeof(struct tcphdr)),
			     .ip6_nxt = w.protocol ? w.protocol : IPPROTO_TCP};
	struct frame f = {};
	struct addr a;

	ip.ip6_vfc = 0x60;
	addr_parse(&a, w.to);
	memcpy(&ip.ip6_dst, a.byte, 16);
	addr_parse(&a, "fd09::1");
	memcpy(&ip.ip6_src, a.byte, 16);
	add(&f, &e, sizeof(e));
	add(&f, &ip, sizeof(ip));
	add_tcp(&f, &w, sum(0, &ip.ip6_src, 32));
	return f;
}

static struct frame run(const struct frame *f)
{
	struct frame out = {};
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = f->at, .data_size_in = (uint32_t)f->len,
		    .data_out = out.at, .data_size_out = sizeof(out.at), .repeat = 1);

	assert_int_equal(bpf_prog_test_run_opts(bpf_program__fd(skel->progs.lbxdp_via), &run), 0);
	assert_int_equal((int)run.retval, UNSPEC); /* others go on with it */
	out.len = run.data_size_out;
	return out;
}

/* As if the host had made it so, checksums too. */
static void assert_becomes(struct frame in, struct frame wanted)
{
	struct frame out = run(&in);

	assert_int_equal(out.len, wanted.len);
	assert_memory_equal(out.at, wanted.at, wanted.len);
}

static void a_check_leaves_for_its_vip(void **state)
{
	assert_becomes(frame4(TCP("10.9.0.20", PORT4, 443)), frame4(TCP("10.9.0.100", PORT4, 443)));
	assert_becomes(frame4(TCP("10.9.0.20", PORT4, 443, .fragment = IP_DF)),
		       frame4(TCP("10.9.0.100", PORT4, 443, .fragment = IP_DF)));
	assert_becomes(frame6(TCP("fd09::20", PORT6, 443)), frame6(TCP("fd09::100", PORT6, 443)));
}

static void every_other_packet_is_let_alone(void **state)
{
	/* clang-format off */
	static const struct wanted others4[] = {
		TCP("10.9.0.20", PORT4 - 4096, 443), /* no port of checks */
		TCP("10.9.0.20", UNUSED, 443),       /* no check has it */
		TCP("10.9.0.20", PORT6, 443),        /* another check has it */
		TCP("10.9.0.21", PORT4, 443),
		TCP("10.9.0.20", PORT4, 444),
		TCP("10.9.0.20", PORT4, 443, .protocol = IPPROTO_UDP),
		TCP("10.9.0.20", PORT4, 443, .options = 4),
		TCP("10.9.0.20", PORT4, 443, .fragment = IP_MF),
	};
	static const struct wanted others6[] = {
		TCP("fd09::20", PORT4, 443),
		TCP("fd09::21", PORT6, 443),
		TCP("fd09::20", PORT6, 444),
		TCP("fd09::20", PORT6, 443, .protocol = IPPROTO_UDP),
	};
	/* clang-format on */

	for (size_t i = 0; i < ARRAY_COUNT(others4); i++)
		assert_becomes(frame4(others4[i]), frame4(others4[i]));
	for (size_t i = 0; i < ARRAY_COUNT(others6); i++)
		assert_becomes(frame6(others6[i]), frame6(others6[i]));
}

static void a_packet_cut_short_is_let_alone(void **state)
{
	struct frame f = frame4(TCP("10.9.0.20", PORT4, 443));

	f.len -= 8;
	assert_becomes(f, f);
}

/* --- its filter */

static int order(bool wanted, enum plan_table t)
{
	const struct plan_sink *s = dataplane_sink(dataplane);
	uint32_t ifindex = lab_ifindex("lbd0"), none = 0;

	return wanted ? s->put(s->to, t, &ifindex, &none, NULL) : s->del(s->to, t, &ifindex, &none);
}

static bool has_filter(const char *direction, const char *words)
{
	return lab_try("test \"$(tc filter show dev lbd0 %s | grep -c '%s')\" = 1", direction,
		       words);
}

static bool has_qdisc(void)
{
	return lab_try("tc qdisc show dev lbd0 | grep -q clsact");
}

static void the_filter_comes_and_goes_with_its_row(void **state)
{
	uint32_t lbd0 = lab_ifindex("lbd0");

	assert_false(dataplane_filters_now(dataplane, FILTER_VIA, lbd0));
	assert_int_equal(order(true, PLAN_VIA_FILTERS), 0);
	assert_true(has_filter("egress", "lbxdp-via:via,qdisc direct-action"));
	assert_true(dataplane_filters_now(dataplane, FILTER_VIA, lbd0));
	assert_false(dataplane_filters_now(dataplane, FILTER_TPROXY, lbd0));
	assert_int_equal(order(true, PLAN_VIA_FILTERS), 0); /* as the daemon's next life does */
	assert_true(has_filter("egress", "lbxdp-via:via,qdisc direct-action"));
	assert_int_equal(order(false, PLAN_VIA_FILTERS), 0);
	assert_false(has_qdisc());
}

/* Whichever of them goes last takes the qdisc away. */
static void both_filters_of_an_instance_share_its_qdisc(void **state)
{
	for (int first = 0; first < 2; first++) {
		enum plan_table one = first ? PLAN_DIVERTS : PLAN_VIA_FILTERS;
		enum plan_table two = first ? PLAN_VIA_FILTERS : PLAN_DIVERTS;

		assert_int_equal(order(true, PLAN_DIVERTS), 0);
		assert_int_equal(order(true, PLAN_VIA_FILTERS), 0);
		assert_true(has_filter("ingress", "lbxdp-via:tproxy,qdisc direct-action"));
		assert_true(has_filter("egress", "lbxdp-via:via,qdisc direct-action"));
		assert_int_equal(order(false, one), 0);
		assert_true(has_qdisc());
		assert_true(dataplane_filters_now(dataplane, first ? FILTER_VIA : FILTER_TPROXY,
						  lab_ifindex("lbd0")));
		assert_int_equal(order(false, two), 0);
		assert_false(has_qdisc());
	}
}

static void a_qdisc_that_was_there_stays(void **state)
{
	lab_run("tc qdisc add dev lbd0 clsact");
	assert_int_equal(order(true, PLAN_VIA_FILTERS), 0);
	assert_true(has_filter("egress", "lbxdp-via:via direct-action"));
	assert_int_equal(order(false, PLAN_VIA_FILTERS), 0);
	assert_true(has_qdisc());
}

static void what_an_earlier_life_left_is_found_and_removed(void **state)
{
	uint32_t lbd0 = lab_ifindex("lbd0");
	struct plan *actual = plan_new();
	struct buf why = {};

	assert_int_equal(order(true, PLAN_VIA_FILTERS), 0);
	assert_int_equal(dataplane_read_filters(dataplane, actual), 0);
	assert_int_equal(plan_count(actual, PLAN_DIVERTS), 0);
	assert_non_null(plan_find(actual, PLAN_VIA_FILTERS, &lbd0));
	assert_int_equal(dataplane_remove(PIN_DIR, &why), 0); /* whatever version made it */
	assert_false(has_qdisc());
	plan_free(actual);
	buf_free(&why);
}

/* --- its rows */

static const struct ring *no_ring(void *arg, struct ring *r)
{
	return NULL;
}

static const struct acl *no_acl(void *arg, const struct acl *a)
{
	return NULL;
}

static void rows_come_go_and_are_read_back(void **state)
{
	const struct plan_sink *s = dataplane_sink(dataplane);
	const struct dataplane_intern intern = {no_ring, no_acl, NULL};
	const struct lb_via via = via_of("10.9.0.20", "10.9.0.100");
	const uint32_t check = CHECK4;
	struct plan *actual = plan_new();

	assert_int_equal(s->put(s->to, PLAN_VIAS, &check, &via, NULL), 0);
	assert_int_equal(dataplane_read(dataplane, actual, &intern), 0);
	assert_int_equal(plan_count(actual, PLAN_VIAS), 1);
	assert_memory_equal(plan_find(actual, PLAN_VIAS, &check), &via, sizeof(via));
	plan_free(actual);
	assert_int_equal(s->del(s->to, PLAN_VIAS, &check, &via), 0);
	assert_int_equal(s->del(s->to, PLAN_VIAS, &check, &via), 0);
	actual = plan_new();
	assert_int_equal(dataplane_read(dataplane, actual, &intern), 0);
	assert_int_equal(plan_count(actual, PLAN_VIAS), 0);
	plan_free(actual);
}

static void the_probes_memory_is_the_map(void **state)
{
	int fd = dataplane_via_ports(dataplane);
	struct ports *ports = ports_new(fd);
	struct lb_via_port row = {};
	uint32_t index;

	assert_non_null(ports);
	index = ports_take(ports, CHECK4) - LB_VIA_PORT_FIRST;
	assert_int_equal(bpf_map_lookup_elem(fd, &index, &row), 0);
	assert_int_equal(row.check, CHECK4);
	ports_free(ports);
}

/* --- its ports */

static void the_kernel_may_hand_out_the_ports_of_checks(void **state)
{
	static const struct {
		const char *range, *reserved;
		bool apart;
	} cases[] = {
		{"32768 60999", "",                  true },
		{"1024 65535",  "",                  false},
		{"1024 61440",  "",                  false},
		{"1024 65535",  "61440-65535",       true },
		{"1024 65535",  "80,3000-3010",      false},
		{"1024 65535",  "80,60000-65535",    true },
		{"1024 65535",  "61441-65535",       false},
		{"1024 65535",  "61440-65534",       false},
		{"1024 62000",  "61440-62000,65000", true },
	};

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		lab_run("echo %s > /proc/sys/net/ipv4/ip_local_port_range", cases[i].range);
		lab_run("echo '%s' > /proc/sys/net/ipv4/ip_local_reserved_ports",
			cases[i].reserved);
		assert_int_equal(net_ports_apart(LB_VIA_PORT_FIRST, UINT16_MAX), cases[i].apart);
	}
}

#define PROGRAM(name) cmocka_unit_test_setup_teardown(name, load, unload)
#define CASE(name)    cmocka_unit_test_setup_teardown(name, enter_lab, leave_lab)

int main(void)
{
	const struct CMUnitTest tests[] = {
		PROGRAM(a_check_leaves_for_its_vip),
		PROGRAM(every_other_packet_is_let_alone),
		PROGRAM(a_packet_cut_short_is_let_alone),
		CASE(the_filter_comes_and_goes_with_its_row),
		CASE(both_filters_of_an_instance_share_its_qdisc),
		CASE(a_qdisc_that_was_there_stays),
		CASE(what_an_earlier_life_left_is_found_and_removed),
		CASE(rows_come_go_and_are_read_back),
		CASE(the_probes_memory_is_the_map),
		CASE(the_kernel_may_hand_out_the_ports_of_checks),
	};

	lab_enter();
	return cmocka_run_group_tests_name("via (kernel)", tests, NULL, NULL);
}
