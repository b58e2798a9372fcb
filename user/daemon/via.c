/* SPDX-License-Identifier: GPL-2.0-only */
/* Checks through a VIP (R88): their tc filter stays in place, and what their failures mean. */
#include "daemon/state.h"

#define REMEDY                                                                                     \
	": does it have the VIP on its loopback interface, and does its service listen there? "    \
	"`lbxdp real-script` prints the commands"

static const char only_vip[] = "answers at its own address but not at the VIP" REMEDY;
static const char not_vip[] = "does not answer at the VIP" REMEDY;

static bool has_via(const struct service_config *s)
{
	for (size_t i = 0; i < s->check_count; i++)
		if (s->checks[i].via == VIA_VIP)
			return true;
	return false;
}

const char *via_warning(struct daemon *d, const struct service_config *s,
			const struct real_config *r, const struct real_fact *f)
{
	bool fails = false, passes = false;
	struct check_spec spec;

	if (f->health != HEALTH_DOWN || !f->has_mac || !has_via(s))
		return NULL;
	for (size_t i = 0; service_check_spec(s, r, i, &spec); i++) {
		const struct check_fact *c = check_fact(d, f->check_ids[i]);

		if (!addr_is_unspecified(&spec.via))
			fails |= c->connect_failed;
		else if (c->seen.health == HEALTH_DOWN)
			return NULL; /* the server itself is in trouble */
		else
			passes |= c->seen.health == HEALTH_UP;
	}
	if (!fails)
		return NULL;
	return passes ? only_vip : not_vip;
}

void via_watch(struct daemon *d)
{
	tproxy_watch_filters(d, PLAN_VIA_FILTERS, FILTER_VIA);
}

void via_warnings(const struct daemon *d, struct buf *out)
{
	if (plan_count(d->actual, PLAN_VIAS) && !net_ports_apart(LB_VIA_PORT_FIRST, UINT16_MAX))
		buf_printf(
			out,
			"net.ipv4.ip_local_port_range reaches into the ports of checks with via: "
			"vip: connections of other programs to the same servers may go to the "
			"VIP too; sysctl -w net.ipv4.ip_local_reserved_ports=%u-%u (added to "
			"what is there)\n",
			(unsigned int)LB_VIA_PORT_FIRST, UINT16_MAX);
}
