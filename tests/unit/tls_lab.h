/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Certificates made on the spot, and a TLS server link whose client is OpenSSL itself, which can
 * misbehave as our own dialer cannot. Included by the tests that need it, so all is static.
 */
#ifndef LBXDP_TESTS_TLS_LAB_H
#define LBXDP_TESTS_TLS_LAB_H

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "io/tls_link.h"

enum { PEM_ROOM = 8192 };

/* What a certificate shall be. Zero: P-256, valid for an hour, self-signed. */
struct recipe {
	const char *common_name, *names; /* names: "DNS:a.example.com,DNS:b", or NULL */
	bool rsa, authority, encrypted_key, without_key;
	const struct made *issuer;
	long from, until; /* seconds from now */
};

struct made {
	char pem[PEM_ROOM]; /* certificate and key */
	X509 *certificate;
	EVP_PKEY *key;
};

static inline struct slice pem_of(const struct made *m)
{
	return slice_of(m->pem);
}

static inline void write_pem(struct made *m, const struct recipe *r)
{
	const EVP_CIPHER *cipher = r->encrypted_key ? EVP_aes_128_cbc() : NULL;
	BIO *bio = BIO_new(BIO_s_mem());
	int n;

	PEM_write_bio_X509(bio, m->certificate);
	if (!r->without_key)
		PEM_write_bio_PrivateKey(bio, m->key, cipher, (unsigned char *)"secret",
					 cipher ? 6 : 0, NULL, NULL);
	n = BIO_read(bio, m->pem, PEM_ROOM - 1);
	m->pem[n > 0 ? n : 0] = '\0';
	BIO_free(bio);
}

static inline void extend(X509 *cert, int kind, const char *value)
{
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, kind, value);

	X509_add_ext(cert, extension, -1);
	X509_EXTENSION_free(extension);
}

static inline void make(struct made *m, const struct recipe *r)
{
	EVP_PKEY *key = r->rsa ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256");
	X509 *cert = X509_new();
	X509_NAME *subject = X509_get_subject_name(cert);

	*m = (struct made){.certificate = cert, .key = key};
	X509_set_version(cert, X509_VERSION_3);
	X509_gmtime_adj(X509_getm_notBefore(cert), r->from ? r->from : -3600);
	X509_gmtime_adj(X509_getm_notAfter(cert), r->until ? r->until : 3600);
	X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8,
				   (const unsigned char *)r->common_name, -1, -1, 0);
	X509_set_issuer_name(cert,
			     r->issuer ? X509_get_subject_name(r->issuer->certificate) : subject);
	if (r->names)
		extend(cert, NID_subject_alt_name, r->names);
	if (r->authority)
		extend(cert, NID_basic_constraints, "critical,CA:TRUE");
	X509_set_pubkey(cert, key);
	X509_sign(cert, r->issuer ? r->issuer->key : key, EVP_sha256());
	write_pem(m, r);
}

static inline void unmake(struct made *m)
{
	X509_free(m->certificate);
	EVP_PKEY_free(m->key);
}

/* Both ends non-blocking; room: the kernel's buffers, 0 as usual. */
static inline void open_pair(int fd[2], int room)
{
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fd), 0);
	for (int i = 0; room && i < 2; i++)
		assert_int_equal(setsockopt(fd[i], SOL_SOCKET, SO_SNDBUF, &room, sizeof(room)), 0);
}

static inline struct tls_server *server_of(const struct tls_server_config *c)
{
	struct tls_server *s = NULL;
	struct buf why = {};

	if (tls_server_new(&s, c, &why))
		fail_msg("%s", buf_text(&why));
	buf_free(&why);
	return s;
}

static inline struct tls_server *server_with(const struct made *m)
{
	struct slice pem = pem_of(m);

	return server_of(&(struct tls_server_config){.certificates = &pem, .certificate_count = 1});
}

/* What the client says; zero: anything goes. */
struct manner {
	const char *name;         /* SNI */
	const struct made *shows; /* its certificate */
	const char *alpn;         /* as on the wire */
	SSL_SESSION *session;
	int min, max; /* TLS1_2_VERSION */
	const char *ciphers;
};

/* A visit of an OpenSSL client at a server link. */
struct meeting {
	int fd[2]; /* client, server */
	SSL_CTX *ctx;
	SSL *client;
	struct tls_link *link;
	SSL_SESSION *session; /* what the client got last */
	int server_said;      /* what the server's handshake returned */
	bool client_done;
};

static inline int keep_session(SSL *ssl, SSL_SESSION *session)
{
	struct meeting *m = SSL_get_app_data(ssl);

	SSL_SESSION_free(m->session);
	m->session = session;
	return 1;
}

static inline void dress(struct meeting *m, const struct manner *how)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

	SSL_CTX_set_min_proto_version(ctx, how->min ? how->min : TLS1_VERSION);
	SSL_CTX_set_max_proto_version(ctx, how->max);
	SSL_CTX_set_cipher_list(ctx, how->ciphers ? how->ciphers : "DEFAULT@SECLEVEL=0");
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(ctx, keep_session);
	m->ctx = ctx;
	m->client = SSL_new(ctx);
	SSL_set_app_data(m->client, m);
	SSL_set_fd(m->client, m->fd[0]);
	SSL_set_connect_state(m->client);
	if (how->name)
		SSL_set_tlsext_host_name(m->client, how->name);
	if (how->shows)
		SSL_use_cert_and_key(m->client, how->shows->certificate, how->shows->key, NULL, 1);
	if (how->alpn)
		SSL_set_alpn_protos(m->client, (const unsigned char *)how->alpn, strlen(how->alpn));
	if (how->session)
		SSL_set_session(m->client, how->session);
}

/* One turn of each side; true while somebody still waits. */
static inline bool shake(struct meeting *m)
{
	if (!m->client_done) {
		ERR_clear_error();
		m->client_done = SSL_do_handshake(m->client) == 1;
	}
	if (m->server_said == -EAGAIN)
		m->server_said = tls_link_handshake(m->link);
	return m->server_said == -EAGAIN || (!m->server_said && !m->client_done);
}

/* The client also reads what comes behind the handshake: tickets. */
static inline int meet(struct meeting *m, struct tls_server *s, const struct manner *how)
{
	char byte;

	*m = (struct meeting){.server_said = -EAGAIN};
	open_pair(m->fd, 0);
	dress(m, how);
	m->link = tls_link_accept(s, m->fd[1]);
	assert_non_null(m->link);
	for (int i = 0; i < 20 && shake(m); i++)
		;
	if (m->client_done) {
		ERR_clear_error();
		(void)SSL_read(m->client, &byte, 1);
	}
	return m->server_said;
}

static inline void part(struct meeting *m)
{
	tls_link_free(m->link);
	SSL_SESSION_free(m->session);
	SSL_free(m->client);
	SSL_CTX_free(m->ctx);
	close(m->fd[0]);
	close(m->fd[1]);
}

#endif
