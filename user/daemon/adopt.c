/* SPDX-License-Identifier: GPL-2.0-only */
/* Ids across lives: what an adopted data plane already numbers, and which numbers are free again.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "daemon/state.h"

void gather_kernel_rows(struct net *n, struct plan *actual)
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
	held_kernel_rows(n, actual);
}

/* An id that a row holds is nobody else's. Where its name has another id already, or none was
 * written before a crash, a name that no label can have (they hold no '/') keeps it taken. */
static void claim(struct ids *ids, const char *name, uint32_t id)
{
	char nobody[16];

	if (ids_name(ids, id) || ids_claim(ids, name, id))
		return;
	snprintf(nobody, sizeof(nobody), "/%u", id);
	(void)ids_claim(ids, nobody, id); /* id and name are free, or the row is none of ours */
}

static void claim_real(struct daemon *d, uint32_t id, const struct row_real *row)
{
	char name[REAL_IDENTITY_LEN];
	struct addr ip;

	memcpy(ip.byte, row->real.ip.byte, sizeof(ip.byte));
	real_identity(row->info.service_name, row->info.name, &ip, name);
	if (row->real.flags & LB_REAL_NAT)
		strcat(name, row->real.flags & LB_REAL_SNAT ? GATHER_SNAT : GATHER_NAT);
	claim(d->real_ids, name, id);
	/* Of a service that left, only its reals still say the number. */
	claim(d->service_ids, row->info.service_name, row->real.service);
}

/* The checks of an adopted real begin with the health its row remembers. */
static void adopt_health(struct daemon *d, const struct service_config *s,
			 const struct real_config *r, struct arena *a)
{
	char name[REAL_IDENTITY_LEN];
	uint32_t id = ids_find(d->real_ids,
			       service_is_nat(s) ? gather_id_name(s, r, name)
						 : real_identity(s->name, r->name, &r->ip, name));
	const struct row_real *row = id ? plan_find(d->actual, PLAN_REALS, &id) : NULL;
	const uint32_t *checks;
	size_t count;

	if (!row || !(row->real.flags & LB_REAL_KNOWN))
		return;
	checks = check_ids_of(d, s, r, a, &count);
	for (size_t i = 0; i < count; i++)
		check_fact(d, checks[i])->seen.health =
			row->real.flags & LB_REAL_UP ? HEALTH_UP : HEALTH_DOWN;
}

void gather_adopt(struct daemon *d)
{
	struct arena *a = arena_new();

	for (size_t i = 0; i < plan_count(d->actual, PLAN_SERVICES); i++) {
		const struct lb_service_info *info = plan_value(d->actual, PLAN_SERVICES, i);

		claim(d->service_ids, info->name,
		      *(const __u32 *)plan_key(d->actual, PLAN_SERVICES, i));
	}
	for (size_t i = 0; i < plan_count(d->actual, PLAN_REALS); i++)
		claim_real(d, *(const __u32 *)plan_key(d->actual, PLAN_REALS, i),
			   plan_value(d->actual, PLAN_REALS, i));
	for (size_t i = 0; i < d->model->service_count; i++) {
		const struct service_config *s = &d->model->services[i];

		for (size_t j = 0; j < s->real_count; j++)
			adopt_health(d, s, &s->reals[j], a);
	}
	arena_free(a);
	gather_kernel_rows(d->net, d->actual);
}

/* An id that the maps know by another name keeps that one, and its counters begin anew. */
static void claim_name(void *arg, enum plan_table t, uint32_t id, const char *name)
{
	struct daemon *d = arg;
	bool service = t == PLAN_PROXY_SERVICES;
	struct ids *ids = service ? d->service_ids : d->real_ids;

	claim(ids, name, id);
	if (ids_name(ids, id) && !strcmp(ids_name(ids, id), name))
		return;
	if (service)
		proxy_client_clear_service(d->proxy, id);
	else
		proxy_client_clear_real(d->proxy, id);
}

void gather_adopt_names(struct daemon *d)
{
	proxy_client_each_name(d->proxy, claim_name, d);
	d->leaving = 1; /* what the model has no more is given back soon */
}

static void release_reals(struct daemon *d)
{
	for (uint32_t id = 1; id < LB_REALS_MAX; id++) {
		if (d->real_used[id] || !ids_name(d->real_ids, id) ||
		    plan_find(d->actual, PLAN_REALS, &id) || proxies_hold_real(d, id))
			continue;
		proxy_client_clear_real(d->proxy, id);
		d->forwarded_gone += dataplane_real_stats(d->dataplane, id).packets;
		ids_release(d->real_ids, id);
		d->real_seen[id] = 0;
		d->real_down[id] = (struct downtime){};
		d->real_rates[id] = (struct rate){};
		d->real_reset[id] = false;
		d->real_since[id] = 0;
		d->real_up[id] = false;
		d->real_answers[id] = (struct real_answers){};
	}
}

static void release_services(struct daemon *d)
{
	bool *held = xcalloc(LB_SERVICES_MAX, sizeof(*held));

	for (size_t i = 0; i < plan_count(d->actual, PLAN_REALS); i++) {
		const struct row_real *row = plan_value(d->actual, PLAN_REALS, i);

		if (row->real.service < LB_SERVICES_MAX)
			held[row->real.service] = true;
	}
	for (uint32_t id = 1; id < LB_SERVICES_MAX; id++) {
		if (d->service_used[id] || held[id] || !ids_name(d->service_ids, id) ||
		    proxies_hold_service(d, id))
			continue;
		ids_release(d->service_ids, id);
		proxy_client_clear_service(d->proxy, id);
		d->service_rates[id] = (struct rate){};
	}
	free(held);
}

static void release_checks(struct daemon *d)
{
	for (uint32_t id = 1; id < d->check_room; id++) {
		if (!ids_name(d->check_ids, id) || plan_find(d->actual, PLAN_CHECKS, &id))
			continue;
		ids_release(d->check_ids, id);
		d->checks[id] = (struct check_fact){};
	}
}

void gather_release(struct daemon *d)
{
	d->leaving = 0;
	release_reals(d);
	release_services(d);
	release_checks(d);
}
