/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Cookie fields of strangers: the first byte is the length of the name, then the name and the
 * value. A cookie that was taken out is not found any more, the others stand there in their order,
 * and what was found lies in the value.
 */
#include <stdint.h>
#include <stdlib.h>

#include "core/http_cookie.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct slice copy_of(const void *bytes, size_t len)
{
	char *copy = malloc(len + !len); /* so that the sanitizer sees a byte too many */

	if (!copy)
		abort();
	memcpy(copy, bytes, len);
	return (struct slice){copy, len};
}

static bool find(struct slice value, struct slice name, struct slice *found)
{
	static struct http_head h = {.field_count = 1};

	h.fields[0] = (struct http_field){slice_of("Cookie"), value, HTTP_NAME_COOKIE};
	return http_cookie_find(&h, name, found);
}

/* Whether part can be had from whole by leaving bytes out. */
static bool is_part(struct slice part, struct slice whole)
{
	size_t at = 0;

	for (size_t i = 0; i < whole.len && at < part.len; i++)
		at += whole.at[i] == part.at[at];
	return at == part.len;
}

static void check(struct slice name, struct slice value)
{
	char *room = malloc(value.len + !value.len), *again = malloc(value.len + !value.len);
	struct slice rest = {room, 0}, found;
	bool was_there = find(value, name, &found);

	if (!room || !again)
		abort();
	if (was_there && (found.at < value.at || found.at + found.len > value.at + value.len))
		abort();
	rest.len = http_cookie_without(value, name, room);
	if (rest.len > value.len || (was_there && rest.len == value.len) || !is_part(rest, value))
		abort();
	if (find(rest, name, &found))
		abort();
	if (http_cookie_without(rest, name, again) != rest.len || memcmp(again, room, rest.len))
		abort();
	free(room);
	free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t name_len = size ? data[0] % 8 : 0;
	struct slice name, value;

	if (size < 1 + name_len)
		return 0;
	name = copy_of(data + 1, name_len);
	value = copy_of(data + 1 + name_len, size - 1 - name_len);
	check(name, value);
	free((char *)name.at);
	free((char *)value.at);
	return 0;
}
