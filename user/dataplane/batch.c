/* SPDX-License-Identifier: GPL-2.0-only */
#include "dataplane/batch.h"

#include <errno.h>

#include <bpf/bpf.h>

/* An empty bucket costs the kernel some ns; so many of them stay well below a millisecond. */
enum { BUCKETS_A_CALL = 32768, WANT_MIN = 8, WANT_MAX = 512 };

void batch_init(struct batch *b, int fd, bool six, uint32_t table_size)
{
	b->fd = fd;
	b->six = six;
	b->buckets = 1;
	while (b->buckets < table_size)
		b->buckets *= 2;
	batch_restart(b);
}

void batch_restart(struct batch *b)
{
	b->begun = b->ended = false;
	b->count = 0;
}

/* As many entries as BUCKETS_A_CALL buckets hold on average. */
static uint32_t want(const struct batch *b, uint64_t entries)
{
	uint64_t n = entries * BUCKETS_A_CALL / b->buckets;

	return n < WANT_MIN ? WANT_MIN : n > WANT_MAX ? WANT_MAX : n;
}

int batch_next(struct batch *b, uint64_t entries)
{
	uint32_t room = want(b, entries), count;
	int err;

	do {
		count = room;
		err = bpf_map_lookup_batch(b->fd, b->begun ? &b->at : NULL, &b->next, &b->key,
					   b->flow, &count, NULL);
		room *= 2; /* one bucket held more than that */
	} while (err && errno == ENOSPC && room <= BATCH_ROOM);
	b->count = 0;
	if (err && errno != ENOENT)
		return -errno;
	b->count = count;
	b->ended = err != 0;
	b->begun = true;
	b->at = b->next;
	return 0;
}

const void *batch_key(const struct batch *b, size_t i)
{
	return b->six ? (const void *)&b->key.six_[i] : (const void *)&b->key.four[i];
}

struct addr batch_source(const struct batch *b, size_t i)
{
	return b->six ? addr_from_v6(b->key.six_[i].src) : addr_from_v4(b->key.four[i].src);
}

uint32_t batch_protocol(const struct batch *b, size_t i)
{
	return b->six ? b->key.six_[i].proto : b->key.four[i].proto;
}

void batch_describe(const struct batch *b, size_t i, struct dataplane_flow *to)
{
	*to = (struct dataplane_flow){.proto = batch_protocol(b, i), .real = b->flow[i].real};
	if (b->six) {
		to->src = addr_from_v6(b->key.six_[i].src);
		to->dst = addr_from_v6(b->key.six_[i].dst);
		to->sport = b->key.six_[i].sport;
		to->dport = b->key.six_[i].dport;
	} else {
		to->src = addr_from_v4(b->key.four[i].src);
		to->dst = addr_from_v4(b->key.four[i].dst);
		to->sport = b->key.four[i].sport;
		to->dport = b->key.four[i].dport;
	}
}
