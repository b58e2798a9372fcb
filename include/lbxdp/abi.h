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
	LB_CLAIMS_MAX = 1024,   /* of VIPs by other hosts between two looks of the daemon */
	LB_SLOTS_MAX = 4194304, /* ring slots of all services together, two to a row of lbx_slots */
	LB_SCAN_MAX = 1024,     /* of them so many at most are looked at for one new flow */
	LB_IFACES_MAX = 256,
	LB_ACL_MAX = 2097152,        /* prefixes of all lists together, while they change too */
	LB_ACL_SERVICE_MAX = 100000, /* prefixes of one service */
	LB_VIP_FILTER_WORDS = 1024,  /* 65,536 bits */
	LB_DATAGRAMS_MAX = 16384,    /* datagrams in fragments under way */
	LB_DATAGRAM_TICKS = 224,     /* 30 s from the first fragment on */
	LB_ICMP_BURST = 1024,        /* errors that a service lets through at once ... */
	LB_ICMP_SHIFT = 18,          /* ... and one more each 2^18 ns: 3,800 a second */
	LB_TICK_SHIFT = 27,          /* a tick is 2^27 ns of CLOCK_MONOTONIC_COARSE, 134 ms */
	LB_TRACE_VIEWERS = 8,
	LB_TRACE_BYTES = 262144,    /* of lbx_trace; a power of two */
	LB_FLOOD_WINDOW_SHIFT = 3,  /* new flows are counted in windows of 2^3 ticks, 1.07 s */
	LB_NAT_BRIEF_SHIFT = 17,    /* 2^17 translations of flows that are not remembered */
	LB_ANSWERS_A_TICK = 2684,   /* ARP and ND answers of an interface: 20,000 a second */
	LB_VIAS_MAX = 1048576,      /* checks through a VIP; what is not used takes no memory */
	LB_VIA_PORT_FIRST = 0xf000, /* local ports of such checks: all from here to 65535 */
	LB_VIA_PORTS = 0x10000 - LB_VIA_PORT_FIRST,
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

/* Real ids: the slots 2n and 2n + 1. */
struct lb_slots {
	__u32 real[2];
};
LB_ABI_SIZE(struct lb_slots, 8);

/* The slots of lbx_slots that a service schedules over; written as one 64-bit store. The slot
 * behind its last names the backup that stands in where all are full; 0: none. */
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

/* How the ring is used. */
enum lb_scheduler {
	LB_SCHEDULER_TURN,  /* slot by slot */
	LB_SCHEDULER_LEAST, /* the real of the ring with the fewest connections for its weight */
	LB_SCHEDULER_RING,  /* by the client's address, over the ring */
	LB_SCHEDULER_TABLE, /* the same over the table in lb_service.hash */
};

enum lb_policy_flag {
	LB_POLICY_LIMITS = 1 << 0,     /* some real has max_connections */
	LB_POLICY_ONE_PACKET = 1 << 1, /* datagrams make no flow: each is scheduled */
};

/* What more there is to a new flow than the next slot of the ring; all 0: nothing. Written as one
 * 64-bit store. */
struct lb_policy {
	__u8 scheduler;        /* enum lb_scheduler */
	__u8 flags;            /* enum lb_policy_flag */
	__u8 mask4, mask6;     /* bits of a client's address that persistence goes by */
	__u32 persist_timeout; /* ticks from a client's last new flow; 0: no persistence */
} __attribute__((aligned(8)));
LB_ABI_SIZE(struct lb_policy, 8);
/* New flows in a window: above high, flood mode begins; it ends when there were low at most. */
struct lb_flood {
	__u32 high; /* 0: never */
	__u32 low;
};
LB_ABI_SIZE(struct lb_flood, 8);

/* What becomes of a packet in the middle of a flow that nobody knows. */
enum lb_on_miss { LB_ON_MISS_HASH, LB_ON_MISS_DROP };

/* lbx_services: by service id. The daemon writes the first 64 bytes, the data plane counts in the
 * others. */
struct lb_service {
	struct lb_ring ring; /* in whose order new flows meet the reals */
	struct lb_gate gate;
	struct lb_ring hash; /* a Maglev table of the same reals; count 0: the ring has to do */
	struct lb_policy policy;
	struct lb_flood flood;
	__u32 on_miss; /* enum lb_on_miss */
	__u32 pad0;
	__u32 flood_until; /* the data plane's: tick at which flood mode ends, or ended; 0: never */
	__u32 flood_since; /* likewise: tick at which it began last */
	__u64 pad1;
	__u64 cursor;             /* tickets drawn: slot = cursor % ring.count */
	__u64 unrouted;           /* packets dropped because the ring was empty */
	__u64 denied;             /* packets of clients that may not */
	__u64 denied_connections; /* of them, those that would have begun a flow */
	__u64 full;               /* packets dropped because every real has its max_connections */
	__u64 followed;           /* new flows that persistence sent to the client's last real */
	__u64 missed;             /* packets in the middle of a flow that nobody knew */
	__u64 new_flows;          /* window << 32 | new flows in it */
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
	__u32 weight;          /* what LB_SCHEDULER_LEAST divides by */
	__u32 max_connections; /* active ones at which it is full; 0: no limit */
	__u32 min_connections; /* below so many it is not any more */
	__u16 port;            /* with LB_REAL_NAT, host order; 0: the one the client came to */
	__u8 pad1[10];
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
	__u64 full;      /* 1 between max_connections and min_connections */
	__u64 pad;
} __attribute__((aligned(64)));
LB_ABI_SIZE(struct lb_real_conns, 64);

/* lbx_persist: which real a client had last; the oldest make room. */
struct lb_persist_key {
	__u32 service;
	struct lb_addr client; /* the bits that count, the others 0 */
};
LB_ABI_SIZE(struct lb_persist_key, 20);

struct lb_persist {
	__u32 real;
	__u32 seen; /* ticks, as lb_flow's: its last new flow */
};
LB_ABI_SIZE(struct lb_persist, 8);

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
	LB_FLOW_CLOSING,     /* the client's FIN or RST */
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

/* Keys of lbx_fragments: one datagram of one sender (RFC 791 3.2, RFC 8200 4.5). */
struct lb_datagram {
	struct lb_addr src, dst;
	__be32 id;
	__u32 proto; /* 0 in IPv6, where id alone tells datagrams apart */
};
LB_ABI_SIZE(struct lb_datagram, 40);

/* Values of lbx_fragments, made by a first fragment. Offsets count from what can be fragmented, and
 * are 65,535 at most. Ports, in host order, and protocol are those of a flow that is translated. */
struct lb_fragments {
	__u32 real;  /* 0: the host takes the datagram */
	__u32 seen;  /* ticks, when the first fragment came */
	__u16 whole; /* all bytes below came */
	__u16 dport;
	__u16 top; /* none from here on came */
	__u16 sport;
	__u16 end;    /* length of it all; 0: the last fragment has not come */
	__u16 proto;  /* 0: nothing is translated */
	__u32 spoilt; /* 1: fragments overlapped, nothing more of it is sent on */
};
LB_ABI_SIZE(struct lb_fragments, 24);

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

/* lbx_nat_half: keys as lbx_nat's; flows whose client has not yet answered the real's answer. What
 * is behind the row counts in that of the replies only. */
struct lb_nat_half {
	struct lb_nat row;
	__u32 answer;   /* TCP: what acknowledges the start of the real's last segment */
	__u32 answered; /* 1: the real has answered */
};
LB_ABI_SIZE(struct lb_nat_half, 72);

/* lbx_nat_brief: by the upper bits of tag; rows of replies of translated flows that flow tables do
 * not know. Who comes to a slot later has it. In back a 2 beside the 1: TCP, whose client has
 * answered the real's answer. */
struct lb_nat_brief {
	__u64 tag; /* keyed hash of what would be the key in lbx_nat; 0: empty, 1: being written */
	struct lb_nat_half half;
};
LB_ABI_SIZE(struct lb_nat_brief, 80);

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

/* lbx_claims: another host that says a VIP is its own, by interface -> how often since the daemon
 * last looked, which takes the rows away. */
struct lb_claim {
	struct lb_addr vip;
	__u32 ifindex;
	__u8 mac[6];
	__u16 pad;
};
LB_ABI_SIZE(struct lb_claim, 28);

/* lbx_ifaces: by ifindex. Our MAC, for answers. */
struct lb_iface {
	__u8 mac[6];
	__u16 pad;
	__u64 answers; /* tick << 32 | ARP and ND answers in it */
};
LB_ABI_SIZE(struct lb_iface, 16);

/*
 * lbx_vias: by check id, a check through a VIP. Its connection is to rip for the host's TCP and to
 * vip on the wire, port the same.
 */
struct lb_via {
	struct lb_addr rip, vip;
	__u32 real; /* id; answers come from its MAC */
	__u16 port; /* host order */
	__u16 pad;
};
LB_ABI_SIZE(struct lb_via, 40);

/* lbx_via_ports: by local port - LB_VIA_PORT_FIRST, the check that connects from it. The probe
 * process writes it before it connects; a row stays until another check gets the port. */
struct lb_via_port {
	__u32 check; /* id; 0: none yet */
	__u32 pad;
};
LB_ABI_SIZE(struct lb_via_port, 8);

/* lbx_settings: one row. Flow tables' limits and timeouts; count4/6 move with the tables. */
struct lb_settings {
	__u32 abi;            /* LB_ABI_VERSION of who made the maps */
	__u32 flows_high;     /* at this many entries SYNs stop making flows ... */
	__u32 flows_low;      /* ... until the table is back here */
	__u32 trace;          /* the tick until which packets are traced; 0: nobody looks */
	__u32 timeout[8];     /* ticks, by enum lb_flow_state */
	__u32 orphan_timeout; /* ticks without a heartbeat before VIPs go unanswered; 0: never */
	__u32 heartbeat;      /* tick at which the daemon last was alive */
	__u64 clock;          /* jiffy << 32 | its tick; the data plane's */
	__u64 count4;         /* entries of lbx_flows4 */
	__u64 count6;
	__u32 full4; /* 1 between flows_high and flows_low */
	__u32 full6;
	__u64 hash_key[2]; /* secret, made with the maps: who chooses his addresses chooses no real
			    */
	__u32 nat;         /* rows of lbx_reals with LB_REAL_NAT; 0: no packet is a reply */
	__u32 full_seen;   /* the data plane's, as all below: tick at which a flow found its table
			    * full   last; 0: never */
	__u64 half_flows;  /* window << 32 | flows in it that asked for a half-open entry */
	__u32 flood_until; /* tick at which flood mode of every service ends, or ended; 0: never */
	__u32 brief_since; /* the daemon's: what lbx_nat_brief has from this tick and before is
			    * nobody's any more; 0: nothing is ended */
} __attribute__((aligned(64)));
LB_ABI_SIZE(struct lb_settings, 128);

/*
 * lbx_trace_filters: by viewer. Which packets one who traces wants to see. The daemon writes, and
 * adds to left as time goes by; packets take from left, and count in missed what they found none
 * for.
 */
struct lb_trace_filter {
	__u32 on;
	__u32 service;         /* 0: any */
	__u64 verdicts;        /* 1 << enum lb_verdict */
	struct lb_addr client; /* the source address, where mask has ones */
	struct lb_addr mask;
	__s64 left;
	__u64 missed;
} __attribute__((aligned(8)));
LB_ABI_SIZE(struct lb_trace_filter, 64);

/* A record of lbx_trace: one packet as it came, and what became of it. */
struct lb_trace {
	__u64 time; /* CLOCK_MONOTONIC, ns; 0: nothing was seen */
	struct lb_addr src, dst;
	__u32 service; /* 0: none, or the packet says no port */
	__u32 real;    /* 0: none was chosen */
	__u32 ifindex; /* it came in by */
	__u32 length;  /* of the frame */
	__u16 sport;   /* host order, as all below */
	__u16 dport;
	__u16 type; /* of the Ethernet frame, behind its tags */
	__u8 proto; /* of IP */
	__u8 flags; /* of TCP */
	__u32 verdict;
	__u32 viewers; /* who want it: 1 << index into lbx_trace_filters */
} __attribute__((aligned(8)));
LB_ABI_SIZE(struct lb_trace, 72);

#endif
