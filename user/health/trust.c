/* SPDX-License-Identifier: GPL-2.0-only */
#include "health/trust.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"

enum { BUNDLE_MAX = 4 << 20 };

static bool is_same(const struct trust *t, const char *ca, size_t ca_len)
{
	if (!t->ca || !ca)
		return t->ca == ca;
	return t->ca_len == ca_len && !memcmp(t->ca, ca, ca_len);
}

struct trust *trust_take(struct trust_store *s, const char *ca, size_t ca_len, int *err)
{
	struct tls_context *context;
	struct trust *t;

	for (t = s->first; t; t = t->next) {
		if (is_same(t, ca, ca_len)) {
			t->users++;
			return t;
		}
	}
	*err = tls_context_client(&context, ca, ca_len);
	if (*err)
		return NULL;
	t = xcalloc(1, sizeof(*t));
	t->context = context;
	t->users = 1;
	if (ca) {
		t->ca = xcalloc(1, ca_len + 1);
		t->ca_len = ca_len;
		memcpy(t->ca, ca, ca_len);
	}
	t->next = s->first;
	s->first = t;
	return t;
}

void trust_drop(struct trust_store *s, struct trust *t)
{
	struct trust **at = &s->first;

	if (!t || --t->users)
		return;
	while (*at != t)
		at = &(*at)->next;
	*at = t->next;
	tls_context_free(t->context);
	free(t->ca);
	free(t);
}

char *trust_read(int fd, size_t *len, int *err)
{
	struct buf all = {};
	char piece[4096];
	ssize_t n;

	while ((n = pread(fd, piece, sizeof(piece), all.len)) > 0 && all.len <= BUNDLE_MAX)
		buf_append(&all, piece, n);
	*err = n < 0 ? -errno : n > 0 ? -EFBIG : 0;
	*len = all.len;
	if (!*err && !all.at)
		*err = -EINVAL;
	if (*err) {
		buf_free(&all);
		return NULL;
	}
	return all.at;
}
