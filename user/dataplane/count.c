/* SPDX-License-Identifier: GPL-2.0-only */
/* Counters, read while packets go on changing them. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "dataplane/expiry.h"
#include "dataplane/internal.h"

static uint64_t load(const __u64 *counter)
{
	return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

struct lb_real_conns dataplane_real_conns(const struct dataplane *d, uint32_t real)
{
	const struct lb_real_conns *c = &d->conns[real < LB_REALS_MAX ? real : 0];

	return (struct lb_real_conns){
		.connections = load(&c->connections),
		.closed = load(&c->closed), /* before opened: active is never below zero */
		.opened = load(&c->opened),
		.closing_ended = load(&c->closing_ended),
		.closing_begun = load(&c->closing_begun),
		.half_open = load(&c->half_open),
	};
}

struct lb_real_stats dataplane_real_stats(struct dataplane *d, uint32_t real)
{
	struct lb_real_stats each[d->cpus], sum = {};

	if (real >= LB_REALS_MAX || bpf_map_lookup_elem(d->fd[MAP_REAL_STATS], &real, each))
		return sum;
	for (int cpu = 0; cpu < d->cpus; cpu++) {
		sum.packets += each[cpu].packets;
		sum.bytes += each[cpu].bytes;
	}
	return sum;
}

uint64_t dataplane_unrouted(const struct dataplane *d, uint32_t service)
{
	return service < LB_SERVICES_MAX ? load(&d->services[service].unrouted) : 0;
}

uint64_t dataplane_full(const struct dataplane *d, uint32_t service)
{
	return service < LB_SERVICES_MAX ? load(&d->services[service].full) : 0;
}

uint64_t dataplane_followed(const struct dataplane *d, uint32_t service)
{
	return service < LB_SERVICES_MAX ? load(&d->services[service].followed) : 0;
}

uint64_t dataplane_denied(const struct dataplane *d, uint32_t service)
{
	return service < LB_SERVICES_MAX ? load(&d->services[service].denied) : 0;
}

uint64_t dataplane_denied_connections(const struct dataplane *d, uint32_t service)
{
	return service < LB_SERVICES_MAX ? load(&d->services[service].denied_connections) : 0;
}

uint64_t dataplane_missed(const struct dataplane *d, uint32_t service)
{
	return service < LB_SERVICES_MAX ? load(&d->services[service].missed) : 0;
}

static bool holds(const __u32 *flood_until)
{
	uint32_t until = __atomic_load_n(flood_until, __ATOMIC_RELAXED);

	return until && (int32_t)(until - expiry_now()) >= 0;
}

bool dataplane_node_flooded(const struct dataplane *d)
{
	return holds(&d->settings->flood_until);
}

bool dataplane_above_rate(const struct dataplane *d, uint32_t service)
{
	const struct lb_service *s = &d->services[service < LB_SERVICES_MAX ? service : 0];

	return __atomic_load_n(&s->flood.high, __ATOMIC_RELAXED) && holds(&s->flood_until);
}

bool dataplane_flooded(const struct dataplane *d, uint32_t service)
{
	const struct lb_service *s = &d->services[service < LB_SERVICES_MAX ? service : 0];

	return __atomic_load_n(&s->flood.high, __ATOMIC_RELAXED) &&
	       (holds(&s->flood_until) || dataplane_node_flooded(d));
}

static void sum_over_cpus(struct dataplane *d, enum map_id id, uint64_t *counts, uint32_t count)
{
	uint64_t each[d->cpus];

	for (uint32_t i = 0; i < count; i++) {
		counts[i] = 0;
		if (bpf_map_lookup_elem(d->fd[id], &i, each))
			continue;
		for (int cpu = 0; cpu < d->cpus; cpu++)
			counts[i] += each[cpu];
	}
}

uint64_t dataplane_flood_packets(struct dataplane *d, uint32_t service)
{
	uint64_t each[d->cpus], sum = 0;

	if (service >= LB_SERVICES_MAX || bpf_map_lookup_elem(d->fd[MAP_FLOODS], &service, each))
		return 0;
	for (int cpu = 0; cpu < d->cpus; cpu++)
		sum += each[cpu];
	return sum;
}

void dataplane_verdicts(struct dataplane *d, uint64_t counts[LB_VERDICT_COUNT])
{
	sum_over_cpus(d, MAP_VERDICTS, counts, LB_VERDICT_COUNT);
}

void dataplane_events(struct dataplane *d, uint64_t counts[LB_EVENT_COUNT])
{
	sum_over_cpus(d, MAP_EVENTS, counts, LB_EVENT_COUNT);
}

int dataplane_vip(struct dataplane *d, const struct lb_addr *a, struct lb_vip *v)
{
	return bpf_map_lookup_elem(d->fd[MAP_VIPS], a, v) ? -errno : 0;
}

/* What is claimed while we look is met now or the next time; between the look and the removal it
 * would be a claim like the one that is told. */
size_t dataplane_claims(struct dataplane *d, struct lb_claim *out, size_t room)
{
	size_t count = 0;

	while (count < room && !bpf_map_get_next_key(d->fd[MAP_CLAIMS],
						     count ? &out[count - 1] : NULL, &out[count]))
		count++;
	for (size_t i = 0; i < count; i++)
		(void)bpf_map_delete_elem(d->fd[MAP_CLAIMS], &out[i]); /* evicted: gone already */
	return count;
}

void dataplane_flow_counts(const struct dataplane *d, uint64_t counts[2])
{
	counts[0] = load(&d->settings->count4);
	counts[1] = load(&d->settings->count6);
}

int dataplane_silence(const char *pin_dir, uint64_t *msec)
{
	struct lb_settings settings;
	char path[PATH_MAX];
	const uint32_t only = 0;
	int fd, err = 0;

	snprintf(path, sizeof(path), "%s/%s", pin_dir, map_names[MAP_SETTINGS]);
	fd = bpf_obj_get(path);
	if (fd < 0)
		return -errno;
	if (bpf_map_lookup_elem(fd, &only, &settings))
		err = -errno;
	close(fd);
	if (!err) /* before the first sweep there is none */
		*msec = settings.heartbeat
				? ((uint64_t)(expiry_now() - settings.heartbeat) << LB_TICK_SHIFT) /
					  1000000
				: 0;
	return err;
}
