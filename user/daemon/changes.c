/* SPDX-License-Identifier: GPL-2.0-only */
/* What a plan changes for people and for silent clients: lines in the log, flows to wake. */
#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "core/desire.h"
#include "daemon/state.h"

/* The worst check's last outcome, for the log. */
static const char *reason_of(struct daemon *d, const struct real_fact *f, enum real_status now,
			     size_t checks, char *text, unsigned int room)
{
	snprintf(text, room, "checks passed");
	if (f->admin != ADMIN_ONLINE)
		snprintf(text, room, "ordered");
	else if (f->health == HEALTH_UNKNOWN)
		snprintf(text, room, "checking");
	else if (f->health == HEALTH_UP && now == REAL_DOWN)
		snprintf(text, room, "no neighbour answers for its address");
	for (size_t i = 0; f->admin == ADMIN_ONLINE && i < checks; i++) {
		const struct view_check *v = &check_fact(d, f->check_ids[i])->seen;
		char last[64];

		if (v->health != HEALTH_DOWN)
			continue;
		check_outcome_format(&v->outcome, last, sizeof(last));
		snprintf(text, room, "%s%s%.*s", last, v->outcome.detail[0] ? ": " : "",
			 CHECK_DETAIL_LEN, v->outcome.detail);
		break;
	}
	return text;
}

/* A real that is still being checked is neither up nor down in the log. */
enum { SEEN_NOTHING, SEEN_STATUS, SEEN_CHECKING = SEEN_STATUS + REAL_HALT + 1 };

static uint8_t seen_of(enum real_status status, enum health health)
{
	return status == REAL_DOWN && health == HEALTH_UNKNOWN ? SEEN_CHECKING
							       : SEEN_STATUS + status;
}

static const char *seen_name(uint8_t seen)
{
	if (seen == SEEN_NOTHING || seen == SEEN_CHECKING)
		return "checking";
	return real_status_name(seen - SEEN_STATUS);
}

static void count_downtime(struct downtime *t, bool down)
{
	uint64_t now = clock_msec();

	if (down && !t->since)
		t->since = now;
	if (down || !t->since)
		return;
	t->msec += now - t->since;
	t->since = 0;
}

static void say_change(struct daemon *d, const struct service_config *s,
		       const struct real_config *r, const struct real_fact *f)
{
	enum real_status status = real_status(s, f);
	uint8_t before = d->real_seen[f->id], now = seen_of(status, f->health);
	char reason[256];

	d->real_seen[f->id] = now;
	count_downtime(&d->real_down[f->id], now == SEEN_STATUS + REAL_DOWN);
	if (before == now || (before == SEEN_NOTHING && now == SEEN_CHECKING))
		return;
	reason_of(d, f, status, service_check_count(s, r), reason, sizeof(reason));
	log_info("real %s/%s: %s -> %s: %s", s->name, r->name, seen_name(before), seen_name(now),
		 reason);
}

static void note_reset(struct daemon *d, uint32_t id, bool resets)
{
	if (resets && !d->real_reset[id])
		wake_start(d);
	d->real_reset[id] = resets;
}

void gather_note_service(struct daemon *d, const struct facts *f, size_t service)
{
	const struct service_config *s = &d->model->services[service];

	for (size_t i = 0; i < s->real_count; i++) {
		const struct real_fact *r = &f->services[service].reals[i];

		if (!r->id)
			continue;
		say_change(d, s, &s->reals[i], r);
		note_reset(d, r->id, !service_is_l7(s) && real_resets(s, r));
	}
}

void gather_note_changes(struct daemon *d, const struct facts *f)
{
	for (size_t i = 0; i < d->model->service_count; i++)
		gather_note_service(d, f, i);
	for (size_t i = 0; i < f->retired_count; i++)
		note_reset(d, f->retired[i].id, f->retired[i].resets);
}
