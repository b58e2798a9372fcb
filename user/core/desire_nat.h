/* SPDX-License-Identifier: GPL-2.0-only */
/* What address translation adds to the rows of a service of layer 4. Pure. */
#ifndef LBXDP_CORE_DESIRE_NAT_H
#define LBXDP_CORE_DESIRE_NAT_H

#include "core/model.h"
#include "core/plan.h"

/* Flags and port of a real whose packets are translated; nothing with Direct Routing. */
void desire_nat_real(const struct service_config *s, const struct real_config *c,
		     struct lb_real *row);

/* The sources of a service with a pool. Returns 0 or -ENOMEM. */
int desire_put_pool(struct plan *p, const struct service_config *s, uint32_t service);

#endif
