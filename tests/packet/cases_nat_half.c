/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Translated flows that begin: what earns a place in lbx_nat, and what becomes of a flow one of
 * whose half-open rows is lost.
 */
#include "cases.h"
#include "nat_ways.h"

#include <string.h>

enum { TRIES = 16 }; /* sources that a flow asks for */

static void expect_rows(unsigned rows, unsigned half)
{
	tap_equal(world_entries("lbx_nat"), rows, "rows");
	tap_equal(world_entries("lbx_nat_half"), half, "half-open rows");
}

/* Of the flow that spec_of describes, from port to the real. */
static struct lb_flow6 out_key(struct way w)
{
	struct lb_flow6 key = {.dport = 443, .sport = CLIENT_PORT, .proto = w.proto};

	frame_mapped(key.src, clients[w.six]);
	frame_mapped(key.dst, vips[w.six]);
	return key;
}

static struct lb_flow6 back_key(struct way w, uint16_t port)
{
	struct lb_flow6 key = {.dport = port, .sport = REAL_PORT, .proto = w.proto};

	frame_mapped(key.src, reals[w.six]);
	frame_mapped(key.dst, seen_as(w));
	return key;
}

static void lose_row(struct lb_flow6 key)
{
	tap_equal((uint64_t)runner_del("lbx_nat_half", &key), 0, "the row that is lost");
}

/* Sends the packet; returns the source port that the real sees. */
static uint16_t port_of(struct spec s)
{
	frame_build(&frame, &s);
	tap_equal((uint64_t)runner_run(&frame), 3, "XDP_TX");
	return (uint16_t)(frame.byte[frame.l4] << 8 | frame.byte[frame.l4 + 1]);
}

static struct spec acknowledges(struct spec s, uint32_t ack)
{
	s.ack = ack;
	return s;
}

static void earn(struct way w)
{
	struct spec s = sent(w, ACK), a = arrives(w, ACK);

	nat_world(w);
	expect(sent(w, SYN), arrives(w, SYN), LB_FORWARDED);
	expect(s, a, LB_FORWARDED);
	expect_rows(0, 2);
	expect(replied(w, SYN | ACK), returns(w, SYN | ACK), LB_NAT_REPLY);
	expect(sent(w, SYN), arrives(w, SYN), LB_FORWARDED);
	expect_rows(w.proto == PROTO_TCP ? 0 : 2, w.proto == PROTO_TCP ? 2 : 0);
	expect(s, a, LB_FORWARDED);
	expect_rows(2, 0);
}

static void who_answers_the_answer_earns_a_place(void)
{
	each_way(earn);
}

/* The client's acknowledgement, from the start of what the real said. */
static void guess(struct way w)
{
	static const struct {
		uint32_t off;
		bool earns;
	} rows[] = {
		{0x80000000, false},
                {65536,      false},
                {-65536,     false},
		{65535,      true },
                {-65535,     true },
                {0,          true },
	};

	if (w.proto != PROTO_TCP)
		return;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		uint32_t ack = SEQUENCE + 1 + rows[i].off;

		nat_world(w);
		begin_flow(w);
		expect(acknowledges(sent(w, ACK), ack), acknowledges(arrives(w, ACK), ack),
		       LB_FORWARDED);
		expect_rows(rows[i].earns ? 2 : 0, rows[i].earns ? 0 : 2);
	}
}

static void who_guesses_what_the_real_said_earns_nothing(void)
{
	each_way(guess);
}

static void reset(struct way w)
{
	if (w.proto != PROTO_TCP)
		return;
	nat_world(w);
	expect(sent(w, SYN), arrives(w, SYN), LB_FORWARDED);
	expect(replied(w, RST | ACK), returns(w, RST | ACK), LB_NAT_REPLY);
	expect(sent(w, ACK), arrives(w, ACK), LB_FORWARDED);
	expect_rows(0, 2);
	begin_flow(w);
	expect(sent(w, RST | ACK), arrives(w, RST | ACK), LB_FORWARDED);
	expect_rows(0, 2);
}

static void resets_earn_nothing(void)
{
	each_way(reset);
}

/* The client's row made room: the real still answers, and the next packet makes it anew. */
static void lose_out(struct way w)
{
	nat_world(w);
	expect(sent(w, SYN), arrives(w, SYN), LB_FORWARDED);
	lose_row(out_key(w));
	expect(replied(w, SYN | ACK), returns(w, SYN | ACK), LB_NAT_REPLY);
	lose_row(back_key(w, CLIENT_PORT));
	expect(sent(w, ACK), arrives(w, ACK), LB_FORWARDED);
	lose_row(out_key(w));
	expect(sent(w, ACK), arrives(w, ACK), LB_FORWARDED);
	expect_rows(0, 2);
	expect(replied(w, ACK), returns(w, ACK), LB_NAT_REPLY);
	expect(sent(w, ACK), arrives(w, ACK), LB_FORWARDED);
	expect_rows(2, 0);
}

static void a_lost_row_of_the_clients_is_made_anew(void)
{
	each_way(lose_out);
}

static void lose_back(struct way w)
{
	nat_world(w);
	begin_flow(w);
	lose_row(back_key(w, CLIENT_PORT));
	expect_end(replied(w, SYN | ACK), LB_NOT_OURS);
	expect(sent(w, SYN), arrives(w, SYN), LB_FORWARDED);
	expect(replied(w, SYN | ACK), returns(w, SYN | ACK), LB_NAT_REPLY);
	expect(sent(w, ACK), arrives(w, ACK), LB_FORWARDED);
	expect_rows(2, 0);
}

static void a_lost_row_of_the_replies_is_made_anew(void)
{
	each_way(lose_back);
}

/* What a flow had goes to another: it gets another source then, and the real's answers are the
 * other's. Promoted or not. */
static void lose_port(struct way w, bool promoted)
{
	static const char *const second[] = {"10.77.0.3", "fd77::3"};
	struct spec s = sent(w, SYN), a = arrives(w, SYN), b = returns(w, SYN | ACK);

	if (!w.snat)
		return;
	nat_world(w);
	begin_flow(w);
	lose_row(back_key(w, CLIENT_PORT));
	s.src = b.dst = second[w.six];
	expect(s, a, LB_FORWARDED);
	expect(replied(w, SYN | ACK), b, LB_NAT_REPLY);
	if (promoted) {
		s = sent(w, ACK);
		s.src = second[w.six];
		expect(s, arrives(w, ACK), LB_FORWARDED);
	}
	if (port_of(sent(w, SYN)) == CLIENT_PORT)
		tap_fail("two flows have one source");
	expect(replied(w, SYN | ACK), b, LB_NAT_REPLY);
	expect_rows(promoted ? 2 : 0, promoted ? 2 : 4);
}

static void lose_port_half(struct way w)
{
	lose_port(w, false);
}

static void lose_port_promoted(struct way w)
{
	lose_port(w, true);
}

static void a_source_that_went_to_another_flow_is_not_used_on(void)
{
	each_way(lose_port_half);
	each_way(lose_port_promoted);
}

/* The table of running flows is full: it goes on as it is, and is promoted when there is room. */
static void refuse(struct way w)
{
	struct lb_flow6 key = {.proto = 99};
	static const struct lb_nat row;
	struct expect e = {
		.verdict = LB_FORWARDED, .event = 1 + LB_EVENT_PROMOTE_FAILED, .sent = &want};
	struct spec s = sent(w, ACK), a = arrives(w, ACK);

	nat_world(w);
	begin_flow(w);
	for (key.sport = 1; key.sport <= FLOWS_MAX; key.sport++)
		(void)runner_put("lbx_nat", &key, &row);
	for (int free = 0; free < 2; free++) { /* none, and one for the first of the two rows */
		frame_build(&frame, &s);
		frame_build(&want, &a);
		world_run(&frame, e, NULL);
		expect(replied(w, ACK), returns(w, ACK), LB_NAT_REPLY);
		expect_rows(FLOWS_MAX - (unsigned)free, 2);
		key.sport--;
		(void)runner_del("lbx_nat", &key);
	}
	expect(s, a, LB_FORWARDED);
	expect_rows(FLOWS_MAX, 0);
	expect(replied(w, ACK), returns(w, ACK), LB_NAT_REPLY);
}

static void a_full_table_leaves_flows_half_open(void)
{
	each_way(refuse);
}

/* Gives every source that the client's SYN asks for to another flow, until it gets none or keeps
 * one that was given already. Returns how many. */
static int give_away(struct way w, const char *map)
{
	struct lb_nat_half other = {
		.row = {.back = 1, .real = REAL_B}
        };
	uint16_t last = 0;

	for (int i = 0; i <= TRIES; i++) {
		struct spec s = sent(w, SYN);
		struct lb_flow6 key;
		uint16_t port;

		frame_build(&frame, &s);
		if (runner_run(&frame) != 3)
			return i;
		port = (uint16_t)(frame.byte[frame.l4] << 8 | frame.byte[frame.l4 + 1]);
		if (port == last)
			return i;
		last = port;
		key = out_key(w);
		lose_row(key);
		key = back_key(w, port);
		lose_row(key);
		(void)runner_put(map, &key, &other);
	}
	return -1;
}

static void exhaust(struct way w)
{
	nat_world(w);
	tap_equal((uint64_t)give_away(w, "lbx_nat"), TRIES, "sources asked for");
	expect_end(sent(w, SYN), LB_NAT_FULL);
	expect_rows(TRIES, 0);
	nat_world(w);
	tap_equal((uint64_t)give_away(w, "lbx_nat_half"), TRIES, "sources asked for");
	expect_rows(0, TRIES + 1);
}

static void who_finds_no_free_source_takes_one_that_is_half_open(void)
{
	each_way(exhaust);
}

/* The id of a real that is gone was given to another one. */
static void reuse(struct way w)
{
	struct spec s = sent(w, SYN), a = arrives(w, SYN);

	nat_world(w);
	expect(s, a, LB_FORWARDED);
	world_nat_real(REAL_A, others[w.six], REAL_PORT, w.snat);
	a.dst = others[w.six];
	expect(s, a, LB_FORWARDED);
	expect_end(replied(w, SYN | ACK), LB_NOT_OURS);
	expect_rows(0, 2);
}

static void rows_of_a_real_that_is_gone_serve_no_other(void)
{
	each_way(reuse);
}

static void move_client(struct way w)
{
	struct spec s = sent(w, SYN), b = returns(w, SYN | ACK);

	nat_world(w);
	begin_flow(w);
	s.src_mac = b.dst_mac = mac_other;
	expect(s, arrives(w, SYN), LB_FORWARDED);
	expect(replied(w, SYN | ACK), b, LB_NAT_REPLY);
}

static void replies_of_a_half_open_flow_follow_the_clients_router(void)
{
	each_way(move_client);
}

void cases_nat_half(void)
{
	tap_case("who answers the real's answer earns a place",
		 who_answers_the_answer_earns_a_place);
	tap_case("who guesses what the real said earns nothing",
		 who_guesses_what_the_real_said_earns_nothing);
	tap_case("resets earn nothing", resets_earn_nothing);
	tap_case("a lost row of the client's is made anew", a_lost_row_of_the_clients_is_made_anew);
	tap_case("a lost row of the replies is made anew", a_lost_row_of_the_replies_is_made_anew);
	tap_case("a source that went to another flow is not used on",
		 a_source_that_went_to_another_flow_is_not_used_on);
	tap_case("a full table leaves flows half-open", a_full_table_leaves_flows_half_open);
	tap_case("who finds no free source takes one that is half-open",
		 who_finds_no_free_source_takes_one_that_is_half_open);
	tap_case("rows of a real that is gone serve no other",
		 rows_of_a_real_that_is_gone_serve_no_other);
	tap_case("replies of a half-open flow follow the client's router",
		 replies_of_a_half_open_flow_follow_the_clients_router);
}
