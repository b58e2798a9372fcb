/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Sessions at layer 7 whose client a new list refuses. XDP drops what such a client says from the
 * switch on; its connection is ended here, where the proxy that has it and the client see a reset.
 * Done twice, a sweep apart: a packet that was past XDP at the switch may begin one more session.
 */
#include <string.h>

#include "base/log.h"
#include "daemon/state.h"

enum { TIMES = 2 };

static bool is_refused(void *arg, const struct net_connection *c)
{
	const struct daemon *d = arg;
	const struct proxy_endpoint key = {.vip = c->local, .port = c->local_port};
	const uint32_t *service = plan_find(d->actual, PLAN_LISTENERS, &key);

	return service && dataplane_denies(d->dataplane, *service, &c->peer);
}

/* Somebody took the pin away, or detached it: it is put back. */
void sessions_watch_guard(struct daemon *d)
{
	const __u32 only = 0;

	if (!plan_find(d->actual, PLAN_GUARD, &only) || dataplane_guards_now(d->dataplane))
		return;
	log_warning("our sk_lookup program is gone; attaching it again");
	(void)plan_delete(d->actual, PLAN_GUARD, &only); /* it is there */
	reconcile_later(d);
}

void sessions_judge(struct daemon *d)
{
	uint32_t switches = dataplane_acl_switches(d->dataplane);
	size_t ended;
	int err;

	if (switches != d->acl_switches)
		d->judge_sessions = TIMES;
	d->acl_switches = switches;
	if (!d->judge_sessions)
		return;
	d->judge_sessions--;
	if (!plan_count(d->actual, PLAN_LISTENERS))
		return;
	err = net_end_connections(is_refused, d, &ended);
	if (ended)
		log_info("%zu sessions of clients that may no longer use their service were ended",
			 ended);
	if (err)
		log_warning("sessions of clients that may no longer use their service: cannot end "
			    "them: %s; they hang until their timeouts",
			    strerror(-err));
}
