/* SPDX-License-Identifier: GPL-2.0-only */
/* Responses of servers: one byte for where to cut, one for what to change (its upper bits choose
 * the method that was asked), then the head. */
#include "http_round.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum http_method asked[] = {HTTP_METHOD_GET, HTTP_METHOD_HEAD,
						 HTTP_METHOD_CONNECT, HTTP_METHOD_OTHER};

	return size < 2 ? 0 : round_trip(data, size, asked[data[1] >> 6]);
}
