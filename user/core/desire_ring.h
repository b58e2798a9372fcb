/* SPDX-License-Identifier: GPL-2.0-only */
/* The part of desire() that says in which order a layer-4 service's new flows meet its reals. */
#ifndef LBXDP_CORE_DESIRE_RING_H
#define LBXDP_CORE_DESIRE_RING_H

#include "core/facts.h"
#include "core/model.h"
#include "core/plan.h"
#include "core/store.h"

/* How many of the model's services hash their clients over a large table of their own. */
size_t desire_tables(const struct model *m);

/* Puts the service's ring, table and policy; tables: desire_tables of the model. */
int desire_put_ring(struct plan *p, const struct service_config *s, const struct service_fact *f,
		    size_t tables, struct store *store);

/* Fills in what of a real's row the schedulers look at. */
void desire_limits(const struct service_config *s, const struct real_config *c,
		   const struct real_fact *f, struct lb_real *row);

#endif
