/* SPDX-License-Identifier: GPL-2.0-only */
/* PROXY headers of strangers: no byte beyond the input is read, more bytes never change a verdict,
 * and what was understood can be written and understood again. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/proxy_header.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int parse_copy(const uint8_t *data, size_t len, struct proxy_route *route, bool *known)
{
	uint8_t *copy = malloc(len + !len); /* so that the sanitizer sees a byte too many */
	int n;

	if (!copy)
		abort();
	memcpy(copy, data, len);
	n = proxy_header_parse(copy, len, route, known);
	free(copy);
	return n;
}

static void write_again(const struct proxy_route *route)
{
	for (int version = PROXY_HEADER_V1; version <= PROXY_HEADER_V2; version++) {
		uint8_t bytes[PROXY_HEADER_BUILD_MAX];
		size_t len = proxy_header_build(version, route, bytes);
		struct proxy_route out = {};
		bool known = false;

		if (proxy_header_parse(bytes, len, &out, &known) != (int)len || !known ||
		    memcmp(&out, route, sizeof(out)) != 0)
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct proxy_route route = {}, cut_route = {};
	bool known = false, cut_known = false;
	int n = parse_copy(data, size, &route, &known);
	size_t whole = n > 0 ? (size_t)n : size;

	if (n > 0 && (size_t)n > size)
		abort();
	for (size_t len = 0; len < whole && len < 128; len++) {
		int cut = parse_copy(data, len, &cut_route, &cut_known);

		if (cut > 0 || (cut < 0 && n >= 0))
			abort();
	}
	if (n > 0 && known)
		write_again(&route);
	return 0;
}
