/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Rings and hash tables in lbx_slots. A new one is written beside the old one and switched to by
 * one 64-bit store; the old range is used again only when no packet can be reading it. Beside that:
 * which reals are in any ring, and since when not, for the reuse of their ids.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "dataplane/internal.h"

/* An XDP program runs for microseconds; this is an age. */
enum { GRACE_MSEC = 200 };

struct leaving {
	struct lb_ring ring;
	uint64_t since;
	struct leaving *next;
};

struct rings {
	struct slots *slots;
	struct leaving *first, **last; /* oldest first */
	bool said;                     /* that there is no room */
	uint32_t refs[LB_REALS_MAX];   /* slots that name the real */
	uint32_t left[LB_REALS_MAX];   /* the sweep's pass in which the last one went */
};

union word {
	struct lb_ring ring;
	struct lb_policy policy;
	uint64_t whole;
};

static union word load(const void *at)
{
	return (union word){.whole = __atomic_load_n((const uint64_t *)at, __ATOMIC_ACQUIRE)};
}

static void store(void *at, union word value)
{
	__atomic_store_n((uint64_t *)at, value.whole, __ATOMIC_RELEASE);
}

struct lb_ring rings_now(const struct dataplane *d, uint32_t service)
{
	return load(&d->services[service].ring).ring;
}

struct lb_ring rings_table(const struct dataplane *d, uint32_t service)
{
	return load(&d->services[service].hash).ring;
}

struct lb_policy rings_policy(const struct dataplane *d, uint32_t service)
{
	return load(&d->services[service].policy).policy;
}

/* The backup behind a ring counts as its reals do. */
static uint32_t slots_of(struct lb_ring ring)
{
	return ring.count + 1;
}

static void count_in(struct dataplane *d, struct lb_ring ring)
{
	for (uint32_t i = 0; i < slots_of(ring); i++) {
		uint32_t real = d->slots[ring.first + i];

		if (real < LB_REALS_MAX)
			d->rings->refs[real]++;
	}
}

static void count_out(struct dataplane *d, struct lb_ring ring, uint32_t pass)
{
	for (uint32_t i = 0; i < slots_of(ring); i++) {
		uint32_t real = d->slots[ring.first + i];

		if (real < LB_REALS_MAX && !--d->rings->refs[real])
			d->rings->left[real] = pass;
	}
}

/* The ring is in use: by its service, and by nobody else. */
static int claim(struct dataplane *d, struct lb_ring ring)
{
	int err;

	if (!ring.count)
		return 0;
	if (ring.first >= LB_SLOTS_MAX || ring.count >= LB_SLOTS_MAX - ring.first)
		return -EINVAL;
	err = slots_reserve(d->rings->slots, ring.first, slots_of(ring));
	if (!err)
		count_in(d, ring);
	return err;
}

int rings_open(struct dataplane *d, struct buf *why)
{
	int err = 0;

	d->rings = calloc(1, sizeof(*d->rings));
	if (!d->rings)
		return -ENOMEM;
	d->rings->last = &d->rings->first;
	d->rings->slots = slots_new(LB_SLOTS_MAX);
	if (!d->rings->slots)
		return -ENOMEM;
	for (uint32_t id = 1; !err && id < LB_SERVICES_MAX; id++) {
		err = claim(d, rings_now(d, id));
		if (!err)
			err = claim(d, rings_table(d, id));
	}
	if (err)
		buf_printf(why, "the rings in %s/%s overlap; run `lbxdp down`, then `lbxdp up`",
			   d->pin_dir, map_names[MAP_SLOTS]);
	return err ? -EEXIST : 0;
}

void rings_close(struct dataplane *d)
{
	struct rings *r = d->rings;

	if (!r)
		return;
	while (r->first) {
		struct leaving *l = r->first;

		r->first = l->next;
		free(l);
	}
	slots_free(r->slots);
	free(r);
}

void rings_reap(struct dataplane *d)
{
	struct rings *r = d->rings;
	uint64_t now = clock_msec();

	while (r->first && now - r->first->since >= GRACE_MSEC) {
		struct leaving *l = r->first;

		slots_give(r->slots, l->ring.first, slots_of(l->ring));
		r->first = l->next;
		if (!r->first)
			r->last = &r->first;
		free(l);
	}
}

/* Puts old aside until nobody reads it. l is memory that was got while failing was still possible.
 */
static void retire(struct dataplane *d, struct lb_ring old, struct leaving *l)
{
	if (!old.count) {
		free(l);
		return;
	}
	count_out(d, old, sweep_pass(d));
	*l = (struct leaving){.ring = old, .since = clock_msec()};
	*d->rings->last = l;
	d->rings->last = &l->next;
}

static int take(struct dataplane *d, struct lb_ring *ring)
{
	int err;

	if (!ring->count)
		return 0;
	err = slots_take(d->rings->slots, slots_of(*ring), &ring->first);
	if (err) {
		rings_reap(d);
		err = slots_take(d->rings->slots, slots_of(*ring), &ring->first);
	}
	return err;
}

/* A ring, and the backup behind it, in place of the one that stands at one of a service's. */
static int replace(struct dataplane *d, struct lb_ring *at, const struct ring *r, uint32_t backup)
{
	struct lb_ring old = load(at).ring, new = {.count = r ? r->count : 0};
	struct leaving *l;
	int err;

	if (new.count >= LB_SLOTS_MAX)
		return -E2BIG;
	l = malloc(sizeof(*l));
	if (!l)
		return -ENOMEM;
	err = take(d, &new);
	if (err) {
		free(l);
		return err;
	}
	/* First in, then out: who stays has never left. */
	if (new.count) {
		memcpy(d->slots + new.first, r->slots, new.count * sizeof(*r->slots));
		d->slots[new.first + new.count] = backup;
		count_in(d, new);
	}
	store(at, (union word){.ring = new});
	retire(d, old, l);
	return 0;
}

/* Without room the ring has to do. */
static int replace_table(struct dataplane *d, uint32_t service, const struct ring *table)
{
	struct lb_ring *at = &d->services[service].hash;
	int err = replace(d, at, table, 0);

	if (err != -ENOSPC)
		return err;
	if (!d->rings->said)
		log_warning("no room for a table of %zu slots in %s: its service hashes over its "
			    "ring, as others may",
			    table->count, map_names[MAP_SLOTS]);
	d->rings->said = true;
	return replace(d, at, NULL, 0);
}

int rings_put(struct dataplane *d, uint32_t service, const struct row_ring *row,
	      const struct row_ring *old)
{
	struct lb_service *s = &d->services[service];
	int err = 0;

	if (!old || old->ring != row->ring || old->backup != row->backup)
		err = replace(d, &s->ring, row->ring, row->backup);
	if (!err && (!old || old->table != row->table))
		err = replace_table(d, service, row->table);
	if (!err)
		store(&s->policy, (union word){.policy = row->policy});
	return err;
}

int rings_remove(struct dataplane *d, uint32_t service)
{
	static const struct row_ring none;

	return rings_put(d, service, &none, NULL);
}

bool rings_left_before(const struct dataplane *d, uint32_t real, uint32_t pass)
{
	return !d->rings->refs[real] && d->rings->left[real] < pass;
}
