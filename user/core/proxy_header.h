/* SPDX-License-Identifier: GPL-2.0-only */
/* PROXY protocol, version 1 (a line of text) and 2 (binary): who the client is, before its first
 * byte. */
#ifndef LBXDP_CORE_PROXY_HEADER_H
#define LBXDP_CORE_PROXY_HEADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "core/proxy.h"

enum {
	PROXY_HEADER_BUILD_MAX = 107, /* bytes of one that we send */
	PROXY_HEADER_READ_MAX = 4096, /* of one that we accept, with what it says beyond addresses
				       */
};

struct proxy_route {
	struct addr source, destination;
	uint16_t source_port, destination_port;
};

/*
 * Reads the header at the beginning of len bytes, of either version. Returns its length; 0 when
 * more bytes are needed; -EPROTO when this is none, or a wrong one. *known is false when it says
 * that the addresses are those of the connection itself; *route is set otherwise.
 */
int proxy_header_parse(const void *bytes, size_t len, struct proxy_route *route, bool *known);

/* Writes PROXY_HEADER_V1 or _V2 into bytes (PROXY_HEADER_BUILD_MAX) and returns its length. */
size_t proxy_header_build(enum proxy_header version, const struct proxy_route *route, void *bytes);

#endif
