/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the data plane answers itself: ARP (F7), Neighbour Discovery (F9), ping. Answers are
 * compared byte by byte, checksums included, with none, one and two tags.
 */
#include "cases.h"
#include "world.h"

#include <stdio.h>
#include <string.h>

#define VIP4    "10.77.0.100"
#define CLIENT4 "10.77.0.2"
#define VIP6    "fd77::100"
#define CLIENT6 "fd77::2"
#define GROUP6  "ff02::1:ff00:100"

static struct frame frame, answer;

struct arp {
	uint16_t operation;
	const uint8_t *sender_mac;
	const char *sender;
	const uint8_t *target_mac;
	const char *target;
};

static void arp_build(struct frame *f, const uint8_t *dst, const uint8_t *src, unsigned tags,
		      const struct arp *a)
{
	f->len = 0;
	frame_ethernet(f, dst, src, tags, 0x0806);
	frame_put16(f, 1);
	frame_put16(f, 0x0800);
	frame_put16(f, 0x0604);
	frame_put16(f, a->operation);
	frame_put(f, a->sender_mac, 6);
	frame_address(f, a->sender);
	frame_put(f, a->target_mac, 6);
	frame_address(f, a->target);
	f->l4 = f->len;
	frame_zero(f, 18);
}

static const uint8_t no_mac[6];

static const struct arp request = {1, mac_client, CLIENT4, no_mac, VIP4};

static void arp_request_is_answered(void)
{
	static const struct arp reply = {2, mac_ours, VIP4, mac_client, CLIENT4};

	world_reset();
	for (unsigned tags = 0; tags <= 2; tags++) {
		arp_build(&frame, mac_broadcast, mac_client, tags, &request);
		arp_build(&answer, mac_client, mac_ours, tags, &reply);
		tap_about("%u tags", tags);
		world_run(&frame, (struct expect){.verdict = LB_ARP_REPLY, .sent = &answer}, NULL);
		arp_build(&frame, mac_ours, mac_client, tags, &request);
		tap_about("%u tags, asked by unicast", tags);
		world_run(&frame, (struct expect){.verdict = LB_ARP_REPLY, .sent = &answer}, NULL);
	}
	tap_equal(world_vip_row(VIP4).arp_replies, 6, "replies counted");
}

/* The tick it is now, as the data plane reads it: a flow that was seen just now bears it. */
static uint32_t now_tick(void)
{
	struct lb_flow4 key;
	struct lb_flow flow = {0};

	world_establish(false);
	if (runner_next("lbx_flows4", NULL, &key) || runner_get("lbx_flows4", &key, &flow))
		tap_fail("no flow to read the clock from");
	return flow.seen;
}

/* F24: what it forwards goes on; only the invitation ends. */
static void orphaned_for_too_long_arp_is_left_to_a_peer(void)
{
	static const struct {
		uint32_t timeout, silent; /* ticks */
		enum lb_verdict verdict;
	} rows[] = {
		{0,   100000, LB_ARP_REPLY},
		{100, 50,     LB_ARP_REPLY},
		{100, 200,    LB_NOT_OURS },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct lb_settings s;

		world_reset();
		s = world_settings();
		s.orphan_timeout = rows[i].timeout;
		s.heartbeat = now_tick() - rows[i].silent;
		world_set_settings(&s);
		arp_build(&frame, mac_broadcast, mac_client, 0, &request);
		answer = frame;
		if (rows[i].verdict == LB_ARP_REPLY)
			arp_build(&answer, mac_client, mac_ours, 0,
				  &(struct arp){2, mac_ours, VIP4, mac_client, CLIENT4});
		tap_about("timeout %u, silent for %u", rows[i].timeout, rows[i].silent);
		world_run(&frame, (struct expect){.verdict = rows[i].verdict, .sent = &answer},
			  NULL);
	}
}

/* RFC 5227: who wants the address for itself learns that it is taken. */
static void arp_probe_is_answered(void)
{
	static const struct arp probe = {1, mac_client, "0.0.0.0", no_mac, VIP4};
	static const struct arp reply = {2, mac_ours, VIP4, mac_client, "0.0.0.0"};

	world_reset();
	arp_build(&frame, mac_broadcast, mac_client, 0, &probe);
	arp_build(&answer, mac_client, mac_ours, 0, &reply);
	world_run(&frame, (struct expect){.verdict = LB_ARP_REPLY, .sent = &answer}, NULL);
}

/* clang-format off */
static const struct {
	const char *name;
	struct arp arp;
	enum lb_verdict verdict;
} arps[] = {
	{"a request for another address", {1, mac_client, CLIENT4, no_mac, "10.77.0.3"},
	 LB_NOT_OURS},
	{"a reply", {2, mac_client, CLIENT4, mac_ours, VIP4}, LB_NOT_OURS},
	{"our own announcement", {1, mac_ours, VIP4, no_mac, VIP4}, LB_NOT_OURS},
	{"a request from a group address", {1, mac_broadcast, CLIENT4, no_mac, VIP4}, LB_NOT_OURS},
	{"another operation", {3, mac_client, CLIENT4, no_mac, VIP4}, LB_NOT_OURS},
	{"somebody's gratuitous request", {1, mac_other, VIP4, no_mac, VIP4}, LB_ARP_CONFLICT},
	{"somebody's gratuitous reply", {2, mac_other, VIP4, mac_other, VIP4}, LB_ARP_CONFLICT},
	{"somebody's reply", {2, mac_other, VIP4, mac_client, CLIENT4}, LB_ARP_CONFLICT},
	{"a request sent from the VIP", {1, mac_other, VIP4, no_mac, CLIENT4}, LB_ARP_CONFLICT},
};
/* clang-format on */

/* How often that host claimed that VIP on the interface of the cases. */
static uint64_t claims_of(const char *vip, const uint8_t *mac)
{
	struct lb_claim key = {.ifindex = IFINDEX};
	uint64_t count = 0;

	frame_mapped(key.vip.byte, vip);
	memcpy(key.mac, mac, sizeof(key.mac));
	(void)runner_get("lbx_claims", &key, &count);
	return count;
}

static void arp_that_is_no_question_is_passed_and_claims_are_counted(void)
{
	unsigned conflicts = 0;
	struct lb_vip vip;

	world_reset();
	for (size_t i = 0; i < sizeof(arps) / sizeof(*arps); i++) {
		tap_about("%s", arps[i].name);
		arp_build(&frame, mac_broadcast, arps[i].arp.sender_mac, i % 3, &arps[i].arp);
		world_run(&frame, (struct expect){.verdict = arps[i].verdict}, NULL);
		conflicts += arps[i].verdict == LB_ARP_CONFLICT;
	}
	vip = world_vip_row(VIP4);
	tap_equal(vip.conflicts, conflicts, "conflicts counted");
	tap_equal(vip.arp_replies, 0, "replies counted");
	if (memcmp(vip.conflict_mac, mac_other, 6))
		tap_fail("the other's MAC is not noted");
	tap_equal(claims_of(VIP4, mac_other), conflicts, "claims of the other");
}

static void each_host_that_claims_a_vip_is_noted(void)
{
	static const uint8_t *const macs[] = {mac_other, mac_client, mac_other};
	struct lb_claim key;

	world_reset();
	for (size_t i = 0; i < sizeof(macs) / sizeof(*macs); i++) {
		arp_build(&frame, mac_broadcast, macs[i], 0,
			  &(struct arp){1, macs[i], VIP4, no_mac, VIP4});
		world_run(&frame, (struct expect){.verdict = LB_ARP_CONFLICT}, NULL);
	}
	tap_equal(claims_of(VIP4, mac_other), 2, "claims of one");
	tap_equal(claims_of(VIP4, mac_client), 1, "claims of another");
	arp_build(&frame, mac_broadcast, mac_other, 0,
		  &(struct arp){1, mac_other, CLIENT4, no_mac, CLIENT4});
	world_reset();
	world_run(&frame, (struct expect){.verdict = LB_NOT_OURS}, NULL);
	if (!runner_next("lbx_claims", NULL, &key))
		tap_fail("an address that is no VIP is noted");
}

static void a_standby_node_neither_answers_nor_minds(void)
{
	world_reset();
	world_vip(VIP4, false);
	world_vip(VIP6, false);
	tap_about("a request");
	arp_build(&frame, mac_broadcast, mac_client, 0, &request);
	world_run(&frame, (struct expect){.verdict = LB_NOT_OURS}, NULL);
	tap_about("the active node's announcement");
	arp_build(&frame, mac_broadcast, mac_other, 0,
		  &(struct arp){1, mac_other, VIP4, no_mac, VIP4});
	world_run(&frame, (struct expect){.verdict = LB_NOT_OURS}, NULL);
	for (int six = 0; six < 2; six++) {
		tap_about("a ping, IPv%d", six ? 6 : 4);
		frame_build(&frame, &(struct spec){.six = six,
						   .proto = six ? PROTO_ICMP6 : PROTO_ICMP4,
						   .type = six ? 128 : 8});
		world_run(&frame, (struct expect){.verdict = LB_NOT_OURS}, NULL);
	}
}

static void arp_cut_short_is_dropped(void)
{
	world_reset();
	for (unsigned tags = 0; tags <= 2; tags++) {
		arp_build(&frame, mac_broadcast, mac_client, tags, &request);
		frame.len = frame.l4 - 1;
		tap_about("%u tags", tags);
		world_run(&frame, (struct expect){.verdict = LB_BAD_ARP}, NULL);
	}
}

static void arp_of_other_hardware_or_protocol_is_passed(void)
{
	static const struct {
		size_t at;
		uint16_t value;
	} fields[] = {
		{0, 6     },
                {2, 0x86dd},
                {4, 0x0804},
                {4, 0x0610}
        };

	world_reset();
	for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++) {
		arp_build(&frame, mac_broadcast, mac_client, 0, &request);
		frame_set16(&frame, frame.l3 + fields[i].at, fields[i].value);
		tap_about("field at %zu", fields[i].at);
		world_run(&frame, (struct expect){.verdict = LB_NOT_OURS}, NULL);
	}
}

/* A neighbour message with up to two options of 8 bytes. */
struct nd {
	uint8_t type;
	uint32_t flags;
	const char *src, *dst, *target;
	uint8_t options[16];
	size_t options_len;
};

static void nd_build(struct frame *f, const uint8_t *dst, const uint8_t *src, unsigned tags,
		     const struct nd *n)
{
	f->len = 0;
	frame_ethernet(f, dst, src, tags, 0x86dd);
	frame_put32(f, 0x60000000);
	frame_put16(f, 24 + n->options_len);
	frame_put16(f, PROTO_ICMP6 << 8 | 255);
	frame_address(f, n->src);
	frame_address(f, n->dst);
	f->l4 = f->len;
	frame_put32(f, (uint32_t)n->type << 24);
	frame_put32(f, n->flags);
	frame_address(f, n->target);
	frame_put(f, n->options, n->options_len);
	frame_checksum6(f, f->l4 + 2, PROTO_ICMP6);
}

static const uint8_t mac_group[6] = {0x33, 0x33, 0xff, 0, 1, 0};
static const uint8_t mac_all_nodes[6] = {0x33, 0x33, 0, 0, 0, 1};

#define SLLA       1, 1, 2, 0, 0, 0, 0, 0xc
#define TLLA(last) 2, 1, 2, 0, 0, 0, 0, last
#define NONCE      14, 1, 1, 2, 3, 4, 5, 6
#define SOLICIT    135, 0, CLIENT6, GROUP6, VIP6

#define ADVERTISE 136, 0x60000000, VIP6, CLIENT6, VIP6, {TLLA(1)}, 8

/* clang-format off */
static const struct {
	const char *name;
	struct nd nd, answer;
} solicitations[] = {
	{"by multicast", {SOLICIT, {SLLA}, 8}, {ADVERTISE}},
	{"by unicast, without an option", {135, 0, CLIENT6, VIP6, VIP6, {0}, 0}, {ADVERTISE}},
	{"with a nonce", {SOLICIT, {SLLA, NONCE}, 16}, {ADVERTISE}},
	{"with an unknown option of two units", {SOLICIT, {200, 2}, 16}, {ADVERTISE}},
	{"for a duplicate", {135, 0, "::", GROUP6, VIP6, {0}, 0}, {136, 0x20000000, VIP6,
	 "ff02::1", VIP6, {TLLA(1)}, 8}},
	{"for a duplicate, with a nonce", {135, 0, "::", GROUP6, VIP6, {NONCE}, 8}, {136,
	 0x20000000, VIP6, "ff02::1", VIP6, {TLLA(1)}, 8}},
};
/* clang-format on */

static void solicitation_is_answered(void)
{
	unsigned count = 0;

	world_reset();
	for (size_t i = 0; i < sizeof(solicitations) / sizeof(*solicitations); i++) {
		const struct nd *a = &solicitations[i].answer;
		bool all = !strcmp(a->dst, "ff02::1");

		for (unsigned tags = 0; tags <= 2; tags++, count++) {
			nd_build(&frame, mac_group, mac_client, tags, &solicitations[i].nd);
			nd_build(&answer, all ? mac_all_nodes : mac_client, mac_ours, tags, a);
			tap_about("%s, %u tags", solicitations[i].name, tags);
			world_run(&frame, (struct expect){.verdict = LB_ND_REPLY, .sent = &answer},
				  NULL);
		}
	}
	tap_equal(world_vip_row(VIP6).nd_replies, count, "replies counted");
}

static void an_interface_without_a_row_answers_nothing(void)
{
	uint32_t ifindex = IFINDEX;

	world_reset();
	(void)runner_del("lbx_ifaces", &ifindex);
	arp_build(&frame, mac_broadcast, mac_client, 0, &request);
	world_run(&frame, (struct expect){.verdict = LB_NOT_OURS}, NULL);
	nd_build(&frame, mac_group, mac_client, 0, &solicitations[0].nd);
	world_run(&frame, (struct expect){.verdict = LB_NOT_OURS}, NULL);
	nd_build(&frame, mac_all_nodes, mac_other, 0, &(struct nd){ADVERTISE});
	world_run(&frame, (struct expect){.verdict = LB_NOT_OURS}, NULL);
}

/* clang-format off */
/* RFC 4861 7.1.1; each is the good one with one thing wrong. */
static const struct {
	const char *name;
	struct nd nd;
	enum { HOPS, CODE, SUM, LENGTH, CUT, NOTHING } wrong;
	unsigned value;
} invalid[] = {
	{"hop limit 254", {SOLICIT, {SLLA}, 8}, HOPS, 254},
	{"a code", {SOLICIT, {SLLA}, 8}, CODE, 1},
	{"a wrong checksum", {SOLICIT, {SLLA}, 8}, SUM, 1},
	{"an option of length 0", {SOLICIT, {1, 0, 2}, 8}, NOTHING, 0},
	{"a second option of length 0", {SOLICIT, {SLLA, 14, 0}, 16}, NOTHING, 0},
	{"an option longer than the packet", {SOLICIT, {1, 2}, 8}, NOTHING, 0},
	{"a length below 24", {SOLICIT, {SLLA}, 8}, LENGTH, 23},
	{"a length of half an option", {SOLICIT, {SLLA}, 8}, LENGTH, 28},
	{"half an option", {SOLICIT, {0}, 4}, NOTHING, 0},
	{"a length past the frame", {SOLICIT, {SLLA}, 8}, LENGTH, 40},
	{"a length far past the frame", {SOLICIT, {SLLA}, 8}, LENGTH, 9000},
	{"an option cut off", {SOLICIT, {SLLA}, 8}, CUT, 4},
	{"unspecified source with a source option", {135, 0, "::", GROUP6, VIP6, {SLLA}, 8},
	 NOTHING, 0},
	{"unspecified source to the VIP", {135, 0, "::", VIP6, VIP6, {0}, 0}, NOTHING, 0},
	{"unspecified source to all nodes", {135, 0, "::", "ff02::1", VIP6, {0}, 0}, NOTHING, 0},
	{"unspecified source to another group", {135, 0, "::", "ff02::1:ff00:101", VIP6, {0}, 0},
	 NOTHING, 0},
};
/* clang-format on */

static void spoil(struct frame *f, size_t i)
{
	switch (invalid[i].wrong) {
	case HOPS:
		f->byte[f->l3 + 7] = invalid[i].value;
		break;
	case CODE:
		f->byte[f->l4 + 1] = invalid[i].value;
		frame_checksum6(f, f->l4 + 2, PROTO_ICMP6);
		break;
	case SUM:
		f->byte[f->l4 + 2] ^= invalid[i].value;
		break;
	case LENGTH:
		frame_set16(f, f->l3 + 4, invalid[i].value);
		break;
	case CUT:
		f->len -= invalid[i].value;
		break;
	case NOTHING:
		break;
	}
}

static void invalid_solicitation_is_not_answered(void)
{
	world_reset();
	for (size_t i = 0; i < sizeof(invalid) / sizeof(*invalid); i++) {
		for (unsigned tags = 0; tags <= 2; tags++) {
			nd_build(&frame, mac_group, mac_client, tags, &invalid[i].nd);
			spoil(&frame, i);
			tap_about("%s, %u tags", invalid[i].name, tags);
			world_run(&frame, (struct expect){.verdict = LB_ND_INVALID}, NULL);
		}
	}
	tap_equal(world_vip_row(VIP6).nd_replies, 0, "replies counted");
}

/* clang-format off */
static const struct {
	const char *name;
	struct nd nd;
	enum lb_verdict verdict;
} messages[] = {
	{"a solicitation of another address", {135, 0, CLIENT6, "ff02::1:ff00:101", "fd77::101",
	 {SLLA}, 8}, LB_NOT_OURS},
	{"an advertisement of another address", {136, 0, CLIENT6, "ff02::1", CLIENT6, {TLLA(0xc)},
	 8}, LB_NOT_OURS},
	{"our own advertisement", {136, 0x20000000, VIP6, "ff02::1", VIP6, {TLLA(1)}, 8},
	 LB_NOT_OURS},
	{"a router's advertisement", {134, 0, "fe80::1", "ff02::1", VIP6, {SLLA}, 8}, LB_NOT_OURS},
	{"an advertisement with an option of length 0", {136, 0, VIP6, "ff02::1", VIP6, {2, 0}, 8},
	 LB_NOT_OURS},
	{"somebody's advertisement of the VIP", {136, 0x20000000, VIP6, "ff02::1", VIP6,
	 {TLLA(0xee)}, 8}, LB_ND_CONFLICT},
	{"somebody's answer", {136, 0x60000000, VIP6, "fd77::1", VIP6, {TLLA(0xee)}, 8},
	 LB_ND_CONFLICT},
	{"somebody's advertisement without an option", {136, 0, VIP6, "ff02::1", VIP6, {0}, 0},
	 LB_ND_CONFLICT},
};
/* clang-format on */

static void other_neighbour_messages_are_passed_and_claims_are_counted(void)
{
	unsigned conflicts = 0;
	struct lb_vip vip;

	world_reset();
	for (size_t i = 0; i < sizeof(messages) / sizeof(*messages); i++) {
		tap_about("%s", messages[i].name);
		nd_build(&frame, mac_all_nodes, mac_other, i % 3, &messages[i].nd);
		world_run(&frame, (struct expect){.verdict = messages[i].verdict}, NULL);
		conflicts += messages[i].verdict == LB_ND_CONFLICT;
	}
	vip = world_vip_row(VIP6);
	tap_equal(vip.conflicts, conflicts, "conflicts counted");
	if (memcmp(vip.conflict_mac, mac_other, 6))
		tap_fail("the other's MAC is not noted");
	tap_equal(claims_of(VIP6, mac_other), conflicts, "claims of the other");
}

static void a_standby_node_does_not_answer_solicitations(void)
{
	world_reset();
	world_vip(VIP6, false);
	nd_build(&frame, mac_group, mac_client, 0, &solicitations[0].nd);
	world_run(&frame, (struct expect){.verdict = LB_NOT_OURS}, NULL);
}

static void run_ping(bool six, unsigned tags, size_t payload, unsigned options)
{
	struct spec ping = {.six = six,
			    .tags = tags,
			    .proto = six ? PROTO_ICMP6 : PROTO_ICMP4,
			    .type = six ? 128 : 8,
			    .ttl = 17,
			    .id = 99,
			    .options = options,
			    .payload = payload};
	struct spec pong = ping;

	pong.type = six ? 129 : 0;
	pong.ttl = 64;
	pong.src = six ? VIP6 : VIP4;
	pong.dst = six ? CLIENT6 : CLIENT4;
	pong.src_mac = mac_ours;
	pong.dst_mac = mac_client;
	frame_build(&frame, &ping);
	frame_build(&answer, &pong);
	tap_about("IPv%d, %u tags, %zu bytes, %u of options", six ? 6 : 4, tags, payload, options);
	world_run(&frame, (struct expect){.verdict = LB_ECHO_REPLY, .sent = &answer}, NULL);
}

static void ping_is_answered(void)
{
	static const size_t sizes[] = {0, 1, 56, 1400, 8000};

	world_reset();
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
		for (int six = 0; six < 2; six++)
			for (unsigned tags = 0; tags <= 2; tags++)
				run_ping(six, tags, sizes[i], 0);
	run_ping(false, 0, 56, 40);
	tap_equal(world_vip_row(VIP4).echo_replies, 16, "replies counted");
	tap_equal(world_vip_row(VIP6).echo_replies, 15, "replies counted, IPv6");
}

static void ping_behind_an_extension_header_is_answered(void)
{
	static const uint8_t chain[] = {PROTO_ICMP6, 0, 1, 4, 0, 0, 0, 0};
	struct spec s = {.six = true,
			 .proto = PROTO_ICMP6,
			 .type = 128,
			 .chain = chain,
			 .chain_len = sizeof(chain),
			 .payload = 8};

	world_reset();
	frame_build(&frame, &s);
	s.type = 129;
	s.src = VIP6;
	s.dst = CLIENT6;
	s.src_mac = mac_ours;
	s.dst_mac = mac_client;
	frame_build(&answer, &s);
	world_run(&frame, (struct expect){.verdict = LB_ECHO_REPLY, .sent = &answer}, NULL);
}

/* The reply's checksum is wrong by as much: the sender discards it. */
static void ping_broken_on_the_way_stays_broken(void)
{
	struct frame reply;

	world_reset();
	frame_build(&frame, &(struct spec){.proto = PROTO_ICMP4, .type = 8, .payload = 8});
	frame.byte[frame.l4 + 12] ^= 0x55;
	(void)runner_run(&frame);
	frame_build(&reply, &(struct spec){.proto = PROTO_ICMP4,
					   .type = 0,
					   .payload = 8,
					   .src = VIP4,
					   .dst = CLIENT4,
					   .src_mac = mac_ours,
					   .dst_mac = mac_client});
	reply.byte[reply.l4 + 12] ^= 0x55;
	if (frame.len != reply.len || memcmp(frame.byte, reply.byte, frame.len))
		tap_fail("the reply is another");
}

void cases_answer(void)
{
	tap_case("an ARP request is answered", arp_request_is_answered);
	tap_case("orphaned for too long, ARP is left to a peer",
		 orphaned_for_too_long_arp_is_left_to_a_peer);
	tap_case("an ARP probe is answered", arp_probe_is_answered);
	tap_case("ARP that is no question is passed, and claims are counted (F7)",
		 arp_that_is_no_question_is_passed_and_claims_are_counted);
	tap_case("each host that claims a VIP is noted", each_host_that_claims_a_vip_is_noted);
	tap_case("a standby node neither answers nor minds",
		 a_standby_node_neither_answers_nor_minds);
	tap_case("an interface without a row answers nothing",
		 an_interface_without_a_row_answers_nothing);
	tap_case("ARP cut short is dropped (F1)", arp_cut_short_is_dropped);
	tap_case("ARP of other hardware or protocol is passed",
		 arp_of_other_hardware_or_protocol_is_passed);
	tap_case("a neighbour solicitation is answered", solicitation_is_answered);
	tap_case("an invalid solicitation is not answered (F9)",
		 invalid_solicitation_is_not_answered);
	tap_case("other neighbour messages are passed, and claims are counted",
		 other_neighbour_messages_are_passed_and_claims_are_counted);
	tap_case("a standby node does not answer solicitations",
		 a_standby_node_does_not_answer_solicitations);
	tap_case("a ping is answered", ping_is_answered);
	tap_case("a ping behind an extension header is answered",
		 ping_behind_an_extension_header_is_answered);
	tap_case("a ping broken on the way stays broken", ping_broken_on_the_way_stays_broken);
}
