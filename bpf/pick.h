/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * New flows of services with a policy: least connections, the client's address, limits of
 * connections, persistence. Once a flow and not for every service, so it may cost a scan of the
 * ring; the plain turn stays in sched.h.
 */
#ifndef LBXDP_BPF_PICK_H
#define LBXDP_BPF_PICK_H

#include "persist.h"
#include "sched.h"
#include "stats.h"

/* Who asks: the new flow's client, for a service. */
struct pick_client {
	struct lb_addr addr;
	__u32 service;
	__u32 now; /* ticks */
};

/* A walk round the ring, from slot to slot. */
struct pick_walk {
	struct lb_ring ring;
	__u32 from;  /* where it begins, in the ring */
	__u32 least; /* go round and take the least loaded; else the first that has room */
	__u32 best;  /* real id; 0: none yet */
	__u32 weight;
	__u64 load;
};

/* Both loads times the other's weight: no division. */
stage void pick_compare(struct pick_walk *w, __u32 id, const struct lb_real *real,
			const struct lb_real_conns *conns)
{
	__u64 load = real_load(conns);
	__u32 weight = READ_ONCE(real->weight);

	if (w->best && load * w->weight >= w->load * weight)
		return;
	w->best = id;
	w->load = load;
	w->weight = weight;
}

/* The i-th slot. Returns 1 to stop. Where it is comes from i, not from the walk: the verifier would
 * take every place for another case. */
static long pick_step(__u32 i, void *ctx)
{
	struct pick_walk *w = ctx;
	__u32 at = w->from + i;
	__u32 id = sched_real(w->ring.first + (at < w->ring.count ? at : at - w->ring.count));
	struct lb_real *real = bpf_map_lookup_elem(&lbx_reals, &id);
	struct lb_real_conns *conns = real_conns(id);

	if (!id || !real || !conns || real_is_full(real, conns))
		return 0;
	pick_compare(w, id, real, conns);
	return !w->least;
}

/* The real of the walk that begins at a slot; 0: all that it met are full. The daemon keeps rings
 * that are walked within LB_SCAN_MAX slots, but for more reals than that. */
stage __u32 pick_walk(struct lb_ring ring, __u32 from, bool least)
{
	struct pick_walk w = {.ring = ring, .from = from, .least = least};

	(void)bpf_loop(ring.count < LB_SCAN_MAX ? ring.count : LB_SCAN_MAX, pick_step, &w, 0);
	return w.best;
}

/* May the real have a new flow of the service, whatever the ring says? */
stage bool pick_may_use(__u32 id, __u32 service)
{
	struct lb_real *real = bpf_map_lookup_elem(&lbx_reals, &id);
	struct lb_real_conns *conns = real_conns(id);

	return id && real && conns && READ_ONCE(real->service) == service &&
	       real_takes_flows(READ_ONCE(*(__u64 *)real) >> 48) && !real_is_full(real, conns);
}

stage bool pick_is_backup(__u32 id)
{
	struct lb_real *real = bpf_map_lookup_elem(&lbx_reals, &id);

	return real && READ_ONCE(real->flags) & LB_REAL_BACKUP;
}

/* Unkeyed, so that both nodes of a pair choose alike. */
stage __u32 pick_hash(const struct pick_client *c)
{
	__u32 h = 0;

	for (int i = 0; i < 4; i++)
		h = sched_mix(h ^ env_load32(&c->addr.byte[4 * i]));
	return h;
}

stage __u32 pick_scale(__u32 hash, struct lb_ring ring)
{
	return (__u64)hash * ring.count >> 32;
}

/* The slot that the scheduler begins with; hash: of the client, for who goes by it. */
stage __u32 pick_slot(struct lb_service *s, struct lb_ring ring, __u32 scheduler, __u32 hash)
{
	bool hashes = scheduler == LB_SCHEDULER_RING || scheduler == LB_SCHEDULER_TABLE;

	return hashes ? pick_scale(hash, ring) : sched_turn(s, ring);
}

/* The real that the scheduler names without looking at it. */
stage __u32 pick_first(struct lb_service *s, struct lb_ring ring, __u32 slot, __u32 scheduler,
		       __u32 hash)
{
	if (scheduler == LB_SCHEDULER_TABLE) {
		ring = sched_hash_ring(s);
		slot = pick_scale(hash, ring);
	}
	return sched_real(ring.first + slot);
}

/* By the scheduler, the backup where all are full; 0: no real has room. */
__u32 pick_by_order(struct lb_service *s, const struct pick_client *c);

separate __u32 pick_by_order(struct lb_service *s, const struct pick_client *c)
{
	struct lb_policy policy;
	struct lb_ring ring;
	__u32 hash, slot, id;
	bool least;

	if (!s || !c)
		return 0;
	policy = sched_policy(s);
	ring = sched_ring(s);
	if (!ring.count)
		return 0;
	least = policy.scheduler == LB_SCHEDULER_LEAST;
	hash = pick_hash(c);
	slot = pick_slot(s, ring, policy.scheduler, hash);
	id = least ? 0 : pick_first(s, ring, slot, policy.scheduler, hash);
	if (id && (!(policy.flags & LB_POLICY_LIMITS) || pick_may_use(id, c->service)))
		return id;
	id = pick_walk(ring, slot, least);
	if (id)
		return id;
	id = sched_real(ring.first + ring.count);
	return pick_is_backup(id) && pick_may_use(id, c->service) ? id : 0;
}

/* The client's last real is followed as long as it may have new flows: one that is drained or down
 * is forgotten at once (R124), a backup when it is not all there is any more. */
stage bool pick_follows(__u32 last, __u32 service, struct lb_ring ring)
{
	if (!last || !pick_may_use(last, service))
		return false;
	return !pick_is_backup(last) || last == sched_real(ring.first);
}

/* The real of a new flow; 0: every one has its max_connections. */
__u32 pick_real(struct lb_service *s, const struct pick_client *c);

separate __u32 pick_real(struct lb_service *s, const struct pick_client *c)
{
	struct lb_persist_key key = {};
	struct lb_policy policy;
	__u32 last, id;

	if (!s || !c)
		return 0;
	policy = sched_policy(s);
	if (!policy.persist_timeout)
		return pick_by_order(s, c);
	persist_key(&key, c->service, &c->addr, policy);
	last = persist_find(&key, c->now, policy.persist_timeout);
	if (pick_follows(last, c->service, sched_ring(s))) {
		stats_add(&s->followed, 1);
		return last;
	}
	id = pick_by_order(s, c);
	return id ? persist_note(&key, id, last, c->now, policy.persist_timeout) : 0;
}

/* Chooses the real of a new flow. LB_CONTINUE, or the packet's end. */
stage enum lb_verdict pick(struct pkt *p, struct lb_service *s, __u32 service, struct lb_ring ring)
{
	struct pick_client c = {.service = service, .now = p->now};
	__u32 id;

	if (likely(sched_is_plain(s)))
		return sched_ticket(p, s, ring) ? LB_CONTINUE : LB_NO_REAL;
	pkt_src(p, &c.addr);
	id = pick_real(s, &c);
	if (!id) {
		stats_add(&s->full, 1);
		return LB_FULL;
	}
	return real_choose(p, id) ? LB_CONTINUE : LB_NO_REAL;
}

#endif
