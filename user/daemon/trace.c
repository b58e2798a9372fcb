/* SPDX-License-Identifier: GPL-2.0-only */
/* Those who trace: what they want goes to the data plane, what it tells them to their connections.
 * A slow one misses lines, which it is told the number of. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "daemon/state.h"

enum {
	PENDING_MAX = 262144, /* bytes that a viewer has not read */
	READS_A_SECOND = 1000 / DATAPLANE_TRACE_MSEC,
};

struct viewing {
	struct viewing *next;
	const void *token;
	int viewer;
	bool json, done;
	uint64_t count;             /* to be shown; 0: without end */
	uint64_t shown, late, told; /* late: not read in time; told: of those not shown */
	int64_t wall;               /* what CLOCK_MONOTONIC is behind the wall clock, us */
};

static uint64_t missed(const struct daemon *d, const struct viewing *v)
{
	return v->late + dataplane_trace_missed(d->dataplane, v->viewer);
}

static const struct lb_real_info *real_info(const struct daemon *d, uint32_t id)
{
	const struct row_real *row = plan_find(d->actual, PLAN_REALS, &id);

	return row ? &row->info : NULL;
}

const char *trace_service_name(const struct daemon *d, uint32_t id)
{
	const char *name = ids_name(d->service_ids, id);

	return name && *name != '/' ? name : "";
}

const char *trace_real_name(const struct daemon *d, uint32_t id)
{
	const struct lb_real_info *info = real_info(d, id);

	return info ? info->name : "";
}

static struct view_packet packet_of(const struct daemon *d, const struct viewing *v,
				    const struct lb_trace *t)
{
	const struct net_iface *iface = net_iface_at(d->net, t->ifindex);

	return (struct view_packet){
		.time = (uint64_t)((int64_t)(t->time / 1000) + v->wall),
		.verdict = t->verdict < LB_VERDICT_COUNT ? t->verdict : LB_NOT_OURS,
		.src = addr_from_v6(t->src.byte),
		.dst = addr_from_v6(t->dst.byte),
		.sport = t->sport,
		.dport = t->dport,
		.type = t->type,
		.proto = t->proto,
		.flags = t->flags,
		.length = t->length,
		.service = trace_service_name(d, t->service),
		.real = trace_real_name(d, t->real),
		.iface = iface ? iface->name : "",
	};
}

static void show(struct daemon *d, struct viewing *v, const struct lb_trace *t)
{
	struct view_packet p = packet_of(d, v, t);
	struct buf line = {};

	if (admin_stream_pending(d->admin, v->token) > PENDING_MAX) {
		v->late++;
		return;
	}
	(v->json ? render_packet_json : render_packet_text)(&p, &line);
	admin_stream_add(d->admin, v->token, &line);
	buf_free(&line);
	v->done = ++v->shown == v->count;
}

static void on_trace(void *daemon, const struct lb_trace *t)
{
	struct daemon *d = daemon;

	for (struct viewing *v = d->viewings; v; v = v->next)
		if (t->viewers >> v->viewer & 1 && !v->done)
			show(d, v, t);
}

static void say_missed(struct daemon *d, struct viewing *v)
{
	uint64_t now = missed(d, v);
	struct buf line = {};

	if (now == v->told || admin_stream_pending(d->admin, v->token) > PENDING_MAX)
		return;
	render_missed(v->json, now - v->told, &line);
	admin_stream_add(d->admin, v->token, &line);
	buf_free(&line);
	v->told = now;
}

/* Takes it out of the list and frees it; its connection gets the last line. */
static void end_viewing(struct daemon *d, struct viewing **at, bool gone)
{
	struct viewing *v = *at;
	struct buf line = {};

	*at = v->next;
	if (!gone) {
		render_traced(v->json, v->shown, missed(d, v), &line);
		admin_stream_add(d->admin, v->token, &line);
		admin_stream_end(d->admin, v->token);
	}
	buf_free(&line);
	dataplane_trace_end(d->dataplane, v->viewer);
	free(v);
}

static void end_done(struct daemon *d)
{
	for (struct viewing **at = &d->viewings; *at;)
		if ((*at)->done)
			end_viewing(d, at, false);
		else
			at = &(*at)->next;
}

static void trace_fire(struct timer *timer)
{
	struct daemon *d = container_of(timer, struct daemon, trace);

	dataplane_trace_read(d->dataplane, on_trace, d);
	if (++d->trace_reads % READS_A_SECOND == 0)
		for (struct viewing *v = d->viewings; v; v = v->next)
			say_missed(d, v);
	end_done(d);
	if (d->viewings)
		timer_start(d->loop, timer, DATAPLANE_TRACE_MSEC);
}

static const struct service_config *configured(const struct daemon *d, const char *name)
{
	for (size_t i = 0; i < d->model->service_count; i++)
		if (!strcmp(d->model->services[i].name, name))
			return &d->model->services[i];
	return NULL;
}

int trace_find_service(const struct daemon *d, const char *name, uint32_t *id, struct buf *out)
{
	const struct service_config *s = configured(d, name);

	*id = *name ? ids_find(d->service_ids, name) : 0;
	if (*name && !*id) {
		buf_printf(out, "there is no service %s\n", name);
		return -ENOENT;
	}
	if (s && service_is_l7(s) && !s->acl) {
		buf_printf(out,
			   "%s is of layer 7: XDP leaves its packets to the host; see its "
			   "sessions with: lbxdp report sessions\n",
			   name);
		return -EINVAL;
	}
	return 0;
}

int trace_begin(void *arg, const struct trace_request *r, const void *token, struct buf *out)
{
	struct daemon *d = arg;
	struct dataplane_trace t = {.client = r->client, .verdicts = r->verdicts, .rate = r->rate};
	struct viewing *v;
	int viewer, err = trace_find_service(d, r->service, &t.service, out);

	if (err)
		return err;
	viewer = dataplane_trace_begin(d->dataplane, &t);
	if (viewer < 0) {
		buf_printf(out, "%d trace already; more cannot\n", LB_TRACE_VIEWERS);
		return viewer;
	}
	v = xcalloc(1, sizeof(*v));
	*v = (struct viewing){.next = d->viewings,
			      .token = token,
			      .viewer = viewer,
			      .json = r->json,
			      .count = r->count,
			      .wall = (int64_t)clock_wall_msec() * 1000 - (int64_t)clock_usec()};
	d->viewings = v;
	d->trace.fn = trace_fire;
	if (!timer_running(&d->trace))
		timer_start(d->loop, &d->trace, DATAPLANE_TRACE_MSEC);
	return 0;
}

unsigned int trace_count(const struct daemon *d)
{
	unsigned int count = 0;

	for (const struct viewing *v = d->viewings; v; v = v->next)
		count++;
	return count;
}

/* What is in the ring by now is still shown to a client that reads on. */
bool trace_stop(struct daemon *d, const void *token, bool gone)
{
	struct viewing **at = &d->viewings;

	while (*at && (*at)->token != token)
		at = &(*at)->next;
	if (!*at)
		return false;
	if (!gone)
		dataplane_trace_read(d->dataplane, on_trace, d);
	end_viewing(d, at, gone);
	return true;
}

void trace_end(struct daemon *d)
{
	while (d->viewings)
		end_viewing(d, &d->viewings, false);
}
