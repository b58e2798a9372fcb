/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A proxy process that outlives its main: it serves on with the last rows, and a later main asks it
 * at its door, a listening socket with a name, for what it holds (core/handover.h). Root only.
 */
#ifndef LBXDP_PROXY_HANDOVER_H
#define LBXDP_PROXY_HANDOVER_H

#include <stdbool.h>
#include <stdint.h>

#include "io/channel.h"
#include "proxy/engine.h"

/* More than one: the socket of a main that was killed may not be seen to be closed yet. */
enum { HANDOVER_PEERS = 4 };

struct handover_peer {
	struct handover *handover;
	struct channel channel;
	bool open;
	uint32_t asked; /* bits by enum handover_kind: to be answered when our main is gone */
};

/* Zero, but loop and engine, is one without a door. */
struct handover {
	struct loop *loop;
	struct engine *engine;
	struct watch door;
	bool is_open, alone;
	unsigned int newest;
	struct handover_peer peer[HANDOVER_PEERS];
};

/* fd, listening, is taken. Returns 0 or -errno. */
int handover_open(struct handover *h, int fd);
/* Our main is gone. Returns whether the process goes on without one. */
bool handover_alone(struct handover *h);
void handover_fini(struct handover *h);

#endif
