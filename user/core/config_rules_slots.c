/* SPDX-License-Identifier: GPL-2.0-only */
/* F35: do the rings of all services at layer 4 fit lbx_slots? Judged with every real in service;
 * what orders and failures make of weights later may be refused then, and is tried again. */
#include <stdlib.h>

#include "base/alloc.h"
#include "core/config_draft.h"
#include "core/ring.h"
#include "lbxdp/abi.h"

static size_t room_of(const struct service_config *s)
{
	struct ring_share *shares = xcalloc(s->real_count + 1, sizeof(*shares));
	size_t room;

	for (size_t i = 0; i < s->real_count; i++)
		shares[i].weight = s->reals[i].backup ? 0 : s->reals[i].weight;
	room = ring_room(ring_wrr_count(shares, s->real_count, RING_SLOTS_MAX) + 1);
	free(shares);
	return room;
}

/* A new ring stands beside the old one for a while: there is room for the largest once more. */
void config_rules_slots(struct config_reading *r)
{
	const struct model *m = &r->draft->model;
	unsigned long long sum = 0, largest = 0;

	for (size_t i = 0; i < m->service_count; i++) {
		size_t room = service_is_l7(&m->services[i]) ? 0 : room_of(&m->services[i]);

		sum += room;
		largest = room > largest ? room : largest;
	}
	if (sum + largest > LB_SLOTS_MAX)
		config_say(r, yaml_get(r->root, "services"),
			   "the weights of all real servers at layer 4 take %llu slots; this "
			   "version holds %d (a service takes the sum of its weights divided by "
			   "what they have in common: 100 and 50 take three, 100 and 99 take 199)",
			   sum + largest, LB_SLOTS_MAX);
}
