/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The life of a flow, as sequences of its client's packets. Each runs for IPv4 and IPv6, with
 * none, one and two tags; after each packet its verdict, event and real are compared, at the end
 * the counters of both reals and the number of entries.
 */
#include "cases.h"
#include "world.h"

#include <string.h>

enum {
	STEPS_MAX = 8,
	SPARE = 100, /* ticks of a timeout that is not over: 13 s for a slow machine */
};

#define REAL(x) ((uint16_t)(0x8000 | (x)))

struct step {
	uint8_t flags; /* of the packet; PSH is 8 */
	enum lb_verdict verdict;
	uint32_t real; /* 0: any */
	int event;
	int32_t age;     /* ticks that pass before it */
	uint16_t before; /* REAL(flags): what real A becomes before it */
};

struct sequence {
	const char *name;
	uint8_t proto;
	struct step steps[STEPS_MAX];
	struct lb_real_conns a, b; /* afterwards */
	unsigned flows, half;
};

#define MISS     (1 + LB_EVENT_FLOW_MISS)
#define REPLACED (1 + LB_EVENT_FLOW_REPLACED)
#define A        LB_FORWARDED, REAL_A
#define B        LB_FORWARDED, REAL_B
#define ANY      LB_FORWARDED, 0
#define PSH      8
#define DATAGRAM PSH /* any flags: UDP has none */

/* connections, opened, closed, closing_begun, closing_ended */
/* clang-format off */
static const struct sequence sequences[] = {
	{"a SYN makes a half-open entry", 0,
	 {{SYN, A}},
	 {.connections = 1}, {}, 0, 1},
	{"a SYN sent again stays on its real", 0,
	 {{SYN, A}, {SYN, A}, {SYN, A}},
	 {.connections = 1}, {}, 0, 1},
	{"the second packet establishes, the third earns the long timeout", 0,
	 {{SYN, A}, {ACK, A}, {ACK | PSH, A}, {ACK, A, .age = TICKS_NEW + 1}},
	 {.connections = 1, .opened = 1}, {}, 1, 0},
	{"a promoted flow that stays silent has the short timeout", 0,
	 {{SYN, A}, {ACK, A}, {ACK, ANY, MISS, .age = TICKS_NEW + 1}},
	 {1, 1, 1, 1, 1}, {}, 0, 0},
	{"a SYN sent again does not earn the long timeout", 0,
	 {{SYN, A}, {ACK, A}, {SYN, A}, {ACK, ANY, MISS, .age = TICKS_NEW + 1}},
	 {1, 1, 1, 1, 1}, {}, 0, 0},
	{"a flow is alive at its timeout and a miss after it", 0,
	 {{SYN, A}, {ACK, A}, {ACK, A}, {ACK, A, .age = TICKS_ESTABLISHED - SPARE},
	  {ACK, ANY, MISS, .age = TICKS_ESTABLISHED + 1}},
	 {1, 1, 1, 1, 1}, {}, 0, 0},
	{"a half-open entry that expired is a miss", 0,
	 {{SYN, A}, {ACK, ANY, MISS, .age = TICKS_HALF_OPEN + 1}},
	 {.connections = 1}, {}, 0, 0},
	{"a SYN on an expired half-open entry is scheduled anew", 0,
	 {{SYN, A}, {SYN, B, REPLACED, .age = TICKS_HALF_OPEN + 1}},
	 {.connections = 1}, {.connections = 1}, 0, 1},
	{"a SYN on an expired flow is scheduled anew", 0,
	 {{SYN, A}, {ACK, A}, {ACK, A}, {SYN, B, REPLACED, .age = TICKS_ESTABLISHED + 1}},
	 {1, 1, 1, 1, 1}, {.connections = 1}, 0, 1},
	{"a clock that another CPU is behind of expires nothing", 0,
	 {{SYN, A}, {SYN, A, .age = -1}, {ACK, A, .age = -1}, {ACK, A, .age = -1}},
	 {.connections = 1, .opened = 1}, {}, 1, 0},
	{"a FIN closes, later packets keep it alive and do not reopen it", 0,
	 {{SYN, A}, {ACK, A}, {ACK, A}, {FIN | ACK, A}, {ACK, A, .age = TICKS_CLOSING - SPARE},
	  {ACK, A, .age = TICKS_CLOSING - SPARE}, {FIN | ACK, A}},
	 {1, 1, 1, 1, 0}, {}, 1, 0},
	{"a closing flow has its own timeout", 0,
	 {{SYN, A}, {ACK, A}, {ACK, A}, {FIN | ACK, A}, {ACK, ANY, MISS, .age = TICKS_CLOSING + 1}},
	 {1, 1, 1, 1, 1}, {}, 0, 0},
	{"a FIN as second packet closes at once", 0,
	 {{SYN, A}, {FIN | ACK, A}, {ACK, A}},
	 {1, 1, 1, 1, 0}, {}, 1, 0},
	{"a FIN on a promoted flow closes", 0,
	 {{SYN, A}, {ACK, A}, {FIN | ACK, A}},
	 {1, 1, 1, 1, 0}, {}, 1, 0},
	{"a SYN on a closing flow is scheduled anew", 0,
	 {{SYN, A}, {ACK, A}, {FIN | ACK, A}, {SYN, B, REPLACED}, {ACK, B}},
	 {1, 1, 1, 1, 1}, {.connections = 1, .opened = 1}, 1, 0},
	{"a RST closes the flow, which keeps its real: the server may have refused it", 0,
	 {{SYN, A}, {ACK, A}, {ACK, A}, {RST, A}, {ACK, A},
	  {ACK | PSH, A, .age = TICKS_CLOSING - SPARE}, {ACK, A, .age = TICKS_CLOSING - SPARE}},
	 {1, 1, 1, 1, 0}, {}, 1, 0},
	{"a RST on a promoted flow closes", 0,
	 {{SYN, A}, {ACK, A}, {RST | ACK, A}, {ACK, A}},
	 {1, 1, 1, 1, 0}, {}, 1, 0},
	{"a RST gives an old flow the whole closing timeout", 0,
	 {{SYN, A}, {ACK, A}, {ACK, A}, {RST, A, .age = TICKS_ESTABLISHED - SPARE},
	  {ACK, A, .age = TICKS_CLOSING - SPARE}},
	 {1, 1, 1, 1, 0}, {}, 1, 0},
	{"a flow that was reset ends by the closing timeout", 0,
	 {{SYN, A}, {ACK, A}, {ACK, A}, {RST, A}, {ACK, ANY, MISS, .age = TICKS_CLOSING + 1}},
	 {1, 1, 1, 1, 1}, {}, 0, 0},
	{"RSTs keep no closing flow alive", 0,
	 {{SYN, A}, {ACK, A}, {RST, A}, {RST, A, .age = TICKS_CLOSING - SPARE},
	  {RST, ANY, MISS, .age = SPARE + 1}},
	 {1, 1, 1, 1, 1}, {}, 0, 0},
	{"a RST on a closing flow is counted no more", 0,
	 {{SYN, A}, {ACK, A}, {FIN | ACK, A}, {RST | ACK, A}, {ACK, A}},
	 {1, 1, 1, 1, 0}, {}, 1, 0},
	{"a SYN on a flow that was reset is scheduled anew", 0,
	 {{SYN, A}, {ACK, A}, {ACK, A}, {RST, A}, {SYN, B, REPLACED}, {ACK, B}},
	 {1, 1, 1, 1, 1}, {.connections = 1, .opened = 1}, 1, 0},
	{"a RST leaves a half-open entry as it is", 0,
	 {{SYN, A}, {RST, A}, {RST, A, .age = TICKS_HALF_OPEN - SPARE}, {ACK, A}},
	 {.connections = 1, .opened = 1}, {}, 1, 0},
	{"a RST keeps no half-open entry alive", 0,
	 {{SYN, A}, {RST, A, .age = TICKS_HALF_OPEN - SPARE}, {ACK, ANY, MISS, .age = SPARE + 1}},
	 {.connections = 1}, {}, 0, 0},
	{"a RST behind a flow that expired is a miss", 0,
	 {{SYN, A}, {ACK, A}, {ACK, A}, {RST, ANY, MISS, .age = TICKS_ESTABLISHED + 1}},
	 {1, 1, 1, 1, 1}, {}, 0, 0},
	{"a SYN on an established flow keeps its usable real", 0,
	 {{SYN, A}, {ACK, A}, {ACK, A}, {SYN, A}, {ACK, A}},
	 {.connections = 1, .opened = 1}, {}, 1, 0},
	{"drain: a running flow goes on, a half-open one too", 0,
	 {{SYN, A}, {ACK, A, .before = REAL(LB_REAL_HAS_MAC)}, {ACK, A}, {FIN | ACK, A}, {ACK, A}},
	 {1, 1, 1, 1, 0}, {}, 1, 0},
	{"drain: a SYN on an established flow is scheduled anew", 0,
	 {{SYN, A}, {ACK, A}, {ACK, A}, {SYN, B, REPLACED, .before = REAL(LB_REAL_HAS_MAC)}},
	 {1, 1, 1, 1, 1}, {.connections = 1}, 0, 1},
	{"drain: a SYN on a half-open entry is scheduled anew", 0,
	 {{SYN, A}, {SYN, B, REPLACED, .before = REAL(LB_REAL_HAS_MAC)}, {ACK, B}},
	 {.connections = 1}, {.connections = 1, .opened = 1}, 1, 0},
	{"halt: a SYN is scheduled anew", 0,
	 {{SYN, A}, {ACK, A}, {SYN, B, REPLACED, .before = REAL(REAL_GOOD | LB_REAL_RESET)}},
	 {1, 1, 1, 1, 1}, {.connections = 1}, 0, 1},
	{"halt: a RST is not answered with a RST", 0,
	 {{SYN, A}, {ACK, A}, {RST, A, .before = REAL(LB_REAL_HAS_MAC | LB_REAL_RESET)}},
	 {1, 1, 1, 1, 0}, {}, 1, 0},
	{"a real without a MAC gets nothing", 0,
	 {{SYN, A}, {ACK, A}, {ACK, LB_NO_NEIGHBOUR, .before = REAL(LB_REAL_USABLE)},
	  {ACK, A, .before = REAL(REAL_GOOD)}},
	 {.connections = 1, .opened = 1}, {}, 1, 0},
	{"a SYN whose real lost its MAC is scheduled anew", 0,
	 {{SYN, A}, {SYN, B, REPLACED, .before = REAL(LB_REAL_USABLE)}},
	 {.connections = 1}, {.connections = 1}, 0, 1},
	{"a SYN and ACK belongs to no flow", 0,
	 {{SYN | ACK, ANY, MISS}, {SYN | ACK, ANY, MISS}},
	 {}, {}, 0, 0},
	{"a SYN and FIN makes no entry", 0,
	 {{SYN | FIN, ANY, MISS}},
	 {}, {}, 0, 0},
	{"a RST of no flow makes no entry", 0,
	 {{RST, ANY, MISS}},
	 {}, {}, 0, 0},
	{"a packet in the middle of an unknown flow makes no entry", 0,
	 {{ACK, ANY, MISS}, {ACK | PSH, ANY, MISS}, {FIN | ACK, ANY, MISS}, {0, ANY, MISS}},
	 {}, {}, 0, 0},
	{"UDP: the first datagram makes a half-open entry", PROTO_UDP,
	 {{DATAGRAM, A}},
	 {.connections = 1}, {}, 0, 1},
	{"UDP: the second establishes, later ones keep it", PROTO_UDP,
	 {{DATAGRAM, A}, {DATAGRAM, A}, {DATAGRAM, A, .age = TICKS_UDP - SPARE},
	  {DATAGRAM, A, .age = TICKS_UDP - SPARE}},
	 {.connections = 1, .opened = 1}, {}, 1, 0},
	{"UDP: an expired flow is scheduled anew", PROTO_UDP,
	 {{DATAGRAM, A}, {DATAGRAM, A}, {DATAGRAM, B, .age = TICKS_UDP + 1}},
	 {1, 1, 1, 1, 1}, {.connections = 1}, 0, 1},
	{"UDP: an expired half-open entry is scheduled anew", PROTO_UDP,
	 {{DATAGRAM, A}, {DATAGRAM, B, .age = TICKS_HALF_OPEN + 1}},
	 {.connections = 1}, {.connections = 1}, 0, 1},
	{"UDP: halt schedules anew", PROTO_UDP,
	 {{DATAGRAM, A}, {DATAGRAM, A}, 
	  {DATAGRAM, B, .before = REAL(LB_REAL_HAS_MAC | LB_REAL_RESET)},
	  {DATAGRAM, B}},
	 {1, 1, 1, 1, 1}, {.connections = 1, .opened = 1}, 1, 0},
	{"UDP: halt schedules a half-open flow anew", PROTO_UDP,
	 {{DATAGRAM, A}, {DATAGRAM, B, .before = REAL(LB_REAL_HAS_MAC | LB_REAL_RESET)}},
	 {.connections = 1}, {.connections = 1}, 0, 1},
	{"UDP: drain lets a flow go on", PROTO_UDP,
	 {{DATAGRAM, A}, {DATAGRAM, A, .before = REAL(LB_REAL_HAS_MAC)}, {DATAGRAM, A}},
	 {.connections = 1, .opened = 1}, {}, 1, 0},
};
/* clang-format on */

static void check_conns(uint32_t real, const struct lb_real_conns *want)
{
	struct lb_real_conns is = world_conns(real);

	tap_equal(is.connections, want->connections, "connections");
	tap_equal(is.opened, want->opened, "opened");
	tap_equal(is.closed, want->closed, "closed");
	tap_equal(is.closing_begun, want->closing_begun, "closing_begun");
	tap_equal(is.closing_ended, want->closing_ended, "closing_ended");
}

static void check_end(const struct sequence *q, bool six)
{
	struct lb_settings s = world_settings();

	tap_about("%s, IPv%d, real A at the end", q->name, six ? 6 : 4);
	check_conns(REAL_A, &q->a);
	tap_about("%s, IPv%d, real B at the end", q->name, six ? 6 : 4);
	check_conns(REAL_B, &q->b);
	tap_about("%s, IPv%d, at the end", q->name, six ? 6 : 4);
	tap_equal(world_entries(six ? "lbx_flows6" : "lbx_flows4"), q->flows, "flows");
	tap_equal(world_entries(six ? "lbx_half6" : "lbx_half4"), q->half, "half-open flows");
	tap_equal(six ? s.count6 : s.count4, q->flows, "the table's count");
	tap_equal(six ? s.count4 : s.count6, 0, "the other table's count");
}

static bool is_step(const struct step *s)
{
	return s->flags || s->verdict || s->real || s->event;
}

static void run_sequence(const struct sequence *q, bool six, unsigned tags)
{
	static struct frame f;

	world_reset();
	for (int i = 0; i < STEPS_MAX && is_step(&q->steps[i]); i++) {
		const struct step *s = &q->steps[i];
		struct spec spec = {.six = six,
				    .tags = tags,
				    .proto = q->proto,
				    .flags = s->flags,
				    .payload = q->proto ? 12 : 0};

		world_age(s->age);
		if (s->before)
			world_real(REAL_A, s->before & 0x7fff, IFINDEX);
		frame_build(&f, &spec);
		tap_about("%s, IPv%d, %u tags, packet %d", q->name, six ? 6 : 4, tags, i + 1);
		world_run(&f, (struct expect){s->verdict, s->event, s->real, NULL}, NULL);
	}
	check_end(q, six);
}

static const struct sequence *running;

static void run_all_ways(void)
{
	for (int six = 0; six < 2; six++)
		for (unsigned tags = 0; tags <= 2; tags++)
			run_sequence(running, six, tags);
}

void cases_flow(void)
{
	for (size_t i = 0; i < sizeof(sequences) / sizeof(*sequences); i++) {
		running = &sequences[i];
		tap_case(running->name, run_all_ways);
	}
}
