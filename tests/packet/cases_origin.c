/* SPDX-License-Identifier: GPL-2.0-only */
/* Where new flows may not come from (F6), and how many questions are answered (F8). */
#include "cases.h"
#include "world.h"

#include <linux/bpf.h>
#include <string.h>

static struct frame frame;

static const struct expect forwarded = {.verdict = LB_FORWARDED};

static const struct {
	const char *src;
	bool bad;
} sources[] = {
	{"0.0.0.0",         true },
	{"0.1.2.3",         true },
	{"127.0.0.1",       true },
	{"127.255.255.255", true },
	{"224.0.0.1",       true },
	{"239.1.2.3",       true },
	{"240.0.0.1",       true },
	{"255.255.255.255", true },
	{"10.77.0.100",     true }, /* the VIP */
	{"1.0.0.1",         false},
	{"126.255.255.255", false},
	{"128.0.0.1",       false},
	{"223.255.255.254", false},
	{"10.77.0.101",     false},
	{"::",              true },
	{"::1",             true },
	{"::10.77.0.2",     true },
	{"::ffff:10.9.9.9", true },
	{"ff02::1",         true },
	{"ff0e::1",         true },
	{"fd77::100",       true }, /* the VIP */
	{"::1:0:0",         false},
	{"0:0:0:1::1",      false},
	{"fe80::1",         false},
	{"fd77::101",       false},
	{"2001:db8::ffff",  false},
};

/* A SYN, the middle of a flow, a datagram. */
static const struct {
	uint8_t proto, flags;
	int event;
} ways[] = {
	{0,         SYN, 0		     },
	{0,         ACK, 1 + LB_EVENT_FLOW_MISS},
	{PROTO_UDP, 0,   0                     },
};

static void a_source_that_no_host_has_is_dropped(void)
{
	for (size_t i = 0; i < sizeof(sources) / sizeof(*sources); i++)
		for (unsigned way = 0; way < 3; way++) {
			struct spec s = {.six = strchr(sources[i].src, ':'),
					 .src = sources[i].src,
					 .proto = ways[way].proto,
					 .flags = ways[way].flags,
					 .tags = way};
			struct expect good = {.verdict = LB_FORWARDED, .event = ways[way].event};

			world_reset();
			frame_build(&frame, &s);
			tap_about("%s, way %u", s.src, way);
			world_run(&frame,
				  sources[i].bad ? (struct expect){.verdict = LB_BAD_SOURCE} : good,
				  NULL);
			if (sources[i].bad)
				tap_equal(world_entries("lbx_half4") + world_entries("lbx_half6"),
					  0, "entries");
		}
}

/* The host's own connections to a VIP of layer 7. */
static void what_is_left_to_the_host_is_not_judged(void)
{
	static const uint8_t vip[16] = {[10] = 0xff, 0xff, 10, 77, 0, 100};
	struct lb_acl_key key = {.prefix = LB_ACL_LIST_BITS, .list = 9};
	uint32_t allow = LB_ACL_ALLOW;

	world_reset();
	(void)runner_put("lbx_acl", &key, &allow);
	memcpy(key.addr.byte, vip, 16);
	key.prefix = LB_ACL_LIST_BITS + 96;
	(void)runner_put("lbx_acl", &key, &allow);
	world_gate(9, true);
	frame_build(&frame, &(struct spec){.flags = SYN, .src = "10.77.0.100"});
	world_run(&frame, (struct expect){.verdict = LB_NOT_OURS}, NULL);
}

static const uint8_t vrrp4[6] = {0, 0, 0x5e, 0, 1, 7}, vrrp6[6] = {0, 0, 0x5e, 0, 2, 7},
		     vrrp_other[6] = {0, 0, 0x5e, 0, 3, 7};

static const struct {
	const uint8_t *mac;
	bool ours;
} macs[] = {
	{mac_ours,   true },
        {mac_other,  false},
        {vrrp4,      true },
        {vrrp6,      true },
        {vrrp_other, false}
};

static void a_frame_for_another_host_begins_no_flow(void)
{
	for (size_t i = 0; i < sizeof(macs) / sizeof(*macs); i++)
		for (unsigned way = 0; way < 6; way++) {
			struct spec s = {.six = way >= 3,
					 .dst_mac = macs[i].mac,
					 .proto = ways[way % 3].proto,
					 .flags = ways[way % 3].flags};
			struct expect good = {.verdict = LB_FORWARDED,
					      .event = ways[way % 3].event};

			world_reset();
			frame_build(&frame, &s);
			tap_about("MAC %zu, way %u", i, way);
			world_run(&frame,
				  macs[i].ours ? good : (struct expect){.verdict = LB_NOT_OURS},
				  NULL);
			if (!macs[i].ours)
				tap_equal(world_entries(way < 3 ? "lbx_half4" : "lbx_half6"), 0,
					  "half-open flows");
		}
}

/* The packet after so many of a flow; of TCP the first is its SYN. */
static const struct {
	uint8_t proto, flags;
	unsigned packets;
} running[] = {
	{0,         SYN,       1},
        {0,         ACK,       1},
        {0,         ACK,       2},
        {0,         ACK,       3},
        {0,         FIN | ACK, 3},
	{0,         RST,       3},
        {0,         SYN,       3},
        {PROTO_UDP, 0,         1},
        {PROTO_UDP, 0,         2},
};

static struct lb_flow the_flow(const char *map)
{
	struct lb_flow f = {};
	uint8_t key[64];

	if (!runner_next(map, NULL, key))
		(void)runner_get(map, key, &f);
	return f;
}

/* A switch that floods, or somebody who listens, gives us frames of which another host has its own:
 * sent on, they would be there twice. */
static void a_frame_for_another_host_changes_no_flow(void)
{
	static const char *const maps[] = {"lbx_half4", "lbx_half6", "lbx_flows4", "lbx_flows6"};

	for (size_t i = 0; i < 2 * sizeof(running) / sizeof(*running); i++) {
		struct spec s = {.six = i & 1, .proto = running[i / 2].proto};
		struct lb_flow was[4], is[4];

		world_reset();
		for (unsigned k = 0; k < running[i / 2].packets; k++) {
			s.flags = s.proto ? 0 : k ? ACK : SYN;
			frame_build(&frame, &s);
			world_run(&frame, forwarded, NULL);
		}
		world_age(5);
		for (int m = 0; m < 4; m++)
			was[m] = the_flow(maps[m]);
		s.flags = running[i / 2].flags;
		for (int group = 0; group < 2; group++) {
			s.dst_mac = group ? mac_broadcast : mac_other;
			frame_build(&frame, &s);
			tap_about("row %zu, IPv%d, %s", i / 2, s.six ? 6 : 4,
				  group ? "broadcast" : "another host");
			world_run(&frame, (struct expect){.verdict = LB_NOT_OURS}, NULL);
		}
		for (int m = 0; m < 4; m++)
			is[m] = the_flow(maps[m]);
		if (memcmp(was, is, sizeof(was)))
			tap_fail("the flow changed");
		s.dst_mac = mac_ours;
		frame_build(&frame, &s);
		world_run(&frame, forwarded, NULL);
	}
}

/* Then our address there is not the one that frames come to. */
static void a_real_behind_another_interface_takes_no_frame_for_another_host(void)
{
	uint32_t ifindex = IFINDEX_FAR;

	for (int six = 0; six < 2; six++) {
		static const uint8_t *const known[] = {mac_ours, vrrp4, vrrp6};
		struct spec s = {.six = six, .flags = ACK};

		world_reset();
		(void)runner_put("lbx_tx", &ifindex, &(uint32_t){IFINDEX});
		world_real(REAL_A, REAL_GOOD, IFINDEX_FAR);
		world_establish(six);
		for (int i = 0; i < 3; i++) {
			s.dst_mac = known[i];
			frame_build(&frame, &s);
			tap_about("IPv%d, MAC %d", six ? 6 : 4, i);
			world_run(&frame, (struct expect){.verdict = LB_FORWARDED, .real = REAL_A},
				  NULL);
		}
		s.dst_mac = mac_other;
		frame_build(&frame, &s);
		world_run(&frame, (struct expect){.verdict = LB_NOT_OURS}, NULL);
	}
}

/* One-arm: the address that packets leave with is the one they come to. */
static void the_address_of_the_only_interface_is_ours(void)
{
	static const uint8_t one_arm[6] = {2, 0, 0, 0, 0x50, IFINDEX};
	uint32_t ifindex = IFINDEX;

	for (int six = 0; six < 2; six++) {
		struct lb_iface iface = {};

		world_reset();
		world_establish(six);
		memcpy(iface.mac, one_arm, sizeof(one_arm));
		(void)runner_put("lbx_ifaces", &ifindex, &iface);
		frame_build(&frame, &(struct spec){.six = six, .flags = ACK, .dst_mac = one_arm});
		world_run(&frame, forwarded, NULL);
		frame_build(&frame, &(struct spec){.six = six, .flags = ACK, .dst_mac = mac_ours});
		world_run(&frame, (struct expect){.verdict = LB_NOT_OURS}, NULL);
	}
}

static void a_fragment_for_another_host_is_none_of_ours(void)
{
	static const uint8_t last[] = {PROTO_UDP, 0, 0, 8, 0, 0, 0, 9};
	struct spec s = {.six = true,
			 .proto = PROTO_UDP,
			 .payload = 16,
			 .chain = last,
			 .chain_len = sizeof(last),
			 .first = 44,
			 .dst_mac = mac_other};

	world_reset();
	frame_build(&frame, &s);
	world_run(&frame, (struct expect){.verdict = LB_NOT_OURS}, NULL);
	s.dst_mac = mac_ours;
	frame_build(&frame, &s);
	world_run(&frame, (struct expect){.verdict = LB_FRAGMENT}, NULL);
}

static void an_interface_without_a_row_takes_every_MAC(void)
{
	uint32_t ifindex = IFINDEX;

	world_reset();
	(void)runner_del("lbx_ifaces", &ifindex);
	for (int i = 0; i < 4; i++) {
		frame_build(&frame, &(struct spec){.flags = i ? ACK : SYN, .dst_mac = mac_other});
		world_run(&frame, forwarded, NULL);
	}
	frame_build(&frame, &(struct spec){.flags = ACK, .dst_mac = mac_broadcast});
	world_run(&frame, (struct expect){.verdict = LB_NOT_OURS}, NULL);
}

static void question(bool six)
{
	if (six) {
		frame_build(&frame, &(struct spec){
					    .six = true,
					    .dst = "ff02::1:ff00:100",
					    .dst_mac = (const uint8_t[]){0x33, 0x33, 0xff, 0, 1, 0},
					    .proto = PROTO_ICMP6,
					    .type = 135,
					    .ttl = 255,
					    .payload = 16
                });
		frame_mapped(frame.byte + frame.l4 + 8, "fd77::100");
		frame_checksum6(&frame, frame.l4 + 2, PROTO_ICMP6);
		return;
	}
	frame.len = 0;
	frame_ethernet(&frame, mac_broadcast, mac_client, 0, 0x0806);
	frame_put32(&frame, 0x00010800);
	frame_put32(&frame, 0x06040001);
	frame_put(&frame, mac_client, 6);
	frame_address(&frame, "10.77.0.2");
	frame_zero(&frame, 6);
	frame_address(&frame, "10.77.0.100");
}

/* What becomes of a question after so many in this tick; a tick that passes meanwhile is no
 * answer. */
static int ask(bool six, uint32_t answered)
{
	uint32_t ifindex = IFINDEX, now;
	struct lb_iface iface = {};
	int action;

	do {
		now = runner_tick();
		memcpy(iface.mac, mac_ours, 6);
		iface.answers = (uint64_t)now << 32 | answered;
		(void)runner_put("lbx_ifaces", &ifindex, &iface);
		question(six);
		action = runner_run(&frame);
	} while (runner_tick() != now);
	return action;
}

static void an_interface_answers_so_many_questions_a_tick(void)
{
	for (int six = 0; six < 2; six++) {
		uint32_t verdict = LB_ANSWER_LIMIT;
		uint64_t count = 0;

		world_reset();
		tap_about("IPv%d", six ? 6 : 4);
		tap_equal(ask(six, LB_ANSWERS_A_TICK - 1), XDP_TX, "the last answer");
		(void)runner_get("lbx_verdicts", &verdict, &count);
		tap_equal(count, 0, "counted");
		tap_equal(ask(six, LB_ANSWERS_A_TICK), XDP_DROP, "one more");
		tap_equal(ask(six, LB_ANSWERS_A_TICK + 1), XDP_DROP, "and one more");
		(void)runner_get("lbx_verdicts", &verdict, &count);
		if (count < 2)
			tap_fail("%d counted", (int)count);
	}
}

static void the_limit_is_of_this_tick(void)
{
	struct lb_iface iface = {.answers = ~0ULL >> 1};
	uint32_t ifindex = IFINDEX;

	world_reset();
	memcpy(iface.mac, mac_ours, 6);
	(void)runner_put("lbx_ifaces", &ifindex, &iface);
	question(false);
	tap_equal(runner_run(&frame), XDP_TX, "XDP action");
}

void cases_origin(void)
{
	tap_case("a source that no host has is dropped (F6)", a_source_that_no_host_has_is_dropped);
	tap_case("what is left to the host is not judged by its source",
		 what_is_left_to_the_host_is_not_judged);
	tap_case("a frame for another host begins no flow (F6)",
		 a_frame_for_another_host_begins_no_flow);
	tap_case("a frame for another host changes no flow (F6)",
		 a_frame_for_another_host_changes_no_flow);
	tap_case("a real behind another interface takes no frame for another host",
		 a_real_behind_another_interface_takes_no_frame_for_another_host);
	tap_case("the address of the only interface is ours",
		 the_address_of_the_only_interface_is_ours);
	tap_case("a fragment for another host is none of ours",
		 a_fragment_for_another_host_is_none_of_ours);
	tap_case("an interface without a row takes every MAC",
		 an_interface_without_a_row_takes_every_MAC);
	tap_case("an interface answers so many questions a tick (F8)",
		 an_interface_answers_so_many_questions_a_tick);
	tap_case("the limit on answers is of this tick", the_limit_is_of_this_tick);
}
