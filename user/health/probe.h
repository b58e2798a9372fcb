/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The probe process: runs every check on its own schedule and reports each result. It has no power;
 * what it needs (channel, raw ICMP sockets) it inherits.
 */
#ifndef LBXDP_HEALTH_PROBE_H
#define LBXDP_HEALTH_PROBE_H

#include "core/check.h"

struct probe_fds {
	int channel;
	int via_ports;    /* of checks through a VIP (struct lb_via_port); -1: those fail so */
	int icmp4, icmp6; /* raw ICMP sockets opened by main; -1: ping checks fail with SOCKERR */
};

/* Runs until the channel closes. Called after the process gave up its powers. Returns an exit code.
 */
int probe_main(const struct probe_fds *fds);

/* `lbxdp probe`: one check by hand in this process, its dialogue printed to stdout. Returns 0
 * passed, 1 failed. */
int probe_once(const struct check_spec *spec);

#endif
