/* SPDX-License-Identifier: GPL-2.0-only */
/* Who gets a session, who may have how many, and who waits for it. Part of internal.h. */
#ifndef LBXDP_PROXY_BALANCE_H
#define LBXDP_PROXY_BALANCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct engine;
struct real;
struct service;
struct session;

/* places.c: how many sessions there are and may be, over all processes. */
void places_join(struct engine *e);
/* Columns in use. Others write that word too, and one of them may have gone mad. */
uint32_t places_processes(const struct engine *e);
/* A place for one more session of the service, which service_enter then takes; false: it is at
 * maxconn. Given back if there is no session after all. */
bool service_reserve(struct engine *e, struct service *s);
void service_unreserve(struct engine *e, struct service *s);
bool service_is_full(struct engine *e, const struct service *s);
/* A session begins or ends at a service. */
void service_enter(struct engine *e, struct service *s);
void service_leave(struct engine *e, struct service *s);
/* A session gets a place at a real. False: there is none, nothing has changed. */
bool real_enter(struct engine *e, struct real *r, struct session *s);
/* And leaves it, to whoever waits. */
void real_leave(struct engine *e, struct real *r, struct session *s);
/* Would real_enter find one? */
bool real_has_place(struct engine *e, const struct real *r);
/* A gauge over all processes: row is one of a column, stride its length. */
uint64_t places_sum(const struct engine *e, const uint32_t *row, size_t stride);
/* Stores the process' own gauge; most: the highest so far of all, raised when n is more than its
 * own highest. */
void places_set(const struct engine *e, uint32_t *column, size_t stride, size_t n, size_t *highest,
		uint64_t *most);

/* balance.c: who gets a session. */
/* Is any real usable? */
bool service_ready(struct service *s);
/* None is, but one may be any moment: it has not been checked yet. */
bool service_awaits(struct service *s);
/* The session's first try is about to begin. */
void balance_begin(struct session *s);
/* The real that it is to have and no other, if persistence asks for one that may be had; or NULL.
 */
struct real *balance_wants(const struct session *s);
/* Is it one of those that get the pool's sessions now? The pool is ready. */
bool balance_may_use(const struct service *pool, const struct real *r);
/* The session has tried all there are. */
bool balance_tried_all(const struct session *s);
/* Chooses a real of s->pool, which is ready, and gives s a place there: s->real. False: it must
 * wait. */
bool balance_take(struct session *s);

/* persist.c: the real that a source had last. */
void persist_join(struct engine *e);
/* Sets s->wanted to the one of its source, if persistence by source is on. */
void persist_find(struct session *s);
/* The session has got its real. While it runs the entry does not expire. */
void persist_note(const struct session *s);
/* It leaves that real. */
void persist_end(const struct session *s, uint32_t real);

/* queue.c: sessions that wait for a place. */
void queue_init(struct engine *e);
void queue_enter(struct session *s);
/* It waits no more, if it did. */
void queue_leave(struct session *s);
void queue_timeout(struct session *s);
/* The client of one that waits is gone. */
void queue_abandoned(struct session *s);
/* Does anybody wait who would take any real of the pool? Then a newcomer does as well. */
bool queue_has(const struct engine *e, const struct service *pool);
/* A place at the real is free. */
void queue_freed(struct engine *e, const struct real *r);
/* The rows of the pool have changed. */
void queue_changed(struct service *pool);
void queue_round(struct engine *e);
/* The bell of this process was rung. */
void queue_rung(struct engine *e);
void queue_ring(struct engine *e, unsigned int index);
/* Looks every FALLBACK_WAIT from now on, while there is anything to look for. */
void queue_watch(struct engine *e);

#endif
