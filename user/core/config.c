/* SPDX-License-Identifier: GPL-2.0-only */
#include "core/config.h"

#include "core/config_draft.h"

enum { L7_MAXCONN = 40000 /* R69 */, L7_REQUEST_BUFFER = 16384 /* R55 */ };

static const char *place_path(struct config_reading *r, const struct yaml_node *n, const char *key)
{
	const char *path = yaml_path(n, r->arena);

	return key ? arena_printf(r->arena, "%s%s%s", path, *path ? "." : "", key) : path;
}

bool config_is_full(const struct config_reading *r)
{
	return r->messages->count == CONFIG_MESSAGES_MAX;
}

static void say(struct config_reading *r, bool warning, struct place at, const char *path,
		const char *format, va_list args)
{
	config_message_add(r->messages, warning, at, path, format, args);
}

void config_say(struct config_reading *r, const struct yaml_node *n, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(r, false, n->place, config_is_full(r) ? "" : place_path(r, n, NULL), format, args);
	va_end(args);
}

void config_say_label(struct config_reading *r, const struct yaml_node *n, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(r, false, n->key_place, config_is_full(r) ? "" : place_path(r, n, NULL), format, args);
	va_end(args);
}

void config_say_missing(struct config_reading *r, const struct yaml_node *n, const char *key,
			const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(r, false, n->key_place, config_is_full(r) ? "" : place_path(r, n, key), format, args);
	va_end(args);
}

void config_warn(struct config_reading *r, const struct yaml_node *n, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(r, true, n->place, config_is_full(r) ? "" : place_path(r, n, NULL), format, args);
	va_end(args);
}

/* defaults.check may itself be wrong: fast_interval above interval, both written there. */
static void rule_defaults(struct config_reading *r)
{
	const struct yaml_node *check = yaml_get(yaml_get(r->root, "defaults"), "check");
	const struct yaml_node *fast = yaml_get(check, "fast_interval");

	if (fast && r->draft->check.fast_interval > r->draft->check.interval)
		config_say(r, fast, "is longer than the interval");
}

static void read_tree(struct config_reading *r)
{
	struct model *m = &r->draft->model;

	r->root = yaml_read(r->in->text, r->in->len, r->arena, r->messages);
	if (!r->root)
		return;
	config_decode(r);
	if (!m->node.name)
		m->node.name = arena_strdup(r->arena, r->in->host_name ? r->in->host_name : "");
	if (!m->l7.maxconn)
		m->l7.maxconn = L7_MAXCONN;
	if (!m->l7.request_buffer)
		m->l7.request_buffer = L7_REQUEST_BUFFER;
	if (r->root->kind != YAML_MAP)
		return;
	rule_defaults(r);
	config_rules(r);
}

struct model *config_read(const struct config_input *in, struct buf *messages)
{
	struct arena *arena = arena_new();
	struct config_messages said = {.arena = arena};
	struct config_reading r = {.arena = arena, .messages = &said, .in = in};
	bool wrong;

	r.draft = arena_alloc(arena, 1, sizeof(*r.draft));
	r.draft->model.arena = arena;
	r.draft->model.file = arena_strdup(arena, in->file);
	read_tree(&r);
	config_messages_print(&said, in->file, messages);
	config_messages_free(&said);
	wrong = said.errors > 0;
	if (!wrong)
		return &r.draft->model;
	arena_free(arena);
	return NULL;
}

const char *const *config_interfaces(const char *text, size_t len, struct arena *a)
{
	struct config_messages unheard = {.arena = a};
	const struct yaml_node *root = yaml_read(text, len, a, &unheard);
	const struct yaml_node *list = yaml_get(yaml_get(root, "node"), "interfaces");
	const char **names;
	size_t count = 0;

	config_messages_free(&unheard);
	names = arena_alloc(a, (list ? list->count : 0) + 2, sizeof(*names));
	for (const struct yaml_node *n = yaml_first(list); n; n = yaml_next(list, n))
		if (n->kind == YAML_WORD && *n->text)
			names[count++] = n->text;
	return names;
}
