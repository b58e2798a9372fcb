/* SPDX-License-Identifier: GPL-2.0-only */
/* From model and facts to rows, over lives, reloads and returns; network and maps are played. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "core/config.h"
#include "core/desire.h"
#include "daemon/state.h"
#include "lbxdp/tproxy.h"

enum { IFACES = 2, IDS = 64 };

#define NODE "version: 1\nnode: {interfaces: [eth0]}\nservices:\n"
#define WEB                                                                                        \
	"  WEB:\n    vip: 192.0.2.10\n    ports: [443]\n    check: {type: connect}\n    reals:\n"  \
	"      A: {ip: 192.0.2.20}\n      B: {ip: 192.0.2.21}\n"
#define WEB_MOVED                                                                                  \
	"  WEB:\n    vip: 192.0.2.10\n    ports: [443]\n    check: {type: connect}\n    reals:\n"  \
	"      A: {ip: 192.0.2.29}\n      B: {ip: 192.0.2.21}\n"
#define WEB_WITHOUT_A                                                                              \
	"  WEB:\n    vip: 192.0.2.10\n    ports: [443]\n    check: {type: connect}\n    reals:\n"  \
	"      B: {ip: 192.0.2.21}\n"
#define WEB_CHECKED_TWICE                                                                          \
	"  WEB:\n    vip: 192.0.2.10\n    ports: [443]\n    check: [{type: connect}, {type: "      \
	"http}]\n"                                                                                 \
	"    reals:\n      A: {ip: 192.0.2.20}\n      B: {ip: 192.0.2.21}\n"
#define MAIL                                                                                       \
	"  MAIL:\n    vip: 192.0.2.11\n    ports: [25]\n    check: {type: connect}\n    reals:\n"  \
	"      C: {ip: 192.0.2.22}\n      D: {ip: 192.0.2.23}\n"
#define OTHER                                                                                      \
	"  OTHER:\n    vip: 192.0.2.12\n    ports: [80]\n    check: {type: connect}\n    reals:\n" \
	"      E: {ip: 192.0.2.24}\n"

/* The host and the data plane as the daemon's parts would tell them. */
static struct {
	struct net_iface iface[IFACES];
	bool busy[LB_REALS_MAX]; /* a flow carries the real's id */
	int woken;
	int ops_left;     /* -1: no end */
	uint32_t egress;  /* of each route */
	bool transparent; /* sessions from addresses of clients run */
	uint32_t cleared; /* the last real whose counters were */
	size_t looked;    /* at how many neighbours */
	uint8_t mac;      /* the first byte of each one's */
} host;

const struct net_iface *net_iface_named(const struct net *n, const char *name)
{
	for (int i = 0; i < IFACES; i++)
		if (host.iface[i].ifindex && !strcmp(host.iface[i].name, name))
			return &host.iface[i];
	return NULL;
}

const struct net_iface *net_iface_at(const struct net *n, uint32_t ifindex)
{
	for (int i = 0; i < IFACES; i++)
		if (host.iface[i].ifindex == ifindex)
			return &host.iface[i];
	return NULL;
}

uint32_t net_route_connected(const struct net *n, const struct addr *ip, const uint32_t *allowed,
			     size_t count)
{
	return count ? allowed[0] : 0;
}

bool net_neighbour(const struct net *n, uint32_t ifindex, const struct addr *ip,
		   struct net_neighbour *out)
{
	host.looked++;
	*out = (struct net_neighbour){
		.ip = *ip, .mac = {2, host.mac, 0, 0, 0, ip->byte[15]},
                     .valid = 1
        };
	return true;
}

void net_suspect(struct net *n, uint32_t ifindex, const struct addr *ip)
{
}

int net_own_addresses(struct net *n, net_address_fn *fn, void *arg)
{
	return 0;
}

int net_connections(net_address_fn *fn, void *arg)
{
	return 0;
}

int net_transparent(const struct net *n, uid_t uid, bool *any)
{
	*any = host.transparent;
	return 0;
}

uint32_t net_egress(struct net *n, const struct addr *to)
{
	return host.egress;
}

bool net_ports_apart(uint16_t first, uint16_t last)
{
	return true;
}

bool net_forwards(int family)
{
	return true;
}

const struct plan_sink *net_sink(struct net *n)
{
	return NULL;
}

struct proxy_counts proxy_client_real(const struct proxy_client *c, uint32_t id, uint64_t *current,
				      uint64_t *queued)
{
	return (struct proxy_counts){};
}

int dataplane_read_filters(struct dataplane *d, struct plan *actual)
{
	return 0;
}

bool dataplane_filters_now(struct dataplane *d, enum dataplane_filter which, uint32_t ifindex)
{
	return true;
}

bool proxies_hold_service(struct daemon *d, uint32_t id)
{
	return false;
}

bool proxies_hold_real(struct daemon *d, uint32_t id)
{
	return false;
}

void proxies_adjust(struct daemon *d)
{
}

void proxy_client_clear_service(struct proxy_client *c, uint32_t id)
{
}

void proxy_client_clear_real(struct proxy_client *c, uint32_t id)
{
	host.cleared = id;
}

/* What an earlier main wrote beside the counters. */
void proxy_client_each_name(const struct proxy_client *c, proxy_name_fn *fn, void *arg)
{
	fn(arg, PLAN_PROXY_SERVICES, 40, "L7");
	fn(arg, PLAN_PROXY_REALS, 50, "L7/A 192.0.2.20/l7");
	fn(arg, PLAN_PROXY_REALS, 51, "L7/B 192.0.2.21/l7");
}

bool dataplane_nat_uses(const struct dataplane *d, const struct lb_addr *a)
{
	return false;
}

bool dataplane_real_idle(struct dataplane *d, uint32_t real)
{
	return !host.busy[real];
}

struct lb_real_stats dataplane_real_stats(struct dataplane *d, uint32_t real)
{
	return (struct lb_real_stats){.packets = 7};
}

void dataplane_attachment(const struct dataplane *d, uint32_t ifindex,
			  struct dataplane_attachment *a)
{
	*a = (struct dataplane_attachment){};
}

void admin_wake(struct admin *a)
{
}

void wake_start(struct daemon *d)
{
	host.woken++;
}

/* Agrees, until the daemon dies. A row that flows use neither goes nor gets another address. */
static int agree_put(void *to, enum plan_table t, const void *key, const void *value,
		     const void *old)
{
	const struct row_real *is = value, *was = old;

	if (!host.ops_left)
		return -EIO;
	host.ops_left -= host.ops_left > 0;
	if (t == PLAN_REALS && old && host.busy[*(const __u32 *)key])
		assert_memory_equal(&is->real.ip, &was->real.ip, sizeof(is->real.ip));
	return 0;
}

static int agree_delete(void *to, enum plan_table t, const void *key, const void *value)
{
	if (!host.ops_left)
		return -EIO;
	host.ops_left -= host.ops_left > 0;
	assert_false(t == PLAN_REALS && host.busy[*(const __u32 *)key]);
	return 0;
}

static const struct plan_sink sink = {agree_put, agree_delete, NULL};
static const struct daemon_options options = {.xdp_mode = -1, .pin_dir = "/sys/fs/bpf/lbxdp"};

static struct model *model_of(const char *text)
{
	struct config_input in = {
		.file = "f", .text = text, .len = strlen(text), .host_name = "lb1"};
	struct buf messages = {};
	struct model *m = config_read(&in, &messages);

	if (!m)
		print_error("%s", buf_text(&messages));
	assert_non_null(m);
	buf_free(&messages);
	return m;
}

static struct daemon *daemon_of(const char *text)
{
	struct daemon *d = xcalloc(1, sizeof(*d));

	d->options = &options;
	d->loop = loop_new();
	d->model = model_of(text);
	d->orders = orders_open("/nonexistent/orders");
	tables_open(d);
	d->interfaces = xcalloc(1, sizeof(*d->interfaces));
	d->interfaces[d->interface_count++] = xstrdup("eth0");
	for (int t = 0; t < PLAN_TABLE_COUNT; t++)
		d->sinks[t] = &sink;
	return d;
}

static void daemon_end(struct daemon *d)
{
	orders_close(d->orders);
	tables_close(d);
	free(d->interfaces[0]);
	free(d->interfaces);
	loop_free(d->loop);
	model_free(d->model);
	free(d);
}

static void reload(struct daemon *d, const char *text)
{
	model_free(d->model);
	d->model = model_of(text);
	reconcile_now(d);
	gather_release(d);
}

/* A daemon that finds what d left behind: services, reals, endpoints and VIPs come from the maps.
 */
static struct daemon *next_life(struct daemon *d, const char *text)
{
	static const enum plan_table kept[] = {PLAN_SERVICES,  PLAN_REALS, PLAN_ACLS,
					       PLAN_ENDPOINTS, PLAN_VIPS,  PLAN_IFACES};
	struct daemon *next = daemon_of(text);

	for (size_t k = 0; k < ARRAY_COUNT(kept); k++)
		for (size_t i = 0; i < plan_count(d->actual, kept[k]); i++)
			assert_int_equal(plan_put(next->actual, kept[k],
						  plan_key(d->actual, kept[k], i),
						  plan_value(d->actual, kept[k], i)),
					 0);
	daemon_end(d);
	gather_adopt(next);
	reconcile_now(next);
	return next;
}

static uint32_t id_of(const struct daemon *d, const char *identity)
{
	return ids_find(d->real_ids, identity);
}

static const struct row_real *row_of(const struct daemon *d, uint32_t id)
{
	return plan_find(d->actual, PLAN_REALS, &id);
}

static void all_checks_pass(struct daemon *d)
{
	for (size_t i = 0; i < plan_count(d->actual, PLAN_CHECKS); i++) {
		uint32_t id = *(const __u32 *)plan_key(d->actual, PLAN_CHECKS, i);

		checks_report(d, &(struct check_report){.id = id,
							.health = HEALTH_UP,
							.outcome = {.code = CHECK_CODE_L4OK}});
	}
	reconcile_now(d);
}

static struct daemon *running(const char *text)
{
	struct daemon *d;

	memset(&host, 0, sizeof(host));
	host.ops_left = -1;
	host.iface[0] = (struct net_iface){.ifindex = 5, .name = "eth0", .up = true, .epoch = 1};
	d = daemon_of(text);
	reconcile_now(d);
	all_checks_pass(d);
	return d;
}

static uint16_t flags_of(const struct daemon *d, uint32_t id)
{
	const struct row_real *row = row_of(d, id);

	assert_non_null(row);
	return row->real.flags;
}

static void another_address_is_another_real(void **state)
{
	struct daemon *d = running(NODE WEB);
	uint32_t old = id_of(d, "WEB/A 192.0.2.20"), new;

	assert_true(flags_of(d, old) & LB_REAL_USABLE);
	host.busy[old] = true;
	reload(d, NODE WEB_MOVED);
	new = id_of(d, "WEB/A 192.0.2.29");
	assert_int_not_equal(new, old);
	assert_int_equal(row_of(d, old)->real.ip.byte[15], 20);
	assert_int_equal(row_of(d, old)->real.mac[5], 20);
	assert_false(flags_of(d, old) & (LB_REAL_USABLE | LB_REAL_RESET));
	/* What was found out about the old server is not believed of the new one. */
	assert_false(flags_of(d, new) & (LB_REAL_USABLE | LB_REAL_KNOWN));
	reload(d, NODE WEB);
	assert_int_equal(id_of(d, "WEB/A 192.0.2.20"), old);
	daemon_end(d);
}

static void a_check_that_a_reload_adds_takes_a_real_out_only_when_it_fails(void **state)
{
	struct daemon *d = running(NODE WEB);
	uint32_t a = id_of(d, "WEB/A 192.0.2.20"), b = id_of(d, "WEB/B 192.0.2.21");
	struct check_report fails = {.health = HEALTH_DOWN};

	reload(d, NODE WEB_CHECKED_TWICE);
	assert_true(flags_of(d, a) & flags_of(d, b) & LB_REAL_USABLE);
	fails.id = ids_find(d->check_ids, "WEB/A 192.0.2.20#1");
	checks_report(d, &fails);
	reconcile_now(d);
	assert_false(flags_of(d, a) & LB_REAL_USABLE);
	assert_true(flags_of(d, b) & LB_REAL_USABLE);
	daemon_end(d);
}

static void a_real_that_no_flow_carries_goes_even_when_somebody_looked_meanwhile(void **state)
{
	struct daemon *d = running(NODE WEB);
	uint32_t old = id_of(d, "WEB/A 192.0.2.20");
	struct arena *a = arena_new();

	host.busy[old] = true;
	reload(d, NODE WEB_WITHOUT_A);
	assert_non_null(row_of(d, old));
	assert_false(gather_something_idle(d));
	host.busy[old] = false;
	(void)gather_facts(d, a); /* as a status page does */
	assert_true(gather_something_idle(d));
	reconcile_now(d);
	assert_null(row_of(d, old));
	assert_int_equal(id_of(d, "WEB/A 192.0.2.20"), 0);
	assert_int_equal(d->forwarded_gone, 7);
	arena_free(a);
	daemon_end(d);
}

static void a_real_removed_while_it_is_reset_stays_reset(void **state)
{
	struct daemon *d = running(NODE WEB);
	uint32_t id = id_of(d, "WEB/A 192.0.2.20");

	host.busy[id] = true;
	orders_set(d->orders, "WEB", "A", (struct order){.admin = ADMIN_HALT, .weight = -1});
	reconcile_now(d);
	assert_true(flags_of(d, id) & LB_REAL_RESET);
	reload(d, NODE WEB_WITHOUT_A);
	assert_true(flags_of(d, id) & LB_REAL_RESET);
	daemon_end(d);
}

static const __u32 *vip_row(const struct daemon *d, const char *text)
{
	struct addr vip;

	assert_int_equal(addr_parse(&vip, text), 0);
	return plan_find(d->actual, PLAN_VIPS, vip.byte);
}

static void the_vip_of_a_removed_service_is_silent_until_its_flows_are_reset(void **state)
{
	struct daemon *d = running(NODE WEB MAIL);
	uint32_t id = id_of(d, "MAIL/C 192.0.2.22");

	assert_int_equal(*vip_row(d, "192.0.2.11"), 1);
	host.busy[id] = true;
	reload(d, NODE WEB);
	assert_int_equal(*vip_row(d, "192.0.2.11"), 0);
	assert_int_equal(*vip_row(d, "192.0.2.10"), 1);
	assert_true(flags_of(d, id) & LB_REAL_RESET);
	assert_int_equal(host.woken, 1);
	host.busy[id] = false;
	reconcile_now(d);
	assert_null(vip_row(d, "192.0.2.11"));
	assert_int_equal(*vip_row(d, "192.0.2.10"), 1);
	daemon_end(d);
}

static void the_next_life_finds_ids_and_health_again(void **state)
{
	struct daemon *d = running(NODE WEB MAIL);
	uint32_t b = id_of(d, "WEB/B 192.0.2.21"), mail = ids_find(d->service_ids, "MAIL");

	d = next_life(d, NODE MAIL WEB_MOVED);
	assert_int_equal(id_of(d, "WEB/B 192.0.2.21"), b);
	assert_int_equal(ids_find(d->service_ids, "MAIL"), mail);
	assert_true(flags_of(d, b) & LB_REAL_USABLE);
	assert_false(flags_of(d, id_of(d, "WEB/A 192.0.2.29")) & LB_REAL_USABLE);
	daemon_end(d);
}

static void a_service_that_left_before_a_crash_keeps_its_number(void **state)
{
	struct daemon *d = running(NODE WEB MAIL);
	uint32_t c = id_of(d, "MAIL/C 192.0.2.22"), mail = ids_find(d->service_ids, "MAIL");

	host.busy[c] = true;
	reload(d, NODE WEB);
	d = next_life(d, NODE WEB OTHER);
	assert_int_not_equal(ids_find(d->service_ids, "OTHER"), mail);
	assert_true(flags_of(d, c) & LB_REAL_RESET);
	daemon_end(d);
}

static void rows_that_a_crash_left_without_a_name_keep_their_ids(void **state)
{
	struct daemon *d = running(NODE WEB);
	struct row_real lost = {
		.real = {.service = 1, .ifindex = 5}
        };
	uint32_t first = 3, second = 4;

	host.busy[first] = host.busy[second] = true;
	assert_int_equal(plan_put(d->actual, PLAN_REALS, &first, &lost), 0);
	assert_int_equal(plan_put(d->actual, PLAN_REALS, &second, &lost), 0);
	d = next_life(d, NODE WEB MAIL);
	assert_true(id_of(d, "MAIL/C 192.0.2.22") > second);
	assert_true(id_of(d, "MAIL/D 192.0.2.23") > second);
	assert_string_equal(row_of(d, first)->info.name, "");
	assert_string_equal(row_of(d, second)->info.name, "");
	host.busy[first] = host.busy[second] = false;
	reconcile_now(d);
	assert_null(row_of(d, first));
	assert_null(ids_name(d->real_ids, second));
	daemon_end(d);
}

static void ids_of_layer_7_are_those_of_the_earlier_main(void **state)
{
	struct daemon *d = daemon_of(NODE WEB);

	assert_true(ids_claim(d->real_ids, "WEB/A 192.0.2.20", 51));
	gather_adopt_names(d);
	assert_int_equal(ids_find(d->service_ids, "L7"), 40);
	assert_int_equal(ids_find(d->real_ids, "L7/A 192.0.2.20/l7"), 50);
	/* What the maps say comes first; those counters are nobody's any more. */
	assert_int_equal(ids_find(d->real_ids, "WEB/A 192.0.2.20"), 51);
	assert_int_equal(ids_find(d->real_ids, "L7/B 192.0.2.21/l7"), 0);
	assert_int_equal(host.cleared, 51);
	assert_true(d->leaving); /* what the model does not have is looked for */
	gather_release(d);
	assert_int_equal(ids_find(d->service_ids, "L7"), 0);
	daemon_end(d);
}

static void an_isolation_halts_only_where_its_real_is(void **state)
{
	struct daemon *d = running(NODE WEB MAIL);
	struct isolation second = {.pattern = (char *)"WEB/B"};
	struct isolation first = {.pattern = (char *)"*/A"};

	d->isolations = &first;
	reconcile_now(d);
	assert_true(flags_of(d, id_of(d, "WEB/A 192.0.2.20")) & LB_REAL_USABLE);
	assert_true(flags_of(d, id_of(d, "WEB/B 192.0.2.21")) & LB_REAL_RESET);
	assert_true(flags_of(d, id_of(d, "MAIL/C 192.0.2.22")) & LB_REAL_USABLE);
	first.next = &second;
	reconcile_now(d);
	assert_true(flags_of(d, id_of(d, "WEB/A 192.0.2.20")) & LB_REAL_USABLE);
	assert_true(flags_of(d, id_of(d, "WEB/B 192.0.2.21")) & LB_REAL_USABLE);
	first.next = NULL;
	reload(d, NODE WEB_WITHOUT_A MAIL);
	assert_true(flags_of(d, id_of(d, "WEB/B 192.0.2.21")) & LB_REAL_USABLE);
	d->isolations = NULL;
	daemon_end(d);
}

static void an_interface_that_returns_under_another_number_is_announced_on(void **state)
{
	struct daemon *d = running(NODE WEB);
	struct row_announce_key key = {.ifindex = 5};

	assert_int_equal(addr_parse(&key.vip, "192.0.2.10"), 0);
	assert_non_null(plan_find(d->actual, PLAN_ANNOUNCE, &key));
	host.iface[0].ifindex = 9;
	reconcile_now(d);
	assert_null(plan_find(d->actual, PLAN_ANNOUNCE, &key));
	key.ifindex = 9;
	assert_non_null(plan_find(d->actual, PLAN_ANNOUNCE, &key));
	daemon_end(d);
}

#define SLOW                                                                                       \
	"  SLOW:\n    mode: l7-tcp\n    vip: 192.0.2.13\n    ports: [80]\n    slow_start: 30s\n"   \
	"    reals: {F: {ip: 192.0.2.25}, G: {ip: 192.0.2.26}}\n"

static uint64_t since_of(const struct daemon *d, const char *identity)
{
	uint32_t id = id_of(d, identity);
	const struct proxy_real *row = plan_find(d->actual, PLAN_PROXY_REALS, &id);

	assert_non_null(row);
	return row->since;
}

static void all_checks_fail(struct daemon *d)
{
	for (size_t i = 0; i < plan_count(d->actual, PLAN_CHECKS); i++) {
		uint32_t id = *(const __u32 *)plan_key(d->actual, PLAN_CHECKS, i);

		checks_report(d, &(struct check_report){.id = id,
							.health = HEALTH_DOWN,
							.outcome = {.code = CHECK_CODE_L4CON}});
	}
	reconcile_now(d);
}

static void a_server_that_is_back_starts_slowly_and_a_new_daemon_does_not(void **state)
{
	struct daemon *d = running(NODE SLOW);
	uint64_t since;

	assert_true(since_of(d, "SLOW/F 192.0.2.25/l7") == 0);
	all_checks_fail(d);
	assert_true(since_of(d, "SLOW/F 192.0.2.25/l7") == 0);
	all_checks_pass(d);
	since = since_of(d, "SLOW/F 192.0.2.25/l7");
	assert_true(since > 0);
	reconcile_now(d);
	assert_true(since_of(d, "SLOW/F 192.0.2.25/l7") == since);
	daemon_end(d);
}

static void start_up_is_over_when_every_check_has_spoken(void **state)
{
	struct daemon *d = running(NODE WEB MAIL);

	assert_true(checks_settled(d));
	reload(d, NODE WEB MAIL OTHER);
	assert_false(checks_settled(d));
	all_checks_pass(d);
	assert_true(checks_settled(d));
	reload(d, NODE OTHER);
	assert_true(checks_settled(d));
	daemon_end(d);
}

/* F25: the sinks see to it, in every order of reloads, deaths and flows that chance finds. */
static void no_reload_and_no_crash_moves_a_flow_to_another_server(void **state)
{
	static const char *const shapes[] = {NODE WEB, NODE WEB MAIL, NODE WEB_MOVED OTHER,
					     NODE MAIL, NODE WEB_WITHOUT_A MAIL OTHER};
	struct daemon *d = running(NODE WEB);

	srand(1);
	for (int round = 0; round < 500; round++) {
		for (size_t i = 0; i < plan_count(d->actual, PLAN_REALS); i++)
			host.busy[*(const __u32 *)plan_key(d->actual, PLAN_REALS, i)] = rand() % 2;
		host.ops_left = rand() % 3 ? -1 : rand() % 40;
		reload(d, shapes[rand() % ARRAY_COUNT(shapes)]);
		if (host.ops_left >= 0) {
			host.ops_left = -1;
			d = next_life(d, shapes[rand() % ARRAY_COUNT(shapes)]);
		}
		if (rand() % 2)
			all_checks_pass(d);
	}
	memset(host.busy, 0, sizeof(host.busy));
	reload(d, NODE OTHER);
	assert_int_equal(plan_count(d->actual, PLAN_REALS), 1);
	assert_int_equal(plan_count(d->actual, PLAN_SERVICES), 1);
	assert_int_equal(plan_count(d->actual, PLAN_VIPS), 1);
	daemon_end(d);
}

#define TPROXY                                                                                     \
	"  SMTP:\n    mode: l7-tcp\n    source: client\n    vip: 192.0.2.13\n    ports: [25]\n"    \
	"    check: {type: connect}\n    reals:\n      F: {ip: 198.51.100.7}\n"

static size_t tproxy_rows(const struct daemon *d)
{
	return plan_count(d->actual, PLAN_DIVERTS) + plan_count(d->actual, PLAN_LOCAL_ROUTES);
}

static void what_tproxy_has_stays_while_its_sessions_run(void **state)
{
	struct daemon *d = daemon_of(NODE OTHER TPROXY);
	const struct row_local_route route = {.family = AF_INET, .table = LB_TPROXY_TABLE};
	const uint32_t egress = 9;

	host.egress = egress;
	reconcile_now(d);
	assert_int_equal(tproxy_rows(d), 2);
	assert_non_null(plan_find(d->actual, PLAN_DIVERTS, &egress));
	assert_non_null(plan_find(d->actual, PLAN_LOCAL_ROUTES, &route));
	host.transparent = true;
	reload(d, NODE OTHER);
	assert_int_equal(tproxy_rows(d), 2);
	assert_true(d->tproxy_held);
	host.transparent = false;
	reconcile_now(d);
	assert_int_equal(tproxy_rows(d), 0);
	assert_false(d->tproxy_held);
	host.egress = 0;
	daemon_end(d);
}

static void what_an_earlier_life_left_of_tproxy_goes(void **state)
{
	struct daemon *d = daemon_of(NODE OTHER);

	tproxy_kernel_rows(options.pin_dir, NULL, d->actual);
	assert_int_equal(plan_count(d->actual, PLAN_LOCAL_ROUTES), 2);
	reconcile_now(d);
	assert_int_equal(tproxy_rows(d), 0);
	daemon_end(d);
}

/* What a check says, as the probe reports it, and the round's end. */
static void report(struct daemon *d, const char *check, enum health health)
{
	const struct check_report r = {
		.id = ids_find(d->check_ids, check),
		.health = health,
		.outcome = {.code = health == HEALTH_UP ? CHECK_CODE_L4OK : CHECK_CODE_L4CON},
	};

	checks_report(d, &r);
	reconcile_marked_now(d);
}

/* Is the world what a whole plan of the facts as they are would make of it? */
static void assert_whole(struct daemon *d)
{
	struct arena *a = arena_new();
	struct plan *all = desire(d->model, gather_facts(d, a), d->store);

	assert_non_null(all);
	assert_int_equal(plan_difference(d->actual, all), 0);
	plan_free(all);
	arena_free(a);
}

static void a_check_costs_a_look_at_its_own_service_only(void **state)
{
	struct daemon *d = running(NODE WEB MAIL OTHER);
	uint32_t a = id_of(d, "WEB/A 192.0.2.20");

	host.looked = 0;
	report(d, "WEB/A 192.0.2.20#0", HEALTH_DOWN);
	assert_int_equal(host.looked, 2);
	assert_false(flags_of(d, a) & LB_REAL_USABLE);
	assert_true(flags_of(d, a) & LB_REAL_RESET);
	assert_int_equal(host.woken, 1);
	assert_whole(d);
	host.looked = 0;
	orders_set(d->orders, "MAIL", "C", (struct order){.admin = ADMIN_HALT, .weight = -1});
	reconcile_service_later(d, 1);
	reconcile_marked_now(d);
	assert_int_equal(host.looked, 2);
	assert_true(flags_of(d, id_of(d, "MAIL/C 192.0.2.22")) & LB_REAL_RESET);
	assert_whole(d);
	host.looked = 0;
	reconcile_marked_now(d); /* nothing waits */
	assert_int_equal(host.looked, 0);
	daemon_end(d);
}

static void a_row_of_one_service_that_is_refused_is_tried_again(void **state)
{
	struct daemon *d = running(NODE WEB MAIL);
	uint32_t a = id_of(d, "WEB/A 192.0.2.20");

	host.ops_left = 0;
	report(d, "WEB/A 192.0.2.20#0", HEALTH_DOWN);
	assert_true(d->refused > 0);
	assert_true(timer_running(&d->retry));
	assert_true(flags_of(d, a) & LB_REAL_USABLE);
	host.ops_left = -1;
	report(d, "MAIL/C 192.0.2.22#0", HEALTH_DOWN); /* another's turn is the retry's as well */
	assert_int_equal(d->refused, 0);
	assert_false(flags_of(d, a) & LB_REAL_USABLE);
	assert_whole(d);
	daemon_end(d);
}

static void what_is_wide_is_not_forgotten_for_what_is_narrow(void **state)
{
	struct daemon *d = running(NODE WEB MAIL);
	uint32_t c = id_of(d, "MAIL/C 192.0.2.22");

	host.mac = 7;
	reconcile_later(d); /* as net tells */
	report(d, "WEB/A 192.0.2.20#0", HEALTH_DOWN);
	assert_int_equal(row_of(d, c)->real.mac[1], 7);
	assert_whole(d);
	host.mac = 0;
	daemon_end(d);
}

static void a_check_that_is_released_and_numbered_anew_finds_its_service(void **state)
{
	struct daemon *d = running(NODE WEB MAIL);

	reload(d, NODE MAIL);
	reload(d, NODE OTHER WEB MAIL);
	all_checks_pass(d);
	host.looked = 0;
	report(d, "MAIL/D 192.0.2.23#0", HEALTH_DOWN);
	assert_int_equal(host.looked, 2);
	assert_false(flags_of(d, id_of(d, "MAIL/D 192.0.2.23")) & LB_REAL_USABLE);
	assert_whole(d);
	daemon_end(d);
}

#define SLOW_LAYER4                                                                                \
	"  RAMP:\n    vip: 192.0.2.14\n    ports: [80]\n    slow_start: 1h\n"                      \
	"    check: {type: connect}\n"                                                             \
	"    reals: {H: {ip: 192.0.2.27}, I: {ip: 192.0.2.28}}\n"

static void a_step_of_slow_start_is_its_services_alone(void **state)
{
	struct daemon *d = running(NODE WEB SLOW_LAYER4);

	report(d, "RAMP/H 192.0.2.27#0", HEALTH_DOWN);
	assert_false(timer_running(&d->ramp));
	report(d, "RAMP/H 192.0.2.27#0", HEALTH_UP);
	assert_true(timer_running(&d->ramp));
	assert_true(d->facts->services[1].ramp_next < UINT64_MAX);
	assert_true(d->facts->services[0].ramp_next == UINT64_MAX);
	host.looked = 0;
	timer_stop(&d->ramp);
	d->ramp.fn(&d->ramp); /* too early */
	assert_int_equal(host.looked, 0);
	assert_true(timer_running(&d->ramp));
	((struct service_fact *)d->facts->services)[1].ramp_next = 0; /* its time has come */
	d->ramp.fn(&d->ramp);
	assert_int_equal(host.looked, 2);
	assert_true(timer_running(&d->ramp));
	assert_whole(d);
	daemon_end(d);
}

#define HASHED                                                                                     \
	"  HASHED:\n    vip: 192.0.2.15\n    ports: [80]\n    scheduler: maglev\n"                 \
	"    check: {type: connect}\n"                                                             \
	"    reals: {J: {ip: 192.0.2.29}, K: {ip: 192.0.2.30}}\n"

/* Tables that no row holds any more are found by a whole plan only. */
static void changes_of_one_service_do_not_fill_the_memory(void **state)
{
	struct daemon *d = running(NODE WEB HASHED);
	struct order order = {.admin = ADMIN_ONLINE};
	size_t most = 0, whole = 0;

	for (order.weight = 101; order.weight < 400; order.weight++) {
		orders_set(d->orders, "HASHED", "J", order);
		reconcile_service_later(d, 1);
		host.looked = 0;
		reconcile_marked_now(d);
		whole += host.looked > 2;
		most = store_made(d->store) > most ? store_made(d->store) : most;
	}
	assert_in_range(most, 16 << 20, 64 << 20);
	assert_in_range(whole, 1, 10);
	assert_whole(d);
	daemon_end(d);
}

#define TPROXY_BESIDE                                                                              \
	"  SMTP2:\n    mode: l7-tcp\n    source: client\n    vip: 192.0.2.13\n    ports: [26]\n"   \
	"    check: {type: connect}\n    reals:\n      F: {ip: 198.51.100.8}\n"

/* A route has no event of its own: it is found where the service is looked at. */
static void what_services_share_takes_a_whole_plan(void **state)
{
	const uint32_t first = 9, second = 10;
	struct daemon *d;

	memset(&host, 0, sizeof(host));
	host.ops_left = -1;
	host.egress = first;
	d = daemon_of(NODE TPROXY TPROXY_BESIDE);
	reconcile_now(d);
	all_checks_pass(d);
	host.egress = second;
	report(d, "SMTP/F 198.51.100.7#0", HEALTH_DOWN);
	assert_null(plan_find(d->actual, PLAN_DIVERTS, &first));
	assert_non_null(plan_find(d->actual, PLAN_DIVERTS, &second));
	assert_whole(d);
	daemon_end(d);
}

/* One thing after another, as they come to a running daemon. */
static void something_happens(struct daemon *d)
{
	static const char *const checks[] = {"WEB/A 192.0.2.20#0",   "WEB/B 192.0.2.21#0",
					     "MAIL/C 192.0.2.22#0",  "MAIL/D 192.0.2.23#0",
					     "OTHER/E 192.0.2.24#0", "SLOW/F 192.0.2.25#0",
					     "RAMP/H 192.0.2.27#0",  "RAMP/I 192.0.2.28#0"};
	struct order order = {.admin = rand() % 3, .weight = rand() % 3 - 1};
	const char *check = checks[rand() % ARRAY_COUNT(checks)];

	switch (rand() % 6) {
	case 0:
		orders_set(d->orders, "MAIL", "C", order);
		reconcile_service_later(d, 1);
		break;
	case 1:
		host.mac = (uint8_t)rand();
		reconcile_later(d);
		break;
	case 2:
		host.ops_left = rand() % 3 ? -1 : rand() % 4;
		break;
	default:
		checks_report(d,
			      &(struct check_report){.id = ids_find(d->check_ids, check),
						     .health = rand() % 2 ? HEALTH_UP : HEALTH_DOWN,
						     .outcome = {.code = CHECK_CODE_L4CON}});
	}
}

static void whatever_happens_the_world_is_what_a_whole_plan_has(void **state)
{
	struct daemon *d = running(NODE WEB MAIL OTHER SLOW SLOW_LAYER4);

	srand(3);
	for (int round = 0; round < 2000; round++) {
		for (int i = rand() % 3; i >= 0; i--)
			something_happens(d);
		reconcile_marked_now(d);
		if (d->refused) {
			host.ops_left = -1;
			d->retry.fn(&d->retry);
		}
		assert_whole(d);
	}
	daemon_end(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_check_costs_a_look_at_its_own_service_only),
		cmocka_unit_test(a_row_of_one_service_that_is_refused_is_tried_again),
		cmocka_unit_test(what_is_wide_is_not_forgotten_for_what_is_narrow),
		cmocka_unit_test(a_check_that_is_released_and_numbered_anew_finds_its_service),
		cmocka_unit_test(a_step_of_slow_start_is_its_services_alone),
		cmocka_unit_test(changes_of_one_service_do_not_fill_the_memory),
		cmocka_unit_test(what_services_share_takes_a_whole_plan),
		cmocka_unit_test(whatever_happens_the_world_is_what_a_whole_plan_has),
		cmocka_unit_test(another_address_is_another_real),
		cmocka_unit_test(a_check_that_a_reload_adds_takes_a_real_out_only_when_it_fails),
		cmocka_unit_test(
			a_real_that_no_flow_carries_goes_even_when_somebody_looked_meanwhile),
		cmocka_unit_test(a_real_removed_while_it_is_reset_stays_reset),
		cmocka_unit_test(the_vip_of_a_removed_service_is_silent_until_its_flows_are_reset),
		cmocka_unit_test(the_next_life_finds_ids_and_health_again),
		cmocka_unit_test(a_service_that_left_before_a_crash_keeps_its_number),
		cmocka_unit_test(rows_that_a_crash_left_without_a_name_keep_their_ids),
		cmocka_unit_test(ids_of_layer_7_are_those_of_the_earlier_main),
		cmocka_unit_test(an_isolation_halts_only_where_its_real_is),
		cmocka_unit_test(an_interface_that_returns_under_another_number_is_announced_on),
		cmocka_unit_test(a_server_that_is_back_starts_slowly_and_a_new_daemon_does_not),
		cmocka_unit_test(start_up_is_over_when_every_check_has_spoken),
		cmocka_unit_test(what_tproxy_has_stays_while_its_sessions_run),
		cmocka_unit_test(what_an_earlier_life_left_of_tproxy_goes),
		cmocka_unit_test(no_reload_and_no_crash_moves_a_flow_to_another_server),
	};

	log_open("test", LOG_STYLE_PLAIN, -1); /* nobody reads it */
	return cmocka_run_group_tests_name("gather", tests, NULL, NULL);
}
