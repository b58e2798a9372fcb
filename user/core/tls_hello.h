/* SPDX-License-Identifier: GPL-2.0-only */
/* The name in a TLS ClientHello (SNI), for routing by it without ending TLS. */
#ifndef LBXDP_CORE_TLS_HELLO_H
#define LBXDP_CORE_TLS_HELLO_H

#include <stddef.h>
#include <stdint.h>

enum {
	TLS_HELLO_MAX = 16384,    /* bytes, with the headers of records: a verdict by then */
	TLS_HELLO_NAME_MAX = 255, /* of a host name, without its NUL */
};

/*
 * Looks into the first len bytes of a connection: one ClientHello in one record or several (RFC
 * 8446 4.1.2 and 5.1, the same since RFC 5246). Writes the host name (RFC 6066 3), in lower case
 * and without a final dot, NUL-terminated, into name of room bytes, TLS_HELLO_NAME_MAX + 1 for any.
 * Returns 1 when it is found; 0 when more bytes are needed; -ENOENT when the client names none;
 * -EPROTO when this is no ClientHello, a broken one, not whole in TLS_HELLO_MAX bytes, or a name
 * that is none or has no room.
 */
int tls_hello_sni(const uint8_t *bytes, size_t len, char *name, size_t room);

#endif
