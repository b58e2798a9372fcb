/* SPDX-License-Identifier: GPL-2.0-only */
/* Services and reals of a process. What leaves the plan stays until its last session is over. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "proxy/internal.h"

void settings_release(struct settings *s)
{
	if (--s->refs == 0)
		free(s);
}

static struct settings *settings_new(const struct proxy_service *says)
{
	struct settings *s = xcalloc(1, sizeof(*s));

	s->says = *says;
	s->refs = 1;
	return s;
}

const struct proxy_service *service_row(const struct service *s)
{
	static const struct proxy_service none;

	return s->settings ? &s->settings->says : &none;
}

void service_free_if_over(struct engine *e, struct service *s)
{
	if (!s->gone || s->sessions || s->queued || !list_empty(&s->reals))
		return;
	e->services[s->id] = NULL;
	if (s->settings)
		settings_release(s->settings);
	free(s->ring);
	free(s);
}

/* A real's row may come before its service's: then the service has no settings yet. */
static struct service *service_get(struct engine *e, uint32_t id)
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
	s = service_get(e, id);
	s->gone = false;
	if (s->settings)
		settings_release(s->settings);
	s->settings = settings_new(row);
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
	service_free_if_over(e, s);
}

void real_free_if_over(struct engine *e, struct real *r)
{
	struct service *s = e->services[r->row.service];

	if (!r->gone || r->session_count || r->queued)
		return;
	list_remove(&r->of_service);
	e->reals[r->id] = NULL;
	free(r);
	service_free_if_over(e, s);
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
		if (s->state == SESSION_CONNECT)
			upstream_failed(s, -ECONNRESET);
		else
			session_end(s, true);
	}
}

static void real_move(struct engine *e, struct real *r, uint32_t service)
{
	struct service *to = service_get(e, service), *from = e->services[r->row.service];

	list_remove(&r->of_service);
	list_add(&to->reals, &r->of_service);
	r->row.service = service;
	if (from) {
		service_changed(from);
		service_free_if_over(e, from);
	}
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
		e->reals[id] = r;
	}
	if (r->row.service != row->service)
		real_move(e, r, row->service);
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
	service_changed(e->services[r->row.service]);
	real_free_if_over(e, r);
}
