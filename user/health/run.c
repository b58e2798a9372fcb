/* SPDX-License-Identifier: GPL-2.0-only */
#include "health/run.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "health/talk.h"

enum { ROOM_FIRST = 4096, ROOM_MAX = HTTP1_HEAD_MAX, PORT_TRIES = 32 };

struct run {
	struct run_order order;
	struct stream stream;
	struct ping ping;
	struct timer timer;
	struct hook end;
	uint64_t started; /* usec */
	struct check_outcome outcome;
	struct talk talk;
	uint16_t port; /* of order.ports; 0: none */
	bool talking, over;
	char *in; /* what came and is not done with */
	size_t in_len, in_room;
};

static void run_free(struct run *r)
{
	free(r->in);
	free(r);
}

static void report(struct hook *h)
{
	struct run *r = container_of(h, struct run, end);

	if (r->order.done)
		r->order.done(r->order.arg, &r->outcome);
	run_free(r);
}

static void give_port(struct run *r)
{
	if (r->port)
		ports_give(r->order.ports, r->port);
	r->port = 0;
}

/* Lets go of everything but the struct. */
static void wind_up(struct run *r)
{
	r->over = true;
	timer_stop(&r->timer);
	if (r->order.pinger)
		ping_stop(r->order.pinger, &r->ping);
	stream_close(&r->stream);
	give_port(r);
}

/* By which way the server was asked stands in front: the end of a long cause may be cut off. */
static void set_detail(struct run *r, const char *detail)
{
	const struct addr *via = &r->order.recipe->via;
	char vip[ADDR_TEXT_LEN];

	if (addr_is_unspecified(via))
		snprintf(r->outcome.detail, sizeof(r->outcome.detail), "%s", detail);
	else
		snprintf(r->outcome.detail, sizeof(r->outcome.detail), "via %s%s%s",
			 addr_format(via, vip), *detail ? ": " : "", detail);
}

static void finish(struct run *r, enum check_code code, const char *detail)
{
	r->outcome.code = code;
	r->outcome.duration_usec = clock_usec() - r->started;
	set_detail(r, detail ? detail : "");
	wind_up(r);
	loop_defer(r->order.loop, &r->end);
}

static void finish_talk(struct run *r)
{
	r->outcome = *r->talk.outcome;
	finish(r, r->outcome.code, r->talk.outcome->detail);
}

/* What no server can cause. EACCES is not here: ICMPv6 "prohibited" from a firewall comes as that.
 */
static bool is_our_fault(int error)
{
	switch (-error) {
	case EMFILE:
	case ENFILE:
	case ENOMEM:
	case ENOBUFS:
	case EADDRNOTAVAIL: /* no local port left */
	case EADDRINUSE:
	case EPERM:
	case EBADF:
	case EBUSY:
	case EAFNOSUPPORT:
		return true;
	}
	return false;
}

static void finish_unreached(struct run *r, int error)
{
	enum check_code code = CHECK_CODE_L4CON;

	if (is_our_fault(error))
		code = CHECK_CODE_SOCKERR;
	else if (error == -ETIMEDOUT)
		code = CHECK_CODE_L4TOUT;
	finish(r, code, error == -EBADF ? "no raw ICMP socket" : strerrordesc_np(-error));
}

static void finish_unsecured(struct run *r, int error)
{
	char detail[CHECK_DETAIL_LEN];

	if (is_our_fault(error)) {
		finish(r, CHECK_CODE_SOCKERR, strerrordesc_np(-error));
		return;
	}
	snprintf(detail, sizeof(detail), "TLS handshake: %s",
		 r->stream.reason ? r->stream.reason : strerrordesc_np(-error));
	finish(r, CHECK_CODE_L6RSP, detail);
}

static void finish_closed(struct run *r, int error)
{
	talk_closed(&r->talk, error ? "connection reset" : "connection closed");
	finish_talk(r);
}

static void run_timeout(struct timer *t)
{
	struct run *r = container_of(t, struct run, timer);

	if (r->talking) {
		talk_timeout(&r->talk);
		finish_talk(r);
	} else if (r->stream.state == STREAM_HANDSHAKE) {
		finish(r, CHECK_CODE_L6TOUT, "timed out in the TLS handshake");
	} else if (r->order.recipe->type == CHECK_PING) {
		finish(r, CHECK_CODE_L4TOUT, "no echo reply");
	} else {
		finish(r, CHECK_CODE_L4TOUT, "timed out while connecting");
	}
}

/* Sends what is to be said. Returns 0 or -EAGAIN. A peer that does not listen any more may still
 * have said why: what is left unsaid is dropped and its words are read. */
static int say(struct run *r)
{
	struct slice *left = &r->talk.say;

	while (left->len) {
		ssize_t n = stream_write(&r->stream, left->at, left->len);

		if (n == -EAGAIN)
			return -EAGAIN;
		if (n < 0)
			n = left->len;
		else if (r->order.trace)
			r->order.trace->sent(r->order.trace->arg, left->at, n);
		left->at += n;
		left->len -= n;
	}
	return 0;
}

static void feed(struct run *r)
{
	size_t used = talk_feed(&r->talk, r->in, r->in_len);

	if (!used)
		return;
	r->in_len -= used;
	memmove(r->in, r->in + used, r->in_len);
}

static bool make_room(struct run *r)
{
	size_t room = r->in_room ? 4 * r->in_room : ROOM_FIRST;
	char *in;

	if (r->in_len < r->in_room)
		return true;
	in = room > ROOM_MAX ? NULL : realloc(r->in, room);
	if (!in)
		return false;
	r->in = in;
	r->in_room = room;
	return true;
}

/* Reads once. Returns bytes, 0 at the end, -EAGAIN or -errno. */
static ssize_t hear(struct run *r)
{
	ssize_t n;

	if (!make_room(r))
		return -ENOMEM;
	n = stream_read(&r->stream, r->in + r->in_len, r->in_room - r->in_len);
	if (n > 0 && r->order.trace)
		r->order.trace->received(r->order.trace->arg, r->in + r->in_len, n);
	if (n > 0)
		r->in_len += n;
	return n;
}

static void wait_for(struct run *r, unsigned int events)
{
	int err = stream_want(&r->stream, events);

	if (err)
		finish(r, CHECK_CODE_SOCKERR, strerrordesc_np(-err));
}

/* Says and hears until the verdict, or until the socket must be waited for. It ends: a talk reads a
 * bounded number of bytes. */
static void converse(struct run *r)
{
	ssize_t n;

	for (;;) {
		if (say(r)) {
			wait_for(r, LOOP_WRITE);
			return;
		}
		feed(r);
		if (r->talk.over) {
			finish_talk(r);
			return;
		}
		if (r->talk.say.len)
			continue;
		n = hear(r);
		if (n == -EAGAIN) {
			wait_for(r, LOOP_READ);
			return;
		}
		if (n <= 0) {
			finish_closed(r, n);
			return;
		}
	}
}

static void opened(struct run *r)
{
	const struct run_trace *trace = r->order.trace;

	if (trace)
		trace->connected(trace->arg);
	if (trace && r->order.recipe->tls)
		trace->secured(trace->arg, &r->stream);
	if (r->order.recipe->talk == RECIPE_SILENT) {
		/* Our ACK is still withheld: with a reset instead, the peer's kernel drops the
		 * half-open connection and its mail server neither sees nor logs anything. */
		stream_abort(&r->stream);
		finish(r, CHECK_CODE_L4OK, "connected");
		return;
	}
	r->talking = true;
	talk_start(&r->talk, r->order.recipe);
	converse(r);
}

static void stream_ready(struct stream *s, int error)
{
	struct run *r = container_of(s, struct run, stream);

	if (error && s->state == STREAM_CONNECTING)
		finish_unreached(r, error);
	else if (error && s->state == STREAM_HANDSHAKE)
		finish_unsecured(r, error);
	else if (error)
		finish_closed(r, error);
	else if (r->talking)
		converse(r);
	else
		opened(r);
}

static void echo_answered(struct ping *p)
{
	finish(container_of(p, struct run, ping), CHECK_CODE_L4OK, "echo reply");
}

static int connect_run(struct run *r)
{
	const struct recipe *recipe = r->order.recipe;
	struct tls_peer peer = {.name = recipe->name, .addr = &recipe->peer_addr};
	int err = 0;

	r->stream.from = r->port;
	if (recipe->tls)
		err = tls_attach_client(&r->stream, r->order.context, &peer, r->order.memory);
	if (!err)
		err = stream_connect(&r->stream, r->order.loop, &recipe->addr, recipe->port,
				     recipe->quiet);
	return err;
}

/* A port may be another program's, or still be held by an earlier connection to this server. */
static int connect_via(struct run *r)
{
	int err = -EADDRNOTAVAIL;

	for (int tries = 0; tries < PORT_TRIES && r->order.ports; tries++) {
		r->port = ports_take(r->order.ports, r->order.check);
		if (!r->port)
			return -EADDRNOTAVAIL;
		err = connect_run(r);
		if (err != -EADDRINUSE && err != -EADDRNOTAVAIL)
			return err;
		give_port(r);
	}
	return err;
}

static int begin(struct run *r)
{
	const struct recipe *recipe = r->order.recipe;

	if (recipe->type == CHECK_PING)
		return ping_send(r->order.pinger, &r->ping, &recipe->addr);
	return addr_is_unspecified(&recipe->via) ? connect_run(r) : connect_via(r);
}

struct run *run_start(const struct run_order *order)
{
	struct run *r = calloc(1, sizeof(*r));
	int err;

	if (!r)
		return NULL;
	r->order = *order;
	r->started = clock_usec();
	r->stream.fn = stream_ready;
	r->ping.answered = echo_answered;
	r->timer.fn = run_timeout;
	r->end.fn = report;
	timer_start(order->loop, &r->timer, order->recipe->timeout);
	err = begin(r);
	if (err)
		finish_unreached(r, err);
	return r;
}

void run_cancel(struct run *r)
{
	r->order.done = NULL;
	if (r->over)
		return;
	wind_up(r);
	run_free(r);
}
