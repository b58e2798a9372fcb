/* SPDX-License-Identifier: GPL-2.0-only */
/* Facts to plan to rows, at the end of the round in which something changed. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "core/desire.h"
#include "daemon/state.h"

enum { RETRY_MIN_MSEC = 200, RETRY_MAX_MSEC = 30000, ROUNDS_MAX = 3 };

/* Says each cause once, until it is over or another comes. */
static void say_refusal(void *arg, enum plan_table t, const void *key, int error)
{
	struct daemon *d = arg;
	struct dataplane_attachment a = {};
	char text[sizeof(d->refusal)];

	if (t == PLAN_IFACES) {
		const struct net_iface *iface = net_iface_at(d->net, *(const __u32 *)key);

		dataplane_attachment(d->dataplane, *(const __u32 *)key, &a);
		snprintf(text, sizeof(text), "interface %s: cannot attach: %s",
			 iface ? iface->name : "?", a.why[0] ? a.why : strerror(-error));
	} else {
		snprintf(text, sizeof(text), "a row of %s was refused: %s; trying again",
			 plan_table_name(t), strerror(-error));
	}
	if (!strcmp(text, d->refusal))
		return;
	memcpy(d->refusal, text, sizeof(text));
	log_error("%s", text);
}

/* One plan, applied. Returns whether an attachment came or went: announcements depend on it. */
static bool apply_once(struct daemon *d)
{
	struct arena *a = arena_new();
	const struct plan_refusal refusal = {say_refusal, d};
	size_t ifaces = plan_count(d->actual, PLAN_IFACES);
	const struct facts *facts = gather_facts(d, a);
	struct plan *desired = desire(d->model, facts, d->rings);

	gather_note_changes(d, facts);
	arena_free(a);
	if (!desired) {
		d->refused = 1;
		log_error("no memory for a plan; trying again");
		return false;
	}
	d->refused = plan_apply(d->actual, desired, d->sinks, &refusal);
	plan_free(desired);
	ring_store_trim(d->rings, d->actual);
	return plan_count(d->actual, PLAN_IFACES) != ifaces;
}

static void retry_fire(struct timer *t)
{
	reconcile_now(container_of(t, struct daemon, retry));
}

static void retry_later(struct daemon *d)
{
	if (!d->refused) {
		d->retry_msec = RETRY_MIN_MSEC;
		d->refusal[0] = '\0';
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
	size_t retired = d->retired;

	for (int round = 0; round < ROUNDS_MAX && apply_once(d); round++)
		;
	if (d->retired < retired)
		gather_release(d);
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
