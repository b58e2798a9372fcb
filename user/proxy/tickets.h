/* SPDX-License-Identifier: GPL-2.0-only */
/* The keys that seal TLS session tickets, for all proxy processes: random, new every hour; the
 * ones before them still open tickets for another hour. They are in memory only. */
#ifndef LBXDP_PROXY_TICKETS_H
#define LBXDP_PROXY_TICKETS_H

#include "core/proxy.h"
#include "io/loop.h"

struct tickets {
	struct timer timer;
	struct proxy_shared *shared;
};

/* Makes the first keys, unless an earlier main has, and goes on. t stays where it is. Returns 0 or
 * -errno. */
int tickets_start(struct tickets *t, struct loop *l, struct proxy_shared *shared);
void tickets_stop(struct tickets *t); /* also one that was not started */

/* Makes new keys now. Returns 0 or -errno; the old ones stay then. */
int tickets_renew(struct tickets *t);

#endif
