/* SPDX-License-Identifier: GPL-2.0-only */
#include "core/model.h"

#include <stdio.h>
#include <string.h>

#include "core/ramp.h"

enum { CHECKED_PORTS_MAX = 16 }; /* a check asks at most so many ports of one real */

void model_free(struct model *m)
{
	if (m)
		arena_free(m->arena);
}

const struct service_config *model_service(const struct model *m, const char *name)
{
	for (size_t i = 0; i < m->service_count; i++)
		if (!strcmp(m->services[i].name, name))
			return &m->services[i];
	return NULL;
}

const struct real_config *service_real(const struct service_config *s, const char *name)
{
	for (size_t i = 0; i < s->real_count; i++)
		if (!strcmp(s->reals[i].name, name))
			return &s->reals[i];
	return NULL;
}

bool service_is_l7(const struct service_config *s)
{
	return s->mode == MODE_L7_TCP || s->mode == MODE_L7_HTTP;
}

bool service_is_http(const struct service_config *s)
{
	return s->mode == MODE_L7_HTTP;
}

bool service_is_nat(const struct service_config *s)
{
	return s->mode == MODE_L4_NAT || s->mode == MODE_L4_SNAT;
}

bool service_is_redirect(const struct service_config *s)
{
	return service_is_http(s) && s->l7.redirect.to != REDIRECT_OFF;
}

const char *service_source_format(const struct service_config *s, char *text)
{
	static const char *const words[] = {[PROXY_SOURCE_AUTO] = "auto",
					    [PROXY_SOURCE_VIP] = "vip",
					    [PROXY_SOURCE_CLIENT] = "client"};

	if (s->l7.source != PROXY_SOURCE_ADDRESS)
		return words[s->l7.source];
	if (s->l7.source_count == 1)
		return addr_format(&s->l7.source_address[0], text);
	strcpy(text, "[");
	for (size_t i = 0; i < s->l7.source_count; i++) {
		strcat(text, i ? ", \"" : "\"");
		(void)addr_format(&s->l7.source_address[i], text + strlen(text));
		strcat(text, "\"");
	}
	return strcat(text, "]");
}

const char *mode_name(enum service_mode m)
{
	static const char *const names[MODE_COUNT] = {[MODE_L4_DR] = "l4-dr",
						      [MODE_L7_TCP] = "l7-tcp",
						      [MODE_L7_HTTP] = "l7-http",
						      [MODE_L4_NAT] = "l4-nat",
						      [MODE_L4_SNAT] = "l4-snat"};

	return names[m];
}

uint32_t connections_reopen_below(uint32_t min, uint32_t max)
{
	uint64_t low = min ? min : ((uint64_t)max * 3 + 3) / 4;

	return low < max ? (uint32_t)low : max;
}

const char *scheduler_name(enum scheduler s)
{
	static const char *const names[] = {
		[SCHEDULER_WRR] = "wrr", [SCHEDULER_WLC] = "wlc", [SCHEDULER_RR] = "rr",
		[SCHEDULER_LC] = "lc",   [SCHEDULER_SH] = "sh",   [SCHEDULER_MAGLEV] = "maglev"};

	return names[s];
}

bool scheduler_hashes(enum scheduler s)
{
	return s == SCHEDULER_SH || s == SCHEDULER_MAGLEV;
}

unsigned int service_throttle(const struct service_config *s, uint64_t since, uint64_t now)
{
	unsigned int step = ramp_step(since, s->slow_start, now);

	return scheduler_hashes(s->scheduler) || step == RAMP_STEPS ? 0 : step * 100 / RAMP_STEPS;
}

const char *on_down_name(enum on_down o)
{
	static const char *const names[] = {
		[ON_DOWN_AUTO] = "auto", [ON_DOWN_KEEP] = "keep", [ON_DOWN_RESET] = "reset"};

	return names[o];
}

const char *on_miss_name(enum lb_on_miss o)
{
	return o == LB_ON_MISS_DROP ? "drop" : "hash";
}

const char *protocol_name(uint8_t protocol)
{
	return protocol == IPPROTO_UDP ? "udp" : "tcp";
}

const char *proxy_header_name(enum proxy_header h)
{
	static const char *const names[] = {
		[PROXY_HEADER_OFF] = "off", [PROXY_HEADER_V1] = "v1", [PROXY_HEADER_V2] = "v2"};

	return names[h];
}

const char *port_range_format(const struct port_range *r, char *text)
{
	if (r->first == r->last)
		snprintf(text, 12, "%u", r->first);
	else
		snprintf(text, 12, "%u-%u", r->first, r->last);
	return text;
}

/* Whose ports clients come to: a pool has its parent's. */
static const struct service_config *front_of(const struct service_config *s)
{
	return s->parent ? s->parent : s;
}

static bool asks_port(enum check_type t)
{
	return t != CHECK_ON && t != CHECK_OFF && t != CHECK_PING;
}

/* The index-th port that connections of the service reach the real on: its own, or those of the
 * service's ranges. False past the last that is checked. */
static bool checked_port(const struct service_config *s, const struct real_config *r, size_t index,
			 uint16_t *port)
{
	const struct service_config *front = front_of(s);

	if (index >= (r->port ? 1 : CHECKED_PORTS_MAX))
		return false;
	if (r->port) {
		*port = r->port;
		return true;
	}
	for (size_t i = 0; i < front->port_range_count; i++) {
		const struct port_range *p = &front->ports[i];
		size_t count = (size_t)(p->last - p->first) + 1;

		if (index < count) {
			*port = (uint16_t)(p->first + index);
			return true;
		}
		index -= count;
	}
	return false;
}

const struct addr *service_via(const struct service_config *s, const struct real_config *r,
			       size_t index)
{
	for (size_t i = 0; i < s->vip_count; i++)
		if (addr_is_v4(&s->vips[i]) == addr_is_v4(&r->ip) && !index--)
			return &s->vips[i];
	return NULL;
}

/* How many ports of a real one check_config asks; 1 where it asks none. */
static size_t check_port_count(const struct service_config *s, const struct real_config *r,
			       const struct check_config *c)
{
	size_t count = 0;
	uint16_t port;

	if (c->port || !asks_port(c->type))
		return 1;
	while (checked_port(s, r, count, &port))
		count++;
	return count;
}

/* How many specs one check_config makes for a real: each port, by each VIP. */
static size_t check_spec_count(const struct service_config *s, const struct real_config *r,
			       const struct check_config *c)
{
	size_t vips = c->via == VIA_RIP;

	while (c->via == VIA_VIP && service_via(s, r, vips))
		vips++;
	return vips * check_port_count(s, r, c);
}

static void copy_text(char *to, size_t room, const char *text)
{
	snprintf(to, room, "%s", text);
}

static void fill_texts(const struct check_config *c, struct check_spec *spec)
{
	bool http = c->type == CHECK_HTTP || c->type == CHECK_HTTPS;

	copy_text(spec->expect, sizeof(spec->expect), c->expect);
	copy_text(spec->host, sizeof(spec->host), c->host);
	copy_text(spec->sni, sizeof(spec->sni), c->sni);
	copy_text(spec->helo, sizeof(spec->helo), c->helo);
	copy_text(spec->ca, sizeof(spec->ca), c->ca);
	if (!http)
		return;
	copy_text(spec->method, sizeof(spec->method), c->method);
	spec->request[0] = '/';
	copy_text(spec->request + 1, sizeof(spec->request) - 1,
		  c->request + strspn(c->request, "/"));
}

static void fill_spec(const struct check_config *c, const struct real_config *r,
		      struct check_spec *spec)
{
	memset(spec, 0, sizeof(*spec));
	spec->type = c->type;
	spec->addr = r->ip;
	spec->verify = c->verify;
	spec->interval = c->interval;
	spec->fast_interval = c->fast_interval;
	spec->timeout = c->timeout;
	spec->fall = c->fall;
	spec->rise = c->rise;
	fill_texts(c, spec);
	spec->step_count = (uint32_t)c->step_count;
	if (c->step_count)
		memcpy(spec->steps, c->steps, c->step_count * sizeof(*c->steps));
}

/* What a backup is asked instead of the service's checks. */
static enum check_type backup_check(const struct service_config *s)
{
	if (!asks_port(s->checks[0].type))
		return s->checks[0].type; /* on, off and ping hold for it too */
	return s->protocol == IPPROTO_UDP ? CHECK_PING : CHECK_CONNECT;
}

/* The one port that the service's check names, where clients come to it; 0: each of its ports. */
static uint16_t backup_port(const struct service_config *s)
{
	const struct service_config *front = front_of(s);
	uint16_t port = s->checks[0].port;

	for (size_t i = 0; i < front->port_range_count; i++)
		if (port >= front->ports[i].first && port <= front->ports[i].last)
			return port;
	return 0;
}

/* A backup is a page that says sorry, or a server of another kind: it need not pass the service's
 * checks, only answer on its ports. */
static bool backup_spec(const struct service_config *s, const struct real_config *r, size_t index,
			struct check_spec *spec)
{
	struct check_config c = {
		.type = backup_check(s),
		.request = "",
		.expect = "",
		.method = "",
		.host = "",
		.sni = "",
		.helo = "",
		.ca = "",
		.interval = s->checks[0].interval,
		.fast_interval = s->checks[0].fast_interval,
		.timeout = s->checks[0].timeout,
		.fall = s->checks[0].fall,
		.rise = s->checks[0].rise,
		.port = backup_port(s),
	};

	if (index >= check_spec_count(s, r, &c))
		return false;
	fill_spec(&c, r, spec);
	if (c.port)
		spec->port = c.port;
	else if (asks_port(c.type))
		checked_port(s, r, index, &spec->port);
	return true;
}

bool service_check_spec(const struct service_config *s, const struct real_config *r, size_t index,
			struct check_spec *spec)
{
	if (r->backup)
		return backup_spec(s, r, index, spec);
	for (size_t i = 0; i < s->check_count; i++) {
		const struct check_config *c = &s->checks[i];
		size_t count = check_spec_count(s, r, c);

		if (index >= count) {
			index -= count;
			continue;
		}
		fill_spec(c, r, spec);
		if (c->via == VIA_VIP)
			spec->via = *service_via(s, r, index / check_port_count(s, r, c));
		if (c->port)
			spec->port = c->port;
		else if (asks_port(c->type))
			checked_port(s, r, index % check_port_count(s, r, c), &spec->port);
		return true;
	}
	return false;
}

size_t service_check_count(const struct service_config *s, const struct real_config *r)
{
	size_t count = 0;

	if (r->backup)
		return check_spec_count(
			s, r,
			&(struct check_config){.type = backup_check(s), .port = backup_port(s)});
	for (size_t i = 0; i < s->check_count; i++)
		count += check_spec_count(s, r, &s->checks[i]);
	return count;
}
