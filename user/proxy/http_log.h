/* SPDX-License-Identifier: GPL-2.0-only */
/* What the log says of a request; kept whether it is on or not, but for the line. */
#ifndef LBXDP_PROXY_HTTP_LOG_H
#define LBXDP_PROXY_HTTP_LOG_H

#include <stdint.h>

#include "lbxdp/abi.h"

enum { HTTP_LOG_LINE = 200, HTTP_LOG_TEXT = HTTP_LOG_LINE + LB_NAME_LEN };

/* Times are loop_now(); 0: it did not come to that. */
struct http_log {
	uint64_t began;     /* the first byte */
	uint64_t asked;     /* the head was whole; then it waits for a real */
	uint64_t connected; /* a server's connection was there; connecting is the session's */
	uint64_t answered;  /* the first byte of the answer */
	uint64_t bytes_in, bytes_out;
	uint16_t status;   /* 0: none was given */
	char cause, state; /* how it ended, as in HAProxy's logs: '-' for well */
	uint8_t line_len;
	char *line; /* HTTP_LOG_LINE of the request line, then the real's name; NULL: not asked for
		     */
};

struct session;

/* The line of the request that began last, once, if the service keeps a log. */
void http_log_write(struct session *s);
/* Its real is known. */
void http_log_real(struct session *s);

#endif
