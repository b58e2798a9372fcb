/* SPDX-License-Identifier: GPL-2.0-only */
/* Frames from the wire that may claim an address, or answer a SYN of ours: no byte beyond them is
 * read, and what is claimed or answered stands in the frame. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "net/packet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool stands_in(const uint8_t *frame, size_t size, const uint8_t *bytes, size_t len)
{
	return memmem(frame, size, bytes, len) != NULL;
}

static void try_segment(const uint8_t *frame, size_t size)
{
	struct packet_segment s;
	size_t skip;

	if (!packet_segment(frame, size, &s))
		return;
	skip = addr_is_v4(&s.ends.src) && frame[12] == 8 ? 12 : 0;
	if (!stands_in(frame, size, s.ends.src.byte + skip, 16 - skip) ||
	    !stands_in(frame, size, s.ends.dst.byte + skip, 16 - skip) ||
	    !stands_in(frame, size, s.mac, sizeof(s.mac)))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *frame = malloc(size + !size), mac[6];
	struct addr vip;

	if (!frame)
		abort();
	memcpy(frame, data, size);
	if (packet_claims(frame, size, &vip, mac)) {
		size_t skip = addr_is_v4(&vip) && frame[12] == 8 ? 12 : 0;

		if (!stands_in(frame, size, vip.byte + skip, 16 - skip) ||
		    !stands_in(frame, size, mac, sizeof(mac)))
			abort();
	}
	try_segment(frame, size);
	free(frame);
	return 0;
}
