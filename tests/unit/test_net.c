/* SPDX-License-Identifier: GPL-2.0-only */
/* The packets that the daemon makes, byte by byte; the rest of net/ is in tests/kernel. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "net/packet.h"

static const uint8_t mac[6] = {2, 0, 0, 0, 0, 1};

static struct addr addr(const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse(&a, text), 0);
	return a;
}

static void a_gratuitous_request_names_the_vip_twice(void **state)
{
	static const uint8_t expect[] = {
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0,   1,   8,  6,
		0,    1,    8,    0,    6,    4,    0, 1, 2, 0, 0,   0,   0,  1,
		192,  168,  30,   10,   0,    0,    0, 0, 0, 0, 192, 168, 30, 10,
	};
	uint8_t frame[PACKET_ROOM];
	struct addr vip = addr("192.168.30.10");

	assert_int_equal(packet_garp(frame, mac, &vip, false), sizeof(expect));
	assert_memory_equal(frame, expect, sizeof(expect));
}

static void a_gratuitous_reply_names_our_mac_twice(void **state)
{
	uint8_t frame[PACKET_ROOM];
	struct addr vip = addr("192.168.30.10");

	assert_int_equal(packet_garp(frame, mac, &vip, true), 42);
	assert_int_equal(frame[21], 2);
	assert_memory_equal(frame + 22, mac, 6);
	assert_memory_equal(frame + 32, mac, 6);
	assert_memory_equal(frame + 28, frame + 38, 4);
}

/* The sum over pseudo header and payload, checksum included, folds to zero. */
static uint16_t check(const uint8_t *src, const uint8_t *dst, size_t addr_len, uint8_t proto,
		      const uint8_t *payload, size_t len)
{
	uint32_t sum = packet_sum(proto + (uint32_t)len, src, addr_len);

	sum = packet_sum(sum, dst, addr_len);
	return packet_fold(packet_sum(sum, payload, len));
}

static void an_advertisement_overrides_and_is_not_solicited(void **state)
{
	static const uint8_t to_all[16] = {0xff, 2, [15] = 1};
	uint8_t frame[PACKET_ROOM];
	struct addr vip = addr("fd30::10");

	assert_int_equal(packet_advertisement(frame, mac, &vip), 86);
	assert_memory_equal(frame, "\x33\x33\0\0\0\1", 6);
	assert_memory_equal(frame + 6, mac, 6);
	assert_int_equal(frame[21], 255); /* hop limit: RFC 4861 7.1.2 */
	assert_memory_equal(frame + 22, vip.byte, 16);
	assert_memory_equal(frame + 38, to_all, 16);
	assert_int_equal(frame[54], 136);
	assert_int_equal(frame[58], 0x20); /* O alone */
	assert_memory_equal(frame + 62, vip.byte, 16);
	assert_int_equal(frame[78], 2); /* target link-layer address */
	assert_int_equal(frame[79], 1);
	assert_memory_equal(frame + 80, mac, 6);
	assert_int_equal(check(frame + 22, frame + 38, 16, 58, frame + 54, 32), 0);
}

static void an_ack_has_right_checksums_in_both_families(void **state)
{
	static const struct {
		const char *vip, *client;
		size_t head, addr_at, addr_len;
	} cases[] = {
		{"192.168.30.10", "10.9.8.7", 20, 12, 4 },
		{"fd30::10",      "fd09::2",  40, 8,  16},
	};

	for (size_t i = 0; i < 2; i++) {
		const struct packet_ends e = {addr(cases[i].vip), addr(cases[i].client), 443,
					      34567};
		const size_t at = cases[i].addr_at, len = cases[i].addr_len, head = cases[i].head;
		uint8_t p[PACKET_ROOM];

		assert_int_equal(packet_ack(p, &e, 0x01020304, 0x05060708), head + 20);
		assert_memory_equal(p + at, e.src.byte + 16 - len, len);
		assert_memory_equal(p + at + len, e.dst.byte + 16 - len, len);
		assert_memory_equal(p + head, "\x01\xbb\x87\x07\1\2\3\4\5\6\7\x08\x50\x10", 14);
		assert_int_equal(check(p + at, p + at + len, len, 6, p + head, 20), 0);
	}
}

static void an_ipv4_header_carries_its_own_checksum(void **state)
{
	const struct packet_ends e = {addr("192.168.30.10"), addr("10.9.8.7"), 443, 34567};
	uint8_t p[PACKET_ROOM];

	(void)packet_ack(p, &e, 1, 2);
	assert_int_equal(p[0], 0x45);
	assert_int_equal(p[3], 40);
	assert_int_equal(packet_fold(packet_sum(0, p, 20)), 0);
}

static void a_vips_group_has_the_last_three_bytes(void **state)
{
	uint8_t group[6];
	struct addr vip = addr("2001:470:1f09:e72::12:3456");

	packet_group_mac(group, &vip);
	assert_memory_equal(group, "\x33\x33\xff\x12\x34\x56", 6);
}

static void a_segment_is_read_as_it_was_written_and_not_when_cut_short(void **state)
{
	static const struct {
		const char *src, *dst;
	} cases[] = {
		{"192.168.30.10", "192.168.30.2"},
                {"fd30::10",      "fd30::2"     }
        };
	const uint8_t to[6] = {2, 9};

	for (size_t i = 0; i < 2; i++) {
		const struct packet_ends e = {addr(cases[i].src), addr(cases[i].dst), 443, 34567};
		uint8_t f[PACKET_ETHERNET + PACKET_ROOM];
		struct packet_segment s = {};
		size_t len = packet_tcp(f + PACKET_ETHERNET, &e, 0x12, 7, 9);

		len = packet_frame(f, to, mac, len);
		assert_memory_equal(f, to, 6);
		assert_true(packet_segment(f, len, &s));
		assert_memory_equal(s.mac, mac, 6);
		assert_true(addr_equal(&s.ends.src, &e.src) && addr_equal(&s.ends.dst, &e.dst));
		assert_int_equal(s.ends.sport, 443);
		assert_int_equal(s.ends.dport, 34567);
		assert_int_equal(s.flags, 0x12);
		assert_int_equal(s.seq, 7);
		assert_int_equal(s.ack, 9);
		for (size_t cut = 0; cut < len; cut++)
			assert_false(packet_segment(f, cut, &s));
	}
}

static void a_segment_behind_options_or_in_fragments_is_not_read(void **state)
{
	const struct packet_ends e = {addr("10.0.0.1"), addr("10.0.0.2"), 1, 2};
	static const struct {
		size_t at;
		uint8_t value;
	} changes[] = {
		{12, 9   }, /* type of the frame */
		{14, 0x46}, /* options */
		{20, 0x20},
                {21, 1   }, /* more fragments; an offset */
		{23, 17  }, /* not TCP */
	};

	for (size_t i = 0; i < sizeof(changes) / sizeof(*changes); i++) {
		uint8_t f[PACKET_ETHERNET + PACKET_ROOM];
		struct packet_segment s;
		size_t len =
			packet_frame(f, mac, mac, packet_tcp(f + PACKET_ETHERNET, &e, 2, 1, 0));

		assert_true(packet_segment(f, len, &s));
		f[changes[i].at] = changes[i].value;
		assert_false(packet_segment(f, len, &s));
	}
}

static void an_arp_question_asks_everybody_and_claims_nothing(void **state)
{
	static const uint8_t expect[] = {
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0,   1,   8,  6,
		0,    1,    8,    0,    6,    4,    0, 1, 2, 0, 0,   0,   0,  1,
		192,  168,  30,   2,    0,    0,    0, 0, 0, 0, 192, 168, 30, 10,
	};
	struct addr from = addr("192.168.30.2"), nobody = addr("0.0.0.0");
	struct addr vip = addr("192.168.30.10"), said;
	uint8_t frame[PACKET_ROOM], at[6];

	assert_int_equal(packet_question(frame, mac, &from, &vip), sizeof(expect));
	assert_memory_equal(frame, expect, sizeof(expect));
	assert_true(packet_claims(frame, sizeof(expect), &said, at)); /* of our own address */
	assert_true(addr_equal(&said, &from));
	assert_int_equal(packet_question(frame, mac, &nobody, &vip), sizeof(expect));
	assert_false(packet_claims(frame, sizeof(expect), &said, at));
}

static void a_solicitation_goes_to_the_vips_group_and_says_who_asks(void **state)
{
	uint8_t frame[PACKET_ROOM], at[6];
	struct addr from = addr("fe80::1"), vip = addr("fd30::12:3456"), said;
	struct addr group = addr("ff02::1:ff12:3456");

	assert_int_equal(packet_question(frame, mac, &from, &vip), 86);
	assert_memory_equal(frame, "\x33\x33\xff\x12\x34\x56", 6);
	assert_int_equal(frame[21], 255);
	assert_memory_equal(frame + 22, from.byte, 16);
	assert_memory_equal(frame + 38, group.byte, 16);
	assert_int_equal(frame[54], 135);
	assert_memory_equal(frame + 58, "\0\0\0\0", 4);
	assert_memory_equal(frame + 62, vip.byte, 16);
	assert_memory_equal(frame + 78, "\1\1", 2); /* source link-layer address */
	assert_memory_equal(frame + 80, mac, 6);
	assert_int_equal(check(frame + 22, frame + 38, 16, 58, frame + 54, 32), 0);
	assert_false(packet_claims(frame, 86, &said, at));
}

static void what_we_announce_is_a_claim(void **state)
{
	static const char *const vips[] = {"192.168.30.10", "fd30::10"};

	for (size_t i = 0; i < 2; i++) {
		struct addr vip = addr(vips[i]), said;
		uint8_t frame[PACKET_ROOM], at[6] = {};
		size_t len = i ? packet_advertisement(frame, mac, &vip)
			       : packet_garp(frame, mac, &vip, true);

		assert_true(packet_claims(frame, len, &said, at));
		assert_true(addr_equal(&said, &vip));
		assert_memory_equal(at, mac, 6);
		for (size_t cut = 0; cut < (i ? 78 : len); cut++)
			assert_false(packet_claims(frame, cut, &said, at));
	}
}

static void an_advertisement_without_its_option_claims_for_its_frame(void **state)
{
	struct addr vip = addr("fd30::10"), said;
	uint8_t frame[PACKET_ROOM], at[6] = {};

	(void)packet_advertisement(frame, mac, &vip);
	memset(frame + 80, 0xee, 6);
	frame[19] = 24; /* the packet ends before the option, padding follows */
	assert_true(packet_claims(frame, 86, &said, at));
	assert_memory_equal(at, mac, 6);
	frame[21] = 254; /* came by a router: RFC 4861 7.1.2 */
	assert_false(packet_claims(frame, 86, &said, at));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_gratuitous_request_names_the_vip_twice),
		cmocka_unit_test(a_gratuitous_reply_names_our_mac_twice),
		cmocka_unit_test(an_advertisement_overrides_and_is_not_solicited),
		cmocka_unit_test(an_ack_has_right_checksums_in_both_families),
		cmocka_unit_test(an_ipv4_header_carries_its_own_checksum),
		cmocka_unit_test(a_vips_group_has_the_last_three_bytes),
		cmocka_unit_test(a_segment_is_read_as_it_was_written_and_not_when_cut_short),
		cmocka_unit_test(a_segment_behind_options_or_in_fragments_is_not_read),
		cmocka_unit_test(an_arp_question_asks_everybody_and_claims_nothing),
		cmocka_unit_test(a_solicitation_goes_to_the_vips_group_and_says_who_asks),
		cmocka_unit_test(what_we_announce_is_a_claim),
		cmocka_unit_test(an_advertisement_without_its_option_claims_for_its_frame),
	};

	return cmocka_run_group_tests_name("net", tests, NULL, NULL);
}
