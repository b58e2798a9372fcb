/* SPDX-License-Identifier: GPL-2.0-only */
/* One view of everything for the renderers. */
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "core/desire.h"
#include "daemon/process_info.h"
#include "daemon/roles.h"
#include "daemon/state.h"
#include "io/tls.h"

/* The check that speaks for the real: the first that is down, else unknown, else the first. */
static size_t worst_of(const struct view_check *checks, size_t count)
{
	size_t worst = 0;

	for (size_t i = 0; i < count; i++) {
		if (checks[i].health == HEALTH_DOWN)
			return i;
		if (checks[i].health == HEALTH_UNKNOWN && checks[worst].health == HEALTH_UP)
			worst = i;
	}
	return worst;
}

static void snap_checks(struct daemon *d, const struct service_config *s,
			const struct real_config *r, const struct real_fact *f, struct view_real *v,
			struct arena *a)
{
	size_t count = service_check_count(s, r);
	struct view_check *checks = arena_alloc(a, count + 1, sizeof(*checks));
	struct check_spec spec;

	for (size_t i = 0; i < count && service_check_spec(s, r, i, &spec); i++) {
		checks[i] = check_fact(d, f->check_ids[i])->seen;
		checks[i].type = spec.type;
		checks[i].port = spec.port;
		checks[i].via = spec.via;
	}
	v->checks = checks;
	v->check_count = count;
	v->worst = worst_of(checks, count);
}

/* What layer 4 counts by packets, layer 7 does by sessions. */
static void snap_sessions(struct daemon *d, uint32_t id, struct view_real *v)
{
	v->l7.counts = proxy_client_real(d->proxy, id, &v->l7.current, &v->l7.queued);
	v->l7.limit = v->max_connections;
	v->l7.rate = d->real_rates[id].now;
	v->l7.max_rate = d->real_rates[id].most;
	v->active = v->l7.current;
	v->connections = v->l7.counts.sessions;
	v->bytes = v->l7.counts.bytes_in + v->l7.counts.bytes_out;
}

static void snap_flows(struct daemon *d, uint32_t id, struct view_real *v)
{
	struct lb_real_conns c = dataplane_real_conns(d->dataplane, id);
	struct lb_real_stats s = dataplane_real_stats(d->dataplane, id);

	v->active = c.opened - c.closed;
	v->full = v->max_connections &&
		  v->active >= (c.full ? v->min_connections : v->max_connections);
	v->inactive = c.closing_begun - c.closing_ended + c.half_open;
	v->connections = c.connections;
	v->packets = s.packets;
	v->bytes = s.bytes;
}

static const char *interface_of(const struct daemon *d, const struct real_fact *f, struct arena *a)
{
	const struct net_iface *iface = f->ifindex ? net_iface_at(d->net, f->ifindex) : NULL;

	return iface ? arena_strdup(a, iface->name) : "";
}

static uint64_t downtime_sec(const struct downtime *t)
{
	return (t->msec + (t->since ? clock_msec() - t->since : 0)) / 1000;
}

static void snap_real(struct daemon *d, const struct service_config *s, const struct real_config *r,
		      const struct real_fact *f, struct view_real *v, struct arena *a)
{
	v->name = arena_strdup(a, r->name);
	v->ip = r->ip;
	v->weight = real_weight(r, f);
	v->effective_weight = real_usable(s, r, f) ? v->weight : 0;
	v->status = real_status(s, f);
	v->admin = f->admin;
	v->backup = r->backup;
	v->has_mac = f->has_mac;
	memcpy(v->mac, f->mac, sizeof(v->mac));
	v->interface = interface_of(d, f, a);
	v->port = r->port;
	v->max_connections = r->max_connections;
	v->min_connections = connections_reopen_below(r->min_connections, r->max_connections);
	v->throttle = v->effective_weight ? service_throttle(s, f->usable_since, clock_msec()) : 0;
	v->downtime = downtime_sec(&d->real_down[f->id]);
	if (service_is_l7(s))
		snap_sessions(d, f->id, v);
	else
		snap_flows(d, f->id, v);
	if (service_is_l7(s))
		v->warning = tproxy_warning(d, f->id, &v->l7.counts);
	else
		v->warning = via_warning(d, s, r, f);
	snap_checks(d, s, r, f, v, a);
}

static const char *reason_of(const struct view_service *v, struct arena *a)
{
	const char *why = "";

	for (size_t i = 0; v->status != SERVICE_HEALTHY && i < v->real_count; i++) {
		const struct view_real *r = &v->reals[i];

		if (r->backup || r->effective_weight)
			continue;
		why = arena_printf(a, "%s%s%s is %s", why, *why ? ", " : "", r->name,
				   r->status == REAL_UP ? "drained by weight 0"
							: real_status_name(r->status));
	}
	return why;
}

static uint64_t session_limit(const struct daemon *d, const struct service_config *s)
{
	uint64_t own = s->l7.maxconn;

	return own && own < d->session_limit ? own : d->session_limit;
}

static void snap_service(struct daemon *d, const struct service_config *s,
			 const struct service_fact *f, struct view_service *v, struct arena *a)
{
	struct view_real *reals = arena_alloc(a, s->real_count + 1, sizeof(*reals));
	bool backup_used;

	v->name = arena_strdup(a, s->name);
	v->config = s;
	v->status = service_status(s, f, &backup_used);
	v->unrouted = dataplane_unrouted(d->dataplane, f->id);
	v->denied = dataplane_denied(d->dataplane, f->id);
	v->denied_connections = dataplane_denied_connections(d->dataplane, f->id);
	v->full = dataplane_full(d->dataplane, f->id);
	v->followed = dataplane_followed(d->dataplane, f->id);
	v->missed = dataplane_missed(d->dataplane, f->id);
	v->flood_packets = dataplane_flood_packets(d->dataplane, f->id);
	v->flooded = dataplane_flooded(d->dataplane, f->id);
	v->l7.counts = proxy_client_service(d->proxy, f->id, &v->l7.current, &v->l7.queued);
	v->l7.limit = session_limit(d, s);
	v->l7.rate = d->service_rates[f->id].now;
	v->l7.max_rate = d->service_rates[f->id].most;
	v->reals = reals;
	v->real_count = s->real_count;
	for (size_t i = 0; i < s->real_count; i++) {
		snap_real(d, s, &s->reals[i], &f->reals[i], &reals[i], a);
		if (reals[i].backup && !backup_used)
			reals[i].effective_weight = 0;
		v->connections += reals[i].connections;
		v->packets += reals[i].packets;
		v->bytes += reals[i].bytes;
	}
	v->reason = reason_of(v, a);
}

/* A service whose servers are all those of its routes is as well as they are. v stands among all
 * services, its pools behind it. */
static void status_by_routes(struct view_service *v, const struct view_service *end)
{
	size_t count = 0, healthy = 0, down = 0;

	for (const struct view_service *p = v + 1; p < end && p->config->parent == v->config; p++) {
		count++;
		healthy += p->status == SERVICE_HEALTHY;
		down += p->status == SERVICE_DOWN;
	}
	if (v->real_count || !count || healthy == count)
		return;
	v->status = down == count ? SERVICE_DOWN : SERVICE_DEGRADED;
	v->reason = "not all of its routes are healthy";
}

/* Packets to reals that are in the model no more, so that the sum never goes back. */
static uint64_t forwarded_to_others(struct daemon *d)
{
	uint64_t sum = d->forwarded_gone;

	for (size_t i = 0; i < plan_count(d->actual, PLAN_REALS); i++) {
		uint32_t id = *(const __u32 *)plan_key(d->actual, PLAN_REALS, i);

		if (!d->real_used[id])
			sum += dataplane_real_stats(d->dataplane, id).packets;
	}
	return sum;
}

static void snap_services(struct daemon *d, struct view *v)
{
	const struct facts *f = gather_facts(d, v->arena);
	struct view_service *s = arena_alloc(v->arena, d->model->service_count + 1, sizeof(*s));

	for (size_t i = 0; i < d->model->service_count; i++) {
		snap_service(d, &d->model->services[i], &f->services[i], &s[i], v->arena);
		v->forwarded += s[i].packets;
	}
	for (size_t i = 0; i < d->model->service_count; i++)
		status_by_routes(&s[i], s + d->model->service_count);
	v->forwarded += forwarded_to_others(d);
	v->services = s;
	v->service_count = d->model->service_count;
	for (size_t i = 0; i < v->service_count; i++)
		doctor_snap_service(d, v, i, &s[i]);
}

static void snap_earlier(struct daemon *d, struct view *v, struct view_process *out, size_t room)
{
	struct predecessor_view *p = arena_alloc(v->arena, room + 1, sizeof(*p));
	size_t count = proxy_client_earlier(d->proxy, p, room);

	for (size_t i = 0; i < count; i++)
		out[i] = (struct view_process){
			.role = p[i].finishing ? "proxy (finishing)" : "proxy (handing over)",
			.pid = p[i].pid,
			.earlier = true,
			.sessions = p[i].sessions,
		};
	v->process_count += count;
}

static void snap_processes(struct daemon *d, struct view *v)
{
	size_t earlier = proxy_client_earlier_room(d->proxy);
	struct view_process *p = arena_alloc(v->arena, CHILDREN_MAX + earlier + 1, sizeof(*p));

	p[v->process_count++] = (struct view_process){.role = "main", .pid = getpid()};
	for (int i = 0; i < CHILDREN_MAX; i++)
		if (d->children[i].wanted)
			p[v->process_count++] = (struct view_process){
				.role = role_name(d->children[i].role),
				.pid = d->children[i].pid,
				.restarts = d->children[i].restarts,
			};
	v->processes = p;
	snap_earlier(d, v, p + v->process_count, earlier);
}

static void add_vitals(struct proxy_vitals *sum, const struct proxy_vitals *one)
{
	sum->sockets += one->sockets;
	sum->pipes_max += one->pipes_max;
	sum->pipes_used += one->pipes_used;
	sum->pipes_free += one->pipes_free;
	sum->tasks += one->tasks;
	sum->running += one->running;
	sum->busy += one->busy;
}

static void snap_l7(struct daemon *d, struct view *v)
{
	unsigned int count = 0;

	v->l7.maxconn = d->model->l7.maxconn;
	v->l7.limit = d->session_limit;
	v->l7.current = proxy_client_sessions(d->proxy);
	for (unsigned int i = 0; i < d->proxy_count; i++) {
		struct proxy_vitals one = proxy_client_vitals(d->proxy, i);

		if (!child_of(d, CHILD_PROXY, i)->pid)
			continue;
		count++;
		add_vitals(&v->l7.sum, &one);
	}
	v->l7.processes = count;
	if (count)
		v->l7.sum.busy /= count;
}

static void snap_ifaces(struct daemon *d, struct view *v)
{
	struct view_iface *out = arena_alloc(v->arena, d->interface_count + 1, sizeof(*out));

	for (size_t i = 0; i < d->interface_count; i++) {
		const struct net_iface *iface = net_iface_named(d->net, d->interfaces[i]);
		struct dataplane_attachment at = {};

		out[i].name = arena_strdup(v->arena, d->interfaces[i]);
		out[i].problem = "the interface does not exist";
		if (!iface)
			continue;
		dataplane_attachment(d->dataplane, iface->ifindex, &at);
		out[i].attached = at.attached;
		out[i].native = at.native;
		out[i].dispatcher = at.dispatcher;
		out[i].problem = arena_strdup(v->arena, at.why);
	}
	v->ifaces = out;
	v->iface_count = d->interface_count;
}

static void snap_vips(struct daemon *d, struct view *v)
{
	size_t count = plan_count(d->actual, PLAN_VIPS);
	struct view_vip *out = arena_alloc(v->arena, count + 1, sizeof(*out));

	for (size_t i = 0; i < count; i++) {
		const struct lb_addr *a = plan_key(d->actual, PLAN_VIPS, i);
		struct lb_vip row = {};

		(void)dataplane_vip(d->dataplane, a, &row); /* a row that is just gone counts 0 */
		memcpy(out[i].addr.byte, a->byte, sizeof(out[i].addr.byte));
		out[i].arp_replies = row.arp_replies;
		out[i].nd_replies = row.nd_replies;
		out[i].echo_replies = row.echo_replies;
		out[i].conflicts = row.conflicts;
		out[i].rivals = doctor_rivals(d, &out[i].addr);
	}
	v->vips = out;
	v->vip_count = count;
}

static void snap_dataplane(struct daemon *d, struct view *v)
{
	uint64_t flows[2];

	dataplane_verdicts(d->dataplane, v->verdicts);
	dataplane_events(d->dataplane, v->events);
	dataplane_flow_counts(d->dataplane, flows);
	for (int i = 0; i < 2; i++) {
		v->flows[i].entries = flows[i];
		v->flows[i].limit = dataplane_flows_limit(d->dataplane);
	}
}

/* "SERVICE/REAL ADDRESS" of an id to "REAL". */
static const char *real_of_identity(const char *identity, struct arena *a)
{
	const char *name = strchr(identity, '/');

	return name ? arena_printf(a, "%.*s", (int)strcspn(name + 1, " "), name + 1) : "";
}

struct session_filling {
	struct daemon *daemon;
	struct view *view;
	struct view_session *to;
	uint64_t now;
	size_t room;
};

static void snap_session(void *arg, pid_t pid, const struct proxy_session *s)
{
	struct session_filling *f = arg;
	struct daemon *d = f->daemon;
	const char *service = ids_name(d->service_ids, s->service);
	const char *real = s->real ? ids_name(d->real_ids, s->real) : NULL;

	if (!service || f->view->session_count == f->room)
		return;
	f->to[f->view->session_count++] = (struct view_session){
		.service = arena_strdup(f->view->arena, service),
		.real = real ? real_of_identity(real, f->view->arena) : NULL,
		.pid = pid,
		.age = f->now > s->began ? f->now - s->began : 0,
		.idle = f->now > s->active ? f->now - s->active : 0,
		.seen = *s,
	};
}

struct view *snapshot_sessions(void *daemon)
{
	struct daemon *d = daemon;
	struct view *v = snapshot_take(d);
	struct session_filling f = {.daemon = d, .view = v, .now = clock_msec()};

	f.room = proxy_client_sessions(d->proxy) + 1024; /* some may begin meanwhile */
	v->sessions = f.to = arena_alloc(v->arena, f.room, sizeof(*f.to));
	proxy_client_each_session(d->proxy, snap_session, &f);
	return v;
}

struct view *snapshot_take(void *daemon)
{
	struct daemon *d = daemon;
	struct arena *a = arena_new();
	struct view *v = arena_alloc(a, 1, sizeof(*v));

	v->arena = a;
	v->version = LBXDP_VERSION;
	v->commit = LBXDP_COMMIT;
	v->libbpf = dataplane_library_version();
	v->openssl = tls_library_version();
	v->node = arena_strdup(a, d->model->node.name);
	v->now = clock_wall();
	snap_services(d, v);
	snap_processes(d, v);
	snap_l7(d, v);
	snap_ifaces(d, v);
	snap_vips(d, v);
	snap_dataplane(d, v);
	v->config.last_ok = d->config_ok;
	v->config.last_success = d->config_loaded;
	v->config.generation = d->config_generation;
	v->log_dropped = log_dropped();
	(void)dataplane_silence(d->options->pin_dir, &v->heartbeat_age_msec); /* 0 stands */
	v->refused_rows = d->refused;
	v->traces = trace_count(d);
	process_info_read(v);
	return v;
}
