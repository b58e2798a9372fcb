/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * TProxy (source: client): the real servers' answers are for the clients' addresses, and a tc
 * program with a policy route leads them into this host. Here: what of it the last sessions still
 * need, whether it still stands, and reals whose answers take another way (R77).
 */
#include <string.h>
#include <sys/socket.h>

#include "base/alloc.h"
#include "base/log.h"
#include "daemon/state.h"
#include "lbxdp/tproxy.h"

/* A single one may be a server that was busy, or a packet that was lost. */
enum { UNANSWERED_MIN = 2, PASSES_MIN = 2 };

static const char away[] =
	"answers do not come back through this host: the real server's default gateway must be an "
	"address of lbxdp's, and its clients in another network than its own";

/* One for each instance, by the name of its directory: "lbxdp", or "lbxdp-NAME". */
static uint32_t table_of(const char *pin_dir)
{
	const char *slash = strrchr(pin_dir, '/');
	uint32_t hash = 2166136261u; /* FNV-1a */

	for (const char *c = slash ? slash + 1 : pin_dir; *c; c++)
		hash = (hash ^ (uint8_t)*c) * 16777619u;
	if (!strcmp(slash ? slash + 1 : pin_dir, "lbxdp"))
		return LB_TPROXY_TABLE;
	return LB_TPROXY_TABLE + 1 + hash % (LB_TPROXY_TABLES - 1);
}

void tproxy_kernel_rows(const char *pin_dir, struct dataplane *dp, struct plan *actual)
{
	static const uint32_t families[] = {AF_INET, AF_INET6};
	const __u32 unknown = 1; /* not the value that is put, so that a wanted row is put again */
	struct row_local_route key = {.table = table_of(pin_dir)};
	int err = dp ? dataplane_read_filters(dp, actual) : 0;

	if (err)
		log_warning("tc filters of this host: %s; one that an earlier run left may stay",
			    strerror(-err));
	for (size_t i = 0; i < ARRAY_COUNT(families); i++) {
		key.family = families[i];
		(void)plan_put(actual, PLAN_LOCAL_ROUTES, &key, &unknown); /* no memory: it stays */
	}
}

static uint32_t family_of(const struct addr *a)
{
	return addr_is_v4(a) ? AF_INET : AF_INET6;
}

/* Does a service want that interface, or where family is not 0, that family's route? */
static bool is_wanted(const struct daemon *d, const struct facts *f, uint32_t ifindex,
		      uint32_t family)
{
	for (size_t i = 0; i < d->model->service_count; i++) {
		const struct service_config *s = &d->model->services[i];

		if (!service_is_l7(s) || s->l7.source != PROXY_SOURCE_CLIENT)
			continue;
		for (size_t j = 0; j < s->real_count; j++) {
			uint32_t by = f->services[i].reals[j].ifindex;

			if (by && (family ? family_of(&s->reals[j].ip) == family : by == ifindex))
				return true;
		}
	}
	return false;
}

static bool all_wanted(const struct daemon *d, const struct facts *f)
{
	for (size_t i = 0; i < plan_count(d->actual, PLAN_DIVERTS); i++)
		if (!is_wanted(d, f, *(const __u32 *)plan_key(d->actual, PLAN_DIVERTS, i), 0))
			return false;
	for (size_t i = 0; i < plan_count(d->actual, PLAN_LOCAL_ROUTES); i++) {
		const struct row_local_route *r = plan_key(d->actual, PLAN_LOCAL_ROUTES, i);

		if (!is_wanted(d, f, 0, r->family))
			return false;
	}
	return true;
}

static void hold_all(const struct daemon *d, struct facts *f, struct arena *a)
{
	size_t routes = plan_count(d->actual, PLAN_LOCAL_ROUTES);
	size_t diverts = plan_count(d->actual, PLAN_DIVERTS);
	struct row_local_route *route = arena_alloc(a, routes + 1, sizeof(*route));
	uint32_t *divert = arena_alloc(a, diverts + 1, sizeof(*divert));

	for (size_t i = 0; i < routes; i++)
		memcpy(&route[i], plan_key(d->actual, PLAN_LOCAL_ROUTES, i), sizeof(*route));
	for (size_t i = 0; i < diverts; i++)
		memcpy(&divert[i], plan_key(d->actual, PLAN_DIVERTS, i), sizeof(*divert));
	f->held_routes = route;
	f->held_route_count = routes;
	f->held_diverts = divert;
	f->held_divert_count = diverts;
}

/* Only when something is about to go are the proxies' connections looked at. */
void gather_tproxy(struct daemon *d, struct facts *f, struct arena *a)
{
	bool sessions = false;
	int err = 0;

	f->local_table = table_of(d->options->pin_dir);
	if (plan_count(d->actual, PLAN_DIVERTS) && !all_wanted(d, f))
		err = net_transparent(d->net, d->uid, &sessions);
	if (err)
		log_warning("sessions of TProxy that goes: cannot list them: %s", strerror(-err));
	d->tproxy_held = sessions;
	if (sessions)
		hold_all(d, f, a);
}

/* Someone took it away, such as a network manager that knows only its own: it is put back. */
void tproxy_watch_filters(struct daemon *d, enum plan_table t, enum dataplane_filter which)
{
	for (size_t i = 0; i < plan_count(d->actual, t); i++) {
		__u32 ifindex = *(const __u32 *)plan_key(d->actual, t, i);
		const struct net_iface *iface = net_iface_at(d->net, ifindex);

		if (!iface || dataplane_filters_now(d->dataplane, which, ifindex))
			continue;
		log_warning("interface %s: our tc filter is gone; attaching it again", iface->name);
		(void)plan_delete(d->actual, t, &ifindex); /* it is there */
		reconcile_later(d);
		return;
	}
}

static void watch_routes(struct daemon *d)
{
	const struct plan_sink *net = net_sink(d->net);
	const __u32 none = 0;

	for (size_t i = 0; i < plan_count(d->actual, PLAN_LOCAL_ROUTES); i++)
		(void)net->put(net->to, PLAN_LOCAL_ROUTES, /* what is there stays */
			       plan_key(d->actual, PLAN_LOCAL_ROUTES, i), &none, NULL);
}

static uint32_t id_of(struct daemon *d, const struct service_config *s, const struct real_config *r)
{
	char name[REAL_IDENTITY_LEN];

	return ids_find(d->real_ids, gather_id_name(s, r, name));
}

/* What all checks of a real came to. */
struct check_sum {
	size_t count;
	uint64_t runs, failures;
};

static struct check_sum sum_checks(struct daemon *d, const struct service_config *s,
				   const struct real_config *r, struct arena *a)
{
	struct check_sum sum = {};
	const uint32_t *ids = check_ids_of(d, s, r, a, &sum.count);

	for (size_t i = 0; i < sum.count; i++) {
		const struct view_check *c = &check_fact(d, ids[i])->seen;

		sum.runs += c->runs;
		sum.failures += view_check_failures(c);
	}
	return sum;
}

/* A server that died falls silent too, but then its checks fail: they are waited for. */
static void judge_answers(struct real_answers *a, bool silent, const struct check_sum *now)
{
	if (!silent)
		*a = (struct real_answers){};
	else if (!a->silent || a->failures != now->failures)
		*a = (struct real_answers){
			.runs = now->runs, .failures = now->failures, .silent = true};
	else
		a->lost |= now->runs - a->runs > now->count * PASSES_MIN;
}

const char *tproxy_warning(const struct daemon *d, uint32_t id, const struct proxy_counts *c)
{
	return d->real_answers[id].lost && c->unanswered ? away : NULL;
}

/* Said once each time it begins. A route to a real that changed is no event either. */
static void watch_real(struct daemon *d, const struct service_config *s,
		       const struct real_config *r, struct arena *a)
{
	uint32_t id = id_of(d, s, r), egress = net_egress(d->net, &r->ip);
	struct real_answers *answers = &d->real_answers[id];
	const struct check_sum checks = sum_checks(d, s, r, a);
	bool before = answers->lost;
	uint64_t current, queued;
	bool silent =
		proxy_client_real(d->proxy, id, &current, &queued).unanswered >= UNANSWERED_MIN;

	if (egress && !d->refused && !plan_find(d->actual, PLAN_DIVERTS, &egress))
		reconcile_later(d);
	judge_answers(answers, silent, &checks);
	if (answers->lost && !before)
		log_warning("real %s/%s: %s", s->name, r->name, away);
}

void tproxy_watch(struct daemon *d)
{
	struct arena *a = arena_new();

	for (size_t i = 0; i < d->model->service_count; i++) {
		const struct service_config *s = &d->model->services[i];

		if (!service_is_l7(s) || s->l7.source != PROXY_SOURCE_CLIENT)
			continue;
		for (size_t j = 0; j < s->real_count; j++)
			watch_real(d, s, &s->reals[j], a);
	}
	tproxy_watch_filters(d, PLAN_DIVERTS, FILTER_TPROXY);
	watch_routes(d);
	if (d->tproxy_held)
		reconcile_later(d);
	arena_free(a);
}

void tproxy_warnings(const struct daemon *d, struct buf *out)
{
	for (size_t i = 0; i < plan_count(d->actual, PLAN_LOCAL_ROUTES); i++) {
		const struct row_local_route *r = plan_key(d->actual, PLAN_LOCAL_ROUTES, i);
		const char *setting = r->family == AF_INET ? "net.ipv4.ip_forward"
							   : "net.ipv6.conf.all.forwarding";

		if (!net_forwards((int)r->family))
			buf_printf(out,
				   "%s is 0: real servers of source: client, whose gateway this "
				   "host is, reach nothing beyond it but their clients; sysctl -w "
				   "%s=1\n",
				   setting, setting);
	}
}
