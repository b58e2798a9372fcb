/* SPDX-License-Identifier: GPL-2.0-only */
#include "core/yaml.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/alloc.h"

struct builder {
	yaml_parser_t parser;
	const char *text;
	size_t len;
	struct arena *arena;
	struct config_messages *messages;
	struct yaml_node *root, *open; /* open: the list or map that is being filled */
	size_t depth;
	const char *key; /* of the value to come */
	struct place key_place;
	bool stopped;
};

static struct place place_of(const yaml_mark_t *mark)
{
	return (struct place){(unsigned int)mark->line + 1, (unsigned int)mark->column + 1};
}

__attribute__((format(printf, 4, 5))) static void
complain(struct builder *b, struct place at, const struct yaml_node *n, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	config_message_add(b->messages, false, at, n ? yaml_path(n, b->arena) : "", format, args);
	va_end(args);
}

__attribute__((format(printf, 3, 4))) static void stop(struct builder *b, struct place at,
						       const char *format, ...)
{
	va_list args;

	b->stopped = true;
	va_start(args, format);
	config_message_add(b->messages, false, at, "", format, args);
	va_end(args);
}

static void hang_in(struct builder *b, struct yaml_node *n)
{
	struct yaml_node *up = b->open;

	n->up = up;
	n->key = b->key;
	n->key_place = b->key ? b->key_place : n->place;
	b->key = NULL;
	if (!up) {
		b->root = n;
		return;
	}
	n->index = up->count++;
	/* Children are pushed at the front; close_node turns the chain round. */
	n->next = up->first;
	up->first = n;
}

static struct yaml_node *add_node(struct builder *b, enum yaml_kind kind, const yaml_event_t *e)
{
	struct yaml_node *n = arena_alloc(b->arena, 1, sizeof(*n));

	n->kind = kind;
	n->place = place_of(&e->start_mark);
	n->text = "";
	hang_in(b, n);
	return n;
}

static bool awaits_key(const struct builder *b)
{
	return b->open && b->open->kind == YAML_MAP && !b->key;
}

static void refuse_decoration(struct builder *b, const struct yaml_node *n, const void *anchor,
			      const void *tag)
{
	if (anchor)
		complain(b, n->place, n, "anchors (&name) are not allowed here; write it out");
	if (tag)
		complain(b, n->place, n, "tags (!name) are not allowed here; leave it away");
}

static void take_key(struct builder *b, const yaml_event_t *e)
{
	const char *text = (const char *)e->data.scalar.value;

	b->key = arena_strndup(b->arena, text, e->data.scalar.length);
	b->key_place = place_of(&e->start_mark);
	if (strlen(b->key) != e->data.scalar.length)
		complain(b, b->key_place, b->open, "a key holds a NUL character");
	if (e->data.scalar.anchor || e->data.scalar.tag)
		complain(b, b->key_place, b->open, "keys carry no anchors or tags");
}

static void take_scalar(struct builder *b, const yaml_event_t *e)
{
	const char *text = (const char *)e->data.scalar.value;
	struct yaml_node *n;

	if (awaits_key(b)) {
		take_key(b, e);
		return;
	}
	n = add_node(b, YAML_WORD, e);
	n->text = arena_strndup(b->arena, text, e->data.scalar.length);
	n->quoted = e->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
	refuse_decoration(b, n, e->data.scalar.anchor, e->data.scalar.tag);
	if (strlen(n->text) == e->data.scalar.length)
		return;
	complain(b, n->place, n, "the text holds a NUL character");
	n->kind = YAML_BROKEN;
}

static void open_node(struct builder *b, enum yaml_kind kind, const yaml_event_t *e)
{
	struct place at = place_of(&e->start_mark);
	struct yaml_node *n;

	if (awaits_key(b)) {
		stop(b, at, "a key must be a word, not a list or a map");
		return;
	}
	if (++b->depth > YAML_DEPTH_MAX) {
		stop(b, at, "nested deeper than %d levels", YAML_DEPTH_MAX);
		return;
	}
	n = add_node(b, kind, e);
	if (kind == YAML_MAP)
		refuse_decoration(b, n, e->data.mapping_start.anchor, e->data.mapping_start.tag);
	else
		refuse_decoration(b, n, e->data.sequence_start.anchor, e->data.sequence_start.tag);
	b->open = n;
}

static int by_key(const void *left, const void *right)
{
	const struct yaml_node *const *l = left, *const *r = right;
	int order = strcmp((*l)->key, (*r)->key);

	if (order)
		return order;
	return (*l)->index < (*r)->index ? -1 : 1;
}

/* Sorted, so that a map of 10^5 names costs no 10^10 comparisons (F13). */
static void refuse_duplicates(struct builder *b, const struct yaml_node *map)
{
	const struct yaml_node **sorted = xcalloc(map->count + 1, sizeof(*sorted)), *n;
	size_t count = 0, first = 0;

	for (n = map->first; n; n = n->next)
		sorted[count++] = n;
	qsort(sorted, count, sizeof(*sorted), by_key);
	for (size_t i = 1; i < count; i++) {
		if (strcmp(sorted[i]->key, sorted[first]->key))
			first = i;
		else
			complain(b, sorted[i]->key_place, sorted[i],
				 "stands here twice; the first is at line %u",
				 sorted[first]->key_place.line);
	}
	free(sorted);
}

static void close_node(struct builder *b)
{
	struct yaml_node *n = b->open;
	struct yaml_node *turned = NULL;

	for (struct yaml_node *next, *child = (struct yaml_node *)n->first; child; child = next) {
		next = (struct yaml_node *)child->next;
		child->next = turned;
		turned = child;
	}
	n->first = turned;
	if (n->kind == YAML_MAP)
		refuse_duplicates(b, n);
	b->open = (struct yaml_node *)n->up;
	b->depth--;
}

static void take_alias(struct builder *b, const yaml_event_t *e)
{
	struct place at = place_of(&e->start_mark);
	struct yaml_node *n;

	if (awaits_key(b)) {
		stop(b, at, "a key must be a word, not an alias");
		return;
	}
	n = add_node(b, YAML_BROKEN, e);
	complain(b, at, n, "aliases (*name) are not allowed here; write it out");
}

static void open_document(struct builder *b, const yaml_event_t *e)
{
	struct place at = place_of(&e->start_mark);

	if (b->root)
		stop(b, at, "a second document begins; the file must hold one");
	else if (e->data.document_start.tag_directives.start !=
		 e->data.document_start.tag_directives.end)
		complain(b, at, NULL, "%%TAG is not allowed");
}

static void take_event(struct builder *b, const yaml_event_t *e)
{
	switch (e->type) {
	case YAML_DOCUMENT_START_EVENT:
		open_document(b, e);
		break;
	case YAML_SCALAR_EVENT:
		take_scalar(b, e);
		break;
	case YAML_ALIAS_EVENT:
		take_alias(b, e);
		break;
	case YAML_MAPPING_START_EVENT:
		open_node(b, YAML_MAP, e);
		break;
	case YAML_SEQUENCE_START_EVENT:
		open_node(b, YAML_LIST, e);
		break;
	case YAML_MAPPING_END_EVENT:
	case YAML_SEQUENCE_END_EVENT:
		close_node(b);
		break;
	default:
		break;
	}
}

/* The place of a byte, for the reader's errors, which have no mark. */
static struct place place_at_byte(const struct builder *b, size_t offset)
{
	struct place at = {1, 1};

	for (size_t i = 0; i < offset && i < b->len; i++) {
		at.column++;
		if (b->text[i] == '\n')
			at = (struct place){at.line + 1, 1};
	}
	return at;
}

static bool in_address(char c)
{
	return c && strchr("0123456789abcdefABCDEF:.", c);
}

/* The start of a line; columns count characters, which are bytes where addresses stand. */
static const char *line_start(const struct builder *b, unsigned int line)
{
	const char *at = b->text, *end = b->text + b->len;

	for (unsigned int i = 1; i < line && at; i++) {
		at = memchr(at, '\n', (size_t)(end - at));
		at = at ? at + 1 : NULL;
	}
	return at;
}

/* Writes the IPv6 address that the parser tripped over at a place, if it looks like one. */
static bool tripped_address(const struct builder *b, struct place at, char word[48])
{
	const char *start = line_start(b, at.line), *end = b->text + b->len, *from, *to;

	if (!start || (size_t)(end - start) <= at.column)
		return false;
	from = to = start + at.column - 1;
	while (from > start && in_address(from[-1]))
		from--;
	while (to < end && in_address(*to))
		to++;
	if (to - from < 2 || to - from >= 48)
		return false;
	snprintf(word, 48, "%.*s", (int)(to - from), from);
	return strstr(word, "::") != NULL;
}

static bool tripped_tab(const struct builder *b, struct place at)
{
	const char *start = line_start(b, at.line), *end = b->text + b->len;

	return start && (size_t)(end - start) >= at.column && start[at.column - 1] == '\t';
}

static void explain_failure(struct builder *b)
{
	const yaml_parser_t *p = &b->parser;
	struct place at = place_of(&p->problem_mark);
	const char *problem = p->problem ? p->problem : "not YAML";
	char word[48];

	if (p->error == YAML_READER_ERROR)
		stop(b, place_at_byte(b, p->problem_offset), "not YAML: %s", problem);
	else if (tripped_address(b, at, word))
		stop(b, at,
		     "not YAML: %s (an IPv6 address with :: at an end must be quoted: \"%s\")",
		     problem, word);
	else if (tripped_tab(b, at))
		stop(b, at, "not YAML: %s (indent with spaces, not with tabs)", problem);
	else
		stop(b, at, "not YAML: %s%s%s", problem, p->context ? " " : "",
		     p->context ? p->context : "");
}

static void read_events(struct builder *b)
{
	yaml_event_t e;
	/* Editors on Windows put a byte order mark in front. */
	size_t skip = b->len >= 3 && !memcmp(b->text, "\xef\xbb\xbf", 3) ? 3 : 0;
	bool end = false;

	yaml_parser_set_encoding(&b->parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&b->parser, (const unsigned char *)b->text + skip,
				     b->len - skip);
	while (!end && !b->stopped) {
		if (!yaml_parser_parse(&b->parser, &e)) {
			explain_failure(b);
			return;
		}
		end = e.type == YAML_STREAM_END_EVENT;
		take_event(b, &e);
		yaml_event_delete(&e);
	}
}

const struct yaml_node *yaml_read(const char *text, size_t len, struct arena *a,
				  struct config_messages *m)
{
	struct builder b = {.text = text, .len = len, .arena = a, .messages = m};
	struct place start = {1, 1};

	if (len > YAML_BYTES_MAX) {
		stop(&b, start, "larger than %d MiB", YAML_BYTES_MAX >> 20);
		return NULL;
	}
	if (!yaml_parser_initialize(&b.parser)) {
		stop(&b, start, "out of memory");
		return NULL;
	}
	read_events(&b);
	yaml_parser_delete(&b.parser);
	if (b.stopped)
		return NULL;
	if (!b.root || yaml_is_blank(b.root)) {
		stop(&b, start, "the file is empty (lbxdp init writes one)");
		return NULL;
	}
	return b.root;
}

const struct yaml_node *yaml_get(const struct yaml_node *n, const char *key)
{
	if (!n || n->kind != YAML_MAP)
		return NULL;
	for (n = n->first; n; n = n->next)
		if (!strcmp(n->key, key))
			return n;
	return NULL;
}

const struct yaml_node *yaml_first(const struct yaml_node *n)
{
	return n && n->kind == YAML_LIST ? n->first : n;
}

const struct yaml_node *yaml_next(const struct yaml_node *n, const struct yaml_node *item)
{
	return n == item ? NULL : item->next;
}

bool yaml_is_blank(const struct yaml_node *n)
{
	return n->kind == YAML_WORD && !n->quoted && !*n->text;
}

const char *yaml_path(const struct yaml_node *n, struct arena *a)
{
	const char *above;

	if (!n->up)
		return "";
	above = yaml_path(n->up, a);
	if (!n->key)
		return arena_printf(a, "%s[%zu]", above, n->index);
	return arena_printf(a, "%s%s%.64s", above, *above ? "." : "", n->key);
}
