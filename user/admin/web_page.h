/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Pages as the web process holds them: bytes shared by all connections that send them, asked of
 * main at most once at a time and not again while they are fresh. So the number of scrapers does
 * not reach main (F15).
 */
#ifndef LBXDP_ADMIN_WEB_PAGE_H
#define LBXDP_ADMIN_WEB_PAGE_H

#include <stddef.h>
#include <stdint.h>

#include "admin/web_server.h"
#include "io/channel.h"

enum { WEB_FRESH_MSEC = 200 };

struct web_bytes {
	unsigned int references;
	size_t len;
	char at[];
};

/* Set channel and arrived, leave the rest zero. */
struct web_pages {
	struct channel *channel;
	/* bytes: NULL when main could not make the page. */
	void (*arrived)(struct web_pages *p, enum web_page page, struct web_bytes *bytes);
	uint32_t id;
	struct {
		struct web_bytes *bytes;
		uint64_t at;    /* when it was asked for */
		uint32_t asked; /* the question's id; 0: none is out */
	} slot[WEB_PAGE_COUNT];
};

/*
 * The page when it is fresh, with a reference for the caller; else NULL: arrived will be called, or
 * with *err set nothing will come.
 */
struct web_bytes *web_pages_get(struct web_pages *p, enum web_page page, uint64_t now, int *err);

/* Feeds a message of the channel; takes fd. */
void web_pages_answer(struct web_pages *p, const void *bytes, size_t len, int fd);

void web_pages_fini(struct web_pages *p);

void web_bytes_release(struct web_bytes *b);

#endif
