/* SPDX-License-Identifier: GPL-2.0-only */
#include "core/match.h"

#include <string.h>

/* How many bytes of the text agree after one more byte. */
static size_t step(const struct match *m, size_t have, char byte)
{
	while (have && m->text[have] != byte)
		have = m->back[have];
	return m->text[have] == byte ? have + 1 : 0;
}

void match_start(struct match *m, const char *text)
{
	m->text = text;
	m->len = strnlen(text, MATCH_TEXT_MAX);
	m->have = 0;
	m->back[0] = m->back[1] = 0;
	for (size_t i = 1; i < m->len; i++)
		m->back[i + 1] = step(m, m->back[i], text[i]);
}

ptrdiff_t match_feed(struct match *m, const char *bytes, size_t len)
{
	for (size_t i = 0; i < len && m->have < m->len; i++) {
		m->have = step(m, m->have, bytes[i]);
		if (m->have == m->len)
			return i + 1;
	}
	return m->have == m->len ? 0 : -1;
}
