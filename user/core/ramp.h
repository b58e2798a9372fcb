/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Slow start (R36): a real that has become usable gets its share in RAMP_STEPS equal steps, the
 * first at once, the last when all but one of them have passed. Steps, so that what is computed
 * from shares changes seldom. Pure: now is an argument; since, over and now in ms.
 */
#ifndef LBXDP_CORE_RAMP_H
#define LBXDP_CORE_RAMP_H

#include <stdint.h>

enum { RAMP_STEPS = 20 };

/* 1 .. RAMP_STEPS: so many RAMP_STEPS-ths of its weight. since 0 or over 0: all of it. */
unsigned int ramp_step(uint64_t since, uint32_t over, uint64_t now);
/* When that changes next; UINT64_MAX: no more. */
uint64_t ramp_next(uint64_t since, uint32_t over, uint64_t now);

#endif
