/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The HTTP request parser: never reads beyond its bytes, never changes its mind. A head that is
 * whole stays the same whatever follows it; one that is refused is refused with more bytes, too.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "admin/request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int parse(const uint8_t *data, size_t size, struct request *r)
{
	char *exact = malloc(size ? size : 1); /* so that a read beyond the end is seen */
	int got;

	if (!exact)
		abort();
	memcpy(exact, data, size);
	got = request_parse(exact, size, r);
	if (got > 0 && ((size_t)got > size || !r->path_len || r->path[0] != '/'))
		abort();
	free(exact);
	return got;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct request r;
	int whole = parse(data, size, &r);

	if (whole > 0 && parse(data, whole, &r) != whole)
		abort();
	for (size_t part = 1; whole > 0 && part < (size_t)whole; part += 1 + size / 16)
		if (parse(data, part, &r) != 0)
			abort();
	for (size_t part = 1; whole == 0 && part < size; part += 1 + size / 16)
		if (parse(data, part, &r) != 0)
			abort();
	return 0;
}
