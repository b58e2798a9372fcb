/* SPDX-License-Identifier: GPL-2.0-only */
/* CAP_SYS_ADMIN, raised only around the calls that ask it: BPF objects by id, libxdp, mount. */
#ifndef LBXDP_DATAPLANE_POWER_H
#define LBXDP_DATAPLANE_POWER_H

#include <stdbool.h>

/* Makes a permitted CAP_SYS_ADMIN effective. Returns whether power_lower has to undo it; a process
 * without it goes on without, and the call it was wanted for says so. */
bool power_raise(void);
void power_lower(bool raised);

#endif
