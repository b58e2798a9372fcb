/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A client that is only receiving says nothing that XDP could answer with a reset when its real is
 * halted or dead. Each such flow is sent one ACK outside its window; the client's TCP must answer
 * it (RFC 9293 3.10.7.4), and that answer meets the reset. A pass goes over the whole table; a few
 * passes are made, as an ACK may be lost or fall under the client's own rate limit.
 */
#include "base/alloc.h"
#include "daemon/state.h"

enum { PASSES = 4, BATCH = 256, BATCH_MSEC = 10, PASS_MSEC = 600 };

static void wake_fire(struct timer *t)
{
	struct daemon *d = container_of(t, struct daemon, wake);
	struct dataplane_flow flows[BATCH];
	bool done;
	size_t count = dataplane_reset_flows(d->dataplane, flows, BATCH, &done);

	for (size_t i = 0; i < count; i++)
		/* A client without a route cannot be helped. */
		(void)net_send_ack(d->net, &flows[i].dst, flows[i].dport, &flows[i].src,
				   flows[i].sport);
	d->wake_passes -= done;
	if (d->wake_passes)
		timer_start(d->loop, t, done ? PASS_MSEC : BATCH_MSEC);
}

void wake_start(struct daemon *d)
{
	d->wake_passes = PASSES;
	d->wake.fn = wake_fire;
	timer_start(d->loop, &d->wake, 0);
}
