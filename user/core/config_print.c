/* SPDX-License-Identifier: GPL-2.0-only */
/* The model as YAML, by the rows of the schema: what config_read would read to the same model. */
#include <string.h>

#include "core/config_draft.h"
#include "core/config_print.h"
#include "core/config_value.h"

static void print_rows(struct printing *p, const struct schema_row *rows, const void *base,
		       uint32_t types);

/* A map of which nothing is to be said is left away. */
static void print_map(struct printing *p, const struct schema_row *row, const void *base)
{
	size_t before = p->out->len, within;

	config_print_key(p, row->key);
	buf_puts(p->out, "\n");
	within = p->out->len;
	p->depth++;
	print_rows(p, row->sub, base, 0);
	p->depth--;
	if (p->out->len != within)
		return;
	p->out->len = before;
	p->out->at[before] = '\0';
}

static const char *label_of(const struct schema_row *row, const void *item)
{
	const struct service_config *s = item;
	const struct real_config *r = item;

	return row->size == sizeof(*s) ? s->name : r->name;
}

static void print_item(struct printing *p, const char *label, const struct schema_row *rows,
		       const void *item)
{
	config_print_key(p, label);
	buf_puts(p->out, "\n");
	p->depth++;
	print_rows(p, rows, item, 0);
	p->depth--;
}

/* The reals' array ends with the backup, which has a key of its own. */
static const struct real_config *backup_of(const struct schema_row *row, const void *base)
{
	size_t count;
	const struct real_config *reals = config_array(row, base, &count);

	if (row->size != sizeof(*reals) || !count || !reals[count - 1].backup)
		return NULL;
	return &reals[count - 1];
}

/* The pool of a route is printed where the route stands. */
static bool is_pool(const struct schema_row *row, const void *item)
{
	const struct service_config *s = item;

	return row->size == sizeof(*s) && s->parent;
}

static void print_named(struct printing *p, const struct schema_row *row, const void *base)
{
	size_t count;
	const char *items = config_array(row, base, &count);

	if (backup_of(row, base))
		count--;
	if (!count && row->is_said)
		return;
	config_print_key(p, row->key);
	buf_puts(p->out, count ? "\n" : " {}\n");
	p->depth++;
	for (size_t i = 0; i < count; i++)
		if (!is_pool(row, items + i * row->size))
			print_item(p, label_of(row, items + i * row->size), row->sub,
				   items + i * row->size);
	p->depth--;
}

static void print_backup(struct printing *p, const struct schema_row *row, const void *base)
{
	const struct real_config *backup = backup_of(row, base);

	if (backup)
		print_item(p, row->key, row->sub, backup);
}

static void print_list(struct printing *p, const struct schema_row *row, const void *base)
{
	size_t count;
	const char *items = config_array(row, base, &count);

	if (!count)
		return;
	config_print_key(p, row->key);
	buf_puts(p->out, "\n");
	p->depth += 2;
	for (size_t i = 0; i < count; i++) {
		const struct check_config *check = (const void *)(items + i * row->size);

		p->in_list = true;
		print_rows(p, row->sub, check, row->type == SCHEMA_CHECKS ? 1u << check->type : 0);
	}
	p->depth -= 2;
}

static config_printer *const printers[SCHEMA_TYPE_COUNT] = {
	[SCHEMA_MAP] = print_map,
	[SCHEMA_NAMED] = print_named,
	[SCHEMA_BACKUP] = print_backup,
	[SCHEMA_CHECKS] = print_list,
	[SCHEMA_LIST] = print_list,
	[SCHEMA_ROUTES] = print_list,
	[SCHEMA_PREFIXES] = config_print_prefixes,
	[SCHEMA_FILE] = config_print_file,
	[SCHEMA_FILES] = config_print_files,
	[SCHEMA_PAGES] = config_print_pages,
	[SCHEMA_HEADERS] = config_print_headers,
	[SCHEMA_NAMES] = config_print_names,
	[SCHEMA_LOGGING] = config_print_logging,
	[SCHEMA_UINT] = config_print_uint,
	[SCHEMA_DURATION] = config_print_duration,
	[SCHEMA_WORD] = config_print_enum,
	[SCHEMA_MODE] = config_print_mode,
	[SCHEMA_TEXT] = config_print_text,
	[SCHEMA_ESCAPED] = config_print_escaped,
	[SCHEMA_ADDRESS] = config_print_address,
	[SCHEMA_ADDRESSES] = config_print_addresses,
	[SCHEMA_INTERFACES] = config_print_interfaces,
	[SCHEMA_PORTS] = config_print_ports,
	[SCHEMA_LISTEN] = config_print_listen,
	[SCHEMA_SOURCE] = config_print_source,
};

static bool is_printed(const struct printing *p, const struct schema_row *row, uint32_t types)
{
	return printers[row->type] && (!row->for_types || !types || row->for_types & types) &&
	       (!row->for_modes || row->for_modes & p->modes);
}

static bool is_said(const struct schema_row *row, const void *base)
{
	return !row->is_said || row->is_said(base);
}

/* Rows that do not belong to a check's type or a service's mode are left away: the reader refuses
 * them. */
static void print_rows(struct printing *p, const struct schema_row *rows, const void *base,
		       uint32_t types)
{
	for (; rows->key; rows++)
		if (is_printed(p, rows, types) && is_said(rows, base))
			printers[rows->type](p, rows, base);
}

void config_print_one(const struct schema_row *rows, const char *key, const void *base,
		      enum service_mode mode, struct buf *out)
{
	struct printing p = {.out = out, .modes = 1u << mode};
	const struct schema_row *row = schema_find(rows, key);

	if (is_printed(&p, row, 0) && is_said(row, base))
		printers[row->type](&p, row, base);
}

static void set_usual(struct config_draft *d, const char *section)
{
	const struct schema_row *defaults = schema_find(schema_root, "defaults");
	const struct schema_row *row = schema_find(defaults->sub, section)->sub;
	uint32_t value;

	for (; row->key; row++) {
		if (!row->fallback)
			continue;
		if (row->type == SCHEMA_DURATION)
			value_duration(row->fallback, &value);
		else
			value_uint(row->fallback, &value);
		memcpy((char *)d + row->offset, &value, sizeof(value));
	}
}

/* A model does not keep defaults.check and the layer-7 timeouts: each of its checks and services
 * has its own by now. They are printed with the values that absent ones have. */
void config_print(const struct model *m, struct buf *out)
{
	struct printing p = {.out = out};
	struct config_draft d = {.version = 1};

	set_usual(&d, "check");
	set_usual(&d, "timeouts");
	d.model = *m;
	print_rows(&p, schema_root, &d, 0);
}
