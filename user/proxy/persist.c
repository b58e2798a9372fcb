/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Persistence by source: the real that an address had last, in one table of all processes. An entry
 * holds until the service's time has passed since the last session began or ended, and while one
 * runs. It is a hint: it may be lost to a crowded set, and a real that may get no new sessions, or
 * is of another pool by now, is not followed (R124).
 */
#include <string.h>
#include <sys/random.h>

#include "base/alloc.h"
#include "core/siphash.h"
#include "proxy/internal.h"

/* entries count in units of 1,024 ms */
enum { UNIT_BITS = 10 };

/* The first process draws the key; the first word is written last. */
void persist_join(struct engine *e)
{
	uint64_t drawn[2] = {0, 0}, *key = e->shared->persist_key, none = 0;

	if (__atomic_load_n(&key[0], __ATOMIC_SEQ_CST))
		return;
	if (getrandom(drawn, sizeof(drawn), 0) != sizeof(drawn))
		drawn[0] = 0; /* what is aimed at may be hit then, and no more */
	(void)__atomic_compare_exchange_n(&key[1], &none, drawn[1], false, __ATOMIC_SEQ_CST,
					  __ATOMIC_SEQ_CST);
	none = 0;
	(void)__atomic_compare_exchange_n(&key[0], &none, drawn[0] | 1, false, __ATOMIC_SEQ_CST,
					  __ATOMIC_SEQ_CST);
}

/* The first bits of it; an IPv4 address has its own count of them. */
static struct addr masked(const struct addr *a, const struct proxy_service *says)
{
	unsigned int bits = addr_is_v4(a) ? 96 + says->persist_bits : says->persist6_bits;
	struct addr m = *a;

	for (unsigned int i = 0; i < sizeof(m.byte); i++) {
		unsigned int keep = bits > 8 * i ? bits - 8 * i : 0;

		if (keep < 8)
			m.byte[i] &= 0xff00 >> keep;
	}
	return m;
}

static uint64_t key_of(const struct session *s)
{
	struct {
		struct addr source;
		uint64_t pool;
	} what = {masked(&s->source, &s->settings->says), s->pool->id};
	uint64_t key = siphash(s->engine->shared->persist_key, &what, sizeof(what));

	return key ? key : 1;
}

static struct proxy_persist *set_of(const struct engine *e, uint64_t key)
{
	return e->shared->persist[key % PROXY_PERSIST_SETS];
}

static uint32_t now_of(const struct engine *e)
{
	return loop_now(e->loop) >> UNIT_BITS;
}

static struct proxy_persist *entry_of(const struct engine *e, uint64_t key)
{
	struct proxy_persist *set = set_of(e, key);

	for (int i = 0; i < PROXY_PERSIST_WAYS; i++)
		if (__atomic_load_n(&set[i].key, __ATOMIC_ACQUIRE) == key)
			return &set[i];
	return NULL;
}

/* A free one, or the one that was not used for the longest time. */
static struct proxy_persist *victim(const struct engine *e, uint64_t key)
{
	struct proxy_persist *set = set_of(e, key), *oldest = set;
	uint32_t now = now_of(e);

	for (int i = 0; i < PROXY_PERSIST_WAYS; i++) {
		if (!__atomic_load_n(&set[i].key, __ATOMIC_RELAXED))
			return &set[i];
		if (now - __atomic_load_n(&set[i].used, __ATOMIC_RELAXED) >
		    now - __atomic_load_n(&oldest->used, __ATOMIC_RELAXED))
			oldest = &set[i];
	}
	return oldest;
}

/* Never too early: a unit may just have begun when it was noted. */
static bool has_expired(const struct engine *e, const struct proxy_persist *p, uint32_t persist)
{
	uint32_t age = now_of(e) - __atomic_load_n(&p->used, __ATOMIC_RELAXED);

	return age && ((uint64_t)(age - 1) << UNIT_BITS) >= persist;
}

void persist_find(struct session *s)
{
	const struct proxy_service *says = &s->settings->says;
	const struct engine *e = s->engine;
	const struct proxy_persist *p;

	if (!says->persist)
		return;
	s->persist_key = key_of(s);
	p = entry_of(e, s->persist_key);
	s->wanted = p && !has_expired(e, p, says->persist)
			    ? __atomic_load_n(&p->real, __ATOMIC_RELAXED)
			    : 0;
}

/* Only if the entry is still this session's: a newer one may have gone elsewhere. */
static void refresh(const struct session *s, uint32_t real)
{
	struct proxy_persist *p = entry_of(s->engine, s->persist_key);

	if (p && __atomic_load_n(&p->real, __ATOMIC_RELAXED) == real)
		__atomic_store_n(&p->used, now_of(s->engine), __ATOMIC_RELAXED);
}

void persist_end(const struct session *s, uint32_t real)
{
	if (s->persist_key)
		refresh(s, real);
}

/* Twice as often as the shortest time of those that run. */
static void keep_all(struct timer *t)
{
	struct engine *e = container_of(t, struct engine, keep);
	uint32_t shortest = 0;

	for (struct link *l = e->alive.next; l != &e->alive; l = l->next) {
		const struct session *s = container_of(l, struct session, of_engine);
		uint32_t persist = s->settings->says.persist;

		if (!s->persist_key || !s->real)
			continue;
		refresh(s, s->real->id);
		if (!shortest || persist < shortest)
			shortest = persist;
	}
	if (shortest)
		timer_start(e->loop, &e->keep, shortest / 2);
}

static void keep(struct engine *e, uint32_t persist)
{
	uint64_t wait = persist / 2;

	e->keep.fn = keep_all;
	if (!timer_running(&e->keep) || e->keep.due > loop_now(e->loop) + wait)
		timer_start(e->loop, &e->keep, wait);
}

void persist_note(const struct session *s)
{
	const struct engine *e = s->engine;
	struct proxy_persist *p;

	if (!s->persist_key)
		return;
	p = entry_of(e, s->persist_key);
	if (!p)
		p = victim(e, s->persist_key);
	__atomic_store_n(&p->used, now_of(e), __ATOMIC_RELAXED);
	__atomic_store_n(&p->real, s->real->id, __ATOMIC_RELAXED);
	__atomic_store_n(&p->key, s->persist_key, __ATOMIC_RELEASE);
	keep(s->engine, s->settings->says.persist);
}
