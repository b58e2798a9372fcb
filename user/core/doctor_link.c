/* SPDX-License-Identifier: GPL-2.0-only */
/* The examinations of one interface: its XDP program, its driver, and the other end of a veth. */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "core/doctor.h"

enum { LINE = 512 };

/* One being written: texts that are put together here are copied by findings_add. */
struct note {
	const struct doctor_link *link;
	struct findings *out;
	char seen[LINE], type[LINE];
};

static void add(struct note *n, enum finding_severity s, const char *examination, const char *why)
{
	findings_add(n->out, &(struct finding){
				     .severity = s,
				     .examination = examination,
				     .about = n->link->name,
				     .seen = n->seen,
				     .why = why,
				     .type = n->type,
			     });
}

#define SEEN(n, ...) ((void)snprintf((n)->seen, LINE, __VA_ARGS__))
#define TYPE(n, ...) ((void)snprintf((n)->type, LINE, __VA_ARGS__))

static void examine_presence(struct note *n)
{
	const struct doctor_link *l = n->link;

	if (!l->exists) {
		SEEN(n, "the interface does not exist");
		TYPE(n, "ip link show; it is attached when it comes, or: lbxdp down %s", l->name);
		add(n, FINDING_ERROR, "link-missing", "nothing is balanced on it");
		return;
	}
	if (!l->up) {
		SEEN(n, "the interface is down, or has no carrier");
		TYPE(n, "ip link set dev %s up; then look at its cable and switch port", l->name);
		add(n, FINDING_ERROR, "link-down", "no packet comes in or goes out by it");
	}
	if (!l->attached) {
		SEEN(n, "the XDP program is not attached: %s", *l->why ? l->why : "not yet");
		TYPE(n, "ip -d link show dev %s; bpftool net show", l->name);
		add(n, FINDING_ERROR, "xdp-missing", "nothing is balanced on it");
	}
}

static const char *driver(const struct doctor_link *l)
{
	return *l->driver ? l->driver : "unknown";
}

static void examine_mode(struct note *n)
{
	const struct doctor_link *l = n->link;
	bool mtu = strcasestr(l->why, "mtu") || strstr(l->why, "out of range");

	if (!l->attached || l->native)
		return;
	SEEN(n, "XDP runs in generic mode%s%s", *l->why ? ": " : "", l->why);
	if (!*l->why) /* it was asked for, now or by an earlier daemon */
		TYPE(n, "for native mode: lbxdp down, then lbxdp up --xdp-mode auto");
	else if (mtu)
		TYPE(n, "ip link set dev %s mtu 1500 (%u is too large for native mode)", l->name,
		     l->mtu);
	else if (l->lro)
		TYPE(n, "LRO may be in the way of native mode: ethtool -K %s lro off", l->name);
	else
		TYPE(n, "driver %s: ethtool -i %s", driver(l), l->name);
	add(n, FINDING_WARNING, "xdp-generic",
	    "the kernel first makes a socket buffer of each packet, which costs most of the speed");
}

static void examine_offloads(struct note *n)
{
	const struct doctor_link *l = n->link;

	if (l->takes_tags && l->has_vlans) {
		SEEN(n, "the NIC takes VLAN tags off before XDP sees them");
		TYPE(n, "ethtool -K %s rxvlan off", l->name);
		add(n, FINDING_WARNING, "vlan-offload", "forwarded frames lose theirs");
	}
	if (l->lro) {
		SEEN(n, "LRO joins frames before XDP sees them");
		TYPE(n, "ethtool -K %s lro off", l->name);
		add(n, FINDING_WARNING, "lro", "what is sent on is larger than the wire allows");
	}
	if (l->knows_transmits && !l->transmits) {
		SEEN(n, "driver %s cannot transmit frames that came in by another interface",
		     driver(l));
		TYPE(n, "node.xdp_mode: generic");
		add(n, FINDING_ERROR, "no-redirect",
		    "real servers behind it get nothing from clients on the others");
	}
}

static void examine_peer_program(struct note *n)
{
	const struct doctor_peer *p = &n->link->peer;

	if (p->known && !p->native) {
		SEEN(n, "its veth peer %s has no XDP program", p->name);
		TYPE(n, "ip link set dev %s xdpdrv obj pass.o sec xdp", p->name);
		add(n, FINDING_ERROR, "veth-peer", "every frame that XDP sends is lost");
	} else if (!p->known) {
		SEEN(n, "its veth peer (ifindex %u) is in another namespace", p->ifindex);
		TYPE(n, "there: ip -d link show");
		add(n, FINDING_WARNING, "veth-peer",
		    "without an XDP program in native mode there, every frame that XDP sends is "
		    "lost");
	}
}

static void examine_peer_offloads(struct note *n)
{
	const struct doctor_peer *p = &n->link->peer;

	if (p->hides_tags) {
		SEEN(n, "its veth peer %s hides VLAN tags from XDP", p->name);
		TYPE(n, "ethtool -K %s txvlan off tx-vlan-stag-hw-insert off", p->name);
		add(n, FINDING_WARNING, "vlan-offload", "forwarded frames lose theirs");
	}
	if (p->partial_sums) {
		SEEN(n, "its veth peer %s leaves checksums unfinished", p->name);
		TYPE(n, "ethtool -K %s tx off", p->name);
		add(n, FINDING_ERROR, "partial-checksums", "real servers drop such packets");
	}
}

void doctor_examine_link(const struct doctor_link *l, struct findings *out)
{
	struct note n = {.link = l, .out = out};

	examine_presence(&n);
	if (!l->exists)
		return;
	examine_mode(&n);
	if (!l->attached || !l->native) /* generic mode works on whole, software-made frames */
		return;
	if (!l->peer.is_there) {
		examine_offloads(&n);
		return;
	}
	examine_peer_program(&n);
	if (l->peer.known && l->peer.beside)
		examine_peer_offloads(&n);
}
