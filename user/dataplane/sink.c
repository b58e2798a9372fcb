/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Rows to maps. What packets read at any time changes in one step each: a ring by its 64-bit store,
 * a real by that of its MAC and flags, written after everything else of the row.
 */
#include <errno.h>
#include <string.h>

#include <bpf/bpf.h>

#include "dataplane/internal.h"
#include "lbxdp/vip_filter.h"

typedef int put_fn(struct dataplane *d, const void *key, const void *value, const void *old);
typedef int del_fn(struct dataplane *d, const void *key);

static int update(const struct dataplane *d, enum map_id id, const void *key, const void *value)
{
	return bpf_map_update_elem(d->fd[id], key, value, BPF_ANY) ? -errno : 0;
}

static int delete (const struct dataplane *d, enum map_id id, const void *key)
{
	return bpf_map_delete_elem(d->fd[id], key) && errno != ENOENT ? -errno : 0;
}

static int settings_put(struct dataplane *d, const void *key, const void *value, const void *old)
{
	const struct row_settings *row = value;

	for (size_t i = 0; i < sizeof(row->timeout) / sizeof(row->timeout[0]); i++)
		__atomic_store_n(&d->settings->timeout[i], row->timeout[i], __ATOMIC_RELAXED);
	__atomic_store_n(&d->settings->orphan_timeout, row->orphan_timeout, __ATOMIC_RELAXED);
	return 0;
}

/* The timeouts go with the maps: packets need some until then. */
static int settings_delete(struct dataplane *d, const void *key)
{
	return 0;
}

static int forget_floods(struct dataplane *d, uint32_t id)
{
	uint64_t none[d->cpus];

	memset(none, 0, sizeof(none));
	return update(d, MAP_FLOODS, &id, none);
}

static int service_put(struct dataplane *d, const void *key, const void *value, const void *old)
{
	uint32_t id = *(const uint32_t *)key;
	int err = 0;

	if (!id || id >= LB_SERVICES_MAX)
		return -E2BIG;
	if (!old) {
		struct lb_service *row = &d->services[id];

		__atomic_store_n(&row->cursor, 0, __ATOMIC_RELAXED);
		__atomic_store_n(&row->unrouted, 0, __ATOMIC_RELAXED);
		__atomic_store_n(&row->denied, 0, __ATOMIC_RELAXED);
		__atomic_store_n(&row->denied_connections, 0, __ATOMIC_RELAXED);
		__atomic_store_n(&row->full, 0, __ATOMIC_RELAXED);
		__atomic_store_n(&row->followed, 0, __ATOMIC_RELAXED);
		__atomic_store_n(&row->missed, 0, __ATOMIC_RELAXED);
		__atomic_store_n(&row->flood_until, 0, __ATOMIC_RELAXED);
		err = forget_floods(d, id);
	}
	return err ? err : update(d, MAP_SVC_INFO, &id, value);
}

static int service_delete(struct dataplane *d, const void *key)
{
	uint32_t id = *(const uint32_t *)key;
	int err = rings_remove(d, id);

	return err ? err : delete (d, MAP_SVC_INFO, &id);
}

/* MAC and flags lie side by side and are one store. */
static void store_mac_and_flags(struct lb_real *row, const struct lb_real *from)
{
	uint64_t whole;

	_Static_assert(offsetof(struct lb_real, mac) == 0 && offsetof(struct lb_real, flags) == 6,
		       "mac and flags are the row's first 8 bytes");
	memcpy(&whole, from, sizeof(whole));
	__atomic_store_n((uint64_t *)row, whole, __ATOMIC_RELEASE);
}

static void write_real(struct lb_real *row, const struct lb_real *from)
{
	const size_t head = offsetof(struct lb_real, source_mac);

	memcpy((char *)row + head, (const char *)from + head, sizeof(*row) - head);
	store_mac_and_flags(row, from);
}

static int zero_counters(struct dataplane *d, uint32_t id)
{
	struct lb_real_stats none[d->cpus];

	memset(none, 0, sizeof(none));
	memset(&d->conns[id], 0, sizeof(d->conns[id]));
	return update(d, MAP_REAL_STATS, &id, none);
}

/* Maps that this process made are all zero. */
static bool was_used(const struct dataplane *d, uint32_t id)
{
	return id < d->real_top || d->adopted;
}

static void count_resets(struct dataplane *d, uint16_t before, uint16_t after)
{
	d->reset_reals += !!(after & LB_REAL_RESET);
	d->reset_reals -= !!(before & LB_REAL_RESET);
}

static int real_put(struct dataplane *d, const void *key, const void *value, const void *old)
{
	uint32_t id = *(const uint32_t *)key;
	const struct row_real *row = value;
	int err = 0;

	if (!id || id >= LB_REALS_MAX)
		return -E2BIG;
	if (!d->reals[id].service && was_used(d, id))
		err = zero_counters(d, id);
	if (!err)
		err = update(d, MAP_REAL_INFO, &id, &row->info);
	if (err)
		return err;
	count_resets(d, d->reals[id].flags, row->real.flags);
	nat_note_real(d, &d->reals[id], &row->real);
	write_real(&d->reals[id], &row->real);
	if (id >= d->real_top)
		d->real_top = id + 1;
	return 0;
}

static int real_delete(struct dataplane *d, const void *key)
{
	static const struct lb_real none;
	uint32_t id = *(const uint32_t *)key;

	count_resets(d, d->reals[id].flags, 0);
	nat_note_real(d, &d->reals[id], &none);
	store_mac_and_flags(&d->reals[id], &none); /* no packet goes there any more ... */
	write_real(&d->reals[id], &none);          /* ... and now the row is free */
	return delete (d, MAP_REAL_INFO, &id);
}

static int ring_put(struct dataplane *d, const void *key, const void *value, const void *old)
{
	uint32_t id = *(const uint32_t *)key;

	if (!id || id >= LB_SERVICES_MAX)
		return -E2BIG;
	return rings_put(d, id, value, old);
}

static int ring_delete(struct dataplane *d, const void *key)
{
	return rings_remove(d, *(const uint32_t *)key);
}

static int pool_put(struct dataplane *d, const void *key, const void *value, const void *old)
{
	return update(d, MAP_POOLS, key, value);
}

static int pool_delete(struct dataplane *d, const void *key)
{
	return delete (d, MAP_POOLS, key);
}

static int acl_put(struct dataplane *d, const void *key, const void *value, const void *old)
{
	uint32_t id = *(const uint32_t *)key;
	const struct row_acl *row = value;

	if (!id || id >= LB_SERVICES_MAX)
		return -E2BIG;
	return acls_put(d, id, row->acl, row->host);
}

static int acl_delete(struct dataplane *d, const void *key)
{
	return acls_remove(d, *(const uint32_t *)key);
}

static int flood_put(struct dataplane *d, const void *key, const void *value, const void *old)
{
	uint32_t id = *(const uint32_t *)key;
	const struct row_flood *row = value;

	if (!id || id >= LB_SERVICES_MAX)
		return -E2BIG;
	__atomic_store_n(&d->services[id].flood.low, row->flood.low, __ATOMIC_RELAXED);
	__atomic_store_n(&d->services[id].flood.high, row->flood.high, __ATOMIC_RELAXED);
	__atomic_store_n(&d->services[id].on_miss, row->on_miss, __ATOMIC_RELAXED);
	return 0;
}

static int flood_delete(struct dataplane *d, const void *key)
{
	static const struct row_flood none;

	return flood_put(d, key, &none, NULL);
}

static int endpoint_put(struct dataplane *d, const void *key, const void *value, const void *old)
{
	return update(d, MAP_ENDPOINTS, key, value);
}

static int endpoint_delete(struct dataplane *d, const void *key)
{
	return delete (d, MAP_ENDPOINTS, key);
}

static uint32_t filter_bit(const struct lb_addr *a)
{
	uint32_t word[4];

	memcpy(word, a, sizeof(word));
	return lb_vip_filter_bit(word);
}

void sink_filter_add(struct dataplane *d, const struct lb_addr *a)
{
	uint32_t bit = filter_bit(a);

	if (!d->filter_refs[bit]++)
		__atomic_fetch_or(&d->filter[bit / 64], 1ULL << bit % 64, __ATOMIC_RELEASE);
}

void sink_filter_drop(struct dataplane *d, const struct lb_addr *a)
{
	uint32_t bit = filter_bit(a);

	if (d->filter_refs[bit] && !--d->filter_refs[bit])
		__atomic_fetch_and(&d->filter[bit / 64], ~(1ULL << bit % 64), __ATOMIC_RELEASE);
}

/* An active that changes keeps the row's counters, but for what packets count in this instant. */
static int vip_put(struct dataplane *d, const void *key, const void *value, const void *old)
{
	struct lb_vip row = {};
	bool there = !bpf_map_lookup_elem(d->fd[MAP_VIPS], key, &row);
	int err;

	row.active = *(const uint32_t *)value;
	err = update(d, MAP_VIPS, key, &row);
	if (!err && !there)
		sink_filter_add(d, key);
	return err;
}

static int vip_delete(struct dataplane *d, const void *key)
{
	if (bpf_map_delete_elem(d->fd[MAP_VIPS], key))
		return errno == ENOENT ? 0 : -errno;
	sink_filter_drop(d, key);
	return 0;
}

int sink_read_vips(struct dataplane *d)
{
	struct lb_addr at, next;
	const struct lb_addr *from = NULL;

	while (!bpf_map_get_next_key(d->fd[MAP_VIPS], from, &next)) {
		d->filter_refs[filter_bit(&next)]++;
		at = next;
		from = &at;
	}
	if (errno != ENOENT)
		return -errno;
	for (uint32_t bit = 0; bit < LB_VIP_FILTER_WORDS * 64; bit++) {
		uint64_t mask = 1ULL << bit % 64;
		bool set = d->filter[bit / 64] & mask;

		if (set && !d->filter_refs[bit])
			__atomic_fetch_and(&d->filter[bit / 64], ~mask, __ATOMIC_RELAXED);
		else if (!set && d->filter_refs[bit])
			__atomic_fetch_or(&d->filter[bit / 64], mask, __ATOMIC_RELAXED);
	}
	return 0;
}

static int iface_delete(struct dataplane *d, const void *key)
{
	int err = attach_remove(d, *(const uint32_t *)key);

	if (!err)
		err = delete (d, MAP_IFACES, key);
	if (!err)
		err = delete (d, MAP_TX, key);
	return err;
}

/* The interface's MAC and its place in the device map are there before its first packet. */
static int iface_put(struct dataplane *d, const void *key, const void *value, const void *old)
{
	const struct row_iface *row = value;
	struct lb_iface iface = {};
	int err;

	memcpy(iface.mac, row->mac, sizeof(iface.mac));
	err = update(d, MAP_IFACES, key, &iface);
	if (!err)
		err = update(d, MAP_TX, key, key);
	if (!err)
		err = attach_put(d, key, row);
	if (err && !old) {
		(void)delete (d, MAP_TX, key); /* err is the cause to report */
		(void)delete (d, MAP_IFACES, key);
	}
	return err;
}

static int divert_row_put(struct dataplane *d, const void *key, const void *value, const void *old)
{
	return divert_put(d, FILTER_TPROXY, *(const uint32_t *)key);
}

static int divert_row_delete(struct dataplane *d, const void *key)
{
	return divert_remove(d->pin_dir, FILTER_TPROXY, *(const uint32_t *)key);
}

static int guard_row_put(struct dataplane *d, const void *key, const void *value, const void *old)
{
	return guard_put(d);
}

static int guard_row_delete(struct dataplane *d, const void *key)
{
	return guard_remove(d->pin_dir);
}

static int via_filter_put(struct dataplane *d, const void *key, const void *value, const void *old)
{
	return divert_put(d, FILTER_VIA, *(const uint32_t *)key);
}

static int via_filter_delete(struct dataplane *d, const void *key)
{
	return divert_remove(d->pin_dir, FILTER_VIA, *(const uint32_t *)key);
}

static int via_put(struct dataplane *d, const void *key, const void *value, const void *old)
{
	return update(d, MAP_VIAS, key, value);
}

static int via_delete(struct dataplane *d, const void *key)
{
	return delete (d, MAP_VIAS, key);
}

static const struct {
	put_fn *put;
	del_fn *del;
} tables[PLAN_TABLE_COUNT] = {
	[PLAN_SETTINGS] = {settings_put,   settings_delete  },
	[PLAN_SERVICES] = {service_put,    service_delete   },
	[PLAN_REALS] = {real_put,       real_delete      },
	[PLAN_POOLS] = {pool_put,       pool_delete      },
	[PLAN_RINGS] = {ring_put,       ring_delete      },
	[PLAN_ACLS] = {acl_put,        acl_delete       },
	[PLAN_FLOODS] = {flood_put,      flood_delete     },
	[PLAN_ENDPOINTS] = {endpoint_put,   endpoint_delete  },
	[PLAN_GUARD] = {guard_row_put,  guard_row_delete },
	[PLAN_VIPS] = {vip_put,        vip_delete       },
	[PLAN_DIVERTS] = {divert_row_put, divert_row_delete},
	[PLAN_VIA_FILTERS] = {via_filter_put, via_filter_delete},
	[PLAN_VIAS] = {via_put,        via_delete       },
	[PLAN_IFACES] = {iface_put,      iface_delete     },
};

static int sink_put(void *to, enum plan_table t, const void *key, const void *value,
		    const void *old)
{
	return tables[t].put ? tables[t].put(to, key, value, old) : -EOPNOTSUPP;
}

static int sink_delete(void *to, enum plan_table t, const void *key, const void *value)
{
	return tables[t].del ? tables[t].del(to, key) : -EOPNOTSUPP;
}

void sink_init(struct dataplane *d)
{
	d->sink = (struct plan_sink){.put = sink_put, .del = sink_delete, .to = d};
}

const struct plan_sink *dataplane_sink(struct dataplane *d)
{
	return &d->sink;
}
