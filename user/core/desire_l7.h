/* SPDX-License-Identifier: GPL-2.0-only */
/* The rows of a layer-7 service that the proxy processes work by: inside core/desire*.c only. */
#ifndef LBXDP_CORE_DESIRE_L7_H
#define LBXDP_CORE_DESIRE_L7_H

#include "core/facts.h"
#include "core/model.h"
#include "core/plan.h"

/* Service, reals, listeners, and the VIPs as host addresses while this node is active. Returns 0 or
 * -errno. */
int desire_put_l7(struct plan *p, const struct service_config *s, const struct service_fact *f,
		  const struct facts *facts);

#endif
