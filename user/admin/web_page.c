/* SPDX-License-Identifier: GPL-2.0-only */
#include "admin/web_page.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PAGE_BYTES_MAX = 256 * 1024 * 1024 };

void web_bytes_release(struct web_bytes *b)
{
	if (b && !--b->references)
		free(b);
}

struct web_bytes *web_pages_get(struct web_pages *p, enum web_page page, uint64_t now, int *err)
{
	struct web_question q = {.page = page};

	*err = 0;
	if (p->slot[page].bytes && now - p->slot[page].at < WEB_FRESH_MSEC) {
		p->slot[page].bytes->references++;
		return p->slot[page].bytes;
	}
	if (p->slot[page].asked)
		return NULL;
	if (!++p->id)
		p->id++;
	q.id = p->id;
	*err = channel_send(p->channel, &q, sizeof(q), -1);
	if (*err)
		return NULL;
	p->slot[page].asked = q.id;
	p->slot[page].at = now;
	return NULL;
}

/* The whole file, or NULL. pread: the offset is shared with the writer and stands at the end. */
static struct web_bytes *read_page(int fd)
{
	struct web_bytes *b;
	struct stat st;
	size_t len = 0;

	if (fstat(fd, &st) || st.st_size < 0 || st.st_size > PAGE_BYTES_MAX)
		return NULL;
	b = malloc(sizeof(*b) + st.st_size);
	if (!b)
		return NULL;
	while (len < (size_t)st.st_size) {
		ssize_t got = pread(fd, b->at + len, st.st_size - len, len);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0) {
			free(b);
			return NULL;
		}
		len += got;
	}
	b->references = 1;
	b->len = len;
	return b;
}

void web_pages_answer(struct web_pages *p, const void *bytes, size_t len, int fd)
{
	struct web_bytes *page = NULL;
	struct web_answer a = {};

	if (len == sizeof(a))
		memcpy(&a, bytes, sizeof(a));
	if (fd >= 0) {
		page = a.error ? NULL : read_page(fd);
		close(fd);
	}
	for (size_t i = 0; i < WEB_PAGE_COUNT; i++) {
		if (!a.id || p->slot[i].asked != a.id)
			continue;
		web_bytes_release(p->slot[i].bytes);
		p->slot[i].bytes = page;
		p->slot[i].asked = 0;
		p->arrived(p, i, page);
		return;
	}
	web_bytes_release(page);
}

void web_pages_fini(struct web_pages *p)
{
	for (size_t i = 0; i < WEB_PAGE_COUNT; i++) {
		web_bytes_release(p->slot[i].bytes);
		p->slot[i].bytes = NULL;
	}
}
