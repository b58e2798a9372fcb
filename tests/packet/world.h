/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The world of the packet cases: one VIP a family, one service of two reals, an interface. What
 * is below "runner" exists twice, for the native build and for the kernel; the rest is common.
 */
#ifndef TESTS_PACKET_WORLD_H
#define TESTS_PACKET_WORLD_H

#include "frame.h"

#include "lbxdp/abi.h"
#include "lbxdp/verdict.h"

/* runner: maps by name, an 8-byte counter of a per-CPU map summed up. 0 or -errno. */
extern const char *runner_name;
int runner_put(const char *map, const void *key, const void *value);
int runner_get(const char *map, const void *key, void *value);
int runner_del(const char *map, const void *key);
/* The key after prev (NULL: the first). */
int runner_next(const char *map, const void *prev, void *key);
/* Runs the program; f becomes what it made of it. Returns the XDP action, or -errno where this
 * runner cannot run such a frame. */
int runner_run(struct frame *f);
/* Asks the program at the host's door about a TCP client: true, it refuses. */
bool runner_guard(const struct lb_addr *client, const struct lb_endpoint *at, bool six);
/* Whether time only passes when a case says so. */
bool runner_clock_stands(void);
/* Lets every insertion into map fail; false: this runner cannot. */
bool runner_refuse(const char *map, bool refuse);
/* Takes the oldest record of lbx_trace; false: there is none. */
bool runner_trace(struct lb_trace *t);
/* The tick it is now, as the program reads it. */
uint32_t runner_tick(void);

/* Set: world_reset has all packets traced, which must make no difference. */
extern bool world_traced;

enum {
	VIP_SERVICE = 1,
	REAL_A = 1, /* 02:00:00:00:00:a1, behind the interface packets come in by */
	REAL_B = 2,
	IFINDEX = 1,      /* loopback's in every namespace */
	IFINDEX_FAR = 77, /* another interface */
	FLOWS_MAX = 64,   /* size of the established tables */
	REAL_GOOD = LB_REAL_USABLE | LB_REAL_UP | LB_REAL_HAS_MAC,

	TICKS_HALF_OPEN = 1000,
	TICKS_NEW = 2000,
	TICKS_ESTABLISHED = 9000,
	TICKS_CLOSING = 3000,
	TICKS_UDP = 4000,
};

/* Empties every map and sets the world up: ring A, B; services TCP 443 and UDP 443. */
void world_reset(void);
void world_real(uint32_t id, uint16_t flags, uint32_t ifindex);
/* A real whose packets are translated. port 0: the client's. */
void world_nat_real(uint32_t id, const char *ip, uint16_t port, bool snat);
void world_pool(const char *const *addresses, uint32_t count);
void world_ring(const uint32_t *reals, uint32_t count);
void world_slot(uint32_t slot, uint32_t real);
/* The table for hashing; slots behind those of the ring. */
void world_table(const uint32_t *reals, uint32_t count);
void world_policy(struct lb_policy policy);
/* What the schedulers look at in a real's row, which is there. */
void world_limits(uint32_t real, uint32_t weight, uint32_t most, uint32_t least);
void world_own(uint32_t real, uint32_t service);
void world_set_conns(uint32_t real, const struct lb_real_conns *c);
struct lb_service world_service(void);
/* A row of a list of clients; len counts from the front of an address of its family. */
void world_acl(uint32_t list, const char *address, uint32_t len, enum lb_acl_verdict verdict);
/* The service's list (0: none), and whether the host takes what it allows. */
void world_gate(uint32_t list, bool host);
uint64_t world_denied(void);
uint64_t world_denied_connections(void);
struct lb_service world_service(void);
void world_set_service(const struct lb_service *row);
void world_vip(const char *address, bool active);
/* As if a VIP with the same bit as this address were there. */
void world_filter(const char *address);
/* A check of REAL_A's port 443 through vip, by one of the first local ports that such checks have.
 */
void world_via(uint32_t port, uint32_t check, const char *rip, const char *vip);
/* A flow from the client's port 40000, seen three times. */
void world_establish(bool six);
void world_age(uint32_t ticks); /* lets every flow have been seen so long ago */
unsigned world_entries(const char *map);

struct lb_real_conns world_conns(uint32_t real);
struct lb_settings world_settings(void);
/* A key that was never there: what lbx_nat_brief holds is nobody's any more. */
void world_forget_hashes(void);
void world_set_settings(const struct lb_settings *s);
struct lb_vip world_vip_row(const char *address);

/* What a packet should come to. */
struct expect {
	enum lb_verdict verdict;
	int event;                /* 1 + enum lb_event; 0: none */
	uint32_t real;            /* of a forwarded packet; 0: any of A and B */
	const struct frame *sent; /* NULL: as it came, but for the MACs of a forwarded one */
};

/*
 * Runs f and compares: action, frame, and that exactly one verdict was counted (for a forwarded
 * packet instead the real's packet and bytes). *took, if given, is the real it went to.
 */
void world_run(struct frame *f, struct expect e, uint32_t *took);

/* TAP. A case is a function; what fails in it is said in a comment. */
void tap_case(const char *name, void (*run)(void));
void tap_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
void tap_skip(const char *why);
/* Goes before the messages of tap_fail until the next call. */
void tap_about(const char *format, ...) __attribute__((format(printf, 1, 2)));
void tap_equal(uint64_t is, uint64_t want, const char *what);
/* Prints the plan; returns the exit code. */
int tap_end(void);

#endif
