/* SPDX-License-Identifier: GPL-2.0-only */
#include "base/clock.h"

static uint64_t read_clock(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

uint64_t clock_msec(void)
{
	return read_clock(CLOCK_MONOTONIC) / 1000000;
}

uint64_t clock_usec(void)
{
	return read_clock(CLOCK_MONOTONIC) / 1000;
}

uint64_t clock_nsec_coarse(void)
{
	return read_clock(CLOCK_MONOTONIC_COARSE);
}

uint64_t clock_wall_msec(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

time_t clock_wall(void)
{
	return time(NULL);
}

void clock_know_zone(void)
{
	tzset();
}

int32_t clock_zone(uint64_t wall_msec)
{
	time_t at = (time_t)(wall_msec / 1000);
	struct tm tm;

	return localtime_r(&at, &tm) ? (int32_t)tm.tm_gmtoff : 0;
}

const char *clock_format(time_t at, char *text)
{
	struct tm tm;

	gmtime_r(&at, &tm);
	strftime(text, CLOCK_TEXT_LEN, "%Y-%m-%dT%H:%M:%SZ", &tm);
	return text;
}
