/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Small messages wait for the end of the round: first all that has come is received, then all is
 * sent. Whoever is woken finds more to do at a time, and so do we: fewer rounds and fewer wake-ups
 * a message. What waits here counts as sent; what the kernel then takes only in part goes on
 * waiting in the session, and a refusal is told as if the peer had said it.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/alloc.h"
#include "proxy/internal.h"

enum {
	OUTBOX_ENDS = 128,   /* as many as a round has events */
	OUTBOX_ROOM = 65536, /* bytes */
	OUTBOX_SMALL = 2048, /* what is longer is worth a system call at once */
};

struct outbox {
	struct engine *engine;
	struct hook hook;
	bool telling; /* takes nothing: all that is in it has been sent */
	size_t count, used;
	struct {
		struct end *end;  /* NULL: it was sent, or is gone */
		uint32_t at, len; /* len 0: it was refused, and the session has not heard of it */
	} entry[OUTBOX_ENDS];
	uint8_t bytes[OUTBOX_ROOM];
};

static void refused(struct outbox *o, size_t i, int error)
{
	o->entry[i].len = 0;
	o->entry[i].end->failed = error;
	o->entry[i].end->readable = true;
}

static void send_entry(struct outbox *o, size_t i)
{
	struct end *e = o->entry[i].end;
	const uint8_t *bytes = o->bytes + o->entry[i].at;
	size_t len = o->entry[i].len;
	ssize_t n = send(e->watch.fd, bytes, len, MSG_NOSIGNAL);

	if (n < 0 && errno != EAGAIN && errno != EINTR) {
		refused(o, i, errno);
		return;
	}
	if (n < 0)
		n = 0;
	if ((size_t)n < len) {
		e->writable = false;
		if (!session_unsent(e, bytes + n, len - n)) {
			refused(o, i, ENOMEM);
			return;
		}
	}
	o->entry[i].end = NULL;
	e->out = 0;
}

static void send_all(struct outbox *o)
{
	for (size_t i = 0; i < o->count; i++)
		if (o->entry[i].end && o->entry[i].len)
			send_entry(o, i);
}

/* Nobody is in the middle of a session now. What one says who hears of it goes out at once. */
static void tell_refused(struct outbox *o)
{
	o->telling = true;
	for (size_t i = 0; i < o->count; i++) {
		struct end *e = o->entry[i].end;

		if (!e)
			continue;
		o->entry[i].end = NULL;
		e->out = 0;
		session_ready(&e->watch, LOOP_READ | LOOP_ERROR);
	}
	o->telling = false;
	o->count = o->used = 0;
}

static void round_over(struct hook *h)
{
	struct outbox *o = container_of(h, struct outbox, hook);

	send_all(o);
	tell_refused(o);
}

struct outbox *outbox_new(struct engine *e)
{
	struct outbox *o = calloc(1, sizeof(*o));

	if (!o)
		return NULL;
	o->engine = e;
	o->hook.fn = round_over;
	return o;
}

void outbox_free(struct outbox *o)
{
	free(o);
}

static bool has_room(const struct outbox *o, size_t len)
{
	return o->count < OUTBOX_ENDS && len <= OUTBOX_ROOM - o->used;
}

bool outbox_put(struct end *e, const void *bytes, size_t len)
{
	struct outbox *o = e->engine->outbox;

	if (e->out || o->telling || len > OUTBOX_SMALL || !has_room(o, len))
		return false;
	memcpy(o->bytes + o->used, bytes, len);
	o->entry[o->count].end = e;
	o->entry[o->count].at = o->used;
	o->entry[o->count].len = len;
	o->used += len;
	e->out = ++o->count;
	loop_defer(e->engine->loop, &o->hook);
	return true;
}

void outbox_send(struct end *e)
{
	struct outbox *o = e->engine->outbox;

	if (e->out && o->entry[e->out - 1].len)
		send_entry(o, e->out - 1);
}

void outbox_forget(struct end *e)
{
	if (e->out)
		e->engine->outbox->entry[e->out - 1].end = NULL;
	e->out = 0;
}
