/* SPDX-License-Identifier: GPL-2.0-only */
/* Cookies of persistence (RFC 6265): find ours, take it out, make one. Pure. */
#ifndef LBXDP_CORE_HTTP_COOKIE_H
#define LBXDP_CORE_HTTP_COOKIE_H

#include <sys/types.h>

#include "core/http_message.h"

/* The value of the first cookie of this name (case counts) in all Cookie fields, without quotes
 * around it. False when there is none. */
bool http_cookie_find(const struct http_head *h, struct slice name, struct slice *value);

/*
 * Writes the value of a Cookie field without the cookies of this name; the others keep their bytes,
 * their order and what separates them. Returns bytes written, never more than value.len (that much
 * room is needed); 0 when nothing is left and the field should go.
 */
size_t http_cookie_without(struct slice value, struct slice name, char *to);

enum http_same_site {
	HTTP_SAME_SITE_UNSAID,
	HTTP_SAME_SITE_NONE,
	HTTP_SAME_SITE_LAX,
	HTTP_SAME_SITE_STRICT,
};

struct http_set_cookie {
	struct slice name, value; /* of bytes that http_cookie_is_sound() takes */
	bool secure, http_only;
	enum http_same_site same_site;
};

/* Whether name and value can stand in a Set-Cookie: a token, and cookie-octets without quotes. */
bool http_cookie_is_sound(struct slice name, struct slice value);

/* The value of a Set-Cookie field, a session cookie for Path=/: "LB=a1; Path=/; Secure; HttpOnly;
 * SameSite=None". Returns bytes written (no NUL), or -ENOSPC. */
ssize_t http_set_cookie_text(const struct http_set_cookie *c, char *to, size_t room);

#endif
