/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Lists of clients, and reals that are reset, where packets are translated. What runs is ended by
 * the daemon (user/dataplane/judge.c): it marks or takes out the flow, and takes out its rows.
 */
#include "cases.h"
#include "nat_ways.h"

#include <string.h>

enum { LIST = 7 };

static void refuse_all(void)
{
	world_acl(LIST, "0.0.0.0", 0, LB_ACL_DENY);
	world_acl(LIST, "::", 0, LB_ACL_DENY);
	world_gate(LIST, false);
}

static void empty(const char *map)
{
	uint8_t key[64];

	while (!runner_next(map, NULL, key))
		if (runner_del(map, key))
			return;
}

static void expect_no_rows(void)
{
	tap_equal(world_entries("lbx_nat"), 0, "rows");
	tap_equal(world_entries("lbx_nat_half"), 0, "half-open rows");
}

static void refuse_new(struct way w)
{
	nat_world(w);
	refuse_all();
	expect_end(sent(w, SYN), LB_ACL);
	expect_no_rows();
	tap_equal(world_denied(), 1, "denied");
}

static void a_refused_client_gets_no_translation(void)
{
	each_way(refuse_new);
}

static void not_asked_again(struct way w)
{
	nat_world(w);
	open_flow(w);
	refuse_all();
	expect(sent(w, ACK), arrives(w, ACK), LB_FORWARDED);
	expect(replied(w, ACK), returns(w, ACK), LB_NAT_REPLY);
	tap_equal(world_denied(), 0, "denied");
}

static void a_running_translated_flow_is_not_asked_again(void)
{
	each_way(not_asked_again);
}

/* The one flow there is, as the daemon leaves it. */
static void deny(struct way w)
{
	const char *map = w.six ? "lbx_flows6" : "lbx_flows4";
	uint8_t key[64];
	struct lb_flow f;

	empty("lbx_nat");
	empty("lbx_nat_half");
	if (runner_next(map, NULL, key) || runner_get(map, key, &f)) {
		tap_fail("there is no flow");
		return;
	}
	f.state = LB_FLOW_DENIED;
	if (w.proto == PROTO_TCP)
		(void)runner_put(map, key, &f);
	else
		(void)runner_del(map, key);
}

static struct spec reset_of(struct way w)
{
	struct spec s = returns(w, RST);

	s.tags = 0;
	s.payload = 0;
	s.ttl = HOPS;
	s.seq = SEQUENCE + 1;
	return s;
}

static void deny_running(struct way w)
{
	bool tcp = w.proto == PROTO_TCP;

	nat_world(w);
	open_flow(w);
	refuse_all();
	deny(w);
	for (int i = 0; i < 2; i++) {
		expect_end(replied(w, ACK), LB_NOT_OURS);
		if (tcp)
			expect(sent(w, ACK), reset_of(w), LB_RESET);
		else
			expect_end(sent(w, ACK), LB_ACL);
		expect_no_rows();
	}
	tap_equal(world_denied(), tcp ? 0 : 2, "denied");
}

static void what_a_new_list_ended_is_translated_no_more_whoever_sends(void)
{
	each_way(deny_running);
}

static void halt_running(struct way w)
{
	nat_world(w);
	open_flow(w);
	empty("lbx_nat");
	world_real(REAL_A, REAL_GOOD | LB_REAL_NAT | LB_REAL_RESET, IFINDEX);
	world_ring(NULL, 0);
	expect_end(replied(w, ACK), LB_NOT_OURS);
	if (w.proto == PROTO_TCP)
		expect(sent(w, ACK), reset_of(w), LB_RESET);
	else
		expect_end(sent(w, ACK), LB_NO_REAL);
	expect_end(replied(w, ACK), LB_NOT_OURS);
	expect_no_rows();
}

static void what_a_halt_ended_is_translated_no_more_whoever_sends(void)
{
	each_way(halt_running);
}

void cases_nat_acl(void)
{
	tap_case("nat: a refused client gets no translation", a_refused_client_gets_no_translation);
	tap_case("nat: a running translated flow is not asked again",
		 a_running_translated_flow_is_not_asked_again);
	tap_case("nat: what a new list ended is translated no more, whoever sends",
		 what_a_new_list_ended_is_translated_no_more_whoever_sends);
	tap_case("nat: what a halt ended is translated no more, whoever sends",
		 what_a_halt_ended_is_translated_no_more_whoever_sends);
}
