/* SPDX-License-Identifier: GPL-2.0-only */
/* The Test Anything Protocol, as far as the packet cases need it. */
#include "world.h"

#include <stdarg.h>
#include <stdio.h>

static struct {
	unsigned cases, failed;
	unsigned failures; /* of the running case */
	const char *skipped;
	char about[200];
} tap;

void tap_about(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(tap.about, sizeof(tap.about), format, args);
	va_end(args);
}

void tap_fail(const char *format, ...)
{
	va_list args;

	tap.failures++;
	printf("# %s%s", tap.about, *tap.about ? ": " : "");
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
}

void tap_skip(const char *why)
{
	tap.skipped = why;
}

void tap_equal(uint64_t is, uint64_t want, const char *what)
{
	if (is != want)
		tap_fail("%s is %llu, not %llu", what, (unsigned long long)is,
			 (unsigned long long)want);
}

void tap_case(const char *name, void (*run)(void))
{
	tap.failures = 0;
	tap.skipped = NULL;
	*tap.about = 0;
	run();
	tap.cases++;
	tap.failed += !!tap.failures;
	printf("%sok %u - %s: %s", tap.failures ? "not " : "", tap.cases, runner_name, name);
	if (tap.skipped)
		printf(" # SKIP %s", tap.skipped);
	printf("\n");
	fflush(stdout);
}

int tap_end(void)
{
	printf("1..%u\n", tap.cases);
	if (tap.failed)
		printf("# %u of %u failed\n", tap.failed, tap.cases);
	return !!tap.failed;
}
