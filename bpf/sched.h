/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which real a packet of no known flow goes to. A ring is read as one 64-bit word: the daemon
 * writes a new one beside the old one and then switches. A service that has a policy has its new
 * flows placed in pick.h.
 */
#ifndef LBXDP_BPF_SCHED_H
#define LBXDP_BPF_SCHED_H

#include "real.h"

union sched_ring {
	struct lb_ring ring;
	__u64 word;
};

union sched_policy {
	struct lb_policy policy;
	__u64 word;
};

/* The real that a slot names; 0: none. */
stage __u32 sched_real(__u32 slot)
{
	__u32 row = slot / 2;
	struct lb_slots *pair = bpf_map_lookup_elem(&lbx_slots, &row);

	return pair ? READ_ONCE(pair->real[slot & 1]) : 0;
}

stage bool sched_slot(struct pkt *p, __u32 slot)
{
	return real_choose(p, sched_real(slot));
}

/* The next slot in turn: exact weighted round robin, whichever CPU asks. */
stage __u32 sched_turn(struct lb_service *s, struct lb_ring ring)
{
	return __sync_fetch_and_add(&s->cursor, 1) % ring.count;
}

/* Every bit of the result depends on every bit of h. */
stage __u32 sched_mix(__u32 h)
{
	h = (h ^ h >> 16) * 0x85ebca6bU;
	h = (h ^ h >> 13) * 0xc2b2ae35U;
	return h ^ h >> 16;
}

/* The same slot for the same client address and ports, as long as the ring stands. */
stage bool sched_hash(struct pkt *p, struct lb_ring ring)
{
	__u32 h = p->ports;

	if (p->ip4)
		h ^= p->ip4->src;
	else
		h ^= p->ip6->src[0] ^ p->ip6->src[1] ^ p->ip6->src[2] ^ p->ip6->src[3];
	return sched_slot(p, ring.first + (__u32)((__u64)sched_mix(h) * ring.count >> 32));
}

stage struct lb_ring sched_ring(struct lb_service *s)
{
	union sched_ring r = {.word = READ_ONCE(*(__u64 *)&s->ring)};

	return r.ring;
}

/* What flows are hashed over that get no entry: the table, which hardly changes when a real comes
 * or goes; the ring where there was no room for one. */
stage struct lb_ring sched_hash_ring(struct lb_service *s)
{
	union sched_ring r = {.word = READ_ONCE(*(__u64 *)&s->hash)};

	return r.ring.count ? r.ring : sched_ring(s);
}

stage struct lb_policy sched_policy(struct lb_service *s)
{
	union sched_policy p = {.word = READ_ONCE(*(__u64 *)&s->policy)};

	return p.policy;
}

/* Is the next slot of the ring all there is to say? */
stage bool sched_is_plain(struct lb_service *s)
{
	return !READ_ONCE(*(__u64 *)&s->policy);
}

/* The service of the packet's address, port and protocol; NULL: none. */
stage struct lb_service *sched_service(const struct pkt *p, __u32 *id)
{
	struct lb_endpoint key = {.port = p->ports & 0xffff, .proto = p->proto};
	__u32 *found;

	pkt_dst(p, &key.vip);
	found = bpf_map_lookup_elem(&lbx_endpoints, &key);
	if (!found)
		return NULL;
	*id = *found;
	return bpf_map_lookup_elem(&lbx_services, id);
}

#endif
