/* SPDX-License-Identifier: GPL-2.0-only */
/* Clocks. Everything is timed by CLOCK_MONOTONIC; wall time is for people only. Closed to core. */
#ifndef LBXDP_BASE_CLOCK_H
#define LBXDP_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

enum { CLOCK_TEXT_LEN = 32 };

uint64_t clock_msec(void);        /* monotonic milliseconds */
uint64_t clock_usec(void);        /* monotonic microseconds */
uint64_t clock_nsec_coarse(void); /* CLOCK_MONOTONIC_COARSE, as the data plane reads it */
time_t clock_wall(void);
uint64_t clock_wall_msec(void); /* since 1970 */

/* Reads the host's time zone (TZ, /etc/localtime) for good: before the process loses its files. */
void clock_know_zone(void);
/* What local time was ahead of UTC at a clock_wall_msec(), in seconds. */
int32_t clock_zone(uint64_t wall_msec);

/* RFC 3339 UTC, "2026-01-31T12:00:00Z", into text (CLOCK_TEXT_LEN bytes). */
const char *clock_format(time_t at, char *text);

#endif
