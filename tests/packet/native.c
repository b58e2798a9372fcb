/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The packet cases, run natively under sanitizers: as the program runs, again without the fast
 * path, and again with every packet traced; neither must make a difference. No root, no kernel.
 */
#include "fast.h"
#include "guard.h"

#include "cases.h"
#include "world.h"

const char *runner_name = "native";

static int (*entry)(struct xdp_md *ctx);

static int whole(struct xdp_md *ctx)
{
	return fast_then_pipeline(ctx);
}

int runner_put(const char *map, const void *key, const void *value)
{
	return bpf_map_update_elem(host_map_find(map), key, value, BPF_ANY);
}

int runner_get(const char *map, const void *key, void *value)
{
	struct host_map *m = host_map_find(map);
	void *row = bpf_map_lookup_elem(m, key);

	if (!row)
		return -ENOENT;
	memcpy(value, row, m->value_size);
	return 0;
}

int runner_del(const char *map, const void *key)
{
	return bpf_map_delete_elem(host_map_find(map), key);
}

int runner_next(const char *map, const void *prev, void *key)
{
	return host_map_next(host_map_find(map), prev, key);
}

int runner_run(struct frame *f)
{
	struct xdp_md ctx = {.ingress_ifindex = IFINDEX};
	int action;

	host_frame_set(f->byte, f->len);
	action = entry(&ctx);
	f->len = host_frame_get(f->byte);
	return action;
}

bool runner_guard(const struct lb_addr *client, const struct lb_endpoint *at, bool six)
{
	return guard_refuses(client, at, six);
}

bool runner_refuse(const char *map, bool refuse)
{
	host_map_find(map)->refuses = refuse;
	return true;
}

bool runner_trace(struct lb_trace *t)
{
	return host_ring_take(host_map_find("lbx_trace"), t, sizeof(*t));
}

uint32_t runner_tick(void)
{
	return bpf_ktime_get_coarse_ns() >> LB_TICK_SHIFT;
}

bool runner_clock_stands(void)
{
	return true;
}

int main(void)
{
	host_map_find("lbx_flows4")->max = FLOWS_MAX;
	host_map_find("lbx_flows6")->max = FLOWS_MAX;
	host_map_find("lbx_nat")->max = FLOWS_MAX;
	entry = whole;
	cases_run();
	entry = pipeline_run;
	runner_name = "native, pipeline only";
	cases_run();
	entry = whole;
	runner_name = "native, traced";
	world_traced = true;
	cases_run();
	return tap_end();
}
