/* SPDX-License-Identifier: GPL-2.0-only */
/* Maps to rows: what an adopted data plane holds, as the plan that made it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>

#include "dataplane/internal.h"

struct reading {
	struct dataplane *d;
	struct plan *to;
	const struct dataplane_intern *intern;
};

static int read_settings(const struct reading *r)
{
	struct row_settings row;
	uint32_t key = 0;

	memcpy(row.timeout, r->d->settings->timeout, sizeof(row.timeout));
	row.orphan_timeout = r->d->settings->orphan_timeout;
	return plan_put(r->to, PLAN_SETTINGS, &key, &row);
}

static const struct ring *read_slots(const struct reading *r, struct lb_ring is)
{
	size_t len = is.count * sizeof(uint32_t);
	struct ring *ring = malloc(sizeof(*ring) + len);

	if (!ring)
		return NULL;
	ring->count = is.count;
	memcpy(ring->slots, r->d->slots + is.first, len);
	ring->digest = ring_digest(ring->slots, ring->count);
	return r->intern->ring(r->intern->arg, ring);
}

static int read_ring(const struct reading *r, uint32_t service)
{
	struct lb_ring is = rings_now(r->d, service), table = rings_table(r->d, service);
	struct row_ring row = {.policy = rings_policy(r->d, service)};

	if (!is.count)
		return 0;
	row.ring = read_slots(r, is);
	row.backup = r->d->slots[is.first + is.count];
	if (table.count)
		row.table = read_slots(r, table);
	if (!row.ring || (table.count && !row.table))
		return -ENOMEM;
	return plan_put(r->to, PLAN_RINGS, &service, &row);
}

static int read_acl(const struct reading *r, uint32_t service)
{
	bool host;
	const struct acl *acl = acls_now(r->d, service, &host);
	struct row_acl row = {.host = host};

	if (!acl)
		return 0;
	row.acl = r->intern->acl(r->intern->arg, acl);
	return plan_put(r->to, PLAN_ACLS, &service, &row);
}

static int read_flood(const struct reading *r, uint32_t service)
{
	const struct lb_service *s = &r->d->services[service];
	struct row_flood row = {.flood = s->flood, .on_miss = s->on_miss};

	if (!row.flood.high && row.on_miss == LB_ON_MISS_HASH)
		return 0; /* a service of layer 7, or one that says no more than a missing row */
	return plan_put(r->to, PLAN_FLOODS, &service, &row);
}

static int read_services(const struct reading *r)
{
	int fd = r->d->fd[MAP_SVC_INFO], err = 0;
	const uint32_t *from = NULL;
	struct lb_service_info info;
	uint32_t at, next;

	while (!err && !bpf_map_get_next_key(fd, from, &next)) {
		if (!bpf_map_lookup_elem(fd, &next, &info))
			err = plan_put(r->to, PLAN_SERVICES, &next, &info);
		if (!err && next < LB_SERVICES_MAX)
			err = read_ring(r, next);
		if (!err && next < LB_SERVICES_MAX)
			err = read_acl(r, next);
		if (!err && next < LB_SERVICES_MAX)
			err = read_flood(r, next);
		at = next;
		from = &at;
	}
	return err ? err : errno == ENOENT ? 0 : -errno;
}

static int read_reals(const struct reading *r)
{
	int err = 0;

	for (uint32_t id = 1; !err && id < LB_REALS_MAX; id++) {
		struct row_real row;

		memset(&row, 0, sizeof(row));
		row.real = r->d->reals[id];
		if (!row.real.service)
			continue;
		/* A row that a crash left without its name retires as nobody's. */
		if (bpf_map_lookup_elem(r->d->fd[MAP_REAL_INFO], &id, &row.info) && errno != ENOENT)
			return -errno;
		err = plan_put(r->to, PLAN_REALS, &id, &row);
	}
	return err;
}

static int read_pools(const struct reading *r)
{
	int fd = r->d->fd[MAP_POOLS], err = 0;
	const uint32_t *from = NULL;
	struct lb_pool pool;
	uint32_t at, next;

	while (!err && !bpf_map_get_next_key(fd, from, &next)) {
		if (!bpf_map_lookup_elem(fd, &next, &pool))
			err = plan_put(r->to, PLAN_POOLS, &next, &pool);
		at = next;
		from = &at;
	}
	return err ? err : errno == ENOENT ? 0 : -errno;
}

static int read_endpoints(const struct reading *r)
{
	struct lb_endpoint at, next;
	const struct lb_endpoint *from = NULL;
	int fd = r->d->fd[MAP_ENDPOINTS], err = 0;
	uint32_t service;

	while (!err && !bpf_map_get_next_key(fd, from, &next)) {
		if (!bpf_map_lookup_elem(fd, &next, &service))
			err = plan_put(r->to, PLAN_ENDPOINTS, &next, &service);
		at = next;
		from = &at;
	}
	return err ? err : errno == ENOENT ? 0 : -errno;
}

static int read_vips(const struct reading *r)
{
	struct lb_addr at, next;
	const struct lb_addr *from = NULL;
	int fd = r->d->fd[MAP_VIPS], err = 0;
	struct lb_vip vip;

	while (!err && !bpf_map_get_next_key(fd, from, &next)) {
		if (!bpf_map_lookup_elem(fd, &next, &vip))
			err = plan_put(r->to, PLAN_VIPS, &next, &vip.active);
		at = next;
		from = &at;
	}
	return err ? err : errno == ENOENT ? 0 : -errno;
}

static int read_vias(const struct reading *r)
{
	uint32_t at, next;
	const uint32_t *from = NULL;
	int fd = r->d->fd[MAP_VIAS], err = 0;
	struct lb_via via;

	while (!err && !bpf_map_get_next_key(fd, from, &next)) {
		if (!bpf_map_lookup_elem(fd, &next, &via))
			err = plan_put(r->to, PLAN_VIAS, &next, &via);
		at = next;
		from = &at;
	}
	return err ? err : errno == ENOENT ? 0 : -errno;
}

static bool runs_ours(const struct dataplane *d, uint32_t ifindex)
{
	for (size_t i = 0; attach_at(d, i); i++)
		if (attach_at(d, i) == ifindex)
			return true;
	return false;
}

/* Interfaces that were removed leave a row behind; it is put into the plan too, so that the plan
 * takes it away or the sink attaches the interface anew. */
static int read_ifaces(const struct reading *r)
{
	const struct row_iface unknown = {};
	uint32_t next, at;
	const uint32_t *from = NULL;
	int fd = r->d->fd[MAP_IFACES], err = 0;

	for (size_t i = 0; !err && attach_at(r->d, i); i++) {
		next = attach_at(r->d, i);
		err = plan_put(r->to, PLAN_IFACES, &next, &unknown);
	}
	while (!err && !bpf_map_get_next_key(fd, from, &next)) {
		if (!runs_ours(r->d, next))
			err = plan_put(r->to, PLAN_IFACES, &next, &unknown);
		at = next;
		from = &at;
	}
	return err;
}

int dataplane_read(struct dataplane *d, struct plan *actual, const struct dataplane_intern *intern)
{
	static int (*const parts[])(const struct reading *r) = {
		read_settings,  read_services, read_reals, read_pools,
		read_endpoints, read_vips,     read_vias,  read_ifaces,
	};
	const struct reading r = {.d = d, .to = actual, .intern = intern};
	int err = 0;

	for (size_t i = 0; !err && i < sizeof(parts) / sizeof(parts[0]); i++)
		err = parts[i](&r);
	return err;
}
