/* SPDX-License-Identifier: GPL-2.0-only */
/* Orders, the table shared with the other processes, and what is left for the end of a round. */
#include "proxy/engine.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/alloc.h"
#include "proxy/internal.h"

enum { PIPES_MAX = 256 };

static void free_dead(struct engine *e)
{
	while (!list_empty(&e->dead))
		session_free(container_of(e->dead.next, struct session, of_engine));
	while (!list_empty(&e->over)) {
		struct end *end = container_of(e->over.next, struct end, link);

		list_remove(&end->link);
		free(end);
	}
}

/* One turn for each that waits; who wants another waits for the next round. */
static void run_again(struct engine *e)
{
	struct link *last = e->again.prev, *at;

	if (list_empty(&e->again))
		return;
	do {
		at = e->again.next;
		list_remove(at);
		relay_again(container_of(at, struct session, again));
	} while (at != last);
}

/* Not for each single one at a high limit: the listeners may be many. */
static void resume_if_room(struct engine *e)
{
	if (!e->paused || e->sessions >= e->limit)
		return;
	if (e->sessions + e->limit / 64 < e->limit)
		listeners_resume(e);
	else if (!timer_running(&e->resume))
		timer_start(e->loop, &e->resume, DESCRIPTORS_WAIT);
}

static void end_of_round(struct hook *h)
{
	struct engine *e = container_of(h, struct engine, after);

	run_again(e);
	queue_round(e);
	listeners_recheck(e);
	free_dead(e);
	resume_if_room(e);
}

static void resume(struct timer *t)
{
	listeners_resume(container_of(t, struct engine, resume));
}

/* A session takes two descriptors, and so does a pipe; a listener takes one. Some are kept for
 * everything else. */
static void set_limit(struct engine *e)
{
	size_t kept = RESERVED_FDS + 2 * e->pipe_max + map_count(e->listeners);
	size_t room = e->descriptors > kept + 2 ? (e->descriptors - kept) / 2 : 1;

	e->limit = e->order_limit < room ? e->order_limit : room;
	resume_if_room(e);
}

static void measure_descriptors(struct engine *e)
{
	struct rlimit files;

	e->descriptors = getrlimit(RLIMIT_NOFILE, &files) ? 1024 : files.rlim_cur;
	e->pipe_max = e->descriptors / 16 < PIPES_MAX ? e->descriptors / 16 : PIPES_MAX;
}

struct engine *engine_new(struct loop *l, unsigned int index)
{
	struct engine *e = calloc(1, sizeof(*e));

	if (!e || index >= PROXY_PROCESSES_MAX) {
		free(e);
		return NULL;
	}
	e->loop = l;
	e->index = index;
	e->services = xcalloc(LB_SERVICES_MAX, sizeof(*e->services));
	e->reals = xcalloc(LB_REALS_MAX, sizeof(*e->reals));
	e->listeners = map_new();
	list_init(&e->listening);
	list_init(&e->alive);
	list_init(&e->dead);
	list_init(&e->again);
	list_init(&e->over);
	list_init(&e->held);
	queue_init(e);
	e->splice = true;
	e->resume.fn = resume;
	e->after.fn = end_of_round;
	e->order_limit = SIZE_MAX;
	measure_descriptors(e);
	set_limit(e);
	return e;
}

static void end_all(struct engine *e)
{
	while (!list_empty(&e->alive))
		session_end(container_of(e->alive.next, struct session, of_engine), true);
	free_dead(e);
}

static void free_rows(struct engine *e)
{
	for (uint32_t id = 0; id < LB_REALS_MAX; id++)
		real_gone(e, id);
	for (uint32_t id = 0; id < LB_SERVICES_MAX; id++)
		service_gone(e, id);
	free(e->reals);
	free(e->services);
}

void engine_free(struct engine *e)
{
	if (!e)
		return;
	listeners_free(e);
	end_all(e);
	timer_stop(&e->resume);
	timer_stop(&e->fallback);
	timer_stop(&e->keep);
	free_rows(e);
	pipes_free(e);
	map_free(e->listeners);
	if (e->shared)
		munmap(e->shared, sizeof(*e->shared));
	free(e);
}

/* What a process left here that had this index before. Giving the pages back is the cheap way;
 * where the file refuses it, each word is looked at. */
static void clear_column(const struct engine *e, const struct proxy_column *column)
{
	uint32_t *at = (uint32_t *)((char *)e->shared + column->at + e->index * column->len);

	if (!madvise(at, column->len, MADV_REMOVE))
		return;
	for (size_t i = 0; i < column->len / sizeof(*at); i++)
		if (at[i])
			__atomic_store_n(&at[i], 0, __ATOMIC_RELAXED);
}

static int take_shared(struct engine *e, int fd)
{
	struct proxy_shared *m;

	if (e->shared)
		return -EEXIST;
	m = mmap(NULL, sizeof(*e->shared), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (m == MAP_FAILED)
		return -errno;
	close(fd);
	e->shared = m;
	for (size_t i = 0; i < PROXY_COLUMN_COUNT; i++)
		clear_column(e, &proxy_columns[i]);
	places_join(e);
	persist_join(e);
	return 0;
}

static int obey(struct engine *e, const struct proxy_order *o, int fd)
{
	switch (o->kind) {
	case PROXY_ORDER_LIMIT:
		e->order_limit = o->u.limit;
		return 0;
	case PROXY_ORDER_SERVICE:
		return service_put(e, o->id, &o->u.service);
	case PROXY_ORDER_REAL:
		return real_put(e, o->id, &o->u.real);
	case PROXY_ORDER_SERVICE_GONE:
		service_gone(e, o->id);
		return 0;
	case PROXY_ORDER_REAL_GONE:
		real_gone(e, o->id);
		return 0;
	case PROXY_ORDER_LISTEN_GONE:
		listener_gone(e, &o->u.endpoint);
		return 0;
	default:
		return -EINVAL;
	}
}

int engine_obey(struct engine *e, const struct proxy_order *o, int fd)
{
	bool keeps_fd = o->kind == PROXY_ORDER_SHARED || o->kind == PROXY_ORDER_LISTEN;
	int err = -EINVAL;

	if (o->kind == PROXY_ORDER_SHARED)
		err = take_shared(e, fd);
	else if (e->shared && o->kind == PROXY_ORDER_LISTEN)
		err = listener_put(e, o->id, &o->u.endpoint, fd);
	else if (e->shared)
		err = obey(e, o, fd);
	if (fd >= 0 && (err || !keeps_fd))
		close(fd);
	set_limit(e);
	return err;
}

void engine_splice(struct engine *e, bool on)
{
	e->splice = on;
}

size_t engine_sessions(const struct engine *e)
{
	return e->sessions;
}
