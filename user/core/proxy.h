/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What main and the proxy processes share: orders over a channel, counters in memory. Pure data.
 * Structs have no hidden padding, so that rows compare whole.
 */
#ifndef LBXDP_CORE_PROXY_H
#define LBXDP_CORE_PROXY_H

#include <stdint.h>

#include "base/addr.h"
#include "lbxdp/abi.h"

enum proxy_source {
	PROXY_SOURCE_AUTO,    /* the kernel's choice for the route */
	PROXY_SOURCE_VIP,     /* the address the client came to */
	PROXY_SOURCE_ADDRESS, /* the one configured */
};

enum proxy_header { PROXY_HEADER_OFF, PROXY_HEADER_V1, PROXY_HEADER_V2 };

/* A service's settings. A session keeps those it began with. */
struct proxy_service {
	char name[LB_NAME_LEN];
	struct addr source;               /* PROXY_SOURCE_ADDRESS */
	uint32_t connect, client, server; /* timeouts, ms */
	uint8_t source_kind;              /* enum proxy_source */
	uint8_t accept_header; /* enum proxy_header: clients must send one; v1 and v2 are both read
				*/
	uint8_t send_header;   /* enum proxy_header */
	uint8_t pad;
};
_Static_assert(sizeof(struct proxy_service) == 96, "struct proxy_service has hidden padding");

enum proxy_real_flag {
	PROXY_REAL_USABLE = 1 << 0, /* may get new sessions: up, online, weight above 0 */
	PROXY_REAL_RESET = 1 << 1,  /* its sessions are ended by reset now (halt, on_down) */
	PROXY_REAL_BACKUP = 1 << 2, /* only when no other is usable */
};

struct proxy_real {
	char name[LB_NAME_LEN];
	struct addr ip;
	uint32_t service;
	uint32_t weight;
	uint16_t port;  /* 0: the port the client came to (R54) */
	uint16_t flags; /* enum proxy_real_flag */
};
_Static_assert(sizeof(struct proxy_real) == 92, "struct proxy_real has hidden padding");

/* The key of a listener; its value is the service id. */
struct proxy_endpoint {
	struct addr vip;
	uint16_t port;
	uint16_t pad;
};
_Static_assert(sizeof(struct proxy_endpoint) == 20, "struct proxy_endpoint has hidden padding");

/* Main to proxy. A put of what is there changes it. */
enum proxy_order_kind {
	PROXY_ORDER_SHARED,  /* the descriptor is struct proxy_shared; comes first, once */
	PROXY_ORDER_LIMIT,   /* u.limit: sessions of this process */
	PROXY_ORDER_SERVICE, /* u.service under id */
	PROXY_ORDER_REAL,    /* u.real under id */
	PROXY_ORDER_LISTEN,  /* u.endpoint for service id; the descriptor is the listening socket,
			      * shared by all proxy processes */
	PROXY_ORDER_SERVICE_GONE,
	PROXY_ORDER_REAL_GONE,   /* its sessions run to their end */
	PROXY_ORDER_LISTEN_GONE, /* u.endpoint: no more accepts */
};

struct proxy_order {
	uint32_t kind;
	uint32_t id;
	union {
		uint32_t limit;
		struct proxy_service service;
		struct proxy_real real;
		struct proxy_endpoint endpoint;
	} u;
};

/* Counters of a service or a real, added to by all proxy processes (relaxed atomics); they outlive
 * each of them. Gauges of a process that died are taken back by main, from its own column. */
struct proxy_counts {
	uint64_t sessions;  /* ever */
	uint64_t bytes_in;  /* from clients */
	uint64_t bytes_out; /* to clients */
	uint64_t connect_errors;
	uint64_t response_errors; /* the real reset or broke off a session that was established */
	uint64_t client_aborts;
	uint64_t timeouts;
	uint64_t retries;        /* connects tried again on the same real */
	uint64_t redispatches;   /* and on another */
	uint64_t no_source_port; /* EADDRNOTAVAIL */
	uint64_t refused;        /* service: no usable real, or the limit was reached */
	uint64_t bad_header;     /* service: PROXY header missing or wrong */
	uint64_t max_current;    /* the most sessions at a time */
	uint64_t pad[3];
};
_Static_assert(sizeof(struct proxy_counts) == 128, "struct proxy_counts changed size");

enum { PROXY_PROCESSES_MAX = 64 };

/* A sparse memfd; only rows in use take memory. current[] is a gauge a process, so that a crash
 * leaves nothing counted twice. */
struct proxy_shared {
	uint64_t cursor[LB_SERVICES_MAX]; /* tickets of the service's ring */
	struct proxy_counts service[LB_SERVICES_MAX] __attribute__((aligned(64))); /* cache lines */
	struct proxy_counts real[LB_REALS_MAX] __attribute__((aligned(64)));
	uint32_t service_current[PROXY_PROCESSES_MAX][LB_SERVICES_MAX];
	uint32_t real_current[PROXY_PROCESSES_MAX][LB_REALS_MAX];
};

#endif
