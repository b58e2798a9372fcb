/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Main's end of the proxy processes: rows go out to each of them, listening sockets are opened and
 * kept here, so that no connection is refused while a process is started again.
 */
#ifndef LBXDP_PROXY_CLIENT_H
#define LBXDP_PROXY_CLIENT_H

#include "core/plan.h"
#include "core/proxy.h"
#include "io/channel.h"

struct proxy_client;

struct proxy_client_events {
	void (*lost)(void *arg, unsigned int index); /* that process is gone; connect a new one */
	void *arg;
};

/* For count processes. Returns NULL without memory for the shared table. */
struct proxy_client *proxy_client_new(struct loop *l, unsigned int count,
				      const struct proxy_client_events *e);
void proxy_client_free(struct proxy_client *c);

/* A new process listens at the other end of fd (taken): it gets the table and every row in force.
 */
int proxy_client_connect(struct proxy_client *c, unsigned int index, int fd);

/* What it has counted to: core/pulse.h. */
uint64_t proxy_client_pulse(const struct proxy_client *c, unsigned int index);

/* All processes together may hold so many sessions; each gets its part. */
void proxy_client_limit(struct proxy_client *c, uint32_t sessions);

/* Opens the file that session logs are appended to; NULL: each process' own log. The same path
 * again opens it anew, for who rotates logs. Returns 0 or -errno; the file before stays in use
 * then. */
int proxy_client_log(struct proxy_client *c, const char *path);

/* Takes the tables PLAN_PROXY_* and PLAN_LISTENERS. A listener that cannot be bound and a file that
 * cannot be read, or is not what it should be, are refused rows. */
const struct plan_sink *proxy_client_sink(struct proxy_client *c);

/* Counters as they are now; current and queued are summed over the processes. */
struct proxy_counts proxy_client_service(const struct proxy_client *c, uint32_t id,
					 uint64_t *current, uint64_t *queued);
struct proxy_counts proxy_client_real(const struct proxy_client *c, uint32_t id, uint64_t *current,
				      uint64_t *queued);

/* Sessions of all services, those that are gone from the plan too. */
uint64_t proxy_client_sessions(const struct proxy_client *c);

/* The sessions that run now, by process, PROXY_SESSIONS_MAX of each at most. The copy is the
 * caller's for the call. */
typedef void proxy_session_fn(void *arg, unsigned int process, const struct proxy_session *s);
void proxy_client_each_session(const struct proxy_client *c, proxy_session_fn *fn, void *arg);

/* The id is free for another name: its counters begin again at 0. */
void proxy_client_clear_service(struct proxy_client *c, uint32_t id);
void proxy_client_clear_real(struct proxy_client *c, uint32_t id);

/* Listening sockets, each of which takes a descriptor in every process. */
size_t proxy_client_listeners(const struct proxy_client *c);

/* Any service at all: then the processes are wanted. */
bool proxy_client_wanted(const struct proxy_client *c);

#endif
