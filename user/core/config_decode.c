/* SPDX-License-Identifier: GPL-2.0-only */
/* The tree to the draft, row by row of the schema. Judges single values; config_rules.c the rest.
 */
#include <string.h>

#include "base/alloc.h"
#include "core/config_decode.h"
#include "core/config_value.h"

/* A label's struct begins so, that one function serves services and reals. */
struct named {
	struct place place;
	const char *name;
};

_Static_assert(offsetof(struct service_config, name) == offsetof(struct named, name),
	       "service_config begins as struct named");
_Static_assert(offsetof(struct real_config, name) == offsetof(struct named, name),
	       "real_config begins as struct named");

static void decode_rows(struct config_reading *r, const struct schema_row *rows,
			const struct yaml_node *n, void *base);

static size_t *counter(const struct schema_row *row, void *base)
{
	return (size_t *)((char *)base + row->counter);
}

/* True when "one or a list" may be gone through; complains about an empty or too long one. */
static bool is_list(struct config_reading *r, const struct schema_row *row,
		    const struct yaml_node *n, bool may_be_empty)
{
	if (n->kind != YAML_LIST)
		return n->kind != YAML_BROKEN;
	if (n->count > row->max)
		config_say(r, n, "more than %u entries", row->max);
	else if (!n->count && !may_be_empty)
		config_say(r, n, "the list is empty");
	return n->count && n->count <= row->max;
}

static void *new_array(struct config_reading *r, const struct schema_row *row, size_t count,
		       size_t size, void *base)
{
	void *array = arena_alloc(r->arena, count + 1, size);

	memcpy(config_field(row, base), &array, sizeof(array));
	return array;
}

/* An entry that is no address stays unspecified, so that entries and nodes keep step. */
static void decode_addresses(struct config_reading *r, const struct schema_row *row,
			     const struct yaml_node *n, void *base)
{
	size_t count = 0;
	struct addr *a;

	if (!is_list(r, row, n, false))
		return;
	a = new_array(r, row, n->kind == YAML_LIST ? n->count : 1, sizeof(*a), base);
	for (const struct yaml_node *i = yaml_first(n); i; i = yaml_next(n, i), count++)
		if (config_is_word(r, i))
			config_is_right(r, i, value_address(i->text, &a[count]));
	*counter(row, base) = count;
}

static void decode_interfaces(struct config_reading *r, const struct schema_row *row,
			      const struct yaml_node *n, void *base)
{
	const char **names = new_array(r, row, 0, sizeof(*names), base);
	size_t count = 0;

	if (!n || !is_list(r, row, n, true))
		return;
	names = new_array(r, row, n->kind == YAML_LIST ? n->count : 1, sizeof(*names), base);
	for (const struct yaml_node *i = yaml_first(n); i; i = yaml_next(n, i)) {
		names[count++] = i->text;
		if (config_is_word(r, i))
			config_is_right(r, i, value_interface(i->text));
	}
	*counter(row, base) = count;
}

static size_t count_ports(const struct yaml_node *n)
{
	size_t count = 0;

	for (const struct yaml_node *i = yaml_first(n); i; i = yaml_next(n, i)) {
		count++;
		for (const char *at = i->text; (at = strchr(at, ',')); at++)
			count++;
	}
	return count;
}

static void decode_ports(struct config_reading *r, const struct schema_row *row,
			 const struct yaml_node *n, void *base)
{
	struct port_range *ports;
	size_t count = 0;

	if (!is_list(r, row, n, false))
		return;
	ports = new_array(r, row, count_ports(n), sizeof(*ports), base);
	for (const struct yaml_node *i = yaml_first(n); i; i = yaml_next(n, i)) {
		const char *at = i->text;

		if (!config_is_word(r, i))
			continue;
		while (config_is_right(r, i, value_port_range(&at, &ports[count]))) {
			count++;
			if (!*at)
				break;
		}
	}
	*counter(row, base) = count;
}

static void decode_map(struct config_reading *r, const struct schema_row *row,
		       const struct yaml_node *n, void *base)
{
	if (n && n->kind == YAML_WORD && config_lists_word(row->neutral, n->text))
		n = NULL;
	decode_rows(r, row->sub, n, base);
}

static void decode_named(struct config_reading *r, const struct schema_row *row,
			 const struct yaml_node *n, void *base)
{
	bool map = n && n->kind == YAML_MAP;
	/* One more than there are, for a backup. */
	char *items =
		new_array(r, row, map && n->count <= row->max ? n->count : 0, row->size, base);
	size_t count = 0;

	if (n && !map && n->kind != YAML_BROKEN && !yaml_is_blank(n))
		config_say(r, n, "a map of label: {...} belongs here");
	if (!map)
		return;
	if (n->count > row->max) {
		config_say(r, n, "%zu entries; this version holds %u", n->count, row->max);
		return;
	}
	for (const struct yaml_node *i = n->first; i; i = i->next) {
		struct named *item = (struct named *)(items + count++ * row->size);
		const char *wrong = value_label(i->key);

		item->place = i->key_place;
		item->name = i->key;
		if (wrong)
			config_say_label(r, i, "the label %s", wrong);
		decode_rows(r, row->sub, i, item);
	}
	*counter(row, base) = count;
}

static void decode_backup(struct config_reading *r, const struct schema_row *row,
			  const struct yaml_node *n, void *base)
{
	struct service_config *s = base;
	/* decode_named left room for it. */
	struct real_config *b = (struct real_config *)&s->reals[s->real_count];

	if (n->kind == YAML_WORD && config_lists_word("none off 0", n->text))
		return;
	b->place = n->key_place;
	b->name = "backup";
	b->backup = true;
	decode_rows(r, row->sub, n, b);
	s->real_count++;
}

static void decode_check(struct config_reading *r, const struct schema_row *row,
			 const struct yaml_node *n, const struct service_config *s,
			 struct check_config *c)
{
	*c = r->draft->check;
	c->place = n ? n->place : s->place;
	c->type = s->protocol == IPPROTO_UDP ? CHECK_PING : CHECK_CONNECT;
	if (n && n->kind == YAML_WORD && !yaml_is_blank(n)) {
		config_say(r, n, "a map belongs here (check: {type: %s})",
			   check_type_parse(n->text) < 0 ? "connect" : n->text);
		n = NULL;
	}
	decode_rows(r, row->sub, n, c);
	if (!yaml_get(n, "fast_interval") && c->fast_interval > c->interval)
		c->fast_interval = c->interval;
}

static void decode_checks(struct config_reading *r, const struct schema_row *row,
			  const struct yaml_node *n, void *base)
{
	struct service_config *s = base;
	struct check_config *checks;
	size_t count = 0;

	if (n && !is_list(r, row, n, false))
		return;
	checks = new_array(r, row, n && n->kind == YAML_LIST ? n->count : 1, row->size, base);
	if (!n)
		decode_check(r, row, NULL, s, &checks[count++]);
	for (const struct yaml_node *i = yaml_first(n); i; i = yaml_next(n, i))
		decode_check(r, row, i, s, &checks[count++]);
	s->check_count = count;
}

static void decode_steps(struct config_reading *r, const struct schema_row *row,
			 const struct yaml_node *n, void *base)
{
	struct check_step *steps;
	size_t count = 0;

	if (n->kind == YAML_WORD || n->kind == YAML_MAP) {
		config_say(r, n, "a list belongs here (steps: [{expect: ...}, {send: ...}])");
		return;
	}
	if (!is_list(r, row, n, true))
		return;
	steps = new_array(r, row, n->count, row->size, base);
	for (const struct yaml_node *i = n->first; i; i = i->next)
		decode_rows(r, row->sub, i, &steps[count++]);
	*counter(row, base) = count;
}

static config_decoder *const decoders[SCHEMA_TYPE_COUNT] = {
	[SCHEMA_MAP] = decode_map,
	[SCHEMA_NAMED] = decode_named,
	[SCHEMA_BACKUP] = decode_backup,
	[SCHEMA_CHECKS] = decode_checks,
	[SCHEMA_STEPS] = decode_steps,
	[SCHEMA_UINT] = config_decode_uint,
	[SCHEMA_DURATION] = config_decode_duration,
	[SCHEMA_WORD] = config_decode_word,
	[SCHEMA_MODE] = config_decode_mode,
	[SCHEMA_TEXT] = config_decode_text,
	[SCHEMA_ESCAPED] = config_decode_escaped,
	[SCHEMA_ADDRESS] = config_decode_address,
	[SCHEMA_ADDRESSES] = decode_addresses,
	[SCHEMA_PREFIXES] = config_decode_prefixes,
	[SCHEMA_INTERFACES] = decode_interfaces,
	[SCHEMA_PORTS] = decode_ports,
	[SCHEMA_LISTEN] = config_decode_listen,
	[SCHEMA_SOURCE] = config_decode_source,
	[SCHEMA_LATER] = config_decode_later,
};

static void refuse_unknown_key(struct config_reading *r, const struct schema_row *rows,
			       const struct yaml_node *n)
{
	const char *keys[64], *meant;
	size_t count = 0;

	for (; rows->key && count < ARRAY_COUNT(keys); rows++)
		keys[count++] = rows->key;
	meant = config_is_full(r) ? NULL : config_suggest(n->key, keys, count);
	if (meant)
		config_say_label(r, n, "unknown key (did you mean %s?)", meant);
	else
		config_say_label(r, n, "unknown key");
}

static bool takes_missing(enum schema_type t)
{
	return t == SCHEMA_MAP || t == SCHEMA_NAMED || t == SCHEMA_CHECKS || t == SCHEMA_INTERFACES;
}

/* A key's default, which also stands where its value is wrong. */
static void decode_default(struct config_reading *r, const struct schema_row *row, void *base)
{
	struct yaml_node usual = {.kind = YAML_WORD, .text = row->fallback, .quoted = true};

	if (row->fallback)
		decoders[row->type](r, row, &usual, base);
	else if (row->usual)
		memcpy(config_field(row, base), (const char *)r->draft + row->usual, row->size);
	else if (takes_missing(row->type))
		decoders[row->type](r, row, NULL, base);
}

/* The value of a key, or NULL where it is missing or belongs to services of another mode. */
static const struct yaml_node *take_key(struct config_reading *r, const struct schema_row *row,
					const struct yaml_node *n)
{
	const struct yaml_node *child = yaml_get(n, row->key);

	if (!child || !row->for_modes || row->for_modes & r->modes)
		return child;
	if (child->kind != YAML_BROKEN && !config_is_neutral(row, child))
		config_say_label(r, child, "%s",
				 row->why ? row->why : "belongs to layer 7 (mode: l7-tcp)");
	return NULL;
}

static void decode_rows(struct config_reading *r, const struct schema_row *rows,
			const struct yaml_node *n, void *base)
{
	if (n && n->kind != YAML_MAP && n->kind != YAML_BROKEN && !yaml_is_blank(n)) {
		config_say(r, n, "a map of keys belongs here");
		n = NULL;
	}
	if (n && n->kind == YAML_BROKEN)
		n = NULL;
	if (n)
		for (const struct yaml_node *i = n->first; i; i = i->next)
			if (!schema_find(rows, i->key))
				refuse_unknown_key(r, rows, i);
	for (; rows->key; rows++) {
		const struct yaml_node *child = take_key(r, rows, n);

		if (rows->fallback || !child)
			decode_default(r, rows, base);
		if (child)
			decoders[rows->type](r, rows, child, base);
		else if (rows->need && n)
			config_say_missing(r, n, rows->key, "is missing (like %s)", rows->need);
	}
}

void config_decode(struct config_reading *r)
{
	decode_rows(r, schema_root, r->root, r->draft);
}
