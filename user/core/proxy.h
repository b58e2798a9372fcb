/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What main and the proxy processes share: orders over a channel, counters in memory. Pure data.
 * Structs have no hidden padding, so that rows compare whole.
 */
#ifndef LBXDP_CORE_PROXY_H
#define LBXDP_CORE_PROXY_H

#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "lbxdp/abi.h"

enum proxy_source {
	PROXY_SOURCE_AUTO,    /* the kernel's choice for the route */
	PROXY_SOURCE_VIP,     /* the address the client came to */
	PROXY_SOURCE_ADDRESS, /* the one configured */
	PROXY_SOURCE_CLIENT,  /* the client's own (TProxy) */
};

enum proxy_header { PROXY_HEADER_OFF, PROXY_HEADER_V1, PROXY_HEADER_V2 };
enum proxy_forwarded {
	PROXY_FORWARDED_OFF,
	PROXY_FORWARDED_APPEND,
	PROXY_FORWARDED_REPLACE,
	PROXY_FORWARDED_KEEP, /* what trusted clients say; else replace */
};
enum proxy_same_site {
	PROXY_SAME_SITE_OFF,
	PROXY_SAME_SITE_NONE,
	PROXY_SAME_SITE_LAX,
	PROXY_SAME_SITE_STRICT
};

enum proxy_service_flag {
	PROXY_SERVICE_HTTP = 1 << 0,      /* l7-http */
	PROXY_SERVICE_TLS = 1 << 1,       /* TLS of clients ends here: PROXY_BLOB_CERTIFICATE */
	PROXY_SERVICE_TLS13 = 1 << 2,     /* and no older version */
	PROXY_SERVICE_CLIENT_CA = 1 << 3, /* clients must show a certificate */
	PROXY_SERVICE_LOG = 1 << 4,
	PROXY_SERVICE_COOKIE_SECURE = 1 << 5,
	PROXY_SERVICE_COOKIE_HTTP_ONLY = 1 << 6,
	PROXY_SERVICE_COPY = 1 << 7, /* bulk is copied, never moved by splice(2) */
};

enum { PROXY_TEXT_LEN = 128, PROXY_VALUE_LEN = 512, PROXY_PATH_LEN = 256 }; /* with their NUL */
enum { PROXY_SOURCES_MAX = 8 };

/* A service's settings. A session keeps those it began with. A route with reals or a check of its
 * own is a service without listeners: it has a name, reals and a scheduler, all else is its
 * parent's. */
struct proxy_service {
	char name[LB_NAME_LEN];
	char cookie[LB_NAME_LEN];              /* persistence by cookie; "": none */
	char redirect_root[PROXY_TEXT_LEN];    /* where / is sent; "": nowhere */
	struct addr source[PROXY_SOURCES_MAX]; /* PROXY_SOURCE_ADDRESS; zero: no more */
	uint32_t connect, client, server, request, queue, tunnel; /* timeouts, ms */
	uint32_t maxconn;        /* sessions; 0: as many as the process takes */
	uint32_t request_buffer; /* bytes of a request's head */
	uint32_t max_body;       /* bytes of a request's body; 0: no limit */
	uint32_t slow_start;     /* ms; 0: none */
	uint32_t persist;        /* persistence by source, ms without a session; 0: none */
	uint32_t parent;         /* of a route; 0: none */
	uint32_t flags;          /* enum proxy_service_flag */
	uint16_t redirect_code;  /* to https; 0: no */
	uint8_t source_kind;     /* enum proxy_source */
	uint8_t accept_header;   /* enum proxy_header: clients must send one; v1 and v2 are both
				  * read */
	uint8_t send_header;     /* enum proxy_header */
	uint8_t scheduler;       /* enum scheduler */
	uint8_t forwarded_for;   /* enum proxy_forwarded */
	uint8_t same_site;       /* enum proxy_same_site */
	uint8_t persist_bits, persist6_bits; /* of a source's address that count */
	uint8_t pad[2];
};
_Static_assert(sizeof(struct proxy_service) == 448, "struct proxy_service has hidden padding");

enum proxy_real_flag {
	PROXY_REAL_USABLE = 1 << 0,   /* may get new sessions: up, online, weight above 0 */
	PROXY_REAL_RESET = 1 << 1,    /* its sessions are ended by reset now (halt, on_down) */
	PROXY_REAL_BACKUP = 1 << 2,   /* only when no other is usable */
	PROXY_REAL_TLS = 1 << 3,      /* re-encrypt */
	PROXY_REAL_VERIFY = 1 << 4,   /* its certificate leads to PROXY_BLOB_REAL_CA */
	PROXY_REAL_CHECKING = 1 << 5, /* usable or not: its checks have not said it yet */
	PROXY_REAL_DOWN = 1 << 6,     /* they said so, and on_down is not keep: who has logged in
				       * there is sent away with his next answer */
};

struct proxy_real {
	char name[LB_NAME_LEN];
	char sni[PROXY_TEXT_LEN]; /* the name that TLS asks for; "": none */
	uint64_t since;           /* clock_msec() at which it became usable; 0: long ago */
	struct addr ip;
	uint32_t service;
	uint32_t weight;
	uint32_t min_connections, max_connections; /* R43; 0: no limit */
	uint16_t port;                             /* 0: the port the client came to (R54) */
	uint16_t flags;                            /* enum proxy_real_flag */
	uint32_t pad;
};
_Static_assert(sizeof(struct proxy_real) == 240, "struct proxy_real has hidden padding");

/* The key of a listener; its value is the service id. */
struct proxy_endpoint {
	struct addr vip;
	uint16_t port;
	uint16_t pad;
};
_Static_assert(sizeof(struct proxy_endpoint) == 20, "struct proxy_endpoint has hidden padding");

/* The parts of a service's settings that are lists; in the order of index, first match wins. */
enum proxy_rule_kind {
	PROXY_RULE_ROUTE,   /* name: path prefix, value: host, "" for any; pool; bits 1: nobody is
			     * let in (403). With l7-tcp, value
			     * is the name of the client's SNI */
	PROXY_RULE_REWRITE, /* name: path prefix, value: what stands for it */
	PROXY_RULE_REQUEST_SET,
	PROXY_RULE_REQUEST_ADD,
	PROXY_RULE_REQUEST_DELETE,
	PROXY_RULE_RESPONSE_SET,
	PROXY_RULE_RESPONSE_ADD,
	PROXY_RULE_RESPONSE_DELETE,
	PROXY_RULE_TRUST, /* from, bits: who may send X-Forwarded-For */
};

struct proxy_rule_key {
	uint32_t service;
	uint16_t kind; /* enum proxy_rule_kind */
	uint16_t index;
};

struct proxy_rule {
	char name[PROXY_TEXT_LEN];
	char value[PROXY_VALUE_LEN];
	struct addr from;
	uint32_t pool; /* a service id: the route's, or the service itself */
	uint32_t bits; /* of from, 0..128 */
};
_Static_assert(sizeof(struct proxy_rule) == 664, "struct proxy_rule has hidden padding");

/* Contents of files, which main reads. */
enum proxy_blob_kind {
	PROXY_BLOB_CERTIFICATE, /* id: service; index: in the order configured */
	PROXY_BLOB_CLIENT_CA,   /* id: service */
	PROXY_BLOB_REAL_CA,     /* id: real */
	PROXY_BLOB_ERROR_PAGE,  /* id: service; index: status code */
};

struct proxy_blob_key {
	uint32_t id;
	uint16_t kind; /* enum proxy_blob_kind */
	uint16_t index;
};

enum { PROXY_BLOB_MAX = 1 << 20 }; /* bytes of a content */

/* Another version is another content: the row changes when the file does. */
struct proxy_blob {
	char path[PROXY_PATH_LEN];
	uint64_t version;
};

/* Main to proxy. A put of what is there changes it. */
enum proxy_order_kind {
	PROXY_ORDER_SHARED,  /* the descriptor is struct proxy_shared; comes first, once */
	PROXY_ORDER_BELL,    /* the descriptor is the eventfd that wakes process id */
	PROXY_ORDER_LIMIT,   /* u.limit: sessions of this process */
	PROXY_ORDER_LOG,     /* the descriptor is the file that session logs go to; -1: our log */
	PROXY_ORDER_SERVICE, /* u.service under id */
	PROXY_ORDER_REAL,    /* u.real under id */
	PROXY_ORDER_RULE,    /* u.rule */
	PROXY_ORDER_BLOB,    /* u.blob; the descriptor holds the content from its start on */
	PROXY_ORDER_LISTEN,  /* u.endpoint for service id; the descriptor is the listening socket,
			      * shared by all proxy processes */
	PROXY_ORDER_SERVICE_GONE,
	PROXY_ORDER_REAL_GONE,   /* its sessions run to their end */
	PROXY_ORDER_RULE_GONE,   /* u.rule.key */
	PROXY_ORDER_BLOB_GONE,   /* u.blob */
	PROXY_ORDER_LISTEN_GONE, /* u.endpoint: no more accepts */
	PROXY_ORDER_DOOR,        /* the descriptor is the socket at which a later main asks
				  * (core/handover.h). All that is in force has been said: from now on
				  * the process outlives its main. It says so: PROXY_REPORT_READY */
};

/* Proxy to main. */
enum proxy_report_kind { PROXY_REPORT_READY = 1 };

struct proxy_report {
	uint32_t kind;
};

struct proxy_order {
	uint32_t kind;
	uint32_t id;
	union {
		uint32_t limit;
		struct proxy_service service;
		struct proxy_real real;
		struct {
			struct proxy_rule_key key;
			struct proxy_rule row;
		} rule;
		struct proxy_blob_key blob;
		struct proxy_endpoint endpoint;
	} u;
};

/* Upper bounds of the buckets of a histogram, ms; the last has none. */
#define PROXY_BOUNDS                                                                               \
	{                                                                                          \
		1, 2, 5, 10, 25, 50, 100, 250, 1000, 5000, 30000                                   \
	}
enum { PROXY_BUCKETS = 12 };

struct proxy_histogram {
	uint64_t bucket[PROXY_BUCKETS]; /* each counts its own only */
	uint64_t sum;                   /* us */
};

/* Counters of a service or a real, added to by all proxy processes (relaxed atomics); they outlive
 * each of them. Gauges of a process that died are taken back by main, from its own column. */
struct proxy_counts {
	uint64_t sessions;  /* ever; of a real: connections and, with HTTP, requests given to it */
	uint64_t bytes_in;  /* from clients */
	uint64_t bytes_out; /* to clients */
	uint64_t connect_errors;
	uint64_t response_errors; /* the real reset or broke off a session that was established, or
				   * answered what is not HTTP */
	uint64_t client_aborts;
	uint64_t timeouts;
	uint64_t retries;        /* connects or requests tried again on the same real */
	uint64_t redispatches;   /* and on another */
	uint64_t no_source_port; /* EADDRNOTAVAIL */
	uint64_t refused;        /* service: no usable real, or the limit was reached */
	uint64_t bad_header;     /* service: PROXY header missing or wrong */
	uint64_t max_current;    /* the most sessions at a time */
	uint64_t max_queued;     /* the most that waited at a time */
	uint64_t queued;         /* that waited, ever */
	uint64_t queue_timeouts;
	uint64_t other_source_port; /* TProxy: the client's port was taken */
	uint64_t requests;          /* HTTP */
	uint64_t answers[6];        /* HTTP, by class: other, 1xx .. 5xx; as the client got them */
	uint64_t bad_requests;      /* service: refused with 400, 413, 431, 501 or 505 */
	uint64_t reused;            /* HTTP: requests that went by a connection that was there */
	uint64_t handshakes;        /* TLS with clients, or with the real */
	uint64_t handshakes_resumed;
	uint64_t handshakes_failed;
	struct proxy_histogram connect_time, response_time; /* to the first byte of the answer */
	uint64_t own_source; /* TProxy: not the client's address, as the families differ */
	/* A real's, TProxy: connects in a row to which no answer came; 0 after the first that did.
	 */
	uint64_t unanswered;
	uint64_t denied; /* service: HTTP requests that a route denies (403) */
	uint64_t pad[6];
};
_Static_assert(sizeof(struct proxy_counts) == 512, "struct proxy_counts changed size");

enum { PROXY_PROCESSES_MAX = 64, PROXY_PERSIST_SETS = 65536, PROXY_PERSIST_WAYS = 4 };

/* Descriptors of a process: two a session, two a pipe, one a listener, one a connection to a real
 * that waits for its next request, a bell of each process, and some for all else. */
enum {
	PROXY_SPARE_FDS = 64 + PROXY_PROCESSES_MAX,
	PROXY_SESSION_FDS = 2,
	PROXY_PIPE_FDS = 2,
	PROXY_PIPES_MAX = 256,
	PROXY_IDLE_MAX = 1024,
};

/* Pipes that a process with so many descriptors may have at a time. */
static inline uint64_t proxy_pipes(uint64_t descriptors)
{
	return descriptors / 16 < PROXY_PIPES_MAX ? descriptors / 16 : PROXY_PIPES_MAX;
}

/* And connections that wait. */
static inline uint64_t proxy_idle(uint64_t descriptors)
{
	return descriptors / 16 < PROXY_IDLE_MAX ? descriptors / 16 : PROXY_IDLE_MAX;
}

/* Sessions that so many descriptors allow it beside them. */
static inline uint64_t proxy_sessions(uint64_t descriptors, uint64_t listeners)
{
	uint64_t taken = PROXY_SPARE_FDS + PROXY_PIPE_FDS * proxy_pipes(descriptors) +
			 proxy_idle(descriptors) + listeners;

	return descriptors > taken ? (descriptors - taken) / PROXY_SESSION_FDS : 0;
}

/* One client's real. Words are read and written whole; a torn pair costs one client its real. */
struct proxy_persist {
	uint64_t key; /* hash of service and source; 0: free */
	uint32_t real;
	uint32_t used; /* clock_msec() >> 10 */
};

enum session_state {
	SESSION_HEADER,    /* the client owes a PROXY header */
	SESSION_HANDSHAKE, /* TLS with the client */
	SESSION_HELLO,     /* the client owes the TLS hello that names its route */
	SESSION_HTTP,      /* all of HTTP but the wait for a server's connection */
	SESSION_QUEUE,     /* for a place at a real */
	SESSION_CONNECT,   /* to a real, and TLS with it */
	SESSION_PAUSE,     /* before that is tried again */
	SESSION_RELAY,
	SESSION_ENDED, /* freed at the end of the round */
	SESSION_STATE_COUNT,
};

/* How a process fares, for people to see. It writes this as often as it counts its pulse. */
struct proxy_vitals {
	uint32_t sockets; /* that sessions, waiting connections and listeners may be */
	uint32_t pipes_max, pipes_used, pipes_free; /* free: open, but no session's */
	uint32_t tasks;                             /* its sockets and its sessions */
	uint32_t running;                           /* of them, that one round had work for */
	uint32_t busy;     /* 0 to 1000: the part of the last second that it did not sleep */
	uint32_t sessions; /* of its clients, at any moment */
	uint32_t pad[8];   /* a cache line each */
};
_Static_assert(sizeof(struct proxy_vitals) == 64, "struct proxy_vitals changed size");

/* A session for people to see. Its process writes it, main reads it at any time: a row that changes
 * meanwhile shows some of either. */
struct proxy_session {
	struct addr client, vip; /* client: as it came, or as its PROXY header says */
	struct addr peer;        /* whose connection it is: the client, or who said that header */
	uint64_t began, active;  /* clock_msec(); active: when bytes last came */
	uint64_t bytes_in, bytes_out;
	uint32_t service; /* id; 0: the row is free */
	uint32_t real;    /* id; 0: none */
	uint32_t requests;
	uint16_t client_port, vip_port;
	uint32_t state; /* enum session_state */
	uint16_t peer_port;
	uint16_t pad;
};
_Static_assert(sizeof(struct proxy_session) == 104, "struct proxy_session has hidden padding");

enum { PROXY_SESSIONS_MAX = 65536 }; /* of a process that are shown */

enum {
	/* Goes up when the meaning of struct proxy_shared changes and its size does not: by both a
	 * later main knows whether it can go on with it. */
	PROXY_SHARED_VERSION = 2,
	PROXY_ID_NAME_LEN = 256,
};

/* A sparse memfd; only rows in use take memory. What has a row a process is that process' own to
 * write, so that a crash leaves nothing counted: PROXY_COLUMNS, which main then clears. */
struct proxy_shared {
	uint8_t ticket_keys[2][80]; /* TLS: the key in use and the one before; made by main */
	uint64_t ticket_epoch;      /* 2 with the first keys; counts on by one before and
				     * after each change: odd while they are written */
	uint64_t log_dropped;       /* writes to l7.logging's file that failed */
	uint64_t pulse[PROXY_PROCESSES_MAX]; /* core/pulse.h: counted on by each process */
	uint64_t cursor[LB_SERVICES_MAX];    /* tickets of the service's ring */
	struct proxy_counts service[LB_SERVICES_MAX] __attribute__((aligned(64))); /* cache lines */
	struct proxy_counts real[LB_REALS_MAX] __attribute__((aligned(64)));
	uint32_t service_current[PROXY_PROCESSES_MAX][LB_SERVICES_MAX];
	uint32_t real_current[PROXY_PROCESSES_MAX][LB_REALS_MAX];
	uint32_t service_queued[PROXY_PROCESSES_MAX][LB_SERVICES_MAX];
	uint32_t real_queued[PROXY_PROCESSES_MAX][LB_REALS_MAX];
	uint64_t queue_numbers[LB_SERVICES_MAX]; /* the last that was drawn to wait in a pool */
	/* Twice the lowest number that waits in that process, and 1 if all of them wait for a real
	 * of their own; 0: nobody waits. */
	uint64_t queue_head[PROXY_PROCESSES_MAX][LB_SERVICES_MAX];
	uint64_t service_held[LB_SERVICES_MAX]; /* at maxconn; bits of the processes that want their
						 * bell when a session ends */
	uint32_t real_full[LB_REALS_MAX];       /* odd: closed at max_connections until below
						 * min_connections; counts its changes (R43) */
	uint64_t persist_key[2];                /* of hashes; 0: not drawn yet */
	uint32_t processes;                     /* rows in use of what has a row a process */
	uint32_t pad;
	struct proxy_persist persist[PROXY_PERSIST_SETS][PROXY_PERSIST_WAYS];
	struct proxy_vitals vitals[PROXY_PROCESSES_MAX];
	uint32_t session_rows[PROXY_PROCESSES_MAX]; /* that were in use at a time: none beyond */
	struct proxy_session session[PROXY_PROCESSES_MAX][PROXY_SESSIONS_MAX];
	/* What the ids stand for, by main, for a later main; "": free */
	char service_name[LB_SERVICES_MAX][PROXY_ID_NAME_LEN];
	char real_name[LB_REALS_MAX][PROXY_ID_NAME_LEN];
};

#define PROXY_COLUMNS(V)                                                                           \
	V(service_current)                                                                         \
	V(real_current) V(service_queued) V(real_queued) V(queue_head) V(session) V(vitals)

/* Where the columns begin in struct proxy_shared, and the bytes of a process' row of each. */
struct proxy_column {
	size_t at, len;
};
enum { PROXY_COLUMN_COUNT = 7 };
extern const struct proxy_column proxy_columns[PROXY_COLUMN_COUNT];

#endif
