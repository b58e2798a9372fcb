/* SPDX-License-Identifier: GPL-2.0-only */
/* VIPs that layer 7 no longer serves while sessions on them still run: a reload cuts nothing. */
#include <string.h>

#include "base/log.h"
#include "daemon/state.h"

/* Another instance may have made it: only where this one's maps have the VIP is it ours. */
static void add_address(void *arg, const struct addr *a)
{
	const __u32 other = 1;

	if (plan_find(arg, PLAN_VIPS, a->byte))
		(void)plan_put(arg, PLAN_ADDRESSES, a, &other); /* no memory: it stays behind */
}

void held_kernel_rows(struct net *n, struct plan *actual)
{
	int err = net_own_addresses(n, add_address, actual);

	if (err)
		log_warning("addresses of this host: %s; one that an earlier run left may stay",
			    strerror(-err));
}

static bool serves(const struct service_config *s, const struct addr *vip)
{
	for (size_t i = 0; service_is_l7(s) && i < s->vip_count; i++)
		if (addr_equal(&s->vips[i], vip))
			return true;
	return false;
}

static bool is_served(const struct model *m, const struct addr *vip)
{
	for (size_t i = 0; i < m->service_count; i++)
		if (serves(&m->services[i], vip))
			return true;
	return false;
}

struct candidates {
	struct addr *vip; /* the first `held` of count have a session */
	size_t count, held;
};

static void note_connection(void *arg, const struct addr *local)
{
	struct candidates *c = arg;

	for (size_t i = c->held; i < c->count; i++) {
		struct addr found = c->vip[i];

		if (!addr_equal(&found, local))
			continue;
		c->vip[i] = c->vip[c->held];
		c->vip[c->held++] = found;
		return;
	}
}

void gather_held(struct daemon *d, struct facts *f, struct arena *a)
{
	size_t rows = plan_count(d->actual, PLAN_ADDRESSES);
	struct candidates c = {.vip = arena_alloc(a, rows + 1, sizeof(*c.vip))};
	int err = 0;

	for (size_t i = 0; i < rows; i++) {
		struct addr vip;

		memcpy(&vip, plan_key(d->actual, PLAN_ADDRESSES, i), sizeof(vip));
		if (!is_served(d->model, &vip))
			c.vip[c.count++] = vip;
	}
	if (c.count)
		err = net_connections(note_connection, &c);
	if (err)
		log_warning("sessions on VIPs that go: cannot list them: %s", strerror(-err));
	f->held = c.vip;
	f->held_count = d->held = c.held;
}

static bool has_address(const struct model *m, const struct addr *a)
{
	for (size_t i = 0; i < m->service_count; i++) {
		const struct service_config *s = &m->services[i];

		for (size_t j = 0; j < s->vip_count; j++)
			if (addr_equal(&s->vips[j], a))
				return true;
		for (size_t j = 0; j < s->pool_count; j++)
			if (addr_equal(&s->pool[j], a))
				return true;
	}
	return false;
}

void gather_held_sources(struct daemon *d, struct facts *f, struct arena *a)
{
	size_t rows = plan_count(d->actual, PLAN_VIPS), count = 0;
	struct addr *out = arena_alloc(a, rows + 1, sizeof(*out));

	for (size_t i = 0; i < rows; i++) {
		const struct lb_addr *vip = plan_key(d->actual, PLAN_VIPS, i);

		if (!dataplane_nat_uses(d->dataplane, vip))
			continue;
		memcpy(out[count].byte, vip->byte, sizeof(vip->byte));
		count += !has_address(d->model, &out[count]);
	}
	f->held_sources = out;
	f->held_source_count = d->held_sources = count;
}
