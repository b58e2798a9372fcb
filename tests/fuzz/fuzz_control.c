/* SPDX-License-Identifier: GPL-2.0-only */
/* The request line of the control socket: any bytes split without harm, and what was split can be
 * said again and splits to the same words. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "admin/line.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *text_of(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	if (!text)
		abort();
	memcpy(text, data, size);
	text[size] = '\0';
	return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct line_words first, again;
	char *text = text_of(data, size);
	struct buf line = {};

	if (!line_split(text, &first)) {
		for (size_t i = 0; i < first.count; i++)
			if (line_add(&line, first.word[i]))
				abort();
		buf_puts(&line, "");
		if (line_split(line.at, &again) || again.count != first.count)
			abort();
		for (size_t i = 0; i < first.count; i++)
			if (strcmp(first.word[i], again.word[i]))
				abort();
	}
	buf_free(&line);
	free(text);
	return 0;
}
