/* SPDX-License-Identifier: GPL-2.0-only */
/* The packet cases, run by the kernel (BPF_PROG_TEST_RUN) on the program as it is installed. */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "cases.h"
#include "guard.skel.h"
#include "lbxdp.skel.h"
#include "world.h"

const char *runner_name = "kernel";

static struct lbxdp_bpf *skel;
static struct guard_bpf *guard;

enum { CPUS_MAX = 1024, ETHERNET_HEADER = 14 };

static struct bpf_map *map_of(const char *name)
{
	struct bpf_map *m = bpf_object__find_map_by_name(skel->obj, name);

	if (!m)
		exit(fprintf(stderr, "no map %s\n", name));
	return m;
}

static bool is_percpu(const struct bpf_map *m)
{
	return bpf_map__type(m) == BPF_MAP_TYPE_PERCPU_ARRAY;
}

/* A per-CPU value is written as the same for all CPUs: the cases write zeros only. */
int runner_put(const char *map, const void *key, const void *value)
{
	static uint64_t wide[CPUS_MAX * 2];
	struct bpf_map *m = map_of(map);

	if (!bpf_map_update_elem(bpf_map__fd(m), key, is_percpu(m) ? wide : value, BPF_ANY))
		return 0;
	return -errno;
}

int runner_get(const char *map, const void *key, void *value)
{
	static uint64_t wide[CPUS_MAX * 2];
	struct bpf_map *m = map_of(map);
	size_t words = bpf_map__value_size(m) / 8;
	uint64_t *sum = value;

	if (!is_percpu(m))
		return bpf_map_lookup_elem(bpf_map__fd(m), key, value) ? -errno : 0;
	if (bpf_map_lookup_elem(bpf_map__fd(m), key, wide))
		return -errno;
	for (size_t i = 0; i < words; i++) {
		sum[i] = 0;
		for (int cpu = 0; cpu < libbpf_num_possible_cpus(); cpu++)
			sum[i] += wide[cpu * words + i];
	}
	return 0;
}

int runner_del(const char *map, const void *key)
{
	return bpf_map_delete_elem(bpf_map__fd(map_of(map)), key) ? -errno : 0;
}

int runner_next(const char *map, const void *prev, void *key)
{
	return bpf_map_get_next_key(bpf_map__fd(map_of(map)), prev, key) ? -errno : 0;
}

/* The kernel refuses to test-run what is shorter than an Ethernet header. */
int runner_run(struct frame *f)
{
	static uint8_t out[FRAME_MAX];
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = f->byte, .data_size_in = f->len,
		    .data_out = out, .data_size_out = sizeof(out), .repeat = 1);

	if (f->len < ETHERNET_HEADER)
		return -EINVAL;
	if (bpf_prog_test_run_opts(bpf_program__fd(skel->progs.lbxdp), &opts))
		return -errno;
	memcpy(f->byte, out, opts.data_size_out);
	f->len = opts.data_size_out;
	return opts.retval;
}

bool runner_guard(const struct lb_addr *client, const struct lb_endpoint *at, bool six)
{
	struct bpf_sk_lookup ctx = {
		.family = six ? AF_INET6 : AF_INET, .protocol = at->proto, .local_port = at->port};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .ctx_in = &ctx, .ctx_size_in = sizeof(ctx));
	int err;

	if (six) {
		memcpy(ctx.remote_ip6, client->byte, sizeof(ctx.remote_ip6));
		memcpy(ctx.local_ip6, at->vip.byte, sizeof(ctx.local_ip6));
	} else {
		memcpy(&ctx.remote_ip4, client->byte + 12, sizeof(ctx.remote_ip4));
		memcpy(&ctx.local_ip4, at->vip.byte + 12, sizeof(ctx.local_ip4));
	}
	err = bpf_prog_test_run_opts(bpf_program__fd(guard->progs.lbxdp_guard), &opts);
	if (err)
		exit(fprintf(stderr, "guard: %s\n", strerror(-err)));
	return opts.retval == SK_DROP;
}

bool runner_refuse(const char *map, bool refuse)
{
	return false;
}

static bool traced;

static int take_trace(void *to, void *record, size_t size)
{
	memcpy(to, record, sizeof(struct lb_trace));
	traced = size == sizeof(struct lb_trace);
	return -EINTR; /* one is enough */
}

bool runner_trace(struct lb_trace *t)
{
	struct ring_buffer *ring =
		ring_buffer__new(bpf_map__fd(map_of("lbx_trace")), take_trace, t, NULL);

	traced = false;
	if (!ring)
		exit(fprintf(stderr, "no ring buffer: %s\n", strerror(errno)));
	(void)ring_buffer__consume(ring); /* -EINTR is ours */
	ring_buffer__free(ring);
	return traced;
}

uint32_t runner_tick(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return (now.tv_sec * 1000000000ULL + now.tv_nsec) >> LB_TICK_SHIFT;
}

bool runner_clock_stands(void)
{
	return false;
}

/* Over the same maps. */
static int load_guard(void)
{
	struct bpf_map *m;
	int err = 0;

	guard = guard_bpf__open();
	if (!guard)
		return -errno;
	bpf_object__for_each_map(m, guard->obj)
	{
		if (!err)
			err = bpf_map__reuse_fd(m, bpf_map__fd(map_of(bpf_map__name(m))));
	}
	return err ? err : guard_bpf__load(guard);
}

static int load(void)
{
	int err;

	skel = lbxdp_bpf__open();
	if (!skel)
		return -errno;
	bpf_map__set_max_entries(skel->maps.lbx_flows4, FLOWS_MAX);
	bpf_map__set_max_entries(skel->maps.lbx_flows6, FLOWS_MAX);
	bpf_map__set_max_entries(skel->maps.lbx_nat, FLOWS_MAX);
	err = lbxdp_bpf__load(skel);
	return err ? err : load_guard();
}

int main(void)
{
	int err = load();

	if (err) {
		printf("1..0 # SKIP cannot load the program: %s\n", strerror(-err));
		return err == -EPERM ? 0 : 1;
	}
	cases_run();
	runner_name = "kernel, traced";
	world_traced = true;
	cases_run();
	guard_bpf__destroy(guard);
	lbxdp_bpf__destroy(skel);
	return tap_end();
}
