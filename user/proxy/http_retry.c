/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Requests that are sent again, to another server, if that does no harm: when nothing of it was
 * sent, or when it is idempotent, all of it is at hand, and no byte of an answer has come (RFC 9110
 * 9.2.2). Once is enough.
 */
#include "proxy/http_internal.h"

static bool may_repeat(const struct session *s)
{
	const struct http *h = s->http;
	const struct way *w = &s->way[CLIENT];

	if (h->retried || h->answer != HTTP_ANSWER_NONE)
		return false;
	return h->again || (!h->sent && w->held);
}

/* A connection that was used before says nothing about its server when it dies. */
static void count_retry(struct session *s)
{
	bool used = s->end[SERVER]->used;

	if (used && !s->tries) { /* with tries the next connect counts */
		session_count(s, retries, 1);
		s->retries++;
	} else if (!used && s->tries < CONNECT_TRIES - 1) {
		s->failed[s->tries++] = s->real->id;
	}
}

bool http_retry(struct session *s)
{
	struct http *h = s->http;
	struct way *w = &s->way[CLIENT];
	char *bytes = h->again;
	size_t len = h->again_len;

	if (!may_repeat(s))
		return false;
	if (!bytes) {
		bytes = (char *)w->held;
		len = w->held_len;
		w->held = NULL;
	}
	h->again = NULL;
	count_retry(s);
	http_drop_server(s, true);
	w->held = (uint8_t *)bytes;
	w->held_at = 0;
	w->held_len = len;
	h->whole = h->idempotent && http_body_over(&h->body[CLIENT]);
	h->retried = h->fresh = true;
	upstream_start(s);
	return true;
}
