/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Sessions that wait for a place, because all reals that they could have are at max_connections, or
 * none has been checked yet.
 *
 * Each draws a number of its pool; each process shows the others the lowest that waits in it. Who
 * makes a place free calls the process with the lowest of all by its bell; that one goes through
 * its queue in order, and calls the next process if places may be left. A place and a waiter do not
 * miss each other: who waits shows it first and looks for a place then, who leaves does it the
 * other way round. What a crash or a race may still lose is found within FALLBACK_WAIT.
 */
#include <stddef.h>
#include <unistd.h>

#include "base/alloc.h"
#include "proxy/internal.h"

enum { NOBODY = -1 };

static uint64_t head_at(const struct engine *e, uint32_t process, uint32_t pool)
{
	return __atomic_load_n(&e->shared->queue_head[process][pool], __ATOMIC_SEQ_CST);
}

static struct session *first_of(const struct service *pool)
{
	return list_empty(&pool->waiting)
		       ? NULL
		       : container_of(pool->waiting.next, struct session, of_queue);
}

static void show_head(struct service *pool)
{
	struct engine *e = pool->engine;
	const struct session *first = first_of(pool);
	uint64_t head = first ? first->number * 2 + !pool->queued_for_any : 0;

	__atomic_store_n(&e->shared->queue_head[e->index][pool->id], head, __ATOMIC_SEQ_CST);
}

bool queue_has(const struct engine *e, const struct service *pool)
{
	uint32_t processes = places_processes(e);

	for (uint32_t i = 0; i < processes; i++) {
		uint64_t head = head_at(e, i, pool->id);

		if (head && !(head & 1))
			return true;
	}
	return false;
}

/* The process with the lowest number above that one. */
static int next_process(const struct engine *e, uint32_t pool, uint64_t above)
{
	uint32_t processes = places_processes(e);
	uint64_t lowest = UINT64_MAX;
	int found = NOBODY;

	for (uint32_t i = 0; i < processes; i++) {
		uint64_t head = head_at(e, i, pool) / 2;

		if (head > above && head < lowest) {
			lowest = head;
			found = i;
		}
	}
	return found;
}

void queue_ring(struct engine *e, unsigned int index)
{
	const uint64_t one = 1;

	if (e->bells[index] >= 0)
		(void)!write(e->bells[index], &one, sizeof(one)); /* full: it is rung already */
}

static void serve_later(struct service *pool)
{
	pool->serve = true;
	loop_defer(pool->engine->loop, &pool->engine->after);
}

static void call_next(struct service *pool, uint64_t above)
{
	struct engine *e = pool->engine;
	int next = next_process(e, pool->id, above);

	if (next == (int)e->index)
		serve_later(pool);
	else if (next != NOBODY)
		queue_ring(e, next);
}

void queue_freed(struct engine *e, const struct real *r)
{
	struct service *pool = e->services[r->row.service];

	if (r->row.max_connections && pool && next_process(e, pool->id, 0) != NOBODY &&
	    real_has_place(e, r))
		call_next(pool, 0);
}

void queue_changed(struct service *pool)
{
	if (pool->queued)
		serve_later(pool);
}

static void set_gauges(struct service *pool, struct real *r)
{
	struct engine *e = pool->engine;
	struct proxy_shared *m = e->shared;

	places_set(e, &m->service_queued[0][pool->id], LB_SERVICES_MAX, pool->queued,
		   &pool->most_queued, &m->service[pool->id].max_queued);
	if (r)
		places_set(e, &m->real_queued[0][r->id], LB_REALS_MAX, r->queued, &r->most_queued,
			   &m->real[r->id].max_queued);
}

static struct real *wanted_real(const struct session *s)
{
	return s->wanted ? s->engine->reals[s->wanted] : NULL;
}

/* For the service, the route and the real that it concerns. */
static void count_waiting(const struct session *s, size_t what)
{
	struct proxy_shared *m = s->engine->shared;

	count(&m->service[s->service->id], what, 1);
	if (s->pool != s->service)
		count(&m->service[s->pool->id], what, 1);
	if (s->wanted)
		count(&m->real[s->wanted], what, 1);
}

/* As the log has it. Who waits in another process counts, too. */
static void note_place(struct session *s, const struct real *r)
{
	const struct engine *e = s->engine;
	const struct proxy_shared *m = e->shared;

	if (r)
		s->place_at_real += places_sum(e, &m->real_queued[0][r->id], LB_REALS_MAX);
	else
		s->place += places_sum(e, &m->service_queued[0][s->pool->id], LB_SERVICES_MAX);
}

static void add(struct session *s)
{
	struct service *pool = s->pool;
	struct real *r = service_ready(pool) ? balance_wants(s) : wanted_real(s);

	s->wanted = r ? r->id : 0;
	s->number = __atomic_add_fetch(&s->engine->shared->queue_numbers[pool->id], 1,
				       __ATOMIC_SEQ_CST);
	if (list_empty(&pool->waiting))
		list_add(&s->engine->queues, &pool->of_queues);
	list_add(&pool->waiting, &s->of_queue);
	pool->queued++;
	if (r)
		r->queued++;
	else
		pool->queued_for_any++;
	set_gauges(pool, r);
	show_head(pool);
	note_place(s, r);
}

void queue_leave(struct session *s)
{
	struct service *pool = s->pool;
	struct real *r = wanted_real(s);

	if (list_empty(&s->of_queue))
		return;
	list_remove(&s->of_queue);
	pool->queued--;
	if (r)
		r->queued--;
	else
		pool->queued_for_any--;
	set_gauges(pool, r);
	show_head(pool);
	if (list_empty(&pool->waiting))
		list_remove(&pool->of_queues);
	if (r)
		real_free_if_over(s->engine, r);
}

/* The real that it waits for may not be had any more: any other will do. */
static void want_any(struct session *s)
{
	struct real *r = wanted_real(s);

	r->queued--;
	s->wanted = 0;
	s->pool->queued_for_any++;
	set_gauges(s->pool, r);
	show_head(s->pool);
	real_free_if_over(s->engine, r);
}

/* Its turn has come, if there is a place. */
static bool try(struct session *s)
{
	if (s->wanted && !balance_wants(s))
		want_any(s);
	if (!balance_take(s))
		return false;
	queue_leave(s);
	upstream_connect(s);
	return true;
}

static bool takes_any(const struct session *s)
{
	return !s->wanted && !s->tries;
}

/* In order, until one that would take any real finds none. Whoever is tried may leave the queue, or
 * stand at its end again. */
static void serve(struct service *pool)
{
	struct engine *e = pool->engine;
	struct session *first = first_of(pool);
	uint64_t head = first ? first->number : 0;
	struct link *next;

	pool->serve = false;
	if (!first || !service_ready(pool))
		return;
	e->scan++;
	for (struct link *l = pool->waiting.next; l != &pool->waiting; l = next) {
		struct session *s = container_of(l, struct session, of_queue);

		next = l->next;
		if (!try(s) && takes_any(s))
			return;
	}
	call_next(pool, head);
}

/* Nobody waits for a real when none is usable, or may be soon. */
static void refuse_all(struct service *pool)
{
	while (!list_empty(&pool->waiting)) {
		struct session *s = first_of(pool);

		s->ended_by = 'S';
		session_count(s, refused, 1);
		upstream_none(s, 503);
	}
}

void queue_round(struct engine *e)
{
	struct link *next;

	for (struct link *l = e->queues.next; l != &e->queues; l = next) {
		struct service *pool = container_of(l, struct service, of_queues);

		next = l->next;
		if (pool->serve)
			serve(pool);
	}
}

void queue_rung(struct engine *e)
{
	for (struct link *l = e->queues.next; l != &e->queues; l = l->next)
		container_of(l, struct service, of_queues)->serve = true;
	e->recheck = true;
	loop_defer(e->loop, &e->after);
}

/* A reload may take the last real away a moment before it brings the next. */
static void look_again(struct timer *t)
{
	struct engine *e = container_of(t, struct engine, fallback);
	struct link *next;

	for (struct link *l = e->queues.next; l != &e->queues; l = next) {
		struct service *pool = container_of(l, struct service, of_queues);

		next = l->next;
		if (!service_ready(pool) && !service_awaits(pool))
			refuse_all(pool);
	}
	queue_rung(e);
	queue_watch(e);
}

void queue_watch(struct engine *e)
{
	if (!timer_running(&e->fallback) && (!list_empty(&e->queues) || !list_empty(&e->held)))
		timer_start(e->loop, &e->fallback, FALLBACK_WAIT);
}

void queue_init(struct engine *e)
{
	list_init(&e->queues);
	e->fallback.fn = look_again;
}

static bool has_place(struct service *pool)
{
	if (!service_ready(pool))
		return false;
	for (const struct link *l = pool->reals.next; l != &pool->reals; l = l->next) {
		const struct real *r = container_of(l, struct real, of_service);

		if (balance_may_use(pool, r) && real_has_place(pool->engine, r))
			return true;
	}
	return false;
}

/* R129: nobody is there any more to be served. */
void queue_abandoned(struct session *s)
{
	s->ended_by = 'C';
	session_count(s, client_aborts, 1);
	session_end(s, false);
}

void queue_enter(struct session *s)
{
	s->state = SESSION_QUEUE;
	add(s);
	count_waiting(s, offsetof(struct proxy_counts, queued));
	session_arm(s, s->end[CLIENT]->hung_up ? 0 : s->settings->says.queue);
	queue_watch(s->engine);
	if (s->wanted ? real_has_place(s->engine, wanted_real(s)) : has_place(s->pool))
		call_next(s->pool, 0);
}

void queue_timeout(struct session *s)
{
	if (s->end[CLIENT]->hung_up) { /* it was when it came: whoever called may still use it */
		queue_abandoned(s);
		return;
	}
	s->ended_by = 's';
	count_waiting(s, offsetof(struct proxy_counts, queue_timeouts));
	upstream_none(s, 503);
}
