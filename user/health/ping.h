/* SPDX-License-Identifier: GPL-2.0-only */
/* ICMP echo for all ping checks over one raw socket a family. */
#ifndef LBXDP_HEALTH_PING_H
#define LBXDP_HEALTH_PING_H

#include "base/addr.h"
#include "io/loop.h"

struct pinger;

/* A ping in flight. Set answered, leave the rest zero; address and place are the pinger's. */
struct ping {
	void (*answered)(struct ping *p);
	struct addr addr;
	uint16_t sequence;
	bool waiting;
};

/* The sockets are borrowed; -1: none. */
struct pinger *pinger_new(struct loop *l, int icmp4, int icmp6);
void pinger_free(struct pinger *p);

/* Sends one echo request. Returns 0 or -errno; -EBADF without a socket for the family, -EBUSY when
 * too many are in flight. */
int ping_send(struct pinger *p, struct ping *one, const struct addr *to);

/* answered is not called any more. */
void ping_stop(struct pinger *p, struct ping *one);

#endif
