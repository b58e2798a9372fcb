/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which real a packet of no known flow goes to. Both ways read the ring once, as one 64-bit word:
 * the daemon writes a new ring beside the old one and then switches.
 */
#ifndef LBXDP_BPF_SCHED_H
#define LBXDP_BPF_SCHED_H

#include "real.h"

union sched_ring {
	struct lb_ring ring;
	__u64 word;
};

stage bool sched_slot(struct pkt *p, __u32 slot)
{
	__u32 *real = bpf_map_lookup_elem(&lbx_slots, &slot);

	return real && real_choose(p, READ_ONCE(*real));
}

/* The next slot in turn: exact weighted round robin, whichever CPU asks. */
stage bool sched_ticket(struct pkt *p, struct lb_service *s, struct lb_ring ring)
{
	__u64 ticket = __sync_fetch_and_add(&s->cursor, 1);

	return sched_slot(p, ring.first + (__u32)(ticket % ring.count));
}

/* The same slot for the same client address and ports, as long as the ring stands. */
stage bool sched_hash(struct pkt *p, struct lb_ring ring)
{
	__u32 h = p->ports;

	if (p->ip4)
		h ^= p->ip4->src;
	else
		h ^= p->ip6->src[0] ^ p->ip6->src[1] ^ p->ip6->src[2] ^ p->ip6->src[3];
	h = (h ^ h >> 16) * 0x85ebca6bU;
	h = (h ^ h >> 13) * 0xc2b2ae35U;
	h ^= h >> 16;
	return sched_slot(p, ring.first + (__u32)((__u64)h * ring.count >> 32));
}

stage struct lb_ring sched_ring(struct lb_service *s)
{
	union sched_ring r = {.word = READ_ONCE(*(__u64 *)&s->ring)};

	return r.ring;
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
