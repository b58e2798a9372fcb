/* SPDX-License-Identifier: GPL-2.0-only */
/* Rules of this host's packet filter that name a VIP of Direct Routing, which they cannot protect.
 * Who may not read the rules, or has no tool that lists them, hears nothing. */
#ifndef LBXDP_CLI_HOST_RULES_H
#define LBXDP_CLI_HOST_RULES_H

#include "core/finding.h"
#include "core/model.h"

void host_rules_examine(const struct model *m, struct findings *out);

/* A line for each on stderr, as a warning about file. */
void host_rules_warn(const char *file, const struct model *m);

/* The same for the configuration that the daemon at socket has in force. */
void host_rules_warn_running(const char *socket);

/* The path of that configuration, or NULL; to be freed. */
char *host_rules_config(const char *socket);

#endif
