/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who may use a service (R82, R83, R85): the longest prefix decides, a running flow is not asked
 * again, and one that the daemon marked is reset. The client is 10.77.0.2 or fd77::2.
 */
#include "cases.h"
#include "world.h"

#include <stdio.h>
#include <string.h>

enum { LIST = 7, OTHER = 8 };

#define MISS (1 + LB_EVENT_FLOW_MISS)

static struct frame frame;

static void send(struct spec s, struct expect e)
{
	frame_build(&frame, &s);
	world_run(&frame, e, NULL);
}

static const struct expect forwarded = {.verdict = LB_FORWARDED}, refused = {.verdict = LB_ACL},
			   passed = {.verdict = LB_NOT_OURS};

static void list_begin(uint32_t list, enum lb_acl_verdict otherwise)
{
	world_acl(list, "0.0.0.0", 0, otherwise);
	world_acl(list, "::", 0, otherwise);
}

/* An address is four or sixteen bytes: that says the family. */
struct client {
	const char *src;
	bool may;
};

static const struct {
	const char *name;
	enum lb_acl_verdict otherwise;
	struct {
		const char *address;
		uint32_t len;
		enum lb_acl_verdict verdict;
	} rows[5];
	struct client clients[7];
} lists[] = {
  /* R83: 192.168.30.50-192.168.30.60 */
	{"a range",
	 LB_ACL_DENY,			   {{"192.168.30.50", 31, LB_ACL_ALLOW},
	  {"192.168.30.52", 30, LB_ACL_ALLOW},
	  {"192.168.30.56", 30, LB_ACL_ALLOW},
	  {"192.168.30.60", 32, LB_ACL_ALLOW}},
	 {{"192.168.30.49", false},
	  {"192.168.30.50", true},
	  {"192.168.30.55", true},
	  {"192.168.30.60", true},
	  {"192.168.30.61", false},
	  {"fd77::2", false}}								},
	{"one smart host",				       /* R82 */
	 LB_ACL_DENY, {{"192.168.30.50", 32, LB_ACL_ALLOW}},
	 {{"192.168.30.50", true}, {"192.168.30.51", false}, {"::c0a8:1e32", false}}         },
	{"a hole in a network, and a host in the hole",
	 LB_ACL_DENY,			   {{"10.0.0.0", 8, LB_ACL_ALLOW},
	  {"10.77.0.0", 16, LB_ACL_DENY},
	  {"10.77.0.9", 32, LB_ACL_ALLOW}},
	 {{"10.1.2.3", true}, {"10.77.0.8", false}, {"10.77.0.9", true}, {"11.0.0.1", false}}},
	{"deny only",
	 LB_ACL_ALLOW,			  {{"10.77.0.128", 25, LB_ACL_DENY}, {"fd77:1::", 32, LB_ACL_DENY}},
	 {{"10.77.0.127", true},
	  {"10.77.0.128", false},
	  {"fd77:1::9", false},
	  {"fd77:2::9", true}}							       },
	{"IPv6 to the last bit",
	 LB_ACL_DENY,			   {{"fd77::8", 127, LB_ACL_ALLOW}, {"fd77::9", 128, LB_ACL_DENY}},
	 {{"fd77::8", true}, {"fd77::9", false}, {"fd77::a", false}, {"10.77.0.8", false}}   },
	{"everything of IPv6 is nothing of IPv4",
	 LB_ACL_DENY,			   {{"::", 0, LB_ACL_ALLOW}},
	 {{"fd77::2", true}, {"10.77.0.2", false}}                                           },
	{"an IPv4 address in an IPv6 header is not that client",
	 LB_ACL_DENY,			   {{"10.77.0.2", 32, LB_ACL_ALLOW}},
	 {{"::ffff:10.77.0.2", false}, {"10.77.0.2", true}}                                  },
};

static void try_client(const struct client *c, uint8_t proto, uint8_t flags, unsigned tags)
{
	struct spec s = {.six = strchr(c->src, ':'),
			 .src = c->src,
			 .proto = proto,
			 .flags = flags,
			 .tags = tags};
	struct expect e = c->may ? forwarded : refused;

	if (c->may && !proto && flags == ACK)
		e.event = MISS;
	send(s, e);
}

static void the_longest_prefix_decides(void)
{
	for (size_t i = 0; i < sizeof(lists) / sizeof(*lists); i++)
		for (unsigned way = 0; way < 3; way++) {
			uint64_t count = 0;

			world_reset();
			list_begin(LIST, lists[i].otherwise);
			for (size_t r = 0; lists[i].rows[r].address; r++)
				world_acl(LIST, lists[i].rows[r].address, lists[i].rows[r].len,
					  lists[i].rows[r].verdict);
			world_gate(LIST, false);
			for (const struct client *c = lists[i].clients; c->src; c++) {
				tap_about("%s: %s, way %u", lists[i].name, c->src, way);
				try_client(c, way == 2 ? PROTO_UDP : 0, way ? ACK : SYN, way);
				count += !c->may;
			}
			tap_equal(world_denied(), count, "denied");
		}
}

static void a_list_without_rows_allows_nobody(void)
{
	world_reset();
	list_begin(OTHER, LB_ACL_ALLOW);
	world_gate(LIST, false);
	send((struct spec){.flags = SYN}, refused);
	send((struct spec){.six = true, .flags = SYN}, refused);
	world_gate(OTHER, false);
	send((struct spec){.flags = SYN}, forwarded);
	send((struct spec){.six = true, .flags = SYN}, forwarded);
}

static void a_refused_packet_takes_no_turn_and_makes_no_entry(void)
{
	world_reset();
	list_begin(LIST, LB_ACL_DENY);
	world_acl(LIST, "10.77.0.9", 32, LB_ACL_ALLOW);
	world_gate(LIST, false);
	for (int i = 0; i < 3; i++)
		send((struct spec){.flags = SYN, .sport = 1000 + i}, refused);
	tap_equal(world_entries("lbx_half4"), 0, "half-open flows");
	send((struct spec){.flags = SYN, .src = "10.77.0.9"},
	     (struct expect){.verdict = LB_FORWARDED, .real = REAL_A});
}

static void a_running_flow_is_not_asked_again(void)
{
	for (int six = 0; six < 2; six++) {
		world_reset();
		world_establish(six);
		list_begin(LIST, LB_ACL_DENY);
		world_gate(LIST, false);
		send((struct spec){.six = six, .flags = ACK}, forwarded);
		send((struct spec){.six = six, .flags = FIN | ACK}, forwarded);
		tap_equal(world_denied(), 0, "denied");
	}
}

/* What layer 7 serves has no ring. */
static void the_host_gets_what_is_allowed_and_nothing_else(void)
{
	static const uint8_t flags[] = {SYN, ACK, FIN | ACK, RST};

	for (size_t i = 0; i < sizeof(flags); i++) {
		world_reset();
		world_ring(NULL, 0);
		list_begin(LIST, LB_ACL_DENY);
		world_acl(LIST, "10.77.0.2", 32, LB_ACL_ALLOW);
		world_gate(LIST, true);
		tap_about("flags %u", flags[i]);
		send((struct spec){.flags = flags[i]}, passed);
		send((struct spec){.flags = flags[i], .src = "10.77.0.3"}, refused);
		send((struct spec){.six = true, .flags = flags[i]}, refused);
		tap_equal(world_denied(), 2, "denied");
		tap_equal(world_denied_connections(), flags[i] == SYN ? 2 : 0, "connections");
		tap_equal(world_entries("lbx_half4"), 0, "half-open flows");
	}
}

static void mark_denied(const char *map)
{
	uint8_t key[64];
	struct lb_flow f;

	for (int err = runner_next(map, NULL, key); !err; err = runner_next(map, key, key)) {
		if (runner_get(map, key, &f))
			continue;
		f.state = LB_FLOW_DENIED;
		(void)runner_put(map, key, &f);
	}
}

/* A flow that the daemon found to be refused, as the sweep leaves it. */
static void deny_running(bool six)
{
	world_reset();
	world_establish(six);
	list_begin(LIST, LB_ACL_DENY);
	world_gate(LIST, false);
	mark_denied(six ? "lbx_flows6" : "lbx_flows4");
}

static struct spec reset_of(bool six, uint32_t seq)
{
	return (struct spec){.six = six,
			     .src = six ? "fd77::100" : "10.77.0.100",
			     .dst = six ? "fd77::2" : "10.77.0.2",
			     .src_mac = mac_ours,
			     .dst_mac = mac_client,
			     .sport = 443,
			     .dport = 40000,
			     .flags = RST,
			     .seq = seq};
}

static void a_denied_flow_answers_every_packet_with_a_reset(void)
{
	static struct frame reset;

	for (int six = 0; six < 2; six++) {
		struct spec answer = reset_of(six, 99);

		deny_running(six);
		frame_build(&reset, &answer);
		for (int i = 0; i < 3; i++)
			send((struct spec){.six = six,
					   .flags = i == 2 ? FIN | ACK : ACK,
					   .ack = 99},
			     (struct expect){.verdict = LB_RESET, .sent = &reset});
		tap_equal(world_entries(six ? "lbx_flows6" : "lbx_flows4"), 1, "flows");
		world_age(TICKS_CLOSING + 1);
		send((struct spec){.six = six, .flags = ACK}, refused);
		tap_equal(world_entries(six ? "lbx_flows6" : "lbx_flows4"), 0, "flows");
		tap_equal(world_denied(), 1, "denied");
	}
}

static void the_clients_own_reset_ends_a_denied_flow_at_the_server_too(void)
{
	deny_running(false);
	send((struct spec){.flags = RST}, (struct expect){.verdict = LB_FORWARDED, .real = REAL_A});
	tap_equal(world_entries("lbx_flows4"), 0, "flows");
	send((struct spec){.flags = ACK}, refused);
}

static void a_SYN_on_a_denied_flow_is_judged_anew(void)
{
	deny_running(false);
	send((struct spec){.flags = SYN}, refused);
	tap_equal(world_entries("lbx_flows4"), 0, "flows");
	deny_running(false);
	world_gate(0, false);
	send((struct spec){.flags = SYN},
	     (struct expect){.verdict = LB_FORWARDED, .event = 1 + LB_EVENT_FLOW_REPLACED});
}

static void a_denied_half_open_flow_is_reset_once(void)
{
	world_reset();
	send((struct spec){.flags = SYN}, forwarded);
	list_begin(LIST, LB_ACL_DENY);
	world_gate(LIST, false);
	mark_denied("lbx_half4");
	frame_build(&frame, &(struct spec){.flags = ACK, .ack = 5});
	{
		static struct frame reset;
		struct spec answer = reset_of(false, 5);

		frame_build(&reset, &answer);
		world_run(&frame, (struct expect){.verdict = LB_RESET, .sent = &reset}, NULL);
	}
	send((struct spec){.flags = ACK}, refused);
}

void cases_acl(void)
{
	tap_case("acl: the longest prefix decides", the_longest_prefix_decides);
	tap_case("acl: a list without rows allows nobody", a_list_without_rows_allows_nobody);
	tap_case("acl: a refused packet takes no turn and makes no entry",
		 a_refused_packet_takes_no_turn_and_makes_no_entry);
	tap_case("acl: a running flow is not asked again", a_running_flow_is_not_asked_again);
	tap_case("acl: the host gets what is allowed and nothing else",
		 the_host_gets_what_is_allowed_and_nothing_else);
	tap_case("acl: a denied flow answers every packet with a reset",
		 a_denied_flow_answers_every_packet_with_a_reset);
	tap_case("acl: the client's own reset ends a denied flow at the server too",
		 the_clients_own_reset_ends_a_denied_flow_at_the_server_too);
	tap_case("acl: a SYN on a denied flow is judged anew",
		 a_SYN_on_a_denied_flow_is_judged_anew);
	tap_case("acl: a denied half-open flow is reset once",
		 a_denied_half_open_flow_is_reset_once);
}
