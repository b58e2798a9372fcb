/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ns a packet, by BPF_PROG_TEST_RUN: lbxdp beside a reference program, turn by turn in one process.
 * Thread CPU time. The generator's cost is measured in each round and subtracted; the test loop's
 * is in every row. Prints rows for report.py: label, min, median, max, ratio to the reference.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench.skel.h"
#include "frame.h"
#include "lbxdp.skel.h"

#include "lbxdp/abi.h"
#include "lbxdp/vip_filter.h"

enum {
	ROUNDS_MAX = 101,
	FLOWS = 131072,
	FLOWS_MANY = 65536,
	WORDS = 10,
	FRAME_BYTES = 96,
	SERVICE = 1,
	FLOODED = 2,    /* a service in flood mode */
	TRANSLATED = 3, /* likewise, with l4-nat */
	TRANSLATED_SLOT = 512,
	RING = 251,
	REAL = 1,
	REAL_NAT = 2,
	LOOPBACK = 1,
	TIMEOUT = 1 << 20, /* ticks */
};

enum target { NOTHING_ALONE, NOTHING, REFERENCE, INSERT, LBXDP };
enum kind { TCP4, TCP6, ARP };

/* clang-format off */
/* Rows whose reference is that with as many flows. */
static const struct row {
	const char *name;
	enum target target;
	enum kind kind;
	uint32_t mask; /* flows - 1 */
	const char *src, *dst;
	uint8_t flags;
	int reference; /* row to divide by; -1: none */
	int verdict; /* XDP action that shows the row measures what it says; -1: any */
	double limit; /* what the median of the ratio may be; 0: no claim is made */
} rows[] = {
	{"XDP_TX at once", NOTHING_ALONE, TCP4, 0, NULL, NULL, ACK, -1, XDP_TX, 0},
	{"generator and XDP_TX", NOTHING, TCP4, 0, NULL, NULL, ACK, -1, XDP_TX, 0},
	{"reference, 1 flow", REFERENCE, TCP4, 0, NULL, NULL, ACK, 2, XDP_TX, 0},
	{"reference, 65,536 flows", REFERENCE, TCP4, FLOWS_MANY - 1, NULL, NULL, ACK, 3, XDP_TX, 0},
	{"lbxdp IPv4 established, 1 flow", LBXDP, TCP4, 0, NULL, NULL, ACK, 2, XDP_TX, 1.5},
	{"lbxdp IPv4 established, 65,536", LBXDP, TCP4, FLOWS_MANY - 1, NULL, NULL, ACK, 3, XDP_TX, 1.3},
	{"lbxdp IPv6 established, 1 flow", LBXDP, TCP6, 0, NULL, NULL, ACK, 2, XDP_TX, 1.5},
	{"lbxdp IPv6 established, 65,536", LBXDP, TCP6, FLOWS_MANY - 1, NULL, NULL, ACK, 3, XDP_TX, 1.5},
	{"lbxdp not for a VIP", LBXDP, TCP4, 0, NULL, "10.77.9.9", ACK, 2, XDP_PASS, 0},
	{"lbxdp not for a VIP, IPv6", LBXDP, TCP6, 0, NULL, "fd77::999", ACK, 2, XDP_PASS, 0},
	{"reference and an LRU insert", INSERT, TCP4, 0xffffff, "11.0.0.0", NULL, SYN, 2, XDP_TX, 0},
	{"lbxdp new flow (SYN)", LBXDP, TCP4, 0xffffff, "11.0.0.0", NULL, SYN, 10, XDP_TX, 1.3},
	{"lbxdp flood, 1 source", LBXDP, TCP4, 0, "12.0.0.0", "10.77.0.101", SYN, 2, XDP_TX, 2.2},
	{"lbxdp flood, 65,536 sources", LBXDP, TCP4, FLOWS_MANY - 1, "12.0.0.0", "10.77.0.101", SYN, 3, XDP_TX, 2.2},
	{"lbxdp flood, IPv6, 1 source", LBXDP, TCP6, 0, NULL, "fd77::101", SYN, 2, XDP_TX, 0},
	{"lbxdp flood, IPv6, 65,536", LBXDP, TCP6, FLOWS_MANY - 1, NULL, "fd77::101", SYN, 3, XDP_TX, 0},
	{"lbxdp flood, l4-nat, 1 source", LBXDP, TCP4, 0, "12.0.0.0", "10.77.0.102", SYN, 2, XDP_TX, 0},
	{"lbxdp flood, l4-nat, 16 million", LBXDP, TCP4, 0xffffff, "12.0.0.0", "10.77.0.102", SYN, 2, XDP_TX, 0},
	{"lbxdp unknown flow (ACK)", LBXDP, TCP4, 0xffffff, "13.0.0.0", NULL, ACK, 2, XDP_TX, 0},
	{"lbxdp ARP flood", LBXDP, ARP, 0, NULL, NULL, 0, 2, -1, 0},
};
/* clang-format on */

enum { ROWS = sizeof(rows) / sizeof(*rows) };

static struct bench_bpf *bench;
static struct lbxdp_bpf *lbxdp;
static double ns[ROWS][ROUNDS_MAX];

static void must(int err, const char *what)
{
	if (err) {
		fprintf(stderr, "%s: %s\n", what, strerror(err < 0 ? -err : errno));
		exit(1);
	}
}

static void put(struct bpf_map *m, const void *key, const void *value)
{
	must(bpf_map_update_elem(bpf_map__fd(m), key, value, BPF_ANY), bpf_map__name(m));
}

static void load(void)
{
	bench = bench_bpf__open_and_load();
	must(!bench, "load the reference");
	lbxdp = lbxdp_bpf__open();
	must(!lbxdp, "open lbxdp");
	bpf_map__set_max_entries(lbxdp->maps.lbx_flows4, FLOWS);
	bpf_map__set_max_entries(lbxdp->maps.lbx_flows6, FLOWS);
	must(lbxdp_bpf__load(lbxdp), "load lbxdp");
}

static void add_vip(const char *address, uint32_t service)
{
	struct lb_endpoint endpoint = {.port = 443, .proto = PROTO_TCP};
	struct lb_vip vip = {.active = 1};
	uint32_t word[4], bit, index;
	uint64_t bits = 0;

	frame_mapped(endpoint.vip.byte, address);
	memcpy(word, endpoint.vip.byte, sizeof(word));
	put(lbxdp->maps.lbx_vips, &endpoint.vip, &vip);
	put(lbxdp->maps.lbx_endpoints, &endpoint, &service);
	bit = lb_vip_filter_bit(word);
	index = bit / 64;
	must(bpf_map_lookup_elem(bpf_map__fd(lbxdp->maps.lbx_vip_filter), &index, &bits),
	     "lbx_vip_filter");
	bits |= 1ULL << bit % 64;
	put(lbxdp->maps.lbx_vip_filter, &index, &bits);
}

static uint32_t tick(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
	return (t.tv_sec * 1000000000ULL + t.tv_nsec) >> LB_TICK_SHIFT;
}

static void fill(void)
{
	struct lb_settings settings = {
		.flows_high = FLOWS,
		.flows_low = FLOWS,
		.timeout = {TIMEOUT, TIMEOUT, TIMEOUT, TIMEOUT, TIMEOUT}
        };
	struct lb_real real = {
		.mac = {2, 0, 0, 0, 0, 0xa1},
		.flags = LB_REAL_USABLE | LB_REAL_HAS_MAC,
		.source_mac = {2, 0, 0, 0, 0, 1   },
		.ifindex = LOOPBACK,
		.service = SERVICE
        };
	struct lb_service service = {
		.ring = {.first = 0, .count = RING}
        };
	struct lb_iface iface = {
		.mac = {2, 0, 0, 0, 0, 1}
        };
	struct lb_slots slots = {
		.real = {1, 1}
        };
	uint32_t zero = 0, one = 1, nat = REAL_NAT;

	put(lbxdp->maps.lbx_settings, &zero, &settings);
	put(lbxdp->maps.lbx_reals, &one, &real);
	real.flags |= LB_REAL_NAT;
	real.port = 8080;
	frame_mapped(real.ip.byte, "10.88.0.2");
	put(lbxdp->maps.lbx_reals, &nat, &real);
	for (uint32_t i = 0; i < RING / 2 + 1; i++)
		put(lbxdp->maps.lbx_slots, &i, &slots);
	slots = (struct lb_slots){
		{REAL_NAT, REAL_NAT}
        };
	for (uint32_t i = 0; i < RING / 2 + 1; i++) {
		uint32_t row = TRANSLATED_SLOT / 2 + i;

		put(lbxdp->maps.lbx_slots, &row, &slots);
	}
	put(lbxdp->maps.lbx_services, &one, &service);
	put(lbxdp->maps.lbx_ifaces, &one, &iface);
	add_vip("10.77.0.100", SERVICE);
	add_vip("fd77::100", SERVICE);
	add_vip("10.77.0.101", FLOODED);
	add_vip("fd77::101", FLOODED);
	add_vip("10.77.0.102", TRANSLATED);
}

static void arp(struct frame *f)
{
	f->len = 0;
	frame_ethernet(f, mac_broadcast, mac_client, 0, 0x0806);
	frame_put32(f, 0x00010800);
	frame_put32(f, 0x06040001);
	frame_put(f, mac_client, 6);
	frame_address(f, "10.77.0.2");
	frame_zero(f, 6);
	frame_address(f, "10.77.0.100");
	frame_zero(f, FRAME_BYTES - f->len);
}

/* A service in a flood that has lasted for long. */
static void flood(void)
{
	struct lb_service service = {
		.ring = {.first = 0, .count = RING},
		.flood = {1,          1            },
		.flood_until = tick() + 100,
		.flood_since = tick() - TIMEOUT - 1,
	};
	uint32_t id = FLOODED;

	put(lbxdp->maps.lbx_services, &id, &service);
	id = TRANSLATED;
	service.ring.first = TRANSLATED_SLOT;
	put(lbxdp->maps.lbx_services, &id, &service);
}

/* Only while there are such reals does anybody ask for their replies. */
static void translate(bool any)
{
	struct lb_settings s;
	uint32_t zero = 0;

	must(bpf_map_lookup_elem(bpf_map__fd(lbxdp->maps.lbx_settings), &zero, &s), "lbx_settings");
	s.nat = any;
	put(lbxdp->maps.lbx_settings, &zero, &s);
}

/* The generator's template: see bench.bpf.c. */
static void prepare(const struct row *r)
{
	static struct frame f;
	bool six = r->kind == TCP6;
	struct spec s = {.six = six,
			 .flags = r->flags,
			 .dst = r->dst,
			 .src = r->src ? r->src
				: six  ? "fd77::10"
				       : "10.0.0.0",
			 .payload = six ? 22 : 42};

	flood();
	translate(r->dst && !strcmp(r->dst, "10.77.0.102"));
	if (r->kind == ARP)
		arp(&f);
	else
		frame_build(&f, &s);
	memset(&bench->bss->bench_frame, 0, sizeof(bench->bss->bench_frame));
	memcpy(&bench->bss->bench_frame.head, f.byte, six ? 6 : 2);
	memcpy(bench->bss->bench_frame.word, f.byte + (six ? 6 : 2), 8 * WORDS);
	bench->bss->bench_frame.vary[3] = (uint64_t)r->mask << 8;
	bench->bss->bench_frame.six = six;
	bench->bss->bench_frame.flows_mask = r->mask;
}

static int program_of(enum target t)
{
	switch (t) {
	case LBXDP:
		return bpf_program__fd(lbxdp->progs.lbxdp);
	case INSERT:
		return bpf_program__fd(bench->progs.reference_insert);
	case REFERENCE:
		return bpf_program__fd(bench->progs.reference);
	default:
		return bpf_program__fd(bench->progs.nothing);
	}
}

static double cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return t.tv_sec * 1e9 + t.tv_nsec;
}

static double measure(const struct row *r, uint32_t repeat)
{
	uint8_t frame[FRAME_BYTES] = {};
	uint32_t zero = 0;
	int fd = program_of(r->target);
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = sizeof(frame),
		    .repeat = repeat);
	double start;

	if (r->target != NOTHING_ALONE) {
		put(bench->maps.bench_target, &zero, &fd);
		fd = bpf_program__fd(bench->progs.generator);
	}
	start = cpu_ns();
	must(bpf_prog_test_run_opts(fd, &opts), r->name);
	start = cpu_ns() - start;
	if (r->verdict >= 0 && (int)opts.retval != r->verdict) {
		fprintf(stderr, "%s: XDP action %u, not %d\n", r->name, opts.retval, r->verdict);
		exit(1);
	}
	return start / repeat;
}

/* The established flows of a row, as the generator will make them. */
static void establish(const struct row *r)
{
	struct lb_flow flow = {.real = REAL, .service = SERVICE, .state = LB_FLOW_ESTABLISHED};
	const __u64 *word = bench->bss->bench_frame.word;

	prepare(r);
	flow.seen = tick();
	for (uint64_t i = 0; i <= r->mask; i++) {
		__u64 varied = word[3] ^ i << 8;
		struct lb_flow4 four = {.dport = 443, .sport = 40000, .proto = PROTO_TCP};
		struct lb_flow6 six = {.dport = 443, .sport = 40000, .proto = PROTO_TCP};

		if (r->kind == TCP6) {
			memcpy(six.src, &word[2], 8);
			memcpy(six.src + 8, &varied, 8);
			memcpy(six.dst, &word[4], 16);
			put(lbxdp->maps.lbx_flows6, &six, &flow);
			continue;
		}
		memcpy(&four, &varied, 8);
		put(lbxdp->maps.lbx_flows4, &four, &flow);
		put(bench->maps.bench_flows, &four, &flow);
	}
}

static void run(unsigned rounds, uint32_t repeat)
{
	for (unsigned i = 0; i < ROWS; i++)
		if (rows[i].mask == FLOWS_MANY - 1 && rows[i].flags == ACK)
			establish(&rows[i]);
	for (unsigned round = 0; round <= rounds; round++) {
		for (unsigned i = 0; i < ROWS; i++) {
			prepare(&rows[i]);
			bench->bss->bench_frame.next = round * repeat;
			/* round 0 warms up */
			ns[i][round ? round - 1 : 0] = measure(&rows[i], repeat);
		}
	}
	for (unsigned i = 2; i < ROWS; i++)
		for (unsigned round = 0; round < rounds; round++)
			ns[i][round] -= ns[1][round] - ns[0][round];
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *values, unsigned count)
{
	qsort(values, count, sizeof(*values), by_value);
	return values[count / 2];
}

static void print(unsigned rounds)
{
	static double ratio[ROWS][ROUNDS_MAX];

	for (unsigned i = 0; i < ROWS; i++)
		for (unsigned round = 0; round < rounds && rows[i].reference >= 0; round++)
			ratio[i][round] = ns[i][round] / ns[rows[i].reference][round];
	for (unsigned i = 0; i < ROWS; i++) {
		double middle = median(ns[i], rounds);

		printf("%s\t%.1f\t%.1f\t%.1f\t", rows[i].name, ns[i][0], middle, ns[i][rounds - 1]);
		if (rows[i].reference >= 0)
			printf("%.2f", median(ratio[i], rounds));
		printf("\t");
		if (rows[i].limit)
			printf("%.1f", rows[i].limit);
		printf("\n");
	}
}

/* bench [ROUNDS [PACKETS]] */
int main(int argc, char **argv)
{
	unsigned rounds = argc > 1 ? atoi(argv[1]) : 15;
	uint32_t repeat = argc > 2 ? atoi(argv[2]) : 500000;

	if (!rounds || rounds > ROUNDS_MAX || !repeat)
		return fprintf(stderr, "usage: %s [ROUNDS [PACKETS]]\n", argv[0]), 2;
	load();
	fill();
	run(rounds, repeat);
	print(rounds);
	return 0;
}
