/* SPDX-License-Identifier: GPL-2.0-only */
/* Requests as clients send them: one byte for where to cut, one for what to change, then the head.
 */
#include "http_round.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return size < 2 ? 0 : round_trip(data, size, -1);
}
