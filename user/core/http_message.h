/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Heads of HTTP/1.0 and HTTP/1.1 requests and responses for the proxy, strictly (RFC 9110, 9112):
 * whatever two readers could understand in two ways is refused. Pure; allocates nothing; slices
 * point into the caller's bytes and live as long as those stay where they are. The lenient reader
 * of what servers answer to checks is core/http1.h; the body is core/http_body.h's, started with
 * strict.
 *
 * Refused, each with a status to answer a request with (a bad response is the caller's 502):
 * - line ends other than CR LF, NUL and other controls, blanks before a colon or at the start of a
 *   line (obs-fold), empty or non-token names and methods: 400
 * - more than one empty line before a request, any before a response: 400
 * - versions other than HTTP/1.0 and HTTP/1.1, HTTP/1.2 included: 505; none (HTTP/0.9): 400
 * - more than HTTP_FIELDS_MAX fields: 431
 * - Content-Length that is not 1*DIGIT below 2^63, or stands there twice, even with equal values:
 *   400
 * - Transfer-Encoding beside Content-Length, twice, in HTTP/1.0, or empty: 400; any value but
 *   "chunked" alone: 501 (section 6.1 lets a server say so to codings that it does not know)
 * - HTTP/1.1 without exactly one Host, HTTP/1.0 with more than one; an empty host (RFC 9110 4.2.1),
 *   userinfo, or a name of anything but letters, digits and "-._~": RFC 3986 would let
 * sub-delimiters and percent-encodings through, which no DNS name has: 400
 * - targets with other bytes than 0x21 to 0x7e, or with "#"; "*" but for OPTIONS, host:port but for
 *   CONNECT, absolute ones that are not http or https: 400
 * - Connection that names Host, Content-Length or Transfer-Encoding, or more than 32 options: 400
 * - CONNECT with a body: 400
 */
#ifndef LBXDP_CORE_HTTP_MESSAGE_H
#define LBXDP_CORE_HTTP_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "core/http_body.h"
#include "core/http_text.h"

enum { HTTP_FIELDS_MAX = 128 };

enum http_method {
	HTTP_METHOD_OTHER, /* any other token: passes, and is not idempotent */
	HTTP_METHOD_GET,
	HTTP_METHOD_HEAD,
	HTTP_METHOD_POST,
	HTTP_METHOD_PUT,
	HTTP_METHOD_DELETE,
	HTTP_METHOD_OPTIONS,
	HTTP_METHOD_TRACE,
	HTTP_METHOD_CONNECT,
	HTTP_METHOD_COUNT,
};

/* RFC 9112 section 3.2. */
enum http_target_form {
	HTTP_TARGET_NONE,      /* a response */
	HTTP_TARGET_ORIGIN,    /* "/path?query" */
	HTTP_TARGET_ABSOLUTE,  /* "http://host/path?query" */
	HTTP_TARGET_AUTHORITY, /* "host:port" of CONNECT */
	HTTP_TARGET_ASTERISK,  /* "*" of OPTIONS */
};

/* The fields that mean something to a proxy, in the order of their lengths; every other is
 * HTTP_NAME_OTHER. */
enum http_name {
	HTTP_NAME_OTHER,
	HTTP_NAME_TE,
	HTTP_NAME_HOST,
	HTTP_NAME_COOKIE,
	HTTP_NAME_EXPECT,
	HTTP_NAME_UPGRADE,
	HTTP_NAME_CONNECTION,
	HTTP_NAME_KEEP_ALIVE,
	HTTP_NAME_AUTHORIZATION,
	HTTP_NAME_CONTENT_LENGTH,
	HTTP_NAME_WWW_AUTHENTICATE,
	HTTP_NAME_PROXY_CONNECTION,
	HTTP_NAME_TRANSFER_ENCODING,
	HTTP_NAME_PROXY_AUTHENTICATE,
	HTTP_NAME_PROXY_AUTHORIZATION,
	HTTP_NAME_COUNT,
};

struct http_field {
	struct slice name;  /* in the case it came in, never empty */
	struct slice value; /* without blanks around it; may be empty */
	enum http_name id;
};

/*
 * A whole head. It is 5 KB and needed only while the bytes are looked at: keep one for all
 * connections. No need to initialise it: the parsers do.
 */
struct http_head {
	bool is_request;
	uint8_t minor; /* of the version: 0 or 1 */
	size_t size;   /* bytes of the head, with an empty line before it and the one behind it */
	struct slice line; /* the request line or the status line, without its end: for logs */

	/* Request. */
	enum http_method method;
	struct slice method_text; /* as it came */
	enum http_target_form form;
	struct slice target;    /* as it came */
	struct slice path;      /* of the target, without the query; empty where it has none */
	struct slice query;     /* with its "?"; empty where there is none */
	struct slice authority; /* who is asked: host and port of the target, else of Host; may be
				   empty in HTTP/1.0 */
	struct slice host;      /* the authority without its port */
	bool expect_continue;   /* Expect: 100-continue, in HTTP/1.1 */

	/* Response. */
	uint16_t status; /* 100 to 999 */
	struct slice reason;

	/* Both. */
	enum http_framing framing;
	uint64_t length; /* HTTP_LENGTH */
	bool persistent; /* the sender lets the connection live on: HTTP/1.1 without close, HTTP/1.0
			    with keep-alive; never with HTTP_UNTIL_CLOSE */
	bool upgrade;    /* Upgrade, and Connection names it; never for h2c, in HTTP/1.0 or beside
			    a request's body */
	bool ntlm;       /* credentials or a challenge of NTLM, Negotiate, Kerberos or CredSSP: from
			    now on the server connection belongs to this client connection */
	bool no_framing; /* 1xx, 204, 2xx to CONNECT: a length or coding here means nothing (RFC
			    9112 6.3) and is not sent on */
	bool names_fields; /* Connection names fields other than Upgrade, Keep-Alive and TE */
	bool has_coding; /* Transfer-Encoding: chunked stands there, even where there is no body */

	const char *bytes; /* where the head begins */

	/* After -EPROTO. */
	const char *error;     /* what is wrong, a constant text */
	uint16_t error_status; /* what a request is answered with: 400, 431, 501, 505 */
	size_t error_at;       /* which byte, about */

	uint16_t field_count;
	struct http_field fields[HTTP_FIELDS_MAX];
};

/*
 * Reads the head of a request, or of a response, that starts at bytes. Returns
 *        1  it is whole: h is filled; the body or the next message begins at h->size
 *        0  more bytes are needed: call again with the same bytes and more behind them; a caller
 * whose buffer is full answers 431 -EPROTO  it is refused: see h->error, error_status, error_at
 * *seen is how far was searched: 0 before the first byte of each head, kept by the caller between
 * calls, so that the time is linear whatever the pieces. h holds nothing between calls.
 */
int http_request_parse(struct http_head *h, const char *bytes, size_t len, size_t *seen);

/*
 * The response to a request of method asked, which decides about the body: none for HEAD, 1xx, 204,
 * 304, and 2xx to CONNECT. 1xx other than 101 is interim: forward it and read the next head.
 */
int http_response_parse(struct http_head *h, const char *bytes, size_t len, size_t *seen,
			enum http_method asked);

/* A response that another will follow: 1xx but 101. */
static inline bool http_is_interim(const struct http_head *h)
{
	return h->status < 200 && h->status != 101;
}

/* RFC 9110 9.2.2: asking again does no harm. */
bool http_method_is_idempotent(enum http_method m);

#endif
