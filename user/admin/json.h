/* SPDX-License-Identifier: GPL-2.0-only */
/* Writes JSON (RFC 8259) into a buffer. Commas and escapes are its business; what is not UTF-8
 * becomes U+FFFD. A key is NULL inside a list and at the top. */
#ifndef LBXDP_ADMIN_JSON_H
#define LBXDP_ADMIN_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

/* Set out, leave the rest zero. */
struct json {
	struct buf *out;
	bool comma; /* a value stands before, at this level */
};

void json_open(struct json *j, const char *key, char bracket); /* '{' or '[' */
void json_close(struct json *j, char bracket);                 /* '}' or ']' */

void json_text(struct json *j, const char *key, const char *value);
void json_number(struct json *j, const char *key, uint64_t value);
void json_fraction(struct json *j, const char *key, double value); /* three decimals */
void json_bool(struct json *j, const char *key, bool value);
void json_null(struct json *j, const char *key);
/* Already JSON. */
void json_raw(struct json *j, const char *key, const char *value);

/* Bytes of the UTF-8 sequence that s (NUL-terminated) begins with; 0 when it is none. */
unsigned int json_utf8(const char *s);

#endif
