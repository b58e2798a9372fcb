/* SPDX-License-Identifier: GPL-2.0-only */
/* What a reload changes: two models compared, in words. Pure. */
#ifndef LBXDP_CORE_MODEL_CHANGE_H
#define LBXDP_CORE_MODEL_CHANGE_H

#include "base/buf.h"
#include "core/model.h"

/* One line a change into out; nothing when the two mean the same. */
void model_describe_changes(const struct model *from, const struct model *to, struct buf *out);

/* The keys that need `down` and `up` and differ, comma-separated, into out. Returns whether any. */
bool model_needs_restart(const struct model *from, const struct model *to, struct buf *out);

#endif
