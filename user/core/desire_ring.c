/* SPDX-License-Identifier: GPL-2.0-only */
#include "core/desire_ring.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/desire.h"
#include "core/maglev.h"
#include "core/ramp.h"
#include "core/siphash.h"

static const struct {
	enum lb_scheduler as;
	bool weighs; /* shares are by weight, not equal */
	bool ramps;  /* slow start; clients that are hashed would move at each step */
} orders[SCHEDULER_COUNT] = {
	[SCHEDULER_WRR] = {LB_SCHEDULER_TURN,  true,  true },
	[SCHEDULER_WLC] = {LB_SCHEDULER_LEAST, true,  true },
	[SCHEDULER_RR] = {LB_SCHEDULER_TURN,  false, true },
	[SCHEDULER_LC] = {LB_SCHEDULER_LEAST, false, true },
	[SCHEDULER_SH] = {LB_SCHEDULER_RING,  true,  false},
	[SCHEDULER_MAGLEV] = {LB_SCHEDULER_TABLE, true,  false},
};

/* Primes, and for how many reals each is good: the more slots a real has, the more even the shares;
 * the fewer, the more services there is room for. */
static const struct {
	size_t reals, slots;
} sizes[] = {
	{16,   251         },
        {64,   1021        },
        {256,  4093        },
        {1024, 16381       },
        {0,    MAGLEV_SLOTS}
};

/* So many tables of MAGLEV_SLOTS fill half of lbx_slots; of more, each is smaller. */
enum { TABLES_MAX = LB_SLOTS_MAX / 2 / 131072, SMALLER = 16381 };

size_t desire_tables(const struct model *m)
{
	size_t count = 0;

	for (size_t i = 0; i < m->service_count; i++)
		count += !service_is_l7(&m->services[i]) &&
			 m->services[i].scheduler == SCHEDULER_MAGLEV;
	return count;
}

static size_t slots_for(const struct service_config *s, size_t tables)
{
	size_t i = 0;

	if (s->scheduler == SCHEDULER_MAGLEV)
		return tables <= TABLES_MAX ? MAGLEV_SLOTS : SMALLER;
	while (sizes[i].reals && s->real_count > sizes[i].reals)
		i++;
	return sizes[i].slots;
}

/* Without slow start. */
static uint32_t full_share(const struct service_config *s, const struct real_config *c,
			   const struct real_fact *f)
{
	return orders[s->scheduler].weighs ? real_weight(c, f) : 1;
}

/* In RAMP_STEPS-ths, so that slow start stays whole numbers. */
static uint32_t share_now(const struct service_config *s, const struct real_config *c,
			  const struct real_fact *f)
{
	bool ramps = orders[s->scheduler].ramps && f->ramp;

	return full_share(s, c, f) * (ramps ? f->ramp : RAMP_STEPS);
}

void desire_limits(const struct service_config *s, const struct real_config *c,
		   const struct real_fact *f, struct lb_real *row)
{
	row->weight = real_usable(s, c, f) ? share_now(s, c, f) : 0;
	row->max_connections = c->max_connections;
	row->min_connections = connections_reopen_below(c->min_connections, c->max_connections);
}

/* Whose turn it is: the backup's, alone, or the others'. */
struct turn {
	const struct service_config *service;
	const struct service_fact *fact;
	bool backups;
};

static bool takes_turn(const struct turn *t, size_t i)
{
	const struct real_config *c = &t->service->reals[i];

	return c->backup == t->backups && real_usable(t->service, c, &t->fact->reals[i]);
}

/* For who is looked at in order to be skipped, once round has to be few enough. */
static bool is_limited(const struct service_config *s)
{
	for (size_t i = 0; i < s->real_count; i++)
		if (s->reals[i].max_connections)
			return true;
	return false;
}

static const struct ring *ring_of(const struct turn *t, struct store *store)
{
	const struct service_config *s = t->service;
	bool least = orders[s->scheduler].as == LB_SCHEDULER_LEAST;
	struct ring_share *shares = calloc(s->real_count + 1, sizeof(*shares));
	const struct ring *ring;

	if (!shares)
		return NULL;
	for (size_t i = 0; i < s->real_count; i++) {
		const struct real_fact *f = &t->fact->reals[i];
		uint32_t share = least ? 1 : share_now(s, &s->reals[i], f);

		shares[i] = (struct ring_share){f->id, takes_turn(t, i) ? share : 0};
	}
	ring = store_wrr(store, shares, s->real_count,
			 is_limited(s) ? LB_SCAN_MAX : RING_SLOTS_MAX);
	free(shares);
	return ring;
}

/* The same wherever the table is made. A real without a port of its own is known by its address
 * alone. */
static uint64_t identity(const struct real_config *c)
{
	static const uint64_t key[2] = {0, 0};
	unsigned char name[sizeof(c->ip) + 2];

	memcpy(name, &c->ip, sizeof(c->ip));
	name[sizeof(c->ip)] = c->port >> 8;
	name[sizeof(c->ip) + 1] = c->port & 0xff;
	return siphash(key, name, sizeof(c->ip) + (c->port ? 2 : 0));
}

/* Without slow start, so that it stands while that lasts. */
static const struct ring *table_of(const struct turn *t, size_t slots, struct store *store)
{
	const struct service_config *s = t->service;
	struct maglev_share *shares = calloc(s->real_count + 1, sizeof(*shares));
	const struct ring *table;

	if (!shares)
		return NULL;
	for (size_t i = 0; i < s->real_count; i++) {
		const struct real_config *c = &s->reals[i];
		const struct real_fact *f = &t->fact->reals[i];

		shares[i] = (struct maglev_share){
			.key = identity(c),
			.real = f->id,
			.weight = takes_turn(t, i) ? full_share(s, c, f) : 0,
		};
	}
	table = store_maglev(store, shares, s->real_count, slots);
	free(shares);
	return table;
}

static struct lb_policy policy_of(const struct service_config *s)
{
	return (struct lb_policy){
		.scheduler = orders[s->scheduler].as,
		.flags = (is_limited(s) ? LB_POLICY_LIMITS : 0) |
			 (s->one_packet ? LB_POLICY_ONE_PACKET : 0),
		.mask4 = (uint8_t)s->persist.source,
		.mask6 = (uint8_t)s->persist.source6,
		.persist_timeout = s->persist.source ? desire_ticks(s->persist.timeout) : 0,
	};
}

/* The backup behind a ring of others, for when each of them has its max_connections. */
static uint32_t backup_behind(const struct turn *t)
{
	const struct service_config *s = t->service;
	const struct turn behind = {s, t->fact, .backups = true};

	for (size_t i = 0; !t->backups && is_limited(s) && i < s->real_count; i++)
		if (takes_turn(&behind, i))
			return t->fact->reals[i].id;
	return 0;
}

int desire_put_ring(struct plan *p, const struct service_config *s, const struct service_fact *f,
		    size_t tables, struct store *store)
{
	struct turn t = {.service = s, .fact = f};
	struct row_ring row = {.policy = policy_of(s)};

	(void)service_status(s, f, &t.backups);
	row.ring = ring_of(&t, store);
	row.backup = backup_behind(&t);
	if (s->real_count > 1)
		row.table = table_of(&t, slots_for(s, tables), store);
	if (!row.ring || (s->real_count > 1 && !row.table))
		return -ENOMEM;
	return plan_put(p, PLAN_RINGS, &f->id, &row);
}
