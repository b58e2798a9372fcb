/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Main's state, one struct, and what the files of daemon/ do with it. Events change facts and call
 * reconcile_later(), or for one service reconcile_service_later(); nothing else leads to the maps,
 * the probe or the wire.
 */
#ifndef LBXDP_DAEMON_STATE_H
#define LBXDP_DAEMON_STATE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "admin/admin.h"
#include "admin/web.h"
#include "base/log.h"
#include "base/map.h"
#include "core/facts.h"
#include "core/ids.h"
#include "core/model.h"
#include "core/plan.h"
#include "core/pulse.h"
#include "core/store.h"
#include "core/view.h"
#include "daemon/daemon.h"
#include "daemon/files.h"
#include "daemon/orders.h"
#include "dataplane/dataplane.h"
#include "health/client.h"
#include "io/loop.h"
#include "net/net.h"
#include "proxy/client.h"

enum child_role { CHILD_PROBE, CHILD_WEB, CHILD_PROXY, CHILD_ROLE_COUNT };

/* One of each role, but several proxies. */
enum { CHILDREN_MAX = CHILD_PROXY + PROXY_PROCESSES_MAX };

struct child {
	struct daemon *daemon;
	enum child_role role;
	unsigned int index; /* among those of its role */
	pid_t pid;          /* 0: not running */
	unsigned int restarts;
	bool wanted;
	uint64_t started; /* clock_msec() */
	struct timer restart;
};

/* What is known of one check, by check id. */
struct check_fact {
	struct view_check seen; /* its type and port are filled in by snapshots only */
	bool connect_failed;
	uint32_t service; /* 1 + the place in the model of the one it is of; 0: not known */
};

/* How long a real was down, by real id. */
struct downtime {
	uint64_t since; /* clock_msec(); 0: it is not */
	uint64_t msec;  /* before that */
};

/* Sessions a second, of a service or a real. */
struct rate {
	uint64_t total; /* when last looked */
	uint64_t now, most;
	bool known;
};

/* Whether a real's answers come back by us (TProxy, R77). */
struct real_answers {
	uint64_t runs, failures; /* of its checks when it fell silent */
	bool silent;             /* connects stay unanswered ... */
	bool lost;               /* ... while its checks go on passing */
};

/* What the next plan has to look at. Of many services at once it is cheaper to look at all. */
enum { DIRTY_MAX = 64 };

struct dirty {
	bool all;
	size_t count;
	size_t service[DIRTY_MAX]; /* places in the model, none twice */
};

struct viewing; /* trace.c */
struct listing; /* flows.c */

/* One `isolate` in force: the other reals of the services of pattern count as halted. */
struct isolation {
	struct isolation *next;
	const void *token;
	char *pattern;
};

struct daemon {
	const struct daemon_options *options;
	struct loop *loop;
	struct model *model;
	struct net *net;
	struct dataplane *dataplane;
	struct health_client *health;
	struct web_client *web;
	struct proxy_client *proxy;
	unsigned int proxy_count;
	struct pulse proxy_pulses[PROXY_PROCESSES_MAX];
	struct admin *admin;
	struct orders *orders;
	uid_t uid; /* of the children */
	gid_t gid;
	int web_listener;                    /* -1: off */
	struct child children[CHILDREN_MAX]; /* by child_of() */
	enum log_style log_style;
	bool stopping;
	bool detach; /* `down`: nothing stays behind */
	int exit_code;

	struct ids *service_ids, *real_ids, *check_ids;
	bool *service_flooded;          /* by id: above its flood_rate when last looked */
	bool node_flooded;              /* all services together were, then */
	bool *service_used, *real_used; /* by id: in the model now; filled by gather */
	struct check_fact *checks;      /* by check id */
	uint32_t check_room;
	uint8_t *real_seen;         /* by real id: enum real_status + 1 when last looked */
	struct downtime *real_down; /* by real id */
	struct rate *service_rates, *real_rates; /* by id: rates.c */
	bool *real_reset;                        /* by real id: LB_REAL_RESET in the last plan */
	uint64_t *real_since;                    /* by real id: gather.c's, for slow_start */
	bool *real_up; /* by real id: it was when its checks last said all */
	struct files *files;
	struct real_answers *real_answers; /* by real id: tproxy.c */
	struct isolation *isolations;
	struct viewing *viewings;
	struct listing *listings;
	struct timer trace, listing;
	uint64_t trace_reads;

	char **interfaces; /* to attach: of the file, the command line and later joins */
	size_t interface_count;

	struct plan *actual;
	struct store *store;
	const struct facts *facts; /* that the last plan was made of, in facts_arena; or NULL */
	const struct model *facts_of;
	struct arena *facts_arena;
	struct dirty dirty;
	const struct plan_sink *sinks[PLAN_TABLE_COUNT];
	struct hook reconcile;
	struct timer retry, ramp, sweep, judge, second, settle, wake;
	unsigned int retry_msec;
	size_t refused;
	size_t layer7_refused;    /* of refused: layer 4 does without */
	size_t leaving;           /* ids that only sessions at layer 7 hold */
	size_t held;              /* VIPs that only sessions at layer 7 hold */
	size_t held_sources;      /* likewise, flows of l4-snat */
	bool tproxy_held;         /* likewise what TProxy needs */
	uint32_t session_limit;   /* of all proxies together */
	uint32_t maxconn_said;    /* that the limit is below it */
	uint64_t forwarded_gone;  /* packets to reals whose ids were released */
	size_t settled_to;        /* checks_settled's place */
	struct map *conflicts;    /* VIP -> how many when last said, as a pointer */
	uint64_t conflict_said;   /* not again before this time, ms */
	char refusal[1024];       /* what was said of the last plan, so that it is said once */
	unsigned int wake_passes; /* still to make over flows of reset reals */
	uint32_t acl_switches;    /* that sessions were judged after */
	uint32_t judge_sessions;  /* times, still */
	struct timer ask;         /* doctor.c: who else has the VIPs? */
	bool ask_again;           /* when the round that runs is over */
	struct net_claim *claims; /* what the last one came to */
	size_t claim_count;
	struct knocking *knocking; /* knocks.c; NULL: nobody asked yet */
	bool settled;

	bool config_ok; /* the last reload */
	time_t config_loaded;
	uint64_t config_generation;
	struct buf warnings;
};

/* tables.c: the tables by id, of a daemon that has its model. */
void tables_open(struct daemon *d);
void tables_close(struct daemon *d);

/* reconcile.c: the one way from facts to the world. */
void reconcile_later(struct daemon *d);
void reconcile_now(struct daemon *d);
/*
 * The same where what changed is known to concern the reals of one service and nothing else: what
 * its checks say, what was ordered for it, its slow start. service is its place in the model; what
 * it costs does not grow with the others. _marked_now carries out what is waiting for _later.
 */
void reconcile_service_later(struct daemon *d, size_t service);
void reconcile_marked_now(struct daemon *d);

/* gather.c: facts beside the model, in a. */
const struct facts *gather_facts(struct daemon *d, struct arena *a);
/* Those of one service anew, in the place of what f had of it. */
void gather_again(struct daemon *d, const struct facts *f, size_t service);
/* Is there a row of a real that left, and that no flow carries any more? */
bool gather_something_idle(const struct daemon *d);
/*
 * What a real's id stands for: "SERVICE/REAL ADDRESS" into name (REAL_IDENTITY_LEN bytes). Another
 * address is another real, so that running flows never find another server behind their id.
 */
enum { REAL_IDENTITY_LEN = 2 * LB_NAME_LEN + ADDR_TEXT_LEN + 8 };
const char *real_identity(const char *service, const char *real, const struct addr *ip, char *name);
/* Behind it, the name of one whose packets are translated. */
#define GATHER_NAT  "/nat"
#define GATHER_SNAT "/snat"
/* The name that an id of the real stands for, in name. */
const char *gather_id_name(const struct service_config *s, const struct real_config *r, char *name);
/* A check could not connect: its real's neighbour entry may be stale. */
void gather_suspect(struct daemon *d, uint32_t check_id);
/* The interface indexes of d->interfaces that exist. Returns how many of room are filled in. */
size_t gather_ifindexes(const struct daemon *d, uint32_t *out, size_t room);

/* changes.c */
/* Says changes of state in the log, and has silent clients woken where flows are to be reset now.
 */
void gather_note_changes(struct daemon *d, const struct facts *f);
void gather_note_service(struct daemon *d, const struct facts *f, size_t service);

/* adopt.c */
/* After adoption: names get the ids, and checks the health, that the maps hold. */
void gather_adopt(struct daemon *d);
/* Likewise what the proxy processes of an earlier main numbered. */
void gather_adopt_names(struct daemon *d);
/* Adds to a plan read from maps the rows the kernel holds besides: neighbours, groups, addresses.
 */
void gather_kernel_rows(struct net *n, struct plan *actual);
/* Gives back the ids that neither model nor maps use. */
void gather_release(struct daemon *d);

/* held.c: VIPs that layer 7 left with sessions on them, or that an earlier run left on the host. */
void held_kernel_rows(struct net *n, struct plan *actual);
void gather_held(struct daemon *d, struct facts *f, struct arena *a);
/* Addresses that left the source_pool of l4-snat, but not their flows. */
void gather_held_sources(struct daemon *d, struct facts *f, struct arena *a);

/* via.c */
/* What may be wrong with a real that fails by its VIP only, for people; NULL: nothing such. */
const char *via_warning(struct daemon *d, const struct service_config *s,
			const struct real_config *r, const struct real_fact *f);
void via_watch(struct daemon *d);
void via_warnings(const struct daemon *d, struct buf *out);

/* tproxy.c */
/* Puts back the tc filters of a table of the plan that somebody took away. */
void tproxy_watch_filters(struct daemon *d, enum plan_table t, enum dataplane_filter which);
void gather_tproxy(struct daemon *d, struct facts *f, struct arena *a);
/* Adds what an earlier life of the instance may have left in the kernel; dp NULL: routes only. */
void tproxy_kernel_rows(const char *pin_dir, struct dataplane *dp, struct plan *actual);
/* What is wrong with a real's answers, or NULL (R77). */
const char *tproxy_warning(const struct daemon *d, uint32_t id, const struct proxy_counts *c);
void tproxy_watch(struct daemon *d);
/* What of the host's settings will bite the real servers. */
void tproxy_warnings(const struct daemon *d, struct buf *out);

/* checks.c: what the probe process reported. */
struct check_fact *check_fact(struct daemon *d, uint32_t id); /* never NULL; made when new */
void checks_report(void *daemon, const struct check_report *r);
enum health checks_known(void *daemon, uint32_t id);
bool checks_settled(struct daemon *d);
void checks_settle(struct daemon *d); /* start-up is over: each has a result, or is late */
/* The ids of a real's checks, in a. */
const uint32_t *check_ids_of(struct daemon *d, const struct service_config *s,
			     const struct real_config *r, struct arena *a, size_t *count);

/* process.c: children. */
static inline struct child *child_of(struct daemon *d, enum child_role role, unsigned int index)
{
	return &d->children[role + index];
}

void process_init_all(struct daemon *d); /* before any other */
int process_start(struct child *c);
void process_stop(struct child *c); /* and waits until it is gone */
void process_reap(struct daemon *d);
void process_lost(struct child *c);      /* its channel closed */
void process_stop_all(struct daemon *d); /* but the proxies */

/* proxies.c: as many as the model asks for, within what descriptors allow. */
uint64_t proxies_descriptors(const struct model *m); /* that one process may need */
int proxies_open(struct daemon *d);
void proxies_open_log(struct daemon *d); /* anew at each reload, for who rotates logs */
/* Sessions of what left run to their end and are counted under its id until then; counted in
 * d->leaving. */
bool proxies_hold_service(struct daemon *d, uint32_t id);
bool proxies_hold_real(struct daemon *d, uint32_t id);
void proxies_adjust(struct daemon *d); /* after a plan, and once a second */
void proxies_watch(struct daemon *d);  /* once a second: ends those that stand still */
/* They are ended; else they go on without main. earlier: those of an earlier main too. */
void proxies_end(struct daemon *d, bool earlier);

/* finishing.c: ends sessions in proxies of an earlier main whose real resets. */
void finishing_judge(struct daemon *d);

/* web_socket.c */
/* The page's listening socket, and its process, anew as the model says. Returns 0 or -errno. */
int web_restart(struct daemon *d);
/* Tries again where that failed: the port may be free now. */
void web_retry(struct daemon *d);

/* snapshot.c */
struct view *snapshot_take(void *daemon);
struct view *snapshot_sessions(void *daemon); /* with the sessions at layer 7 */

/* operations.c: the admin socket's orders. */
struct admin_ops operations_of(struct daemon *d);

/* doctor.c */
void doctor_start(struct daemon *d);
/* A round now, of who else has the VIPs; all: and of what real servers answer. 0 or -errno. */
int doctor_ask(void *daemon, bool all);
bool doctor_asked(void *daemon);
void doctor_report(void *daemon, bool arp, struct buf *out); /* lines of findings */
/* Fills in the conflicts of v's service-th; the reals of all are there. */
void doctor_snap_service(struct daemon *d, struct view *v, size_t service, struct view_service *to);
uint64_t doctor_rivals(const struct daemon *d, const struct addr *vip);
/* A line for each thing that will bite on an interface that is being attached. */
void doctor_warn(struct daemon *d, const char *iface, const struct dataplane_attachment *at,
		 struct buf *out);

/* knocks.c */
int knocks_ask(struct daemon *d); /* a round now; returns 0 or -errno */
bool knocks_answered(const struct daemon *d);
struct knocks knocks_last(const struct daemon *d); /* borrowed until the next round */
void knocks_end(struct daemon *d);

/* trace.c: those who trace. */
int trace_begin(void *daemon, const struct trace_request *r, const void *token, struct buf *out);
/* False: token is none of them. */
bool trace_stop(struct daemon *d, const void *token, bool gone);
unsigned int trace_count(const struct daemon *d);
void trace_end(struct daemon *d); /* all, before the data plane is closed */
/* The service of packets and flows that name says; *id 0: name is empty, any. Returns 0 or -errno
 * with a line of why. */
int trace_find_service(const struct daemon *d, const char *name, uint32_t *id, struct buf *out);
/* What packets and flows carry numbers of; empty: none. */
const char *trace_service_name(const struct daemon *d, uint32_t id);
const char *trace_real_name(const struct daemon *d, uint32_t id);

/* flows.c: those who list flows. */
int flows_begin(void *daemon, const struct flows_request *r, const void *token, struct buf *out);
void flows_stop(struct daemon *d, const void *token);
void flows_end(struct daemon *d);

/* rates.c: once a second. */
void rates_note(struct daemon *d);

/* watch.c: what no event tells, looked at once a second. */
void watch_start(struct daemon *d);

/* wake.c: makes silent clients of reset reals speak, so that they meet their RST. */
void wake_start(struct daemon *d);

/* sessions.c: after lists of clients changed, ends the sessions at layer 7 that they refuse. */
void sessions_judge(struct daemon *d);
/* The program that refuses clients without XDP is put back where somebody took it away. */
void sessions_watch_guard(struct daemon *d);

/* notify.c: sd_notify(3) without the library; nothing without NOTIFY_SOCKET. */
void notify_systemd(const char *state);

#endif
