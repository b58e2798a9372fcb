/* SPDX-License-Identifier: GPL-2.0-only */
/* First bytes of strangers: no byte beyond the input is read, more bytes never change a verdict,
 * and a name is one. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/tls_hello.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int look(const uint8_t *data, size_t len, char *name)
{
	uint8_t *copy = malloc(len + !len); /* so that the sanitizer sees a byte too many */
	char *to = malloc(TLS_HELLO_NAME_MAX + 1);
	int found;

	if (!copy || !to)
		abort();
	memcpy(copy, data, len);
	found = tls_hello_sni(copy, len, to, TLS_HELLO_NAME_MAX + 1);
	if (found == 1)
		memcpy(name, to, strlen(to) + 1);
	free(copy);
	free(to);
	return found;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789-._";
	char name[TLS_HELLO_NAME_MAX + 1] = "x", other[TLS_HELLO_NAME_MAX + 1];
	int found = look(data, size, name), last = 0;

	if (found != 1 && found != 0 && found != -ENOENT && found != -EPROTO)
		abort();
	if (!*name || strspn(name, allowed) != strlen(name) || (!found && size >= TLS_HELLO_MAX))
		abort();
	for (size_t len = 0; len < size; len += 1 + size / 64) {
		last = last ? last : look(data, len, other);
		if (last && last != found)
			abort();
	}
	return 0;
}
