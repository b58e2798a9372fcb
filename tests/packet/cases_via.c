/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Answers to checks through a VIP (R88): turned back to the RIP when everything fits, else left as
 * they are. The check is of real A, 10.77.0.11 or fd77::11, from this host's 10.77.0.1 or fd77::1.
 */
#include "cases.h"
#include "world.h"

#include <stdio.h>
#include <string.h>

enum { CHECK4 = 5, CHECK6 = 6, PORT4 = LB_VIA_PORT_FIRST + 1, PORT6, UNUSED };

static const uint8_t mac_a[6] = {2, 0, 0, 0, 0, 0xa1}, mac_b[6] = {2, 0, 0, 0, 0, 0xa2};

static struct frame frame, turned;

static const struct expect passed = {.verdict = LB_NOT_OURS};

static void checks_run(void)
{
	world_reset();
	world_via(PORT4, CHECK4, "10.77.0.11", "10.77.0.100");
	world_via(PORT6, CHECK6, "fd77::11", "fd77::100");
}

static struct spec answer(bool six)
{
	return (struct spec){
		.six = six,
		.src = six ? "fd77::100" : "10.77.0.100",
		.dst = six ? "fd77::1" : "10.77.0.1",
		.src_mac = mac_a,
		.sport = 443,
		.dport = six ? PORT6 : PORT4,
		.flags = SYN | ACK,
		.seq = 77,
		.payload = 11,
	};
}

/* The frame is as if its sender had made it with the RIP: both checksums too. */
static void send_answer(struct spec s, const char *rip)
{
	struct expect e = {.verdict = LB_CHECK_ANSWER, .sent = &turned};

	frame_build(&frame, &s);
	s.src = rip;
	frame_build(&turned, &s);
	world_run(&frame, e, NULL);
}

static void send_other(struct spec s)
{
	frame_build(&frame, &s);
	world_run(&frame, passed, NULL);
}

static void an_answer_is_turned_back(void)
{
	checks_run();
	for (unsigned tags = 0; tags <= 2; tags++) {
		struct spec four = answer(false), six = answer(true);

		tap_about("%u tags", tags);
		four.tags = six.tags = tags;
		send_answer(four, "10.77.0.11");
		send_answer(six, "fd77::11");
	}
}

/* RFC 1624: sums that carry, words of all ones. */
static void checksums_follow_any_address(void)
{
	static const char *const four[] = {"0.0.0.0", "255.255.255.255", "255.255.0.0",
					   "0.1.255.254"};
	static const char *const six[] = {"::1", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
					  "ffff:0:ffff:0:ffff:0:ffff:0", "2001:db8::fffe"};

	world_reset();
	for (size_t i = 0; i < sizeof(four) / sizeof(*four); i++) {
		world_via(PORT4, CHECK4, four[i], "10.77.0.100");
		world_via(PORT6, CHECK6, six[i], "fd77::100");
		for (uint32_t seq = 0; seq < 3; seq++) {
			struct spec a = answer(false), b = answer(true);

			tap_about("%s, %s, sequence number %u", four[i], six[i], seq);
			a.seq = b.seq = seq * 0x7fff8001;
			send_answer(a, four[i]);
			send_answer(b, six[i]);
		}
	}
}

static void what_does_not_fit_is_left_alone(void)
{
	static const struct {
		const char *name;
		struct spec spec;
	} others[] = {
		{"another real's MAC",   {.src_mac = mac_b}         },
		{"another address",      {.src = "10.77.0.101"}     },
		{"the RIP itself",       {.src = "10.77.0.11"}      },
		{"another port",         {.sport = 444}             },
		{"a port without check", {.dport = UNUSED}          },
		{"the other check",      {.dport = PORT6}           },
		{"a port below",         {.dport = PORT4 - 4096 - 1}},
		{"options of IPv4",      {.options = 8}             },
		{"UDP",                  {.proto = PROTO_UDP}       },
	};

	checks_run();
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
		struct spec s = answer(false);
		const struct spec *o = &others[i].spec;

		tap_about("%s", others[i].name);
		s.src_mac = o->src_mac ? o->src_mac : s.src_mac;
		s.src = o->src ? o->src : s.src;
		s.sport = o->sport ? o->sport : s.sport;
		s.dport = o->dport ? o->dport : s.dport;
		s.options = o->options;
		s.proto = o->proto;
		send_other(s);
	}
}

static void what_does_not_fit_is_left_alone_ipv6(void)
{
	struct spec mac = answer(true), source = answer(true), port = answer(true);

	checks_run();
	mac.src_mac = mac_b;
	source.src = "fd77:0:0:1::100";
	port.dport = UNUSED;
	send_other(mac);
	send_other(source);
	send_other(port);
}

static void a_fragment_or_half_a_header_is_left_alone(void)
{
	struct spec s = answer(false);

	checks_run();
	frame_build(&frame, &s);
	frame_set16(&frame, frame.l3 + 6, 0x2000);
	world_run(&frame, passed, NULL);
	frame_build(&frame, &s);
	frame.len = frame.l4 + 10;
	world_run(&frame, passed, NULL);
}

static void a_check_that_ended_has_no_answers(void)
{
	uint32_t check = CHECK4;

	checks_run();
	runner_del("lbx_vias", &check);
	send_other(answer(false));
}

static void a_real_whose_mac_is_not_known_may_have_any(void)
{
	struct spec s = answer(false);

	checks_run();
	world_real(REAL_A, 0, IFINDEX);
	s.src_mac = mac_b;
	send_answer(s, "10.77.0.11");
}

static void an_address_that_shares_a_vips_bit_is_answered_too(void)
{
	checks_run();
	world_filter("10.77.0.1");
	world_filter("fd77::1");
	send_answer(answer(false), "10.77.0.11");
	send_answer(answer(true), "fd77::11");
}

/* Clients use such ports too. */
static void a_packet_for_a_service_is_no_answer(void)
{
	struct spec s = answer(false);

	checks_run();
	s.src = "192.0.2.7";
	s.dst = "10.77.0.100";
	s.dport = 443;
	s.sport = PORT4;
	s.flags = SYN;
	frame_build(&frame, &s);
	world_run(&frame, (struct expect){.verdict = LB_FORWARDED}, NULL);
}

void cases_via(void)
{
	tap_case("via: an answer becomes the RIP's", an_answer_is_turned_back);
	tap_case("via: checksums follow any address", checksums_follow_any_address);
	tap_case("via: what does not fit is left alone", what_does_not_fit_is_left_alone);
	tap_case("via: what does not fit is left alone, IPv6",
		 what_does_not_fit_is_left_alone_ipv6);
	tap_case("via: a fragment or half a header is left alone",
		 a_fragment_or_half_a_header_is_left_alone);
	tap_case("via: a check that ended has no answers", a_check_that_ended_has_no_answers);
	tap_case("via: a real whose MAC is not known may have any",
		 a_real_whose_mac_is_not_known_may_have_any);
	tap_case("via: an address that shares a VIP's bit is answered too",
		 an_address_that_shares_a_vips_bit_is_answered_too);
	tap_case("via: a packet for a service is no answer", a_packet_for_a_service_is_no_answer);
}
