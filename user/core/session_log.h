/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A line of the layer-7 log, as HAProxy's `option tcplog` and `option httplog` write it, so that
 * what reads its logs reads these. Pure. What strangers sent is escaped: a line has no control
 * characters but its end.
 */
#ifndef LBXDP_CORE_SESSION_LOG_H
#define LBXDP_CORE_SESSION_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/slice.h"

enum { SESSION_LOG_MAX = 2048 };

/* Times in ms; -1: that did not come about. */
struct session_log {
	struct addr client;
	uint16_t client_port;
	uint64_t when; /* ms since 1970: accepted, or the request began */
	int32_t zone;  /* seconds that local time, in which it is written, is ahead of UTC */
	const char *service;
	bool tls;            /* a "~" behind it */
	const char *backend; /* the service, or the route */
	const char *real;    /* NULL: <NOSRV> */
	int64_t request;     /* the head came in (http) */
	int64_t wait, connect;
	int64_t response; /* the answer's head (http) */
	int64_t total;
	uint64_t bytes; /* to the client */
	/*
	 * Who ended it, and in what state it was, as HAProxy writes them: C the client, S the real,
	 * P we ourselves, R out of something, D the real went down, K halted, c and s a timeout,
	 * - nobody; R request, Q queue, C connect, H response head, D data, L last data, - none.
	 */
	char ended_by, during;
	uint64_t all, of_service, of_backend, of_real; /* sessions, this one included */
	unsigned int retries;
	bool redispatched; /* to another real than the one that was tried first */
	/* Its place in the queue of a real, or among all who waited, when it came there: 1 is the
	 * first, 0 that it did not wait. */
	uint64_t real_queue, backend_queue;
	/* http */
	bool http;
	uint16_t status;   /* 0: none */
	struct slice line; /* the request line; at NULL: <BADREQ> */
};

/* Writes the line with its "\n" into to (SESSION_LOG_MAX bytes) and returns its length. A request
 * line that is too long is cut. */
size_t session_log_write(const struct session_log *l, char *to);

#endif
