/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Fragments (F2, R110), as sequences of one datagram's pieces. Each runs for IPv4 and IPv6, with
 * none, one and two tags; after each piece its verdict, event and real are compared.
 */
#include "cases.h"
#include "world.h"

#include <string.h>

enum { PIECES_MAX = 6, SECONDS_30 = LB_DATAGRAM_TICKS, FAMILIES = 2, TAGS = 3 };

enum { MORE = 1, LAST = 0 };

struct piece {
	uint16_t from, len; /* bytes of what is fragmented */
	uint8_t more;
	enum lb_verdict verdict[FAMILIES];
	uint32_t real; /* 0: any */
	uint8_t proto; /* 0: UDP */
	uint16_t id, sport;
	uint32_t age; /* ticks that pass before it */
};

struct sequence {
	const char *name;
	struct piece pieces[PIECES_MAX];
};

#define BOTH(v)                                                                                    \
	{                                                                                          \
		v, v                                                                               \
	}
#define A       BOTH(LB_FORWARDED), REAL_A
#define B       BOTH(LB_FORWARDED), REAL_B
#define LOST    BOTH(LB_FRAGMENT)
#define TINY    BOTH(LB_FRAGMENT_TINY)
#define OVERLAP BOTH(LB_FRAGMENT_OVERLAP)
#define BAD     BOTH(LB_BAD_FRAGMENT)

/* clang-format off */
static const struct sequence sequences[] = {
	{"later fragments go where the first went",
	 {{0, 1400, MORE, A}, {1400, 1400, MORE, A}, {2800, 400, LAST, A}}},
	{"those of TCP too",
	 {{0, 1400, MORE, A, PROTO_TCP}, {1400, 3, LAST, A, PROTO_TCP}}},
	{"in any order behind the first",
	 {{0, 800, MORE, A}, {1600, 100, LAST, A}, {800, 800, MORE, A}}},
	{"a last fragment of one byte",
	 {{0, 800, MORE, A}, {800, 1, LAST, A}}},
	{"a datagram of 65,535 bytes",
	 {{0, 1400, MORE, A}, {64400, 1135, LAST, A}}},
	{"before its first it is lost",
	 {{800, 800, MORE, LOST}, {0, 800, MORE, A}, {800, 800, MORE, A}}},
	{"without a first it is lost",
	 {{0, 800, MORE, A}, {800, 800, MORE, LOST, .id = 8}, {8, 800, LAST, LOST, .id = 9}}},
	{"half a minute after the first",
	 {{0, 800, MORE, A}, {800, 800, MORE, A, .age = SECONDS_30 - 2}}},
	{"more than half a minute after the first it is lost",
	 {{0, 800, MORE, A}, {800, 800, MORE, LOST, .age = SECONDS_30 + 1}}},
	{"later fragments do not make a datagram live longer",
	 {{0, 800, MORE, A}, {800, 800, MORE, A, .age = SECONDS_30 / 2},
	  {1600, 800, MORE, LOST, .age = SECONDS_30 / 2 + 1}}},
	{"a clock that another CPU is behind of loses nothing",
	 {{0, 800, MORE, A}, {800, 800, MORE, A, .age = -1U}}},
	{"datagrams are told apart by their id",
	 {{0, 800, MORE, A, .id = 1}, {0, 800, MORE, B, .id = 2, .sport = 5},
	  {800, 80, LAST, A, .id = 1}, {800, 80, LAST, B, .id = 2}}},
	{"the transport header cannot be written again (RFC 1858, RFC 3128)",
	 {{0, 800, MORE, A, PROTO_TCP}, {8, 1600, LAST, OVERLAP, .proto = PROTO_TCP}}},
	{"one that begins before the last one's end",
	 {{0, 800, MORE, A}, {792, 800, MORE, OVERLAP}}},
	{"one that begins in a later one",
	 {{0, 800, MORE, A}, {800, 800, MORE, A}, {1592, 800, LAST, OVERLAP}}},
	{"a copy is dropped, its datagram goes on (RFC 8200 4.5)",
	 {{0, 800, MORE, A}, {800, 800, MORE, A}, {800, 800, MORE, OVERLAP},
	  {808, 80, MORE, OVERLAP}, {1600, 100, LAST, A}}},
	{"an overlap ends a datagram of IPv6 (RFC 5722)",
	 {{0, 800, MORE, A}, {800, 800, MORE, A}, {1200, 800, MORE, OVERLAP},
	  {1600, 100, LAST, {LB_FORWARDED, LB_FRAGMENT_OVERLAP}}}},
	{"past the end",
	 {{0, 800, MORE, A}, {800, 100, LAST, A}, {1600, 80, MORE, OVERLAP}}},
	{"a second end",
	 {{0, 800, MORE, A}, {2400, 100, LAST, A}, {1600, 100, LAST, OVERLAP}}},
	{"an end before what came",
	 {{0, 800, MORE, A}, {1600, 800, MORE, A}, {800, 100, LAST, OVERLAP}}},
	{"an end that is the end of what came",
	 {{0, 800, MORE, A}, {1600, 800, MORE, A}, {2392, 8, LAST, A}}},
	{"IPv4's ids come round, those of IPv6 do not (RFC 6864)",
	 {{0, 800, MORE, A}, {800, 100, LAST, A},
	  {0, 808, MORE, {LB_FORWARDED, LB_FRAGMENT_OVERLAP}, REAL_B, .sport = 5},
	  {808, 8, LAST, {LB_FORWARDED, LB_FRAGMENT_OVERLAP}, REAL_B}}},
	{"an id may come again after half a minute",
	 {{0, 800, MORE, A}, {0, 808, MORE, B, .sport = 5, .age = SECONDS_30 + 1},
	  {808, 8, LAST, B}}},
	{"a first fragment of half a unit",
	 {{0, 804, MORE, BAD}, {808, 8, LAST, LOST}}},
	{"a later fragment of half a unit",
	 {{0, 800, MORE, A}, {800, 804, MORE, BAD}, {800, 800, MORE, A}}},
	{"a later fragment of nothing",
	 {{0, 800, MORE, A}, {800, 0, LAST, BAD}, {800, 0, MORE, BAD}}},
	{"a later fragment past 64 KB",
	 {{0, 800, MORE, A}, {65528, 8, LAST, BAD}, {65528, 800, MORE, BAD}}},
	{"a first fragment without all of its UDP header",
	 {{0, 7, MORE, TINY}, {8, 80, LAST, LOST}}},
	{"a first fragment without all of its TCP header",
	 {{0, 16, MORE, TINY, .proto = PROTO_TCP}, {0, 8, MORE, TINY, .proto = PROTO_TCP},
	  {16, 80, LAST, LOST, .proto = PROTO_TCP}}},
	{"a first fragment of no more than a header",
	 {{0, 24, MORE, A, PROTO_TCP}, {24, 80, LAST, A, PROTO_TCP}}},
};
/* clang-format on */

static struct frame frame;

/* The piece of a datagram of 3,000 bytes or so. */
static void piece_build(struct frame *f, bool six, unsigned tags, const struct piece *x)
{
	uint8_t proto = x->proto ? x->proto : PROTO_UDP;
	uint8_t chain[8] = {proto, 0, x->from >> 8, (x->from & 0xf8) | x->more,
			    0,     0, x->id >> 8,   x->id & 0xff};
	struct spec s = {.six = six,
			 .tags = tags,
			 .proto = proto,
			 .flags = SYN,
			 .id = x->id,
			 .sport = x->sport,
			 .payload = x->len};

	if (six) {
		s.chain = chain;
		s.chain_len = sizeof(chain);
		s.first = 44;
	}
	frame_build(f, &s);
	if (proto == PROTO_UDP)
		frame_set16(f, f->l4 + 4, 3000);
	f->len = f->l4 + x->len;
	frame_set16(f, f->l3 + (six ? 4 : 2), f->len - f->l3 - (six ? 40 : 0));
	if (!six)
		frame_set16(f, f->l3 + 6, x->from / 8 | x->more << 13);
}

static void age(uint32_t ticks)
{
	struct lb_datagram key;
	struct lb_fragments row;

	for (int err = runner_next("lbx_fragments", NULL, &key); !err;
	     err = runner_next("lbx_fragments", &key, &key)) {
		(void)runner_get("lbx_fragments", &key, &row);
		row.seen -= ticks;
		(void)runner_put("lbx_fragments", &key, &row);
	}
}

static void run_piece(bool six, unsigned tags, const struct piece *x)
{
	struct expect e = {.verdict = x->verdict[six], .real = x->real};

	if (e.verdict == LB_FORWARDED && x->from)
		e.event = 1 + LB_EVENT_FRAGMENT_FOLLOWED;
	age(x->age);
	piece_build(&frame, six, tags, x);
	world_run(&frame, e, NULL);
}

static void run_sequence(const struct sequence *q, bool six, unsigned tags)
{
	world_reset();
	for (int i = 0; i < PIECES_MAX && (q->pieces[i].len || q->pieces[i].from); i++) {
		tap_about("%s, IPv%d, %u tags, piece %d", q->name, six ? 6 : 4, tags, i + 1);
		run_piece(six, tags, &q->pieces[i]);
	}
}

static void each_sequence_comes_out_as_it_says(void)
{
	for (size_t i = 0; i < sizeof(sequences) / sizeof(*sequences); i++)
		for (unsigned k = 0; k < FAMILIES * TAGS; k++)
			run_sequence(&sequences[i], k & 1, k >> 1);
}

static const struct piece first = {0, 800, MORE, A}, later = {800, 100, LAST, A};

static struct piece but(struct piece x, enum lb_verdict v)
{
	x.verdict[0] = x.verdict[1] = v;
	x.real = 0;
	return x;
}

static void later_fragments_move_no_flow(void)
{
	for (int six = 0; six < FAMILIES; six++) {
		world_reset();
		run_piece(six, 0, &first);
		run_piece(six, 0, &later);
		tap_about("IPv%d", six ? 6 : 4);
		tap_equal(world_entries(six ? "lbx_half6" : "lbx_half4"), 1, "half-open flows");
		tap_equal(world_entries(six ? "lbx_flows6" : "lbx_flows4"), 0, "flows");
		tap_equal(world_conns(REAL_A).connections, 1, "connections");
	}
}

/* What another protocol has under the same id is another datagram (RFC 791 3.2). */
static void protocols_of_ipv4_number_apart(void)
{
	struct piece tcp = later;

	tcp.proto = PROTO_TCP;
	world_reset();
	run_piece(false, 0, &first);
	tcp = but(tcp, LB_FRAGMENT);
	run_piece(false, 0, &tcp);
	run_piece(false, 0, &later);
}

/* In whose place the first would have been answered, or sent elsewhere. */
static void a_real_that_was_halted_gets_no_later_fragments(void)
{
	struct piece lost = but(later, LB_FRAGMENT);

	for (int six = 0; six < FAMILIES; six++) {
		world_reset();
		run_piece(six, 0, &first);
		world_real(REAL_A, REAL_GOOD | LB_REAL_RESET, IFINDEX);
		run_piece(six, 0, &lost);
	}
}

static void a_real_without_a_mac_gets_none(void)
{
	struct piece lost = but(first, LB_NO_NEIGHBOUR);

	world_reset();
	world_real(REAL_A, LB_REAL_USABLE | LB_REAL_UP, IFINDEX);
	run_piece(false, 0, &lost);
	piece_build(&frame, false, 0, &later);
	world_run(&frame,
		  (struct expect){.verdict = LB_NO_NEIGHBOUR,
				  .event = 1 + LB_EVENT_FRAGMENT_FOLLOWED},
		  NULL);
}

static void fragments_reach_a_real_behind_another_interface(void)
{
	uint32_t ifindex = IFINDEX_FAR;

	for (int six = 0; six < FAMILIES; six++) {
		world_reset();
		(void)runner_put("lbx_tx", &ifindex, &(uint32_t){IFINDEX});
		world_real(REAL_A, REAL_GOOD, IFINDEX_FAR);
		run_piece(six, 0, &first);
		run_piece(six, 0, &later);
	}
}

/* A service of layer 7, or the host's own: whoever has the first fragment needs the others. */
static void what_the_host_takes_it_takes_whole(void)
{
	struct piece host_first = but(first, LB_NOT_OURS), host_later = but(later, LB_NOT_OURS);

	for (int six = 0; six < FAMILIES; six++) {
		world_reset();
		world_acl(7, "0.0.0.0", 0, LB_ACL_ALLOW);
		world_acl(7, "::", 0, LB_ACL_ALLOW);
		world_gate(7, true);
		run_piece(six, 0, &host_first);
		run_piece(six, 0, &host_later);
		tap_equal(world_entries("lbx_fragments"), 1, "datagrams");
	}
}

static void a_refused_client_has_all_fragments_refused(void)
{
	struct piece refused = but(first, LB_ACL), lost = but(later, LB_FRAGMENT);

	for (int six = 0; six < FAMILIES; six++) {
		world_reset();
		world_gate(7, false);
		run_piece(six, 0, &refused);
		run_piece(six, 0, &lost);
		tap_equal(world_entries("lbx_fragments"), 0, "datagrams");
	}
}

static void fragments_of_another_address_leave_no_row(void)
{
	struct spec s = {.dst = "10.77.0.101", .proto = PROTO_UDP, .payload = 800};

	world_reset();
	frame_build(&frame, &s);
	frame_set16(&frame, frame.l3 + 6, MORE << 13);
	world_run(&frame, (struct expect){.verdict = LB_NOT_OURS}, NULL);
	frame_build(&frame, &s);
	frame_set16(&frame, frame.l3 + 6, 808 / 8);
	world_run(&frame, (struct expect){.verdict = LB_NOT_OURS}, NULL);
	tap_equal(world_entries("lbx_fragments"), 0, "datagrams");
}

/* Headers that each fragment has, and one that only the first has (RFC 8200 4.5). */
static void headers_around_the_fragment_header_are_no_hindrance(void)
{
	static const uint8_t chain_first[] = {44, 0, 1, 4, 0,         0, 0, 0, 60, 0, 0, 1,
					      0,  0, 0, 3, PROTO_UDP, 0, 1, 4, 0,  0, 0, 0};
	static const uint8_t chain_later[] = {44, 0, 1, 4, 0, 0, 0, 0, 60, 0, 3, 0x20, 0, 0, 0, 3};
	struct spec s = {.six = true,
			 .proto = PROTO_UDP,
			 .chain = chain_first,
			 .chain_len = sizeof(chain_first),
			 .payload = 784};

	world_reset();
	frame_build(&frame, &s);
	world_run(&frame, (struct expect){.verdict = LB_FORWARDED, .real = REAL_A}, NULL);
	s.chain = chain_later;
	s.chain_len = sizeof(chain_later);
	frame_build(&frame, &s);
	world_run(&frame,
		  (struct expect){.verdict = LB_FORWARDED,
				  .event = 1 + LB_EVENT_FRAGMENT_FOLLOWED,
				  .real = REAL_A},
		  NULL);
}

/* RFC 6946: a fragment header without fragments is no fragment. */
static void an_atomic_fragment_leaves_no_row(void)
{
	static const uint8_t chain[] = {PROTO_UDP, 0, 0, 0, 0, 0, 0, 3};

	world_reset();
	frame_build(&frame, &(struct spec){.six = true,
					   .proto = PROTO_UDP,
					   .chain = chain,
					   .chain_len = sizeof(chain),
					   .first = 44,
					   .payload = 33});
	world_run(&frame, (struct expect){.verdict = LB_FORWARDED, .real = REAL_A}, NULL);
	tap_equal(world_entries("lbx_fragments"), 0, "datagrams");
}

void cases_fragment(void)
{
	tap_case("each sequence of fragments comes out as it says (F2)",
		 each_sequence_comes_out_as_it_says);
	tap_case("later fragments move no flow", later_fragments_move_no_flow);
	tap_case("protocols of IPv4 number apart", protocols_of_ipv4_number_apart);
	tap_case("a real that was halted gets no later fragments",
		 a_real_that_was_halted_gets_no_later_fragments);
	tap_case("a real without a MAC gets none", a_real_without_a_mac_gets_none);
	tap_case("fragments reach a real behind another interface",
		 fragments_reach_a_real_behind_another_interface);
	tap_case("what the host takes it takes whole", what_the_host_takes_it_takes_whole);
	tap_case("a refused client has all fragments refused",
		 a_refused_client_has_all_fragments_refused);
	tap_case("fragments of another address leave no row",
		 fragments_of_another_address_leave_no_row);
	tap_case("headers around the fragment header are no hindrance",
		 headers_around_the_fragment_header_are_no_hindrance);
	tap_case("an atomic fragment leaves no row", an_atomic_fragment_leaves_no_row);
}
