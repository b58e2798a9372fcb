/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Check dialogues: the first byte chooses the script, the second the size of the pieces, the rest
 * is what the server says. A dialogue ends, never takes more than it was given, and has a verdict.
 */
#include <stdint.h>
#include <stdlib.h>

#include "core/dialogue.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* As a run does: keeps what is not taken, sends what is to be said at once. */
static void converse(struct dialogue *d, const char *bytes, size_t len, size_t piece)
{
	char *in = malloc(DIALOGUE_LINE_MAX);
	size_t have = 0;

	if (!in)
		abort();
	while (len && !d->over) {
		size_t n = piece < len ? piece : len, used;

		if (n > DIALOGUE_LINE_MAX - have)
			n = DIALOGUE_LINE_MAX - have;
		if (!n)
			abort(); /* a full buffer must have been taken or refused */
		memcpy(in + have, bytes, n);
		bytes += n;
		len -= n;
		have += n;
		do {
			d->say.len = 0;
			used = dialogue_feed(d, in, have);
			if (used > have)
				abort();
			have -= used;
			memmove(in, in + used, have);
		} while (d->say.len && !d->over);
	}
	free(in);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct dialogue_step steps[] = {
		{"a",   "b" },
                {NULL,  "c" },
                {"aab", NULL}
        };
	struct dialogue d;

	if (size < 2)
		return 0;
	dialogue_start(&d, data[0] % 4, "name", steps, 3);
	converse(&d, (const char *)data + 2, size - 2, data[1] + 1);
	if (data[0] & 4)
		dialogue_timeout(&d);
	else
		dialogue_closed(&d, "connection closed");
	if (!d.over || d.outcome.code == CHECK_CODE_NONE)
		abort();
	return 0;
}
