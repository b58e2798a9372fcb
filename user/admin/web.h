/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The web process: HTTP for Prometheus, GET and HEAD only. It has no power; it inherits a listening
 * socket and a channel on which main answers reads only (web_serve_main).
 */
#ifndef LBXDP_ADMIN_WEB_H
#define LBXDP_ADMIN_WEB_H

#include "core/view.h"
#include "io/channel.h"

struct web_fds {
	int channel;
	int listener;
};

/* Runs until the channel closes. Returns an exit code. */
int web_main(const struct web_fds *fds);

/* Main's end: answers the web process' questions with rendered pages (by memfd). */
struct web_client;

struct web_client_events {
	struct view *(*view)(void *arg);
	void (*lost)(void *arg);
	void *arg;
};

struct web_client *web_client_new(struct loop *l, const struct web_client_events *e);
void web_client_free(struct web_client *c);
int web_client_connect(struct web_client *c, int fd);

#endif
