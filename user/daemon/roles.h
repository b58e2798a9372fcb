/* SPDX-License-Identifier: GPL-2.0-only */
/* What sets the kinds of child apart; how any child lives and dies is in process.c. */
#ifndef LBXDP_DAEMON_ROLES_H
#define LBXDP_DAEMON_ROLES_H

#include "daemon/state.h"

enum { ROLE_FDS_MAX = 4 };

const char *role_name(enum child_role role);      /* "probe" */
const char *role_log_style(enum log_style style); /* as daemon_role() reads it */
unsigned int role_number(const struct child *c);  /* that it is told; unlike any other's */
int role_start(struct child *c, int channel);     /* the child's end, borrowed */
int role_connect(struct child *c, int channel);   /* main's end, taken */

/* process.c: runs the child with fds (-1: none) as its descriptors. Returns 0 or -errno. */
int process_spawn(struct child *c, const int *fds, size_t count);

#endif
