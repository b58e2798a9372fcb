/* SPDX-License-Identifier: GPL-2.0-only */
#include "core/schema.h"

#include <string.h>

#include "core/schema_parts.h"
#include "lbxdp/abi.h"

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
	 .help = "What the end of the daemon does to the data plane and to the proxies of layer 7: "
		 "leave them working, or detach and end them."},
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
	{.key = "request_buffer",
	 .type = SCHEMA_UINT,
	 FIELD(config_draft, model.l7.request_buffer),
	 .fallback = "16384",
	 .zero = "auto",
	 .min = 4096,
	 .max = 1048576,
	 .help = "Bytes that the head of an HTTP request may have, of services that say nothing "
		 "else; 51200 for large Kerberos tickets. Longer ones are answered with 431; auto "
		 "is 16384."},
	{.key = "logging",
	 .type = SCHEMA_LOGGING,
	 .fallback = "off",
	 .neutral = "off none 0",
	 .help = "A line for each layer-7 session or request, in HAProxy's formats: on writes to "
		 "the daemon's log, an absolute path to that file."},
	{.key = "splice",
	 .type = SCHEMA_WORD,
	 FIELD(config_draft, model.l7.splice),
	 .fallback = "on",
	 .neutral = "auto",
	 .word = word_on_off,
	 .max = 1,
	 .help = "Whether bulk between two connections without TLS moves by splice(2), inside the "
		 "kernel; off copies it. Sessions keep what they began with."},
	LATER("tproxy", "off none 0", "Transparent proxying."),
	{.key = NULL    },
};

#define TIMEOUT(name, value, text)                                                                 \
	{                                                                                          \
		.key = #name, .type = SCHEMA_DURATION, FIELD(config_draft, model.timeouts.name),   \
		.fallback = value, .min = SECOND, .max = 30u * DAY, .help = text                   \
	}

#define L7_TIMEOUT(name, value, text)                                                              \
	{                                                                                          \
		.key = #name, .type = SCHEMA_DURATION, FIELD(config_draft, l7.name),               \
		.fallback = value, .neutral = "auto", .min = 100, .max = 30u * DAY, .help = text   \
	}

static const struct schema_row timeout_rows[] = {
	TIMEOUT(syn, "60s", "A layer-4 flow of which only the SYN was seen."),
	TIMEOUT(established, "75m", "An established layer-4 flow without packets of its client."),
	TIMEOUT(closing, "2m", "A layer-4 flow after its client's FIN or RST."),
	TIMEOUT(udp, "5m", "A UDP flow without packets of its client."),
	L7_TIMEOUT(connect, "5s", CONNECT_HELP),
	L7_TIMEOUT(client, "30m", CLIENT_HELP),
	L7_TIMEOUT(server, "30m", SERVER_HELP),
	L7_TIMEOUT(request, "10s", REQUEST_HELP),
	L7_TIMEOUT(queue, "30s", QUEUE_HELP),
	L7_TIMEOUT(tunnel, "1h", TUNNEL_HELP),
	{.key = NULL},
};

static const struct schema_row default_rows[] = {
	{.key = "check",
	 .type = SCHEMA_MAP,
	 .sub = schema_default_check,
	 .help = "Timing of every check that says nothing else."},
	{.key = "timeouts",
	 .type = SCHEMA_MAP,
	 .sub = timeout_rows,
	 .help = "How long flows are remembered, and layer 7 waits."},
	{.key = NULL			  },
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
	 .sub = schema_service,
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
