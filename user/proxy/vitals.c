/* SPDX-License-Identifier: GPL-2.0-only */
/* How this process fares, in its row of the table that main reads: written with each pulse, so that
 * it costs what is done in a round nothing. */
#include "proxy/internal.h"

static uint32_t pipes_free_now(const struct engine *e)
{
	uint32_t count = 0;

	for (const struct pipe *p = e->pipes; p; p = p->next)
		count++;
	return count;
}

/* Those that could not finish in their turn. */
static uint32_t waiting_turns(const struct engine *e)
{
	uint32_t count = 0;

	for (const struct link *at = e->again.next; at != &e->again; at = at->next)
		count++;
	return count;
}

/* Since the last call, 0 to 1000; the first says 0. */
static uint32_t busy_part(struct engine *e, uint64_t asleep)
{
	uint64_t time = loop_now(e->loop) - e->vitals_at, slept = asleep - e->vitals_asleep;
	bool first = !e->vitals_at;

	e->vitals_at = loop_now(e->loop);
	e->vitals_asleep = asleep;
	return !first && time > slept ? (time - slept) * 1000 / time : 0;
}

static uint32_t sockets_max(const struct engine *e)
{
	return PROXY_SESSION_FDS * e->limit + e->idle_max + map_count(e->listeners);
}

void vitals_write(struct engine *e)
{
	struct loop_usage loop = loop_usage(e->loop);
	uint32_t unused = pipes_free_now(e);

	e->shared->vitals[e->index] = (struct proxy_vitals){
		.sockets = sockets_max(e),
		.pipes_max = e->pipe_max,
		.pipes_used = e->pipe_count - unused,
		.pipes_free = unused,
		.tasks = loop.watches + e->sessions,
		.running = loop.news + waiting_turns(e),
		.busy = busy_part(e, loop.asleep),
		.sessions = e->sessions,
	};
}

void vitals_sessions(struct engine *e)
{
	__atomic_store_n(&e->shared->vitals[e->index].sessions, e->sessions, __ATOMIC_RELAXED);
}
