/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Netlink sockets, through libmnl: dumps and requests that wait for the kernel's answer (which is
 * immediate), and a subscription that reports through the loop.
 */
#ifndef LBXDP_IO_NETLINK_H
#define LBXDP_IO_NETLINK_H

#include <libmnl/libmnl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "io/loop.h"

enum { NETLINK_ROOM = 32768 };

struct netlink {
	struct mnl_socket *socket;
	uint32_t port, sequence;
};

/* One message of a dump or a subscription. */
typedef void netlink_message_fn(void *arg, const struct nlmsghdr *m);

/* bus: NETLINK_ROUTE, NETLINK_GENERIC. Returns 0 or -errno. */
int netlink_open(struct netlink *n, int bus);
void netlink_close(struct netlink *n);

/* A request in the caller's buffer, its header filled in; the extra header follows, zeroed. */
struct nlmsghdr *netlink_message(void *buffer, uint16_t type, uint16_t flags, size_t extra);
/* The extra header of m. */
void *netlink_extra(const struct nlmsghdr *m);

/* Sends m and waits for the kernel's word. Returns 0 or -errno. */
int netlink_request(struct netlink *n, struct nlmsghdr *m);

/* Sends m, which asks for data; fn gets each message of the answer. Returns 0 or -errno. */
int netlink_query(struct netlink *n, struct nlmsghdr *m, netlink_message_fn *fn, void *arg);

/* A subscription. Set the functions first, leave the rest zero. */
struct netlink_watch {
	netlink_message_fn *message;
	void (*batch)(void *arg);   /* after the messages of one wake-up */
	void (*overrun)(void *arg); /* messages were lost: read everything anew */
	void *arg;
	struct mnl_socket *socket;
	struct watch watch;
};

/* groups: RTNLGRP_ numbers. Returns 0 or -errno. */
int netlink_watch_open(struct netlink_watch *w, struct loop *l, const unsigned int *groups,
		       size_t count);
void netlink_watch_close(struct netlink_watch *w);

/* Reads what is there without waiting, as the loop does. */
void netlink_watch_read(struct netlink_watch *w);

#endif
