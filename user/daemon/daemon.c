/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Main: opens everything in the order in which one thing needs the other, runs the loop, and closes
 * in the opposite order. The data plane stays, unless `down` or node.on_stop says otherwise.
 */
#include "daemon/daemon.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "daemon/config_file.h"
#include "daemon/power.h"
#include "daemon/state.h"

enum { SETTLE_EXTRA_MSEC = 3000, PATH_LEN = 256 };

static const char *path_in(const char *dir, const char *name, char *path)
{
	snprintf(path, PATH_LEN, "%s/%s", dir, name);
	return path;
}

static int make_dir(const char *path, mode_t mode, struct buf *why)
{
	char part[PATH_LEN];

	snprintf(part, sizeof(part), "%s", path);
	for (char *c = part + 1;; c++) {
		char kept = *c;

		if (kept != '/' && kept)
			continue;
		*c = '\0';
		if (mkdir(part, mode) && errno != EEXIST) {
			int err = -errno;

			buf_printf(why, "cannot make %s: %s", part, strerror(-err));
			return err;
		}
		*c = kept;
		if (!kept)
			return 0;
	}
}

static int make_dirs(const struct daemon_options *o, struct buf *why)
{
	char empty[PATH_LEN];
	int err = make_dir(o->run_dir, 0755, why);

	if (!err)
		err = make_dir(path_in(o->run_dir, "empty", empty), 0755, why);
	return err ? err : make_dir(o->state_dir, 0755, why);
}

/* As far as the hard limit allows, which root may lift; where that is low the probe runs fewer
 * checks at a time, and the proxies hold fewer sessions. Children inherit it. */
static void raise_limits(const struct model *m)
{
	uint64_t wanted = proxies_descriptors(m);
	struct rlimit files, lifted;

	if (getrlimit(RLIMIT_NOFILE, &files))
		return;
	if (files.rlim_max < wanted) {
		lifted = (struct rlimit){wanted, wanted};
		if (!setrlimit(RLIMIT_NOFILE, &lifted))
			return;
	}
	files.rlim_cur = files.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &files);
}

static void take_interfaces(struct daemon *d)
{
	const struct daemon_options *o = d->options;
	size_t room = o->interface_count + d->model->node.interface_count;

	d->interfaces = xcalloc(room + 1, sizeof(*d->interfaces));
	for (size_t i = 0; i < room; i++) {
		bool listed = i < d->model->node.interface_count, twice = false;
		const char *name = listed ? d->model->node.interfaces[i]
					  : o->interfaces[i - d->model->node.interface_count];

		for (size_t j = 0; j < d->interface_count; j++)
			twice |= !strcmp(d->interfaces[j], name);
		if (!twice)
			d->interfaces[d->interface_count++] = xstrdup(name);
	}
}

static void on_signal(void *arg, int signal)
{
	struct daemon *d = arg;
	struct admin_ops ops;
	struct buf out = {};

	switch (signal) {
	case SIGCHLD:
		process_reap(d);
		return;
	case SIGHUP:
		ops = operations_of(d);
		notify_systemd("RELOADING=1");
		log_info("reload by SIGHUP: %s", ops.reload(d, "signal", &out) ? "failed" : "done");
		if (out.len)
			log_info("%s", buf_text(&out));
		notify_systemd("READY=1");
		buf_free(&out);
		return;
	default:
		d->detach |= d->model->node.on_stop == ON_STOP_DETACH;
		loop_stop(d->loop);
	}
}

static void on_net_change(void *arg)
{
	reconcile_later(arg);
}

static void on_probe_lost(void *arg)
{
	process_lost(child_of(arg, CHILD_PROBE, 0));
}

static void on_web_lost(void *arg)
{
	process_lost(child_of(arg, CHILD_WEB, 0));
}

/* For as long as there are flows to judge; the sweep says when there are new ones to be woken. */
static void judge_fire(struct timer *t)
{
	struct daemon *d = container_of(t, struct daemon, judge);

	if (dataplane_judge(d->dataplane))
		timer_start(d->loop, t, DATAPLANE_JUDGE_MSEC);
}

static void sweep_fire(struct timer *t)
{
	struct daemon *d = container_of(t, struct daemon, sweep);

	if (!timer_running(&d->judge))
		judge_fire(&d->judge);
	if (dataplane_sweep(d->dataplane))
		wake_start(d);
	sessions_judge(d);
	timer_start(d->loop, t, DATAPLANE_SWEEP_MSEC);
}

static void settle_fire(struct timer *t)
{
	struct daemon *d = container_of(t, struct daemon, settle);

	if (!d->settled)
		checks_settle(d);
}

static void start_settling(struct daemon *d)
{
	uint32_t longest = 0;

	for (size_t i = 0; i < plan_count(d->actual, PLAN_CHECKS); i++) {
		const struct row_check *row = plan_value(d->actual, PLAN_CHECKS, i);

		longest = row->spec->timeout > longest ? row->spec->timeout : longest;
	}
	if (checks_settled(d))
		checks_settle(d);
	d->settle.fn = settle_fire;
	timer_start(d->loop, &d->settle, longest + SETTLE_EXTRA_MSEC);
}

static int open_loop(struct daemon *d, struct buf *why)
{
	static const int signals[] = {SIGTERM, SIGINT, SIGHUP, SIGCHLD};
	sigset_t set;

	d->loop = loop_new();
	if (!d->loop) {
		buf_printf(why, "epoll: %s", strerror(errno));
		return -EIO;
	}
	sigemptyset(&set);
	for (size_t i = 0; i < ARRAY_COUNT(signals); i++)
		sigaddset(&set, signals[i]);
	(void)signal(SIGPIPE, SIG_IGN);
	return loop_signals(d->loop, &set, on_signal, d);
}

static int open_admin(struct daemon *d, struct buf *why)
{
	struct admin_ops ops = operations_of(d);
	int err = admin_open(&d->admin, d->loop, d->options->socket, d->gid, &ops);

	if (err == -EADDRINUSE)
		buf_printf(why, "another lbxdp answers on %s", d->options->socket);
	else if (err)
		buf_printf(why, "control socket %s: %s", d->options->socket, strerror(-err));
	return err;
}

static const struct ring *intern(void *arg, struct ring *r)
{
	return store_ring(((struct daemon *)arg)->store, r);
}

static const struct acl *intern_acl(void *arg, const struct acl *a)
{
	return store_acl(((struct daemon *)arg)->store, a);
}

static int open_dataplane(struct daemon *d, struct buf *why)
{
	const struct dataplane_options o = {.pin_dir = d->options->pin_dir,
					    .flows = d->model->node.flows};
	const struct dataplane_intern interning = {intern, intern_acl, d};
	int err = dataplane_open(&d->dataplane, &o, why);

	if (err)
		return err;
	for (int t = 0; t < PLAN_TABLE_COUNT; t++)
		d->sinks[t] = dataplane_sink(d->dataplane);
	d->sinks[PLAN_NEIGHBOURS] = net_sink(d->net);
	d->sinks[PLAN_ADDRESSES] = net_sink(d->net);
	d->sinks[PLAN_LOCAL_ROUTES] = net_sink(d->net);
	d->sinks[PLAN_ANNOUNCE] = net_sink(d->net);
	tproxy_kernel_rows(d->options->pin_dir, d->dataplane, d->actual);
	if (!dataplane_adopted(d->dataplane))
		return 0;
	err = dataplane_read(d->dataplane, d->actual, &interning);
	if (err) {
		buf_printf(why, "cannot read the maps under %s: %s", d->options->pin_dir,
			   strerror(-err));
		return err;
	}
	gather_adopt(d);
	log_info("adopted the data plane under %s: %zu reals", d->options->pin_dir,
		 plan_count(d->actual, PLAN_REALS));
	return 0;
}

static int open_parts(struct daemon *d, struct buf *why)
{
	const struct net_events net = {.changed = on_net_change, .arg = d};
	const struct health_client_events health = {
		.report = checks_report, .lost = on_probe_lost, .known = checks_known, .arg = d};
	const struct web_client_events web = {.view = snapshot_take, .lost = on_web_lost, .arg = d};
	int err = net_open(&d->net, d->loop, &net);

	if (err) {
		buf_printf(why, "netlink: %s", strerror(-err));
		return err;
	}
	err = open_dataplane(d, why);
	if (err)
		return err;
	d->health = health_client_new(d->loop, &health);
	d->web = web_client_new(d->loop, &web);
	d->sinks[PLAN_CHECKS] = health_client_sink(d->health);
	err = proxies_open(d);
	if (err) {
		buf_printf(why, "no memory for the table of layer 7");
		return err;
	}
	err = process_start(child_of(d, CHILD_PROBE, 0));
	if (err)
		buf_printf(why, "cannot start the probe process: %s", strerror(-err));
	else if (web_restart(d)) /* layer 4 works without a page */
		buf_puts(&d->warnings,
			 "admin.listen: cannot be opened (the log says why); trying again\n");
	return err;
}

/* The first plan. An interface that cannot be attached is an error now, and a retry later on; a
 * port that someone else has is a warning, as layer 4 works without it. */
static int first_plan(struct daemon *d, struct buf *why)
{
	uint32_t ifindex[LB_IFACES_MAX];
	size_t count = gather_ifindexes(d, ifindex, ARRAY_COUNT(ifindex));
	int err = 0;

	reconcile_now(d);
	for (size_t i = 0; i < d->interface_count; i++)
		if (!net_iface_named(d->net, d->interfaces[i])) {
			buf_printf(why, "interface %s does not exist", d->interfaces[i]);
			return -ENODEV;
		}
	for (size_t i = 0; i < count; i++) {
		const struct net_iface *iface = net_iface_at(d->net, ifindex[i]);
		struct dataplane_attachment at = {};

		dataplane_attachment(d->dataplane, ifindex[i], &at);
		if (!at.attached && !err) {
			buf_printf(why, "interface %s: cannot attach: %s", iface->name, at.why);
			err = -EBUSY;
		}
		if (at.attached)
			doctor_warn(d, iface->name, &at, &d->warnings);
	}
	if (!err && d->refused > d->layer7_refused) {
		buf_printf(why, "%s", d->refusal);
		err = -ENOSPC;
	}
	if (!err && d->layer7_refused)
		buf_printf(&d->warnings, "%s\n", d->refusal);
	return err;
}

static int load_model(struct daemon *d, struct buf *why)
{
	const struct daemon_options *o = d->options;
	struct buf messages = {};

	d->model = config_file_read(o->config_file, o->interfaces, o->interface_count, false,
				    &messages);
	if (d->model)
		take_interfaces(d);
	else
		buf_append(why, messages.at, messages.len);
	buf_free(&messages);
	if (d->model && !d->interface_count) {
		buf_puts(why, "no interface: name one (`lbxdp up eth0`) or set node.interfaces");
		return -EINVAL;
	}
	return d->model ? 0 : -EINVAL;
}

static int start(struct daemon *d, struct buf *why)
{
	char orders[PATH_LEN];
	int err = load_model(d, why);

	if (!err)
		err = power_find_user(&d->uid, &d->gid, why);
	if (!err)
		err = make_dirs(d->options, why);
	if (!err)
		err = open_loop(d, why);
	if (!err)
		err = open_admin(d, why);
	if (err)
		return err;
	raise_limits(d->model);
	err = power_limit_main();
	if (err)
		log_warning("cannot limit main's capabilities: %s", strerror(-err));
	tables_open(d);
	d->orders = orders_open(path_in(d->options->state_dir, "orders", orders));
	err = open_parts(d, why);
	return err ? err : first_plan(d, why);
}

/* Takes every row away again, in order, then the program and its maps. */
static void detach_all(struct daemon *d)
{
	struct plan *nothing = plan_new();

	if (nothing)
		(void)plan_apply(d->actual, nothing, d->sinks, NULL); /* destroy ends the rest */
	plan_free(nothing);
	if (dataplane_destroy(d->dataplane))
		log_error("something of the data plane stays under %s", d->options->pin_dir);
}

static void remove_run_files(const struct daemon_options *o)
{
	char path[PATH_LEN];

	(void)unlink(path_in(o->run_dir, "lbxdp.log", path));
	(void)rmdir(path_in(o->run_dir, "empty", path));
	(void)rmdir(o->run_dir); /* stays when someone else keeps files there */
}

static void stop(struct daemon *d)
{
	process_stop_all(d);
	trace_end(d);
	flows_end(d);
	if (d->detach)
		proxies_end(d, !d->exit_code);
	if (d->detach && d->dataplane)
		detach_all(d);
	health_client_free(d->health);
	web_client_free(d->web);
	proxy_client_free(d->proxy);
	if (d->dataplane)
		dataplane_close(d->dataplane);
	if (d->net)
		net_close(d->net);
	knocks_end(d);
	if (d->admin)
		admin_close(d->admin, true);
	if (d->detach)
		remove_run_files(d->options);
	orders_close(d->orders);
	if (d->actual)
		tables_close(d);
	if (d->web_listener >= 0)
		close(d->web_listener);
	loop_free(d->loop);
	model_free(d->model);
	buf_free(&d->warnings);
	for (size_t i = 0; i < d->interface_count; i++)
		free(d->interfaces[i]);
	free(d->interfaces);
}

static void say_ready(const struct daemon_options *o, int err, const struct buf *why)
{
	struct buf text = {};

	if (o->ready_fd < 0)
		return;
	buf_printf(&text, "%d\n%s%s", err ? 1 : 0, buf_text(why), why->len ? "\n" : "");
	(void)!write(o->ready_fd, text.at, text.len); /* who waited may be gone */
	close(o->ready_fd);
	buf_free(&text);
}

static void run(struct daemon *d)
{
	d->judge.fn = judge_fire;
	d->sweep.fn = sweep_fire;
	timer_start(d->loop, &d->sweep, DATAPLANE_SWEEP_MSEC);
	watch_start(d);
	doctor_start(d);
	start_settling(d);
	d->config_ok = true;
	d->config_loaded = clock_wall();
	d->config_generation = 1;
	notify_systemd("READY=1");
	log_info("running: services %zu, interfaces %zu, configuration %s", d->model->service_count,
		 d->interface_count, d->options->config_file);
	d->exit_code = loop_run(d->loop) ? 1 : 0;
	notify_systemd("STOPPING=1");
	log_info("stopping; the data plane %s", d->detach ? "goes too" : "stays in force");
}

int daemon_run(const struct daemon_options *o)
{
	struct daemon d = {.options = o, .web_listener = -1, .retry_msec = 200};
	struct buf why = {};
	int err;

	process_init_all(&d);
	d.log_style = !o->foreground             ? LOG_STYLE_FILE
		      : getenv("JOURNAL_STREAM") ? LOG_STYLE_JOURNAL
						 : LOG_STYLE_PLAIN;
	log_open("main", d.log_style, STDERR_FILENO);
	err = start(&d, &why);
	if (err)
		log_error("%s", buf_text(&why));
	say_ready(o, err, &why);
	buf_free(&why);
	if (err) { /* a data plane that was there before stays; what this start made goes */
		d.detach = d.dataplane && !dataplane_adopted(d.dataplane);
		d.exit_code = 1;
		proxies_end(&d, false);
	} else {
		run(&d);
	}
	stop(&d);
	return d.exit_code;
}
