/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Rings in lbx_slots. A new ring is written beside the old one and switched to by one 64-bit store;
 * the old range is used again only when no packet can be reading it. Beside that: which reals are
 * in any ring, and since when not, for the reuse of their ids.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
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
	uint32_t refs[LB_REALS_MAX];   /* slots that name the real */
	uint32_t left[LB_REALS_MAX];   /* the sweep's pass in which the last one went */
};

static struct lb_ring load_ring(const struct lb_service *s)
{
	union {
		uint64_t whole;
		struct lb_ring ring;
	} u = {.whole = __atomic_load_n((const uint64_t *)&s->ring, __ATOMIC_ACQUIRE)};

	return u.ring;
}

static void store_ring(struct lb_service *s, struct lb_ring ring)
{
	union {
		struct lb_ring ring;
		uint64_t whole;
	} u = {.ring = ring};

	__atomic_store_n((uint64_t *)&s->ring, u.whole, __ATOMIC_RELEASE);
}

struct lb_ring rings_now(const struct dataplane *d, uint32_t service)
{
	return load_ring(&d->services[service]);
}

static void count_in(struct rings *r, const struct slot *slots, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		if (slots[i].real < LB_REALS_MAX)
			r->refs[slots[i].real]++;
}

static void count_out(struct rings *r, const struct slot *slots, uint32_t count, uint32_t pass)
{
	for (uint32_t i = 0; i < count; i++)
		if (slots[i].real < LB_REALS_MAX && !--r->refs[slots[i].real])
			r->left[slots[i].real] = pass;
}

/* The ring is in use: by its service, and by nobody else. */
static int claim(struct dataplane *d, struct lb_ring ring)
{
	int err;

	if (!ring.count)
		return 0;
	if (ring.first >= LB_SLOTS_MAX || ring.count > LB_SLOTS_MAX - ring.first)
		return -EINVAL;
	err = slots_reserve(d->rings->slots, ring.first, ring.count);
	if (!err)
		count_in(d->rings, d->slots + ring.first, ring.count);
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
	for (uint32_t id = 1; !err && id < LB_SERVICES_MAX; id++)
		err = claim(d, rings_now(d, id));
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

		slots_give(r->slots, l->ring.first, l->ring.count);
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
	count_out(d->rings, d->slots + old.first, old.count, sweep_pass(d));
	*l = (struct leaving){.ring = old, .since = clock_msec()};
	*d->rings->last = l;
	d->rings->last = &l->next;
}

static int take(struct dataplane *d, uint32_t count, struct lb_ring *out)
{
	int err = 0;

	*out = (struct lb_ring){.count = count};
	if (count)
		err = slots_take(d->rings->slots, count, &out->first);
	if (err) {
		rings_reap(d);
		err = slots_take(d->rings->slots, count, &out->first);
	}
	return err;
}

int rings_put(struct dataplane *d, uint32_t service, const struct ring *r)
{
	struct lb_ring old = rings_now(d, service), new;
	struct leaving *l;
	int err;

	if (r->count > LB_SLOTS_MAX)
		return -E2BIG;
	l = malloc(sizeof(*l));
	if (!l)
		return -ENOMEM;
	err = take(d, r->count, &new);
	if (err) {
		free(l);
		return err;
	}
	for (uint32_t i = 0; i < new.count; i++)
		d->slots[new.first + i].real = r->slots[i];
	/* First in, then out: who stays has never left. */
	count_in(d->rings, d->slots + new.first, new.count);
	store_ring(&d->services[service], new);
	retire(d, old, l);
	return 0;
}

int rings_remove(struct dataplane *d, uint32_t service)
{
	static const struct ring none;

	return rings_put(d, service, &none);
}

bool rings_left_before(const struct dataplane *d, uint32_t real, uint32_t pass)
{
	return !d->rings->refs[real] && d->rings->left[real] < pass;
}
