/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of dataplane/ share: the open maps, and who does what with them. */
#ifndef LBXDP_DATAPLANE_INTERNAL_H
#define LBXDP_DATAPLANE_INTERNAL_H

#include <bpf/libbpf.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "dataplane/dataplane.h"
#include "dataplane/slots.h"

struct attachments;
struct acls;
struct rings;
struct sweep;
struct judge;
struct reset_scan;
struct trace;
struct carry;
struct nat_sweep;

/* The pinned maps, in the order in which they are pinned: slots before the services that name them.
 * MMAP ones are written and read in place. */
/* clang-format off */
#define DATAPLANE_MAPS(M)            \
	M(VIP_FILTER, lbx_vip_filter) \
	M(VIPS,       lbx_vips)       \
	M(CLAIMS,     lbx_claims)     \
	M(ENDPOINTS,  lbx_endpoints)  \
	M(SLOTS,      lbx_slots)      \
	M(SERVICES,   lbx_services)   \
	M(ACL,        lbx_acl)        \
	M(SVC_INFO,   lbx_svc_info)   \
	M(REALS,      lbx_reals)      \
	M(REAL_INFO,  lbx_real_info)  \
	M(REAL_CONNS, lbx_real_conns) \
	M(REAL_STATS, lbx_real_stats) \
	M(FLOWS4,     lbx_flows4)     \
	M(FLOWS6,     lbx_flows6)     \
	M(HALF4,      lbx_half4)      \
	M(HALF6,      lbx_half6)      \
	M(FRAGMENTS,  lbx_fragments)  \
	M(ICMP,       lbx_icmp)       \
	M(PERSIST,    lbx_persist)    \
	M(NAT,        lbx_nat)        \
	M(NAT_HALF,   lbx_nat_half)   \
	M(NAT_BRIEF,  lbx_nat_brief)  \
	M(POOLS,      lbx_pools)      \
	M(SETTINGS,   lbx_settings)   \
	M(VERDICTS,   lbx_verdicts)   \
	M(FLOODS,     lbx_floods)     \
	M(EVENTS,     lbx_events)     \
	M(IFACES,     lbx_ifaces)     \
	M(TX,         lbx_tx)         \
	M(TRACE_FILTERS, lbx_trace_filters) \
	M(TRACE_SEEN, lbx_trace_seen) \
	M(TRACE,      lbx_trace)      \
	M(VIAS,       lbx_vias)       \
	M(VIA_PORTS,  lbx_via_ports)
/* clang-format on */

enum map_id {
#define MAP_ENUM(id, name) MAP_##id,
	DATAPLANE_MAPS(MAP_ENUM)
#undef MAP_ENUM
		MAP_COUNT
};

struct dataplane {
	char pin_dir[PATH_MAX];
	struct lbxdp_bpf *skel;            /* the program that runs where there is no dispatcher */
	struct tproxy_bpf *tproxy;         /* NULL: not loaded yet */
	struct via_bpf *via;               /* likewise */
	uint32_t our_qdisc[LB_IFACES_MAX]; /* interfaces whose clsact we made */
	size_t our_qdisc_count;
	int prog_fd;
	uint32_t prog_id;
	uint32_t flows;
	bool adopted;        /* or carried over */
	struct carry *carry; /* maps of an earlier version, until all of them is taken */
	bool no_dispatcher;  /* libxdp fell back once: the kernel will not change its mind */
	int cpus;

	int fd[MAP_COUNT];
	uint64_t *filter;
	struct lb_service *services;
	uint32_t *slots; /* real ids, two to a row */
	struct lb_real *reals;
	struct lb_real_conns *conns;
	struct lb_settings *settings;
	struct lb_trace_filter *trace_filters;

	uint16_t filter_refs[LB_VIP_FILTER_WORDS * 64];
	uint32_t real_top;     /* no id at or above it was ever in use */
	uint32_t reset_reals;  /* rows with LB_REAL_RESET */
	uint32_t nat_reals;    /* rows with LB_REAL_NAT */
	uint64_t denied_flows; /* LB_FLOW_DENIED that the sweep met last, and judge.c made since */
	uint64_t denied_new;   /* of them, those since this pass of the sweep began */
	bool denied_some;      /* of them, some since who calls the sweep was told */

	struct attachments *attachments;
	struct rings *rings;
	struct acls *acls;
	struct sweep *sweep;
	struct judge *judge;
	struct reset_scan *reset_scan;
	struct trace *trace;
	struct nat_sweep *nat_sweep;
	struct plan_sink sink;
};

/* maps.c: sizes, pins and memory of the maps. */
extern const char *const map_names[MAP_COUNT];
const char *map_path(const struct dataplane *d, const char *name, char path[PATH_MAX]);
/* A directory on a BPF file system for the pins; mounts one on /sys/fs/bpf when there is none. */
int map_make_dir(struct dataplane *d, struct buf *why);
/* Before load: takes over pinned maps that fit skel, or leaves them to be made. */
int map_adopt(struct dataplane *d, struct lbxdp_bpf *skel, uint32_t flows, struct buf *why);
/* After load: pins new maps and maps the arrays into memory. */
int map_publish(struct dataplane *d, struct buf *why);
/* Gives a second object the maps of the first. Before its load. */
int map_share(const struct dataplane *d, struct bpf_object *obj);
/* Opens a pinned map. Returns a descriptor or -errno. */
int map_open_pinned(const struct dataplane *d, enum map_id id, struct bpf_map_info *info);
/* Takes the pinned map, if it has the shape that the object wants. */
int map_adopt_one(struct dataplane *d, struct bpf_object *obj, enum map_id id, struct buf *why);
/* The size of a table, in entries. */
uint32_t map_entries(const struct dataplane *d, enum map_id id);
void map_close(struct dataplane *d);
void map_unpin(struct dataplane *d);

/*
 * carry.c: the maps of an earlier version. What it holds in the same layout is taken as it is, so
 * that flows and the counters of reals go on in the same memory; what changed is made anew.
 */
bool carry_knows(uint32_t version);
/* Before load, instead of adopting all. */
int carry_adopt(struct dataplane *d, uint32_t version, struct bpf_object *obj, struct buf *why);
/* After load and before the new maps are pinned: what they are to hold. */
int carry_fill(struct dataplane *d, struct buf *why);
/* Once the new program runs everywhere: what the old one counted until then. */
void carry_finish(struct dataplane *d);
void carry_free(struct dataplane *d);

/* attach.c: the program on the interfaces. Its pins: what runs, and what is about to. */
enum { PROGRAM_PINS = 2 };
extern const char *const program_pins[PROGRAM_PINS];
int attach_open(struct dataplane *d, struct buf *why);
void attach_close(struct dataplane *d);
int attach_put(struct dataplane *d, const uint32_t *ifindex, const struct row_iface *row);
int attach_remove(struct dataplane *d, uint32_t ifindex);

/* The index-th interface that runs our program; 0 past the last. */
uint32_t attach_at(const struct dataplane *d, size_t index);

/* divert.c: the tc programs. Gone interfaces have nothing to remove. */
int divert_put(struct dataplane *d, enum dataplane_filter which, uint32_t ifindex);
int divert_remove(const char *pin_dir, enum dataplane_filter which, uint32_t ifindex);
void divert_close(struct dataplane *d);

/* guard.c: the program that judges clients of layer 7 wherever they come from. */
int guard_put(struct dataplane *d);
int guard_remove(const char *pin_dir);
bool guard_pinned(const char *pin_dir);

/* rings.c: slot ranges, and which reals are in a ring. */
int rings_open(struct dataplane *d, struct buf *why);
void rings_close(struct dataplane *d);
/* old: what stands now, so that only what differs is written; NULL: nothing known. */
int rings_put(struct dataplane *d, uint32_t service, const struct row_ring *row,
	      const struct row_ring *old);
int rings_remove(struct dataplane *d, uint32_t service);
/* Frees ranges that no packet can be reading any more. */
void rings_reap(struct dataplane *d);
/* True when real is in no ring since before the sweep's pass number pass began. */
bool rings_left_before(const struct dataplane *d, uint32_t real, uint32_t pass);
/* What the service has: its ring, its table, and how they are used. */
struct lb_ring rings_now(const struct dataplane *d, uint32_t service);
struct lb_ring rings_table(const struct dataplane *d, uint32_t service);
struct lb_policy rings_policy(const struct dataplane *d, uint32_t service);

/* acls.c: lists of clients, and which services' flows are to be judged by them. */
int acls_open(struct dataplane *d);
void acls_close(struct dataplane *d);
int acls_put(struct dataplane *d, uint32_t service, const struct acl *acl, bool host);
int acls_remove(struct dataplane *d, uint32_t service);
/* NULL: everybody may use the service. */
const struct acl *acls_now(const struct dataplane *d, uint32_t service, bool *host);
/* Removes rows that no packet can be asking for any more. */
void acls_reap(struct dataplane *d);
/* Did the service's list change so that this walk of judge.c judges its flows? */
bool acls_judged_in(const struct dataplane *d, uint32_t service, uint32_t walk);

/* sink.c */
void sink_init(struct dataplane *d);
/* Counts references to the filter's bits after adoption, and mends the filter. */
int sink_read_vips(struct dataplane *d);
/* One more, or one less, reason to look at packets for an address, or from it. */
void sink_filter_add(struct dataplane *d, const struct lb_addr *a);
void sink_filter_drop(struct dataplane *d, const struct lb_addr *a);

/* sweep.c */
int sweep_open(struct dataplane *d);
void sweep_close(struct dataplane *d);
/* The number of the pass that runs or ran last; 0 before the first. */
uint32_t sweep_pass(const struct dataplane *d);
/* A flow was taken out of an established table: it counts no more. */
void sweep_count_removed(struct dataplane *d, const struct lb_flow *f, bool six);

/*
 * judge.c: ends flows whose clients a new list refuses, and translations of theirs and of reals
 * that are reset, in walks of their own.
 */
int judge_open(struct dataplane *d);
void judge_close(struct dataplane *d);
/* There is a reason for a walk, over flows too or over translations only. Returns its number. */
uint32_t judge_later(struct dataplane *d, bool flows);

/* nat.c: which reals' packets are translated, and rows whose flow is over. */
int nat_open(struct dataplane *d);
void nat_close(struct dataplane *d);
void nat_note_real(struct dataplane *d, const struct lb_real *before, const struct lb_real *after);
void nat_sweep(struct dataplane *d);
/* Nothing is there to be met, or to be begun. */
bool nat_is_idle(const struct dataplane *d);
/* About how many rows one of enum nat_table holds. */
uint64_t nat_rows(const struct dataplane *d, size_t table);

/* reset.c */
int reset_open(struct dataplane *d);
void reset_close(struct dataplane *d);

/* trace.c */
int trace_open(struct dataplane *d);
void trace_close(struct dataplane *d);

#endif
