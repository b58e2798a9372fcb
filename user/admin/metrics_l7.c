/* SPDX-License-Identifier: GPL-2.0-only */
/* The families of layer 7, after HAProxy's: those of its frontends and backends by service, those
 * of its servers by real. */
#include "admin/metrics.h"

#include "base/alloc.h"

/* clang-format off */
static const struct number_family service_families[] = {
	{"lbxdp_l7_service_sessions_total", "Sessions of the service.",
	 METRIC_COUNTER, METRIC_FIELD(view_l7, counts.sessions)},
	{"lbxdp_l7_service_current_sessions", "Sessions that run now.",
	 METRIC_GAUGE, METRIC_FIELD(view_l7, current)},
	{"lbxdp_l7_service_max_sessions", "The most sessions at a time.",
	 METRIC_GAUGE, METRIC_FIELD(view_l7, counts.max_current)},
	{"lbxdp_l7_service_limit_sessions", "The most sessions that are taken at a time.",
	 METRIC_GAUGE, METRIC_FIELD(view_l7, limit)},
	{"lbxdp_l7_service_current_session_rate", "New sessions in the last second.",
	 METRIC_GAUGE, METRIC_FIELD(view_l7, rate)},
	{"lbxdp_l7_service_max_session_rate", "The most new sessions in a second.",
	 METRIC_GAUGE, METRIC_FIELD(view_l7, max_rate)},
	{"lbxdp_l7_service_bytes_in_total", "Bytes from clients.",
	 METRIC_COUNTER, METRIC_FIELD(view_l7, counts.bytes_in)},
	{"lbxdp_l7_service_bytes_out_total", "Bytes to clients.",
	 METRIC_COUNTER, METRIC_FIELD(view_l7, counts.bytes_out)},
	{"lbxdp_l7_service_connect_errors_total", "Connects to a real that failed.",
	 METRIC_COUNTER, METRIC_FIELD(view_l7, counts.connect_errors)},
	{"lbxdp_l7_service_response_errors_total", "Sessions that a real broke off.",
	 METRIC_COUNTER, METRIC_FIELD(view_l7, counts.response_errors)},
	{"lbxdp_l7_service_client_aborts_total", "Sessions that the client broke off.",
	 METRIC_COUNTER, METRIC_FIELD(view_l7, counts.client_aborts)},
	{"lbxdp_l7_service_timeouts_total", "Sessions that a timeout ended.",
	 METRIC_COUNTER, METRIC_FIELD(view_l7, counts.timeouts)},
	{"lbxdp_l7_service_retries_total", "Connects tried again on the same real.",
	 METRIC_COUNTER, METRIC_FIELD(view_l7, counts.retries)},
	{"lbxdp_l7_service_redispatches_total", "Connects tried again on another real.",
	 METRIC_COUNTER, METRIC_FIELD(view_l7, counts.redispatches)},
	{"lbxdp_l7_service_no_source_port_total", "Connects for which no source port was free.",
	 METRIC_COUNTER, METRIC_FIELD(view_l7, counts.no_source_port)},
	{"lbxdp_l7_service_other_source_port_total",
	 "Connects from another port than the client's, which was taken (source: client).",
	 METRIC_COUNTER, METRIC_FIELD(view_l7, counts.other_source_port)},
	{"lbxdp_l7_service_own_source_total",
	 "Connects from this host's own address, as client and real server differ in IP version "
	 "(source: client).",
	 METRIC_COUNTER, METRIC_FIELD(view_l7, counts.own_source)},
	{"lbxdp_l7_service_refused_total",
	 "Clients turned away: no usable real, or the limit was reached.",
	 METRIC_COUNTER, METRIC_FIELD(view_l7, counts.refused)},
	{"lbxdp_l7_service_bad_headers_total", "Clients whose PROXY header was missing or wrong.",
	 METRIC_COUNTER, METRIC_FIELD(view_l7, counts.bad_header)},
	{"lbxdp_l7_service_current_queue", "Sessions that wait for a place at a real.",
	 METRIC_GAUGE, METRIC_FIELD(view_l7, queued)},
	{"lbxdp_l7_service_max_queue", "The most that waited at a time.",
	 METRIC_GAUGE, METRIC_FIELD(view_l7, counts.max_queued)},
	{"lbxdp_l7_service_queued_total", "Sessions and requests that had to wait.",
	 METRIC_COUNTER, METRIC_FIELD(view_l7, counts.queued)},
	{"lbxdp_l7_service_queue_timeouts_total", "Those that waited in vain.",
	 METRIC_COUNTER, METRIC_FIELD(view_l7, counts.queue_timeouts)},
	{"lbxdp_l7_service_http_requests_total", "HTTP requests.",
	 METRIC_COUNTER, METRIC_FIELD(view_l7, counts.requests)},
	{"lbxdp_l7_service_denied_requests_total", "HTTP requests that a route denies.",
	 METRIC_COUNTER, METRIC_FIELD(view_l7, counts.denied)},
	{"lbxdp_l7_service_bad_requests_total", "HTTP requests that were refused.",
	 METRIC_COUNTER, METRIC_FIELD(view_l7, counts.bad_requests)},
	{"lbxdp_l7_service_reused_connections_total",
	 "HTTP requests that went by a connection that was there.",
	 METRIC_COUNTER, METRIC_FIELD(view_l7, counts.reused)},
	{"lbxdp_l7_service_tls_handshakes_total", "TLS handshakes with clients.",
	 METRIC_COUNTER, METRIC_FIELD(view_l7, counts.handshakes)},
	{"lbxdp_l7_service_tls_resumed_total", "Those that resumed a session.",
	 METRIC_COUNTER, METRIC_FIELD(view_l7, counts.handshakes_resumed)},
	{"lbxdp_l7_service_tls_failures_total", "TLS handshakes with clients that failed.",
	 METRIC_COUNTER, METRIC_FIELD(view_l7, counts.handshakes_failed)},
};

static const struct number_family real_families[] = {
	{"lbxdp_l7_real_sessions_total", "Sessions given to the real.",
	 METRIC_COUNTER, METRIC_FIELD(view_l7, counts.sessions)},
	{"lbxdp_l7_real_current_sessions", "Sessions that run now.",
	 METRIC_GAUGE, METRIC_FIELD(view_l7, current)},
	{"lbxdp_l7_real_max_sessions", "The most sessions at a time.",
	 METRIC_GAUGE, METRIC_FIELD(view_l7, counts.max_current)},
	{"lbxdp_l7_real_limit_sessions", "The most sessions that it gets at a time; 0 without a limit.",
	 METRIC_GAUGE, METRIC_FIELD(view_l7, limit)},
	{"lbxdp_l7_real_current_session_rate", "New sessions in the last second.",
	 METRIC_GAUGE, METRIC_FIELD(view_l7, rate)},
	{"lbxdp_l7_real_max_session_rate", "The most new sessions in a second.",
	 METRIC_GAUGE, METRIC_FIELD(view_l7, max_rate)},
	{"lbxdp_l7_real_bytes_in_total", "Bytes from clients.",
	 METRIC_COUNTER, METRIC_FIELD(view_l7, counts.bytes_in)},
	{"lbxdp_l7_real_bytes_out_total", "Bytes to clients.",
	 METRIC_COUNTER, METRIC_FIELD(view_l7, counts.bytes_out)},
	{"lbxdp_l7_real_connect_errors_total", "Connects to the real that failed.",
	 METRIC_COUNTER, METRIC_FIELD(view_l7, counts.connect_errors)},
	{"lbxdp_l7_real_response_errors_total", "Sessions that the real broke off.",
	 METRIC_COUNTER, METRIC_FIELD(view_l7, counts.response_errors)},
	{"lbxdp_l7_real_client_aborts_total", "Sessions that the client broke off.",
	 METRIC_COUNTER, METRIC_FIELD(view_l7, counts.client_aborts)},
	{"lbxdp_l7_real_timeouts_total", "Sessions that a timeout ended.",
	 METRIC_COUNTER, METRIC_FIELD(view_l7, counts.timeouts)},
	{"lbxdp_l7_real_retries_total", "Connects tried again on the real.",
	 METRIC_COUNTER, METRIC_FIELD(view_l7, counts.retries)},
	{"lbxdp_l7_real_redispatches_total", "Connects taken from the real to another.",
	 METRIC_COUNTER, METRIC_FIELD(view_l7, counts.redispatches)},
	{"lbxdp_l7_real_no_source_port_total", "Connects for which no source port was free.",
	 METRIC_COUNTER, METRIC_FIELD(view_l7, counts.no_source_port)},
	{"lbxdp_l7_real_current_queue", "Sessions that wait for a place at the real.",
	 METRIC_GAUGE, METRIC_FIELD(view_l7, queued)},
	{"lbxdp_l7_real_other_source_port_total",
	 "Connects with the client's address whose port was taken.",
	 METRIC_COUNTER, METRIC_FIELD(view_l7, counts.other_source_port)},
	{"lbxdp_l7_real_http_requests_total", "HTTP requests given to the real.",
	 METRIC_COUNTER, METRIC_FIELD(view_l7, counts.requests)},
	{"lbxdp_l7_real_reused_connections_total",
	 "HTTP requests that went by a connection that was there.",
	 METRIC_COUNTER, METRIC_FIELD(view_l7, counts.reused)},
	{"lbxdp_l7_real_tls_handshakes_total", "TLS handshakes with the real.",
	 METRIC_COUNTER, METRIC_FIELD(view_l7, counts.handshakes)},
	{"lbxdp_l7_real_tls_resumed_total", "Those that resumed a session.",
	 METRIC_COUNTER, METRIC_FIELD(view_l7, counts.handshakes_resumed)},
	{"lbxdp_l7_real_tls_failures_total", "TLS handshakes with the real that failed.",
	 METRIC_COUNTER, METRIC_FIELD(view_l7, counts.handshakes_failed)},
	{"lbxdp_l7_real_own_source_total",
	 "Connects from this host's own address, as client and real server differ in IP version "
	 "(source: client).",
	 METRIC_COUNTER, METRIC_FIELD(view_l7, counts.own_source)},
	{"lbxdp_l7_real_unanswered_connects",
	 "Connects in a row that no answer came back to (source: client).",
	 METRIC_GAUGE, METRIC_FIELD(view_l7, counts.unanswered)},
};

static const struct number_family process_families[] = {
	{"lbxdp_l7_max_sockets", "Descriptors that sessions and listeners may take.",
	 METRIC_GAUGE, METRIC_FIELD(proxy_vitals, sockets)},
	{"lbxdp_l7_max_pipes", "Pipes for splice(2) that there may be.",
	 METRIC_GAUGE, METRIC_FIELD(proxy_vitals, pipes_max)},
	{"lbxdp_l7_pipes_used", "Pipes that sessions have now.",
	 METRIC_GAUGE, METRIC_FIELD(proxy_vitals, pipes_used)},
	{"lbxdp_l7_pipes_free", "Pipes that wait for a session.",
	 METRIC_GAUGE, METRIC_FIELD(proxy_vitals, pipes_free)},
	{"lbxdp_l7_tasks", "Sockets and sessions of the processes.",
	 METRIC_GAUGE, METRIC_FIELD(proxy_vitals, tasks)},
	{"lbxdp_l7_running_tasks", "Of them, those that one round of the loop had work for.",
	 METRIC_GAUGE, METRIC_FIELD(proxy_vitals, running)},
};
/* clang-format on */

static void put_number(struct page *p, const char *name, const char *help, uint64_t value)
{
	exposition_family(&p->to, name, METRIC_GAUGE, help);
	exposition_number(&p->to, NULL, value);
}

/* All together; idle is the mean. */
static void put_processes(struct page *p)
{
	const struct proxy_vitals *sum = &p->view->l7.sum;

	put_number(p, "lbxdp_l7_processes", "Proxy processes.", p->view->l7.processes);
	for (size_t i = 0; i < ARRAY_COUNT(process_families); i++)
		put_number(p, process_families[i].name, process_families[i].help,
			   metrics_field(sum, &process_families[i]));
	exposition_family(&p->to, "lbxdp_l7_idle_ratio", METRIC_GAUGE,
			  "The part of the last second in which they had nothing to do.");
	exposition_fraction(&p->to, NULL, (1000 - sum->busy) / 1e3);
}

/* Of services only: nobody comes to their routes. */
static void put_denied(struct page *p)
{
	exposition_family(&p->to, "lbxdp_l7_service_denied_connections_total", METRIC_COUNTER,
			  "Connections that the service's list refused before there was a socket; "
			  "each new try counts.");
	for (size_t i = 0; i < p->view->service_count; i++) {
		const struct view_service *s = &p->view->services[i];
		struct buf labels = {};

		if (!service_is_l7(s->config) || s->config->parent)
			continue;
		exposition_label(&labels, "service", s->name);
		exposition_number(&p->to, buf_text(&labels), s->denied_connections);
		buf_free(&labels);
	}
}

static void put_services(struct page *p, const struct number_family *f)
{
	exposition_family(&p->to, f->name, f->type, f->help);
	for (size_t i = 0; i < p->view->service_count; i++) {
		const struct view_service *s = &p->view->services[i];
		struct buf labels = {};

		if (!service_is_l7(s->config))
			continue;
		exposition_label(&labels, "service", s->name);
		exposition_number(&p->to, buf_text(&labels), metrics_field(&s->l7, f));
		buf_free(&labels);
	}
}

/* The labels of all reals, also those of layer 4, stand in the order of the view. */
static void put_reals(struct page *p, const struct number_family *f)
{
	const struct buf *labels = p->real_labels;

	exposition_family(&p->to, f->name, f->type, f->help);
	for (size_t i = 0; i < p->view->service_count; i++) {
		const struct view_service *s = &p->view->services[i];

		for (size_t r = 0; r < s->real_count; r++, labels++)
			if (service_is_l7(s->config))
				exposition_number(&p->to, buf_text(labels),
						  metrics_field(&s->reals[r].l7, f));
	}
}

/* By class, as HAProxy names them. */
static void put_answers(struct page *p)
{
	static const char *const code[] = {"other", "1xx", "2xx", "3xx", "4xx", "5xx"};

	exposition_family(&p->to, "lbxdp_l7_service_http_responses_total", METRIC_COUNTER,
			  "HTTP responses as clients got them.");
	for (size_t i = 0; i < p->view->service_count; i++) {
		const struct view_service *s = &p->view->services[i];

		for (size_t c = 0; s->config->mode == MODE_L7_HTTP && c < ARRAY_COUNT(code); c++) {
			struct buf labels = {};

			exposition_label(&labels, "service", s->name);
			exposition_label(&labels, "code", code[c]);
			exposition_number(&p->to, buf_text(&labels), s->l7.counts.answers[c]);
			buf_free(&labels);
		}
	}
}

static void put_histogram(struct page *p, const struct buf *labels, const struct proxy_histogram *h)
{
	static const double msec[] = PROXY_BOUNDS;
	double bounds[ARRAY_COUNT(msec)];

	for (size_t i = 0; i < ARRAY_COUNT(msec); i++)
		bounds[i] = msec[i] / 1e3;
	exposition_histogram(&p->to, buf_text(labels), bounds, h->bucket, PROXY_BUCKETS,
			     h->sum / 1e6);
}

/* Of each real: their sum is the service's. */
static void put_times(struct page *p, const char *name, const char *help, size_t offset,
		      bool http_only)
{
	const struct buf *labels = p->real_labels;

	exposition_family(&p->to, name, METRIC_HISTOGRAM, help);
	for (size_t i = 0; i < p->view->service_count; i++) {
		const struct view_service *s = &p->view->services[i];
		bool wanted =
			http_only ? s->config->mode == MODE_L7_HTTP : service_is_l7(s->config);

		for (size_t r = 0; r < s->real_count; r++, labels++)
			if (wanted)
				put_histogram(
					p, labels,
					(const void *)((const char *)&s->reals[r].l7 + offset));
	}
}

static void put_earlier(struct page *p)
{
	uint64_t processes = 0, sessions = 0;

	for (size_t i = 0; i < p->view->process_count; i++) {
		processes += p->view->processes[i].earlier;
		sessions += p->view->processes[i].sessions;
	}
	put_number(p, "lbxdp_l7_earlier_processes",
		   "Proxy processes of an earlier main, which finish their sessions.", processes);
	put_number(p, "lbxdp_l7_earlier_sessions", "Sessions that they still have.", sessions);
}

void metrics_l7(struct page *p)
{
	put_processes(p);
	put_earlier(p);
	put_number(p, "lbxdp_l7_maxconn", "The most sessions, as configured.", p->view->l7.maxconn);
	put_number(p, "lbxdp_l7_limit_sessions", "The most sessions that are taken.",
		   p->view->l7.limit);
	put_number(p, "lbxdp_l7_current_sessions", "Sessions of all services that run now.",
		   p->view->l7.current);
	for (size_t i = 0; i < ARRAY_COUNT(service_families); i++)
		put_services(p, &service_families[i]);
	for (size_t i = 0; i < ARRAY_COUNT(real_families); i++)
		put_reals(p, &real_families[i]);
	put_denied(p);
	put_answers(p);
	put_times(p, "lbxdp_l7_real_connect_seconds", "How long connects to the real took.",
		  offsetof(struct view_l7, counts.connect_time), false);
	put_times(p, "lbxdp_l7_real_response_seconds",
		  "From a whole HTTP request to the first byte of its answer.",
		  offsetof(struct view_l7, counts.response_time), true);
}
