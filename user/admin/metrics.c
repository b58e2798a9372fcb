/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What Prometheus gets: what is of the whole node. A state is one series a state with 0 or
 * 1; drop reasons are the names of verdict.h; no label ever holds a client's address.
 */
#include "admin/metrics.h"

#include <linux/bpf.h>
#include <stdlib.h>
#include <string.h>

#include "admin/admin.h"
#include "base/alloc.h"

static void put_build(struct page *p)
{
	struct buf labels = {};

	exposition_label(&labels, "version", p->view->version);
	exposition_label(&labels, "commit", p->view->commit);
	exposition_label(&labels, "libbpf", p->view->libbpf);
	exposition_label(&labels, "openssl", p->view->openssl);
	exposition_family(&p->to, "lbxdp_build_info", METRIC_INFO,
			  "The version that is running; always 1.");
	exposition_number(&p->to, buf_text(&labels), 1);
	buf_free(&labels);
}

static void put_interfaces(struct page *p)
{
	const struct view *v = p->view;

	exposition_family(&p->to, "lbxdp_xdp_attached", METRIC_GAUGE,
			  "1 when the data plane is attached to the interface.");
	for (size_t i = 0; i < v->iface_count; i++) {
		struct buf labels = {};

		exposition_label(&labels, "interface", v->ifaces[i].name);
		exposition_label(&labels, "mode", v->ifaces[i].native ? "native" : "generic");
		exposition_number(&p->to, buf_text(&labels), v->ifaces[i].attached);
		buf_free(&labels);
	}
}

static const struct {
	const char *name, *help;
	int action;
} verdicts[] = {
#define ROW(name, action, help) {#name, help, action},
	LB_VERDICTS(ROW)
#undef ROW
};

static uint64_t verdict_count(const struct view *v, size_t i)
{
	return i == LB_FORWARDED ? v->forwarded : v->verdicts[i];
}

/* "NO_REAL" as the label value "no_real". */
static const char *lower(const char *name, char text[32])
{
	size_t i = 0;

	for (; name[i] && i < 31; i++)
		text[i] = name[i] >= 'A' && name[i] <= 'Z' ? name[i] - 'A' + 'a' : name[i];
	text[i] = '\0';
	return text;
}

static void put_named(struct page *p, const char *key, const char *name, uint64_t value)
{
	struct buf labels = {};
	char text[32];

	exposition_label(&labels, key, lower(name, text));
	exposition_number(&p->to, buf_text(&labels), value);
	buf_free(&labels);
}

static void put_actions(struct page *p)
{
	static const struct {
		int action;
		const char *name;
	} actions[] = {
		{XDP_PASS, "pass"},
		{XDP_TX,   "tx"  },
		{XDP_DROP, "drop"},
	};

	exposition_family(&p->to, "lbxdp_xdp_packets_total", METRIC_COUNTER,
			  "Packets by XDP action; tx holds those redirected to another interface.");
	for (size_t a = 0; a < ARRAY_COUNT(actions); a++) {
		uint64_t sum = 0;

		for (size_t i = 0; i < ARRAY_COUNT(verdicts); i++)
			if (verdicts[i].action == actions[a].action)
				sum += verdict_count(p->view, i);
		put_named(p, "action", actions[a].name, sum);
	}
}

static void put_verdicts(struct page *p)
{
	static const char *const events[] = {
#define ROW(name, help) #name,
		LB_EVENTS(ROW)
#undef ROW
	};

	put_actions(p);
	exposition_family(&p->to, "lbxdp_verdict_packets_total", METRIC_COUNTER,
			  "Packets by verdict; every packet ends in exactly one.");
	for (size_t i = 0; i < ARRAY_COUNT(verdicts); i++)
		put_named(p, "verdict", verdicts[i].name, verdict_count(p->view, i));
	exposition_family(&p->to, "lbxdp_drop_packets_total", METRIC_COUNTER,
			  "Packets dropped, by reason.");
	for (size_t i = 0; i < ARRAY_COUNT(verdicts); i++)
		if (verdicts[i].action == XDP_DROP)
			put_named(p, "reason", verdicts[i].name, verdict_count(p->view, i));
	exposition_family(&p->to, "lbxdp_flow_events_total", METRIC_COUNTER,
			  "What happened to flows on the way, by event.");
	for (size_t i = 0; i < ARRAY_COUNT(events); i++)
		put_named(p, "event", events[i], p->view->events[i]);
}

static void put_flows(struct page *p)
{
	static const char *const family[] = {"ipv4", "ipv6"};
	const uint64_t *e = p->view->events;

	exposition_family(&p->to, "lbxdp_flow_entries", METRIC_GAUGE,
			  "Entries of the established flow table.");
	for (size_t i = 0; i < 2; i++)
		put_named(p, "family", family[i], p->view->flows[i].entries);
	exposition_family(&p->to, "lbxdp_flow_entries_limit", METRIC_GAUGE,
			  "Size of the established flow table.");
	for (size_t i = 0; i < 2; i++)
		put_named(p, "family", family[i], p->view->flows[i].limit);
	exposition_family(&p->to, "lbxdp_flow_misses_total", METRIC_COUNTER,
			  "Packets in the middle of a flow that no table knows.");
	exposition_number(&p->to, NULL, e[LB_EVENT_FLOW_MISS]);
	exposition_family(&p->to, "lbxdp_flow_stateless_total", METRIC_COUNTER,
			  "Packets sent to a real without a flow entry, by reason.");
	put_named(p, "reason", "miss", e[LB_EVENT_FLOW_MISS]);
	put_named(p, "reason", "flood", e[LB_EVENT_FLOOD]);
	put_named(p, "reason", "table_full", e[LB_EVENT_TABLE_FULL]);
	put_named(p, "reason", "half_open_failed", e[LB_EVENT_HALF_OPEN_FAILED]);
}

#define OF_VIP(member) offsetof(struct view_vip, member)

static const struct {
	const char *name;
	enum metric_type type;
	size_t offset;
	const char *help;
} vip_families[] = {
	{"lbxdp_arp_replies_total",   METRIC_COUNTER, OF_VIP(arp_replies),
	 "ARP requests for the VIP that were answered."                  },
	{"lbxdp_nd_replies_total",    METRIC_COUNTER, OF_VIP(nd_replies),
	 "Neighbour solicitations for the VIP that were answered."       },
	{"lbxdp_echo_replies_total",  METRIC_COUNTER, OF_VIP(echo_replies),
	 "Pings of the VIP that were answered."                          },
	{"lbxdp_vip_conflicts_total", METRIC_COUNTER, OF_VIP(conflicts),
	 "Frames in which another host claimed the VIP."                 },
	{"lbxdp_vip_conflict_hosts",  METRIC_GAUGE,   OF_VIP(rivals),
	 "Other hosts that hold the VIP, as of the last minute's asking."},
};

static void put_vips(struct page *p)
{
	const struct view *v = p->view;

	for (size_t f = 0; f < ARRAY_COUNT(vip_families); f++) {
		exposition_family(&p->to, vip_families[f].name, vip_families[f].type,
				  vip_families[f].help);
		for (size_t i = 0; i < v->vip_count; i++) {
			const char *row = (const char *)&v->vips[i];
			char text[ADDR_TEXT_LEN];
			uint64_t value;

			memcpy(&value, row + vip_families[f].offset, sizeof(value));
			put_named(p, "vip", addr_format(&v->vips[i].addr, text), value);
		}
	}
}

static void put_one(struct page *p, const char *name, enum metric_type t, const char *help,
		    double value)
{
	exposition_family(&p->to, name, t, help);
	exposition_fraction(&p->to, NULL, value);
}

static void put_config(struct page *p)
{
	const struct view *v = p->view;

	put_one(p, "lbxdp_config_last_reload_successful", METRIC_GAUGE,
		"1 when the last reload was accepted.", v->config.last_ok);
	put_one(p, "lbxdp_config_last_reload_success_timestamp_seconds", METRIC_GAUGE,
		"When a configuration was last accepted.", v->config.last_success);
	put_one(p, "lbxdp_config_generation", METRIC_GAUGE,
		"Counts the configurations accepted since the daemon started.",
		v->config.generation);
	put_one(p, "lbxdp_plan_refused_rows", METRIC_GAUGE,
		"Rows that the kernel refused and that are tried again.", v->refused_rows);
	put_one(p, "lbxdp_trace_viewers", METRIC_GAUGE,
		"Running `lbxdp trace`; while there are any, packets take the longer way.",
		v->traces);
	put_one(p, "lbxdp_log_dropped_total", METRIC_COUNTER,
		"Log lines that could not be written.", v->log_dropped);
	put_one(p, "lbxdp_heartbeat_age_seconds", METRIC_GAUGE,
		"Since the daemon last refreshed what the data plane goes by.",
		v->heartbeat_age_msec / 1e3);
}

/* Processes of one role follow one another and are counted together. */
static void put_restarts(struct page *p)
{
	const struct view *v = p->view;
	uint64_t sum = 0;

	for (size_t i = 0; i < v->process_count; i++) {
		const char *role = v->processes[i].role;

		if (v->processes[i].earlier)
			break; /* they come last, and nobody starts them again */
		sum += v->processes[i].restarts;
		if (i + 1 < v->process_count && !strcmp(role, v->processes[i + 1].role))
			continue;
		put_named(p, "role", role, sum);
		sum = 0;
	}
}

static void put_processes(struct page *p)
{
	const struct view *v = p->view;

	exposition_family(&p->to, "lbxdp_process_restarts_total", METRIC_COUNTER,
			  "Times that a process of the daemon had to be started again.");
	put_restarts(p);
	put_one(p, "process_cpu_seconds_total", METRIC_COUNTER,
		"CPU time of the main process, user and system.", v->process.cpu_seconds);
	put_one(p, "process_resident_memory_bytes", METRIC_GAUGE,
		"Resident memory of the main process.", v->process.resident_bytes);
	put_one(p, "process_open_fds", METRIC_GAUGE, "Open descriptors of the main process.",
		v->process.open_fds);
	put_one(p, "process_max_fds", METRIC_GAUGE,
		"Most descriptors that the main process may open.", v->process.max_fds);
	put_one(p, "process_start_time_seconds", METRIC_GAUGE,
		"When the main process started, since the epoch.", v->process.start_time);
}

/* Labels of each real, made once and used by every family. */
static void label_reals(struct page *p)
{
	const struct view *v = p->view;
	size_t count = 0, n = 0;

	for (size_t i = 0; i < v->service_count; i++)
		count += v->services[i].real_count;
	p->real_labels = xcalloc(count + 1, sizeof(*p->real_labels));
	for (size_t i = 0; i < v->service_count; i++)
		for (size_t r = 0; r < v->services[i].real_count; r++) {
			struct buf *labels = &p->real_labels[n++];

			exposition_label(labels, "service", v->services[i].name);
			exposition_label(labels, "real", v->services[i].reals[r].name);
		}
	p->real_count = n;
}

void render_metrics(const struct view *v, bool openmetrics, struct buf *out)
{
	struct page p = {
		.to = {.out = out, .openmetrics = openmetrics},
                  .view = v
        };

	label_reals(&p);
	put_build(&p);
	put_interfaces(&p);
	put_verdicts(&p);
	put_vips(&p);
	metrics_services(&p);
	metrics_reals(&p);
	metrics_checks(&p);
	metrics_l7(&p);
	put_flows(&p);
	put_config(&p);
	put_processes(&p);
	exposition_end(&p.to);
	for (size_t i = 0; i < p.real_count; i++)
		buf_free(&p.real_labels[i]);
	free(p.real_labels);
}
