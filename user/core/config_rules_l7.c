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

static void rule_reencrypt(struct config_reading *r, const struct real_config *c,
			   const struct yaml_node *n)
{
	if (!c->reencrypt) {
		if (c->verify)
			config_say_unused(r, n, "verify", "reencrypt: on");
		if (*c->ca.path)
			config_say_unused(r, n, "ca", "reencrypt: on");
		if (*c->sni)
			config_say_unused(r, n, "sni", "reencrypt: on");
	} else if (c->verify && !*c->ca.path && !yaml_get(n, "ca")) {
		config_say_missing(r, n, "ca", "verify: ca needs it (like ca: /etc/lbxdp/ca.pem)");
	} else if (!c->verify && *c->ca.path) {
		config_say_unused(r, n, "ca", "verify: ca");
	}
}

static void rule_real_keys(struct config_reading *r, const struct service_config *s,
			   const struct yaml_node *n)
{
	const struct yaml_node *real = config_first_real(n);

	for (size_t i = 0; i < s->real_count; i++, real = config_next_real(n, real))
		rule_reencrypt(r, &s->reals[i], real);
}

/* A route's reals are judged as the service's own. */
static void rule_route_reals(struct config_reading *r, const struct service_config *s,
			     const struct yaml_node *n)
{
	rule_real_keys(r, s, n);
	config_rules_connections(r, s, n);
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
	if (s->persist.source || s->persist.source6) {
		s->persist.source = s->persist.source ? s->persist.source : 32;
		s->persist.source6 = s->persist.source6 ? s->persist.source6 : 128;
	}
	if (*s->persist.cookie && !yaml_get(map, "secure"))
		s->persist.secure = s->l7.tls.certificate_count > 0;
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
	rule_certificates(r, s, n);
	if (service_is_http(s))
		config_rules_http(r, s, n);
	config_rules_routes(r, s, n, rule_route_reals);
}
