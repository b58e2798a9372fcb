/* SPDX-License-Identifier: GPL-2.0-only */
/* A made-up view for tests of what operators see: two services, four reals, one of them down. */
#ifndef TESTS_UNIT_VIEW_SAMPLE_H
#define TESTS_UNIT_VIEW_SAMPLE_H

#include <string.h>

#include "core/view.h"

enum { SAMPLE_NOW = 1700000000 };

static const struct port_range sample_https_ports[] = {
	{443, 443}
};
static const struct port_range sample_imap_ports[] = {
	{143,  143 },
        {1000, 1010}
};

static inline struct addr sample_addr(const char *text)
{
	struct addr a = {};

	(void)addr_parse(&a, text); /* the tests' own literals */
	return a;
}

static inline struct view_check *sample_check(struct arena *a, enum check_type type, uint16_t port,
					      enum check_code code)
{
	struct view_check *c = arena_alloc(a, 1, sizeof(*c));

	c->type = type;
	c->port = port;
	c->health = check_code_passed(code) ? HEALTH_UP : HEALTH_DOWN;
	c->outcome.code = code;
	c->outcome.duration_usec = 12345;
	c->since = SAMPLE_NOW - 93;
	c->runs = 10;
	c->failures[CHECK_CODE_L7STS] = 3;
	c->transitions = 1;
	c->duration_bucket[4] = 9;
	c->duration_bucket[VIEW_DURATION_BUCKETS - 1] = 1;
	c->duration_sum = 3.5;
	return c;
}

static inline void sample_real(struct view_real *r, const char *name, const char *ip,
			       struct view_check *c)
{
	*r = (struct view_real){
		.name = name,
		.ip = sample_addr(ip),
		.weight = 100,
		.effective_weight = 100,
		.status = c->health == HEALTH_UP ? REAL_UP : REAL_DOWN,
		.has_mac = true,
		.mac = {2, 0, 0, 0, 0, 0x14},
		.active = 6,
		.inactive = 2,
		.connections = 1000,
		.packets = 20000,
		.bytes = 3000000,
		.checks = c,
		.check_count = 1,
	};
}

static inline struct service_config *sample_config(struct arena *a, const char *name,
						   const char *vip)
{
	struct service_config *s = arena_alloc(a, 1, sizeof(*s));
	struct addr *vips = arena_alloc(a, 1, sizeof(*vips));

	*vips = sample_addr(vip);
	s->name = name;
	s->vips = vips;
	s->vip_count = 1;
	s->protocol = IPPROTO_TCP;
	return s;
}

static inline void sample_https(struct arena *a, struct view_service *s)
{
	struct service_config *c = sample_config(a, "CAS-HTTPS", "192.168.30.10");
	struct view_real *r = arena_alloc(a, 3, sizeof(*r));
	struct view_check *down = sample_check(a, CHECK_HTTPS, 443, CHECK_CODE_L7STS);

	c->ports = sample_https_ports;
	c->port_range_count = 1;
	down->outcome.status = 503;
	strcpy(down->outcome.detail, "Service \"Unavailable\"\x1b[31m");
	sample_real(&r[0], "CAS1", "192.168.30.20",
		    sample_check(a, CHECK_HTTPS, 443, CHECK_CODE_L7OK));
	sample_real(&r[1], "CAS2", "192.168.30.21", down);
	r[1].effective_weight = 0;
	sample_real(&r[2], "backup", "192.168.30.30",
		    sample_check(a, CHECK_HTTPS, 443, CHECK_CODE_L7OK));
	r[2].backup = true;
	*s = (struct view_service){.name = c->name,
				   .config = c,
				   .status = SERVICE_DEGRADED,
				   .reason = "1 of 2 reals is usable",
				   .connections = 2000,
				   .packets = 40000,
				   .bytes = 6000000,
				   .unrouted = 7,
				   .denied = 11,
				   .missed = 13,
				   .flood_packets = 17,
				   .flooded = true,
				   .reals = r,
				   .real_count = 3};
}

static inline void sample_imap(struct arena *a, struct view_service *s)
{
	struct service_config *c = sample_config(a, "CAS, \"IMAP4\"", "fd00:30::10");
	struct view_real *r = arena_alloc(a, 1, sizeof(*r));
	struct view_check *checks = sample_check(a, CHECK_CONNECT, 143, CHECK_CODE_NONE);

	c->ports = sample_imap_ports;
	c->port_range_count = 2;
	checks->since = 0;
	sample_real(r, "CAS1", "fd00:30::20", checks);
	r->status = REAL_HALT;
	r->admin = ADMIN_HALT;
	r->has_mac = false;
	*s = (struct view_service){.name = c->name,
				   .config = c,
				   .status = SERVICE_DOWN,
				   .reason = "no real is usable",
				   .reals = r,
				   .real_count = 1};
}

static inline void sample_smtp_real(struct view_real *r, uint16_t port, uint64_t sessions)
{
	r->port = port;
	r->has_mac = false;
	r->l7.counts.sessions = sessions;
	r->l7.counts.max_current = 5;
	r->l7.counts.bytes_in = 12908;
	r->l7.counts.bytes_out = 43441;
	r->l7.current = 2;
	r->l7.max_rate = 12;
}

static inline void sample_smtp(struct arena *a, struct view_service *s)
{
	struct service_config *c = sample_config(a, "CAS-SMTP", "192.168.30.10");
	struct view_real *r = arena_alloc(a, 3, sizeof(*r));
	static const struct port_range ports[] = {
		{25,  25 },
                {587, 587}
        };

	c->mode = MODE_L7_TCP;
	c->ports = ports;
	c->port_range_count = 2;
	sample_real(&r[0], "CAS1", "192.168.30.20",
		    sample_check(a, CHECK_CONNECT, 25, CHECK_CODE_L4OK));
	sample_real(&r[1], "CAS2", "fd00:30::21",
		    sample_check(a, CHECK_CONNECT, 25, CHECK_CODE_L4CON));
	sample_real(&r[2], "backup", "192.168.30.30",
		    sample_check(a, CHECK_CONNECT, 25, CHECK_CODE_L4OK));
	c->l7.maxconn = 4000;
	r[0].max_connections = 500;
	r[0].throttle = 40;
	r[1].downtime = 185;
	sample_smtp_real(&r[0], 2525, 12);
	sample_smtp_real(&r[1], 2526, 10);
	sample_smtp_real(&r[2], 0, 0);
	r[1].effective_weight = 0;
	r[2].effective_weight = 0;
	r[2].backup = true;
	*s = (struct view_service){
		.name = c->name,
		.config = c,
		.status = SERVICE_DEGRADED,
		.reason = "",
		.denied_connections = 9,
		.reals = r,
		.real_count = 3,
		.l7 = {.counts = {.sessions = 22,
				  .bytes_in = 44058,
				  .bytes_out = 96458,
				  .connect_errors = 1,
				  .refused = 3,
				  .bad_header = 4,
				  .denied = 5,
				  .queued = 6,
				  .handshakes_failed = 8,
				  .redispatches = 7,
				  .max_current = 10},
		       .current = 4,
		       .limit = 4000,
		       .rate = 7,
		       .max_rate = 30}
        };
}

static inline struct view *sample_empty(void)
{
	struct arena *a = arena_new();
	struct view *v = arena_alloc(a, 1, sizeof(*v));

	v->arena = a;
	v->version = "0.1.0";
	v->commit = "abc1234";
	v->libbpf = "v1.1";
	v->openssl = "3.0";
	v->node = "lb1";
	v->now = SAMPLE_NOW;
	v->config.last_ok = true;
	v->config.last_success = SAMPLE_NOW - 600;
	v->config.generation = 4;
	v->flows[0].entries = 12;
	v->flows[0].limit = v->flows[1].limit = 1000000;
	return v;
}

static inline struct view *sample_view(void)
{
	static const struct view_process processes[] = {
		{"main",  100, 0, false, 0},
		{"probe", 101, 2, false, 0},
		{"web",   102, 0, false, 0},
	};
	static const struct view_iface ifaces[] = {
		{"eth0", true,  true,  false, ""       },
		{"eth1", false, false, false, "no such"},
	};
	struct view *v = sample_empty();
	struct view_service *s = arena_alloc(v->arena, 2, sizeof(*s));
	struct view_vip *vips = arena_alloc(v->arena, 1, sizeof(*vips));

	sample_https(v->arena, &s[0]);
	sample_imap(v->arena, &s[1]);
	vips->addr = sample_addr("192.168.30.10");
	vips->arp_replies = 41;
	v->services = s;
	v->service_count = 2;
	v->vips = vips;
	v->vip_count = 1;
	v->processes = processes;
	v->process_count = 3;
	v->ifaces = ifaces;
	v->iface_count = 2;
	v->forwarded = 40000;
	for (size_t i = 0; i < LB_VERDICT_COUNT; i++)
		v->verdicts[i] = i;
	v->events[LB_EVENT_FLOW_MISS] = 17;
	v->process.cpu_seconds = 1.25;
	v->process.start_time = SAMPLE_NOW - 1000;
	return v;
}

/* One that relays, and an older one that still waits for a real. */
static inline void sample_sessions(struct view *v)
{
	struct view_session *s = arena_alloc(v->arena, 2, sizeof(*s));

	s[0] = (struct view_session){
		.service = "SMTP-L7", .real = "mail1", .pid = 201, .age = 61250, .idle = 40};
	s[0].seen = (struct proxy_session){.state = SESSION_RELAY,
					   .client_port = 50123,
					   .vip_port = 25,
					   .bytes_in = 120,
					   .bytes_out = 4500};
	(void)addr_parse(&s[0].seen.client, "192.168.30.50");
	(void)addr_parse(&s[0].seen.vip, "192.168.30.11");
	s[1] = (struct view_session){.service = "SMTP-L7", .pid = 202, .age = 90000, .idle = 90000};
	s[1].seen =
		(struct proxy_session){.state = SESSION_QUEUE, .client_port = 1, .vip_port = 25};
	(void)addr_parse(&s[1].seen.client, "2001:db8::50");
	(void)addr_parse(&s[1].seen.vip, "2001:db8::10");
	v->sessions = s;
	v->session_count = 2;
}

/* The same with a layer-7 service behind it. */
static inline struct view *sample_l7_view(void)
{
	static const struct view_process processes[] = {
		{"main",              100, 0, false, 0},
		{"proxy",             201, 0, false, 0},
		{"proxy",             202, 1, false, 0},
		{"proxy (finishing)", 190, 0, true,  3},
	};
	struct view *v = sample_view();
	struct view_service *s = arena_alloc(v->arena, 3, sizeof(*s));

	s[0] = v->services[0];
	s[1] = v->services[1];
	sample_smtp(v->arena, &s[2]);
	v->services = s;
	v->service_count = 3;
	v->processes = processes;
	v->process_count = 4;
	v->process.start_time = SAMPLE_NOW - 93;
	v->l7.processes = 2;
	v->l7.maxconn = 40000;
	v->l7.limit = 20000;
	v->l7.current = 4;
	v->l7.sum = (struct proxy_vitals){.sockets = 80025,
					  .pipes_max = 512,
					  .pipes_used = 3,
					  .pipes_free = 5,
					  .tasks = 17,
					  .running = 2,
					  .busy = 13};
	v->process.memory_max = 3 << 20;
	v->process.max_fds = 81000;
	sample_sessions(v);
	return v;
}

#endif
