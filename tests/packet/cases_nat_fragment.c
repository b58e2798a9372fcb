/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Fragments of translated datagrams (F2), both ways: pieces of a whole that was sent, and of what
 * it ought to become, checksum and all.
 */
#include "cases.h"
#include "nat_ways.h"

#include <string.h>

enum { WHOLE = 2992, PIECE = 1400, SEGMENT = 1 << 13 };

static struct frame whole, whole_want;

/* The datagram as it would be in one frame, with IPv6's fragment header. */
static void whole_build(struct frame *f, struct spec s, uint16_t id)
{
	const uint8_t chain[8] = {s.proto, 0, 0, 0, 0, 0, id >> 8, id & 0xff};

	s.payload = WHOLE - (s.proto == PROTO_TCP ? 20 : 8);
	s.id = id;
	s.first = 44;
	s.chain = s.six ? chain : NULL;
	s.chain_len = s.six ? sizeof(chain) : 0;
	frame_build(f, &s);
}

static void header_checksum(struct frame *f)
{
	uint32_t sum = 0;

	frame_set16(f, f->l3 + 10, 0);
	for (size_t i = 0; i < 20; i += 2)
		sum += (uint32_t)f->byte[f->l3 + i] << 8 | f->byte[f->l3 + i + 1];
	sum = (sum & 0xffff) + (sum >> 16);
	frame_set16(f, f->l3 + 10, (uint16_t) ~(sum + (sum >> 16)));
}

/* Bytes from on of what can be fragmented, up to PIECE of them. */
static void cut(struct frame *f, const struct frame *of, bool six, size_t from)
{
	size_t left = of->len - of->l4 - from, len = left < PIECE ? left : PIECE;

	*f = *of;
	memmove(f->byte + f->l4, of->byte + of->l4 + from, len);
	f->len = f->l4 + len;
	frame_set16(f, f->l3 + (six ? 4 : 2), (uint16_t)(f->len - f->l3 - (six ? 40 : 0)));
	if (six) {
		frame_set16(f, f->l3 + 42, (uint16_t)(from | (len < left)));
		return;
	}
	frame_set16(f, f->l3 + 6, (uint16_t)(from / 8 | (len < left ? SEGMENT : 0)));
	header_checksum(f);
}

/* The piece at from of whole becomes that of whole_want; a drop leaves it as it is. */
static void expect_piece(struct way w, size_t from, enum lb_verdict verdict)
{
	bool goes = verdict == LB_FORWARDED || verdict == LB_NAT_REPLY;
	struct expect e = {.verdict = verdict, .sent = &want};

	if (from && goes)
		e.event = 1 + LB_EVENT_FRAGMENT_FOLLOWED;
	cut(&frame, &whole, w.six, from);
	cut(&want, goes ? &whole_want : &whole, w.six, from);
	world_run(&frame, e, NULL);
}

static void prepare(struct spec is, struct spec becomes, uint16_t id)
{
	whole_build(&whole, is, id);
	whole_build(&whole_want, becomes, id);
}

/* A datagram that begins its flow, its answer, and one that runs. */
static void follow(struct way w)
{
	uint8_t first = w.proto == PROTO_TCP ? SYN : 0;

	for (w.tags = 0; w.tags <= 2; w.tags++) {
		nat_world(w);
		for (int round = 0; round < 3; round++) {
			uint8_t flags = round ? ACK : first;

			prepare(sent(w, flags), arrives(w, flags), (uint16_t)(round + 1));
			for (size_t from = 0; from < WHOLE; from += PIECE)
				expect_piece(w, from, LB_FORWARDED);
			prepare(replied(w, flags | ACK), returns(w, flags | ACK), 7 + round);
			for (size_t from = 0; from < WHOLE; from += PIECE)
				expect_piece(w, from, LB_NAT_REPLY);
		}
		tap_equal(world_entries("lbx_nat"), 2, "rows");
		tap_equal(world_entries("lbx_fragments"), 6, "datagrams");
	}
}

static void fragments_are_translated_both_ways(void)
{
	each_way(follow);
}

/* To the VIP, and to the pool's address, which are ours; to a client of l4-nat it is not. */
static void orphan(struct way w)
{
	struct spec r = replied(w, ACK);

	nat_world(w);
	open_flow(w);
	if (w.snat)
		world_vip(pools[w.six], true);
	prepare(sent(w, ACK), arrives(w, ACK), 1);
	expect_piece(w, PIECE, LB_FRAGMENT);
	prepare(r, returns(w, ACK), 2);
	expect_piece(w, PIECE, w.snat ? LB_FRAGMENT : LB_NOT_OURS);
	r.dport = 4711; /* no flow's, so its datagram is nobody's */
	prepare(r, returns(w, ACK), 3);
	expect_piece(w, 0, LB_NOT_OURS);
}

static void what_comes_before_its_first_is_lost(void)
{
	each_way(orphan);
}

static void overlap(struct way w)
{
	nat_world(w);
	open_flow(w);
	prepare(sent(w, ACK), arrives(w, ACK), 1);
	expect_piece(w, 0, LB_FORWARDED);
	expect_piece(w, PIECE, LB_FORWARDED);
	expect_piece(w, PIECE, LB_FRAGMENT_OVERLAP);
	prepare(replied(w, ACK), returns(w, ACK), 1);
	expect_piece(w, 0, LB_NAT_REPLY);
	expect_piece(w, PIECE, LB_NAT_REPLY);
	expect_piece(w, PIECE, LB_FRAGMENT_OVERLAP);
}

static void overlaps_are_dropped_both_ways(void)
{
	each_way(overlap);
}

/* The flow's rows went while a datagram was under way. */
static void forget(struct way w)
{
	struct lb_flow6 key;

	nat_world(w);
	open_flow(w);
	prepare(sent(w, ACK), arrives(w, ACK), 1);
	expect_piece(w, 0, LB_FORWARDED);
	while (!runner_next("lbx_nat", NULL, &key))
		(void)runner_del("lbx_nat", &key);
	cut(&frame, &whole, w.six, PIECE);
	world_run(&frame,
		  (struct expect){.verdict = LB_FRAGMENT, .event = 1 + LB_EVENT_FRAGMENT_FOLLOWED},
		  NULL);
}

static void without_its_flow_a_fragment_goes_nowhere(void)
{
	each_way(forget);
}

static void hop(struct way w)
{
	struct spec s = sent(w, ACK), a = arrives(w, ACK);

	nat_world(w);
	open_flow(w);
	prepare(s, a, 1);
	expect_piece(w, 0, LB_FORWARDED);
	s.ttl = 1;
	prepare(s, a, 1);
	cut(&frame, &whole, w.six, PIECE);
	world_run(&frame,
		  (struct expect){.verdict = LB_HOP_LIMIT, .event = 1 + LB_EVENT_FRAGMENT_FOLLOWED},
		  NULL);
}

static void a_fragment_with_no_hop_left_is_dropped(void)
{
	each_way(hop);
}

/* The row of a datagram says nothing of ports where nothing is translated. */
static void direct(struct way w)
{
	static struct frame piece;

	nat_world(w);
	world_real(REAL_A, REAL_GOOD, IFINDEX);
	prepare(sent(w, SYN), sent(w, SYN), 1);
	for (size_t from = 0; from < WHOLE; from += PIECE) {
		struct expect e = {.verdict = LB_FORWARDED, .real = REAL_A};

		if (from)
			e.event = 1 + LB_EVENT_FRAGMENT_FOLLOWED;
		cut(&piece, &whole, w.six, from);
		world_run(&piece, e, NULL);
	}
}

static void beside_translation_others_stay_as_they_are(void)
{
	each_way(direct);
}

void cases_nat_fragment(void)
{
	tap_case("fragments are translated both ways", fragments_are_translated_both_ways);
	tap_case("what comes before its first is lost", what_comes_before_its_first_is_lost);
	tap_case("overlaps are dropped both ways", overlaps_are_dropped_both_ways);
	tap_case("without its flow a fragment goes nowhere",
		 without_its_flow_a_fragment_goes_nowhere);
	tap_case("a fragment with no hop left is dropped", a_fragment_with_no_hop_left_is_dropped);
	tap_case("beside translation others stay as they are",
		 beside_translation_others_stay_as_they_are);
}
