/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of the strict HTTP parser tell one another; the manual is core/http_message.h. */
#ifndef LBXDP_CORE_HTTP_PARSE_H
#define LBXDP_CORE_HTTP_PARSE_H

#include "core/http_message.h"

/* Fills the error of h; at is the byte that was met, inside the head. Returns -EPROTO. */
__attribute__((cold)) int http_refuse(struct http_head *h, unsigned int status, const char *at,
				      const char *why);

/* name is not empty; letters of either case are the same. */
enum http_name http_name_of(struct slice name);

/* The field lines from at to the empty line behind them, and what they say of framing and the
 * connection. Returns 1 and sets h->size, 0 when that line does not stand before end, or -EPROTO.
 */
int http_fields_read(struct http_head *h, const char *at, const char *end, enum http_method asked);

/* The form of h->target and its parts. Returns 0 or -EPROTO. */
int http_target_read(struct http_head *h);

/* Splits host[:port]; false when a byte does not belong there, the host is empty, or the port is no
 * port. with_port: it must stand there. */
bool http_authority_split(struct slice authority, bool with_port, struct slice *host);

#endif
