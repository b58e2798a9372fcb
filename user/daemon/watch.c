/* SPDX-License-Identifier: GPL-2.0-only */
/* Once a second: what no event tells. Our program on each interface, conflicts over a VIP, floods,
 * the page's port, reals that left and have no flow or session any more, files that were written
 * anew. */
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

/* Takes note of a VIP's count. Returns whether there is something to say now (F7: once a minute).
 */
static bool conflict_is_news(struct daemon *d, const char *vip, uint64_t count)
{
	uint64_t known = (uintptr_t)map_find(d->conflicts, vip);

	if (count == known || (count > known && loop_now(d->loop) < d->conflict_said))
		return false;
	if (count)
		map_put(d->conflicts, vip, (void *)(uintptr_t)count);
	else
		(void)map_remove(d->conflicts,
				 vip); /* its row is a new one; a number owns nothing */
	return count > known;
}

static void watch_conflicts(struct daemon *d)
{
	for (size_t i = 0; i < plan_count(d->actual, PLAN_VIPS); i++) {
		const struct lb_addr *key = plan_key(d->actual, PLAN_VIPS, i);
		char text[ADDR_TEXT_LEN], mac[MAC_TEXT_LEN];
		struct addr vip;
		struct lb_vip row;

		memcpy(vip.byte, key->byte, sizeof(vip.byte));
		if (dataplane_vip(d->dataplane, key, &row) ||
		    !conflict_is_news(d, addr_format(&vip, text), row.conflicts) ||
		    net_own_mac(d->net, row.conflict_mac)) /* two of our interfaces, one wire */
			continue;
		log_warning(
			"VIP %s: %s claims it too (%llu times); if it is a real server, solve its "
			"ARP problem: lbxdp doctor arp",
			text, mac_format(row.conflict_mac, mac), (unsigned long long)row.conflicts);
		d->conflict_said = loop_now(d->loop) + CONFLICT_SAY_MSEC;
	}
}

static void watch_files(struct daemon *d)
{
	if (!files_look(d->files))
		return;
	health_client_look(d->health);
	reconcile_later(d);
}

/* Of all services at once, so that not each of them is named. */
static void watch_node_flood(struct daemon *d)
{
	bool is = dataplane_node_flooded(d->dataplane);

	if (is == d->node_flooded)
		return;
	d->node_flooded = is;
	if (is)
		log_warning("flood: more new connections, of all services together, than there is "
			    "room for before their clients answer; every service with a flood_rate "
			    "forwards them by a hash");
	else
		log_info("the flood of all services together is over");
}

/* Says which services began or ended flood mode. */
static void watch_floods(struct daemon *d)
{
	watch_node_flood(d);
	for (size_t i = 0; i < plan_count(d->actual, PLAN_FLOODS); i++) {
		uint32_t id = *(const __u32 *)plan_key(d->actual, PLAN_FLOODS, i);
		const struct lb_service_info *info = plan_find(d->actual, PLAN_SERVICES, &id);
		bool is = dataplane_above_rate(d->dataplane, id);

		if (is == d->service_flooded[id])
			continue;
		d->service_flooded[id] = is;
		if (is)
			log_warning("service %s: flood: more new connections than flood_rate; they "
				    "are forwarded by a hash and not remembered before their "
				    "clients answer",
				    info ? info->name : "");
		else
			log_info("service %s: the flood is over", info ? info->name : "");
	}
}

static void second_fire(struct timer *t)
{
	struct daemon *d = container_of(t, struct daemon, second);

	watch_attachments(d);
	watch_conflicts(d);
	watch_floods(d);
	web_retry(d);
	tproxy_watch(d);
	watch_files(d);
	via_watch(d);
	sessions_watch_guard(d);
	if (gather_something_idle(d) || d->held || d->held_sources)
		reconcile_later(d);
	if (d->leaving)
		gather_release(d);
	proxies_adjust(d);
	proxies_watch(d);
	rates_note(d);
	timer_start(d->loop, t, SECOND_MSEC);
}

void watch_start(struct daemon *d)
{
	d->second.fn = second_fire;
	timer_start(d->loop, &d->second, SECOND_MSEC);
}
