/* SPDX-License-Identifier: GPL-2.0-only */
/* The keys of a health check. */
#include "core/schema_parts.h"

#define TYPE(t)    (1u << CHECK_##t)
#define TYPES_HTTP (TYPE(HTTP) | TYPE(HTTPS))
#define TYPES_TLS  (TYPE(HTTPS) | TYPE(IMAPS) | TYPE(POP3S))
#define TYPES_RUN  (((1u << CHECK_TYPE_COUNT) - 1) & ~(TYPE(ON) | TYPE(OFF)))
#define TYPES_PORT (TYPES_RUN & ~TYPE(PING))

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

const struct schema_row schema_default_check[] = {
	TIMING(interval, 100, HOUR, "6s", "Time from one run of a check to the next."),
	TIMING(fast_interval, 100, HOUR, "1s",
	       "The same while a state is changing; at most the interval."),
	TIMING(timeout, 10, 10 * MINUTE, "3s", "A run that takes longer has failed."),
	COUNTING(fall, "2", "Failed runs in a row that make a real server down."),
	COUNTING(rise, "2", "Passed runs in a row that make it up again."),
	{.key = NULL},
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

const struct schema_row schema_check[] = {
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
	{.key = "via",
	 .type = SCHEMA_WORD,
	 FIELD(check_config, via),
	 .fallback = "rip",
	 .neutral = "rip auto",
	 .word = word_via,
	 .max = VIA_VIP,
	 .for_types = TYPES_PORT,
	 .for_modes = 1u << MODE_L4_DR,
	 .why = "vip is for mode l4-dr; at layer 7 the VIP is this host's own, and real servers do "
		"not have it (leave via: away)", .help = "With vip, the check goes to each VIP of the real server's IP version, as clients "
		 "do, by the real server's MAC: a server that does not have the VIP on its "
		 "loopback "
		 "interface, or does not listen there, fails."},
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
	 .type = SCHEMA_LIST,
	 .shape = "steps: [{expect: ...}, {send: ...}]",
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
	{.key = NULL				 },
};
