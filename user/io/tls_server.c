/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * TLS towards clients. A face is what a client may get to see: one OpenSSL context with the
 * certificates of the same names, of different key types. A name in the hello chooses the face.
 */
#include <ctype.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "io/tls_internal.h"

/*
 * For TLS 1.2: forward secrecy and authenticated encryption. At the end what Windows 7 to 8.1 have
 * to offer to an RSA certificate, as Outlook 2013 runs there. The order is ours, so that they stay
 * the last resort, except that a client without AES in hardware (it names ChaCha first) gets that.
 */
#define CIPHERS                                                                                    \
	"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"                               \
	"ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"                               \
	"ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305:"                               \
	"ECDHE-RSA-AES256-SHA384:ECDHE-RSA-AES128-SHA256"
#define GROUPS "X25519:P-256:P-384"

enum { NAME_MAX_LEN = 255 };

struct face {
	SSL_CTX *ctx;
	struct buf names; /* separated by spaces */
};

struct named {
	char *name; /* lower case; "*.example.com" stands for one label in front */
	SSL_CTX *ctx;
};

struct tls_server {
	struct face *faces;
	struct named *names; /* sorted */
	struct tls_tickets tickets;
	size_t face_count, name_count, references;
};

static int compare_named(const void *a, const void *b)
{
	return strcmp(((const struct named *)a)->name, ((const struct named *)b)->name);
}

static SSL_CTX *find_name(const struct tls_server *s, char *name)
{
	struct named key = {.name = name};
	const struct named *n = bsearch(&key, s->names, s->name_count, sizeof(key), compare_named);

	return n ? n->ctx : NULL;
}

/* The exact name, else the wildcard of its parent (RFC 6125 6.4.3). */
static SSL_CTX *find_face(const struct tls_server *s, const char *name)
{
	char lower[NAME_MAX_LEN + 1], *dot;
	size_t len = strlen(name);
	SSL_CTX *ctx;

	if (len > NAME_MAX_LEN)
		return NULL;
	for (size_t i = 0; i <= len; i++)
		lower[i] = (char)tolower((unsigned char)name[i]);
	ctx = find_name(s, lower);
	dot = strchr(lower, '.');
	if (ctx || !dot || dot == lower)
		return ctx;
	dot[-1] = '*';
	return find_name(s, dot - 1);
}

/* A name that no certificate has gets the default: many clients of old live with that. */
static int choose_face(SSL *ssl, int *alert, void *server)
{
	const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
	SSL_CTX *ctx = name ? find_face(server, name) : NULL;

	if (ctx && !SSL_set_SSL_CTX(ssl, ctx))
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	return SSL_TLSEXT_ERR_OK;
}

static int choose_protocol(SSL *ssl, const unsigned char **chosen, unsigned char *chosen_len,
			   const unsigned char *offered, unsigned int offered_len, void *unused)
{
	static const unsigned char ours[] = "\x08http/1.1";
	unsigned char *found;

	if (SSL_select_next_proto(&found, chosen_len, ours, sizeof(ours) - 1, offered,
				  offered_len) != OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_NOACK;
	*chosen = found;
	return SSL_TLSEXT_ERR_OK;
}

/*
 * Whose tickets a service takes: its own, of any process. A ticket of another service must not
 * spare a client its certificate, nor show it a session of another name.
 */
static bool set_scope(SSL_CTX *ctx, const struct tls_server_config *c)
{
	EVP_MD_CTX *digest = EVP_MD_CTX_new();
	unsigned char scope[EVP_MAX_MD_SIZE], options[] = {c->min_version, c->http};
	unsigned int len = 0;
	bool good = digest && EVP_DigestInit_ex(digest, EVP_sha256(), NULL) &&
		    EVP_DigestUpdate(digest, options, sizeof(options)) &&
		    EVP_DigestUpdate(digest, c->client_ca.at, c->client_ca.len);

	for (size_t i = 0; i < c->certificate_count; i++)
		good = good &&
		       EVP_DigestUpdate(digest, c->certificates[i].at, c->certificates[i].len);
	good = good && EVP_DigestFinal_ex(digest, scope, &len) &&
	       SSL_CTX_set_session_id_context(ctx, scope, SSL_MAX_SID_CTX_LENGTH);
	EVP_MD_CTX_free(digest);
	return good;
}

static int set_client_ca(SSL_CTX *ctx, struct slice ca)
{
	STACK_OF(X509_NAME) * names;
	int err;

	if (!ca.at)
		return 0;
	names = sk_X509_NAME_new_null();
	if (!names)
		return -ENOMEM;
	err = tls_add_certificates(SSL_CTX_get_cert_store(ctx), names, ca);
	SSL_CTX_set_client_CA_list(ctx, names); /* takes them */
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	return err;
}

/* Alike for all faces: OpenSSL asks now the first one, now the chosen one. */
static bool set_habits(SSL_CTX *ctx, struct tls_server *s, const struct tls_server_config *c)
{
	int version = c->min_version == TLS_1_3 ? TLS1_3_VERSION : TLS1_2_VERSION;

	/* A bare FIN is an end, for the caller to judge. The chain is what the PEM has: else
	 * OpenSSL would make one up, of the clients' CA at that. */
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE |
					 SSL_OP_PRIORITIZE_CHACHA | SSL_OP_NO_COMPRESSION |
					 SSL_OP_IGNORE_UNEXPECTED_EOF);
	SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
				      SSL_MODE_RELEASE_BUFFERS | SSL_MODE_NO_AUTO_CHAIN);
	SSL_CTX_set_read_ahead(ctx, 1);
	SSL_CTX_set_num_tickets(ctx, 1); /* each costs 5 % of a handshake, and is renewed by use */
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_tlsext_servername_callback(ctx, choose_face);
	SSL_CTX_set_tlsext_servername_arg(ctx, s);
	if (c->http)
		SSL_CTX_set_alpn_select_cb(ctx, choose_protocol, NULL);
	return SSL_CTX_set_min_proto_version(ctx, version) &&
	       SSL_CTX_set_cipher_list(ctx, CIPHERS) && SSL_CTX_set1_groups_list(ctx, GROUPS) &&
	       tls_tickets_serve(ctx, &s->tickets) && set_scope(ctx, c);
}

static int make_face(struct tls_server *s, const struct tls_server_config *c, struct buf *why)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	int err;

	if (!ctx)
		return -ENOMEM;
	err = set_habits(ctx, s, c) ? set_client_ca(ctx, c->client_ca) : -ENOMEM;
	if (err) {
		if (err == -EINVAL)
			buf_puts(why, "client CA: no certificate in it");
		SSL_CTX_free(ctx);
		return err;
	}
	s->faces[s->face_count++].ctx = ctx;
	return 0;
}

static bool list_name(void *arg, struct slice name)
{
	struct buf *list = arg;

	for (size_t i = 0; i < name.len; i++)
		buf_printf(list, "%c", tolower((unsigned char)name.at[i]));
	buf_puts(list, " ");
	return true;
}

/* Into the face of the same names that has no certificate of this key type yet, or a new one. */
static int show(struct tls_server *s, const struct tls_server_config *c,
		const struct tls_identity *id, struct buf *why)
{
	struct buf names = {};
	int err;

	(void)tls_each_name(id->certificate, list_name, &names); /* says yes to each */
	for (size_t i = 0; i < s->face_count; i++) {
		if (strcmp(buf_text(&s->faces[i].names), buf_text(&names)) == 0 &&
		    SSL_CTX_use_cert_and_key(s->faces[i].ctx, id->certificate, id->key, id->chain,
					     0) == 1) {
			buf_free(&names);
			return 0;
		}
	}
	ERR_clear_error();
	err = make_face(s, c, why);
	if (err) {
		buf_free(&names);
		return err;
	}
	s->faces[s->face_count - 1].names = names;
	return SSL_CTX_use_cert_and_key(s->faces[s->face_count - 1].ctx, id->certificate, id->key,
					id->chain, 1) == 1
		       ? 0
		       : -ENOMEM; /* tls_identity_read has tried it */
}

static void append_line(struct buf *why, const char *where, size_t number, const struct buf *line)
{
	if (line->len)
		buf_printf(why, "%s%s %zu: %s", why->len ? "\n" : "", where, number,
			   buf_text(line));
}

static int add_certificate(struct tls_server *s, const struct tls_server_config *c, size_t i,
			   struct buf *why)
{
	struct tls_identity id;
	struct buf line = {};
	int err = tls_identity_read(&id, c->certificates[i], &line);

	append_line(why, "certificate", i + 1, &line);
	buf_free(&line);
	if (err)
		return err;
	err = show(s, c, &id, why);
	tls_identity_fini(&id);
	return err;
}

static size_t count_names(const struct tls_server *s)
{
	size_t count = 0;

	for (size_t i = 0; i < s->face_count; i++)
		for (const char *p = buf_text(&s->faces[i].names); (p = strchr(p, ' ')); p++)
			count++;
	return count;
}

static void add_name(struct tls_server *s, char *name, SSL_CTX *ctx)
{
	for (size_t i = 0; i < s->name_count; i++)
		if (strcmp(s->names[i].name, name) == 0)
			return; /* the first certificate that has it stands */
	s->names[s->name_count++] = (struct named){name, ctx};
}

/* The names stay in their faces' lists, each now ended by a NUL. */
static void index_names(struct tls_server *s)
{
	s->names = xcalloc(count_names(s) + 1, sizeof(*s->names));
	for (size_t i = 0; i < s->face_count; i++) {
		char *rest = NULL, *name = strtok_r(s->faces[i].names.at, " ", &rest);

		for (; name; name = strtok_r(NULL, " ", &rest))
			add_name(s, name, s->faces[i].ctx);
	}
	qsort(s->names, s->name_count, sizeof(*s->names), compare_named);
}

int tls_server_new(struct tls_server **made, const struct tls_server_config *c, struct buf *why)
{
	struct tls_server *s;
	int err = 0;

	tls_init();
	if (!c->certificate_count) {
		buf_puts(why, "there is no certificate");
		return -EINVAL;
	}
	s = xcalloc(1, sizeof(*s));
	s->references = 1;
	s->faces = xcalloc(c->certificate_count, sizeof(*s->faces));
	s->tickets.keys = c->tickets;
	if (!tls_tickets_init(&s->tickets))
		err = -ENOMEM;
	for (size_t i = 0; i < c->certificate_count && !err; i++)
		err = add_certificate(s, c, i, why);
	ERR_clear_error();
	if (err) {
		tls_server_free(s);
		return err;
	}
	index_names(s);
	*made = s;
	return 0;
}

struct tls_server *tls_server_hold(struct tls_server *s)
{
	s->references++;
	return s;
}

void tls_server_free(struct tls_server *s)
{
	if (!s || --s->references)
		return;
	for (size_t i = 0; i < s->face_count; i++) {
		SSL_CTX_free(s->faces[i].ctx);
		buf_free(&s->faces[i].names);
	}
	tls_tickets_fini(&s->tickets);
	free(s->names);
	free(s->faces);
	free(s);
}

void tls_server_set_tickets(struct tls_server *s, const struct tls_ticket_keys *keys)
{
	s->tickets.keys = *keys;
}

SSL *tls_server_connection(struct tls_server *s)
{
	SSL *ssl = SSL_new(s->faces[0].ctx);

	if (ssl)
		SSL_set_accept_state(ssl);
	return ssl;
}
