/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of the commands share. */
#ifndef LBXDP_ADMIN_COMMAND_PARTS_H
#define LBXDP_ADMIN_COMMAND_PARTS_H

#include <stddef.h>

#include "admin/command.h"

/* Exit codes. */
enum { DONE, FAILED, USAGE };

/* The i-th word of the request, the command's name being the first; "" past the last. */
const char *command_argument(const struct command_request *r, size_t i);

/* An op's answer as exit code; a silent failure gets the error's text. */
int command_outcome(struct command_request *r, int err);

int command_trace(struct command_request *r);
int command_flows(struct command_request *r);

#endif
