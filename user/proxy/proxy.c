/* SPDX-License-Identifier: GPL-2.0-only */
#include "proxy/proxy.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "core/proxy.h"
#include "io/channel.h"
#include "proxy/engine.h"
#include "proxy/handover.h"

static struct {
	struct loop *loop;
	struct channel channel;
	struct engine *engine;
	struct handover handover;
} proxy; /* the process is this one thing */

/* -1: there is none to be had, and the process ends with main. */
static int open_door(int fd)
{
	const struct proxy_report ready = {.kind = PROXY_REPORT_READY};
	int err = fd >= 0 ? handover_open(&proxy.handover, fd) : 0;

	if (err && fd >= 0)
		close(fd);
	return err ? err : channel_send(&proxy.channel, &ready, sizeof(ready), -1);
}

static void take_order(struct channel *c, const void *bytes, size_t len, int fd)
{
	struct proxy_order order;
	int err;

	if (len != sizeof(order)) {
		log_error("proxy: order of %zu bytes from main is not understood", len);
		if (fd >= 0)
			close(fd);
		return;
	}
	memcpy(&order, bytes, sizeof(order));
	err = order.kind == PROXY_ORDER_DOOR ? open_door(fd)
					     : engine_obey(proxy.engine, &order, fd);
	if (err)
		log_error("proxy: order %u for %u: %s", order.kind, order.id, strerror(-err));
}

static void main_is_gone(struct channel *c)
{
	channel_fini(c);
	if (handover_alone(&proxy.handover))
		log_warning("proxy: main is gone; serving on as it said last");
	else
		loop_stop(proxy.loop);
}

int proxy_main(const struct proxy_fds *fds)
{
	int err = -ENOMEM;

	(void)signal(SIGPIPE, SIG_IGN); /* splice() knows no MSG_NOSIGNAL */
	proxy.loop = loop_new();
	if (!proxy.loop)
		goto out;
	proxy.engine = engine_new(proxy.loop, fds->index);
	if (!proxy.engine)
		goto out_loop;
	proxy.handover = (struct handover){.loop = proxy.loop, .engine = proxy.engine};
	proxy.channel.message = take_order;
	proxy.channel.closed = main_is_gone;
	err = channel_init(&proxy.channel, proxy.loop, fds->channel);
	if (!err)
		err = loop_run(proxy.loop);
	handover_fini(&proxy.handover);
	channel_fini(&proxy.channel);
	engine_free(proxy.engine);
out_loop:
	loop_free(proxy.loop);
out:
	if (err)
		log_error("proxy: %s", strerror(-err));
	return err ? 1 : 0;
}
