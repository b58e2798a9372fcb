/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A server that does what a script says, in a process of its own on a loopback port: for checks of
 * servers that misbehave. Plain or TLS. Included by the tests that need it, so all is static.
 */
#ifndef LBXDP_TESTS_BAD_SERVER_H
#define LBXDP_TESTS_BAD_SERVER_H

#include <arpa/inet.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum act_kind {
	ACT_CLOSE,   /* as a program does that ends the session; also behind the last act */
	ACT_SAY,     /* text */
	ACT_WAIT,    /* until the client has said text */
	ACT_SLOWLY,  /* text, a byte a segment */
	ACT_ENDLESS, /* text again and again until the client goes */
	ACT_HANG,    /* until the client goes */
	ACT_RESET,
};

struct act {
	enum act_kind kind;
	const char *text;
};

enum { ACTS_MAX = 8 };

struct bad_server {
	uint16_t port;
	pid_t pid;
};

/* One session with one client. */
struct session {
	int fd;
	SSL *tls;
	char heard[8192];
	size_t heard_len;
};

static inline bool session_say(struct session *s, const char *bytes, int len)
{
	return (s->tls ? SSL_write(s->tls, bytes, len) : send(s->fd, bytes, len, MSG_NOSIGNAL)) ==
	       len;
}

static inline int session_hear(struct session *s, char *bytes, int room)
{
	return s->tls ? SSL_read(s->tls, bytes, room) : (int)recv(s->fd, bytes, room, 0);
}

static inline void session_wait(struct session *s, const char *text)
{
	while (!memmem(s->heard, s->heard_len, text, strlen(text))) {
		int n = session_hear(s, s->heard + s->heard_len, sizeof(s->heard) - s->heard_len);

		if (n <= 0)
			return;
		s->heard_len += n;
	}
	s->heard_len = 0;
}

static inline void session_act(struct session *s, const struct act *a)
{
	struct linger now = {.l_onoff = 1};
	size_t len = a->text ? strlen(a->text) : 0;
	char ignored[256];

	switch (a->kind) {
	case ACT_CLOSE:
		break;
	case ACT_SAY:
		session_say(s, a->text, len);
		break;
	case ACT_WAIT:
		session_wait(s, a->text);
		break;
	case ACT_SLOWLY:
		for (size_t i = 0; i < len && session_say(s, a->text + i, 1);)
			i++;
		break;
	case ACT_ENDLESS:
		while (session_say(s, a->text, len))
			;
		break;
	case ACT_HANG:
		while (session_hear(s, ignored, sizeof(ignored)) > 0)
			;
		break;
	case ACT_RESET:
		setsockopt(s->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
		break;
	}
}

static inline void session_run(int fd, const struct act *acts, SSL_CTX *tls)
{
	struct session s = {.fd = fd, .tls = tls ? SSL_new(tls) : NULL};

	if (s.tls && (!SSL_set_fd(s.tls, fd) || SSL_accept(s.tls) != 1))
		goto out;
	for (int i = 0; i < ACTS_MAX && acts[i].kind != ACT_CLOSE; i++)
		session_act(&s, &acts[i]);
	if (s.tls)
		SSL_shutdown(s.tls);
out:
	SSL_free(s.tls);
	close(fd);
}

/* A context with a fresh self-signed certificate for mail.example.com and 127.0.0.1; its PEM goes
 * to pem (4096 bytes) unless that is NULL. */
static inline SSL_CTX *bad_server_context(char *pem)
{
	static unsigned char id[] = "test";
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	EVP_PKEY *key = EVP_RSA_gen(2048);
	X509 *cert = X509_new();
	X509_NAME *name = X509_get_subject_name(cert);
	X509_EXTENSION *names = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name,
						    "DNS:mail.example.com,IP:127.0.0.1");
	BIO *bio = BIO_new(BIO_s_mem());
	int n;

	X509_set_version(cert, X509_VERSION_3);
	X509_gmtime_adj(X509_getm_notBefore(cert), -3600);
	X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (unsigned char *)"mail.example.com",
				   -1, -1, 0);
	X509_set_issuer_name(cert, name);
	X509_add_ext(cert, names, -1);
	X509_set_pubkey(cert, key);
	X509_sign(cert, key, EVP_sha256());
	SSL_CTX_use_certificate(ctx, cert);
	SSL_CTX_use_PrivateKey(ctx, key);
	SSL_CTX_set_session_id_context(ctx, id, sizeof(id));
	PEM_write_bio_X509(bio, cert);
	if (pem) {
		n = BIO_read(bio, pem, 4095);
		pem[n > 0 ? n : 0] = '\0';
	}
	BIO_free(bio);
	X509_EXTENSION_free(names);
	X509_free(cert);
	EVP_PKEY_free(key);
	return ctx;
}

static inline void bad_server_loop(int fd, const struct act *acts, SSL_CTX *tls)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGPIPE, SIG_IGN);
	for (;;) {
		int client = accept(fd, NULL, NULL);

		if (client >= 0)
			session_run(client, acts, tls);
	}
}

/* tls: NULL for plain. Serves one client after the other. */
static inline void bad_server_start(struct bad_server *s, const struct act *acts, SSL_CTX *tls)
{
	struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(sa);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&sa, len) || listen(fd, 16) ||
	    getsockname(fd, (struct sockaddr *)&sa, &len))
		abort();
	s->port = ntohs(sa.sin_port);
	s->pid = fork();
	if (!s->pid)
		bad_server_loop(fd, acts, tls);
	close(fd);
}

static inline void bad_server_stop(struct bad_server *s)
{
	kill(s->pid, SIGKILL);
	waitpid(s->pid, NULL, 0);
}

#endif
