/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Bytes both ways. Watches tell of changes only, so what an end can do is remembered in readable
 * and writable, and no watch is ever changed. A small message is one recv and one send; after a few
 * full reads the bytes move by splice, until reads get small again. What cannot be written waits,
 * COPY_ROOM or a pipe at most, and its source is not read meanwhile: the kernel's windows carry the
 * back-pressure on.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proxy/internal.h"

enum {
	BUDGET = 16,      /* steps of a way before others have their turn */
	SPLICE_AFTER = 3, /* full reads */
	COPY_AFTER = 4,   /* small splices */
	SPLICE_SMALL = 8192,
	SPLICE_MAX = 262144, /* at most as many pages as the pipe has slots */
};

void way_fini(struct engine *e, struct way *w)
{
	free(w->held);
	w->held = NULL;
	w->held_len = 0;
	if (w->pipe)
		pipe_give(e, w->pipe, !w->piped);
	w->pipe = NULL;
}

void way_note_read(struct session *s, enum side side, size_t n)
{
	s->row->active = s->end[side]->active = loop_now(s->engine->loop);
	if (side == CLIENT) {
		s->row->bytes_in += n;
		session_count(s, bytes_in, n);
	} else {
		s->row->bytes_out += n;
		session_count(s, bytes_out, n);
	}
}

/* A read that gave nothing. */
static enum step read_failed(struct end *from)
{
	if (errno == EINTR)
		return STEP_MORE;
	if (errno != EAGAIN)
		return STEP_READ_FAILED;
	from->readable = false; /* splice() has not told it */
	return STEP_WAIT;
}

static enum step write_failed(struct end *to)
{
	if (errno == EINTR)
		return STEP_MORE;
	if (errno != EAGAIN)
		return STEP_WRITE_FAILED;
	to->writable = false;
	return STEP_WAIT;
}

/* Both have said their last byte, and TLS has had room to pass it on. */
static bool is_over(const struct session *s)
{
	return s->way[CLIENT].done && s->way[SERVER].done && !s->end[CLIENT]->parting &&
	       !s->end[SERVER]->parting;
}

/* The source has said its last byte, and it is written. */
static enum step pass_end(struct session *s, enum side side)
{
	struct end *to = s->end[!side];

	s->way[side].done = true;
	s->end[side]->active = loop_now(s->engine->loop);
	if (to->tls || !s->way[!side].done)
		end_shutdown(to);
	return is_over(s) ? STEP_OVER : STEP_WAIT;
}

enum step way_hold(struct session *s, enum side side, const void *bytes, size_t len)
{
	struct way *w = &s->way[side];
	size_t end = w->held_len ? w->held_at + w->held_len : 0;
	uint8_t *held = realloc(w->held, end + len);

	if (!held)
		return STEP_WRITE_FAILED;
	memcpy(held + end, bytes, len);
	w->held = held;
	w->held_at = end ? w->held_at : 0;
	w->held_len += len;
	return STEP_WAIT;
}

/* When the end is already in the kernel it comes next, and travels in the packet of the last bytes.
 */
static int send_flags(const struct end *from, size_t n)
{
	return from->hung_up && n < COPY_ROOM ? MSG_MORE : 0;
}

/* Full reads one after the other are bulk. */
void way_note_copied(struct session *s, enum side side, size_t n)
{
	struct end *from = s->end[side];
	struct way *w = &s->way[side];

	if (n == COPY_ROOM) {
		w->full += w->full < SPLICE_AFTER;
		return;
	}
	w->full = 0;
	from->readable = !end_drained(from); /* what comes next is a new event */
}

static enum step step_copy(struct session *s, enum side side)
{
	struct end *from = s->end[side], *to = s->end[!side];
	uint8_t *copy = s->engine->copy;
	ssize_t n = end_recv(from, copy, COPY_ROOM), sent;

	if (n < 0)
		return read_failed(from);
	if (!n)
		return pass_end(s, side);
	way_note_read(s, side, n);
	way_note_copied(s, side, n);
	sent = from->readable ? end_send(to, copy, n, send_flags(from, n))
			      : end_send_soon(to, copy, n);
	if (sent < 0 && errno != EAGAIN && errno != EINTR)
		return STEP_WRITE_FAILED;
	if (sent > 0)
		to->active = loop_now(s->engine->loop);
	else
		sent = 0;
	if (sent < n) {
		to->writable = false;
		return way_hold(s, side, copy + sent, n - sent);
	}
	return from->readable ? STEP_MORE : STEP_WAIT;
}

static enum step flush_held(struct session *s, enum side side)
{
	struct end *to = s->end[!side];
	struct way *w = &s->way[side];
	ssize_t n = end_send(to, w->held + w->held_at, w->held_len, 0);

	if (n < 0)
		return write_failed(to);
	to->active = loop_now(s->engine->loop);
	w->held_at += n;
	w->held_len -= n;
	if (w->held_len) {
		to->writable = false;
		return STEP_WAIT;
	}
	free(w->held);
	w->held = NULL;
	return STEP_MORE;
}

static enum step flush_pipe(struct session *s, enum side side)
{
	struct end *to = s->end[!side];
	struct way *w = &s->way[side];
	ssize_t n = splice(w->pipe->fd[0], NULL, to->watch.fd, NULL, w->piped,
			   SPLICE_F_MOVE | SPLICE_F_NONBLOCK);

	if (n < 0)
		return write_failed(to);
	to->active = loop_now(s->engine->loop);
	w->piped -= n;
	return STEP_MORE;
}

static void judge_splice(struct way *w, size_t n)
{
	w->small = n < SPLICE_SMALL ? w->small + 1 : 0;
	if (w->small < COPY_AFTER)
		return;
	w->small = 0;
	w->full = 0;
}

enum step way_flush(struct session *s, enum side side)
{
	return s->way[side].held_len ? flush_held(s, side) : flush_pipe(s, side);
}

ssize_t way_splice(struct session *s, enum side side, size_t max)
{
	struct end *from = s->end[side];
	struct way *w = &s->way[side];
	ssize_t n = splice(from->watch.fd, NULL, w->pipe->fd[1], NULL,
			   max < SPLICE_MAX ? max : SPLICE_MAX, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);

	if (n < 0 && errno == EINVAL) { /* a socket that cannot */
		s->engine->splice = false;
		errno = EINTR;
	}
	if (n < 0 && errno == EAGAIN)
		from->readable = false;
	if (n <= 0)
		return n;
	way_note_read(s, side, n);
	judge_splice(w, n);
	w->piped = n;
	return n;
}

static enum step step_splice(struct session *s, enum side side)
{
	ssize_t n = way_splice(s, side, SPLICE_MAX);

	if (n < 0)
		return read_failed(s->end[side]);
	return n ? flush_pipe(s, side) : pass_end(s, side);
}

bool way_by_splice(struct session *s, enum side side)
{
	struct engine *e = s->engine;
	struct way *w = &s->way[side];
	bool allowed = e->splice && !(s->settings->says.flags & PROXY_SERVICE_COPY);

	if (w->full < SPLICE_AFTER || !allowed || s->end[!side]->out || s->end[side]->failed ||
	    s->end[CLIENT]->tls || s->end[SERVER]->tls)
		return false;
	if (!w->pipe)
		w->pipe = pipe_take(e);
	return w->pipe;
}

static enum step way_step(struct session *s, enum side side)
{
	struct way *w = &s->way[side];

	if (!s->end[!side]->writable)
		return STEP_WAIT;
	if (way_waits(w))
		return way_flush(s, side);
	if (w->done || !s->end[side]->readable)
		return STEP_WAIT;
	return way_by_splice(s, side) ? step_splice(s, side) : step_copy(s, side);
}

void way_rest(struct session *s, enum side side)
{
	struct way *w = &s->way[side];

	if (!w->pipe || w->piped)
		return;
	pipe_give(s->engine, w->pipe, true);
	w->pipe = NULL;
}

static void way_move(struct session *s, enum side side)
{
	enum step step = STEP_MORE;

	for (int i = 0; i < BUDGET && step == STEP_MORE; i++)
		step = way_step(s, side);
	if (step == STEP_OVER)
		session_end(s, false);
	else if (step == STEP_READ_FAILED)
		session_broken(s, side);
	else if (step == STEP_WRITE_FAILED)
		session_broken(s, !side);
	else if (step == STEP_MORE)
		session_again(s);
	if (s->state == SESSION_RELAY && way_waits(&s->way[side]))
		session_arm(s, 0); /* who is to take it may have been done with otherwise */
	way_rest(s, side);
}

void relay_start(struct session *s)
{
	s->state = SESSION_RELAY;
	s->end[CLIENT]->active = s->end[SERVER]->active = loop_now(s->engine->loop);
	session_arm(s, 0);
	relay_again(s);
}

void relay_again(struct session *s)
{
	for (int side = CLIENT; side <= SERVER && s->state == SESSION_RELAY; side++)
		way_move(s, side);
}

/* Nobody reads from that end now, so a reset would go unseen. */
static bool is_unread(const struct session *s, enum side side)
{
	const struct way *w = &s->way[side];

	return w->done || w->held_len || w->piped || !s->end[!side]->writable;
}

void relay_ready(struct session *s, enum side side, unsigned int events)
{
	struct end *e = s->end[side];
	bool was_full = !e->writable;

	e->writable |= (events & LOOP_WRITE) != 0;
	if (is_over(s)) {
		session_end(s, false);
		return;
	}
	if (events & LOOP_ERROR && is_unread(s, side) && end_error(e)) {
		session_broken(s, side);
		return;
	}
	if (e->readable)
		way_move(s, side);
	if (was_full && e->writable && s->state == SESSION_RELAY)
		way_move(s, !side);
}
