/* SPDX-License-Identifier: GPL-2.0-only */
/* What a proxy process is beside its channel: rows, listeners and sessions on a loop. */
#ifndef LBXDP_PROXY_ENGINE_H
#define LBXDP_PROXY_ENGINE_H

#include <stdbool.h>
#include <stddef.h>

#include "core/proxy.h"
#include "io/loop.h"

struct engine;

/* index: the column in struct proxy_shared. NULL without memory. */
struct engine *engine_new(struct loop *l, unsigned int index);
/* Ends what runs. */
void engine_free(struct engine *e);

/* fd (-1: none) is taken. Returns 0 or -errno; nothing has changed then. */
int engine_obey(struct engine *e, const struct proxy_order *order, int fd);

/* Other processes accept from now on; sessions go on, and the loop stops when the last has ended.
 */
void engine_finish(struct engine *e);

size_t engine_sessions(const struct engine *e);

#endif
