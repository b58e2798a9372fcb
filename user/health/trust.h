/* SPDX-License-Identifier: GPL-2.0-only */
/* TLS contexts for checks: those with the same CA bundle, or with none, share one. */
#ifndef LBXDP_HEALTH_TRUST_H
#define LBXDP_HEALTH_TRUST_H

#include "io/tls.h"

struct trust {
	struct trust *next;
	struct tls_context *context;
	char *ca; /* NULL: certificates are not verified */
	size_t ca_len, users;
};

struct trust_store {
	struct trust *first;
};

/* One more user of the trust in ca (PEM, copied; NULL: none). Returns NULL and *err. */
struct trust *trust_take(struct trust_store *s, const char *ca, size_t ca_len, int *err);
void trust_drop(struct trust_store *s, struct trust *t); /* NULL: nothing */

/* Reads a CA bundle from fd, from its start. Returns bytes to be freed, or NULL and *err; -EFBIG
 * above 4 MB. */
char *trust_read(int fd, size_t *len, int *err);

#endif
