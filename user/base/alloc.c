/* SPDX-License-Identifier: GPL-2.0-only */
#include "base/alloc.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void *or_die(void *p)
{
	static const char message[] = "lbxdp: out of memory\n";

	if (p)
		return p;
	(void)!write(STDERR_FILENO, message, sizeof(message) - 1); /* nothing else is left to do */
	_exit(1);
}

void *xcalloc(size_t count, size_t size)
{
	return or_die(calloc(count ? count : 1, size ? size : 1));
}

void *xrealloc(void *old, size_t count, size_t size)
{
	return or_die(reallocarray(old, count ? count : 1, size ? size : 1));
}

char *xstrdup(const char *text)
{
	return or_die(strdup(text));
}
