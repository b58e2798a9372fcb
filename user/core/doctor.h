/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What lbxdp doctor makes of what was gathered: a table of examinations, each of which looks at one
 * thing and adds what it finds. Pure: facts in, findings out.
 */
#ifndef LBXDP_CORE_DOCTOR_H
#define LBXDP_CORE_DOCTOR_H

#include <stdbool.h>
#include <stdint.h>

#include "core/finding.h"
#include "core/knock.h"
#include "core/view.h"

/* The other end of a veth pair, which decides what becomes of the frames that XDP sends. */
struct doctor_peer {
	bool is_there; /* the interface is one of a pair */
	bool known;    /* the rest could be seen: it may be in a namespace that is closed to us */
	bool beside;   /* in our own namespace, where its offloads can be asked */
	uint32_t ifindex;
	char name[16];
	bool native; /* it has an XDP program in native mode */
	bool hides_tags, partial_sums;
};

/* One interface that XDP runs on, or should. */
struct doctor_link {
	char name[16];
	bool exists, up;
	bool attached, native;
	const char *why; /* why it is not attached, or not native; empty: nobody said; never NULL */
	uint32_t mtu;
	char driver[32]; /* empty: not known */
	bool lro, takes_tags;
	bool has_vlans;                  /* VLAN interfaces stand on it, or it is not known */
	bool knows_transmits, transmits; /* frames of other interfaces */
	bool strict;                     /* rp_filter */
	struct doctor_peer peer;
};

struct doctor_facts {
	const struct doctor_link *links;
	size_t link_count;
	const char *outside; /* the interface of the default route; empty: none; never NULL */
	bool forwards4, forwards6;
	uint64_t tracked, tracked_max; /* connections of conntrack; 0: it is not there */
	struct knocks knocks;
};

/* What is there when no daemon runs. */
struct doctor_host {
	bool has_user; /* that the unprivileged processes run as */
	const char *user_hint;
	const char *pin_dir;
	bool orphaned;         /* a data plane is pinned there, and goes on ... */
	uint64_t silence_msec; /* ... with the state of so long ago */
	const char *config;
	const char *config_error; /* the first; NULL: it is good */
};

/* What of one interface will bite, by itself. */
void doctor_examine_link(const struct doctor_link *l, struct findings *out);

/* Everything that main can see. */
void doctor_examine(const struct view *v, const struct doctor_facts *f, struct findings *out);

/* What the command can see where no daemon runs. */
void doctor_examine_host(const struct doctor_host *h, struct findings *out);

/* Only who else has the VIPs. */
void doctor_examine_vips(const struct view *v, struct findings *out);

#endif
