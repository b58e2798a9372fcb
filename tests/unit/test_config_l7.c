/* SPDX-License-Identifier: GPL-2.0-only */
/* The config reader at layer 7: what each key says, and what is said of it where it is wrong or
 * misplaced. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "core/config.h"
#include "core/model_files.h"

#define NODE  "node: {interfaces: [eth0]}\n"
#define HEAD  NODE "services:\n  S:\n"
#define REALS "    reals: {A: {ip: 192.168.30.20}}\n"
#define VIP   "    vip: 192.168.30.10\n    ports: 443\n"
#define TCP   HEAD VIP "    mode: l7-tcp\n"
#define HTTP  HEAD VIP "    mode: l7-http\n"

static struct model *read_text(const char *text, struct buf *messages)
{
	struct config_input in = {
		.file = "f", .text = text, .len = strlen(text), .host_name = "lb1"};

	return config_read(&in, messages);
}

static struct model *must_read(const char *text)
{
	struct buf messages = {0};
	struct model *m = read_text(text, &messages);

	assert_string_equal(buf_text(&messages), "");
	assert_non_null(m);
	buf_free(&messages);
	return m;
}

/* A text and all that is said about it; nothing said: it is a configuration. */
struct saying {
	const char *text, *messages;
};

static const struct saying misplaced_sayings[] = {
	{HTTP REALS "    scheduler: wlcc\n",
	 "f:8:16: error: services.S.scheduler: 'wlcc' is not one of wrr, "
	 "wlc, rr, lc, sh, maglev (did you mean wlc?)\n"													 },
	{HTTP REALS "    one_packet: on\n",
	 "f:8:5: error: services.S.one_packet: belongs to mode: l4-dr\n"											 },
	{HTTP REALS "    one_packet: off\n",						       ""							    },
	{HEAD VIP REALS "    persistence: {cookie: C}\n",
	 "f:7:19: error: services.S.persistence.cookie: belongs to HTTP (mode: l7-http)\n"                                                                       },
	{HEAD VIP REALS "    tls: {certificates: /a.pem}\n"
			"    maxconn: 5\n    routes: [{path: /ews}]\n",		   "f:7:5: error: services.S.tls: belongs to layer 7 (mode: l7-tcp "
	 "or l7-http)\n"
	 "f:8:5: error: services.S.maxconn: belongs to layer 7 (mode: l7-tcp "
	 "or l7-http)\n"
	 "f:9:5: error: services.S.routes: belongs to layer 7 (mode: l7-tcp "
	 "or l7-http)\n"							 },
	{HEAD VIP REALS "    request_buffer: 51200\n    forwarded_for: append\n"
			"    trust_forwarded_from: 10.0.0.0/8\n"
			"    request_headers: {set: {A: b}}\n"
			"    response_headers: {delete: A}\n"
			"    rewrite: [{from: /a, to: /b}]\n"
			"    redirect: {to: https}\n    redirect_root: /owa/\n"
			"    error_pages: {503: /a}\n    max_body: 1\n",		  "f:7:5: error: services.S.request_buffer: belongs to HTTP (mode: "
	 "l7-http)\n"
	 "f:8:5: error: services.S.forwarded_for: belongs to HTTP (mode: "
	 "l7-http)\n"
	 "f:9:5: error: services.S.trust_forwarded_from: belongs to HTTP "
	 "(mode: l7-http)\n"
	 "f:10:5: error: services.S.request_headers: belongs to HTTP (mode: "
	 "l7-http)\n"
	 "f:11:5: error: services.S.response_headers: belongs to HTTP (mode: "
	 "l7-http)\n"
	 "f:12:5: error: services.S.rewrite: belongs to HTTP (mode: l7-http)\n"
	 "f:13:5: error: services.S.redirect: belongs to HTTP (mode: l7-http)\n"
	 "f:14:5: error: services.S.redirect_root: belongs to HTTP (mode: "
	 "l7-http)\n"
	 "f:15:5: error: services.S.error_pages: belongs to HTTP (mode: l7-http)\n"
	 "f:16:5: error: services.S.max_body: belongs to HTTP (mode: l7-http)\n"},
	{TCP REALS "    request_buffer: 51200\n    forwarded_for: append\n"
		   "    trust_forwarded_from: 10.0.0.0/8\n"
		   "    request_headers: {set: {A: b}}\n"
		   "    response_headers: {delete: A}\n"
		   "    rewrite: [{from: /a, to: /b}]\n"
		   "    redirect: {to: https}\n    redirect_root: /owa/\n"
		   "    error_pages: {503: /a}\n    persistence: {cookie: C}\n"
		   "    routes: [{path: /a, host: b}]\n",				 "f:8:5: error: services.S.request_buffer: belongs to HTTP (mode: "
	 "l7-http)\n"
	 "f:9:5: error: services.S.forwarded_for: belongs to HTTP (mode: "
	 "l7-http)\n"
	 "f:10:5: error: services.S.trust_forwarded_from: belongs to HTTP "
	 "(mode: l7-http)\n"
	 "f:11:5: error: services.S.request_headers: belongs to HTTP (mode: "
	 "l7-http)\n"
	 "f:12:5: error: services.S.response_headers: belongs to HTTP (mode: "
	 "l7-http)\n"
	 "f:13:5: error: services.S.rewrite: belongs to HTTP (mode: l7-http)\n"
	 "f:14:5: error: services.S.redirect: belongs to HTTP (mode: l7-http)\n"
	 "f:15:5: error: services.S.redirect_root: belongs to HTTP (mode: "
	 "l7-http)\n"
	 "f:16:5: error: services.S.error_pages: belongs to HTTP (mode: l7-http)\n"
	 "f:17:19: error: services.S.persistence.cookie: belongs to HTTP "
	 "(mode: l7-http)\n"
	 "f:18:15: error: services.S.routes[0].path: belongs to HTTP (mode: "
	 "l7-http)\n"									  },
	{TCP REALS "    request_buffer: 16384\n    forwarded_for: off\n"
		   "    trust_forwarded_from: none\n"
		   "    request_headers: {}\n    response_headers: none\n"
		   "    rewrite: []\n    redirect: off\n"
		   "    redirect_root: none\n    error_pages: {}\n"
		   "    persistence: none\n    routes: []\n"
		   "    tls: off\n    maxconn: 0\n    slow_start: 0s\n    max_body: 0\n", ""							    },
};

static const struct saying limit_sayings[] = {
	{HTTP REALS "    request_buffer: 4095\n",
	 "f:8:21: error: services.S.request_buffer: 4095 is out of range "
	 "(4096 to 1048576, or auto)\n"							  },
	{HTTP REALS "    request_buffer: 1048577\n",
	 "f:8:21: error: services.S.request_buffer: 1048577 is out of range "
	 "(4096 to 1048576, or auto)\n"							  },
	{HTTP REALS "    tls: {min_version: 1.1}\n",
	 "f:8:5: error: services.S.tls.certificates: is missing (like certificates: "
	 "/etc/lbxdp/mail.pem)\n"
	 "f:8:24: error: services.S.tls.min_version: '1.1' is not one of "
	 "1.2, 1.3 (did you mean 1.2?)\n"							},
	{HTTP REALS "    tls: {certificates: [a.pem, /b.pem, /b.pem], client_ca: ca.pem}\n",
	 "f:8:26: error: services.S.tls.certificates[0]: 'a.pem' is not an "
	 "absolute path\n"
	 "f:8:41: error: services.S.tls.certificates[2]: stands here twice\n"
	 "f:8:61: error: services.S.tls.client_ca: 'ca.pem' is not an absolute "
	 "path\n"										},
	{HTTP REALS "    tls: {certificates: []}\n",
	 "f:8:25: error: services.S.tls.certificates: the list is empty\n"                       },
	{HTTP REALS "    forwarded_for: add\n",
	 "f:8:20: error: services.S.forwarded_for: 'add' is not one of off, "
	 "append, replace, keep\n"							       },
	{HTTP REALS "    forwarded_for: keep\n",
	 "f:8:20: error: services.S.forwarded_for: keep needs to know whose word is kept "
	 "(like trust_forwarded_from: [10.0.0.0/8])\n"                                           },
	{HTTP REALS "    forwarded_for: keep\n    trust_forwarded_from: none\n",
	 "f:8:20: error: services.S.forwarded_for: keep needs to know whose word is kept "
	 "(like trust_forwarded_from: [10.0.0.0/8])\n"                                           },
	{HTTP REALS "    forwarded_for: keep\n    trust_forwarded_from: [x]\n",
	 "f:9:28: error: services.S.trust_forwarded_from[0]: 'x' is not an address, a network "
	 "(192.168.30.0/24) or a range (192.168.30.50-192.168.30.60)\n"                          },
	{HTTP REALS "    max_body: 10M\n",
	 "f:8:15: error: services.S.max_body: '10M' is not a whole number\n"                     },
	{HTTP REALS "    max_body: 4294967296\n",
	 "f:8:15: error: services.S.max_body: '4294967296' is too large\n"                       },
	{HTTP REALS "    trust_forwarded_from: [10.0.0.1/8, x]\n",
	 "f:8:28: error: services.S.trust_forwarded_from[0]: '10.0.0.1/8' "
	 "has bits behind its length (did you mean 10.0.0.0/8?)\n"
	 "f:8:40: error: services.S.trust_forwarded_from[1]: 'x' is not an "
	 "address, a network (192.168.30.0/24) or a range (192.168.30.50-192.168.30.60)\n"       },
	{HTTP REALS "    request_headers: {set: {Connection: x, \"a b\": c, X: \"a\\rb\", "
		    "Host: \"a b\", X-A: 1, x-a: 2}, add: {Host: a}, delete: [Host, "
		    "TE, Y, y]}\n",						 "f:8:29: error: services.S.request_headers.set.Connection: 'Connection' "
	 "belongs to the connection and cannot be changed\n"
	 "f:8:44: error: services.S.request_headers.set.a b: 'a b' is not "
	 "the name of a header field\n"
	 "f:8:57: error: services.S.request_headers.set.X: 'a?b' holds control "
	 "characters\n"
	 "f:8:71: error: services.S.request_headers.set.Host: 'a b' cannot "
	 "be the value of this field\n"
	 "f:8:86: error: services.S.request_headers.set.x-a: stands here "
	 "twice (case does not count)\n"
	 "f:8:101: error: services.S.request_headers.add.Host: 'Host' stands "
	 "in a request exactly once; it can only be set\n"
	 "f:8:120: error: services.S.request_headers.delete[0]: 'Host' stands "
	 "in a request exactly once; it can only be set\n"
	 "f:8:126: error: services.S.request_headers.delete[1]: 'TE' belongs "
	 "to the connection and cannot be changed\n"
	 "f:8:133: error: services.S.request_headers.delete[3]: stands here "
	 "twice (case does not count)\n"             },
	{HTTP REALS "    request_headers: {sett: {A: b}}\n"
		    "    response_headers: [A]\n",				  "f:8:23: error: services.S.request_headers.sett: unknown key (did "
	 "you mean set?)\n"
	 "f:9:23: error: services.S.response_headers: a map of keys belongs "
	 "here\n"		     },
	{HTTP REALS "    response_headers: {set: [A], delete: {A: b}}\n",
	 "f:8:29: error: services.S.response_headers.set: a map belongs here "
	 "(set: {X-Name: value})\n"
	 "f:8:42: error: services.S.response_headers.delete: one value belongs "
	 "here, not a map\n"								     },
	{HTTP REALS "    rewrite: [{from: old, to: /new}, {from: /a}, {from: /b, to: "
		    "/b}, {from: /c, to: /d}, {from: /c, to: /e}]\n",	       "f:8:22: error: services.S.rewrite[0].from: 'old' is not a path: "
	 "it begins with one /\n"
	 "f:8:38: error: services.S.rewrite[1].to: is missing (like to: /new/)\n"
	 "f:8:50: error: services.S.rewrite[2]: changes nothing\n"
	 "f:8:90: error: services.S.rewrite[4]: is never used: line 8 is "
	 "for /c\n"},
	{HTTP REALS "    rewrite: {from: /a, to: /b}\n",
	 "f:8:14: error: services.S.rewrite: a list belongs here (rewrite: "
	 "[{from: /old/, to: /new/}])\n"							 },
};

static const struct saying redirect_sayings[] = {
	{HTTP "    redirect: {to: http, code: 303}\n",
	 "f:7:20: error: services.S.redirect.to: 'http' is not one of https "
	 "(did you mean https?)\n"
	 "f:7:32: error: services.S.redirect.code: '303' is not one of 301, "
	 "302, 307, 308 (did you mean 301?)\n"									    },
	{HTTP "    redirect: {}\n",
	 "f:3:3: error: services.S.reals: no real server (like reals: {CAS1: "
	 "{ip: 192.168.30.20}})\n"											},
	{HTTP "    redirect: {code: 302}\n",
	 "f:7:5: error: services.S.redirect.to: is missing (like to: https)\n"                                            },
	{HTTP REALS "    redirect: {to: https}\n    backup: {ip: 192.168.30.30}\n"
		    "    check: {type: connect}\n    routes: [{path: /a}]\n"
		    "    persistence: {source: 32}\n"
		    "    slow_start: 3s\n    rewrite: [{from: /a, to: /b}]\n"
		    "    redirect_root: /owa/\n    tls: {certificates: /a.pem}\n", "f:7:5: error: services.S.reals: is not used where redirect sends "
	 "clients away\n"
	 "f:8:5: error: services.S.redirect: would lead to itself: tls makes "
	 "this service https already\n"
	 "f:9:5: error: services.S.backup: is not used where redirect sends "
	 "clients away\n"
	 "f:10:5: error: services.S.check: is not used where redirect sends "
	 "clients away\n"
	 "f:11:5: error: services.S.routes: is not used where redirect sends "
	 "clients away\n"
	 "f:12:5: error: services.S.persistence: is not used where redirect "
	 "sends clients away\n"
	 "f:13:5: error: services.S.slow_start: is not used where redirect "
	 "sends clients away\n"
	 "f:14:5: error: services.S.rewrite: is not used where redirect sends "
	 "clients away\n"
	 "f:15:5: error: services.S.redirect_root: is not used where redirect "
	 "sends clients away\n"},
	{HTTP REALS "    redirect_root: owa\n",
	 "f:8:20: error: services.S.redirect_root: 'owa' is not a path: it "
	 "begins with one /\n"											    },
	{HTTP REALS "    redirect_root: /\n",
	 "f:8:20: error: services.S.redirect_root: would lead to itself\n"                                                },
	{HTTP REALS "    redirect_root: //evil.example.com\n",
	 "f:8:20: error: services.S.redirect_root: '//evil.example.com' is "
	 "not a path: it begins with one /\n"									     },
};

/* What layer 4 has of it. */
static const struct saying order_sayings[] = {
	{HEAD VIP REALS
	 "    scheduler: maglev\n    persistence: {source: 24, source6: 64, timeout: "
	 "1m}\n",									    ""  },
	{HEAD VIP REALS "    scheduler: wlc\n    slow_start: 30s\n    persistence: none\n"
			"    one_packet: off\n",					     ""  },
	{HEAD VIP "    reals: {A: {ip: 192.168.30.20, max_connections: 4, min_connections: 2}}\n",
	 ""											       },
	{HEAD VIP REALS "    persistence: {timeout: 1m}\n",
	 "f:7:18: error: services.S.persistence: names neither source nor cookie\n"                       },
	{HEAD VIP REALS "    persistence: {source: 0}\n",
	 "f:7:27: error: services.S.persistence.source: 0 is out of range (1 to 32)\n"                    },
	{HEAD VIP "    reals: {A: {ip: 192.168.30.20, max_connections: 4, min_connections: 5}}\n",
	 "f:6:73: error: services.S.reals.A.min_connections: is above max_connections, 4\n"               },
	{HEAD VIP "    reals: {A: {ip: 192.168.30.20}}\n    backup: {ip: 192.168.30.30, "
		  "min_connections: 5}\n",						   "f:7:33: error: services.S.backup.min_connections: is not used without "
	 "max_connections\n"                           },
	{HEAD VIP REALS "    scheduler: sh\n    slow_start: 30s\n",
	 "f:8:17: warning: services.S.slow_start: is not used with scheduler: sh\n"                       },
	{TCP REALS "    scheduler: maglev\n    slow_start: 30s\n",
	 "f:9:17: warning: services.S.slow_start: is not used with scheduler: maglev\n"                   },
	{HTTP REALS "    scheduler: sh\n    slow_start: 30s\n"
		    "    routes: [{path: /a, scheduler: rr, reals: {B: {ip: 10.0.0.2}}}]\n", ""  },
	{HTTP REALS "    scheduler: rr\n    slow_start: 30s\n"
		    "    routes: [{path: /a, scheduler: sh, reals: {B: {ip: 10.0.0.2}}}]\n", ""  },
	{HEAD VIP REALS "    one_packet: on\n",
	 "f:7:17: error: services.S.one_packet: is for datagrams (protocol: udp)\n"                       },
	{HEAD VIP "    protocol: udp\n    one_packet: on\n    scheduler: wlc\n    reals: {A: {ip: "
		  "192.168.30.20, max_connections: 5}}\n",				   "f:8:16: error: services.S.scheduler: wlc counts connections, and one_packet: on makes "
	 "none\n"
	 "f:9:36: error: services.S.reals.A.max_connections: is not used with one_packet: on, "
	 "which makes no connections\n"},
	{HEAD VIP REALS "    protocol: udp\n    one_packet: on\n    scheduler: maglev\n",             ""  },
};

static const struct saying persistence_sayings[] = {
	{HTTP REALS "    persistence: {source: 33, source6: 129}\n",
	 "f:8:27: error: services.S.persistence.source: 33 is out of range "
	 "(1 to 32)\n"
	 "f:8:40: error: services.S.persistence.source6: 129 is out of range "
	 "(1 to 128)\n"							   },
	{HTTP REALS "    persistence: {source: 32, cookie: C}\n",
	 "f:8:18: error: services.S.persistence: names a source and a cookie; "
	 "one of them keeps a client\n"					   },
	{HTTP REALS "    persistence: {timeout: 5m}\n",
	 "f:8:18: error: services.S.persistence: names neither source nor "
	 "cookie\n"							       },
	{HTTP REALS "    persistence: {cookie: \"a b\"}\n",
	 "f:8:27: error: services.S.persistence.cookie: 'a b' is not a cookie's "
	 "name (letters, digits and !#$%&'*+-.^_`|~)\n"                           },
	{HTTP REALS "    persistence: {cookie: C, secure: on, timeout: 1m, same_site: "
		    "maybe}\n",				   "f:8:38: warning: services.S.persistence.secure: browsers send the "
	 "cookie over TLS only, which does not end here\n"
	 "f:8:42: error: services.S.persistence.timeout: is not used without "
	 "source\n"
	 "f:8:66: error: services.S.persistence.same_site: 'maybe' is not "
	 "one of off, none, lax, strict\n"},
	{HTTP REALS "    persistence: {cookie: C, same_site: none}\n",
	 "f:8:41: warning: services.S.persistence.same_site: browsers refuse "
	 "such a cookie without secure: on\n"                                     },
	{HTTP REALS "    persistence: {source: 24, secure: on}\n",
	 "f:8:31: error: services.S.persistence.secure: is not used without "
	 "cookie\n"							       },
	{HTTP REALS "    persistence: source\n",
	 "f:8:18: error: services.S.persistence: a map of keys belongs here\n"    },
	{HTTP REALS "    slow_start: 30\n    maxconn: -1\n",
	 "f:8:17: error: services.S.slow_start: '30' needs a unit: ms, s, "
	 "m, h or d (like 6s)\n"
	 "f:9:14: error: services.S.maxconn: '-1' is not a whole number\n"        },
	{HTTP REALS "    error_pages: {404: /a, 503: a.html, 502: [b]}\n",
	 "f:8:19: error: services.S.error_pages.404: has no page here (400, "
	 "403, 408, 413, 431, 502, 503 and 504 have)\n"
	 "f:8:33: error: services.S.error_pages.503: 'a.html' is not an absolute "
	 "path\n"
	 "f:8:46: error: services.S.error_pages.502: one value belongs here, "
	 "not a list\n"							   },
	{HTTP REALS "    error_pages: /a\n",
	 "f:8:18: error: services.S.error_pages: a map belongs here (error_pages: "
	 "{503: /etc/lbxdp/503.html})\n"					  },
	{HTTP REALS "    routes: [{}]\n",
	 "f:8:14: error: services.S.routes[0]: names neither path nor host\n"     },
};

static const struct saying route_sayings[] = {
	{HTTP REALS "    routes: [{path: ews}, {host: \"a:443\"}, {path: /a?b}]\n",
	 "f:8:21: error: services.S.routes[0].path: 'ews' is not a path: "
	 "it begins with one /\n"
	 "f:8:34: error: services.S.routes[1].host: 'a:443' is not a host "
	 "name (without a port)\n"
	 "f:8:51: error: services.S.routes[2].path: '/a?b' is not a path: "
	 "it holds one of ? # \\\n"															},
	{HTTP REALS "    routes: [{path: /ews}, {path: /EWS}]\n",
	 "f:8:28: error: services.S.routes[1]: is never used: the route at "
	 "line 8 has the same path and host\n"													     },
	{HTTP REALS "    routes: [{path: /ecp, deny: on}, {path: /, deny: off}]\n",                          ""                                            },
	{HTTP REALS "    routes: [{path: /ecp, deny: maybe}]\n",
	 "f:8:33: error: services.S.routes[0].deny: 'maybe' is not one of off, on\n"                                                                       },
	{HTTP REALS "    routes: [{path: /ecp, deny: on, scheduler: rr}]\n",
	 "f:8:27: error: services.S.routes[0].deny: lets nobody in; reals, check and scheduler say "
	 "nothing here\n"																  },
	{HTTP REALS "    routes: [{path: /ews, scheduler: rr}]\n",
	 "f:8:27: error: services.S.routes[0].scheduler: is not used without "
	 "reals or check\n"																},
	{HTTP REALS "    routes: [{path: /ews, check: {type: htps}}, {path: /oab, check: "
		    "{type: tcp}}]\n",							      "f:8:41: error: services.S.routes[0].check.type: 'htps' is not one "
	 "of on, off, ping, connect, tcp, http, https, smtp, imap, imaps, "
	 "pop3, pop3s (did you mean https?)\n"
	 "f:8:62: error: services.S.routes[1].check.steps: a tcp check needs "
	 "steps (steps: [{expect: \"220\"}]), or is type connect\n"                                         },
	{HTTP REALS "    routes: [{path: /ews, reals: {}}, {path: /oab, reals: {A: {ip: "
		    "192.168.30.10}, B: {ip: 10.0.0.1}, C: {ip: 10.0.0.1}, backup: {ip: "
		    "10.0.0.2}}}]\n",							       "f:8:14: error: services.S.routes[0].reals: no real server (like "
	 "reals: {CAS1: {ip: 192.168.30.20}})\n"
	 "f:8:68: error: services.S.routes[1].reals.A.ip: 192.168.30.10 is "
	 "a VIP, of service S; a real server's own address belongs here\n"
	 "f:8:111: error: services.S.routes[1].reals.C.ip: 10.0.0.1 is already "
	 "the address of a real server of this service, at line 8\n"
	 "f:8:122: error: services.S.routes[1].reals.backup: the label is "
	 "kept for the key backup: beside reals:\n"							  },
	{HTTP REALS "    routes: [{path: /a/b, check: {type: on}}, {path: /a-b, check: "
		    "{type: on}}]\n",							       "f:8:47: error: services.S.routes[1]: its name 'S:a-b' is taken "
	 "already, at line 8 (name: gives it another)\n"                                                     },
	{HTTP REALS "    routes: [{path: /a, check: {type: on}, name: a/b}, {path: "
		    "/01234567890123456789012345678901234567890123456789012345678901, "
		    "check: {type: on}}]\n",							"f:8:50: error: services.S.routes[0].name: its name 'S:a/b' holds "
	 "'/' or '*', which separate and match labels on the command line "
	 "(name: gives it another)\n"
	 "f:8:56: error: services.S.routes[1]: its name "
	 "'S:0123456789012345678901234567890123456789012345...' "
	 "is longer than 63 bytes (name: gives it another)\n"                                         },
	{HTTP REALS "    routes: [{path: /a, check: {type: on}}]\n"
		    "  \"S:a\": {vip: 192.168.30.11, ports: 1, reals: {A: {ip: 192.168.30.20}}}\n", "f:8:14: error: services.S.routes[0]: its name 'S:a' is taken already, "
	 "at line 9 (name: gives it another)\n"},
	{HTTP "    routes: [{path: /a}, {path: /b, check: {type: on}}]\n",
	 "f:7:14: error: services.S.routes[0]: leads to no real server: neither "
	 "it nor the service has reals\n"
	 "f:7:26: error: services.S.routes[1]: leads to no real server: neither "
	 "it nor the service has reals\n"														  },
	{HTTP "    routes: [{path: /a, reals: {A: {ip: 10.0.0.1}}}]\n",                                      ""                                            },
	{TCP "    routes: [{reals: {A: {ip: 10.0.0.1}}}]\n",
	 "f:7:14: error: services.S.routes[0].host: with mode l7-tcp the "
	 "name in the client's TLS decides (like host: mail.example.com)\n"										},
	{HTTP "    reals: {A: {ip: 10.0.0.1, verify: ca, ca: /ca.pem, sni: a}, "
	      "B: {ip: 10.0.0.2, reencrypt: on, verify: ca}, C: {ip: 10.0.0.3, "
	      "reencrypt: on, ca: /ca.pem}, D: {ip: 10.0.0.4, reencrypt: on, sni: "
	      "\"a:1\", ca: ca.pem, verify: no}}\n",						"f:7:31: error: services.S.reals.A.verify: is not used without reencrypt: "
	 "on\n"
	 "f:7:43: error: services.S.reals.A.ca: is not used without reencrypt: "
	 "on\n"
	 "f:7:56: error: services.S.reals.A.sni: is not used without reencrypt: "
	 "on\n"
	 "f:7:65: error: services.S.reals.B.ca: verify: ca needs it (like "
	 "ca: /etc/lbxdp/ca.pem)\n"
	 "f:7:144: error: services.S.reals.C.ca: is not used without verify: "
	 "ca\n"
	 "f:7:196: error: services.S.reals.D.sni: 'a:1' is not a host name "
	 "(without a port)\n"
	 "f:7:207: error: services.S.reals.D.ca: 'ca.pem' is not an absolute "
	 "path\n"
	 "f:7:223: error: services.S.reals.D.verify: 'no' is not one of none, "
	 "ca\n"									       },
};

static const struct saying real_sayings[] = {
	{HTTP "    reals: {A: {ip: 10.0.0.1, min_connections: 5}, B: {ip: 10.0.0.2, "
	      "min_connections: 6, max_connections: 5}}\n",			  "f:7:31: error: services.S.reals.A.min_connections: is not used "
	 "without max_connections\n"
	 "f:7:87: error: services.S.reals.B.min_connections: is above max_connections, "
	 "5\n"	      },
	{HEAD VIP "    reals: {A: {ip: 192.168.30.20, reencrypt: on, verify: ca, ca: "
		  "/a, sni: a}}\n",						  "f:6:36: error: services.S.reals.A.reencrypt: belongs to layer 7 "
	 "(mode: l7-tcp or l7-http)\n"
	 "f:6:51: error: services.S.reals.A.verify: belongs to layer 7 (mode: "
	 "l7-tcp or l7-http)\n"
	 "f:6:63: error: services.S.reals.A.ca: belongs to layer 7 (mode: "
	 "l7-tcp or l7-http)\n"
	 "f:6:71: error: services.S.reals.A.sni: belongs to layer 7 (mode: "
	 "l7-tcp or l7-http)\n"                     },
	{HEAD VIP "    reals: {A: {ip: 192.168.30.20, reencrypt: off, verify: none, "
		  "ca: none, sni: none, min_connections: 0, max_connections: 0}}\n", ""},
	{HTTP REALS "    timeouts: {request: 99ms, queue: 31d, tunnel: 1}\n",
	 "f:8:25: error: services.S.timeouts.request: 99ms is out of range "
	 "(100ms to 30d)\n"
	 "f:8:38: error: services.S.timeouts.queue: 31d is out of range (100ms "
	 "to 30d)\n"
	 "f:8:51: error: services.S.timeouts.tunnel: '1' needs a unit: ms, "
	 "s, m, h or d (like 6s)\n"							     },
	{NODE "l7: {logging: file}\n",
	 "f:2:15: error: l7.logging: 'file' is not off, on or an absolute "
	 "path\n"									       },
	{NODE "l7: {request_buffer: 100}\n",
	 "f:2:22: error: l7.request_buffer: 100 is out of range (4096 to "
	 "1048576, or auto)\n"								  },
	{NODE "defaults: {timeouts: {request: auto, queue: auto, tunnel: 0}}\n",
	 "f:2:59: error: defaults.timeouts.tunnel: 0 is out of range (100ms "
	 "to 30d)\n"									    },
};

static void expect_all(const struct saying *all, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct buf messages = {0};
		struct model *m = read_text(all[i].text, &messages);

		if (strcmp(buf_text(&messages), all[i].messages))
			print_error("%s", all[i].text);
		assert_string_equal(buf_text(&messages), all[i].messages);
		assert_int_equal(m == NULL, strstr(all[i].messages, " error: ") != NULL);
		model_free(m);
		buf_free(&messages);
	}
}

static void keys_of_another_mode_are_refused_but_for_neutral_values(void **state)
{
	expect_all(misplaced_sayings, ARRAY_COUNT(misplaced_sayings));
}

static void who_gets_a_connection_is_said_at_layer_4_too(void **state)
{
	expect_all(order_sayings, ARRAY_COUNT(order_sayings));
}

static void each_value_is_judged_at_its_place(void **state)
{
	expect_all(limit_sayings, ARRAY_COUNT(limit_sayings));
}

static void a_redirect_refuses_what_it_would_ignore(void **state)
{
	expect_all(redirect_sayings, ARRAY_COUNT(redirect_sayings));
}

static void persistence_and_pages_are_judged_together(void **state)
{
	expect_all(persistence_sayings, ARRAY_COUNT(persistence_sayings));
}

static void a_route_must_match_lead_somewhere_and_have_a_name(void **state)
{
	expect_all(route_sayings, ARRAY_COUNT(route_sayings));
}

static void keys_of_a_real_server_need_one_another(void **state)
{
	expect_all(real_sayings, ARRAY_COUNT(real_sayings));
}

static void keys_that_are_missing_have_the_documented_defaults(void **state)
{
	struct model *m = must_read(HTTP REALS);
	const struct service_config *s = &m->services[0];

	assert_int_equal(s->mode, MODE_L7_HTTP);
	assert_int_equal(s->scheduler, SCHEDULER_WRR);
	assert_int_equal(s->l7.request_buffer, 16384); /* R55 */
	assert_int_equal(s->l7.max_body, 0);
	assert_int_equal(s->l7.forwarded_for, PROXY_FORWARDED_APPEND);
	assert_int_equal(s->l7.request, 10000);
	assert_int_equal(s->l7.queue, 30000);
	assert_int_equal(s->l7.tunnel, 60 * 60 * 1000);
	assert_int_equal(s->l7.maxconn, 0);
	assert_int_equal(s->slow_start, 0);
	assert_int_equal(s->persist.source, 0);
	assert_string_equal(s->persist.cookie, "");
	assert_int_equal(s->l7.tls.certificate_count, 0);
	assert_false(service_is_redirect(s));
	assert_false(s->reals[0].reencrypt);              /* R53 */
	assert_int_equal(s->reals[0].max_connections, 0); /* R43 */
	assert_false(m->l7.logging);
	assert_true(m->l7.splice);
	model_free(m);
}

static void tls_and_limits_are_read(void **state)
{
	struct model *m = must_read(
		"l7: {request_buffer: 51200, logging: /var/log/s.log, splice: off}\n" HTTP
		"    scheduler: wlc\n    maxconn: 4000\n    slow_start: 30s\n"
		"    timeouts: {request: 5s}\n    source: client\n"
		"    tls: {certificates: [/a.pem, /b.pem], min_version: \"1.3\", client_ca: "
		"/c.pem}\n"
		"    reals: {A: {ip: 10.0.0.1, reencrypt: on, verify: ca, ca: /d.pem, sni: a.b,\n"
		"      min_connections: 3, max_connections: 4}}\n");
	const struct service_config *s = &m->services[0];

	assert_true(m->l7.logging);
	assert_false(m->l7.splice);
	assert_string_equal(m->l7.log_file, "/var/log/s.log");
	assert_int_equal(s->l7.request_buffer, 51200);
	assert_int_equal(s->scheduler, SCHEDULER_WLC);
	assert_int_equal(s->l7.maxconn, 4000);
	assert_int_equal(s->slow_start, 30000);
	assert_int_equal(s->l7.request, 5000);
	assert_int_equal(s->l7.source, PROXY_SOURCE_CLIENT);
	assert_int_equal(s->l7.tls.certificate_count, 2);
	assert_string_equal(s->l7.tls.certificates[1].path, "/b.pem");
	assert_int_equal(s->l7.tls.certificates[1].place.line, 13);
	assert_int_equal(s->l7.tls.min_version, TLS_OLDEST_1_3);
	assert_string_equal(s->l7.tls.client_ca.path, "/c.pem");
	assert_true(s->reals[0].reencrypt && s->reals[0].verify);
	assert_string_equal(s->reals[0].ca.path, "/d.pem");
	assert_string_equal(s->reals[0].sni, "a.b");
	assert_int_equal(s->reals[0].min_connections, 3);
	assert_int_equal(s->reals[0].max_connections, 4);
	model_free(m);
}

static void a_number_beside_the_words_for_none_is_itself(void **state)
{
	struct model *m =
		must_read("l7: {request_buffer: 51200}\n" HTTP REALS "    request_buffer: 16384\n");

	assert_int_equal(m->services[0].l7.request_buffer, 16384);
	model_free(m);
}

static void persistence_is_by_source_or_by_cookie(void **state)
{
	static const struct {
		const char *says;
		uint32_t source, source6, timeout;
		const char *cookie;
		bool secure, http_only;
		enum proxy_same_site same_site;
	} cases[] = {
		{"{source: 24}",					     24, 128, 300000,  "",  false, true,  0                  },
		{"{source6: 64, timeout: 1h}",                               32, 64,  3600000, "",  false, true,  0                  },
		{"{cookie: C}",					      0,  0,   300000,  "C", true,  true,  PROXY_SAME_SITE_OFF},
		{"{cookie: C, secure: off, http_only: off, same_site: lax}", 0,  0,   300000,  "C",
		 false,										    false, PROXY_SAME_SITE_LAX},
	};

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct buf text = {0};
		const struct service_config *s;
		struct model *m;

		buf_printf(&text,
			   HTTP REALS "    tls: {certificates: /a.pem}\n    persistence: %s\n",
			   cases[i].says);
		m = must_read(buf_text(&text));
		s = &m->services[0];
		assert_int_equal(s->persist.source, cases[i].source);
		assert_int_equal(s->persist.source6, cases[i].source6);
		assert_int_equal(s->persist.timeout, cases[i].timeout);
		assert_string_equal(s->persist.cookie, cases[i].cookie);
		assert_int_equal(s->persist.secure, cases[i].secure);
		assert_int_equal(s->persist.http_only, cases[i].http_only);
		assert_int_equal(s->persist.same_site, cases[i].same_site);
		model_free(m);
		buf_free(&text);
	}
}

static const struct header_list *list_of(const struct service_config *s, enum proxy_rule_kind kind)
{
	return &s->l7.headers[kind - PROXY_RULE_REQUEST_SET];
}

static void changes_of_heads_are_read_in_order(void **state)
{
	struct model *m = must_read(
		HTTP REALS
		"    request_headers: {set: {X-A: b, X-B: \"\"}, add: {X-C: c d}, delete: X-D}\n"
		"    response_headers: {delete: [Server, X-E]}\n"
		"    rewrite: [{from: /a, to: /b}, {from: /c/, to: /}]\n"
		"    trust_forwarded_from: [10.0.0.0/8, \"2001:db8::/32\"]\n"
		"    forwarded_for: replace\n    redirect_root: /owa/\n"
		"    error_pages: {503: /a.html, 413: /b.html}\n    max_body: 4294967295\n");
	const struct service_config *s = &m->services[0];
	const struct header_list *set = list_of(s, PROXY_RULE_REQUEST_SET);

	assert_int_equal(set->count, 2);
	assert_string_equal(set->at[0].name, "X-A");
	assert_string_equal(set->at[1].value, "");
	assert_string_equal(list_of(s, PROXY_RULE_REQUEST_ADD)->at[0].value, "c d");
	assert_string_equal(list_of(s, PROXY_RULE_REQUEST_DELETE)->at[0].name, "X-D");
	assert_int_equal(list_of(s, PROXY_RULE_RESPONSE_SET)->count, 0);
	assert_string_equal(list_of(s, PROXY_RULE_RESPONSE_DELETE)->at[1].name, "X-E");
	assert_int_equal(s->l7.rewrite_count, 2);
	assert_string_equal(s->l7.rewrites[1].from, "/c/");
	assert_int_equal(s->l7.trust.count, 2);
	assert_int_equal(s->l7.trust.at[0].len, 104);
	assert_int_equal(s->l7.forwarded_for, PROXY_FORWARDED_REPLACE);
	assert_string_equal(s->l7.redirect_root, "/owa/");
	assert_int_equal(s->l7.page_count, 2);
	assert_int_equal(s->l7.pages[1].status, 413);
	assert_string_equal(s->l7.pages[1].file.path, "/b.html");
	assert_true(s->l7.max_body == UINT32_MAX);
	model_free(m);
}

static void a_redirect_needs_no_reals(void **state) /* R90 */
{
	struct model *m = must_read(HTTP "    redirect: {to: https}\n");

	assert_true(service_is_redirect(&m->services[0]));
	assert_int_equal(m->services[0].l7.redirect.code, 301);
	assert_int_equal(m->services[0].real_count, 0);
	model_free(m);
	m = must_read(HTTP "    redirect: {to: https, code: 308}\n");
	assert_int_equal(m->services[0].l7.redirect.code, 308);
	model_free(m);
}

#define ROUTES                                                                                     \
	"    routes:\n"                                                                            \
	"      - {path: /EWS/, check: {type: https, request: ews/healthcheck.htm}, scheduler: "    \
	"lc}\n"                                                                                    \
	"      - {path: /plain}\n"                                                                 \
	"      - {host: auto.example.com, reals: {C: {ip: 10.0.0.3}}}\n"                           \
	"      - {host: a.example.com, path: /x/y, name: why, reals: {D: {ip: 10.0.0.4}}}\n"

/* R19, R20 */
static void a_route_with_reals_or_a_check_of_its_own_is_a_pool(void **state)
{
	struct model *m =
		must_read(HTTP REALS "    backup: {ip: 10.0.0.9}\n" ROUTES
				     "  T:\n    vip: 192.168.30.11\n    ports: 1\n" REALS);
	const struct service_config *s = model_service(m, "S"), *ews = model_service(m, "S:EWS");
	const struct service_config *autod = model_service(m, "S:auto.example.com");
	const struct service_config *why = model_service(m, "S:why");

	assert_int_equal(m->service_count, 5);
	assert_string_equal(m->services[4].name, "T"); /* pools stand behind their service */
	assert_ptr_equal(ews, s + 1);
	assert_ptr_equal(ews->parent, s);
	assert_null(s->parent);
	assert_int_equal(ews->mode, MODE_L7_HTTP);
	assert_int_equal(ews->port_range_count, 0);
	assert_int_equal(ews->vip_count, 1);
	assert_int_equal(ews->scheduler, SCHEDULER_LC);
	assert_int_equal(ews->checks[0].type, CHECK_HTTPS);
	assert_int_equal(ews->real_count, 2);
	assert_true(ews->reals[1].backup);
	assert_string_equal(autod->reals[0].name, "C");
	assert_int_equal(autod->checks[0].type, CHECK_CONNECT);
	assert_int_equal(autod->scheduler, SCHEDULER_WRR);
	assert_int_equal(s->l7.route_count, 4);
	assert_ptr_equal(s->l7.routes[0].pool, ews);
	assert_ptr_equal(s->l7.routes[1].pool, s);
	assert_ptr_equal(s->l7.routes[2].pool, autod);
	assert_ptr_equal(s->l7.routes[3].pool, why);
	assert_int_equal(ews->l7.route_count, 0);
	model_free(m);
}

static void a_pool_is_checked_on_the_ports_of_its_service(void **state)
{
	struct model *m = must_read(HTTP REALS ROUTES);
	const struct service_config *ews = model_service(m, "S:EWS");
	const struct service_config *autod = model_service(m, "S:auto.example.com");
	struct check_spec spec;

	assert_int_equal(service_check_count(ews, &ews->reals[0]), 1);
	assert_true(service_check_spec(ews, &ews->reals[0], 0, &spec));
	assert_int_equal(spec.port, 443);
	assert_string_equal(spec.request, "/ews/healthcheck.htm");
	assert_int_equal(service_check_count(autod, &autod->reals[0]), 1);
	model_free(m);
}

static void names_of_pools_come_from_host_and_path(void **state)
{
	static const struct {
		const char *route, *name;
	} cases[] = {
		{"{path: /ews, ",                     "S:ews"         },
		{"{path: /ews/, ",                    "S:ews"         },
		{"{path: /owa/auth, ",                "S:owa-auth"    },
		{"{path: /, ",                        "S:all"         },
		{"{host: a.b, ",                      "S:a.b"         },
		{"{host: a.b, path: /, ",             "S:a.b"         },
		{"{host: a.b, path: /c/d, ",          "S:a.b-c-d"     },
		{"{path: /ews, name: web services, ", "S:web services"},
	};

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct buf text = {0};
		struct model *m;

		buf_printf(&text, HTTP REALS "    routes: [%scheck: {type: on}}]\n",
			   cases[i].route);
		m = must_read(buf_text(&text));
		assert_string_equal(m->services[1].name, cases[i].name);
		model_free(m);
		buf_free(&text);
	}
}

static void note_file(void *arg, const struct model_file *f)
{
	static const char *const kinds[] = {"identity", "ca", "check", "page"};

	buf_printf(arg, "%s %s:%u; ", kinds[f->kind], f->path, f->place.line);
}

static void each_file_is_known_by_its_place_once(void **state)
{
	struct model *m = must_read(
		HTTP "    reals: {A: {ip: 10.0.0.1, reencrypt: on, verify: ca, ca: /real.pem}}\n"
		     "    check: {type: https, verify: ca, ca: /check.pem}\n"
		     "    tls: {certificates: [/a.pem,\n      /b.pem], client_ca: /c.pem}\n"
		     "    error_pages: {503: /503.html}\n"
		     "    routes: [{path: /a, check: {type: on}}, {path: /b, reals: {B: {ip: "
		     "10.0.0.2,\n      reencrypt: on, verify: ca, ca: /b-real.pem}}}]\n");
	struct buf said = {0};

	model_each_file(m, note_file, &said);
	assert_string_equal(
		buf_text(&said),
		"identity /a.pem:9; identity /b.pem:10; ca /c.pem:10; page /503.html:11; "
		"ca /real.pem:7; check /check.pem:8; ca /b-real.pem:13; ");
	buf_free(&said);
	model_free(m);
}

/* Everything that can be said. */
static const char full[] =
	"l7: {request_buffer: 8192, logging: on, splice: off}\n" HTTP
	"    scheduler: sh\n    slow_start: 90s\n    maxconn: 7\n    request_buffer: 51200\n"
	"    source: client\n    forwarded_for: keep\n    redirect_root: /owa/\n    max_body: 9\n"
	"    timeouts: {request: 1s, queue: 2s, tunnel: 3s}\n"
	"    tls: {certificates: [/a b.pem, /b.pem], min_version: \"1.3\", client_ca: /c.pem}\n"
	"    persistence: {cookie: C, secure: on, http_only: off, same_site: strict}\n"
	"    request_headers: {set: {X-A: \"b: 'c' #\"}, add: {X-B: \"\"}, delete: [X-C, X-D]}\n"
	"    response_headers: {set: {Server: none}}\n"
	"    rewrite: [{from: /a, to: /b}]\n    error_pages: {503: /x, 400: /y}\n"
	"    trust_forwarded_from: [10.0.0.0-10.0.0.2, \"::/0\"]\n"
	"    reals: {A: {ip: 10.0.0.1, reencrypt: on, verify: ca, ca: /d.pem, sni: a.b,\n"
	"      min_connections: 3, max_connections: 4}}\n    backup: {ip: 10.0.0.9, reencrypt: "
	"on}\n" ROUTES
	"  R: {mode: l7-http, vip: 192.168.30.11, ports: 80, redirect: {to: https, code: 307}}\n"
	"  T: {mode: l7-tcp, vip: 192.168.30.11, ports: 81, persistence: {source6: 56},\n"
	"    routes: [{host: a, reals: {B: {ip: 10.0.0.2}}}]}\n";

static void what_is_printed_reads_back_the_same(void **state)
{
	struct buf once = {0}, twice = {0};
	struct model *m = must_read(full);

	config_print(m, &once);
	model_free(m);
	m = must_read(buf_text(&once));
	assert_int_equal(m->service_count, 7);
	assert_true(service_is_redirect(model_service(m, "R")));
	config_print(m, &twice);
	model_free(m);
	assert_string_equal(buf_text(&once), buf_text(&twice));
	assert_non_null(strstr(buf_text(&once), "        X-A: \"b: 'c' #\"\n"));
	assert_non_null(strstr(buf_text(&once), "          D:\n            ip: 10.0.0.4\n"));
	assert_null(strstr(buf_text(&once), "S:EWS"));
	assert_null(strstr(buf_text(&once), "path: \"\"")); /* what says nothing is left away */
	buf_free(&once);
	buf_free(&twice);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_of_another_mode_are_refused_but_for_neutral_values),
		cmocka_unit_test(who_gets_a_connection_is_said_at_layer_4_too),
		cmocka_unit_test(each_value_is_judged_at_its_place),
		cmocka_unit_test(a_redirect_refuses_what_it_would_ignore),
		cmocka_unit_test(persistence_and_pages_are_judged_together),
		cmocka_unit_test(a_route_must_match_lead_somewhere_and_have_a_name),
		cmocka_unit_test(keys_of_a_real_server_need_one_another),
		cmocka_unit_test(keys_that_are_missing_have_the_documented_defaults),
		cmocka_unit_test(tls_and_limits_are_read),
		cmocka_unit_test(a_number_beside_the_words_for_none_is_itself),
		cmocka_unit_test(persistence_is_by_source_or_by_cookie),
		cmocka_unit_test(changes_of_heads_are_read_in_order),
		cmocka_unit_test(a_redirect_needs_no_reals),
		cmocka_unit_test(a_route_with_reals_or_a_check_of_its_own_is_a_pool),
		cmocka_unit_test(a_pool_is_checked_on_the_ports_of_its_service),
		cmocka_unit_test(names_of_pools_come_from_host_and_path),
		cmocka_unit_test(each_file_is_known_by_its_place_once),
		cmocka_unit_test(what_is_printed_reads_back_the_same),
	};

	return cmocka_run_group_tests_name("config_l7", tests, NULL, NULL);
}
