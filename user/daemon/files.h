/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The files that lbxdp.yaml names: judged when it is read, and followed from then on, so that a new
 * certificate is used as soon as it lies there whole.
 */
#ifndef LBXDP_DAEMON_FILES_H
#define LBXDP_DAEMON_FILES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "core/facts.h"
#include "core/model.h"

/* Appends the content of a file of at most max bytes. Returns 0 or -errno. */
int files_read(const char *path, size_t max, struct buf *text);

/*
 * Whether every file of the model can be read and holds what it should; errors and warnings are
 * appended as "FILE:LINE:COL: error: path: what" lines. lenient: what only another user may read is
 * a warning.
 */
bool files_judge(const struct model *m, bool lenient, struct buf *messages);

struct files;

struct files *files_new(void);
void files_free(struct files *f); /* NULL does nothing */

/* From now on those of this model, as they are now; its paths are copied. */
void files_follow(struct files *f, const struct model *m);

/* Looks at each again, and reads those that were written since. Returns whether any holds something
 * else; one that is missing, or holds what it should not, stays as it was, which is logged once. */
bool files_look(struct files *f);

/* Reads each again, written or not, and appends a line of what came of it: "PATH: changed",
 * "PATH: unchanged" or, before these, "PATH: not used: why". Returns how many are not used. */
size_t files_read_again(struct files *f, struct buf *out);

/* For struct facts, sorted by path; borrowed until the next files_follow. f may be NULL. */
const struct file_fact *files_facts(const struct files *f, size_t *count);

#endif
