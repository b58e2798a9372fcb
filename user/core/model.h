/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The configuration as the file says it: immutable, in one arena, freed whole. Defaults are already
 * filled in and every semantic rule has been checked, so that whoever reads a model trusts it.
 */
#ifndef LBXDP_CORE_MODEL_H
#define LBXDP_CORE_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/arena.h"
#include "core/acl.h"
#include "core/check.h"
#include "core/proxy.h"
#include "core/ring.h"
#include "lbxdp/abi.h"

/* Where something stands in the file, 1-based. */
struct place {
	unsigned int line, column;
};

enum service_mode { MODE_L4_DR, MODE_L7_TCP, MODE_L7_HTTP, MODE_L4_NAT, MODE_L4_SNAT, MODE_COUNT };
enum xdp_mode { XDP_MODE_AUTO, XDP_MODE_NATIVE, XDP_MODE_GENERIC };
enum on_stop { ON_STOP_LEAVE, ON_STOP_DETACH };
enum on_down { ON_DOWN_AUTO, ON_DOWN_KEEP, ON_DOWN_RESET };
enum require { REQUIRE_ALL, REQUIRE_ANY };
enum check_via { VIA_RIP, VIA_VIP };
enum redirect { REDIRECT_OFF, REDIRECT_HTTPS };
enum tls_oldest { TLS_OLDEST_1_2, TLS_OLDEST_1_3 };

struct port_range {
	uint16_t first, last; /* inclusive */
};

/* One check as configured; check_spec is made from it for each real and port. */
struct check_config {
	struct place place;
	enum check_type type;
	const char *request, *expect, *method, *host, *sni, *helo, *ca; /* never NULL */
	bool verify;
	enum check_via via;
	uint16_t port;                             /* 0: each port of the service */
	uint32_t interval, fast_interval, timeout; /* ms */
	uint32_t fall, rise;
	const struct check_step *steps;
	size_t step_count;
};

/* A file that main reads; its path is absolute, or "" for none. */
struct file_config {
	struct place place;
	const char *path; /* never NULL */
};

struct page_config {
	struct file_config file;
	uint16_t status;
};

/* One change to the head of each request or response. */
struct header_config {
	const char *name, *value; /* value "" where it is deleted */
};

struct header_list {
	const struct header_config *at;
	size_t count;
};

/* By enum proxy_rule_kind, from PROXY_RULE_REQUEST_SET on. */
enum { HEADER_LISTS = PROXY_RULE_RESPONSE_DELETE - PROXY_RULE_REQUEST_SET + 1 };

struct rewrite_config {
	const char *from, *to; /* path prefixes */
};

struct real_config {
	struct place place;
	const char *name;
	struct addr ip;
	uint16_t port;   /* not Direct Routing; 0: the port the client came to (R54) */
	uint32_t weight; /* 0: drained by configuration */
	bool backup;     /* its name is "backup" */
	uint32_t min_connections, max_connections; /* R43; 0: no limit */
	/* Layer 7 only: */
	bool reencrypt, verify;
	struct file_config ca;
	const char *sni; /* "": none; never NULL once read */
};

struct route_config;

struct service_config {
	struct place place;
	const char *name;
	enum service_mode mode;
	const struct addr *vips;
	size_t vip_count;
	const struct port_range *ports;
	size_t port_range_count;
	uint8_t protocol; /* IPPROTO_TCP, IPPROTO_UDP */
	enum scheduler scheduler;
	enum on_down on_down;
	uint32_t flood_rate; /* layer 4: new flows a second above which none is remembered; 0: never
			      */
	enum lb_on_miss on_miss; /* layer 4 */
	enum require require;
	const struct check_config *checks; /* at least one */
	size_t check_count;
	const struct real_config *reals; /* the backup, if any, stands last */
	size_t real_count;
	struct acl_prefixes allow_from, deny_from;
	struct acl_prefixes source_pool; /* l4-snat */
	const struct addr *pool;         /* its addresses, one by one */
	size_t pool_count;
	const struct acl *acl; /* both together; NULL: everybody may use the service */
	/* The service whose route this is; NULL: an ordinary one. A pool has no ports, the VIPs for
	 * people only, and the settings of its parent. */
	const struct service_config *parent;
	uint32_t slow_start; /* ms; 0: none */
	bool one_packet;     /* layer 4: datagrams are scheduled one by one */
	struct {
		uint32_t source, source6; /* bits that count; 0: not by source */
		uint32_t timeout;         /* ms */
		const char *cookie;       /* "": not by cookie; l7-http only */
		bool secure, http_only;
		enum proxy_same_site same_site;
	} persist;
	struct { /* layer 7 only */
		enum proxy_source source;
		struct addr source_address[PROXY_SOURCES_MAX]; /* PROXY_SOURCE_ADDRESS */
		size_t source_count;
		uint32_t connect, client, server, request, queue, tunnel; /* timeouts, ms */
		enum proxy_header accept_header, send_header;
		uint32_t maxconn; /* sessions; 0: no limit of its own */
		struct {
			const struct file_config *certificates; /* none: TLS does not end here */
			size_t certificate_count;
			enum tls_oldest min_version;
			struct file_config client_ca;
		} tls;
		const struct route_config *routes;
		size_t route_count;
		/* l7-http only: */
		uint32_t request_buffer; /* bytes */
		uint32_t max_body;       /* bytes; 0: no limit */
		enum proxy_forwarded forwarded_for;
		struct acl_prefixes trust;
		struct header_list headers[HEADER_LISTS];
		const struct rewrite_config *rewrites;
		size_t rewrite_count;
		struct {
			enum redirect to;
			uint16_t code;
		} redirect;
		const char *redirect_root; /* "": / is not redirected */
		const struct page_config *pages;
		size_t page_count;
	} l7;
};

/* One of a service's routes, first match wins. What it says of its own; pool is what it leads to.
 */
struct route_config {
	struct service_config own; /* name "", reals, checks, scheduler; the rest is not used */
	const char *path, *host;   /* "" matches all */
	bool has_reals, has_check, has_scheduler;
	bool deny;                         /* answered 403 */
	const struct service_config *pool; /* of the model; the service itself where has_ nothing */
};

struct model {
	struct arena *arena; /* owns everything here */
	const char *file;
	struct {
		const char *name; /* default: host name, given to config_read */
		const char *const *interfaces;
		size_t interface_count;
		enum xdp_mode xdp_mode;
		enum on_stop on_stop;
		uint32_t flows;          /* 0: from the machine's memory */
		uint32_t orphan_timeout; /* ms; 0: off */
	} node;
	struct {
		bool off; /* admin.listen: off */
		struct addr addr;
		uint16_t port;
	} admin;
	struct {
		uint32_t syn, established, closing, udp; /* ms */
	} timeouts;
	struct {
		uint32_t maxconn;        /* sessions of all proxy processes together */
		uint32_t request_buffer; /* of services that say nothing else */
		uint32_t splice;         /* bool: bulk may move by splice(2) */
		bool logging;
		const char *log_file; /* "": the daemon's own log */
	} l7;
	const struct service_config *services; /* each followed by the pools of its routes */
	size_t service_count;
};

void model_free(struct model *m);

const struct service_config *model_service(const struct model *m, const char *name);
const struct real_config *service_real(const struct service_config *s, const char *name);

/* Does the service end connections here? */
bool service_is_l7(const struct service_config *s);
bool service_is_http(const struct service_config *s); /* and read HTTP? */

/* How few connections a real of such limits must have to be used again once it was full (R43): less
 * than min, or where that is 0 less than three quarters of max. */
uint32_t connections_reopen_below(uint32_t min, uint32_t max);
/* Does XDP translate addresses and ports (l4-nat, l4-snat)? */
bool service_is_nat(const struct service_config *s);

/* Does it only send clients elsewhere? Then it has no reals. */
bool service_is_redirect(const struct service_config *s);

/* Does it go by the client's address? Then nothing starts slowly: clients would move at each step.
 */
bool scheduler_hashes(enum scheduler s);

/* Percent of its weight that a real has which is usable since then (ms; 0: for long) and starts
 * slowly (R36); 0: all of it. */
unsigned int service_throttle(const struct service_config *s, uint64_t since, uint64_t now);

/* "auto", "vip", "client" or the addresses that layer 7 connects from, as a list where there are
 * several, into text (SOURCE_TEXT_LEN bytes). */
enum { SOURCE_TEXT_LEN = PROXY_SOURCES_MAX * (ADDR_TEXT_LEN + 4) };
const char *service_source_format(const struct service_config *s, char *text);

const char *mode_name(enum service_mode m);         /* "l4-dr" */
const char *scheduler_name(enum scheduler s);       /* "wrr" */
const char *on_down_name(enum on_down o);           /* "auto" */
const char *on_miss_name(enum lb_on_miss o);        /* "hash" */
const char *protocol_name(uint8_t protocol);        /* "tcp" */
const char *proxy_header_name(enum proxy_header h); /* "v1" */

/* "443" or "1000-1010" into text (12 bytes). */
const char *port_range_format(const struct port_range *r, char *text);

/* The checks of one real, in order: each check_config on its port, else on the real's own, else on
 * each of the service; of a backup, a connect on the same ports. Fills *spec for the index-th;
 * returns false past the last. */
bool service_check_spec(const struct service_config *s, const struct real_config *r, size_t index,
			struct check_spec *spec);

/* The index-th VIP that a real can be asked by: those of its own IP version. NULL past the last. */
const struct addr *service_via(const struct service_config *s, const struct real_config *r,
			       size_t index);

/* How many service_check_spec has. */
size_t service_check_count(const struct service_config *s, const struct real_config *r);

#endif
