/* SPDX-License-Identifier: GPL-2.0-only */
/* Values of the model as YAML, by the type of their schema row. */
#include <stdio.h>
#include <string.h>

#include "core/config_draft.h"
#include "core/config_print.h"
#include "core/config_value.h"

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

const void *config_array(const struct schema_row *row, const void *base, size_t *count)
{
	const void *at;

	memcpy(&at, field(row, base), sizeof(at));
	memcpy(count, (const char *)base + row->counter, sizeof(*count));
	return at;
}

void config_print_key(struct printing *p, const char *key)
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
	config_print_key(p, row->key);
	buf_puts(p->out, " ");
}

void config_print_uint(struct printing *p, const struct schema_row *row, const void *base)
{
	uint32_t value = load(row, base);

	print_inline_key(p, row);
	if (!value && row->zero)
		buf_printf(p->out, "%s\n", row->zero);
	else
		buf_printf(p->out, "%u\n", value);
}

void config_print_duration(struct printing *p, const struct schema_row *row, const void *base)
{
	uint32_t msec = load(row, base);

	print_inline_key(p, row);
	if (!msec && row->zero)
		buf_puts(p->out, row->zero);
	else
		value_print_duration(msec, p->out);
	buf_puts(p->out, "\n");
}

void config_print_enum(struct printing *p, const struct schema_row *row, const void *base)
{
	print_inline_key(p, row);
	value_print_word(row->word(load(row, base)), p->out);
	buf_puts(p->out, "\n");
}

void config_print_mode(struct printing *p, const struct schema_row *row, const void *base)
{
	p->modes = 1u << load(row, base);
	config_print_enum(p, row, base);
}

void config_print_source(struct printing *p, const struct schema_row *row, const void *base)
{
	const struct service_config *s = base;
	char text[SOURCE_TEXT_LEN];
	const char *source = service_source_format(s, text);

	print_inline_key(p, row);
	if (s->l7.source_count > 1)
		buf_puts(p->out, source);
	else
		value_print_word(source, p->out);
	buf_puts(p->out, "\n");
}

void config_print_text(struct printing *p, const struct schema_row *row, const void *base)
{
	const char *text;

	memcpy(&text, field(row, base), sizeof(text));
	print_inline_key(p, row);
	value_print_word(text, p->out);
	buf_puts(p->out, "\n");
}

void config_print_file(struct printing *p, const struct schema_row *row, const void *base)
{
	const struct file_config *f = field(row, base);

	if (!*f->path)
		return;
	print_inline_key(p, row);
	value_print_word(f->path, p->out);
	buf_puts(p->out, "\n");
}

void config_print_logging(struct printing *p, const struct schema_row *row, const void *base)
{
	const struct model *m = &((const struct config_draft *)base)->model;

	print_inline_key(p, row);
	if (m->l7.logging && *m->l7.log_file)
		value_print_word(m->l7.log_file, p->out);
	else
		buf_puts(p->out, m->l7.logging ? "on" : "off");
	buf_puts(p->out, "\n");
}

void config_print_escaped(struct printing *p, const struct schema_row *row, const void *base)
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

void config_print_address(struct printing *p, const struct schema_row *row, const void *base)
{
	print_inline_key(p, row);
	print_one_address(field(row, base), p->out);
	buf_puts(p->out, "\n");
}

void config_print_addresses(struct printing *p, const struct schema_row *row, const void *base)
{
	size_t count;
	const struct addr *a = config_array(row, base, &count);

	print_inline_key(p, row);
	for (size_t i = 0; i < count; i++) {
		buf_puts(p->out, i ? ", " : "[");
		print_one_address(&a[i], p->out);
	}
	buf_puts(p->out, "]\n");
}

void config_print_interfaces(struct printing *p, const struct schema_row *row, const void *base)
{
	size_t count;
	const char *const *names = config_array(row, base, &count);

	print_inline_key(p, row);
	buf_puts(p->out, "[");
	for (size_t i = 0; i < count; i++) {
		buf_puts(p->out, i ? ", " : "");
		value_print_word(names[i], p->out);
	}
	buf_puts(p->out, "]\n");
}

void config_print_ports(struct printing *p, const struct schema_row *row, const void *base)
{
	size_t count;
	const struct port_range *ports = config_array(row, base, &count);
	char text[12];

	print_inline_key(p, row);
	for (size_t i = 0; i < count; i++)
		buf_printf(p->out, "%s%s", i ? ", " : "[", port_range_format(&ports[i], text));
	buf_puts(p->out, "]\n");
}

void config_print_files(struct printing *p, const struct schema_row *row, const void *base)
{
	size_t count;
	const struct file_config *files = config_array(row, base, &count);

	print_inline_key(p, row);
	for (size_t i = 0; i < count; i++) {
		buf_puts(p->out, i ? ", " : "[");
		value_print_word(files[i].path, p->out);
	}
	buf_puts(p->out, "]\n");
}

void config_print_names(struct printing *p, const struct schema_row *row, const void *base)
{
	size_t count;
	const struct header_config *all = config_array(row, base, &count);

	if (!count)
		return;
	print_inline_key(p, row);
	for (size_t i = 0; i < count; i++) {
		buf_puts(p->out, i ? ", " : "[");
		value_print_word(all[i].name, p->out);
	}
	buf_puts(p->out, "]\n");
}

/* A range is printed as the networks it is made of: so packets are compared. */
void config_print_prefixes(struct printing *p, const struct schema_row *row, const void *base)
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

/* "key: value" lines below the row's own key. */
static void print_pair(struct printing *p, const char *key, const char *value)
{
	config_print_key(p, key);
	buf_puts(p->out, " ");
	value_print_word(value, p->out);
	buf_puts(p->out, "\n");
}

void config_print_headers(struct printing *p, const struct schema_row *row, const void *base)
{
	size_t count;
	const struct header_config *all = config_array(row, base, &count);

	if (!count)
		return;
	config_print_key(p, row->key);
	buf_puts(p->out, "\n");
	p->depth++;
	for (size_t i = 0; i < count; i++)
		print_pair(p, all[i].name, all[i].value);
	p->depth--;
}

void config_print_pages(struct printing *p, const struct schema_row *row, const void *base)
{
	size_t count;
	const struct page_config *pages = config_array(row, base, &count);
	char status[8];

	if (!count)
		return;
	config_print_key(p, row->key);
	buf_puts(p->out, "\n");
	p->depth++;
	for (size_t i = 0; i < count; i++) {
		snprintf(status, sizeof(status), "%u", pages[i].status);
		print_pair(p, status, pages[i].file.path);
	}
	p->depth--;
}

void config_print_listen(struct printing *p, const struct schema_row *row, const void *base)
{
	const struct config_draft *d = base;
	char text[ENDPOINT_TEXT_LEN] = "off";

	if (!d->model.admin.off)
		addr_format_port(&d->model.admin.addr, d->model.admin.port, text);
	print_inline_key(p, row);
	value_print_word(text, p->out);
	buf_puts(p->out, "\n");
}
