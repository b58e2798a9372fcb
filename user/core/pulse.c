/* SPDX-License-Identifier: GPL-2.0-only */
#include "core/pulse.h"

bool pulse_is_lost(struct pulse *p, uint64_t count)
{
	bool still = p->looked && count == p->count;

	p->beats |= p->looked && !still;
	p->missed = still && p->beats ? p->missed + 1 : 0;
	p->count = count;
	p->looked = true;
	return p->missed > PULSE_MISSED_MAX;
}
