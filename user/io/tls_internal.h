/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of TLS share. OpenSSL's types do not leave them. */
#ifndef LBXDP_IO_TLS_INTERNAL_H
#define LBXDP_IO_TLS_INTERNAL_H

#include <openssl/ssl.h>

#include "base/buf.h"
#include "base/slice.h"
#include "io/tls.h"
#include "io/tls_link.h"

/* Before anything else of OpenSSL is called; again: nothing. */
void tls_init(void);

/* What OpenSSL says of its last failure. */
const char *tls_error_text(void);

/* tls_client.c: a context towards servers. ca as in tls_dialer_config. Returns 0, -ENOMEM, or
 * -EINVAL when ca holds no certificate. SSL_get_app_data() of its connections is their struct
 * tls_memory or NULL. */
int tls_client_context(SSL_CTX **made, struct slice ca);

/* Names the peer and offers the remembered session. verify: the certificate must be for the peer.
 */
bool tls_client_prepare(SSL *ssl, const struct tls_peer *peer, struct tls_memory *memory,
			bool verify);

/* tls_pem.c: what a server shows. */
struct tls_identity {
	X509 *certificate;
	STACK_OF(X509) * chain; /* behind it; may be empty */
	EVP_PKEY *key;
};

/* Returns 0, -ENOMEM or -EINVAL, and one line in why: an error, or with 0 a warning. */
int tls_identity_read(struct tls_identity *id, struct slice pem, struct buf *why);
void tls_identity_fini(struct tls_identity *id);

/* Adds the certificates of pem to store, and their subjects to names unless that is NULL. Returns
 * 0, -ENOMEM, or -EINVAL when there are none. */
int tls_add_certificates(X509_STORE *store, STACK_OF(X509_NAME) * names, struct slice pem);

/* The host names of a certificate: its dNSNames, without any its common name. Calls each with arg;
 * a false from it ends that and is returned. */
bool tls_each_name(X509 *certificate, bool (*each)(void *arg, struct slice name), void *arg);

/* Seconds since 1970; 0: it is no time. */
int64_t tls_time_seconds(const ASN1_TIME *at);

/* RFC 4514 text, cut to room with its NUL. */
void tls_name_text(X509_NAME *name, char *text, size_t room);

/* tls_tickets.c */
struct tls_tickets {
	struct tls_ticket_keys keys;
	EVP_CIPHER *cipher; /* fetched once: a search in every handshake costs time */
};

bool tls_tickets_init(struct tls_tickets *t);
void tls_tickets_fini(struct tls_tickets *t);
/* t outlives the connections of ctx: SSL_CTX_get_app_data(ctx) points to it. */
bool tls_tickets_serve(SSL_CTX *ctx, struct tls_tickets *t);

/* tls_server.c */
SSL *tls_server_connection(struct tls_server *s); /* NULL: no memory */
struct tls_server *tls_server_hold(struct tls_server *s);

#endif
