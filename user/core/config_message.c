/* SPDX-License-Identifier: GPL-2.0-only */
#include "core/config_message.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

void config_messages_free(struct config_messages *m)
{
	free(m->at);
	m->at = NULL;
}

static char *text_of(struct arena *a, const char *format, va_list args)
{
	char text[2048];

	vsnprintf(text, sizeof(text), format, args);
	return arena_strdup(a, text);
}

void config_message_add(struct config_messages *m, bool warning, struct place at, const char *path,
			const char *format, va_list args)
{
	struct config_message *one;

	m->errors += !warning;
	if (m->count == CONFIG_MESSAGES_MAX) {
		m->more++;
		return;
	}
	if (!m->at)
		m->at = xcalloc(CONFIG_MESSAGES_MAX, sizeof(*m->at));
	one = &m->at[m->count];
	one->place = at;
	one->order = m->count++;
	one->warning = warning;
	one->path = path;
	one->text = text_of(m->arena, format, args);
}

static int by_place(const void *left, const void *right)
{
	const struct config_message *l = left, *r = right;

	if (l->place.line != r->place.line)
		return l->place.line < r->place.line ? -1 : 1;
	if (l->place.column != r->place.column)
		return l->place.column < r->place.column ? -1 : 1;
	return l->order < r->order ? -1 : 1;
}

/* Control characters of a hostile file must not reach the terminal. */
static void make_printable(char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			*text = '?';
}

static void print_line(const struct config_message *m, const char *file, struct buf *out)
{
	size_t start = out->len;

	buf_printf(out, "%s:%u:%u: %s: %s%s%s", file, m->place.line, m->place.column,
		   m->warning ? "warning" : "error", m->path, *m->path ? ": " : "", m->text);
	make_printable(out->at + start);
	buf_puts(out, "\n");
}

void config_messages_print(struct config_messages *m, const char *file, struct buf *out)
{
	if (m->count)
		qsort(m->at, m->count, sizeof(*m->at), by_place);
	for (size_t i = 0; i < m->count; i++)
		print_line(&m->at[i], file, out);
	if (m->more)
		buf_printf(out, "%s: %zu more like these\n", file, m->more);
}

const char *config_quote(const char *text, struct arena *a)
{
	enum { SHOWN = 48 };

	if (strlen(text) <= SHOWN)
		return arena_printf(a, "'%s'", text);
	return arena_printf(a, "'%.*s...'", SHOWN, text);
}

/* Levenshtein's distance; words longer than the row count as far apart. */
static size_t edit_distance(const char *a, const char *b)
{
	enum { LONGEST = 64 };
	size_t row[LONGEST + 1], len = strlen(b);

	if (len > LONGEST || strlen(a) > LONGEST)
		return LONGEST;
	for (size_t j = 0; j <= len; j++)
		row[j] = j;
	for (size_t i = 0; a[i]; i++) {
		size_t corner = row[0];

		row[0] = i + 1;
		for (size_t j = 0; j < len; j++) {
			size_t change = corner + (a[i] != b[j]), best;

			best = row[j] < row[j + 1] ? row[j] + 1 : row[j + 1] + 1;
			corner = row[j + 1];
			row[j + 1] = change < best ? change : best;
		}
	}
	return row[len];
}

const char *config_suggest(const char *word, const char *const *candidates, size_t count)
{
	const char *best = NULL;
	size_t least = (strlen(word) + 2) / 3 + 1;

	for (size_t i = 0; i < count; i++) {
		size_t d = edit_distance(word, candidates[i]);

		if (d < least && d < strlen(candidates[i])) {
			least = d;
			best = candidates[i];
		}
	}
	return best;
}
