/* SPDX-License-Identifier: GPL-2.0-only */
#include "dataplane/nat_walk.h"

#include <errno.h>

#include <bpf/bpf.h>

#include "dataplane/internal.h"

enum { ROWS_MIN = 8, BUCKETS_A_CALL = 32768 /* an empty one costs the kernel some ns */ };

static const enum map_id tables[NAT_TABLES] = {[NAT_HALF] = MAP_NAT_HALF, [NAT_WHOLE] = MAP_NAT};

static uint32_t room_for(const struct dataplane *d, const struct nat_walk *w, uint64_t rows)
{
	uint64_t room = rows * BUCKETS_A_CALL / map_entries(d, tables[w->table]);

	return room < ROWS_MIN            ? ROWS_MIN
	       : room > NAT_WALK_ROOM / 4 ? NAT_WALK_ROOM / 4
					  : (uint32_t)room;
}

int nat_walk_next(const struct dataplane *d, struct nat_walk *w, uint64_t rows)
{
	uint32_t room = room_for(d, w, rows);
	int err;

	do {
		w->count = room;
		err = bpf_map_lookup_batch(d->fd[tables[w->table]], w->begun ? &w->at : NULL,
					   &w->next, w->key, w->half, &w->count, NULL);
		room *= 2; /* one bucket held more than that */
	} while (err && errno == ENOSPC && room <= NAT_WALK_ROOM);
	w->ended = err != 0;
	if (err && errno != ENOENT) {
		w->count = 0;
		return -errno;
	}
	w->begun = true;
	w->at = w->next;
	return 0;
}

bool nat_walk_more(struct nat_walk *w)
{
	w->begun = w->ended = false;
	w->table = w->table + 1 < NAT_TABLES ? w->table + 1 : 0;
	return w->table > 0;
}

const struct lb_nat *nat_walk_row(const struct nat_walk *w, uint32_t i)
{
	return w->table == NAT_HALF ? &w->half[i].row : &w->whole[i];
}

void nat_walk_drop(const struct dataplane *d, const struct nat_walk *w, uint32_t i)
{
	/* It may have gone by itself. */
	(void)bpf_map_delete_elem(d->fd[tables[w->table]], &w->key[i]);
}
