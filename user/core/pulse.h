/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Does a process still go round its loop? It counts on every PULSE_MSEC, and is looked at as often
 * by a watcher whose own rounds are the measure: a host that slept, or has no time for anybody,
 * makes nobody look dead. Who has not begun to count yet is not judged. Pure.
 */
#ifndef LBXDP_CORE_PULSE_H
#define LBXDP_CORE_PULSE_H

#include <stdbool.h>
#include <stdint.h>

enum { PULSE_MSEC = 1000, PULSE_MISSED_MAX = 4 };

/* Starts as {} with each new process. */
struct pulse {
	uint64_t count; /* when last looked at */
	unsigned int missed;
	bool looked, beats;
};

/* One look. True: it has stood still for more than PULSE_MISSED_MAX of them. */
bool pulse_is_lost(struct pulse *p, uint64_t count);

#endif
