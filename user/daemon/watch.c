/* SPDX-License-Identifier: GPL-2.0-only */
/* Once a second: what no event tells. Our program on each interface, conflicts over a VIP, reals
 * that left and have no flow any more. */
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "daemon/state.h"

enum { SECOND_MSEC = 1000, CONFLICT_SAY_MSEC = 60000 };

/* Someone detached our program, or the interface came back under its old index (F33). */
static void watch_attachments(struct daemon *d)
{
	uint32_t ifindex[LB_IFACES_MAX];
	size_t count = gather_ifindexes(d, ifindex, ARRAY_COUNT(ifindex));

	for (size_t i = 0; i < count; i++) {
		if (!plan_find(d->actual, PLAN_IFACES, &ifindex[i]) ||
		    dataplane_attached_now(d->dataplane, ifindex[i]))
			continue;
		log_warning("interface %s: our XDP program is gone; attaching it again",
			    net_iface_at(d->net, ifindex[i])->name);
		(void)plan_delete(d->actual, PLAN_IFACES, &ifindex[i]); /* it is there */
		reconcile_later(d);
	}
}

/* F7: said once a minute, with the address that claims the VIP. */
static void watch_conflicts(struct daemon *d)
{
	uint64_t total = 0;

	for (size_t i = 0; i < plan_count(d->actual, PLAN_VIPS); i++) {
		struct addr vip;
		struct lb_vip row;
		char text[ADDR_TEXT_LEN], mac[MAC_TEXT_LEN];

		memcpy(vip.byte, plan_key(d->actual, PLAN_VIPS, i), sizeof(vip.byte));
		if (dataplane_vip(d->dataplane, plan_key(d->actual, PLAN_VIPS, i), &row) ||
		    !row.conflicts)
			continue;
		total += row.conflicts;
		if (d->conflicts >= total || loop_now(d->loop) < d->conflict_said)
			continue;
		log_warning(
			"VIP %s: %s claims it too (%llu times); if it is a real server, solve its "
			"ARP problem: lbxdp real-script",
			addr_format(&vip, text), mac_format(row.conflict_mac, mac),
			(unsigned long long)row.conflicts);
		d->conflict_said = loop_now(d->loop) + CONFLICT_SAY_MSEC;
		d->conflicts = total;
	}
}

static void second_fire(struct timer *t)
{
	struct daemon *d = container_of(t, struct daemon, second);

	watch_attachments(d);
	watch_conflicts(d);
	if (d->retired)
		reconcile_later(d);
	timer_start(d->loop, t, SECOND_MSEC);
}

void watch_start(struct daemon *d)
{
	d->second.fn = second_fire;
	timer_start(d->loop, &d->second, SECOND_MSEC);
}
