/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * libxdp's way onto an interface. Where the kernel allows the dispatcher, each interface gets a
 * program of its own beside those of others; where it does not, libxdp puts the one program there.
 * The pin "prog-IFINDEX" tells the next daemon which member of a dispatcher is ours.
 */
#ifndef LBXDP_DATAPLANE_DISPATCH_H
#define LBXDP_DATAPLANE_DISPATCH_H

#include "dataplane/internal.h"

struct member;

/* Attaches a program that shares d's maps. Returns 0 or -errno; *dispatched says which of the two
 * happened. */
int member_attach(const struct dataplane *d, uint32_t ifindex, bool native, struct member **out,
		  bool *dispatched);

/* What an earlier daemon left on ifindex; NULL: nothing of ours is there. */
struct member *member_pinned(const char *pin_dir, uint32_t ifindex);

int member_pin(const struct member *m, const char *pin_dir, uint32_t ifindex);
void member_unpin(const char *pin_dir, uint32_t ifindex);

bool member_runs(const struct member *m, uint32_t ifindex);
int member_fd(const struct member *m);

/* Leaves the dispatcher to the others. 0 or -errno. */
int member_detach(struct member *m, uint32_t ifindex, bool native);

/* Forgets it; what is attached stays. */
void member_free(struct member *m);

/* True when what runs on ifindex can be joined. */
bool dispatcher_runs(uint32_t ifindex);

#endif
