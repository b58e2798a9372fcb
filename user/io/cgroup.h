/* SPDX-License-Identifier: GPL-2.0-only */
/* What the control group of a process allows it (cgroups(7), both versions). */
#ifndef LBXDP_IO_CGROUP_H
#define LBXDP_IO_CGROUP_H

#include <stdint.h>

#define CGROUP_SELF  "/proc/self/cgroup"
#define CGROUP_MOUNT "/sys/fs/cgroup"

/*
 * Bytes of memory, the least that the group named in the file self (as /proc/PID/cgroup) and the
 * groups around it allow; 0: no limit, or none that can be read. mount is where the hierarchies
 * are.
 */
uint64_t cgroup_memory_max(const char *self, const char *mount);

#endif
