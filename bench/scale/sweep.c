/* SPDX-License-Identifier: GPL-2.0-only */
/* The sweep over a full table, and new lists that end flows of it, called as main does. */
#include <math.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "core/acl.h"
#include "dataplane/internal.h"
#include "scale/host.h"

enum { BATCH = 4096 };

static int pinned(const char *path)
{
	int fd = bpf_obj_get(path);

	host_must(fd >= 0, path);
	return fd;
}

/* Established, just seen, of all reals in turn. */
static void fill_batch(struct lb_flow4 *key, struct lb_flow *flow, uint32_t first, uint32_t count,
		       const struct daemon *d)
{
	uint32_t now = (uint32_t)(clock_nsec_coarse() >> LB_TICK_SHIFT);
	size_t reals = plan_count(d->actual, PLAN_REALS);

	for (uint32_t i = 0; i < count; i++) {
		uint32_t n = first + i;
		size_t row = n % reals;
		const struct row_real *real = plan_value(d->actual, PLAN_REALS, row);

		key[i] = (struct lb_flow4){
			.src = {11, n >> 16, n >> 8, n},
			.dst = {10, 200,     0,      1},
			.dport = 443,
			.sport = (uint16_t)n,
			.proto = 6
                };
		flow[i] = (struct lb_flow){
			.real = *(const __u32 *)plan_key(d->actual, PLAN_REALS, row),
			.service = real->real.service,
			.seen = now,
			.state = LB_FLOW_ESTABLISHED};
	}
}

static void fill(const struct daemon *d, uint32_t flows)
{
	int fd = pinned("/sys/fs/bpf/lbxdp/lbx_flows4");
	struct lb_flow4 *key = xcalloc(BATCH, sizeof(*key));
	struct lb_flow *flow = xcalloc(BATCH, sizeof(*flow));

	for (uint32_t at = 0; at < flows;) {
		uint32_t count = flows - at < BATCH ? flows - at : BATCH;

		fill_batch(key, flow, at, count, d);
		host_must(!bpf_map_update_batch(fd, key, flow, &count, NULL), "lbx_flows4");
		at += count;
	}
	d->dataplane->settings->count4 = flows;
	free(key);
	free(flow);
	close(fd);
}

/* One call, as main makes it: ten a second. */
static struct host_took call(struct daemon *d)
{
	const struct timespec rest = {.tv_nsec = DATAPLANE_SWEEP_MSEC * 1000000L};
	struct host_took began;

	nanosleep(&rest, NULL);
	began = host_began();
	(void)dataplane_sweep(d->dataplane);
	return host_since(began);
}

/* A pass, from one's beginning to the next one's: how long it lasts, and the CPU time it takes. */
static struct host_took measure_pass(struct daemon *d)
{
	uint32_t pass = sweep_pass(d->dataplane);
	struct host_took took;
	double cpu = 0;

	while (sweep_pass(d->dataplane) == pass)
		(void)call(d);
	took = host_began();
	while (sweep_pass(d->dataplane) == pass + 1)
		cpu += call(d).cpu;
	took = host_since(took);
	took.cpu = cpu;
	return took;
}

static void measure_calls(struct daemon *d, double seconds)
{
	size_t room = (size_t)(seconds * 1000 / DATAPLANE_SWEEP_MSEC) + 1;
	struct host_took *took = xcalloc(room, sizeof(*took)), all = host_began(), share = {};

	for (size_t i = 0; i < room; i++) {
		took[i] = call(d);
		share.wall += took[i].wall;
		share.cpu += took[i].cpu;
	}
	all = host_since(all);
	share.wall /= all.wall;
	share.cpu /= all.wall;
	host_row("one call of it, ten a second", "ms", 1e3, took, room, NAN);
	host_row("**sweep** of a million flows, of a core", "%", 100, &share, 1, 3);
	free(took);
}

/* Refuses the clients of all flows of so many services. */
static void refuse(struct daemon *d, size_t services)
{
	struct prefix all = {.addr = addr_from_v4((uint8_t[]){11, 0, 0, 0}), .len = 96 + 8};
	struct acl_prefixes none = {}, some = {.at = &all, .count = 1};
	struct arena *a = arena_new();
	const struct row_acl row = {.acl = acl_new(&none, &some, a)};
	const struct plan_sink *sink = dataplane_sink(d->dataplane);

	for (size_t i = 0; i < services; i++)
		host_must(!sink->put(sink->to, PLAN_ACLS, plan_key(d->actual, PLAN_SERVICES, i),
				     &row, NULL),
			  "a list was refused");
	arena_free(a);
}

/* From the switch to the last flow that it ends, as main has it, the sweep apart. */
static void measure_refusal(struct daemon *d, size_t services, const char *label)
{
	const struct timespec rest = {.tv_nsec = DATAPLANE_JUDGE_MSEC * 1000000L},
			      before = {.tv_nsec = DATAPLANE_SWEEP_MSEC * 1000000L};
	struct host_took took, slice;
	double cpu = 0;
	bool more;

	refuse(d, services);
	took = host_began();
	nanosleep(&before, NULL); /* main's sweep begins it */
	do {
		slice = host_began();
		more = dataplane_judge(d->dataplane);
		cpu += host_since(slice).cpu;
		nanosleep(&rest, NULL);
	} while (more);
	took = host_since(took);
	took.cpu = cpu;
	host_row(label, "s", 1, &took, 1, services == 1 ? 5 : NAN);
}

static void measure_refusals(struct daemon *d, uint32_t flows)
{
	size_t services = plan_count(d->actual, PLAN_SERVICES);

	measure_refusal(d, 1, "**new list**: a million flows judged, a hundred of them ended");
	host_must(d->dataplane->denied_flows == flows / services, "flows were not ended");
	measure_refusal(d, services, "new lists: a million flows judged, all of them ended");
	host_must(d->dataplane->denied_flows == flows, "flows were not ended");
}

void sweep_measure(struct daemon *d, uint32_t flows, double seconds)
{
	struct host_took pass;

	fill(d, flows);
	pass = measure_pass(d);
	host_row("a pass over a million flows and 100,000 reals", "s", 1, &pass, 1, NAN);
	measure_calls(d, seconds);
	host_must(d->dataplane->settings->count4 == flows, "flows got lost");
	measure_refusals(d, flows);
}
