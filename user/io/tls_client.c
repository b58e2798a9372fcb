/* SPDX-License-Identifier: GPL-2.0-only */
/* What all of TLS begins with, and the client's half of it: trust, names, remembered sessions. */
#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "io/pool.h"
#include "io/tls_internal.h"

/* Without what no mail server chooses: each cipher costs time in every handshake. */
#define CIPHERS "DEFAULT:!PSK:!SRP:!ARIA:!CAMELLIA:!AESCCM:!aDSS"

static void *take_memory(size_t size, const char *file, int line)
{
	return pool_alloc(size);
}

static void *resize_memory(void *old, size_t size, const char *file, int line)
{
	return pool_resize(old, size);
}

static void give_memory(void *p, const char *file, int line)
{
	pool_free(p);
}

/* The system's openssl.cnf is not read: a chrooted process cannot, and a check by hand must judge
 * as the daemon does. */
void tls_init(void)
{
	static bool done;

	if (done)
		return;
	/* Refused once OpenSSL has memory of malloc's; it works as well then. */
	(void)CRYPTO_set_mem_functions(take_memory, resize_memory, give_memory);
	OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
	done = true;
}

const char *tls_error_text(void)
{
	const char *text = ERR_reason_error_string(ERR_peek_last_error());

	return text ? text : "unknown reason";
}

void tls_memory_forget(struct tls_memory *m)
{
	SSL_SESSION_free(m->session);
	m->session = NULL;
}

static int remember(SSL *ssl, SSL_SESSION *session)
{
	struct tls_memory *m = SSL_get_app_data(ssl);

	if (!m)
		return 0;
	tls_memory_forget(m);
	m->session = session;
	return 1; /* ours now */
}

/* Who verifies wants today's TLS. Who does not wants to know whether the server serves: Exchange
 * 2013 as installed speaks TLS 1.0 with SHA-1 and short keys, and mail clients accept that. */
static int set_strength(SSL_CTX *ctx, struct slice ca)
{
	if (ca.at) {
		SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
		SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
		return SSL_CTX_set_cipher_list(ctx, CIPHERS)
			       ? tls_add_certificates(SSL_CTX_get_cert_store(ctx), NULL, ca)
			       : -ENOMEM;
	}
	SSL_CTX_set_min_proto_version(ctx, TLS1_VERSION);
	SSL_CTX_set_options(ctx, SSL_OP_LEGACY_SERVER_CONNECT);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, NULL);
	return SSL_CTX_set_cipher_list(ctx, CIPHERS "@SECLEVEL=0") ? 0 : -ENOMEM;
}

int tls_client_context(SSL_CTX **made, struct slice ca)
{
	SSL_CTX *ctx;
	int err;

	tls_init();
	ctx = SSL_CTX_new(TLS_client_method());
	if (!ctx)
		return -ENOMEM;
	err = set_strength(ctx, ca);
	if (err) {
		SSL_CTX_free(ctx);
		return err;
	}
	/* IIS closes without close_notify. Reading ahead saves a system call a record. */
	SSL_CTX_set_options(ctx, SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_NO_RENEGOTIATION);
	SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_read_ahead(ctx, 1);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(ctx, remember);
	*made = ctx;
	return 0;
}

/* What the certificate must be for, when it is verified at all. */
static bool set_peer(SSL *ssl, const struct tls_peer *peer, bool verify)
{
	char text[ADDR_TEXT_LEN];

	if (peer->name && !SSL_set_tlsext_host_name(ssl, peer->name))
		return false;
	if (!verify)
		return true;
	if (peer->name)
		return SSL_set1_host(ssl, peer->name);
	return !peer->addr ||
	       X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), addr_format(peer->addr, text));
}

/* A session of an older version is only good for that version; offering a newer one beside it would
 * cost a key share for nothing. A server that has learnt better is seen at the next full handshake.
 */
static bool set_session(SSL *ssl, SSL_SESSION *session)
{
	int version = SSL_SESSION_get_protocol_version(session);
	SSL_SESSION *copy;
	bool set;

	if (version != TLS1_3_VERSION)
		return SSL_set_session(ssl, session) && SSL_set_max_proto_version(ssl, version);
	/* OpenSSL spoils a ticket that was used. Connections that begin before the next one arrives
	 * use this one too: nobody watches who comes back between us and a server of ours. */
	copy = SSL_SESSION_dup(session);
	set = copy && SSL_set_session(ssl, copy);
	SSL_SESSION_free(copy);
	return set;
}

bool tls_client_prepare(SSL *ssl, const struct tls_peer *peer, struct tls_memory *memory,
			bool verify)
{
	SSL_set_connect_state(ssl);
	SSL_set_app_data(ssl, memory);
	return set_peer(ssl, peer, verify) &&
	       (!memory || !memory->session || set_session(ssl, memory->session));
}
