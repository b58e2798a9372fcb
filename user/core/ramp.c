/* SPDX-License-Identifier: GPL-2.0-only */
#include "core/ramp.h"

unsigned int ramp_step(uint64_t since, uint32_t over, uint64_t now)
{
	uint64_t passed = now > since ? now - since : 0;

	if (!since || passed >= over)
		return RAMP_STEPS;
	return passed * RAMP_STEPS / over + 1;
}

/* The first moment at which ramp_step says one more: rounded up, as it rounds down. */
uint64_t ramp_next(uint64_t since, uint32_t over, uint64_t now)
{
	unsigned int step = ramp_step(since, over, now);

	if (step == RAMP_STEPS)
		return UINT64_MAX;
	return since + ((uint64_t)step * over + RAMP_STEPS - 1) / RAMP_STEPS;
}
