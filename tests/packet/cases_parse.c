/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a packet must look like (F1, F3, F4, F5). Every malformation is run with none, one and two
 * tags, for the VIP (its verdict), for an address that only shares the VIP's bit in the filter and
 * for one that does not (left to the host, untouched).
 */
#include "cases.h"
#include "world.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "lbxdp/vip_filter.h"

enum base { L3, L4 };

/* What is done to a good packet. */
enum damage {
	SET8,
	SET16,
	CUT,      /* the frame ends at base + offset */
	CUT_BOTH, /* and the IP length agrees */
};

struct malformation {
	const char *name;
	struct spec spec;
	enum damage damage;
	enum base base;
	int offset;
	uint16_t value;
	enum lb_verdict verdict;
};

static const uint8_t hop_by_hop[] = {PROTO_TCP, 0, 1, 4, 0, 0, 0, 0};
static const uint8_t hop_by_hop_long[] = {PROTO_TCP, 20, 1, 4, 0, 0, 0, 0};
static const uint8_t routing_0[] = {PROTO_TCP, 0, 0, 0, 0, 0, 0, 0};
static const uint8_t routing_4[] = {PROTO_TCP, 0, 4, 0, 0, 0, 0, 0};
static const uint8_t fragment_first[] = {PROTO_TCP, 0, 0, 1, 0, 0, 0, 9};
static const uint8_t fragment_later[] = {PROTO_TCP, 0, 0, 9, 0, 0, 0, 9};
static const uint8_t fragment_udp[] = {PROTO_UDP, 0, 0, 1, 0, 0, 0, 9};
static const uint8_t fragment_echo[] = {PROTO_ICMP6, 0, 0, 1, 0, 0, 0, 9};
static const uint8_t authentication[24] = {PROTO_TCP, 4};
static const uint8_t no_next[] = {59, 0, 1, 4, 0, 0, 0, 0};
static const uint8_t mixed[] = {
	60,        0, 1, 4, 0,   0, 0, 0, /* hop by hop, next: destination options */
	43,        1, 1, 4, 0,   0, 0, 0, 0, 0, 0, 0,
	0,         0, 0, 0, 135, 0, 4, 0, 0, 0, 0, 0, /* routing type 4, next: mobility */
	PROTO_TCP, 0, 0, 0, 0,   0, 0, 0,
};
static const uint8_t six_hops[48] = {[40] = PROTO_TCP};
static const uint8_t seven_hops[56] = {[48] = PROTO_TCP};
static const uint8_t sixty_hops[480] = {[472] = PROTO_TCP};

#define CHAIN(bytes, kind) .six = true, .chain = bytes, .chain_len = sizeof(bytes), .first = kind
#define UDP                .proto = PROTO_UDP, .payload = 30
#define PING               .proto = PROTO_ICMP4, .type = 8, .payload = 20
#define PING6              .six = true, .proto = PROTO_ICMP6, .type = 128, .payload = 20

/* clang-format off */
static const struct malformation malformations[] = {
	{"version 5", {}, SET8, L3, 0, 0x55, LB_BAD_IP},
	{"header length 4", {}, SET8, L3, 0, 0x44, LB_BAD_IP},
	{"header length 0", {}, SET8, L3, 0, 0x40, LB_BAD_IP},
	{"options longer than the packet", {}, SET8, L3, 0, 0x4f, LB_BAD_LENGTH},
	{"total length past the frame", {}, SET16, L3, 2, 41, LB_BAD_LENGTH},
	{"total length 65535", {}, SET16, L3, 2, 65535, LB_BAD_LENGTH},
	{"total length 19", {}, SET16, L3, 2, 19, LB_BAD_LENGTH},
	{"total length 0", {}, SET16, L3, 2, 0, LB_BAD_LENGTH},
	{"payload cut off", {.payload = 100}, CUT, L4, 60, 0, LB_BAD_LENGTH},
	{"later fragment", {}, SET16, L3, 6, 0x00b9, LB_FRAGMENT},
	{"later fragment, more to come", {}, SET16, L3, 6, 0x20b9, LB_FRAGMENT},
	{"overlapping fragment at offset 8", {}, SET16, L3, 6, 0x2001, LB_FRAGMENT},
	{"no TCP header", {}, CUT_BOTH, L4, 0, 0, LB_BAD_TCP},
	{"TCP header of 19 bytes", {}, CUT_BOTH, L4, 19, 0, LB_BAD_TCP},
	{"TCP header past the total length", {}, SET16, L3, 2, 39, LB_BAD_TCP},
	{"8 bytes of TCP", {.options = 8}, CUT_BOTH, L4, 8, 0, LB_BAD_TCP},
	{"TCP offset 4", {}, SET8, L4, 12, 0x40, LB_BAD_TCP},
	{"TCP offset 0", {}, SET8, L4, 12, 0x00, LB_BAD_TCP},
	{"TCP options longer than the packet", {}, SET8, L4, 12, 0x60, LB_BAD_TCP},
	{"TCP offset 15 with options", {.options = 40}, SET8, L4, 12, 0xf0, LB_BAD_TCP},
	{"no UDP header", {UDP}, CUT_BOTH, L4, 0, 0, LB_BAD_UDP},
	{"UDP header of 7 bytes", {UDP}, CUT_BOTH, L4, 7, 0, LB_BAD_UDP},
	{"UDP length 7", {UDP}, SET16, L4, 4, 7, LB_BAD_UDP},
	{"UDP length past the packet", {UDP}, SET16, L4, 4, 39, LB_BAD_UDP},
	{"ICMP header of 7 bytes", {PING}, CUT_BOTH, L4, 7, 0, LB_BAD_ICMP},
	{"first fragment of a ping", {PING}, SET16, L3, 6, 0x2000, LB_FRAGMENT},

	{"v6: version 4", {.six = true}, SET8, L3, 0, 0x40, LB_BAD_IP},
	{"v6: length past the frame", {.six = true}, SET16, L3, 4, 21, LB_BAD_LENGTH},
	{"v6: length 65535", {.six = true}, SET16, L3, 4, 65535, LB_BAD_LENGTH},
	{"v6: length 0", {.six = true}, SET16, L3, 4, 0, LB_BAD_TCP},
	{"v6: payload cut off", {.six = true, .payload = 100}, CUT, L4, 60, 0, LB_BAD_LENGTH},
	{"v6: TCP header of 19 bytes", {.six = true}, CUT_BOTH, L4, 19, 0, LB_BAD_TCP},
	{"v6: TCP offset 4", {.six = true}, SET8, L4, 12, 0x40, LB_BAD_TCP},
	{"v6: TCP options longer than the packet", {.six = true}, SET8, L4, 12, 0x60, LB_BAD_TCP},
	{"v6: UDP header of 7 bytes", {.six = true, UDP}, CUT_BOTH, L4, 7, 0, LB_BAD_UDP},
	{"v6: UDP length 0", {.six = true, UDP}, SET16, L4, 4, 0, LB_BAD_UDP},
	{"v6: UDP length past the packet", {.six = true, UDP}, SET16, L4, 4, 39, LB_BAD_UDP},
	{"v6: ICMP header of 7 bytes", {PING6}, CUT_BOTH, L4, 7, 0, LB_BAD_ICMP},
	{"v6: extension cut short", {CHAIN(hop_by_hop, 0)}, CUT_BOTH, L3, 47, 0, LB_BAD_EXTENSION},
	{"v6: extension missing", {CHAIN(hop_by_hop, 0)}, CUT_BOTH, L3, 40, 0, LB_BAD_EXTENSION},
	{"v6: extension longer than the packet", {CHAIN(hop_by_hop_long, 0)}, SET8, L3, 7, 64,
	 LB_BAD_EXTENSION},
	{"v6: extension leaves no TCP", {CHAIN(hop_by_hop, 0)}, SET8, L3, 41, 2, LB_BAD_TCP},
	{"v6: seven extensions", {CHAIN(seven_hops, 0)}, SET8, L3, 7, 64, LB_BAD_EXTENSION},
	{"v6: sixty extensions", {CHAIN(sixty_hops, 0)}, SET8, L3, 7, 64, LB_BAD_EXTENSION},
	{"v6: routing header type 0", {CHAIN(routing_0, 43)}, SET8, L3, 7, 64, LB_ROUTING_HEADER},
	{"v6: later fragment", {CHAIN(fragment_later, 44)}, SET8, L3, 7, 64, LB_FRAGMENT},
	{"v6: first fragment of a ping", {PING6, .chain = fragment_echo, .chain_len = 8,
	 .first = 44}, SET8, L3, 7, 64, LB_FRAGMENT},
};
/* clang-format on */

static void harm(struct frame *f, const struct malformation *m)
{
	size_t at = m->offset + (m->base == L4 ? f->l4 : f->l3);

	switch (m->damage) {
	case SET8:
		f->byte[at] = m->value;
		break;
	case SET16:
		frame_set16(f, at, m->value);
		break;
	case CUT_BOTH:
		frame_set16(f, f->l3 + (m->spec.six ? 4 : 2), at - f->l3 - (m->spec.six ? 40 : 0));
		f->len = at;
		break;
	case CUT:
		f->len = at;
		break;
	}
}

/* An address that is no VIP; sharing the VIP's bit in the filter, or not. */
static const char *stranger(bool six, bool shares)
{
	static char text[64];
	uint32_t vip[4], other[4];

	frame_mapped((uint8_t *)vip, six ? "fd77::100" : "10.77.0.100");
	for (unsigned i = 1;; i++) {
		snprintf(text, sizeof(text), six ? "fd78::%x:%x:%x" : "11.%u.%u.%u", i >> 16,
			 i >> 8 & 255, i & 255);
		frame_mapped((uint8_t *)other, text);
		if ((lb_vip_filter_bit(vip) == lb_vip_filter_bit(other)) == shares)
			return text;
	}
}

static void run_malformation(const struct malformation *m, const char *dst, enum lb_verdict v)
{
	static struct frame f;

	for (unsigned tags = 0; tags <= 2; tags++) {
		struct spec s = m->spec;

		s.tags = tags;
		s.dst = dst;
		s.flags = ACK;
		frame_build(&f, &s);
		harm(&f, m);
		tap_about("%s, %u tags, to %s", m->name, tags, dst ? dst : "the VIP");
		world_run(&f, (struct expect){.verdict = v}, NULL);
	}
}

/* There is an established flow of the same addresses and ports, and it does not help. */
static void each_malformation_has_its_verdict(void)
{
	world_reset();
	world_establish(false);
	world_establish(true);
	for (size_t i = 0; i < sizeof(malformations) / sizeof(*malformations); i++)
		run_malformation(&malformations[i], NULL, malformations[i].verdict);
	tap_about("afterwards");
	tap_equal(world_entries("lbx_half4") + world_entries("lbx_half6"), 0, "entries made");
}

static void what_is_malformed_but_not_ours_is_left_alone(void)
{
	world_reset();
	for (size_t i = 0; i < sizeof(malformations) / sizeof(*malformations); i++) {
		const struct malformation *m = &malformations[i];

		run_malformation(m, stranger(m->spec.six, true), LB_NOT_OURS);
		run_malformation(m, stranger(m->spec.six, false), LB_NOT_OURS);
	}
}

/* Nobody can tell whose these are. */
static void a_header_cut_before_its_address_is_dropped(void)
{
	static struct frame f;

	world_reset();
	for (unsigned tags = 0; tags <= 2; tags++) {
		for (int six = 0; six < 2; six++) {
			frame_build(&f, &(struct spec){.six = six, .tags = tags, .flags = SYN});
			f.len = f.l3 + (six ? 39 : 19);
			tap_about("IPv%d, %u tags", six ? 6 : 4, tags);
			world_run(&f, (struct expect){.verdict = LB_BAD_IP}, NULL);
			frame_build(&f, &(struct spec){.six = six, .tags = tags, .flags = SYN});
			f.len = f.l3;
			world_run(&f, (struct expect){.verdict = LB_BAD_IP}, NULL);
		}
	}
}

static void a_frame_that_ends_in_its_tags_is_dropped(void)
{
	static struct frame f;

	world_reset();
	for (size_t len = 14; len < 22; len++) {
		frame_build(&f, &(struct spec){.tags = 2});
		f.len = len;
		tap_about("%zu bytes", len);
		world_run(&f, (struct expect){.verdict = LB_BAD_ETHERNET}, NULL);
	}
}

static void a_frame_shorter_than_its_ethernet_header_is_dropped(void)
{
	static struct frame f;
	struct frame tiny;

	world_reset();
	frame_build(&f, &(struct spec){});
	tiny = f;
	tiny.len = 13;
	if (runner_run(&tiny) < 0) {
		tap_skip("the kernel's test run takes no such frame");
		return;
	}
	for (size_t len = 0; len < 14; len++) {
		f.len = len;
		tap_about("%zu bytes", len);
		world_run(&f, (struct expect){.verdict = LB_BAD_ETHERNET}, NULL);
	}
}

/* clang-format off */
/* What is unusual and legal goes to a real server like everything else. */
static const struct {
	const char *name;
	struct spec spec;
	unsigned padding;  /* behind the IP packet */
	uint16_t fragment; /* of the IPv4 header */
} legal[] = {
	{"a plain SYN", {.flags = SYN}, 0, 0x4000},
	{"Ethernet padding", {.flags = SYN}, 6, 0x4000},
	{"4 bytes of options", {.flags = SYN, .options = 4}, 0, 0x4000},
	{"40 bytes of options", {.flags = SYN, .options = 40}, 0, 0x4000},
	{"TCP options", {.flags = SYN, .tcp_options = 40}, 0, 0x4000},
	{"both kinds of options", {.flags = SYN, .options = 40, .tcp_options = 40, .payload = 9},
	 3, 0},
	{"ECN set up", {.flags = SYN | ECE | CWR}, 0, 0x4000},
	{"a first fragment", {.flags = SYN, .payload = 84}, 0, 0x2000},
	{"a jumbo frame", {.flags = SYN, .payload = 8900}, 0, 0x4000},
	{"an empty datagram", {.proto = PROTO_UDP}, 18, 0},
	{"a datagram", {.proto = PROTO_UDP, .payload = 700}, 0, 0},
	{"v6: a plain SYN", {.six = true, .flags = SYN}, 0, 0},
	{"v6: padding", {.six = true, .flags = SYN}, 7, 0},
	{"v6: a datagram", {.six = true, .proto = PROTO_UDP, .payload = 99}, 0, 0},
	{"v6: a jumbo frame", {.six = true, .flags = SYN, .payload = 8900}, 0, 0},
	{"v6: hop-by-hop options", {CHAIN(hop_by_hop, 0), .flags = SYN}, 0, 0},
	{"v6: routing header type 4", {CHAIN(routing_4, 43), .flags = SYN}, 0, 0},
	{"v6: authentication header", {CHAIN(authentication, 51), .flags = SYN}, 0, 0},
	{"v6: a chain of four kinds", {CHAIN(mixed, 0), .flags = SYN}, 0, 0},
	{"v6: six extensions", {CHAIN(six_hops, 0), .flags = SYN}, 0, 0},
	{"v6: a first fragment", {CHAIN(fragment_first, 44), .flags = SYN, .payload = 68}, 0, 0},
	{"v6: a first fragment of a datagram", {CHAIN(fragment_udp, 44), .proto = PROTO_UDP,
	 .payload = 64}, 0, 0},
};
/* clang-format on */

static void what_is_legal_is_forwarded_untouched_but_for_its_macs(void)
{
	static struct frame f;

	for (size_t i = 0; i < sizeof(legal) / sizeof(*legal); i++) {
		for (unsigned tags = 0; tags <= 2; tags++) {
			struct spec s = legal[i].spec;

			world_reset();
			s.tags = tags;
			frame_build(&f, &s);
			if (!s.six)
				frame_set16(&f, f.l3 + 6, legal[i].fragment);
			frame_zero(&f, legal[i].padding);
			tap_about("%s, %u tags", legal[i].name, tags);
			world_run(&f, (struct expect){.verdict = LB_FORWARDED, .real = REAL_A},
				  NULL);
		}
	}
}

/* The datagram's length is that of all its fragments together. */
static void a_first_fragment_may_announce_a_longer_datagram(void)
{
	static struct frame f;

	for (int six = 0; six < 2; six++) {
		struct spec s = {.six = six, .proto = PROTO_UDP, .payload = 64};

		if (six) {
			s.chain = fragment_udp;
			s.chain_len = sizeof(fragment_udp);
			s.first = 44;
		}
		world_reset();
		frame_build(&f, &s);
		frame_set16(&f, f.l4 + 4, 3000);
		if (!six)
			frame_set16(&f, f.l3 + 6, 0x2000);
		tap_about("IPv%d", six ? 6 : 4);
		world_run(&f, (struct expect){.verdict = LB_FORWARDED, .real = REAL_A}, NULL);
	}
}

static void a_priority_tag_is_kept(void)
{
	static struct frame f;

	world_reset();
	frame_build(&f, &(struct spec){.tags = 1, .flags = SYN});
	frame_set16(&f, 14, 0xe000);
	world_run(&f, (struct expect){.verdict = LB_FORWARDED, .real = REAL_A}, NULL);
}

/* clang-format off */
static const struct {
	const char *name;
	struct spec spec;
} foreign[] = {
	{"another address", {.dst = "10.77.0.101"}},
	{"another port", {.dport = 444}},
	{"another port by UDP", {.proto = PROTO_UDP, .dport = 53}},
	{"another protocol", {.proto = 47}},
	{"another ICMP type", {.proto = PROTO_ICMP4, .type = 13}},
	{"an echo reply", {.proto = PROTO_ICMP4, .type = 0}},
	{"an echo request with a code", {.proto = PROTO_ICMP4, .type = 8, .code = 1}},
	{"a group frame", {.dst_mac = mac_broadcast}},
	{"three tags", {.tags = 3}},
	{"v6: another address", {.six = true, .dst = "fd77::101"}},
	{"v6: another port", {.six = true, .dport = 444}},
	{"v6: another protocol", {.six = true, .proto = 47}},
	{"v6: no next header", {CHAIN(no_next, 60)}},
	{"v6: an echo reply", {.six = true, .proto = PROTO_ICMP6, .type = 129}},
	{"v6: an echo request with a code", {.six = true, .proto = PROTO_ICMP6, .type = 128,
	 .code = 1}},
	{"v6: a group frame", {.six = true, .dst_mac = mac_broadcast}},
	{"an echo request in a group frame", {.dst_mac = mac_broadcast, .proto = PROTO_ICMP4,
	 .type = 8}},
	{"v6: an echo request in a group frame", {.six = true, .dst_mac = mac_broadcast,
	 .proto = PROTO_ICMP6, .type = 128}},
	{"v6: multicast", {.six = true, .dst = "ff02::1"}},
	{"v6: three tags", {.six = true, .tags = 3}},
};
/* clang-format on */

static void what_is_no_service_reaches_the_host_untouched(void)
{
	static struct frame f;

	world_reset();
	world_establish(false);
	world_establish(true);
	for (size_t i = 0; i < sizeof(foreign) / sizeof(*foreign); i++) {
		for (unsigned tags = 0; tags <= 2; tags++) {
			struct spec s = foreign[i].spec;

			s.tags = s.tags ? s.tags : tags;
			s.flags = ACK;
			s.payload = 60;
			frame_build(&f, &s);
			tap_about("%s, %u tags", foreign[i].name, tags);
			world_run(&f, (struct expect){.verdict = LB_NOT_OURS}, NULL);
		}
	}
}

static void other_frame_types_reach_the_host_untouched(void)
{
	static const uint16_t types[] = {0x0805, 0x88cc, 0x8864, 0x0026, 0x8847};

	world_reset();
	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
		static struct frame f;

		f.len = 0;
		frame_ethernet(&f, mac_ours, mac_client, i % 3, types[i]);
		frame_zero(&f, 40);
		world_run(&f, (struct expect){.verdict = LB_NOT_OURS}, NULL);
	}
}

void cases_parse(void)
{
	tap_case("each malformation has its verdict", each_malformation_has_its_verdict);
	tap_case("what is malformed but not ours is left alone",
		 what_is_malformed_but_not_ours_is_left_alone);
	tap_case("an IP header cut before its address is dropped",
		 a_header_cut_before_its_address_is_dropped);
	tap_case("a frame that ends in its tags is dropped",
		 a_frame_that_ends_in_its_tags_is_dropped);
	tap_case("a frame shorter than its Ethernet header is dropped",
		 a_frame_shorter_than_its_ethernet_header_is_dropped);
	tap_case("what is legal is forwarded untouched but for its MACs",
		 what_is_legal_is_forwarded_untouched_but_for_its_macs);
	tap_case("a first fragment may announce a longer datagram",
		 a_first_fragment_may_announce_a_longer_datagram);
	tap_case("a priority tag is kept (F5)", a_priority_tag_is_kept);
	tap_case("what is no service reaches the host untouched",
		 what_is_no_service_reaches_the_host_untouched);
	tap_case("other frame types reach the host untouched",
		 other_frame_types_reach_the_host_untouched);
}
