/* SPDX-License-Identifier: GPL-2.0-only */
/* Interfaces, neighbours and announcements against the kernel: needs root; works in namespaces of
 * its own. lbn0 is ours, lbn1 the other end, in the namespace of a real server. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "kernel/lab.h"
#include "net/net.h"
#include "net/packet.h"

#define OUR_MAC   "02:00:00:00:00:01"
#define REAL_MAC  "02:00:00:00:00:02"
#define OTHER_MAC "02:00:00:00:00:66"

static const uint8_t our_mac[6] = {2, 0, 0, 0, 0, 1};
static const uint8_t real_mac[6] = {2, 0, 0, 0, 0, 2};
static const uint8_t other_mac[6] = {2, 0, 0, 0, 0, 0x66};

static struct lab_ns real_ns;
static struct loop *loop;
static struct net *net;
static unsigned int changes;

static void changed(void *arg)
{
	changes++;
}

static void open_net(void)
{
	const struct net_events events = {.changed = changed};

	assert_int_equal(net_open(&net, loop, &events), 0);
}

static int enter_lab(void **state)
{
	lab_ns_make(&real_ns);
	lab_run("sysctl -qw net.ipv6.conf.default.accept_dad=0 net.ipv6.conf.all.accept_dad=0");
	lab_run("ip link add lbn0 address " OUR_MAC " type veth peer name lbn1 address " REAL_MAC);
	lab_run("ip link set lbn1 netns /proc/%d/fd/%d", (int)getpid(), real_ns.there);
	lab_run("ip addr add 10.9.0.1/24 dev lbn0; ip addr add fd09::1/64 dev lbn0 nodad");
	lab_run("ip link set lbn0 up");
	lab_ns_enter(&real_ns);
	lab_run("sysctl -qw net.ipv6.conf.all.accept_dad=0");
	lab_run("ip addr add 10.9.0.2/24 dev lbn1; ip addr add fd09::2/64 dev lbn1 nodad");
	lab_run("ip link set lbn1 up");
	lab_ns_leave(&real_ns);
	loop = loop_new();
	assert_non_null(loop);
	open_net();
	return 0;
}

static int leave_lab(void **state)
{
	net_close(net);
	loop_free(loop);
	(void)lab_try("ip link del lbn0");
	lab_ns_close(&real_ns);
	return 0;
}

/* Runs the loop until want holds, or until msec are over. */
struct waiting {
	struct timer timer;
	bool (*want)(void);
	uint64_t until;
	bool met;
};

static void look(struct timer *t)
{
	struct waiting *w = (struct waiting *)t; /* its first member */

	w->met = w->want && w->want();
	if (w->met || lab_now() >= w->until)
		loop_stop(loop);
	else
		timer_start(loop, t, 5);
}

static bool run_until(bool (*want)(void), uint64_t msec)
{
	struct waiting w = {.timer.fn = look, .want = want, .until = lab_until(msec)};

	timer_start(loop, &w.timer, 0);
	assert_int_equal(loop_run(loop), 0);
	return w.met;
}

static struct addr addr(const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse(&a, text), 0);
	return a;
}

static const char *asked = "10.9.0.2";

static bool neighbour(struct net_neighbour *n)
{
	struct addr ip = addr(asked);

	return net_neighbour(net, lab_ifindex("lbn0"), &ip, n);
}

static bool is_at(const uint8_t mac[6])
{
	struct net_neighbour n;

	return neighbour(&n) && n.valid && !memcmp(n.mac, mac, 6);
}

static bool at_real(void)
{
	return is_at(real_mac);
}

static bool at_other(void)
{
	return is_at(other_mac);
}

static bool is_missing(void)
{
	struct net_neighbour n;

	return neighbour(&n) && !n.valid;
}

static struct row_neighbour key_of(const char *ip)
{
	struct row_neighbour key;

	memset(&key, 0, sizeof(key));
	key.ip = addr(ip);
	key.ifindex = lab_ifindex("lbn0");
	return key;
}

static int want(const char *ip)
{
	const struct plan_sink *s = net_sink(net);
	struct row_neighbour key = key_of(ip);
	uint32_t zero = 0;

	asked = ip;
	return s->put(s->to, PLAN_NEIGHBOURS, &key, &zero, NULL);
}

static void interfaces_and_networks_are_known_at_once(void **state)
{
	const struct net_iface *i = net_iface_named(net, "lbn0");
	uint32_t ifindex = lab_ifindex("lbn0"), lo = lab_ifindex("lo");
	uint32_t allowed[] = {lo, ifindex};
	struct addr near = addr("10.9.0.77"), far = addr("10.10.0.1"), six = addr("fd09::77");

	assert_non_null(i);
	assert_int_equal(i->ifindex, ifindex);
	assert_memory_equal(i->mac, our_mac, 6);
	assert_true(i->up);
	assert_int_equal(i->mtu, 1500);
	assert_ptr_equal(net_iface_at(net, ifindex), i);
	assert_null(net_iface_named(net, "lbn9"));
	assert_int_equal(net_route_connected(net, &near, allowed, 2), ifindex);
	assert_int_equal(net_route_connected(net, &six, allowed, 2), ifindex);
	assert_int_equal(net_route_connected(net, &near, allowed, 1), 0);
	assert_int_equal(net_route_connected(net, &far, allowed, 2), 0);
}

static void a_snapshot_holds_interfaces_and_connected_networks(void **state)
{
	struct arena *a = arena_new();
	struct net_snapshot s;
	struct addr near = addr("10.9.0.77");
	bool found = false, connected = false;

	assert_int_equal(net_snapshot_take(&s, a), 0);
	for (size_t i = 0; i < s.interface_count; i++)
		found |= !strcmp(s.interfaces[i], "lbn0");
	for (size_t i = 0; i < s.connected_count; i++)
		connected |= !strcmp(s.connected[i].interface, "lbn0") &&
			     prefix_contains(&s.connected[i].prefix, &near);
	assert_true(found);
	assert_true(connected);
	arena_free(a);
}

static void a_neighbour_is_resolved_and_kept(void **state)
{
	struct net_neighbour n;

	asked = "10.9.0.2";
	assert_false(neighbour(&n));
	assert_int_equal(want("10.9.0.2"), 0);
	assert_true(run_until(at_real, 3000));
	assert_true(changes > 0);
	assert_int_equal(want("fd09::2"), 0);
	assert_true(run_until(at_real, 3000));
	lab_run("ip neigh show 10.9.0.2 dev lbn0 | grep -q managed");
}

static void a_row_that_goes_takes_the_kernels_entry_along(void **state)
{
	const struct plan_sink *s = net_sink(net);
	struct row_neighbour key = key_of("10.9.0.2");

	assert_int_equal(want("10.9.0.2"), 0);
	assert_true(run_until(at_real, 3000));
	assert_int_equal(s->del(s->to, PLAN_NEIGHBOURS, &key, NULL), 0);
	assert_false(lab_try("ip neigh show 10.9.0.2 dev lbn0 | grep -q managed"));
}

static void a_neighbour_that_does_not_answer_is_known_to_be_missing(void **state)
{
	assert_int_equal(want("10.9.0.99"), 0);
	assert_true(run_until(is_missing, 6000));
}

static void a_neighbour_that_comes_later_is_found(void **state)
{
	assert_int_equal(want("10.9.0.50"), 0);
	assert_true(run_until(is_missing, 6000));
	lab_ns_enter(&real_ns);
	lab_run("ip addr add 10.9.0.50/24 dev lbn1");
	lab_ns_leave(&real_ns);
	assert_true(run_until(at_real, 12000));
}

static void a_neighbour_that_went_away_is_noticed_when_suspected(void **state)
{
	struct addr ip = addr("10.9.0.2");

	assert_int_equal(want("10.9.0.2"), 0);
	assert_true(run_until(at_real, 3000));
	lab_ns_enter(&real_ns);
	lab_run("ip addr del 10.9.0.2/24 dev lbn1");
	lab_ns_leave(&real_ns);
	net_suspect(net, lab_ifindex("lbn0"), &ip);
	assert_true(run_until(is_missing, 12000));
}

/* F32 */
static void a_mac_that_changed_silently_is_noticed_within_seconds(void **state)
{
	uint64_t begin;

	assert_int_equal(want("10.9.0.2"), 0);
	assert_true(run_until(at_real, 3000));
	lab_ns_enter(&real_ns);
	lab_run("ip link set lbn1 address " OTHER_MAC);
	lab_ns_leave(&real_ns);
	begin = lab_now();
	assert_true(run_until(at_other, 15000));
	print_message("a changed MAC was noticed after %lu ms\n", lab_now() - begin);
}

/* Sends a frame from the real's side. */
static void inject(const uint8_t *frame, size_t len)
{
	struct sockaddr_ll to = {.sll_family = AF_PACKET};
	int fd;

	lab_ns_enter(&real_ns);
	to.sll_ifindex = (int)lab_ifindex("lbn1");
	fd = socket(AF_PACKET, SOCK_RAW, 0);
	lab_ns_leave(&real_ns);
	assert_true(fd >= 0);
	assert_int_equal(sendto(fd, frame, len, 0, (struct sockaddr *)&to, sizeof(to)), len);
	close(fd);
}

static bool ever_at_other;

static bool watch_for_other(void)
{
	ever_at_other |= at_other();
	return false;
}

/* F7 */
static void a_spoofed_gratuitous_arp_is_not_believed(void **state)
{
	uint8_t frame[PACKET_ROOM];
	struct addr ip = addr("10.9.0.2");

	assert_int_equal(want("10.9.0.2"), 0);
	assert_true(run_until(at_real, 3000));
	ever_at_other = false;
	for (int i = 0; i < 4; i++) {
		inject(frame, packet_garp(frame, other_mac, &ip, i % 2));
		(void)run_until(watch_for_other, 1200);
	}
	assert_false(ever_at_other);
	assert_true(run_until(at_real, 3000));
}

static void a_spoofed_answer_that_nobody_asked_for_is_not_believed(void **state)
{
	uint8_t frame[PACKET_ROOM];
	struct addr ip = addr("10.9.0.2"), us = addr("10.9.0.1");

	assert_int_equal(want("10.9.0.2"), 0);
	assert_true(run_until(at_real, 3000));
	ever_at_other = false;
	(void)run_until(watch_for_other, 1200); /* the kernel locks a fresh entry for a second */
	for (int i = 0; i < 3; i++) {
		size_t len = packet_garp(frame, other_mac, &ip, true);

		memcpy(frame, our_mac, 6);           /* to us alone */
		memcpy(frame + 32, our_mac, 6);      /* as an answer */
		memcpy(frame + 38, us.byte + 12, 4); /* to our question */
		inject(frame, len);
		(void)run_until(watch_for_other, 1200);
	}
	assert_false(ever_at_other);
	assert_true(run_until(at_real, 3000));
}

static void a_flushed_neighbour_keeps_its_mac_and_is_asked_for_again(void **state)
{
	assert_int_equal(want("10.9.0.2"), 0);
	assert_true(run_until(at_real, 3000));
	lab_run("ip neigh flush dev lbn0; ip neigh del 10.9.0.2 dev lbn0 2>/dev/null; true");
	(void)run_until(NULL, 200);
	assert_true(at_real());
	lab_run("ip neigh show 10.9.0.2 dev lbn0 | grep -q managed");
}

static uint16_t epoch_before;

static bool is_down(void)
{
	return !net_iface_named(net, "lbn0")->up;
}

static bool came_up_again(void)
{
	const struct net_iface *i = net_iface_named(net, "lbn0");

	return i->up && i->epoch == (uint16_t)(epoch_before + 1);
}

static bool is_gone(void)
{
	return !net_iface_named(net, "lbn0");
}

/* F31, F33 */
static void a_link_that_goes_down_up_and_away_is_followed(void **state)
{
	assert_int_equal(want("10.9.0.2"), 0);
	assert_true(run_until(at_real, 3000));
	epoch_before = net_iface_named(net, "lbn0")->epoch;
	lab_run("ip link set lbn0 down");
	assert_true(run_until(is_down, 2000));
	lab_run("ip link set lbn0 up");
	assert_true(run_until(came_up_again, 2000));
	assert_true(run_until(at_real, 3000));
	changes = 0;
	lab_run("ip link del lbn0");
	assert_true(run_until(is_gone, 2000));
	assert_int_not_equal(changes, 0);
}

/* What arrives at the real's side from now on. */
static int listen_there(void)
{
	struct sockaddr_ll at = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL)};
	int fd;

	lab_ns_enter(&real_ns);
	at.sll_ifindex = (int)lab_ifindex("lbn1");
	fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK, htons(ETH_P_ALL));
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	lab_ns_leave(&real_ns);
	return fd;
}

static int listener;
static unsigned int arp_requests, arp_replies, advertisements;

static bool all_announced(void)
{
	uint8_t frame[2048];
	ssize_t len;

	while ((len = recv(listener, frame, sizeof(frame), 0)) > 0) {
		uint8_t expect[PACKET_ROOM];
		struct addr four = addr("192.168.30.10"), six = addr("fd30::10");

		if (!memcmp(frame, expect, packet_garp(expect, our_mac, &four, false)))
			arp_requests++;
		else if (!memcmp(frame, expect, packet_garp(expect, our_mac, &four, true)))
			arp_replies++;
		else if (!memcmp(frame, expect, packet_advertisement(expect, our_mac, &six)))
			advertisements++;
	}
	return arp_requests == 3 && arp_replies == 3 && advertisements == 3;
}

static int announce(const char *vip, uint16_t epoch)
{
	const struct plan_sink *s = net_sink(net);
	struct row_announce_key key;
	struct row_announce row = {.epoch = epoch};

	memset(&key, 0, sizeof(key));
	key.vip = addr(vip);
	key.ifindex = lab_ifindex("lbn0");
	memcpy(row.mac, our_mac, 6);
	return s->put(s->to, PLAN_ANNOUNCE, &key, &row, NULL);
}

static void vips_are_announced_three_times_and_again_with_each_epoch(void **state)
{
	listener = listen_there();
	for (uint16_t epoch = 1; epoch <= 2; epoch++) {
		arp_requests = arp_replies = advertisements = 0;
		assert_int_equal(announce("192.168.30.10", epoch), 0);
		assert_int_equal(announce("fd30::10", epoch), 0);
		assert_true(run_until(all_announced, 4000));
	}
	close(listener);
}

#define GROUP_IS_JOINED "ip maddr show dev lbn0 | grep -q 33:33:ff:12:34:56"

static void the_solicited_node_group_stays_joined_after_exit(void **state)
{
	struct addr vip = addr("fd30::12:3456");
	int status;
	pid_t pid = fork();

	if (!pid)
		_exit(announce("fd30::12:3456", 1) != 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	lab_run(GROUP_IS_JOINED);
	assert_int_equal(announce("fd30::12:3456", 1), 0); /* adopted: joined again, once */
	assert_int_equal(net_leave_group(lab_ifindex("lbn0"), &vip), 0);
	assert_false(lab_try(GROUP_IS_JOINED));
	assert_int_equal(net_leave_group(lab_ifindex("lbn0"), &vip), 0);
}

static void a_group_that_two_vips_share_is_left_with_the_second(void **state)
{
	const struct plan_sink *s = net_sink(net);
	struct row_announce_key key;

	memset(&key, 0, sizeof(key));
	key.ifindex = lab_ifindex("lbn0");
	assert_int_equal(announce("fd30::12:3456", 1), 0);
	assert_int_equal(announce("fd31::12:3456", 1), 0);
	key.vip = addr("fd30::12:3456");
	assert_int_equal(s->del(s->to, PLAN_ANNOUNCE, &key, NULL), 0);
	lab_run(GROUP_IS_JOINED);
	key.vip = addr("fd31::12:3456");
	assert_int_equal(s->del(s->to, PLAN_ANNOUNCE, &key, NULL), 0);
	assert_false(lab_try(GROUP_IS_JOINED));
}

static const char *ack_vip, *ack_client;

static bool ack_seen(void)
{
	uint8_t frame[2048];
	ssize_t len;

	while ((len = recv(listener, frame, sizeof(frame), 0)) > 0) {
		struct packet_ends e = {addr(ack_vip), addr(ack_client), 443, 34567};
		bool v4 = addr_is_v4(&e.src);
		size_t tcp = v4 ? 34 : 54;
		uint8_t expect[PACKET_ROOM];
		uint32_t seq, ack;

		memcpy(&seq, frame + tcp + 4, 4);
		memcpy(&ack, frame + tcp + 8, 4);
		if ((size_t)len != 14 + packet_ack(expect, &e, ntohl(seq), ntohl(ack)))
			continue;
		if (v4) /* the kernel fills in the identification and the header's checksum */
			memset(expect + 4, 0, 2), memset(expect + 10, 0, 2),
				memset(frame + 18, 0, 2), memset(frame + 24, 0, 2);
		if (!memcmp(frame + 14, expect, (size_t)len - 14))
			return true;
	}
	return false;
}

static void a_client_gets_an_ack_from_an_address_that_the_host_does_not_have(void **state)
{
	static const char *const cases[][2] = {
		{"192.168.30.10", "10.9.0.2"},
		{"fd30::10",      "fd09::2" },
	};

	listener = listen_there();
	for (size_t i = 0; i < 2; i++) {
		struct addr vip = addr(cases[i][0]), client = addr(cases[i][1]);

		ack_vip = cases[i][0];
		ack_client = cases[i][1];
		assert_int_equal(net_send_ack(net, &vip, 443, &client, 34567), 0);
		assert_true(run_until(ack_seen, 2000));
	}
	close(listener);
}

/* The one finding about it is of that examination; its text for the caller to look into. */
static void expect_finding(const char *name, bool native, const char *examination,
			   const char *const *words)
{
	struct doctor_link link = {.attached = true, .native = native, .why = ""};
	struct findings found = {};
	struct buf all = {};

	assert_true(net_look(net, name, &link));
	doctor_examine_link(&link, &found);
	for (size_t i = 0; i < found.count; i++)
		if (!strcmp(found.at[i].examination, examination))
			buf_printf(&all, "%s %s\n", found.at[i].seen, found.at[i].type);
	for (; *words; words++)
		assert_non_null(strstr(buf_text(&all), *words));
	buf_free(&all);
	findings_free(&found);
}

static void a_veth_peer_without_a_program_is_found(void **state)
{
	static const char *const words[] = {"veth peer lbn1 has no XDP program",
					    "ip link set dev lbn1 xdpdrv", NULL};

	expect_finding("lbn0", true, "veth-peer", words);
}

static void the_offloads_of_a_veth_peer_beside_us_are_found(void **state)
{
	static const char *const tags[] = {"ethtool -K lbn5 txvlan off", NULL};
	static const char *const sums[] = {"ethtool -K lbn5 tx off", NULL};

	lab_run("ip link add lbn4 type veth peer name lbn5");
	(void)run_until(NULL, 50);
	expect_finding("lbn4", true, "vlan-offload", tags);
	expect_finding("lbn4", true, "partial-checksums", sums);
	lab_run("ip link del lbn4");
}

static void what_is_seen_of_an_interface_is_what_it_is(void **state)
{
	struct doctor_link link = {.why = ""};

	lab_run("ip link set lbn0 mtu 1400; sysctl -qw net.ipv4.conf.lbn0.rp_filter=1");
	(void)run_until(NULL, 50);
	assert_true(net_look(net, "lbn0", &link));
	assert_true(link.exists && link.up && link.strict && link.peer.is_there);
	assert_int_equal(link.mtu, 1400);
	assert_string_equal(link.driver, "veth");
	assert_false(net_look(net, "lbn9", &link));
	assert_false(link.exists);
	assert_string_equal(link.name, "lbn9");
}

static unsigned int rounds;

static void round_over(void *arg)
{
	rounds++;
}

static bool round_is_over(void)
{
	return rounds && !net_asking(net);
}

static void ask(const char *const *vips, size_t count)
{
	struct addr addrs[4];
	uint32_t ifindex = lab_ifindex("lbn0");
	struct net_question q;

	for (size_t i = 0; i < count; i++)
		addrs[i] = addr(vips[i]);
	q = (struct net_question){addrs, count, &ifindex, 1, round_over, NULL};
	rounds = 0;
	assert_int_equal(net_ask(net, &q), 0);
	assert_int_equal(net_ask(net, &q), -EBUSY);
	assert_true(run_until(round_is_over, 5000));
	assert_int_equal(rounds, 1);
}

/* Asks until so many claims are heard: a link that is just up takes its time. */
static const struct net_claim *ask_until(const char *const *vips, size_t vip_count, size_t wanted)
{
	const uint64_t until = lab_until(10000);
	const struct net_claim *claims;
	size_t count;

	do {
		ask(vips, vip_count);
		claims = net_claims(net, &count);
	} while (count != wanted && lab_now() < until);
	assert_int_equal(count, wanted);
	return claims;
}

static void who_else_has_an_address_is_heard(void **state)
{
	static const char *const vips[] = {"fd09::10", "10.9.0.10", "10.9.0.11"};
	const struct net_claim *claims;

	lab_ns_enter(&real_ns);
	lab_run("ip addr add 10.9.0.10/32 dev lo; ip addr add fd09::10/128 dev lbn1 nodad");
	lab_ns_leave(&real_ns);
	claims = ask_until(vips, 3, 2);
	for (size_t i = 0; i < 2; i++) {
		struct addr v4 = addr(vips[1]), v6 = addr(vips[0]);

		assert_memory_equal(claims[i].mac, real_mac, 6);
		assert_int_equal(claims[i].ifindex, lab_ifindex("lbn0"));
		assert_true(addr_equal(&claims[i].vip, &v4) || addr_equal(&claims[i].vip, &v6));
	}
	lab_ns_enter(&real_ns);
	lab_run("sysctl -qw net.ipv4.conf.all.arp_ignore=1; ip addr del fd09::10/128 dev lbn1");
	lab_ns_leave(&real_ns);
	(void)ask_until(vips, 3, 0);
}

static void our_own_answer_is_no_claim(void **state)
{
	static const char *const vips[] = {"10.9.0.10"};

	lab_ns_enter(&real_ns);
	lab_run("ip link set lbn1 down; ip link set lbn1 address " OTHER_MAC
		"; ip link set lbn1 up");
	lab_run("ip addr add 10.9.0.10/32 dev lo");
	lab_ns_leave(&real_ns);
	(void)ask_until(vips, 1, 1);
	lab_run("ip link add lbn6 address " OTHER_MAC " type veth peer name lbn7");
	(void)ask_until(vips, 1, 0);
	lab_run("ip link del lbn6");
	(void)ask_until(vips, 1, 1);
}

static bool is_ethernet(const char *name)
{
	uint32_t found[64], ifindex = lab_ifindex(name);
	size_t count = net_ethernets(net, found, 64);

	for (size_t i = 0; i < count; i++)
		if (found[i] == ifindex)
			return true;
	return false;
}

static bool bridge_is_ethernet(void)
{
	return is_ethernet("lbn8") && !is_ethernet("lbn6");
}

static void ethernets_are_what_frames_come_and_go_by(void **state)
{
	lab_run("ip link set lo up");
	lab_run("ip link add lbn8 type bridge; ip link set lbn8 up");
	lab_run("ip link add lbn6 type veth peer name lbn7; ip link set lbn6 master lbn8 up");
	lab_run("ip link set lbn7 up");
	assert_true(run_until(bridge_is_ethernet, 10000)); /* its port is not one */
	assert_true(is_ethernet("lbn0"));
	assert_true(is_ethernet("lbn7"));
	assert_false(is_ethernet("lo"));
	lab_run("ip link del lbn6; ip link del lbn8");
}

static bool knocked(void)
{
	return rounds && !net_knocking(net);
}

static int serve_there(uint16_t port)
{
	struct sockaddr_in6 at = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
	int fd;

	lab_ns_enter(&real_ns);
	fd = socket(AF_INET6, SOCK_STREAM, 0);
	lab_ns_leave(&real_ns);
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(fd, 8), 0);
	return fd;
}

static struct knock knock_of(enum knock_kind kind, const char *real, const char *at, uint16_t port,
			     const uint8_t *mac)
{
	struct knock k = {.kind = kind, .real = addr(real), .at = addr(at), .port = port};

	k.vip = addr(strchr(real, ':') ? "fd77::10" : "10.77.0.10");
	strcpy(k.interface, "lbn0");
	memcpy(k.mac, mac, sizeof(k.mac));
	return k;
}

/* The VIPs ending in 10 are there, those in 11 are not; nobody else's MAC answers. */
static void a_real_is_asked_at_its_address_at_the_vip_and_from_away(void **state)
{
	struct knock k[] = {
		knock_of(KNOCK_REAL, "10.9.0.2", "10.9.0.2", 7000, real_mac),
		knock_of(KNOCK_REAL, "10.9.0.2", "10.9.0.2", 7001, real_mac),
		knock_of(KNOCK_VIP, "10.9.0.2", "10.9.0.10", 7000, real_mac),
		knock_of(KNOCK_VIP, "10.9.0.2", "10.9.0.10", 7001, real_mac),
		knock_of(KNOCK_VIP, "10.9.0.2", "10.9.0.11", 7000, real_mac),
		knock_of(KNOCK_VIP, "fd09::2", "fd09::10", 7000, real_mac),
		knock_of(KNOCK_VIP, "fd09::2", "fd09::11", 7000, real_mac),
		knock_of(KNOCK_REAL, "10.9.0.2", "10.9.0.2", 7000, other_mac),
		knock_of(KNOCK_AWAY, "10.9.0.2", "10.9.0.2", 7000, real_mac),
		knock_of(KNOCK_AWAY, "fd09::2", "fd09::2", 7000, real_mac),
		knock_of(KNOCK_REAL, "10.8.0.2", "10.8.0.2", 7000,
			 real_mac), /* no address of ours */
	};
	static const enum knock_answer expect[] = {
		KNOCK_OPEN,   KNOCK_REFUSED, KNOCK_OPEN,   KNOCK_REFUSED, KNOCK_SILENT, KNOCK_OPEN,
		KNOCK_SILENT, KNOCK_SILENT,  KNOCK_SILENT, KNOCK_OPEN,    KNOCK_SILENT};
	int fd = serve_there(7000);

	lab_ns_enter(&real_ns);
	lab_run("ip addr add 10.9.0.10/32 dev lo; ip addr add fd09::10/128 dev lo nodad");
	lab_run("ip -6 route add default via fd09::1");
	lab_ns_leave(&real_ns);
	rounds = 0;
	assert_int_equal(net_knock(net, k, sizeof(k) / sizeof(*k), round_over, NULL), 0);
	assert_int_equal(net_knock(net, k, 1, round_over, NULL), -EBUSY);
	assert_true(run_until(knocked, 10000));
	for (size_t i = 0; i < sizeof(k) / sizeof(*k); i++)
		assert_int_equal(k[i].answer * 100 + i, expect[i] * 100 + i);
	assert_true(addr_is_unspecified(&k[10].from));
	rounds = 0;
	assert_int_equal(net_knock(net, k, 0, round_over, NULL), 0); /* nothing to ask */
	assert_true(run_until(knocked, 1000));
	close(fd);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, enter_lab, leave_lab)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(interfaces_and_networks_are_known_at_once),
		CASE(a_snapshot_holds_interfaces_and_connected_networks),
		CASE(a_neighbour_is_resolved_and_kept),
		CASE(a_row_that_goes_takes_the_kernels_entry_along),
		CASE(a_neighbour_that_does_not_answer_is_known_to_be_missing),
		CASE(a_neighbour_that_comes_later_is_found),
		CASE(a_neighbour_that_went_away_is_noticed_when_suspected),
		CASE(a_mac_that_changed_silently_is_noticed_within_seconds),
		CASE(a_spoofed_gratuitous_arp_is_not_believed),
		CASE(a_spoofed_answer_that_nobody_asked_for_is_not_believed),
		CASE(a_flushed_neighbour_keeps_its_mac_and_is_asked_for_again),
		CASE(a_link_that_goes_down_up_and_away_is_followed),
		CASE(vips_are_announced_three_times_and_again_with_each_epoch),
		CASE(the_solicited_node_group_stays_joined_after_exit),
		CASE(a_group_that_two_vips_share_is_left_with_the_second),
		CASE(a_client_gets_an_ack_from_an_address_that_the_host_does_not_have),
		CASE(a_veth_peer_without_a_program_is_found),
		CASE(the_offloads_of_a_veth_peer_beside_us_are_found),
		CASE(what_is_seen_of_an_interface_is_what_it_is),
		CASE(who_else_has_an_address_is_heard),
		CASE(our_own_answer_is_no_claim),
		CASE(ethernets_are_what_frames_come_and_go_by),
		CASE(a_real_is_asked_at_its_address_at_the_vip_and_from_away),
	};

	lab_enter();
	return cmocka_run_group_tests_name("net (kernel)", tests, NULL, NULL);
}
