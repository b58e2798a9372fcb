/* SPDX-License-Identifier: GPL-2.0-only */
/* Bytes of one side: read into the engine's copy, and only what must wait gets memory. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/http_internal.h"

enum { STASH_MIN = 1024 };

void stash_fini(struct stash *st)
{
	free(st->bytes);
	*st = (struct stash){};
}

/* Room for at least one byte more; len is below limit. */
static bool make_room(struct stash *st, size_t limit)
{
	size_t have = st->len - st->at, room;
	char *grown;

	if (st->at) {
		memmove(st->bytes, st->bytes + st->at, have);
		st->at = 0;
		st->len = have;
	}
	if (st->len < st->room)
		return true;
	room = 2 * have < STASH_MIN ? STASH_MIN : 2 * have;
	room = room < limit ? room : limit;
	grown = realloc(st->bytes, room);
	if (!grown)
		return false;
	st->bytes = grown;
	st->room = room;
	return true;
}

static ssize_t read_more(struct session *s, enum side side, size_t limit, struct slice *have)
{
	struct stash *st = &s->http->in[side];
	struct end *from = s->end[side];
	char *to = (char *)s->engine->copy;
	size_t room = COPY_ROOM;
	ssize_t n;

	if (stash_holds(st)) {
		if (!make_room(st, limit)) {
			errno = ENOMEM;
			return -1;
		}
		to = st->bytes + st->len;
		room = st->room - st->len;
	}
	n = end_recv(from, to, room);
	if (n <= 0)
		return n;
	way_note_read(s, side, n);
	http_note_read(s, side, n);
	if ((size_t)n < room)
		from->readable = !end_drained(from);
	if (stash_holds(st)) {
		st->len += n;
		to = st->bytes + st->at;
		n = st->len - st->at;
	}
	*have = (struct slice){to, n};
	return n;
}

ssize_t stash_fill(struct session *s, enum side side, size_t limit, struct slice *have)
{
	struct stash *st = &s->http->in[side];

	if (!st->fresh)
		return read_more(s, side, limit, have);
	st->fresh = false;
	*have = (struct slice){st->bytes + st->at, st->len - st->at};
	return have->len;
}

int stash_keep(struct session *s, enum side side, struct slice rest, bool fresh)
{
	struct stash *st = &s->http->in[side];
	size_t room = rest.len < STASH_MIN ? STASH_MIN : rest.len;

	if (!rest.len) {
		stash_fini(st);
		return 0;
	}
	if (stash_holds(st)) {
		st->at = rest.at - st->bytes;
	} else {
		st->bytes = malloc(room);
		if (!st->bytes)
			return -ENOMEM;
		memcpy(st->bytes, rest.at, rest.len);
		st->room = room;
		st->at = 0;
		st->len = rest.len;
	}
	st->fresh = fresh;
	return 0;
}
