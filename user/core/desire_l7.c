/* SPDX-License-Identifier: GPL-2.0-only */
#include "core/desire_l7.h"

#include <string.h>
#include <sys/socket.h>

#include "core/desire.h"

static int put_service(struct plan *p, const struct service_config *s, uint32_t id)
{
	struct proxy_service row = {
		.connect = s->l7.connect,
		.client = s->l7.client,
		.server = s->l7.server,
		.source_kind = s->l7.source,
		.accept_header = s->l7.accept_header,
		.send_header = s->l7.send_header,
	};

	strncpy(row.name, s->name, sizeof(row.name) - 1);
	if (s->l7.source == PROXY_SOURCE_ADDRESS)
		row.source = s->l7.source_address;
	return plan_put(p, PLAN_PROXY_SERVICES, &id, &row);
}

static int put_real(struct plan *p, const struct service_config *s, uint32_t service,
		    const struct real_config *c, const struct real_fact *f)
{
	bool usable = real_usable(s, c, f);
	struct proxy_real row = {
		.ip = c->ip,
		.service = service,
		.weight = usable ? real_weight(c, f) : 0,
		.port = c->port,
		.flags = (usable ? PROXY_REAL_USABLE : 0) |
			 (real_resets(s, f) ? PROXY_REAL_RESET : 0) |
			 (c->backup ? PROXY_REAL_BACKUP : 0),
	};

	strncpy(row.name, c->name, sizeof(row.name) - 1);
	return plan_put(p, PLAN_PROXY_REALS, &f->id, &row);
}

static int put_listeners(struct plan *p, const struct service_config *s, uint32_t service,
			 const struct addr *vip)
{
	struct proxy_endpoint key = {.vip = *vip};
	int err = 0;

	for (size_t r = 0; r < s->port_range_count; r++)
		for (uint32_t port = s->ports[r].first; !err && port <= s->ports[r].last; port++) {
			key.port = port;
			err = plan_put(p, PLAN_LISTENERS, &key, &service);
		}
	return err;
}

/* TProxy: the real's answers are for its client's address, and have to be led into this host. */
static int put_divert(struct plan *p, const struct service_config *s, const struct real_config *c,
		      const struct real_fact *f, uint32_t table)
{
	const struct row_local_route route = {
		.family = addr_is_v4(&c->ip) ? AF_INET : AF_INET6,
		.table = table,
	};
	uint32_t none = 0;
	int err;

	if (s->l7.source != PROXY_SOURCE_CLIENT || !f->ifindex)
		return 0;
	err = plan_put(p, PLAN_LOCAL_ROUTES, &route, &none);
	return err ? err : plan_put(p, PLAN_DIVERTS, &f->ifindex, &none);
}

int desire_put_l7(struct plan *p, const struct service_config *s, const struct service_fact *f,
		  const struct facts *facts)
{
	int err = put_service(p, s, f->id);
	uint32_t none = 0;

	for (size_t i = 0; !err && i < s->real_count; i++) {
		err = put_real(p, s, f->id, &s->reals[i], &f->reals[i]);
		if (!err)
			err = put_divert(p, s, &s->reals[i], &f->reals[i], facts->local_table);
	}
	for (size_t i = 0; !err && i < s->vip_count; i++) {
		err = put_listeners(p, s, f->id, &s->vips[i]);
		if (!err && facts->active)
			err = plan_put(p, PLAN_ADDRESSES, &s->vips[i], &none);
	}
	return err;
}
