/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Contents of files on main's side: certificates, keys, CAs, error pages. Read by main, which alone
 * may, and kept in sealed memory that is handed to the proxy processes as a descriptor.
 */
#ifndef LBXDP_PROXY_BLOBS_H
#define LBXDP_PROXY_BLOBS_H

#include "core/proxy.h"

struct blobs;

struct blobs *blobs_new(void);
void blobs_free(struct blobs *b); /* NULL does nothing */

/*
 * Reads the file at path as what key stands for. Returns 0, or -errno when it cannot be read, is
 * above PROXY_BLOB_MAX or is not what it should be (-EINVAL), which is logged once for each cause;
 * what was there before stays.
 */
int blobs_put(struct blobs *b, const struct proxy_blob_key *key, const char *path);
void blobs_drop(struct blobs *b, const struct proxy_blob_key *key);

/* The memory that holds it, borrowed until the next put or drop; -1: nothing is there. */
int blobs_fd(const struct blobs *b, const struct proxy_blob_key *key);

#endif
