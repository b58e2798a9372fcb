/* SPDX-License-Identifier: GPL-2.0-only */
/* Sessions a second at layer 7: what the counters grew by in the last one, and the most so far. */
#include "daemon/state.h"

/* The id is another's when its counters began again. */
static void note(struct rate *r, uint64_t total)
{
	if (total < r->total)
		*r = (struct rate){};
	r->now = r->known ? total - r->total : 0;
	if (r->now > r->most)
		r->most = r->now;
	r->total = total;
	r->known = true;
}

static uint32_t id_at(const struct daemon *d, enum plan_table t, size_t i)
{
	return *(const uint32_t *)plan_key(d->actual, t, i);
}

void rates_note(struct daemon *d)
{
	uint64_t current, queued;

	for (size_t i = 0; i < plan_count(d->actual, PLAN_PROXY_SERVICES); i++) {
		uint32_t id = id_at(d, PLAN_PROXY_SERVICES, i);

		note(&d->service_rates[id],
		     proxy_client_service(d->proxy, id, &current, &queued).sessions);
	}
	for (size_t i = 0; i < plan_count(d->actual, PLAN_PROXY_REALS); i++) {
		uint32_t id = id_at(d, PLAN_PROXY_REALS, i);

		note(&d->real_rates[id],
		     proxy_client_real(d->proxy, id, &current, &queued).sessions);
	}
}
