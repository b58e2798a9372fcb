/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Messages between our processes: one struct, or bytes, a SOCK_SEQPACKET record, with at most one
 * file descriptor. What the socket does not take at once is queued in order, so that a busy child
 * never blocks main; the queue is bounded.
 */
#ifndef LBXDP_IO_CHANNEL_H
#define LBXDP_IO_CHANNEL_H

#include <sys/types.h>

#include "io/loop.h"

enum { CHANNEL_MESSAGE_MAX = 65536 };

struct channel;

/* A message, whole. fd is -1 or a descriptor that the callee now owns. */
typedef void channel_message_fn(struct channel *c, const void *bytes, size_t len, int fd);
/* The peer is gone or said nonsense the kernel refused; call channel_fini. Called once. */
typedef void channel_closed_fn(struct channel *c);

struct channel_item;

struct channel {
	channel_message_fn *message;
	channel_closed_fn *closed;
	struct watch watch;
	struct channel_item *first, **last;
	size_t queued; /* messages waiting */
	bool broken;
};

/* A connected pair, non-blocking, close-on-exec. Returns 0 or -errno. */
int channel_pair(int fd[2]);

/* Set message and closed first. Takes fd. Returns 0 or -errno. */
int channel_init(struct channel *c, struct loop *l, int fd);
void channel_fini(struct channel *c);

/* Copies the message; dups fd (-1: none). Returns 0, -EMSGSIZE, -ENOBUFS when too many wait, or
 * -EPIPE. */
int channel_send(struct channel *c, const void *bytes, size_t len, int fd);

/* One message from such a socket, without a loop. *fd is -1 or the caller's. Returns its length, 0
 * at the end, -EAGAIN, -EMSGSIZE when it is longer than room, or another -errno. */
ssize_t channel_receive(int from, void *bytes, size_t room, int *fd);

#endif
