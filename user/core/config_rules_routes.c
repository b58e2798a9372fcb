/* SPDX-License-Identifier: GPL-2.0-only */
/* The rules for routes: what each must name, and that it leads somewhere. */
#include <string.h>
#include <strings.h>

#include "core/config_draft.h"

static void rule_matches(struct config_reading *r, const struct service_config *s,
			 const struct route_config *route, const struct yaml_node *n)
{
	if (*route->host || yaml_get(n, "host"))
		return;
	if (!service_is_http(s))
		config_say_missing(r, n, "host",
				   "with mode l7-tcp the name in the client's TLS decides (like "
				   "host: mail.example.com)");
	else if (!*route->path && !yaml_get(n, "path"))
		config_say(r, n, "names neither path nor host");
}

static bool same_matches(const struct route_config *a, const struct route_config *b)
{
	return !strcasecmp(a->path, b->path) && !strcasecmp(a->host, b->host);
}

/* The first that matches counts. */
static void rule_reached(struct config_reading *r, const struct service_config *s, size_t index,
			 const struct yaml_node *n)
{
	const struct route_config *all = s->l7.routes;

	if (!*all[index].path && !*all[index].host)
		return;
	for (size_t i = 0; i < index; i++) {
		if (!same_matches(&all[i], &all[index]))
			continue;
		config_say(r, n, "is never used: the route at line %u has the same path and host",
			   all[i].own.place.line);
		return;
	}
}

static void rule_leads(struct config_reading *r, const struct service_config *s,
		       const struct route_config *route, const struct yaml_node *n)
{
	if (route->deny && (route->has_reals || route->has_check || route->has_scheduler))
		config_say_label(r, yaml_get(n, "deny"),
				 "lets nobody in; reals, check and scheduler say nothing here");
	if (route->deny)
		return;
	if (!route->has_reals && !s->real_count)
		config_say(r, n, "leads to no real server: neither it nor the service has reals");
	if (route->has_scheduler && !route->has_reals && !route->has_check)
		config_say_label(r, yaml_get(n, "scheduler"), "is not used without reals or check");
}

/* Its checks are judged as those of a service that has its reals. */
static void rule_checks(struct config_reading *r, const struct service_config *s,
			const struct route_config *route, const struct yaml_node *n)
{
	struct service_config asked = *s;

	asked.checks = route->own.checks;
	asked.check_count = route->own.check_count;
	if (route->has_reals) {
		asked.reals = route->own.reals;
		asked.real_count = route->own.real_count;
	}
	config_rules_checks(r, &asked, n);
}

void config_rules_routes(struct config_reading *r, const struct service_config *s,
			 const struct yaml_node *n, config_rule *of_reals)
{
	const struct yaml_node *list = yaml_get(n, "routes"), *node = yaml_first(list);

	for (size_t i = 0; i < s->l7.route_count; i++, node = yaml_next(list, node)) {
		const struct route_config *route = &s->l7.routes[i];

		if (node->kind != YAML_MAP)
			continue;
		rule_matches(r, s, route, node);
		rule_reached(r, s, i, node);
		rule_leads(r, s, route, node);
		if (route->has_reals) {
			config_rules_reals(r, &route->own, node);
			of_reals(r, &route->own, node);
		}
		if (route->has_check)
			rule_checks(r, s, route, node);
	}
}
