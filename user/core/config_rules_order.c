/* SPDX-License-Identifier: GPL-2.0-only */
/* The rules for who gets a new connection, at either layer: limits, persistence, slow start, one
 * packet at a time. */
#include <string.h>

#include "base/alloc.h"
#include "core/config_draft.h"

void config_say_unused(struct config_reading *r, const struct yaml_node *n, const char *key,
		       const char *without)
{
	const struct yaml_node *child = yaml_get(n, key);

	if (child)
		config_say_label(r, child, "is not used without %s", without);
}

/* R43 */
static void rule_connections(struct config_reading *r, const struct real_config *c,
			     const struct yaml_node *n)
{
	const struct yaml_node *least = yaml_get(n, "min_connections");

	if (!least || !c->min_connections)
		return;
	if (!c->max_connections)
		config_say_unused(r, n, "min_connections", "max_connections");
	else if (c->min_connections > c->max_connections)
		config_say(r, least, "is above max_connections, %u", c->max_connections);
}

void config_rules_connections(struct config_reading *r, const struct service_config *s,
			      const struct yaml_node *n)
{
	const struct yaml_node *real = config_first_real(n);

	for (size_t i = 0; i < s->real_count; i++, real = config_next_real(n, real))
		rule_connections(r, &s->reals[i], real);
}

static void rule_cookie(struct config_reading *r, const struct service_config *s,
			const struct yaml_node *map)
{
	if (s->persist.secure && !s->l7.tls.certificate_count)
		config_warn(r, yaml_get(map, "secure"),
			    "browsers send the cookie over TLS only, which does not end here");
	if (s->persist.same_site == PROXY_SAME_SITE_NONE && !s->persist.secure)
		config_warn(r, yaml_get(map, "same_site"),
			    "browsers refuse such a cookie without secure: on");
}

static void rule_persistence(struct config_reading *r, const struct service_config *s,
			     const struct yaml_node *n)
{
	static const char *const of_cookie[] = {"secure", "http_only", "same_site"};
	const struct yaml_node *map = yaml_get(n, "persistence");
	bool source = s->persist.source, cookie = *s->persist.cookie;

	if (!map || map->kind != YAML_MAP || !map->count)
		return;
	if (source && cookie)
		config_say(r, map, "names a source and a cookie; one of them keeps a client");
	if (!source && !cookie && !yaml_get(map, "source") && !yaml_get(map, "source6") &&
	    !yaml_get(map, "cookie"))
		config_say(r, map, "names neither source nor cookie");
	if (cookie && !source)
		config_say_unused(r, map, "timeout", "source");
	for (size_t i = 0; source && !cookie && i < ARRAY_COUNT(of_cookie); i++)
		config_say_unused(r, map, of_cookie[i], "cookie");
	if (cookie)
		rule_cookie(r, s, map);
}

/* Routes may have a scheduler of their own. */
static bool can_start_slowly(const struct service_config *s)
{
	bool can = !scheduler_hashes(s->scheduler);

	for (size_t i = 0; i < s->l7.route_count; i++) {
		const struct route_config *route = &s->l7.routes[i];

		can |= route->has_scheduler && !scheduler_hashes(route->own.scheduler);
	}
	return can;
}

static void rule_slow_start(struct config_reading *r, const struct service_config *s,
			    const struct yaml_node *n)
{
	if (s->slow_start && !can_start_slowly(s))
		config_warn(r, yaml_get(n, "slow_start"), "is not used with scheduler: %s",
			    scheduler_name(s->scheduler));
}

static void rule_one_packet(struct config_reading *r, const struct service_config *s,
			    const struct yaml_node *n)
{
	const struct yaml_node *real = config_first_real(n);

	if (!s->one_packet)
		return;
	if (s->protocol != IPPROTO_UDP)
		config_say(r, yaml_get(n, "one_packet"), "is for datagrams (protocol: udp)");
	for (size_t i = 0; i < s->real_count; i++, real = config_next_real(n, real))
		if (s->reals[i].max_connections)
			config_say_label(r, yaml_get(real, "max_connections"),
					 "is not used with one_packet: on, which makes no "
					 "connections");
	if (s->scheduler == SCHEDULER_LC || s->scheduler == SCHEDULER_WLC)
		config_say(r, yaml_get(n, "scheduler"),
			   "%s counts connections, and one_packet: on makes none",
			   scheduler_name(s->scheduler));
}

void config_rules_order(struct config_reading *r, const struct service_config *s,
			const struct yaml_node *n)
{
	config_rules_connections(r, s, n);
	rule_persistence(r, s, n);
	rule_slow_start(r, s, n);
	rule_one_packet(r, s, n);
}
