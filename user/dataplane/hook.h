/* SPDX-License-Identifier: GPL-2.0-only */
/* The XDP hook of an interface, by netlink: which program runs there, put ours, take ours away.
 * Nothing here touches a program that is not named by its descriptor. */
#ifndef LBXDP_DATAPLANE_HOOK_H
#define LBXDP_DATAPLANE_HOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hook_state {
	uint32_t id; /* 0: nothing runs */
	bool native;
};

int hook_query(uint32_t ifindex, struct hook_state *s);

/* Where nothing runs: the kernel refuses it otherwise. 0 or -errno. */
int hook_attach(uint32_t ifindex, int fd, bool native);

/* In place of exactly old_fd, in one step: no packet is missed. */
int hook_swap(uint32_t ifindex, int old_fd, int fd, bool native);

/* Takes away exactly fd. */
int hook_detach(uint32_t ifindex, int fd, bool native);

/* The program's id; 0 and errno. */
uint32_t hook_program_id(int fd);

/* "NAME (id N)", or "id N" where the kernel does not let us look. Returns text. */
const char *hook_program_name(uint32_t id, char *text, size_t room);

#endif
