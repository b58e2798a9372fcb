/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The head of a request to the web page: what core/http_message.h takes for one well-formed head,
 * of GET or HEAD and without a body. Pure; slices point into the caller's bytes.
 */
#ifndef LBXDP_ADMIN_REQUEST_H
#define LBXDP_ADMIN_REQUEST_H

#include <stdbool.h>
#include <stddef.h>

enum {
	REQUEST_HEAD_MAX = 8192,  /* bytes of the whole head: 431 beyond */
	REQUEST_LINE_MAX = 4096,  /* of its first line: 414 beyond */
	REQUEST_FIELDS_MAX = 100, /* 431 beyond */
};

struct request {
	bool head; /* HEAD; else GET */
	const char *path;
	size_t path_len; /* without the query */
	bool keep_alive;
	bool openmetrics; /* preferred to plain text */
};

/*
 * Returns the length of the head, 0 when more bytes are needed, or minus the status to answer with:
 * 400, 405, 414, 431, 501 or 505. A head that needs more bytes than REQUEST_HEAD_MAX is -431.
 */
int request_parse(const char *bytes, size_t len, struct request *r);

#endif
