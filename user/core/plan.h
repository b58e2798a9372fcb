/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The plan: what the world should hold, as sorted rows of key and value in tables. Pure: no clock,
 * no system call, no log. Row structs have no hidden padding; whole rows are compared by memcmp.
 */
#ifndef LBXDP_CORE_PLAN_H
#define LBXDP_CORE_PLAN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/addr.h"
#include "core/acl.h"
#include "core/check.h"
#include "core/proxy.h"
#include "core/ring.h"
#include "lbxdp/abi.h"

/* In the order rows appear: what guards comes before what it guards, and traffic is invited last.
 * They go in the opposite order. */
enum plan_table {
	PLAN_SETTINGS,       /* __u32 0 -> struct row_settings */
	PLAN_VIA_FILTERS,    /* __u32 ifindex -> __u32 0: checks through a VIP leave by it */
	PLAN_VIAS,           /* __u32 check id -> struct lb_via: before its check runs */
	PLAN_NEIGHBOURS,     /* struct row_neighbour -> __u32 0: kept resolved */
	PLAN_CHECKS,         /* __u32 check id -> struct row_check */
	PLAN_SERVICES,       /* __u32 service id -> struct lb_service_info */
	PLAN_REALS,          /* __u32 real id -> struct row_real */
	PLAN_POOLS,          /* __u32 service id -> struct lb_pool: sources of l4-snat */
	PLAN_RINGS,          /* __u32 service id -> struct row_ring */
	PLAN_FLOODS,         /* __u32 service id -> struct row_flood; before its endpoints */
	PLAN_GUARD,          /* __u32 0 -> __u32 0: lists of layer 7 hold without XDP too */
	PLAN_ACLS,           /* __u32 service id -> struct row_acl; before what it guards, but
			      * in place of another only after PLAN_ADDRESSES */
	PLAN_ENDPOINTS,      /* struct lb_endpoint -> __u32 service id */
	PLAN_PROXY_BLOBS,    /* struct proxy_blob_key -> struct proxy_blob: first, so
			      * that no row asks for what is not there */
	PLAN_LOCAL_ROUTES,   /* struct row_local_route -> __u32 0: TProxy's policy rule and route */
	PLAN_DIVERTS,        /* __u32 ifindex -> __u32 0: TProxy's tc program there */
	PLAN_PROXY_SERVICES, /* __u32 service id -> struct proxy_service */
	PLAN_PROXY_REALS,    /* __u32 real id -> struct proxy_real */
	PLAN_PROXY_RULES,    /* struct proxy_rule_key -> struct proxy_rule */
	PLAN_LISTENERS,      /* struct proxy_endpoint -> __u32 service id */
	PLAN_ADDRESSES,      /* struct addr -> __u32 0: a host address, while layer 7 uses it */
	PLAN_VIPS,           /* struct lb_addr -> __u32 active */
	PLAN_IFACES,         /* __u32 ifindex -> struct row_iface: XDP attached there */
	PLAN_ANNOUNCE, /* struct row_announce_key -> struct row_announce: GARP or NA, v6 group */
	PLAN_TABLE_COUNT,
};

struct row_settings {
	__u32 timeout[8];     /* ticks, by enum lb_flow_state */
	__u32 orphan_timeout; /* ticks; 0: never */
};

struct row_neighbour {
	struct addr ip;
	__u32 ifindex;
};

/* spec is interned (core/store.h) and lacks address and port, so that the reals share it. */
struct row_check {
	const struct check_spec *spec;
	struct addr addr;
	__u16 port;
	__u8 pad[6];
};

struct row_real {
	struct lb_real real;
	struct lb_real_info info;
};
_Static_assert(sizeof(struct row_real) == 200, "struct row_real has hidden padding");

/* ring and table are interned (core/store.h): equal ones are the same pointer. */
struct row_ring {
	const struct ring *ring;
	const struct ring *table; /* lb_service.hash; NULL: none */
	struct lb_policy policy;
	__u32 backup; /* real id, for when all of the ring are full; 0: none */
	__u32 pad;
};

/* acl is interned (core/store.h). host: layer 7, packets that it allows go to the host. */
struct row_acl {
	const struct acl *acl;
	__u64 host;
};

/* How a service of layer 4 meets floods, and packets of flows that nobody knows. */
struct row_flood {
	struct lb_flood flood;
	__u32 on_miss; /* enum lb_on_miss */
};

/* In which every address is local, for packets with our mark. */
struct row_local_route {
	__u32 family; /* AF_INET, AF_INET6 */
	__u32 table;
};

struct row_iface {
	__u8 mac[6];
	__u8 generic_only; /* node.xdp_mode: generic */
	__u8 native_only;  /* node.xdp_mode: native */
	char name[16];
};

struct row_announce_key {
	struct addr vip;
	__u32 ifindex;
};

struct row_announce {
	__u8 mac[6];
	__u16 epoch; /* counts link-ups, so that each announces again */
};

struct plan;

struct plan *plan_new(void);
void plan_free(struct plan *p);

/* Copies the row; put the same key twice and the later value stands. */
int plan_put(struct plan *p, enum plan_table t, const void *key, const void *value);
int plan_delete(struct plan *p, enum plan_table t, const void *key);

size_t plan_count(const struct plan *p, enum plan_table t);
const void *plan_key(const struct plan *p, enum plan_table t, size_t i);
const void *plan_value(const struct plan *p, enum plan_table t, size_t i);
/* The value of key, or NULL. */
const void *plan_find(const struct plan *p, enum plan_table t, const void *key);

/* Where the differences go: the kernel's maps, a child process, or a list in a test. Each returns 0
 * or -errno. old is the value that stands now, NULL when the row is new. */
struct plan_sink {
	int (*put)(void *to, enum plan_table t, const void *key, const void *value,
		   const void *old);
	int (*del)(void *to, enum plan_table t, const void *key, const void *value);
	void *to;
};

/*
 * Bring actual to desired, each table through its sink (sinks[t]; the same sink may serve many).
 * A row that is refused stays out of actual, the others go on; refused (may be NULL) is called for
 * each. Returns the number of refused rows, so that a later call carries on from there; 1, and
 * nothing is changed, without memory.
 */
struct plan_refusal {
	void (*fn)(void *arg, enum plan_table t, const void *key, int error);
	void *arg;
};
size_t plan_apply(struct plan *actual, const struct plan *desired,
		  const struct plan_sink *const sinks[PLAN_TABLE_COUNT],
		  const struct plan_refusal *refusal);

/*
 * The same for a part of the world alone: what one service puts, before and after something changed
 * for it. plan_part_fits: does the change only give other values to rows that nobody else puts?
 * Else it takes a whole plan. plan_apply_part then makes, of an actual that holds the rows of
 * before, the one that plan_apply would make; where it does not hold one, that counts as refused.
 */
bool plan_part_fits(const struct plan *before, const struct plan *after);
size_t plan_apply_part(struct plan *actual, const struct plan *before, const struct plan *after,
		       const struct plan_sink *const sinks[PLAN_TABLE_COUNT],
		       const struct plan_refusal *refusal);

/* Number of puts and deletes that plan_apply would make. */
size_t plan_difference(const struct plan *actual, const struct plan *desired);

const char *plan_table_name(enum plan_table t);

#endif
