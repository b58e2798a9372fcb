/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A byte stream over a TCP connection on the loop. Plain, or TLS: that is one more kind (io/tls.h),
 * and who reads and writes need not know. Embedded in its owner, who is called when it may go on.
 */
#ifndef LBXDP_IO_STREAM_H
#define LBXDP_IO_STREAM_H

#include <sys/types.h>

#include "base/addr.h"
#include "io/loop.h"

struct stream;

/* How bytes travel. handshake, read and write return -EAGAIN when the socket must be waited for,
 * and have then set blocked to the LOOP_ events if those differ from the obvious. */
struct stream_kind {
	int (*handshake)(struct stream *s);
	ssize_t (*read)(struct stream *s, void *to, size_t room);
	ssize_t (*write)(struct stream *s, const void *from, size_t len);
	void (*goodbye)(struct stream *s); /* tell the peer that no more comes */
	void (*fini)(struct stream *s);
};

enum stream_state { STREAM_CLOSED, STREAM_CONNECTING, STREAM_HANDSHAKE, STREAM_OPEN };

/* error 0: it is open and may be read and written; else what failed, in the state it is in: the
 * owner closes it. The owner may close it in here in any case. */
typedef void stream_fn(struct stream *s, int error);

struct stream {
	stream_fn *fn;
	const struct stream_kind *kind;
	void *tls; /* of the kind */
	struct watch watch;
	struct loop *loop;
	enum stream_state state;
	unsigned int wanted, blocked; /* LOOP_ events */
	bool held;                    /* the kernel keeps back our last bytes for the next */
	uint16_t from;                /* local port; 0: any. Set before stream_connect */
	const char *reason;           /* of a TLS failure, static text, or NULL */
};

/* Set fn before, the rest zero; attach TLS before if it is wanted. Begins to connect (withhold_ack:
 * see sock_connect). Returns 0 or -errno; fn is then not called. */
int stream_connect(struct stream *s, struct loop *l, const struct addr *to, uint16_t port,
		   bool withhold_ack);

/* Takes a connected socket instead; fn is called when the handshake, if any, is done. */
int stream_open(struct stream *s, struct loop *l, int fd);

/* Call fn when LOOP_READ, LOOP_WRITE or both are possible; 0: only when it breaks. An open stream's
 * fn ends with this or with closing. */
int stream_want(struct stream *s, unsigned int events);

/* Return bytes, -EAGAIN, or -errno; read returns 0 at the end. Read until -EAGAIN: TLS may hold
 * bytes that the socket no longer shows. */
ssize_t stream_read(struct stream *s, void *to, size_t room);
ssize_t stream_write(struct stream *s, const void *from, size_t len);

/* Says goodbye where the kind knows how, and closes. Again, or when never opened: nothing. */
void stream_close(struct stream *s);

/* Closes with a reset: the peer's program need not hear of it at all if it has not read yet. */
void stream_abort(struct stream *s);

#endif
