/* SPDX-License-Identifier: GPL-2.0-only */
/* When a flow is over. The one rule that packets and the sweep share, on the daemon's side. */
#ifndef LBXDP_DATAPLANE_EXPIRY_H
#define LBXDP_DATAPLANE_EXPIRY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "lbxdp/abi.h"

static inline uint32_t expiry_now(void)
{
	return (uint32_t)(clock_nsec_coarse() >> LB_TICK_SHIFT);
}

/* Signed: a packet may have seen the next tick already. */
static inline bool expiry_over(const struct lb_settings *s, const struct lb_flow *f, uint32_t now)
{
	return (int32_t)(now - f->seen) > (int32_t)s->timeout[f->state & 7];
}

#endif
