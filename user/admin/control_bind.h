/* SPDX-License-Identifier: GPL-2.0-only */
/* The control socket's place in the file system. */
#ifndef LBXDP_ADMIN_CONTROL_BIND_H
#define LBXDP_ADMIN_CONTROL_BIND_H

#include <sys/types.h>
#include <sys/un.h>

/* Binds fd there and listens, mode 0660 and of group (-1: as it is). A stale socket is replaced.
 * Returns 0 or -errno; -EADDRINUSE: somebody listens there, -EEXIST: it is no socket. */
int control_bind(int fd, const struct sockaddr_un *addr, gid_t group);

#endif
