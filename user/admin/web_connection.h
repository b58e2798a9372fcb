/* SPDX-License-Identifier: GPL-2.0-only */
/* One HTTP connection of the web process: request, page, answer, and again or the end. */
#ifndef LBXDP_ADMIN_WEB_CONNECTION_H
#define LBXDP_ADMIN_WEB_CONNECTION_H

#include <stdbool.h>

#include "admin/web_page.h"

/* What all connections share. ended is deferred when one has ended and wants to be freed. */
struct web_shared {
	struct loop *loop;
	struct web_pages pages;
	struct hook ended;
};

struct web_connection;

/* Takes fd. */
struct web_connection *web_connection_new(struct web_shared *s, int fd);
void web_connection_free(struct web_connection *c);

bool web_connection_ended(const struct web_connection *c);

/* When an idle one is due to be closed; 0 for one that has something in hand. */
uint64_t web_connection_idle(const struct web_connection *c);

/* A page that some connections wait for; NULL: it could not be made. */
void web_connection_page(struct web_connection *c, enum web_page page, struct web_bytes *bytes);

#endif
