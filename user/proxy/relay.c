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

#include "io/sock.h"
#include "proxy/internal.h"

enum {
	BUDGET = 16,      /* steps of a way before others have their turn */
	SPLICE_AFTER = 3, /* full reads */
	COPY_AFTER = 4,   /* small splices */
	SPLICE_SMALL = 8192,
	SPLICE_MAX = 262144, /* at most as many pages as the pipe has slots */
};

enum step { STEP_MORE, STEP_WAIT, STEP_OVER, STEP_READ_FAILED, STEP_WRITE_FAILED };

void way_fini(struct engine *e, struct way *w)
{
	free(w->held);
	w->held = NULL;
	w->held_len = 0;
	if (w->pipe)
		pipe_give(e, w->pipe, !w->piped);
	w->pipe = NULL;
}

static void note_read(struct session *s, enum side side, size_t n)
{
	s->end[side]->active = loop_now(s->engine->loop);
	if (side == CLIENT)
		session_count(s, bytes_in, n);
	else
		session_count(s, bytes_out, n);
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

static enum step hold(struct session *s, enum side side, const uint8_t *bytes, size_t len)
{
	struct way *w = &s->way[side];

	w->held = malloc(len);
	if (!w->held)
		return STEP_WRITE_FAILED;
	memcpy(w->held, bytes, len);
	w->held_at = 0;
	w->held_len = len;
	s->end[!side]->writable = false;
	return STEP_WAIT;
}

/* When the end is already in the kernel it comes next, and travels in the packet of the last bytes.
 */
static int send_flags(const struct end *from, size_t n)
{
	return from->hung_up && n < COPY_ROOM ? MSG_MORE : 0;
}

static enum step step_copy(struct session *s, enum side side)
{
	struct end *from = s->end[side], *to = s->end[!side];
	struct way *w = &s->way[side];
	uint8_t *copy = s->engine->copy;
	ssize_t n = end_recv(from, copy, COPY_ROOM), sent;

	if (n < 0)
		return read_failed(from);
	if (!n)
		return pass_end(s, side);
	note_read(s, side, n);
	if (n == COPY_ROOM) {
		w->full += w->full < SPLICE_AFTER;
	} else {
		w->full = 0;
		from->readable = from->hung_up || from->tls; /* drained; what comes next is a new
							      * event. TLS may hold more */
	}
	sent = end_send(to, copy, n, send_flags(from, n));
	if (sent < 0 && errno != EAGAIN && errno != EINTR)
		return STEP_WRITE_FAILED;
	if (sent > 0)
		to->active = loop_now(s->engine->loop);
	else
		sent = 0;
	if (sent < n)
		return hold(s, side, copy + sent, n - sent);
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

static enum step step_splice(struct session *s, enum side side)
{
	struct end *from = s->end[side];
	struct way *w = &s->way[side];
	ssize_t n = splice(from->watch.fd, NULL, w->pipe->fd[1], NULL, SPLICE_MAX,
			   SPLICE_F_MOVE | SPLICE_F_NONBLOCK);

	if (n < 0 && errno == EINVAL) { /* a socket that cannot */
		s->engine->splice = false;
		return STEP_MORE;
	}
	if (n < 0)
		return read_failed(from);
	if (!n)
		return pass_end(s, side);
	note_read(s, side, n);
	judge_splice(w, n);
	w->piped = n;
	return flush_pipe(s, side);
}

static bool by_splice(struct session *s, struct way *w)
{
	struct engine *e = s->engine;

	if (w->full < SPLICE_AFTER || !e->splice || s->end[CLIENT]->tls || s->end[SERVER]->tls)
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
	if (w->held_len)
		return flush_held(s, side);
	if (w->piped)
		return flush_pipe(s, side);
	if (w->done || !s->end[side]->readable)
		return STEP_WAIT;
	return by_splice(s, w) ? step_splice(s, side) : step_copy(s, side);
}

/* An empty pipe goes back: what is idle holds none. */
static void give_pipe(struct session *s, struct way *w)
{
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
	give_pipe(s, &s->way[side]);
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
	if (events & LOOP_ERROR && is_unread(s, side) && sock_error(e->watch.fd)) {
		session_broken(s, side);
		return;
	}
	if (e->readable)
		way_move(s, side);
	if (was_full && e->writable && s->state == SESSION_RELAY)
		way_move(s, !side);
}
