/* SPDX-License-Identifier: GPL-2.0-only */
/* The rows of a service of layer 7: inside core/desire*.c only. */
#ifndef LBXDP_CORE_DESIRE_L7_H
#define LBXDP_CORE_DESIRE_L7_H

#include "core/facts.h"
#include "core/plan.h"

/* The rows of the index-th service of the model. Its addresses are put on the host where this node
 * is active. Returns 0 or -ENOMEM. */
int desire_put_l7(struct plan *p, const struct model *m, const struct facts *f, size_t index);

#endif
