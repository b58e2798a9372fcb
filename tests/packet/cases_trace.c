/* SPDX-License-Identifier: GPL-2.0-only */
/* What those who trace are shown: each packet once, as it came, to whom it concerns, and no more
 * than they asked for. The client is 10.77.0.2 or fd77::2. */
#include "cases.h"
#include "world.h"

#include <string.h>

enum { VIEWER = 3, OTHER_VIEWER = 5, OTHER_SERVICE = 2, LIST = 7, PLENTY = 100 };

#define ALL (~0ULL)

static struct frame frame;

static void run(struct spec s)
{
	frame_build(&frame, &s);
	(void)runner_run(&frame);
}

static void put_filter(uint32_t viewer, struct lb_trace_filter f)
{
	f.on = 1;
	tap_equal(runner_put("lbx_trace_filters", &viewer, &f), 0, "filter put");
}

static struct lb_trace_filter filter_of(uint32_t viewer)
{
	struct lb_trace_filter f = {};

	(void)runner_get("lbx_trace_filters", &viewer, &f);
	return f;
}

/* Until so many ticks from now; less than 0: it was over by then. */
static void trace_for(int32_t ticks)
{
	struct lb_settings s = world_settings();

	s.trace = runner_tick() + ticks;
	world_set_settings(&s);
}

/* A world that is traced whole, by one viewer. */
static void begin(void)
{
	const struct lb_trace_filter none = {};
	const uint32_t first = 0;
	struct lb_trace left;

	while (runner_trace(&left))
		;
	world_reset();
	tap_equal(runner_put("lbx_trace_filters", &first, &none), 0, "filter put");
	put_filter(VIEWER, (struct lb_trace_filter){.verdicts = ALL, .left = PLENTY});
	trace_for(PLENTY);
}

static struct lb_trace take(void)
{
	struct lb_trace t = {};

	if (!runner_trace(&t))
		tap_fail("nothing was traced");
	return t;
}

static void take_none(void)
{
	struct lb_trace t;

	if (runner_trace(&t))
		tap_fail("verdict %u was traced", t.verdict);
}

static void expect_address(const struct lb_addr *is, const char *want)
{
	uint8_t bytes[16];

	frame_mapped(bytes, want);
	if (memcmp(is->byte, bytes, sizeof(bytes)))
		tap_fail("not the address %s", want);
}

static void empty_the_ring(void)
{
	world_ring(NULL, 0);
}

static void refuse_all(void)
{
	world_acl(LIST, "0.0.0.0", 0, LB_ACL_DENY);
	world_gate(LIST, false);
}

static void lose_macs(void)
{
	world_real(REAL_A, LB_REAL_USABLE, IFINDEX);
}

static void halt_a(void)
{
	world_establish(false);
	while (runner_trace(&(struct lb_trace){}))
		;
	world_real(REAL_A, LB_REAL_HAS_MAC | LB_REAL_RESET, IFINDEX);
}

/* One packet each; what the record says beside what the packet said. */
/* clang-format off */
static const struct {
	const char *name;
	struct spec spec;
	void (*before)(void);
	enum lb_verdict verdict;
	uint32_t service, real;
} rows[] = {
	{"a new flow", {.flags = SYN}, NULL, LB_FORWARDED, VIP_SERVICE, REAL_A},
	{"by IPv6", {.six = true, .flags = SYN}, NULL, LB_FORWARDED, VIP_SERVICE, REAL_A},
	{"behind tags", {.flags = SYN, .tags = 2}, NULL, LB_FORWARDED, VIP_SERVICE, REAL_A},
	{"a datagram", {.proto = PROTO_UDP}, NULL, LB_FORWARDED, VIP_SERVICE, REAL_A},
	{"a port without service", {.flags = SYN, .dport = 444}, NULL, LB_NOT_OURS},
	{"no real", {.flags = SYN}, empty_the_ring, LB_NO_REAL, VIP_SERVICE},
	{"refused by a list", {.flags = SYN}, refuse_all, LB_ACL, VIP_SERVICE},
	{"no MAC", {.flags = SYN}, lose_macs, LB_NO_NEIGHBOUR, VIP_SERVICE, REAL_A},
	{"reset, shown as it came", {.flags = ACK}, halt_a, LB_RESET, VIP_SERVICE, REAL_A},
	{"a ping, shown as it came",
	 {.proto = PROTO_ICMP4, .type = 8, .payload = 9}, NULL, LB_ECHO_REPLY},
};
/* clang-format on */

static void compare(const struct lb_trace *t, const struct spec *s, size_t len)
{
	bool ported = s->proto != PROTO_ICMP4;

	expect_address(&t->src, s->six ? "fd77::2" : "10.77.0.2");
	expect_address(&t->dst, s->six ? "fd77::100" : "10.77.0.100");
	tap_equal(t->length, len, "length");
	tap_equal(t->ifindex, IFINDEX, "interface");
	tap_equal(t->type, s->six ? 0x86dd : 0x0800, "type");
	tap_equal(t->proto, s->proto ? s->proto : PROTO_TCP, "protocol");
	tap_equal(t->flags, s->flags, "flags");
	tap_equal(t->sport, ported ? 40000 : 0, "source port");
	tap_equal(t->dport, !ported ? 0 : s->dport ? s->dport : 443, "port");
	tap_equal(t->viewers, 1 << VIEWER, "viewers");
}

static void each_verdict_is_told_with_the_packet_as_it_came(void)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct lb_trace t;
		size_t len;

		begin();
		if (rows[i].before)
			rows[i].before();
		tap_about("%s", rows[i].name);
		frame_build(&frame, &rows[i].spec);
		len = frame.len;
		(void)runner_run(&frame);
		t = take();
		tap_equal(t.verdict, rows[i].verdict, "verdict");
		tap_equal(t.service, rows[i].service, "service");
		tap_equal(t.real, rows[i].real, "real");
		compare(&t, &rows[i].spec, len);
		take_none();
	}
}

static void every_packet_of_a_flow_is_told_of(void)
{
	for (int six = 0; six < 2; six++) {
		begin();
		world_establish(six);
		run((struct spec){.six = six, .flags = ACK});
		for (int i = 0; i < 4; i++)
			tap_equal(take().verdict, LB_FORWARDED, "verdict");
		take_none();
	}
}

static void an_address_request_says_who_asks_for_what(void)
{
	struct lb_trace t;

	begin();
	frame.len = 0;
	frame_ethernet(&frame, mac_broadcast, mac_client, 0, 0x0806);
	frame_put32(&frame, 0x00010800);
	frame_put32(&frame, 0x06040001);
	frame_put(&frame, mac_client, 6);
	frame_address(&frame, "10.77.0.2");
	frame_zero(&frame, 6);
	frame_address(&frame, "10.77.0.100");
	(void)runner_run(&frame);
	t = take();
	tap_equal(t.verdict, LB_ARP_REPLY, "verdict");
	tap_equal(t.type, 0x0806, "type");
	expect_address(&t.src, "10.77.0.2");
	expect_address(&t.dst, "10.77.0.100");
}

static void what_is_for_others_is_not_told_of(void)
{
	begin();
	run((struct spec){.flags = SYN, .dst = "10.77.0.101"});
	run((struct spec){.flags = SYN, .dst = "10.77.0.101", .tags = 1});
	run((struct spec){.six = true, .flags = SYN, .dst = "fd77::101", .tags = 2});
	take_none();
}

static struct lb_trace_filter from(const char *client, unsigned ones)
{
	struct lb_trace_filter f = {.verdicts = ALL, .left = PLENTY};

	frame_mapped(f.client.byte, client);
	for (unsigned i = 0; i < ones; i++)
		f.mask.byte[i / 8] |= 0x80 >> i % 8;
	return f;
}

/* A SYN from 10.77.0.2, which is forwarded. */
static void a_filter_lets_through_what_it_names(void)
{
	/* clang-format off */
	const struct {
		const char *name;
		struct lb_trace_filter f;
		bool seen;
	} filters[] = {
		{"its service", {.service = VIP_SERVICE, .verdicts = ALL, .left = 1}, true},
		{"another service", {.service = OTHER_SERVICE, .verdicts = ALL, .left = 1}, false},
		{"its verdict", {.verdicts = 1ULL << LB_FORWARDED, .left = 1}, true},
		{"all others", {.verdicts = ~(1ULL << LB_FORWARDED), .left = 1}, false},
		{"its client", from("10.77.0.2", 128), true},
		{"its neighbour", from("10.77.0.3", 128), false},
		{"both", from("10.77.0.2", 127), true},
		{"its network", from("10.77.0.0", 96 + 24), true},
		{"another network", from("10.78.0.0", 96 + 16), false},
		{"all of IPv4", from("0.0.0.0", 96), true},
		{"IPv6", from("fd77::2", 16), false},
	};
	/* clang-format on */

	for (size_t i = 0; i < sizeof(filters) / sizeof(*filters); i++) {
		tap_about("%s", filters[i].name);
		begin();
		put_filter(VIEWER, filters[i].f);
		run((struct spec){.flags = SYN});
		if (filters[i].seen)
			tap_equal(take().viewers, 1 << VIEWER, "viewers");
		take_none();
		tap_equal(filter_of(VIEWER).missed, 0, "missed");
	}
}

static void two_who_want_it_share_one_record(void)
{
	begin();
	put_filter(OTHER_VIEWER, (struct lb_trace_filter){.verdicts = ALL, .left = PLENTY});
	run((struct spec){.flags = SYN});
	tap_equal(take().viewers, 1 << VIEWER | 1 << OTHER_VIEWER, "viewers");
	take_none();
}

static void nobody_is_shown_more_than_is_left_to_them(void)
{
	begin();
	put_filter(VIEWER, (struct lb_trace_filter){.verdicts = ALL, .left = 2});
	for (int i = 0; i < 5; i++)
		run((struct spec){.flags = SYN});
	(void)take();
	(void)take();
	take_none();
	tap_equal(filter_of(VIEWER).missed, 3, "missed");
	tap_equal(filter_of(VIEWER).left, 0, "left");
}

static void nobody_looks_at_nothing(void)
{
	begin();
	put_filter(VIEWER, (struct lb_trace_filter){.verdicts = ALL, .left = 2});
	trace_for(-(int32_t)runner_tick());
	run((struct spec){.flags = SYN});
	take_none();
	tap_equal(filter_of(VIEWER).missed, 0, "missed");
}

/* The daemon that wanted it is gone. */
static void a_trace_that_nobody_renews_is_switched_off(void)
{
	begin();
	trace_for(-1);
	run((struct spec){.flags = SYN});
	take_none();
	tap_equal(world_settings().trace, 0, "until");
}

void cases_trace(void)
{
	tap_case("trace: each verdict is told, with the packet as it came",
		 each_verdict_is_told_with_the_packet_as_it_came);
	tap_case("trace: every packet of a flow is told of", every_packet_of_a_flow_is_told_of);
	tap_case("trace: an address request says who asks for what",
		 an_address_request_says_who_asks_for_what);
	tap_case("trace: what is for others is not told of", what_is_for_others_is_not_told_of);
	tap_case("trace: a filter lets through what it names", a_filter_lets_through_what_it_names);
	tap_case("trace: two who want it share one record", two_who_want_it_share_one_record);
	tap_case("trace: nobody is shown more than is left to them",
		 nobody_is_shown_more_than_is_left_to_them);
	tap_case("trace: nobody looks at nothing", nobody_looks_at_nothing);
	tap_case("trace: one that nobody renews is switched off",
		 a_trace_that_nobody_renews_is_switched_off);
}
