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

size_t *config_counter(const struct schema_row *row, void *base)
{
	return (size_t *)((char *)base + row->counter);
}

bool config_is_list(struct config_reading *r, const struct schema_row *row,
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

void *config_new_array(struct config_reading *r, const struct schema_row *row, size_t count,
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

	if (!config_is_list(r, row, n, false))
		return;
	a = config_new_array(r, row, n->kind == YAML_LIST ? n->count : 1, sizeof(*a), base);
	for (const struct yaml_node *i = yaml_first(n); i; i = yaml_next(n, i), count++)
		if (config_is_word(r, i))
			config_is_right(r, i, value_address(i->text, &a[count]));
	*config_counter(row, base) = count;
}

static void decode_interfaces(struct config_reading *r, const struct schema_row *row,
			      const struct yaml_node *n, void *base)
{
	const char **names = config_new_array(r, row, 0, sizeof(*names), base);
	size_t count = 0;

	if (!n || !config_is_list(r, row, n, true))
		return;
	names = config_new_array(r, row, n->kind == YAML_LIST ? n->count : 1, sizeof(*names), base);
	for (const struct yaml_node *i = yaml_first(n); i; i = yaml_next(n, i)) {
		names[count++] = i->text;
		if (config_is_word(r, i))
			config_is_right(r, i, value_interface(i->text));
	}
	*config_counter(row, base) = count;
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

	if (!config_is_list(r, row, n, false))
		return;
	ports = config_new_array(r, row, count_ports(n), sizeof(*ports), base);
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
	*config_counter(row, base) = count;
}

static void decode_map(struct config_reading *r, const struct schema_row *row,
		       const struct yaml_node *n, void *base)
{
	bool none = n && (n->kind == YAML_WORD || (n->kind == YAML_MAP && !n->count)) &&
		    config_is_neutral(row, n);

	decode_rows(r, row->sub, none ? NULL : n, base);
}

static void decode_named(struct config_reading *r, const struct schema_row *row,
			 const struct yaml_node *n, void *base)
{
	bool map = n && n->kind == YAML_MAP;
	/* One more than there are, for a backup. */
	char *items = config_new_array(r, row, map && n->count <= row->max ? n->count : 0,
				       row->size, base);
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
	*config_counter(row, base) = count;
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

	if (n && !config_is_list(r, row, n, false))
		return;
	checks =
		config_new_array(r, row, n && n->kind == YAML_LIST ? n->count : 1, row->size, base);
	if (!n)
		decode_check(r, row, NULL, s, &checks[count++]);
	for (const struct yaml_node *i = yaml_first(n); i; i = yaml_next(n, i))
		decode_check(r, row, i, s, &checks[count++]);
	s->check_count = count;
}

/* The list n of maps goes into a new array, which is *items; its length, 0 where it is none. */
static size_t new_list(struct config_reading *r, const struct schema_row *row,
		       const struct yaml_node *n, void *base, char **items)
{
	if (n->kind == YAML_WORD && row->neutral && config_lists_word(row->neutral, n->text))
		return 0;
	if (n->kind == YAML_WORD || n->kind == YAML_MAP) {
		config_say(r, n, "a list belongs here (%s)", row->shape);
		return 0;
	}
	if (!config_is_list(r, row, n, true))
		return 0;
	*items = config_new_array(r, row, n->count, row->size, base);
	*config_counter(row, base) = n->count;
	return n->count;
}

static void decode_list(struct config_reading *r, const struct schema_row *row,
			const struct yaml_node *n, void *base)
{
	char *items;

	if (!new_list(r, row, n, base, &items))
		return;
	for (const struct yaml_node *i = n->first; i; i = i->next, items += row->size)
		decode_rows(r, row->sub, i, items);
}

/* A route decodes into a service of its own, for the sake of its reals and checks. */
static void decode_routes(struct config_reading *r, const struct schema_row *row,
			  const struct yaml_node *n, void *base)
{
	const struct service_config *s = base;
	struct route_config *route;
	char *items;

	if (!new_list(r, row, n, base, &items))
		return;
	route = (struct route_config *)items;
	for (const struct yaml_node *i = n->first; i; i = i->next, route++) {
		route->own.place = i->place;
		route->own.protocol = s->protocol;
		route->own.mode = s->mode;
		route->has_reals = yaml_get(i, "reals");
		route->has_check = yaml_get(i, "check");
		route->has_scheduler = yaml_get(i, "scheduler");
		decode_rows(r, row->sub, i, route);
	}
}

static config_decoder *const decoders[SCHEMA_TYPE_COUNT] = {
	[SCHEMA_MAP] = decode_map,
	[SCHEMA_NAMED] = decode_named,
	[SCHEMA_BACKUP] = decode_backup,
	[SCHEMA_CHECKS] = decode_checks,
	[SCHEMA_LIST] = decode_list,
	[SCHEMA_ROUTES] = decode_routes,
	[SCHEMA_FILE] = config_decode_file,
	[SCHEMA_FILES] = config_decode_files,
	[SCHEMA_PAGES] = config_decode_pages,
	[SCHEMA_HEADERS] = config_decode_headers,
	[SCHEMA_NAMES] = config_decode_names,
	[SCHEMA_LOGGING] = config_decode_logging,
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
	return t == SCHEMA_MAP || t == SCHEMA_NAMED || t == SCHEMA_CHECKS || t == SCHEMA_FILE ||
	       t == SCHEMA_INTERFACES;
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

/* What is said of a key that belongs to other modes. */
static const char *misplaced(const struct schema_row *row)
{
	if (row->why)
		return row->why;
	if (row->for_modes & (1u << MODE_L4_DR))
		return "belongs to layer 4 (mode: l4-dr, l4-nat or l4-snat)";
	return row->for_modes & (1u << MODE_L7_TCP) ? "belongs to layer 7 (mode: l7-tcp or l7-http)"
						    : "belongs to HTTP (mode: l7-http)";
}

/* The value of a key, or NULL where it is missing or belongs to services of another mode. */
static const struct yaml_node *take_key(struct config_reading *r, const struct schema_row *row,
					const struct yaml_node *n)
{
	const struct yaml_node *child = yaml_get(n, row->key);

	if (!child || !row->for_modes || row->for_modes & r->modes)
		return child;
	if (child->kind != YAML_BROKEN && !config_is_neutral(row, child))
		config_say_label(r, child, "%s", misplaced(row));
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
