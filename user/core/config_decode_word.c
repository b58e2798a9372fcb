/* SPDX-License-Identifier: GPL-2.0-only */
/* One word of the file to one field of the draft. */
#include <string.h>

#include "base/alloc.h"
#include "core/config_decode.h"
#include "core/config_value.h"

void *config_field(const struct schema_row *row, void *base)
{
	return (char *)base + row->offset;
}

static void store(const struct schema_row *row, void *base, uint32_t value)
{
	uint16_t two = (uint16_t)value;
	uint8_t one = (uint8_t)value;

	if (row->size == sizeof(value))
		memcpy(config_field(row, base), &value, sizeof(value));
	else if (row->size == sizeof(two))
		memcpy(config_field(row, base), &two, sizeof(two));
	else
		memcpy(config_field(row, base), &one, sizeof(one));
}

bool config_is_word(struct config_reading *r, const struct yaml_node *n)
{
	if (n->kind == YAML_LIST || n->kind == YAML_MAP)
		config_say(r, n, "one value belongs here, not a %s",
			   n->kind == YAML_LIST ? "list" : "map");
	else if (n->kind == YAML_WORD && yaml_is_blank(n))
		config_say(r, n, "has no value (leave the key away for its default)");
	else
		return n->kind == YAML_WORD;
	return false;
}

bool config_is_right(struct config_reading *r, const struct yaml_node *n, const char *wrong)
{
	if (wrong)
		config_say(r, n, "%s %s", config_quote(n->text, r->arena), wrong);
	return !wrong;
}

/* The word for nothing, where the row has one. A number among the neutral words stands for itself.
 */
static bool is_zero(const struct schema_row *row, const struct yaml_node *n)
{
	uint32_t value;

	return row->zero && (!strcmp(n->text, row->zero) || !strcmp(n->text, "0") ||
			     (config_lists_word(row->neutral, n->text) &&
			      (value_uint(n->text, &value) || !value)));
}

void config_decode_uint(struct config_reading *r, const struct schema_row *row,
			const struct yaml_node *n, void *base)
{
	uint32_t value;

	if (!config_is_word(r, n))
		return;
	if (is_zero(row, n)) {
		store(row, base, 0);
		return;
	}
	if (!config_is_right(r, n, value_uint(n->text, &value)))
		return;
	if (value < row->min || value > row->max)
		config_say(r, n, "%u is out of range (%u to %u%s%s)", value, row->min, row->max,
			   row->zero ? ", or " : "", row->zero ? row->zero : "");
	else
		store(row, base, value);
}

static const char *duration_text(struct config_reading *r, uint32_t msec)
{
	struct buf b = {0};
	const char *text;

	value_print_duration(msec, &b);
	text = arena_strdup(r->arena, buf_text(&b));
	buf_free(&b);
	return text;
}

void config_decode_duration(struct config_reading *r, const struct schema_row *row,
			    const struct yaml_node *n, void *base)
{
	uint32_t msec;

	if (!config_is_word(r, n))
		return;
	if (is_zero(row, n)) {
		store(row, base, 0);
		return;
	}
	if (!row->zero && config_lists_word(row->neutral, n->text))
		return; /* the default stands */
	if (!config_is_right(r, n, value_duration(n->text, &msec)))
		return;
	if (msec < row->min || msec > row->max)
		config_say(r, n, "%s is out of range (%s to %s)", n->text,
			   duration_text(r, row->min), duration_text(r, row->max));
	else
		store(row, base, msec);
}

bool config_lists_word(const char *list, const char *word)
{
	size_t len = strlen(word);

	for (const char *at = list; len && at && *at; at += strspn(at, " ")) {
		size_t here = strcspn(at, " ");

		if (here == len && !memcmp(at, word, len))
			return true;
		at += here;
	}
	return false;
}

static void refuse_word(struct config_reading *r, const struct schema_row *row,
			const struct yaml_node *n)
{
	const char *words[32], *meant;
	struct buf known = {0};
	size_t count = 0;

	for (uint32_t v = 0; v <= row->max && count < ARRAY_COUNT(words); v++)
		if (row->word(v))
			words[count++] = row->word(v);
	for (size_t i = 0; i < count; i++)
		buf_printf(&known, "%s%s", i ? ", " : "", words[i]);
	meant = config_suggest(n->text, words, count);
	if (row->later && config_lists_word(row->later, n->text))
		config_say(r, n, "%s is not supported by this version (supported: %s)",
			   config_quote(n->text, r->arena), buf_text(&known));
	else
		config_say(r, n, "%s is not one of %s%s%s%s", config_quote(n->text, r->arena),
			   buf_text(&known), meant ? " (did you mean " : "", meant ? meant : "",
			   meant ? "?)" : "");
	buf_free(&known);
}

void config_decode_word(struct config_reading *r, const struct schema_row *row,
			const struct yaml_node *n, void *base)
{
	if (!config_is_word(r, n))
		return;
	for (uint32_t v = 0; v <= row->max; v++) {
		const char *word = row->word(v);

		if (word && !strcmp(word, n->text)) {
			store(row, base, v);
			return;
		}
	}
	if (config_lists_word(row->neutral, n->text))
		store(row, base, 0);
	else
		refuse_word(r, row, n);
}

/* Layer 4 hands out turns in XDP, which knows one order of them. */
void config_decode_scheduler(struct config_reading *r, const struct schema_row *row,
			     const struct yaml_node *n, void *base)
{
	uint32_t value = SCHEDULER_WRR;

	config_decode_word(r, row, n, base);
	memcpy(&value, config_field(row, base), sizeof(value));
	if (value != SCHEDULER_WRR && !(r->modes & (1u << MODE_L7_TCP | 1u << MODE_L7_HTTP)))
		config_say(r, n,
			   "%s is not supported by this version with mode %s (supported: wrr)",
			   config_quote(n->text, r->arena),
			   mode_name((enum service_mode)__builtin_ctz(r->modes)));
}

/* A mode that cannot be read leaves all of them open: the other keys are not to blame. */
void config_decode_mode(struct config_reading *r, const struct schema_row *row,
			const struct yaml_node *n, void *base)
{
	struct service_config *s = base;

	s->mode = MODE_COUNT;
	config_decode_word(r, row, n, base);
	r->modes = s->mode == MODE_COUNT ? UINT32_MAX : 1u << s->mode;
	if (s->mode == MODE_COUNT)
		s->mode = MODE_L4_DR;
}

void config_decode_text(struct config_reading *r, const struct schema_row *row,
			const struct yaml_node *n, void *base)
{
	if (!yaml_is_blank(n) && !config_is_word(r, n))
		return;
	if (config_lists_word(row->neutral, n->text))
		return;
	if (strlen(n->text) > row->max) {
		config_say(r, n, "is too long (at most %u bytes)", row->max);
		return;
	}
	if (row->judge && !config_is_right(r, n, row->judge(n->text)))
		return;
	memcpy(config_field(row, base), &n->text, sizeof(n->text));
}

void config_decode_escaped(struct config_reading *r, const struct schema_row *row,
			   const struct yaml_node *n, void *base)
{
	if (yaml_is_blank(n) || config_is_word(r, n))
		config_is_right(r, n, value_unescape(n->text, config_field(row, base), row->size));
}

void config_decode_address(struct config_reading *r, const struct schema_row *row,
			   const struct yaml_node *n, void *base)
{
	if (config_is_word(r, n))
		config_is_right(r, n, value_address(n->text, config_field(row, base)));
}

static void decode_source_list(struct config_reading *r, struct service_config *s,
			       const struct yaml_node *n)
{
	size_t count = 0;

	if (!n->count)
		config_say(r, n, "the list is empty");
	if (n->count > PROXY_SOURCES_MAX)
		config_say(r, n, "more than %d entries", PROXY_SOURCES_MAX);
	if (!n->count || n->count > PROXY_SOURCES_MAX)
		return;
	s->l7.source = PROXY_SOURCE_ADDRESS;
	for (const struct yaml_node *i = yaml_first(n); i; i = yaml_next(n, i), count++)
		if (config_is_word(r, i))
			(void)config_is_right(r, i,
					      value_address(i->text, &s->l7.source_address[count]));
	s->l7.source_count = count;
}

void config_decode_source(struct config_reading *r, const struct schema_row *row,
			  const struct yaml_node *n, void *base)
{
	struct service_config *s = base;

	if (n->kind == YAML_LIST) {
		decode_source_list(r, s, n);
		return;
	}
	if (!config_is_word(r, n))
		return;
	s->l7.source_count = 0;
	if (config_lists_word(row->neutral, n->text)) {
		s->l7.source = PROXY_SOURCE_AUTO;
	} else if (!strcmp(n->text, "vip")) {
		s->l7.source = PROXY_SOURCE_VIP;
	} else if (!strcmp(n->text, "client")) {
		s->l7.source = PROXY_SOURCE_CLIENT;
	} else if (!strpbrk(n->text, ".:")) {
		(void)config_is_right(r, n, "is not auto, vip, client or an address");
	} else {
		s->l7.source = PROXY_SOURCE_ADDRESS;
		s->l7.source_count = 1;
		(void)config_is_right(r, n, value_address(n->text, &s->l7.source_address[0]));
	}
}

void config_decode_listen(struct config_reading *r, const struct schema_row *row,
			  const struct yaml_node *n, void *base)
{
	struct model *m = &r->draft->model;

	if (!config_is_word(r, n))
		return;
	m->admin.off = config_lists_word("off none", n->text);
	if (m->admin.off ||
	    !config_is_right(r, n, value_listen(n->text, &m->admin.addr, &m->admin.port)))
		return;
	if (!value_is_loopback(&m->admin.addr))
		config_warn(r, n, "%s can be read by others than this host, without a password",
			    n->text);
}

bool config_is_neutral(const struct schema_row *row, const struct yaml_node *n)
{
	if (n->kind == YAML_WORD)
		return config_lists_word(row->neutral, n->text);
	if (n->kind == YAML_LIST)
		return !n->count && row->neutral;
	for (const struct yaml_node *i = n->first; i; i = i->next)
		if (!config_is_neutral(row, i))
			return false;
	return row->neutral;
}

void config_decode_later(struct config_reading *r, const struct schema_row *row,
			 const struct yaml_node *n, void *base)
{
	if (n->kind != YAML_BROKEN && !config_is_neutral(row, n))
		config_say_label(r, n, "is not supported by this version");
}
