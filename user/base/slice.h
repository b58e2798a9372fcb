/* SPDX-License-Identifier: GPL-2.0-only */
/* Bytes that somebody else owns: a pointer and a length, not NUL-terminated. */
#ifndef LBXDP_BASE_SLICE_H
#define LBXDP_BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct slice {
	const char *at;
	size_t len;
};

static inline struct slice slice_of(const char *text)
{
	return (struct slice){text, strlen(text)};
}

/* Whether len bytes of both are the same; ASCII letters of either case are, here and below. */
bool slice_letters_same(const char *a, const char *b, size_t len);

static inline bool slice_is(struct slice s, const char *text)
{
	return s.len == strlen(text) && slice_letters_same(s.at, text, s.len);
}

static inline bool slice_same(struct slice a, struct slice b)
{
	return a.len == b.len && slice_letters_same(a.at, b.at, a.len);
}

static inline bool slice_begins(struct slice s, const char *text)
{
	return s.len >= strlen(text) && slice_letters_same(s.at, text, strlen(text));
}

/* Without blanks and tabs at either end. */
static inline struct slice slice_trim(struct slice s)
{
	while (s.len && (*s.at == ' ' || *s.at == '\t'))
		s.at++, s.len--;
	while (s.len && (s.at[s.len - 1] == ' ' || s.at[s.len - 1] == '\t'))
		s.len--;
	return s;
}

#endif
