/* SPDX-License-Identifier: GPL-2.0-only */
/* The rule for source: client (R76): answers to a client's own address must come by this host. */
#include "core/config_draft.h"

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

/* Each VIP of s with each real of it or of a route. Stops at an error: one word a service is
 * enough. Returns whether there was none; *mixed: a real that some clients have another IP version
 * than. */
static bool rule_reals(struct config_reading *r, const struct service_config *s,
		       const struct service_config *of, const struct yaml_node *source,
		       const struct real_config **mixed)
{
	bool good = true;

	for (size_t i = 0; good && i < s->vip_count; i++)
		for (size_t j = 0; good && j < of->real_count; j++) {
			if (is_mixed(&s->vips[i], &of->reals[j].ip))
				*mixed = &of->reals[j];
			else if (r->in->net)
				good = rule_pair(r, source, &s->vips[i], &of->reals[j]);
		}
	return good;
}

void config_rules_tproxy(struct config_reading *r, const struct service_config *s,
			 const struct yaml_node *n)
{
	const struct yaml_node *source = yaml_get(n, "source");
	const struct real_config *mixed = NULL;
	bool good;

	if (s->l7.source != PROXY_SOURCE_CLIENT)
		return;
	good = rule_reals(r, s, s, source, &mixed);
	for (size_t i = 0; good && i < s->l7.route_count; i++)
		good = rule_reals(r, s, &s->l7.routes[i].own, source, &mixed);
	if (good && mixed)
		config_warn(r, source,
			    "%.64s has an IPv%d address: clients of the other IP version reach it "
			    "from this host's own address",
			    mixed->name, addr_is_v4(&mixed->ip) ? 4 : 6);
}
