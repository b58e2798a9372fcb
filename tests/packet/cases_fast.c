/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A SYN in a flood has a short way (bpf/fast_flood.h) once the flood has lasted for longer than
 * half-open flows live. It must end as it does on the long way, with the same real: each case here
 * runs at the beginning of a flood, and late in one.
 */
#include "cases.h"
#include "world.h"

#include <string.h>

#define FLOOD (1 + LB_EVENT_FLOOD)

enum { FLOWS = 24, LIST = 5, FOREVER = 100000 };

static struct frame frame;

static void flood_begins(bool late)
{
	struct lb_service row = world_service();

	row.flood = (struct lb_flood){1000, 500};
	row.flood_until = runner_tick() + FOREVER;
	row.flood_since = runner_tick() - (late ? TICKS_HALF_OPEN + 8 : 0);
	world_set_service(&row);
}

static void nothing(void)
{
}

static void a_table(void)
{
	world_table((uint32_t[]){REAL_B, REAL_A, REAL_A}, 3);
}

static void by_client(void)
{
	world_policy((struct lb_policy){.scheduler = LB_SCHEDULER_RING});
}

static void by_client_and_table(void)
{
	a_table();
	world_policy((struct lb_policy){.scheduler = LB_SCHEDULER_TABLE});
}

static void persistent(void)
{
	world_policy((struct lb_policy){.persist_timeout = 500, .mask4 = 32, .mask6 = 128});
}

static void a_list(enum lb_acl_verdict v)
{
	world_acl(LIST, "0.0.0.0", 0, v);
	world_acl(LIST, "::", 0, v);
	world_gate(LIST, false);
}

static void allowed(void)
{
	a_list(LB_ACL_ALLOW);
}

static void denied(void)
{
	a_list(LB_ACL_DENY);
}

static void for_the_host(void)
{
	a_list(LB_ACL_ALLOW);
	world_gate(LIST, true);
}

static void no_reals(void)
{
	world_ring(NULL, 0);
}

static void reals_without_a_neighbour(void)
{
	world_real(REAL_A, LB_REAL_USABLE, IFINDEX);
	world_real(REAL_B, LB_REAL_USABLE, IFINDEX);
}

static void a_slot_without_a_real(void)
{
	world_ring((uint32_t[]){0}, 1);
	world_real(0, 0, IFINDEX);
}

static void reals_behind_another_interface(void)
{
	uint32_t far = IFINDEX_FAR, device = IFINDEX;

	(void)runner_put("lbx_tx", &far, &device);
	world_real(REAL_A, REAL_GOOD, IFINDEX_FAR);
	world_real(REAL_B, REAL_GOOD, IFINDEX_FAR);
}

static void another_VIP_with_the_bit_of_the_client(void)
{
	world_filter("10.77.0.2");
	world_filter("fd77::2");
}

static void no_MAC_of_ours(void)
{
	uint32_t ifindex = IFINDEX;

	(void)runner_del("lbx_ifaces", &ifindex);
}

/* One-arm: the address of the interface packets come in by is the one they leave with. */
static const uint8_t one_arm[6] = {2, 0, 0, 0, 0x50, IFINDEX};

static void a_single_interface(void)
{
	struct lb_iface iface = {};
	uint32_t ifindex = IFINDEX;

	memcpy(iface.mac, one_arm, sizeof(one_arm));
	(void)runner_put("lbx_ifaces", &ifindex, &iface);
}

static const uint8_t vrrp[6] = {0, 0, 0x5e, 0, 1, 7}, group[6] = {3, 0, 0, 0, 0, 1};

static const struct expect flooded = {.verdict = LB_FORWARDED, .event = FLOOD};

/* clang-format off */
static const struct {
	const char *name;
	void (*world)(void);
	struct spec spec; /* its ports, family and flags are filled in; flags 0: SYN */
	struct expect want;
} cases[] = {
	{"two reals", nothing, {}, {LB_FORWARDED, FLOOD, 0, NULL}},
	{"one interface", a_single_interface, {.dst_mac = one_arm}, {LB_FORWARDED, FLOOD, 0, NULL}},
	{"one interface, to another host", a_single_interface, {}, {LB_NOT_OURS, 0, 0, NULL}},
	{"a table", a_table, {}, {LB_FORWARDED, FLOOD, 0, NULL}},
	{"clients are hashed", by_client, {}, {LB_FORWARDED, FLOOD, 0, NULL}},
	{"clients are hashed over a table", by_client_and_table, {}, {LB_FORWARDED, FLOOD, 0, NULL}},
	{"persistence", persistent, {}, {LB_FORWARDED, FLOOD, 0, NULL}},
	{"a list that allows", allowed, {}, {LB_FORWARDED, FLOOD, 0, NULL}},
	{"a list that refuses", denied, {}, {LB_ACL, 0, 0, NULL}},
	{"a list, and the host takes the rest", for_the_host, {}, {LB_NOT_OURS, 0, 0, NULL}},
	{"no reals", no_reals, {}, {LB_NO_REAL, 0, 0, NULL}},
	{"an empty slot", a_slot_without_a_real, {}, {LB_NO_NEIGHBOUR, FLOOD, 0, NULL}},
	{"no neighbour", reals_without_a_neighbour, {}, {LB_NO_NEIGHBOUR, FLOOD, 0, NULL}},
	{"another interface", reals_behind_another_interface, {}, {LB_FORWARDED, FLOOD, 0, NULL}},
	{"a filter that errs", another_VIP_with_the_bit_of_the_client, {}, {LB_FORWARDED, FLOOD, 0, NULL}},
	{"no MAC of ours is known", no_MAC_of_ours, {.dst_mac = mac_other}, {LB_FORWARDED, FLOOD, 0, NULL}},
	{"to another host", nothing, {.dst_mac = mac_other}, {LB_NOT_OURS, 0, 0, NULL}},
	{"to a router's MAC", nothing, {.dst_mac = vrrp}, {LB_FORWARDED, FLOOD, 0, NULL}},
	{"to a group", nothing, {.dst_mac = group}, {LB_NOT_OURS, 0, 0, NULL}},
	{"to a port of no service", nothing, {.dport = 444}, {LB_NOT_OURS, 0, 0, NULL}},
	{"tagged", nothing, {.tags = 1}, {LB_FORWARDED, FLOOD, 0, NULL}},
	{"tagged twice", nothing, {.tags = 2}, {LB_FORWARDED, FLOOD, 0, NULL}},
	{"with options", nothing, {.options = 8, .tcp_options = 20}, {LB_FORWARDED, FLOOD, 0, NULL}},
	{"with data", nothing, {.payload = 400}, {LB_FORWARDED, FLOOD, 0, NULL}},
	{"that asks for ECN", nothing, {.flags = SYN | ECE | CWR}, {LB_FORWARDED, FLOOD, 0, NULL}},
	{"with ACK", nothing, {.flags = SYN | ACK}, {LB_FORWARDED, 1 + LB_EVENT_FLOW_MISS, 0, NULL}},
	{"with FIN", nothing, {.flags = SYN | FIN}, {LB_FORWARDED, 1 + LB_EVENT_FLOW_MISS, 0, NULL}},
	{"with RST", nothing, {.flags = SYN | RST}, {LB_FORWARDED, 1 + LB_EVENT_FLOW_MISS, 0, NULL}},
};
/* clang-format on */

static uint64_t flood_packets(void)
{
	uint32_t service = VIP_SERVICE;
	uint64_t count = 0;

	(void)runner_get("lbx_floods", &service, &count);
	return count;
}

/* Runs the case's flows; their reals go to took. */
static void run_case(size_t c, bool six, bool late, uint32_t took[FLOWS])
{
	struct spec s = cases[c].spec;

	s.six = six;
	s.flags = s.flags ? s.flags : SYN;
	world_reset();
	cases[c].world();
	flood_begins(late);
	tap_about("%s, IPv%d, %s", cases[c].name, six ? 6 : 4, late ? "late" : "early");
	for (uint16_t i = 0; i < FLOWS; i++) {
		s.sport = 1000 + 7 * i;
		frame_build(&frame, &s);
		world_run(&frame, cases[c].want, &took[i]);
	}
	tap_equal(world_entries("lbx_half4") + world_entries("lbx_half6"), 0, "half-open flows");
	tap_equal(flood_packets(), cases[c].want.event == FLOOD ? FLOWS : 0, "packets counted");
}

/* What a service counted, but for when. */
static struct lb_service counted(void)
{
	struct lb_service row = world_service();

	row.flood_until = row.flood_since = 0;
	row.new_flows = (__u32)row.new_flows;
	return row;
}

static void the_short_way_ends_as_the_long_one(void)
{
	for (size_t i = 0; i < 2 * sizeof(cases) / sizeof(*cases); i++) {
		uint32_t took[2][FLOWS] = {};
		struct lb_service row[2];

		for (int late = 0; late < 2; late++) {
			run_case(i / 2, i & 1, late, took[late]);
			row[late] = counted();
		}
		if (memcmp(took[0], took[1], sizeof(took[0])))
			tap_fail("other reals than early in the flood");
		/* A window may have ended meanwhile. */
		row[0].new_flows = row[1].new_flows = 0;
		if (memcmp(&row[0], &row[1], sizeof(row[0])))
			tap_fail("the service's row is another one");
	}
}

/* In either half of a case the tick may change. */
static bool counts(bool late, uint32_t before, struct lb_service *row)
{
	uint32_t now = runner_tick();

	flood_begins(late);
	*row = world_service();
	row->flood_until = now + 1;
	row->new_flows = (__u64)(now >> LB_FLOOD_WINDOW_SHIFT) << 32 | before;
	world_set_service(row);
	frame_build(&frame, &(struct spec){.flags = SYN});
	(void)runner_run(&frame);
	*row = world_service();
	row->flood_until -= now;
	return runner_tick() == now;
}

static void the_short_way_keeps_the_mode_up(void)
{
	for (int late = 0; late < 2; late++) {
		struct lb_service row;

		world_reset();
		tap_about(late ? "late" : "early");
		while (!counts(late, 400, &row))
			;
		tap_equal((__u32)row.new_flows, 401, "new flows in the window");
		tap_equal(row.flood_until, 1, "ticks until it ends");
		while (!counts(late, 500, &row))
			;
		tap_equal(row.flood_until, 2 << LB_FLOOD_WINDOW_SHIFT, "ticks until it ends");
	}
}

/* By the source, which a spec of the table would name for one family only. */
static void the_short_way_knows_where_nobody_comes_from(void)
{
	static const char *const bad[] = {
		"0.1.2.3", "127.0.0.1", "224.0.0.1",       "255.255.255.255", "10.77.0.100",
		"::",      "::1",       "::ffff:10.9.9.9", "ff02::1",         "fd77::100"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		world_reset();
		flood_begins(true);
		tap_about("%s", bad[i]);
		frame_build(
			&frame,
			&(struct spec){.six = strchr(bad[i], ':'), .src = bad[i], .flags = SYN});
		world_run(&frame, (struct expect){.verdict = LB_BAD_SOURCE}, NULL);
	}
}

/* A SYN of a flow that runs goes where the flow does; one of a flow that ended begins another. */
static void the_short_way_is_for_unknown_flows(void)
{
	for (int six = 0; six < 2; six++)
		for (uint16_t i = 0; i < FLOWS; i++) {
			const struct spec syn = {.six = six, .flags = SYN, .sport = 40000};
			uint32_t none = 0;

			world_reset();
			world_establish(six);
			world_ring((uint32_t[]){REAL_B}, 1);
			flood_begins(true);
			tap_about("IPv%d", six ? 6 : 4);
			frame_build(&frame, &syn);
			world_run(&frame, (struct expect){LB_FORWARDED, 0, REAL_A, NULL}, NULL);
			world_age(TICKS_ESTABLISHED + 1);
			frame_build(&frame, &syn);
			world_run(&frame, (struct expect){LB_FORWARDED, FLOOD, REAL_B, NULL}, NULL);
			tap_equal(world_entries(six ? "lbx_flows6" : "lbx_flows4"), none, "flows");
		}
}

/* Who gets a datagram's fragments is known by the first of them. */
static void the_short_way_takes_no_first_fragment(void)
{
	world_reset();
	flood_begins(true);
	frame_build(&frame, &(struct spec){.flags = SYN, .payload = 60});
	frame_set16(&frame, frame.l3 + 6, 0x2000);
	frame_set16(&frame, frame.l3 + 10, 0);
	world_run(&frame, flooded, NULL);
	tap_equal(world_entries("lbx_fragments"), 1, "datagrams");
}

/* What is translated goes the long way. */
static void the_short_way_translates_nothing(void)
{
	static const uint8_t mac[6] = {2, 0, 0, 0, 0, 0xa1}, from[6] = {2, 0, 0, 0, 0x50, IFINDEX};
	static struct frame want;

	world_reset();
	world_nat_real(REAL_A, "10.88.0.1", 0, false);
	world_ring((uint32_t[]){REAL_A}, 1);
	flood_begins(true);
	frame_build(&frame, &(struct spec){.flags = SYN});
	frame_build(&want, &(struct spec){.flags = SYN,
					  .dst = "10.88.0.1",
					  .ttl = 63,
					  .dst_mac = mac,
					  .src_mac = from});
	world_run(&frame, (struct expect){LB_FORWARDED, FLOOD, REAL_A, &want}, NULL);
}

void cases_fast(void)
{
	tap_case("flood, the short way: it ends as the long one",
		 the_short_way_ends_as_the_long_one);
	tap_case("flood, the short way: it keeps the mode up", the_short_way_keeps_the_mode_up);
	tap_case("flood, the short way: it knows where nobody comes from",
		 the_short_way_knows_where_nobody_comes_from);
	tap_case("flood, the short way: it is for unknown flows",
		 the_short_way_is_for_unknown_flows);
	tap_case("flood, the short way: it takes no first fragment",
		 the_short_way_takes_no_first_fragment);
	tap_case("flood, the short way: it translates nothing", the_short_way_translates_nothing);
}
