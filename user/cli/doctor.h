/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of `lbxdp doctor` share. */
#ifndef LBXDP_CLI_DOCTOR_H
#define LBXDP_CLI_DOCTOR_H

#include <stdbool.h>

#include "cli/cli.h"
#include "core/finding.h"
#include "core/model.h"

/* Sorts and prints. Returns the exit code. */
int doctor_print(struct findings *f, bool json);

/* The configuration of -c, else that of the running daemon, else the default; NULL and why in
 * messages. */
struct model *doctor_model(const struct cli *c, struct buf *messages);

/* `lbxdp doctor exchange NAME`. Returns the exit code. */
int doctor_exchange(const struct cli *c, const char *name, bool json);

#endif
