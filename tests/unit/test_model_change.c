/* SPDX-License-Identifier: GPL-2.0-only */
/* What a reload says it changed: two texts through the reader, compared in words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/config.h"
#include "core/model_change.h"

static const char before[] = "version: 1\n"
			     "node: {name: lb1, interfaces: [eth0]}\n"
			     "services:\n"
			     "  HTTPS:\n"
			     "    mode: l4-dr\n"
			     "    vip: 192.0.2.10\n"
			     "    ports: [443]\n"
			     "    reals:\n"
			     "      CAS1: {ip: 192.0.2.20, weight: 100}\n"
			     "      CAS2: {ip: 192.0.2.21, weight: 100}\n";

static const char before_l7[] = "version: 1\n"
				"node: {name: lb1, interfaces: [eth0]}\n"
				"l7: {maxconn: 1000}\n"
				"services:\n"
				"  MAIL:\n"
				"    mode: l7-tcp\n"
				"    vip: 192.0.2.10\n"
				"    ports: [25]\n"
				"    source: auto\n"
				"    timeouts: {client: 30m}\n"
				"    proxy_protocol: {accept: off, send: off}\n"
				"    reals:\n"
				"      CAS1: {ip: 192.0.2.20, port: 25}\n"
				"      CAS2: {ip: 192.0.2.21, port: 25}\n";

static struct model *read_text(const char *text)
{
	struct config_input in = {
		.file = "t", .text = text, .len = strlen(text), .host_name = "host"};
	struct buf messages = {};
	struct model *m = config_read(&in, &messages);

	if (!m)
		print_error("%s", buf_text(&messages));
	buf_free(&messages);
	assert_non_null(m);
	return m;
}

/* The text with the first occurrence of what replaced. */
static char *edited(const char *original, const char *what, const char *with)
{
	const char *at = strstr(original, what);
	static char text[2048];

	assert_non_null(at);
	snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - original), original, with,
		 at + strlen(what));
	return text;
}

struct change {
	const char *what, *with, *said;
};

static void expect_change(const char *original, const struct change *c)
{
	struct model *a = read_text(original);
	struct model *b = read_text(edited(original, c->what, c->with));
	struct buf said = {};

	model_describe_changes(a, b, &said);
	assert_string_equal(buf_text(&said), c->said);
	assert_false(model_needs_restart(a, b, &said));
	buf_free(&said);
	model_free(a);
	model_free(b);
}

static void each_change_is_said_in_one_line(void **state)
{
	static const struct change cases[] = {
		{"weight: 100",				 "weight: 50",                                     "HTTPS/CAS1: weight 100 -> 50\n"  },
		{"192.0.2.21",				  "192.0.2.22",
		 "HTTPS/CAS2: ip 192.0.2.21 -> 192.0.2.22; flows to the old one run to their "
		 "end\n"															    },
		{"      CAS2: {ip: 192.0.2.21, weight: 100}\n", "",
		 "HTTPS/CAS2: removed; its flows run to their end\n"										},
		{"CAS2:",				       "CAS3:",
		 "HTTPS/CAS3: added, 192.0.2.21 weight 100\n"
		 "HTTPS/CAS2: removed; its flows run to their end\n"										},
		{"  HTTPS:",				    "  WEB:",
		 "WEB: added, 2 reals\nHTTPS: removed; its flows are reset\n"                                                                       },
		{"[443]",				       "[443, 80]",
		 "HTTPS: ports changed\nHTTPS/CAS1: check changed\n"
		 "HTTPS/CAS2: check changed\n"												      },
		{"vip: 192.0.2.10",                             "vip: 192.0.2.11",                                "HTTPS: vip changed\n"            },
		{"mode: l4-dr",				 "on_down: keep",                                  "HTTPS: on_down auto -> keep\n"   },
		{"mode: l4-dr",				 "flood_rate: off",                                "HTTPS: flood_rate 50000 -> off\n"},
		{"mode: l4-dr",				 "on_miss: drop",                                  "HTTPS: on_miss hash -> drop\n"   },
		{"mode: l4-dr",				 "allow_from: [10.0.0.0/8, 192.0.2.9-192.0.2.10]",
		 "HTTPS: allow_from changed, 0 -> 3 prefixes\n"										     },
		{"mode: l4-dr",				 "deny_from: 10.0.0.1",
		 "HTTPS: deny_from changed, 0 -> 1 prefixes\n"										      },
		{"lb1",					 "lb2",					    "node.name: lb1 -> lb2\n"         },
		{"version: 1",				  "version: 1 # the same",                          ""                                },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		expect_change(before, &cases[i]);
}

static void changes_of_layer_7_are_said_too(void **state)
{
	static const struct change cases[] = {
		{"maxconn: 1000",                            "maxconn: 2000",                                             "l7.maxconn: 1000 -> 2000\n"             },
		{"source: auto",                             "source: vip",                                               "MAIL: source auto -> vip\n"             },
		{"source: auto",                             "source: 192.0.2.1",                                         "MAIL: source auto -> 192.0.2.1\n"       },
		{"client: 30m",                              "client: 90s, connect: 1s, server: 1h",
		 "MAIL: timeouts.connect 5s -> 1s\nMAIL: timeouts.client 30m -> 90s\n"
		 "MAIL: timeouts.server 30m -> 1h\n"													       },
		{"accept: off",                              "accept: v1",						"MAIL: proxy_protocol.accept off -> v1\n"},
		{"send: off",				"send: v2",						  "MAIL: proxy_protocol.send off -> v2\n"  },
		{"20, port: 25",                             "20, port: 26",                                              "MAIL/CAS1: port 25 -> 26\n"             },
		{"20, port: 25",                             "20",							"MAIL/CAS1: port 25 -> the client's\n"   },
		{"      CAS2: {ip: 192.0.2.21, port: 25}\n", "",
		 "MAIL/CAS2: removed; its sessions run to their end\n"											     },
		{"[25]",				     "[25, 587]",						 "MAIL: ports changed\n"                  },
		{"    timeouts: {client: 30m}\n",            "",							  ""                                       },
		{"services:",				"defaults: {timeouts: {client: 1h, server: 1h}}\nservices:",
		 "MAIL: timeouts.server 30m -> 1h\n"													       },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		expect_change(before_l7, &cases[i]);
	expect_change(before, &(struct change){"mode: l4-dr", "mode: l7-tcp",
					       "HTTPS: mode l4-dr -> l7-tcp\n"});
}

static const char before_http[] =
	"node: {name: lb1, interfaces: [eth0]}\n"
	"l7: {logging: off, splice: on}\n"
	"services:\n"
	"  OWA:\n"
	"    mode: l7-http\n"
	"    vip: 192.0.2.10\n"
	"    ports: [443]\n"
	"    scheduler: wrr\n"
	"    persistence: none\n"
	"    timeouts: {queue: 30s}\n"
	"    tls: {certificates: [/a.pem]}\n"
	"    routes: [{path: /ews, check: {type: connect}}]\n"
	"    reals:\n"
	"      CAS1: {ip: 192.0.2.20, reencrypt: on, max_connections: 9}\n";

static void changes_of_http_are_said_by_their_key(void **state)
{
	static const struct change cases[] = {
		{"logging: off",                           "logging: on",               "l7.logging changed\n"           },
		{"splice: on",                             "splice: off",               "l7.splice: off\n"               },
		{"scheduler: wrr",                         "scheduler: lc",
		 "OWA: scheduler wrr -> lc\nOWA:ews: scheduler wrr -> lc\n"                                              },
		{"persistence: none",                      "persistence: {source: 24}", "OWA: persistence changed\n"     },
		{"queue: 30s",                             "queue: 1m",                 "OWA: timeouts.queue 30s -> 1m\n"},
		{"/a.pem",				 "/b.pem",                    "OWA: tls changed\n"             },
		{"type: connect",                          "type: https",
		 "OWA: routes changed\nOWA:ews/CAS1: check changed\n"                                                    },
		{"[{path: /ews, check: {type: connect}}]", "none",
		 "OWA: routes changed\nOWA:ews: removed; its sessions run to their end\n"                                },
		{"path: /ews",                             "path: /oab",
		 "OWA: routes changed\nOWA:oab: added, 1 real\n"
		 "OWA:ews: removed; its sessions run to their end\n"                                                     },
		{"max_connections: 9",                     "max_connections: 8",
		 "OWA/CAS1: max_connections changed\nOWA:ews/CAS1: max_connections changed\n"                            },
		{"reencrypt: on",                          "reencrypt: off",
		 "OWA/CAS1: reencrypt changed\nOWA:ews/CAS1: reencrypt changed\n"                                        },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		expect_change(before_http, &cases[i]);
}

static void what_needs_down_and_up_is_named(void **state)
{
	struct model *a = read_text(before);
	struct model *b = read_text(edited(before, "[eth0]", "[eth0, eth1], flows: 4096"));
	struct buf keys = {};

	assert_true(model_needs_restart(a, b, &keys));
	assert_string_equal(buf_text(&keys), "node.interfaces, node.flows");
	buf_free(&keys);
	model_free(a);
	model_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_change_is_said_in_one_line),
		cmocka_unit_test(changes_of_layer_7_are_said_too),
		cmocka_unit_test(changes_of_http_are_said_by_their_key),
		cmocka_unit_test(what_needs_down_and_up_is_named),
	};

	return cmocka_run_group_tests_name("model_change", tests, NULL, NULL);
}
