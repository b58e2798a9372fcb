/* SPDX-License-Identifier: GPL-2.0-only */
/* Rules of address translation: one family, and a pool that is nobody else's. */
#include <string.h>

#include "core/config_draft.h"
#include "core/prefix.h"

static bool is_readable(const struct addr *a)
{
	return !addr_is_unspecified(a);
}

/* The address whose family the service has: its first VIP that could be read. */
static const struct addr *vip_of(const struct service_config *s)
{
	for (size_t i = 0; i < s->vip_count; i++)
		if (is_readable(&s->vips[i]))
			return &s->vips[i];
	return NULL;
}

/* Returns whether a is of vip's family, or neither is known. */
static bool rule_family(struct config_reading *r, const struct service_config *s,
			const struct yaml_node *n, const struct addr *vip, const struct addr *a)
{
	char text[ADDR_TEXT_LEN], other[ADDR_TEXT_LEN];

	if (!vip || !is_readable(a) || addr_is_v4(vip) == addr_is_v4(a))
		return true;
	config_say(r, n,
		   "%s is IPv%d and VIP %s is not: %s translates within one IP version (make a "
		   "service for each)",
		   addr_format(a, text), addr_is_v4(a) ? 4 : 6, addr_format(vip, other),
		   mode_name(s->mode));
	return false;
}

static void rule_families(struct config_reading *r, const struct service_config *s,
			  const struct yaml_node *n)
{
	const struct yaml_node *real = config_first_real(n);
	const struct addr *vip = vip_of(s);
	bool good = true;

	for (size_t i = 0; good && i < s->vip_count; i++)
		good = rule_family(r, s, yaml_get(n, "vip"), vip, &s->vips[i]);
	for (size_t i = 0; good && i < s->real_count; i++, real = config_next_real(n, real))
		good = rule_family(r, s, yaml_get(real, "ip"), vip, &s->reals[i].ip);
	for (size_t i = 0; good && i < s->pool_count; i++)
		good = rule_family(r, s, yaml_get(n, "source_pool"), vip, &s->pool[i]);
}

/* The next address; what is behind the last one is not asked for. */
static void step(struct addr *a)
{
	for (size_t i = sizeof(a->byte); i-- && !++a->byte[i];)
		;
}

/* The prefixes one by one. Returns how many addresses they are, up to one too many. */
static size_t expand(const struct acl_prefixes *from, struct addr out[LB_POOL_MAX])
{
	size_t count = 0;

	for (size_t i = 0; i < from->count; i++) {
		unsigned int bits = PREFIX_BITS - from->at[i].len;
		struct addr a = from->at[i].addr;

		if (bits > 4)
			return LB_POOL_MAX + 1;
		for (unsigned int j = 0; j < 1u << bits; j++, step(&a)) {
			if (count == LB_POOL_MAX)
				return LB_POOL_MAX + 1;
			out[count++] = a;
		}
	}
	return count;
}

static void make_pool(struct config_reading *r, struct service_config *s, const struct yaml_node *n)
{
	struct addr *pool = arena_alloc(r->arena, LB_POOL_MAX, sizeof(*pool));
	size_t count = expand(&s->source_pool, pool);

	if (count > LB_POOL_MAX) {
		config_say(r, n,
			   "more than %d addresses (a network counts with all that are in it)",
			   LB_POOL_MAX);
		return;
	}
	s->pool = pool;
	s->pool_count = count;
}

static bool is_own(const struct config_reading *r, const struct addr *a)
{
	for (size_t i = 0; r->in->net && i < r->in->net->address_count; i++)
		if (addr_equal(&r->in->net->addresses[i], a))
			return true;
	return false;
}

static const struct real_config *real_at(const struct service_config *s, const struct addr *a)
{
	for (size_t i = 0; i < s->real_count; i++)
		if (addr_equal(&s->reals[i].ip, a))
			return &s->reals[i];
	return NULL;
}

/* What this host or another has would answer there, or lose what is for it. */
static void rule_unused(struct config_reading *r, const struct service_config *s,
			const struct yaml_node *n)
{
	char text[ADDR_TEXT_LEN];

	for (size_t i = 0; i < s->pool_count; i++) {
		const struct real_config *real = real_at(s, &s->pool[i]);

		if (real)
			config_say(r, n, "%s is the address of real server %.64s",
				   addr_format(&s->pool[i], text), real->name);
		else if (is_own(r, &s->pool[i]))
			config_say(r, n,
				   "%s is this host's own address; one that nothing uses belongs "
				   "here",
				   addr_format(&s->pool[i], text));
	}
}

/* What was said wrongly was complained about where it stands. */
static bool says_none(const struct yaml_node *pool)
{
	return !pool || yaml_is_blank(pool) ||
	       (pool->kind == YAML_WORD && !strcmp(pool->text, "none"));
}

void config_rules_nat(struct config_reading *r, struct service_config *s, const struct yaml_node *n)
{
	const struct yaml_node *pool = yaml_get(n, "source_pool");

	if (s->source_pool.count)
		make_pool(r, s, pool);
	else if (s->mode == MODE_L4_SNAT && says_none(pool))
		config_say_missing(r, n, "source_pool",
				   "is missing (like source_pool: 192.168.30.9)");
	rule_families(r, s, n);
	rule_unused(r, s, pool);
}
