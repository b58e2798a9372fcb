/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The XDP data plane as main sees it: load or adopt, attach, fill, count, sweep. The maps are
 * pinned under pin_dir and outlive every process; the program outlives its loader because libxdp
 * attaches it by netlink.
 */
#ifndef LBXDP_DATAPLANE_DATAPLANE_H
#define LBXDP_DATAPLANE_DATAPLANE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "core/plan.h"
#include "lbxdp/abi.h"
#include "lbxdp/verdict.h"

struct dataplane;

struct dataplane_options {
	const char *pin_dir; /* "/sys/fs/bpf/lbxdp" */
	uint32_t flows;      /* entries of each established table; 0: from MemTotal */
};

/*
 * Loads the program and makes and pins its maps, or adopts pinned ones of the same ABI. On failure
 * returns -errno and says in why what to do; -EEXIST: pinned maps of another ABI or size.
 */
int dataplane_open(struct dataplane **out, const struct dataplane_options *o, struct buf *why);

/* The libbpf in use, "v1.1". */
const char *dataplane_library_version(void);

/* Leaves what is attached and pinned as it is. */
void dataplane_close(struct dataplane *d);

/* Detaches every interface that runs our program and removes the pins. dataplane_close is still to
 * be called. */
int dataplane_destroy(struct dataplane *d);

/* The same without a data plane open: also what another version of lbxdp left behind. One line in
 * why for each interface that could not be detached. */
int dataplane_remove(const char *pin_dir, struct buf *why);

/* The default size of an established table for a machine of this much memory. */
uint32_t dataplane_default_flows(uint64_t memory_bytes);
uint32_t dataplane_flows_limit(const struct dataplane *d);
bool dataplane_adopted(const struct dataplane *d);

/*
 * Takes PLAN_SETTINGS, PLAN_SERVICES, PLAN_REALS, PLAN_POOLS, PLAN_RINGS, PLAN_FLOODS, PLAN_ACLS,
 * PLAN_ENDPOINTS, PLAN_GUARD, PLAN_VIPS, PLAN_IFACES, PLAN_VIAS, and the tables of enum
 * dataplane_filter. A refused PLAN_IFACES row has its reason in dataplane_attachment.
 */
const struct plan_sink *dataplane_sink(struct dataplane *d);

/* What is read back goes through these, which return the one pointer for equal content. */
struct dataplane_intern {
	const struct ring *(*ring)(void *arg, struct ring *r);      /* takes r */
	const struct acl *(*acl)(void *arg, const struct acl *acl); /* copies acl */
	void *arg;
};

/* After adoption: puts what the maps and interfaces hold into actual. */
int dataplane_read(struct dataplane *d, struct plan *actual, const struct dataplane_intern *intern);

/* Our tc programs: what marks answers to TProxy (PLAN_DIVERTS), and what sends checks by their VIP
 * (PLAN_VIA_FILTERS). */
enum dataplane_filter { FILTER_TPROXY, FILTER_VIA, FILTER_COUNT };

/* Puts the interfaces with a tc filter of this instance, and PLAN_GUARD if its program is pinned,
 * into actual; also without adoption. */
int dataplane_read_filters(struct dataplane *d, struct plan *actual);

/* True while the tc filter stands on ifindex; asks the kernel. */
bool dataplane_filters_now(struct dataplane *d, enum dataplane_filter which, uint32_t ifindex);

/* True while the program of PLAN_GUARD stands in this network namespace; asks the kernel. */
bool dataplane_guards_now(const struct dataplane *d);

/* lbx_via_ports, for the process that runs checks: struct lb_via_port by local port, to be mapped
 * into its memory. Borrowed. */
int dataplane_via_ports(const struct dataplane *d);

struct dataplane_attachment {
	bool attached, native, dispatcher;
	char why[160]; /* why not attached, or why generic; else empty */
};
void dataplane_attachment(const struct dataplane *d, uint32_t ifindex,
			  struct dataplane_attachment *a);

/* True while XDP on ifindex still is our program; asks the kernel (F33, F34). */
bool dataplane_attached_now(struct dataplane *d, uint32_t ifindex);

/* Counters, without stopping anything. */
struct lb_real_conns dataplane_real_conns(const struct dataplane *d, uint32_t real);
struct lb_real_stats dataplane_real_stats(struct dataplane *d, uint32_t real);
uint64_t dataplane_unrouted(const struct dataplane *d, uint32_t service);
/* ... because every real had its max_connections; new flows that persistence placed. */
uint64_t dataplane_full(const struct dataplane *d, uint32_t service);
uint64_t dataplane_followed(const struct dataplane *d, uint32_t service);
uint64_t dataplane_denied(const struct dataplane *d, uint32_t service);
uint64_t dataplane_denied_connections(const struct dataplane *d, uint32_t service);
uint64_t dataplane_missed(const struct dataplane *d, uint32_t service);
/* Have flows of all services together asked for more half-open entries than there are? Then every
 * service that has a flood_rate is in flood mode. */
bool dataplane_node_flooded(const struct dataplane *d);
/* Is the service in flood mode because of its own flood_rate? */
bool dataplane_above_rate(const struct dataplane *d, uint32_t service);
/* Is it, for either reason? */
bool dataplane_flooded(const struct dataplane *d, uint32_t service);
/* SYNs and datagrams of new flows that it got in that mode. */
uint64_t dataplane_flood_packets(struct dataplane *d, uint32_t service);
void dataplane_verdicts(struct dataplane *d, uint64_t counts[LB_VERDICT_COUNT]);
void dataplane_events(struct dataplane *d, uint64_t counts[LB_EVENT_COUNT]);
int dataplane_vip(struct dataplane *d, const struct lb_addr *a, struct lb_vip *v);
/* Who claimed a VIP unasked, or was heard while somebody asked, since the last call, which takes
 * them away. Returns how many of room; what is more stays. */
size_t dataplane_claims(struct dataplane *d, struct lb_claim *out, size_t room);
void dataplane_flow_counts(const struct dataplane *d, uint64_t counts[2]);

/* Counts the lists that were switched to, or adopted: sessions may have to be judged. */
uint32_t dataplane_acl_switches(const struct dataplane *d);

/* Does the service's list refuse the client? */
bool dataplane_denies(const struct dataplane *d, uint32_t service, const struct addr *client);

/* True when no flow entry may carry this real id: its counters say so and a whole sweep has passed
 * since it was taken out of every ring. */
bool dataplane_real_idle(struct dataplane *d, uint32_t real);

/* May the replies of a flow be for this address of a pool? */
bool dataplane_nat_uses(const struct dataplane *d, const struct lb_addr *a);

/*
 * One slice of the sweep, and the heartbeat (F24): expires, recounts half-open flows, mends drifted
 * counts. Call every DATAPLANE_SWEEP_MSEC. A slice costs at most about 2 ms, and up to 5 ms
 * more where the table of translations fills; a small table is passed once a second. Returns true
 * when there are new flows in state LB_FLOW_DENIED, for dataplane_reset_flows to find.
 */
enum { DATAPLANE_SWEEP_MSEC = 100 };
bool dataplane_sweep(struct dataplane *d);

/*
 * A service whose list of clients changed has its flows judged: those of clients that may no longer
 * use it become LB_FLOW_DENIED, and their translations go, as do those of a real that begins to be
 * reset. One slice of that, of about 2 ms, each time, as the sweep does one too. While it returns
 * true there is more to do: call it every DATAPLANE_JUDGE_MSEC, and a million flows are judged
 * within a few seconds for less than half of a core.
 */
enum { DATAPLANE_JUDGE_MSEC = 2 };
bool dataplane_judge(struct dataplane *d);

/* How long ago the daemon of the data plane pinned under pin_dir last swept, in *msec. Returns 0 or
 * -errno; -ENOENT: there is no data plane. */
int dataplane_silence(const char *pin_dir, uint64_t *msec);

/* One flow, ports in host order. */
struct dataplane_flow {
	struct addr src, dst;
	uint16_t sport, dport;
	uint8_t proto;
	uint32_t real;
};

/*
 * Finds TCP flows that are reset: established ones of reals that have LB_REAL_RESET, and those of
 * clients that may no longer use their service. At most max in one call; goes on
 * where the last call ended. Returns how many it filled in; *done when a whole pass is complete.
 */
size_t dataplane_reset_flows(struct dataplane *d, struct dataplane_flow *flows, size_t max,
			     bool *done);

/*
 * Tracing: what becomes of packets, shown to up to LB_TRACE_VIEWERS. While nobody looks it costs
 * packets nothing; while somebody does, all of them take the longer way.
 */
struct dataplane_trace {
	uint32_t service;     /* 0: any */
	struct prefix client; /* len 0: any */
	uint64_t verdicts;    /* 1 << enum lb_verdict */
	uint32_t rate;        /* packets a second that are shown, 1 .. DATAPLANE_TRACE_RATE_MAX */
};

/* DATAPLANE_TRACE_MSEC: how often dataplane_trace_read is to be called while somebody looks. */
enum { DATAPLANE_TRACE_RATE_MAX = 5000, DATAPLANE_TRACE_MSEC = 50 };

/* Returns the viewer's number, or -EBUSY: too many look. Until its end, call dataplane_trace_read
 * often; packets are traced no longer than four seconds without. */
int dataplane_trace_begin(struct dataplane *d, const struct dataplane_trace *t);
void dataplane_trace_end(struct dataplane *d, int viewer);

/* Hands all that was traced since the last call to fn; t->viewers says to whom it goes. */
void dataplane_trace_read(struct dataplane *d, void (*fn)(void *arg, const struct lb_trace *t),
			  void *arg);

/* Packets that the viewer wanted and that were above its rate, so far. */
uint64_t dataplane_trace_missed(const struct dataplane *d, int viewer);

/* One entry of a flow table. */
struct dataplane_seen {
	struct dataplane_flow flow;
	uint32_t service;
	enum lb_flow_state state;
	uint64_t idle_msec, left_msec; /* since its last packet; until it is over */
};

/*
 * A walk over all flows, in slices, while packets go on adding and removing others: each that stays
 * in its table all the while is met exactly once; one that is promoted meanwhile may be met as
 * half-open and again. NULL: no memory.
 */
struct dataplane_walk *dataplane_walk_new(struct dataplane *d);
void dataplane_walk_free(struct dataplane_walk *w);

/* One slice, of at most DATAPLANE_WALK_SLICE flows and about a millisecond. Returns false when it
 * was the last; what is over, and only waits for the sweep, is left out. */
enum { DATAPLANE_WALK_SLICE = 4096 };
bool dataplane_walk_next(struct dataplane_walk *w,
			 void (*fn)(void *arg, const struct dataplane_seen *s), void *arg);

/* After the last slice: 0, or the -errno that the kernel gave instead of more, again and again. */
int dataplane_walk_error(const struct dataplane_walk *w);

#endif
