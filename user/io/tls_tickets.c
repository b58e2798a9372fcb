/* SPDX-License-Identifier: GPL-2.0-only */
/* Session tickets, sealed with AES-256-CBC and HMAC-SHA256 as RFC 5077 section 4 recommends. */
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <string.h>

#include "io/tls_internal.h"

/* How the bytes of a key are used. */
struct key {
	uint8_t name[16], cipher[32], mac[32];
};
_Static_assert(sizeof(struct key) == TLS_TICKET_KEY_LEN, "a key fills its bytes");

enum ticket { TICKET_ERROR = -1, TICKET_UNKNOWN, TICKET_GOOD, TICKET_RENEW }; /* OpenSSL's words */

static bool use_key(const struct tls_tickets *t, const struct key *k, const uint8_t *iv,
		    EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, int sealing)
{
	OSSL_PARAM params[] = {
		OSSL_PARAM_utf8_string(OSSL_MAC_PARAM_DIGEST, "SHA256", 6),
		OSSL_PARAM_octet_string(OSSL_MAC_PARAM_KEY, (void *)k->mac, sizeof(k->mac)),
		OSSL_PARAM_END,
	};

	return EVP_MAC_CTX_set_params(mac, params) == 1 &&
	       EVP_CipherInit_ex2(cipher, t->cipher, k->cipher, iv, sealing, NULL) == 1;
}

static int seal(const struct tls_tickets *t, uint8_t name[16], uint8_t *iv, EVP_CIPHER_CTX *cipher,
		EVP_MAC_CTX *mac)
{
	const struct key *k = (const struct key *)t->keys.current;

	if (RAND_bytes(iv, EVP_CIPHER_get_iv_length(t->cipher)) != 1)
		return TICKET_ERROR;
	memcpy(name, k->name, sizeof(k->name));
	return use_key(t, k, iv, cipher, mac, 1) ? TICKET_GOOD : TICKET_ERROR;
}

/* TLS 1.3 wants a new ticket for each that is used: clients use each one once. */
static int unseal(const struct tls_tickets *t, const uint8_t name[16], const uint8_t *iv,
		  EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, bool single_use)
{
	const struct key *current = (const struct key *)t->keys.current;
	const struct key *previous = (const struct key *)t->keys.previous;
	enum ticket good = single_use ? TICKET_RENEW : TICKET_GOOD;

	if (!memcmp(name, current->name, sizeof(current->name)))
		return use_key(t, current, iv, cipher, mac, 0) ? good : TICKET_ERROR;
	if (!t->keys.has_previous || memcmp(name, previous->name, sizeof(previous->name)) != 0)
		return TICKET_UNKNOWN;
	return use_key(t, previous, iv, cipher, mac, 0) ? TICKET_RENEW : TICKET_ERROR;
}

static int with_key(SSL *ssl, uint8_t *name, uint8_t *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac,
		    int sealing)
{
	const struct tls_tickets *t = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));

	if (sealing)
		return seal(t, name, iv, cipher, mac);
	return unseal(t, name, iv, cipher, mac, SSL_version(ssl) == TLS1_3_VERSION);
}

bool tls_tickets_init(struct tls_tickets *t)
{
	t->cipher = EVP_CIPHER_fetch(NULL, "AES-256-CBC", NULL);
	return t->cipher != NULL;
}

void tls_tickets_fini(struct tls_tickets *t)
{
	EVP_CIPHER_free(t->cipher);
	OPENSSL_cleanse(&t->keys, sizeof(t->keys));
}

bool tls_tickets_serve(SSL_CTX *ctx, struct tls_tickets *t)
{
	return SSL_CTX_set_app_data(ctx, t) == 1 &&
	       SSL_CTX_set_tlsext_ticket_key_evp_cb(ctx, with_key) == 1;
}
