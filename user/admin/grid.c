/* SPDX-License-Identifier: GPL-2.0-only */
#include "admin/grid.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "admin/json.h"
#include "base/alloc.h"

struct grid_cell {
	size_t at;    /* in text, NUL-terminated */
	size_t width; /* characters */
	enum grid_colour colour;
};

/* Green, amber, red, blue and purple as the guide's System Overview shows them (R66, R67). */
static const char *const codes[GRID_COLOUR_COUNT] = {
	"", "\033[32m", "\033[33m", "\033[31m", "\033[34m", "\033[35m",
};

void grid_paint(struct buf *out, enum grid_colour c, bool on, const char *text)
{
	bool paint = on && c != GRID_PLAIN;

	if (paint)
		buf_puts(out, codes[c]);
	buf_puts(out, text);
	if (paint)
		buf_puts(out, "\033[0m");
}

void grid_init(struct grid *g, const struct grid_column *columns, size_t count)
{
	assert(count <= GRID_COLUMNS_MAX);
	*g = (struct grid){.columns = columns, .column_count = count};
}

void grid_fini(struct grid *g)
{
	free(g->cells);
	buf_free(&g->text);
}

/* Control characters, also the C1 ones, and broken UTF-8 become '?'. Returns the characters. */
static size_t clean(char *s)
{
	size_t count = 0;

	while (*s) {
		unsigned int len = json_utf8(s);
		bool c1 = len == 2 && (unsigned char)s[0] == 0xc2 && (unsigned char)s[1] < 0xa0;

		if (len == 0)
			len = 1, *s = '?';
		else if (c1)
			s[0] = s[1] = '?';
		else if ((unsigned char)*s < 0x20 || *s == 0x7f)
			*s = '?';
		s += len;
		count += c1 ? 2 : 1;
	}
	return count;
}

void grid_cell(struct grid *g, enum grid_colour c, const char *format, ...)
{
	struct grid_cell *cell;
	size_t at = g->text.len;
	va_list args;

	if (g->cell_count == g->cell_room) {
		g->cell_room = g->cell_room ? g->cell_room * 2 : 64;
		g->cells = xrealloc(g->cells, g->cell_room, sizeof(*g->cells));
	}
	va_start(args, format);
	buf_vprintf(&g->text, format, args);
	va_end(args);
	buf_append(&g->text, "", 1);
	cell = &g->cells[g->cell_count++];
	cell->at = at;
	cell->width = clean(g->text.at + at);
	cell->colour = c;
}

void grid_end_row(struct grid *g)
{
	while (g->cell_count % g->column_count)
		grid_cell(g, GRID_PLAIN, "%s", "");
}

static const char *cell_text(const struct grid *g, size_t i)
{
	return g->text.at + g->cells[i].at;
}

/* The room of the group that begins at column c, and where the next one begins. */
static size_t group_width(const struct grid *g, const size_t *width, size_t c, size_t *next)
{
	size_t room = width[c];

	for (*next = c + 1; *next < g->column_count && !g->groups[*next]; (*next)++)
		room += 2 + width[*next];
	return room;
}

/* Makes the last column of a group wide enough for the group's name. */
static void widen(const struct grid *g, size_t width[GRID_COLUMNS_MAX])
{
	for (size_t c = 0, next; g->groups && c < g->column_count; c = next) {
		size_t room = group_width(g, width, c, &next), len = strlen(g->groups[c]);

		if (room < len)
			width[next - 1] += len - room;
	}
}

static void measure(const struct grid *g, size_t width[GRID_COLUMNS_MAX])
{
	for (size_t c = 0; c < g->column_count; c++)
		width[c] = strlen(g->columns[c].heading);
	for (size_t i = 0; i < g->cell_count; i++)
		if (g->cells[i].width > width[i % g->column_count])
			width[i % g->column_count] = g->cells[i].width;
	widen(g, width);
}

static void pad(struct buf *out, size_t count)
{
	buf_printf(out, "%*s", (int)count, "");
}

struct shown {
	const char *text;
	size_t width;
	enum grid_colour colour;
};

static void print_cell(const struct grid *g, size_t column, size_t room, const struct shown *s,
		       struct buf *out)
{
	bool number = g->columns[column].number;

	if (column)
		buf_puts(out, "  ");
	if (number)
		pad(out, room - s->width);
	grid_paint(out, s->colour, true, s->text);
	if (!number)
		pad(out, room - s->width);
}

/* No line ends in spaces. */
static void end_line(struct buf *out)
{
	while (out->len && out->at[out->len - 1] == ' ')
		out->at[--out->len] = '\0';
	buf_puts(out, "\n");
}

static void print_groups(const struct grid *g, const size_t *width, const char *indent,
			 struct buf *out)
{
	buf_puts(out, indent);
	for (size_t c = 0, next; c < g->column_count; c = next) {
		size_t room = group_width(g, width, c, &next);

		buf_puts(out, c ? "  " : "");
		buf_puts(out, g->groups[c]);
		pad(out, room - strlen(g->groups[c]));
	}
	end_line(out);
}

void grid_print(const struct grid *g, const char *indent, bool colour, struct buf *out)
{
	size_t width[GRID_COLUMNS_MAX];

	measure(g, width);
	if (g->groups)
		print_groups(g, width, indent, out);
	buf_puts(out, indent);
	for (size_t c = 0; c < g->column_count; c++) {
		const char *text = g->columns[c].heading;

		print_cell(g, c, width[c], &(struct shown){text, strlen(text), GRID_PLAIN}, out);
	}
	end_line(out);
	for (size_t i = 0; i < g->cell_count; i++) {
		size_t c = i % g->column_count;
		struct shown s = {cell_text(g, i), g->cells[i].width,
				  colour ? g->cells[i].colour : GRID_PLAIN};

		if (c == 0)
			buf_puts(out, indent);
		print_cell(g, c, width[c], &s, out);
		if (c + 1 == g->column_count)
			end_line(out);
	}
}

void grid_csv_field(struct buf *out, const char *text)
{
	if (!strpbrk(text, ",\"")) {
		buf_puts(out, text);
		return;
	}
	buf_puts(out, "\"");
	for (; *text; text++)
		buf_printf(out, *text == '"' ? "\"%c" : "%c", *text);
	buf_puts(out, "\"");
}

void grid_print_csv(const struct grid *g, struct buf *out)
{
	for (size_t c = 0; c < g->column_count; c++) {
		buf_puts(out, c ? "," : "");
		grid_csv_field(out, g->columns[c].heading);
	}
	buf_puts(out, "\n");
	for (size_t i = 0; i < g->cell_count; i++) {
		size_t c = i % g->column_count;

		buf_puts(out, c ? "," : "");
		grid_csv_field(out, cell_text(g, i));
		if (c + 1 == g->column_count)
			buf_puts(out, "\n");
	}
}

static void json_cell(struct json *j, const struct grid_column *column, const char *text)
{
	if (!*text)
		json_null(j, column->key);
	else if (column->number)
		json_raw(j, column->key, text);
	else
		json_text(j, column->key, text);
}

void grid_print_json(const struct grid *g, struct buf *out)
{
	struct json j = {.out = out};

	json_open(&j, NULL, '[');
	for (size_t i = 0; i < g->cell_count; i++) {
		size_t c = i % g->column_count;

		if (c == 0)
			json_open(&j, NULL, '{');
		json_cell(&j, &g->columns[c], cell_text(g, i));
		if (c + 1 == g->column_count)
			json_close(&j, '}');
	}
	json_close(&j, ']');
	buf_puts(out, "\n");
}
