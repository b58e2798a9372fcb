/* SPDX-License-Identifier: GPL-2.0-only */
/* What no single value can show: doubles, overlaps, networks, limits. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "core/config_draft.h"
#include "core/config_value.h"
#include "lbxdp/abi.h"

/* One VIP with one range of ports, for finding overlaps by sorting. */
struct claim {
	struct addr vip;
	uint8_t protocol;
	struct port_range ports;
	const struct service_config *service;
	const struct yaml_node *node; /* of the service */
};

struct claims {
	struct claim *at; /* sorted */
	size_t count;
};

/* A mode that is not supported was refused where it stands; its other keys follow other rules. */
static bool has_known_mode(const struct yaml_node *n)
{
	const struct yaml_node *mode = yaml_get(n, "mode");

	for (unsigned int m = 0; mode && m < MODE_COUNT; m++)
		if (!strcmp(mode->text, mode_name((enum service_mode)m)))
			return true;
	return !mode;
}

static bool is_missing_interface(const struct config_net *net, const char *name)
{
	for (size_t i = 0; i < net->interface_count; i++)
		if (!strcmp(net->interfaces[i], name))
			return false;
	return true;
}

static void say_missing_interface(struct config_reading *r, const struct yaml_node *n,
				  const char *name)
{
	const struct config_net *net = r->in->net;
	const char *meant = config_suggest(name, net->interfaces, net->interface_count);
	const char *hint = meant ? arena_printf(r->arena, " (did you mean %s?)", meant) : "";

	if (net->missing_ok)
		config_warn(r, n, "this host has no interface %s%s", name, hint);
	else
		config_say(r, n, "this host has no interface %s%s", name, hint);
}

/* Returns false when an interface is missing or none is named: R3 cannot be judged then. */
static bool rule_interfaces(struct config_reading *r)
{
	const struct model *m = &r->draft->model;
	const struct yaml_node *list = yaml_get(yaml_get(r->root, "node"), "interfaces");
	const struct yaml_node *n = yaml_first(list);
	bool complete = true;

	for (size_t i = 0; i < m->node.interface_count; i++, n = yaml_next(list, n)) {
		for (size_t j = 0; j < i; j++)
			if (!strcmp(m->node.interfaces[i], m->node.interfaces[j]))
				config_say(r, n, "%s stands here twice", m->node.interfaces[i]);
		if (!r->in->net || !is_missing_interface(r->in->net, m->node.interfaces[i]))
			continue;
		say_missing_interface(r, n, m->node.interfaces[i]);
		complete = false;
	}
	for (size_t i = 0; r->in->net && i < r->in->extra_interface_count; i++) {
		if (!is_missing_interface(r->in->net, r->in->extra_interfaces[i]))
			continue;
		say_missing_interface(r, r->root, r->in->extra_interfaces[i]);
		complete = false;
	}
	if (m->node.interface_count || r->in->extra_interface_count)
		return complete;
	config_warn(r, list ? list : r->root,
		    "no interface is named (node: {interfaces: [eth0]}, or lbxdp up eth0)");
	return false;
}

/* "eth0, eth1: 192.168.30.0/24, 10.0.0.0/8", the first few of each. */
static const char *networks_text(struct config_reading *r)
{
	enum { SHOWN = 8 };
	const struct model *m = &r->draft->model;
	const struct config_net *net = r->in->net;
	struct buf b = {0};
	const char *text;
	char address[ADDR_TEXT_LEN];

	for (size_t i = 0; i < m->node.interface_count && i < SHOWN; i++)
		buf_printf(&b, "%s%s", b.len ? ", " : "", m->node.interfaces[i]);
	for (size_t i = 0; i < r->in->extra_interface_count && i < SHOWN; i++)
		buf_printf(&b, "%s%s", b.len ? ", " : "", r->in->extra_interfaces[i]);
	buf_puts(&b, net->connected_count ? " with" : " without any address");
	for (size_t i = 0; i < net->connected_count && i < SHOWN; i++) {
		const struct prefix *p = &net->connected[i];

		buf_printf(&b, "%s %s/%u", i ? "," : "", addr_format(&p->addr, address),
			   addr_is_v4(&p->addr) ? p->len - 96 : p->len);
	}
	text = arena_strdup(r->arena, buf_text(&b));
	buf_free(&b);
	return text;
}

static bool is_connected(const struct config_net *net, const struct addr *a)
{
	for (size_t i = 0; i < net->connected_count; i++)
		if (prefix_contains(&net->connected[i], a))
			return true;
	return false;
}

const struct yaml_node *config_first_real(const struct yaml_node *service)
{
	const struct yaml_node *reals = yaml_get(service, "reals");

	if (reals && reals->kind == YAML_MAP && reals->first)
		return reals->first;
	return yaml_get(service, "backup");
}

const struct yaml_node *config_next_real(const struct yaml_node *service,
					 const struct yaml_node *real)
{
	if (real->next && real->up != service)
		return real->next;
	return real->up == service ? NULL : yaml_get(service, "backup");
}

/* The node of a real's address; the real's own where that is missing. */
static const struct yaml_node *ip_of(const struct yaml_node *real)
{
	const struct yaml_node *ip = yaml_get(real, "ip");

	return ip ? ip : real;
}

/* R3: the frame goes to the real server's MAC, so it must stand on one of our own networks. */
static void rule_connected(struct config_reading *r, const struct service_config *s,
			   const struct yaml_node *n)
{
	const struct yaml_node *real = config_first_real(n);
	const char *networks = NULL;
	char ip[ADDR_TEXT_LEN];

	for (size_t i = 0; i < s->real_count; i++, real = config_next_real(n, real)) {
		const struct addr *a = &s->reals[i].ip;

		if (addr_is_unspecified(a) || config_is_full(r) || is_connected(r->in->net, a))
			continue;
		if (!networks)
			networks = networks_text(r);
		config_say(r, ip_of(real),
			   "%s is on no network of the attached interfaces (%s); %s reaches only "
			   "neighbours",
			   addr_format(a, ip), networks,
			   s->mode == MODE_L4_DR ? "Direct Routing" : "layer 4");
	}
}

struct placed {
	const struct addr *ip;
	uint16_t port;
	const struct yaml_node *node;
	size_t order;
};

static int by_ip(const void *left, const void *right)
{
	const struct placed *l = left, *r = right;
	int order = memcmp(l->ip, r->ip, sizeof(*l->ip));

	if (order)
		return order;
	if (l->port != r->port)
		return l->port < r->port ? -1 : 1;
	return l->order < r->order ? -1 : 1;
}

/* At layer 7 one machine may serve on several ports. */
static void rule_one_ip(struct config_reading *r, const struct service_config *s,
			const struct yaml_node *n)
{
	struct placed *sorted = xcalloc(s->real_count + 1, sizeof(*sorted));
	const struct yaml_node *real = config_first_real(n);
	char ip[ADDR_TEXT_LEN];
	size_t count = 0, first = 0;

	for (size_t i = 0; i < s->real_count; i++, real = config_next_real(n, real))
		if (!addr_is_unspecified(&s->reals[i].ip))
			sorted[count++] =
				(struct placed){&s->reals[i].ip, s->reals[i].port, ip_of(real), i};
	qsort(sorted, count, sizeof(*sorted), by_ip);
	for (size_t i = 1; i < count; i++) {
		if (!addr_equal(sorted[i].ip, sorted[first].ip) ||
		    sorted[i].port != sorted[first].port)
			first = i;
		else
			config_say(r, sorted[i].node,
				   "%s is already the address of a real server of this service, "
				   "at line %u",
				   addr_format(sorted[i].ip, ip), sorted[first].node->place.line);
	}
	free(sorted);
}

/* Routes may have them all; what only redirects has none, nor has what says so in wrong words. */
static bool needs_reals(const struct service_config *s, const struct yaml_node *n)
{
	const struct yaml_node *redirect = yaml_get(n, "redirect");

	if (service_is_http(s) && redirect && redirect->kind == YAML_MAP && redirect->count)
		return false;
	return s->real_count || !s->l7.route_count;
}

static void rule_reals(struct config_reading *r, const struct service_config *s,
		       const struct yaml_node *n)
{
	const struct yaml_node *real = config_first_real(n);
	uint64_t weight = 0;
	size_t count = 0;

	for (size_t i = 0; i < s->real_count; i++, real = config_next_real(n, real)) {
		if (!s->reals[i].backup && !strcmp(s->reals[i].name, "backup"))
			config_say_label(r, real,
					 "the label is kept for the key backup: beside reals:");
		weight += s->reals[i].weight;
		count += !s->reals[i].backup;
	}
	if (!count && needs_reals(s, n))
		config_say_missing(r, n, "reals",
				   "no real server (like reals: {CAS1: {ip: 192.168.30.20}})");
	else if (count && !weight && !s->reals[s->real_count - 1].backup)
		config_warn(r, yaml_get(n, "reals"), "each weight is 0: no connection is served");
}

void config_rules_reals(struct config_reading *r, const struct service_config *s,
			const struct yaml_node *n)
{
	rule_reals(r, s, n);
	rule_one_ip(r, s, n);
}

static uint64_t endpoint_count(const struct service_config *s)
{
	uint64_t ports = 0;

	for (size_t i = 0; i < s->port_range_count; i++)
		ports += (uint64_t)(s->ports[i].last - s->ports[i].first) + 1;
	return ports * s->vip_count;
}

static int by_claim(const void *left, const void *right)
{
	const struct claim *l = left, *r = right;
	int order = memcmp(&l->vip, &r->vip, sizeof(l->vip));

	if (order)
		return order;
	if (l->protocol != r->protocol)
		return l->protocol < r->protocol ? -1 : 1;
	if (l->ports.first != r->ports.first)
		return l->ports.first < r->ports.first ? -1 : 1;
	return l->service < r->service ? -1 : l->service > r->service;
}

static void add_claims(struct claims *c, const struct service_config *s, const struct yaml_node *n)
{
	size_t more = s->vip_count * s->port_range_count;

	c->at = xrealloc(c->at, c->count + more + 1, sizeof(*c->at));
	for (size_t i = 0; i < s->vip_count; i++) {
		if (addr_is_unspecified(&s->vips[i]))
			continue;
		for (size_t j = 0; j < s->port_range_count; j++)
			c->at[c->count++] = (struct claim){.vip = s->vips[i],
							   .protocol = s->protocol,
							   .ports = s->ports[j],
							   .service = s,
							   .node = n};
	}
}

/* Both are said at the later service, naming the earlier. */
static void say_overlap(struct config_reading *r, const struct claim *one, const struct claim *two)
{
	const struct claim *first = one->service <= two->service ? one : two;
	const struct claim *second = first == one ? two : one;
	uint16_t port = one->ports.first > two->ports.first ? one->ports.first : two->ports.first;
	const struct yaml_node *ports = yaml_get(second->node, "ports");
	char vip[ENDPOINT_TEXT_LEN];

	addr_format_port(&one->vip, port, vip);
	if (first->service == second->service)
		config_say(r, ports, "%s/%s stands in this service twice", vip,
			   protocol_name(one->protocol));
	else
		config_say(r, ports, "%s/%s belongs to service %.64s already, at line %u", vip,
			   protocol_name(one->protocol), first->service->name,
			   first->service->place.line);
}

/* Sorted by first port, only the claim that reaches furthest can overlap the next. */
static void rule_overlaps(struct config_reading *r, const struct claims *c)
{
	const struct claim *far = c->at;
	const struct service_config *said = NULL;

	for (size_t i = 1; i < c->count; i++) {
		const struct claim *next = &c->at[i];
		bool same = !memcmp(&far->vip, &next->vip, sizeof(far->vip)) &&
			    far->protocol == next->protocol;

		if (same && next->ports.first <= far->ports.last && said != next->service) {
			say_overlap(r, far, next);
			said = next->service;
		}
		if (!same || next->ports.last > far->ports.last)
			far = next;
	}
}

static void rule_limits(struct config_reading *r, const struct claims *c, uint64_t endpoints)
{
	const struct model *m = &r->draft->model;
	const struct yaml_node *n = yaml_get(r->root, "services");
	size_t reals = 0, vips = 0, prefixes = 0;

	for (size_t i = 0; i < m->service_count; i++) {
		reals += m->services[i].real_count;
		prefixes += m->services[i].acl ? m->services[i].acl->count : 0;
	}
	for (size_t i = 0; i < c->count; i++)
		vips += !i || memcmp(&c->at[i].vip, &c->at[i - 1].vip, sizeof(c->at->vip)) != 0;
	if (endpoints > LB_ENDPOINTS_MAX)
		config_say(r, n, "%llu pairs of VIP and port in all; this version holds %d",
			   (unsigned long long)endpoints, LB_ENDPOINTS_MAX);
	if (reals >= LB_REALS_MAX)
		config_say(r, n, "%zu real servers in all; this version holds %d", reals,
			   LB_REALS_MAX - 1);
	if (prefixes > LB_ACL_MAX / 2) /* an old and a new list stand side by side for a while */
		config_say(r, n,
			   "%zu prefixes of allow_from and deny_from in all; this version holds %d",
			   prefixes, LB_ACL_MAX / 2);
	if (vips > LB_VIPS_MAX)
		config_say(r, n, "%zu VIPs in all; this version holds %d", vips, LB_VIPS_MAX);
}

/* The first claim of an address, or NULL. */
static const struct claim *find_vip(const struct claims *c, const struct addr *a)
{
	size_t low = 0, high = c->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (memcmp(&c->at[middle].vip, a, sizeof(*a)) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low < c->count && addr_equal(&c->at[low].vip, a) ? &c->at[low] : NULL;
}

static void rule_not_vip(struct config_reading *r, const struct claims *c,
			 const struct service_config *s, const struct yaml_node *n)
{
	const struct yaml_node *real = config_first_real(n);
	char ip[ADDR_TEXT_LEN];

	for (size_t i = 0; i < s->real_count; i++, real = config_next_real(n, real)) {
		const struct claim *found = find_vip(c, &s->reals[i].ip);

		if (found)
			config_say(r, ip_of(real),
				   "%s is a VIP, of service %.64s; a real server's own address "
				   "belongs here",
				   addr_format(&found->vip, ip), found->service->name);
	}
}

static void rule_pool_not_vip(struct config_reading *r, const struct claims *c,
			      const struct service_config *s, const struct yaml_node *n)
{
	char text[ADDR_TEXT_LEN];

	for (size_t i = 0; i < s->pool_count; i++) {
		const struct claim *found = find_vip(c, &s->pool[i]);

		if (found)
			config_say(r, yaml_get(n, "source_pool"),
				   "%s is a VIP, of service %.64s; an address that nothing else "
				   "uses belongs here",
				   addr_format(&found->vip, text), found->service->name);
	}
}

static void rule_routes_not_vip(struct config_reading *r, const struct claims *c,
				const struct service_config *s, const struct yaml_node *n)
{
	const struct yaml_node *list = yaml_get(n, "routes"), *node = yaml_first(list);

	for (size_t i = 0; i < s->l7.route_count; i++, node = yaml_next(list, node))
		rule_not_vip(r, c, &s->l7.routes[i].own, node);
}

static const struct yaml_node *first_service(const struct config_reading *r)
{
	const struct yaml_node *services = yaml_get(r->root, "services");

	return services && services->kind == YAML_MAP ? services->first : NULL;
}

static void rules_of_service(struct config_reading *r, const struct service_config *s,
			     const struct yaml_node *n, bool net_known)
{
	config_rules_acl(r, (struct service_config *)s, n); /* of the draft: ours to fill */
	config_rules_reals(r, s, n);
	config_rules_order(r, s, n);
	if (service_is_nat(s))
		config_rules_nat(r, (struct service_config *)s, n);
	if (service_is_l7(s))
		config_rules_l7(r, s, n);
	else if (net_known)
		rule_connected(r, s, n);
	config_rules_checks(r, s, n);
}

void config_rules(struct config_reading *r)
{
	const struct model *m = &r->draft->model;
	bool net_known = rule_interfaces(r) && r->in->net;
	const struct yaml_node *n = first_service(r);
	struct claims claims = {0};
	uint64_t endpoints = 0;

	for (size_t i = 0; i < m->service_count; i++, n = n->next) {
		if (!has_known_mode(n) || n->kind != YAML_MAP)
			continue;
		config_fill(r, (struct service_config *)&m->services[i], n);
		rules_of_service(r, &m->services[i], n, net_known);
		endpoints += endpoint_count(&m->services[i]);
		if (endpoints <= LB_ENDPOINTS_MAX)
			add_claims(&claims, &m->services[i], n);
	}
	if (claims.count)
		qsort(claims.at, claims.count, sizeof(*claims.at), by_claim);
	rule_overlaps(r, &claims);
	rule_limits(r, &claims, endpoints);
	config_rules_slots(r);
	n = first_service(r);
	for (size_t i = 0; i < m->service_count; i++, n = n->next)
		if (has_known_mode(n) && n->kind == YAML_MAP) {
			rule_not_vip(r, &claims, &m->services[i], n);
			rule_routes_not_vip(r, &claims, &m->services[i], n);
			rule_pool_not_vip(r, &claims, &m->services[i], n);
		}
	free(claims.at);
	config_expand_routes(r);
}
