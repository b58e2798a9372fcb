/* SPDX-License-Identifier: GPL-2.0-only */
#include "core/schema.h"

#include <string.h>

#include "base/alloc.h"
#include "core/config_draft.h"
#include "core/config_value.h"
#include "lbxdp/abi.h"

enum { SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE, DAY = 24 * HOUR };

#define FIELD(type, member)                                                                        \
	.offset = offsetof(struct type, member), .size = sizeof(((struct type *)0)->member)

#define ARRAY(type, member, item, count)                                                           \
	.offset = offsetof(struct type, member), .size = sizeof(struct item),                      \
	.counter = offsetof(struct type, count)

#define TYPE(t)    (1u << CHECK_##t)
#define TYPES_HTTP (TYPE(HTTP) | TYPE(HTTPS))
#define TYPES_TLS  (TYPE(HTTPS) | TYPE(IMAPS) | TYPE(POP3S))
#define TYPES_RUN  (((1u << CHECK_TYPE_COUNT) - 1) & ~(TYPE(ON) | TYPE(OFF)))
#define TYPES_PORT (TYPES_RUN & ~TYPE(PING))

#define NEUTRAL "none off 0 auto"

#define LAYER7 (1u << MODE_L7_TCP)

static const char *word_of(const char *const *words, size_t count, uint32_t value)
{
	return value < count ? words[value] : NULL;
}

static const char *word_mode(uint32_t value)
{
	return value < MODE_COUNT ? mode_name((enum service_mode)value) : NULL;
}

static const char *word_scheduler(uint32_t value)
{
	return value < SCHEDULER_COUNT ? scheduler_name((enum scheduler)value) : NULL;
}

static const char *word_on_down(uint32_t value)
{
	return value <= ON_DOWN_RESET ? on_down_name((enum on_down)value) : NULL;
}

static const char *word_check_type(uint32_t value)
{
	return value < CHECK_TYPE_COUNT ? check_type_name((enum check_type)value) : NULL;
}

static const char *word_protocol(uint32_t value)
{
	return value == IPPROTO_TCP || value == IPPROTO_UDP ? protocol_name((uint8_t)value) : NULL;
}

static const char *word_proxy_header(uint32_t value)
{
	return value <= PROXY_HEADER_V2 ? proxy_header_name((enum proxy_header)value) : NULL;
}

static const char *word_xdp_mode(uint32_t value)
{
	static const char *const words[] = {[XDP_MODE_AUTO] = "auto",
					    [XDP_MODE_NATIVE] = "native",
					    [XDP_MODE_GENERIC] = "generic"};

	return word_of(words, ARRAY_COUNT(words), value);
}

static const char *word_on_stop(uint32_t value)
{
	static const char *const words[] = {[ON_STOP_LEAVE] = "leave", [ON_STOP_DETACH] = "detach"};

	return word_of(words, ARRAY_COUNT(words), value);
}

static const char *word_require(uint32_t value)
{
	static const char *const words[] = {[REQUIRE_ALL] = "all", [REQUIRE_ANY] = "any"};

	return word_of(words, ARRAY_COUNT(words), value);
}

static const char *word_verify(uint32_t value)
{
	static const char *const words[] = {"none", "ca"};

	return word_of(words, ARRAY_COUNT(words), value);
}

static const char *judge_line(const char *text)
{
	return value_is_printable(text, true) ? NULL : "holds control characters";
}

static const char *judge_token(const char *text)
{
	return value_is_printable(text, false) ? NULL : "holds spaces or control characters";
}

static const char *judge_file(const char *text)
{
	if (*text && *text != '/')
		return "is not an absolute path";
	return judge_line(text);
}

static const char *judge_method(const char *text)
{
	if (!strcmp(text, "GET") || !strcmp(text, "HEAD") || !strcmp(text, "OPTIONS"))
		return NULL;
	return "is not GET, HEAD or OPTIONS";
}

/* Where this version has no answer yet; the design names them. */
#define LATER(name, words, text)                                                                   \
	{                                                                                          \
		.key = name, .type = SCHEMA_LATER, .neutral = words, .help = text                  \
	}

static const struct schema_row node_rows[] = {
	{.key = "name",
	 .type = SCHEMA_TEXT,
	 FIELD(config_draft, model.node.name),
	 .max = 63,
	 .judge = judge_token,
	 .doc_default = "the host's name",
	 .help = "Name of this node, shown by status and metrics."},
	{.key = "interfaces",
	 .type = SCHEMA_INTERFACES,
	 .offset = offsetof(struct config_draft, model.node.interfaces),
	 .counter = offsetof(struct config_draft, model.node.interface_count),
	 .max = LB_IFACES_MAX,
	 .doc_default = "none",
	 .help = "Interfaces that lbxdp up attaches to, beside those of its command line."},
	{.key = "xdp_mode",
	 .type = SCHEMA_WORD,
	 FIELD(config_draft, model.node.xdp_mode),
	 .fallback = "auto",
	 .word = word_xdp_mode,
	 .max = 8,
	 .help = "How the program is attached: native in the driver, generic in the stack, or "
		 "native where possible."},
	{.key = "on_stop",
	 .type = SCHEMA_WORD,
	 FIELD(config_draft, model.node.on_stop),
	 .fallback = "leave",
	 .word = word_on_stop,
	 .max = 8,
	 .help = "What the end of the daemon does to the data plane: leave it working, or detach "
		 "it."},
	{.key = "flows",
	 .type = SCHEMA_UINT,
	 FIELD(config_draft, model.node.flows),
	 .fallback = "auto",
	 .zero = "auto",
	 .min = 1024,
	 .max = 16777216,
	 .help = "Entries of each table of established flows; auto takes them from the machine's "
		 "memory."},
	{.key = "orphan_timeout",
	 .type = SCHEMA_DURATION,
	 FIELD(config_draft, model.node.orphan_timeout),
	 .fallback = "off",
	 .zero = "off",
	 .min = 1000,
	 .max = 86400000,
	 .help = "When the daemon has been gone for so long, the data plane stops answering ARP, "
		 "ND "
		 "and ping for the VIPs, so that a peer can take them over; what it forwards goes "
		 "on."},
	{.key = NULL         },
};

static const struct schema_row admin_rows[] = {
	{.key = "listen",
	 .type = SCHEMA_LISTEN,
	 .fallback = "127.0.0.1:9443",
	 .help = "Where /metrics is served over HTTP: ADDRESS:PORT, [IPV6]:PORT or off."},
	{.key = NULL},
};

static const struct schema_row l7_rows[] = {
	{.key = "maxconn",
	 .type = SCHEMA_UINT,
	 FIELD(config_draft, model.l7.maxconn),
	 .fallback = "auto",
	 .doc_default = "40000",
	 .zero = "auto",
	 .min = 1,
	 .max = 1000000,
	 .help = "Sessions of all layer-7 services together; clients beyond them wait to "
		 "be accepted; auto is 40000."},
	LATER("request_buffer", "16384 0 auto", "Bytes of an HTTP request's head."),
	LATER("logging", "off none 0", "Log each layer-7 session."),
	LATER("tproxy", "off none 0", "Transparent proxying."),
	{.key = NULL},
};

#define TIMING(name, lowest, highest, value, text)                                                 \
	{                                                                                          \
		.key = #name, .type = SCHEMA_DURATION, FIELD(config_draft, check.name),            \
		.fallback = value, .min = lowest, .max = highest, .help = text                     \
	}

#define COUNTING(name, value, text)                                                                \
	{                                                                                          \
		.key = #name, .type = SCHEMA_UINT, FIELD(config_draft, check.name),                \
		.fallback = value, .min = 1, .max = 100, .help = text                              \
	}

static const struct schema_row default_check_rows[] = {
	TIMING(interval, 100, HOUR, "6s", "Time from one run of a check to the next."),
	TIMING(fast_interval, 100, HOUR, "1s",
	       "The same while a state is changing; at most the interval."),
	TIMING(timeout, 10, 10 * MINUTE, "3s", "A run that takes longer has failed."),
	COUNTING(fall, "2", "Failed runs in a row that make a real server down."),
	COUNTING(rise, "2", "Passed runs in a row that make it up again."),
	{.key = NULL},
};

#define TIMEOUT(name, value, text)                                                                 \
	{                                                                                          \
		.key = #name, .type = SCHEMA_DURATION, FIELD(config_draft, model.timeouts.name),   \
		.fallback = value, .min = SECOND, .max = 30u * DAY, .help = text                   \
	}

#define L7_TIMEOUT(name, value, text)                                                              \
	{                                                                                          \
		.key = #name, .type = SCHEMA_DURATION, FIELD(config_draft, l7.name),               \
		.fallback = value, .min = 100, .max = 30u * DAY, .help = text                      \
	}

#define SERVICE_TIMEOUT(name, text)                                                                \
	{                                                                                          \
		.key = #name, .type = SCHEMA_DURATION, FIELD(service_config, l7.name),             \
		.usual = offsetof(struct config_draft, l7.name),                                   \
		.doc_default = "defaults.timeouts." #name, .min = 100, .max = 30u * DAY,           \
		.help = text                                                                       \
	}

#define CONNECT_HELP "Layer 7: a connect to a real server."
#define CLIENT_HELP  "Layer 7: a client that neither sends nor takes anything."
#define SERVER_HELP  "Layer 7: a real server that neither sends nor takes anything."

static const struct schema_row timeout_rows[] = {
	TIMEOUT(syn, "60s", "A layer-4 flow of which only the SYN was seen."),
	TIMEOUT(established, "75m", "An established layer-4 flow without packets of its client."),
	TIMEOUT(closing, "2m", "A layer-4 flow after its client's FIN."),
	TIMEOUT(udp, "5m", "A UDP flow without packets of its client."),
	L7_TIMEOUT(connect, "5s", CONNECT_HELP),
	L7_TIMEOUT(client, "30m", CLIENT_HELP),
	L7_TIMEOUT(server, "30m", SERVER_HELP),
	LATER("request", "10s auto", "Layer 7: a whole request head."),
	LATER("queue", "30s auto", "Layer 7: a place in the queue."),
	LATER("tunnel", "1h auto", "Layer 7: an upgraded connection."),
	{.key = NULL},
};

static const struct schema_row service_timeout_rows[] = {
	SERVICE_TIMEOUT(connect, CONNECT_HELP),
	SERVICE_TIMEOUT(client, CLIENT_HELP),
	SERVICE_TIMEOUT(server, SERVER_HELP),
	{.key = NULL},
};

static const struct schema_row default_rows[] = {
	{.key = "check",
	 .type = SCHEMA_MAP,
	 .sub = default_check_rows,
	 .help = "Timing of every check that says nothing else."},
	{.key = "timeouts",
	 .type = SCHEMA_MAP,
	 .sub = timeout_rows,
	 .help = "How long flows are remembered, and layer 7 waits."},
	{.key = NULL			},
};

static const struct schema_row step_rows[] = {
	{.key = "expect",
	 .type = SCHEMA_ESCAPED,
	 FIELD(check_step, expect),
	 .fallback = "",
	 .help = "Wait until this was received (C escapes)."},
	{.key = "send",
	 .type = SCHEMA_ESCAPED,
	 FIELD(check_step, send),
	 .fallback = "",
	 .help = "Then send this (C escapes such as \\r\\n)."},
	{.key = NULL  },
};

#define CHECK_TEXT(name, value, longest, judged, types, text)                                      \
	{                                                                                          \
		.key = #name, .type = SCHEMA_TEXT, FIELD(check_config, name), .fallback = value,   \
		.max = longest, .judge = judged, .for_types = types, .help = text                  \
	}

#define CHECK_TIMING(name, lowest, highest, text)                                                  \
	{                                                                                          \
		.key = #name, .type = SCHEMA_DURATION, FIELD(check_config, name), .min = lowest,   \
		.max = highest, .for_types = TYPES_RUN, .doc_default = "defaults.check." #name,    \
		.help = text                                                                       \
	}

#define CHECK_COUNTING(name, text)                                                                 \
	{                                                                                          \
		.key = #name, .type = SCHEMA_UINT, FIELD(check_config, name), .min = 1,            \
		.max = 100, .for_types = TYPES_RUN, .doc_default = "defaults.check." #name,        \
		.help = text                                                                       \
	}

static const struct schema_row check_rows[] = {
	{.key = "type",
	 .type = SCHEMA_WORD,
	 FIELD(check_config, type),
	 .word = word_check_type,
	 .max = CHECK_TYPE_COUNT - 1,
	 .doc_default = "connect; ping where protocol is udp",
	 .help = "How the real server is asked. on and off ask nothing: the server counts as up."},
	{.key = "port",
	 .type = SCHEMA_UINT,
	 FIELD(check_config, port),
	 .fallback = "auto",
	 .zero = "auto",
	 .min = 1,
	 .max = 65535,
	 .for_types = TYPES_PORT,
	 .help = "Port that is asked; auto asks each port of the service, at most 16."},
	CHECK_TEXT(request, "/", CHECK_REQUEST_LEN - 2, judge_token, TYPES_HTTP,
		   "Path to ask for, with or without its leading slash."),
	CHECK_TEXT(expect, "", CHECK_TEXT_LEN - 1, judge_line, TYPES_HTTP,
		   "Text wanted in the status line, or in the body of a 2xx answer; empty wants "
		   "status 200."),
	CHECK_TEXT(method, "GET", 15, judge_method, TYPES_HTTP, "GET, HEAD or OPTIONS."),
	CHECK_TEXT(host, "", CHECK_TEXT_LEN - 1, judge_token, TYPES_HTTP,
		   "Host header; empty sends the address."),
	CHECK_TEXT(sni, "", CHECK_TEXT_LEN - 1, judge_token, TYPES_TLS,
		   "Server name of the TLS handshake; empty sends host when that is a name."),
	CHECK_TEXT(helo, "", CHECK_TEXT_LEN - 1, judge_token, TYPE(SMTP), "Name said in EHLO."),
	{.key = "verify",
	 .type = SCHEMA_WORD,
	 FIELD(check_config, verify),
	 .fallback = "none",
	 .word = word_verify,
	 .max = 1,
	 .for_types = TYPES_TLS,
	 .help = "Whether the server's certificate must be signed by ca."},
	CHECK_TEXT(ca, "", CHECK_TEXT_LEN - 1, judge_file, TYPES_TLS,
		   "PEM file of the authorities that verify: ca trusts."),
	{.key = "steps",
	 .type = SCHEMA_STEPS,
	 ARRAY(check_config, steps, check_step, step_count),
	 .max = CHECK_STEPS_MAX,
	 .for_types = TYPE(TCP),
	 .sub = step_rows,
	 .doc_default = "none",
	 .help = "The dialogue of a tcp check, a list of up to 8."},
	CHECK_TIMING(interval, 100, HOUR, "Time from one run to the next."),
	CHECK_TIMING(fast_interval, 100, HOUR, "The same while a state is changing."),
	CHECK_TIMING(timeout, 10, 10 * MINUTE, "A run that takes longer has failed."),
	CHECK_COUNTING(fall, "Failed runs in a row that make a real server down."),
	CHECK_COUNTING(rise, "Passed runs in a row that make it up again."),
	LATER("via", "rip auto", "Send the check to the real server's own address, or to the VIP."),
	{.key = NULL						   },
};

#define REAL_LATER                                                                                 \
	{.key = "port",                                                                            \
	 .type = SCHEMA_UINT,                                                                      \
	 FIELD(real_config, port),                                                                 \
	 .fallback = "auto",                                                                       \
	 .zero = "auto",                                                                           \
	 .min = 1,                                                                                 \
	 .max = 65535,                                                                             \
	 .for_modes = LAYER7,                                                                      \
	 .why = "Direct Routing cannot change ports: the real server gets the port the client "    \
		"came "                                                                            \
		"to (leave port: away)",                                                           \
	 .help = "Port it serves on; auto is the port the client came to."},                       \
		LATER("min_connections", "0 none off",                                             \
		      "Below so many connections a full real server is used again."),              \
		LATER("max_connections", "0 none off", "Connections a real server gets at most."), \
		LATER("slow_start", "0 0s none off",                                               \
		      "Time a returning server takes to its full weight."),                        \
		LATER("reencrypt", "off none 0", "Layer 7: TLS to the real server."),              \
		LATER("verify", "none off 0", "Layer 7: verify the real server's certificate."),   \
		LATER("sni", "none off", "Layer 7: server name for the real server."),             \
		LATER("proxy_protocol", "off none 0", "Layer 7: PROXY header to the real server.")

static const struct schema_row real_rows[] = {
	{.key = "ip",
	 .type = SCHEMA_ADDRESS,
	 FIELD(real_config, ip),
	 .need = "ip: 192.168.30.20",
	 .help = "The real server's own address; with Direct Routing on a network of an attached "
		 "interface."},
	{.key = "weight",
	 .type = SCHEMA_UINT,
	 FIELD(real_config, weight),
	 .fallback = "100",
	 .max = 65535,
	 .help = "Share of the new connections; 0 takes no new ones."},
	REAL_LATER,
	{.key = NULL},
};

static const struct schema_row backup_rows[] = {
	{.key = "ip",
	 .type = SCHEMA_ADDRESS,
	 FIELD(real_config, ip),
	 .need = "ip: 192.168.30.30",
	 .help = "Its address."},
	{.key = "weight",
	 .type = SCHEMA_UINT,
	 FIELD(real_config, weight),
	 .fallback = "1",
	 .min = 1,
	 .max = 65535,
	 .help = "Shown by status; the backup stands alone when it is used."},
	REAL_LATER,
	{.key = NULL},
};

static const struct schema_row proxy_protocol_rows[] = {
	{.key = "accept",
	 .type = SCHEMA_WORD,
	 FIELD(service_config, l7.accept_header),
	 .fallback = "off",
	 .word = word_proxy_header,
	 .max = PROXY_HEADER_V2,
	 .help = "Whether each client's connection begins with a PROXY header that says who it is; "
		 "v1 and v2 are both understood then, and a connection without one is closed."},
	{.key = "send",
	 .type = SCHEMA_WORD,
	 FIELD(service_config, l7.send_header),
	 .fallback = "off",
	 .word = word_proxy_header,
	 .max = PROXY_HEADER_V2,
	 .help = "Whether connections to the real servers begin with one, which they must expect."},
	{.key = NULL   },
};

static const struct schema_row service_rows[] = {
	{.key = "mode",
	 .type = SCHEMA_MODE,
	 FIELD(service_config, mode),
	 .fallback = "l4-dr",
	 .word = word_mode,
	 .later = "l7-http l4-nat l4-snat",
	 .max = MODE_COUNT - 1,
	 .help = "With l4-dr, Direct Routing, servers answer their clients themselves; with l7-tcp "
		 "connections end here and others go on to the servers, which need no change and "
		 "may stand in any network."},
	{.key = "vip",
	 .type = SCHEMA_ADDRESSES,
	 ARRAY(service_config, vips, addr, vip_count),
	 .max = LB_VIPS_MAX,
	 .need = "vip: 192.168.30.10",
	 .help = "Virtual address, or a list of them; IPv4, IPv6 or both."},
	{.key = "ports",
	 .type = SCHEMA_PORTS,
	 ARRAY(service_config, ports, port_range, port_range_count),
	 .max = 65535,
	 .need = "ports: [443]",
	 .help = "One port, a list [143, 993], or text such as \"143,993\" or \"1000-1010\"."},
	{.key = "protocol",
	 .type = SCHEMA_WORD,
	 FIELD(service_config, protocol),
	 .fallback = "tcp",
	 .word = word_protocol,
	 .max = IPPROTO_UDP,
	 .help = "Of the ports; tcp with layer 7."},
	{.key = "scheduler",
	 .type = SCHEMA_WORD,
	 FIELD(service_config, scheduler),
	 .fallback = "wrr",
	 .word = word_scheduler,
	 .later = "wlc rr lc sh maglev",
	 .max = SCHEDULER_COUNT - 1,
	 .help = "Weighted round robin, exact at any number of CPUs."},
	{.key = "on_down",
	 .type = SCHEMA_WORD,
	 FIELD(service_config, on_down),
	 .fallback = "auto",
	 .word = word_on_down,
	 .max = ON_DOWN_RESET,
	 .help = "Running flows or sessions of a real server that goes down: auto resets them when "
		 "it cannot be reached and keeps them otherwise."},
	{.key = "require",
	 .type = SCHEMA_WORD,
	 FIELD(service_config, require),
	 .fallback = "all",
	 .word = word_require,
	 .max = REQUIRE_ANY,
	 .help = "With several checks: whether all must pass, or any."},
	{.key = "allow_from",
	 .type = SCHEMA_PREFIXES,
	 FIELD(service_config, allow_from),
	 .max = LB_ACL_SERVICE_MAX,
	 .neutral = NEUTRAL,
	 .doc_default = "none: everybody",
	 .help = "Clients that may use the service: an address, a network 192.168.30.0/24, a range "
		 "192.168.30.50-192.168.30.60, or a list of them, IPv4 or IPv6; with it, all "
		 "others may not; the most specific entry decides, deny_from where both have it."},
	{.key = "deny_from",
	 .type = SCHEMA_PREFIXES,
	 FIELD(service_config, deny_from),
	 .max = LB_ACL_SERVICE_MAX,
	 .neutral = NEUTRAL,
	 .doc_default = "none",
	 .help = "Clients that may not, written likewise; their packets are dropped and counted "
		 "before the host sees them, and a reload resets the connections they have."},
	{.key = "source",
	 .type = SCHEMA_SOURCE,
	 .fallback = "auto",
	 .later = "client",
	 .neutral = "auto none",
	 .for_modes = LAYER7,
	 .help = "Address that real servers see connections come from: auto is the kernel's choice "
		 "for the route, vip the one the client came to; or an address of this "
		 "host, for real servers of its family."},
	{.key = "timeouts",
	 .type = SCHEMA_MAP,
	 .for_modes = LAYER7,
	 .sub = service_timeout_rows,
	 .help = "When a session ends that nothing happens on."},
	{.key = "proxy_protocol",
	 .type = SCHEMA_MAP,
	 .neutral = NEUTRAL,
	 .for_modes = LAYER7,
	 .sub = proxy_protocol_rows,
	 .help = "PROXY headers, which name the client's own address."},
	{.key = "check",
	 .type = SCHEMA_CHECKS,
	 ARRAY(service_config, checks, check_config, check_count),
	 .max = 16,
	 .sub = check_rows,
	 .doc_default = "a connect check",
	 .help = "Health check, or a list of them."},
	{.key = "reals",
	 .type = SCHEMA_NAMED,
	 ARRAY(service_config, reals, real_config, real_count),
	 .max = LB_REALS_MAX - 1,
	 .sub = real_rows,
	 .help = "Real servers by label."},
	{.key = "backup",
	 .type = SCHEMA_BACKUP,
	 ARRAY(service_config, reals, real_config, real_count),
	 .sub = backup_rows,
	 .doc_default = "none",
	 .help = "Used when no real server is up; asked only by a connection to each port (udp: by "
		 "ping)."},
	LATER("persistence", NEUTRAL, "Keep a client on its real server."),
	LATER("slow_start", "0 0s none off", "Time a returning server takes to its full weight."),
	LATER("redirect", NEUTRAL, "Layer 7: send clients elsewhere."),
	LATER("redirect_root", NEUTRAL, "Layer 7: send / elsewhere."),
	LATER("tls", NEUTRAL, "Layer 7: end TLS here."),
	LATER("request_buffer", "16384 0 auto", "Layer 7: bytes of a request's head."),
	LATER("maxconn", NEUTRAL, "Layer 7: sessions."),
	LATER("forwarded_for", "off none 0", "Layer 7: X-Forwarded-For."),
	LATER("trust_forwarded_from", NEUTRAL, "Layer 7: who may send X-Forwarded-For."),
	LATER("request_headers", NEUTRAL, "Layer 7: change request headers."),
	LATER("response_headers", NEUTRAL, "Layer 7: change response headers."),
	LATER("rewrite", NEUTRAL, "Layer 7: change paths."),
	LATER("routes", NEUTRAL, "Layer 7: choose by path or host."),
	{.key = NULL								   },
};

const struct schema_row schema_root[] = {
	{.key = "version",
	 .type = SCHEMA_UINT,
	 FIELD(config_draft, version),
	 .fallback = "1",
	 .min = 1,
	 .max = 1,
	 .help = "Of this file's format."},
	{.key = "node",       .type = SCHEMA_MAP, .sub = node_rows, .help = "This machine."},
	{.key = "admin",          .type = SCHEMA_MAP, .sub = admin_rows, .help = "How it is observed."},
	{.key = "l7",                 .type = SCHEMA_MAP, .sub = l7_rows, .help = "The layer-7 proxy."},
	{.key = "defaults",                        .type = SCHEMA_MAP, .sub = default_rows, .help = "For all services."},
	{.key = "services",
	 .type = SCHEMA_NAMED,
	 ARRAY(config_draft, model.services, service_config, model.service_count),
	 .max = LB_SERVICES_MAX - 1,
	 .sub = service_rows,
	 .help = "Virtual services by label."},
	{.key = NULL},
};

const struct schema_row *schema_find(const struct schema_row *rows, const char *key)
{
	for (; rows->key; rows++)
		if (!strcmp(rows->key, key))
			return rows;
	return NULL;
}
