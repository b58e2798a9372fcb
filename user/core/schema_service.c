/* SPDX-License-Identifier: GPL-2.0-only */
/* The keys of a service and of its real servers. */
#include "core/schema_parts.h"
#include "lbxdp/abi.h"

/* Limits, as at either layer. */
#define CONNECTIONS(name, text)                                                                    \
	{                                                                                          \
		.key = #name, .type = SCHEMA_UINT, FIELD(real_config, name), .fallback = "0",      \
		.zero = "none", .neutral = "0 none off", .min = 1, .max = 10000000, .help = text   \
	}

/* What a server has beyond its address and weight: the backup too. */
#define REAL_MORE                                                                                  \
	{.key = "port",                                                                            \
	 .type = SCHEMA_UINT,                                                                      \
	 FIELD(real_config, port),                                                                 \
	 .fallback = "auto",                                                                       \
	 .zero = "auto",                                                                           \
	 .min = 1,                                                                                 \
	 .max = 65535,                                                                             \
	 .for_modes = LAYER7 | NAT,                                                                \
	 .why = "Direct Routing cannot change ports: the real server gets the port the client "    \
		"came to (leave port: away)",                                                      \
	 .help = "Port it serves on; auto is the port the client came to."},                       \
		CONNECTIONS(max_connections,                                                       \
			    "Connections it gets at most; then it gets none until it has fewer "   \
			    "than min_connections. With l4-dr, established ones, as its clients' " \
			    "packets tell."),                                                      \
		CONNECTIONS(min_connections, "Below so many a full server is used again; none "    \
					     "is three quarters of max_connections."),             \
		{.key = "reencrypt",                                                               \
		 .type = SCHEMA_WORD,                                                              \
		 FIELD(real_config, reencrypt),                                                    \
		 .fallback = "off",                                                                \
		 .neutral = "off none 0",                                                          \
		 .for_modes = LAYER7,                                                              \
		 .word = word_on_off,                                                              \
		 .max = 1,                                                                         \
		 .help = "Whether connections to it are TLS, made here."},                         \
		{.key = "verify",                                                                  \
		 .type = SCHEMA_WORD,                                                              \
		 FIELD(real_config, verify),                                                       \
		 .fallback = "none",                                                               \
		 .neutral = "none off 0",                                                          \
		 .for_modes = LAYER7,                                                              \
		 .word = word_verify,                                                              \
		 .max = 1,                                                                         \
		 .help = "Whether its certificate must be signed by ca."},                         \
		{.key = "ca",                                                                      \
		 .type = SCHEMA_FILE,                                                              \
		 FIELD(real_config, ca),                                                           \
		 .neutral = "none off",                                                            \
		 .for_modes = LAYER7,                                                              \
		 .doc_default = "none",                                                            \
		 .help = "PEM file of the authorities that verify: ca trusts."},                   \
		{.key = "sni",                                                                     \
		 .type = SCHEMA_TEXT,                                                              \
		 FIELD(real_config, sni),                                                          \
		 .fallback = "",                                                                   \
		 .neutral = "none off",                                                            \
		 .for_modes = LAYER7,                                                              \
		 .max = PROXY_TEXT_LEN - 1,                                                        \
		 .judge = judge_host,                                                              \
		 .help = "Server name that the TLS handshake with it asks for."},                  \
		LATER("slow_start", "0 0s none off",                                               \
		      "Time a returning server takes to its full weight."),                        \
		LATER("proxy_protocol", "off none 0", "Layer 7: PROXY header to the real server.")

const struct schema_row schema_reals[] = {
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
	REAL_MORE,
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
	REAL_MORE,
	{.key = NULL},
};

static bool says_one_packet(const void *service)
{
	return ((const struct service_config *)service)->one_packet;
}

const struct schema_row schema_service[] = {
	{.key = "mode",
	 .type = SCHEMA_MODE,
	 FIELD(service_config, mode),
	 .fallback = "l4-dr",
	 .word = word_mode,
	 .max = MODE_COUNT - 1,
	 .help = "With l4-dr, Direct Routing, servers answer their clients themselves; with l7-tcp "
		 "connections end here and others go on to the servers, which need no change and "
		 "may stand in any network; l7-http reads HTTP/1.1 on them. With l4-nat packets "
		 "get "
		 "the server's address and port, and its replies come back by this host, its "
		 "gateway; with l4-snat they come from source_pool too, and the server needs no "
		 "change."},
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
	 .max = SCHEDULER_COUNT - 1,
	 .help = "wrr: weighted round robin, exact at any number of CPUs. wlc: fewest connections "
		 "for the weight; rr and lc: without weights; sh and maglev: by the client's "
		 "address."},
	{.key = "on_down",
	 .type = SCHEMA_WORD,
	 FIELD(service_config, on_down),
	 .fallback = "auto",
	 .word = word_on_down,
	 .max = ON_DOWN_RESET,
	 .help = "Running flows or sessions of a real server that goes down: auto resets them when "
		 "it cannot be reached and keeps them otherwise. In HTTP mode requests are what is "
		 "kept; who has logged in there by NTLM or Negotiate is sent elsewhere by his next "
		 "answer, unless this is keep."},
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
		 "192.168.30.50-192.168.30.60, or a list of them, IPv4 or IPv6. With it, all "
		 "others may not. The most specific entry decides; deny_from where both have it."},
	{.key = "deny_from",
	 .type = SCHEMA_PREFIXES,
	 FIELD(service_config, deny_from),
	 .max = LB_ACL_SERVICE_MAX,
	 .neutral = NEUTRAL,
	 .doc_default = "none",
	 .help = "Clients that may not, written likewise. Their packets are dropped before a "
		 "socket hears of them, and counted; connections that they have when it is "
		 "reloaded are "
		 "reset."},
	{.key = "flood_rate",
	 .type = SCHEMA_UINT,
	 FIELD(service_config, flood_rate),
	 .fallback = "50000",
	 .zero = "off",
	 .neutral = "off none 0",
	 .min = 1,
	 .max = 100000000,
	 .for_modes = LAYER4,
	 .help = "New flows a second above which none of them is remembered before its client "
		 "has answered the server: a keyed hash chooses the server, so that a SYN flood "
		 "takes the room of no flow. It ends a second or two after there are half as "
		 "many. Meanwhile persistence holds for clients that it knew before and learns "
		 "no others, and max_connections does not count. The same holds for every "
		 "service but those with off while all together have more than 65,536 new flows "
		 "in 1.07 s. Of UDP, so many datagrams in each such time as would end it get an "
		 "entry nevertheless, and clients go on at the server that the hash gave them. As "
		 "nothing tells a datagram of such a client from one of a new client, the hash "
		 "chooses for both until timeouts.udp after the mode, and after a table of flows "
		 "was full, whichever service filled it and also with off: so long, the "
		 "scheduler is not asked, persistence learns nobody and max_connections does not "
		 "count. Services with one_packet have no flood mode."},
	{.key = "on_miss",
	 .type = SCHEMA_WORD,
	 FIELD(service_config, on_miss),
	 .fallback = "hash",
	 .neutral = "hash auto",
	 .word = word_on_miss,
	 .max = LB_ON_MISS_DROP,
	 .for_modes = LAYER4,
	 .help = "A packet in the middle of a flow that is not in the table, as after a failover: "
		 "hash sends it to a usable real server, by the same hash each time; drop does "
		 "not send it. With l4-nat and l4-snat the packet is translated anew: where the "
		 "server is that of the flow, it goes on, if with l4-snat the flow still gets the "
		 "port that it had; any other server resets it, so that its client knows at "
		 "once. First fragments of TCP are not translated so; they are dropped."},
	{.key = "source_pool",
	 .type = SCHEMA_PREFIXES,
	 FIELD(service_config, source_pool),
	 .max = LB_POOL_MAX,
	 .neutral = "none",
	 .for_modes = SNAT,
	 .why = "belongs to mode: l4-snat",
	 .doc_default = "none; l4-snat needs it",
	 .help = "Addresses that real servers see clients come from: one, a range, or a list, up "
		 "to "
		 "16 in all. They are this instance's alone: no host has them, not even this one, "
		 "and they are answered for as VIPs are. Each serves some 64,000 connections to "
		 "each port of a real server."},
	{.key = "source",
	 .type = SCHEMA_SOURCE,
	 .fallback = "auto",
	 .neutral = "auto none",
	 .for_modes = LAYER7,
	 .help = "Address that real servers see connections come from: auto is the kernel's choice "
		 "for the route, vip the one the client came to, client the client's own (TProxy); "
		 "or an address of this "
		 "host, or a list of up to eight, used in turn, for real servers of their family."},
	{.key = "timeouts",
	 .type = SCHEMA_MAP,
	 .for_modes = LAYER7,
	 .sub = schema_l7_timeouts,
	 .help = "When a session ends that nothing happens on."},
	{.key = "proxy_protocol",
	 .type = SCHEMA_MAP,
	 .neutral = NEUTRAL,
	 .for_modes = LAYER7,
	 .sub = schema_proxy_protocol,
	 .help = "PROXY headers, which name the client's own address."},
	{.key = "check",
	 .type = SCHEMA_CHECKS,
	 ARRAY(service_config, checks, check_config, check_count),
	 .max = 16,
	 .is_said = says_check,
	 .sub = schema_check,
	 .doc_default = "a connect check",
	 .help = "Health check, or a list of them."},
	{.key = "reals",
	 .type = SCHEMA_NAMED,
	 ARRAY(service_config, reals, real_config, real_count),
	 .max = LB_REALS_MAX - 1,
	 .sub = schema_reals,
	 .help = "Real servers by label."},
	{.key = "backup",
	 .type = SCHEMA_BACKUP,
	 ARRAY(service_config, reals, real_config, real_count),
	 .sub = backup_rows,
	 .doc_default = "none",
	 .help = "Used when no real server is up; asked only by a connection to each port (udp: by "
		 "ping)."},
	{.key = "persistence",
	 .type = SCHEMA_MAP,
	 .neutral = NEUTRAL,
	 .is_said = says_persistence,
	 .sub = schema_persistence,
	 .doc_default = "none",
	 .help = "Keeps a client on its real server: by its address (source) or, with l7-http, by "
		 "a cookie."},
	{.key = "slow_start",
	 .type = SCHEMA_DURATION,
	 FIELD(service_config, slow_start),
	 .fallback = "off",
	 .zero = "off",
	 .neutral = "0 0s none off",
	 .min = SECOND,
	 .max = DAY,
	 .help = "Time that a server which comes back takes to its full weight; not with sh and "
		 "maglev."},
	{.key = "one_packet",
	 .type = SCHEMA_WORD,
	 FIELD(service_config, one_packet),
	 .fallback = "off",
	 .neutral = "off none 0",
	 .for_modes = DIRECT,
	 .why = "belongs to mode: l4-dr",
	 .word = word_on_off,
	 .max = 1,
	 .is_said = says_one_packet,
	 .help = "protocol: udp: each datagram is given to a server by itself, as if it were a "
		 "connection; none is remembered."},
	{.key = "maxconn",
	 .type = SCHEMA_UINT,
	 FIELD(service_config, l7.maxconn),
	 .fallback = "none",
	 .zero = "none",
	 .neutral = NEUTRAL,
	 .for_modes = LAYER7,
	 .min = 1,
	 .max = 1000000,
	 .help = "Sessions of this service; clients beyond them wait for a place."},
	{.key = "tls",
	 .type = SCHEMA_MAP,
	 .neutral = NEUTRAL,
	 .for_modes = LAYER7,
	 .is_said = says_tls,
	 .sub = schema_tls,
	 .doc_default = "none",
	 .help = "TLS of clients ends here; without it, with l7-tcp, it passes through."},
	{.key = "routes",
	 .type = SCHEMA_ROUTES,
	 ARRAY(service_config, l7.routes, route_config, l7.route_count),
	 .neutral = NEUTRAL,
	 .for_modes = LAYER7,
	 .max = 256,
	 .shape = "routes: [{path: /ews, check: ...}, {host: ..., reals: ...}]",
	 .sub = schema_routes,
	 .doc_default = "none",
	 .help = "Which real servers a request goes to, by path and host; the first that matches "
		 "counts, and the service itself where none does. One with reals or a check of its "
		 "own is shown and ordered about as SERVICE:NAME."},
	{.key = "request_buffer",
	 .type = SCHEMA_UINT,
	 FIELD(service_config, l7.request_buffer),
	 .usual = offsetof(struct config_draft, model.l7.request_buffer),
	 .doc_default = "l7.request_buffer",
	 .zero = "auto",
	 .neutral = "16384 0 auto",
	 .for_modes = HTTP,
	 .min = 4096,
	 .max = 1048576,
	 .help = "Bytes that a request's head may have."},
	{.key = "max_body",
	 .type = SCHEMA_UINT,
	 FIELD(service_config, l7.max_body),
	 .fallback = "none",
	 .zero = "none",
	 .neutral = NEUTRAL,
	 .for_modes = HTTP,
	 .min = 1,
	 .max = UINT32_MAX,
	 .help = "Bytes that a request's body may have, without its chunked coding; beyond them it "
		 "is answered 413. RPC_IN_DATA and RPC_OUT_DATA may have any."},
	{.key = "forwarded_for",
	 .type = SCHEMA_WORD,
	 FIELD(service_config, l7.forwarded_for),
	 .fallback = "append",
	 .neutral = "off none 0",
	 .for_modes = HTTP,
	 .word = word_forwarded,
	 .max = PROXY_FORWARDED_KEEP,
	 .help = "How servers learn the client's address, in X-Forwarded-For and Forwarded (RFC "
		 "7239): behind what the client's proxies said, in its place, or not at all. keep "
		 "passes on untouched what clients in trust_forwarded_from say, and replaces what "
		 "others do."},
	{.key = "trust_forwarded_from",
	 .type = SCHEMA_PREFIXES,
	 FIELD(service_config, l7.trust),
	 .neutral = NEUTRAL,
	 .for_modes = HTTP,
	 .max = 256,
	 .doc_default = "none",
	 .is_said = says_trust,
	 .help = "Networks whose X-Forwarded-For and the like is believed; what others say is "
		 "replaced. Where none is named, everybody's addresses are passed on, but nobody's "
		 "protocol or host."},
	{.key = "request_headers",
	 .type = SCHEMA_MAP,
	 .neutral = NEUTRAL,
	 .for_modes = HTTP,
	 .sub = schema_request_headers,
	 .doc_default = "none",
	 .help = "Changes to the header of requests."},
	{.key = "response_headers",
	 .type = SCHEMA_MAP,
	 .neutral = NEUTRAL,
	 .for_modes = HTTP,
	 .sub = schema_response_headers,
	 .doc_default = "none",
	 .help = "Changes to the header of responses."},
	{.key = "rewrite",
	 .type = SCHEMA_LIST,
	 ARRAY(service_config, l7.rewrites, rewrite_config, l7.rewrite_count),
	 .neutral = NEUTRAL,
	 .for_modes = HTTP,
	 .max = 256,
	 .shape = "rewrite: [{from: /old/, to: /new/}]",
	 .sub = schema_rewrite,
	 .doc_default = "none",
	 .help = "Changes of paths on the way to the servers; the first that matches counts."},
	{.key = "redirect",
	 .type = SCHEMA_MAP,
	 .neutral = NEUTRAL,
	 .for_modes = HTTP,
	 .is_said = says_redirect,
	 .sub = schema_redirect,
	 .doc_default = "none",
	 .help = "Sends clients elsewhere, by host, path and query as they came; such a service "
		 "has no real servers."},
	{.key = "redirect_root",
	 .type = SCHEMA_TEXT,
	 FIELD(service_config, l7.redirect_root),
	 .fallback = "",
	 .neutral = NEUTRAL,
	 .for_modes = HTTP,
	 .max = PROXY_TEXT_LEN - 1,
	 .judge = judge_path,
	 .help = "Path that clients which ask for / are sent to, like /owa/."},
	{.key = "error_pages",
	 .type = SCHEMA_PAGES,
	 ARRAY(service_config, l7.pages, page_config, l7.page_count),
	 .neutral = NEUTRAL,
	 .for_modes = HTTP,
	 .doc_default = "built in",
	 .help = "Files to answer with instead of the page of a status: 400, 403, 408, 413, "
		 "431, 502, 503, 504."},
	{.key = NULL			     },
};
