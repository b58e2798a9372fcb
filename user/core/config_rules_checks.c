/* SPDX-License-Identifier: GPL-2.0-only */
/* The rules for health checks: which keys go with which type, and what each type needs. */
#include <string.h>

#include "base/buf.h"
#include "core/config_decode.h"
#include "core/config_draft.h"
#include "core/schema.h"

static const struct schema_row *check_rows(void)
{
	const struct schema_row *services = schema_find(schema_root, "services");

	return schema_find(services->sub, "check")->sub;
}

static void say_wrong_type(struct config_reading *r, const struct yaml_node *key,
			   const struct schema_row *row, enum check_type type)
{
	struct buf types = {0};

	for (unsigned int t = 0; t < CHECK_TYPE_COUNT; t++)
		if (row->for_types & (1u << t))
			buf_printf(&types, "%s%s", types.len ? ", " : "",
				   check_type_name((enum check_type)t));
	config_say_label(r, key, "does not belong to type %s (only to %s)", check_type_name(type),
			 buf_text(&types));
	buf_free(&types);
}

/* Keys of another type would be ignored, which is worse than an error. `verify: none` is neutral.
 */
static void rule_keys(struct config_reading *r, const struct check_config *c,
		      const struct yaml_node *n)
{
	for (const struct yaml_node *key = n->first; key; key = key->next) {
		const struct schema_row *row = schema_find(check_rows(), key->key);

		if (!row || !row->for_types || (row->for_types & (1u << c->type)))
			continue;
		if (!strcmp(key->key, "verify") && !strcmp(key->text, "none"))
			continue;
		if (row->neutral && config_lists_word(row->neutral, key->text))
			continue;
		say_wrong_type(r, key, row, c->type);
	}
}

static void rule_needs(struct config_reading *r, const struct check_config *c,
		       const struct yaml_node *n)
{
	if (c->type == CHECK_TCP && !c->step_count && !yaml_get(n, "steps"))
		config_say_missing(r, n, "steps",
				   "a tcp check needs steps (steps: [{expect: \"220\"}]), or is "
				   "type connect");
	else if (c->type == CHECK_TCP && !c->step_count)
		config_say(r, yaml_get(n, "steps"), "a tcp check needs at least one step");
	for (size_t i = 0; i < c->step_count; i++)
		if (!*c->steps[i].expect && !*c->steps[i].send)
			config_say(r, yaml_get(n, "steps"), "step %zu neither expects nor sends",
				   i + 1);
	if (c->verify && !yaml_get(n, "ca"))
		config_say_missing(r, n, "ca", "verify: ca needs it (like ca: /etc/lbxdp/ca.pem)");
	if (!c->verify && *c->ca)
		config_say(r, yaml_get(n, "ca"), "is not used without verify: ca");
	if (c->fast_interval > c->interval)
		config_say(r, yaml_get(n, "fast_interval"), "is longer than the interval");
}

static bool asks_tcp(enum check_type t)
{
	return t != CHECK_PING && t != CHECK_ON && t != CHECK_OFF;
}

/* Is there a real that is asked on each port of the service? At layer 7 one with a port of its own
 * is not. */
static bool asks_each_port(const struct service_config *s)
{
	for (size_t i = 0; i < s->real_count; i++)
		if (!s->reals[i].port)
			return true;
	return false;
}

static void rule_ports(struct config_reading *r, const struct service_config *s,
		       const struct check_config *c, const struct yaml_node *n)
{
	uint32_t ports = 0;

	if (!asks_tcp(c->type) || c->port)
		return;
	for (size_t i = 0; i < s->port_range_count; i++)
		ports += (uint32_t)(s->ports[i].last - s->ports[i].first) + 1;
	if (s->protocol == IPPROTO_UDP)
		config_say(r, n,
			   "type %s speaks TCP and the service UDP: name a port: for it, or take "
			   "type ping",
			   check_type_name(c->type));
	else if (ports > 16 && asks_each_port(s))
		config_warn(r, n, "asks the first 16 of %u ports only (port: names one)", ports);
}

/* R88: who is asked by a VIP needs one of its own IP version. */
static void rule_via(struct config_reading *r, const struct service_config *s,
		     const struct check_config *c, const struct yaml_node *n)
{
	const struct yaml_node *via = yaml_get(n, "via");

	if (c->via != VIA_VIP || service_is_l7(s))
		return;
	for (size_t i = 0; i < s->real_count; i++) {
		const struct real_config *real = &s->reals[i];

		if (real->backup || addr_is_unspecified(&real->ip) || service_via(s, real, 0))
			continue;
		config_say(r, via,
			   "real server %.64s has an IPv%d address and the service no IPv%d VIP to "
			   "ask it by (via: rip)",
			   real->name, addr_is_v4(&real->ip) ? 4 : 6,
			   addr_is_v4(&real->ip) ? 4 : 6);
		return;
	}
}

/* True when the check's own type could be read. */
static bool knows_type(const struct yaml_node *check)
{
	const struct yaml_node *type = yaml_get(check, "type");

	return !type || check_type_parse(type->text) >= 0;
}

void config_rules_checks(struct config_reading *r, const struct service_config *s,
			 const struct yaml_node *n)
{
	const struct yaml_node *list = yaml_get(n, "check"), *check = yaml_first(list);

	for (size_t i = 0; i < s->check_count; i++) {
		const struct yaml_node *where = check ? check : n;

		if (check && check->kind == YAML_MAP && knows_type(check)) {
			rule_keys(r, &s->checks[i], check);
			rule_needs(r, &s->checks[i], check);
			rule_via(r, s, &s->checks[i], check);
		}
		if (!check || knows_type(check))
			rule_ports(r, s, &s->checks[i], where);
		check = check ? yaml_next(list, check) : NULL;
	}
}
