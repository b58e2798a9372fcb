/* SPDX-License-Identifier: GPL-2.0-only */
#include "core/finding.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

/* The texts of a line, in this order, behind its severity; separated by tabs. */
enum { TEXTS = 5 };

/* In the place of a severity: of a line that is no finding. */
static const char note[] = "note";

static const char **text_at(struct finding *f, size_t i)
{
	const char **const at[TEXTS] = {&f->examination, &f->about, &f->seen, &f->why, &f->type};

	return at[i];
}

void findings_free(struct findings *f)
{
	if (f->arena)
		arena_free(f->arena);
	free(f->at);
	free(f->notes);
	*f = (struct findings){};
}

static const char *clean(const char *text, struct arena *a)
{
	char *copy = arena_strdup(a, text);

	for (char *c = copy; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = ' ';
	return copy;
}

void findings_add(struct findings *f, const struct finding *one)
{
	struct finding *to;

	if (!f->arena)
		f->arena = arena_new();
	f->at = xrealloc(f->at, f->count + 1, sizeof(*f->at));
	to = &f->at[f->count++];
	*to = *one;
	for (size_t i = 0; i < TEXTS; i++)
		*text_at(to, i) = clean(*text_at(to, i), f->arena);
}

void findings_note(struct findings *f, const char *text)
{
	if (!f->arena)
		f->arena = arena_new();
	f->notes = xrealloc(f->notes, f->note_count + 1, sizeof(*f->notes));
	f->notes[f->note_count++] = clean(text, f->arena);
}

void findings_sort(struct findings *f)
{
	struct finding *sorted = xcalloc(f->count + 1, sizeof(*sorted));
	size_t count = 0;

	for (int s = FINDING_ERROR; s <= FINDING_WARNING; s++)
		for (size_t i = 0; i < f->count; i++)
			if (f->at[i].severity == (enum finding_severity)s)
				sorted[count++] = f->at[i];
	free(f->at);
	f->at = sorted;
}

void findings_write(const struct findings *f, struct buf *out)
{
	for (size_t i = 0; i < f->count; i++) {
		struct finding one = f->at[i];

		buf_puts(out, finding_severity_name(one.severity));
		for (size_t t = 0; t < TEXTS; t++)
			buf_printf(out, "\t%s", *text_at(&one, t));
		buf_puts(out, "\n");
	}
	for (size_t i = 0; i < f->note_count; i++)
		buf_printf(out, "%s\t%s\n", note, f->notes[i]);
}

static int parse_severity(const char *word)
{
	for (int s = FINDING_ERROR; s <= FINDING_WARNING; s++)
		if (!strcmp(word, finding_severity_name((enum finding_severity)s)))
			return s;
	return -EINVAL;
}

static int read_line(struct findings *f, char *line)
{
	struct finding one = {};
	char *at = line;
	const char *first = strsep(&at, "\t");
	int severity = parse_severity(first);

	if (!strcmp(first, note)) {
		if (!at || strchr(at, '\t'))
			return -EINVAL;
		findings_note(f, at);
		return 0;
	}
	for (size_t t = 0; t < TEXTS; t++) {
		if (severity < 0 || !at)
			return -EINVAL;
		*text_at(&one, t) = strsep(&at, "\t");
	}
	if (at)
		return -EINVAL;
	one.severity = (enum finding_severity)severity;
	findings_add(f, &one);
	return 0;
}

int findings_read(struct findings *f, const char *text)
{
	char *copy = xstrdup(text), *at = copy, *line;
	int err = 0;

	while (!err && (line = strsep(&at, "\n")) && (at || *line))
		err = read_line(f, line);
	free(copy);
	return err;
}

const char *finding_severity_name(enum finding_severity s)
{
	return s == FINDING_ERROR ? "error" : "warning";
}
