/* SPDX-License-Identifier: GPL-2.0-only */
/* The model as YAML, by the rows of the schema: what config_read would read to the same model. */
#include <string.h>

#include "base/buf.h"
#include "core/config_draft.h"
#include "core/config_value.h"
#include "core/schema.h"

struct printing {
	struct buf *out;
	unsigned int depth;
	uint32_t modes; /* of the service being printed */
	bool in_list;   /* the next line begins a list's entry */
};

typedef void printer(struct printing *p, const struct schema_row *row, const void *base);

static void print_rows(struct printing *p, const struct schema_row *rows, const void *base,
		       uint32_t types);

static const void *field(const struct schema_row *row, const void *base)
{
	return (const char *)base + row->offset;
}

static uint32_t load(const struct schema_row *row, const void *base)
{
	uint32_t four;
	uint16_t two;

	if (row->size == sizeof(four)) {
		memcpy(&four, field(row, base), sizeof(four));
		return four;
	}
	if (row->size == sizeof(two)) {
		memcpy(&two, field(row, base), sizeof(two));
		return two;
	}
	return *(const uint8_t *)field(row, base);
}

/* The array that an array row points to, and its length. */
static const void *array(const struct schema_row *row, const void *base, size_t *count)
{
	const void *at;

	memcpy(&at, field(row, base), sizeof(at));
	memcpy(count, (const char *)base + row->counter, sizeof(*count));
	return at;
}

static void print_key(struct printing *p, const char *key)
{
	buf_printf(p->out, "%*s%s", (int)(2 * p->depth) - (p->in_list ? 2 : 0), "",
		   p->in_list ? "- " : "");
	p->in_list = false;
	value_print_word(key, p->out);
	buf_puts(p->out, ":");
}

/* "key: " of a row whose value follows on the same line. */
static void print_inline_key(struct printing *p, const struct schema_row *row)
{
	print_key(p, row->key);
	buf_puts(p->out, " ");
}

static void print_uint(struct printing *p, const struct schema_row *row, const void *base)
{
	uint32_t value = load(row, base);

	print_inline_key(p, row);
	if (!value && row->zero)
		buf_printf(p->out, "%s\n", row->zero);
	else
		buf_printf(p->out, "%u\n", value);
}

static void print_duration(struct printing *p, const struct schema_row *row, const void *base)
{
	uint32_t msec = load(row, base);

	print_inline_key(p, row);
	if (!msec && row->zero)
		buf_puts(p->out, row->zero);
	else
		value_print_duration(msec, p->out);
	buf_puts(p->out, "\n");
}

static void print_enum(struct printing *p, const struct schema_row *row, const void *base)
{
	print_inline_key(p, row);
	value_print_word(row->word(load(row, base)), p->out);
	buf_puts(p->out, "\n");
}

static void print_mode(struct printing *p, const struct schema_row *row, const void *base)
{
	p->modes = 1u << load(row, base);
	print_enum(p, row, base);
}

static void print_source(struct printing *p, const struct schema_row *row, const void *base)
{
	char text[ADDR_TEXT_LEN];

	print_inline_key(p, row);
	value_print_word(service_source_format(base, text), p->out);
	buf_puts(p->out, "\n");
}

static void print_text(struct printing *p, const struct schema_row *row, const void *base)
{
	const char *text;

	memcpy(&text, field(row, base), sizeof(text));
	print_inline_key(p, row);
	value_print_word(text, p->out);
	buf_puts(p->out, "\n");
}

static void print_escaped(struct printing *p, const struct schema_row *row, const void *base)
{
	struct buf escaped = {0};

	value_escape(field(row, base), &escaped);
	print_inline_key(p, row);
	value_print_word(buf_text(&escaped), p->out);
	buf_puts(p->out, "\n");
	buf_free(&escaped);
}

static void print_one_address(const struct addr *a, struct buf *out)
{
	char text[ADDR_TEXT_LEN];

	value_print_word(addr_format(a, text), out);
}

static void print_address(struct printing *p, const struct schema_row *row, const void *base)
{
	print_inline_key(p, row);
	print_one_address(field(row, base), p->out);
	buf_puts(p->out, "\n");
}

static void print_addresses(struct printing *p, const struct schema_row *row, const void *base)
{
	size_t count;
	const struct addr *a = array(row, base, &count);

	print_inline_key(p, row);
	for (size_t i = 0; i < count; i++) {
		buf_puts(p->out, i ? ", " : "[");
		print_one_address(&a[i], p->out);
	}
	buf_puts(p->out, "]\n");
}

/* A range is printed as the networks it is made of: so packets are compared. */
static void print_prefixes(struct printing *p, const struct schema_row *row, const void *base)
{
	const struct acl_prefixes *list = field(row, base);
	char text[PREFIX_TEXT_LEN];

	print_inline_key(p, row);
	for (size_t i = 0; i < list->count; i++) {
		buf_puts(p->out, i ? ", " : "[");
		value_print_word(prefix_format(&list->at[i], text), p->out);
	}
	buf_puts(p->out, list->count ? "]\n" : "none\n");
}

static void print_interfaces(struct printing *p, const struct schema_row *row, const void *base)
{
	size_t count;
	const char *const *names = array(row, base, &count);

	print_inline_key(p, row);
	buf_puts(p->out, "[");
	for (size_t i = 0; i < count; i++) {
		buf_puts(p->out, i ? ", " : "");
		value_print_word(names[i], p->out);
	}
	buf_puts(p->out, "]\n");
}

static void print_ports(struct printing *p, const struct schema_row *row, const void *base)
{
	size_t count;
	const struct port_range *ports = array(row, base, &count);
	char text[12];

	print_inline_key(p, row);
	for (size_t i = 0; i < count; i++)
		buf_printf(p->out, "%s%s", i ? ", " : "[", port_range_format(&ports[i], text));
	buf_puts(p->out, "]\n");
}

static void print_listen(struct printing *p, const struct schema_row *row, const void *base)
{
	const struct config_draft *d = base;
	char text[ENDPOINT_TEXT_LEN] = "off";

	if (!d->model.admin.off)
		addr_format_port(&d->model.admin.addr, d->model.admin.port, text);
	print_inline_key(p, row);
	value_print_word(text, p->out);
	buf_puts(p->out, "\n");
}

static bool has_lines(const struct schema_row *rows)
{
	for (; rows->key; rows++)
		if (rows->type != SCHEMA_LATER)
			return true;
	return false;
}

static void print_map(struct printing *p, const struct schema_row *row, const void *base)
{
	if (!has_lines(row->sub))
		return;
	print_key(p, row->key);
	buf_puts(p->out, "\n");
	p->depth++;
	print_rows(p, row->sub, base, 0);
	p->depth--;
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
	print_key(p, label);
	buf_puts(p->out, "\n");
	p->depth++;
	print_rows(p, rows, item, 0);
	p->depth--;
}

/* The reals' array ends with the backup, which has a key of its own. */
static const struct real_config *backup_of(const struct schema_row *row, const void *base)
{
	size_t count;
	const struct real_config *reals = array(row, base, &count);

	if (row->size != sizeof(*reals) || !count || !reals[count - 1].backup)
		return NULL;
	return &reals[count - 1];
}

static void print_named(struct printing *p, const struct schema_row *row, const void *base)
{
	size_t count;
	const char *items = array(row, base, &count);

	if (backup_of(row, base))
		count--;
	print_key(p, row->key);
	buf_puts(p->out, count ? "\n" : " {}\n");
	p->depth++;
	for (size_t i = 0; i < count; i++)
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
	const char *items = array(row, base, &count);

	print_key(p, row->key);
	buf_puts(p->out, "\n");
	p->depth += 2;
	for (size_t i = 0; i < count; i++) {
		const struct check_config *check = (const void *)(items + i * row->size);

		p->in_list = true;
		print_rows(p, row->sub, check, row->type == SCHEMA_CHECKS ? 1u << check->type : 0);
	}
	p->depth -= 2;
}

static printer *const printers[SCHEMA_TYPE_COUNT] = {
	[SCHEMA_MAP] = print_map,
	[SCHEMA_NAMED] = print_named,
	[SCHEMA_BACKUP] = print_backup,
	[SCHEMA_CHECKS] = print_list,
	[SCHEMA_STEPS] = print_list,
	[SCHEMA_UINT] = print_uint,
	[SCHEMA_DURATION] = print_duration,
	[SCHEMA_WORD] = print_enum,
	[SCHEMA_MODE] = print_mode,
	[SCHEMA_TEXT] = print_text,
	[SCHEMA_ESCAPED] = print_escaped,
	[SCHEMA_ADDRESS] = print_address,
	[SCHEMA_ADDRESSES] = print_addresses,
	[SCHEMA_PREFIXES] = print_prefixes,
	[SCHEMA_INTERFACES] = print_interfaces,
	[SCHEMA_PORTS] = print_ports,
	[SCHEMA_LISTEN] = print_listen,
	[SCHEMA_SOURCE] = print_source,
};

static bool is_printed(const struct printing *p, const struct schema_row *row, uint32_t types)
{
	return printers[row->type] && (!row->for_types || !types || row->for_types & types) &&
	       (!row->for_modes || row->for_modes & p->modes);
}

/* Rows that do not belong to a check's type or a service's mode are left away: the reader refuses
 * them. */
static void print_rows(struct printing *p, const struct schema_row *rows, const void *base,
		       uint32_t types)
{
	for (; rows->key; rows++)
		if (is_printed(p, rows, types))
			printers[rows->type](p, rows, base);
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
