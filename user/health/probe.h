/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The probe process: runs every check on its own schedule and reports each result. It has no power;
 * what it needs (channel, raw ICMP sockets) it inherits.
 */
#ifndef LBXDP_HEALTH_PROBE_H
#define LBXDP_HEALTH_PROBE_H

#include "core/check.h"
#include "io/tls.h"

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

/* What a server showed in one HTTPS request. */
struct probe_sight {
	bool showed; /* a certificate */
	struct tls_shown shown;
	bool is_for; /* the check's sni */
	struct check_outcome outcome;
};

/* The same without a word: what spec, an https check with an sni, got to see. */
void probe_see(const struct check_spec *spec, struct probe_sight *sight);

#endif
