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

struct pass {
	struct daemon *d;
	bool said;
};

/* Says the first cause of a pass, and once, until it is over or another comes. */
static void say_refusal(void *arg, enum plan_table t, const void *key, int error)
{
	struct pass *pass = arg;
	struct daemon *d = pass->d;
	struct dataplane_attachment a = {};
	char text[sizeof(d->refusal)];

	if (pass->said)
		return;
	pass->said = true;
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
	strcpy(d->refusal, text);
	log_error("%s", text);
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

/* One plan, applied. Returns whether another is due: announcements depend on attachments. */
static bool apply_once(struct daemon *d)
{
	struct arena *a = arena_new();
	struct pass pass = {.d = d};
	const struct plan_refusal refusal = {say_refusal, &pass};
	const struct facts *facts = gather_facts(d, a);
	struct plan *desired = desire(d->model, facts, d->store);
	bool again = false;

	gather_note_changes(d, facts);
	if (desired) {
		d->refused = plan_apply(d->actual, desired, d->sinks, &refusal);
		store_trim(d->store, d->actual);
		again = attachments_changed(d, facts);
	} else {
		d->refused = 1;
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
	size_t reals = plan_count(d->actual, PLAN_REALS);

	for (int round = 0; round < ROUNDS_MAX && apply_once(d); round++)
		;
	if (plan_count(d->actual, PLAN_REALS) < reals)
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
