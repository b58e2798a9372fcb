/* SPDX-License-Identifier: GPL-2.0-only */
#include "io/stream.h"

#include <errno.h>
#include <unistd.h>

#include "base/alloc.h"
#include "io/sock.h"

static int plain_handshake(struct stream *s)
{
	return 0;
}

static ssize_t plain_read(struct stream *s, void *to, size_t room)
{
	ssize_t n = recv(s->watch.fd, to, room, 0);

	return n < 0 ? -errno : n;
}

static ssize_t plain_write(struct stream *s, const void *from, size_t len)
{
	ssize_t n = send(s->watch.fd, from, len, MSG_NOSIGNAL);

	return n < 0 ? -errno : n;
}

static void plain_nothing(struct stream *s)
{
}

static const struct stream_kind plain = {
	.handshake = plain_handshake,
	.read = plain_read,
	.write = plain_write,
	.goodbye = plain_nothing,
	.fini = plain_nothing,
};

static int watch_again(struct stream *s, unsigned int obvious)
{
	return loop_watch(s->loop, &s->watch, s->watch.fd, s->blocked ? s->blocked : obvious);
}

/* Goes on with connecting and the handshake. Returns 0 when open, -EAGAIN, or -errno. */
static int become_open(struct stream *s)
{
	int err;

	if (s->state == STREAM_CONNECTING) {
		err = sock_error(s->watch.fd);
		if (err)
			return err;
		s->state = STREAM_HANDSHAKE;
	}
	err = s->kind->handshake(s);
	if (!err)
		s->state = STREAM_OPEN;
	return err;
}

static void stream_ready(struct watch *w, unsigned int events)
{
	struct stream *s = container_of(w, struct stream, watch);
	int err = 0;

	s->blocked = 0;
	if (s->state != STREAM_OPEN)
		err = become_open(s);
	if (err == -EAGAIN) {
		err = watch_again(s, LOOP_READ);
		if (!err)
			return;
	}
	s->fn(s, err);
}

static int begin(struct stream *s, struct loop *l, int fd, enum stream_state state)
{
	int err;

	s->loop = l;
	s->state = state;
	s->wanted = s->blocked = 0;
	s->held = false;
	s->watch = (struct watch){.fn = stream_ready};
	if (!s->kind)
		s->kind = &plain;
	err = loop_watch(l, &s->watch, fd, LOOP_WRITE);
	s->watch.fd = fd;
	if (err)
		stream_close(s);
	return err;
}

int stream_connect(struct stream *s, struct loop *l, const struct addr *to, uint16_t port,
		   bool withhold_ack)
{
	int fd, err = sock_connect_from(&fd, to, port, withhold_ack, s->from);

	if (!err)
		return begin(s, l, fd, STREAM_CONNECTING);
	if (s->kind)
		s->kind->fini(s);
	s->kind = NULL;
	return err;
}

int stream_open(struct stream *s, struct loop *l, int fd)
{
	return begin(s, l, fd, STREAM_HANDSHAKE);
}

int stream_want(struct stream *s, unsigned int events)
{
	s->wanted = events;
	if (s->held)
		sock_push(s->watch.fd);
	s->held = false;
	return watch_again(s, events);
}

static ssize_t result(ssize_t n)
{
	return n == -EINTR || n == -EWOULDBLOCK ? -EAGAIN : n;
}

ssize_t stream_read(struct stream *s, void *to, size_t room)
{
	s->blocked = 0;
	return result(s->kind->read(s, to, room));
}

ssize_t stream_write(struct stream *s, const void *from, size_t len)
{
	s->blocked = 0;
	return result(s->kind->write(s, from, len));
}

static void end(struct stream *s)
{
	loop_unwatch(&s->watch);
	s->kind->fini(s);
	close(s->watch.fd);
	s->state = STREAM_CLOSED;
	s->kind = NULL;
}

void stream_close(struct stream *s)
{
	if (s->state == STREAM_CLOSED)
		return;
	if (s->state == STREAM_OPEN)
		s->kind->goodbye(s);
	end(s);
}

void stream_abort(struct stream *s)
{
	if (s->state == STREAM_CLOSED)
		return;
	sock_abort(s->watch.fd);
	end(s);
}
