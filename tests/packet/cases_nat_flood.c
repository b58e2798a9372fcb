/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Translated flows that no table knows (F10): of a flood, and those of which only the middle is
 * seen. They get no rows before they are known to be flows; who talks is translated both ways.
 */
#include "cases.h"
#include "nat_ways.h"

#include <string.h>

#define FLOOD (1 + LB_EVENT_FLOOD)
#define MISS  (1 + LB_EVENT_FLOW_MISS)

enum { FOREVER = 100000, TRIES = 16 };

static const char *const seconds[] = {"10.77.0.3", "fd77::3"};

static void expect_rows(unsigned rows, unsigned half)
{
	tap_equal(world_entries("lbx_nat"), rows, "rows");
	tap_equal(world_entries("lbx_nat_half"), half, "half-open rows");
}

/* few: the mode lasts, but datagrams are no longer too many to be remembered. */
static void flood_holds(bool late, bool few)
{
	struct lb_service row = world_service();

	row.flood = (struct lb_flood){1000, few ? 500 : 0};
	row.flood_until = runner_tick() + FOREVER;
	row.flood_since = runner_tick() - (late ? TICKS_HALF_OPEN + 8 : 0);
	world_set_service(&row);
}

static void flood_begins(bool late)
{
	flood_holds(late, false);
}

static void flood_world(struct way w)
{
	nat_world(w);
	flood_begins(true);
}

static void expect_event(struct spec is, struct spec becomes, int event)
{
	frame_build(&frame, &is);
	frame_build(&want, &becomes);
	world_run(&frame, (struct expect){.verdict = LB_FORWARDED, .event = event, .sent = &want},
		  NULL);
}

static void flood_syn(struct way w)
{
	expect_event(sent(w, SYN), arrives(w, SYN), FLOOD);
}

/* Sends the packet; returns the source port that the real sees. */
static uint16_t port_of(struct spec s)
{
	frame_build(&frame, &s);
	tap_equal((uint64_t)runner_run(&frame), 3, "XDP_TX");
	return (uint16_t)(frame.byte[frame.l4] << 8 | frame.byte[frame.l4 + 1]);
}

static struct lb_flow6 back_key(struct way w, uint16_t port)
{
	struct lb_flow6 key = {.dport = port, .sport = REAL_PORT, .proto = w.proto};

	frame_mapped(key.src, reals[w.six]);
	frame_mapped(key.dst, seen_as(w));
	return key;
}

static void change_slots(void (*change)(struct lb_nat_brief *b))
{
	struct lb_nat_brief b;

	for (uint32_t i = 0; i < 1 << LB_NAT_BRIEF_SHIFT; i++) {
		if (runner_get("lbx_nat_brief", &i, &b) || !b.tag)
			continue;
		change(&b);
		(void)runner_put("lbx_nat_brief", &i, &b);
	}
}

static void take_slot(struct lb_nat_brief *b)
{
	b->tag = 0;
}

/* As if another flow had come to its slot. The hash's key stays, and with it the flow's real. */
static void lose_slot(void)
{
	change_slots(take_slot);
}

static void set_timeout(enum lb_flow_state state, int32_t ticks)
{
	struct lb_settings s = world_settings();

	s.timeout[state] = (uint32_t)ticks;
	world_set_settings(&s);
}

/* Sends the flow's first packet where there are two reals; its way to the one that has it. */
static struct way choose_real(struct way w, uint8_t flags)
{
	struct spec s = sent(w, flags);

	world_ring((uint32_t[]){REAL_A, REAL_B}, 2);
	frame_build(&frame, &s);
	tap_equal((uint64_t)runner_run(&frame), 3, "XDP_TX");
	w.second = frame.byte[5] == mac_second[5];
	return w;
}

static unsigned flows(struct way w)
{
	return world_entries(w.six ? "lbx_flows6" : "lbx_flows4");
}

static void open_late(struct way w, bool late)
{
	if (w.proto != PROTO_TCP)
		return;
	for (w.tags = 0; w.tags <= 2; w.tags++) {
		nat_world(w);
		flood_begins(late);
		flood_syn(w);
		flood_syn(w);
		expect_rows(0, 0);
		expect(replied(w, SYN | ACK), returns(w, SYN | ACK), LB_NAT_REPLY);
		expect_rows(0, 0);
		expect(sent(w, ACK), arrives(w, ACK), LB_FORWARDED);
		expect_rows(2, 0);
		expect(sent(w, ACK | PSH), arrives(w, ACK | PSH), LB_FORWARDED);
		expect(replied(w, ACK | PSH), returns(w, ACK | PSH), LB_NAT_REPLY);
		expect(sent(w, ACK | FIN), arrives(w, ACK | FIN), LB_FORWARDED);
		tap_equal(flows(w), 1, "flows");
		expect_rows(2, 0);
	}
}

static void open_in_a_flood(struct way w)
{
	open_late(w, false);
	open_late(w, true);
}

static void who_answers_in_a_flood_gets_rows_and_a_SYN_does_not(void)
{
	each_way(open_in_a_flood);
}

/* Spoofed pairs: the acknowledgement is not that of what the real said, or it said nothing. */
static void guess(struct way w)
{
	struct spec s = sent(w, ACK), a = arrives(w, ACK);

	if (w.proto != PROTO_TCP)
		return;
	for (int answered = 0; answered < 2; answered++) {
		flood_world(w);
		flood_syn(w);
		if (answered)
			expect(replied(w, SYN | ACK), returns(w, SYN | ACK), LB_NAT_REPLY);
		s.ack = a.ack = answered ? 0x80000000 : SEQUENCE + 1;
		expect(s, a, LB_FORWARDED);
		expect_rows(0, 0);
		tap_equal(flows(w), 0, "flows");
	}
}

static void who_guesses_in_a_flood_gets_none(void)
{
	each_way(guess);
}

static void flood_of_ACKs(struct way w)
{
	struct spec s = sent(w, ACK);

	if (w.proto != PROTO_TCP)
		return;
	flood_world(w);
	for (uint16_t i = 0; i < 100; i++) {
		s.sport = 2000 + i;
		frame_build(&frame, &s);
		world_run(&frame, (struct expect){.verdict = LB_FORWARDED, .sent = &frame}, NULL);
	}
	expect_rows(0, 0);
}

static void bare_ACKs_in_a_flood_make_no_rows(void)
{
	each_way(flood_of_ACKs);
}

/* Before the real answers: the client's SYN comes again. Afterwards: its next packet finds the
 * same real by the hash, from the same port. */
static void lose(struct way w)
{
	if (w.proto != PROTO_TCP)
		return;
	flood_world(w);
	w = choose_real(w, SYN);
	flood_syn(w);
	lose_slot();
	expect_end(replied(w, SYN | ACK), LB_NOT_OURS);
	flood_syn(w);
	expect(replied(w, SYN | ACK), returns(w, SYN | ACK), LB_NAT_REPLY);
	lose_slot();
	expect(sent(w, ACK), arrives(w, ACK), LB_FORWARDED);
	expect_rows(0, 0);
	expect(replied(w, ACK), returns(w, ACK), LB_NAT_REPLY);
	expect(sent(w, ACK | PSH), arrives(w, ACK | PSH), LB_FORWARDED);
	expect(replied(w, ACK), returns(w, ACK), LB_NAT_REPLY);
	expect(sent(w, ACK), arrives(w, ACK), LB_FORWARDED);
	expect_rows(2, 0);
}

static void who_loses_his_slot_goes_on_with_the_next_packet(void)
{
	each_way(lose);
}

static void talk_in_datagrams(struct way w)
{
	if (w.proto != PROTO_UDP)
		return;
	flood_world(w);
	for (int i = 0; i < 3; i++) {
		expect_event(sent(w, 0), arrives(w, 0), FLOOD);
		expect(replied(w, 0), returns(w, 0), LB_NAT_REPLY);
	}
	expect_rows(0, 0);
	tap_equal(flows(w), 0, "flows");
}

static void datagrams_in_a_flood_are_translated_both_ways(void)
{
	each_way(talk_in_datagrams);
}

/* The second has an entry, and so rows: from the same port, and its real's answers go on. */
static void talk_on(struct way w)
{
	if (w.proto != PROTO_UDP)
		return;
	nat_world(w);
	flood_holds(true, true);
	expect(sent(w, 0), arrives(w, 0), LB_FORWARDED);
	expect_rows(0, 0);
	expect(replied(w, 0), returns(w, 0), LB_NAT_REPLY);
	for (int i = 0; i < 3; i++) {
		expect(sent(w, 0), arrives(w, 0), LB_FORWARDED);
		expect(replied(w, 0), returns(w, 0), LB_NAT_REPLY);
	}
	expect_rows(2, 0);
	tap_equal(flows(w), 1, "flows");
}

static void datagrams_at_the_end_of_a_flood_get_rows(void)
{
	each_way(talk_on);
}

/* A flow that has rows, half-open or not, keeps its source, and hears its real's answers. */
static void share(struct way w, way_case *begin)
{
	struct spec s = sent(w, w.proto == PROTO_TCP ? SYN : 0), r = replied(w, SYN | ACK),
		    b = returns(w, SYN | ACK);

	if (!w.snat)
		return;
	nat_world(w);
	begin(w);
	flood_begins(true);
	s.src = b.dst = seconds[w.six];
	r.dport = port_of(s);
	if (r.dport == CLIENT_PORT || r.dport < 1024)
		tap_fail("the second client has port %u", r.dport);
	tap_equal(port_of(s), r.dport, "its port");
	expect(r, b, LB_NAT_REPLY);
	expect(replied(w, ACK), returns(w, ACK), LB_NAT_REPLY);
}

static void share_pool(struct way w)
{
	share(w, begin_flow);
	share(w, open_flow);
}

static void who_has_a_source_keeps_it_in_a_flood(void)
{
	each_way(share_pool);
}

/* By rows of another flow, which would get the answers. */
static void exhaust(struct way w)
{
	static const struct lb_nat other = {.back = 1, .real = REAL_B};
	struct spec s = sent(w, w.proto == PROTO_TCP ? SYN : 0);
	struct lb_flow6 key;

	flood_world(w);
	for (int i = 0; i < TRIES; i++) {
		key = back_key(w, port_of(s));
		(void)runner_put("lbx_nat", &key, &other);
	}
	tap_equal(world_entries("lbx_nat"), TRIES, "sources asked for");
	frame_build(&frame, &s);
	world_run(&frame, (struct expect){.verdict = LB_NAT_FULL, .event = FLOOD}, NULL);
}

static void a_flow_in_a_flood_without_a_free_source_is_a_counted_drop(void)
{
	each_way(exhaust);
}

/* The table of running flows is full: the flow goes on by its slot. */
static void refuse(struct way w)
{
	struct lb_flow6 key = {.proto = 99};
	static const struct lb_nat row;

	if (w.proto != PROTO_TCP)
		return;
	flood_world(w);
	for (key.sport = 1; key.sport <= FLOWS_MAX; key.sport++)
		(void)runner_put("lbx_nat", &key, &row);
	flood_syn(w);
	expect(replied(w, SYN | ACK), returns(w, SYN | ACK), LB_NAT_REPLY);
	expect_event(sent(w, ACK), arrives(w, ACK), 1 + LB_EVENT_PROMOTE_FAILED);
	expect(replied(w, ACK), returns(w, ACK), LB_NAT_REPLY);
	expect_rows(FLOWS_MAX, 0);
}

static void a_full_table_leaves_flows_of_a_flood_in_their_slot(void)
{
	each_way(refuse);
}

static void time_out(struct way w)
{
	flood_world(w);
	expect_event(sent(w, SYN), arrives(w, SYN), FLOOD);
	set_timeout(w.proto == PROTO_TCP ? LB_FLOW_HALF_OPEN : LB_FLOW_UDP, -2);
	expect_end(replied(w, SYN | ACK), LB_NOT_OURS);
}

static void a_slot_is_good_for_as_long_as_a_handshake(void)
{
	each_way(time_out);
}

/* A long poll: its client says nothing until the real does. */
static void time_out_answered(struct way w)
{
	if (w.proto != PROTO_TCP)
		return;
	nat_world(w);
	expect_event(sent(w, ACK | PSH), arrives(w, ACK | PSH), MISS);
	expect(replied(w, ACK), returns(w, ACK), LB_NAT_REPLY);
	set_timeout(LB_FLOW_HALF_OPEN, -2);
	expect(replied(w, ACK | PSH), returns(w, ACK | PSH), LB_NAT_REPLY);
	set_timeout(LB_FLOW_ESTABLISHED, -2);
	expect_end(replied(w, ACK | PSH), LB_NOT_OURS);
}

static void and_once_the_real_has_answered_for_as_long_as_a_flow(void)
{
	each_way(time_out_answered);
}

static void end_slots(uint32_t tick)
{
	struct lb_settings s = world_settings();

	s.brief_since = tick;
	world_set_settings(&s);
}

static void age_slot(struct lb_nat_brief *b)
{
	b->half.row.seen -= 200;
}

static void end_by_list(struct way w)
{
	int event = w.proto == PROTO_TCP ? MISS : FLOOD;

	if (w.proto == PROTO_TCP)
		nat_world(w);
	else
		flood_world(w);
	expect_event(sent(w, ACK), arrives(w, ACK), event);
	end_slots(runner_tick() - 100);
	expect(replied(w, ACK), returns(w, ACK), LB_NAT_REPLY);
	change_slots(age_slot);
	expect_end(replied(w, ACK), LB_NOT_OURS);
	expect_event(sent(w, ACK), arrives(w, ACK), event);
	expect(replied(w, ACK), returns(w, ACK), LB_NAT_REPLY);
	end_slots(runner_tick());
	expect_end(replied(w, ACK), LB_NOT_OURS);
}

static void what_the_daemon_ends_begins_anew_with_its_clients_next_packet(void)
{
	each_way(end_by_list);
}

/* Two clients that come by the same port, in the middle of their flows. */
static void hold(struct way w)
{
	struct spec s = sent(w, ACK), r = replied(w, ACK), b = returns(w, ACK);

	if (!w.snat || w.proto != PROTO_TCP)
		return;
	nat_world(w);
	s.src = b.dst = seconds[w.six];
	expect_event(sent(w, ACK), arrives(w, ACK), MISS);
	tap_equal(port_of(s), CLIENT_PORT, "the second's port, before the first has an answer");
	expect_event(sent(w, ACK), arrives(w, ACK), MISS);
	expect(replied(w, ACK), returns(w, ACK), LB_NAT_REPLY);
	expect_event(sent(w, ACK), arrives(w, ACK), MISS);
	r.dport = port_of(s);
	if (r.dport == CLIENT_PORT)
		tap_fail("both have one port");
	tap_equal(port_of(s), r.dport, "its port again");
	expect(replied(w, ACK), returns(w, ACK), LB_NAT_REPLY);
	expect(r, b, LB_NAT_REPLY);
	set_timeout(LB_FLOW_ESTABLISHED, -2);
	tap_equal(port_of(s), CLIENT_PORT, "the second's port, when the first is over");
}

static void who_answers_his_real_holds_his_slot_against_others(void)
{
	each_way(hold);
}

/* The mode is over, and entries are made: for the real and from the port that they had in it. */
static void talk_on_afterwards(struct way w)
{
	struct lb_service row;

	if (w.proto != PROTO_UDP)
		return;
	flood_world(w);
	w = choose_real(w, 0);
	expect_event(sent(w, 0), arrives(w, 0), FLOOD);
	row = world_service();
	row.flood_until = runner_tick() - 4;
	world_set_service(&row);
	for (int i = 0; i < 3; i++) {
		expect(sent(w, 0), arrives(w, 0), LB_FORWARDED);
		expect(replied(w, 0), returns(w, 0), LB_NAT_REPLY);
	}
	expect_rows(2, 0);
	tap_equal(flows(w), 1, "flows");
}

static void datagrams_of_a_flood_go_on_alike_when_it_is_over(void)
{
	each_way(talk_on_afterwards);
}

static void move_client(struct way w)
{
	struct spec s = sent(w, SYN), b = returns(w, SYN | ACK);

	flood_world(w);
	expect_event(s, arrives(w, SYN), FLOOD);
	s.src_mac = b.dst_mac = mac_other;
	expect_event(s, arrives(w, SYN), FLOOD);
	expect(replied(w, SYN | ACK), b, LB_NAT_REPLY);
}

static void replies_follow_the_router_that_the_client_comes_by(void)
{
	each_way(move_client);
}

static void end(struct way w)
{
	uint32_t real = REAL_A, service = VIP_SERVICE;
	struct spec s = sent(w, SYN), r = replied(w, SYN | ACK);
	struct lb_real row;

	flood_world(w);
	expect_event(s, arrives(w, SYN), FLOOD);
	s.ttl = r.ttl = 1;
	frame_build(&frame, &s);
	world_run(&frame, (struct expect){.verdict = LB_HOP_LIMIT, .event = FLOOD}, NULL);
	expect_end(r, LB_HOP_LIMIT);
	s.ttl = 64;
	if (w.snat) {
		(void)runner_del("lbx_pools", &service);
		frame_build(&frame, &s);
		world_run(&frame, (struct expect){.verdict = LB_NAT_FULL, .event = FLOOD}, NULL);
	}
	(void)runner_get("lbx_reals", &real, &row);
	row.flags &= ~LB_REAL_HAS_MAC;
	(void)runner_put("lbx_reals", &real, &row);
	frame_build(&frame, &s);
	world_run(&frame, (struct expect){.verdict = LB_NO_NEIGHBOUR, .event = FLOOD}, NULL);
}

static void what_cannot_be_sent_in_a_flood_is_a_counted_drop(void)
{
	each_way(end);
}

/* Later fragments ask for a row. */
static void fragment(struct way w)
{
	struct spec s = sent(w, w.proto == PROTO_TCP ? SYN : 0);

	if (w.six)
		return;
	flood_world(w);
	s.payload = w.proto == PROTO_TCP ? 60 : 64;
	frame_build(&frame, &s);
	frame_set16(&frame, frame.l3 + 6, 0x2000);
	frame_set16(&frame, frame.l3 + 10, 0);
	tap_equal((uint64_t)runner_run(&frame), 3, "XDP_TX");
	expect_rows(0, 2);
}

static void a_first_fragment_makes_rows_in_a_flood_too(void)
{
	each_way(fragment);
}

/* on_miss: hash, after the tables were lost. The real may know the flow, or not. */
static void miss(struct way w)
{
	static const uint8_t flags[] = {ACK, ACK | PSH, ACK | FIN, SYN | ACK, RST};

	if (w.proto != PROTO_TCP)
		return;
	for (size_t i = 0; i < sizeof(flags); i++) {
		nat_world(w);
		w = choose_real(w, flags[i]);
		for (unsigned missed = 2; missed < 5; missed++) {
			expect_event(sent(w, flags[i]), arrives(w, flags[i]), MISS);
			expect(replied(w, i ? RST : ACK), returns(w, i ? RST : ACK), LB_NAT_REPLY);
			tap_equal(world_service().missed, missed, "missed");
		}
		expect_rows(0, 0);
		tap_equal(flows(w), 0, "flows");
	}
}

static void the_middle_of_an_unknown_flow_goes_by_the_hash(void)
{
	each_way(miss);
}

/* on_miss: drop. */
static void drop_miss(struct way w)
{
	static const uint8_t flags[] = {ACK, ACK | PSH, ACK | FIN, SYN | ACK, RST};
	struct lb_service row;

	if (w.proto != PROTO_TCP)
		return;
	nat_world(w);
	row = world_service();
	row.on_miss = LB_ON_MISS_DROP;
	world_set_service(&row);
	for (size_t i = 0; i < sizeof(flags); i++)
		expect_end(sent(w, flags[i]), LB_MISS);
	expect_end(replied(w, ACK), LB_NOT_OURS);
	tap_equal(world_service().missed, sizeof(flags), "missed");
}

static void or_nowhere_where_the_service_says_so(void)
{
	each_way(drop_miss);
}

/* Only the flow's entry was lost; the hash says another real, and what the old one says is over. */
static void miss_elsewhere(struct way w)
{
	struct spec a = arrives(w, ACK), r = replied(w, ACK);
	const char *map = w.six ? "lbx_flows6" : "lbx_flows4";
	uint8_t key[64];

	if (w.proto != PROTO_TCP)
		return;
	nat_world(w);
	open_flow(w);
	expect(sent(w, ACK), arrives(w, ACK), LB_FORWARDED);
	tap_equal((uint64_t)runner_next(map, NULL, key), 0, "the flow");
	(void)runner_del(map, key);
	world_ring((uint32_t[]){REAL_B}, 1);
	a.dst = r.src = others[w.six];
	a.dst_mac = mac_second;
	expect_event(sent(w, ACK), a, MISS);
	expect_rows(0, 0);
	expect(r, returns(w, ACK), LB_NAT_REPLY);
	expect_end(replied(w, ACK), LB_NOT_OURS);
}

static void rows_to_another_real_than_the_hash_says_go(void)
{
	each_way(miss_elsewhere);
}

/* Its rows were not lost, and say what the hash does. */
static void miss_here(struct way w)
{
	const char *map = w.six ? "lbx_flows6" : "lbx_flows4";
	uint8_t key[64];

	if (w.proto != PROTO_TCP)
		return;
	nat_world(w);
	open_flow(w);
	tap_equal((uint64_t)runner_next(map, NULL, key), 0, "the flow");
	(void)runner_del(map, key);
	expect_event(sent(w, ACK), arrives(w, ACK), MISS);
	expect(replied(w, ACK), returns(w, ACK), LB_NAT_REPLY);
	expect_rows(2, 0);
}

static void rows_that_say_what_the_hash_does_serve_on(void)
{
	each_way(miss_here);
}

static void miss_by_another_router(struct way w)
{
	struct spec s = sent(w, ACK), b = returns(w, ACK);
	const char *map = w.six ? "lbx_flows6" : "lbx_flows4";
	uint8_t key[64];

	if (w.proto != PROTO_TCP)
		return;
	nat_world(w);
	open_flow(w);
	tap_equal((uint64_t)runner_next(map, NULL, key), 0, "the flow");
	(void)runner_del(map, key);
	s.src_mac = b.dst_mac = mac_other;
	expect_event(s, arrives(w, ACK), MISS);
	expect(replied(w, ACK), b, LB_NAT_REPLY);
	expect_rows(2, 0);
}

static void and_follow_the_router_that_the_client_comes_by(void)
{
	each_way(miss_by_another_router);
}

void cases_nat_flood(void)
{
	tap_case("who answers in a flood gets rows, and a SYN does not",
		 who_answers_in_a_flood_gets_rows_and_a_SYN_does_not);
	tap_case("who guesses in a flood gets none", who_guesses_in_a_flood_gets_none);
	tap_case("bare ACKs in a flood make no rows", bare_ACKs_in_a_flood_make_no_rows);
	tap_case("who loses his slot goes on with the next packet",
		 who_loses_his_slot_goes_on_with_the_next_packet);
	tap_case("datagrams in a flood are translated both ways",
		 datagrams_in_a_flood_are_translated_both_ways);
	tap_case("datagrams at the end of a flood get rows",
		 datagrams_at_the_end_of_a_flood_get_rows);
	tap_case("who has a source keeps it in a flood", who_has_a_source_keeps_it_in_a_flood);
	tap_case("a flow in a flood without a free source is a counted drop",
		 a_flow_in_a_flood_without_a_free_source_is_a_counted_drop);
	tap_case("a full table leaves flows of a flood in their slot",
		 a_full_table_leaves_flows_of_a_flood_in_their_slot);
	tap_case("a slot is good for as long as a handshake",
		 a_slot_is_good_for_as_long_as_a_handshake);
	tap_case("and, once the real has answered, for as long as a flow",
		 and_once_the_real_has_answered_for_as_long_as_a_flow);
	tap_case("what the daemon ends begins anew with its client's next packet",
		 what_the_daemon_ends_begins_anew_with_its_clients_next_packet);
	tap_case("who answers his real holds his slot against others",
		 who_answers_his_real_holds_his_slot_against_others);
	tap_case("datagrams of a flood go on alike when it is over",
		 datagrams_of_a_flood_go_on_alike_when_it_is_over);
	tap_case("replies in a flood follow the router that the client comes by",
		 replies_follow_the_router_that_the_client_comes_by);
	tap_case("what cannot be sent in a flood is a counted drop",
		 what_cannot_be_sent_in_a_flood_is_a_counted_drop);
	tap_case("a first fragment makes rows in a flood too",
		 a_first_fragment_makes_rows_in_a_flood_too);
	tap_case("the middle of an unknown flow goes by the hash",
		 the_middle_of_an_unknown_flow_goes_by_the_hash);
	tap_case("or nowhere, where the service says so", or_nowhere_where_the_service_says_so);
	tap_case("rows to another real than the hash says go",
		 rows_to_another_real_than_the_hash_says_go);
	tap_case("rows that say what the hash does serve on",
		 rows_that_say_what_the_hash_does_serve_on);
	tap_case("and follow the router that the client comes by",
		 and_follow_the_router_that_the_client_comes_by);
}
