/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Answers to HTTP checks: the first byte is the size of the pieces, the rest the answer. The
 * verdict must not depend on how the bytes arrive, and nothing beyond them is read.
 */
#include <stdint.h>
#include <stdlib.h>

#include "core/http_check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct check_outcome judge(const uint8_t *data, size_t size, size_t piece)
{
	char *in = malloc(size + 1);
	struct http_check c;
	size_t have = 0;

	if (!in)
		abort();
	http_check_start(&c, "200 OK", false);
	while (size && !c.over) {
		size_t n = piece < size ? piece : size, used;

		memcpy(in + have, data, n);
		data += n;
		size -= n;
		have += n;
		used = http_check_feed(&c, in, have);
		if (used > have)
			abort();
		have -= used;
		memmove(in, in + used, have);
	}
	http_check_closed(&c, "connection closed");
	free(in);
	return c.outcome;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct check_outcome whole, pieces;

	if (size < 1)
		return 0;
	whole = judge(data + 1, size - 1, size);
	pieces = judge(data + 1, size - 1, data[0] + 1);
	if (whole.code == CHECK_CODE_NONE || whole.code != pieces.code ||
	    whole.status != pieces.status)
		abort();
	return 0;
}
