/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What lbxdp doctor asks real servers of layer 4 by one TCP SYN each: does the server take what is
 * for the VIP (R88), do its answers to clients come back here (R77)? Which questions there are, and
 * what the answers mean. Pure: daemon/ has them asked.
 */
#ifndef LBXDP_CORE_KNOCK_H
#define LBXDP_CORE_KNOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/arena.h"
#include "core/finding.h"
#include "core/view.h"

enum knock_kind {
	KNOCK_REAL, /* at the real's own address: is it there at all? The others are judged by it */
	KNOCK_VIP,  /* at a VIP and the real's MAC address, as Direct Routing sends */
	KNOCK_AWAY, /* at the real's own address, from one that is beyond its network */
};

enum knock_answer { KNOCK_SILENT, KNOCK_REFUSED, KNOCK_OPEN };

struct knock {
	enum knock_kind kind;
	struct addr real, at; /* at: the real's address, or the VIP */
	struct addr vip;      /* KNOCK_AWAY: one of the service */
	struct addr from;     /* unspecified: this host has no fitting address, it was not sent */
	uint16_t port;        /* host order */
	char interface[16];   /* by which it leaves */
	uint8_t mac[6];       /* of the real */
	enum knock_answer answer;
};

/* So many in a round; the rest is left out, which is told. */
enum { KNOCKS_MAX = 4096 };

struct knocks {
	struct knock *at;
	size_t count;
	bool cut; /* there were more */
};

/* What to ask, in a: each real of Direct Routing at each VIP that no check goes by, each real of
 * l4-nat from away. Nothing of a real whose MAC address is not known. */
struct knocks knocks_plan(const struct view *v, struct arena *a);

/* What was answered, as findings; of reals that v still has. */
/* ... and a note where not all were asked. */
void knocks_examine(const struct view *v, const struct knocks *k, struct findings *out);

#endif
