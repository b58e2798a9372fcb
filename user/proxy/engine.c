/* SPDX-License-Identifier: GPL-2.0-only */
/* Orders, the table shared with the other processes, and what is left for the end of a round. */
#include "proxy/engine.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/alloc.h"
#include "core/pulse.h"
#include "proxy/internal.h"

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
		session_turn(container_of(at, struct session, again));
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
	handshake_round(e);
	queue_round(e);
	listeners_recheck(e);
	log_flush(e);
	free_dead(e);
	resume_if_room(e);
	if (e->finishing && !e->sessions)
		loop_stop(e->loop);
}

static void resume(struct timer *t)
{
	listeners_resume(container_of(t, struct engine, resume));
}

static void set_limit(struct engine *e)
{
	size_t room = proxy_sessions(e->descriptors, map_count(e->listeners));

	if (!room)
		room = 1;
	e->limit = e->order_limit < room ? e->order_limit : room;
	resume_if_room(e);
}

static void measure_descriptors(struct engine *e)
{
	struct rlimit files;

	e->descriptors = getrlimit(RLIMIT_NOFILE, &files) ? 1024 : files.rlim_cur;
	e->idle_max = proxy_idle(e->descriptors);
	e->pipe_max = proxy_pipes(e->descriptors);
}

static void rung(struct watch *w, unsigned int events)
{
	struct engine *e = container_of(w, struct engine, bell);
	uint64_t times;

	if (read(w->fd, &times, sizeof(times)) == sizeof(times))
		queue_rung(e);
}

static void silence(struct engine *e)
{
	e->bell.fn = rung;
	e->bell.fd = e->log_fd = e->memory = -1;
	for (size_t i = 0; i < PROXY_PROCESSES_MAX; i++)
		e->bells[i] = -1;
}

struct engine *engine_new(struct loop *l, unsigned int index)
{
	struct engine *e = calloc(1, sizeof(*e));

	if (e) {
		e->desk = http_desk_new();
		e->outbox = outbox_new(e);
	}
	if (!e || !e->desk || !e->outbox || index >= PROXY_PROCESSES_MAX) {
		if (e) {
			http_desk_free(e->desk);
			outbox_free(e->outbox);
		}
		free(e);
		return NULL;
	}
	e->loop = l;
	e->index = index;
	e->services = xcalloc(LB_SERVICES_MAX, sizeof(*e->services));
	e->reals = xcalloc(LB_REALS_MAX, sizeof(*e->reals));
	e->stocks = xcalloc(LB_SERVICES_MAX, sizeof(*e->stocks));
	e->real_cas = xcalloc(LB_REALS_MAX, sizeof(*e->real_cas));
	e->listeners = map_new();
	list_init(&e->listening);
	list_init(&e->alive);
	list_init(&e->dead);
	list_init(&e->again);
	list_init(&e->steps);
	list_init(&e->over);
	reuse_init(e);
	list_init(&e->held);
	queue_init(e);
	e->splice = true;
	e->log_fd = -1;
	e->resume.fn = resume;
	e->after.fn = end_of_round;
	e->order_limit = SIZE_MAX;
	silence(e);
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

static void close_if_open(int fd)
{
	if (fd >= 0)
		close(fd);
}

/* Our own bell is one of them. */
static void close_bells(struct engine *e)
{
	loop_unwatch(&e->bell);
	for (size_t i = 0; i < PROXY_PROCESSES_MAX; i++)
		close_if_open(e->bells[i]);
}

void engine_free(struct engine *e)
{
	if (!e)
		return;
	listeners_free(e);
	end_all(e);
	timer_stop(&e->resume);
	timer_stop(&e->pulse);
	timer_stop(&e->idle_timer);
	timer_stop(&e->fallback);
	timer_stop(&e->keep);
	rows_free(e);
	free_dead(e);
	http_desk_free(e->desk);
	outbox_free(e->outbox);
	stocks_free(e);
	pipes_free(e);
	seen_fini(e);
	log_flush(e);
	buf_free(&e->log_lines);
	close_bells(e);
	close_if_open(e->log_fd);
	map_free(e->listeners);
	if (e->shared)
		munmap(e->shared, sizeof(*e->shared));
	close_if_open(e->memory);
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

/* By a timer, for these are looked at in each round, however much there is to do. */
static void beat(struct timer *t)
{
	struct engine *e = container_of(t, struct engine, pulse);

	(void)__atomic_fetch_add(&e->shared->pulse[e->index], 1, __ATOMIC_RELAXED);
	vitals_write(e);
	reuse_trim(e);
	timer_start(e->loop, t, PULSE_MSEC);
}

static int take_shared(struct engine *e, int fd)
{
	struct proxy_shared *m;

	if (e->shared)
		return -EEXIST;
	m = mmap(NULL, sizeof(*e->shared), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (m == MAP_FAILED)
		return -errno;
	e->memory = fd;
	e->shared = m;
	for (size_t i = 0; i < PROXY_COLUMN_COUNT; i++)
		clear_column(e, &proxy_columns[i]);
	places_join(e);
	persist_join(e);
	vitals_write(e);
	e->pulse.fn = beat;
	timer_start(e->loop, &e->pulse, PULSE_MSEC);
	return 0;
}

static int take_bell(struct engine *e, uint32_t index, int fd)
{
	int err = 0;

	if (index >= PROXY_PROCESSES_MAX || fd < 0)
		return -EINVAL;
	if (index == e->index) {
		loop_unwatch(&e->bell);
		err = loop_watch(e->loop, &e->bell, fd, LOOP_READ);
	}
	if (err)
		return err;
	close_if_open(e->bells[index]);
	e->bells[index] = fd;
	return 0;
}

static int take_log(struct engine *e, int fd)
{
	log_flush(e);
	close_if_open(e->log_fd);
	e->log_fd = fd;
	return 0;
}

/* Orders whose descriptor is kept. */
static int take(struct engine *e, const struct proxy_order *o, int fd)
{
	switch (o->kind) {
	case PROXY_ORDER_BELL:
		return take_bell(e, o->id, fd);
	case PROXY_ORDER_LOG:
		return take_log(e, fd);
	default:
		return listener_put(e, o->id, &o->u.endpoint, fd);
	}
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
	case PROXY_ORDER_RULE:
		return rule_put(e, &o->u.rule.key, &o->u.rule.row);
	case PROXY_ORDER_BLOB:
		return blob_put(e, &o->u.blob, fd);
	case PROXY_ORDER_SERVICE_GONE:
		service_gone(e, o->id);
		return 0;
	case PROXY_ORDER_REAL_GONE:
		real_gone(e, o->id);
		return 0;
	case PROXY_ORDER_RULE_GONE:
		rule_gone(e, &o->u.rule.key);
		return 0;
	case PROXY_ORDER_BLOB_GONE:
		blob_gone(e, &o->u.blob);
		return 0;
	case PROXY_ORDER_LISTEN_GONE:
		listener_gone(e, &o->u.endpoint);
		return 0;
	default:
		return -EINVAL;
	}
}

static bool keeps_descriptor(const struct proxy_order *o)
{
	return o->kind == PROXY_ORDER_BELL || o->kind == PROXY_ORDER_LOG ||
	       o->kind == PROXY_ORDER_LISTEN;
}

int engine_obey(struct engine *e, const struct proxy_order *o, int fd)
{
	bool keeps = o->kind == PROXY_ORDER_SHARED || keeps_descriptor(o);
	int err = -EINVAL;

	if (o->kind == PROXY_ORDER_SHARED)
		err = take_shared(e, fd);
	else if (e->shared)
		err = keeps ? take(e, o, fd) : obey(e, o, fd);
	if (err || !keeps)
		close_if_open(fd);
	set_limit(e);
	return err;
}

void engine_finish(struct engine *e)
{
	if (e->finishing)
		return;
	e->finishing = true;
	listeners_leave(e);
	loop_defer(e->loop, &e->after);
}

size_t engine_sessions(const struct engine *e)
{
	return e->sessions;
}
