/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of net/ share: the host's network as netlink tells it. */
#ifndef LBXDP_NET_INTERNAL_H
#define LBXDP_NET_INTERNAL_H

#include <linux/rtnetlink.h>
#include <stdbool.h>
#include <stdint.h>

#include "io/loop.h"
#include "io/netlink.h"
#include "net/net.h"

struct neighbours;
struct announcer;
struct asker;
struct knocker;

struct net_link {
	struct net_iface is;
	bool seen; /* in the dump that runs */
};

struct net_address {
	uint32_t ifindex;
	struct addr local;
	struct prefix network;
};

struct net {
	struct loop *loop;
	struct net_events events;
	struct netlink ask;          /* dumps */
	struct netlink order;        /* requests, also while a dump is being read */
	struct netlink_watch listen; /* events */
	bool dirty;                  /* something that others see has changed */

	struct net_link *links;
	size_t link_count;
	struct net_address *addresses;
	size_t address_count;

	struct neighbours *neighbours;
	struct announcer *announcer;
	struct asker *asker;
	struct knocker *knocker;
	struct plan_sink sink;
};

/* What links_read_message tells. */
struct link_change {
	uint32_t ifindex;
	bool gone, came_up;
};

/* links.c: interfaces and their addresses. */
int links_read_all(struct net *n);
/* RTM_NEWLINK, RTM_DELLINK. */
struct link_change links_heard(struct net *n, const struct nlmsghdr *m);
/* RTM_NEWADDR, RTM_DELADDR. */
void addresses_heard(struct net *n, const struct nlmsghdr *m);
void links_free(struct net *n);
/* One address message; false: of no use to us. */
bool address_parse(const struct nlmsghdr *m, struct net_address *a);

/* neighbours.c */
int neighbours_open(struct net *n);
void neighbours_close(struct net *n);
int neighbours_read_all(struct net *n);
void neighbours_heard(struct net *n, const struct nlmsghdr *m);
void neighbours_link_up(struct net *n, uint32_t ifindex);
void neighbours_link_gone(struct net *n, uint32_t ifindex);
int neighbours_put(struct net *n, const struct row_neighbour *key);
int neighbours_delete(struct net *n, const struct row_neighbour *key);

/* order.c: what the kernel does about a neighbour. 0 or -errno; -ENOENT: it has no entry. Void
 * and probe take away the word that the entry is to be kept: call order_resolve after them. */
int order_resolve(struct net *n, const struct row_neighbour *key); /* look for it, keep looking */
int order_void(struct net *n, const struct row_neighbour *key);    /* what is known is wrong */
int order_probe(struct net *n, const struct row_neighbour *key, const uint8_t mac[6]);
int order_forget(struct net *n, const struct row_neighbour *key);

/* addresses.c */
int addresses_put(struct net *n, const struct addr *vip);
int addresses_delete(struct net *n, const struct addr *vip);

/* local_route.c */
int local_route_put(struct net *n, const struct row_local_route *r);
int local_route_delete(struct net *n, const struct row_local_route *r);

/* announce.c */
int announcer_open(struct net *n);
void announcer_close(struct net *n);
int announce_put(struct net *n, const struct row_announce_key *key,
		 const struct row_announce *value);
int announce_delete(struct net *n, const struct row_announce_key *key);

/* claims.c */
void asker_open(struct net *n);
void asker_close(struct net *n);

/* knock.c */
void knocker_open(struct net *n);
void knocker_close(struct net *n);

#endif
