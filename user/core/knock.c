/* SPDX-License-Identifier: GPL-2.0-only */
#include "core/knock.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"

enum { LINE = 640 };

static uint16_t port_of(const struct view_service *s, const struct view_real *r)
{
	if (r->port)
		return r->port;
	return s->config->port_range_count ? s->config->ports[0].first : 0;
}

static bool goes_by(const struct view_real *r, const struct addr *vip)
{
	for (size_t i = 0; i < r->check_count; i++)
		if (addr_equal(&r->checks[i].via, vip))
			return true;
	return false;
}

/* They are kept in this order. */
static int compare(const struct knock *a, const struct knock *b)
{
	int differ = memcmp(&a->real, &b->real, sizeof(a->real));

	if (!differ)
		differ = memcmp(&a->at, &b->at, sizeof(a->at));
	if (!differ)
		differ = a->port - b->port;
	return differ ? differ : (int)a->kind - (int)b->kind;
}

static size_t place_of(const struct knocks *k, const struct knock *one)
{
	size_t low = 0, high = k->count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (compare(&k->at[mid], one) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static struct knock question(enum knock_kind kind, const struct view_service *s,
			     const struct view_real *r, const struct addr *vip)
{
	return (struct knock){.kind = kind,
			      .real = r->ip,
			      .at = kind == KNOCK_VIP ? *vip : r->ip,
			      .vip = *vip,
			      .port = port_of(s, r)};
}

/* NULL: it was not asked. */
static const struct knock *find(const struct knocks *k, enum knock_kind kind,
				const struct view_service *s, const struct view_real *r,
				const struct addr *vip)
{
	const struct knock want = question(kind, s, r, vip);
	size_t i = place_of(k, &want);

	return i < k->count && !compare(&k->at[i], &want) ? &k->at[i] : NULL;
}

/* Services that share a real and a port ask it once. */
static void add(struct knocks *k, enum knock_kind kind, const struct view_service *s,
		const struct view_real *r, const struct addr *vip)
{
	struct knock one = question(kind, s, r, vip), *to = &k->at[place_of(k, &one)];

	if (find(k, kind, s, r, vip))
		return;
	k->cut |= k->count == KNOCKS_MAX;
	if (k->cut)
		return;
	(void)snprintf(one.interface, sizeof(one.interface), "%s", r->interface);
	memcpy(one.mac, r->mac, sizeof(one.mac));
	memmove(to + 1, to, (size_t)(k->at + k->count++ - to) * sizeof(*to));
	*to = one;
}

static void plan_real(struct knocks *k, const struct view_service *s, const struct view_real *r)
{
	bool nat = s->config->mode == MODE_L4_NAT;

	if ((!nat && s->config->mode != MODE_L4_DR) || !r->has_mac || !*r->interface ||
	    !port_of(s, r))
		return;
	for (size_t i = 0; i < s->config->vip_count; i++) {
		const struct addr *vip = &s->config->vips[i];

		if (addr_is_v4(vip) != addr_is_v4(&r->ip) || (!nat && goes_by(r, vip)))
			continue;
		add(k, KNOCK_REAL, s, r, vip);
		add(k, nat ? KNOCK_AWAY : KNOCK_VIP, s, r, vip);
	}
}

struct knocks knocks_plan(const struct view *v, struct arena *a)
{
	struct knocks k = {.at = arena_alloc(a, KNOCKS_MAX, sizeof(*k.at))};

	for (size_t i = 0; i < v->service_count && !k.cut; i++)
		for (size_t j = 0; j < v->services[i].real_count && !k.cut; j++)
			plan_real(&k, &v->services[i], &v->services[i].reals[j]);
	return k;
}

/* One real being judged by its answers. */
struct judgement {
	const struct view_service *service;
	const struct view_real *real;
	const struct knock *near, *other; /* KNOCK_REAL, which was answered; the one judged by it */
	struct findings *out;
};

static void found(const struct judgement *j, const char *examination, const char *seen,
		  const char *why, const char *type)
{
	char about[LINE];

	snprintf(about, sizeof(about), "real %s/%s", j->service->name, j->real->name);
	findings_add(j->out, &(struct finding){
				     .severity = FINDING_ERROR,
				     .examination = examination,
				     .about = about,
				     .seen = seen,
				     .why = why,
				     .type = type,
			     });
}

static void judge_silent_vip(const struct judgement *j)
{
	char rip[ADDR_TEXT_LEN], vip[ADDR_TEXT_LEN], seen[LINE], type[LINE];
	bool v4 = addr_is_v4(&j->other->at);

	addr_format(&j->real->ip, rip);
	addr_format(&j->other->at, vip);
	snprintf(seen, sizeof(seen),
		 "it answers at %s but not at the VIP %s, which was asked for at its MAC address",
		 rip, vip);
	snprintf(type, sizeof(type),
		 "on %s, Linux: %s addr add %s/%d dev lo; Windows: what lbxdp real-script %s --os "
		 "windows prints (all of it for Linux: --os linux); via: vip in the check watches "
		 "it",
		 j->real->name, v4 ? "ip" : "ip -6", vip, v4 ? 32 : 128, j->service->name);
	found(j, "vip-on-real", seen,
	      "it has not got the VIP on its loopback interface, or a firewall drops what is for "
	      "it: clients that are sent there wait for nothing",
	      type);
}

static void judge_refusing_vip(const struct judgement *j)
{
	char rip[ENDPOINT_TEXT_LEN], vip[ENDPOINT_TEXT_LEN], seen[LINE], type[LINE];

	addr_format_port(&j->real->ip, j->near->port, rip);
	addr_format_port(&j->other->at, j->other->port, vip);
	snprintf(seen, sizeof(seen), "it listens at %s but not at %s", rip, vip);
	snprintf(type, sizeof(type),
		 "on %s, Linux: ss -ltn; Windows: netstat -an; then have its service listen at the "
		 "VIP, or at all addresses (IIS: its bindings)",
		 j->real->name);
	found(j, "vip-on-real", seen, "clients that are sent there are refused", type);
}

static void judge_vip(const struct judgement *j)
{
	bool tcp = j->service->config->protocol == IPPROTO_TCP;

	if (j->other->answer == KNOCK_SILENT)
		judge_silent_vip(j);
	else if (tcp && j->near->answer == KNOCK_OPEN && j->other->answer == KNOCK_REFUSED)
		judge_refusing_vip(j);
}

static void judge_gateway(const struct judgement *j)
{
	char from[ADDR_TEXT_LEN], here[ADDR_TEXT_LEN], seen[LINE], type[LINE];
	bool v4 = addr_is_v4(&j->real->ip);

	if (j->other->answer != KNOCK_SILENT)
		return;
	addr_format(&j->other->from, from);
	addr_format(&j->near->from, here);
	snprintf(seen, sizeof(seen),
		 "its answers to %s, which is beyond its network, do not come "
		 "back to this host",
		 from);
	snprintf(
		type, sizeof(type),
		v4 ? "on %s, Linux: ip route replace default via %s; Windows: route -p change "
		     "0.0.0.0 mask 0.0.0.0 %s (or a route to the clients' networks by it)"
		   : "on %s, Linux: ip -6 route replace default via %s; Windows: netsh interface "
		     "ipv6 add route ::/0 INTERFACE %s (or a route to the clients' networks by it)",
		j->real->name, here, here);
	found(j, "gateway", seen,
	      "its default gateway is another host: l4-nat must see the answers to translate them, "
	      "and clients wait for nothing",
	      type);
}

static void examine_at(const struct knocks *k, struct judgement *j, const struct addr *vip)
{
	bool nat = j->service->config->mode == MODE_L4_NAT;

	j->near = find(k, KNOCK_REAL, j->service, j->real, vip);
	j->other = find(k, nat ? KNOCK_AWAY : KNOCK_VIP, j->service, j->real, vip);
	if (!j->near || j->near->answer == KNOCK_SILENT) /* its check says so */
		return;
	if (!j->other || addr_is_unspecified(&j->other->from))
		return;
	if (nat)
		judge_gateway(j);
	else
		judge_vip(j);
}

static void examine_real(const struct knocks *k, struct judgement *j)
{
	const struct service_config *s = j->service->config;

	for (size_t i = 0; s->mode == MODE_L4_DR && i < s->vip_count; i++)
		examine_at(k, j, &s->vips[i]);
	if (s->mode == MODE_L4_NAT && s->vip_count)
		examine_at(k, j, &s->vips[0]); /* from wherever: once */
}

void knocks_examine(const struct view *v, const struct knocks *k, struct findings *out)
{
	for (size_t i = 0; k->count && i < v->service_count; i++)
		for (size_t r = 0; r < v->services[i].real_count; r++) {
			struct judgement j = {.service = &v->services[i],
					      .real = &v->services[i].reals[r],
					      .out = out};

			examine_real(k, &j);
		}
	if (k->cut)
		findings_note(out,
			      "not every real server was asked whether it has the VIP, or which "
			      "gateway: there are too many");
}
