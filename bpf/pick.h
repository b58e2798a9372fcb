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
	__u32 now;       /* ticks */
	__u32 hash;      /* of addr; pick_first fills it in */
	__u32 limitless; /* no new flow to be counted: a real that is full will do */
};

/* A walk round the ring, from slot to slot. */
struct pick_walk {
	struct lb_ring ring;
	__u32 from;  /* where it begins, in the ring */
	__u32 order; /* enum lb_scheduler: the least loaded of all, or the first that has room */
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
	return w->order != LB_SCHEDULER_LEAST;
}

/*
 * 0, which the verifier does not know. Linux 6.1 walks a callback once, takes what the first step
 * finds for what every step finds, and removes the branches that the others need.
 */
stage __u32 pick_nothing(const struct pick_client *c)
{
	return c->service / LB_SERVICES_MAX;
}

/* The real of the walk that begins at a slot; 0: all that it met are full. The daemon keeps rings
 * that are walked within LB_SCAN_MAX slots, but for more reals than that. */
stage __u32 pick_walk(const struct pick_client *c, struct lb_ring ring, __u32 from, __u32 order)
{
	__u32 nothing = pick_nothing(c);
	struct pick_walk w = {.ring = ring,
			      .from = from,
			      .order = order,
			      .best = nothing,
			      .weight = nothing,
			      .load = nothing};

	(void)bpf_loop(ring.count < LB_SCAN_MAX ? ring.count : LB_SCAN_MAX, pick_step, &w, 0);
	return w.best;
}

/* May the real have the client's flow, whatever the ring says? */
stage bool pick_may_use(__u32 id, const struct pick_client *c)
{
	struct lb_real *real = bpf_map_lookup_elem(&lbx_reals, &id);
	struct lb_real_conns *conns = real_conns(id);

	return id && real && conns && READ_ONCE(real->service) == c->service &&
	       real_takes_flows(READ_ONCE(*(__u64 *)real) >> 48) &&
	       (c->limitless || !real_is_full(real, conns));
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

stage bool pick_hashes(struct lb_policy policy)
{
	return policy.scheduler == LB_SCHEDULER_RING || policy.scheduler == LB_SCHEDULER_TABLE;
}

/* Has nothing but the keyed hash a say in where a packet of no entry goes? */
stage bool pick_is_keyed(struct lb_policy policy)
{
	return !policy.persist_timeout && !pick_hashes(policy);
}

/* The slot that a client is hashed to, else the next in turn. */
stage __u32 pick_slot(struct lb_service *s, const struct pick_client *c, struct lb_ring ring,
		      struct lb_policy policy)
{
	return pick_hashes(policy) ? pick_scale(c->hash, ring) : sched_turn(s, ring);
}

/* The real that the scheduler names without looking round; 0: it has to. */
__u32 pick_first(struct lb_service *s, struct pick_client *c);

separate __u32 pick_first(struct lb_service *s, struct pick_client *c)
{
	struct lb_policy policy;
	struct lb_ring ring;
	__u32 id;

	if (!s || !c)
		return 0;
	policy = sched_policy(s);
	ring = policy.scheduler == LB_SCHEDULER_TABLE ? sched_hash_ring(s) : sched_ring(s);
	if (!ring.count || policy.scheduler == LB_SCHEDULER_LEAST)
		return 0;
	c->hash = pick_hash(c);
	id = sched_real(ring.first + pick_slot(s, c, ring, policy));
	if (policy.flags & LB_POLICY_LIMITS && !c->limitless && !pick_may_use(id, c))
		return 0;
	return id;
}

/* The least loaded, or who has room from a slot on; the backup where nobody has; else 0. */
__u32 pick_search(struct lb_service *s, const struct pick_client *c);

separate __u32 pick_search(struct lb_service *s, const struct pick_client *c)
{
	struct lb_policy policy;
	struct lb_ring ring;
	__u32 id;

	if (!s || !c)
		return 0;
	policy = sched_policy(s);
	ring = sched_ring(s);
	if (!ring.count)
		return 0;
	/* Read again, because the verifier has learnt in pick_slot what this one may be. */
	id = pick_walk(c, ring, pick_slot(s, c, ring, policy), sched_policy(s).scheduler);
	if (id)
		return id;
	id = sched_real(ring.first + ring.count);
	return pick_is_backup(id) && pick_may_use(id, c) ? id : 0;
}

/* The client's last real is followed as long as it may have new flows: one that is drained or down
 * is forgotten at once (R124), a backup when it is not all there is any more. */
stage bool pick_follows(__u32 last, const struct pick_client *c, struct lb_ring ring)
{
	if (!last || !pick_may_use(last, c))
		return false;
	return !pick_is_backup(last) || last == sched_real(ring.first);
}

/* The real of the client's last flow, if that may have this one too; 0: none. */
__u32 pick_last(struct lb_service *s, const struct pick_client *c);

separate __u32 pick_last(struct lb_service *s, const struct pick_client *c)
{
	struct lb_persist_key key = {};
	struct lb_policy policy;
	__u32 last;

	if (!s || !c)
		return 0;
	policy = sched_policy(s);
	persist_key(&key, c->service, &c->addr, policy);
	last = persist_find(&key, c->now, policy.persist_timeout);
	if (!pick_follows(last, c, sched_ring(s)))
		return 0;
	if (!c->limitless)
		stats_add(&s->followed, 1);
	return last;
}

/* Remembers what the scheduler chose; returns the real of the flow, which may be another. */
__u32 pick_note(struct lb_service *s, const struct pick_client *c, __u32 real);

separate __u32 pick_note(struct lb_service *s, const struct pick_client *c, __u32 real)
{
	struct lb_persist_key key = {};
	struct lb_persist *e;
	struct lb_policy policy;

	if (!s || !c)
		return 0;
	policy = sched_policy(s);
	persist_key(&key, c->service, &c->addr, policy);
	if (!persist_add(&key, real, c->now))
		return real;
	e = bpf_map_lookup_elem(&lbx_persist, &key);
	if (!e)
		return real;
	if (!persist_is_over(e, c->now, policy.persist_timeout) &&
	    pick_follows(e->real, c, sched_ring(s)))
		return e->real;
	e->real = real;
	e->seen = c->now;
	return real;
}

/* The steps are functions that the verifier walks apart, and side by side: one within the other
 * they would not fit the stack. 0: every real has its max_connections. */
stage __u32 pick_real(struct lb_service *s, struct pick_client *c)
{
	bool persists = sched_policy(s).persist_timeout;
	__u32 id = persists ? pick_last(s, c) : 0;

	if (id)
		return id;
	id = pick_first(s, c);
	if (!id)
		id = pick_search(s, c);
	return id && persists ? pick_note(s, c, id) : id;
}

stage __u32 pick_id(struct pkt *p, struct lb_service *s, __u32 service, struct lb_ring ring)
{
	struct pick_client c = {.service = service, .now = p->now};

	if (likely(sched_is_plain(s)))
		return sched_real(ring.first + sched_turn(s, ring));
	pkt_src(p, &c.addr);
	return pick_real(s, &c);
}

/* Chooses the real of a new flow. LB_CONTINUE, or the packet's end. */
stage enum lb_verdict pick(struct pkt *p, struct lb_service *s, __u32 service, struct lb_ring ring)
{
	__u32 id = pick_id(p, s, service, ring);

	if (unlikely(!id)) {
		stats_add(&s->full, 1);
		return LB_FULL;
	}
	return real_choose(p, id) ? LB_CONTINUE : LB_NO_REAL;
}

/* Where a client is sent that gets no entry; 0: the keyed hash says. */
stage __u32 pick_known(struct lb_service *s, struct pick_client *c)
{
	struct lb_policy policy = sched_policy(s);
	__u32 id = policy.persist_timeout ? pick_last(s, c) : 0;

	return id || !pick_hashes(policy) ? id : pick_first(s, c);
}

/*
 * The real of a packet whose flow has no entry and gets none. It is the one that persistence
 * remembers, though nothing is added there; where clients are hashed it is the one that a new flow
 * of the client gets, so that a flow whose entry is gone goes on where it was, on either node of a
 * pair.
 */
stage bool pick_unremembered(struct pkt *p, struct lb_service *s, __u32 service)
{
	struct pick_client c = {.service = service, .now = p->now, .limitless = 1};
	__u32 id = 0;

	if (unlikely(!pick_is_keyed(sched_policy(s)))) {
		pkt_src(p, &c.addr);
		id = pick_known(s, &c);
	}
	return id ? real_choose(p, id) : sched_hash(p, sched_hash_ring(s));
}

/* The same where c says whose flow it is, with its ports, and no packet of it is at hand: the id of
 * a real, or 0. */
stage __u32 pick_unremembered_id(struct lb_service *s, struct pick_client *c, __u32 ports)
{
	struct lb_ring ring = sched_hash_ring(s);
	__u32 id = pick_is_keyed(sched_policy(s)) ? 0 : pick_known(s, c), key;

	if (id || !ring.count)
		return id;
	key = sched_key(env_load64(c->addr.byte), env_load64(c->addr.byte + 8), ports);
	return sched_real(ring.first + pick_scale(key, ring));
}

#endif
