/* SPDX-License-Identifier: GPL-2.0-only */
/* The rules for what only l7-http has: redirects, rewriting, pages. */
#include <string.h>

#include "base/alloc.h"
#include "core/config_draft.h"

/* A service that redirects answers by itself: what is said about servers would be ignored. */
static void rule_redirect(struct config_reading *r, const struct service_config *s,
			  const struct yaml_node *n)
{
	const struct {
		const char *key;
		bool said;
	} keys[] = {
		{"reals",         s->real_count                          },
		{"check",         true				   },
		{"routes",        s->l7.route_count                      },
		{"persistence",   s->persist.source || *s->persist.cookie},
		{"slow_start",    s->slow_start                          },
		{"rewrite",       s->l7.rewrite_count                    },
		{"redirect_root", *s->l7.redirect_root                   },
	};

	for (size_t i = 0; i < ARRAY_COUNT(keys); i++) {
		const struct yaml_node *key = keys[i].said ? yaml_get(n, keys[i].key) : NULL;

		if (key)
			config_say_label(r, key, "is not used where redirect sends clients away");
	}
	if (s->real_count && s->reals[s->real_count - 1].backup)
		config_say_label(r, yaml_get(n, "backup"),
				 "is not used where redirect sends clients away");
	if (s->l7.tls.certificate_count)
		config_say_label(r, yaml_get(n, "redirect"),
				 "would lead to itself: tls makes this service https already");
}

/* The node of a list's entry that came earlier, in step with the list's items; NULL: none. */
static const struct yaml_node *entry(const struct yaml_node *list, size_t index)
{
	const struct yaml_node *n = yaml_first(list);

	while (index--)
		n = yaml_next(list, n);
	return n;
}

static void rule_rewrites(struct config_reading *r, const struct service_config *s,
			  const struct yaml_node *n)
{
	const struct yaml_node *list = yaml_get(n, "rewrite");

	for (size_t i = 0; i < s->l7.rewrite_count; i++) {
		const struct rewrite_config *w = &s->l7.rewrites[i];

		if (*w->from && !strcmp(w->from, w->to))
			config_say(r, entry(list, i), "changes nothing");
		for (size_t j = 0; *w->from && j < i; j++)
			if (!strcmp(s->l7.rewrites[j].from, w->from))
				config_say(r, entry(list, i), "is never used: line %u is for %s",
					   entry(list, j)->place.line, w->from);
	}
}

static void rule_root(struct config_reading *r, const struct service_config *s,
		      const struct yaml_node *n)
{
	if (*s->l7.redirect_root && !strcmp(s->l7.redirect_root, "/"))
		config_say(r, yaml_get(n, "redirect_root"), "would lead to itself");
}

static void rule_forwarded(struct config_reading *r, const struct service_config *s,
			   const struct yaml_node *n)
{
	const struct yaml_node *list = yaml_get(n, "trust_forwarded_from");
	bool names_some = list && list->kind == YAML_LIST && list->count;

	if (s->l7.forwarded_for == PROXY_FORWARDED_KEEP && !s->l7.trust.count && !names_some)
		config_say(r, yaml_get(n, "forwarded_for"),
			   "keep needs to know whose word is kept (like trust_forwarded_from: "
			   "[10.0.0.0/8])");
}

void config_rules_http(struct config_reading *r, const struct service_config *s,
		       const struct yaml_node *n)
{
	if (service_is_redirect(s))
		rule_redirect(r, s, n);
	rule_rewrites(r, s, n);
	rule_root(r, s, n);
	rule_forwarded(r, s, n);
}
