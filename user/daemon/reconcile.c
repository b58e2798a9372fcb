/* SPDX-License-Identifier: GPL-2.0-only */
/* Facts to plan to rows, at the end of the round in which something changed. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "core/desire.h"
#include "daemon/state.h"

enum { RETRY_MIN_MSEC = 200, RETRY_MAX_MSEC = 30000, ROUNDS_MAX = 3 };

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

static void ramp_fire(struct timer *t)
{
	reconcile_now(container_of(t, struct daemon, ramp));
}

/* A server that starts slowly gets its next step (R36). */
static void ramp_later(struct daemon *d, const struct facts *f)
{
	uint64_t now = clock_msec();

	timer_stop(&d->ramp);
	if (f->ramp_next == UINT64_MAX)
		return;
	d->ramp.fn = ramp_fire;
	timer_start(d->loop, &d->ramp, f->ramp_next > now ? f->ramp_next - now : 0);
}

/* One plan, applied. Returns whether another is due: announcements depend on attachments. */
static bool apply_once(struct daemon *d)
{
	struct arena *a = arena_new();
	struct refusals refusals = {.daemon = d};
	const struct plan_refusal refusal = {note_refusal, &refusals};
	const struct facts *facts = gather_facts(d, a);
	struct plan *desired = desire(d->model, facts, d->store);
	bool again = false;

	gather_note_changes(d, facts);
	ramp_later(d, facts);
	if (desired) {
		d->refused = plan_apply(d->actual, desired, d->sinks, &refusal);
		d->layer7_refused = refusals.layer7;
		say_refusals(d, &refusals);
		store_trim(d->store, d->actual);
		again = attachments_changed(d, facts);
	} else {
		d->refused = 1;
		d->layer7_refused = 0;
		log_error("no memory for a plan; trying again");
	}
	plan_free(desired);
	arena_free(a);
	return again;
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

void reconcile_now(struct daemon *d)
{
	size_t reals = plan_count(d->actual, PLAN_REALS);

	for (int round = 0; round < ROUNDS_MAX && apply_once(d); round++)
		;
	if (plan_count(d->actual, PLAN_REALS) < reals)
		gather_release(d);
	proxies_adjust(d);
	retry_later(d);
}

static void reconcile_hook(struct hook *h)
{
	reconcile_now(container_of(h, struct daemon, reconcile));
}

void reconcile_later(struct daemon *d)
{
	d->reconcile.fn = reconcile_hook;
	loop_defer(d->loop, &d->reconcile);
}
