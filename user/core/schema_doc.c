/* SPDX-License-Identifier: GPL-2.0-only */
/* The schema for people: the key list of lbxdp.yaml(5), and plain lines. */
#include <string.h>

#include "core/config.h"
#include "core/config_value.h"
#include "core/schema.h"

static const char *type_name(enum schema_type t)
{
	static const char *const names[SCHEMA_TYPE_COUNT] = {
		[SCHEMA_MAP] = "map",
		[SCHEMA_NAMED] = "labels",
		[SCHEMA_BACKUP] = "map",
		[SCHEMA_CHECKS] = "map-or-list",
		[SCHEMA_LIST] = "list",
		[SCHEMA_ROUTES] = "list",
		[SCHEMA_FILE] = "file",
		[SCHEMA_FILES] = "files",
		[SCHEMA_PAGES] = "files",
		[SCHEMA_HEADERS] = "texts",
		[SCHEMA_NAMES] = "names",
		[SCHEMA_LOGGING] = "word-or-file",
		[SCHEMA_UINT] = "number",
		[SCHEMA_DURATION] = "duration",
		[SCHEMA_WORD] = "word",
		[SCHEMA_TEXT] = "text",
		[SCHEMA_ESCAPED] = "text",
		[SCHEMA_ADDRESS] = "address",
		[SCHEMA_ADDRESSES] = "addresses",
		[SCHEMA_PREFIXES] = "networks",
		[SCHEMA_INTERFACES] = "names",
		[SCHEMA_PORTS] = "ports",
		[SCHEMA_LISTEN] = "listener",
		[SCHEMA_LATER] = "later",
		[SCHEMA_MODE] = "word",
		[SCHEMA_SOURCE] = "word-or-address",
	};

	return names[t];
}

/* What stands between a key and those below it. */
static const char *step_into(enum schema_type t)
{
	if (t == SCHEMA_NAMED)
		return ".LABEL.";
	return t == SCHEMA_LIST || t == SCHEMA_ROUTES ? "[]." : ".";
}

typedef void row_printer(const char *path, const struct schema_row *row, struct buf *out);

static void walk(const char *prefix, const struct schema_row *rows, row_printer *print,
		 struct buf *out)
{
	for (; rows->key; rows++) {
		struct buf path = {0};

		buf_printf(&path, "%s%s", prefix, rows->key);
		print(buf_text(&path), rows, out);
		if (rows->sub) {
			buf_puts(&path, step_into(rows->type));
			walk(buf_text(&path), rows->sub, print, out);
		}
		buf_free(&path);
	}
}

static const char *default_text(const struct schema_row *row)
{
	if (row->doc_default)
		return row->doc_default;
	if (!row->fallback)
		return NULL;
	return *row->fallback ? row->fallback : "empty";
}

static void print_plain(const char *path, const struct schema_row *row, struct buf *out)
{
	const char *usual = default_text(row);

	buf_printf(out, "%s %s %s\n", path, type_name(row->type),
		   usual ? usual : (row->need ? "required" : "-"));
}

/* Text as mdoc: backslashes doubled, no line begins with a control character, each sentence with a
 * line. */
static void puts_mdoc(const char *text, struct buf *out)
{
	const char *begun = text;

	if (*text == '.' || *text == '\'')
		buf_puts(out, "\\&");
	for (; *text; text++) {
		if (*text == '\\')
			buf_puts(out, "\\e");
		else if (*text == ' ' && begun != text && text[-1] == '.')
			buf_puts(out, "\n");
		else
			buf_append(out, text, 1);
	}
}

static void print_words(const struct schema_row *row, struct buf *out)
{
	bool any = false;

	for (uint32_t v = 0; row->word && v <= row->max; v++) {
		if (!row->word(v))
			continue;
		buf_printf(out, "%s%s", any ? ", " : "One of ", row->word(v));
		any = true;
	}
	if (any)
		buf_puts(out, ".\n");
}

static void print_range(const struct schema_row *row, struct buf *out)
{
	if (row->type == SCHEMA_UINT && row->zero)
		buf_printf(out, "From %u to %u, or %s.\n", row->min, row->max, row->zero);
	else if (row->type == SCHEMA_UINT)
		buf_printf(out, "From %u to %u.\n", row->min, row->max);
	if (row->type != SCHEMA_DURATION)
		return;
	buf_puts(out, "From ");
	value_print_duration(row->min, out);
	buf_puts(out, " to ");
	value_print_duration(row->max, out);
	if (row->zero)
		buf_printf(out, ", or %s", row->zero);
	buf_puts(out, ".\n");
}

static void print_modes(const struct schema_row *row, struct buf *out)
{
	bool any = false;

	for (unsigned int m = 0; m < MODE_COUNT; m++) {
		if (!(row->for_modes & (1u << m)))
			continue;
		buf_printf(out, "%s%s", any ? " or " : "Only with mode ",
			   mode_name((enum service_mode)m));
		any = true;
	}
	if (any)
		buf_puts(out, ".\n");
}

static void print_mdoc(const char *path, const struct schema_row *row, struct buf *out)
{
	const char *usual = default_text(row);

	if (row->type == SCHEMA_LATER)
		return;
	buf_printf(out, ".It Cm %s Pq %s\n", path, type_name(row->type));
	puts_mdoc(row->help, out);
	buf_puts(out, "\n");
	print_words(row, out);
	print_range(row, out);
	print_modes(row, out);
	if (usual) {
		buf_puts(out, "Default: ");
		puts_mdoc(usual, out);
		buf_puts(out, ".\n");
	} else if (row->need) {
		buf_puts(out, "Needed.\n");
	}
}

static void print_later(const char *path, const struct schema_row *row, struct buf *out)
{
	const char *neutral = row->neutral;

	if (row->type != SCHEMA_LATER)
		return;
	buf_printf(out, ".It Cm %s\n", path);
	puts_mdoc(row->help, out);
	buf_puts(out, "\n");
	if (*neutral)
		buf_puts(out, "Accepted:");
	while (*neutral) {
		size_t len = strcspn(neutral, " ");

		buf_printf(out, " %.*s", (int)len, neutral);
		neutral += len + strspn(neutral + len, " ");
		buf_puts(out, *neutral ? "," : ".\n");
	}
}

void config_schema_text(struct buf *out)
{
	walk("", schema_root, print_plain, out);
}

void config_schema_mdoc(struct buf *out)
{
	buf_puts(out, ".Bl -tag -width Ds\n");
	walk("", schema_root, print_mdoc, out);
	buf_puts(out, ".El\n"
		      ".Ss Keys of later versions\n"
		      "Refused by this version, except for the values named.\n"
		      ".Bl -tag -width Ds\n");
	walk("", schema_root, print_later, out);
	buf_puts(out, ".El\n");
}
