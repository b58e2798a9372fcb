/* SPDX-License-Identifier: GPL-2.0-only */
/* The keys inside a service's keys of layer 7. */
#include "core/schema_parts.h"
#include "lbxdp/abi.h"

bool says_tls(const void *service)
{
	return ((const struct service_config *)service)->l7.tls.certificate_count;
}

bool says_redirect(const void *service)
{
	return service_is_redirect(service);
}

bool says_check(const void *service)
{
	return !service_is_redirect(service);
}

bool says_trust(const void *service)
{
	return ((const struct service_config *)service)->l7.trust.count;
}

static bool says_source(const void *service)
{
	return ((const struct service_config *)service)->persist.source;
}

static bool says_cookie(const void *service)
{
	return *((const struct service_config *)service)->persist.cookie;
}

bool says_persistence(const void *service)
{
	return says_source(service) || says_cookie(service);
}

#define SERVICE_TIMEOUT(name, text)                                                                \
	{                                                                                          \
		.key = #name, .type = SCHEMA_DURATION, FIELD(service_config, l7.name),             \
		.usual = offsetof(struct config_draft, l7.name),                                   \
		.doc_default = "defaults.timeouts." #name, .min = 100, .max = 30u * DAY,           \
		.help = text                                                                       \
	}

const struct schema_row schema_l7_timeouts[] = {
	SERVICE_TIMEOUT(connect, CONNECT_HELP),
	SERVICE_TIMEOUT(client, CLIENT_HELP),
	SERVICE_TIMEOUT(server, SERVER_HELP),
	SERVICE_TIMEOUT(request, REQUEST_HELP),
	SERVICE_TIMEOUT(queue, QUEUE_HELP),
	SERVICE_TIMEOUT(tunnel, TUNNEL_HELP),
	{.key = NULL},
};

const struct schema_row schema_proxy_protocol[] = {
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

const struct schema_row schema_tls[] = {
	{.key = "certificates",
	 .type = SCHEMA_FILES,
	 ARRAY(service_config, l7.tls.certificates, file_config, l7.tls.certificate_count),
	 .need = "certificates: /etc/lbxdp/mail.pem",
	 .max = 256,
	 .help = "A PEM file with certificate, chain and private key, or a list of them; the "
		 "client's server name chooses, and the first serves all others."},
	{.key = "min_version",
	 .type = SCHEMA_WORD,
	 FIELD(service_config, l7.tls.min_version),
	 .fallback = "1.2",
	 .word = word_tls_oldest,
	 .max = TLS_OLDEST_1_3,
	 .help = "The oldest version of TLS that is spoken."},
	{.key = "client_ca",
	 .type = SCHEMA_FILE,
	 FIELD(service_config, l7.tls.client_ca),
	 .neutral = NEUTRAL,
	 .doc_default = "none",
	 .help = "A PEM file of authorities: clients must show a certificate that one of them "
		 "signed."},
	{.key = NULL},
};

const struct schema_row schema_persistence[] = {
	{.key = "source",
	 .type = SCHEMA_UINT,
	 FIELD(service_config, persist.source),
	 .min = 1,
	 .max = 32,
	 .is_said = says_source,
	 .doc_default = "32 where source6 stands",
	 .help = "Bits of an IPv4 client's address that count."},
	{.key = "source6",
	 .type = SCHEMA_UINT,
	 FIELD(service_config, persist.source6),
	 .min = 1,
	 .max = 128,
	 .is_said = says_source,
	 .doc_default = "128 where source stands",
	 .help = "Bits of an IPv6 client's address that count."},
	{.key = "timeout",
	 .type = SCHEMA_DURATION,
	 FIELD(service_config, persist.timeout),
	 .fallback = "5m",
	 .min = SECOND,
	 .max = 30u * DAY,
	 .is_said = says_source,
	 .help = "How long an address is remembered after its last session; with l4-dr, after it "
		 "began its last connection."},
	{.key = "cookie",
	 .type = SCHEMA_TEXT,
	 FIELD(service_config, persist.cookie),
	 .fallback = "",
	 .for_modes = HTTP,
	 .max = LB_NAME_LEN - 1,
	 .judge = judge_cookie,
	 .is_said = says_cookie,
	 .help = "Name of a cookie that is given to clients and taken off their requests."},
	{.key = "secure",
	 .type = SCHEMA_WORD,
	 FIELD(service_config, persist.secure),
	 .for_modes = HTTP,
	 .word = word_on_off,
	 .max = 1,
	 .is_said = says_cookie,
	 .doc_default = "on where tls stands, else off",
	 .help = "Whether browsers send it over TLS only."},
	{.key = "http_only",
	 .type = SCHEMA_WORD,
	 FIELD(service_config, persist.http_only),
	 .fallback = "on",
	 .for_modes = HTTP,
	 .word = word_on_off,
	 .max = 1,
	 .is_said = says_cookie,
	 .help = "Whether it is kept from the page's scripts."},
	{.key = "same_site",
	 .type = SCHEMA_WORD,
	 FIELD(service_config, persist.same_site),
	 .fallback = "off",
	 .for_modes = HTTP,
	 .word = word_same_site,
	 .max = PROXY_SAME_SITE_STRICT,
	 .is_said = says_cookie,
	 .help = "Its SameSite attribute; off leaves that to the browser."},
	{.key = NULL					      },
};

const struct schema_row schema_redirect[] = {
	{.key = "to",
	 .type = SCHEMA_WORD,
	 FIELD(service_config, l7.redirect.to),
	 .need = "to: https",
	 .word = word_redirect,
	 .max = REDIRECT_HTTPS,
	 .help = "The same address by https, at port 443."},
	{.key = "code",
	 .type = SCHEMA_WORD,
	 FIELD(service_config, l7.redirect.code),
	 .fallback = "301",
	 .word = word_redirect_code,
	 .max = 308,
	 .help = "The status; 307 and 308 keep the request's method."},
	{.key = NULL },
};

#define HEADERS(where, op, index, form, text)                                                      \
	{                                                                                          \
		.key = op, .type = form,                                                           \
		ARRAY(service_config, l7.headers[(index)-PROXY_RULE_REQUEST_SET].at,               \
		      header_config, l7.headers[(index)-PROXY_RULE_REQUEST_SET].count),            \
		.neutral = "none", .max = 16, .doc_default = "none", .help = text where "."        \
	}

#define HEADER_ROWS(where, kind)                                                                   \
	HEADERS(where, "set", kind##_SET, SCHEMA_HEADERS,                                          \
		"Fields that have this value, in the place of what came, in a "),                  \
		HEADERS(where, "add", kind##_ADD, SCHEMA_HEADERS, "One field more each, in a "),   \
		HEADERS(where, "delete", kind##_DELETE, SCHEMA_NAMES,                              \
			"Names of fields that are taken out of a "),                               \
	{                                                                                          \
		.key = NULL                                                                        \
	}

const struct schema_row schema_request_headers[] = {HEADER_ROWS("request", PROXY_RULE_REQUEST)};
const struct schema_row schema_response_headers[] = {HEADER_ROWS("response", PROXY_RULE_RESPONSE)};

const struct schema_row schema_rewrite[] = {
	{.key = "from",
	 .type = SCHEMA_TEXT,
	 FIELD(rewrite_config, from),
	 .fallback = "",
	 .need = "from: /old/",
	 .max = PROXY_TEXT_LEN - 1,
	 .judge = judge_path,
	 .help = "How a path begins; without a / at its end it stands for whole segments."},
	{.key = "to",
	 .type = SCHEMA_TEXT,
	 FIELD(rewrite_config, to),
	 .fallback = "",
	 .need = "to: /new/",
	 .max = PROXY_VALUE_LEN - 1,
	 .judge = judge_path,
	 .help = "What stands in its place."},
	{.key = NULL      },
};

static bool says_path(const void *route)
{
	return *((const struct route_config *)route)->path;
}

static bool says_host(const void *route)
{
	return *((const struct route_config *)route)->host;
}

static bool says_deny(const void *route)
{
	return ((const struct route_config *)route)->deny;
}

static bool says_name(const void *route)
{
	return *((const struct route_config *)route)->own.name;
}

static bool says_own_reals(const void *route)
{
	return ((const struct route_config *)route)->has_reals;
}

static bool says_own_check(const void *route)
{
	return ((const struct route_config *)route)->has_check;
}

static bool says_own_scheduler(const void *route)
{
	return ((const struct route_config *)route)->has_scheduler;
}

const struct schema_row schema_routes[] = {
	{.key = "path",
	 .type = SCHEMA_TEXT,
	 FIELD(route_config, path),
	 .fallback = "",
	 .for_modes = HTTP,
	 .max = PROXY_TEXT_LEN - 1,
	 .judge = judge_path,
	 .is_said = says_path,
	 .help = "How the path begins, in whole segments and in either case: /ews is for /EWS/x, "
		 "not for /ewsx."},
	{.key = "host",
	 .type = SCHEMA_TEXT,
	 FIELD(route_config, host),
	 .fallback = "",
	 .max = PROXY_TEXT_LEN - 1,
	 .judge = judge_host,
	 .is_said = says_host,
	 .help = "The host that is asked for; with l7-tcp, the server name of the client's TLS."},
	{.key = "name",
	 .type = SCHEMA_TEXT,
	 FIELD(route_config, own.name),
	 .fallback = "",
	 .max = LB_NAME_LEN - 1,
	 .judge = judge_line,
	 .is_said = says_name,
	 .doc_default = "made of host and path",
	 .help = "How it is called, behind the service's name and a colon."},
	{.key = "deny",
	 .type = SCHEMA_WORD,
	 FIELD(route_config, deny),
	 .fallback = "off",
	 .word = word_on_off,
	 .max = 1,
	 .for_modes = HTTP,
	 .is_said = says_deny,
	 .help = "Answers 403 instead of asking a real server, as for /ecp towards the "
		 "Internet."},
	{.key = "scheduler",
	 .type = SCHEMA_WORD,
	 FIELD(route_config, own.scheduler),
	 .word = word_scheduler,
	 .max = SCHEDULER_COUNT - 1,
	 .is_said = says_own_scheduler,
	 .doc_default = "the service's",
	 .help = "As the service's."},
	{.key = "check",
	 .type = SCHEMA_CHECKS,
	 ARRAY(route_config, own.checks, check_config, own.check_count),
	 .max = 16,
	 .is_said = says_own_check,
	 .sub = schema_check,
	 .doc_default = "the service's",
	 .help = "Health check of its own, or a list of them: what fails takes out this route's "
		 "servers only."},
	{.key = "reals",
	 .type = SCHEMA_NAMED,
	 ARRAY(route_config, own.reals, real_config, own.real_count),
	 .max = LB_REALS_MAX - 1,
	 .is_said = says_own_reals,
	 .sub = schema_reals,
	 .doc_default = "the service's",
	 .help = "Real servers of its own."},
	{.key = NULL                   },
};
