/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * TLS for streams, on the client's side. A context holds what many connections share; a memory
 * holds what one client remembers of one server, so that its next handshake is short. TLS over raw
 * sockets, and the server's side: io/tls_link.h.
 */
#ifndef LBXDP_IO_TLS_H
#define LBXDP_IO_TLS_H

#include "base/buf.h"
#include "io/stream.h"

struct tls_context;

/* ca: PEM certificates of ca_len bytes that the server's must lead to; NULL: any certificate will
 * do. Returns 0, -ENOMEM, or -EINVAL when ca holds no certificate. */
int tls_context_client(struct tls_context **made, const char *ca, size_t ca_len);
void tls_context_free(struct tls_context *c);

/* The last session with a server. Zero is empty. */
struct tls_memory {
	void *session;
};

void tls_memory_forget(struct tls_memory *m);

/* Whom we want to speak to: a name, which is sent as SNI, or an address. NULL: none. With a ca the
 * certificate must be for it. */
struct tls_peer {
	const char *name;
	const struct addr *addr;
};

/* Makes *s, which stays where it is, a TLS stream before it is connected. memory may be NULL, else
 * it must outlive *s. Returns 0 or -ENOMEM. */
int tls_attach_client(struct stream *s, struct tls_context *c, const struct tls_peer *peer,
		      struct tls_memory *memory);

/* True when the handshake went by a remembered session and the certificate was not shown. */
bool tls_resumed(const struct stream *s);

/* Version, cipher and certificate of an open stream as lines of text, for people. */
void tls_describe(const struct stream *s, struct buf *out);

/* The certificate that the peer of an open stream showed; times in seconds since 1970. */
struct tls_shown {
	char fingerprint[65]; /* SHA-256, in hex */
	char subject[256];    /* RFC 4514 text, cut at its end */
	int64_t not_before, not_after;
};

/* False: it showed none. */
bool tls_peer_shown(const struct stream *s, struct tls_shown *out);
/* Is that certificate for the host name (RFC 6125)? */
bool tls_peer_is_for(const struct stream *s, const char *name);

/* The OpenSSL in use, "3.0.17". */
const char *tls_library_version(void);

#endif
