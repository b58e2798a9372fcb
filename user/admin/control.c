/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The control socket (F14). A request is one line, a reply the exit code on a line of its own and
 * then the text, and the end. At most CONNECTIONS_MAX at a time: when all places are taken the
 * client that has been silent longest makes room, so that idle ones never lock an operator out.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "admin/admin.h"
#include "admin/command.h"
#include "admin/control_bind.h"
#include "admin/peer.h"
#include "base/alloc.h"
#include "base/log.h"

enum {
	CONNECTIONS_MAX = 256,
	IDLE_MSEC = 10000,  /* to say a whole request; and for each bit of the reply to be taken */
	PAUSE_MSEC = 200,   /* without accepting, when there are no descriptors (F21) */
	ACCEPT_BUDGET = 64, /* a round */
};

enum state {
	STATE_READING,
	STATE_WAITING, /* until ready says so */
	STATE_WRITING,
	STATE_HOLDING, /* an isolation */
	STATE_STREAMING,
	STATE_STOPPING,
	STATE_ENDED, /* freed at the end of the round */
};

struct connection {
	struct admin *admin;
	struct watch watch;
	struct timer timer;
	enum state state;
	enum command_then then;
	bool isolating;
	bool streams;    /* the daemon has not ended it */
	uint64_t serial; /* counts up: the smallest is the oldest */
	char line[LINE_MAX_BYTES + 2];
	size_t line_len;
	struct buf out;           /* what is still to be sent */
	struct buf body;          /* of a reply that waits ... */
	bool (*ready)(void *arg); /* ... for this */
};

struct admin {
	struct loop *loop;
	struct admin_ops ops;
	gid_t group;
	struct watch watch;
	struct timer pause;
	struct hook hook;
	uint64_t serial;
	struct connection *connections[CONNECTIONS_MAX];
	struct sockaddr_un addr;
};

static void connection_drop(struct connection *c)
{
	timer_stop(&c->timer);
	loop_unwatch(&c->watch);
	close(c->watch.fd);
	c->state = STATE_ENDED;
	if (c->isolating)
		c->admin->ops.isolate_end(c->admin->ops.arg, c);
	if (c->streams)
		c->admin->ops.stream_stop(c->admin->ops.arg, c, true);
	c->streams = false;
}

static void connection_end(struct connection *c)
{
	if (c->state == STATE_ENDED)
		return;
	connection_drop(c);
	loop_defer(c->admin->loop, &c->admin->hook);
}

static void free_ended(struct hook *h)
{
	struct admin *a = container_of(h, struct admin, hook);

	for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
		struct connection *c = a->connections[i];

		if (!c || c->state != STATE_ENDED)
			continue;
		buf_free(&c->out);
		buf_free(&c->body);
		free(c);
		a->connections[i] = NULL;
	}
}

/* What a stream is watched for beside room to write. */
static unsigned int stream_events(const struct connection *c)
{
	return c->then == COMMAND_FOLLOW ? LOOP_READ : 0;
}

static void watch_for(struct connection *c, unsigned int events)
{
	if (loop_watch(c->admin->loop, &c->watch, c->watch.fd, events))
		connection_end(c);
}

/* The reply is out: what now? */
static void reply_sent(struct connection *c)
{
	timer_stop(&c->timer);
	if (c->streams) {
		c->state = STATE_STREAMING;
		watch_for(c, stream_events(c));
		return;
	}
	if (c->then == COMMAND_CLOSE) {
		connection_end(c);
		return;
	}
	c->state = c->then == COMMAND_HOLD ? STATE_HOLDING : STATE_STOPPING;
	watch_for(c, 0); /* until the client hangs up */
	if (c->then == COMMAND_STOP)
		loop_stop(c->admin->loop);
}

static void reply_more(struct connection *c)
{
	while (c->out.len) {
		ssize_t sent =
			send(c->watch.fd, c->out.at, c->out.len, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0 && errno == EAGAIN) {
			watch_for(c, LOOP_WRITE | (c->streams ? stream_events(c) : 0));
			return;
		}
		if (sent < 0) {
			connection_end(c);
			if (c->then == COMMAND_STOP)
				loop_stop(c->admin->loop);
			return;
		}
		buf_consume(&c->out, sent);
		if (c->then != COMMAND_FOLLOW)
			timer_start(c->admin->loop, &c->timer, IDLE_MSEC);
	}
	reply_sent(c);
}

/* What the client said beyond its line is read away: closing over it would reset our reply. */
static void read_away(struct connection *c)
{
	char rest[4096];

	for (int i = 0; i < 16; i++)
		if (recv(c->watch.fd, rest, sizeof(rest), MSG_DONTWAIT) <= 0)
			return;
}

static void reply(struct connection *c, int code, const struct buf *body)
{
	read_away(c);
	c->state = STATE_WRITING;
	buf_printf(&c->out, "%d\n", code);
	buf_append(&c->out, body->at, body->len);
	reply_more(c);
}

static void reply_usage(struct connection *c, const char *what)
{
	struct buf body = {};

	buf_puts(&body, what);
	reply(c, 2, &body);
	buf_free(&body);
}

static void obey(struct connection *c, const struct line_words *words)
{
	struct admin *a = c->admin;
	char who[PEER_NAME_LEN];
	struct peer peer;
	struct command_request r = {.ops = &a->ops, .who = who, .token = c, .words = words};
	int code;

	if (peer_of(&peer, c->watch.fd)) {
		connection_end(c);
		return;
	}
	peer_name(&peer, who);
	r.may_order = peer_may_order(&peer, geteuid(), a->group);
	code = command_run(&r);
	c->then = r.then;
	c->isolating = r.then == COMMAND_HOLD;
	c->streams = r.then == COMMAND_STREAM || r.then == COMMAND_FOLLOW;
	if (r.then == COMMAND_WAIT) {
		c->then = COMMAND_CLOSE;
		c->state = STATE_WAITING;
		c->body = r.out;
		c->ready = r.ready;
		timer_stop(&c->timer);
		watch_for(c, 0);
	} else {
		reply(c, code, &r.out);
		buf_free(&r.out);
	}
}

static void obey_line(struct connection *c, size_t len)
{
	struct line_words words;
	int err;

	if (len && c->line[len - 1] == '\r')
		len--;
	if (memchr(c->line, '\0', len)) {
		reply_usage(c, "the request holds a NUL byte\n");
		return;
	}
	c->line[len] = '\0';
	err = line_split(c->line, &words);
	if (err == -E2BIG)
		reply_usage(c, "the request has too many words\n");
	else if (err)
		reply_usage(c, "the request holds a control character or an open quote\n");
	else
		obey(c, &words);
}

static void read_line(struct connection *c)
{
	ssize_t got = recv(c->watch.fd, c->line + c->line_len, LINE_MAX_BYTES + 1 - c->line_len,
			   MSG_DONTWAIT);
	char *end;

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got < 0 || (got == 0 && !c->line_len)) {
		connection_end(c);
		return;
	}
	c->line_len += got;
	end = memchr(c->line, '\n', c->line_len);
	if (end)
		obey_line(c, end - c->line);
	else if (c->line_len > LINE_MAX_BYTES)
		reply_usage(c, "the request line is longer than 4096 bytes\n");
	else if (got == 0)
		obey_line(c, c->line_len); /* the last line of a pipe may lack its end */
}

/* Of a client that closes its half, or speaks, one that follows wants the end of it. */
static void stream_ready(struct connection *c, unsigned int events)
{
	if (events & LOOP_ERROR)
		connection_end(c);
	else if (events & LOOP_WRITE)
		reply_more(c);
	if (c->state == STATE_STREAMING && events & LOOP_READ)
		c->admin->ops.stream_stop(c->admin->ops.arg, c, false);
}

static void connection_ready(struct watch *w, unsigned int events)
{
	struct connection *c = container_of(w, struct connection, watch);

	switch (c->state) {
	case STATE_READING:
		read_line(c);
		break;
	case STATE_WRITING:
		reply_more(c);
		break;
	case STATE_STREAMING:
		stream_ready(c, events);
		break;
	case STATE_WAITING:
	case STATE_HOLDING:
	case STATE_STOPPING:
		connection_end(c);
		break;
	case STATE_ENDED:
		break;
	}
}

static void connection_late(struct timer *t)
{
	connection_end(container_of(t, struct connection, timer));
}

/* A place for one more: a free one, or that of the client that has been silent longest. NULL when
 * every client has something in hand. */
static struct connection **find_place(struct admin *a)
{
	struct connection **oldest = NULL;

	for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
		struct connection **place = &a->connections[i];

		if (!*place)
			return place;
		if ((*place)->state == STATE_READING &&
		    (!oldest || (*place)->serial < (*oldest)->serial))
			oldest = place;
	}
	if (!oldest)
		return NULL;
	connection_end(*oldest);
	free_ended(&a->hook);
	return oldest;
}

static void connection_new(struct admin *a, int fd)
{
	struct connection **place = find_place(a), *c;

	if (!place) {
		static const char full[] = "1\ntoo many clients; try again\n";

		(void)send(fd, full, strlen(full), MSG_NOSIGNAL | MSG_DONTWAIT); /* a courtesy */
		close(fd);
		return;
	}
	c = *place = xcalloc(1, sizeof(*c));
	c->admin = a;
	c->serial = ++a->serial;
	c->watch.fn = connection_ready;
	c->watch.fd = fd;
	c->timer.fn = connection_late;
	timer_start(a->loop, &c->timer, IDLE_MSEC);
	watch_for(c, LOOP_READ);
}

static void accept_ready(struct watch *w, unsigned int events)
{
	struct admin *a = container_of(w, struct admin, watch);

	for (int i = 0; i < ACCEPT_BUDGET; i++) {
		int fd = accept4(w->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd >= 0) {
			connection_new(a, fd);
			continue;
		}
		if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED)
			return;
		log_warning("control socket: accept: %s", strerror(errno));
		loop_unwatch(w);
		timer_start(a->loop, &a->pause, PAUSE_MSEC);
		return;
	}
}

static void accept_again(struct timer *t)
{
	struct admin *a = container_of(t, struct admin, pause);
	int err = loop_watch(a->loop, &a->watch, a->watch.fd, LOOP_READ);

	if (err)
		log_error("control socket: %s; it answers no more", strerror(-err));
}

int admin_open(struct admin **out, struct loop *l, const char *path, gid_t group,
	       const struct admin_ops *ops)
{
	struct admin *a;
	int err, fd;

	if (strlen(path) >= sizeof(a->addr.sun_path))
		return -ENAMETOOLONG;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	a = xcalloc(1, sizeof(*a));
	a->loop = l;
	a->ops = *ops;
	a->group = group;
	a->addr.sun_family = AF_UNIX;
	strcpy(a->addr.sun_path, path);
	a->watch.fn = accept_ready;
	a->pause.fn = accept_again;
	a->hook.fn = free_ended;
	err = control_bind(fd, &a->addr, group);
	if (!err)
		err = loop_watch(l, &a->watch, fd, LOOP_READ);
	if (err)
		goto fail;
	*out = a;
	return 0;
fail:
	close(fd);
	free(a);
	return err;
}

/*
 * Isolations end with the daemon. The connection of a client that ordered `down` is left to the
 * end of the process: its end tells the client that everything is gone.
 */
void admin_close(struct admin *a, bool unlink_socket)
{
	if (!a)
		return;
	timer_stop(&a->pause);
	loop_unwatch(&a->watch);
	close(a->watch.fd);
	if (unlink_socket)
		(void)unlink(a->addr.sun_path); /* already gone is as good */
	for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
		struct connection *c = a->connections[i];

		if (c && c->state == STATE_STOPPING) {
			loop_unwatch(&c->watch);
			c->state = STATE_ENDED;
		} else if (c && c->state != STATE_ENDED) {
			connection_drop(c);
		}
	}
	free_ended(&a->hook);
	free(a);
}

void admin_wake(struct admin *a)
{
	for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
		struct connection *c = a->connections[i];

		if (c && c->state == STATE_WAITING && c->ready(a->ops.arg))
			reply(c, 0, &c->body);
	}
}

/* A connection that names itself, as it did to the daemon. */
static struct connection *streaming(const struct admin *a, const void *token)
{
	for (size_t i = 0; i < CONNECTIONS_MAX; i++)
		if (a->connections[i] == token && a->connections[i]->streams)
			return a->connections[i];
	return NULL;
}

size_t admin_stream_pending(const struct admin *a, const void *token)
{
	const struct connection *c = streaming(a, token);

	return c ? c->out.len : 0;
}

/* Sends soon. Where the loop refuses the watch, the timer ends the connection: not here, where its
 * owner would be called back. */
static void send_soon(struct connection *c, unsigned int events)
{
	if (loop_watch(c->admin->loop, &c->watch, c->watch.fd, events))
		timer_start(c->admin->loop, &c->timer, 0);
	else if (c->then != COMMAND_FOLLOW && !timer_running(&c->timer))
		timer_start(c->admin->loop, &c->timer, IDLE_MSEC);
}

void admin_stream_add(struct admin *a, const void *token, const struct buf *bytes)
{
	struct connection *c = streaming(a, token);
	bool idle;

	if (!c || !bytes->len)
		return;
	idle = !c->out.len;
	buf_append(&c->out, bytes->at, bytes->len);
	if (idle && c->state == STATE_STREAMING)
		send_soon(c, LOOP_WRITE | stream_events(c));
}

void admin_stream_end(struct admin *a, const void *token)
{
	struct connection *c = streaming(a, token);

	if (!c)
		return;
	c->streams = false;
	c->then = COMMAND_CLOSE;
	c->state = STATE_WRITING;
	send_soon(c, LOOP_WRITE);
}
