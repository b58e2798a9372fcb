/* SPDX-License-Identifier: GPL-2.0-only */
/* The config reader: every message with its place, every default, every key of later versions. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "core/config.h"

#define NODE  "node: {interfaces: [eth0]}\n"
#define HEAD  NODE "services:\n  S:\n"
#define REALS "    reals: {A: {ip: 192.168.30.20}}\n"
#define VIP   "    vip: 192.168.30.10\n    ports: 443\n"

struct result {
	struct model *model;
	struct buf messages;
};

static struct result read_with(const char *text, const struct config_net *net)
{
	struct config_input in = {
		.file = "f", .text = text, .len = strlen(text), .host_name = "lb1", .net = net};
	struct result r = {0};

	r.model = config_read(&in, &r.messages);
	return r;
}

static struct result read_text(const char *text)
{
	return read_with(text, NULL);
}

static void result_free(struct result *r)
{
	model_free(r->model);
	buf_free(&r->messages);
}

static struct model *must_read(const char *text)
{
	struct result r = read_text(text);

	if (!r.model)
		print_error("%s\n%s", text, buf_text(&r.messages));
	assert_non_null(r.model);
	assert_string_equal(buf_text(&r.messages), "");
	buf_free(&r.messages);
	return r.model;
}

/* A text and all that is said about it; nothing said: it is a configuration. */
struct saying {
	const char *text, *messages;
};

static void expect_saying(const struct saying *s, const struct config_net *net)
{
	struct result r = read_with(s->text, net);

	if (strcmp(buf_text(&r.messages), s->messages))
		print_error("%s", s->text);
	assert_string_equal(buf_text(&r.messages), s->messages);
	assert_int_equal(r.model == NULL, strstr(s->messages, " error: ") != NULL);
	result_free(&r);
}

#define EXPECT_ALL(table)                                                                          \
	do {                                                                                       \
		for (size_t i = 0; i < ARRAY_COUNT(table); i++)                                    \
			expect_saying(&(table)[i], NULL);                                          \
	} while (0)

static const struct saying yaml_sayings[] = {
	{"",						 "f:1:1: error: the file is empty (lbxdp init writes one)\n"       },
	{"# nothing\n",				      "f:1:1: error: the file is empty (lbxdp init writes one)\n"       },
	{"just a word\n",				    "f:1:1: error: a map of keys belongs here\n"                      },
	{"[1, 2]\n",					 "f:1:1: error: a map of keys belongs here\n"                      },
	{NODE "---\n" NODE,				  "f:2:1: error: a second document begins; the file must hold one\n"},
	{"%TAG ! tag:x,2000:\n---\n" NODE,                   "f:1:1: error: %TAG is not allowed\n"                             },
	{"node: &n {interfaces: [eth0]}\n",
	 "f:1:7: error: node: anchors (&name) are not allowed here; write it out\n"                                            },
	{NODE "admin: *n\n",				 "f:2:8: error: admin: aliases (*name) are not allowed here; write it "
			     "out\n"							       },
	{NODE "version: !!int 1\n",
	 "f:2:10: error: version: tags (!name) are not allowed here; leave it away\n"                                          },
	{NODE NODE,					  "f:2:1: error: node: stands here twice; the first is at line 1\n" },
	{NODE "? [a]\n: b\n",				"f:2:3: error: a key must be a word, not a list or a map\n"       },
	{NODE "\"a\\0b\": 1\n",                              "f:2:1: error: a key holds a NUL character\n"
				"f:2:1: error: a: unknown key\n"                                },
	{NODE "version: \"1\\0\"\n",                         "f:2:10: error: version: the text holds a NUL character\n"        },
	{NODE "\tversion: 1\n",                              "f:2:1: error: not YAML: found character that cannot start any "
				"token (indent with spaces, not with tabs)\n"                   },
	{NODE "version: 1\n a: 2\n",
	 "f:3:3: error: not YAML: mapping values are not allowed in this context\n"                                            },
	{NODE "version: \xff\n",                             "f:2:10: error: not YAML: invalid leading UTF-8 octet\n"          },
	{NODE "x: [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\n",
	 "f:2:35: error: nested deeper than 32 levels\n"								       },
};

static void yaml_is_read_in_a_strict_profile(void **state)
{
	EXPECT_ALL(yaml_sayings);
}

#define QUOTED "(an IPv6 address with :: at an end must be quoted: "

static const struct saying address_sayings[] = {
	{HEAD "    vip: [2001:db8::]\n",
	 "f:4:20: error: not YAML: found unexpected ':' " QUOTED "\"2001:db8::\")\n"                                   },
	{HEAD "    vip: [::1]\n",
	 "f:4:11: error: not YAML: did not find expected node content " QUOTED "\"::1\")\n"                            },
	{HEAD "    vip: 2001:db8::\n",   "f:4:19: error: not YAML: mapping values are not allowed in "
				       "this context " QUOTED "\"2001:db8::\")\n"},
};

/* As Notepad saves it. */
static void a_byte_order_mark_and_crlf_are_no_error(void **state)
{
	model_free(must_read(
		"\xef\xbb\xbf"
		"version: 1\r\n"
		"node: {interfaces: [eth0]}\r\n"
		"services:\r\n"
		"  S: {vip: 192.168.30.10, ports: 443, reals: {A: {ip: 192.168.30.20}}}\r\n"));
}

static void an_unquoted_ipv6_address_is_explained(void **state)
{
	EXPECT_ALL(address_sayings);
}

#define RANGE_PORT "is not a port (1 to 65535), a range (1000-1010) or a list (143,993)\n"

static const struct saying value_sayings[] = {
	{NODE "version: 2\n",								     "f:2:10: error: version: 2 is out of range (1 to 1)\n"        },
	{NODE "version: [1]\n",								   "f:2:10: error: version: one value belongs here, not a list\n"},
	{NODE "version: {a: 1}\n",								"f:2:10: error: version: one value belongs here, not a map\n" },
	{NODE "version:\n",								       "f:2:9: error: version: has no value (leave the key away for its "
			    "default)\n"											     },
	{NODE "version: one\n",								   "f:2:10: error: version: 'one' is not a whole number\n"       },
	{NODE "version: 01\n",
	 "f:2:10: error: version: '01' is not a plain number (no leading zero)\n"                                                                               },
	{NODE "version: 99999999999\n",							   "f:2:10: error: version: '99999999999' is too large\n"        },
	{"node: {interfaces: [eth0], flows: 1023}\n",
	 "f:1:35: error: node.flows: 1023 is out of range (1024 to 16777216, or auto)\n"                                                                        },
	{"node: {interfaces: [eth0], flows: 16777217}\n",
	 "f:1:35: error: node.flows: 16777217 is out of range (1024 to 16777216, or auto)\n"                                                                    },
	{"node: {interfaces: [eth0], xdp_mode: nativ}\n",
	 "f:1:38: error: node.xdp_mode: 'nativ' is not one of auto, native, generic (did you mean "
	 "native?)\n"																	   },
	{"node: {interfaces: [eth0], on_stop: stay}\n",
	 "f:1:37: error: node.on_stop: 'stay' is not one of leave, detach\n"										    },
	{"node: {interfaces: [eth0], name: a b}\n",
	 "f:1:34: error: node.name: 'a b' holds spaces or control characters\n"										 },
	{"node: {interfaces: [a/b]}\n",							   "f:1:21: error: node.interfaces[0]: 'a/b' is not an "
					"interface name (1 to 15 characters, no "
					"space, '/', ':' or '%')\n"                                                      },
	{"node: {interfaces: [eth0, eth1, eth0]}\n",
	 "f:1:33: error: node.interfaces[2]: eth0 stands here twice\n"											  },
	{NODE "admin: {listen: 9443}\n",
	 "f:2:17: error: admin.listen: '9443' is not ADDRESS:PORT (127.0.0.1:9443 or "
	 "\"[::1]:9443\") and not off\n"															},
	{NODE "admin: {listen: \"::1:9443\"}\n",
	 "f:2:17: error: admin.listen: '::1:9443' is not ADDRESS:PORT (127.0.0.1:9443 or "
	 "\"[::1]:9443\") and not off\n"															},
	{NODE "admin: {listen: \"127.0.0.1:0\"}\n",
	 "f:2:17: error: admin.listen: '127.0.0.1:0' has no port from 1 to 65535 behind its "
	 "address\n"																	    },
	{NODE "admin: {listen: \"0.0.0.0:9443\"}\n",
	 "f:2:17: warning: admin.listen: 0.0.0.0:9443 can be read by others than this host, "
	 "without a password\n"																 },
	{NODE "defaults: {check: {interval: 6}}\n",
	 "f:2:30: error: defaults.check.interval: '6' needs a unit: ms, s, m, h or d (like 6s)\n"                                                               },
	{NODE "defaults: {check: {interval: 6x}}\n",
	 "f:2:30: error: defaults.check.interval: '6x' has an unknown unit: known are ms, s, m, h "
	 "and d\n"																	      },
	{NODE "defaults: {check: {interval: 60d}}\n",
	 "f:2:30: error: defaults.check.interval: '60d' is too long (at most 49d)\n"                                                                            },
	{NODE "defaults: {check: {interval: soon}}\n",
	 "f:2:30: error: defaults.check.interval: 'soon' is not a duration (like 250ms, 6s, 30m, "
	 "2h, 1d)\n"																	    },
	{NODE "defaults: {check: {interval: 99ms, timeout: 11m, fall: 0, rise: 101}}\n",
	 "f:2:30: error: defaults.check.interval: 99ms is out of range (100ms to 1h)\n"
	 "f:2:45: error: defaults.check.timeout: 11m is out of range (10ms to 10m)\n"
	 "f:2:56: error: defaults.check.fall: 0 is out of range (1 to 100)\n"
	 "f:2:65: error: defaults.check.rise: 101 is out of range (1 to 100)\n"										 },
	{NODE "defaults: {check: {interval: 2s, fast_interval: 3s}}\n",
	 "f:2:49: error: defaults.check.fast_interval: is longer than the interval\n"                                                                           },
	{NODE "defaults: {timeouts: {syn: 0, established: 31d}}\n",
	 "f:2:28: error: defaults.timeouts.syn: 0 is out of range (1s to 30d)\n"
	 "f:2:44: error: defaults.timeouts.established: 31d is out of range (1s to 30d)\n"                                                                      },
	{HEAD "    vip: 192.168.30.0/24\n    ports: 443\n" REALS,
	 "f:4:10: error: services.S.vip: '192.168.30.0/24' is a network; an address without "
	 "/length is needed here\n"															     },
	{HEAD "    vip: [mail, 0.0.0.0, \"::\", 224.0.0.1, \"ff02::1\", 127.0.0.1, \"::1\",\n"
	      "      255.255.255.255, \"fe80::1\"]\n    ports: 443\n" REALS,
	 "f:4:11: error: services.S.vip[0]: 'mail' is not an IPv4 or IPv6 address\n"
	 "f:4:17: error: services.S.vip[1]: '0.0.0.0' is the unspecified address\n"
	 "f:4:26: error: services.S.vip[2]: '::' is the unspecified address\n"
	 "f:4:32: error: services.S.vip[3]: '224.0.0.1' is a multicast address\n"
	 "f:4:43: error: services.S.vip[4]: 'ff02::1' is a multicast address\n"
	 "f:4:54: error: services.S.vip[5]: '127.0.0.1' is a loopback address\n"
	 "f:4:65: error: services.S.vip[6]: '::1' is a loopback address\n"
	 "f:5:7: error: services.S.vip[7]: '255.255.255.255' is a reserved or broadcast address\n"
	 "f:5:24: error: services.S.vip[8]: 'fe80::1' is a link-local address, which means nothing "
	 "without its interface\n"															      },
	{HEAD "    vip: []\n    ports: []\n" REALS,
	 "f:4:10: error: services.S.vip: the list is empty\n"
	 "f:5:12: error: services.S.ports: the list is empty\n"												 },
	{HEAD "    vip: 192.168.30.10\n    ports: [0, 65536, 25-20, \"1,\", http, \"\"]\n" REALS,
	 "f:5:13: error: services.S.ports[0]: '0' " RANGE_PORT
	 "f:5:16: error: services.S.ports[1]: '65536' " RANGE_PORT
	 "f:5:23: error: services.S.ports[2]: '25-20' is a range that ends before it begins\n"
	 "f:5:30: error: services.S.ports[3]: '1,' ends with a comma\n"
	 "f:5:36: error: services.S.ports[4]: 'http' " RANGE_PORT
	 "f:5:42: error: services.S.ports[5]: '' " RANGE_PORT												   },
	{HEAD VIP "    reals: {A: {ip: 192.168.30.20, weight: 65536}}\n",
	 "f:6:44: error: services.S.reals.A.weight: 65536 is out of range (0 to 65535)\n"                                                                       },
	{HEAD VIP "    reals: {A: {ip: 192.168.30.20, weight: -1}}\n",
	 "f:6:44: error: services.S.reals.A.weight: '-1' is not a whole number\n"                                                                               },
	{HEAD VIP REALS "    protocol: sctp\n",
	 "f:7:15: error: services.S.protocol: 'sctp' is not one of tcp, udp (did you mean tcp?)\n"                                                              },
	{HEAD VIP REALS "    on_down: cut\n",
	 "f:7:14: error: services.S.on_down: 'cut' is not one of auto, keep, reset\n"                                                                           },
	{HEAD VIP REALS "    require: some\n",
	 "f:7:14: error: services.S.require: 'some' is not one of all, any\n"										   },
	{HEAD VIP REALS "    scheduler: wrrr\n",						  "f:7:16: error: services.S.scheduler: 'wrrr' is "
						 "not one of wrr, wlc, rr, lc, sh, maglev (did you "
						 "mean wrr?)\n"                                                 },
};

static void each_value_is_judged_at_its_place(void **state)
{
	EXPECT_ALL(value_sayings);
}

static const struct saying key_sayings[] = {
	{NODE "servces: {}\n",									    "f:2:1: error: servces: unknown key (did you mean services?)\n"},
	{NODE "x: {a: {b: c}}\n",									 "f:2:1: error: x: unknown key\n"                               },
	{"node: {interfaces: [eth0], interface: eth0}\n",
	 "f:1:28: error: node.interface: unknown key (did you mean interfaces?)\n"										       },
	{HEAD VIP "    reals: {A: {ip: 192.168.30.20, wieght: 1}}\n",
	 "f:6:36: error: services.S.reals.A.wieght: unknown key (did you mean weight?)\n"                                                                                },
	{HEAD VIP REALS "    check: {typ: connect}\n",
	 "f:7:13: error: services.S.check.typ: unknown key (did you mean type?)\n"										       },
	{HEAD "    {}\n",										 "f:3:3: error: services.S.vip: is missing (like vip: 192.168.30.10)\n"
			  "f:3:3: error: services.S.ports: is missing (like ports: [443])\n"
			  "f:3:3: error: services.S.reals: no real server (like reals: {CAS1: {ip: "
			  "192.168.30.20}})\n"												  },
	{HEAD VIP "    reals: {A: {}, B: }\n",
	 "f:6:13: error: services.S.reals.A.ip: is missing (like ip: 192.168.30.20)\n"
	 "f:6:20: error: services.S.reals.B.ip: is missing (like ip: 192.168.30.20)\n"                                                                                   },
	{HEAD VIP "    reals: [192.168.30.20]\n",
	 "f:3:3: error: services.S.reals: no real server (like reals: {CAS1: {ip: "
	 "192.168.30.20}})\n"
	 "f:6:12: error: services.S.reals: a map of label: {...} belongs here\n"											 },
	{HEAD VIP "    reals: {A: 192.168.30.20}\n",
	 "f:6:16: error: services.S.reals.A: a map of keys belongs here\n"											       },
	{HEAD VIP REALS "    check: smtp\n",
	 "f:7:12: error: services.S.check: a map belongs here (check: {type: smtp})\n"                                                                                   },
	{HEAD VIP "    reals: {a/b: {ip: 192.168.30.20}, '*': {ip: 192.168.30.21}, \"\": "
		  "{ip: 192.168.30.22}}\n",						      "f:6:13: error: services.S.reals.a/b: the label holds '/' or '*', which separate and "
	 "match labels on the command line\n"
	 "f:6:39: error: services.S.reals.*: the label holds '/' or '*', which separate and match "
	 "labels on the command line\n"
	 "f:6:65: error: services.S.reals.: the label is an empty label\n"                                           },
	{NODE "services:\n  \"a\\tb\": {vip: 192.168.30.10, ports: 1, reals: {A: {ip: "
	      "192.168.30.20}}}\n",							      "f:3:3: error: services.a?b: the label holds characters that cannot be printed, or begins "
	 "or ends with a space\n"											    },
	{NODE "services:\n"
	      "  0123456789012345678901234567890123456789012345678901234567890123:\n" VIP REALS,
	 "f:3:3: error: services.0123456789012345678901234567890123456789012345678901234567890123: "
	 "the label is longer than 63 bytes\n"															   },
};

static void keys_and_labels_are_judged_at_their_place(void **state)
{
	EXPECT_ALL(key_sayings);
}

static const struct saying check_sayings[] = {
	{HEAD VIP REALS "    check: {type: htps}\n",
	 "f:7:19: error: services.S.check.type: 'htps' is not one of on, off, ping, connect, tcp, "
	 "http, https, smtp, imap, imaps, pop3, pop3s (did you mean https?)\n"												       },
	{HEAD VIP REALS "    check: []\n",						     "f:7:12: error: services.S.check: the list is empty\n"                                },
	{HEAD VIP REALS "    check: {request: x, expect: y, method: GET, host: h}\n",
	 "f:7:13: error: services.S.check.request: does not belong to type connect (only to http, "
	 "https)\n"
	 "f:7:25: error: services.S.check.expect: does not belong to type connect (only to http, "
	 "https)\n"
	 "f:7:36: error: services.S.check.method: does not belong to type connect (only to http, "
	 "https)\n"
	 "f:7:49: error: services.S.check.host: does not belong to type connect (only to http, "
	 "https)\n"																				  },
	{HEAD VIP REALS "    check: {type: http, sni: h, verify: ca, helo: h}\n",
	 "f:7:5: error: services.S.check.ca: verify: ca needs it (like ca: /etc/lbxdp/ca.pem)\n"
	 "f:7:25: error: services.S.check.sni: does not belong to type http (only to https, imaps, "
	 "pop3s)\n"
	 "f:7:33: error: services.S.check.verify: does not belong to type http (only to https, "
	 "imaps, pop3s)\n"
	 "f:7:45: error: services.S.check.helo: does not belong to type http (only to smtp)\n"                                                                                       },
	{HEAD VIP REALS "    check: {type: ping, port: 25}\n",
	 "f:7:25: error: services.S.check.port: does not belong to type ping (only to connect, "
	 "tcp, http, https, smtp, imap, imaps, pop3, pop3s)\n"														       },
	{HEAD VIP REALS "    check: {type: off, interval: 6s}\n",
	 "f:7:24: error: services.S.check.interval: does not belong to type off (only to ping, "
	 "connect, tcp, http, https, smtp, imap, imaps, pop3, pop3s)\n"													      },
	{HEAD VIP REALS "    check: {type: https, verify: ca}\n",
	 "f:7:5: error: services.S.check.ca: verify: ca needs it (like ca: /etc/lbxdp/ca.pem)\n"                                                                                     },
	{HEAD VIP REALS "    check: {type: https, ca: /ca.pem}\n",
	 "f:7:30: error: services.S.check.ca: is not used without verify: ca\n"												      },
	{HEAD VIP REALS "    check: {type: https, verify: ca, ca: ca.pem}\n",
	 "f:7:42: error: services.S.check.ca: 'ca.pem' is not an absolute path\n"												    },
	{HEAD VIP REALS "    check: {type: http, request: a b, method: POST, host: 'a b'}\n",
	 "f:7:34: error: services.S.check.request: 'a b' holds spaces or control characters\n"
	 "f:7:47: error: services.S.check.method: 'POST' is not GET, HEAD or OPTIONS\n"
	 "f:7:59: error: services.S.check.host: 'a b' holds spaces or control characters\n"                                                                                          },
	{HEAD VIP REALS "    check: {type: tcp}\n",
	 "f:7:5: error: services.S.check.steps: a tcp check needs steps (steps: [{expect: "
	 "\"220\"}]), or is type connect\n"																	  },
	{HEAD VIP REALS "    check: {type: tcp, steps: []}\n",
	 "f:7:31: error: services.S.check.steps: a tcp check needs at least one step\n"											      },
	{HEAD VIP REALS "    check: {type: tcp, steps: [{}]}\n",
	 "f:7:31: error: services.S.check.steps: step 1 neither expects nor sends\n"												 },
	{HEAD VIP REALS "    check: {type: tcp, steps: [{send: '\\q'}]}\n",
	 "f:7:31: error: services.S.check.steps: step 1 neither expects nor sends\n"
	 "f:7:39: error: services.S.check.steps[0].send: '\\q' holds an unknown escape (known: \\r "
	 "\\n \\t \\\\ \\\" \\xHH, not \\x00)\n"																     },
	{HEAD VIP REALS "    check: {type: tcp, steps: [{send: a}, {send: a}, {send: a}, {send: a},"
			" {send: a}, {send: a}, {send: a}, {send: a}, {send: a}]}\n", "f:7:31: error: services.S.check.steps: more than 8 entries\n"
	 "f:7:31: error: services.S.check.steps: a tcp check needs at least one step\n"},
	{HEAD VIP REALS "    check: {type: ping, via: vip}\n",
	 "f:7:25: error: services.S.check.via: does not belong to type ping (only to connect, tcp, "
	 "http, https, smtp, imap, imaps, pop3, pop3s)\n"															    },
	{HEAD VIP REALS "    mode: l7-tcp\n    check: {via: vip}\n",
	 "f:8:13: error: services.S.check.via: vip is for mode l4-dr; at layer 7 the VIP is this "
	 "host's own, and real servers do not have it (leave via: away)\n"													   },
	{HEAD VIP "    reals: {A: {ip: fd00::20}}\n    check: {via: vip}\n",
	 "f:7:18: error: services.S.check.via: real server A has an IPv6 address and the service "
	 "no "
	 "IPv6 VIP to ask it by (via: rip)\n"																	},
	{HEAD VIP REALS "    check: {interval: 2s, fast_interval: 3s}\n",
	 "f:7:42: error: services.S.check.fast_interval: is longer than the interval\n"											      },
	{HEAD VIP REALS "    protocol: udp\n    check: {type: connect}\n",
	 "f:8:12: error: services.S.check: type connect speaks TCP and the service UDP: name a "
	 "port: for it, or take type ping\n"																	 },
	{HEAD "    vip: 192.168.30.10\n    ports: 1000-1999\n" REALS,
	 "f:4:5: warning: services.S: asks the first 16 of 1000 ports only (port: names one)\n"                                                                                      },
};

static void checks_take_only_the_keys_of_their_type(void **state)
{
	EXPECT_ALL(check_sayings);
}

static const struct saying rule_sayings[] = {
	{HEAD VIP REALS "  T:\n" VIP "    reals: {B: {ip: 192.168.30.21}}\n",
	 "f:9:12: error: services.T.ports: 192.168.30.10:443/tcp belongs to service S already, at "
	 "line 3\n"											 },
	{HEAD "    vip: 192.168.30.10\n    ports: 1000-1010\n    check: {type: on}\n" REALS
	      "  T:\n    vip: [192.168.30.11, 192.168.30.10]\n    ports: [25, 900-1003]\n"
	      "    check: {type: on}\n    reals: {B: {ip: 192.168.30.21}}\n",	   "f:10:12: error: services.T.ports: 192.168.30.10:1000/tcp belongs to service S already, "
	 "at line 3\n"},
	{HEAD "    vip: 192.168.30.10\n    ports: [443, 440-450]\n" REALS,
	 "f:5:12: error: services.S.ports: 192.168.30.10:443/tcp stands in this service twice\n"            },
	{HEAD "    vip: [192.168.30.10, 192.168.30.10]\n    ports: 443\n" REALS,
	 "f:5:12: error: services.S.ports: 192.168.30.10:443/tcp stands in this service twice\n"            },
	{HEAD VIP REALS "  T:\n" VIP "    protocol: udp\n    reals: {B: {ip: 192.168.30.21}}\n",
	 ""												 },
	{HEAD VIP REALS "  S:\n    vip: 192.168.30.11\n    ports: 443\n" REALS,
	 "f:7:3: error: services.S: stands here twice; the first is at line 3\n"                            },
	{HEAD VIP "    reals: {A: {ip: 192.168.30.10}}\n",
	 "f:6:21: error: services.S.reals.A.ip: 192.168.30.10 is a VIP, of service S; a real "
	 "server's own address belongs here\n"							      },
	{HEAD VIP "    reals: {A: {ip: 192.168.30.20}, B: {ip: 192.168.30.20}}\n",
	 "f:6:45: error: services.S.reals.B.ip: 192.168.30.20 is already the address of a real "
	 "server of this service, at line 6\n"							      },
	{HEAD VIP REALS "    backup: {ip: 192.168.30.20}\n",
	 "f:7:18: error: services.S.backup.ip: 192.168.30.20 is already the address of a real "
	 "server of this service, at line 6\n"							      },
	{HEAD VIP "    reals: {A: {ip: 192.168.30.20}, A: {ip: 192.168.30.21}}\n",
	 "f:6:37: error: services.S.reals.A: stands here twice; the first is at line 6\n"                   },
	{HEAD VIP "    reals: {A: {ip: 192.168.30.20, port: 443}}\n",
	 "f:6:36: error: services.S.reals.A.port: Direct Routing cannot change ports: the real "
	 "server gets the port the client came to (leave port: away)\n"                                     },
	{HEAD VIP "    reals: {}\n",							     "f:3:3: error: services.S.reals: no real server (like reals: "
				     "{CAS1: {ip: 192.168.30.20}})\n"   },
	{HEAD VIP "    backup: {ip: 192.168.30.30}\n",
	 "f:3:3: error: services.S.reals: no real server (like reals: {CAS1: {ip: "
	 "192.168.30.20}})\n"									       },
	{HEAD VIP "    reals: {backup: {ip: 192.168.30.20}}\n",
	 "f:6:13: error: services.S.reals.backup: the label is kept for the key backup: beside "
	 "reals:\n"											 },
	{HEAD VIP "    reals: {A: {ip: 192.168.30.20, weight: 0}}\n",
	 "f:6:12: warning: services.S.reals: each weight is 0: no connection is served\n"                   },
	{"version: 1\n",									 "f:1:1: warning: no interface is named (node: {interfaces: [eth0]}, or "
			 "lbxdp up eth0)\n"                                         },
	{HEAD "    vip: [192.168.30.1, 192.168.30.2, 192.168.30.3, 192.168.30.4, 192.168.30.5]\n"
	      "    ports: 1-65535\n    check: {type: on}\n" REALS,
	 "f:3:3: error: services: 327675 pairs of VIP and port in all; this version holds "
	 "262144\n"											 },
};

static void what_no_single_value_shows_is_found(void **state)
{
	EXPECT_ALL(rule_sayings);
}

static void all_errors_are_said_in_file_order(void **state)
{
	static const struct saying all = {
		"versoin: 1\n"
		"node: {interfaces: [eth0], flows: 1}\n"
		"services:\n"
		"  A:\n"
		"    vip: 192.168.30.10\n"
		"    ports: 443\n"
		"    reals: {R: {ip: 192.168.30.10, port: 1}}\n"
		"  B: {vip: 192.168.30.10, ports: 443, reals: {R: {ip: x}}}\n",
		"f:1:1: error: versoin: unknown key (did you mean version?)\n"
		"f:2:35: error: node.flows: 1 is out of range (1024 to 16777216, or auto)\n"
		"f:7:21: error: services.A.reals.R.ip: 192.168.30.10 is a VIP, of service A; a "
		"real server's own address belongs here\n"
		"f:7:36: error: services.A.reals.R.port: Direct Routing cannot change ports: the "
		"real server gets the port the client came to (leave port: away)\n"
		"f:8:34: error: services.B.ports: 192.168.30.10:443/tcp belongs to service A "
		"already, at line 4\n"
		"f:8:55: error: services.B.reals.R.ip: 'x' is not an IPv4 or IPv6 address\n"};

	expect_saying(&all, NULL);
}

/* Keys of later versions: where they stand, a value that is refused, values that pass. */
static const struct later {
	const char *head, *key, *refused, *passes[4];
} laters[] = {
	{NODE "l7: {",				   "tproxy",         "on",  {"off"}           },
	{HEAD VIP "    reals: {A: {ip: 192.168.30.20, ", "slow_start",     "30s", {"0", "0s", "off"}},
	{HEAD VIP "    reals: {A: {ip: 192.168.30.20, ", "proxy_protocol", "v1",  {"off"}           },
};

static void write_later(const struct later *l, const char *value, struct buf *out)
{
	size_t open = 0;

	buf_printf(out, "%s%s: %s", l->head, l->key, value);
	/* Close what the last line of head opened. */
	for (const char *at = strrchr(l->head, '\n') ? strrchr(l->head, '\n') : l->head; *at; at++)
		open += (*at == '{') - (*at == '}');
	while (open--)
		buf_puts(out, "}");
	buf_puts(out, "\n");
}

static void keys_of_later_versions_are_refused_but_for_neutral_values(void **state)
{
	for (size_t i = 0; i < ARRAY_COUNT(laters); i++) {
		struct buf text = {0};
		struct result r;

		write_later(&laters[i], laters[i].refused, &text);
		r = read_text(buf_text(&text));
		if (r.model)
			print_error("accepted: %s", buf_text(&text));
		assert_null(r.model);
		assert_non_null(strstr(buf_text(&r.messages), "is not supported by this version"));
		assert_int_equal(strchr(buf_text(&r.messages), '\n')[1], '\0');
		result_free(&r);
		for (size_t j = 0; j < 4 && laters[i].passes[j]; j++) {
			buf_clear(&text);
			write_later(&laters[i], laters[i].passes[j], &text);
			model_free(must_read(buf_text(&text)));
		}
		buf_free(&text);
	}
}

#define L7      HEAD VIP "    mode: l7-tcp\n"
#define BELONGS "belongs to layer 7 (mode: l7-tcp or l7-http)\n"

static const struct saying direct_routing_sayings[] = {
	{HEAD VIP REALS "    source: vip\n",					       "f:7:5: error: services.S.source: " BELONGS},
	{HEAD VIP REALS "    source: client\n",                                            "f:7:5: error: services.S.source: " BELONGS},
	{HEAD VIP REALS "    source: auto\n",					      ""                                         },
	{HEAD VIP REALS "    timeouts: {client: 1h}\n",
	 "f:7:5: error: services.S.timeouts: " BELONGS										},
	{HEAD VIP REALS "    proxy_protocol: {accept: v1}\n",
	 "f:7:5: error: services.S.proxy_protocol: " BELONGS									  },
	{HEAD VIP REALS "    proxy_protocol: {accept: off, send: off}\n",                  ""                                         },
	{HEAD VIP REALS "    proxy_protocol: none\n",                                      ""                                         },
	{HEAD VIP REALS "    mode: l4-nat\n    source: vip\n    timeouts: {client: 1h}\n",
	 "f:8:5: error: services.S.source: " BELONGS "f:9:5: error: services.S.timeouts: " BELONGS                                    },
};

static void direct_routing_refuses_what_belongs_to_layer_7(void **state)
{
	EXPECT_ALL(direct_routing_sayings);
}

static const struct saying layer4_sayings[] = {
	{HEAD VIP REALS "    flood_rate: 1\n    on_miss: drop\n",   ""                            },
	{HEAD VIP REALS "    flood_rate: off\n    on_miss: auto\n", ""                            },
	{HEAD VIP REALS "    flood_rate: 0\n",                      ""                            },
	{HEAD VIP REALS "    flood_rate: 100000001\n",
	 "f:7:17: error: services.S.flood_rate: 100000001 is out of range (1 to 100000000, or "
	 "off)\n"										 },
	{HEAD VIP REALS "    flood_rate: 10k\n",
	 "f:7:17: error: services.S.flood_rate: '10k' is not a whole number\n"                    },
	{HEAD VIP REALS "    on_miss: reset\n",
	 "f:7:14: error: services.S.on_miss: 'reset' is not one of hash, drop\n"                  },
	{L7 REALS "    flood_rate: 1000\n    on_miss: drop\n",
	 "f:8:5: error: services.S.flood_rate: belongs to layer 4 (mode: l4-dr, l4-nat or "
	 "l4-snat)\n"
	 "f:9:5: error: services.S.on_miss: belongs to layer 4 (mode: l4-dr, l4-nat or l4-snat)\n"},
	{L7 REALS "    flood_rate: off\n    on_miss: hash\n",       ""                            },
};

static void layer_7_refuses_what_belongs_to_layer_4(void **state)
{
	EXPECT_ALL(layer4_sayings);
}

static const struct saying l7_sayings[] = {
	{L7 REALS "    protocol: udp\n",
	 "f:8:15: error: services.S.protocol: layer 7 speaks TCP only\n"											 },
	{L7 REALS "    source: client\n",							       ""						       },
	{L7 REALS "    source: me\n",
	 "f:8:13: error: services.S.source: 'me' is not auto, vip, client or an address\n"                                                                       },
	{L7 REALS "    source: 192.168.30.1.1\n",
	 "f:8:13: error: services.S.source: '192.168.30.1.1' is not an IPv4 or IPv6 address\n"                                                                   },
	{L7 REALS "    source: 224.0.0.1\n",
	 "f:8:13: error: services.S.source: '224.0.0.1' is a multicast address\n"                                                                                },
	{L7 REALS "    source: [192.168.30.1, 192.168.30.2]\n",                                         ""                                                       },
	{L7 REALS "    source: []\n",								   "f:8:13: error: services.S.source: the list is empty\n"  },
	{L7 REALS "    source: [192.168.30.1, vip]\n",
	 "f:8:28: error: services.S.source[1]: 'vip' is not an IPv4 or IPv6 address\n"                                                                           },
	{L7 REALS "    source: [192.168.30.1, 192.168.30.1]\n",
	 "f:8:28: error: services.S.source[1]: stands here twice\n"											      },
	{L7 REALS
	 "    source: [1.1.1.1, 1.1.1.2, 1.1.1.3, 1.1.1.4, 1.1.1.5, 1.1.1.6, 1.1.1.7, 1.1.1.8, "
	 "1.1.1.9]\n",									 "f:8:13: error: services.S.source: more than 8 entries\n"},
	{L7 REALS "    source: \"2001:db8::1\"\n",
	 "f:8:13: warning: services.S.source: no real server has an IPv6 address to connect to\n"                                                                },
	{L7 REALS "    timeouts: {client: 99ms, server: 31d, connect: 5, established: 1h}\n",
	 "f:8:24: error: services.S.timeouts.client: 99ms is out of range (100ms to 30d)\n"
	 "f:8:38: error: services.S.timeouts.server: 31d is out of range (100ms to 30d)\n"
	 "f:8:52: error: services.S.timeouts.connect: '5' needs a unit: ms, s, m, h or d (like "
	 "6s)\n"
	 "f:8:55: error: services.S.timeouts.established: unknown key\n"											 },
	{L7 REALS "    proxy_protocol: {accept: v3, sent: v1}\n",
	 "f:8:30: error: services.S.proxy_protocol.accept: 'v3' is not one of off, v1, v2 (did you "
	 "mean v1?)\n"
	 "f:8:34: error: services.S.proxy_protocol.sent: unknown key (did you mean send?)\n"                                                                     },
	{L7 REALS "    proxy_protocol: v1\n",
	 "f:8:21: error: services.S.proxy_protocol: a map of keys belongs here\n"                                                                                },
	{L7 "    reals: {A: {ip: 192.168.30.20, port: 65536}}\n",
	 "f:7:42: error: services.S.reals.A.port: 65536 is out of range (1 to 65535, or auto)\n"                                                                 },
	{L7 "    reals: {A: {ip: 192.168.30.20}, B: {ip: 192.168.30.20}}\n",
	 "f:7:45: error: services.S.reals.B.ip: 192.168.30.20 is already the address of a real "
	 "server of this service, at line 7\n"														   },
	{L7 "    reals: {A: {ip: 192.168.30.20, port: 25}, B: {ip: 192.168.30.20, port: 26},\n"
	    "      C: {ip: 192.168.30.20}}\n",						 ""						       },
	{L7 "    reals: {A: {ip: 192.168.30.10, port: 8443}}\n",
	 "f:7:21: error: services.S.reals.A.ip: 192.168.30.10 is a VIP, of service S; a real "
	 "server's own address belongs here\n"														   },
	{HEAD "    vip: [192.168.30.10, 192.168.30.11]\n    ports: 1000-1512\n    mode: l7-tcp\n"
	      "    check: {type: on}\n" REALS,
	 "f:5:12: error: services.S.ports: 1026 pairs of VIP and port; a layer-7 service listens "
	 "on "
	 "at most 1024 (mode: l4-dr has no such limit)\n"													},
	{HEAD "    vip: 192.168.30.10\n    ports: 1000-2023\n    mode: l7-tcp\n"
	      "    reals: {A: {ip: 192.168.30.20, port: 25}}\n",			       ""						       },
	{L7 REALS "  T:\n" VIP "    reals: {B: {ip: 192.168.30.21}}\n",
	 "f:10:12: error: services.T.ports: 192.168.30.10:443/tcp belongs to service S already, at "
	 "line 3\n"																	      },
	{L7 REALS
	 "  T:\n    vip: 192.168.30.10\n    ports: 25\n    reals: {B: {ip: 192.168.30.21}}\n", ""						       }, /* R24, R91: both modes on one VIP */
	{NODE "l7: {maxconn: 1000001}\n",
	 "f:2:15: error: l7.maxconn: 1000001 is out of range (1 to 1000000, or auto)\n"                                                                          },
};

static void what_a_layer_7_service_says_wrong_is_found(void **state)
{
	EXPECT_ALL(l7_sayings);
}

static void layer_7_keys_have_the_documented_defaults(void **state)
{
	struct model *m = must_read(L7 REALS);
	const struct service_config *s = &m->services[0];

	assert_int_equal(s->mode, MODE_L7_TCP);
	assert_int_equal(s->l7.source, PROXY_SOURCE_AUTO);
	assert_int_equal(s->l7.connect, 5000);
	assert_int_equal(s->l7.client, 30 * 60 * 1000); /* R52 */
	assert_int_equal(s->l7.server, 30 * 60 * 1000);
	assert_int_equal(s->l7.accept_header, PROXY_HEADER_OFF);
	assert_int_equal(s->l7.send_header, PROXY_HEADER_OFF);
	assert_int_equal(s->reals[0].port, 0); /* R54 */
	assert_int_equal(m->l7.maxconn, 40000);
	model_free(m);
	m = must_read(L7 REALS "l7: {maxconn: 9}\n");
	assert_int_equal(m->l7.maxconn, 9);
	model_free(m);
}

static void layer_7_keys_are_read(void **state)
{
	struct model *m = must_read(
		L7
		"    reals: {A: {ip: 10.0.0.1, port: 2525}, B: {ip: \"2001:db8::1\", port: auto}}\n"
		"    backup: {ip: 10.0.0.9, port: 80}\n"
		"    source: 192.168.30.1\n"
		"    timeouts: {client: 90s}\n"
		"    proxy_protocol: {accept: v1, send: v2}\n"
		"  T:\n    mode: l7-tcp\n    vip: 192.168.30.11\n    ports: 1\n    source: vip\n"
		"    proxy_protocol: off\n" REALS
		"defaults: {timeouts: {connect: 250ms, client: 2h}}\n");
	const struct service_config *s = &m->services[0], *t = &m->services[1];
	struct addr source;

	addr_parse(&source, "192.168.30.1");
	assert_int_equal(s->reals[0].port, 2525);
	assert_int_equal(s->reals[1].port, 0);
	assert_int_equal(s->reals[2].port, 80);
	assert_int_equal(s->l7.source, PROXY_SOURCE_ADDRESS);
	assert_true(addr_equal(&s->l7.source_address[0], &source));
	assert_int_equal(s->l7.connect, 250);
	assert_int_equal(s->l7.client, 90000);
	assert_int_equal(s->l7.server, 30 * 60 * 1000);
	assert_int_equal(s->l7.accept_header, PROXY_HEADER_V1);
	assert_int_equal(s->l7.send_header, PROXY_HEADER_V2);
	assert_int_equal(t->l7.source, PROXY_SOURCE_VIP);
	assert_int_equal(t->l7.client, 2 * 60 * 60 * 1000);
	assert_int_equal(t->l7.send_header, PROXY_HEADER_OFF);
	model_free(m);
}

/* What `check --print` makes of the least there is: every default. */
static const char defaults_printed[] = "version: 1\n"
				       "node:\n"
				       "  name: lb1\n"
				       "  interfaces: [eth0]\n"
				       "  xdp_mode: auto\n"
				       "  on_stop: leave\n"
				       "  flows: auto\n"
				       "  orphan_timeout: off\n"
				       "admin:\n"
				       "  listen: \"127.0.0.1:9443\"\n"
				       "l7:\n"
				       "  maxconn: 40000\n"
				       "  request_buffer: 16384\n"
				       "  logging: off\n"
				       "  splice: on\n"
				       "defaults:\n"
				       "  check:\n"
				       "    interval: 6s\n"
				       "    fast_interval: 1s\n"
				       "    timeout: 3s\n"
				       "    fall: 2\n"
				       "    rise: 2\n"
				       "  timeouts:\n"
				       "    syn: 1m\n"
				       "    established: 75m\n"
				       "    closing: 2m\n"
				       "    udp: 5m\n"
				       "    connect: 5s\n"
				       "    client: 30m\n"
				       "    server: 30m\n"
				       "    request: 10s\n"
				       "    queue: 30s\n"
				       "    tunnel: 1h\n"
				       "services:\n"
				       "  S:\n"
				       "    mode: l4-dr\n"
				       "    vip: [192.168.30.10]\n"
				       "    ports: [443]\n"
				       "    protocol: tcp\n"
				       "    scheduler: wrr\n"
				       "    on_down: auto\n"
				       "    require: all\n"
				       "    allow_from: none\n"
				       "    deny_from: none\n"
				       "    flood_rate: 50000\n"
				       "    on_miss: hash\n"
				       "    check:\n"
				       "      - type: connect\n"
				       "        port: auto\n"
				       "        via: rip\n"
				       "        interval: 6s\n"
				       "        fast_interval: 1s\n"
				       "        timeout: 3s\n"
				       "        fall: 2\n"
				       "        rise: 2\n"
				       "    reals:\n"
				       "      A:\n"
				       "        ip: 192.168.30.20\n"
				       "        weight: 100\n"
				       "        max_connections: none\n"
				       "        min_connections: none\n"
				       "    slow_start: off\n";

static void each_default_is_the_documented_one(void **state)
{
	struct model *m = must_read(HEAD VIP REALS);
	struct buf printed = {0};

	config_print(m, &printed);
	assert_string_equal(buf_text(&printed), defaults_printed);
	assert_int_equal(m->node.flows, 0);
	assert_int_equal(m->timeouts.established, 75 * 60 * 1000);
	assert_int_equal(m->services[0].place.line, 3);
	assert_int_equal(m->services[0].place.column, 3);
	buf_free(&printed);
	model_free(m);
}

static void on_and_off_are_words_not_truth_values(void **state)
{
	struct model *m = must_read(HEAD VIP REALS "    check: [{type: on}, {type: off}]\n"
						   "    require: any\nadmin: {listen: off}\n");

	assert_int_equal(m->services[0].checks[0].type, CHECK_ON);
	assert_int_equal(m->services[0].checks[1].type, CHECK_OFF);
	assert_int_equal(m->services[0].require, REQUIRE_ANY);
	assert_true(m->admin.off);
	model_free(m);
}

static void ports_are_one_or_a_list_or_text(void **state)
{
	static const struct {
		const char *ports, *as;
	} cases[] = {
		{"443",                  "443"         },
		{"[143, 993]",           "143,993"     },
		{"\"143,993\"",          "143,993"     },
		{"\"1000-1010\"",        "1000-1010"   },
		{"1000-1010",            "1000-1010"   },
		{"[25, \"110, 20-21\"]", "25,110,20-21"},
		{"\"1-65535\"",          "1-65535"     },
	};

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct buf text = {0}, ports = {0};
		struct model *m;
		char one[12];

		buf_printf(&text,
			   HEAD "    vip: 192.168.30.10\n    ports: %s\n" REALS
				"    check: {type: on}\n",
			   cases[i].ports);
		m = must_read(buf_text(&text));
		for (size_t j = 0; j < m->services[0].port_range_count; j++)
			buf_printf(&ports, "%s%s", j ? "," : "",
				   port_range_format(&m->services[0].ports[j], one));
		assert_string_equal(buf_text(&ports), cases[i].as);
		model_free(m);
		buf_free(&text);
		buf_free(&ports);
	}
}

static void a_udp_service_is_pinged_unless_told_otherwise(void **state)
{
	struct model *m = must_read(HEAD VIP REALS "    protocol: udp\n");

	assert_int_equal(m->services[0].protocol, IPPROTO_UDP);
	assert_int_equal(m->services[0].checks[0].type, CHECK_PING);
	model_free(m);
	m = must_read(HEAD VIP REALS "    protocol: udp\n    check: {type: connect, port: 53}\n");
	assert_int_equal(m->services[0].checks[0].port, 53);
	model_free(m);
}

static void timings_of_a_check_begin_with_the_defaults(void **state)
{
	struct model *m = must_read("defaults: {check: {interval: 10s, fall: 5}}\n" HEAD VIP REALS
				    "    check: [{rise: 7}, {interval: 500ms, timeout: 20s}]\n");
	const struct check_config *c = m->services[0].checks;

	assert_int_equal(c[0].interval, 10000);
	assert_int_equal(c[0].fast_interval, 1000);
	assert_int_equal(c[0].fall, 5);
	assert_int_equal(c[0].rise, 7);
	assert_int_equal(c[1].interval, 500);
	assert_int_equal(c[1].fast_interval, 500); /* never above the interval unless said so */
	assert_int_equal(c[1].timeout, 20000);
	assert_int_equal(c[1].rise, 2);
	model_free(m);
}

static void a_check_goes_by_the_vip_where_that_is_said(void **state) /* R88 */
{
	struct model *m = must_read(
		HEAD VIP REALS "    check: [{via: vip}, {via: rip}, {via: auto}, {type: ping, via: "
			       "rip}, {}]\n");
	const struct check_config *c = m->services[0].checks;

	assert_int_equal(c[0].via, VIA_VIP);
	for (size_t i = 1; i < m->services[0].check_count; i++)
		assert_int_equal(c[i].via, VIA_RIP);
	assert_int_equal(m->services[0].check_count, 5);
	model_free(m);
}

static void steps_resolve_c_escapes(void **state)
{
	struct model *m =
		must_read(HEAD VIP REALS "    check:\n      type: tcp\n      steps:\n"
					 "        - {expect: '220', send: 'QUIT\\r\\n'}\n"
					 "        - {send: \"a\\x41\\tb\\\\x42\\\\\\\\\"}\n");
	const struct check_config *c = m->services[0].checks;

	assert_int_equal(c->step_count, 2);
	assert_string_equal(c->steps[0].expect, "220");
	assert_string_equal(c->steps[0].send, "QUIT\r\n");
	assert_string_equal(c->steps[1].send, "aA\tbB\\");
	model_free(m);
}

static void a_backup_stands_last_among_the_reals(void **state)
{
	struct model *m = must_read(HEAD VIP "    backup: {ip: 192.168.30.30}\n" REALS);
	const struct service_config *s = &m->services[0];

	assert_int_equal(s->real_count, 2);
	assert_string_equal(s->reals[0].name, "A");
	assert_false(s->reals[0].backup);
	assert_string_equal(s->reals[1].name, "backup");
	assert_true(s->reals[1].backup);
	assert_int_equal(s->reals[1].weight, 1);
	model_free(m);
	m = must_read(HEAD VIP "    backup: none\n" REALS);
	assert_int_equal(m->services[0].real_count, 1);
	model_free(m);
}

static void a_file_without_services_is_a_configuration(void **state)
{
	struct model *m = must_read(NODE);

	assert_int_equal(m->service_count, 0);
	model_free(m);
	model_free(must_read(NODE "services:\nadmin:\ndefaults: {check: }\n"));
}

static void json_is_read_as_the_yaml_that_it_is(void **state)
{
	struct model *m = must_read("{\"version\": 1, \"node\": {\"interfaces\": [\"eth0\"]}, "
				    "\"services\": {\"S\": {\"vip\": \"2001:db8::\", \"ports\": "
				    "[443], \"reals\": {\"A\": {\"ip\": \"2001:db8::1\", "
				    "\"weight\": 3}}}}}");

	assert_int_equal(m->services[0].reals[0].weight, 3);
	model_free(m);
}

/* Everything that can be said, in unusual spelling: it must come back as it is. */
static const char full[] =
	"node: {name: lb-2, interfaces: [eth0, br.1@x], xdp_mode: generic, on_stop: detach, flows: "
	"2048}\n"
	"admin: {listen: \"[::1]:1\"}\n"
	"l7: {maxconn: 1}\n"
	"defaults: {timeouts: {syn: 1500ms, established: 1d, closing: 7s, udp: 90m, connect: 1s, "
	"client: 1h}}\n"
	"services:\n"
	"  \"a \\\"quoted\\\" label: \\xE9 #\":\n"
	"    vip: [\"2001:db8::10\", \"2001:db8:1::\"]\n"
	"    ports: \"443,1000-1010\"\n"
	"    on_down: reset\n"
	"    require: any\n"
	"    allow_from: [10.0.0.5-10.0.0.9, \"2001:db8::/32\"]\n"
	"    deny_from: \"2001:db8::9\"\n"
	"    flood_rate: off\n"
	"    on_miss: drop\n"
	"    check:\n"
	"      - {type: https, request: \"//a?b=c#d\", expect: \"it's: \\\\ \\\"ok\\\"\", method: "
	"HEAD, host: h:8, sni: s, verify: ca, ca: \"/etc/a b.pem\", port: 8443}\n"
	"      - {type: smtp, helo: lb1.example.com, port: 25, timeout: 9m}\n"
	"      - {type: tcp, port: 1, steps: [{expect: \"\\xFF'\\\"\", send: "
	"'\\x01\\r\\n\\\\r'}]}\n"
	"      - type: off\n"
	"    reals:\n"
	"      \"-\": {ip: \"2001:db8::20\", weight: 0}\n"
	"      'on': {ip: \"2001:db8::21\", weight: 65535}\n"
	"    backup: {ip: \"2001:db8::22\"}\n"
	"  proxy:\n"
	"    {mode: l7-tcp, vip: 192.168.30.10, ports: [25, 587], source: \"2001:db8::9\",\n"
	"     timeouts: {server: 1h}, proxy_protocol: {accept: v2, send: v1},\n"
	"     reals: {A: {ip: 10.0.0.1, port: 26}, B: {ip: \"2001:db8::21\"}},\n"
	"     backup: {ip: 10.0.0.2, port: 27}}\n";

static void what_is_printed_reads_back_the_same(void **state)
{
	struct buf once = {0}, twice = {0};
	struct model *m = must_read(full);

	config_print(m, &once);
	model_free(m);
	m = must_read(buf_text(&once));
	config_print(m, &twice);
	model_free(m);
	assert_string_equal(buf_text(&once), buf_text(&twice));
	assert_non_null(strstr(buf_text(&once), "expect: \"it's: \\\\ \\\"ok\\\"\"\n"));
	assert_non_null(strstr(buf_text(&once), "    source: \"2001:db8::9\"\n"
						"    timeouts:\n"
						"      connect: 1s\n"
						"      client: 1h\n"
						"      server: 1h\n"
						"      request: 10s\n"
						"      queue: 30s\n"
						"      tunnel: 1h\n"
						"    proxy_protocol:\n"
						"      accept: v2\n"
						"      send: v1\n"));
	assert_non_null(strstr(buf_text(&once), "        port: 26\n"));
	assert_non_null(strstr(buf_text(&once), "        port: auto\n"));
	buf_free(&once);
	buf_free(&twice);
}

static const char *const host_interfaces[] = {"lo", "eth0", "eth1"};

/* 192.168.30.0/24 and 2001:db8::/32. */
static const struct prefix host_networks[] = {
	{{{[10] = 0xff, 0xff, 192, 168, 30}}, 120},
	{{{0x20, 0x01, 0x0d, 0xb8}},          32 },
};

static const struct config_net host = {.interfaces = host_interfaces,
				       .interface_count = ARRAY_COUNT(host_interfaces),
				       .connected = host_networks,
				       .connected_count = ARRAY_COUNT(host_networks)};

static void a_real_on_no_connected_network_is_an_error(void **state)
{
	static const struct saying away = {
		HEAD VIP "    reals: {A: {ip: 192.168.31.20}, B: {ip: 192.168.30.21}}\n"
			 "    backup: {ip: 10.0.0.1}\n",
		"f:6:21: error: services.S.reals.A.ip: 192.168.31.20 is on no network of the "
		"attached interfaces (eth0 with 192.168.30.0/24, 2001:db8::/32); Direct Routing "
		"reaches only neighbours\n"
		"f:7:18: error: services.S.backup.ip: 10.0.0.1 is on no network of the attached "
		"interfaces (eth0 with 192.168.30.0/24, 2001:db8::/32); Direct Routing reaches "
		"only "
		"neighbours\n"};
	static const struct saying near = {
		HEAD "    vip: \"2001:db9::1\"\n    ports: 443\n    reals: {A: {ip: "
		     "\"2001:db8::20\"}}\n",
		""};

	static const struct saying layer7 = {
		L7 "    reals: {A: {ip: 192.168.31.20}}\n    backup: {ip: 10.0.0.1}\n",
		""}; /* R9 */

	expect_saying(&away, &host);
	expect_saying(&near, &host);
	expect_saying(&layer7, &host);
	expect_saying(&(struct saying){near.text, ""}, NULL);
}

/* R76. Single addresses are no networks: a VIP of layer 7 stands on lo. */
static void tproxy_needs_vip_and_reals_on_two_networks(void **state)
{
	static const struct prefix networks[] = {
		{{{[10] = 0xff, 0xff, 192, 168, 30, 10}}, 128},
		{{{[10] = 0xff, 0xff, 192, 168}},         112},
		{{{[10] = 0xff, 0xff, 192, 168, 30}},     120},
	};
	static const struct config_net two = {.interfaces = host_interfaces,
					      .interface_count = ARRAY_COUNT(host_interfaces),
					      .networks = networks,
					      .network_count = ARRAY_COUNT(networks)};
	static const struct saying same = {
		L7
		"    source: client\n    reals: {A: {ip: 192.168.31.20}, B: {ip: 192.168.30.21}}\n",
		"f:7:13: error: services.S.source: VIP 192.168.30.10 and real server B "
		"(192.168.30.21) are both in 192.168.30.0/24, where it answers clients directly "
		"and not by this host: TProxy needs two networks, and this host as the real "
		"servers' gateway (or mode: l4-dr, which shows the client too)\n"};
	static const struct saying other = {
		L7 "    source: client\n    reals: {A: {ip: 192.168.31.20}, B: {ip: 10.0.0.1}}\n",
		""};
	static const struct saying mixed = {
		L7 "    source: client\n    reals: {A: {ip: \"2001:db8::20\"}}\n",
		"f:7:13: warning: services.S.source: A has an IPv6 address: clients of the other "
		"IP version reach it from this host's own address\n"};

	expect_saying(&same, &two);
	expect_saying(&other, &two);
	expect_saying(&mixed, &two);
	expect_saying(&(struct saying){same.text, ""}, NULL);
}

static void a_missing_interface_is_an_error_unless_that_is_allowed(void **state)
{
	static const char text[] = "node: {interfaces: [eth0, eht1]}\nservices:\n  S:\n" VIP
				   "    reals: {A: {ip: 10.0.0.1}}\n";
	static const struct saying refused = {text,
					      "f:1:27: error: node.interfaces[1]: this host has no "
					      "interface eht1 (did you mean eth1?)\n"};
	static const struct saying allowed = {text,
					      "f:1:27: warning: node.interfaces[1]: this host has "
					      "no interface eht1 (did you mean eth1?)\n"};
	struct config_net lenient = host;

	lenient.missing_ok = true;
	expect_saying(&refused, &host);
	expect_saying(&allowed, &lenient);
}

static void interfaces_of_the_command_line_count(void **state)
{
	static const char *const extra[] = {"eth1", "wlan7"};
	struct config_input in = {.file = "f",
				  .text = "version: 1\n",
				  .len = strlen("version: 1\n"),
				  .extra_interfaces = extra,
				  .extra_interface_count = 2,
				  .net = &host};
	struct buf messages = {0};

	assert_null(config_read(&in, &messages));
	assert_string_equal(buf_text(&messages),
			    "f:1:1: error: this host has no interface wlan7\n");
	buf_clear(&messages);
	in.extra_interface_count = 1;
	model_free(config_read(&in, &messages));
	assert_string_equal(buf_text(&messages), "");
	buf_free(&messages);
}

static void interfaces_can_be_read_alone(void **state)
{
	static const char text[] = "node: {interfaces: [eth0, eth1]}\nnonsense: 1\n";
	static const char broken[] = "node: {interfaces: [eth0\n";
	struct arena *a = arena_new();
	const char *const *names = config_interfaces(text, strlen(text), a);

	assert_string_equal(names[0], "eth0");
	assert_string_equal(names[1], "eth1");
	assert_null(names[2]);
	names = config_interfaces(broken, strlen(broken), a);
	assert_null(names[0]);
	names = config_interfaces("node: {interfaces: eth7}", 24, a);
	assert_string_equal(names[0], "eth7");
	arena_free(a);
}

/* The same bytes as one service of so many reals. */
static void write_reals(struct buf *out, unsigned int count)
{
	buf_puts(out, HEAD "    vip: 10.0.0.1\n    ports: 443\n    reals:\n");
	for (unsigned int i = 0; i < count; i++)
		buf_printf(out, "      R%u: {ip: 10.%u.%u.%u, weight: 100}\n", i, 100 + (i >> 16),
			   i >> 8 & 255, i & 255);
}

static void a_hundred_thousand_reals_load_quickly(void **state) /* F13 */
{
	struct buf text = {0};
	struct model *m;
	clock_t start;

	write_reals(&text, 100000);
	start = clock();
	m = must_read(buf_text(&text));
	assert_true((clock() - start) / CLOCKS_PER_SEC < 5);
	assert_int_equal(m->services[0].real_count, 100000);
	model_free(m);
	buf_free(&text);
}

static void more_reals_than_the_tables_hold_are_refused(void **state) /* F35 */
{
	struct buf text = {0};
	struct result r;

	write_reals(&text, 131072);
	r = read_text(buf_text(&text));
	assert_null(r.model);
	assert_non_null(strstr(buf_text(&r.messages),
			       "f:7:7: error: services.S.reals: 131072 entries; this version holds "
			       "131071\n"));
	result_free(&r);
	buf_free(&text);
}

/* So many services, each with VIPs and ports of its own. */
static void write_services(struct buf *out, unsigned int count, const char *ports,
			   const char *weights)
{
	buf_puts(out, "version: 1\nservices:\n");
	for (unsigned int i = 0; i < count; i++) {
		buf_printf(out,
			   "  S%u:\n    mode: l4-dr\n    vip: [10.%u.%u.%u, 10.%u.%u.%u]\n"
			   "    ports: %s\n",
			   i, i >> 16, i >> 8 & 255, i & 255, 100 + (i >> 16), i >> 8 & 255,
			   i & 255, ports);
		buf_printf(out, "    reals: {%s}\n", weights);
	}
}

/* F35: what the tables of the data plane do not hold is refused before it comes there. */
static void more_than_the_tables_hold_is_refused_with_the_limit(void **state)
{
	static const char one[] = "R: {ip: 10.200.0.1}",
			  odd[] = "Q: {ip: 10.200.0.1, weight: 8191}, "
				  "R: {ip: 10.200.0.2, weight: 8192}";
	static const struct {
		unsigned int services;
		const char *ports, *reals, *said;
	} rows[] = {
		{255,   "443",     odd, NULL					 },
		{256,   "443",     odd,
		 "4210688 slots; this version holds 4194304 (a service takes the sum"},
		{5,     "1-25000", one, NULL					 },
		{6,     "1-25000", one,
		 "300000 pairs of VIP and port in all; this version holds 262144"    },
		{8192,  "443",     one, NULL					 },
		{8193,  "443",     one, "16386 VIPs in all; this version holds 16384"},
		{16384, "443",     one, "16384 entries; this version holds 16383"    },
	};

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct buf text = {0};
		struct result r;

		write_services(&text, rows[i].services, rows[i].ports, rows[i].reals);
		r = read_text(buf_text(&text));
		if (rows[i].said)
			assert_non_null(strstr(buf_text(&r.messages), rows[i].said));
		else
			assert_non_null(r.model);
		assert_true(!r.model == !!rows[i].said);
		result_free(&r);
		buf_free(&text);
	}
}

static void endless_errors_are_counted_not_listed(void **state)
{
	struct buf text = {0};
	struct result r;

	for (int i = 0; i < 100000; i++)
		buf_printf(&text, "%08d: 1\n", i);
	r = read_text(buf_text(&text));
	assert_null(r.model);
	assert_true(r.messages.len < 100000);
	assert_non_null(strstr(buf_text(&r.messages), "f: 99501 more like these\n"));
	result_free(&r);
	buf_free(&text);
}

static void read_file(const char *name)
{
	struct buf path = {0}, text = {0};
	char part[4096];
	size_t len;
	FILE *f;

	buf_printf(&path, "configs/%s", name);
	f = fopen(buf_text(&path), "r");
	assert_non_null(f);
	while ((len = fread(part, 1, sizeof(part), f)))
		buf_append(&text, part, len);
	(void)fclose(f);
	model_free(must_read(buf_text(&text)));
	buf_free(&path);
	buf_free(&text);
}

static void every_shipped_configuration_is_valid(void **state)
{
	DIR *dir = opendir("configs");
	int count = 0;

	assert_non_null(dir); /* run from the top of the tree */
	for (struct dirent *e; (e = readdir(dir));) {
		const char *dot = strrchr(e->d_name, '.');

		if (!dot || strcmp(dot, ".yaml"))
			continue;
		read_file(e->d_name);
		count++;
	}
	closedir(dir);
	assert_true(count >= 3);
}

static void every_line_of_the_key_list_has_three_parts(void **state)
{
	struct buf out = {0};
	size_t lines = 0;

	config_schema_text(&out);
	for (char *save = NULL, *line = strtok_r(out.at, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save), lines++) {
		const char *type = strchr(line, ' ');

		assert_non_null(type);
		assert_non_null(strchr(type + 1, ' '));
	}
	assert_true(lines > 80);
	buf_clear(&out);
	config_schema_mdoc(&out);
	assert_non_null(
		strstr(buf_text(&out), ".It Cm services.LABEL.reals.LABEL.weight Pq number\n"));
	buf_free(&out);
}

static void a_service_may_have_vips_of_both_families(void **state) /* R102 */
{
	struct model *m = must_read(HEAD "    vip: [192.168.30.10, \"2001:db8::10\"]\n"
					 "    ports: 443\n" REALS);

	assert_int_equal(m->services[0].vip_count, 2);
	assert_false(addr_is_v4(&m->services[0].vips[1]));
	model_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_byte_order_mark_and_crlf_are_no_error),
		cmocka_unit_test(a_service_may_have_vips_of_both_families),
		cmocka_unit_test(yaml_is_read_in_a_strict_profile),
		cmocka_unit_test(an_unquoted_ipv6_address_is_explained),
		cmocka_unit_test(each_value_is_judged_at_its_place),
		cmocka_unit_test(keys_and_labels_are_judged_at_their_place),
		cmocka_unit_test(checks_take_only_the_keys_of_their_type),
		cmocka_unit_test(what_no_single_value_shows_is_found),
		cmocka_unit_test(all_errors_are_said_in_file_order),
		cmocka_unit_test(keys_of_later_versions_are_refused_but_for_neutral_values),
		cmocka_unit_test(direct_routing_refuses_what_belongs_to_layer_7),
		cmocka_unit_test(layer_7_refuses_what_belongs_to_layer_4),
		cmocka_unit_test(what_a_layer_7_service_says_wrong_is_found),
		cmocka_unit_test(layer_7_keys_have_the_documented_defaults),
		cmocka_unit_test(layer_7_keys_are_read),
		cmocka_unit_test(each_default_is_the_documented_one),
		cmocka_unit_test(on_and_off_are_words_not_truth_values),
		cmocka_unit_test(ports_are_one_or_a_list_or_text),
		cmocka_unit_test(a_udp_service_is_pinged_unless_told_otherwise),
		cmocka_unit_test(timings_of_a_check_begin_with_the_defaults),
		cmocka_unit_test(a_check_goes_by_the_vip_where_that_is_said),
		cmocka_unit_test(steps_resolve_c_escapes),
		cmocka_unit_test(a_backup_stands_last_among_the_reals),
		cmocka_unit_test(a_file_without_services_is_a_configuration),
		cmocka_unit_test(json_is_read_as_the_yaml_that_it_is),
		cmocka_unit_test(what_is_printed_reads_back_the_same),
		cmocka_unit_test(a_real_on_no_connected_network_is_an_error),
		cmocka_unit_test(tproxy_needs_vip_and_reals_on_two_networks),
		cmocka_unit_test(a_missing_interface_is_an_error_unless_that_is_allowed),
		cmocka_unit_test(interfaces_of_the_command_line_count),
		cmocka_unit_test(interfaces_can_be_read_alone),
		cmocka_unit_test(a_hundred_thousand_reals_load_quickly),
		cmocka_unit_test(more_reals_than_the_tables_hold_are_refused),
		cmocka_unit_test(more_than_the_tables_hold_is_refused_with_the_limit),
		cmocka_unit_test(endless_errors_are_counted_not_listed),
		cmocka_unit_test(every_shipped_configuration_is_valid),
		cmocka_unit_test(every_line_of_the_key_list_has_three_parts),
	};

	return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
