/* SPDX-License-Identifier: GPL-2.0-only */
#include "io/tls_link.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/alloc.h"
#include "io/tls_internal.h"

struct tls_dialer {
	SSL_CTX *ctx;
	bool verify, speaks_first;
};

struct tls_link {
	SSL *ssl;
	struct tls_server *server; /* held; NULL: towards a real */
	const char *reason;
	int fd, error; /* errno of the socket's last failure */
	int broken;    /* what every further call returns */
	bool speaks_first;
	bool at_fin;  /* the socket has no more bytes, ever */
	bool drained; /* the socket had fewer bytes than there was room for */
	bool starved; /* the last read found no whole record */
	bool goodbye; /* close_notify is on its way */
	bool gone;    /* it is sent */
};

/*
 * What the kernel keeps back for bytes that follow at once, to save a packet and a wake-up at the
 * other end: tickets (TLS 1.3) for the first answer, a short handshake's end for the first request,
 * close_notify for the FIN.
 */
static bool holds_back(const struct tls_link *l)
{
	const SSL *ssl = l->ssl;

	if (l->goodbye)
		return true;
	switch (SSL_get_state(ssl)) {
	case TLS_ST_SW_SESSION_TICKET:
		return SSL_version(ssl) == TLS1_3_VERSION;
	case TLS_ST_CW_FINISHED:
		return l->speaks_first &&
		       (SSL_version(ssl) == TLS1_3_VERSION || SSL_session_reused(ssl));
	default:
		return false;
	}
}

static bool would_block(int error)
{
	return error == EAGAIN || error == EINTR;
}

static int wire_write(BIO *wire, const char *bytes, int len)
{
	struct tls_link *l = BIO_get_data(wire);
	ssize_t n = send(l->fd, bytes, len, MSG_NOSIGNAL | (holds_back(l) ? MSG_MORE : 0));

	BIO_clear_retry_flags(wire);
	if (n >= 0)
		return n;
	l->error = errno;
	if (would_block(l->error))
		BIO_set_retry_write(wire);
	return -1;
}

static int wire_read(BIO *wire, char *bytes, int room)
{
	struct tls_link *l = BIO_get_data(wire);
	ssize_t n = recv(l->fd, bytes, room, 0);

	BIO_clear_retry_flags(wire);
	l->drained = n < room;
	l->at_fin |= !n;
	if (n >= 0)
		return n;
	l->error = errno;
	if (would_block(l->error))
		BIO_set_retry_read(wire);
	return -1;
}

static long wire_control(BIO *wire, int what, long number, void *pointer)
{
	const struct tls_link *l = BIO_get_data(wire);

	if (what == BIO_CTRL_EOF)
		return l->at_fin;
	return what == BIO_CTRL_FLUSH; /* nothing is buffered here */
}

static BIO_METHOD *wire_method; /* made once, kept */

static bool make_wire_method(void)
{
	if (wire_method)
		return true;
	wire_method = BIO_meth_new(BIO_TYPE_SOCKET, "link");
	return wire_method && BIO_meth_set_write(wire_method, wire_write) &&
	       BIO_meth_set_read(wire_method, wire_read) &&
	       BIO_meth_set_ctrl(wire_method, wire_control);
}

int tls_dialer_new(struct tls_dialer **made, const struct tls_dialer_config *c, struct buf *why)
{
	struct tls_dialer *d = xcalloc(1, sizeof(*d));
	int err = tls_client_context(&d->ctx, c->ca);

	if (err == -EINVAL)
		buf_puts(why, "no certificate in it");
	if (err) {
		free(d);
		return err;
	}
	SSL_CTX_set_mode(d->ctx, SSL_MODE_RELEASE_BUFFERS);
	d->verify = c->ca.at != NULL;
	d->speaks_first = c->speaks_first;
	*made = d;
	return 0;
}

void tls_dialer_free(struct tls_dialer *d)
{
	if (!d)
		return;
	SSL_CTX_free(d->ctx);
	free(d);
}

/* Takes ssl. */
static struct tls_link *make_link(SSL *ssl, int fd)
{
	struct tls_link *l = calloc(1, sizeof(*l));
	BIO *wire = make_wire_method() ? BIO_new(wire_method) : NULL;

	if (!ssl || !l || !wire) {
		BIO_free(wire);
		SSL_free(ssl);
		free(l);
		return NULL;
	}
	BIO_set_data(wire, l);
	BIO_set_init(wire, 1);
	SSL_set_bio(ssl, wire, wire);
	l->ssl = ssl;
	l->fd = fd;
	return l;
}

struct tls_link *tls_link_accept(struct tls_server *s, int fd)
{
	struct tls_link *l = make_link(tls_server_connection(s), fd);

	if (l)
		l->server = tls_server_hold(s);
	return l;
}

struct tls_link *tls_link_connect(struct tls_dialer *d, int fd, const struct tls_peer *peer,
				  struct tls_memory *memory)
{
	struct tls_link *l = make_link(SSL_new(d->ctx), fd);

	if (!l)
		return NULL;
	l->speaks_first = d->speaks_first;
	if (tls_client_prepare(l->ssl, peer, memory, d->verify))
		return l;
	tls_link_free(l);
	return NULL;
}

void tls_link_free(struct tls_link *l)
{
	if (!l)
		return;
	/* Else OpenSSL spoils the remembered session of whoever did not say goodbye. */
	if (!l->broken)
		SSL_set_shutdown(l->ssl, SSL_SENT_SHUTDOWN);
	SSL_free(l->ssl);
	tls_server_free(l->server);
	free(l);
}

static void begin(struct tls_link *l)
{
	if (ERR_peek_error()) /* clearing an empty queue takes longer than looking */
		ERR_clear_error();
	l->error = 0;
}

bool tls_link_distrusts(const struct tls_link *l)
{
	return SSL_get_verify_result(l->ssl) != X509_V_OK &&
	       SSL_get_verify_mode(l->ssl) != SSL_VERIFY_NONE;
}

static int disagree(struct tls_link *l)
{
	l->reason = tls_error_text();
	if (tls_link_distrusts(l))
		l->reason = X509_verify_cert_error_string(SSL_get_verify_result(l->ssl));
	return -EPROTO;
}

/* Turns what OpenSSL returned into -EAGAIN, 0 for the peer's end, or an error that stays. */
static int failure(struct tls_link *l, int returned)
{
	switch (SSL_get_error(l->ssl, returned)) {
	case SSL_ERROR_WANT_READ:
	case SSL_ERROR_WANT_WRITE:
		return -EAGAIN;
	case SSL_ERROR_ZERO_RETURN:
		return 0;
	case SSL_ERROR_SYSCALL:
		l->broken = l->error ? -l->error : -ECONNRESET;
		break;
	default:
		l->broken = disagree(l);
	}
	return l->broken;
}

int tls_link_handshake(struct tls_link *l)
{
	int done, err;

	if (l->broken)
		return l->broken;
	begin(l);
	done = SSL_do_handshake(l->ssl);
	if (done == 1)
		return 0;
	err = failure(l, done);
	if (err)
		return err;
	l->reason = "the peer closed the connection during the handshake";
	l->broken = -ECONNRESET;
	return l->broken;
}

const char *tls_link_reason(const struct tls_link *l)
{
	return l->reason ? l->reason : "the connection is broken";
}

ssize_t tls_link_read(struct tls_link *l, void *to, size_t room)
{
	size_t got = 0, n;
	int err = l->broken;

	while (got < room && !err) {
		int done;

		begin(l);
		done = SSL_read_ex(l->ssl, (char *)to + got, room - got, &n);
		if (done != 1) {
			err = failure(l, done);
			l->starved = err == -EAGAIN;
			break;
		}
		l->starved = false;
		got += n;
		if (tls_link_drained(l))
			break;
	}
	return got ? (ssize_t)got : err;
}

bool tls_link_pending(const struct tls_link *l)
{
	return !l->starved && SSL_has_pending(l->ssl);
}

bool tls_link_drained(const struct tls_link *l)
{
	return l->drained && !tls_link_pending(l);
}

ssize_t tls_link_write(struct tls_link *l, const void *from, size_t len)
{
	size_t sent = 0, n;
	int err = l->broken;

	while (sent < len && !err) {
		int done;

		begin(l);
		done = SSL_write_ex(l->ssl, (const char *)from + sent, len - sent, &n);
		if (done == 1)
			sent += n;
		else
			err = failure(l, done);
		if (done != 1 && !err)
			err = -EPIPE;
	}
	return sent ? (ssize_t)sent : err;
}

enum tls_end tls_link_end(const struct tls_link *l)
{
	if (!(SSL_get_shutdown(l->ssl) & SSL_RECEIVED_SHUTDOWN))
		return TLS_END_NOT_YET;
	return l->at_fin ? TLS_END_BARE : TLS_END_SAID;
}

int tls_link_goodbye(struct tls_link *l)
{
	int done;

	if (l->broken || l->gone || !SSL_is_init_finished(l->ssl))
		return l->broken;
	begin(l);
	l->goodbye = true;
	done = SSL_shutdown(l->ssl);
	if (done < 0)
		return failure(l, done);
	l->gone = true;
	return 0;
}

const char *tls_link_sni(const struct tls_link *l)
{
	return SSL_get_servername(l->ssl, TLSEXT_NAMETYPE_host_name);
}

const char *tls_link_alpn(const struct tls_link *l)
{
	const unsigned char *name;
	unsigned int len;

	/* The only protocol that we ever agree to. */
	SSL_get0_alpn_selected(l->ssl, &name, &len);
	return len ? "http/1.1" : NULL;
}

const char *tls_link_version(const struct tls_link *l)
{
	return SSL_get_version(l->ssl);
}

const char *tls_link_cipher(const struct tls_link *l)
{
	return SSL_CIPHER_get_name(SSL_get_current_cipher(l->ssl));
}

bool tls_link_resumed(const struct tls_link *l)
{
	return SSL_session_reused(l->ssl);
}

bool tls_link_subject(const struct tls_link *l, char *text, size_t room)
{
	X509 *cert = SSL_get0_peer_certificate(l->ssl);

	if (cert)
		tls_name_text(X509_get_subject_name(cert), text, room);
	else if (room)
		*text = '\0';
	return cert;
}
