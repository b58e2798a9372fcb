/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the data plane and the daemon share: map keys, map values, limits. No pointers, no padding
 * the compiler chooses, no #ifdef inside a struct. Addresses are byte arrays so that
 * `bpftool map dump` shows them readably; ports are in host order for the same reason.
 * Little-endian hosts only (x86-64, arm64): the port pair of a flow key is built in one byte swap.
 */
#ifndef LBXDP_ABI_H
#define LBXDP_ABI_H

#ifndef __bpf__
#include <linux/types.h>
#endif

#define LB_ABI_VERSION 3

#define LB_ABI_SIZE(type, bytes)                                                                   \
	_Static_assert(sizeof(type) == (bytes), #type " changed size; bump LB_ABI_VERSION")

enum {
	LB_NAME_LEN = 64,          /* label of a service or real, with its NUL */
	LB_SERVICES_MAX = 16384,   /* service ids: 1 .. max-1; 0 is none */
	LB_REALS_MAX = 131072,     /* real ids: 1 .. max-1; 0 is none */
	LB_ENDPOINTS_MAX = 262144, /* VIP + protocol + port triples */
	LB_VIPS_MAX = 16384,
	LB_SLOTS_MAX = 2097152, /* ring slots of all services together */
	LB_IFACES_MAX = 256,
	LB_ACL_MAX = 2097152,        /* prefixes of all lists together, while they change too */
	LB_ACL_SERVICE_MAX = 100000, /* prefixes of one service */
	LB_VIP_FILTER_WORDS = 1024,  /* 65,536 bits */
	LB_TICK_SHIFT = 27,          /* a tick is 2^27 ns of CLOCK_MONOTONIC_COARSE, 134 ms */
};

/* IPv6, or IPv4 as ::ffff:a.b.c.d. */
struct lb_addr {
	__u8 byte[16];
} __attribute__((aligned(4)));
LB_ABI_SIZE(struct lb_addr, 16);

/* lbx_endpoints: VIP + port + protocol -> service id. */
struct lb_endpoint {
	struct lb_addr vip;
	__u16 port; /* host order */
	__u8 proto; /* IPPROTO_TCP or IPPROTO_UDP */
	__u8 pad;
};
LB_ABI_SIZE(struct lb_endpoint, 20);

/* The slots of lbx_slots that a service schedules over; written as one 64-bit store. */
struct lb_ring {
	__u32 first;
	__u32 count; /* 0: no usable real */
} __attribute__((aligned(8)));
LB_ABI_SIZE(struct lb_ring, 8);

/* Who may use a service, and who takes its packets; written as one 64-bit store. */
struct lb_gate {
	__u32 list; /* lb_acl_key.list of its rows in lbx_acl; 0: everybody may */
	__u32 host; /* 1: layer 7, packets go to the host; 0: to the ring */
} __attribute__((aligned(8)));
LB_ABI_SIZE(struct lb_gate, 8);

/* lbx_services: by service id. The daemon writes the first 64 bytes, the data plane counts in the
 * others. */
struct lb_service {
	struct lb_ring ring; /* in whose order new flows meet the reals */
	struct lb_gate gate;
	__u64 pad0[6];
	__u64 cursor;             /* tickets drawn: slot = cursor % ring.count */
	__u64 unrouted;           /* packets dropped because the ring was empty */
	__u64 denied;             /* packets of clients that may not */
	__u64 denied_connections; /* of them, those that would have begun a flow */
	__u64 pad1[4];
} __attribute__((aligned(64)));
LB_ABI_SIZE(struct lb_service, 128);

enum lb_acl_verdict { LB_ACL_ALLOW = 1, LB_ACL_DENY = 2 };

/*
 * lbx_acl: list and source address -> enum lb_acl_verdict, by longest prefix. A list holds a row
 * for every address: ::/0 and ::ffff:0:0/96 are always there. Its number is never that of another
 * one while a packet may be asking for it, so that a list changes as a whole.
 */
struct lb_acl_key {
	__u32 prefix; /* bits that count: those of list, and of addr 0 to 128 */
	__u32 list;
	struct lb_addr addr;
};
LB_ABI_SIZE(struct lb_acl_key, 24);

enum { LB_ACL_LIST_BITS = 32, LB_ACL_KEY_BITS = LB_ACL_LIST_BITS + 128 };

enum lb_real_flag {
	LB_REAL_RESET = 1 << 0,   /* running flows are answered with a reset */
	LB_REAL_USABLE = 1 << 1,  /* a SYN on an established flow may stay here */
	LB_REAL_UP = 1 << 2,      /* last known health, read back on adoption */
	LB_REAL_HAS_MAC = 1 << 3, /* mac and ifindex are set */
	LB_REAL_BACKUP = 1 << 4,
	LB_REAL_KNOWN = 1 << 5, /* had a first check result, read back on adoption */
	LB_REAL_NAT = 1 << 8,   /* packets to it and from it are translated ... */
	LB_REAL_SNAT = 1 << 9,  /* ... and come from an address of its service's pool */
};

/* lbx_reals: by real id. One id is one real of one service. mac and flags are one 64-bit store. */
struct lb_real {
	__u8 mac[6];
	__u16 flags; /* enum lb_real_flag */
	__u8 source_mac[6];
	__u16 pad0;
	__u32 ifindex; /* egress */
	__u32 service; /* service id; 0: the row is free */
	struct lb_addr ip;
	__u16 port; /* with LB_REAL_NAT, host order; 0: the one the client came to */
	__u8 pad1[22];
} __attribute__((aligned(8)));
LB_ABI_SIZE(struct lb_real, 64);

/* lbx_svc_info, lbx_real_info: names, for people and for adoption. Never read by packets; hashes,
 * so that a dump shows what there is and no empty rows. */
struct lb_service_info {
	char name[LB_NAME_LEN];
};
LB_ABI_SIZE(struct lb_service_info, 64);

struct lb_real_info {
	char name[LB_NAME_LEN];
	char service_name[LB_NAME_LEN];
	__u32 service;
	__u32 weight; /* effective, as in the ring */
};
LB_ABI_SIZE(struct lb_real_info, 136);

/*
 * lbx_real_conns: by real id; shared atomics, changed on a flow's transitions only.
 * active = opened - closed; inactive = closing_begun - closing_ended + half_open.
 */
struct lb_real_conns {
	__u64 connections; /* flows given to this real, ever */
	__u64 opened;      /* entries made in the established table */
	__u64 closed;      /* of those: seen FIN or RST, or expired while established */
	__u64 closing_begun;
	__u64 closing_ended;
	__u64 half_open; /* as the last sweep counted them */
	__u64 pad[2];
} __attribute__((aligned(64)));
LB_ABI_SIZE(struct lb_real_conns, 64);

/* lbx_real_stats: by real id, per CPU. Client to server only. */
struct lb_real_stats {
	__u64 packets;
	__u64 bytes; /* of whole frames */
};
LB_ABI_SIZE(struct lb_real_stats, 16);

/* Keys of lbx_flows4, lbx_half4 and lbx_flows6, lbx_half6. Ports in host order. */
struct lb_flow4 {
	__u8 src[4];
	__u8 dst[4];
	__u16 dport;
	__u16 sport;
	__u32 proto;
} __attribute__((aligned(8)));
LB_ABI_SIZE(struct lb_flow4, 16);

struct lb_flow6 {
	__u8 src[16];
	__u8 dst[16];
	__u16 dport;
	__u16 sport;
	__u32 proto;
} __attribute__((aligned(8)));
LB_ABI_SIZE(struct lb_flow6, 40);

enum lb_flow_state {
	LB_FLOW_HALF_OPEN,   /* a SYN, or one datagram */
	LB_FLOW_NEW,         /* promoted by the client's second packet; short timeout */
	LB_FLOW_ESTABLISHED, /* third packet seen: earns the long timeout */
	LB_FLOW_CLOSING,     /* the client's FIN */
	LB_FLOW_UDP,
	LB_FLOW_DENIED, /* TCP, made by the daemon: its service's list refuses its client by now */
	LB_FLOW_STATE_COUNT,
};

/* Values of all four flow tables. */
struct lb_flow {
	__u32 real;
	__u32 service;
	__u32 seen;  /* ticks, wrapping; compare by difference */
	__u32 state; /* enum lb_flow_state, changed by compare-and-swap */
};
LB_ABI_SIZE(struct lb_flow, 16);

/*
 * lbx_nat: by addresses, ports and protocol (struct lb_flow6; IPv4 addresses mapped) of the packets
 * that a row translates. A flow has two, one for the client's packets and one for the replies: what
 * a row makes of its packets is, turned round, the other one's key.
 */
struct lb_nat {
	struct lb_addr src, dst; /* what the packet gets */
	__u16 dport, sport;      /* host order */
	__u32 real;
	__u32 seen;    /* ticks */
	__u32 ifindex; /* where the client's packets come in by ... */
	__u8 client_mac[6];
	__u8 our_mac[6]; /* ... between which addresses */
	__u32 back;      /* 1: the row of the replies */
};
LB_ABI_SIZE(struct lb_nat, 64);

enum { LB_POOL_MAX = 16 };

/* lbx_pools: by service id. What clients' addresses become on the way to reals with LB_REAL_SNAT.
 */
struct lb_pool {
	__u32 count; /* 1 .. LB_POOL_MAX */
	struct lb_addr addr[LB_POOL_MAX];
};
LB_ABI_SIZE(struct lb_pool, 260);

/* lbx_vips: by address. The daemon makes and removes rows; the data plane counts. */
struct lb_vip {
	__u32 active;         /* 0: ARP, ND and ping stay unanswered (this node is on standby) */
	__u8 conflict_mac[6]; /* who last claimed the address */
	__u16 pad;
	__u64 arp_replies;
	__u64 nd_replies;
	__u64 echo_replies;
	__u64 conflicts;
};
LB_ABI_SIZE(struct lb_vip, 48);

/* lbx_ifaces: by ifindex. Our MAC, for answers. */
struct lb_iface {
	__u8 mac[6];
	__u16 pad;
};
LB_ABI_SIZE(struct lb_iface, 8);

/* lbx_settings: one row. Flow tables' limits and timeouts; count4/6 move with the tables. */
struct lb_settings {
	__u32 abi;        /* LB_ABI_VERSION of who made the maps */
	__u32 flows_high; /* at this many entries SYNs stop making flows ... */
	__u32 flows_low;  /* ... until the table is back here */
	__u32 pad0;
	__u32 timeout[8];     /* ticks, by enum lb_flow_state */
	__u32 orphan_timeout; /* ticks without a heartbeat before VIPs go unanswered; 0: never */
	__u32 heartbeat;      /* tick at which the daemon last was alive */
	__u32 nat;            /* rows of lbx_reals with LB_REAL_NAT; 0: no packet is a reply */
	__u32 pad1;
	__u64 count4; /* entries of lbx_flows4 */
	__u64 count6;
	__u32 full4; /* 1 between flows_high and flows_low */
	__u32 full6;
	__u64 pad2[5];
} __attribute__((aligned(64)));
LB_ABI_SIZE(struct lb_settings, 128);

#endif
