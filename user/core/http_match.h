/* SPDX-License-Identifier: GPL-2.0-only */
/* Which route a request takes: by host and by path. Pure; only for matching: what is sent on are
 * the bytes that came. */
#ifndef LBXDP_CORE_HTTP_MATCH_H
#define LBXDP_CORE_HTTP_MATCH_H

#include <stdbool.h>

#include "base/slice.h"

/* host as of struct http_head (no port; a dot at the end does not count) and the host of a route;
 * letters of either case are the same. */
bool http_host_matches(struct slice host, struct slice route);

/*
 * The path as a server understands it, so that "/x/../ews", "/%65ws", "//ews" and "/x\..\ews"
 * cannot pass for something else: percent-encoded printable ASCII is decoded, "\" (IIS takes it for
 * one) is
 * "/", several "/" are one, "." and ".." segments are resolved (RFC 3986 5.2.4), ".." stops at the
 * root. Returns path itself when there is nothing to do, else text in room, which must have
 * path.len bytes. An empty path is "/".
 */
struct slice http_path_plain(struct slice path, char *room);

/* plain is of http_path_plain(). "/ews" and "/ews/" match "/ews", "/EWS/" and "/ews/x", not
 * "/ewsx";
 * "/" matches all. */
bool http_path_matches(struct slice plain, struct slice route);

#endif
