/* SPDX-License-Identifier: GPL-2.0-only */
/* TProxy against the kernel: which packets the tc program marks, its filter on an interface beside
 * those of others, the policy route. Needs root; works in a namespace of its own. */
#include <arpa/inet.h>
#include <errno.h>
#include <net/ethernet.h>
#include <netinet/icmp6.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/alloc.h"
#include "dataplane/dataplane.h"
#include "kernel/lab.h"
#include "lbxdp/tproxy.h"
#include "net/net.h"
#include "tproxy.skel.h"

#define PIN_DIR "/sys/fs/bpf/lbxdp-divert"

enum { TABLE = LB_TPROXY_TABLE + 5, FOREIGN_MARK = 5, UNSPEC = -1 };

static struct lab_ns ns;
static struct loop *loop;
static struct net *net;
static struct dataplane *dataplane;

static int enter_lab(void **state)
{
	const struct net_events none = {};
	const struct dataplane_options options = {.pin_dir = PIN_DIR, .flows = 4096};
	struct buf why = {};

	lab_ns_make(&ns);
	lab_ns_enter(&ns);
	lab_run("ip link add lbd0 type veth peer name lbd1");
	lab_run("ip link set lbd0 up; ip link set lbd1 up; ip addr add 10.9.0.1/24 dev lbd0");
	loop = loop_new();
	assert_non_null(loop);
	assert_int_equal(net_open(&net, loop, &none), 0);
	assert_int_equal(dataplane_open(&dataplane, &options, &why), 0);
	buf_free(&why);
	return 0;
}

static int leave_lab(void **state)
{
	assert_int_equal(dataplane_destroy(dataplane), 0);
	dataplane_close(dataplane);
	net_close(net);
	loop_free(loop);
	lab_ns_leave(&ns);
	lab_ns_close(&ns);
	return 0;
}

/* --- the program */

/* A connection of this host to itself, and who listens. */
struct pair {
	int listener, client, server;
	uint16_t client_port, server_port; /* network order */
};

static uint16_t port_of(int fd)
{
	struct sockaddr_in6 sa = {}; /* the port stands in the same place for IPv4 */
	socklen_t len = sizeof(sa);

	assert_int_equal(getsockname(fd, (struct sockaddr *)&sa, &len), 0);
	return sa.sin6_port;
}

static struct pair pair_make(const char *address)
{
	struct sockaddr_storage sa;
	struct addr a;
	struct pair p;
	socklen_t len;

	assert_int_equal(addr_parse(&a, address), 0);
	len = addr_to_sockaddr(&a, 0, &sa);
	p.listener = socket(sa.ss_family, SOCK_STREAM, 0);
	p.client = socket(sa.ss_family, SOCK_STREAM, 0);
	assert_int_equal(bind(p.listener, (struct sockaddr *)&sa, len), 0);
	assert_int_equal(listen(p.listener, 1), 0);
	p.server_port = port_of(p.listener);
	len = addr_to_sockaddr(&a, ntohs(p.server_port), &sa);
	assert_int_equal(connect(p.client, (struct sockaddr *)&sa, len), 0);
	p.server = accept(p.listener, NULL, NULL);
	assert_true(p.server >= 0);
	p.client_port = port_of(p.client);
	return p;
}

static void pair_close(struct pair *p)
{
	close(p->server);
	close(p->client);
	close(p->listener);
}

struct frame {
	uint8_t at[256];
	size_t len;
};

static void add(struct frame *f, const void *header, size_t len)
{
	assert_true(f->len + len <= sizeof(f->at));
	memcpy(f->at + f->len, header, len);
	f->len += len;
}

static void add_ip4(struct frame *f, uint8_t protocol, uint16_t fragment, size_t options)
{
	static const uint8_t none[40];
	const struct iphdr ip = {
		.version = 4,
		.ihl = (sizeof(ip) + options) / 4,
		.protocol = protocol,
		.frag_off = htons(fragment),
		.saddr = htonl(INADDR_LOOPBACK),
		.daddr = htonl(INADDR_LOOPBACK),
	};

	add(f, &ip, sizeof(ip));
	add(f, none, options);
}

static void add_ip6(struct frame *f, uint8_t next)
{
	struct ip6_hdr ip = {.ip6_src = in6addr_loopback, .ip6_dst = in6addr_loopback};

	ip.ip6_vfc = 0x60;
	ip.ip6_nxt = next;
	add(f, &ip, sizeof(ip));
}

static void add_tcp(struct frame *f, uint16_t source, uint16_t dest)
{
	const struct tcphdr tcp = {.source = source, .dest = dest, .doff = 5};

	add(f, &tcp, sizeof(tcp));
}

/* Of a frame that ends in add_tcp's header. */
static void make_syn(struct frame *f)
{
	struct tcphdr *tcp = (void *)(f->at + f->len - sizeof(*tcp));

	tcp->syn = 1;
}

static void add_icmp(struct frame *f, uint8_t type)
{
	const struct icmphdr icmp = {.type = type}; /* ICMPv6 begins likewise */

	add(f, &icmp, sizeof(icmp));
}

static struct frame frame_of(uint16_t ethertype)
{
	const struct ether_header e = {.ether_type = htons(ethertype)};
	struct frame f = {};

	add(&f, &e, sizeof(e));
	return f;
}

/* What the mark is afterwards; before, it is FOREIGN_MARK. */
static uint32_t mark_of(const struct frame *f)
{
	struct tproxy_bpf *skel = tproxy_bpf__open_and_load();
	struct __sk_buff in = {.mark = FOREIGN_MARK}, out = {};
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = f->at, .data_size_in = (uint32_t)f->len,
		    .ctx_in = &in, .ctx_size_in = sizeof(in), .ctx_out = &out,
		    .ctx_size_out = sizeof(out), .repeat = 1);

	assert_non_null(skel);
	assert_int_equal(bpf_prog_test_run_opts(bpf_program__fd(skel->progs.lbxdp_tproxy), &run),
			 0);
	assert_int_equal((int)run.retval, UNSPEC); /* others go on with it */
	tproxy_bpf__destroy(skel);
	return out.mark;
}

#define assert_marked(f)   assert_int_equal(mark_of(f), FOREIGN_MARK | LB_TPROXY_MARK)
#define assert_unmarked(f) assert_int_equal(mark_of(f), FOREIGN_MARK)

static struct frame tcp4(uint16_t source, uint16_t dest, uint16_t fragment, size_t options)
{
	struct frame f = frame_of(ETHERTYPE_IP);

	add_ip4(&f, IPPROTO_TCP, fragment, options);
	add_tcp(&f, source, dest);
	return f;
}

static void an_answer_to_a_connection_is_marked_ipv4(void **state)
{
	struct pair p = pair_make("127.0.0.1");
	struct frame plain = tcp4(p.server_port, p.client_port, 0, 0);
	struct frame options = tcp4(p.server_port, p.client_port, IP_DF, 8);

	assert_marked(&plain);
	assert_marked(&options);
	pair_close(&p);
}

static void an_answer_to_a_connection_is_marked_ipv6(void **state)
{
	const uint8_t extension[8] = {IPPROTO_TCP};
	struct pair p = pair_make("::1");
	struct frame plain = frame_of(ETHERTYPE_IPV6), extended = plain;

	add_ip6(&plain, IPPROTO_TCP);
	add_tcp(&plain, p.server_port, p.client_port);
	assert_marked(&plain);
	add_ip6(&extended, IPPROTO_DSTOPTS);
	add(&extended, extension, sizeof(extension));
	add_tcp(&extended, p.server_port, p.client_port);
	assert_marked(&extended);
	make_syn(&plain);
	assert_unmarked(&plain);
	pair_close(&p);
}

/* An error names the packet it is about as its sender made it. */
static struct frame icmp4(uint8_t type, uint16_t sender, uint16_t receiver)
{
	struct frame f = frame_of(ETHERTYPE_IP);

	add_ip4(&f, IPPROTO_ICMP, 0, 0);
	add_icmp(&f, type);
	add_ip4(&f, IPPROTO_TCP, 0, 0);
	add_tcp(&f, sender, receiver);
	return f;
}

static void an_error_about_a_connection_is_marked_ipv4(void **state) /* RFC 1191 */
{
	struct pair p = pair_make("127.0.0.1");
	struct frame error = icmp4(ICMP_DEST_UNREACH, p.client_port, p.server_port);
	struct frame echo = icmp4(ICMP_ECHO, p.client_port, p.server_port);
	struct frame stranger = icmp4(ICMP_DEST_UNREACH, p.client_port, htons(1));

	assert_marked(&error);
	assert_unmarked(&echo);
	assert_unmarked(&stranger);
	pair_close(&p);
}

static void an_error_about_a_connection_is_marked_ipv6(void **state) /* RFC 8201 */
{
	struct pair p = pair_make("::1");
	struct frame error = frame_of(ETHERTYPE_IPV6);

	add_ip6(&error, IPPROTO_ICMPV6);
	add_icmp(&error, ICMP6_PACKET_TOO_BIG);
	add_ip6(&error, IPPROTO_TCP);
	add_tcp(&error, p.client_port, p.server_port);
	assert_marked(&error);
	pair_close(&p);
}

static void what_is_forwarded_keeps_its_mark(void **state)
{
	struct pair p = pair_make("127.0.0.1");
	struct frame stranger = tcp4(htons(1), htons(2), 0, 0);
	struct frame to_listener = tcp4(htons(1), p.server_port, 0, 0);
	struct frame fragment = tcp4(p.server_port, p.client_port, IP_MF, 0);
	struct frame cut = tcp4(p.server_port, p.client_port, 0, 0);
	struct frame udp = frame_of(ETHERTYPE_IP);
	struct frame syn = tcp4(p.server_port, p.client_port, 0, 0);

	cut.len = ETHER_HDR_LEN + sizeof(struct iphdr) + 2;
	make_syn(&syn); /* of the same four numbers as an answer that is marked */
	add_ip4(&udp, IPPROTO_UDP, 0, 0);
	add_tcp(&udp, p.server_port, p.client_port);
	assert_unmarked(&stranger);
	assert_unmarked(&to_listener);
	assert_unmarked(&fragment);
	assert_unmarked(&cut);
	assert_unmarked(&udp);
	assert_unmarked(&syn);
	pair_close(&p);
}

/* --- its filter */

static int put(uint32_t ifindex)
{
	const struct plan_sink *s = dataplane_sink(dataplane);
	uint32_t none = 0;

	return s->put(s->to, PLAN_DIVERTS, &ifindex, &none, NULL);
}

static int drop(uint32_t ifindex)
{
	const struct plan_sink *s = dataplane_sink(dataplane);
	uint32_t none = 0;

	return s->del(s->to, PLAN_DIVERTS, &ifindex, &none);
}

static bool has_filter(const char *words)
{
	return lab_try("test \"$(tc filter show dev lbd0 ingress | grep -c '%s')\" = 1", words);
}

static bool has_qdisc(void)
{
	return lab_try("tc qdisc show dev lbd0 | grep -q clsact");
}

static void the_filter_comes_and_goes_with_its_row(void **state)
{
	uint32_t lbd0 = lab_ifindex("lbd0");

	assert_false(dataplane_filters_now(dataplane, FILTER_TPROXY, lbd0));
	assert_int_equal(put(lbd0), 0);
	assert_true(has_filter("lbxdp-divert:tproxy,qdisc direct-action"));
	assert_true(dataplane_filters_now(dataplane, FILTER_TPROXY, lbd0));
	assert_int_equal(put(lbd0), 0); /* as the next life of the daemon does */
	assert_true(has_filter("lbxdp-divert:tproxy,qdisc direct-action"));
	assert_int_equal(drop(lbd0), 0);
	assert_false(has_qdisc());
	assert_int_equal(drop(lbd0), 0);
}

static void a_qdisc_that_was_there_stays(void **state)
{
	uint32_t lbd0 = lab_ifindex("lbd0");

	lab_run("tc qdisc add dev lbd0 clsact");
	assert_int_equal(put(lbd0), 0);
	assert_true(has_filter("lbxdp-divert:tproxy direct-action"));
	assert_int_equal(drop(lbd0), 0);
	assert_true(has_qdisc());
}

static void two_instances_have_a_filter_each(void **state)
{
	const struct dataplane_options options = {.pin_dir = PIN_DIR "2", .flows = 4096};
	struct dataplane *other = NULL, *first = dataplane;
	uint32_t lbd0 = lab_ifindex("lbd0");
	struct buf why = {};

	assert_int_equal(dataplane_open(&other, &options, &why), 0);
	buf_free(&why);
	assert_int_equal(put(lbd0), 0);
	dataplane = other;
	assert_int_equal(put(lbd0), 0);
	dataplane = first;
	assert_int_equal(drop(lbd0), 0);
	assert_true(has_filter("lbxdp-divert2:tproxy direct-action"));
	assert_int_equal(dataplane_destroy(other), 0);
	dataplane_close(other);
	assert_false(has_filter("tproxy"));
}

static void an_interface_that_is_gone_has_nothing_to_take_away(void **state)
{
	uint32_t lbd0 = lab_ifindex("lbd0");

	assert_int_equal(put(lbd0), 0);
	lab_run("ip link del lbd0");
	assert_int_equal(drop(lbd0), 0);
	assert_int_equal(put(lbd0), -ENODEV);
}

static void what_an_earlier_life_left_is_found_and_removed(void **state)
{
	uint32_t lbd0 = lab_ifindex("lbd0");
	struct plan *actual = plan_new();
	struct buf why = {};

	assert_int_equal(put(lbd0), 0);
	assert_int_equal(dataplane_read_filters(dataplane, actual), 0);
	assert_int_equal(plan_count(actual, PLAN_DIVERTS), 1);
	assert_non_null(plan_find(actual, PLAN_DIVERTS, &lbd0));
	assert_int_equal(dataplane_remove(PIN_DIR, &why), 0); /* whatever version made it */
	assert_false(has_qdisc());
	plan_free(actual);
	buf_free(&why);
}

/* --- the policy route */

static int order_route(bool wanted, uint32_t family)
{
	const struct plan_sink *s = net_sink(net);
	const struct row_local_route key = {.family = family, .table = TABLE};
	uint32_t none = 0;

	return wanted ? s->put(s->to, PLAN_LOCAL_ROUTES, &key, &none, NULL)
		      : s->del(s->to, PLAN_LOCAL_ROUTES, &key, &none);
}

static bool leads_here(const char *version, const char *address)
{
	return lab_try("ip %s route get %s mark 0x%x | grep -q '^local'", version, address,
		       LB_TPROXY_MARK);
}

static void packets_with_the_mark_are_for_this_host(void **state)
{
	static const struct {
		uint32_t family;
		const char *version, *address;
	} cases[] = {
		{AF_INET,  "-4", "203.0.113.7"},
                {AF_INET6, "-6", "2001:db8::7"}
        };

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		assert_false(leads_here(cases[i].version, cases[i].address));
		assert_int_equal(order_route(true, cases[i].family), 0);
		assert_int_equal(order_route(true, cases[i].family), 0);
		assert_true(leads_here(cases[i].version, cases[i].address));
		assert_false(lab_try("ip %s route get %s | grep -q '^local'", cases[i].version,
				     cases[i].address));
		assert_int_equal(order_route(false, cases[i].family), 0);
		assert_false(leads_here(cases[i].version, cases[i].address));
		assert_true(lab_try("test -z \"$(ip %s route show table all proto 108)\"",
				    cases[i].version));
		assert_int_equal(order_route(false, cases[i].family), 0);
	}
}

static void a_rule_of_somebody_else_with_that_mark_stays(void **state)
{
	lab_run("ip rule add pref 108 fwmark 0x%x/0x%x lookup 77", LB_TPROXY_MARK, LB_TPROXY_MARK);
	assert_int_equal(order_route(true, AF_INET), 0);
	assert_int_equal(order_route(false, AF_INET), 0);
	assert_true(lab_try("ip rule | grep -q 'lookup 77'"));
}

static void the_way_to_an_address_is_the_kernels(void **state)
{
	struct addr near, own, far;

	addr_parse(&near, "10.9.0.7");
	addr_parse(&own, "10.9.0.1");
	addr_parse(&far, "198.51.100.1");
	assert_int_equal(net_egress(net, &near), lab_ifindex("lbd0"));
	assert_int_equal(net_egress(net, &own), 0);
	assert_int_equal(net_egress(net, &far), 0);
	lab_run("ip route add 198.51.100.0/24 via 10.9.0.9");
	assert_int_equal(net_egress(net, &far), lab_ifindex("lbd0"));
}

static void a_connection_from_an_address_that_is_not_ours_is_seen(void **state)
{
	struct pair p = pair_make("127.0.0.1");
	struct sockaddr_storage sa;
	struct addr foreign, to;
	bool any = true;
	int fd, one = 1;

	assert_int_equal(net_transparent(net, geteuid(), &any), 0);
	assert_false(any);
	addr_parse(&foreign, "203.0.113.7");
	addr_parse(&to, "127.0.0.1");
	assert_int_equal(order_route(true, AF_INET), 0);
	lab_run("ip rule add to 203.0.113.7 lookup %u", TABLE);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(setsockopt(fd, IPPROTO_IP, IP_TRANSPARENT, &one, sizeof(one)), 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&sa, addr_to_sockaddr(&foreign, 0, &sa)), 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&sa,
				 addr_to_sockaddr(&to, ntohs(p.server_port), &sa)),
			 0);
	assert_int_equal(net_transparent(net, geteuid(), &any), 0);
	assert_true(any);
	assert_int_equal(net_transparent(net, 65534, &any), 0); /* another's is not ours */
	assert_false(any);
	close(fd);
	pair_close(&p);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, enter_lab, leave_lab)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(an_answer_to_a_connection_is_marked_ipv4),
		CASE(an_answer_to_a_connection_is_marked_ipv6),
		CASE(an_error_about_a_connection_is_marked_ipv4),
		CASE(an_error_about_a_connection_is_marked_ipv6),
		CASE(what_is_forwarded_keeps_its_mark),
		CASE(the_filter_comes_and_goes_with_its_row),
		CASE(a_qdisc_that_was_there_stays),
		CASE(two_instances_have_a_filter_each),
		CASE(an_interface_that_is_gone_has_nothing_to_take_away),
		CASE(what_an_earlier_life_left_is_found_and_removed),
		CASE(packets_with_the_mark_are_for_this_host),
		CASE(a_rule_of_somebody_else_with_that_mark_stays),
		CASE(the_way_to_an_address_is_the_kernels),
		CASE(a_connection_from_an_address_that_is_not_ours_is_seen),
	};

	lab_enter();
	return cmocka_run_group_tests_name("divert (kernel)", tests, NULL, NULL);
}
