/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Floods (F10): a service in flood mode forwards by a keyed hash and remembers nobody but who
 * answers; and what becomes of packets in the middle of a flow that no entry knows.
 */
#include "cases.h"
#include "world.h"

#include <string.h>

#define MISS  (1 + LB_EVENT_FLOW_MISS)
#define FLOOD (1 + LB_EVENT_FLOOD)
#define FULL  (1 + LB_EVENT_TABLE_FULL)

enum {
	HOLD = 2 << LB_FLOOD_WINDOW_SHIFT,
	GRACE = 80,
	LONG = 100000,
	MANY = 300,
	HALF_OPEN = 65536
};

static struct frame frame;

static const struct expect forwarded = {.verdict = LB_FORWARDED};
static const struct expect flooded = {.verdict = LB_FORWARDED, .event = FLOOD};
static const struct expect missed = {.verdict = LB_FORWARDED, .event = MISS};

/* One packet of the flow from a port; returns its real. */
static uint32_t send(struct spec s, uint16_t sport, struct expect e)
{
	uint32_t real = 0;

	s.sport = sport;
	frame_build(&frame, &s);
	world_run(&frame, e, &real);
	return real;
}

static uint32_t send_to(bool six, uint8_t flags, uint16_t sport, struct expect e)
{
	return send((struct spec){.six = six, .flags = flags}, sport, e);
}

/* A world whose service has a limit, and whose flood mode ends in so many ticks. */
static void begin(uint32_t high, uint32_t low, int32_t ends)
{
	struct lb_service row;

	world_reset();
	row = world_service();
	row.flood = (struct lb_flood){high, low};
	row.flood_until = runner_tick() + ends;
	row.flood_since = runner_tick();
	world_set_service(&row);
}

static unsigned half_open(bool six)
{
	return world_entries(six ? "lbx_half6" : "lbx_half4");
}

static unsigned established(bool six)
{
	return world_entries(six ? "lbx_flows6" : "lbx_flows4");
}

static uint64_t connections(void)
{
	return world_conns(REAL_A).connections + world_conns(REAL_B).connections;
}

static void a_SYN_in_flood_mode_makes_no_entry_and_draws_no_ticket(void)
{
	for (int six = 0; six < 2; six++) {
		unsigned got[3] = {};

		begin(1000, 500, LONG);
		for (unsigned i = 0; i < 200; i++) {
			uint32_t real = send_to(six, SYN, 1000 + i, flooded);

			tap_about("IPv%d, flow %u", six ? 6 : 4, i);
			tap_equal(send_to(six, SYN, 1000 + i, flooded), real, "its SYN again");
			got[real & 1]++;
		}
		if (got[0] < 60 || got[1] < 60)
			tap_fail("the hash gave %u and %u flows", got[0], got[1]);
		tap_equal(half_open(six) + established(six), 0, "entries");
		tap_equal(world_service().cursor, 0, "tickets");
		tap_equal(connections(), 0, "connections");
	}
}

static void who_answers_finds_the_same_real_and_is_remembered(void)
{
	for (int six = 0; six < 2; six++) {
		begin(1000, 500, LONG);
		for (unsigned i = 0; i < 20; i++) {
			uint32_t real = send_to(six, SYN, 1000 + i, flooded);
			const struct expect same = {.verdict = LB_FORWARDED, .real = real};

			tap_about("IPv%d, flow %u", six ? 6 : 4, i);
			(void)send_to(six, ACK, 1000 + i, same);
			tap_equal(half_open(six), 1, "half-open flows");
			(void)send_to(six, ACK, 1000 + i, same);
			tap_equal(half_open(six), 0, "half-open flows, after the third packet");
			tap_equal(established(six), i + 1, "flows");
			(void)send_to(six, ACK, 1000 + i, same);
			tap_equal(connections(), i + 1, "connections");
		}
	}
}

/* A ring that changed moves no flow that is remembered. */
static void the_entry_outlives_the_ring(void)
{
	uint32_t real, other;

	begin(1000, 500, LONG);
	real = send_to(false, SYN, 1000, flooded);
	(void)send_to(false, ACK, 1000, forwarded);
	other = real == REAL_A ? REAL_B : REAL_A;
	world_ring(&other, 1);
	(void)send_to(false, ACK, 1000, (struct expect){.verdict = LB_FORWARDED, .real = real});
}

static void bare_ACKs_in_a_flood_fill_no_established_table(void)
{
	for (int six = 0; six < 2; six++) {
		begin(1000, 500, LONG);
		for (unsigned i = 0; i < MANY; i++)
			(void)send_to(six, ACK, 1000 + i, forwarded);
		tap_equal(established(six), 0, "flows");
		tap_equal(half_open(six), MANY, "half-open flows");
	}
}

static void only_a_bare_ACK_is_an_answer(void)
{
	static const uint8_t flags[] = {RST, RST | ACK, FIN | ACK, SYN | ACK, FIN, 0};

	begin(1000, 500, LONG);
	for (size_t i = 0; i < sizeof(flags); i++) {
		tap_about("flags %u", flags[i]);
		(void)send_to(false, flags[i], 1000 + i, missed);
	}
	tap_equal(half_open(false), 0, "half-open flows");
	tap_equal(world_service().missed, sizeof(flags), "missed");
}

static void a_running_flow_does_not_notice_a_flood(void)
{
	for (int six = 0; six < 2; six++) {
		struct lb_service row;
		uint32_t real;

		world_reset();
		world_establish(six);
		row = world_service();
		row.flood = (struct lb_flood){1, 1};
		row.flood_until = runner_tick() + LONG;
		row.flood_since = runner_tick();
		world_set_service(&row);
		for (unsigned i = 0; i < 50; i++)
			(void)send_to(six, SYN, 1000 + i, flooded);
		real = send_to(six, ACK, 40000, forwarded);
		tap_equal(real, REAL_A, "the flow's real");
		(void)send_to(six, SYN, 40000, (struct expect){LB_FORWARDED, 0, REAL_A, NULL});
		tap_equal(established(six), 1, "flows");
	}
}

static void a_half_open_flow_from_before_goes_on(void)
{
	struct lb_service row;
	uint32_t real;

	world_reset();
	real = send_to(false, SYN, 1000, forwarded);
	row = world_service();
	row.flood = (struct lb_flood){1, 1};
	row.flood_until = runner_tick() + LONG;
	row.flood_since = runner_tick();
	world_set_service(&row);
	(void)send_to(false, SYN, 1000, (struct expect){.verdict = LB_FORWARDED, .real = real});
	(void)send_to(false, ACK, 1000, (struct expect){.verdict = LB_FORWARDED, .real = real});
	tap_equal(established(false), 1, "flows");
}

/* No SYN from before the flood is there any more, so nobody looks for one. */
static void a_flood_that_lasts_asks_for_no_half_open_flow(void)
{
	for (int settled = 0; settled < 2; settled++) {
		struct lb_service row;

		world_reset();
		(void)send_to(false, SYN, 1000, forwarded);
		row = world_service();
		row.flood = (struct lb_flood){1, 1};
		row.flood_until = runner_tick() + LONG;
		row.flood_since = runner_tick() - TICKS_HALF_OPEN + (settled ? -8 : 8);
		world_set_service(&row);
		tap_about(settled ? "a long flood" : "a short flood");
		(void)send_to(false, SYN, 1000, settled ? flooded : forwarded);
		(void)send_to(false, ACK, 1000, forwarded);
		tap_equal(established(false), 1, "flows");
	}
}

static void a_port_used_again_in_a_flood_begins_anew(void)
{
	uint32_t real;

	begin(1000, 500, LONG);
	(void)send_to(false, SYN, 1000, flooded);
	for (int i = 0; i < 3; i++)
		(void)send_to(false, ACK, 1000, forwarded);
	(void)send_to(false, FIN | ACK, 1000, forwarded);
	real = send_to(false, SYN, 1000, flooded);
	tap_equal(established(false), 0, "flows");
	(void)send_to(false, ACK, 1000, (struct expect){.verdict = LB_FORWARDED, .real = real});
	tap_equal(half_open(false), 1, "half-open flows");
}

/* Runs SYNs in one window: n before were counted. Says whether the mode is on afterwards. */
static bool count_one(uint32_t counted, bool on, uint32_t *until)
{
	for (;;) {
		struct lb_service row = world_service();
		uint32_t now = runner_tick();

		row.new_flows = (uint64_t)(now >> LB_FLOOD_WINDOW_SHIFT) << 32 | counted;
		row.flood_until = on ? now + 1 : 0;
		world_set_service(&row);
		frame_build(&frame, &(struct spec){.flags = SYN, .sport = 7});
		(void)runner_run(&frame);
		if (runner_tick() != now)
			continue; /* a tick passed meanwhile */
		*until = world_service().flood_until - now;
		return world_service().flood_until && *until == HOLD;
	}
}

static void the_mode_begins_above_the_limit_and_goes_on_above_the_lower_one(void)
{
	uint32_t until;

	begin(10, 4, 0);
	tap_equal(count_one(9, false, &until), false, "begun by the tenth flow");
	tap_equal(half_open(false), 1, "half-open flows");
	begin(10, 4, 0);
	tap_equal(count_one(10, false, &until), true, "begun by the eleventh flow");
	tap_equal(half_open(false), 0, "half-open flows");
	tap_equal(count_one(3, true, &until), false, "held by the fourth flow");
	tap_equal(until, 1, "ticks until it ends");
	tap_equal(count_one(4, true, &until), true, "held by the fifth flow");
	tap_equal(count_one(4000, true, &until), true, "held by one of many");
	tap_equal(half_open(false), 0, "half-open flows");
}

static void a_new_window_counts_from_one(void)
{
	struct lb_service row;

	begin(3, 1, 0);
	row = world_service();
	row.flood_until = 0;
	row.new_flows = (uint64_t)((runner_tick() >> LB_FLOOD_WINDOW_SHIFT) - 1) << 32 | 4;
	world_set_service(&row);
	(void)send_to(false, SYN, 1000, forwarded);
	tap_equal((uint32_t)world_service().new_flows, 1, "flows in this window");
	tap_equal(world_service().flood_until, 0, "the mode's end");
}

static void the_mode_ends_and_its_SYNs_are_still_answered(void)
{
	begin(1000, 500, -4);
	(void)send_to(false, SYN, 1000, forwarded);
	tap_equal(half_open(false), 1, "half-open flows, after a SYN");
	(void)send_to(false, ACK, 2000, forwarded);
	tap_equal(half_open(false), 2, "half-open flows, after an answer to an earlier one");
	begin(1000, 500, -GRACE - 8);
	(void)send_to(false, ACK, 2000, missed);
	tap_equal(half_open(false), 0, "half-open flows, after an answer much later");
}

static void a_limit_of_0_is_none(void)
{
	begin(0, 0, LONG);
	for (unsigned i = 0; i < 50; i++)
		(void)send_to(false, SYN, 1000 + i, forwarded);
	tap_equal(half_open(false), 50, "half-open flows");
	(void)send_to(false, ACK, 2000, missed);
}

/* One flow, and no room for more. */
static void fill_table(void)
{
	struct lb_settings s;

	world_establish(false);
	s = world_settings();
	s.flows_high = 1;
	s.flows_low = 0;
	world_set_settings(&s);
}

static void a_full_table_is_not_filled_by_answers(void)
{
	begin(1000, 500, LONG);
	fill_table();
	tap_equal(established(false), 1, "flows");
	(void)send_to(false, SYN, 1000, flooded);
	(void)send_to(false, ACK, 1000, missed);
	tap_equal(half_open(false), 0, "half-open flows");
}

static void the_hash_is_keyed(void)
{
	for (int six = 0; six < 2; six++) {
		struct lb_settings s;
		unsigned moved[2] = {};
		uint32_t was[64];

		world_reset();
		for (unsigned i = 0; i < 64; i++)
			was[i] = send_to(six, ACK, 1000 + i, missed);
		for (unsigned word = 0; word < 2; word++) {
			s = world_settings();
			s.hash_key[0] = word ? 0 : 1;
			s.hash_key[1] = word ? 1 : 0;
			world_set_settings(&s);
			for (unsigned i = 0; i < 64; i++)
				moved[word] += send_to(six, ACK, 1000 + i, missed) != was[i];
			if (moved[word] < 12 || moved[word] > 52)
				tap_fail("IPv%d: word %u moves %u of 64 flows", six ? 6 : 4, word,
					 moved[word]);
		}
	}
}

/* on_miss: drop. */
static void drop_misses(void)
{
	struct lb_service row = world_service();

	row.on_miss = LB_ON_MISS_DROP;
	world_set_service(&row);
}

/* A datagram, 12 bytes long. */
static uint32_t send_datagram(bool six, uint16_t sport, struct expect e)
{
	return send((struct spec){.six = six, .proto = PROTO_UDP, .payload = 12}, sport, e);
}

/* The service's flood mode ends in so many ticks. */
static void end_in(int32_t ticks)
{
	struct lb_service row = world_service();

	row.flood_until = runner_tick() + ticks;
	world_set_service(&row);
}

static void many_datagrams_in_flood_mode_keep_their_real_without_an_entry(void)
{
	for (int six = 0; six < 2; six++) {
		uint32_t real;

		begin(1000, 0, LONG);
		real = send_datagram(six, 1000, flooded);
		for (int i = 0; i < 3; i++)
			tap_equal(send_datagram(six, 1000, flooded), real, "the real");
		tap_equal(half_open(six) + established(six), 0, "entries");
	}
}

/* Else each of its datagrams counted for a new flow, and the mode would never end. */
static void a_flow_of_datagrams_that_goes_on_is_no_news(void)
{
	for (int six = 0; six < 2; six++) {
		for (unsigned i = 0; i < 20; i++) {
			struct expect same = forwarded;
			uint64_t counted;

			begin(1000, 0, LONG);
			same.real = send_datagram(six, 1000 + i, flooded);
			begin(1000, 500, LONG);
			tap_about("IPv%d, flow %u", six ? 6 : 4, i);
			(void)send_datagram(six, 1000 + i, same);
			tap_equal(half_open(six), 1, "half-open flows");
			counted = world_service().new_flows;
			(void)send_datagram(six, 1000 + i, same);
			(void)send_datagram(six, 1000 + i, same);
			tap_equal(established(six), 1, "flows");
			tap_equal(world_service().new_flows, counted, "new flows");
		}
		tap_equal(world_service().cursor, 0, "tickets");
	}
}

static void a_flow_of_datagrams_stays_where_it_is_when_the_mode_ends(void)
{
	static const int32_t ends[] = {-4, -GRACE - 8, 8 - TICKS_UDP};

	for (unsigned i = 0; i < 60; i++) {
		bool six = i & 1;
		struct expect same = forwarded;

		begin(1000, 0, LONG);
		same.real = send_datagram(six, 1000 + i, flooded);
		end_in(ends[i % 3]);
		tap_about("IPv%d, flow %u", six ? 6 : 4, i);
		(void)send_datagram(six, 1000 + i, same);
		tap_equal(half_open(six), 1, "half-open flows");
		(void)send_datagram(six, 1000 + i, same);
		tap_equal(established(six), 1, "flows");
		tap_equal(world_service().cursor, 0, "tickets");
	}
	begin(1000, 0, -TICKS_UDP - 8);
	(void)send_datagram(false, 1000, forwarded);
	tap_equal(world_service().cursor, 1, "tickets, when no such flow can live");
}

static uint64_t packets_of(uint32_t real)
{
	uint64_t stats[2] = {};

	(void)runner_get("lbx_real_stats", &real, stats);
	return stats[0];
}

/* Of a translated service; which of the two got it. */
static uint32_t send_translated(uint16_t sport)
{
	uint64_t was = packets_of(REAL_A);

	frame_build(&frame, &(struct spec){.proto = PROTO_UDP, .payload = 12, .sport = sport});
	(void)runner_run(&frame);
	return packets_of(REAL_A) > was ? REAL_A : REAL_B;
}

static void so_does_one_that_is_translated(void)
{
	for (unsigned i = 0; i < 30; i++) {
		uint32_t real;

		begin(1000, 0, LONG);
		world_nat_real(REAL_A, "10.88.3.11", 0, false);
		world_nat_real(REAL_B, "10.88.3.12", 0, false);
		real = send_translated(1000 + i);
		tap_about("flow %u", i);
		tap_equal(send_translated(1000 + i), real, "the real, in the mode");
		end_in(-4);
		for (int k = 0; k < 3; k++)
			tap_equal(send_translated(1000 + i), real, "the real, afterwards");
		tap_equal(packets_of(REAL_A) + packets_of(REAL_B), 5, "packets");
		tap_equal(established(false), 1, "flows");
	}
}

/* No entry is at stake: neither the mode nor a full table is theirs. */
static void datagrams_that_are_scheduled_one_by_one_go_on_in_turn(void)
{
	for (int full = 0; full < 2; full++) {
		uint64_t cursor;

		begin(1, 0, full ? 0 : LONG);
		if (full)
			fill_table();
		world_policy((struct lb_policy){.flags = LB_POLICY_ONE_PACKET});
		cursor = world_service().cursor;
		for (unsigned i = 0; i < 10; i++)
			(void)send_datagram(false, 1000, forwarded);
		tap_equal(world_service().cursor - cursor, 10, "tickets");
		tap_equal(half_open(false), 0, "half-open flows");
		if (!full)
			tap_equal(world_service().new_flows, 0, "new flows");
	}
}

/* Room again. */
static void empty_table(void)
{
	struct lb_settings s = world_settings();

	s.flows_high = s.flows_low = FLOWS_MAX;
	world_set_settings(&s);
}

static void flows_stay_where_they_are_when_the_table_has_room_again(void)
{
	const struct expect full = {.verdict = LB_FORWARDED, .event = FULL};

	for (unsigned i = 0; i < 20; i++) {
		struct expect udp = forwarded, tcp = forwarded;

		begin(0, 0, 0);
		drop_misses();
		fill_table();
		udp.real = send_datagram(false, 1000 + i, full);
		tcp.real = send_to(false, SYN, 2000 + i, full);
		empty_table();
		tap_about("flow %u", i);
		(void)send_datagram(false, 1000 + i, udp);
		(void)send_to(false, ACK, 2000 + i, tcp);
		tap_equal(half_open(false), 2, "half-open flows");
	}
}

/* The node's own flood mode ends in so many ticks; 0: it never began. */
static void begin_node(uint32_t high, int32_t ends)
{
	struct lb_settings s;

	begin(high, high / 2, 0);
	end_in(-LONG);
	s = world_settings();
	s.flood_until = ends ? runner_tick() + ends : 0;
	world_set_settings(&s);
}

static void the_node_in_flood_mode_hashes_flows_of_every_service_with_a_limit(void)
{
	for (int six = 0; six < 2; six++) {
		begin_node(1000000, LONG);
		for (unsigned i = 0; i < 20; i++) {
			struct expect same = forwarded;

			same.real = send_to(six, SYN, 1000 + i, flooded);
			tap_about("IPv%d, flow %u", six ? 6 : 4, i);
			tap_equal(half_open(six), 0, "half-open flows");
			(void)send_to(six, ACK, 1000 + i, same);
			(void)send_to(six, ACK, 1000 + i, same);
			tap_equal(established(six), i + 1, "flows");
		}
		tap_equal(world_service().cursor, 0, "tickets");
		begin_node(0, LONG);
		(void)send_to(six, SYN, 1000, forwarded);
		tap_equal(half_open(six), 1, "half-open flows, of a service without a limit");
		begin_node(1000000, -4);
		(void)send_to(six, SYN, 1000, forwarded);
		(void)send_to(six, ACK, 2000, forwarded);
		tap_equal(half_open(six), 2, "half-open flows, afterwards");
	}
}

/* Runs one packet; so many entries were asked for in this window. Says whether the node's mode is
 * on then, and for how long. */
static int32_t count_for_node(struct spec s, uint32_t counted, bool on)
{
	struct lb_settings row;
	uint32_t now;

	do {
		row = world_settings();
		now = runner_tick();
		row.half_flows = (uint64_t)(now >> LB_FLOOD_WINDOW_SHIFT) << 32 | counted;
		row.flood_until = on ? now + 1 : 0;
		world_set_settings(&row);
		frame_build(&frame, &s);
		(void)runner_run(&frame);
		row = world_settings();
	} while (runner_tick() != now); /* a tick passed meanwhile */
	return row.flood_until ? row.flood_until - now : 0;
}

static void more_half_open_flows_than_there_is_room_for_begin_it(void)
{
	const struct spec syn = {.flags = SYN, .sport = 7}, ack = {.flags = ACK, .sport = 9},
			  other = {.flags = ACK, .sport = 11};

	begin_node(1000000, 0);
	tap_equal(count_for_node(syn, HALF_OPEN - 1, false), 0, "begun by the last that has room");
	tap_equal(half_open(false), 1, "half-open flows");
	begin_node(1000000, 0);
	tap_equal(count_for_node(syn, HALF_OPEN, false), HOLD, "begun by one more");
	tap_equal(half_open(false), 0, "half-open flows");
	tap_equal(count_for_node(syn, HALF_OPEN / 2 - 1, true), 1, "held by half as many");
	tap_equal(count_for_node(syn, HALF_OPEN / 2, true), HOLD, "held by one more than half");
	tap_equal(count_for_node(ack, HALF_OPEN - 1, true), 1, "held by the last answer's entry");
	tap_equal(count_for_node(other, HALF_OPEN, true), HOLD, "held by one answer more");
	begin(1, 0, LONG);
	tap_equal(count_for_node(syn, HALF_OPEN, false), 0, "begun by a flow that gets no entry");
}

/* Else bare ACKs would push out of the half-open table who has answered. */
static void answers_in_it_get_as_many_entries_as_there_are(void)
{
	for (int six = 0; six < 2; six++) {
		const struct spec ack = {.six = six, .flags = ACK, .sport = 9};
		uint64_t dropped = 0;

		begin_node(1000000, LONG);
		drop_misses();
		tap_about("IPv%d", six ? 6 : 4);
		(void)count_for_node(ack, HALF_OPEN, true);
		tap_equal(half_open(six), 0, "half-open flows, by one more than there is room for");
		if (!world_service().missed)
			tap_fail("no miss was counted");
		(void)runner_get("lbx_verdicts", &(uint32_t){LB_MISS}, &dropped);
		tap_equal(dropped, 0, "dropped");
		(void)count_for_node(ack, HALF_OPEN - 1, true);
		tap_equal(half_open(six), 1, "half-open flows, by the same ACK in another window");
	}
}

/* However many SYNs there are: they count no further than to half of the entries. */
static void a_flood_of_SYNs_takes_no_entry_from_who_answers(void)
{
	const struct spec syn = {.flags = SYN, .sport = 7}, ack = {.flags = ACK, .sport = 9};

	begin_node(1000000, 0);
	for (unsigned i = 0; i < 3; i++)
		(void)count_for_node(syn, HALF_OPEN / 2 + i, true);
	tap_equal((uint32_t)world_settings().half_flows, HALF_OPEN / 2 + 2, "flows that count");
	tap_equal(half_open(false), 0, "half-open flows, of SYNs");
	(void)count_for_node(ack, HALF_OPEN / 2 + 1, true);
	tap_equal(half_open(false), 1, "half-open flows, of an answer");
}

static void a_miss_is_dropped_where_the_service_says_so(void)
{
	static const uint8_t flags[] = {ACK, ACK | 8, FIN | ACK, RST, SYN | ACK, 0};

	for (int six = 0; six < 2; six++) {
		world_reset();
		drop_misses();
		for (size_t i = 0; i < sizeof(flags); i++)
			(void)send_to(six, flags[i], 1000, (struct expect){.verdict = LB_MISS});
		tap_equal(world_service().missed, sizeof(flags), "missed");
		(void)send_to(six, SYN, 2000, forwarded);
		for (int i = 0; i < 3; i++)
			(void)send_to(six, ACK, 2000, forwarded);
		(void)send((struct spec){.six = six, .proto = PROTO_UDP, .payload = 9}, 2000,
			   forwarded);
	}
}

static void a_miss_is_counted_and_hashed_otherwise(void)
{
	world_reset();
	(void)send_to(false, ACK, 1000, missed);
	(void)send_to(true, ACK, 1000, missed);
	tap_equal(world_service().missed, 2, "missed");
}

static void flows_that_could_not_be_remembered_are_not_dropped(void)
{
	uint32_t real;

	begin(1000, 500, LONG);
	drop_misses();
	real = send_to(false, SYN, 1000, flooded);
	(void)send_to(false, ACK, 1000, (struct expect){.verdict = LB_FORWARDED, .real = real});
	world_reset();
	drop_misses();
	fill_table();
	real = send_to(false, SYN, 1000, (struct expect){.verdict = LB_FORWARDED, .event = FULL});
	(void)send_to(false, ACK, 1000, (struct expect){LB_FORWARDED, MISS, real, NULL});
}

/* Who persistence knows goes where he was; who it does not know is not added, or a flood would push
 * the others out. */
static void persistence_is_asked_and_learns_nothing(void)
{
	for (int six = 0; six < 2; six++) {
		const char *other = six ? "fd77::77" : "10.77.0.77";
		struct lb_service row;
		unsigned got[3] = {};
		uint32_t real;

		world_reset();
		world_policy((struct lb_policy){.persist_timeout = 500, .mask4 = 32, .mask6 = 128});
		real = send_to(six, SYN, 900, forwarded);
		row = world_service();
		row.flood = (struct lb_flood){1, 1};
		row.flood_until = runner_tick() + LONG;
		row.flood_since = runner_tick();
		world_set_service(&row);
		for (unsigned i = 0; i < 30; i++) {
			const struct expect same = {LB_FORWARDED, FLOOD, real, NULL};
			const struct spec s = {.six = six, .flags = SYN, .src = other};

			tap_about("IPv%d, flow %u", six ? 6 : 4, i);
			(void)send_to(six, SYN, 1000 + i, same);
			(void)send_to(six, ACK, 1000 + i,
				      (struct expect){LB_FORWARDED, 0, real, NULL});
			got[send(s, 1000 + i, flooded) & 1]++;
		}
		if (!got[0] || !got[1])
			tap_fail("the hash gave %u and %u flows", got[0], got[1]);
		tap_equal(world_entries("lbx_persist"), 1, "clients that persistence knows");
		tap_equal(world_service().followed, 0, "flows that followed");
		world_real(real, LB_REAL_HAS_MAC, IFINDEX); /* drained */
		for (unsigned i = 0; i < 30; i++)
			got[2] += send_to(six, SYN, 2000 + i, flooded) != real;
		if (!got[2])
			tap_fail("all flows followed to a drained real");
	}
}

void cases_flood(void)
{
	tap_case("flood: a SYN makes no entry and draws no ticket",
		 a_SYN_in_flood_mode_makes_no_entry_and_draws_no_ticket);
	tap_case("flood: who answers finds the same real and is remembered",
		 who_answers_finds_the_same_real_and_is_remembered);
	tap_case("flood: the entry outlives the ring", the_entry_outlives_the_ring);
	tap_case("flood: bare ACKs fill no established table",
		 bare_ACKs_in_a_flood_fill_no_established_table);
	tap_case("flood: only a bare ACK is an answer", only_a_bare_ACK_is_an_answer);
	tap_case("flood: a running flow does not notice", a_running_flow_does_not_notice_a_flood);
	tap_case("flood: a half-open flow from before goes on",
		 a_half_open_flow_from_before_goes_on);
	tap_case("flood: one that lasts asks for no half-open flow",
		 a_flood_that_lasts_asks_for_no_half_open_flow);
	tap_case("flood: a port used again begins anew", a_port_used_again_in_a_flood_begins_anew);
	tap_case("flood: many datagrams keep their real without an entry",
		 many_datagrams_in_flood_mode_keep_their_real_without_an_entry);
	tap_case("flood: a flow of datagrams that goes on is no news",
		 a_flow_of_datagrams_that_goes_on_is_no_news);
	tap_case("flood: a flow of datagrams stays where it is when the mode ends",
		 a_flow_of_datagrams_stays_where_it_is_when_the_mode_ends);
	tap_case("flood: so does one that is translated", so_does_one_that_is_translated);
	tap_case("flood: datagrams that are scheduled one by one go on in turn",
		 datagrams_that_are_scheduled_one_by_one_go_on_in_turn);
	tap_case("flows stay where they are when the table has room again",
		 flows_stay_where_they_are_when_the_table_has_room_again);
	tap_case("flood: the node's is that of every service with a limit",
		 the_node_in_flood_mode_hashes_flows_of_every_service_with_a_limit);
	tap_case("flood: more half-open flows than there is room for begin the node's",
		 more_half_open_flows_than_there_is_room_for_begin_it);
	tap_case("flood: answers in the node's get as many entries as there are",
		 answers_in_it_get_as_many_entries_as_there_are);
	tap_case("flood: SYNs in the node's take no entry from who answers",
		 a_flood_of_SYNs_takes_no_entry_from_who_answers);
	tap_case("flood: it begins above the limit and goes on above the lower one",
		 the_mode_begins_above_the_limit_and_goes_on_above_the_lower_one);
	tap_case("flood: a new window counts from one", a_new_window_counts_from_one);
	tap_case("flood: it ends, and its SYNs are still answered",
		 the_mode_ends_and_its_SYNs_are_still_answered);
	tap_case("flood: a limit of 0 is none", a_limit_of_0_is_none);
	tap_case("flood: a full table is not filled by answers",
		 a_full_table_is_not_filled_by_answers);
	tap_case("flood: persistence is asked, and learns nothing",
		 persistence_is_asked_and_learns_nothing);
	tap_case("the stateless hash is keyed", the_hash_is_keyed);
	tap_case("on_miss: a miss is dropped where the service says so",
		 a_miss_is_dropped_where_the_service_says_so);
	tap_case("on_miss: a miss is counted and hashed otherwise",
		 a_miss_is_counted_and_hashed_otherwise);
	tap_case("on_miss: flows that could not be remembered are not dropped",
		 flows_that_could_not_be_remembered_are_not_dropped);
}
