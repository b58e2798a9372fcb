/* SPDX-License-Identifier: GPL-2.0-only */
/* What main knows by id, from its start to its end. */
#include <stdlib.h>

#include "base/alloc.h"
#include "daemon/state.h"

void tables_open(struct daemon *d)
{
	d->service_ids = ids_new(LB_SERVICES_MAX);
	d->real_ids = ids_new(LB_REALS_MAX);
	d->check_ids = ids_new(UINT32_MAX);
	d->service_used = xcalloc(LB_SERVICES_MAX, sizeof(*d->service_used));
	d->service_flooded = xcalloc(LB_SERVICES_MAX, sizeof(*d->service_flooded));
	d->real_used = xcalloc(LB_REALS_MAX, sizeof(*d->real_used));
	d->real_seen = xcalloc(LB_REALS_MAX, sizeof(*d->real_seen));
	d->real_down = xcalloc(LB_REALS_MAX, sizeof(*d->real_down));
	d->service_rates = xcalloc(LB_SERVICES_MAX, sizeof(*d->service_rates));
	d->real_rates = xcalloc(LB_REALS_MAX, sizeof(*d->real_rates));
	d->real_reset = xcalloc(LB_REALS_MAX, sizeof(*d->real_reset));
	d->real_since = xcalloc(LB_REALS_MAX, sizeof(*d->real_since));
	d->real_up = xcalloc(LB_REALS_MAX, sizeof(*d->real_up));
	d->files = files_new();
	files_follow(d->files, d->model);
	d->real_answers = xcalloc(LB_REALS_MAX, sizeof(*d->real_answers));
	d->actual = plan_new();
	d->store = store_new();
	d->conflicts = map_new();
}

void tables_close(struct daemon *d)
{
	ids_free(d->service_ids);
	ids_free(d->real_ids);
	ids_free(d->check_ids);
	free(d->service_used);
	free(d->service_flooded);
	free(d->real_used);
	free(d->real_seen);
	free(d->real_down);
	free(d->service_rates);
	free(d->real_rates);
	free(d->real_reset);
	free(d->real_since);
	free(d->real_up);
	files_free(d->files);
	free(d->real_answers);
	free(d->checks);
	plan_free(d->actual);
	arena_free(d->facts_arena);
	store_free(d->store);
	map_free(d->conflicts);
	free(d->claims);
}
