/* SPDX-License-Identifier: GPL-2.0-only */
/* Contents of files, and the TLS that is made of them: of a proxy process, and of nobody else. */
#ifndef LBXDP_PROXY_SECURE_H
#define LBXDP_PROXY_SECURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"
#include "core/proxy.h"
#include "io/tls_link.h"

struct end;
struct engine;
struct real;

/* content.c: a file's content, shared by those who use it, wiped when the last is done with it. */
struct content {
	size_t refs;
	struct slice text;
	char bytes[];
};

/* Reads fd from its start. Returns 0 or -errno; -EFBIG above PROXY_BLOB_MAX. */
int content_read(struct content **made, int fd);
struct content *content_hold(struct content *c);
void content_release(struct content *c); /* NULL does nothing */

/* secure.c: TLS as rows and contents ask for it. Held by settings and by ends. */
struct service_tls {
	struct tls_server *server;
	size_t refs;
	uint32_t flags; /* of enum proxy_service_flag, those it was made by */
	uint64_t epoch; /* of its ticket keys */
};

enum {
	SERVICE_TLS_FLAGS = PROXY_SERVICE_TLS | PROXY_SERVICE_TLS13 | PROXY_SERVICE_CLIENT_CA |
			    PROXY_SERVICE_HTTP,
};

/* ca at NULL: clients are not asked. NULL when it cannot be, which is logged. */
struct service_tls *service_tls_new(struct engine *e, const struct proxy_service *row,
				    const struct slice *certificates, size_t count,
				    struct slice ca);
struct service_tls *service_tls_hold(struct service_tls *t);
void service_tls_release(struct service_tls *t); /* NULL does nothing */
/* A link over a client's socket, by the ticket keys of now. NULL without memory. */
struct tls_link *service_tls_accept(struct engine *e, struct service_tls *t, int fd);

struct real_tls {
	struct tls_dialer *dialer;
	struct tls_memory memory; /* of what the real gave us, to be resumed */
	size_t refs;
	struct content *ca; /* NULL: any certificate will do */
	bool speaks_first;
	char sni[PROXY_TEXT_LEN];
};

/* Makes end, which is connected to r, a TLS one. speaks_first: see io/tls_link.h. Returns 0,
 * -ENOMEM, or -ENOKEY when there is no CA to verify by. */
int real_tls_connect(struct engine *e, struct real *r, struct end *end, bool speaks_first);
void real_tls_release(struct real_tls *t); /* NULL does nothing */

#endif
