/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The doctor's ears and eyes: every minute, and when somebody asks, a round of questions about who
 * else has the VIPs; and what there is to see of the host. What it means is core/doctor.h's.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/alloc.h"
#include "base/log.h"
#include "core/doctor.h"
#include "daemon/state.h"

enum { FIRST_MSEC = 10000, ROUND_MSEC = 60000 };

/* An address that is in nobody's network (RFC 5737): by the default route, if there is one. */
static const struct addr outside = {
	{[10] = 0xff, 0xff, 192, 0, 2, 1}
};

static void add_claim(struct daemon *d, const struct net_claim *c)
{
	d->claims = xrealloc(d->claims, d->claim_count + 1, sizeof(*d->claims));
	d->claims[d->claim_count++] = *c;
}

/* Among the first count. */
static bool is_claimed(const struct daemon *d, size_t count, const struct addr *vip,
		       const uint8_t mac[6])
{
	for (size_t i = 0; i < count; i++)
		if (addr_equal(&d->claims[i].vip, vip) && !memcmp(d->claims[i].mac, mac, 6))
			return true;
	return false;
}

/* What XDP heard since the last round: unasked, or when we were not listening. add: as claims; else
 * it is old news. In a VLAN that has an interface of its own, XDP names the one below. */
static void take_unasked(struct daemon *d, bool add)
{
	struct lb_claim unasked[NET_CLAIMS_MAX];
	size_t count = dataplane_claims(d->dataplane, unasked, ARRAY_COUNT(unasked));
	size_t heard = d->claim_count;

	for (size_t i = 0; add && i < count; i++) {
		struct net_claim c = {.ifindex = unasked[i].ifindex};

		memcpy(c.vip.byte, unasked[i].vip.byte, sizeof(c.vip.byte));
		memcpy(c.mac, unasked[i].mac, sizeof(c.mac));
		if (!net_own_mac(d->net, c.mac) && !is_claimed(d, heard, &c.vip, c.mac))
			add_claim(d, &c);
	}
}

static int ask(struct daemon *d);

static void heard(void *arg)
{
	struct daemon *d = arg;
	const struct net_claim *claims;
	size_t count;

	claims = net_claims(d->net, &count);
	d->claim_count = 0;
	for (size_t i = 0; i < count; i++)
		add_claim(d, &claims[i]);
	take_unasked(d, true);
	timer_start(d->loop, &d->ask, ROUND_MSEC);
	if (d->ask_again) {
		d->ask_again = false;
		(void)ask(d); /* the next minute's round is another try */
	}
	admin_wake(d->admin);
}

/* Only those that this node answers for: on a standby another host rightly has them. */
static size_t list_vips(const struct daemon *d, struct addr *vips)
{
	size_t count = 0;

	for (size_t i = 0; i < plan_count(d->actual, PLAN_VIPS); i++) {
		const struct lb_addr *vip = plan_key(d->actual, PLAN_VIPS, i);

		if (*(const __u32 *)plan_value(d->actual, PLAN_VIPS, i))
			memcpy(vips[count++].byte, vip->byte, sizeof(vip->byte));
	}
	return count;
}

/* Where somebody may have a VIP that clients see: attached or not. */
enum { ASKED_MAX = 2 * LB_IFACES_MAX };

static size_t list_ifaces(const struct daemon *d, uint32_t ifindex[ASKED_MAX])
{
	size_t attached = gather_ifindexes(d, ifindex, LB_IFACES_MAX), count = attached, more;
	uint32_t other[LB_IFACES_MAX];

	more = net_ethernets(d->net, other, ARRAY_COUNT(other));
	for (size_t i = 0; i < more; i++) {
		size_t same = 0;

		while (same < attached && ifindex[same] != other[i])
			same++;
		if (same == attached)
			ifindex[count++] = other[i];
	}
	return count;
}

static int ask(struct daemon *d)
{
	struct addr *vips = xcalloc(plan_count(d->actual, PLAN_VIPS) + 1, sizeof(*vips));
	uint32_t ifindex[ASKED_MAX];
	size_t count = list_vips(d, vips), ifaces = list_ifaces(d, ifindex);
	int err;

	err = net_ask(d->net, &(struct net_question){vips, count, ifindex, ifaces, heard, d});
	free(vips);
	return err;
}

static void ask_fire(struct timer *t)
{
	struct daemon *d = container_of(t, struct daemon, ask);
	int err = ask(d);

	if (err && err != -EBUSY)
		log_warning("cannot ask who else has the VIPs: %s", strerror(-err));
	if (err)
		timer_start(d->loop, t, ROUND_MSEC);
}

void doctor_start(struct daemon *d)
{
	d->ask.fn = ask_fire;
	take_unasked(d, false); /* maps that were adopted hold claims of long ago */
	timer_start(d->loop, &d->ask, FIRST_MSEC);
}

/* A round that began before somebody asked may have missed what he changed: another follows it. */
int doctor_ask(void *daemon, bool all)
{
	struct daemon *d = daemon;
	int err = ask(d);

	d->ask_again |= err == -EBUSY;
	err = err == -EBUSY ? 0 : err;
	return err || !all ? err : knocks_ask(d);
}

bool doctor_asked(void *daemon)
{
	const struct daemon *d = daemon;

	return !net_asking(d->net) && !d->ask_again && knocks_answered(d);
}

static bool has_vip(const struct service_config *s, const struct addr *vip)
{
	for (size_t i = 0; i < s->vip_count; i++)
		if (addr_equal(&s->vips[i], vip))
			return true;
	return false;
}

static bool name_real(struct view_conflict *c, const struct view_service *s)
{
	for (size_t i = 0; i < s->real_count; i++)
		if (s->reals[i].has_mac && !memcmp(s->reals[i].mac, c->mac, sizeof(c->mac))) {
			c->service = s->name;
			c->real = s->reals[i].name;
			return true;
		}
	return false;
}

/* A real of the service itself, if its MAC is that, else of any. */
static struct view_conflict conflict_of(struct daemon *d, const struct view *v, size_t service,
					const struct net_claim *claim)
{
	const struct net_iface *iface = net_iface_at(d->net, claim->ifindex);
	struct view_conflict c = {.vip = claim->vip};

	memcpy(c.mac, claim->mac, sizeof(c.mac));
	c.interface = iface ? arena_strdup(v->arena, iface->name) : "";
	if (!name_real(&c, &v->services[service]))
		for (size_t i = 0; i < v->service_count && !c.real; i++)
			(void)name_real(&c, &v->services[i]); /* the loop sees it */
	return c;
}

void doctor_snap_service(struct daemon *d, struct view *v, size_t service, struct view_service *to)
{
	struct view_conflict *out;

	if (!d->claim_count)
		return;
	out = arena_alloc(v->arena, d->claim_count, sizeof(*out));
	for (size_t i = 0; i < d->claim_count; i++)
		if (!to->config->parent && has_vip(to->config, &d->claims[i].vip))
			out[to->conflict_count++] = conflict_of(d, v, service, &d->claims[i]);
	to->conflicts = out;
}

uint64_t doctor_rivals(const struct daemon *d, const struct addr *vip)
{
	uint64_t count = 0;

	for (size_t i = 0; i < d->claim_count; i++)
		count += addr_equal(&d->claims[i].vip, vip);
	return count;
}

static const struct doctor_facts *gather(struct daemon *d, const struct view *v)
{
	struct doctor_facts *f = arena_alloc(v->arena, 1, sizeof(*f));
	struct doctor_link *links = arena_alloc(v->arena, v->iface_count + 1, sizeof(*links));
	const struct net_iface *way = net_iface_at(d->net, net_egress(d->net, &outside));

	for (size_t i = 0; i < v->iface_count; i++) {
		links[i].attached = v->ifaces[i].attached;
		links[i].native = v->ifaces[i].native;
		links[i].why = v->ifaces[i].problem;
		(void)net_look(d->net, v->ifaces[i].name, &links[i]); /* it says so itself */
	}
	f->links = links;
	f->link_count = v->iface_count;
	f->outside = way ? arena_strdup(v->arena, way->name) : "";
	f->forwards4 = net_forwards(AF_INET);
	f->forwards6 = net_forwards(AF_INET6);
	net_conntrack(&f->tracked, &f->tracked_max);
	f->knocks = knocks_last(d);
	return f;
}

/* An answer in a VLAN that has no interface here was not asked for. */
static void note_asked(const struct daemon *d, struct findings *f)
{
	uint32_t ifindex[ASKED_MAX];
	size_t count = list_ifaces(d, ifindex);
	struct buf text = {};
	bool any = false;

	for (size_t i = 0; i < count; i++) {
		const struct net_iface *iface = net_iface_at(d->net, ifindex[i]);

		if (!iface || !iface->up)
			continue;
		buf_printf(&text, "%s %s%s", any ? "," : "asked on", iface->name,
			   iface->vlan ? " (tagged)" : "");
		any = true;
	}
	buf_puts(&text, any ? "" : "asked nowhere: no interface is up");
	buf_puts(&text, "; a VLAN is asked where it has an interface of its own, untagged frames "
			"everywhere");
	findings_note(f, buf_text(&text));
	buf_free(&text);
}

void doctor_report(void *daemon, bool arp, struct buf *out)
{
	struct daemon *d = daemon;
	struct view *v = snapshot_take(d);
	struct findings found = {};

	if (arp) {
		doctor_examine_vips(v, &found);
		note_asked(d, &found);
	} else {
		doctor_examine(v, gather(d, v), &found);
	}
	findings_write(&found, out);
	findings_free(&found);
	view_free(v);
}

void doctor_warn(struct daemon *d, const char *iface, const struct dataplane_attachment *at,
		 struct buf *out)
{
	struct doctor_link link = {.attached = at->attached, .native = at->native, .why = at->why};
	struct findings found = {};

	(void)net_look(d->net, iface, &link); /* it says so itself */
	link.has_vlans = true; /* they may come later, or pass through without an interface */
	doctor_examine_link(&link, &found);
	for (size_t i = 0; i < found.count; i++)
		buf_printf(out, "%s: %s; %s; %s\n", found.at[i].about, found.at[i].seen,
			   found.at[i].why, found.at[i].type);
	findings_free(&found);
}
