/* SPDX-License-Identifier: GPL-2.0-only */
/* The sessions of this process in the table that main reads: a column of rows, the free ones on a
 * stack. Whoever finds it full is not seen, and has a row of its own. */
#include <stdlib.h>

#include "proxy/internal.h"

static struct proxy_session *column(const struct engine *e)
{
	return e->shared->session[e->index];
}

/* To take a further row back, when giving up must not fail (F22). */
static bool has_room(struct engine *e)
{
	uint32_t room = e->seen_room ? 2 * e->seen_room : 64;
	void *seen;

	if (e->seen_rows < e->seen_room)
		return true;
	seen = reallocarray(e->seen, room, sizeof(*e->seen));
	if (!seen)
		return false;
	e->seen = seen;
	e->seen_room = room;
	return true;
}

static struct proxy_session *free_row(struct engine *e)
{
	uint32_t *shown = &e->shared->session_rows[e->index];

	if (e->seen_free)
		return &column(e)[e->seen[--e->seen_free]];
	if (e->seen_rows == PROXY_SESSIONS_MAX)
		return calloc(1, sizeof(struct proxy_session));
	if (!has_room(e))
		return NULL;
	__atomic_store_n(shown, ++e->seen_rows, __ATOMIC_RELEASE);
	return &column(e)[e->seen_rows - 1];
}

struct proxy_session *seen_take(struct engine *e, uint32_t service)
{
	struct proxy_session *row = free_row(e);

	if (!row)
		return NULL;
	*row = (struct proxy_session){.began = loop_now(e->loop), .active = loop_now(e->loop)};
	__atomic_store_n(&row->service, service, __ATOMIC_RELEASE);
	return row;
}

void seen_give(struct engine *e, struct proxy_session *row)
{
	struct proxy_session *first = column(e);

	__atomic_store_n(&row->service, 0, __ATOMIC_RELEASE);
	if (row < first || row >= first + PROXY_SESSIONS_MAX) {
		free(row);
		return;
	}
	e->seen[e->seen_free++] = row - first;
}

void seen_fini(struct engine *e)
{
	free(e->seen);
}
