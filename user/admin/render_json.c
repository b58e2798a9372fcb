/* SPDX-License-Identifier: GPL-2.0-only */
/* `lbxdp status --json`: a promise to scripts. Keys are added, never renamed. */
#include "admin/admin.h"
#include "admin/json.h"
#include "admin/words.h"
#include "base/clock.h"

/* RFC 3339 UTC, or null for a time that has not been. */
static void put_time(struct json *j, const char *key, time_t at)
{
	char text[CLOCK_TEXT_LEN];

	if (at)
		json_text(j, key, clock_format(at, text));
	else
		json_null(j, key);
}

static void put_processes(struct json *j, const struct view *v)
{
	json_open(j, "processes", '[');
	for (size_t i = 0; i < v->process_count; i++) {
		const struct view_process *p = &v->processes[i];

		json_open(j, NULL, '{');
		json_text(j, "role", p->role);
		json_number(j, "pid", p->pid > 0 ? p->pid : 0);
		json_number(j, "restarts", p->restarts);
		if (p->earlier)
			json_number(j, "sessions", p->sessions);
		json_close(j, '}');
	}
	json_close(j, ']');
}

static void put_interfaces(struct json *j, const struct view *v)
{
	json_open(j, "interfaces", '[');
	for (size_t i = 0; i < v->iface_count; i++) {
		const struct view_iface *f = &v->ifaces[i];

		json_open(j, NULL, '{');
		json_text(j, "name", f->name);
		if (f->attached)
			json_text(j, "xdp_mode", f->native ? "native" : "generic");
		else
			json_null(j, "xdp_mode");
		json_bool(j, "dispatcher", f->dispatcher);
		json_bool(j, "attached", f->attached);
		json_text(j, "problem", f->problem);
		json_close(j, '}');
	}
	json_close(j, ']');
}

static void put_via(struct json *j, const struct addr *via)
{
	char text[ADDR_TEXT_LEN];

	if (addr_is_unspecified(via))
		json_null(j, "via");
	else
		json_text(j, "via", addr_format(via, text));
}

/* The four promised keys of a check; full also says which check it is. */
static void put_check(struct json *j, const char *key, const struct view_check *c, bool full)
{
	char word[CHECK_WORD_LEN];

	json_open(j, key, '{');
	if (full) {
		json_text(j, "type", check_type_name(c->type));
		if (c->port)
			json_number(j, "port", c->port);
		else
			json_null(j, "port");
		put_via(j, &c->via);
	}
	json_text(j, "status", words_check_up(c) ? "up" : "down");
	json_text(j, "detail", words_check_code(&c->outcome, word));
	json_fraction(j, "duration_ms", c->outcome.duration_usec / 1000.0);
	put_time(j, "since", c->since);
	json_text(j, "cause", c->outcome.detail);
	if (full) {
		json_number(j, "runs", c->runs);
		json_number(j, "failures", view_check_failures(c));
		json_number(j, "transitions", c->transitions);
	}
	json_close(j, '}');
}

static void put_checks(struct json *j, const struct view_real *r)
{
	const struct view_check *worst = words_worst(r);

	if (worst)
		put_check(j, "check", worst, false);
	else
		json_null(j, "check");
	json_open(j, "checks", '[');
	for (size_t i = 0; i < r->check_count; i++)
		put_check(j, NULL, &r->checks[i], true);
	json_close(j, ']');
}

static void put_l7(struct json *j, const struct view_l7 *l)
{
	const struct proxy_counts *c = &l->counts;

	json_open(j, "l7", '{');
	json_number(j, "current_sessions", l->current);
	json_number(j, "max_sessions", c->max_current);
	json_number(j, "sessions_total", c->sessions);
	json_number(j, "bytes_in_total", c->bytes_in);
	json_number(j, "bytes_out_total", c->bytes_out);
	json_number(j, "connect_errors_total", c->connect_errors);
	json_number(j, "response_errors_total", c->response_errors);
	json_number(j, "client_aborts_total", c->client_aborts);
	json_number(j, "timeouts_total", c->timeouts);
	json_number(j, "retries_total", c->retries);
	json_number(j, "redispatches_total", c->redispatches);
	json_number(j, "no_source_port_total", c->no_source_port);
	json_number(j, "other_source_port_total", c->other_source_port);
	json_number(j, "own_source_total", c->own_source);
	json_number(j, "refused_total", c->refused);
	json_number(j, "bad_headers_total", c->bad_header);
	json_number(j, "current_queue", l->queued);
	json_number(j, "queued_total", c->queued);
	json_number(j, "queue_timeouts_total", c->queue_timeouts);
	json_number(j, "http_requests_total", c->requests);
	json_number(j, "bad_requests_total", c->bad_requests);
	json_number(j, "denied_requests_total", c->denied);
	json_number(j, "reused_connections_total", c->reused);
	json_number(j, "tls_handshakes_total", c->handshakes);
	json_number(j, "tls_resumed_total", c->handshakes_resumed);
	json_number(j, "tls_failures_total", c->handshakes_failed);
	json_close(j, '}');
}

static void put_real(struct json *j, const struct view_service *s, const struct view_real *r)
{
	char ip[ADDR_TEXT_LEN], mac[MAC_TEXT_LEN];

	json_open(j, NULL, '{');
	json_text(j, "name", r->name);
	json_text(j, "ip", addr_format(&r->ip, ip));
	if (r->port)
		json_number(j, "port", r->port);
	else
		json_null(j, "port"); /* the one the client came to (R5, R54) */
	json_number(j, "weight", r->weight);
	json_number(j, "effective_weight", r->effective_weight);
	json_text(j, "status", real_status_name(r->status));
	json_text(j, "admin", admin_order_name(r->admin));
	json_bool(j, "backup", r->backup);
	if (r->has_mac)
		json_text(j, "mac", mac_format(r->mac, mac));
	else
		json_null(j, "mac");
	json_number(j, "max_connections", r->max_connections);
	if (!service_is_l7(s->config))
		json_bool(j, "full", r->full);
	json_number(j, "active", words_active(s, r));
	json_number(j, "inactive", r->inactive);
	json_number(j, "connections_total", r->connections);
	json_number(j, "packets_total", r->packets);
	json_number(j, "bytes_total", r->bytes);
	if (service_is_l7(s->config))
		put_l7(j, &r->l7);
	if (r->warning)
		json_text(j, "warning", r->warning);
	else
		json_null(j, "warning");
	put_checks(j, r);
	json_close(j, '}');
}

static void put_endpoints(struct json *j, const struct service_config *s)
{
	char text[ADDR_TEXT_LEN];

	json_open(j, "vip", '[');
	for (size_t i = 0; i < s->vip_count; i++)
		json_text(j, NULL, addr_format(&s->vips[i], text));
	json_close(j, ']');
	json_open(j, "ports", '[');
	for (size_t i = 0; i < s->port_range_count; i++)
		json_text(j, NULL, port_range_format(&s->ports[i], text));
	json_close(j, ']');
}

static void put_conflicts(struct json *j, const struct view_service *s)
{
	json_open(j, "conflicts", '[');
	for (size_t i = 0; i < s->conflict_count; i++) {
		const struct view_conflict *c = &s->conflicts[i];
		char vip[ADDR_TEXT_LEN], mac[MAC_TEXT_LEN];

		json_open(j, NULL, '{');
		json_text(j, "vip", addr_format(&c->vip, vip));
		json_text(j, "interface", c->interface);
		json_text(j, "mac", mac_format(c->mac, mac));
		if (c->real) {
			json_text(j, "service", c->service);
			json_text(j, "real", c->real);
		} else {
			json_null(j, "service");
			json_null(j, "real");
		}
		json_close(j, '}');
	}
	json_close(j, ']');
}

static void put_service(struct json *j, const struct view_service *s)
{
	json_open(j, NULL, '{');
	json_text(j, "name", s->name);
	json_text(j, "mode", mode_name(s->config->mode));
	if (s->config->parent)
		json_text(j, "parent", s->config->parent->name);
	put_endpoints(j, s->config);
	json_text(j, "protocol", protocol_name(s->config->protocol));
	json_text(j, "scheduler", scheduler_name(s->config->scheduler));
	json_text(j, "status", service_status_name(s->status));
	json_text(j, "reason", s->reason);
	put_conflicts(j, s);
	json_number(j, "connections_total", s->connections);
	json_number(j, "packets_total", s->packets);
	json_number(j, "bytes_total", s->bytes);
	json_number(j, "unrouted_packets_total", s->unrouted);
	json_number(j, "denied_packets_total", s->denied);
	json_number(j, "denied_connections_total", s->denied_connections);
	json_number(j, "full_packets_total", s->full);
	json_number(j, "persisted_connections_total", s->followed);
	json_number(j, "missed_packets_total", s->missed);
	json_number(j, "flood_packets_total", s->flood_packets);
	json_bool(j, "flood", s->flooded);
	if (service_is_l7(s->config))
		put_l7(j, &s->l7);
	json_open(j, "reals", '[');
	for (size_t i = 0; i < s->real_count; i++)
		put_real(j, s, &s->reals[i]);
	json_close(j, ']');
	json_close(j, '}');
}

static void put_services(struct json *j, const struct view *v)
{
	json_open(j, "services", '[');
	for (size_t i = 0; i < v->service_count; i++)
		put_service(j, &v->services[i]);
	json_close(j, ']');
}

static void put_vips(struct json *j, const struct view *v)
{
	char text[ADDR_TEXT_LEN];

	json_open(j, "vips", '[');
	for (size_t i = 0; i < v->vip_count; i++) {
		const struct view_vip *p = &v->vips[i];

		json_open(j, NULL, '{');
		json_text(j, "address", addr_format(&p->addr, text));
		json_number(j, "arp_replies_total", p->arp_replies);
		json_number(j, "nd_replies_total", p->nd_replies);
		json_number(j, "echo_replies_total", p->echo_replies);
		json_number(j, "conflicts_total", p->conflicts);
		json_close(j, '}');
	}
	json_close(j, ']');
}

/* Packets by verdict, and events, under the names of verdict.h. FORWARDED is not counted there. */
static void put_packets(struct json *j, const struct view *v)
{
	json_open(j, "verdicts", '{');
#define PUT(name, action, help)                                                                    \
	json_number(j, #name, LB_##name == LB_FORWARDED ? v->forwarded : v->verdicts[LB_##name]);
	LB_VERDICTS(PUT)
#undef PUT
	json_close(j, '}');
	json_open(j, "events", '{');
#define PUT(name, help) json_number(j, #name, v->events[LB_EVENT_##name]);
	LB_EVENTS(PUT)
#undef PUT
	json_close(j, '}');
}

static void put_flows(struct json *j, const struct view *v)
{
	static const char *const family[] = {"ipv4", "ipv6"};

	json_open(j, "flows", '{');
	for (size_t i = 0; i < 2; i++) {
		json_open(j, family[i], '{');
		json_number(j, "entries", v->flows[i].entries);
		json_number(j, "limit", v->flows[i].limit);
		json_close(j, '}');
	}
	json_close(j, '}');
}

static void put_limits(struct json *j, const struct view *v)
{
	json_open(j, "l7", '{');
	json_number(j, "processes", v->l7.processes);
	json_number(j, "maxconn", v->l7.maxconn);
	json_number(j, "limit", v->l7.limit);
	json_number(j, "current_sessions", v->l7.current);
	json_close(j, '}');
}

static void put_config(struct json *j, const struct view *v)
{
	json_open(j, "config", '{');
	json_bool(j, "last_reload_successful", v->config.last_ok);
	put_time(j, "last_success", v->config.last_success);
	json_number(j, "generation", v->config.generation);
	json_close(j, '}');
}

void render_status_json(const struct view *v, struct buf *out)
{
	struct json j = {.out = out};

	json_open(&j, NULL, '{');
	json_text(&j, "version", v->version);
	put_time(&j, "time", v->now);
	json_text(&j, "node", v->node);
	put_processes(&j, v);
	put_interfaces(&j, v);
	put_services(&j, v);
	put_vips(&j, v);
	put_packets(&j, v);
	put_flows(&j, v);
	put_limits(&j, v);
	put_config(&j, v);
	json_number(&j, "refused_rows", v->refused_rows);
	json_number(&j, "log_dropped", v->log_dropped);
	json_number(&j, "traces", v->traces);
	json_number(&j, "heartbeat_age_ms", v->heartbeat_age_msec);
	json_close(&j, '}');
	buf_puts(out, "\n");
}
