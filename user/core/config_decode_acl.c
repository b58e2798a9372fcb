/* SPDX-License-Identifier: GPL-2.0-only */
/* allow_from and deny_from: a list as long as a country's, so it grows as it is read. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "core/config_decode.h"
#include "core/config_value.h"

struct growing {
	struct prefix *at;
	size_t count, room;
};

static void append(struct growing *g, const struct prefix *p, size_t count)
{
	if (g->count + count > g->room) {
		g->room = 2 * (g->count + count);
		g->at = xrealloc(g->at, g->room, sizeof(*g->at));
	}
	memcpy(g->at + g->count, p, count * sizeof(*p));
	g->count += count;
}

/* Where only the bits behind the length are wrong, the network that was meant is known. */
static void say_wrong(struct config_reading *r, const struct yaml_node *n, const char *wrong,
		      const struct prefix *meant, size_t count)
{
	char text[PREFIX_TEXT_LEN];

	if (count)
		config_say(r, n, "%s %s (did you mean %s?)", config_quote(n->text, r->arena), wrong,
			   prefix_format(meant, text));
	else
		config_is_right(r, n, wrong);
}

static void decode_entry(struct config_reading *r, const struct yaml_node *n, struct growing *g)
{
	struct prefix prefixes[PREFIX_RANGE_MAX];
	const char *wrong;
	size_t count;

	if (!config_is_word(r, n))
		return;
	wrong = value_prefixes(n->text, prefixes, &count);
	if (wrong)
		say_wrong(r, n, wrong, prefixes, count);
	else
		append(g, prefixes, count);
}

/* An empty list would read as "nobody" to one and as "no limit" to another. */
static bool is_right_kind(struct config_reading *r, const struct yaml_node *n)
{
	if (n->kind == YAML_LIST && !n->count)
		config_say(r, n, "the list is empty (none: no limit)");
	return n->kind != YAML_BROKEN && (n->kind != YAML_LIST || n->count);
}

/* What was read, unless it is too much. */
static struct acl_prefixes keep(struct config_reading *r, const struct growing *g, uint32_t max)
{
	struct prefix *kept;

	if (!g->count || g->count > max)
		return (struct acl_prefixes){0};
	kept = arena_alloc(r->arena, g->count, sizeof(*kept));
	memcpy(kept, g->at, g->count * sizeof(*kept));
	return (struct acl_prefixes){.at = kept, .count = g->count};
}

void config_decode_prefixes(struct config_reading *r, const struct schema_row *row,
			    const struct yaml_node *n, void *base)
{
	struct growing g = {0};

	if ((n->kind == YAML_WORD && config_lists_word(row->neutral, n->text)) ||
	    !is_right_kind(r, n))
		return;
	for (const struct yaml_node *i = yaml_first(n); i && g.count <= row->max;
	     i = yaml_next(n, i))
		decode_entry(r, i, &g);
	if (g.count > row->max)
		config_say(r, n,
			   "more than %u prefixes (a range counts as the networks it is made of)",
			   row->max);
	*(struct acl_prefixes *)config_field(row, base) = keep(r, &g, row->max);
	free(g.at);
}
