/* SPDX-License-Identifier: GPL-2.0-only */
/* Certificates and keys from PEM text: read, judged and described. */
#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <time.h>

#include "io/tls_internal.h"

/* Nobody can be asked for a passphrase. */
static int no_passphrase(char *to, int room, int writing, void *asked)
{
	*(bool *)asked = true;
	return -1;
}

/* PEM holds no more of what was looked for. Other errors say that a block is damaged. */
static bool at_end(void)
{
	unsigned long error = ERR_peek_last_error();

	return ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
}

static BIO *open_pem(struct slice pem)
{
	tls_init();
	ERR_clear_error();
	return BIO_new_mem_buf(pem.at ? pem.at : "", pem.len);
}

int tls_add_certificates(X509_STORE *store, STACK_OF(X509_NAME) * names, struct slice pem)
{
	BIO *bio = open_pem(pem);
	int count = 0;
	X509 *cert;

	if (!bio)
		return -ENOMEM;
	while ((cert = PEM_read_bio_X509(bio, NULL, NULL, NULL))) {
		X509_NAME *name = names ? X509_NAME_dup(X509_get_subject_name(cert)) : NULL;

		if (name && !sk_X509_NAME_push(names, name))
			X509_NAME_free(name);
		count += X509_STORE_add_cert(store, cert);
		X509_free(cert);
	}
	BIO_free(bio);
	ERR_clear_error(); /* "no more certificates" is how the loop ends */
	return count ? 0 : -EINVAL;
}

static int read_certificates(struct tls_identity *id, struct slice pem, struct buf *why)
{
	BIO *bio = open_pem(pem);
	bool ended;
	X509 *cert;

	id->chain = sk_X509_new_null();
	if (!bio || !id->chain) {
		BIO_free(bio);
		return -ENOMEM;
	}
	while ((cert = PEM_read_bio_X509(bio, NULL, NULL, NULL))) {
		if (!id->certificate)
			id->certificate = cert;
		else if (!sk_X509_push(id->chain, cert))
			X509_free(cert);
	}
	ended = at_end();
	BIO_free(bio);
	if (ended && id->certificate)
		return 0;
	buf_puts(why, ended ? "no certificate in it" : "a certificate in it is damaged");
	return -EINVAL;
}

static int read_key(struct tls_identity *id, struct slice pem, struct buf *why)
{
	static const char label[] = "PRIVATE KEY-----";
	BIO *bio = open_pem(pem);
	bool asked = false;

	if (!bio)
		return -ENOMEM;
	id->key = PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, &asked);
	BIO_free(bio);
	if (id->key)
		return 0;
	if (asked)
		buf_puts(why, "the private key is encrypted; store it without a passphrase");
	else if (!memmem(pem.at, pem.len, label, sizeof(label) - 1))
		buf_puts(why, "no private key in it");
	else
		buf_puts(why, "the private key is damaged");
	return -EINVAL;
}

/* The chain must stand behind its certificate, as it is sent in this order. */
static int judge_match(const struct tls_identity *id, struct buf *why)
{
	if (X509_check_private_key(id->certificate, id->key) == 1)
		return 0;
	for (int i = 0; i < sk_X509_num(id->chain); i++) {
		if (X509_check_private_key(sk_X509_value(id->chain, i), id->key) != 1)
			continue;
		buf_puts(why, "the private key's certificate must come before its chain");
		return -EINVAL;
	}
	buf_puts(why, "the private key does not match the certificate");
	return -EINVAL;
}

/* What OpenSSL would refuse later, in a connection: a key that is too short, an unknown kind. */
static int judge_strength(const struct tls_identity *id, struct buf *why)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	int taken;

	if (!ctx)
		return -ENOMEM;
	taken = SSL_CTX_use_cert_and_key(ctx, id->certificate, id->key, id->chain, 1);
	if (taken != 1)
		buf_printf(why, "it cannot be used: %s", tls_error_text());
	SSL_CTX_free(ctx);
	return taken == 1 ? 0 : -EINVAL;
}

static void warn_of_day(const char *what, const ASN1_TIME *at, struct buf *why)
{
	struct tm tm;

	if (ASN1_TIME_to_tm(at, &tm))
		buf_printf(why, "%s %04d-%02d-%02d", what, tm.tm_year + 1900, tm.tm_mon + 1,
			   tm.tm_mday);
}

static void warn_of_dates(X509 *cert, struct buf *why)
{
	const ASN1_TIME *from = X509_get0_notBefore(cert), *until = X509_get0_notAfter(cert);

	if (X509_cmp_current_time(until) < 0)
		warn_of_day("expired on", until, why);
	else if (X509_cmp_current_time(from) > 0)
		warn_of_day("not valid before", from, why);
}

int tls_identity_read(struct tls_identity *id, struct slice pem, struct buf *why)
{
	int err;

	*id = (struct tls_identity){};
	err = read_certificates(id, pem, why);
	if (!err)
		err = read_key(id, pem, why);
	if (!err)
		err = judge_match(id, why);
	if (!err)
		err = judge_strength(id, why);
	ERR_clear_error();
	if (err)
		tls_identity_fini(id);
	else
		warn_of_dates(id->certificate, why);
	return err;
}

void tls_identity_fini(struct tls_identity *id)
{
	X509_free(id->certificate);
	sk_X509_pop_free(id->chain, X509_free);
	EVP_PKEY_free(id->key);
	*id = (struct tls_identity){};
}

static int check_ca(struct slice pem, struct buf *why)
{
	X509_STORE *store;
	int err;

	tls_init();
	store = X509_STORE_new();
	err = store ? tls_add_certificates(store, NULL, pem) : -ENOMEM;
	X509_STORE_free(store);
	if (err == -EINVAL)
		buf_puts(why, "no certificate in it");
	return err;
}

int tls_pem_check(enum tls_pem_kind kind, struct slice pem, struct buf *why)
{
	struct tls_identity id;
	int err;

	if (kind == TLS_PEM_CA)
		return check_ca(pem, why);
	err = tls_identity_read(&id, pem, why);
	if (!err)
		tls_identity_fini(&id);
	return err;
}

/* A name with a NUL inside is somebody's trick. */
static bool give_name(const ASN1_STRING *name, bool (*each)(void *arg, struct slice name),
		      void *arg)
{
	struct slice s = {(const char *)ASN1_STRING_get0_data(name), ASN1_STRING_length(name)};

	return !s.len || memchr(s.at, '\0', s.len) || each(arg, s);
}

static bool each_common_name(X509 *certificate, bool (*each)(void *arg, struct slice name),
			     void *arg)
{
	X509_NAME *subject = X509_get_subject_name(certificate);
	int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);

	return at < 0 ||
	       give_name(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)), each, arg);
}

bool tls_each_name(X509 *certificate, bool (*each)(void *arg, struct slice name), void *arg)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
	bool any = false, good = true;

	for (int i = 0; good && i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);

		if (name->type != GEN_DNS)
			continue;
		any = true;
		good = give_name(name->d.dNSName, each, arg);
	}
	GENERAL_NAMES_free(names);
	return any ? good : each_common_name(certificate, each, arg);
}

void tls_name_text(X509_NAME *name, char *text, size_t room)
{
	BIO *bio = BIO_new(BIO_s_mem());
	int len = 0;

	if (bio && X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB) >= 0)
		len = BIO_read(bio, text, (int)room - 1);
	text[len > 0 ? len : 0] = '\0';
	BIO_free(bio);
}

int64_t tls_time_seconds(const ASN1_TIME *at)
{
	struct tm tm;

	return ASN1_TIME_to_tm(at, &tm) ? timegm(&tm) : 0;
}

static bool list_name(void *arg, struct slice name)
{
	struct buf *list = arg;

	buf_printf(list, "%s%.*s", list->len ? " " : "", (int)name.len, name.at);
	return true;
}

int tls_pem_describe(struct slice pem, struct tls_pem_info *info)
{
	BIO *bio = open_pem(pem);
	X509 *cert = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
	struct buf list = {};

	BIO_free(bio);
	ERR_clear_error();
	if (!cert)
		return -EINVAL;
	tls_name_text(X509_get_subject_name(cert), info->subject, sizeof(info->subject));
	tls_name_text(X509_get_issuer_name(cert), info->issuer, sizeof(info->issuer));
	(void)tls_each_name(cert, list_name, &list); /* says yes to each */
	(void)snprintf(info->names, sizeof(info->names), "%s", buf_text(&list));
	buf_free(&list);
	info->not_before = tls_time_seconds(X509_get0_notBefore(cert));
	info->not_after = tls_time_seconds(X509_get0_notAfter(cert));
	X509_free(cert);
	return 0;
}
