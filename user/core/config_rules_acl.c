/* SPDX-License-Identifier: GPL-2.0-only */
/* Who may use a service: both lists become one, and a list that shuts everybody out is pointed at.
 */
#include "core/config_draft.h"

static const struct addr *vip_of_family(const struct service_config *s, bool v4)
{
	for (size_t i = 0; i < s->vip_count; i++)
		if (addr_is_v4(&s->vips[i]) == v4 && !addr_is_unspecified(&s->vips[i]))
			return &s->vips[i];
	return NULL;
}

static void rule_somebody(struct config_reading *r, const struct service_config *s,
			  const struct yaml_node *n)
{
	const struct yaml_node *list =
		yaml_get(n, s->allow_from.count ? "allow_from" : "deny_from");
	char text[ADDR_TEXT_LEN];

	for (int v4 = 0; v4 < 2; v4++) {
		const struct addr *vip = vip_of_family(s, v4);

		if (vip && !acl_allows_any(s->acl, v4))
			config_warn(r, list, "no IPv%d address is allowed: nobody can use %s",
				    v4 ? 4 : 6, addr_format(vip, text));
	}
}

void config_rules_acl(struct config_reading *r, struct service_config *s, const struct yaml_node *n)
{
	size_t count = s->allow_from.count + s->deny_from.count;

	if (!count)
		return;
	if (count > LB_ACL_SERVICE_MAX) {
		config_say(r, yaml_get(n, "deny_from"),
			   "%zu prefixes with those of allow_from; a service has at most %d", count,
			   LB_ACL_SERVICE_MAX);
		return;
	}
	s->acl = acl_new(&s->allow_from, &s->deny_from, r->arena);
	rule_somebody(r, s, n);
}
