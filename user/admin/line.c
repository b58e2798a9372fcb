/* SPDX-License-Identifier: GPL-2.0-only */
#include "admin/line.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

static bool has_control(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			return true;
	return false;
}

/* Unquotes the word at from into to, which is never ahead of it. Returns what follows, or NULL. */
static const char *take_word(const char *from, char **to)
{
	bool quoted = false;

	for (; *from && (quoted || *from != ' '); from++) {
		if (*from == '"') {
			quoted = !quoted;
			continue;
		}
		if (quoted && *from == '\\' && (from[1] == '"' || from[1] == '\\'))
			from++;
		*(*to)++ = *from;
	}
	return quoted ? NULL : from;
}

int line_split(char *text, struct line_words *w)
{
	const char *from = text;
	char *to = text;

	w->count = 0;
	if (has_control(text))
		return -EINVAL;
	for (;;) {
		bool last;

		from += strspn(from, " ");
		if (!*from)
			return 0;
		if (w->count == LINE_WORDS_MAX)
			return -E2BIG;
		w->word[w->count++] = to;
		from = take_word(from, &to);
		if (!from)
			return -EINVAL;
		last = !*from; /* before the NUL below may overwrite it */
		*to++ = '\0';
		if (last)
			return 0;
		from++;
	}
}

int line_add(struct buf *out, const char *word)
{
	if (has_control(word))
		return -EINVAL;
	if (out->len)
		buf_puts(out, " ");
	if (*word && !strpbrk(word, " \"")) {
		buf_puts(out, word);
		return 0;
	}
	buf_puts(out, "\"");
	for (; *word; word++)
		buf_printf(out, *word == '"' || *word == '\\' ? "\\%c" : "%c", *word);
	buf_puts(out, "\"");
	return 0;
}
