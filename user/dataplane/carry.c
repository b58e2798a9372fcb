/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What an upgrade takes over from the maps of an earlier version. A map whose layout is the same is
 * taken as it is: the old program and the new one share it while one is swapped for the other, so
 * that no flow is lost and none is copied. One that changed is made anew and filled from the old
 * one, which its program goes on using until the swap. The pins are replaced one by one, the
 * version last: a start that is cut short is met again by the next one, which takes for done what
 * has the new layout already.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "base/alloc.h"
#include "base/log.h"
#include "dataplane/internal.h"

/* lbx_services of version 2. */
struct service2 {
	struct lb_ring ring;
	__u64 cursor;
	__u64 unrouted;
	struct lb_gate gate;
	__u64 denied;
	__u64 pad[3];
};

_Static_assert(sizeof(struct service2) == 64, "as it was");

/* lbx_ifaces of version 2. */
struct iface2 {
	__u8 mac[6];
	__u16 pad;
};

/* lbx_slots of version 2: one to a row, and rows lie on multiples of 8 bytes. */
struct slot2 {
	__u32 real;
	__u32 pad;
};

enum { SLOTS2 = 2097152 };

/* lbx_verdicts and lbx_events of version 2, by index. */
static const uint32_t verdicts2[] = {
	LB_FORWARDED,  LB_NOT_OURS,     LB_ARP_REPLY,     LB_ARP_CONFLICT,   LB_ND_REPLY,
	LB_ND_INVALID, LB_ND_CONFLICT,  LB_ECHO_REPLY,    LB_RESET,          LB_ACL,
	LB_NO_REAL,    LB_NO_NEIGHBOUR, LB_FRAGMENT,      LB_BAD_ETHERNET,   LB_BAD_ARP,
	LB_BAD_IP,     LB_BAD_LENGTH,   LB_BAD_EXTENSION, LB_ROUTING_HEADER, LB_BAD_TCP,
	LB_BAD_UDP,    LB_BAD_ICMP,
};

static const uint32_t events2[] = {
	LB_EVENT_FLOW_MISS,        LB_EVENT_TABLE_FULL,    LB_EVENT_PROMOTE_FAILED,
	LB_EVENT_HALF_OPEN_FAILED, LB_EVENT_FLOW_REPLACED,
};

struct carry {
	uint32_t version;
	int old[MAP_COUNT]; /* of maps that changed; else -1 */
	struct service2 *services;
};

/*
 * Rings on their way from version 2's lbx_slots. Where each goes follows from the services alone: a
 * start that finds the slots copied already finds each ring in the same place.
 */
struct rings2 {
	struct slots *slots;
	const struct slot2 *from; /* NULL: they are copied */
	uint32_t *to;
};

static void *map_whole(int fd, size_t size, int how)
{
	void *at = fd < 0 ? MAP_FAILED : mmap(NULL, size, how, MAP_SHARED, fd, 0);

	return at == MAP_FAILED ? NULL : at;
}

static void unmap_whole(const void *at, size_t size)
{
	if (at)
		munmap((void *)at, size);
}

static const size_t from_size = SLOTS2 * sizeof(struct slot2);
static const size_t to_size = LB_SLOTS_MAX * sizeof(uint32_t);

static int rings2_open(struct rings2 *r, const struct dataplane *d)
{
	int old = d->carry->old[MAP_SLOTS];

	r->slots = slots_new(LB_SLOTS_MAX);
	r->to = map_whole(d->fd[MAP_SLOTS], to_size, PROT_READ | PROT_WRITE);
	r->from = map_whole(old, from_size, PROT_READ);
	return r->slots && r->to && (r->from || old < 0) ? 0 : -ENOMEM;
}

static void rings2_close(struct rings2 *r)
{
	slots_free(r->slots);
	unmap_whole(r->to, to_size);
	unmap_whole(r->from, from_size);
}

/* Version 2 had no backup behind the last slot. */
static int carry_ring(struct rings2 *r, struct lb_ring *ring)
{
	const struct lb_ring old = *ring;
	int err;

	if (!old.count)
		return 0;
	if (old.first >= SLOTS2 || old.count > SLOTS2 - old.first)
		return -EINVAL;
	err = slots_take(r->slots, old.count + 1, &ring->first);
	if (err || !r->from)
		return err;
	for (uint32_t i = 0; i < old.count; i++)
		r->to[ring->first + i] = r->from[old.first + i].real;
	r->to[ring->first + old.count] = 0;
	return 0;
}

static int fill_service(struct dataplane *d, struct rings2 *r, uint32_t id)
{
	const struct service2 *s = &d->carry->services[id];
	struct lb_service row = {.ring = s->ring, .gate = s->gate, .cursor = s->cursor};
	int err;

	if (!row.ring.count && !row.gate.list && !row.gate.host && !row.cursor)
		return 0;
	err = carry_ring(r, &row.ring);
	if (!err && bpf_map_update_elem(d->fd[MAP_SERVICES], &id, &row, BPF_ANY))
		err = -errno;
	return err;
}

static int fill_services(struct dataplane *d)
{
	const size_t size = LB_SERVICES_MAX * sizeof(struct service2);
	struct rings2 r = {};
	int err;

	d->carry->services = map_whole(d->carry->old[MAP_SERVICES], size, PROT_READ);
	err = d->carry->services ? rings2_open(&r, d) : -ENOMEM;
	for (uint32_t id = 1; !err && id < LB_SERVICES_MAX; id++)
		err = fill_service(d, &r, id);
	rings2_close(&r);
	return err;
}

static void finish_services(struct dataplane *d)
{
	for (uint32_t id = 1; id < LB_SERVICES_MAX; id++) {
		const struct service2 *s = &d->carry->services[id];

		if (s->unrouted)
			__atomic_fetch_add(&d->services[id].unrouted, s->unrouted,
					   __ATOMIC_RELAXED);
		if (s->denied)
			__atomic_fetch_add(&d->services[id].denied, s->denied, __ATOMIC_RELAXED);
	}
}

static int fill_slots(struct dataplane *d)
{
	return 0; /* fill_services does it */
}

static int fill_ifaces(struct dataplane *d)
{
	int old = d->carry->old[MAP_IFACES];
	uint32_t ifindex = 0;
	struct iface2 was;

	while (!bpf_map_get_next_key(old, &ifindex, &ifindex)) {
		struct lb_iface row = {};

		if (bpf_map_lookup_elem(old, &ifindex, &was))
			continue; /* it went meanwhile */
		memcpy(row.mac, was.mac, sizeof(row.mac));
		if (bpf_map_update_elem(d->fd[MAP_IFACES], &ifindex, &row, BPF_ANY))
			return -errno;
	}
	return 0;
}

/* Counters per CPU: each under the number that it has now. */
static int fill_counters(struct dataplane *d, enum map_id id, const uint32_t *now, uint32_t count)
{
	uint64_t each[d->cpus];

	for (uint32_t i = 0; i < count; i++)
		if (bpf_map_lookup_elem(d->carry->old[id], &i, each) ||
		    bpf_map_update_elem(d->fd[id], &now[i], each, BPF_ANY))
			return -errno;
	return 0;
}

static int fill_verdicts(struct dataplane *d)
{
	return fill_counters(d, MAP_VERDICTS, verdicts2, ARRAY_COUNT(verdicts2));
}

static int fill_events(struct dataplane *d)
{
	return fill_counters(d, MAP_EVENTS, events2, ARRAY_COUNT(events2));
}

/* What version 2 had, and where it was laid out otherwise: the size of a value, how many there
 * were, and what makes the new map of it. */
static const struct carried {
	bool had;
	uint32_t value_size, entries;
	int (*fill)(struct dataplane *d);
	void (*finish)(struct dataplane *d);
} version2[MAP_COUNT] = {
	[MAP_VIP_FILTER] = {.had = true     },
	[MAP_VIPS] = {.had = true     },
	[MAP_ENDPOINTS] = {.had = true     },
	[MAP_SERVICES] = {true,             sizeof(struct service2), LB_SERVICES_MAX, fill_services,
			    finish_services},
	[MAP_ACL] = {.had = true},
	[MAP_SLOTS] = {true,  sizeof(uint32_t), SLOTS2, fill_slots, NULL},
	[MAP_SVC_INFO] = {.had = true     },
	[MAP_REALS] = {.had = true            },
	[MAP_REAL_INFO] = {.had = true         },
	[MAP_REAL_CONNS] = {.had = true           },
	[MAP_REAL_STATS] = {.had = true     },
	[MAP_FLOWS4] = {.had = true     },
	[MAP_FLOWS6] = {.had = true     },
	[MAP_HALF4] = {.had = true     },
	[MAP_HALF6] = {.had = true     },
	[MAP_SETTINGS] = {.had = true     },
	[MAP_VERDICTS] = {true,      sizeof(uint64_t), ARRAY_COUNT(verdicts2), fill_verdicts, NULL},
	[MAP_EVENTS] = {true,      sizeof(uint64_t), ARRAY_COUNT(events2), fill_events, NULL},
	[MAP_IFACES] = {true,      sizeof(struct iface2), LB_IFACES_MAX, fill_ifaces, NULL},
	[MAP_TX] = {.had = true     },
};

bool carry_knows(uint32_t version)
{
	return version == 2;
}

/* Does the object want another layout, and is the pinned one what version 2 made? */
static bool is_old(const struct carried *c, const struct bpf_map *want,
		   const struct bpf_map_info *is)
{
	return c->fill && is->value_size == c->value_size && is->max_entries == c->entries &&
	       (bpf_map__value_size(want) != is->value_size ||
		bpf_map__max_entries(want) != is->max_entries);
}

/* Takes the map as it is, opens it for carry_fill, or leaves it to be made. */
static int carry_one(struct dataplane *d, struct bpf_object *obj, enum map_id id, struct buf *why)
{
	const struct bpf_map *want = bpf_object__find_map_by_name(obj, map_names[id]);
	struct bpf_map_info info;
	int fd = map_open_pinned(d, id, &info);

	if (fd == -ENOENT && !version2[id].had)
		return 0;
	if (fd >= 0 && want && is_old(&version2[id], want, &info)) {
		d->carry->old[id] = fd;
		return 0;
	}
	if (fd >= 0)
		close(fd);
	return map_adopt_one(d, obj, id, why);
}

int carry_adopt(struct dataplane *d, uint32_t version, struct bpf_object *obj, struct buf *why)
{
	int err = 0;

	d->carry = calloc(1, sizeof(*d->carry));
	if (!d->carry)
		return -ENOMEM;
	d->carry->version = version;
	for (enum map_id id = 0; id < MAP_COUNT; id++)
		d->carry->old[id] = -1;
	for (enum map_id id = 0; !err && id < MAP_COUNT; id++)
		err = carry_one(d, obj, id, why);
	return err;
}

int carry_fill(struct dataplane *d, struct buf *why)
{
	for (enum map_id id = 0; id < MAP_COUNT; id++) {
		int err = d->carry->old[id] >= 0 ? version2[id].fill(d) : 0;

		if (!err)
			continue;
		buf_printf(why, "cannot carry over %s/%s: %s", d->pin_dir, map_names[id],
			   strerror(-err));
		return err;
	}
	return 0;
}

void carry_finish(struct dataplane *d)
{
	if (!d->carry)
		return;
	for (enum map_id id = 0; id < MAP_COUNT; id++)
		if (d->carry->old[id] >= 0 && version2[id].finish)
			version2[id].finish(d);
	log_info("carried over the maps of version %u under %s", d->carry->version, d->pin_dir);
	carry_free(d);
}

void carry_free(struct dataplane *d)
{
	if (!d->carry)
		return;
	if (d->carry->services)
		munmap(d->carry->services, LB_SERVICES_MAX * sizeof(*d->carry->services));
	for (enum map_id id = 0; id < MAP_COUNT; id++)
		if (d->carry->old[id] >= 0)
			close(d->carry->old[id]);
	free(d->carry);
	d->carry = NULL;
}
