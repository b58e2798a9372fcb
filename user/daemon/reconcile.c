/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Facts to plan to rows, at the end of the round in which something changed. A whole plan is made
 * of facts that are gathered anew, and then kept. Where only services are marked, their facts are
 * gathered again, and what that changes in their rows is applied: the rows are then those that a
 * whole plan of these facts has.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "core/desire.h"
#include "daemon/state.h"

enum {
	RETRY_MIN_MSEC = 200,
	RETRY_MAX_MSEC = 30000,
	ROUNDS_MAX = 3,
	STORE_BYTES_MAX = 32 << 20, /* of rings; a whole plan frees those that are not used */
};

static void describe_listener(const struct proxy_endpoint *at, int error, char *text, size_t room)
{
	char where[ENDPOINT_TEXT_LEN];

	addr_format_port(&at->vip, at->port, where);
	if (error == -EADDRINUSE)
		snprintf(text, room,
			 "cannot listen on %s: another program has the port (ss -Hltnp 'sport = "
			 ":%u'); trying again",
			 where, at->port);
	else
		snprintf(text, room, "cannot listen on %s: %s; trying again", where,
			 strerror(-error));
}

static void describe_filter(const struct daemon *d, const void *key, const char *of, int error,
			    char *text, size_t room)
{
	const struct net_iface *iface = net_iface_at(d->net, *(const __u32 *)key);

	snprintf(text, room, "interface %s: cannot attach the tc program of %s: %s; trying again",
		 iface ? iface->name : "?", of, strerror(-error));
}

static void describe_tproxy(const struct daemon *d, enum plan_table t, const void *key, int error,
			    char *text, size_t room)
{
	if (t == PLAN_DIVERTS)
		describe_filter(d, key, "source: client", error, text, room);
	else
		snprintf(text, room,
			 "cannot make the policy route of source: client: %s; trying again",
			 strerror(-error));
}

static void describe_guard(int error, char *text, size_t room)
{
	snprintf(text, room,
		 "cannot attach the sk_lookup program: %s; allow_from and deny_from of layer 7 "
		 "hold on interfaces with XDP only; trying again",
		 strerror(-error));
}

/* F35: what the tables of the data plane hold. */
static const struct {
	enum plan_table table;
	const char *rows;
	size_t room;
} limits[] = {
	{PLAN_SERVICES,  "services",					    LB_SERVICES_MAX - 1},
	{PLAN_REALS,     "real servers, with those that only connections hold", LB_REALS_MAX - 1   },
	{PLAN_RINGS,     "slots that weights take",                             LB_SLOTS_MAX       },
	{PLAN_ACLS,      "prefixes of allow_from and deny_from",                LB_ACL_MAX         },
	{PLAN_ENDPOINTS, "pairs of VIP and port",                               LB_ENDPOINTS_MAX   },
	{PLAN_VIPS,      "VIPs",						LB_VIPS_MAX        },
};

static void describe_row(enum plan_table t, int error, char *text, size_t room)
{
	bool full = error == -E2BIG || error == -ENOSPC;

	snprintf(text, room, "a row of %s was refused: %s; trying again", plan_table_name(t),
		 strerror(-error));
	for (size_t i = 0; full && i < ARRAY_COUNT(limits); i++)
		if (limits[i].table == t)
			snprintf(text, room,
				 "the data plane is full: it holds %zu %s; trying again",
				 limits[i].room, limits[i].rows);
}

/* What a pass of plan_apply was refused, as one text. */
struct refusals {
	struct daemon *daemon;
	size_t layer7;
	char text[sizeof(((struct daemon *)0)->refusal)];
};

static void add_text(struct refusals *r, const char *text)
{
	size_t len = strlen(r->text);

	if (!strstr(r->text, text))
		snprintf(r->text + len, sizeof(r->text) - len, "%s%s", len ? "; " : "", text);
}

static void note_refusal(void *arg, enum plan_table t, const void *key, int error)
{
	struct refusals *r = arg;
	struct daemon *d = r->daemon;
	struct dataplane_attachment a = {};
	char text[256];

	if (t == PLAN_IFACES) {
		const struct net_iface *iface = net_iface_at(d->net, *(const __u32 *)key);

		dataplane_attachment(d->dataplane, *(const __u32 *)key, &a);
		snprintf(text, sizeof(text), "interface %s: cannot attach: %s",
			 iface ? iface->name : "?", a.why[0] ? a.why : strerror(-error));
	} else if (t == PLAN_DIVERTS || t == PLAN_LOCAL_ROUTES) {
		r->layer7++;
		describe_tproxy(d, t, key, error, text, sizeof(text));
	} else if (t == PLAN_VIA_FILTERS) {
		describe_filter(d, key, "via: vip", error, text, sizeof(text));
	} else if (t == PLAN_GUARD) {
		r->layer7++;
		describe_guard(error, text, sizeof(text));
	} else if (t == PLAN_LISTENERS) {
		r->layer7++;
		describe_listener(key, error, text, sizeof(text));
	} else {
		describe_row(t, error, text, sizeof(text));
	}
	add_text(r, text);
}

/* Says each cause once, until it is over or another comes. */
static void say_refusals(struct daemon *d, const struct refusals *r)
{
	if (r->text[0] && strcmp(r->text, d->refusal))
		log_error("%s", r->text);
	memcpy(d->refusal, r->text, sizeof(d->refusal));
}

/* Did an attachment come or go since facts were gathered? */
static bool attachments_changed(const struct daemon *d, const struct facts *f)
{
	for (size_t i = 0; i < f->iface_count; i++)
		if (f->ifaces[i].attached !=
		    (plan_find(d->actual, PLAN_IFACES, &f->ifaces[i].ifindex) != NULL))
			return true;
	return false;
}

static void mark(struct daemon *d, size_t service)
{
	struct dirty *dirty = &d->dirty;

	for (size_t i = 0; i < dirty->count; i++)
		if (dirty->service[i] == service)
			return;
	if (dirty->count == DIRTY_MAX)
		dirty->all = true;
	else
		dirty->service[dirty->count++] = service;
}

/* Are there facts of the model as it is? */
static bool facts_stand(const struct daemon *d)
{
	return d->facts && d->facts_of == d->model;
}

static void ramp_fire(struct timer *t)
{
	struct daemon *d = container_of(t, struct daemon, ramp);
	uint64_t now = clock_msec();

	for (size_t i = 0; facts_stand(d) && i < d->model->service_count; i++)
		if (d->facts->services[i].ramp_next <= now)
			mark(d, i);
	if (!d->dirty.count && !d->dirty.all)
		timer_start(d->loop, t, 1); /* fired a moment too early */
	reconcile_marked_now(d);
}

/* A server that starts slowly gets its next step (R36). */
static void ramp_later(struct daemon *d)
{
	uint64_t next = UINT64_MAX, now = clock_msec();

	for (size_t i = 0; i < d->model->service_count; i++)
		if (d->facts->services[i].ramp_next < next)
			next = d->facts->services[i].ramp_next;
	timer_stop(&d->ramp);
	if (next == UINT64_MAX)
		return;
	d->ramp.fn = ramp_fire;
	timer_start(d->loop, &d->ramp, next > now ? next - now : 0);
}

static void gather_all(struct daemon *d)
{
	arena_free(d->facts_arena);
	d->facts_arena = arena_new();
	d->facts = gather_facts(d, d->facts_arena);
	d->facts_of = d->model;
}

/* A whole plan, applied. Returns whether another is due: announcements depend on attachments. */
static bool apply_all(struct daemon *d)
{
	struct refusals refusals = {.daemon = d};
	const struct plan_refusal refusal = {note_refusal, &refusals};
	struct plan *desired;
	bool again = false;

	gather_all(d);
	desired = desire(d->model, d->facts, d->store);
	gather_note_changes(d, d->facts);
	if (desired) {
		d->refused = plan_apply(d->actual, desired, d->sinks, &refusal);
		d->layer7_refused = refusals.layer7;
		say_refusals(d, &refusals);
		store_trim(d->store, d->actual);
		again = attachments_changed(d, d->facts);
	} else {
		d->refused = 1;
		d->layer7_refused = 0;
		log_error("no memory for a plan; trying again");
	}
	plan_free(desired);
	return again;
}

/* One service's rows, if they are all that changed. Else false: it takes a whole plan. */
static bool apply_service(struct daemon *d, size_t service, struct refusals *refusals)
{
	const struct plan_refusal refusal = {note_refusal, refusals};
	struct plan *before = desire_service(d->model, d->facts, service, d->store), *after;
	bool fits;

	gather_again(d, d->facts, service);
	after = desire_service(d->model, d->facts, service, d->store);
	fits = before && after && plan_part_fits(before, after);
	if (fits) {
		gather_note_service(d, d->facts, service);
		d->refused += plan_apply_part(d->actual, before, after, d->sinks, &refusal);
	}
	plan_free(before);
	plan_free(after);
	return fits;
}

/* Only where all else is as the last plan has it. */
static bool apply_marked(struct daemon *d, const struct dirty *dirty)
{
	struct refusals refusals = {.daemon = d};
	bool fits = facts_stand(d) && !dirty->all && !d->refused;

	for (size_t i = 0; fits && i < dirty->count; i++)
		fits = apply_service(d, dirty->service[i], &refusals);
	if (!fits)
		return false;
	d->layer7_refused = refusals.layer7;
	say_refusals(d, &refusals);
	return true;
}

static void retry_fire(struct timer *t)
{
	reconcile_now(container_of(t, struct daemon, retry));
}

static void retry_later(struct daemon *d)
{
	if (!d->refused) {
		d->retry_msec = RETRY_MIN_MSEC;
		timer_stop(&d->retry);
		return;
	}
	if (timer_running(&d->retry))
		return;
	d->retry.fn = retry_fire;
	timer_start(d->loop, &d->retry, d->retry_msec);
	d->retry_msec = d->retry_msec * 2 > RETRY_MAX_MSEC ? RETRY_MAX_MSEC : d->retry_msec * 2;
}

static void apply(struct daemon *d, const struct dirty *dirty)
{
	bool again = !apply_marked(d, dirty);

	if (!again && store_made(d->store) > STORE_BYTES_MAX)
		reconcile_later(d);
	for (int round = 0; round < ROUNDS_MAX && again; round++)
		again = apply_all(d);
	d->dirty.all |= again;
}

void reconcile_marked_now(struct daemon *d)
{
	size_t reals = plan_count(d->actual, PLAN_REALS);
	const struct dirty dirty = d->dirty;

	if (!dirty.all && !dirty.count)
		return;
	d->dirty = (struct dirty){}; /* what is marked meanwhile is for the next plan */
	apply(d, &dirty);
	ramp_later(d);
	if (plan_count(d->actual, PLAN_REALS) < reals)
		gather_release(d);
	proxies_adjust(d);
	retry_later(d);
}

void reconcile_now(struct daemon *d)
{
	d->dirty.all = true;
	reconcile_marked_now(d);
}

static void reconcile_hook(struct hook *h)
{
	reconcile_marked_now(container_of(h, struct daemon, reconcile));
}

static void defer(struct daemon *d)
{
	d->reconcile.fn = reconcile_hook;
	loop_defer(d->loop, &d->reconcile);
}

void reconcile_later(struct daemon *d)
{
	d->dirty.all = true;
	defer(d);
}

void reconcile_service_later(struct daemon *d, size_t service)
{
	mark(d, service);
	defer(d);
}
