/* SPDX-License-Identifier: GPL-2.0-only */
#include "health/probe.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/log.h"
#include "health/message.h"
#include "health/ports.h"
#include "health/runner.h"
#include "health/trust.h"
#include "io/channel.h"

enum {
	AT_ONCE_MAX = 4096, /* runs; a TLS handshake holds some 50 KB */
	RESERVED_FDS = 32,
	REPORTS_MAX = 64,   /* in one message */
	TRIM_EVERY = 10000, /* ms */
	REPORTS_WAIT = 5,   /* ms; waking main for each would cost more than the check */
};

struct probe {
	struct loop *loop;
	struct channel channel;
	struct runner *runner;
	struct timer send; /* reports of a moment go in one message */
	struct timer trim;
	struct check_report reports[REPORTS_MAX];
	size_t report_count;
};

static struct probe probe; /* the process is this one thing */

/* Main that does not read for long, or is gone: the reports wait, and later ones are lost. */
static void send_reports(struct timer *t)
{
	size_t size = probe.report_count * sizeof(probe.reports[0]);

	if (!channel_send(&probe.channel, probe.reports, size, -1))
		probe.report_count = 0;
}

static int report(void *arg, const struct check_report *r)
{
	if (probe.report_count == REPORTS_MAX)
		send_reports(&probe.send);
	if (probe.report_count == REPORTS_MAX)
		return -ENOBUFS;
	probe.reports[probe.report_count++] = *r;
	if (!timer_running(&probe.send))
		timer_start(probe.loop, &probe.send, REPORTS_WAIT);
	return 0;
}

static void take_order(struct channel *c, const void *bytes, size_t len, int fd)
{
	static struct check_order order; /* large */
	size_t ca_len = 0;
	char *ca = NULL;
	int err = message_read(&order, bytes, len), ca_err = 0;

	if (fd >= 0) {
		ca = trust_read(fd, &ca_len, &ca_err);
		close(fd);
	}
	if (ca_err)
		log_error("check %u: CA bundle: %s", order.id, strerror(-ca_err));
	if (err)
		log_error("order of %zu bytes from main is not understood", len);
	else
		runner_obey(probe.runner, &order, ca, ca_len);
	free(ca);
}

static void main_is_gone(struct channel *c)
{
	loop_stop(probe.loop);
}

/* A burst of handshakes, after a start or when many servers hang, leaves holes that malloc keeps.
 */
static void trim_memory(struct timer *t)
{
	malloc_trim(0);
	timer_start(probe.loop, t, TRIM_EVERY);
}

/* As many runs as there are descriptors, with some kept for everything else. */
static size_t runs_at_once(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) || files.rlim_cur < 2 * RESERVED_FDS)
		return RESERVED_FDS;
	if (files.rlim_cur - RESERVED_FDS > AT_ONCE_MAX)
		return AT_ONCE_MAX;
	return files.rlim_cur - RESERVED_FDS;
}

int probe_main(const struct probe_fds *fds)
{
	struct runner_setup setup = {.at_once = runs_at_once(), .report = report};
	int err = -ENOMEM;

	setup.loop = probe.loop = loop_new();
	if (!probe.loop)
		goto out;
	setup.ports = ports_new(fds->via_ports);
	if (fds->via_ports >= 0)
		close(fds->via_ports);
	setup.pinger = pinger_new(probe.loop, fds->icmp4, fds->icmp6);
	probe.runner = runner_new(&setup);
	probe.send.fn = send_reports;
	probe.trim.fn = trim_memory;
	timer_start(probe.loop, &probe.trim, TRIM_EVERY);
	probe.channel.message = take_order;
	probe.channel.closed = main_is_gone;
	err = channel_init(&probe.channel, probe.loop, fds->channel);
	if (!err)
		err = loop_run(probe.loop);
	channel_fini(&probe.channel);
	runner_free(probe.runner);
	pinger_free(setup.pinger);
	ports_free(setup.ports);
	loop_free(probe.loop);
out:
	if (err)
		log_error("probe: %s", strerror(-err));
	return err ? 1 : 0;
}
