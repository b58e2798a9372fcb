/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Translated packets as they come and as they leave, built from nothing, for the cases of nat.h.
 * Two ways: l4-nat, where the real sees the client, and l4-snat, where it sees an address of the
 * pool.
 */
#ifndef TESTS_PACKET_NAT_WAYS_H
#define TESTS_PACKET_NAT_WAYS_H

#include "world.h"

enum { CLIENT_PORT = 40000, REAL_PORT = 8080, HOPS = 64, PSH = 8 };
enum { SEQUENCE = 0x09abcdef };

static const uint8_t mac_real[6] = {2, 0, 0, 0, 0, 0xa1};
static const uint8_t mac_second[6] = {2, 0, 0, 0, 0, 0xa2};
static const uint8_t mac_to_real[6] = {2, 0, 0, 0, 0x50, IFINDEX};

static const char *const vips[] = {"10.77.0.100", "fd77::100"};
static const char *const clients[] = {"10.77.0.2", "fd77::2"};
static const char *const reals[] = {"10.88.3.11", "fd88::3:11"};
static const char *const others[] = {"10.88.3.12", "fd88::3:12"};
static const char *const pools[] = {"10.88.9.200", "fd88::9:200"};

/* One kind of flow. */
struct way {
	int six;
	bool snat;
	uint8_t proto;
	unsigned tags;
	bool second; /* to REAL_B */
};

static struct frame frame, want;

static inline void nat_world(struct way w)
{
	world_reset();
	world_forget_hashes();
	world_nat_real(REAL_A, reals[w.six], REAL_PORT, w.snat);
	world_nat_real(REAL_B, others[w.six], REAL_PORT, w.snat);
	world_ring((uint32_t[]){REAL_A}, 1);
	if (w.snat)
		world_pool(&pools[w.six], 1);
	tap_about("IPv%d, %s, protocol %d, %u tags", w.six ? 6 : 4, w.snat ? "l4-snat" : "l4-nat",
		  w.proto, w.tags);
}

static inline const char *seen_as(struct way w)
{
	return w.snat ? pools[w.six] : clients[w.six];
}

static inline const char *real_of(struct way w)
{
	return (w.second ? others : reals)[w.six];
}

static inline struct spec spec_of(struct way w, uint8_t flags)
{
	return (struct spec){.six = w.six,
			     .tags = w.tags,
			     .proto = w.proto,
			     .flags = flags,
			     .seq = SEQUENCE,
			     .ack = flags & ACK ? SEQUENCE + 1 : 0,
			     .payload = 13};
}

/* A client's packet, and what the real gets. */
static inline struct spec sent(struct way w, uint8_t flags)
{
	struct spec s = spec_of(w, flags);

	s.src = clients[w.six];
	s.dst = vips[w.six];
	return s;
}

static inline struct spec arrives(struct way w, uint8_t flags)
{
	struct spec s = spec_of(w, flags);

	s.src = seen_as(w);
	s.dst = real_of(w);
	s.dport = REAL_PORT;
	s.ttl = HOPS - 1;
	s.dst_mac = w.second ? mac_second : mac_real;
	s.src_mac = mac_to_real;
	return s;
}

/* A real's packet, and what the client gets. */
static inline struct spec replied(struct way w, uint8_t flags)
{
	struct spec s = spec_of(w, flags);

	s.src = real_of(w);
	s.dst = seen_as(w);
	s.sport = REAL_PORT;
	s.dport = CLIENT_PORT;
	s.src_mac = w.second ? mac_second : mac_real;
	s.dst_mac = mac_ours;
	return s;
}

static inline struct spec returns(struct way w, uint8_t flags)
{
	struct spec s = spec_of(w, flags);

	s.src = vips[w.six];
	s.dst = clients[w.six];
	s.sport = 443;
	s.dport = CLIENT_PORT;
	s.ttl = HOPS - 1;
	s.src_mac = mac_ours;
	s.dst_mac = mac_client;
	return s;
}

static inline void expect(struct spec is, struct spec becomes, enum lb_verdict verdict)
{
	frame_build(&frame, &is);
	frame_build(&want, &becomes);
	world_run(&frame, (struct expect){.verdict = verdict, .sent = &want}, NULL);
}

/* The packet goes nowhere, or passes by, as it came. */
static inline void expect_end(struct spec is, enum lb_verdict verdict)
{
	expect(is, is, verdict);
}

/* What is half-open: the client has not answered the real's answer. */
static inline void begin_flow(struct way w)
{
	expect(sent(w, SYN), arrives(w, SYN), LB_FORWARDED);
	expect(replied(w, SYN | ACK), returns(w, SYN | ACK), LB_NAT_REPLY);
}

/* What runs. */
static inline void open_flow(struct way w)
{
	begin_flow(w);
	expect(sent(w, ACK), arrives(w, ACK), LB_FORWARDED);
}

typedef void way_case(struct way w);

/* Both families, both modes, both protocols. */
static inline void each_way(way_case *run)
{
	for (int i = 0; i < 8; i++)
		run((struct way){
			.six = i & 1, .snat = i & 2, .proto = i & 4 ? PROTO_UDP : PROTO_TCP});
}

#endif
