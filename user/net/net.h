/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The host's network, watched and spoken to through netlink and packet sockets: interfaces and
 * their addresses, neighbours of the reals, announcements of VIPs, the ACK that wakes a silent
 * client.
 */
#ifndef LBXDP_NET_NET_H
#define LBXDP_NET_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/addr.h"
#include "base/arena.h"
#include "base/buf.h"
#include "core/doctor.h"
#include "core/knock.h"
#include "core/plan.h"
#include "io/loop.h"

struct net;

struct net_iface {
	uint32_t ifindex;
	char name[16];
	uint8_t mac[6];
	bool up;       /* administratively up, with carrier */
	bool ethernet; /* neither the loopback nor a port of a bridge or bond */
	bool vlan;     /* its frames are tagged below */
	uint32_t mtu;
	uint16_t epoch; /* counts changes to up */
};

/* A confirmed neighbour (F7): the kernel heard it answer our own request. */
struct net_neighbour {
	struct addr ip;
	uint32_t ifindex;
	uint8_t mac[6];
	bool valid; /* false: no answer; mac is void */
};

struct net_events {
	/* Anything below changed: mark dirty. Called at most once a message batch. */
	void (*changed)(void *arg);
	void *arg;
};

/* Opens sockets and reads links, addresses and neighbours once, synchronously. 0 or -errno. */
int net_open(struct net **out, struct loop *l, const struct net_events *e);
void net_close(struct net *n);

/* Interface by name or index; NULL when it is not there. Borrowed until the loop's next round. */
const struct net_iface *net_iface_named(const struct net *n, const char *name);
const struct net_iface *net_iface_at(const struct net *n, uint32_t ifindex);

/* The Ethernet interfaces that are up, in out. Returns how many of room. */
size_t net_ethernets(const struct net *n, uint32_t *out, size_t room);

/* The interface among allowed[] whose connected network holds ip, longest prefix first; 0: none. */
uint32_t net_route_connected(const struct net *n, const struct addr *ip, const uint32_t *allowed,
			     size_t count);

/* The neighbour's state; false when nothing is known. */
bool net_neighbour(const struct net *n, uint32_t ifindex, const struct addr *ip,
		   struct net_neighbour *out);

/* A check of ip failed to get any answer: ask for its MAC again now. */
void net_suspect(struct net *n, uint32_t ifindex, const struct addr *ip);

/* Takes PLAN_NEIGHBOURS (kept resolved: NTF_EXT_MANAGED, or probing where the kernel lacks it),
 * PLAN_ADDRESSES (on lo, with a mark of ours), PLAN_LOCAL_ROUTES and PLAN_ANNOUNCE (group joined
 * without a socket, gratuitous ARP or unsolicited NA sent). */
const struct plan_sink *net_sink(struct net *n);

/* After adoption or before `down`: leave the solicited-node group of vip on ifindex. Returns 0 or
 * -errno. */
int net_leave_group(uint32_t ifindex, const struct addr *vip);

/* After adoption: calls fn for each address of this host that a PLAN_ADDRESSES row made, of
 * whichever instance. Returns 0 or -errno. */
typedef void net_address_fn(void *arg, const struct addr *a);
int net_own_addresses(struct net *n, net_address_fn *fn, void *arg);

/* Calls fn with the local address of each TCP connection of this host. Returns 0 or -errno. */
int net_connections(net_address_fn *fn, void *arg);

/* *any: has a process of that user a TCP connection from an address that is not this host's own
 * (TProxy)? Returns 0 or -errno. */
int net_transparent(const struct net *n, uid_t uid, bool *any);

/* Does this host forward packets of that family (AF_INET, AF_INET6)? */
bool net_forwards(int family);

/* True unless the kernel itself hands out local ports of first to last to programs that ask for
 * any. */
bool net_ports_apart(uint16_t first, uint16_t last);

/* The interface by which the kernel sends to that address; 0: by none, or it is this host's. */
uint32_t net_egress(struct net *n, const struct addr *to);

/* One TCP connection of this host, ports in host order. */
struct net_connection {
	struct addr local, peer;
	uint16_t local_port, peer_port;
};
typedef bool net_connection_fn(void *arg, const struct net_connection *c);

/*
 * Ends each TCP connection of this host that ends() says so of: the process that has it and its
 * peer see a reset. *ended is how many. Returns 0 or -errno; -EOPNOTSUPP: the kernel was built
 * without CONFIG_INET_DIAG_DESTROY.
 */
int net_end_connections(net_connection_fn *ends, void *arg, size_t *ended);

/* Sends one TCP ACK outside any window from vip:vport to client:cport (design: halt), so that the
 * client speaks. Returns 0 or -errno. */
int net_send_ack(struct net *n, const struct addr *vip, uint16_t vport, const struct addr *client,
		 uint16_t cport);

/* One-time look for `check` and `up`, without a loop: all interfaces' names and connected networks.
 */
struct net_snapshot {
	const char **interfaces;
	size_t interface_count;
	struct {
		const char *interface;
		struct prefix prefix;
		struct addr address; /* of this host, in it */
	} * connected;
	size_t connected_count;
};
int net_snapshot_take(struct net_snapshot *s, struct arena *a);

/* What there is to see of an interface but its attachment, which out holds already. False: it does
 * not exist, and only its name is filled in. */
bool net_look(const struct net *n, const char *name, struct doctor_link *out);

/* Connections that conntrack holds, and may; 0: it is not there. */
void net_conntrack(uint64_t *tracked, uint64_t *max);

/* Another host that said an address is its own. */
struct net_claim {
	struct addr vip;
	uint32_t ifindex;
	uint8_t mac[6];
};

/* Who has these addresses, on these interfaces? Borrowed for the call that asks. */
struct net_question {
	const struct addr *vips;
	size_t vip_count;
	const uint32_t *ifindex;
	size_t ifindex_count;
	void (*heard)(void *arg); /* when the round is over */
	void *arg;
};

/*
 * Asks on each of the interfaces who has each address, listens a moment, and remembers who else
 * said that he has: answers, and what was said unasked meanwhile. Nothing is sent or heard between
 * rounds. Returns 0, -EBUSY while a round runs, or -errno.
 */
int net_ask(struct net *n, const struct net_question *q);
bool net_asking(const struct net *n);

/* What the last round heard, at most NET_CLAIMS_MAX; borrowed until the next one is over. */
enum { NET_CLAIMS_MAX = 256 };
const struct net_claim *net_claims(const struct net *n, size_t *count);

/*
 * Sends a SYN for each knock, again twice where nothing answers, and fills in from and answer; what
 * answers gets a RST. Those are borrowed until done is called, which takes two seconds at most
 * where somebody is silent (and longer with thousands). An answer counts from the MAC address and
 * by the interface that it was sent to only. Returns 0, -EBUSY while a round runs, or -errno.
 */
int net_knock(struct net *n, struct knock *knocks, size_t count, void (*done)(void *arg),
	      void *arg);
bool net_knocking(const struct net *n);

/* Is that MAC of an interface of this host? */
bool net_own_mac(const struct net *n, const uint8_t mac[6]);

/*
 * The host's packet filter rules as text for core/filter_rules.h, from nft and iptables-save where
 * they are installed. Starts them and waits: not for main. Returns 0; -ENOENT where neither is
 * there; -errno, or -EPERM where one may not read them.
 */
int net_filter_rules(struct buf *out);

#endif
