/* SPDX-License-Identifier: GPL-2.0-only */
/* What the control socket's commands do to the daemon. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "core/model_change.h"
#include "daemon/config_file.h"
#include "daemon/state.h"

struct order_change {
	struct daemon *daemon;
	enum admin_order admin;
	int weight;
	bool sets_weight;
	struct buf *out;
};

static void change_order(void *arg, const struct service_config *s, const struct real_config *r)
{
	struct order_change *c = arg;
	struct order order = orders_get(c->daemon->orders, s->name, r->name);

	if (c->sets_weight)
		order.weight = c->weight;
	else
		order.admin = c->admin;
	orders_set(c->daemon->orders, s->name, r->name, order);
	reconcile_service_later(c->daemon, (size_t)(s - c->daemon->model->services));
	if (c->sets_weight && c->weight < 0)
		buf_printf(c->out, "%s/%s: weight %u (configured)\n", s->name, r->name, r->weight);
	else if (c->sets_weight)
		buf_printf(c->out, "%s/%s: weight %d\n", s->name, r->name, c->weight);
	else
		buf_printf(c->out, "%s/%s: %s\n", s->name, r->name, admin_order_name(c->admin));
}

static int change_orders(struct daemon *d, const char *pattern, struct order_change *c)
{
	int err;

	c->daemon = d;
	if (!orders_match(d->model, pattern, change_order, c, c->out))
		return -ENOENT;
	reconcile_marked_now(d);
	err = orders_save(d->orders);
	if (err)
		buf_printf(
			c->out,
			"in force, but not saved in %s (it will be lost at the next start): %s\n",
			d->options->state_dir, strerror(-err));
	return err;
}

static int op_order(void *arg, const char *who, const char *pattern, enum admin_order o,
		    struct buf *out)
{
	return change_orders(arg, pattern, &(struct order_change){.admin = o, .out = out});
}

static int op_weight(void *arg, const char *who, const char *pattern, int weight, struct buf *out)
{
	return change_orders(
		arg, pattern,
		&(struct order_change){.sets_weight = true, .weight = weight, .out = out});
}

static void say_isolated(void *arg, const struct service_config *s, const struct real_config *r)
{
	buf_printf(arg, "%s/%s: alone in its service until interrupted\n", s->name, r->name);
}

static int op_isolate(void *arg, const char *who, const char *pattern, const void *token,
		      struct buf *out)
{
	struct daemon *d = arg;
	struct isolation *i;

	if (!orders_match(d->model, pattern, say_isolated, out, out))
		return -ENOENT;
	i = xcalloc(1, sizeof(*i));
	*i = (struct isolation){.next = d->isolations, .token = token, .pattern = xstrdup(pattern)};
	d->isolations = i;
	reconcile_now(d);
	return 0;
}

static void op_isolate_end(void *arg, const void *token)
{
	struct daemon *d = arg;

	for (struct isolation **at = &d->isolations; *at; at = &(*at)->next) {
		struct isolation *i = *at;

		if (i->token != token)
			continue;
		*at = i->next;
		free(i->pattern);
		free(i);
		reconcile_later(d);
		return;
	}
}

static int refuse_reload(struct daemon *d, struct model *m, struct buf *out)
{
	struct buf keys = {};
	bool refused = model_needs_restart(d->model, m, &keys);

	if (refused)
		buf_printf(
			out,
			"%s cannot change while lbxdp runs: nothing was changed; use `lbxdp down` "
			"and `lbxdp up`\n",
			buf_text(&keys));
	buf_free(&keys);
	return refused ? -EBUSY : 0;
}

static void take_model(struct daemon *d, struct model *m, struct buf *out)
{
	bool web = d->model->admin.off != m->admin.off || d->model->admin.port != m->admin.port ||
		   !addr_equal(&d->model->admin.addr, &m->admin.addr);

	model_free(d->model);
	d->model = m;
	files_follow(d->files, m);
	d->config_ok = true;
	d->config_loaded = clock_wall();
	d->config_generation++;
	if (web && web_restart(d))
		buf_puts(out, "admin.listen: cannot be opened (the log says why); trying again\n");
	proxies_open_log(d);
	reconcile_now(d);
	gather_release(d);
}

static void say_refused(const struct daemon *d, struct buf *out)
{
	if (d->refused)
		buf_printf(out, "%zu rows were refused and are being tried again: %s\n", d->refused,
			   d->refusal);
}

static int op_reload(void *arg, const char *who, struct buf *out)
{
	struct daemon *d = arg;
	struct model *m =
		config_file_read(d->options->config_file, (const char *const *)d->interfaces,
				 d->interface_count, false, out);
	size_t warned = out->len;

	d->config_ok = m && !refuse_reload(d, m, out);
	if (!d->config_ok) {
		model_free(m);
		return -EINVAL;
	}
	model_describe_changes(d->model, m, out);
	if (out->len == warned)
		buf_puts(out, "nothing changed\n");
	take_model(d, m, out);
	say_refused(d, out);
	tproxy_warnings(d, out);
	via_warnings(d, out);
	return 0;
}

/* What can be used is, whatever else cannot. */
static int op_reload_files(void *arg, const char *who, struct buf *out)
{
	struct daemon *d = arg;
	size_t refused = files_read_again(d->files, out);

	if (!out->len)
		buf_puts(out, "the configuration names no files\n");
	health_client_look(d->health);
	reconcile_now(d);
	say_refused(d, out);
	return refused ? -EINVAL : 0;
}

static bool has_interface(const struct daemon *d, const char *name)
{
	for (size_t i = 0; i < d->interface_count; i++)
		if (!strcmp(d->interfaces[i], name))
			return true;
	return false;
}

static void add_interface(struct daemon *d, const char *name)
{
	d->interfaces = xrealloc(d->interfaces, d->interface_count + 1, sizeof(*d->interfaces));
	d->interfaces[d->interface_count++] = xstrdup(name);
}

static void remove_interface(struct daemon *d, const char *name)
{
	for (size_t i = 0; i < d->interface_count; i++) {
		if (strcmp(d->interfaces[i], name))
			continue;
		free(d->interfaces[i]);
		d->interfaces[i] = d->interfaces[--d->interface_count];
		return;
	}
}

static bool same_file(const char *a, const char *b)
{
	char x[PATH_MAX], y[PATH_MAX];

	return realpath(a, x) && realpath(b, y) ? !strcmp(x, y) : !strcmp(a, b);
}

/* Attaches name now, or leaves everything as it was. */
static int join_one(struct daemon *d, const char *name, struct buf *out)
{
	const struct net_iface *iface = net_iface_named(d->net, name);
	struct dataplane_attachment at = {};

	if (has_interface(d, name))
		return 0;
	if (!iface) {
		buf_printf(out, "interface %s does not exist\n", name);
		return -ENODEV;
	}
	add_interface(d, name);
	reconcile_now(d);
	dataplane_attachment(d->dataplane, iface->ifindex, &at);
	if (at.attached) {
		doctor_warn(d, name, &at, &d->warnings);
		buf_printf(out, "interface %s: attached, %s mode\n", name,
			   at.native ? "native" : "generic");
		return 0;
	}
	remove_interface(d, name);
	reconcile_now(d);
	buf_printf(out, "interface %s: cannot attach: %s\n", name, at.why);
	return -EBUSY;
}

static int op_join(void *arg, const char *who, const char *const *interfaces, size_t count,
		   const char *file, struct buf *out)
{
	struct daemon *d = arg;
	int err = 0;

	if (*file && !same_file(file, d->options->config_file)) {
		buf_printf(out, "lbxdp runs with %s; stop it with `lbxdp down` to use %s\n",
			   d->options->config_file, file);
		return -EINVAL;
	}
	for (size_t i = 0; i < count && !err; i++)
		err = join_one(d, interfaces[i], out);
	return err;
}

static int op_down(void *arg, const char *who, const char *const *interfaces, size_t count,
		   bool *stop, struct buf *out)
{
	struct daemon *d = arg;

	for (size_t i = 0; i < count; i++)
		if (!has_interface(d, interfaces[i])) {
			buf_printf(out, "lbxdp does not run on interface %s\n", interfaces[i]);
			return -ENODEV;
		}
	for (size_t i = 0; i < count; i++)
		remove_interface(d, interfaces[i]);
	*stop = !count || !d->interface_count;
	if (*stop) {
		d->detach = true;
		loop_stop(d->loop);
		return 0;
	}
	reconcile_now(d);
	return 0;
}

static bool op_settled(void *arg)
{
	return ((struct daemon *)arg)->settled;
}

static void op_warnings(void *arg, struct buf *out)
{
	const struct daemon *d = arg;

	buf_append(out, d->warnings.at, d->warnings.len);
	tproxy_warnings(d, out);
	via_warnings(d, out);
}

static const char *op_config(void *arg)
{
	return ((const struct daemon *)arg)->options->config_file;
}

static void op_stream_stop(void *arg, const void *token, bool gone)
{
	struct daemon *d = arg;

	if (!trace_stop(d, token, gone))
		flows_stop(d, token);
}

struct admin_ops operations_of(struct daemon *d)
{
	return (struct admin_ops){
		.view = snapshot_take,
		.view_sessions = snapshot_sessions,
		.order = op_order,
		.weight = op_weight,
		.isolate = op_isolate,
		.isolate_end = op_isolate_end,
		.reload = op_reload,
		.reload_files = op_reload_files,
		.join = op_join,
		.down = op_down,
		.settled = op_settled,
		.trace = trace_begin,
		.flows = flows_begin,
		.stream_stop = op_stream_stop,
		.warnings = op_warnings,
		.ask = doctor_ask,
		.asked = doctor_asked,
		.doctor = doctor_report,
		.config = op_config,
		.arg = d,
	};
}
