/* SPDX-License-Identifier: GPL-2.0-only */
/* The doctor's judgement: a world in which nothing is wrong, one thing changed at a time. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "core/doctor.h"
#include "unit/view_sample.h"

/* Everything that the examinations look at, open to change. */
struct world {
	struct view view;
	struct view_service services[2]; /* layer 4, layer 7 */
	struct service_config configs[2];
	struct view_real reals[2];
	struct view_check checks[2];
	struct doctor_link links[2];
	struct doctor_facts facts;
	struct view_conflict conflicts[2];
};

static void good_link(struct doctor_link *l, const char *name)
{
	*l = (struct doctor_link){
		.exists = true,
		.up = true,
		.attached = true,
		.native = true,
		.why = "",
		.mtu = 1500,
		.driver = "ixgbe",
		.knows_transmits = true,
		.transmits = true,
	};
	strcpy(l->name, name);
}

static void good_real(struct world *w, int i, const char *name, const char *ip)
{
	w->checks[i] = (struct view_check){.type = CHECK_HTTPS, .port = 443, .health = HEALTH_UP};
	w->reals[i] = (struct view_real){
		.name = name,
		.ip = sample_addr(ip),
		.status = REAL_UP,
		.has_mac = true,
		.interface = "eth0",
		.checks = &w->checks[i],
		.check_count = 1,
	};
}

static void good_world(struct world *w)
{
	memset(w, 0, sizeof(*w));
	good_link(&w->links[0], "eth0");
	good_link(&w->links[1], "eth1");
	good_real(w, 0, "CAS1", "192.168.30.20");
	good_real(w, 1, "CAS2", "192.168.30.21");
	w->configs[0].mode = MODE_L4_DR;
	w->configs[1].mode = MODE_L7_TCP;
	for (int i = 0; i < 2; i++)
		w->services[i] = (struct view_service){
			.name = i ? "OWA" : "CAS",
			.config = &w->configs[i],
			.reason = "",
			.reals = &w->reals[i],
			.real_count = 1,
			.conflicts = &w->conflicts[0],
		};
	w->conflicts[0] = (struct view_conflict){
		.vip = sample_addr("192.168.30.10"),
		.interface = "eth0",
		.mac = {2, 0, 0, 0, 0, 0x66}
        };
	w->view.services = w->services;
	w->view.service_count = 2;
	w->view.l7.limit = w->view.l7.maxconn = 40000;
	w->view.config.last_ok = true;
	w->view.flows[0].limit = w->view.flows[1].limit = 1000000;
	w->facts = (struct doctor_facts){.links = w->links,
					 .link_count = 2,
					 .outside = "eth0",
					 .forwards4 = true,
					 .forwards6 = true,
					 .tracked = 5,
					 .tracked_max = 65536};
}

static void no_link(struct world *w)
{
	w->links[1].exists = false;
}
static void link_down(struct world *w)
{
	w->links[1].up = false;
}

static void not_attached(struct world *w)
{
	w->links[0].attached = w->links[0].native = false;
	w->links[0].why = "someone else's program is there";
}

static void generic(struct world *w)
{
	w->links[0].native = false;
}

static void generic_for_mtu(struct world *w)
{
	w->links[0].native = false;
	w->links[0].mtu = w->links[1].mtu = 9000;
	w->links[0].why = "native mode: MTU too large";
}

static void takes_tags(struct world *w)
{
	w->links[0].takes_tags = w->links[0].has_vlans = true;
}
static void takes_tags_of_nobody(struct world *w)
{
	w->links[0].takes_tags = true;
}
static void lro(struct world *w)
{
	w->links[0].lro = true;
}
static void no_redirect(struct world *w)
{
	w->links[0].transmits = false;
}

static void bare_peer(struct world *w)
{
	w->links[0].peer = (struct doctor_peer){.is_there = true, .known = true, .name = "veth9"};
}

static void unknown_peer(struct world *w)
{
	w->links[0].peer = (struct doctor_peer){.is_there = true, .ifindex = 9};
}

static void lazy_peer(struct world *w)
{
	bare_peer(w);
	w->links[0].peer.native = w->links[0].peer.beside = w->links[0].peer.partial_sums = true;
}

static void good_peer(struct world *w)
{
	lazy_peer(w);
	w->links[0].peer.partial_sums = false;
}

static void smaller_mtu(struct world *w)
{
	w->links[1].mtu = 1400;
}

static void claimed(struct world *w)
{
	w->services[0].conflict_count = 1;
}

static void claimed_by_real(struct world *w)
{
	claimed(w);
	w->conflicts[0].service = "CAS";
	w->conflicts[0].real = "CAS1";
}

static void claimed_v6_by_real(struct world *w)
{
	claimed_by_real(w);
	w->conflicts[0].vip = sample_addr("fd00:30::10");
}

/* Both services have that VIP. */
static void claimed_twice(struct world *w)
{
	claimed(w);
	w->services[1].conflict_count = 1;
}

static void off_link(struct world *w)
{
	w->reals[0].interface = "";
}
static void off_link_nat(struct world *w)
{
	off_link(w);
	w->configs[0].mode = MODE_L4_NAT;
}
static void off_link_snat(struct world *w)
{
	off_link(w);
	w->configs[0].mode = MODE_L4_SNAT;
}
static void no_mac(struct world *w)
{
	w->reals[0].has_mac = false;
}

static void no_mac_at_layer_7(struct world *w)
{
	w->reals[1].has_mac = false;
	w->reals[1].interface = "";
}

static void check_fails(struct world *w)
{
	w->checks[0].health = HEALTH_DOWN;
	w->checks[0].outcome = (struct check_outcome){.code = CHECK_CODE_L7STS, .status = 503};
}

static void check_begins(struct world *w)
{
	w->checks[0].health = HEALTH_UNKNOWN;
}
static void answers_lost(struct world *w)
{
	w->reals[1].warning = "answers do not come back";
}

static void vip_lost(struct world *w)
{
	w->reals[0].warning = "answers at its own address but not at the VIP";
}

static void no_forwarding(struct world *w)
{
	w->configs[1].l7.source = PROXY_SOURCE_CLIENT;
	w->facts.forwards4 = w->facts.forwards6 = false;
}

static void no_forwarding_for_nat(struct world *w)
{
	w->configs[0].mode = MODE_L4_NAT;
	w->facts.forwards4 = w->facts.forwards6 = false;
}

static void no_forwarding_needed_for_snat(struct world *w)
{
	w->configs[0].mode = MODE_L4_SNAT;
	w->facts.forwards4 = w->facts.forwards6 = false;
}

static void no_forwarding_needed(struct world *w)
{
	w->facts.forwards4 = false;
}
static void strict(struct world *w)
{
	w->links[1].strict = true;
}
static void strict_outside(struct world *w)
{
	w->links[0].strict = true;
}

static void strict_without_layer_7(struct world *w)
{
	strict(w);
	w->configs[1].mode = MODE_L4_DR;
}

static void strict_without_outside(struct world *w)
{
	strict(w);
	w->facts.outside = "";
}

static void conntrack_full(struct world *w)
{
	w->facts.tracked = 65000;
}
static void flows_full(struct world *w)
{
	w->view.flows[1].entries = 990000;
}
static void few_descriptors(struct world *w)
{
	w->view.l7.limit = 18000;
}
static void refused(struct world *w)
{
	w->view.refused_rows = 3;
}
static void reload_failed(struct world *w)
{
	w->view.config.last_ok = false;
}

static const struct {
	const char *name;
	void (*change)(struct world *w);
	const char *examination; /* NULL: nothing is found */
	const char *about, *seen, *type;
} cases[] = {
	{"an interface is gone",         no_link,                       "link-missing",      "eth1",              "does not exist",                 "ip link"                        },
	{"it is down",                   link_down,                     "link-down",         "eth1",              "no carrier",                     "ip link set dev eth1 up"        },
	{"not attached",                 not_attached,                  "xdp-missing",       "eth0",              "someone else's",                 "bpftool net"                    },
	{"generic mode",                 generic,                       "xdp-generic",       "eth0",              "generic mode",                   "--xdp-mode auto"                },
	{"generic for its MTU",          generic_for_mtu,               "xdp-generic",       "eth0",              "MTU too large",
	 "mtu 1500"																				  },
	{"tags hidden",                  takes_tags,                    "vlan-offload",      "eth0",              "VLAN tags",
	 "ethtool -K eth0 rxvlan off"																		},
	{"no tags to hide",              takes_tags_of_nobody,          NULL,                "",                  "",                               ""                               },
	{"LRO",			  lro,			   "lro",               "eth0",              "joins frames",                   "ethtool -K eth0 lro off"        },
	{"no redirect",                  no_redirect,                   "no-redirect",       "eth0",              "ixgbe",                          "xdp_mode: generic"              },
	{"bare veth peer",               bare_peer,                     "veth-peer",         "eth0",              "veth9",                          "veth9 xdpdrv"                   },
	{"unknown veth peer",            unknown_peer,                  "veth-peer",         "eth0",              "ifindex 9",                      "ip -d link"                     },
	{"unfinished sums",              lazy_peer,                     "partial-checksums", "eth0",              "veth9",
	 "ethtool -K veth9 tx off"																		   },
	{"good veth peer",               good_peer,                     NULL,                "",                  "",                               ""                               },
	{"two MTUs",		     smaller_mtu,                   "mtu",               "eth1",              "1400",                           "ip link set dev eth0 mtu 1400"  },
	{"a stranger has the VIP",       claimed,                       "vip-elsewhere",     "VIP 192.168.30.10",
	 "02:00:00:00:00:66 answers for it on eth0",												"bridge fdb show"                },
	{"a real has it",                claimed_by_real,               "vip-elsewhere",     "VIP 192.168.30.10", "which is CAS1",
	 "arp_ignore=1"																			      },
	{"a real has the IPv6 one",      claimed_v6_by_real,            "vip-elsewhere",     "VIP fd00:30::10",
	 "which is CAS1",															   "real-script CAS --os windows"   },
	{"shared VIPs are told of once", claimed_twice,                 "vip-elsewhere",     "VIP",               "",                               ""                               },
	{"off link",		     off_link,                      "real-on-link",      "real CAS/CAS1",     "192.168.30.20 is in no network",
	 "lbxdp up IFACE"																			    },
	{"no MAC",		       no_mac,                        "real-mac",          "real CAS/CAS1",     "on eth0",                        "ip neigh show 192.168.30.20"    },
	{"layer 7 needs none",           no_mac_at_layer_7,             NULL,                "",                  "",                               ""                               },
	{"a check fails",                check_fails,                   "real-check",        "real CAS/CAS1",     "L7STS/503",
	 "lbxdp probe https 192.168.30.20:443"																       },
	{"a check begins",               check_begins,                  NULL,                "",                  "",                               ""                               },
	{"answers are lost",             answers_lost,                  "gateway",           "real OWA/CAS2",     "do not come back",
	 "ip route replace default"																		  },
	{"a check misses the VIP",       vip_lost,                      "vip-on-real",       "real CAS/CAS1",     "not at the VIP",
	 "real-script CAS"																			   },
	{"no forwarding",                no_forwarding,                 "forwarding",        "host",              "net.ipv4.ip_forward is 0",
	 "sysctl -w net.ipv4.ip_forward=1"																	   },
	{"no forwarding for l4-nat",     no_forwarding_for_nat,         "forwarding",        "host",
	 "net.ipv4.ip_forward is 0",														"sysctl -w net.ipv4.ip_forward=1"},
	{"l4-snat needs no forwarding",  no_forwarding_needed_for_snat, NULL,                "",                  "",                               ""                               },
	{"no forwarding needed",         no_forwarding_needed,          NULL,                "",                  "",                               ""                               },
	{"strict rp_filter",             strict,                        "rp-filter",         "eth1",              "strict",                         "conf.eth1.rp_filter=2"          },
	{"strict outside",               strict_outside,                NULL,                "",                  "",                               ""                               },
	{"strict without layer 7",       strict_without_layer_7,        NULL,                "",                  "",                               ""                               },
	{"strict and no way out",        strict_without_outside,        NULL,                "",                  "",                               ""                               },
	{"conntrack full",               conntrack_full,                "conntrack",         "host",              "65000 of 65536",
	 "nf_conntrack_max"																			  },
	{"flow table full",              flows_full,                    "flow-table",        "data plane",        "IPv6",                           "node.flows"                     },
	{"few descriptors",              few_descriptors,               "limits",            "layer 7",           "18000",                          "LimitNOFILE"                    },
	{"rows refused",                 refused,                       "plan",              "data plane",        "3 rows",                         "log"                            },
	{"reload failed",                reload_failed,                 "plan",              "configuration",     "refused",                        "lbxdp check"                    },
};

static bool fits(size_t i, const struct findings *found)
{
	const struct finding *f = found->at;

	if (!cases[i].examination)
		return !found->count;
	return found->count == 1 && !strcmp(f->examination, cases[i].examination) &&
	       strstr(f->about, cases[i].about) && strstr(f->seen, cases[i].seen) &&
	       strstr(f->type, cases[i].type) && *f->why;
}

static void one_thing_that_is_wrong_is_one_finding(void **state)
{
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct findings found = {};
		struct buf text = {};
		struct world w;

		good_world(&w);
		cases[i].change(&w);
		doctor_examine(&w.view, &w.facts, &found);
		findings_write(&found, &text);
		if (!fits(i, &found))
			fail_msg("%s:\n%s", cases[i].name, buf_text(&text));
		buf_free(&text);
		findings_free(&found);
	}
}

static void why_a_real_must_be_on_link_is_said_for_its_mode(void **state)
{
	static void (*const changes[])(struct world * w) = {off_link, off_link_nat, off_link_snat};

	for (size_t i = 0; i < ARRAY_COUNT(changes); i++) {
		struct findings found = {};
		struct world w;

		good_world(&w);
		changes[i](&w);
		doctor_examine(&w.view, &w.facts, &found);
		assert_int_equal(found.count, 1);
		assert_string_equal(found.at[0].examination, "real-on-link");
		assert_int_equal(!!strstr(found.at[0].why, "Direct Routing"), i == 0);
		assert_int_equal(!!strstr(found.at[0].why, "translated"), i != 0);
		findings_free(&found);
	}
}

static void nothing_wrong_is_nothing_found(void **state)
{
	struct findings found = {};
	struct world w;

	good_world(&w);
	doctor_examine(&w.view, &w.facts, &found);
	assert_int_equal(found.count, 0);
	findings_free(&found);
}

static void without_a_daemon_the_host_is_looked_at(void **state)
{
	struct doctor_host h = {.has_user = true, .pin_dir = "/sys/fs/bpf/lbxdp"};
	struct findings found = {};

	doctor_examine_host(&h, &found);
	assert_int_equal(found.count, 1);
	assert_string_equal(found.at[0].seen, "lbxdp does not run");
	findings_free(&found);
	h = (struct doctor_host){.user_hint = "useradd lbxdp",
				 .pin_dir = "/sys/fs/bpf/lbxdp",
				 .orphaned = true,
				 .silence_msec = 75000,
				 .config = "/etc/x.yaml",
				 .config_error = "/etc/x.yaml:1:1: error: bad"};
	doctor_examine_host(&h, &found);
	assert_int_equal(found.count, 3);
	assert_non_null(strstr(found.at[0].seen, "75 s ago"));
	assert_string_equal(found.at[1].type, "useradd lbxdp");
	assert_string_equal(found.at[2].type, "lbxdp check -c /etc/x.yaml");
	findings_free(&found);
}

static void findings_survive_the_way_to_the_command(void **state)
{
	struct findings sent = {}, got = {};
	struct buf text = {}, again = {};

	findings_add(&sent, &(struct finding){FINDING_WARNING, "a", "b\tc", "d\ne", "", "f"});
	findings_add(&sent, &(struct finding){FINDING_ERROR, "g", "h", "i", "j", "k"});
	findings_note(&sent, "l\nm");
	findings_write(&sent, &text);
	assert_string_equal(buf_text(&text),
			    "warning\ta\tb c\td e\t\tf\nerror\tg\th\ti\tj\tk\nnote\tl m\n");
	assert_int_equal(findings_read(&got, buf_text(&text)), 0);
	findings_write(&got, &again);
	assert_string_equal(buf_text(&again), buf_text(&text));
	findings_sort(&got);
	assert_string_equal(got.at[0].examination, "g");
	buf_free(&text);
	buf_free(&again);
	findings_free(&sent);
	findings_free(&got);
}

static void other_text_is_no_finding(void **state)
{
	static const char *const texts[] = {"nothing found\n",
					    "error\ta\tb\tc\td\n",
					    "error\ta\tb\tc\td\te\tf\n",
					    "\n",
					    "error",
					    "note",
					    "note\ta\tb\n"};

	for (size_t i = 0; i < ARRAY_COUNT(texts); i++) {
		struct findings got = {};

		assert_int_equal(findings_read(&got, texts[i]), -EINVAL);
		findings_free(&got);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(why_a_real_must_be_on_link_is_said_for_its_mode),
		cmocka_unit_test(nothing_wrong_is_nothing_found),
		cmocka_unit_test(one_thing_that_is_wrong_is_one_finding),
		cmocka_unit_test(without_a_daemon_the_host_is_looked_at),
		cmocka_unit_test(findings_survive_the_way_to_the_command),
		cmocka_unit_test(other_text_is_no_finding),
	};

	return cmocka_run_group_tests_name("doctor", tests, NULL, NULL);
}
