/* SPDX-License-Identifier: GPL-2.0-only */
/* What strangers send in place of a handshake: a server link says no, once and for all, and leaves
 * nothing behind. */
#include <errno.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/tls_link.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A certificate for fuzz.example.com and its key. */
static void make_pem(char *pem, int room)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *cert = X509_new();
	X509_NAME *name = X509_get_subject_name(cert);
	BIO *bio = BIO_new(BIO_s_mem());
	int n;

	X509_gmtime_adj(X509_getm_notBefore(cert), 0);
	X509_gmtime_adj(X509_getm_notAfter(cert), 86400);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
				   (const unsigned char *)"fuzz.example.com", -1, -1, 0);
	X509_set_issuer_name(cert, name);
	X509_set_pubkey(cert, key);
	X509_sign(cert, key, EVP_sha256());
	PEM_write_bio_X509(bio, cert);
	PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL);
	n = BIO_read(bio, pem, room - 1);
	pem[n > 0 ? n : 0] = '\0';
	BIO_free(bio);
	X509_free(cert);
	EVP_PKEY_free(key);
}

/* One for all inputs; it asks for everything that a client can be asked for. */
static struct tls_server *server(void)
{
	static struct tls_server *one;
	static char pem[4096];
	struct tls_server_config c = {.certificate_count = 1, .http = true};
	struct slice slice;
	struct buf why = {};

	if (one)
		return one;
	make_pem(pem, sizeof(pem));
	slice = slice_of(pem);
	c.certificates = &slice;
	c.client_ca = slice;
	if (tls_server_new(&one, &c, &why))
		abort();
	return one;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tls_server *s = server();
	struct tls_link *l;
	int fd[2], err;
	char byte;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd))
		abort();
	l = tls_link_accept(s, fd[1]);
	if (!l || send(fd[0], data, size, 0) != (ssize_t)size || shutdown(fd[0], SHUT_WR))
		abort();
	err = tls_link_handshake(l);
	if (err >= 0 || err == -EAGAIN || tls_link_handshake(l) != err ||
	    tls_link_read(l, &byte, 1) != err || tls_link_write(l, &byte, 1) != err)
		abort();
	tls_link_free(l);
	close(fd[0]);
	close(fd[1]);
	return 0;
}
