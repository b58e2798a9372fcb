/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What an operator sees: one snapshot of the daemon, made by daemon/, rendered by admin/ as text,
 * JSON, Prometheus or CSV. Plain data in one arena; strings are never NULL.
 */
#ifndef LBXDP_CORE_VIEW_H
#define LBXDP_CORE_VIEW_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "base/addr.h"
#include "base/arena.h"
#include "core/check.h"
#include "core/model.h"
#include "lbxdp/abi.h"
#include "lbxdp/verdict.h"

enum real_status { REAL_UP, REAL_DOWN, REAL_DRAIN, REAL_HALT };
enum service_status { SERVICE_HEALTHY, SERVICE_DEGRADED, SERVICE_DOWN, SERVICE_REDIRECT };
enum admin_order { ADMIN_ONLINE, ADMIN_DRAIN, ADMIN_HALT };

enum { VIEW_DURATION_BUCKETS = 12 };

struct view_check {
	enum check_type type;
	uint16_t port;   /* 0: it asks none */
	struct addr via; /* the VIP it goes by; unspecified: none */
	enum health health;
	struct check_outcome outcome;
	time_t since; /* wall time of the last change of health; 0: none yet */
	uint64_t runs, transitions;
	uint64_t failures[CHECK_CODE_COUNT]; /* by what they came to */
	/* Histogram of durations: counts per bucket (not cumulative); the last is +Inf. */
	uint64_t duration_bucket[VIEW_DURATION_BUCKETS];
	double duration_sum; /* seconds */
};

/* All failures of a check together. */
uint64_t view_check_failures(const struct view_check *c);

/* Upper bounds in seconds of all buckets but the last. */
extern const double view_duration_bounds[VIEW_DURATION_BUCKETS - 1];

/* What layer 7 counts of a service or a real. */
struct view_l7 {
	struct proxy_counts counts;
	uint64_t current;
	uint64_t queued;         /* that wait now */
	uint64_t rate, max_rate; /* sessions in the last second, and the most in one */
	uint64_t limit;          /* of sessions at a time; 0: none of its own */
};

struct view_real {
	const char *name;
	struct addr ip;
	uint32_t weight, effective_weight;
	enum real_status status;
	enum admin_order admin;
	bool backup, has_mac;
	uint8_t mac[6];
	uint64_t active, inactive, connections, packets, bytes;
	const struct view_check *checks;
	size_t check_count;
	size_t worst;             /* index of the check that `check` shows */
	uint16_t port;            /* 0: the client's */
	uint32_t max_connections; /* 0: no limit */
	uint32_t min_connections; /* below so many it is used again, once it was full */
	uint32_t full;            /* layer 4: 1 while it gets no new ones for that */
	unsigned int throttle;    /* percent of its weight while it starts slowly; 0: it does not */
	uint64_t downtime;        /* seconds in which it was down, of those it is known */
	struct view_l7 l7;
	const char *warning;   /* what is wrong though it is up; NULL: nothing */
	const char *interface; /* by which Direct Routing reaches it; empty: by none */
};

/* Another host that says a VIP is its own. */
struct view_conflict {
	struct addr vip;
	const char *interface; /* by which it was heard; empty: by some one */
	uint8_t mac[6];
	const char *service, *real; /* whose MAC that is: "CAS-HTTPS", "CAS1"; NULL: nobody's */
};

struct view_service {
	const char *name;
	const struct service_config *config; /* vips, ports, protocol, mode, scheduler */
	enum service_status status;
	const char *reason; /* why it is not healthy; empty when it is */
	uint64_t connections, packets, bytes, unrouted;
	uint64_t denied;             /* packets of clients that may not use it */
	uint64_t denied_connections; /* of them, those that would have begun a flow */
	uint64_t full;               /* packets dropped at layer 4 because every real was full */
	uint64_t followed;           /* flows that persistence sent where their client was before */
	uint64_t missed;             /* packets in the middle of a flow that nobody knew */
	uint64_t flood_packets;      /* that would have begun a flow, forwarded in flood mode */
	uint32_t flooded;            /* bool: in flood mode, new flows are not remembered */
	struct view_l7 l7;
	const struct view_real *reals;
	size_t real_count;
	const struct view_conflict *conflicts; /* of its VIPs */
	size_t conflict_count;
};

/* A session at layer 7. */
struct view_session {
	const char *service, *real; /* real is NULL before one is chosen */
	int pid;                    /* of the process that has it */
	uint64_t age, idle;         /* ms */
	struct proxy_session seen;
};

/* A flow at layer 4. */
struct view_flow {
	const char *service, *real;
	struct addr client, vip;
	uint16_t client_port, vip_port;
	uint8_t proto;
	enum lb_flow_state state;
	uint64_t idle, left; /* ms: since its last packet; until it is over without another */
};

/* A packet and what became of it. */
struct view_packet {
	uint64_t time; /* us since 1970 */
	enum lb_verdict verdict;
	struct addr src, dst; /* unspecified where the frame names none */
	uint16_t sport, dport;
	uint16_t type; /* of the Ethernet frame */
	uint8_t proto; /* of IP */
	uint8_t flags; /* of TCP */
	uint32_t length;
	const char *service, *real, *iface; /* empty: none */
};

struct view_process {
	const char *role;
	int pid;
	unsigned int restarts;
	bool earlier;      /* a proxy of an earlier main */
	uint64_t sessions; /* of such a one */
};

struct view_iface {
	const char *name;
	bool attached, native, dispatcher;
	const char *problem; /* why it is not attached or not native; empty when fine */
};

struct view_vip {
	struct addr addr;
	uint64_t arp_replies, nd_replies, echo_replies, conflicts;
	uint64_t rivals; /* other hosts that say so now */
};

struct view {
	struct arena *arena;
	const char *version, *commit, *libbpf, *openssl, *node;
	time_t now;
	const struct view_process *processes;
	size_t process_count;
	const struct view_iface *ifaces;
	size_t iface_count;
	const struct view_service *services;
	size_t service_count;
	const struct view_vip *vips;
	size_t vip_count;
	const struct view_session *sessions; /* only where they were asked for */
	size_t session_count;
	uint64_t verdicts[LB_VERDICT_COUNT];
	uint64_t events[LB_EVENT_COUNT];
	uint64_t forwarded; /* packets, sum over the reals */
	struct {
		uint64_t entries, limit;
	} flows[2]; /* established tables: IPv4, IPv6 */
	struct {
		bool last_ok;
		time_t last_success;
		uint64_t generation;
	} config;
	uint64_t log_dropped;
	struct {
		uint64_t maxconn, limit; /* configured, and what the descriptors allow */
		uint64_t current;
		unsigned int processes;
		struct proxy_vitals sum; /* over the processes; busy: their mean */
	} l7;
	uint64_t heartbeat_age_msec; /* since main last refreshed what packets go by (F24) */
	unsigned int traces;         /* `lbxdp trace` that run: packets take the longer way */
	uint64_t refused_rows;       /* plan rows the kernel refused and that are being retried */
	struct {
		double cpu_seconds, start_time;
		uint64_t resident_bytes, open_fds, max_fds;
		uint64_t memory_max; /* bytes; 0: no limit. It is the children's too */
	} process;                   /* of main */
};

void view_free(struct view *v);

const char *verdict_name(enum lb_verdict v);            /* "FORWARDED" */
const char *flow_state_name(enum lb_flow_state s);      /* "established"; "" past the last */
const char *session_state_name(enum session_state s);   /* "relay" */
const char *real_status_name(enum real_status s);       /* "up" */
const char *service_status_name(enum service_status s); /* "healthy" */
const char *admin_order_name(enum admin_order o);       /* "online" */

#endif
