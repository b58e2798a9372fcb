/* SPDX-License-Identifier: GPL-2.0-only */
#include "io/tls.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

#include "io/tls_internal.h"

struct tls_context {
	SSL_CTX *ctx;
	bool verify;
};

/*
 * How OpenSSL reaches the socket. The kernel holds back our last words of a short handshake until
 * the request follows, and a close_notify until the FIN does: each pair travels in one packet.
 */
static bool holds_back(const SSL *ssl)
{
	if (SSL_get_shutdown(ssl) & SSL_SENT_SHUTDOWN)
		return true;
	return SSL_get_state(ssl) == TLS_ST_CW_FINISHED &&
	       (SSL_version(ssl) == TLS1_3_VERSION || SSL_session_reused(ssl));
}

static int wire_write(BIO *wire, const char *bytes, int len)
{
	struct stream *s = BIO_get_data(wire);
	ssize_t n;

	s->held = holds_back(s->tls);
	n = send(s->watch.fd, bytes, len, MSG_NOSIGNAL | (s->held ? MSG_MORE : 0));
	BIO_clear_retry_flags(wire);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		BIO_set_retry_write(wire);
	return n;
}

static int wire_read(BIO *wire, char *bytes, int room)
{
	struct stream *s = BIO_get_data(wire);
	ssize_t n = recv(s->watch.fd, bytes, room, 0);

	BIO_clear_retry_flags(wire);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		BIO_set_retry_read(wire);
	if (!n)
		BIO_set_flags(wire, BIO_FLAGS_IN_EOF);
	return n;
}

static long wire_control(BIO *wire, int what, long number, void *pointer)
{
	if (what == BIO_CTRL_EOF)
		return BIO_test_flags(wire, BIO_FLAGS_IN_EOF) != 0;
	return what == BIO_CTRL_FLUSH; /* nothing is buffered here */
}

static BIO_METHOD *wire_method; /* made once, kept */

static bool make_wire_method(void)
{
	if (wire_method)
		return true;
	wire_method = BIO_meth_new(BIO_TYPE_SOCKET, "stream");
	return wire_method && BIO_meth_set_write(wire_method, wire_write) &&
	       BIO_meth_set_read(wire_method, wire_read) &&
	       BIO_meth_set_ctrl(wire_method, wire_control);
}

static bool set_wire(SSL *ssl, struct stream *s)
{
	BIO *wire = BIO_new(wire_method);

	if (!wire)
		return false;
	BIO_set_data(wire, s);
	BIO_set_init(wire, 1);
	SSL_set_bio(ssl, wire, wire);
	return true;
}

int tls_context_client(struct tls_context **made, const char *ca, size_t ca_len)
{
	struct tls_context *c = calloc(1, sizeof(*c));
	int err;

	if (!c)
		return -ENOMEM;
	err = tls_client_context(&c->ctx, (struct slice){ca, ca_len});
	if (!err && !make_wire_method())
		err = -ENOMEM;
	if (err) {
		tls_context_free(c);
		return err;
	}
	c->verify = ca != NULL;
	SSL_CTX_set_max_send_fragment(c->ctx, 2048);
	*made = c;
	return 0;
}

void tls_context_free(struct tls_context *c)
{
	if (!c)
		return;
	SSL_CTX_free(c->ctx);
	free(c);
}

/* Turns what OpenSSL returned into -EAGAIN with blocked, or an error with its reason. */
static int failure(struct stream *s, int returned)
{
	SSL *ssl = s->tls;
	int kind = SSL_get_error(ssl, returned), system = errno;
	long verdict = SSL_get_verify_result(ssl);

	switch (kind) {
	case SSL_ERROR_WANT_READ:
		s->blocked = LOOP_READ;
		return -EAGAIN;
	case SSL_ERROR_WANT_WRITE:
		s->blocked = LOOP_WRITE;
		return -EAGAIN;
	case SSL_ERROR_ZERO_RETURN:
		return 0;
	case SSL_ERROR_SYSCALL:
		return system ? -system : -ECONNRESET;
	default:
		s->reason = ERR_reason_error_string(ERR_peek_last_error());
		if (verdict != X509_V_OK && SSL_get_verify_mode(ssl) != SSL_VERIFY_NONE)
			s->reason = X509_verify_cert_error_string(verdict);
		return -EPROTO;
	}
}

static int tls_handshake(struct stream *s)
{
	int done, err;

	ERR_clear_error();
	errno = 0;
	done = SSL_do_handshake(s->tls);
	if (done == 1)
		return 0;
	err = failure(s, done);
	return err ? err : -ECONNRESET;
}

static ssize_t tls_read(struct stream *s, void *to, size_t room)
{
	size_t n;
	int done;

	ERR_clear_error();
	errno = 0;
	done = SSL_read_ex(s->tls, to, room, &n);
	return done == 1 ? (ssize_t)n : failure(s, done);
}

static ssize_t tls_write(struct stream *s, const void *from, size_t len)
{
	size_t n;
	int done, err;

	ERR_clear_error();
	errno = 0;
	done = SSL_write_ex(s->tls, from, len, &n);
	if (done == 1)
		return n;
	err = failure(s, done);
	return err ? err : -EPIPE;
}

/* Our close_notify; the peer's is not waited for (RFC 8446 6.1 allows to close then). */
static void tls_goodbye(struct stream *s)
{
	ERR_clear_error();
	(void)SSL_shutdown(s->tls); /* the connection ends in any case */
}

static void tls_fini(struct stream *s)
{
	SSL_free(s->tls);
	s->tls = NULL;
}

static const struct stream_kind tls_kind = {
	.handshake = tls_handshake,
	.read = tls_read,
	.write = tls_write,
	.goodbye = tls_goodbye,
	.fini = tls_fini,
};

int tls_attach_client(struct stream *s, struct tls_context *c, const struct tls_peer *peer,
		      struct tls_memory *memory)
{
	SSL *ssl = SSL_new(c->ctx);

	if (!ssl)
		return -ENOMEM;
	if (!set_wire(ssl, s) || !tls_client_prepare(ssl, peer, memory, c->verify)) {
		SSL_free(ssl);
		return -ENOMEM;
	}
	s->kind = &tls_kind;
	s->tls = ssl;
	s->reason = NULL;
	return 0;
}

bool tls_resumed(const struct stream *s)
{
	return SSL_session_reused(s->tls);
}

static void describe_name(const char *what, X509_NAME *name, struct buf *out)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *text;
	long len;

	if (!bio)
		return;
	X509_NAME_print_ex(bio, name, 0, XN_FLAG_ONELINE & ~ASN1_STRFLGS_ESC_MSB);
	len = BIO_get_mem_data(bio, &text);
	buf_printf(out, "%s: %.*s\n", what, (int)len, text);
	BIO_free(bio);
}

static void describe_time(const char *what, const ASN1_TIME *at, struct buf *out)
{
	struct tm tm;

	if (ASN1_TIME_to_tm(at, &tm))
		buf_printf(out, "%s: %04d-%02d-%02dT%02d:%02d:%02dZ\n", what, tm.tm_year + 1900,
			   tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

static void describe_certificate(X509 *cert, struct buf *out)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned int len = 0;

	describe_name("subject", X509_get_subject_name(cert), out);
	describe_name("issuer", X509_get_issuer_name(cert), out);
	describe_time("valid from", X509_get0_notBefore(cert), out);
	describe_time("valid until", X509_get0_notAfter(cert), out);
	if (!X509_digest(cert, EVP_sha256(), digest, &len))
		return;
	buf_puts(out, "fingerprint: SHA256 ");
	for (unsigned int i = 0; i < len; i++)
		buf_printf(out, "%s%02X", i ? ":" : "", digest[i]);
	buf_puts(out, "\n");
}

void tls_describe(const struct stream *s, struct buf *out)
{
	X509 *cert = SSL_get0_peer_certificate(s->tls);

	buf_printf(out, "%s, %s%s\n", SSL_get_version(s->tls),
		   SSL_CIPHER_get_name(SSL_get_current_cipher(s->tls)),
		   tls_resumed(s) ? ", resumed" : "");
	if (cert)
		describe_certificate(cert, out);
}

bool tls_peer_shown(const struct stream *s, struct tls_shown *out)
{
	X509 *cert = SSL_get0_peer_certificate(s->tls);
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned int len = 0;

	*out = (struct tls_shown){};
	if (!cert || !X509_digest(cert, EVP_sha256(), digest, &len))
		return false;
	for (unsigned int i = 0; i < len && 2 * i + 2 < sizeof(out->fingerprint); i++)
		snprintf(out->fingerprint + 2 * i, 3, "%02x", digest[i]);
	tls_name_text(X509_get_subject_name(cert), out->subject, sizeof(out->subject));
	out->not_before = tls_time_seconds(X509_get0_notBefore(cert));
	out->not_after = tls_time_seconds(X509_get0_notAfter(cert));
	return true;
}

bool tls_peer_is_for(const struct stream *s, const char *name)
{
	X509 *cert = SSL_get0_peer_certificate(s->tls);

	return cert && X509_check_host(cert, name, 0, 0, NULL) == 1;
}

const char *tls_library_version(void)
{
	return OpenSSL_version(OPENSSL_VERSION_STRING);
}
