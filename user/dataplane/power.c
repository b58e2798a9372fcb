/* SPDX-License-Identifier: GPL-2.0-only */
#include "dataplane/power.h"

#include <errno.h>
#include <sys/capability.h>

static const cap_value_t admin = CAP_SYS_ADMIN;

/* Sets the effective flag. Returns true when that changed anything. */
static bool power_set(cap_flag_value_t wanted)
{
	cap_t caps = cap_get_proc();
	cap_flag_value_t now = wanted;
	bool changed = caps && !cap_get_flag(caps, admin, CAP_EFFECTIVE, &now) && now != wanted &&
		       !cap_set_flag(caps, CAP_EFFECTIVE, 1, &admin, wanted) && !cap_set_proc(caps);

	if (caps)
		cap_free(caps);
	return changed;
}

bool power_raise(void)
{
	return power_set(CAP_SET);
}

void power_lower(bool raised)
{
	int kept = errno;

	if (raised)
		(void)power_set(CAP_CLEAR); /* lowering what is permitted cannot be refused */
	errno = kept;
}
