/* SPDX-License-Identifier: GPL-2.0-only */
/* What the two ends of the web channel say, and the web process' server as an object of a loop, so
 * that a test can have both ends in one. */
#ifndef LBXDP_ADMIN_WEB_SERVER_H
#define LBXDP_ADMIN_WEB_SERVER_H

#include <stdint.h>

#include "io/loop.h"

enum web_page {
	WEB_PAGE_INDEX,
	WEB_PAGE_METRICS,
	WEB_PAGE_OPENMETRICS,
	WEB_PAGE_STATUS_JSON,
	WEB_PAGE_COUNT
};

enum { WEB_CONNECTIONS_MAX = 64 };

/* Web to main. */
struct web_question {
	uint32_t id;
	uint32_t page; /* enum web_page */
};

/* Main to web; with error 0 a descriptor of the page comes along. */
struct web_answer {
	uint32_t id;
	int32_t error; /* 0 or -errno */
};

struct web_server;

/* Takes both descriptors. The loop is stopped when the channel closes. Returns 0 or -errno. */
int web_server_new(struct web_server **out, struct loop *l, int channel, int listener);
void web_server_free(struct web_server *s);

#endif
