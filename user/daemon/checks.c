/* SPDX-License-Identifier: GPL-2.0-only */
/* Check facts: what the probe process reported, by check id. */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "daemon/state.h"

struct check_fact *check_fact(struct daemon *d, uint32_t id)
{
	uint32_t room = d->check_room ? d->check_room : 64;

	while (room <= id)
		room *= 2;
	if (room != d->check_room) {
		d->checks = xrealloc(d->checks, room, sizeof(*d->checks));
		memset(d->checks + d->check_room, 0, (room - d->check_room) * sizeof(*d->checks));
		d->check_room = room;
	}
	return &d->checks[id];
}

static void count_duration(struct view_check *v, uint32_t usec)
{
	double seconds = usec / 1e6;
	size_t bucket = 0;

	while (bucket < VIEW_DURATION_BUCKETS - 1 && seconds > view_duration_bounds[bucket])
		bucket++;
	v->duration_bucket[bucket]++;
	v->duration_sum += seconds;
}

/* What a check says concerns the service it is of; of one that was not gathered yet, who knows. */
static void judge_later(struct daemon *d, uint32_t id)
{
	uint32_t service = d->checks[id].service;

	if (service && service <= d->model->service_count)
		reconcile_service_later(d, service - 1);
	else
		reconcile_later(d);
}

void checks_report(void *daemon, const struct check_report *r)
{
	struct daemon *d = daemon;
	struct view_check *v;
	bool failed = !check_code_passed(r->outcome.code);
	bool connect_failed =
		r->outcome.code == CHECK_CODE_L4CON || r->outcome.code == CHECK_CODE_L4TOUT;

	if (!ids_name(d->check_ids, r->id))
		return; /* a last word about a check that is gone */
	v = &check_fact(d, r->id)->seen;
	v->runs++;
	v->failures[r->outcome.code] += failed;
	v->outcome = r->outcome;
	count_duration(v, r->outcome.duration_usec);
	if (v->health != r->health || !v->since) {
		v->transitions += v->health != HEALTH_UNKNOWN && v->health != r->health;
		v->since = clock_wall();
	}
	if (v->health != r->health || d->checks[r->id].connect_failed != connect_failed)
		judge_later(d, r->id);
	v->health = r->health;
	d->checks[r->id].connect_failed = connect_failed;
	if (connect_failed)
		gather_suspect(d, r->id);
	if (!d->settled && checks_settled(d))
		checks_settle(d);
}

void checks_settle(struct daemon *d)
{
	d->settled = true;
	reconcile_later(d); /* the proxies may accept now */
	admin_wake(d->admin);
}

enum health checks_known(void *daemon, uint32_t id)
{
	return check_fact(daemon, id)->seen.health;
}

static bool has_result(const struct daemon *d, size_t row)
{
	uint32_t id = *(const __u32 *)plan_key(d->actual, PLAN_CHECKS, row);

	return id < d->check_room && d->checks[id].seen.runs;
}

/* Asked at every first result, so it begins where it stopped, and goes round once. */
bool checks_settled(struct daemon *d)
{
	size_t count = plan_count(d->actual, PLAN_CHECKS);

	for (size_t i = 0; i < count; i++, d->settled_to++) {
		if (d->settled_to >= count)
			d->settled_to = 0;
		if (!has_result(d, d->settled_to))
			return false;
	}
	return true;
}

/* By address too: what is known of a server says nothing of the one that takes its label. */
const uint32_t *check_ids_of(struct daemon *d, const struct service_config *s,
			     const struct real_config *r, struct arena *a, size_t *count)
{
	uint32_t *ids;
	char real[REAL_IDENTITY_LEN], name[REAL_IDENTITY_LEN + 24];

	real_identity(s->name, r->name, &r->ip, real);
	*count = service_check_count(s, r);
	ids = arena_alloc(a, *count + 1, sizeof(*ids));
	for (size_t i = 0; i < *count; i++) {
		snprintf(name, sizeof(name), "%s#%zu", real, i);
		ids[i] = ids_get(d->check_ids, name);
	}
	return ids;
}
