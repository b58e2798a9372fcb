/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Proxy processes of an earlier main, which outlived it: what they hold is taken over, then they
 * are told to finish, and followed until their last session has ended.
 */
#ifndef LBXDP_PROXY_PREDECESSORS_H
#define LBXDP_PROXY_PREDECESSORS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/proxy.h"
#include "io/loop.h"

struct predecessors;

enum { NO_COLUMN = -1 };

/* A process has ended; column: its own in the memory that was taken, or NO_COLUMN. */
typedef void predecessor_ended_fn(void *arg, int column);

/* Asks each that has a door in dir (NULL: there are none) what it holds, and waits for the answers:
 * some seconds at most. Never NULL. */
struct predecessors *predecessors_find(struct loop *l, const char *dir, predecessor_ended_fn *ended,
				       void *arg);
/* They go on. */
void predecessors_free(struct predecessors *p);

/* The memory they share, if its layout is ours and so many columns are free in it; else -1. The
 * caller's. */
int predecessors_take_memory(struct predecessors *p, unsigned int columns);
/* It was not to be used after all. */
void predecessors_lose_memory(struct predecessors *p);
/* Bits of the columns of that memory that they use. */
uint64_t predecessors_columns(const struct predecessors *p);

/* The socket that they listened on there, the caller's; -1: none. */
int predecessors_take_listener(struct predecessors *p, const struct proxy_endpoint *at);

/* Do some still accept? */
bool predecessors_accept(const struct predecessors *p);
/* Others accept now. Sockets that nobody took are closed. */
void predecessors_finish(struct predecessors *p);

/* Asks how many sessions there are; the answers come later. */
void predecessors_count(struct predecessors *p);

struct predecessor_view {
	pid_t pid;
	int column; /* or NO_COLUMN */
	bool finishing;
	uint64_t sessions;
};
size_t predecessors_room(const struct predecessors *p); /* how many there may be to view */
size_t predecessors_view(const struct predecessors *p, struct predecessor_view *out, size_t room);

/* Ends them, and waits until they are gone. */
void predecessors_kill(struct predecessors *p);

#endif
