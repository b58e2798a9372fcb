/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Address translation, both ways. What is expected is built from nothing, with checksums of its
 * own, and compared byte by byte.
 */
#include "cases.h"
#include "nat_ways.h"

#include <string.h>

static void talk(struct way w)
{
	for (w.tags = 0; w.tags <= 2; w.tags++) {
		nat_world(w);
		open_flow(w);
		expect(sent(w, ACK | PSH), arrives(w, ACK | PSH), LB_FORWARDED);
		expect(replied(w, ACK | PSH), returns(w, ACK | PSH), LB_NAT_REPLY);
		expect(replied(w, ACK | FIN), returns(w, ACK | FIN), LB_NAT_REPLY);
		expect(sent(w, ACK | FIN), arrives(w, ACK | FIN), LB_FORWARDED);
		tap_equal(world_entries("lbx_nat"), 2, "rows");
		tap_equal(world_entries(w.six ? "lbx_flows6" : "lbx_flows4"), 1, "flows");
	}
}

static void a_flow_is_translated_both_ways(void)
{
	each_way(talk);
}

/* Sums that carry, and those that end in zero, are among so many. */
static void add_up(struct way w)
{
	nat_world(w);
	open_flow(w);
	for (uint32_t i = 0; i < 3000; i++) {
		struct spec s = sent(w, ACK), a = arrives(w, ACK), r = replied(w, ACK),
			    b = returns(w, ACK);
		uint8_t data[4] = {i * 37, i >> 3, i, i * 11};

		s.data = a.data = r.data = b.data = data;
		s.payload = a.payload = r.payload = b.payload = i % 5;
		s.id = a.id = r.id = b.id = i * 40503;
		s.seq = a.seq = r.seq = b.seq = i * 2654435761U;
		expect(s, a, LB_FORWARDED);
		expect(r, b, LB_NAT_REPLY);
	}
}

static void every_checksum_is_what_it_would_be_anew(void)
{
	each_way(add_up);
}

static void keep_port(struct way w)
{
	struct spec s = sent(w, SYN), a = arrives(w, SYN);

	nat_world(w);
	world_nat_real(REAL_A, reals[w.six], 0, w.snat);
	a.dport = 443;
	expect(s, a, LB_FORWARDED);
}

static void a_real_without_a_port_gets_the_one_the_client_came_to(void)
{
	each_way(keep_port);
}

static uint16_t port_at(const struct frame *f, size_t at)
{
	return (uint16_t)(f->byte[at] << 8 | f->byte[at + 1]);
}

/* Two clients with one source port share the pool's address, not its port. */
static void share_pool(struct way w)
{
	static const char *const second[] = {"10.77.0.3", "fd77::3"};
	struct spec s = sent(w, SYN), r = replied(w, ACK), b = returns(w, ACK);
	uint16_t port;

	if (!w.snat)
		return;
	nat_world(w);
	open_flow(w);
	s.src = second[w.six];
	frame_build(&frame, &s);
	tap_equal(runner_run(&frame), 3, "XDP_TX");
	port = port_at(&frame, frame.l4);
	if (port == CLIENT_PORT || port < 1024)
		tap_fail("the second client has port %u", port);
	r.dport = port;
	b.dst = second[w.six];
	expect(r, b, LB_NAT_REPLY);
	expect(replied(w, ACK), returns(w, ACK), LB_NAT_REPLY);
	tap_equal(world_entries("lbx_nat"), 2, "rows");
	tap_equal(world_entries("lbx_nat_half"), 2, "half-open rows");
}

static void clients_with_one_port_get_different_ones(void)
{
	each_way(share_pool);
}

/* The same ports to two VIP ports that are one port of the real. */
static void meet(struct way w)
{
	struct lb_endpoint key = {.port = 444, .proto = w.proto};
	uint32_t service = VIP_SERVICE;
	struct spec s = sent(w, SYN), r = replied(w, ACK), b = returns(w, ACK);

	nat_world(w);
	frame_mapped(key.vip.byte, vips[w.six]);
	(void)runner_put("lbx_endpoints", &key, &service);
	open_flow(w);
	s.dport = 444;
	frame_build(&frame, &s);
	tap_equal(runner_run(&frame), 3, "XDP_TX");
	r.dport = port_at(&frame, frame.l4);
	if (r.dport == CLIENT_PORT)
		tap_fail("two flows are one to the real");
	b.sport = 444;
	expect(r, b, LB_NAT_REPLY);
}

static void flows_that_would_be_one_to_the_real_are_told_apart(void)
{
	each_way(meet);
}

static void find_none(struct way w)
{
	uint32_t service = VIP_SERVICE;

	if (!w.snat)
		return;
	nat_world(w);
	(void)runner_del("lbx_pools", &service);
	expect_end(sent(w, SYN), LB_NAT_FULL);
}

static void a_flow_of_a_service_without_a_pool_is_a_counted_drop(void)
{
	each_way(find_none);
}

static void hop(struct way w)
{
	struct spec s = sent(w, ACK), r = replied(w, ACK), a = arrives(w, ACK);

	nat_world(w);
	open_flow(w);
	s.ttl = r.ttl = 1;
	expect_end(s, LB_HOP_LIMIT);
	expect_end(r, LB_HOP_LIMIT);
	s.ttl = 2;
	a.ttl = 1;
	expect(s, a, LB_FORWARDED);
}

static void a_packet_with_no_hop_left_is_dropped(void)
{
	each_way(hop);
}

/* Options of IPv4 and TCP, and an extension header of IPv6. */
static struct spec longer(struct spec s)
{
	static const uint8_t options[8] = {PROTO_TCP, 0, 1, 4};

	s.tcp_options = 12;
	s.options = s.six ? 0 : 8;
	s.first = 60;
	s.chain = s.six ? options : NULL;
	s.chain_len = s.six ? sizeof(options) : 0;
	return s;
}

static void lengthen(struct way w)
{
	if (w.proto != PROTO_TCP)
		return;
	nat_world(w);
	expect(longer(sent(w, SYN)), longer(arrives(w, SYN)), LB_FORWARDED);
	expect(longer(replied(w, SYN | ACK)), longer(returns(w, SYN | ACK)), LB_NAT_REPLY);
}

static void headers_may_have_options(void)
{
	each_way(lengthen);
}

/* The real's MAC is not known, or the client came by an interface that is gone. */
static void lose(struct way w)
{
	struct lb_flow6 key = {.sport = REAL_PORT, .dport = CLIENT_PORT, .proto = w.proto};
	struct spec reply = replied(w, ACK);
	uint32_t real = REAL_A;
	struct lb_real row;
	struct lb_nat back;

	nat_world(w);
	open_flow(w);
	frame_mapped(key.src, reals[w.six]);
	frame_mapped(key.dst, seen_as(w));
	tap_equal(runner_get("lbx_nat", &key, &back), 0, "the row of the replies");
	back.ifindex = IFINDEX_FAR;
	(void)runner_put("lbx_nat", &key, &back);
	frame_build(&frame, &reply);
	tap_equal(runner_run(&frame), 1, "XDP_DROP");
	(void)runner_get("lbx_reals", &real, &row);
	row.flags &= ~LB_REAL_HAS_MAC;
	(void)runner_put("lbx_reals", &real, &row);
	expect_end(sent(w, ACK), LB_NO_NEIGHBOUR);
}

static void who_cannot_be_reached_gets_nothing(void)
{
	each_way(lose);
}

/* RFC 768: in IPv4 no checksum may be given. */
static void a_missing_udp_checksum_stays_missing(void)
{
	for (int snat = 0; snat < 2; snat++) {
		struct way w = {.snat = snat, .proto = PROTO_UDP};
		struct spec s = sent(w, 0), a = arrives(w, 0);

		nat_world(w);
		frame_build(&frame, &s);
		frame_build(&want, &a);
		frame_set16(&frame, frame.l4 + 6, 0);
		frame_set16(&want, want.l4 + 6, 0);
		world_run(&frame, (struct expect){.verdict = LB_FORWARDED, .sent = &want}, NULL);
	}
}

static void pass_by(struct way w)
{
	struct spec r = replied(w, ACK);

	nat_world(w);
	expect_end(r, LB_NOT_OURS);
	open_flow(w);
	r.dport = 4711;
	expect_end(r, LB_NOT_OURS);
	r = replied(w, ACK);
	r.sport = 22;
	expect_end(r, LB_NOT_OURS);
	r = replied(w, ACK);
	r.dst_mac = mac_broadcast;
	expect_end(r, LB_NOT_OURS);
	r.dst_mac = mac_other;
	expect_end(r, LB_NOT_OURS);
}

static void what_answers_no_flow_is_left_to_the_host(void)
{
	each_way(pass_by);
}

/* Its rows become those of the new real; what the old one still says goes nowhere. */
static void move(struct way w, way_case *begin)
{
	static const uint8_t mac_other_real[6] = {2, 0, 0, 0, 0, 0xa2};
	const struct expect e = {
		.verdict = LB_FORWARDED, .event = 1 + LB_EVENT_FLOW_REPLACED, .sent = &want};
	struct spec s = sent(w, SYN), a = arrives(w, SYN), r = replied(w, ACK);

	nat_world(w);
	begin(w);
	world_real(REAL_A, 0, IFINDEX);
	world_ring((uint32_t[]){REAL_B}, 1);
	a.dst = others[w.six];
	a.dst_mac = mac_other_real;
	frame_build(&frame, &s);
	frame_build(&want, &a);
	world_run(&frame, e, NULL);
	expect_end(replied(w, ACK), LB_NOT_OURS);
	r.src = others[w.six];
	expect(r, returns(w, ACK), LB_NAT_REPLY);
	tap_equal(world_entries("lbx_nat"), 0, "rows");
	tap_equal(world_entries("lbx_nat_half"), 2, "half-open rows");
}

static void a_flow_that_gets_another_real_gets_other_rows(void)
{
	for (int i = 0; i < 4; i++) {
		move((struct way){.six = i & 1, .snat = i & 2, .proto = PROTO_TCP}, begin_flow);
		move((struct way){.six = i & 1, .snat = i & 2, .proto = PROTO_TCP}, open_flow);
	}
}

static void move_client(struct way w)
{
	struct spec s = sent(w, ACK), b = returns(w, ACK);

	nat_world(w);
	open_flow(w);
	s.src_mac = b.dst_mac = mac_other;
	expect(s, arrives(w, ACK), LB_FORWARDED);
	expect(replied(w, ACK), b, LB_NAT_REPLY);
}

static void replies_follow_the_router_that_the_client_comes_by(void)
{
	each_way(move_client);
}

static void halt(struct way w)
{
	uint32_t real = REAL_A;
	struct lb_real row;
	struct spec s = sent(w, ACK), rst = returns(w, RST);

	if (w.proto != PROTO_TCP)
		return;
	nat_world(w);
	open_flow(w);
	(void)runner_get("lbx_reals", &real, &row);
	row.flags = (row.flags | LB_REAL_RESET) & ~LB_REAL_USABLE;
	(void)runner_put("lbx_reals", &real, &row);
	s.ack = rst.seq = 0x12345678;
	rst.payload = 0;
	rst.ttl = 64;
	expect(s, rst, LB_RESET);
}

static void a_halted_reals_client_gets_the_vips_reset(void)
{
	each_way(halt);
}

/* An error about `about`, as little of it quoted as RFC 792 allows. */
static struct spec error_about(struct way w, const struct spec *about, struct frame *inner)
{
	size_t header = w.six ? 40 : 20;

	frame_build(inner, about);
	return (struct spec){.six = w.six,
			     .proto = w.six ? PROTO_ICMP6 : PROTO_ICMP4,
			     .type = w.six ? 2 : 3, /* too big, fragmentation needed */
			     .code = w.six ? 0 : 4,
			     .data = inner->byte + inner->l3,
			     .payload = header + 8};
}

/* The checksum of a quoted UDP header is as it was sent. */
static void copy_checksum(struct way w, struct frame *to, const struct frame *from)
{
	if (w.proto == PROTO_UDP)
		memcpy(to->byte + to->l4 + 6, from->byte + from->l4 + 6, 2);
}

/* Runs an error that quotes is, and expects that it quotes becomes. */
static void expect_error(struct way w, struct spec error, struct spec becomes, struct spec quoted,
			 struct spec then, enum lb_verdict verdict)
{
	static struct frame was, now;
	struct spec e = error_about(w, &quoted, &was), b = error_about(w, &then, &now);

	copy_checksum(w, &now, &was);
	e.src = error.src;
	e.dst = error.dst;
	e.src_mac = error.src_mac;
	e.dst_mac = error.dst_mac;
	b.src = becomes.src;
	b.dst = becomes.dst;
	b.src_mac = becomes.src_mac;
	b.dst_mac = becomes.dst_mac;
	b.ttl = HOPS - 1;
	expect(e, b, verdict);
}

/* A router between the VIP and the client says that a reply is too big: the real must know. */
static void tell_real_in(struct way w, way_case *begin)
{
	static const char *const routers[] = {"192.0.2.1", "2001:db8::1"};
	struct spec from = {.src = routers[w.six], .dst = vips[w.six]};
	struct spec quoted = returns(w, ACK), then = replied(w, ACK), error;
	static struct frame inner;

	nat_world(w);
	begin(w);
	then.ttl = quoted.ttl;
	expect_error(w, from, arrives(w, 0), quoted, then, LB_FORWARDED);
	error = error_about(w, &quoted, &inner);
	error.dst = clients[w.six]; /* not who sent what is quoted */
	expect_end(error, LB_NOT_OURS);
}

/* Likewise on the way to the real, or the real itself that has nobody on the port. */
static void tell_client_in(struct way w, way_case *begin)
{
	struct spec quoted = arrives(w, ACK), then = sent(w, ACK);

	nat_world(w);
	begin(w);
	then.ttl = quoted.ttl;
	expect_error(w, replied(w, 0), returns(w, 0), quoted, then, LB_NAT_REPLY);
}

static void tell_real(struct way w)
{
	tell_real_in(w, begin_flow);
	tell_real_in(w, open_flow);
}

static void tell_client(struct way w)
{
	tell_client_in(w, begin_flow);
	tell_client_in(w, open_flow);
}

static void errors_about_replies_reach_the_real(void)
{
	each_way(tell_real);
}

static void errors_about_requests_reach_the_client(void)
{
	each_way(tell_client);
}

/* The errors of tell_real and tell_client, when the service's bucket is empty: they stay here. */
static void limit(struct way w)
{
	static const char *const routers[] = {"192.0.2.1", "2001:db8::1"};
	struct spec reply = returns(w, ACK), request = arrives(w, ACK), back, on;
	uint64_t full = ((uint64_t)runner_tick() << LB_TICK_SHIFT) + 86400 * 1000000000ULL;
	static struct frame of_reply, of_request;

	nat_world(w);
	open_flow(w);
	on = error_about(w, &reply, &of_reply);
	on.src = routers[w.six];
	on.dst = vips[w.six];
	back = error_about(w, &request, &of_request);
	back.src = reals[w.six];
	back.dst = seen_as(w);
	(void)runner_put("lbx_icmp", &(uint32_t){VIP_SERVICE}, &full);
	expect_end(on, LB_ICMP_LIMITED);
	expect_end(back, LB_ICMP_LIMITED);
}

static void errors_above_the_services_rate_are_dropped_both_ways(void)
{
	each_way(limit);
}

void cases_nat(void)
{
	tap_case("a flow is translated both ways", a_flow_is_translated_both_ways);
	tap_case("every checksum is what it would be anew",
		 every_checksum_is_what_it_would_be_anew);
	tap_case("a real without a port gets the one the client came to",
		 a_real_without_a_port_gets_the_one_the_client_came_to);
	tap_case("clients with one port get different ones",
		 clients_with_one_port_get_different_ones);
	tap_case("flows that would be one to the real are told apart",
		 flows_that_would_be_one_to_the_real_are_told_apart);
	tap_case("a flow of a service without a pool is a counted drop",
		 a_flow_of_a_service_without_a_pool_is_a_counted_drop);
	tap_case("a packet with no hop left is dropped", a_packet_with_no_hop_left_is_dropped);
	tap_case("headers may have options", headers_may_have_options);
	tap_case("who cannot be reached gets nothing", who_cannot_be_reached_gets_nothing);
	tap_case("a missing UDP checksum stays missing", a_missing_udp_checksum_stays_missing);
	tap_case("what answers no flow is left to the host",
		 what_answers_no_flow_is_left_to_the_host);
	tap_case("a flow that gets another real gets other rows",
		 a_flow_that_gets_another_real_gets_other_rows);
	tap_case("replies follow the router that the client comes by",
		 replies_follow_the_router_that_the_client_comes_by);
	tap_case("a halted real's client gets the VIP's reset",
		 a_halted_reals_client_gets_the_vips_reset);
	tap_case("errors about replies reach the real", errors_about_replies_reach_the_real);
	tap_case("errors about requests reach the client", errors_about_requests_reach_the_client);
	tap_case("errors above the service's rate are dropped both ways",
		 errors_above_the_services_rate_are_dropped_both_ways);
}
