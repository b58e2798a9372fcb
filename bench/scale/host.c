/* SPDX-License-Identifier: GPL-2.0-only */
#include "scale/host.h"

#include <errno.h>
#include <math.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "core/config.h"

/* Named with -Wl,--wrap in rules.mk: what the linker puts in the place of the function without
 * __wrap_. */
/* clang-format off */
const struct net_iface *__wrap_net_iface_at(const struct net *n, uint32_t ifindex);
const struct net_iface *__wrap_net_iface_named(const struct net *n, const char *name);
uint32_t __wrap_net_route_connected(const struct net *n, const struct addr *ip, const uint32_t *allowed, size_t count);
bool __wrap_net_neighbour(const struct net *n, uint32_t ifindex, const struct addr *ip, struct net_neighbour *out);
void __wrap_net_suspect(struct net *n, uint32_t ifindex, const struct addr *ip);
uint32_t __wrap_net_egress(struct net *n, const struct addr *to);
void __wrap_admin_wake(struct admin *a);
void __wrap_wake_start(struct daemon *d);
void __wrap_proxies_adjust(struct daemon *d);
bool __wrap_proxies_hold_real(struct daemon *d, uint32_t id);
bool __wrap_proxies_hold_service(struct daemon *d, uint32_t id);
void __wrap_proxy_client_clear_real(struct proxy_client *c, uint32_t id);
void __wrap_proxy_client_clear_service(struct proxy_client *c, uint32_t id);
/* clang-format on */

static struct net_iface eth0 = {
	.name = "eth0", .mac = {2, 0, 0, 0, 0, 1},
             .up = true
};
/* In memory: how long the disk takes is not the question. */
static char orders[] = "/dev/shm/lbxdp-scale-XXXXXX";

const struct net_iface *__wrap_net_iface_at(const struct net *n, uint32_t ifindex)
{
	return ifindex == eth0.ifindex ? &eth0 : NULL;
}

const struct net_iface *__wrap_net_iface_named(const struct net *n, const char *name)
{
	return strcmp(name, eth0.name) ? NULL : &eth0;
}

uint32_t __wrap_net_route_connected(const struct net *n, const struct addr *ip,
				    const uint32_t *allowed, size_t count)
{
	return count ? allowed[0] : 0;
}

bool __wrap_net_neighbour(const struct net *n, uint32_t ifindex, const struct addr *ip,
			  struct net_neighbour *out)
{
	*out = (struct net_neighbour){.ip = *ip, .ifindex = ifindex, .valid = true};
	out->mac[0] = 2;
	memcpy(&out->mac[1], &ip->byte[11], 5);
	return true;
}

void __wrap_net_suspect(struct net *n, uint32_t ifindex, const struct addr *ip)
{
}

uint32_t __wrap_net_egress(struct net *n, const struct addr *to)
{
	return eth0.ifindex;
}

void __wrap_admin_wake(struct admin *a)
{
}

void __wrap_wake_start(struct daemon *d)
{
}

void __wrap_proxies_adjust(struct daemon *d)
{
}

bool __wrap_proxies_hold_real(struct daemon *d, uint32_t id)
{
	return false;
}

bool __wrap_proxies_hold_service(struct daemon *d, uint32_t id)
{
	return false;
}

void __wrap_proxy_client_clear_real(struct proxy_client *c, uint32_t id)
{
}

void __wrap_proxy_client_clear_service(struct proxy_client *c, uint32_t id)
{
}

void host_must(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "bench-scale: %s: %s\n", what, strerror(errno));
	exit(1);
}

static double seconds(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

struct host_took host_began(void)
{
	return (struct host_took){seconds(CLOCK_MONOTONIC), seconds(CLOCK_THREAD_CPUTIME_ID)};
}

struct host_took host_since(struct host_took began)
{
	struct host_took now = host_began();

	return (struct host_took){now.wall - began.wall, now.cpu - began.cpu};
}

static int by_wall(const void *a, const void *b)
{
	const struct host_took *x = a, *y = b;

	return (x->wall > y->wall) - (x->wall < y->wall);
}

static int by_cpu(const void *a, const void *b)
{
	const struct host_took *x = a, *y = b;

	return (x->cpu > y->cpu) - (x->cpu < y->cpu);
}

void host_row(const char *label, const char *unit, double scale, struct host_took *samples,
	      size_t count, double limit)
{
	const struct host_took *middle = &samples[count / 2], *last = &samples[count - 1];

	qsort(samples, count, sizeof(*samples), by_wall);
	printf("%s\t%s\t%zu\t%.2f\t%.2f\t", label, unit, count, scale * middle->wall,
	       scale * last->wall);
	qsort(samples, count, sizeof(*samples), by_cpu);
	printf("%.2f\t%.2f\t", scale * middle->cpu, scale * last->cpu);
	if (isnan(limit))
		printf("\n");
	else
		printf("%g\n", limit);
	fflush(stdout);
}

void host_enter(void)
{
	host_must(!unshare(CLONE_NEWNET | CLONE_NEWNS), "unshare (root?)");
	host_must(!mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), "mount");
	host_must(!mount("sysfs", "/sys", "sysfs", 0, NULL), "mount /sys");
	host_must(!mount("bpf", "/sys/fs/bpf", "bpf", 0, NULL), "mount /sys/fs/bpf");
	host_must(!system("ip link add eth0 type veth peer name eth1 && ip link set eth0 up && "
			  "ip link set eth1 up"),
		  "ip link");
	eth0.ifindex = if_nametoindex("eth0");
}

static int taken(void *to, enum plan_table t, const void *key, const void *value, const void *old)
{
	return 0;
}

static int gone(void *to, enum plan_table t, const void *key, const void *value)
{
	return 0;
}

static void open_sinks(struct daemon *d)
{
	static const struct plan_sink nowhere = {taken, gone, NULL};
	static const enum plan_table maps[] = {
		PLAN_SETTINGS, PLAN_SERVICES, PLAN_REALS,     PLAN_POOLS, PLAN_RINGS,
		PLAN_FLOODS,   PLAN_ACLS,     PLAN_ENDPOINTS, PLAN_VIPS,  PLAN_IFACES};

	for (int t = 0; t < PLAN_TABLE_COUNT; t++)
		d->sinks[t] = &nowhere;
	for (size_t i = 0; i < ARRAY_COUNT(maps); i++)
		d->sinks[maps[i]] = dataplane_sink(d->dataplane);
}

struct daemon *host_open(struct model *m, uint32_t flows)
{
	static const struct daemon_options options = {
		.xdp_mode = -1, .pin_dir = "/sys/fs/bpf/lbxdp", .state_dir = "/dev/shm"};
	const struct dataplane_options o = {.pin_dir = options.pin_dir, .flows = flows};
	struct daemon *d = xcalloc(1, sizeof(*d));
	struct buf why = {};
	int fd;

	d->options = &options;
	d->model = m;
	d->loop = loop_new();
	memcpy(orders + sizeof(orders) - 7, "XXXXXX", 6);
	fd = mkstemp(orders);
	host_must(fd >= 0, orders);
	close(fd);
	d->orders = orders_open(orders);
	tables_open(d);
	d->interfaces = xcalloc(1, sizeof(*d->interfaces));
	d->interfaces[d->interface_count++] = xstrdup(eth0.name);
	errno = -dataplane_open(&d->dataplane, &o, &why);
	host_must(!errno, buf_text(&why));
	buf_free(&why);
	open_sinks(d);
	return d;
}

void host_close(struct daemon *d)
{
	host_must(!dataplane_destroy(d->dataplane), "dataplane_destroy");
	dataplane_close(d->dataplane);
	orders_close(d->orders);
	(void)unlink(orders);
	tables_close(d);
	free(d->interfaces[0]);
	free(d->interfaces);
	loop_free(d->loop);
	model_free(d->model);
	free(d);
}

struct model *host_read(const struct buf *text)
{
	struct config_input in = {
		.file = "scale.yaml", .text = text->at, .len = text->len, .host_name = "lb1"};
	struct buf messages = {};
	struct model *m = config_read(&in, &messages);

	host_must(m, buf_text(&messages));
	buf_free(&messages);
	return m;
}
