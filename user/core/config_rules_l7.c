/* SPDX-License-Identifier: GPL-2.0-only */
/* The rules for services of layer 7: what a listener can be, a source that can be used, keys that
 * need others. */
#include <string.h>

#include "base/alloc.h"
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
static bool is_source_of_some(const struct service_config *s, const struct addr *source)
{
	for (size_t i = 0; i < s->real_count; i++)
		if (addr_is_v4(&s->reals[i].ip) == addr_is_v4(source) ||
		    addr_is_unspecified(&s->reals[i].ip))
			return true;
	return addr_is_unspecified(source);
}

static void rule_source(struct config_reading *r, const struct service_config *s,
			const struct yaml_node *n)
{
	const struct yaml_node *list = yaml_get(n, "source"), *node = yaml_first(list);

	for (size_t i = 0; i < s->l7.source_count; i++, node = yaml_next(list, node)) {
		const struct addr *source = &s->l7.source_address[i];

		if (!is_source_of_some(s, source))
			config_warn(r, node, "no real server has an IPv%d address to connect to",
				    addr_is_v4(source) ? 4 : 6);
		for (size_t j = 0; j < i; j++)
			if (addr_equal(source, &s->l7.source_address[j]) &&
			    !addr_is_unspecified(source))
				config_say(r, node, "stands here twice");
	}
}

/* Says of a key of map n that it means nothing as things are. */
static void say_unused(struct config_reading *r, const struct yaml_node *n, const char *key,
		       const char *without)
{
	const struct yaml_node *child = yaml_get(n, key);

	if (child)
		config_say_label(r, child, "is not used without %s", without);
}

static void rule_reencrypt(struct config_reading *r, const struct real_config *c,
			   const struct yaml_node *n)
{
	if (!c->reencrypt) {
		if (c->verify)
			say_unused(r, n, "verify", "reencrypt: on");
		if (*c->ca.path)
			say_unused(r, n, "ca", "reencrypt: on");
		if (*c->sni)
			say_unused(r, n, "sni", "reencrypt: on");
	} else if (c->verify && !*c->ca.path && !yaml_get(n, "ca")) {
		config_say_missing(r, n, "ca", "verify: ca needs it (like ca: /etc/lbxdp/ca.pem)");
	} else if (!c->verify && *c->ca.path) {
		say_unused(r, n, "ca", "verify: ca");
	}
}

/* R43 */
static void rule_connections(struct config_reading *r, const struct real_config *c,
			     const struct yaml_node *n)
{
	const struct yaml_node *least = yaml_get(n, "min_connections");

	if (!least || !c->min_connections)
		return;
	if (!c->max_connections)
		say_unused(r, n, "min_connections", "max_connections");
	else if (c->min_connections > c->max_connections)
		config_say(r, least, "is above max_connections, %u", c->max_connections);
}

static void rule_real_keys(struct config_reading *r, const struct service_config *s,
			   const struct yaml_node *n)
{
	const struct yaml_node *real = config_first_real(n);

	for (size_t i = 0; i < s->real_count; i++, real = config_next_real(n, real)) {
		rule_reencrypt(r, &s->reals[i], real);
		rule_connections(r, &s->reals[i], real);
	}
}

static void rule_persistence(struct config_reading *r, const struct service_config *s,
			     const struct yaml_node *n)
{
	static const char *const of_source[] = {"timeout"};
	static const char *const of_cookie[] = {"secure", "http_only", "same_site"};
	const struct yaml_node *map = yaml_get(n, "persistence");
	bool source = s->l7.persist.source, cookie = *s->l7.persist.cookie;

	if (!map || map->kind != YAML_MAP || !map->count)
		return;
	if (source && cookie)
		config_say(r, map, "names a source and a cookie; one of them keeps a client");
	if (!source && !cookie && !yaml_get(map, "source") && !yaml_get(map, "source6") &&
	    !yaml_get(map, "cookie"))
		config_say(r, map, "names neither source nor cookie");
	for (size_t i = 0; cookie && !source && i < ARRAY_COUNT(of_source); i++)
		say_unused(r, map, of_source[i], "source");
	for (size_t i = 0; source && !cookie && i < ARRAY_COUNT(of_cookie); i++)
		say_unused(r, map, of_cookie[i], "cookie");
	if (cookie && s->l7.persist.secure && !s->l7.tls.certificate_count)
		config_warn(r, yaml_get(map, "secure"),
			    "browsers send the cookie over TLS only, which does not end here");
	if (cookie && s->l7.persist.same_site == PROXY_SAME_SITE_NONE && !s->l7.persist.secure)
		config_warn(r, yaml_get(map, "same_site"),
			    "browsers refuse such a cookie without secure: on");
}

static void rule_certificates(struct config_reading *r, const struct service_config *s,
			      const struct yaml_node *n)
{
	const struct yaml_node *list = yaml_get(yaml_get(n, "tls"), "certificates");
	const struct yaml_node *node = yaml_first(list);

	for (; node; node = yaml_next(list, node))
		for (const struct yaml_node *i = yaml_first(list); i != node;
		     i = yaml_next(list, i))
			if (i->kind == YAML_WORD && node->kind == YAML_WORD &&
			    !strcmp(i->text, node->text))
				config_say(r, node, "stands here twice");
}

void config_fill(struct config_reading *r, struct service_config *s, const struct yaml_node *n)
{
	const struct yaml_node *map = yaml_get(n, "persistence");

	if (!s->l7.request_buffer)
		s->l7.request_buffer = r->draft->model.l7.request_buffer;
	if (s->l7.persist.source || s->l7.persist.source6) {
		s->l7.persist.source = s->l7.persist.source ? s->l7.persist.source : 32;
		s->l7.persist.source6 = s->l7.persist.source6 ? s->l7.persist.source6 : 128;
	}
	if (*s->l7.persist.cookie && !yaml_get(map, "secure"))
		s->l7.persist.secure = s->l7.tls.certificate_count > 0;
}

void config_rules_l7(struct config_reading *r, const struct service_config *s,
		     const struct yaml_node *n)
{
	if (s->protocol != IPPROTO_TCP)
		config_say(r, yaml_get(n, "protocol"), "layer 7 speaks TCP only");
	rule_listeners(r, s, n);
	rule_source(r, s, n);
	config_rules_tproxy(r, s, n);
	rule_real_keys(r, s, n);
	rule_persistence(r, s, n);
	rule_certificates(r, s, n);
	if (service_is_http(s))
		config_rules_http(r, s, n);
	config_rules_routes(r, s, n, rule_real_keys);
}
