/* SPDX-License-Identifier: GPL-2.0-only */
/* The daemon: main, which wires everything, and its children without power. */
#ifndef LBXDP_DAEMON_DAEMON_H
#define LBXDP_DAEMON_DAEMON_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

struct daemon_options {
	const char *config_file;
	const char *const *interfaces; /* of the command line, beside node.interfaces */
	size_t interface_count;
	const char *socket, *run_dir, *pin_dir, *state_dir;
	int xdp_mode;    /* enum xdp_mode, -1: as configured */
	bool foreground; /* log to stderr */
	int ready_fd;    /* gets "0\n", or "1\n" and why, when start-up is over; -1: nobody waits */
};

/* Main. Returns the exit code when the daemon ends. */
int daemon_run(const struct daemon_options *o);

/* A child of main, started by `lbxdp --role ROLE ...`: "probe" or "web". Returns the exit code. */
int daemon_role(const char *role, int argc, char **argv);

/* `down` without a daemon: detaches and removes what one left behind. Returns 0 or -errno; one line
 * of what was done, or why not, in out. */
int daemon_clean(const struct daemon_options *o, struct buf *out);

#endif
