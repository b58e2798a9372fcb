/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The proxy processes: one a CPU, from the first layer-7 service on, until the last is gone and its
 * last session has ended.
 */
#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/resource.h>

#include "base/log.h"
#include "daemon/state.h"

static unsigned int cpu_count(void)
{
	cpu_set_t set;
	int count = sched_getaffinity(0, sizeof(set), &set) ? 1 : CPU_COUNT(&set);

	return count > PROXY_PROCESSES_MAX ? PROXY_PROCESSES_MAX : (unsigned int)count;
}

static void on_lost(void *arg, unsigned int index)
{
	process_lost(child_of(arg, CHILD_PROXY, index));
}

static const char *name_of(void *arg, enum plan_table t, uint32_t id)
{
	const struct daemon *d = arg;

	return ids_name(t == PLAN_PROXY_SERVICES ? d->service_ids : d->real_ids, id);
}

void proxies_open_log(struct daemon *d)
{
	bool to_file = d->model->l7.logging && *d->model->l7.log_file;
	int err = proxy_client_log(d->proxy, to_file ? d->model->l7.log_file : NULL);

	if (err)
		log_error("l7.logging: cannot write to %s: %s", d->model->l7.log_file,
			  strerror(-err));
}

int proxies_open(struct daemon *d)
{
	const struct proxy_client_events events = {.lost = on_lost, .name_of = name_of, .arg = d};

	d->proxy_count = cpu_count();
	d->proxy = proxy_client_new(d->loop, d->proxy_count, d->options->run_dir, &events);
	if (!d->proxy)
		return -ENOMEM;
	d->sinks[PLAN_PROXY_SERVICES] = proxy_client_sink(d->proxy);
	d->sinks[PLAN_PROXY_REALS] = proxy_client_sink(d->proxy);
	d->sinks[PLAN_PROXY_RULES] = proxy_client_sink(d->proxy);
	d->sinks[PLAN_PROXY_BLOBS] = proxy_client_sink(d->proxy);
	d->sinks[PLAN_LISTENERS] = proxy_client_sink(d->proxy);
	proxies_open_log(d);
	gather_adopt_names(d);
	return 0;
}

static uint64_t listener_count(const struct service_config *s)
{
	uint64_t ports = 0;

	for (size_t i = 0; i < s->port_range_count; i++)
		ports += s->ports[i].last - s->ports[i].first + 1;
	return service_is_l7(s) ? ports * s->vip_count : 0;
}

/* Also when one process holds all sessions. */
uint64_t proxies_descriptors(const struct model *m)
{
	uint64_t count = PROXY_SPARE_FDS + PROXY_PIPE_FDS * PROXY_PIPES_MAX +
			 PROXY_SESSION_FDS * (uint64_t)m->l7.maxconn;

	for (size_t i = 0; i < m->service_count; i++)
		count += listener_count(&m->services[i]);
	return count;
}

/* Sessions that the descriptors of all processes allow. */
static uint64_t descriptors_allow(const struct daemon *d)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) || files.rlim_cur == RLIM_INFINITY)
		return UINT32_MAX;
	return proxy_sessions(files.rlim_cur, proxy_client_listeners(d->proxy)) * d->proxy_count;
}

/* Said once for each maxconn: the limit itself moves with the number of listeners. */
static void say_limit(struct daemon *d)
{
	uint32_t wanted = d->session_limit < d->model->l7.maxconn ? d->model->l7.maxconn : 0;

	if (wanted && wanted != d->maxconn_said)
		log_warning("l7.maxconn is %u, but open files (ulimit -Hn, LimitNOFILE=) allow "
			    "only %u sessions; that is the limit now",
			    wanted, d->session_limit);
	d->maxconn_said = wanted;
}

static void adjust_limit(struct daemon *d)
{
	uint64_t allowed = descriptors_allow(d);

	d->session_limit =
		d->model->l7.maxconn < allowed ? d->model->l7.maxconn : (uint32_t)allowed;
	proxy_client_limit(d->proxy, d->session_limit);
	if (proxy_client_wanted(d->proxy))
		say_limit(d);
}

static bool hold(struct daemon *d, uint64_t sessions)
{
	d->leaving += sessions > 0;
	return sessions;
}

bool proxies_hold_service(struct daemon *d, uint32_t id)
{
	uint64_t current, queued;

	(void)proxy_client_service(d->proxy, id, &current, &queued);
	return hold(d, current);
}

bool proxies_hold_real(struct daemon *d, uint32_t id)
{
	uint64_t current, queued;

	(void)proxy_client_real(d->proxy, id, &current, &queued);
	return hold(d, current);
}

static void start_missing(struct daemon *d)
{
	for (unsigned int i = 0; i < d->proxy_count; i++) {
		struct child *c = child_of(d, CHILD_PROXY, i);
		int err = c->wanted ? 0 : process_start(c);

		if (err)
			log_error("proxy %u: cannot start: %s; trying again", i, strerror(-err));
	}
}

static void stop_all(struct daemon *d)
{
	for (unsigned int i = 0; i < d->proxy_count; i++)
		process_stop(child_of(d, CHILD_PROXY, i));
}

void proxies_end(struct daemon *d, bool earlier)
{
	if (!d->proxy)
		return;
	stop_all(d);
	proxy_client_end(d->proxy, earlier);
}

/* Stopped, or in an endless loop: its sessions hang, and while it lives nobody takes its place. */
void proxies_watch(struct daemon *d)
{
	for (unsigned int i = 0; i < d->proxy_count; i++) {
		struct child *c = child_of(d, CHILD_PROXY, i);

		if (!c->pid || !pulse_is_lost(&d->proxy_pulses[i], proxy_client_pulse(d->proxy, i)))
			continue;
		log_error("proxy %u: has not moved for %u seconds; ending it", i,
			  d->proxy_pulses[i].missed * PULSE_MSEC / 1000);
		process_lost(c);
	}
}

void proxies_adjust(struct daemon *d)
{
	bool running = child_of(d, CHILD_PROXY, 0)->wanted;

	adjust_limit(d);
	if (d->settled)
		proxy_client_settled(d->proxy);
	proxy_client_ask_earlier(d->proxy);
	finishing_judge(d);
	if (proxy_client_wanted(d->proxy))
		start_missing(d);
	else if (running && !proxy_client_sessions(d->proxy))
		stop_all(d);
}
