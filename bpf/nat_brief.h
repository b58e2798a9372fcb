/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Translations of flows that flow tables do not know: of a service in flood mode, or of which only
 * the middle was seen. They are remembered briefly, in slots that a keyed hash of the replies'
 * addresses and ports chooses, and whoever comes to a slot later has it: that costs a store and no
 * insertion, and takes nothing from a flow that has rows. No slot holds a source port; it goes by
 * what the rows leave. If the slot of a flow is lost, its next packet chooses the same real by the
 * hash and the same source, as long as no row took that meanwhile, and writes the slot anew.
 */
#ifndef LBXDP_BPF_NAT_BRIEF_H
#define LBXDP_BPF_NAT_BRIEF_H

#include "nat_half.h"

enum {
	NAT_BRIEF_WRITING = 1, /* a tag that no flow has, because all have ... */
	NAT_BRIEF_TAG = 2,     /* ... this bit */
};

/* The compiler reads what comes after behind what comes before. */
#define nat_brief_order() __asm__ volatile("" ::: "memory")

/* The slot of what replies with this key are made of; its *tag. */
stage struct lb_nat_brief *nat_brief_at(const struct lb_flow6 *key, bool six, __u64 *tag)
{
	const __u32 zero = 0;
	const struct lb_settings *s = bpf_map_lookup_elem(&lbx_settings, &zero);
	struct siphash h;
	__u32 slot;

	if (!s)
		return NULL;
	h = siphash_begin(s->hash_key);
	for (int i = six ? 0 : 8; i < 16; i += 8) {
		siphash_add(&h, env_load64(key->src + i));
		siphash_add(&h, env_load64(key->dst + i));
	}
	siphash_add(&h, env_load64(&key->dport));
	*tag = siphash_end(&h) | NAT_BRIEF_TAG;
	slot = *tag >> (64 - LB_NAT_BRIEF_SHIFT);
	return bpf_map_lookup_elem(&lbx_nat_brief, &slot);
}

/* As long as a handshake is given, or datagrams that pass in one direction. */
stage bool nat_brief_is_over(const struct lb_nat *row, __u32 proto)
{
	const __u32 zero = 0, state = proto == WIRE_UDP ? LB_FLOW_UDP : LB_FLOW_HALF_OPEN;
	const struct lb_settings *s = bpf_map_lookup_elem(&lbx_settings, &zero);

	return !s || (__s32)(flow_tick() - row->seen) > (__s32)s->timeout[state];
}

/* What is remembered of replies with this key; *is becomes their row. */
stage struct lb_nat_brief *nat_find_brief(const struct lb_flow6 *key, bool six, struct lb_nat *is)
{
	struct lb_nat_brief *b;
	__u64 tag;

	b = nat_brief_at(key, six, &tag);
	if (!b || READ_ONCE(b->tag) != tag)
		return NULL;
	nat_brief_order();
	*is = b->half.row;
	nat_brief_order();
	return READ_ONCE(b->tag) == tag && !nat_brief_is_over(is, key->proto) ? b : NULL;
}

/* f->half into a slot. Of CPUs that write it at the same time one does, and the others' flows have
 * no slot for now. */
stage void nat_brief_write(struct lb_nat_brief *b, __u64 tag, const struct nat_flow *f)
{
	__u64 was = READ_ONCE(b->tag);

	if (was == NAT_BRIEF_WRITING ||
	    __sync_val_compare_and_swap(&b->tag, was, NAT_BRIEF_WRITING) != was)
		return;
	b->half = f->half;
	nat_brief_order();
	(void)__sync_val_compare_and_swap(&b->tag, NAT_BRIEF_WRITING, tag);
}

/* Is this the flow's slot? What the real's answer was becomes f's. */
stage bool nat_brief_is(const struct lb_nat_brief *b, __u64 tag, struct nat_flow *f)
{
	bool own;

	if (READ_ONCE(b->tag) != tag)
		return false;
	nat_brief_order();
	own = nat_owns(f, &b->half.row);
	f->half.answer = b->half.answer;
	f->half.answered = b->half.answered;
	nat_brief_order();
	if (own && READ_ONCE(b->tag) == tag)
		return true;
	f->half.answered = 0;
	return false;
}

/* Does f->half say anything that the slot did not? */
stage bool nat_brief_differs(const struct nat_flow *f, const struct lb_nat *was)
{
	const struct lb_nat *row = &f->half.row;

	return row->seen != was->seen || row->real != was->real || row->ifindex != was->ifindex ||
	       !pkt_same_mac(row->client_mac, was->client_mac) ||
	       !pkt_same_mac(row->our_mac, was->our_mac);
}

/*
 * Remembers where the replies go of a flow whose source no row has. Returns LB_CONTINUE, or what
 * nat_promote does: the client has answered the real's answer, and flow.h made an entry.
 */
stage int nat_brief_keep(struct nat_flow *f, bool six)
{
	struct lb_nat_brief *b;
	__u64 tag;

	b = nat_brief_at(&f->back, six, &tag);
	if (!b)
		return LB_CONTINUE;
	nat_fill(f, true);
	if (!nat_brief_is(b, tag, f)) {
		nat_brief_write(b, tag, f);
		return LB_CONTINUE;
	}
	if (f->out.proto == WIRE_TCP && nat_is_earned(f, &f->half) && nat_is_flow(f, six))
		return nat_promote(f);
	if (nat_brief_differs(f, &b->half.row))
		nat_brief_write(b, tag, f);
	return LB_CONTINUE;
}

#endif
