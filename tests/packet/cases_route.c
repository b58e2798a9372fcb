/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where packets go: exact weighted round robin, the stateless hash, the watermark of the tables,
 * redirection, and the resets that a halted real's clients get.
 */
#include "cases.h"
#include "world.h"

#include <stdio.h>
#include <string.h>

#define MISS (1 + LB_EVENT_FLOW_MISS)
#define FULL (1 + LB_EVENT_TABLE_FULL)

static struct frame frame;

/* One packet of a flow of its own. */
static uint32_t send(struct spec s, uint16_t sport, struct expect e)
{
	uint32_t real = 0;

	s.sport = sport;
	frame_build(&frame, &s);
	world_run(&frame, e, &real);
	return real;
}

static const struct expect forwarded = {.verdict = LB_FORWARDED};

static void weighted_round_robin_is_exact(void)
{
	static const uint32_t ring[] = {REAL_A, REAL_A, REAL_B, REAL_A};

	for (int six = 0; six < 2; six++) {
		unsigned got[3] = {};

		world_reset();
		world_ring(ring, 4);
		for (unsigned i = 0; i < 200; i++) {
			struct spec s = {.six = six, .flags = SYN};
			uint32_t real = send(s, 1000 + i, forwarded);

			tap_about("IPv%d, flow %u", six ? 6 : 4, i);
			tap_equal(real, ring[i % 4], "the real");
			got[real & 1]++;
		}
		tap_equal(got[REAL_A], 150, "flows of A");
		tap_equal(world_conns(REAL_A).connections, 150, "connections of A");
		tap_equal(world_conns(REAL_B).connections, 50, "connections of B");
	}
}

static void both_families_and_protocols_draw_from_one_cursor(void)
{
	world_reset();
	for (unsigned i = 0; i < 40; i++) {
		struct spec s = {.six = i & 1, .proto = i & 2 ? PROTO_UDP : 0, .flags = SYN};

		tap_about("flow %u", i);
		tap_equal(send(s, 1000 + i, forwarded), i % 2 ? REAL_B : REAL_A, "the real");
	}
}

static void a_ring_is_read_from_its_first_slot(void)
{
	uint32_t service = VIP_SERVICE;
	struct lb_service row = {
		.ring = {.first = 5, .count = 1},
                  .cursor = 1234567
        };

	world_reset();
	world_slot(5, REAL_B);
	(void)runner_put("lbx_services", &service, &row);
	tap_equal(send((struct spec){.flags = SYN}, 1, forwarded), REAL_B, "the real");
}

static void the_stateless_hash_is_stable_and_reaches_every_real(void)
{
	const struct expect e = {.verdict = LB_FORWARDED, .event = MISS};

	for (int six = 0; six < 2; six++) {
		unsigned got[3] = {};

		world_reset();
		for (unsigned i = 0; i < 200; i++) {
			struct spec s = {.six = six, .flags = ACK};
			uint32_t first = send(s, 1000 + i, e);

			tap_about("IPv%d, flow %u", six ? 6 : 4, i);
			tap_equal(send(s, 1000 + i, e), first, "the real, asked again");
			got[first & 1]++;
		}
		if (got[0] < 60 || got[1] < 60)
			tap_fail("the hash gave %u and %u flows", got[0], got[1]);
	}
}

static void the_stateless_hash_tells_clients_apart(void)
{
	for (int six = 0; six < 2; six++) {
		unsigned got[3] = {};

		world_reset();
		for (unsigned i = 0; i < 100; i++) {
			struct spec s = {.six = six, .flags = ACK};
			char src[40];

			snprintf(src, sizeof(src), six ? "fd77::%x:2" : "10.77.%u.2", i);
			s.src = src;
			got[send(s, 1000, (struct expect){.verdict = LB_FORWARDED, .event = MISS}) &
			    1]++;
		}
		if (got[0] < 25 || got[1] < 25)
			tap_fail("the hash gave %u and %u flows", got[0], got[1]);
	}
}

static void no_usable_real_is_a_counted_drop(void)
{
	uint32_t service = VIP_SERVICE;
	struct lb_service row = {};

	world_reset();
	world_ring(NULL, 0);
	for (unsigned i = 0; i < 4; i++) {
		struct spec s = {.six = i & 1, .flags = i & 2 ? SYN : ACK};

		tap_about("packet %u", i);
		(void)send(s, 1000, (struct expect){.verdict = LB_NO_REAL});
	}
	(void)runner_get("lbx_services", &service, &row);
	tap_equal(row.unrouted, 4, "unrouted");
	tap_equal(world_entries("lbx_half4") + world_entries("lbx_half6"), 0, "entries");
}

/* The daemon never writes such an id; a packet must survive it. */
static void a_real_id_out_of_range_is_a_counted_drop(void)
{
	const struct expect dropped = {.verdict = LB_NO_REAL};
	const uint32_t nobody = LB_REALS_MAX;
	struct lb_flow4 key = {
		.src = {10, 77, 0, 2  },
                  .dst = {10, 77, 0, 100},
                  .dport = 443, .proto = PROTO_TCP
        };
	struct lb_flow row = {.real = nobody, .state = LB_FLOW_ESTABLISHED};

	world_reset();
	world_ring(&nobody, 1);
	(void)send((struct spec){.flags = SYN}, 1000, dropped);
	(void)send((struct spec){.flags = ACK}, 1000, dropped);
	key.sport = 1001;
	(void)runner_put("lbx_flows4", &key, &row);
	(void)send((struct spec){.flags = ACK}, 1001, dropped);
	key.sport = 1002;
	row.state = LB_FLOW_HALF_OPEN;
	(void)runner_put("lbx_half4", &key, &row);
	(void)send((struct spec){.flags = ACK}, 1002, dropped);
}

static void a_running_flow_needs_no_ring(void)
{
	world_reset();
	(void)send((struct spec){.flags = SYN}, 1, forwarded);
	world_ring(NULL, 0);
	(void)send((struct spec){.flags = ACK}, 1, forwarded);
	(void)send((struct spec){.flags = ACK}, 1, forwarded);
}

static void a_real_behind_another_interface_is_redirected_to(void)
{
	uint32_t far = IFINDEX_FAR, device = IFINDEX;

	world_reset();
	world_real(REAL_A, REAL_GOOD, IFINDEX_FAR);
	(void)send((struct spec){.flags = SYN}, 1, (struct expect){.verdict = LB_NO_NEIGHBOUR});
	if (runner_put("lbx_tx", &far, &device))
		tap_fail("cannot fill lbx_tx");
	for (unsigned tags = 0; tags <= 2; tags++) {
		for (int six = 0; six < 2; six++) {
			world_ring((uint32_t[]){REAL_A}, 1);
			tap_about("IPv%d, %u tags", six ? 6 : 4, tags);
			(void)send((struct spec){.six = six, .tags = tags, .flags = SYN},
				   100 + tags, (struct expect){.verdict = LB_FORWARDED});
		}
	}
}

static void several_flows_of_one_client_are_told_apart(void)
{
	world_reset();
	for (int round = 0; round < 3; round++) {
		for (unsigned i = 0; i < 20; i++) {
			struct spec s = {.flags = round ? ACK : SYN};

			tap_about("round %d, flow %u", round, i);
			tap_equal(send(s, 1000 + i, forwarded), i % 2 ? REAL_B : REAL_A,
				  "the real");
		}
	}
	tap_equal(world_entries("lbx_flows4"), 20, "flows");
	tap_equal(world_conns(REAL_A).opened + world_conns(REAL_B).opened, 20, "opened");
}

/* Makes count established flows from source ports `from` on. */
static void establish(bool six, unsigned from, unsigned count)
{
	for (unsigned i = from; i < from + count; i++) {
		tap_about("flow %u", i);
		(void)send((struct spec){.six = six, .flags = SYN}, i, forwarded);
		(void)send((struct spec){.six = six, .flags = ACK}, i, forwarded);
		(void)send((struct spec){.six = six, .flags = ACK}, i, forwarded);
	}
}

/* Makes one of them too old. */
static void age_flow(bool six, uint16_t sport)
{
	struct lb_flow4 four = {.dport = 443, .sport = sport, .proto = PROTO_TCP};
	struct lb_flow6 key = {.dport = 443, .sport = sport, .proto = PROTO_TCP};
	const char *map = six ? "lbx_flows6" : "lbx_flows4";
	const void *at = six ? (const void *)&key : &four;
	struct lb_flow f = {};
	uint8_t mapped[16];

	frame_mapped(key.src, "fd77::2");
	frame_mapped(key.dst, "fd77::100");
	frame_mapped(mapped, "10.77.0.2");
	memcpy(four.src, mapped + 12, 4);
	frame_mapped(mapped, "10.77.0.100");
	memcpy(four.dst, mapped + 12, 4);
	tap_equal(runner_get(map, at, &f), 0, "the flow's entry");
	f.seen -= TICKS_ESTABLISHED + 1;
	(void)runner_put(map, at, &f);
}

/* Ends such flows: a packet that comes too late removes the entry. */
static void end_flows(bool six, unsigned from, unsigned count)
{
	for (unsigned i = from; i < from + count; i++) {
		tap_about("the end of flow %u", i);
		age_flow(six, i);
		(void)send((struct spec){.six = six, .flags = RST}, i,
			   (struct expect){.verdict = LB_FORWARDED, .event = MISS});
	}
}

/* The table's state, and what a SYN meets then. */
static void expect_full(bool six, bool full)
{
	static uint16_t another = 10000;
	struct expect e = {.verdict = LB_FORWARDED, .event = full ? FULL : 0};
	struct lb_settings s;

	(void)send((struct spec){.six = six, .flags = SYN}, another++, e);
	s = world_settings();
	tap_equal(six ? s.full6 : s.full4, full, "the full flag");
}

static void the_watermark_has_its_hysteresis(void)
{
	for (int six = 0; six < 2; six++) {
		struct lb_settings s;

		world_reset();
		s = world_settings();
		s.flows_high = 10;
		s.flows_low = 6;
		world_set_settings(&s);
		establish(six, 1000, 9);
		expect_full(six, false);
		establish(six, 2000, 1);
		expect_full(six, true);
		end_flows(six, 1000, 3);
		expect_full(six, true);
		end_flows(six, 1003, 1);
		expect_full(six, false);
	}
}

static void a_full_table_lets_running_flows_be_and_sends_new_ones_stateless(void)
{
	struct lb_settings s;
	uint32_t real;

	world_reset();
	establish(false, 1000, 4);
	(void)send((struct spec){.flags = SYN}, 5000, forwarded);
	s = world_settings();
	s.flows_high = 4;
	s.flows_low = 2;
	world_set_settings(&s);
	real = send((struct spec){.flags = SYN}, 6000,
		    (struct expect){.verdict = LB_FORWARDED, .event = FULL});
	tap_equal(send((struct spec){.flags = ACK}, 6000,
		       (struct expect){.verdict = LB_FORWARDED, .event = MISS}),
		  real, "the real of the SYN's ACK");
	tap_about("a SYN that came before");
	(void)send((struct spec){.flags = ACK}, 5000, forwarded);
	tap_equal(world_entries("lbx_flows4"), 5, "flows");
	tap_about("a datagram");
	(void)send((struct spec){.proto = PROTO_UDP}, 6000,
		   (struct expect){.verdict = LB_FORWARDED, .event = FULL});
}

static void a_promotion_that_fails_keeps_the_half_open_entry(void)
{
	for (int six = 0; six < 2; six++) {
		const char *flows = six ? "lbx_flows6" : "lbx_flows4";
		const char *half = six ? "lbx_half6" : "lbx_half4";
		struct lb_settings s;
		uint32_t real;

		world_reset();
		s = world_settings();
		s.flows_high = s.flows_low = 1000;
		world_set_settings(&s);
		establish(six, 1000, FLOWS_MAX);
		real = send((struct spec){.six = six, .flags = SYN}, 5000, forwarded);
		for (int i = 0; i < 3; i++)
			(void)send((struct spec){.six = six, .flags = ACK}, 5000,
				   (struct expect){LB_FORWARDED, 1 + LB_EVENT_PROMOTE_FAILED, real,
						   NULL});
		tap_equal(world_entries(half), 1, "half-open flows");
		end_flows(six, 1000, 1);
		(void)send((struct spec){.six = six, .flags = ACK}, 5000,
			   (struct expect){.verdict = LB_FORWARDED, .real = real});
		tap_equal(world_entries(half), 0, "half-open flows");
		tap_equal(world_entries(flows), FLOWS_MAX, "flows");
	}
}

static void a_refused_half_open_entry_does_not_stop_the_flow(void)
{
	world_reset();
	if (!runner_refuse("lbx_half4", true)) {
		tap_skip("the kernel's LRU never refuses");
		return;
	}
	(void)send(
		(struct spec){.flags = SYN}, 1,
		(struct expect){.verdict = LB_FORWARDED, .event = 1 + LB_EVENT_HALF_OPEN_FAILED});
	(void)runner_refuse("lbx_half4", false);
	tap_equal(world_conns(REAL_A).connections, 1, "connections");
}

/* clang-format off */
/* A packet of a halted flow, and the reset that answers it. */
static const struct {
	const char *name;
	struct spec packet;
	uint8_t flags;
	uint32_t seq, ack;
} resets[] = {
	{"a bare ACK", {.flags = ACK, .seq = 7, .ack = 0x89abcdef}, RST, 0x89abcdef, 0},
	{"data", {.flags = ACK | 8, .seq = 100, .ack = 1, .payload = 1000, .window = 512}, RST, 1,
	 0},
	{"a jumbo frame", {.flags = ACK, .ack = 5, .payload = 8000}, RST, 5, 0},
	{"options", {.flags = ACK, .ack = 9, .options = 12, .tcp_options = 12, .payload = 3}, RST,
	 9, 0},
	{"a FIN", {.flags = FIN | ACK, .seq = 3, .ack = 0xffffffff}, RST, 0xffffffff, 0},
	{"a TTL and a TOS", {.flags = ACK, .ack = 11, .ttl = 3, .tos = 0xb8, .id = 4711}, RST, 11,
	 0},
	{"no ACK", {.flags = 8, .seq = 500, .payload = 10}, RST | ACK, 0, 510},
	{"no ACK, TCP options", {.flags = 8, .seq = 500, .payload = 10, .tcp_options = 8},
	 RST | ACK, 0, 510},
	{"a FIN without ACK", {.flags = FIN, .seq = 0xffffffff, .payload = 4}, RST | ACK, 0, 4},
};
/* clang-format on */

static void run_reset(size_t i, bool six, unsigned tags, int packets)
{
	static struct frame reset;
	struct spec packet = resets[i].packet, answer = {};

	world_reset();
	for (int n = 0; n < packets; n++)
		(void)send((struct spec){.six = six, .flags = n ? ACK : SYN}, 40000, forwarded);
	world_real(REAL_A, LB_REAL_HAS_MAC | LB_REAL_RESET, IFINDEX);
	packet.six = six;
	packet.tags = tags;
	answer = (struct spec){.six = six,
			       .tags = tags,
			       .src = six ? "fd77::100" : "10.77.0.100",
			       .dst = six ? "fd77::2" : "10.77.0.2",
			       .src_mac = mac_ours,
			       .dst_mac = mac_client,
			       .sport = 443,
			       .dport = 40000,
			       .flags = resets[i].flags,
			       .seq = resets[i].seq,
			       .ack = resets[i].ack};
	frame_build(&reset, &answer);
	tap_about("%s, IPv%d, %u tags, packet %d", resets[i].name, six ? 6 : 4, tags, packets + 1);
	(void)send(packet, 40000, (struct expect){.verdict = LB_RESET, .sent = &reset});
	tap_equal(world_entries("lbx_flows4") + world_entries("lbx_flows6") +
			  world_entries("lbx_half4") + world_entries("lbx_half6"),
		  0, "entries left");
	tap_equal(world_conns(REAL_A).closed, packets > 1, "closed");
	tap_equal(world_conns(REAL_A).closing_ended, packets > 1, "closing_ended");
}

static void halt_answers_with_the_reset_the_client_accepts(void)
{
	for (size_t i = 0; i < sizeof(resets) / sizeof(*resets); i++)
		for (int six = 0; six < 2; six++)
			for (unsigned tags = 0; tags <= 2; tags++)
				for (int packets = 1; packets <= 3; packets++)
					run_reset(i, six, tags, packets);
}

static void halt_cuts_extension_headers_off_its_reset(void)
{
	static const uint8_t chain[] = {PROTO_TCP, 1, 1, 4, 0, 0, 0, 0, 1, 6, 0, 0, 0, 0, 0, 0};
	static struct frame reset;
	struct spec packet = {.six = true,
			      .flags = ACK,
			      .ack = 77,
			      .chain = chain,
			      .chain_len = sizeof(chain),
			      .payload = 5};

	world_reset();
	(void)send((struct spec){.six = true, .flags = SYN}, 40000, forwarded);
	world_real(REAL_A, LB_REAL_RESET, IFINDEX);
	frame_build(&reset, &(struct spec){.six = true,
					   .src = "fd77::100",
					   .dst = "fd77::2",
					   .src_mac = mac_ours,
					   .dst_mac = mac_client,
					   .sport = 443,
					   .dport = 40000,
					   .flags = RST,
					   .seq = 77});
	(void)send(packet, 40000, (struct expect){.verdict = LB_RESET, .sent = &reset});
}

static void standby_forwards_what_still_comes(void)
{
	world_reset();
	world_vip("10.77.0.100", false);
	(void)send((struct spec){.flags = SYN}, 1, forwarded);
}

void cases_route(void)
{
	tap_case("weighted round robin is exact", weighted_round_robin_is_exact);
	tap_case("both families and protocols draw from one cursor",
		 both_families_and_protocols_draw_from_one_cursor);
	tap_case("a ring is read from its first slot", a_ring_is_read_from_its_first_slot);
	tap_case("the stateless hash is stable and reaches every real",
		 the_stateless_hash_is_stable_and_reaches_every_real);
	tap_case("the stateless hash tells clients apart", the_stateless_hash_tells_clients_apart);
	tap_case("no usable real is a counted drop", no_usable_real_is_a_counted_drop);
	tap_case("a real id out of range is a counted drop",
		 a_real_id_out_of_range_is_a_counted_drop);
	tap_case("a running flow needs no ring", a_running_flow_needs_no_ring);
	tap_case("a real behind another interface is redirected to",
		 a_real_behind_another_interface_is_redirected_to);
	tap_case("several flows of one client are told apart",
		 several_flows_of_one_client_are_told_apart);
	tap_case("the watermark has its hysteresis", the_watermark_has_its_hysteresis);
	tap_case("a full table lets running flows be and sends new ones stateless",
		 a_full_table_lets_running_flows_be_and_sends_new_ones_stateless);
	tap_case("a promotion that fails keeps the half-open entry",
		 a_promotion_that_fails_keeps_the_half_open_entry);
	tap_case("a refused half-open entry does not stop the flow",
		 a_refused_half_open_entry_does_not_stop_the_flow);
	tap_case("halt answers with the reset the client accepts",
		 halt_answers_with_the_reset_the_client_accepts);
	tap_case("halt cuts extension headers off its reset",
		 halt_cuts_extension_headers_off_its_reset);
	tap_case("a standby node forwards what still comes", standby_forwards_what_still_comes);
}
