/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the answer to an HTTP health check means (R41, R42): the expected text is looked for in the
 * status line, or in the body of a 2xx answer; with nothing expected, the status must be 200. Pure.
 */
#ifndef LBXDP_CORE_HTTP_CHECK_H
#define LBXDP_CORE_HTTP_CHECK_H

#include "core/check.h"
#include "core/http1.h"
#include "core/match.h"

enum {
	HTTP_CHECK_BODY_MAX = 65536, /* bytes of the body that are searched */
	HTTP_CHECK_RAW_MAX = 1 << 20 /* bytes of the body with its coding */
};

struct http_check {
	bool no_body; /* the request is HEAD */
	bool over;    /* outcome stands; the rest of the answer need not be waited for */
	struct check_outcome outcome; /* the duration is the caller's */
	const char *expect;           /* borrowed */
	struct http1_head head;
	struct http_body body;
	struct match match;
	bool in_body, judged;
	size_t total, raw; /* bytes of interim answers; of the body with its coding */
	uint64_t searched;
};

void http_check_start(struct http_check *c, const char *expect, bool no_body);

/* Reads what came; returns how many bytes are done with. The rest is to be given again with more
 * behind it; it may be changed (unfolded headers). */
size_t http_check_feed(struct http_check *c, char *bytes, size_t len);

void http_check_closed(struct http_check *c, const char *how);
void http_check_timeout(struct http_check *c);

#endif
