/* SPDX-License-Identifier: GPL-2.0-only */
/* Bodies, either way: each byte is sent on as soon as it came and was found to belong there; what
 * nobody needs to look at may go by splice. */
#include <errno.h>

#include "proxy/http_internal.h"

static enum http_moved failed(enum http_moved lost)
{
	if (errno == EINTR)
		return HTTP_MOVED;
	return errno == EAGAIN ? HTTP_UNMOVED : lost;
}

static enum http_moved flushed(enum step step)
{
	return step == STEP_WRITE_FAILED ? HTTP_LOST_TO : HTTP_MOVED;
}

static enum http_moved by_splice(struct session *s, enum side side, uint64_t opaque)
{
	ssize_t n = way_splice(s, side, opaque < SIZE_MAX ? opaque : SIZE_MAX);

	if (n < 0)
		return failed(HTTP_LOST_FROM);
	if (!n)
		return HTTP_ENDED;
	http_note_read(s, side, n);
	http_body_moved(&s->http->body[side], n);
	return flushed(way_flush(s, side));
}

static enum http_moved send_on(struct session *s, enum side side, struct slice bytes)
{
	struct end *to = s->end[!side];
	ssize_t n = 0;

	if (bytes.len)
		n = side == SERVER ? http_send_answer(s, bytes.at, bytes.len)
				   : end_send(to, bytes.at, bytes.len, 0);

	if (n < 0 && errno != EAGAIN && errno != EINTR)
		return HTTP_LOST_TO;
	if (n > 0)
		to->active = loop_now(s->engine->loop);
	else
		n = 0;
	if ((size_t)n < bytes.len)
		return flushed(way_hold(s, side, bytes.at + n, bytes.len - n));
	return HTTP_MOVED;
}

static enum http_moved by_copy(struct session *s, enum side side)
{
	struct http *h = s->http;
	bool was_there = h->in[side].fresh;
	struct slice have, rest;
	ssize_t n = stash_fill(s, side, COPY_ROOM, &have), pass;
	enum http_moved moved;

	if (n < 0)
		return failed(HTTP_LOST_FROM);
	if (!n)
		return HTTP_ENDED;
	if (!was_there)
		way_note_copied(s, side, n);
	pass = http_body_pass(&h->body[side], have.at, n);
	if (pass < 0)
		return HTTP_MALFORMED;
	moved = send_on(s, side, (struct slice){have.at, pass});
	rest = (struct slice){have.at + pass, n - pass};
	if (stash_keep(s, side, rest, true))
		return HTTP_LOST_FROM;
	return moved;
}

enum http_moved http_body_move(struct session *s, enum side side)
{
	struct http *h = s->http;
	uint64_t opaque = http_body_opaque(&h->body[side]);

	if (!h->in[side].fresh && !s->end[side]->readable)
		return HTTP_UNMOVED;
	if (!h->in[side].fresh && opaque >= COPY_ROOM && way_by_splice(s, side))
		return by_splice(s, side, opaque);
	return by_copy(s, side);
}
