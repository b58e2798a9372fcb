/* SPDX-License-Identifier: GPL-2.0-only */
#include "core/desire_nat.h"

#include <string.h>

void desire_nat_real(const struct service_config *s, const struct real_config *c,
		     struct lb_real *row)
{
	if (!service_is_nat(s))
		return;
	row->flags |= LB_REAL_NAT | (s->mode == MODE_L4_SNAT ? LB_REAL_SNAT : 0);
	row->port = c->port;
}

int desire_put_pool(struct plan *p, const struct service_config *s, uint32_t service)
{
	struct lb_pool row = {.count = (__u32)s->pool_count};

	if (!s->pool_count)
		return 0;
	for (size_t i = 0; i < s->pool_count; i++)
		memcpy(row.addr[i].byte, s->pool[i].byte, sizeof(row.addr[i].byte));
	return plan_put(p, PLAN_POOLS, &service, &row);
}
