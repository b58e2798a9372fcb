/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How many sessions a service and a real have, over all processes, and may have.
 *
 * A place is taken by counting up in one's own column first and adding up all columns then: who
 * finds more than the limit takes his count back. The last to count up sees all the others, so that
 * the limit holds at every moment, without a lock that a crash could leave closed. Two who meet at
 * the last place may both step back; each then calls whoever waits, himself included.
 */
#include "core/model.h"
#include "proxy/internal.h"

static bool swap(uint32_t *at, uint32_t from, uint32_t to)
{
	return __atomic_compare_exchange_n(at, &from, to, false, __ATOMIC_SEQ_CST,
					   __ATOMIC_SEQ_CST);
}

void places_join(struct engine *e)
{
	uint32_t *used = &e->shared->processes;
	uint32_t n = __atomic_load_n(used, __ATOMIC_SEQ_CST);

	while (n <= e->index && !swap(used, n, e->index + 1))
		n = __atomic_load_n(used, __ATOMIC_SEQ_CST);
}

uint32_t places_processes(const struct engine *e)
{
	uint32_t n = __atomic_load_n(&e->shared->processes, __ATOMIC_SEQ_CST);

	return n < PROXY_PROCESSES_MAX ? n : PROXY_PROCESSES_MAX;
}

uint64_t places_sum(const struct engine *e, const uint32_t *row, size_t stride)
{
	uint32_t processes = places_processes(e);
	uint64_t sum = 0;

	for (uint32_t i = 0; i < processes; i++)
		sum += __atomic_load_n(row + i * stride, __ATOMIC_SEQ_CST);
	return sum;
}

static void raise_to(uint64_t *most, uint64_t n)
{
	uint64_t now = __atomic_load_n(most, __ATOMIC_RELAXED);

	while (n > now && !__atomic_compare_exchange_n(most, &now, n, true, __ATOMIC_RELAXED,
						       __ATOMIC_RELAXED))
		;
}

/* This process is the only one that writes its column. A new high of this process is the moment to
 * look at all of them. */
void places_set(const struct engine *e, uint32_t *column, size_t stride, size_t n, size_t *highest,
		uint64_t *most)
{
	__atomic_store_n(column + e->index * stride, n, __ATOMIC_SEQ_CST);
	if (n <= *highest)
		return;
	*highest = n;
	raise_to(most, places_sum(e, column, stride));
}

static uint32_t *of_service(const struct engine *e, const struct service *s)
{
	return &e->shared->service_current[0][s->id];
}

static uint32_t *of_real(const struct engine *e, const struct real *r)
{
	return &e->shared->real_current[0][r->id];
}

static void set_own(const struct engine *e, uint32_t *row, size_t stride, size_t n)
{
	__atomic_store_n(row + e->index * stride, n, __ATOMIC_SEQ_CST);
}

bool service_is_full(struct engine *e, const struct service *s)
{
	uint32_t most = s->row.maxconn;

	return most && places_sum(e, of_service(e, s), LB_SERVICES_MAX) >= most;
}

bool service_reserve(struct engine *e, struct service *s)
{
	uint32_t most = s->row.maxconn;

	if (!most)
		return true;
	if (service_is_full(e, s))
		return false;
	set_own(e, of_service(e, s), LB_SERVICES_MAX, s->sessions + 1);
	if (places_sum(e, of_service(e, s), LB_SERVICES_MAX) <= most)
		return true;
	service_unreserve(e, s);
	return false;
}

void service_unreserve(struct engine *e, struct service *s)
{
	set_own(e, of_service(e, s), LB_SERVICES_MAX, s->sessions);
	listeners_freed(e, s);
}

void service_enter(struct engine *e, struct service *s)
{
	struct proxy_counts *c = &e->shared->service[s->id];

	s->sessions++;
	places_set(e, of_service(e, s), LB_SERVICES_MAX, s->sessions, &s->most_sessions,
		   &c->max_current);
	count(c, offsetof(struct proxy_counts, sessions), 1);
}

void service_leave(struct engine *e, struct service *s)
{
	s->sessions--;
	set_own(e, of_service(e, s), LB_SERVICES_MAX, s->sessions);
	listeners_freed(e, s);
	service_clear_if_over(s);
}

/* version is of *full as it was when the real was found open. */
static bool is_open(const struct engine *e, const struct real *r, uint32_t *version)
{
	uint32_t *full = &e->shared->real_full[r->id];
	uint64_t sum;

	*version = __atomic_load_n(full, __ATOMIC_SEQ_CST);
	sum = places_sum(e, of_real(e, r), LB_REALS_MAX);
	if (sum >= r->row.max_connections)
		return false;
	if (!(*version & 1))
		return true;
	if (sum >= connections_reopen_below(r->row.min_connections, r->row.max_connections))
		return false;
	return swap(full, *version, *version + 1) && ++*version;
}

bool real_has_place(struct engine *e, const struct real *r)
{
	uint32_t version;

	return !r->row.max_connections || is_open(e, r, &version);
}

static bool take_place(struct engine *e, struct real *r)
{
	uint32_t most = r->row.max_connections, version;
	uint64_t sum;

	if (!most)
		return true;
	if (!is_open(e, r, &version))
		return false;
	set_own(e, of_real(e, r), LB_REALS_MAX, r->session_count + 1);
	sum = places_sum(e, of_real(e, r), LB_REALS_MAX);
	if (sum == most)
		(void)swap(&e->shared->real_full[r->id], version, version + 1);
	if (sum <= most)
		return true;
	set_own(e, of_real(e, r), LB_REALS_MAX, r->session_count);
	queue_freed(e, r);
	return false;
}

bool real_enter(struct engine *e, struct real *r, struct session *s)
{
	if (!take_place(e, r))
		return false;
	list_add(&r->sessions, &s->of_real);
	r->session_count++;
	places_set(e, of_real(e, r), LB_REALS_MAX, r->session_count, &r->most_sessions,
		   &e->shared->real[r->id].max_current);
	return true;
}

void real_leave(struct engine *e, struct real *r, struct session *s)
{
	list_remove(&s->of_real);
	r->session_count--;
	set_own(e, of_real(e, r), LB_REALS_MAX, r->session_count);
	persist_end(s, r->id);
	queue_freed(e, r);
	real_free_if_over(e, r);
}
