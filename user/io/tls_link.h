/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * TLS over non-blocking sockets that somebody else watches: what a proxy speaks with clients
 * (tls_server) and with reals (tls_dialer). A link is one connection; its fd stays the caller's,
 * and nothing here waits, watches or closes.
 *
 * Edge-triggered callers: every call goes on until it is done or the socket would block. After
 * -EAGAIN call the same function again at the next readiness of any kind, for TLS may have to read
 * in order to write and to write in order to read.
 */
#ifndef LBXDP_IO_TLS_LINK_H
#define LBXDP_IO_TLS_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/slice.h"
#include "io/tls.h"

enum tls_version { TLS_1_2, TLS_1_3 };

enum { TLS_TICKET_KEY_LEN = 80 };

/*
 * What seals session tickets (RFC 5077, RFC 8446 4.6.1): random bytes. Processes with the same keys
 * resume one another's sessions. Tickets under previous are still accepted, and replaced.
 */
struct tls_ticket_keys {
	uint8_t current[TLS_TICKET_KEY_LEN];
	uint8_t previous[TLS_TICKET_KEY_LEN];
	bool has_previous;
};

/* Everything is borrowed for the call of tls_server_new only. */
struct tls_server_config {
	/* PEM each: certificate, the chain behind it, private key. The first is shown to clients
	 * that name no name, or one that no certificate has. */
	const struct slice *certificates;
	size_t certificate_count;
	struct slice client_ca; /* PEM; clients must show a certificate that leads to it; at NULL:
				 * they are not asked */
	enum tls_version min_version;
	bool http; /* answer ALPN with http/1.1 where a client offers it (RFC 7301) */
	struct tls_ticket_keys tickets;
};

struct tls_server;
struct tls_dialer;
struct tls_link;

/*
 * One service's side towards clients. Returns 0, -ENOMEM, or -EINVAL with the cause in why
 * ("certificate 2: the private key does not match the certificate"). After 0 why may hold warnings
 * ("certificate 1: expired on 2024-05-01"); lines are separated by newlines. A server may be freed
 * while links accepted by it live on.
 */
int tls_server_new(struct tls_server **made, const struct tls_server_config *c, struct buf *why);
void tls_server_free(struct tls_server *s);

/* From now on; links that are open keep what they have. */
void tls_server_set_tickets(struct tls_server *s, const struct tls_ticket_keys *keys);

enum tls_pem_kind {
	TLS_PEM_IDENTITY, /* certificate, chain and private key */
	TLS_PEM_CA,       /* certificates */
};

/* Whether tls_server_new or tls_dialer_new would take it. Returns 0 or -EINVAL; why is as there,
 * without "certificate N: ". */
int tls_pem_check(enum tls_pem_kind kind, struct slice pem, struct buf *why);

/* The first certificate of a PEM; times in seconds since 1970. */
struct tls_pem_info {
	char subject[256], issuer[256]; /* RFC 4514 text */
	char names[512];                /* what it is valid for, "a.example.com *.b.example.com" */
	int64_t not_before, not_after;
};

/* Returns 0 or -EINVAL. What is longer than its room is cut at its end. */
int tls_pem_describe(struct slice pem, struct tls_pem_info *info);

struct tls_dialer_config {
	/* PEM that a real's certificate must lead to, with TLS 1.2 or later. At NULL any
	 * certificate will do, and TLS 1.0, which is what Exchange 2013 speaks as installed. */
	struct slice ca;
	/* The client speaks first, as in HTTP: the last words of our handshake wait for the first
	 * bytes of tls_link_write, to travel with them. */
	bool speaks_first;
};

/* The side towards reals. Returns and why as tls_server_new. */
int tls_dialer_new(struct tls_dialer **made, const struct tls_dialer_config *c, struct buf *why);
void tls_dialer_free(struct tls_dialer *d);

/* A link over fd, a connected non-blocking stream socket. NULL: no memory. */
struct tls_link *tls_link_accept(struct tls_server *s, int fd);

/* The same towards a real. peer: see io/tls.h. memory may be NULL; else it outlives the link and is
 * used with this peer and this dialer only, as a resumed session shows no certificate. */
struct tls_link *tls_link_connect(struct tls_dialer *d, int fd, const struct tls_peer *peer,
				  struct tls_memory *memory);

/* Says nothing; NULL: nothing happens. */
void tls_link_free(struct tls_link *l);

/*
 * Returns 0 when done (read then at once: the peer's first bytes may be here already), -EAGAIN,
 * -EPROTO when the peer and we do not agree or its certificate is not
 * good, -ECONNRESET when it went away meanwhile, or another -errno of the socket. Must be done
 * before anything is read or written.
 */
int tls_link_handshake(struct tls_link *l);

/* Static text for the last -EPROTO or -ECONNRESET: "no shared cipher". Never NULL. */
const char *tls_link_reason(const struct tls_link *l);

/* Did it fail because the peer's certificate is not good? */
bool tls_link_distrusts(const struct tls_link *l);

/* As recv: bytes, 0 at the end (see tls_link_end), -EAGAIN, -errno. Read until -EAGAIN or keep in
 * mind that there is more: the socket may have nothing left while the link has. */
ssize_t tls_link_read(struct tls_link *l, void *to, size_t room);

/*
 * As send, of any length: fewer bytes than len, or -EAGAIN, only when the socket is full. What was
 * not taken is then owed: the next call begins with the same bytes and has at least as many,
 * wherever they are in memory.
 */
ssize_t tls_link_write(struct tls_link *l, const void *from, size_t len);

/* How the peer's bytes ended, once a read has returned 0. A bare FIN may be an attacker's, or IIS's
 * habit. */
enum tls_end { TLS_END_NOT_YET, TLS_END_SAID, TLS_END_BARE };
enum tls_end tls_link_end(const struct tls_link *l);

/* True when a read may give bytes without the socket being readable. */
bool tls_link_pending(const struct tls_link *l);

/* True when the last read left nothing, neither in the link nor in the socket: another one before
 * the next readiness would only say -EAGAIN, or 0 when the socket has been reported as ended. */
bool tls_link_drained(const struct tls_link *l);

/*
 * Sends close_notify, once, when nothing is owed: no more is written, but the peer may go on and be
 * read (RFC 8446 6.1). Returns 0, -EAGAIN (call again) or -errno. The kernel keeps it back for the
 * FIN: call shutdown(fd, SHUT_WR) or close behind it.
 */
int tls_link_goodbye(struct tls_link *l);

/* Of a link whose handshake is done; texts are valid as long as the link. */
const char *tls_link_sni(const struct tls_link *l);     /* what the client named, or NULL */
const char *tls_link_alpn(const struct tls_link *l);    /* "http/1.1", or NULL: not agreed */
const char *tls_link_version(const struct tls_link *l); /* "TLSv1.3" */
const char *tls_link_cipher(const struct tls_link *l);
bool tls_link_resumed(const struct tls_link *l);

/* The subject of the peer's certificate as RFC 4514 text, cut to room with its NUL. False and ""
 * when it showed none. */
bool tls_link_subject(const struct tls_link *l, char *text, size_t room);

#endif
