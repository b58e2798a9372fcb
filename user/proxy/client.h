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
#include "proxy/predecessors.h"

struct proxy_client;

struct proxy_client_events {
	void (*lost)(void *arg, unsigned int index); /* that process is gone; connect a new one */
	/* What an id of a row stands for, longer than its label; NULL: is not asked. */
	const char *(*name_of)(void *arg, enum plan_table t, uint32_t id);
	void *arg;
};

/*
 * For count processes. dir is where they have their doors (doors.h), by which they outlive this
 * main; NULL: they do not. Processes of an earlier main that are found there hand over their
 * listening sockets, and counters where the layout is the same. They go on accepting until
 * proxy_client_settled and a process of this main is ready. Returns NULL without memory for the
 * shared table.
 */
struct proxy_client *proxy_client_new(struct loop *l, unsigned int count, const char *dir,
				      const struct proxy_client_events *e);
/* Processes with a door go on without this main. */
void proxy_client_free(struct proxy_client *c);

/* The facts behind the rows are known by now: processes accept. */
void proxy_client_settled(struct proxy_client *c);
/* This main's processes were ended: takes their doors away. Earlier ones are ended as well, if they
 * are not to go on. */
void proxy_client_end(struct proxy_client *c, bool earlier);

/* The column in struct proxy_shared of process index. */
unsigned int proxy_client_column(const struct proxy_client *c, unsigned int index);

/* A new process, pid, listens at the other end of fd (taken): it gets the table and every row in
 * force. */
int proxy_client_connect(struct proxy_client *c, unsigned int index, pid_t pid, int fd);

/* What it has counted to: core/pulse.h. */
uint64_t proxy_client_pulse(const struct proxy_client *c, unsigned int index);

/* How it fares; all 0 before it has begun to count. */
struct proxy_vitals proxy_client_vitals(const struct proxy_client *c, unsigned int index);

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

/* The sessions that run now, PROXY_SESSIONS_MAX of each process at most. The copy is the caller's
 * for the call. */
typedef void proxy_session_fn(void *arg, pid_t pid, const struct proxy_session *s);
void proxy_client_each_session(const struct proxy_client *c, proxy_session_fn *fn, void *arg);
/* Of processes of an earlier main only. */
void proxy_client_each_earlier_session(const struct proxy_client *c, proxy_session_fn *fn,
				       void *arg);

/* The id is free for another name: its counters begin again at 0. */
void proxy_client_clear_service(struct proxy_client *c, uint32_t id);
void proxy_client_clear_real(struct proxy_client *c, uint32_t id);

/* Ids and their names as an earlier main had them, in both tables of services and reals. */
typedef void proxy_name_fn(void *arg, enum plan_table t, uint32_t id, const char *name);
void proxy_client_each_name(const struct proxy_client *c, proxy_name_fn *fn, void *arg);

/* Processes of an earlier main that are still there. */
size_t proxy_client_earlier_room(const struct proxy_client *c); /* how many there may be */
size_t proxy_client_earlier(const struct proxy_client *c, struct predecessor_view *out,
			    size_t room);
/* Asks each how many sessions it still has; later views say so. */
void proxy_client_ask_earlier(struct proxy_client *c);

/* Listening sockets, each of which takes a descriptor in every process. */
size_t proxy_client_listeners(const struct proxy_client *c);

/* Any service at all: then the processes are wanted. */
bool proxy_client_wanted(const struct proxy_client *c);

#endif
