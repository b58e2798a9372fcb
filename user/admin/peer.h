/* SPDX-License-Identifier: GPL-2.0-only */
/* Who is at the other end of the control socket (SO_PEERCRED), and what they may do. */
#ifndef LBXDP_ADMIN_PEER_H
#define LBXDP_ADMIN_PEER_H

#include <stdbool.h>
#include <sys/types.h>

enum { PEER_NAME_LEN = 40, PEER_GROUPS_MAX = 64 };

struct peer {
	uid_t uid;
	gid_t gid;
	pid_t pid;
	gid_t groups[PEER_GROUPS_MAX];
	size_t group_count;
};

/* Asks the kernel. Returns 0 or -errno. Of a peer in more than PEER_GROUPS_MAX groups only the
 * first one is known. */
int peer_of(struct peer *p, int fd);

/* Root, the daemon's own user, and members of group; group (gid_t)-1 has no members. */
bool peer_may_order(const struct peer *p, uid_t self, gid_t group);

/* "uid 0 pid 123" into text (PEER_NAME_LEN bytes). */
const char *peer_name(const struct peer *p, char *text);

#endif
