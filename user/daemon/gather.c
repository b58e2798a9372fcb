/* SPDX-License-Identifier: GPL-2.0-only */
/* Facts beside the model: what net, probe and orders say of each real, and who left. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "core/desire.h"
#include "core/ramp.h"
#include "daemon/state.h"

/* What one gathering works with: where facts go, and the interfaces that may lead to reals. */
struct gathering {
	struct daemon *d;
	struct arena *a;
	uint32_t allowed[LB_IFACES_MAX];
	size_t allowed_count;
};

const char *real_identity(const char *service, const char *real, const struct addr *ip, char *name)
{
	char text[ADDR_TEXT_LEN];

	snprintf(name, REAL_IDENTITY_LEN, "%s/%s %s", service, real, addr_format(ip, text));
	return name;
}

/* A service that a reload moves between the modes gets new ids for its reals, so that the flows it
 * had run to their end under the old ones. */
const char *gather_id_name(const struct service_config *s, const struct real_config *r, char *name)
{
	static const char *const suffixes[MODE_COUNT] = {[MODE_L4_DR] = "",
							 [MODE_L7_TCP] = "/l7",
							 [MODE_L7_HTTP] = "/l7",
							 [MODE_L4_NAT] = GATHER_NAT,
							 [MODE_L4_SNAT] = GATHER_SNAT};

	real_identity(s->name, r->name, &r->ip, name);
	return strcat(name, suffixes[s->mode]);
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

static struct gathering gathering_of(struct daemon *d, struct arena *a)
{
	struct gathering g = {.d = d, .a = a};

	g.allowed_count = gather_ifindexes(d, g.allowed, ARRAY_COUNT(g.allowed));
	return g;
}

static uint32_t egress_of(const struct gathering *g, const struct addr *ip)
{
	return net_route_connected(g->d->net, ip, g->allowed, g->allowed_count);
}

void gather_suspect(struct daemon *d, uint32_t check_id)
{
	const struct row_check *row = plan_find(d->actual, PLAN_CHECKS, &check_id);
	const struct gathering g = gathering_of(d, NULL);
	uint32_t ifindex = row ? egress_of(&g, &row->addr) : 0;

	if (ifindex)
		net_suspect(d->net, ifindex, &row->addr);
}

/* An isolation halts nothing in a service that has none of its reals: a reload may have removed
 * them, and with '*' for the service not every one has them. */
static bool isolates_in(const struct isolation *i, const struct service_config *s)
{
	if (!pattern_has_service(i->pattern, s->name))
		return false;
	for (size_t r = 0; r < s->real_count; r++)
		if (pattern_has_real(i->pattern, s->reals[r].name))
			return true;
	return false;
}

/* Of several isolations in one service, each keeps its reals. */
static bool left_out(const struct daemon *d, const struct service_config *s, const char *real)
{
	bool out = false;

	for (const struct isolation *i = d->isolations; i; i = i->next) {
		if (!isolates_in(i, s))
			continue;
		if (pattern_has_real(i->pattern, real))
			return false;
		out = true;
	}
	return out;
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

/* A reload that gives a server one check more, or a port, takes it out of service only if that
 * says so: until then what was known counts. */
static void keep_up(struct daemon *d, struct real_fact *f)
{
	if (!f->id)
		return;
	if (f->health != HEALTH_UNKNOWN)
		d->real_up[f->id] = f->health == HEALTH_UP;
	else if (d->real_up[f->id])
		f->health = HEALTH_UP;
}

static void gather_health(const struct gathering *g, const struct service_config *s,
			  const struct real_config *r, struct real_fact *f)
{
	size_t count;
	enum health *health;

	f->check_ids = check_ids_of(g->d, s, r, g->a, &count);
	health = arena_alloc(g->a, count + 1, sizeof(*health));
	for (size_t i = 0; i < count; i++) {
		struct check_fact *c = check_fact(g->d, f->check_ids[i]);

		c->service = 1 + (uint32_t)(s - g->d->model->services);
		health[i] = c->seen.health;
		f->connect_failed |= c->seen.health == HEALTH_DOWN && c->connect_failed;
	}
	f->health = desire_health(s->require, health, count);
	keep_up(g->d, f);
}

/* At the first start the neighbour's answer may come after the check's. */
static bool lacks_mac_only(const struct service_config *s, const struct real_config *r,
			   const struct real_fact *f)
{
	return !service_is_l7(s) && f->health == HEALTH_UP && f->admin == ADMIN_ONLINE &&
	       real_weight(r, f) > 0;
}

/* A server that was down, or kept out by an order, and is back begins slowly; one that has just
 * been checked for the first time does not, or a new daemon would have every service limp. */
static uint64_t gather_since(struct daemon *d, const struct service_config *s,
			     const struct real_config *r, const struct real_fact *f)
{
	const uint64_t fallen = UINT64_MAX;
	uint64_t *since = &d->real_since[f->id];

	if (!s->slow_start)
		*since = 0;
	else if (!real_usable(s, r, f))
		*since = *since || (f->health != HEALTH_UNKNOWN && !lacks_mac_only(s, r, f))
				 ? fallen
				 : 0;
	else if (*since == fallen)
		*since = clock_msec();
	return *since == fallen ? 0 : *since;
}

static void gather_real(const struct gathering *g, const struct service_config *s,
			const struct real_config *r, struct real_fact *f)
{
	struct order order = orders_get(g->d->orders, s->name, r->name);
	char name[REAL_IDENTITY_LEN];

	f->id = ids_get(g->d->real_ids, gather_id_name(s, r, name));
	f->admin = left_out(g->d, s, r->name) ? ADMIN_HALT : order.admin;
	f->weight = order.weight;
	if (!service_is_l7(s)) {
		if (f->id) /* else every id is taken; without an egress it gets no flow */
			f->ifindex = egress_of(g, &r->ip);
		gather_neighbour(g->d, &r->ip, f);
	} else if (s->l7.source == PROXY_SOURCE_CLIENT) {
		f->ifindex = net_egress(g->d->net, &r->ip);
	}
	gather_health(g, s, r, f);
	f->usable_since = gather_since(g->d, s, r, f);
	if (!service_is_l7(s))
		f->ramp = ramp_step(f->usable_since, s->slow_start, clock_msec());
	g->d->real_used[f->id] = true;
}

/* Layer 7 looks at the clock by itself. */
static uint64_t next_ramp(const struct service_config *s, const struct real_fact *reals)
{
	uint64_t next = UINT64_MAX, now = clock_msec();

	for (size_t i = 0; s->slow_start && !service_is_l7(s) && i < s->real_count; i++) {
		uint64_t then = ramp_next(reals[i].usable_since, s->slow_start, now);

		next = then < next ? then : next;
	}
	return next;
}

static struct service_fact gather_service(const struct gathering *g, const struct service_config *s)
{
	struct real_fact *reals = arena_alloc(g->a, s->real_count + 1, sizeof(*reals));
	struct service_fact f = {.id = ids_get(g->d->service_ids, s->name), .reals = reals};

	g->d->service_used[f.id] = true;
	for (size_t i = 0; i < s->real_count; i++)
		gather_real(g, s, &s->reals[i], &reals[i]);
	f.ramp_next = next_ramp(s, reals);
	return f;
}

static struct service_fact *gather_services(const struct gathering *g)
{
	struct daemon *d = g->d;
	struct service_fact *facts = arena_alloc(g->a, d->model->service_count + 1, sizeof(*facts));

	memset(d->service_used, 0, LB_SERVICES_MAX * sizeof(*d->service_used));
	memset(d->real_used, 0, LB_REALS_MAX * sizeof(*d->real_used));
	for (size_t i = 0; i < d->model->service_count; i++)
		facts[i] = gather_service(g, &d->model->services[i]);
	return facts;
}

/* Where the kernel would send to it now; what the row says where nothing is known. */
static void gather_retired_path(const struct gathering *g, struct retired_fact *f)
{
	struct real_fact now = {.id = f->id};
	struct addr ip;

	memcpy(ip.byte, f->real.ip.byte, sizeof(ip.byte));
	now.ifindex = egress_of(g, &ip);
	if (!now.ifindex)
		now.ifindex = f->real.ifindex;
	memcpy(now.source_mac, f->real.source_mac, sizeof(now.source_mac));
	gather_neighbour(g->d, &ip, &now);
	f->has_mac = now.has_mac;
	memcpy(f->mac, now.mac, sizeof(f->mac));
	f->real.ifindex = now.ifindex;
	memcpy(f->real.source_mac, now.source_mac, sizeof(now.source_mac));
}

static bool may_go(const struct daemon *d, uint32_t id)
{
	return !d->real_used[id] && dataplane_real_idle(d->dataplane, id);
}

bool gather_something_idle(const struct daemon *d)
{
	for (size_t i = 0; i < plan_count(d->actual, PLAN_REALS); i++)
		if (may_go(d, *(const __u32 *)plan_key(d->actual, PLAN_REALS, i)))
			return true;
	return false;
}

/* Flows of a service that left meet their reset only while XDP still looks at its VIPs. */
static void gather_leaving_vips(const struct gathering *g, struct facts *facts)
{
	size_t count = plan_count(g->d->actual, PLAN_VIPS);
	struct lb_addr *out = arena_alloc(g->a, count + 1, sizeof(*out));

	for (size_t i = 0; i < count; i++)
		memcpy(&out[i], plan_key(g->d->actual, PLAN_VIPS, i), sizeof(out[i]));
	facts->leaving_vips = out;
	facts->leaving_vip_count = count;
}

/* Rows of reals that the model no longer has, for as long as a flow may carry their ids. */
static void gather_retired(const struct gathering *g, struct facts *facts)
{
	const struct daemon *d = g->d;
	size_t rows = plan_count(d->actual, PLAN_REALS);
	struct retired_fact *retired = NULL;
	bool service_gone = false;

	for (size_t i = 0; i < rows; i++) {
		uint32_t id = *(const __u32 *)plan_key(d->actual, PLAN_REALS, i);
		const struct row_real *row = plan_value(d->actual, PLAN_REALS, i);
		struct retired_fact *f;
		bool gone;

		if (d->real_used[id] || may_go(d, id))
			continue;
		if (!retired)
			retired = arena_alloc(g->a, rows, sizeof(*retired));
		f = &retired[facts->retired_count++];
		*f = (struct retired_fact){.id = id, .real = row->real, .info = row->info};
		gone = row->real.service >= LB_SERVICES_MAX || !d->service_used[row->real.service];
		service_gone |= gone;
		f->resets = gone || row->real.flags & LB_REAL_RESET;
		gather_retired_path(g, f);
	}
	facts->retired = retired;
	if (service_gone)
		gather_leaving_vips(g, facts);
}

static void gather_ifaces(const struct gathering *g, struct facts *facts)
{
	const struct daemon *d = g->d;
	struct iface_fact *out = arena_alloc(g->a, d->interface_count + 1, sizeof(*out));

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
	const struct gathering g = gathering_of(d, a);
	struct facts *f = arena_alloc(a, 1, sizeof(*f));

	f->services = gather_services(&g);
	f->active = true;
	f->xdp_mode = d->options->xdp_mode >= 0 ? (enum xdp_mode)d->options->xdp_mode
						: d->model->node.xdp_mode;
	gather_retired(&g, f);
	gather_ifaces(&g, f);
	gather_held(d, f, a);
	gather_held_sources(d, f, a);
	f->files = files_facts(d->files, &f->file_count);
	gather_tproxy(d, f, a);
	return f;
}

/* The numbers of a real's checks stay where they are, for as long as the facts. */
static void keep_real(struct real_fact *to, const struct real_fact *now, size_t checks)
{
	uint32_t *ids = (uint32_t *)to->check_ids;

	memcpy(ids, now->check_ids, checks * sizeof(*ids));
	*to = *now;
	to->check_ids = ids;
}

void gather_again(struct daemon *d, const struct facts *f, size_t service)
{
	const struct service_config *s = &d->model->services[service];
	struct arena *a = arena_new();
	const struct gathering g = gathering_of(d, a);
	/* Made by gather_facts of memory that may be written. */
	struct service_fact *kept = (struct service_fact *)&f->services[service];
	struct real_fact *reals = (struct real_fact *)kept->reals;
	const struct service_fact now = gather_service(&g, s);

	kept->id = now.id;
	kept->ramp_next = now.ramp_next;
	for (size_t i = 0; i < s->real_count; i++)
		keep_real(&reals[i], &now.reals[i], service_check_count(s, &s->reals[i]));
	arena_free(a);
}
