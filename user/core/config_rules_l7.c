/* SPDX-License-Identifier: GPL-2.0-only */
/* The rules for services of layer 7: what a listener can be, and a source that can be used. */
#include "core/config_draft.h"

enum { LISTENERS_MAX = 1024 }; /* of one service: each is a socket in each proxy process */

static void rule_listeners(struct config_reading *r, const struct service_config *s,
			   const struct yaml_node *n)
{
	uint64_t count = 0;

	for (size_t i = 0; i < s->port_range_count; i++)
		count += (uint64_t)(s->ports[i].last - s->ports[i].first) + 1;
	count *= s->vip_count;
	if (count > LISTENERS_MAX)
		config_say(r, yaml_get(n, "ports"),
			   "%llu pairs of VIP and port; a layer-7 service listens on at most %d "
			   "(mode: l4-dr has no such limit)",
			   (unsigned long long)count, LISTENERS_MAX);
}

/* An address of the other family is left alone: it serves reals that are added later. Only when no
 * real has its family it is of no use at all. */
static void rule_source(struct config_reading *r, const struct service_config *s,
			const struct yaml_node *n)
{
	bool v4 = addr_is_v4(&s->l7.source_address);

	if (s->l7.source != PROXY_SOURCE_ADDRESS || addr_is_unspecified(&s->l7.source_address))
		return;
	for (size_t i = 0; i < s->real_count; i++)
		if (addr_is_v4(&s->reals[i].ip) == v4 || addr_is_unspecified(&s->reals[i].ip))
			return;
	config_warn(r, yaml_get(n, "source"), "no real server has an IPv%d address to connect to",
		    v4 ? 4 : 6);
}

void config_rules_l7(struct config_reading *r, const struct service_config *s,
		     const struct yaml_node *n)
{
	if (s->protocol != IPPROTO_TCP)
		config_say(r, yaml_get(n, "protocol"), "layer 7 speaks TCP only");
	rule_listeners(r, s, n);
	rule_source(r, s, n);
}
