/* SPDX-License-Identifier: GPL-2.0-only */
#include "core/doctor.h"

#include <string.h>

#include "base/alloc.h"

/* Of a flow table, and of conntrack's: above this they are nearly full. */
enum { FULL_PERCENT = 90 };

struct exam {
	const struct view *view;
	const struct doctor_facts *facts;
	struct findings *out;
	struct arena *arena; /* of texts that findings_add copies */
	const char *name;
};

static void found(const struct exam *e, struct finding one)
{
	one.examination = e->name;
	findings_add(e->out, &one);
}

static const char *real_path(const struct exam *e, const struct view_service *s,
			     const struct view_real *r)
{
	return arena_printf(e->arena, "real %s/%s", s->name, r->name);
}

/* Calls fn for each real with its service. */
static void each_real(const struct exam *e,
		      void (*fn)(const struct exam *e, const struct view_service *s,
				 const struct view_real *r))
{
	for (size_t i = 0; i < e->view->service_count; i++)
		for (size_t j = 0; j < e->view->services[i].real_count; j++)
			fn(e, &e->view->services[i], &e->view->services[i].reals[j]);
}

static void examine_links(const struct exam *e)
{
	for (size_t i = 0; i < e->facts->link_count; i++)
		doctor_examine_link(&e->facts->links[i], e->out);
}

/* Why a real of layer 4 must be in a network of an attached interface. */
static const char *const needs_link[MODE_COUNT] = {
	[MODE_L4_DR] = "Direct Routing reaches real servers at the link layer only",
	[MODE_L4_NAT] = "XDP sends translated packets to real servers at the link layer, past the "
			"host's routes, and must be the next hop of their answers",
	[MODE_L4_SNAT] = "XDP sends translated packets to real servers at the link layer, past the "
			 "host's routes",
};

static void on_link(const struct exam *e, const struct view_service *s, const struct view_real *r)
{
	char ip[ADDR_TEXT_LEN];

	if (service_is_l7(s->config) || *r->interface)
		return;
	addr_format(&r->ip, ip);
	found(e, (struct finding){
			 .severity = FINDING_ERROR,
			 .about = real_path(e, s, r),
			 .seen = arena_printf(e->arena,
					      "%s is in no network of an attached interface", ip),
			 .why = needs_link[s->config->mode],
			 .type = arena_printf(e->arena,
					      "ip addr show; then give the interface that leads "
					      "to %s its address, or attach it: lbxdp up IFACE",
					      ip),
		 });
}

static void examine_on_link(const struct exam *e)
{
	each_real(e, on_link);
}

static void mac_known(const struct exam *e, const struct view_service *s, const struct view_real *r)
{
	char ip[ADDR_TEXT_LEN];

	if (service_is_l7(s->config) || !*r->interface || r->has_mac)
		return;
	addr_format(&r->ip, ip);
	found(e, (struct finding){
			 .severity = FINDING_ERROR,
			 .about = real_path(e, s, r),
			 .seen = arena_printf(e->arena, "%s does not say its MAC address on %s", ip,
					      r->interface),
			 .why = "without one it gets no connections",
			 .type = arena_printf(e->arena,
					      "ping -c 3 -I %s %s; ip neigh show %s; is it "
					      "switched on, and in this VLAN?",
					      r->interface, ip, ip),
		 });
}

static void examine_macs(const struct exam *e)
{
	each_real(e, mac_known);
}

/* What to type to see the dialogue of a check. */
static const char *probe_words(const struct exam *e, const struct view_real *r,
			       const struct view_check *c)
{
	char ip[ADDR_TEXT_LEN], at[ENDPOINT_TEXT_LEN];

	return arena_printf(e->arena, "lbxdp probe %s %s", check_type_name(c->type),
			    c->port ? addr_format_port(&r->ip, c->port, at)
				    : addr_format(&r->ip, ip));
}

static void checks_pass(const struct exam *e, const struct view_service *s,
			const struct view_real *r)
{
	char came_to[CHECK_DETAIL_LEN];

	for (size_t i = 0; i < r->check_count; i++) {
		const struct view_check *c = &r->checks[i];

		if (c->health != HEALTH_DOWN)
			continue;
		check_outcome_format(&c->outcome, came_to, sizeof(came_to));
		found(e, (struct finding){
				 .severity = FINDING_ERROR,
				 .about = real_path(e, s, r),
				 .seen = arena_printf(e->arena, "its %s check fails: %s%s%s",
						      check_type_name(c->type), came_to,
						      *c->outcome.detail ? ": " : "",
						      c->outcome.detail),
				 .why = "it gets no connections until the check passes",
				 .type = probe_words(e, r, c),
			 });
	}
}

static void examine_checks(const struct exam *e)
{
	each_real(e, checks_pass);
}

static void answers_return(const struct exam *e, const struct view_service *s,
			   const struct view_real *r)
{
	if (!r->warning || !service_is_l7(s->config))
		return;
	found(e, (struct finding){
			 .severity = FINDING_ERROR,
			 .about = real_path(e, s, r),
			 .seen = r->warning,
			 .why = "clients of source: client wait for answers that went elsewhere",
			 .type = "on the real server: ip route replace default via ADDRESS, or "
				 "route -p change 0.0.0.0 mask 0.0.0.0 ADDRESS (an address of "
				 "this host)",
		 });
}

static void examine_answers(const struct exam *e)
{
	each_real(e, answers_return);
}

/* XDP brings clients and reals of l4-nat together by itself, but what the reals begin on their own
 * (DNS, updates, other sites) only the kernel forwards. Those of l4-snat have another gateway. */
static bool has_gateway_duty(const struct view *v, bool v4)
{
	for (size_t i = 0; i < v->service_count; i++) {
		const struct view_service *s = &v->services[i];

		if (s->config->mode != MODE_L4_NAT &&
		    (!service_is_l7(s->config) || s->config->l7.source != PROXY_SOURCE_CLIENT))
			continue;
		for (size_t j = 0; j < s->real_count; j++)
			if (addr_is_v4(&s->reals[j].ip) == v4)
				return true;
	}
	return false;
}

static void examine_forwarding(const struct exam *e)
{
	const struct {
		bool v4, forwards;
		const char *setting;
	} families[] = {
		{true,  e->facts->forwards4, "net.ipv4.ip_forward"         },
		{false, e->facts->forwards6, "net.ipv6.conf.all.forwarding"},
	};

	for (size_t i = 0; i < ARRAY_COUNT(families); i++) {
		const char *setting = families[i].setting;

		if (families[i].forwards || !has_gateway_duty(e->view, families[i].v4))
			continue;
		found(e, (struct finding){
				 .severity = FINDING_WARNING,
				 .about = "host",
				 .seen = arena_printf(e->arena, "%s is 0", setting),
				 .why = "real servers of source: client and l4-nat, whose gateway "
					"this host is, reach nothing beyond it but their clients",
				 .type = arena_printf(e->arena, "sysctl -w %s=1", setting),
			 });
	}
}

/* With Direct Routing across two interfaces, a frame keeps its size. */
static void examine_mtu(const struct exam *e)
{
	const struct doctor_link *least = NULL, *most = NULL;

	for (size_t i = 0; i < e->facts->link_count; i++) {
		const struct doctor_link *l = &e->facts->links[i];

		if (!l->exists)
			continue;
		least = !least || l->mtu < least->mtu ? l : least;
		most = !most || l->mtu > most->mtu ? l : most;
	}
	if (!least || least->mtu == most->mtu)
		return;
	found(e, (struct finding){
			 .severity = FINDING_WARNING,
			 .about = least->name,
			 .seen = arena_printf(e->arena, "its MTU is %u, that of %s is %u",
					      least->mtu, most->name, most->mtu),
			 .why = "Direct Routing sends a frame on as long as it came in: longer "
				"ones are lost",
			 .type = arena_printf(e->arena, "ip link set dev %s mtu %u", most->name,
					      least->mtu),
		 });
}

static bool holds_l7(const struct view *v)
{
	for (size_t i = 0; i < v->service_count; i++)
		if (service_is_l7(v->services[i].config))
			return true;
	return false;
}

static void examine_source_filter(const struct exam *e)
{
	const char *outside = e->facts->outside;

	for (size_t i = 0; i < e->facts->link_count && *outside && holds_l7(e->view); i++) {
		const struct doctor_link *l = &e->facts->links[i];

		if (!l->exists || !l->strict || !strcmp(l->name, outside))
			continue;
		found(e,
		      (struct finding){
			      .severity = FINDING_WARNING,
			      .about = l->name,
			      .seen = arena_printf(e->arena,
						   "rp_filter is strict, and the default route is "
						   "by %s",
						   outside),
			      .why = "clients of layer 7 that come in by it from beyond its "
				     "own network are dropped without a trace",
			      .type = arena_printf(e->arena,
						   "sysctl -w net.ipv4.conf.all.rp_filter=2 "
						   "net.ipv4.conf.%s.rp_filter=2",
						   l->name),
		      });
	}
}

static void examine_conntrack(const struct exam *e)
{
	uint64_t tracked = e->facts->tracked, max = e->facts->tracked_max;

	if (!max || tracked < max / 100 * FULL_PERCENT || !holds_l7(e->view))
		return;
	found(e, (struct finding){
			 .severity = FINDING_ERROR,
			 .about = "host",
			 .seen = arena_printf(e->arena, "conntrack holds %llu of %llu connections",
					      (unsigned long long)tracked, (unsigned long long)max),
			 .why = "when it is full the kernel drops new connections of layer 7",
			 .type = arena_printf(e->arena,
					      "sysctl -w net.netfilter.nf_conntrack_max=%llu",
					      (unsigned long long)max * 4),
		 });
}

static void examine_flow_tables(const struct exam *e)
{
	static const char *const family[] = {"IPv4", "IPv6"};

	for (size_t i = 0; i < ARRAY_COUNT(family); i++) {
		uint64_t entries = e->view->flows[i].entries, limit = e->view->flows[i].limit;

		if (!limit || entries < limit / 100 * FULL_PERCENT)
			continue;
		found(e, (struct finding){
				 .severity = FINDING_WARNING,
				 .about = "data plane",
				 .seen = arena_printf(e->arena,
						      "the %s flow table holds %llu of "
						      "%llu",
						      family[i], (unsigned long long)entries,
						      (unsigned long long)limit),
				 .why = "flows beyond it go by a hash: a change of real servers "
					"may move them",
				 .type = "raise node.flows; then lbxdp down and lbxdp up",
			 });
	}
}

static void examine_limits(const struct exam *e)
{
	const struct view *v = e->view;

	if (v->l7.limit >= v->l7.maxconn || !holds_l7(v))
		return;
	found(e, (struct finding){
			 .severity = FINDING_WARNING,
			 .about = "layer 7",
			 .seen = arena_printf(e->arena,
					      "l7.maxconn is %llu, but descriptors allow %llu "
					      "sessions",
					      (unsigned long long)v->l7.maxconn,
					      (unsigned long long)v->l7.limit),
			 .why = "clients beyond that wait",
			 .type = "raise the hard limit of open files (systemd: LimitNOFILE=), or "
				 "lower l7.maxconn",
		 });
}

static void examine_plan(const struct exam *e)
{
	const struct view *v = e->view;

	if (v->refused_rows)
		found(e, (struct finding){
				 .severity = FINDING_ERROR,
				 .about = "data plane",
				 .seen = arena_printf(e->arena, "the kernel refuses %llu rows",
						      (unsigned long long)v->refused_rows),
				 .why = "what they say is not in force; they are tried again",
				 .type = "the daemon's log says why: journalctl -u lbxdp, or "
					 "/run/lbxdp/lbxdp.log",
			 });
	if (!v->config.last_ok)
		found(e, (struct finding){
				 .severity = FINDING_WARNING,
				 .about = "configuration",
				 .seen = "the last reload was refused",
				 .why = "the configuration before it is in force",
				 .type = "lbxdp check",
			 });
}

static void examine_vips(const struct exam *e)
{
	doctor_examine_vips(e->view, e->out);
}

/* At layer 4 a warning is what a check with via: vip came to (daemon/via.c). */
static void vip_is_there(const struct exam *e, const struct view_service *s,
			 const struct view_real *r)
{
	if (!r->warning || service_is_l7(s->config))
		return;
	found(e, (struct finding){
			 .severity = FINDING_ERROR,
			 .about = real_path(e, s, r),
			 .seen = r->warning,
			 .why = "clients that were sent there would wait for nothing",
			 .type = arena_printf(e->arena,
					      "lbxdp real-script %s --os linux, or --os windows; "
					      "on the real server: what it prints",
					      s->name),
		 });
}

static void examine_checked_vips(const struct exam *e)
{
	each_real(e, vip_is_there);
}

static void examine_knocks(const struct exam *e)
{
	knocks_examine(e->view, &e->facts->knocks, e->out);
}

/* Everything that is examined, from the wire upwards. */
static const struct {
	const char *name;
	void (*fn)(const struct exam *e);
} examinations[] = {
	{"link",         examine_links        },
	{"mtu",          examine_mtu          },
	{"vip",          examine_vips         },
	{"real-on-link", examine_on_link      },
	{"real-mac",     examine_macs         },
	{"real-check",   examine_checks       },
	{"gateway",      examine_answers      },
	{"vip-on-real",  examine_checked_vips },
	{"knocks",       examine_knocks       },
	{"forwarding",   examine_forwarding   },
	{"rp-filter",    examine_source_filter},
	{"conntrack",    examine_conntrack    },
	{"flow-table",   examine_flow_tables  },
	{"limits",       examine_limits       },
	{"plan",         examine_plan         },
};

void doctor_examine(const struct view *v, const struct doctor_facts *f, struct findings *out)
{
	struct exam e = {.view = v, .facts = f, .out = out, .arena = arena_new()};

	for (size_t i = 0; i < ARRAY_COUNT(examinations); i++) {
		e.name = examinations[i].name;
		examinations[i].fn(&e);
	}
	arena_free(e.arena);
}
