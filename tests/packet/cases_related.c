/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ICMP errors that quote what a real sent as the VIP (R111, F11). Each row runs for flows of both
 * reals, with none, one and two tags.
 */
#include "cases.h"
#include "world.h"

#include <string.h>

#define ROUTER4 "10.77.0.9"
#define ROUTER6 "fd77::9"
#define VIP4    "10.77.0.100"
#define CLIENT4 "10.77.0.2"
#define VIP6    "fd77::100"
#define CLIENT6 "fd77::2"
#define ERROR   (1 + LB_EVENT_ICMP_ERROR)

enum { PORT_A = 40000, PORT_B = 40001, QUOTE_SHORT4 = 28, QUOTE_SHORT6 = 48 };

static struct frame frame, quoted;

struct error {
	const char *name;
	struct spec outer;     /* the error: family, type, code, headers */
	struct spec inner;     /* the quoted packet: protocol, headers, addresses if not usual */
	uint16_t quote;        /* bytes of it that are quoted; 0: all */
	uint16_t spoil, value; /* the quoted byte that is another, and what it is then */
	enum lb_verdict verdict;
	bool any; /* whichever real the hash names */
};

static const uint8_t hop_by_hop[] = {PROTO_TCP, 0, 1, 4, 0, 0, 0, 0};
static const uint8_t hop_by_hop_udp[] = {PROTO_UDP, 0, 1, 4, 0, 0, 0, 0};
static const uint8_t routing_4[] = {PROTO_TCP, 0, 4, 0, 0, 0, 0, 0};
static const uint8_t fragment_first[] = {PROTO_TCP, 0, 0, 1, 0, 0, 0, 9};
static const uint8_t fragment_later[] = {PROTO_TCP, 0, 0, 9, 0, 0, 0, 9};
static const uint8_t six_hops[48] = {[40] = PROTO_TCP};
static const uint8_t seven_hops[56] = {[48] = PROTO_TCP};
static const uint8_t outer_chain[] = {PROTO_ICMP6, 0, 1, 4, 0, 0, 0, 0};

#define FOUR(t, c)                                                                                 \
	{                                                                                          \
		.type = t, .code = c                                                               \
	}
#define SIX(t, c)                                                                                  \
	{                                                                                          \
		.six = true, .type = t, .code = c                                                  \
	}
#define CHAIN(bytes, kind) .chain = bytes, .chain_len = sizeof(bytes), .first = kind
#define SPOIL(at, byte)    .spoil = at, .value = byte
#define SENT               .verdict = LB_FORWARDED
#define GUESSED            .verdict = LB_FORWARDED, .any = true
#define NO_FLOW            .verdict = LB_ICMP_NO_FLOW
#define HOST               .verdict = LB_NOT_OURS
#define BAD                .verdict = LB_BAD_ICMP

/* clang-format off */
static const struct error errors[] = {
	{"fragmentation needed", FOUR(3, 4), {.payload = 1400}, .quote = QUOTE_SHORT4, SENT},
	{"fragmentation needed, quoted at length", FOUR(3, 4), {.payload = 500}, SENT},
	{"host unreachable", FOUR(3, 1), {}, .quote = QUOTE_SHORT4, SENT},
	{"port unreachable", FOUR(3, 3), {.proto = PROTO_UDP}, .quote = QUOTE_SHORT4, SENT},
	{"time exceeded", FOUR(11, 0), {}, .quote = QUOTE_SHORT4, SENT},
	{"parameter problem", FOUR(12, 0), {}, .quote = QUOTE_SHORT4, SENT},
	{"4 bytes of options quoted", FOUR(3, 4), {.options = 4}, .quote = 32, SENT},
	{"40 bytes of options quoted", FOUR(3, 4), {.options = 40}, .quote = 68, SENT},
	{"options of its own", {.type = 3, .code = 4, .options = 40}, {.options = 8}, .quote = 36,
	 SENT},
	{"a first fragment quoted", FOUR(3, 4), {.payload = 84}, SPOIL(6, 0x20), SENT},
	{"a later fragment quoted", FOUR(3, 4), {.payload = 84}, SPOIL(7, 1), NO_FLOW},
	{"7 bytes of TCP quoted", FOUR(3, 4), {}, .quote = QUOTE_SHORT4 - 1, BAD},
	{"no TCP quoted", FOUR(3, 4), {}, .quote = 20, BAD},
	{"19 bytes quoted", FOUR(3, 4), {}, .quote = 19, BAD},
	{"options cut short", FOUR(3, 4), {.options = 40}, .quote = 59, BAD},
	{"options longer than the quote", FOUR(3, 4), {}, SPOIL(0, 0x4f), .quote = 40, BAD},
	{"a quoted header length of 4", FOUR(3, 4), {}, SPOIL(0, 0x44), BAD},
	{"IPv6 quoted in IPv4", FOUR(3, 4), {}, SPOIL(0, 0x65), BAD},
	{"a packet of somebody else quoted", FOUR(3, 4), {.src = "10.77.0.101"}, HOST},
	{"another port quoted", FOUR(3, 4), {.sport = 444}, HOST},
	{"another protocol quoted", FOUR(3, 4), {.proto = PROTO_ICMP4}, HOST},
	{"another client quoted", FOUR(3, 4), {.dst = "10.77.0.3"}, GUESSED},
	{"to another host's MAC", {.type = 3, .code = 4, .dst_mac = mac_other}, {}, HOST},
	{"for another address", {.type = 3, .code = 4, .dst = "10.77.0.101"}, {}, HOST},
	{"source quench (RFC 6633)", FOUR(4, 0), {}, HOST},
	{"redirect", FOUR(5, 1), {}, HOST},

	{"v6: packet too big", SIX(2, 0), {.payload = 1400}, .quote = 1232, SENT},
	{"v6: 8 bytes of TCP quoted", SIX(2, 0), {}, .quote = QUOTE_SHORT6, SENT},
	{"v6: unreachable", SIX(1, 3), {}, SENT},
	{"v6: port unreachable", SIX(1, 4), {.proto = PROTO_UDP}, SENT},
	{"v6: time exceeded", SIX(3, 0), {}, SENT},
	{"v6: parameter problem", SIX(4, 1), {}, SENT},
	{"v6: behind an extension header", {.six = true, .type = 2, CHAIN(outer_chain, 0)}, {}, SENT},
	{"v6: hop-by-hop options quoted", SIX(2, 0), {CHAIN(hop_by_hop, 0)}, .quote = 56, SENT},
	{"v6: hop-by-hop options of UDP quoted", SIX(2, 0), {.proto = PROTO_UDP,
	 CHAIN(hop_by_hop_udp, 0)}, SENT},
	{"v6: a routing header quoted", SIX(2, 0), {CHAIN(routing_4, 43)}, SENT},
	{"v6: six extensions quoted", SIX(2, 0), {CHAIN(six_hops, 0)}, SENT},
	{"v6: six extensions quoted behind one", {.six = true, .type = 2, CHAIN(outer_chain, 0)},
	 {CHAIN(six_hops, 0)}, SENT},
	{"v6: seven extensions quoted", SIX(2, 0), {CHAIN(seven_hops, 0)}, BAD},
	{"v6: a first fragment quoted", SIX(2, 0), {CHAIN(fragment_first, 44)}, SENT},
	{"v6: a later fragment quoted", SIX(2, 0), {CHAIN(fragment_later, 44)}, NO_FLOW},
	{"v6: 7 bytes of TCP quoted", SIX(2, 0), {}, .quote = QUOTE_SHORT6 - 1, BAD},
	{"v6: 39 bytes quoted", SIX(2, 0), {}, .quote = 39, BAD},
	{"v6: an extension cut short", SIX(2, 0), {CHAIN(hop_by_hop, 0)}, .quote = 47, BAD},
	{"v6: an extension and no TCP", SIX(2, 0), {CHAIN(hop_by_hop, 0)}, .quote = 48, BAD},
	{"v6: an extension longer than the quote", SIX(2, 0), {CHAIN(hop_by_hop, 0)},
	 SPOIL(41, 20), BAD},
	{"v6: IPv4 quoted in IPv6", SIX(2, 0), {}, SPOIL(0, 0x45), BAD},
	{"v6: a packet of somebody else quoted", SIX(2, 0), {.src = "fd77::101"}, HOST},
	{"v6: another port quoted", SIX(2, 0), {.sport = 444}, HOST},
	{"v6: another protocol quoted", SIX(2, 0), {.proto = PROTO_ICMP6}, HOST},
	{"v6: another client quoted", SIX(2, 0), {.dst = "fd77::3"}, GUESSED},
	{"v6: to another host's MAC", {.six = true, .type = 2, .dst_mac = mac_other}, {}, HOST},
	{"v6: for another address", {.six = true, .type = 2, .dst = "fd77::101"}, {}, HOST},
	{"v6: no error", SIX(5, 0), {}, HOST},
	{"v6: type 0", SIX(0, 0), {}, HOST},
};
/* clang-format on */

/* A router's message about what the VIP sent to the client's port. */
static void error_build(struct frame *f, const struct error *e, uint16_t port, unsigned tags)
{
	struct spec inner = e->inner, outer = e->outer;
	size_t len;

	inner.six = outer.six;
	inner.src = inner.src ? inner.src : outer.six ? VIP6 : VIP4;
	inner.dst = inner.dst ? inner.dst : outer.six ? CLIENT6 : CLIENT4;
	inner.sport = inner.sport ? inner.sport : 443;
	inner.dport = port;
	inner.flags = ACK;
	frame_build(&quoted, &inner);
	len = e->quote ? e->quote : quoted.len - quoted.l3;
	if (e->spoil || e->value)
		quoted.byte[quoted.l3 + e->spoil] = e->value;
	outer.tags = tags;
	outer.proto = outer.six ? PROTO_ICMP6 : PROTO_ICMP4;
	outer.src = outer.six ? ROUTER6 : ROUTER4;
	outer.payload = len;
	frame_build(f, &outer);
	memcpy(f->byte + f->l4 + 8, quoted.byte + quoted.l3, len);
}

static void run_error(const struct error *e, uint16_t port, unsigned tags)
{
	struct expect x = {.verdict = e->verdict};

	if (x.verdict == LB_FORWARDED) {
		x.event = ERROR;
		x.real = e->any ? 0 : port == PORT_A ? REAL_A : REAL_B;
	}
	error_build(&frame, e, port, tags);
	world_run(&frame, x, NULL);
}

/* Packets of the client, from its two ports to both reals. */
static void begin_flows(bool six, uint8_t proto, unsigned packets)
{
	for (unsigned i = 0; i < packets; i++)
		for (uint16_t port = PORT_A; port <= PORT_B; port++) {
			frame_build(&frame, &(struct spec){.six = six,
							   .proto = proto,
							   .sport = port,
							   .flags = i ? ACK : SYN});
			(void)runner_run(&frame);
		}
}

static void each_error_has_its_verdict(void)
{
	for (size_t i = 0; i < sizeof(errors) / sizeof(*errors); i++) {
		const struct error *e = &errors[i];

		world_reset();
		begin_flows(e->outer.six, e->inner.proto, 3);
		for (unsigned k = 0; k < 6; k++) {
			tap_about("%s, flow %u, %u tags", e->name, k & 1, k >> 1);
			run_error(e, k & 1 ? PORT_B : PORT_A, k >> 1);
		}
	}
}

static const struct error usual[] = {
	{"IPv4", FOUR(3, 4), {.payload = 1400}, .quote = QUOTE_SHORT4, SENT},
	{"IPv6", SIX(2,  0), {.payload = 1400}, .quote = 1232,         SENT},
};

static void run_usual(int six, enum lb_verdict v, uint16_t port)
{
	struct error e = usual[six];

	e.verdict = v;
	tap_about("%s", e.name);
	run_error(&e, port, 0);
}

static void errors_of_each_kind_of_flow_are_sent(void)
{
	static const uint8_t protos[] = {PROTO_TCP, PROTO_UDP};

	for (unsigned i = 0; i < 12; i++) {
		struct error e = usual[i & 1];

		e.inner.proto = protos[i >> 1 & 1];
		world_reset();
		begin_flows(i & 1, e.inner.proto, i / 4 + 1);
		tap_about("%s, protocol %u, %u packets", e.name, e.inner.proto, i / 4 + 1);
		run_error(&e, PORT_A, 0);
		run_error(&e, PORT_B, 0);
	}
}

static void drop_misses(void)
{
	struct lb_service row = world_service();

	row.on_miss = LB_ON_MISS_DROP;
	world_set_service(&row);
}

static void nothing_is_known_of_flows_that_never_were(void)
{
	for (int six = 0; six < 2; six++) {
		world_reset();
		drop_misses();
		run_usual(six, LB_ICMP_NO_FLOW, PORT_A);
	}
}

/* Flows of a flood, of a full table, and after a failover have none. */
static void without_an_entry_the_error_goes_where_the_packets_go(void)
{
	static const uint8_t protos[] = {PROTO_TCP, PROTO_UDP};
	static const uint16_t quotes[][2] = {
		{QUOTE_SHORT4, QUOTE_SHORT6},
                {0,            0           }
        };

	for (unsigned i = 0; i < 120; i++) {
		struct error e = usual[i & 1];
		uint16_t port = 1000 + i;
		struct lb_service row;
		uint32_t real = 0, got = 0;

		world_reset();
		row = world_service();
		row.flood = (struct lb_flood){1000, 0};
		row.flood_until = runner_tick() + 100000;
		world_set_service(&row);
		if (i & 16)
			world_policy((struct lb_policy){.scheduler = LB_SCHEDULER_TABLE});
		e.inner.proto = protos[i >> 1 & 1];
		e.quote = quotes[i >> 2 & 1][i & 1];
		frame_build(&frame, &(struct spec){.six = i & 1,
						   .proto = e.inner.proto,
						   .sport = port,
						   .flags = SYN});
		world_run(&frame, (struct expect){LB_FORWARDED, 1 + LB_EVENT_FLOOD, 0, NULL},
			  &real);
		error_build(&frame, &e, port, i % 3);
		tap_about("%s, protocol %u, port %u", e.name, e.inner.proto, port);
		world_run(&frame, (struct expect){LB_FORWARDED, ERROR, 0, NULL}, &got);
		tap_equal(got, real, "the real");
		tap_equal(world_service().missed, 0, "missed");
	}
}

static void no_error_is_sent_by_guess_where_no_packet_is(void)
{
	for (int six = 0; six < 2; six++) {
		world_reset();
		world_ring((uint32_t[]){0}, 0);
		run_usual(six, LB_ICMP_NO_FLOW, PORT_A); /* no usable real */
		world_reset();
		world_gate(7, false);
		world_acl(7, six ? "fd77::2" : "10.77.0.2", six ? 128 : 32, LB_ACL_DENY);
		run_usual(six, LB_ICMP_NO_FLOW, PORT_A); /* refused */
		tap_equal(world_denied(), 0, "packets of clients that are refused");
		world_reset();
		world_nat_real(REAL_A, "10.88.3.11", 0, false);
		world_nat_real(REAL_B, "10.88.3.12", 0, false);
		run_usual(six, LB_ICMP_NO_FLOW, PORT_A); /* translated */
	}
}

/* The flow may live: its real, at layer 7, is the host. */
static void errors_of_layer_7_are_left_to_the_host(void)
{
	for (int six = 0; six < 2; six++) {
		world_reset();
		world_gate(7, true);
		run_usual(six, LB_NOT_OURS, PORT_A);
	}
}

static void who_may_use_the_service_is_not_asked_of_routers(void)
{
	for (int six = 0; six < 2; six++) {
		world_reset();
		begin_flows(six, 0, 3);
		world_gate(7, false);
		run_usual(six, LB_FORWARDED, PORT_B);
	}
}

static void a_flow_that_expired_is_none(void)
{
	for (int six = 0; six < 2; six++) {
		world_reset();
		begin_flows(six, 0, 3);
		drop_misses();
		world_age(TICKS_ESTABLISHED + 1);
		run_usual(six, LB_ICMP_NO_FLOW, PORT_A);
		world_reset();
		drop_misses();
		begin_flows(six, 0, 1);
		world_age(TICKS_HALF_OPEN + 1);
		run_usual(six, LB_ICMP_NO_FLOW, PORT_A);
	}
}

static struct lb_flow flow_get(int six, void *key)
{
	const char *map = six ? "lbx_flows6" : "lbx_flows4";
	struct lb_flow f = {};

	if (runner_next(map, NULL, key) || runner_get(map, key, &f))
		tap_fail("no flow");
	return f;
}

static void a_flow_whose_client_is_refused_by_now_is_none(void)
{
	for (int six = 0; six < 2; six++) {
		struct lb_flow6 key;
		struct lb_flow f;

		world_reset();
		world_establish(six);
		f = flow_get(six, &key);
		f.state = LB_FLOW_DENIED;
		(void)runner_put(six ? "lbx_flows6" : "lbx_flows4", &key, &f);
		run_usual(six, LB_ICMP_NO_FLOW, PORT_A);
	}
}

static void a_halted_real_gets_no_errors(void)
{
	for (int six = 0; six < 2; six++) {
		world_reset();
		begin_flows(six, 0, 3);
		world_real(REAL_A, LB_REAL_HAS_MAC | LB_REAL_RESET, IFINDEX);
		run_usual(six, LB_ICMP_NO_FLOW, PORT_A);
		run_usual(six, LB_FORWARDED, PORT_B);
	}
}

/* Its flows go on, and need their path. */
static void a_draining_real_gets_them(void)
{
	for (int six = 0; six < 2; six++) {
		world_reset();
		begin_flows(six, 0, 3);
		world_real(REAL_A, LB_REAL_HAS_MAC | LB_REAL_UP, IFINDEX);
		run_usual(six, LB_FORWARDED, PORT_A);
	}
}

static void errors_reach_a_real_behind_another_interface(void)
{
	uint32_t ifindex = IFINDEX_FAR;

	for (int six = 0; six < 2; six++) {
		world_reset();
		(void)runner_put("lbx_tx", &ifindex, &(uint32_t){IFINDEX});
		world_real(REAL_A, REAL_GOOD, IFINDEX_FAR);
		begin_flows(six, 0, 3);
		run_usual(six, LB_FORWARDED, PORT_A);
	}
}

/* Else whoever guesses a flow's numbers could keep it, and its entry, for ever. */
static void an_error_leaves_its_flow_as_it_is(void)
{
	for (int six = 0; six < 2; six++) {
		struct lb_real_conns was;
		struct lb_flow6 key;
		struct lb_flow before, after;

		world_reset();
		world_establish(six);
		world_age(7);
		before = flow_get(six, &key);
		was = world_conns(REAL_A);
		run_usual(six, LB_FORWARDED, PORT_A);
		after = flow_get(six, &key);
		if (memcmp(&before, &after, sizeof(after)))
			tap_fail("the flow changed");
		after.state = world_entries(six ? "lbx_half6" : "lbx_half4");
		tap_equal(after.state, 0, "half-open flows");
		if (memcmp(&was, &(struct lb_real_conns[]){world_conns(REAL_A)}, sizeof(was)))
			tap_fail("the real's counters changed");
	}
}

static uint64_t bucket(void)
{
	uint64_t full = 0;

	(void)runner_get("lbx_icmp", &(uint32_t){VIP_SERVICE}, &full);
	return full;
}

static void above_its_rate_a_service_lets_no_errors_through(void)
{
	uint64_t day, was;

	world_reset();
	begin_flows(false, 0, 3);
	run_usual(0, LB_FORWARDED, PORT_A);
	was = bucket();
	run_usual(0, LB_FORWARDED, PORT_A);
	if (bucket() < was + (1 << LB_ICMP_SHIFT))
		tap_fail("no token was taken");
	was = bucket();
	drop_misses();
	tap_about("an error of no flow");
	run_error(&(struct error){"", FOUR(3, 4), {.dst = "10.77.0.3"}, NO_FLOW}, PORT_A, 0);
	tap_equal(bucket(), was, "the bucket");
	day = was + 86400 * 1000000000ULL;
	(void)runner_put("lbx_icmp", &(uint32_t){VIP_SERVICE}, &day);
	run_usual(0, LB_ICMP_LIMITED, PORT_A);
	tap_equal(bucket(), day, "the bucket, afterwards");
}

static void a_bucket_has_as_many_tokens_as_it_says(void)
{
	if (!runner_clock_stands()) {
		tap_skip("here time passes by itself");
		return;
	}
	world_reset();
	begin_flows(true, 0, 3);
	for (unsigned i = 0; i < LB_ICMP_BURST; i++)
		run_usual(1, LB_FORWARDED, i & 1 ? PORT_B : PORT_A);
	run_usual(1, LB_ICMP_LIMITED, PORT_A);
}

static void run_guess(int six, enum lb_verdict v)
{
	struct error e = usual[six];

	e.verdict = v;
	e.any = true;
	tap_about("%s, a guess", e.name);
	run_error(&e, PORT_B + 1, 0);
}

/* The action for an error where half of the bucket's tokens are taken. */
static int half_used(int six, uint16_t port)
{
	const uint64_t tick = 1ULL << LB_TICK_SHIFT; /* worth LB_ICMP_BURST / 2 */
	uint64_t full;
	uint32_t now;
	int action;

	do {
		now = runner_tick();
		full = (now + 2) * tick - 1;
		(void)runner_put("lbx_icmp", &(uint32_t){VIP_SERVICE}, &full);
		error_build(&frame, &usual[six], port, 0);
		action = runner_run(&frame);
	} while (runner_tick() != now); /* a tick passed meanwhile */
	return action;
}

static uint64_t drops_for_rate(void)
{
	uint64_t count = 0;

	(void)runner_get("lbx_verdicts", &(uint32_t){LB_ICMP_LIMITED}, &count);
	return count;
}

/* Else whoever makes flows up could use up what errors about others need. */
static void guesses_leave_half_of_the_bucket_to_flows_that_run(void)
{
	for (int six = 0; six < 2; six++) {
		world_reset();
		begin_flows(six, 0, 3);
		tap_about("IPv%d", six ? 6 : 4);
		tap_equal(half_used(six, PORT_A), 3, "XDP_TX, of a flow that runs");
		tap_equal(drops_for_rate(), 0, "errors above the rate");
		tap_equal(half_used(six, PORT_B + 1), 1, "XDP_DROP, of a guess");
		if (!drops_for_rate())
			tap_fail("not for the rate");
	}
}

static void half_as_many_guesses_pass(void)
{
	const uint64_t none = 0;

	if (!runner_clock_stands()) {
		tap_skip("here time passes by itself");
		return;
	}
	for (int six = 0; six < 2; six++) {
		world_reset();
		(void)runner_put("lbx_icmp", &(uint32_t){VIP_SERVICE}, &none);
		begin_flows(six, 0, 3);
		for (unsigned i = 0; i < LB_ICMP_BURST / 2; i++)
			run_guess(six, LB_FORWARDED);
		run_guess(six, LB_ICMP_LIMITED);
		for (unsigned i = 0; i < LB_ICMP_BURST / 2; i++)
			run_usual(six, LB_FORWARDED, i & 1 ? PORT_B : PORT_A);
		run_usual(six, LB_ICMP_LIMITED, PORT_A);
	}
}

void cases_related(void)
{
	tap_case("each ICMP error has its verdict (F11)", each_error_has_its_verdict);
	tap_case("errors of each kind of flow are sent", errors_of_each_kind_of_flow_are_sent);
	tap_case("nothing is known of flows that never were",
		 nothing_is_known_of_flows_that_never_were);
	tap_case("without an entry the error goes where the packets go",
		 without_an_entry_the_error_goes_where_the_packets_go);
	tap_case("no error is sent by guess where no packet is",
		 no_error_is_sent_by_guess_where_no_packet_is);
	tap_case("errors of layer 7 are left to the host", errors_of_layer_7_are_left_to_the_host);
	tap_case("who may use the service is not asked of routers",
		 who_may_use_the_service_is_not_asked_of_routers);
	tap_case("a flow that expired is none", a_flow_that_expired_is_none);
	tap_case("a flow whose client is refused by now is none",
		 a_flow_whose_client_is_refused_by_now_is_none);
	tap_case("a halted real gets no errors", a_halted_real_gets_no_errors);
	tap_case("a draining real gets them", a_draining_real_gets_them);
	tap_case("errors reach a real behind another interface",
		 errors_reach_a_real_behind_another_interface);
	tap_case("an error leaves its flow as it is", an_error_leaves_its_flow_as_it_is);
	tap_case("above its rate a service lets no errors through",
		 above_its_rate_a_service_lets_no_errors_through);
	tap_case("a bucket has as many tokens as it says", a_bucket_has_as_many_tokens_as_it_says);
	tap_case("guesses leave half of the bucket to flows that run",
		 guesses_leave_half_of_the_bucket_to_flows_that_run);
	tap_case("half as many guesses pass", half_as_many_guesses_pass);
}
