/* SPDX-License-Identifier: GPL-2.0-only */
/* Listening sockets on main's side, sorted by endpoint. Every process listens on the same ones. */
#ifndef LBXDP_PROXY_SOCKETS_H
#define LBXDP_PROXY_SOCKETS_H

#include <stdbool.h>
#include <stddef.h>

#include "core/proxy.h"

struct listening {
	struct proxy_endpoint at;
	uint32_t service;
	int fd;
};

/* Zero is empty. */
struct sockets {
	struct listening *row;
	size_t count, room;
};

void sockets_fini(struct sockets *s);

/* The socket at an endpoint, opened if there is none yet. Returns NULL with *err as -errno. Valid
 * until the next call. */
struct listening *sockets_open(struct sockets *s, const struct proxy_endpoint *at, int *err);
/* fd listens there; taken. False: there is one already, or no memory. */
bool sockets_add(struct sockets *s, const struct proxy_endpoint *at, int fd);
/* The caller's from now on; -1: there is none. */
int sockets_take(struct sockets *s, const struct proxy_endpoint *at);
/* NULL: there is none. */
const struct listening *sockets_find(const struct sockets *s, const struct proxy_endpoint *at);
void sockets_close(struct sockets *s, const struct proxy_endpoint *at);

#endif
