/* SPDX-License-Identifier: GPL-2.0-only */
/* The families of services, reals and checks. A plain number is a row of a table; what needs more
 * labels or more series has a function. */
#include <math.h>
#include <string.h>

#include "admin/metrics.h"
#include "admin/words.h"
#include "base/alloc.h"

/* clang-format off */
static const struct number_family service_families[] = {
	{"lbxdp_service_connections_total", "Flows given to a real of the service.",
	 METRIC_COUNTER, METRIC_FIELD(view_service, connections)},
	{"lbxdp_service_receive_packets_total", "Packets from clients sent to a real.",
	 METRIC_COUNTER, METRIC_FIELD(view_service, packets)},
	{"lbxdp_service_receive_bytes_total", "Bytes of whole frames from clients sent to a real.",
	 METRIC_COUNTER, METRIC_FIELD(view_service, bytes)},
	{"lbxdp_service_unrouted_packets_total", "Packets dropped because no real was usable.",
	 METRIC_COUNTER, METRIC_FIELD(view_service, unrouted)},
	{"lbxdp_service_denied_packets_total", "Packets dropped because the client may not use it.",
	 METRIC_COUNTER, METRIC_FIELD(view_service, denied)},
	{"lbxdp_service_full_packets_total",
	 "Packets dropped at layer 4 because every real had its max_connections.",
	 METRIC_COUNTER, METRIC_FIELD(view_service, full)},
	{"lbxdp_service_persisted_connections_total",
	 "Flows that persistence at layer 4 sent to the real that their client had before.",
	 METRIC_COUNTER, METRIC_FIELD(view_service, followed)},
	{"lbxdp_service_missed_packets_total",
	 "Packets in the middle of a flow that was not in the table.",
	 METRIC_COUNTER, METRIC_FIELD(view_service, missed)},
	{"lbxdp_service_flood_packets_total",
	 "SYNs and datagrams of new flows that a hash forwarded, because there were too many.",
	 METRIC_COUNTER, METRIC_FIELD(view_service, flood_packets)},
	{"lbxdp_service_flood",
	 "1 while new flows are not remembered, because there are too many.",
	 METRIC_GAUGE, METRIC_FIELD(view_service, flooded)},
};

static const struct number_family real_families[] = {
	{"lbxdp_real_weight", "The weight that is configured or ordered.",
	 METRIC_GAUGE, METRIC_FIELD(view_real, weight)},
	{"lbxdp_real_effective_weight", "The weight in the ring; 0 when the real gets no new flows.",
	 METRIC_GAUGE, METRIC_FIELD(view_real, effective_weight)},
	{"lbxdp_real_connections_active", "Established flows, as far as client packets show.",
	 METRIC_GAUGE, METRIC_FIELD(view_real, active)},
	{"lbxdp_real_connections_inactive", "Half-open and closing flows.",
	 METRIC_GAUGE, METRIC_FIELD(view_real, inactive)},
	{"lbxdp_real_connections_total", "Flows given to the real.",
	 METRIC_COUNTER, METRIC_FIELD(view_real, connections)},
	{"lbxdp_real_max_connections", "Connections it gets at most; 0: no limit.",
	 METRIC_GAUGE, METRIC_FIELD(view_real, max_connections)},
	{"lbxdp_real_full", "Layer 4: 1 while the real gets no new flows because it had so many.",
	 METRIC_GAUGE, METRIC_FIELD(view_real, full)},
	{"lbxdp_real_receive_packets_total", "Packets from clients sent to the real.",
	 METRIC_COUNTER, METRIC_FIELD(view_real, packets)},
	{"lbxdp_real_receive_bytes_total", "Bytes of whole frames from clients sent to the real.",
	 METRIC_COUNTER, METRIC_FIELD(view_real, bytes)},
};

static const struct number_family check_families[] = {
	{"lbxdp_check_runs_total", "Runs of the check.",
	 METRIC_COUNTER, METRIC_FIELD(view_check, runs)},
	{"lbxdp_check_transitions_total", "Times that the check changed between up and down.",
	 METRIC_COUNTER, METRIC_FIELD(view_check, transitions)},
	{"lbxdp_check_last_change_timestamp_seconds", "When the check last changed; 0 before.",
	 METRIC_GAUGE, METRIC_FIELD(view_check, since)},
};
/* clang-format on */

uint64_t metrics_field(const void *row, const struct number_family *f)
{
	uint32_t small;
	uint64_t big;

	if (f->size == sizeof(small)) {
		memcpy(&small, (const char *)row + f->offset, sizeof(small));
		return small;
	}
	memcpy(&big, (const char *)row + f->offset, sizeof(big));
	return big;
}

/* A copy of labels and one more. */
static void put_state(struct page *p, const struct buf *labels, const char *state, bool is)
{
	struct buf more = {};

	buf_append(&more, labels->at, labels->len);
	exposition_label(&more, "state", state);
	exposition_number(&p->to, buf_text(&more), is);
	buf_free(&more);
}

static void put_service_info(struct page *p, const struct view_service *s)
{
	struct buf labels = {}, list = {};

	exposition_label(&labels, "service", s->name);
	exposition_label(&labels, "mode", mode_name(s->config->mode));
	words_vips(s->config, &list);
	exposition_label(&labels, "vip", buf_text(&list));
	buf_clear(&list);
	words_ports(s->config, &list);
	exposition_label(&labels, "ports", buf_text(&list));
	exposition_label(&labels, "protocol", protocol_name(s->config->protocol));
	exposition_label(&labels, "scheduler", scheduler_name(s->config->scheduler));
	exposition_number(&p->to, buf_text(&labels), 1);
	buf_free(&list);
	buf_free(&labels);
}

static void put_service_states(struct page *p, const struct view_service *s)
{
	struct buf labels = {};

	exposition_label(&labels, "service", s->name);
	for (unsigned int state = SERVICE_HEALTHY; state <= SERVICE_REDIRECT; state++)
		put_state(p, &labels, service_status_name(state), s->status == state);
	buf_free(&labels);
}

static void put_service_number(struct page *p, const struct view_service *s,
			       const struct number_family *f)
{
	struct buf labels = {};

	exposition_label(&labels, "service", s->name);
	exposition_number(&p->to, buf_text(&labels), metrics_field(s, f));
	buf_free(&labels);
}

void metrics_services(struct page *p)
{
	const struct view *v = p->view;

	exposition_family(&p->to, "lbxdp_service_info", METRIC_INFO,
			  "What a service is; always 1.");
	for (size_t i = 0; i < v->service_count; i++)
		put_service_info(p, &v->services[i]);
	exposition_family(&p->to, "lbxdp_service_status", METRIC_GAUGE,
			  "1 for the state the service is in, 0 for the others.");
	for (size_t i = 0; i < v->service_count; i++)
		put_service_states(p, &v->services[i]);
	for (size_t f = 0; f < ARRAY_COUNT(service_families); f++) {
		exposition_family(&p->to, service_families[f].name, service_families[f].type,
				  service_families[f].help);
		for (size_t i = 0; i < v->service_count; i++)
			put_service_number(p, &v->services[i], &service_families[f]);
	}
}

typedef void real_fn(struct page *p, const struct view_real *r, const struct buf *labels,
		     const void *arg);

static void each_real(struct page *p, real_fn *fn, const void *arg)
{
	const struct view *v = p->view;
	size_t n = 0;

	for (size_t i = 0; i < v->service_count; i++)
		for (size_t r = 0; r < v->services[i].real_count; r++)
			fn(p, &v->services[i].reals[r], &p->real_labels[n++], arg);
}

static void real_states(struct page *p, const struct view_real *r, const struct buf *labels,
			const void *arg)
{
	for (unsigned int state = REAL_UP; state <= REAL_HALT; state++)
		put_state(p, labels, real_status_name(state), r->status == state);
}

static void real_info(struct page *p, const struct view_real *r, const struct buf *labels,
		      const void *arg)
{
	char ip[ADDR_TEXT_LEN], mac[MAC_TEXT_LEN] = "";
	struct buf more = {};

	buf_append(&more, labels->at, labels->len);
	exposition_label(&more, "address", addr_format(&r->ip, ip));
	exposition_label(&more, "mac", r->has_mac ? mac_format(r->mac, mac) : "");
	exposition_number(&p->to, buf_text(&more), 1);
	buf_free(&more);
}

static void real_number(struct page *p, const struct view_real *r, const struct buf *labels,
			const void *arg)
{
	exposition_number(&p->to, buf_text(labels), metrics_field(r, arg));
}

void metrics_reals(struct page *p)
{
	exposition_family(&p->to, "lbxdp_real_info", METRIC_INFO, "What a real is; always 1.");
	each_real(p, real_info, NULL);
	exposition_family(&p->to, "lbxdp_real_status", METRIC_GAUGE,
			  "1 for the state the real is in, 0 for the others.");
	each_real(p, real_states, NULL);
	for (size_t f = 0; f < ARRAY_COUNT(real_families); f++) {
		exposition_family(&p->to, real_families[f].name, real_families[f].type,
				  real_families[f].help);
		each_real(p, real_number, &real_families[f]);
	}
}

static void check_labels(const struct view_real *r, size_t index, const struct buf *labels,
			 struct buf *more)
{
	char label[CHECK_LABEL_LEN];

	buf_clear(more);
	buf_append(more, labels->at, labels->len);
	exposition_label(more, "check", words_check_label(r, index, label));
}

static void check_up(struct page *p, const struct view_real *r, const struct buf *labels,
		     const void *arg)
{
	struct buf more = {};

	for (size_t i = 0; i < r->check_count; i++) {
		check_labels(r, i, labels, &more);
		exposition_number(&p->to, buf_text(&more), words_check_up(&r->checks[i]));
	}
	buf_free(&more);
}

static void check_number(struct page *p, const struct view_real *r, const struct buf *labels,
			 const void *arg)
{
	struct buf more = {};

	for (size_t i = 0; i < r->check_count; i++) {
		check_labels(r, i, labels, &more);
		exposition_number(&p->to, buf_text(&more), metrics_field(&r->checks[i], arg));
	}
	buf_free(&more);
}

/* A series for each code that the check has come to. */
static void check_failures(struct page *p, const struct view_real *r, const struct buf *labels,
			   const void *arg)
{
	struct buf more = {};

	for (size_t i = 0; i < r->check_count; i++)
		for (unsigned int c = 0; c < CHECK_CODE_COUNT; c++) {
			if (!r->checks[i].failures[c])
				continue;
			check_labels(r, i, labels, &more);
			exposition_label(&more, "code", check_code_name(c));
			exposition_number(&p->to, buf_text(&more), r->checks[i].failures[c]);
		}
	buf_free(&more);
}

struct histogram {
	uint64_t bucket[VIEW_DURATION_BUCKETS];
	double sum;
};

/* The index-th check of all reals of a service; the first real that has it names it. */
static bool gather(const struct view_service *s, size_t index, struct histogram *h, char *label)
{
	bool found = false;

	*h = (struct histogram){};
	for (size_t r = 0; r < s->real_count; r++) {
		const struct view_real *real = &s->reals[r];

		if (index >= real->check_count)
			continue;
		if (!found)
			words_check_label(real, index, label);
		found = true;
		h->sum += real->checks[index].duration_sum;
		for (size_t b = 0; b < VIEW_DURATION_BUCKETS; b++)
			h->bucket[b] += real->checks[index].duration_bucket[b];
	}
	return found;
}

static void service_histograms(struct page *p, const struct view_service *s)
{
	char label[CHECK_LABEL_LEN];
	struct histogram h;

	for (size_t i = 0; gather(s, i, &h, label); i++) {
		struct buf labels = {};

		exposition_label(&labels, "service", s->name);
		exposition_label(&labels, "check", label);
		exposition_histogram(&p->to, buf_text(&labels), view_duration_bounds, h.bucket,
				     VIEW_DURATION_BUCKETS, h.sum);
		buf_free(&labels);
	}
}

void metrics_checks(struct page *p)
{
	exposition_family(&p->to, "lbxdp_check_up", METRIC_GAUGE,
			  "1 when the check holds the real up.");
	each_real(p, check_up, NULL);
	for (size_t f = 0; f < ARRAY_COUNT(check_families); f++) {
		exposition_family(&p->to, check_families[f].name, check_families[f].type,
				  check_families[f].help);
		each_real(p, check_number, &check_families[f]);
	}
	exposition_family(&p->to, "lbxdp_check_failures_total", METRIC_COUNTER,
			  "Runs of the check that failed, by what they came to.");
	each_real(p, check_failures, NULL);
	exposition_family(&p->to, "lbxdp_check_duration_seconds", METRIC_HISTOGRAM,
			  "How long runs of the check took, over all reals of the service.");
	for (size_t i = 0; i < p->view->service_count; i++)
		service_histograms(p, &p->view->services[i]);
}
