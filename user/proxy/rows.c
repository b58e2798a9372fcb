/* SPDX-License-Identifier: GPL-2.0-only */
/* Services and reals of a process. What leaves the plan stays until its last session is over. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "proxy/internal.h"

/* Nothing but the place is left. */
static void service_clear(struct service *s)
{
	if (s->settings)
		settings_release(s->settings);
	s->settings = NULL;
	free(s->ring);
	s->ring = NULL;
	s->stale = true;
}

void service_clear_if_over(struct service *s)
{
	if (s->gone && !s->sessions && !s->queued && list_empty(&s->reals))
		service_clear(s);
}

/* A real's row may come before its service's, and a route before its pool: then the service has no
 * settings yet. */
struct service *service_at(struct engine *e, uint32_t id)
{
	struct service *s = e->services[id];

	if (s)
		return s;
	s = xcalloc(1, sizeof(*s));
	s->id = id;
	s->engine = e;
	s->gone = true;
	list_init(&s->reals);
	list_init(&s->of_queues);
	list_init(&s->waiting);
	e->services[id] = s;
	return s;
}

int service_put(struct engine *e, uint32_t id, const struct proxy_service *row)
{
	struct service *s;

	if (!id || id >= LB_SERVICES_MAX)
		return -EINVAL;
	s = service_at(e, id);
	s->gone = false;
	s->row = *row;
	s->outdated = true;
	if (row->parent || !s->settings) /* no session may ever ask for a route's */
		settings_release(service_settings(e, s));
	s->stale = true;
	e->recheck = true; /* maxconn may have been raised */
	loop_defer(e->loop, &e->after);
	return 0;
}

void service_gone(struct engine *e, uint32_t id)
{
	struct service *s = id < LB_SERVICES_MAX ? e->services[id] : NULL;

	if (!s)
		return;
	s->gone = true;
	service_clear_if_over(s);
}

void real_free_if_over(struct engine *e, struct real *r)
{
	struct service *s = e->services[r->row.service];

	if (!r->gone || r->session_count || r->queued)
		return;
	reuse_close(r);
	list_remove(&r->of_service);
	e->reals[r->id] = NULL;
	real_tls_release(r->tls);
	free(r);
	service_clear_if_over(s);
}

/* The ring is to be made anew, and whoever waits looks what is there then. */
static void service_changed(struct service *s)
{
	s->stale = true;
	queue_changed(s);
}

/* A session that is being connected goes elsewhere, the others end. */
static void reset_sessions(struct real *r)
{
	struct link *next;

	for (struct link *l = r->sessions.next; l != &r->sessions; l = next) {
		struct session *s = container_of(l, struct session, of_real);

		next = l->next;
		if (s->state == SESSION_CONNECT) {
			upstream_failed(s, -ECONNRESET);
		} else {
			s->ended_by = 'K';
			session_end(s, true);
		}
	}
}

static void real_move(struct engine *e, struct real *r, uint32_t service)
{
	struct service *to = service_at(e, service), *from = e->services[r->row.service];

	list_remove(&r->of_service);
	list_add(&to->reals, &r->of_service);
	r->row.service = service;
	if (from) {
		service_changed(from);
		service_clear_if_over(from);
	}
}

/* Whether idle connections to the real as it was do for the real as it is. */
static bool keeps_connections(const struct proxy_real *was, const struct proxy_real *is)
{
	const unsigned int tls = PROXY_REAL_TLS | PROXY_REAL_VERIFY;

	return is->flags & PROXY_REAL_USABLE && (was->flags & tls) == (is->flags & tls) &&
	       addr_equal(&was->ip, &is->ip) && was->port == is->port && !strcmp(was->sni, is->sni);
}

int real_put(struct engine *e, uint32_t id, const struct proxy_real *row)
{
	struct real *r;

	if (!id || id >= LB_REALS_MAX || !row->service || row->service >= LB_SERVICES_MAX)
		return -EINVAL;
	r = e->reals[id];
	if (!r) {
		r = xcalloc(1, sizeof(*r));
		r->id = id;
		list_init(&r->of_service);
		list_init(&r->sessions);
		list_init(&r->idle);
		e->reals[id] = r;
	}
	if (r->row.service != row->service)
		real_move(e, r, row->service);
	if (!keeps_connections(&r->row, row))
		reuse_close(r);
	r->row = *row;
	r->gone = false;
	service_changed(e->services[row->service]);
	if (row->flags & PROXY_REAL_RESET)
		reset_sessions(r);
	return 0;
}

void real_gone(struct engine *e, uint32_t id)
{
	struct real *r = id < LB_REALS_MAX ? e->reals[id] : NULL;

	if (!r)
		return;
	r->gone = true;
	reuse_close(r);
	service_changed(e->services[r->row.service]);
	real_free_if_over(e, r);
}

void rows_free(struct engine *e)
{
	for (uint32_t id = 0; id < LB_REALS_MAX; id++)
		real_gone(e, id);
	for (uint32_t id = 0; id < LB_SERVICES_MAX; id++) {
		if (!e->services[id])
			continue;
		service_clear(e->services[id]);
		free(e->services[id]);
	}
	free(e->reals);
	free(e->services);
}
