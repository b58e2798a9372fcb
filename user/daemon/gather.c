/* SPDX-License-Identifier: GPL-2.0-only */
/* Facts beside the model: what net, probe and orders say of each real, and who left. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "core/desire.h"
#include "daemon/state.h"

enum { NAME_LEN = 2 * LB_NAME_LEN };

static const char *full_name(const char *service, const char *real, char *name)
{
	snprintf(name, NAME_LEN, "%s/%s", service, real);
	return name;
}

size_t gather_ifindexes(const struct daemon *d, uint32_t *out, size_t room)
{
	size_t count = 0;

	for (size_t i = 0; i < d->interface_count && count < room; i++) {
		const struct net_iface *iface = net_iface_named(d->net, d->interfaces[i]);

		if (iface)
			out[count++] = iface->ifindex;
	}
	return count;
}

static uint32_t egress_of(const struct daemon *d, const struct addr *ip)
{
	uint32_t allowed[LB_IFACES_MAX];
	size_t count = gather_ifindexes(d, allowed, ARRAY_COUNT(allowed));

	return net_route_connected(d->net, ip, allowed, count);
}

void gather_suspect(struct daemon *d, uint32_t check_id)
{
	const struct check_spec *spec = plan_find(d->actual, PLAN_CHECKS, &check_id);
	uint32_t ifindex = spec ? egress_of(d, &spec->addr) : 0;

	if (ifindex)
		net_suspect(d->net, ifindex, &spec->addr);
}

static struct order order_of(const struct daemon *d, const char *service, const char *real)
{
	struct order order = orders_get(d->orders, service, real);

	for (const struct isolation *i = d->isolations; i; i = i->next)
		if (pattern_has_service(i->pattern, service) && !pattern_has_real(i->pattern, real))
			order.admin = ADMIN_HALT;
	return order;
}

/* What the kernel says; where it says nothing yet, after an adoption, what the real's row says. */
static void gather_neighbour(struct daemon *d, const struct addr *ip, struct real_fact *f)
{
	const struct net_iface *iface = net_iface_at(d->net, f->ifindex);
	const struct row_real *row = plan_find(d->actual, PLAN_REALS, &f->id);
	struct net_neighbour n;

	if (iface)
		memcpy(f->source_mac, iface->mac, sizeof(f->source_mac));
	if (f->ifindex && net_neighbour(d->net, f->ifindex, ip, &n)) {
		f->has_mac = n.valid;
		f->no_neighbour = !n.valid;
		memcpy(f->mac, n.mac, sizeof(f->mac));
	} else if (f->ifindex && row && row->real.ifindex == f->ifindex &&
		   !memcmp(row->real.ip.byte, ip->byte, sizeof(ip->byte))) {
		f->has_mac = row->real.flags & LB_REAL_HAS_MAC;
		memcpy(f->mac, row->real.mac, sizeof(f->mac));
	}
}

static void gather_health(struct daemon *d, const struct service_config *s,
			  const struct real_config *r, struct real_fact *f, struct arena *a)
{
	size_t count;
	enum health *health;

	f->check_ids = check_ids_of(d, s, r, a, &count);
	health = arena_alloc(a, count + 1, sizeof(*health));
	for (size_t i = 0; i < count; i++) {
		const struct check_fact *c = check_fact(d, f->check_ids[i]);

		health[i] = c->seen.health;
		f->connect_failed |= c->seen.health == HEALTH_DOWN && c->connect_failed;
	}
	f->health = desire_health(s->require, health, count);
}

static void gather_real(struct daemon *d, const struct service_config *s,
			const struct real_config *r, struct real_fact *f, struct arena *a)
{
	char name[NAME_LEN];
	struct order order = order_of(d, s->name, r->name);

	f->id = ids_get(d->real_ids, full_name(s->name, r->name, name));
	f->admin = order.admin;
	f->weight = order.weight;
	f->ifindex = egress_of(d, &r->ip);
	gather_neighbour(d, &r->ip, f);
	gather_health(d, s, r, f, a);
	d->real_used[f->id] = true;
}

static const struct service_fact *gather_services(struct daemon *d, struct arena *a)
{
	struct service_fact *facts = arena_alloc(a, d->model->service_count + 1, sizeof(*facts));

	memset(d->service_used, 0, LB_SERVICES_MAX * sizeof(*d->service_used));
	memset(d->real_used, 0, LB_REALS_MAX * sizeof(*d->real_used));
	for (size_t i = 0; i < d->model->service_count; i++) {
		const struct service_config *s = &d->model->services[i];
		struct real_fact *reals = arena_alloc(a, s->real_count + 1, sizeof(*reals));

		facts[i].id = ids_get(d->service_ids, s->name);
		facts[i].reals = reals;
		d->service_used[facts[i].id] = true;
		for (size_t j = 0; j < s->real_count; j++)
			gather_real(d, s, &s->reals[j], &reals[j], a);
	}
	return facts;
}

static void gather_retired_mac(const struct daemon *d, struct retired_fact *f)
{
	struct net_neighbour n;
	struct addr ip;

	memcpy(ip.byte, f->real.ip.byte, sizeof(ip.byte));
	if (!net_neighbour(d->net, f->real.ifindex, &ip, &n)) {
		f->has_mac = f->real.flags & LB_REAL_HAS_MAC;
		memcpy(f->mac, f->real.mac, sizeof(f->mac));
		return;
	}
	f->has_mac = n.valid;
	memcpy(f->mac, n.mac, sizeof(f->mac));
}

/* Rows of reals that the model no longer has, for as long as a flow may carry their ids. */
static void gather_retired(struct daemon *d, struct facts *facts, struct arena *a)
{
	size_t rows = plan_count(d->actual, PLAN_REALS);
	struct retired_fact *retired = NULL;

	for (size_t i = 0; i < rows; i++) {
		uint32_t id = *(const __u32 *)plan_key(d->actual, PLAN_REALS, i);
		const struct row_real *row = plan_value(d->actual, PLAN_REALS, i);
		struct retired_fact *f;

		if (d->real_used[id] || dataplane_real_idle(d->dataplane, id))
			continue;
		if (!retired)
			retired = arena_alloc(a, rows, sizeof(*retired));
		f = &retired[facts->retired_count++];
		*f = (struct retired_fact){.id = id, .real = row->real, .info = row->info};
		f->service_gone = !d->service_used[row->real.service];
		gather_retired_mac(d, f);
	}
	facts->retired = retired;
	d->retired = facts->retired_count;
}

static void gather_ifaces(struct daemon *d, struct facts *facts, struct arena *a)
{
	struct iface_fact *out = arena_alloc(a, d->interface_count + 1, sizeof(*out));

	for (size_t i = 0; i < d->interface_count; i++) {
		const struct net_iface *iface = net_iface_named(d->net, d->interfaces[i]);
		struct iface_fact *f = &out[facts->iface_count];

		if (!iface)
			continue;
		facts->iface_count++;
		f->ifindex = iface->ifindex;
		memcpy(f->name, iface->name, sizeof(f->name));
		memcpy(f->mac, iface->mac, sizeof(f->mac));
		f->up = iface->up;
		f->epoch = iface->epoch;
		f->attached = plan_find(d->actual, PLAN_IFACES, &iface->ifindex);
	}
	facts->ifaces = out;
}

const struct facts *gather_facts(struct daemon *d, struct arena *a)
{
	struct facts *f = arena_alloc(a, 1, sizeof(*f));

	f->services = gather_services(d, a);
	f->active = true;
	f->xdp_mode = d->options->xdp_mode >= 0 ? (enum xdp_mode)d->options->xdp_mode
						: d->model->node.xdp_mode;
	gather_retired(d, f, a);
	gather_ifaces(d, f, a);
	return f;
}

/* The worst check's last outcome, for the log. */
static const char *reason_of(struct daemon *d, const struct real_fact *f, size_t checks, char *text,
			     unsigned int room)
{
	snprintf(text, room, "checks passed");
	if (f->admin != ADMIN_ONLINE)
		snprintf(text, room, "ordered");
	else if (f->health == HEALTH_UNKNOWN)
		snprintf(text, room, "checking");
	else if (f->health == HEALTH_UP && !f->has_mac)
		snprintf(text, room, "no neighbour answers for its address");
	for (size_t i = 0; f->admin == ADMIN_ONLINE && i < checks; i++) {
		const struct view_check *v = &check_fact(d, f->check_ids[i])->seen;
		char last[64];

		if (v->health != HEALTH_DOWN)
			continue;
		check_outcome_format(&v->outcome, last, sizeof(last));
		snprintf(text, room, "%s%s%.*s", last, v->outcome.detail[0] ? ": " : "",
			 CHECK_DETAIL_LEN, v->outcome.detail);
		break;
	}
	return text;
}

static size_t check_count(const struct service_config *s, const struct real_config *r)
{
	struct check_spec spec;
	size_t n = 0;

	while (service_check_spec(s, r, n, &spec))
		n++;
	return n;
}

static void say_change(struct daemon *d, const struct service_config *s,
		       const struct real_config *r, const struct real_fact *f)
{
	enum real_status now = real_status(f);
	uint8_t before = d->real_seen[f->id];
	char reason[256];

	if (before == now + 1)
		return;
	d->real_seen[f->id] = now + 1;
	if (!before && now == REAL_DOWN && f->health == HEALTH_UNKNOWN)
		return; /* a new real that is still being checked */
	reason_of(d, f, check_count(s, r), reason, sizeof(reason));
	log_info("real %s/%s: %s -> %s: %s", s->name, r->name,
		 before ? real_status_name(before - 1) : "new", real_status_name(now), reason);
}

static void note_reset(struct daemon *d, uint32_t id, bool resets)
{
	if (resets && !d->real_reset[id])
		wake_start(d);
	d->real_reset[id] = resets;
}

void gather_note_changes(struct daemon *d, const struct facts *f)
{
	for (size_t i = 0; i < d->model->service_count; i++) {
		const struct service_config *s = &d->model->services[i];

		for (size_t j = 0; j < s->real_count; j++) {
			const struct real_fact *r = &f->services[i].reals[j];

			say_change(d, s, &s->reals[j], r);
			note_reset(d, r->id, real_resets(s, r));
		}
	}
	for (size_t i = 0; i < f->retired_count; i++)
		note_reset(d, f->retired[i].id, f->retired[i].service_gone);
}

/* The checks of an adopted real begin with the health its row remembers. */
static void adopt_health(struct daemon *d, const char *name, const struct lb_real *row)
{
	struct arena *a = arena_new();
	const char *slash = strrchr(name, '/');
	char *service = arena_strndup(a, name, slash - name);
	const struct service_config *s = model_service(d->model, service);
	const struct real_config *r = s ? service_real(s, slash + 1) : NULL;
	size_t count = 0;
	const uint32_t *ids = r ? check_ids_of(d, s, r, a, &count) : NULL;

	for (size_t i = 0; row->flags & LB_REAL_KNOWN && i < count; i++)
		check_fact(d, ids[i])->seen.health =
			row->flags & LB_REAL_UP ? HEALTH_UP : HEALTH_DOWN;
	arena_free(a);
}

void gather_kernel_rows(struct plan *actual)
{
	const __u32 other = 1; /* not the value that is put, so that a wanted row is put again */

	for (size_t i = 0; i < plan_count(actual, PLAN_REALS); i++) {
		const struct row_real *row = plan_value(actual, PLAN_REALS, i);
		struct row_neighbour key = {.ifindex = row->real.ifindex};

		memcpy(key.ip.byte, row->real.ip.byte, sizeof(key.ip.byte));
		(void)plan_put(actual, PLAN_NEIGHBOURS, &key,
			       &other); /* no memory: it stays behind */
	}
	for (size_t i = 0; i < plan_count(actual, PLAN_VIPS); i++)
		for (size_t j = 0; j < plan_count(actual, PLAN_IFACES); j++) {
			struct row_announce_key key;
			struct row_announce row = {.epoch = UINT16_MAX}; /* not one that is */

			memcpy(key.vip.byte, plan_key(actual, PLAN_VIPS, i), sizeof(key.vip.byte));
			memcpy(&key.ifindex, plan_key(actual, PLAN_IFACES, j), sizeof(key.ifindex));
			(void)plan_put(actual, PLAN_ANNOUNCE, &key, &row);
		}
}

void gather_adopt(struct daemon *d)
{
	for (size_t i = 0; i < plan_count(d->actual, PLAN_SERVICES); i++) {
		const struct lb_service_info *info = plan_value(d->actual, PLAN_SERVICES, i);

		(void)ids_claim(d->service_ids, info->name,
				*(const __u32 *)plan_key(d->actual, PLAN_SERVICES, i));
	}
	for (size_t i = 0; i < plan_count(d->actual, PLAN_REALS); i++) {
		const struct row_real *row = plan_value(d->actual, PLAN_REALS, i);
		uint32_t id = *(const __u32 *)plan_key(d->actual, PLAN_REALS, i);
		char name[NAME_LEN];

		full_name(row->info.service_name, row->info.name, name);
		if (!ids_claim(d->real_ids, name, id))
			continue; /* its row retires */
		adopt_health(d, name, &row->real);
	}
	gather_kernel_rows(d->actual);
}

static void release_reals(struct daemon *d)
{
	for (uint32_t id = 1; id < LB_REALS_MAX; id++) {
		if (d->real_used[id] || !ids_name(d->real_ids, id) ||
		    plan_find(d->actual, PLAN_REALS, &id))
			continue;
		ids_release(d->real_ids, id);
		d->real_seen[id] = 0;
		d->real_reset[id] = false;
	}
}

void gather_release(struct daemon *d)
{
	bool *held = xcalloc(LB_SERVICES_MAX, sizeof(*held));

	release_reals(d);
	for (size_t i = 0; i < plan_count(d->actual, PLAN_REALS); i++) {
		const struct row_real *row = plan_value(d->actual, PLAN_REALS, i);

		held[row->real.service] = true;
	}
	for (uint32_t id = 1; id < LB_SERVICES_MAX; id++)
		if (!d->service_used[id] && !held[id])
			ids_release(d->service_ids, id);
	free(held);
	for (uint32_t id = 1; id < d->check_room; id++)
		if (ids_name(d->check_ids, id) && !plan_find(d->actual, PLAN_CHECKS, &id)) {
			ids_release(d->check_ids, id);
			d->checks[id] = (struct check_fact){};
		}
}
