/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Translations of flows that flow tables do not know: of a service in flood mode, or of which only
 * the middle was seen. They are remembered briefly, in slots that a keyed hash of the replies'
 * addresses and ports chooses, and whoever comes to a slot later has it: that costs a store and no
 * insertion, and takes nothing from a flow that has rows. No slot holds a source port against
 * rows; against other slots that of a client does who has answered the real's answer. If the slot
 * of a flow is lost, its next packet chooses the same real by the hash and the same source, as long
 * as no row took that meanwhile, and writes the slot anew.
 */
#ifndef LBXDP_BPF_NAT_BRIEF_H
#define LBXDP_BPF_NAT_BRIEF_H

#include "nat_half.h"

enum {
	NAT_BRIEF_WRITING = 1, /* a tag that no flow has, because all have ... */
	NAT_BRIEF_TAG = 2,     /* ... this bit */
	NAT_BRIEF_EARNED = 2,  /* in back of a slot's row, beside 1: see nat_is_earned */
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

/* What the daemon may have ended: a list or a real that the slot goes by has changed since. */
stage bool nat_brief_is_ended(const struct lb_settings *s, const struct lb_nat *row)
{
	__u32 since = READ_ONCE(s->brief_since);

	return since && (__s32)(row->seen - since) <= 0;
}

/* Until the real answers, a slot is good for as long as a handshake is given; then as long as a
 * flow, because who waits for what the real says says nothing himself. */
stage bool nat_brief_is_over(const struct lb_nat *row, __u32 proto, __u32 answered)
{
	const __u32 zero = 0, begun = answered ? LB_FLOW_ESTABLISHED : LB_FLOW_HALF_OPEN;
	const __u32 state = proto == WIRE_UDP ? LB_FLOW_UDP : begun;
	const struct lb_settings *s = bpf_map_lookup_elem(&lbx_settings, &zero);

	if (!s || nat_brief_is_ended(s, row))
		return true;
	return (__s32)(flow_tick() - row->seen) > (__s32)s->timeout[state];
}

/* What is remembered of replies with this key; *is becomes their row. */
stage struct lb_nat_brief *nat_find_brief(const struct lb_flow6 *key, bool six, struct lb_nat *is)
{
	struct lb_nat_brief *b;
	__u32 answered;
	__u64 tag;

	b = nat_brief_at(key, six, &tag);
	if (!b || READ_ONCE(b->tag) != tag)
		return NULL;
	nat_brief_order();
	*is = b->half.row;
	answered = b->half.answered;
	nat_brief_order();
	if (READ_ONCE(b->tag) != tag || nat_brief_is_over(is, key->proto, answered))
		return NULL;
	return b;
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

enum nat_brief_whose { NAT_BRIEF_FREE, NAT_BRIEF_OWN, NAT_BRIEF_HELD };

/* The slot of who is not f's client. Only TCP can tell who is spoofed. */
stage enum nat_brief_whose nat_brief_other(const struct lb_nat *row, __u32 proto)
{
	bool held = row->back & NAT_BRIEF_EARNED && !nat_brief_is_over(row, proto, 1);

	return held ? NAT_BRIEF_HELD : NAT_BRIEF_FREE;
}

/* Whose slot is this? What the real's answer was becomes f's, if it is the flow's. */
stage enum nat_brief_whose nat_brief_whose(const struct lb_nat_brief *b, __u64 tag,
					   struct nat_flow *f)
{
	enum nat_brief_whose whose = NAT_BRIEF_OWN;

	if (READ_ONCE(b->tag) != tag)
		return NAT_BRIEF_FREE;
	nat_brief_order();
	if (!nat_owns(f, &b->half.row))
		whose = nat_brief_other(&b->half.row, f->out.proto);
	f->half.answer = b->half.answer;
	f->half.answered = b->half.answered;
	f->half.row.back = b->half.row.back;
	nat_brief_order();
	if (READ_ONCE(b->tag) != tag)
		whose = NAT_BRIEF_FREE;
	if (whose == NAT_BRIEF_OWN)
		return whose;
	f->half.answered = 0;
	f->half.row.back = 1;
	return whose;
}

/* Does f->half say anything that the slot did not? */
stage bool nat_brief_differs(const struct nat_flow *f, const struct lb_nat *was)
{
	const struct lb_nat *row = &f->half.row;

	return row->seen != was->seen || row->real != was->real || row->ifindex != was->ifindex ||
	       row->back != was->back || !pkt_same_mac(row->client_mac, was->client_mac) ||
	       !pkt_same_mac(row->our_mac, was->our_mac);
}

/* Has the client answered the real's answer? With an entry of flow.h it gets rows, without one, or
 * where lbx_nat refuses, it holds its slot. What nat_promote does. */
stage int nat_brief_earn(struct nat_flow *f, bool six)
{
	int rows = LB_CONTINUE;

	if (f->out.proto != WIRE_TCP || !nat_is_earned(f, &f->half))
		return LB_CONTINUE;
	if (nat_is_flow(f, six))
		rows = nat_promote(f);
	nat_fill(f, true);
	f->half.row.back |= NAT_BRIEF_EARNED;
	return rows;
}

/*
 * Remembers where the replies go of a flow whose source no row has. Returns LB_CONTINUE; NAT_TAKEN:
 * another slot holds this source; or what nat_promote does: the client has answered the real's
 * answer, and flow.h made an entry.
 */
stage int nat_brief_keep(struct nat_flow *f, bool six)
{
	enum nat_brief_whose whose;
	struct lb_nat_brief *b;
	__u64 tag;
	int rows;

	b = nat_brief_at(&f->back, six, &tag);
	if (!b)
		return LB_CONTINUE;
	nat_fill(f, true);
	whose = nat_brief_whose(b, tag, f);
	if (whose == NAT_BRIEF_HELD)
		return NAT_TAKEN;
	if (whose == NAT_BRIEF_FREE) {
		nat_brief_write(b, tag, f);
		return LB_CONTINUE;
	}
	rows = nat_brief_earn(f, six);
	if (rows == LB_CONTINUE && nat_brief_differs(f, &b->half.row))
		nat_brief_write(b, tag, f);
	return rows;
}

#endif
