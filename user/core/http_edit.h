/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The head that a proxy sends on, made of the one it received. Pure; what is written parses again
 * as exactly one message with the same framing. Names keep the case and the order they came in;
 * fields that are not touched keep every byte but blanks at the line's end.
 *
 * Left out by itself (RFC 9110 7.6.1): Connection and the fields that it names, Keep-Alive,
 * Proxy-Connection, TE, Upgrade (but see HTTP_SAY_UPGRADE); Content-Length and
 * Transfer-Encoding in 1xx, 204 and 2xx to CONNECT, where nobody may read them. Credentials,
 * challenges, Trailer and an answer's framing otherwise go on as they came; that of a request is
 * said in the plainest words, "chunked" or digits without a leading zero (F16). A target in
 * absolute form becomes origin form, and its authority replaces Host (RFC 9112 3.2.2).
 */
#ifndef LBXDP_CORE_HTTP_EDIT_H
#define LBXDP_CORE_HTTP_EDIT_H

#include <sys/types.h>

#include "core/http_message.h"

enum http_edit_op {
	HTTP_EDIT_SET, /* one field with this value: in the place of the first, else at the end */
	HTTP_EDIT_ADD, /* one more, at the end */
	HTTP_EDIT_APPEND, /* ", value" behind the value of the last; at the end if there is none */
	HTTP_EDIT_DELETE, /* all of that name */
};

/*
 * Names match in any case; ADD never matches a received field. Of several edits of one name the
 * first SET, APPEND or DELETE counts. An edit must not name Connection, Content-Length or
 * Transfer-Encoding, nor hold bytes that http_edit_is_sound() refuses.
 */
struct http_edit {
	enum http_edit_op op;
	struct slice name, value;
};

/* For configurations: whether this may be written at all. */
bool http_edit_is_sound(const struct http_edit *e);

/*
 * Path prefix: a path that begins with from, in any case, begins with to instead. A from that does
 * not end in "/" matches whole segments only. Where to ends in "/" and the rest begins with one,
 * there is one. Percent-encodings are not looked into.
 */
struct http_rewrite {
	struct slice from, to;
};

/* What the head says about the connection it is sent over. */
enum http_say {
	HTTP_SAY_NOTHING,
	HTTP_SAY_CLOSE,
	HTTP_SAY_KEEP_ALIVE, /* to HTTP/1.0 peers, where it is not the default */
	HTTP_SAY_UPGRADE,    /* Connection: Upgrade, and Upgrade is kept; for h->upgrade only */
};

/* Zero-initialised: nothing is changed beyond what a proxy must. Everything is borrowed. */
struct http_write {
	enum http_say say;
	const struct http_edit *edits;
	size_t edit_count;                   /* at most HTTP_EDITS_MAX */
	const struct http_rewrite *rewrites; /* the first that matches is used */
	size_t rewrite_count;
	struct slice drop_cookie; /* the cookie of this name is taken out of Cookie; empty: none */
};

enum { HTTP_EDITS_MAX = 64 };

/* Whether a field of that name with something in it goes on: is there, and not what Connection
 * names. */
bool http_head_passes(const struct http_head *h, const char *name);

/* Returns the bytes written, with the empty line at the end; -ENOSPC when room does not do. */
ssize_t http_head_write(const struct http_head *h, const struct http_write *w, char *to,
			size_t room);

#endif
