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

/* The network that a is in: the smallest of those that hold it, but for single addresses, such as a
 * VIP's own on this host. NULL: none. */
static const struct prefix *network_of(const struct config_net *net, const struct addr *a)
{
	const struct prefix *best = NULL;

	for (size_t i = 0; i < net->network_count; i++)
		if (net->networks[i].len < 128 && prefix_contains(&net->networks[i], a) &&
		    (!best || net->networks[i].len > best->len))
			best = &net->networks[i];
	return best;
}

static bool same_network(const struct prefix *a, const struct prefix *b)
{
	return a && b && a->len == b->len && prefix_contains(a, &b->addr);
}

/* R76: on one network a real server answers its client directly, not by this host. */
static void say_one_network(struct config_reading *r, const struct yaml_node *source,
			    const struct addr *vip, const struct real_config *real,
			    const struct prefix *network)
{
	char at[ADDR_TEXT_LEN], ip[ADDR_TEXT_LEN], net[ADDR_TEXT_LEN];

	config_say(r, source,
		   "VIP %s and real server %.64s (%s) are both in %s/%u, where it answers clients "
		   "directly and not by this host: TProxy needs two networks, and this host as the "
		   "real servers' gateway (or mode: l4-dr, which shows the client too)",
		   addr_format(vip, at), real->name, addr_format(&real->ip, ip),
		   addr_format(&network->addr, net),
		   addr_is_v4(&network->addr) ? network->len - 96 : network->len);
}

/* Whether the pair is in order. */
static bool rule_pair(struct config_reading *r, const struct yaml_node *source,
		      const struct addr *vip, const struct real_config *real)
{
	const struct prefix *network = network_of(r->in->net, vip);

	if (!same_network(network, network_of(r->in->net, &real->ip)))
		return true;
	say_one_network(r, source, vip, real, network);
	return false;
}

/* An unspecified address is one that could not be read. */
static bool is_mixed(const struct addr *vip, const struct addr *real)
{
	return addr_is_v4(vip) != addr_is_v4(real) && !addr_is_unspecified(vip) &&
	       !addr_is_unspecified(real);
}

/* One word a service is enough. */
static void rule_client(struct config_reading *r, const struct service_config *s,
			const struct yaml_node *n)
{
	const struct yaml_node *source = yaml_get(n, "source");
	const struct real_config *mixed = NULL;
	bool good = true;

	if (s->l7.source != PROXY_SOURCE_CLIENT)
		return;
	for (size_t i = 0; good && i < s->vip_count; i++)
		for (size_t j = 0; good && j < s->real_count; j++) {
			if (is_mixed(&s->vips[i], &s->reals[j].ip))
				mixed = &s->reals[j];
			else if (r->in->net)
				good = rule_pair(r, source, &s->vips[i], &s->reals[j]);
		}
	if (good && mixed)
		config_warn(r, source,
			    "%.64s has an IPv%d address: clients of the other IP version reach it "
			    "from this host's own address",
			    mixed->name, addr_is_v4(&mixed->ip) ? 4 : 6);
}

void config_rules_l7(struct config_reading *r, const struct service_config *s,
		     const struct yaml_node *n)
{
	if (s->protocol != IPPROTO_TCP)
		config_say(r, yaml_get(n, "protocol"), "layer 7 speaks TCP only");
	rule_listeners(r, s, n);
	rule_source(r, s, n);
	rule_client(r, s, n);
}
