/* SPDX-License-Identifier: GPL-2.0-only */
/* `lbxdp real-script`: what to run on a real server so that it takes the VIP's packets and does not
 * answer ARP or neighbour solicitations for it (R97-R103). */
#ifndef LBXDP_CLI_REAL_SCRIPT_H
#define LBXDP_CLI_REAL_SCRIPT_H

#include "base/buf.h"
#include "core/model.h"

struct real_script {
	const struct service_config *service;
	const char *interface; /* where the VIP's packets come in; linux: NULL for all */
	const char *loopback;  /* what the VIP stands on */
};

void real_script_linux(const struct real_script *s, struct buf *out);
void real_script_windows(const struct real_script *s, struct buf *out);

/* Says that a service of layer 7 needs nothing; a comment to either system. */
void real_script_layer7(const struct real_script *s, struct buf *out);

/* The command; argv[0] is its word. Returns 0, 1 or 2. */
int cli_real_script(const struct model *m, int argc, char **argv);

#endif
