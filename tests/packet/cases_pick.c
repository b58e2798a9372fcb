/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where new flows go beside the plain turn: fewest connections, the client's address, limits
 * (R43), persistence (R124), one packet at a time (R125). Each case runs for IPv4 and IPv6.
 */
#include "cases.h"
#include "world.h"

#include <stdio.h>
#include <string.h>

enum { BACKUP = 3, TIMEOUT = 500, MINUS = -1 };

#define MISS (1 + LB_EVENT_FLOW_MISS)

static const struct expect forwarded = {.verdict = LB_FORWARDED}, full = {.verdict = LB_FULL};
static const struct expect miss = {.verdict = LB_FORWARDED, .event = MISS};

static struct frame frame;
static bool six;

static uint32_t send(struct spec s, struct expect e)
{
	uint32_t real = 0;

	s.six = six;
	frame_build(&frame, &s);
	world_run(&frame, e, &real);
	return real;
}

static uint32_t syn_from(const char *client, uint16_t port)
{
	return send((struct spec){.flags = SYN, .src = client, .sport = port}, forwarded);
}

static uint32_t syn(uint16_t port)
{
	return syn_from(NULL, port);
}

static const char *client(unsigned i)
{
	static char text[32];

	snprintf(text, sizeof(text), six ? "fd77::1:%x" : "10.78.0.%u", i);
	return text;
}

static void each_family(void (*run)(void))
{
	for (int i = 0; i < 2; i++) {
		six = i;
		world_reset();
		run();
	}
}

/* What a real has, and what it weighs. */
struct load {
	uint32_t weight;
	int active, closing;
	uint32_t half_open;
};

static void set_load(uint32_t real, const struct load *l)
{
	struct lb_real_conns c = {
		.opened = 100 + l->active,
		.closed = 100,
		.closing_begun = 200 + l->closing,
		.closing_ended = 200,
		.half_open = l->half_open,
	};

	world_limits(real, l->weight, 0, 0);
	world_set_conns(real, &c);
}

static const struct {
	const char *name;
	struct load a, b;
	uint32_t want;
} loads[] = {
	{"fewer active",					    {1, 5, 0, 0},    {1, 4, 0, 0},       REAL_B},
	{"fewer active, the first",                                 {1, 4, 0, 0},    {1, 5, 0, 0},       REAL_A},
	{"fewer for its weight",				    {1, 10, 0, 0},   {2, 19, 0, 0},      REAL_B},
	{"more for its weight",				     {1, 10, 0, 0},   {2, 21, 0, 0},      REAL_A},
	{"large weights",					   {1000, 9, 0, 0}, {65535, 600, 0, 0}, REAL_A},
	{"255 closing weigh less than one active",                  {1, 1, 0, 0},    {1, 0, 255, 0},     REAL_B},
	{"257 closing weigh more than one active",                  {1, 1, 0, 0},    {1, 0, 257, 0},     REAL_A},
	{"half-open ones count as closing ones do",                 {1, 0, 3, 0},    {1, 0, 1, 1},       REAL_B},
	{"counters that are between two writes are no less than 0",
	 {1, MINUS, 0, 1},
	 {1, 0, MINUS, 0},
	 REAL_B												},
};

static void least(void)
{
	world_policy((struct lb_policy){.scheduler = LB_SCHEDULER_LEAST});
	for (size_t i = 0; i < sizeof(loads) / sizeof(*loads); i++) {
		set_load(REAL_A, &loads[i].a);
		set_load(REAL_B, &loads[i].b);
		tap_about("%s, IPv%d", loads[i].name, six ? 6 : 4);
		for (uint16_t port = 1; port < 3; port++) /* whoever the walk begins with */
			tap_equal(syn(2 * (uint16_t)i + port), loads[i].want, "the real");
	}
}

static void equals_take_turns(void)
{
	world_policy((struct lb_policy){.scheduler = LB_SCHEDULER_LEAST});
	for (uint16_t i = 0; i < 40; i++)
		tap_equal(syn(1000 + i), i % 2 ? REAL_B : REAL_A, "the real");
}

static void held_connections_even_out(void)
{
	unsigned got[3] = {};

	world_policy((struct lb_policy){.scheduler = LB_SCHEDULER_LEAST});
	world_limits(REAL_A, 3, 0, 0);
	for (uint16_t i = 0; i < 40; i++) {
		got[syn(1000 + i) % 3]++;
		send((struct spec){.flags = ACK, .sport = 1000 + i}, forwarded);
	}
	tap_equal(got[REAL_A], 30, "of weight 3");
	tap_equal(got[REAL_B], 10, "of weight 1");
}

static void a_client_has_one_real(void)
{
	static const uint8_t by[] = {LB_SCHEDULER_RING, LB_SCHEDULER_TABLE};

	for (size_t n = 0; n < sizeof(by); n++) {
		unsigned got[3] = {};

		world_table((uint32_t[]){REAL_A, REAL_B, REAL_B}, 3);
		world_policy((struct lb_policy){.scheduler = by[n]});
		for (unsigned i = 0; i < 64; i++) {
			uint32_t real = syn_from(client(i), 1000);

			tap_about("client %u", i);
			got[real % 3]++;
			tap_equal(syn_from(client(i), 1001), real, "the real of another port");
			tap_equal(send((struct spec){.proto = PROTO_UDP, .src = client(i)},
				       forwarded),
				  real, "the real of UDP");
		}
		tap_about("scheduler %u", by[n]);
		if (got[REAL_A] < 10 || got[REAL_B] < 20)
			tap_fail("64 clients are spread %u:%u", got[REAL_A], got[REAL_B]);
	}
}

static void set_active(uint32_t real, uint32_t active, bool is_full)
{
	struct lb_real_conns c = {.opened = 50 + active, .closed = 50, .full = is_full};

	world_set_conns(real, &c);
}

/* Also when the real is full by now: of just such flows. */
static void a_hashed_flow_goes_on_where_it_was_without_its_entry(void)
{
	static const uint8_t by[] = {LB_SCHEDULER_RING, LB_SCHEDULER_TABLE};

	for (size_t n = 0; n < sizeof(by); n++) {
		world_reset();
		world_table((uint32_t[]){REAL_A, REAL_B, REAL_B, REAL_A, REAL_A}, 5);
		world_policy((struct lb_policy){.scheduler = by[n], .flags = LB_POLICY_LIMITS});
		for (unsigned i = 0; i < 32; i++) {
			struct spec s = {.flags = ACK, .src = client(i), .sport = 1000};
			uint32_t real = syn_from(client(i), 1000);

			world_age(TICKS_HALF_OPEN + 1);
			world_limits(real, 1, 1, 1);
			set_active(real, 1, true);
			tap_about("scheduler %u, client %u", by[n], i);
			tap_equal(send(s, miss), real, "the real");
			set_active(real, 0, false);
		}
	}
}

static void the_table_is_for_hashing_and_the_ring_for_turns(void)
{
	world_ring((uint32_t[]){REAL_A, REAL_A}, 2);
	world_table((uint32_t[]){REAL_B}, 1);
	tap_equal(syn(1), REAL_A, "the real in turn");
	tap_equal(send((struct spec){.flags = ACK, .sport = 2}, miss), REAL_B, "of a miss");
	world_policy((struct lb_policy){.scheduler = LB_SCHEDULER_RING});
	tap_equal(syn(3), REAL_A, "the real by the ring");
	world_policy((struct lb_policy){.scheduler = LB_SCHEDULER_TABLE});
	tap_equal(syn(4), REAL_B, "the real by the table");
	world_table(NULL, 0);
	tap_equal(syn(5), REAL_A, "the real without a table");
	tap_equal(send((struct spec){.flags = ACK, .sport = 6}, miss), REAL_A, "of a miss");
}

/* R43, with max_connections 8 and min_connections 5. */
static const struct {
	uint32_t active;
	bool was, is;
} limits[] = {
	{0, false, false},
        {7, false, false},
        {8, false, true },
        {9, false, true },
	{7, true,  true },
        {5, true,  true },
        {4, true,  false},
        {0, true,  false},
};

static void a_full_real_waits_until_it_is_below_the_minimum(void)
{
	static const uint8_t by[] = {LB_SCHEDULER_TURN, LB_SCHEDULER_LEAST, LB_SCHEDULER_RING,
				     LB_SCHEDULER_TABLE};

	for (size_t n = 0; n < sizeof(by); n++)
		for (size_t i = 0; i < sizeof(limits) / sizeof(*limits); i++) {
			world_reset();
			world_policy(
				(struct lb_policy){.scheduler = by[n], .flags = LB_POLICY_LIMITS});
			world_table((uint32_t[]){REAL_A}, 1);
			world_ring((uint32_t[]){REAL_A}, 1);
			world_limits(REAL_A, 1, 8, 5);
			set_active(REAL_A, limits[i].active, limits[i].was);
			tap_about("scheduler %u, %u active", by[n], limits[i].active);
			send((struct spec){.flags = SYN}, limits[i].is ? full : forwarded);
			tap_equal(world_conns(REAL_A).full, limits[i].is, "full");
			tap_equal(world_service().full, limits[i].is, "packets of full services");
			tap_equal(world_entries(six ? "lbx_half6" : "lbx_half4"), !limits[i].is,
				  "half-open flows");
		}
}

static void others_get_what_a_full_real_would(void)
{
	static const uint8_t by[] = {LB_SCHEDULER_TURN, LB_SCHEDULER_LEAST, LB_SCHEDULER_RING,
				     LB_SCHEDULER_TABLE};

	for (size_t n = 0; n < sizeof(by); n++) {
		world_reset();
		world_policy((struct lb_policy){.scheduler = by[n], .flags = LB_POLICY_LIMITS});
		world_ring((uint32_t[]){REAL_A, REAL_A, REAL_B, REAL_A}, 4);
		world_table((uint32_t[]){REAL_A}, 1);
		world_limits(REAL_A, 1, 1, 1);
		set_active(REAL_A, 1, false);
		set_active(REAL_B, 3, false);
		tap_about("scheduler %u", by[n]);
		for (unsigned i = 0; i < 8; i++)
			tap_equal(syn_from(client(i), 1000), REAL_B, "the real");
	}
}

static void a_long_ring_is_searched_to_its_end(void)
{
	static uint32_t ring[LB_SCAN_MAX];

	for (uint32_t i = 0; i < LB_SCAN_MAX; i++)
		ring[i] = REAL_A;
	ring[LB_SCAN_MAX - 1] = REAL_B;
	world_ring(ring, LB_SCAN_MAX);
	world_policy((struct lb_policy){.flags = LB_POLICY_LIMITS});
	world_limits(REAL_A, 1, 1, 1);
	set_active(REAL_A, 1, false);
	tap_equal(syn(1), REAL_B, "the real");
	tap_equal(syn(2), REAL_B, "the real");
}

/* The flow that fills the real says so, though none may be refused before it ends. */
static void the_last_place_is_noted_when_it_is_taken(void)
{
	world_policy((struct lb_policy){.flags = LB_POLICY_LIMITS});
	world_ring((uint32_t[]){REAL_A}, 1);
	world_limits(REAL_A, 1, 2, 1);
	for (uint16_t port = 1; port < 3; port++) {
		send((struct spec){.flags = SYN, .sport = port}, forwarded);
		tap_equal(world_conns(REAL_A).full, 0, "full before the handshake is over");
		send((struct spec){.flags = ACK, .sport = port}, forwarded);
		tap_equal(world_conns(REAL_A).full, port == 2, "full");
	}
	send((struct spec){.flags = SYN, .sport = 3}, full);
	send((struct spec){.flags = FIN | ACK, .sport = 1}, forwarded);
	send((struct spec){.flags = SYN, .sport = 3}, full);
	send((struct spec){.flags = RST, .sport = 2}, forwarded);
	send((struct spec){.flags = SYN, .sport = 3}, forwarded);
	send((struct spec){.flags = ACK, .sport = 1}, forwarded);
}

static void handshakes_under_way_fill_nothing(void)
{
	world_policy((struct lb_policy){.flags = LB_POLICY_LIMITS});
	world_ring((uint32_t[]){REAL_A}, 1);
	world_limits(REAL_A, 1, 1, 1);
	for (uint16_t port = 1; port < 9; port++)
		send((struct spec){.flags = SYN, .sport = port}, forwarded);
}

static void fill_both(void)
{
	world_policy((struct lb_policy){.flags = LB_POLICY_LIMITS});
	for (uint32_t real = REAL_A; real <= REAL_B; real++) {
		world_limits(real, 1, 1, 1);
		set_active(real, 1, false);
	}
}

static void a_backup_stands_in_when_all_are_full(void)
{
	fill_both();
	world_slot(2, BACKUP);
	world_real(BACKUP, REAL_GOOD | LB_REAL_BACKUP, IFINDEX);
	tap_equal(syn(1), BACKUP, "the real");
	set_active(REAL_B, 0, true);
	tap_equal(syn(2), REAL_B, "the real when one has room");
	set_active(REAL_B, 1, true);
	world_limits(BACKUP, 1, 1, 1);
	set_active(BACKUP, 1, false);
	send((struct spec){.flags = SYN, .sport = 3}, full);
}

/* What stands behind the ring is a backup, of this service, that is usable, or nothing. */
static void nobody_else_stands_in(void)
{
	static const uint16_t flags[] = {REAL_GOOD, LB_REAL_BACKUP | LB_REAL_HAS_MAC,
					 REAL_GOOD | LB_REAL_BACKUP | LB_REAL_RESET};

	fill_both();
	for (size_t i = 0; i < sizeof(flags) / sizeof(*flags); i++) {
		world_slot(2, BACKUP);
		world_real(BACKUP, flags[i], IFINDEX);
		tap_about("flags %u", flags[i]);
		send((struct spec){.flags = SYN, .sport = 1}, full);
	}
	world_real(BACKUP, REAL_GOOD | LB_REAL_BACKUP, IFINDEX);
	world_own(BACKUP, VIP_SERVICE + 1);
	send((struct spec){.flags = SYN, .sport = 1}, full);
	world_slot(2, LB_REALS_MAX);
	send((struct spec){.flags = SYN, .sport = 1}, full);
}

static void persist(uint8_t flags, uint8_t mask4, uint8_t mask6)
{
	world_policy((struct lb_policy){
		.flags = flags, .mask4 = mask4, .mask6 = mask6, .persist_timeout = TIMEOUT});
}

static void a_client_stays_with_its_last_real(void)
{
	persist(0, 32, 128);
	for (unsigned i = 0; i < 6; i++) {
		uint32_t real = syn_from(client(i), 1000);

		tap_about("client %u", i);
		tap_equal(real, i % 2 ? REAL_B : REAL_A, "the real in turn");
		for (uint16_t port = 1; port < 4; port++)
			tap_equal(syn_from(client(i), port), real, "the real of another flow");
		tap_equal(send((struct spec){.proto = PROTO_UDP, .src = client(i)}, forwarded),
			  real, "the real of UDP");
	}
	tap_about("at the end");
	tap_equal(world_entries("lbx_persist"), 6, "clients that are remembered");
	tap_equal(world_service().followed, 24, "flows that followed");
}

/* Two clients that share so many bits, or not. */
static const struct {
	const char *one, *other;
	uint8_t mask4, mask6;
	bool together;
} masks[] = {
	{"10.1.2.3",        "10.1.2.4",           32, 128, false},
	{"10.1.2.3",        "10.1.2.250",         24, 128, true },
	{"10.1.2.3",        "10.1.3.3",           24, 128, false},
	{"10.1.2.3",        "10.1.3.3",           23, 128, true },
	{"10.1.2.3",        "10.255.3.3",         8,  128, true },
	{"126.1.2.3",       "1.2.3.4",            1,  128, true },
	{"128.1.2.3",       "1.2.3.4",            1,  128, false},
	{"fd77:0:0:1::9",   "fd77:0:0:1::8",      32, 128, false},
	{"fd77:0:0:1::9",   "fd77:0:0:1:8000::8", 32, 64,  true },
	{"fd77:0:0:1::9",   "fd77:0:0:2::9",      32, 64,  false},
	{"fd77:0:0:1::9",   "fd77:0:0:2::9",      32, 61,  true },
	{"fd77:0:0:1:1::9", "fd77:0:0:1:2::9",    32, 96,  false},
	{"fd77::9",         "fe77::9",            32, 1,   true },
	{"fd77::9",         "fd77::8",            32, 127, true },
	{"fd77::9",         "fd77::a",            32, 127, false},
};

static void the_bits_that_count_are_those_of_the_mask(void)
{
	for (size_t i = 0; i < sizeof(masks) / sizeof(*masks); i++) {
		uint32_t real;

		six = strchr(masks[i].one, ':');
		world_reset();
		persist(0, masks[i].mask4, masks[i].mask6);
		real = syn_from(masks[i].one, 1000);
		tap_about("%s and %s, /%u and /%u", masks[i].one, masks[i].other, masks[i].mask4,
			  masks[i].mask6);
		tap_equal(syn_from(masks[i].other, 1000) == real, masks[i].together, "together");
		tap_equal(syn_from(masks[i].one, 1001), real, "the first one's real");
	}
}

static void each_new_flow_keeps_the_memory(void)
{
	persist(0, 32, 128);
	tap_equal(syn(1), REAL_A, "the real");
	for (uint16_t i = 2; i < 5; i++) {
		world_age(TIMEOUT - 2);
		tap_equal(syn(i), REAL_A, "the real in time");
	}
	world_age(TIMEOUT + 1);
	tap_equal(syn(5), REAL_B, "the real after the timeout");
	tap_equal(syn(6), REAL_B, "the real from then on");
	tap_equal(world_entries("lbx_persist"), 1, "clients that are remembered");
}

/* R124 */
static void a_real_that_gets_no_flows_is_forgotten_at_once(void)
{
	static const uint16_t flags[] = {LB_REAL_HAS_MAC, LB_REAL_USABLE, REAL_GOOD | LB_REAL_RESET,
					 0};

	for (size_t i = 0; i < sizeof(flags) / sizeof(*flags); i++) {
		world_reset();
		persist(0, 32, 128);
		tap_about("flags %u", flags[i]);
		tap_equal(syn(1), REAL_A, "the real");
		world_real(REAL_A, flags[i], IFINDEX);
		tap_equal(syn(2), REAL_B, "the real that takes over");
		world_real(REAL_A, REAL_GOOD, IFINDEX);
		tap_equal(syn(3), REAL_B, "the real when the first one is back");
	}
}

static void a_real_of_another_service_is_not_followed(void)
{
	persist(0, 32, 128);
	tap_equal(syn(1), REAL_A, "the real");
	world_own(REAL_A, VIP_SERVICE + 1);
	tap_equal(syn(2), REAL_B, "the real");
}

static void a_full_real_is_not_followed(void)
{
	persist(LB_POLICY_LIMITS, 32, 128);
	world_limits(REAL_A, 1, 1, 1);
	tap_equal(syn(1), REAL_A, "the real");
	set_active(REAL_A, 1, false);
	tap_equal(syn(2), REAL_B, "the real when the first is full");
	set_active(REAL_A, 0, false);
	tap_equal(syn(3), REAL_B, "the real from then on");
}

static void a_backup_is_followed_while_it_is_all_there_is(void)
{
	persist(0, 32, 128);
	world_real(BACKUP, REAL_GOOD | LB_REAL_BACKUP, IFINDEX);
	world_ring((uint32_t[]){BACKUP}, 1);
	tap_equal(syn(1), BACKUP, "the real");
	tap_equal(syn(2), BACKUP, "the real");
	world_ring((uint32_t[]){REAL_A, REAL_B}, 2);
	tap_about("when the others are back");
	if (syn(3) == BACKUP)
		tap_fail("the backup is still followed");
}

static void a_flow_goes_on_without_memory(void)
{
	if (!runner_refuse("lbx_persist", true)) {
		tap_skip("only where a map can be made to refuse");
		return;
	}
	persist(0, 32, 128);
	tap_equal(syn(1), REAL_A, "the real");
	tap_equal(syn(2), REAL_B, "the real");
	(void)runner_refuse("lbx_persist", false);
}

static void a_running_flow_has_the_last_word(void)
{
	persist(0, 32, 128);
	world_ring((uint32_t[]){REAL_B}, 1);
	tap_equal(syn(40000), REAL_B, "the real");
	send((struct spec){.flags = ACK}, forwarded);
	world_age(TIMEOUT + 1);
	world_ring((uint32_t[]){REAL_A}, 1);
	tap_equal(syn(1), REAL_A, "the real of a new flow");
	tap_equal(send((struct spec){.flags = ACK}, forwarded), REAL_B, "of the running one");
}

/* R125 */
static void each_datagram_is_scheduled_anew(void)
{
	world_policy((struct lb_policy){.flags = LB_POLICY_ONE_PACKET});
	for (unsigned i = 0; i < 6; i++)
		tap_equal(send((struct spec){.proto = PROTO_UDP}, forwarded),
			  i % 2 ? REAL_B : REAL_A, "the real");
	tap_equal(world_entries(six ? "lbx_half6" : "lbx_half4"), 0, "half-open flows");
	tap_equal(world_entries(six ? "lbx_flows6" : "lbx_flows4"), 0, "flows");
	tap_equal(world_conns(REAL_A).connections, 3, "connections");
}

static void without_a_real_it_is_not_said_to_be_full(void)
{
	persist(LB_POLICY_LIMITS, 32, 128);
	world_ring(NULL, 0);
	send((struct spec){.flags = SYN}, (struct expect){.verdict = LB_NO_REAL});
	tap_equal(world_service().full, 0, "packets of full services");
	tap_equal(world_service().unrouted, 1, "packets without a real");
}

static const struct {
	const char *name;
	void (*run)(void);
} cases[] = {
	{"the least loaded for its weight gets the flow",        least                                    },
	{"of equally loaded ones each has its turn",             equals_take_turns                        },
	{"held connections even out by weight",                  held_connections_even_out                },
	{"by address, a client has one real",                    a_client_has_one_real                    },
	{"a hashed flow goes on where it was without its entry",
	 a_hashed_flow_goes_on_where_it_was_without_its_entry                                             },
	{"the table is for hashing and the ring for turns",
	 the_table_is_for_hashing_and_the_ring_for_turns                                                  },
	{"a full real waits until it is below the minimum",
	 a_full_real_waits_until_it_is_below_the_minimum                                                  },
	{"others get what a full real would",                    others_get_what_a_full_real_would        },
	{"a long ring is searched to its end",                   a_long_ring_is_searched_to_its_end       },
	{"the last place is noted when it is taken",             the_last_place_is_noted_when_it_is_taken },
	{"handshakes under way fill nothing",                    handshakes_under_way_fill_nothing        },
	{"a backup stands in when all are full",                 a_backup_stands_in_when_all_are_full     },
	{"nobody else stands in",                                nobody_else_stands_in                    },
	{"a client stays with its last real",                    a_client_stays_with_its_last_real        },
	{"each new flow keeps the memory",                       each_new_flow_keeps_the_memory           },
	{"a real that gets no flows is forgotten at once",
	 a_real_that_gets_no_flows_is_forgotten_at_once                                                   },
	{"a real of another service is not followed",            a_real_of_another_service_is_not_followed},
	{"a full real is not followed",                          a_full_real_is_not_followed              },
	{"a backup is followed while it is all there is",
	 a_backup_is_followed_while_it_is_all_there_is                                                    },
	{"a flow goes on without memory",                        a_flow_goes_on_without_memory            },
	{"a running flow has the last word",                     a_running_flow_has_the_last_word         },
	{"each datagram is scheduled anew",                      each_datagram_is_scheduled_anew          },
	{"without a real it is not said to be full",             without_a_real_it_is_not_said_to_be_full },
};

static size_t current;

static void run_current(void)
{
	each_family(cases[current].run);
}

void cases_pick(void)
{
	char name[128];

	for (current = 0; current < sizeof(cases) / sizeof(*cases); current++) {
		snprintf(name, sizeof(name), "pick: %s", cases[current].name);
		tap_case(name, run_current);
	}
	tap_case("pick: the bits that count are those of the mask",
		 the_bits_that_count_are_those_of_the_mask);
}
