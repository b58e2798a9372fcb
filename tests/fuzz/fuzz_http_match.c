/* SPDX-License-Identifier: GPL-2.0-only */
/* Paths of strangers: what they are matched by begins with a slash, has no segment left that could
 * mean another place, is no longer than the path, and is the same for the path within any folder
 * and out of it again. */
#include <stdint.h>
#include <stdlib.h>

#include "core/http_match.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool has(struct slice s, const char *text)
{
	return memmem(s.at, s.len, text, strlen(text)) != NULL;
}

static bool ends(struct slice s, const char *text)
{
	size_t len = strlen(text);

	return s.len >= len && !memcmp(s.at + s.len - len, text, len);
}

static void check(struct slice plain, size_t size)
{
	if (!plain.len || plain.len > size || *plain.at != '/')
		abort();
	if (has(plain, "//") || has(plain, "/./") || has(plain, "/../") || has(plain, "\\"))
		abort();
	if (ends(plain, "/.") || ends(plain, "/.."))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char folder[] = "/%45ws/..";
	size_t len = size + 1, prefix = sizeof(folder) - 1;
	char *bytes = malloc(len + prefix), *room = malloc(len), *room_again = malloc(len + prefix);
	struct slice plain, again;

	if (!bytes || !room || !room_again)
		abort();
	memcpy(bytes, folder, prefix);
	bytes[prefix] = '/';
	memcpy(bytes + prefix + 1, data, size);
	plain = http_path_plain((struct slice){bytes + prefix, len}, room);
	check(plain, len);
	again = http_path_plain((struct slice){bytes, len + prefix}, room_again);
	if (again.len != plain.len || memcmp(again.at, plain.at, plain.len) != 0)
		abort();
	free(bytes);
	free(room);
	free(room_again);
	return 0;
}
