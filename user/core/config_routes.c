/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Routes become pools: services without ports, each behind the one whose route it is, so that
 * checks, orders and reports know them as they know any other (R19, R20).
 */
#include <string.h>

#include "base/map.h"
#include "core/config_draft.h"
#include "core/config_value.h"
#include "lbxdp/abi.h"

static bool has_pool(const struct route_config *r)
{
	return r->has_reals || r->has_check;
}

/* "ews" of /ews/, "owa-auth" of /owa/auth, "mail.example.com-ews" where a host stands too. */
static const char *derived_name(const struct route_config *r, struct arena *a)
{
	const char *path = r->path + strspn(r->path, "/");
	char *name = arena_printf(a, "%s%s%s", r->host, *r->host && *path ? "/" : "", path);
	size_t len = strlen(name);

	while (len && name[len - 1] == '/')
		name[--len] = '\0';
	for (char *at = name; (at = strpbrk(at, "/*"));)
		*at = '-';
	return *name ? name : "all";
}

/* The service that route r of s leads to, made of what both say. */
static struct service_config pool_of(const struct service_config *s, const struct route_config *r,
				     struct arena *a)
{
	struct service_config pool = *s;

	pool.place = r->own.place;
	pool.name =
		arena_printf(a, "%s:%s", s->name, *r->own.name ? r->own.name : derived_name(r, a));
	pool.parent = s;
	pool.ports = NULL;
	pool.port_range_count = 0;
	pool.l7.routes = NULL;
	pool.l7.route_count = 0;
	if (r->has_reals) {
		pool.reals = r->own.reals;
		pool.real_count = r->own.real_count;
	}
	if (r->has_check) {
		pool.checks = r->own.checks;
		pool.check_count = r->own.check_count;
	}
	if (r->has_scheduler)
		pool.scheduler = r->own.scheduler;
	return pool;
}

/* The services of the file, and those with their pools. */
struct expansion {
	struct config_reading *r;
	struct map *names; /* name -> service */
	struct service_config *to;
	size_t count;
};

/* Said where the name comes from. */
static void rule_name(const struct expansion *x, const char *name, const struct yaml_node *route)
{
	const struct yaml_node *own = yaml_get(route, "name"), *at = own ? own : route;
	const struct service_config *same = map_find(x->names, name);
	const char *wrong = value_label(name), *quoted = config_quote(name, x->r->arena);

	if (wrong)
		config_say(x->r, at, "its name %s %s (name: gives it another)", quoted, wrong);
	else if (same)
		config_say(x->r, at,
			   "its name %s is taken already, at line %u (name: gives it another)",
			   quoted, same->place.line);
}

/* Puts service s and its pools behind what is there. */
static void add_service(struct expansion *x, const struct service_config *s,
			const struct yaml_node *n)
{
	const struct yaml_node *list = yaml_get(n, "routes"), *node = yaml_first(list);
	const struct service_config *parent = &x->to[x->count];

	x->to[x->count++] = *s;
	for (size_t i = 0; i < s->l7.route_count; i++, node = yaml_next(list, node)) {
		struct route_config *route = (struct route_config *)&s->l7.routes[i];
		struct service_config pool;

		route->pool = parent;
		if (!has_pool(route))
			continue;
		pool = pool_of(parent, route, x->r->arena);
		rule_name(x, pool.name, node);
		route->pool = &x->to[x->count];
		x->to[x->count] = pool;
		map_put(x->names, pool.name, &x->to[x->count++]);
	}
}

static size_t route_count(const struct model *m)
{
	size_t count = 0;

	for (size_t i = 0; i < m->service_count; i++)
		count += m->services[i].l7.route_count;
	return count;
}

static void rule_limits(const struct expansion *x, const struct yaml_node *services)
{
	size_t reals = 0;

	for (size_t i = 0; i < x->count; i++)
		reals += x->to[i].real_count;
	if (x->count >= LB_SERVICES_MAX)
		config_say(x->r, services,
			   "%zu services and routes with servers or checks of their own; this "
			   "version holds %d",
			   x->count, LB_SERVICES_MAX - 1);
	if (reals >= LB_REALS_MAX)
		config_say(x->r, services,
			   "%zu real servers in all, with those of routes; this version holds %d",
			   reals, LB_REALS_MAX - 1);
}

void config_expand_routes(struct config_reading *r)
{
	struct model *m = &r->draft->model;
	const struct yaml_node *services = yaml_get(r->root, "services");
	const struct yaml_node *n = m->service_count ? services->first : NULL;
	struct expansion x = {.r = r};
	size_t routes = route_count(m);

	if (!routes)
		return;
	x.names = map_new();
	for (size_t i = 0; i < m->service_count; i++)
		map_put(x.names, m->services[i].name, (void *)&m->services[i]);
	x.to = arena_alloc(r->arena, m->service_count + routes + 1, sizeof(*x.to));
	for (size_t i = 0; i < m->service_count; i++, n = n->next)
		add_service(&x, &m->services[i], n);
	rule_limits(&x, services);
	m->services = x.to;
	m->service_count = x.count;
	map_free(x.names);
}
