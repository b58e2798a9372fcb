/* SPDX-License-Identifier: GPL-2.0-only */
/* What each process may do (design section 4). Main keeps a short list of capabilities; children
 * keep nothing, see an empty directory as their root, and may call only what their work needs. */
#ifndef LBXDP_DAEMON_POWER_H
#define LBXDP_DAEMON_POWER_H

#include <stddef.h>
#include <sys/types.h>

#include "base/buf.h"

/* The unprivileged user that children become. Returns 0, or -ENOENT with what to type in why. */
int power_find_user(uid_t *uid, gid_t *gid, struct buf *why);

/* Main: drops every capability that is not on its list, for good. Returns 0 or -errno. */
int power_limit_main(void);

/*
 * What a child keeps. Any may run an event loop over sockets. A proxy may also move bytes by pipe,
 * and use its clients' addresses (TProxy): the kernel asks CAP_NET_RAW for that, so it keeps it,
 * but may open stream sockets only, for which that capability is good for nothing else. It holds it
 * from its start on: a reload may bring the first such service, and cuts nothing.
 */
enum power_kept { POWER_PLAIN, POWER_PROXY };

/* A child: gives everything else up. root is an empty directory. Returns 0, or -errno with why. */
int power_drop_all(const char *root, uid_t uid, gid_t gid, enum power_kept kept, struct buf *why);

#endif
