/* SPDX-License-Identifier: GPL-2.0-only */
#include "core/desire.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/desire_l7.h"
#include "core/desire_nat.h"
#include "core/desire_ring.h"

uint32_t desire_ticks(uint32_t msec)
{
	uint64_t nsec = msec * 1000000ULL;

	return (nsec + (1ULL << LB_TICK_SHIFT) - 1) >> LB_TICK_SHIFT;
}

enum health desire_health(enum require require, const enum health *checks, size_t count)
{
	enum health decides = require == REQUIRE_ALL ? HEALTH_DOWN : HEALTH_UP;
	enum health other = require == REQUIRE_ALL ? HEALTH_UP : HEALTH_DOWN;
	bool unknown = false;

	for (size_t i = 0; i < count; i++) {
		if (checks[i] == decides)
			return decides;
		unknown |= checks[i] == HEALTH_UNKNOWN;
	}
	return unknown ? HEALTH_UNKNOWN : other;
}

uint32_t real_weight(const struct real_config *c, const struct real_fact *f)
{
	return f->weight >= 0 ? (uint32_t)f->weight : c->weight;
}

/* Layer 4 sends to MAC addresses; layer 7 leaves that to the kernel. */
static bool needs_mac(const struct service_config *s)
{
	return !service_is_l7(s);
}

static bool is_up(const struct service_config *s, const struct real_fact *f)
{
	return f->health == HEALTH_UP && (!needs_mac(s) || (f->has_mac && f->ifindex));
}

bool real_usable(const struct service_config *s, const struct real_config *c,
		 const struct real_fact *f)
{
	return f->admin == ADMIN_ONLINE && is_up(s, f) && real_weight(c, f) > 0;
}

enum real_status real_status(const struct service_config *s, const struct real_fact *f)
{
	if (f->admin == ADMIN_HALT)
		return REAL_HALT;
	if (f->admin == ADMIN_DRAIN)
		return REAL_DRAIN;
	return is_up(s, f) ? REAL_UP : REAL_DOWN;
}

bool real_resets(const struct service_config *s, const struct real_fact *f)
{
	if (f->admin == ADMIN_HALT)
		return true;
	if (f->health != HEALTH_DOWN)
		return false;
	switch (s->on_down) {
	case ON_DOWN_KEEP:
		return false;
	case ON_DOWN_RESET:
		return true;
	case ON_DOWN_AUTO:
		break;
	}
	return (needs_mac(s) && f->no_neighbour) || f->connect_failed;
}

static size_t usable_count(const struct service_config *s, const struct service_fact *f)
{
	size_t count = 0;

	for (size_t i = 0; i < s->real_count; i++)
		count += !s->reals[i].backup && real_usable(s, &s->reals[i], &f->reals[i]);
	return count;
}

/* The backup's place in the reals when it may take flows, else -1. */
static int usable_backup(const struct service_config *s, const struct service_fact *f)
{
	for (size_t i = 0; i < s->real_count; i++)
		if (s->reals[i].backup && real_usable(s, &s->reals[i], &f->reals[i]))
			return i;
	return -1;
}

enum service_status service_status(const struct service_config *s, const struct service_fact *f,
				   bool *used_backup)
{
	size_t usable = usable_count(s, f), reals = 0;
	bool backup = !usable && usable_backup(s, f) >= 0;

	for (size_t i = 0; i < s->real_count; i++)
		reals += !s->reals[i].backup;
	if (used_backup)
		*used_backup = backup;
	if (service_is_redirect(s))
		return SERVICE_REDIRECT;
	if (usable == reals)
		return SERVICE_HEALTHY;
	return usable || backup ? SERVICE_DEGRADED : SERVICE_DOWN;
}

static int put_settings(struct plan *p, const struct model *m)
{
	struct row_settings row = {.orphan_timeout = desire_ticks(m->node.orphan_timeout)};
	__u32 only = 0;

	row.timeout[LB_FLOW_HALF_OPEN] = desire_ticks(m->timeouts.syn);
	row.timeout[LB_FLOW_NEW] = desire_ticks(m->timeouts.syn);
	row.timeout[LB_FLOW_ESTABLISHED] = desire_ticks(m->timeouts.established);
	row.timeout[LB_FLOW_CLOSING] = desire_ticks(m->timeouts.closing);
	row.timeout[LB_FLOW_DENIED] = desire_ticks(m->timeouts.closing);
	row.timeout[LB_FLOW_UDP] = desire_ticks(m->timeouts.udp);
	return plan_put(p, PLAN_SETTINGS, &only, &row);
}

static int put_neighbour(struct plan *p, const struct addr *ip, uint32_t ifindex)
{
	struct row_neighbour key = {.ip = *ip, .ifindex = ifindex};
	__u32 none = 0;

	return ifindex ? plan_put(p, PLAN_NEIGHBOURS, &key, &none) : 0;
}

static __u16 flags_of(const struct service_config *s, const struct real_config *c,
		      const struct real_fact *f)
{
	return (real_resets(s, f) ? LB_REAL_RESET : 0) |
	       (real_usable(s, c, f) ? LB_REAL_USABLE : 0) |
	       (f->health == HEALTH_UP ? LB_REAL_UP : 0) |
	       (f->health != HEALTH_UNKNOWN ? LB_REAL_KNOWN : 0) |
	       (f->has_mac ? LB_REAL_HAS_MAC : 0) | (c->backup ? LB_REAL_BACKUP : 0);
}

static int put_real(struct plan *p, const struct service_config *s, uint32_t service,
		    const struct real_config *c, const struct real_fact *f)
{
	struct row_real row = {};

	desire_limits(s, c, f, &row.real);
	row.real.flags = flags_of(s, c, f);
	desire_nat_real(s, c, &row.real);
	row.real.ifindex = f->ifindex;
	row.real.service = row.info.service = service;
	row.info.weight = real_usable(s, c, f) ? real_weight(c, f) : 0;
	if (f->has_mac)
		memcpy(row.real.mac, f->mac, sizeof(row.real.mac));
	memcpy(row.real.source_mac, f->source_mac, sizeof(row.real.source_mac));
	memcpy(row.real.ip.byte, c->ip.byte, sizeof(row.real.ip.byte));
	strncpy(row.info.name, c->name, sizeof(row.info.name) - 1);
	strncpy(row.info.service_name, s->name, sizeof(row.info.service_name) - 1);
	return plan_put(p, PLAN_REALS, &f->id, &row);
}

/* Where XDP does not run yet, answers to a check by a VIP would get lost. */
static bool is_attached(const struct facts *f, uint32_t ifindex)
{
	for (size_t i = 0; i < f->iface_count; i++)
		if (f->ifaces[i].ifindex == ifindex)
			return f->ifaces[i].attached;
	return false;
}

/* One check of a real. By its VIP: the packets leave by the real's interface. */
static int put_check(struct plan *p, const struct row_check *row, const struct facts *facts,
		     const struct real_fact *f, size_t index)
{
	struct lb_via via = {.real = f->id, .port = row->port};
	const uint32_t *id = &f->check_ids[index];
	const __u32 none = 0;
	int err = 0;

	if (addr_is_unspecified(&row->spec->via))
		return plan_put(p, PLAN_CHECKS, id, row);
	if (!is_attached(facts, f->ifindex))
		return 0;
	memcpy(via.rip.byte, row->addr.byte, sizeof(via.rip.byte));
	memcpy(via.vip.byte, row->spec->via.byte, sizeof(via.vip.byte));
	err = plan_put(p, PLAN_VIA_FILTERS, &f->ifindex, &none);
	if (!err)
		err = plan_put(p, PLAN_VIAS, id, &via);
	return err ? err : plan_put(p, PLAN_CHECKS, id, row);
}

/* The index-th check of a kind of real, without its address and port; false past the last. */
static bool check_row(const struct service_config *s, const struct real_config *c, size_t index,
		      struct store *store, struct row_check *row)
{
	struct check_spec spec;

	if (!service_check_spec(s, c, index, &spec))
		return false;
	*row = (struct row_check){.port = spec.port};
	spec.port = 0;
	memset(&spec.addr, 0, sizeof(spec.addr));
	row->spec = store_spec(store, &spec);
	return true;
}

/* The checks of all reals of an IP version, but for the backup, differ in the address only: one
 * spec serves them. */
static int put_checks(struct plan *p, const struct service_config *s, const struct facts *facts,
		      const struct service_fact *f, struct store *store)
{
	struct row_check row[2][2];
	bool any = true;
	int err = 0;

	for (size_t i = 0; !err && any; i++) {
		memset(row, 0, sizeof(row));
		any = false;
		for (size_t r = 0; !err && r < s->real_count; r++) {
			const struct real_config *c = &s->reals[r];
			struct row_check *kind = &row[c->backup][addr_is_v4(&c->ip)];

			if (s->mode != MODE_L4_DR) /* each real may have a port of its own */
				kind->spec = NULL;
			if (!kind->spec && !check_row(s, c, i, store, kind))
				continue;
			any = true;
			kind->addr = c->ip;
			err = put_check(p, kind, facts, &f->reals[r], i);
		}
	}
	return err;
}

static int put_endpoints(struct plan *p, const struct service_config *s, uint32_t service,
			 const struct addr *vip)
{
	struct lb_endpoint key = {.proto = s->protocol};
	int err = 0;

	memcpy(key.vip.byte, vip->byte, sizeof(key.vip.byte));
	for (size_t r = 0; r < s->port_range_count; r++)
		for (uint32_t port = s->ports[r].first; !err && port <= s->ports[r].last; port++) {
			key.port = port;
			err = plan_put(p, PLAN_ENDPOINTS, &key, &service);
		}
	return err;
}

static int put_announcements(struct plan *p, const struct addr *vip, const struct facts *f)
{
	int err = 0;

	for (size_t i = 0; !err && i < f->iface_count; i++) {
		const struct iface_fact *iface = &f->ifaces[i];
		struct row_announce_key key = {.vip = *vip, .ifindex = iface->ifindex};
		struct row_announce row = {.epoch = iface->epoch};

		memcpy(row.mac, iface->mac, sizeof(row.mac));
		if (f->active && iface->attached && iface->up)
			err = plan_put(p, PLAN_ANNOUNCE, &key, &row);
	}
	return err;
}

static int put_vip(struct plan *p, const struct addr *vip, const struct facts *f)
{
	__u32 active = f->active;
	int err = plan_put(p, PLAN_VIPS, vip->byte, &active);

	return err ? err : put_announcements(p, vip, f);
}

/* Replies of reals come to the addresses of a pool as clients come to a VIP. */
static int put_vips(struct plan *p, const struct service_config *s, const struct facts *f)
{
	int err = 0;

	for (size_t i = 0; !err && i < s->vip_count; i++)
		err = put_vip(p, &s->vips[i], f);
	for (size_t i = 0; !err && i < s->pool_count; i++)
		err = put_vip(p, &s->pool[i], f);
	return err;
}

/* Counted in windows; half as many end what too many began. */
static int put_flood(struct plan *p, const struct service_config *s, uint32_t service)
{
	struct row_flood row = {.on_miss = s->on_miss};

	row.flood.high =
		(((uint64_t)s->flood_rate << LB_FLOOD_WINDOW_SHIFT) << LB_TICK_SHIFT) / 1000000000;
	row.flood.low = row.flood.high / 2;
	return plan_put(p, PLAN_FLOODS, &service, &row);
}

/* What layer 4 adds: who is reached by which MAC, and in which turn. */
static int put_layer4(struct plan *p, const struct service_config *s, const struct service_fact *f,
		      size_t tables, struct store *store)
{
	int err = 0;

	for (size_t i = 0; !err && i < s->real_count; i++) {
		err = put_neighbour(p, &s->reals[i].ip, f->reals[i].ifindex);
		if (!err)
			err = put_real(p, s, f->id, &s->reals[i], &f->reals[i]);
	}
	if (!err)
		err = put_flood(p, s, f->id);
	if (!err)
		err = desire_put_pool(p, s, f->id);
	return err ? err : desire_put_ring(p, s, f, tables, store);
}

/* Who may use it. Packets of layer 7 are the host's business, but for those that are refused, and
 * they may come by ways that XDP does not see. */
static int put_acl(struct plan *p, const struct service_config *s, uint32_t service,
		   struct store *store)
{
	struct row_acl row = {.host = service_is_l7(s)};
	const __u32 only = 0, none = 0;
	int err;

	if (!s->acl)
		return 0;
	row.acl = store_acl(store, s->acl);
	err = plan_put(p, PLAN_ACLS, &service, &row);
	return err || !row.host ? err : plan_put(p, PLAN_GUARD, &only, &none);
}

/* Only a service that XDP forwards or guards has to be known there. */
static int put_all_endpoints(struct plan *p, const struct service_config *s, uint32_t service)
{
	int err = 0;

	if (service_is_l7(s) && !s->acl)
		return 0;
	for (size_t i = 0; !err && i < s->vip_count; i++)
		err = put_endpoints(p, s, service, &s->vips[i]);
	return err;
}

static int put_service(struct plan *p, const struct model *m, const struct facts *facts,
		       size_t index, size_t tables, struct store *store)
{
	const struct service_config *s = &m->services[index];
	const struct service_fact *f = &facts->services[index];
	struct lb_service_info info = {};
	int err;

	strncpy(info.name, s->name, sizeof(info.name) - 1);
	err = plan_put(p, PLAN_SERVICES, &f->id, &info);
	if (!err)
		err = put_checks(p, s, facts, f, store);
	if (!err)
		err = service_is_l7(s) ? desire_put_l7(p, m, facts, index)
				       : put_layer4(p, s, f, tables, store);
	if (err || s->parent)
		return err; /* clients come to its parent */
	err = put_acl(p, s, f->id, store);
	if (!err)
		err = put_all_endpoints(p, s, f->id);
	return err ? err : put_vips(p, s, facts);
}

/* Its row stays, so that its flows find their way, or their reset; no new flow gets it. */
static int put_retired(struct plan *p, const struct retired_fact *f)
{
	struct row_real row = {.real = f->real, .info = f->info};
	struct addr ip;
	int err;

	row.real.flags &= ~(LB_REAL_USABLE | LB_REAL_HAS_MAC | LB_REAL_RESET);
	row.real.flags |= (f->has_mac ? LB_REAL_HAS_MAC : 0) | (f->resets ? LB_REAL_RESET : 0);
	row.info.weight = 0;
	memset(row.real.mac, 0, sizeof(row.real.mac));
	if (f->has_mac)
		memcpy(row.real.mac, f->mac, sizeof(row.real.mac));
	memcpy(ip.byte, f->real.ip.byte, sizeof(ip.byte));
	err = plan_put(p, PLAN_REALS, &f->id, &row);
	return err ? err : put_neighbour(p, &ip, f->real.ifindex);
}

/* Answered for, though not announced, until the last session has ended. */
static int put_held(struct plan *p, const struct addr *vip, bool active)
{
	__u32 answers = active, none = 0;
	int err = plan_put(p, PLAN_VIPS, vip->byte, &answers);

	return err || !active ? err : plan_put(p, PLAN_ADDRESSES, vip, &none);
}

/* Silent rows; the model's own VIPs are put later and stand. */
static int put_leaving_vips(struct plan *p, const struct facts *f)
{
	const __u32 active = 0;
	int err = 0;

	for (size_t i = 0; !err && i < f->leaving_vip_count; i++)
		err = plan_put(p, PLAN_VIPS, &f->leaving_vips[i], &active);
	return err;
}

/* For sessions of services that left, or that take another source now. */
static int put_held_diverts(struct plan *p, const struct facts *f)
{
	const __u32 none = 0;
	int err = 0;

	for (size_t i = 0; !err && i < f->held_route_count; i++)
		err = plan_put(p, PLAN_LOCAL_ROUTES, &f->held_routes[i], &none);
	for (size_t i = 0; !err && i < f->held_divert_count; i++)
		err = plan_put(p, PLAN_DIVERTS, &f->held_diverts[i], &none);
	return err;
}

static int put_ifaces(struct plan *p, const struct facts *f)
{
	int err = 0;

	for (size_t i = 0; !err && i < f->iface_count; i++) {
		struct row_iface row = {
			.generic_only = f->xdp_mode == XDP_MODE_GENERIC,
			.native_only = f->xdp_mode == XDP_MODE_NATIVE,
		};

		memcpy(row.mac, f->ifaces[i].mac, sizeof(row.mac));
		memcpy(row.name, f->ifaces[i].name, sizeof(row.name));
		err = plan_put(p, PLAN_IFACES, &f->ifaces[i].ifindex, &row);
	}
	return err;
}

struct plan *desire_service(const struct model *m, const struct facts *f, size_t index,
			    struct store *store)
{
	struct plan *p = plan_new();

	if (p && put_service(p, m, f, index, desire_tables(m), store)) {
		plan_free(p);
		return NULL;
	}
	return p;
}

struct plan *desire(const struct model *m, const struct facts *f, struct store *store)
{
	struct plan *p = plan_new();
	size_t tables = desire_tables(m);
	const __u32 active = f->active;
	int err;

	if (!p)
		return NULL;
	err = put_settings(p, m);
	if (!err)
		err = put_leaving_vips(p, f);
	for (size_t i = 0; !err && i < f->held_source_count; i++)
		err = plan_put(p, PLAN_VIPS, f->held_sources[i].byte, &active);
	for (size_t i = 0; !err && i < m->service_count; i++)
		err = put_service(p, m, f, i, tables, store);
	for (size_t i = 0; !err && i < f->retired_count; i++)
		err = put_retired(p, &f->retired[i]);
	for (size_t i = 0; !err && i < f->held_count; i++)
		err = put_held(p, &f->held[i], f->active);
	if (!err)
		err = put_held_diverts(p, f);
	if (!err)
		err = put_ifaces(p, f);
	if (err) {
		plan_free(p);
		return NULL;
	}
	return p;
}
