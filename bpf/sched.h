/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which real a packet of no known flow goes to. A ring is read as one 64-bit word: the daemon
 * writes a new one beside the old one and then switches. A service that has a policy has its new
 * flows placed in pick.h.
 */
#ifndef LBXDP_BPF_SCHED_H
#define LBXDP_BPF_SCHED_H

#include "real.h"
#include "siphash.h"

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

/* A client's address and ports under the secret key; of IPv4, the mapped prefix is left out. */
stage __u32 sched_key_of(const __u64 secret[2], struct pkt_words src, __u32 ports)
{
	struct siphash h = siphash_begin(secret);

	if (src.first || (__u32)src.last != PKT_MAPPED) {
		siphash_add(&h, src.first);
		siphash_add(&h, src.last);
		src.last = 0;
	}
	siphash_add(&h, src.last >> 32 | (__u64)ports << 32);
	return siphash_end(&h) >> 32;
}

/* The same, where the verifier has many ways to follow; 0 without settings. */
__u32 sched_key(__u64 first, __u64 last, __u32 ports);

separate __u32 sched_key(__u64 first, __u64 last, __u32 ports)
{
	const __u32 zero = 0;
	const struct lb_settings *s = bpf_map_lookup_elem(&lbx_settings, &zero);

	return s ? sched_key_of(s->hash_key, (struct pkt_words){first, last}, ports) : 0;
}

/* The slot for a key: the same one as long as the ring stands. */
stage bool sched_keyed(struct pkt *p, struct lb_ring ring, __u32 key)
{
	return sched_slot(p, ring.first + (__u32)((__u64)key * ring.count >> 32));
}

/* The same slot for the same client address and ports. */
stage bool sched_hash(struct pkt *p, struct lb_ring ring)
{
	struct pkt_words src = pkt_src_words(p);

	return sched_keyed(p, ring, sched_key(src.first, src.last, p->ports));
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
	struct lb_endpoint key __attribute__((aligned(8)));
	struct pkt_words dst = pkt_dst_words(p);
	__u32 *found;

	_Static_assert(__builtin_offsetof(struct lb_endpoint, port) == 16 &&
			       __builtin_offsetof(struct lb_endpoint, proto) == 18,
		       "port and protocol are one word of the key");
	env_store64(key.vip.byte, dst.first);
	env_store64(key.vip.byte + 8, dst.last);
	env_store32(&key.port, (p->ports & 0xffff) | (__u32)p->proto << 16);
	found = bpf_map_lookup_elem(&lbx_endpoints, &key);
	if (!found)
		return NULL;
	*id = *found;
	return bpf_map_lookup_elem(&lbx_services, id);
}

#endif
