/* SPDX-License-Identifier: GPL-2.0-only */
/* TCP sockets, non-blocking and close-on-exec. */
#ifndef LBXDP_IO_SOCK_H
#define LBXDP_IO_SOCK_H

#include <stdbool.h>

#include "base/addr.h"

/*
 * Begins to connect; *fd becomes writable when that is done or has failed (see sock_error).
 * withhold_ack: we speak first, or not at all, so the last ACK of the handshake travels with our
 * first bytes. Returns 0 or -errno.
 */
int sock_connect(int *fd, const struct addr *to, uint16_t port, bool withhold_ack);

/* The same from this local port; 0: any. -EADDRINUSE or -EADDRNOTAVAIL when it is taken. */
int sock_connect_from(int *fd, const struct addr *to, uint16_t port, bool withhold_ack,
		      uint16_t from);

/* What became of the connection: 0 or -errno. Clears it. */
int sock_error(int fd);

/* Sends what was written with MSG_MORE. */
void sock_push(int fd);

/* close() shall then send a reset instead of a FIN. */
void sock_abort(int fd);

#endif
