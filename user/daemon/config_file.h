/* SPDX-License-Identifier: GPL-2.0-only */
/* lbxdp.yaml from disk, judged against the host's interfaces. */
#ifndef LBXDP_DAEMON_CONFIG_FILE_H
#define LBXDP_DAEMON_CONFIG_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "core/model.h"

/*
 * Returns a model, or NULL; errors and warnings are appended to messages as lines with file, line
 * and column. extra names interfaces of the command line; missing_ok: `check` on another host.
 */
struct model *config_file_read(const char *file, const char *const *extra, size_t extra_count,
			       bool missing_ok, struct buf *messages);

/* The same without a look at the host: for what is done elsewhere with the file. */
struct model *config_file_read_alone(const char *file, struct buf *messages);

#endif
