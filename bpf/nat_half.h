/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How a flow gets its two rows. They are made in lbx_nat_half, whose oldest make room, and go to
 * lbx_nat once the client has answered the real's answer: what a flood of spoofed packets leaves
 * never gets there. The row of the replies is what holds a source port, in either table: no two
 * flows have the same one to the same port of a real. One of the two may lose its place before the
 * other. The client's packets go nowhere by theirs unless that of the replies is their own, so a
 * port that went to another flow is not used on; a row of replies is good by itself.
 */
#ifndef LBXDP_BPF_NAT_HALF_H
#define LBXDP_BPF_NAT_HALF_H

#include "nat_row.h"

enum {
	NAT_TRIES = 16, /* source ports that a new flow asks for */
	NAT_PORT_FIRST = 1024,
	NAT_PORTS = 65536 - NAT_PORT_FIRST,
	NAT_WINDOW = 65535,    /* how far an acknowledgement may be from the real's last segment */
	NAT_PROMOTED = 1 << 8, /* no verdict: the rows are in lbx_nat */
	NAT_TAKEN = 2 << 8,    /* likewise: another flow has this source; there are others */
};

/* A flow as its client's packet shows it. */
struct nat_flow {
	struct lb_flow6 out, back; /* keys of the client's packets and of the replies */
	struct lb_nat_half half;   /* what is put into a table next */
	__u32 ports, ack;          /* of the packet */
	__u8 flags;
};

stage void nat_read_open(const struct nat *n, struct nat_flow *f)
{
	nat_key_of(&f->out, &n->p);
	nat_note_client(&n->p, &f->half.row);
	f->half.row.seen = flow_tick();
	f->ports = n->p.ports;
	if (n->p.tcp) {
		f->ack = bpf_ntohl(n->p.tcp->ack);
		f->flags = n->p.tcp->flags;
	}
}

stage bool nat_read(struct xdp_md *ctx, __u32 where, struct nat_flow *f, bool six)
{
	struct nat n = {};

	if (!nat_open(&n, ctx, where, six))
		return false;
	nat_read_open(&n, f);
	return true;
}

/* Its family is behind then: addresses of IPv4 are mapped ones. */
stage bool nat_read_flow(struct xdp_md *ctx, __u32 where, struct nat_flow *f)
{
	return nat_six(where) ? nat_read(ctx, where, f, true) : nat_read(ctx, where, f, false);
}

/* Is this row of replies the flow's own? Of whichever real. */
stage bool nat_owns(const struct nat_flow *f, const struct lb_nat *back)
{
	__u32 differ = (back->dport ^ f->out.sport) | (back->sport ^ f->out.dport);

	for (int i = 0; i < 16; i += 4) {
		differ |= env_load32(back->dst.byte + i) ^ env_load32(f->out.src + i);
		differ |= env_load32(back->src.byte + i) ^ env_load32(f->out.dst + i);
	}
	return !differ && back->back;
}

stage bool nat_owns_now(const struct nat_flow *f, const struct lb_nat *back)
{
	return nat_owns(f, back) && back->real == f->half.row.real;
}

/* Makes f->half.row one of the two rows. */
stage void nat_fill(struct nat_flow *f, bool back)
{
	const struct lb_flow6 *other = back ? &f->out : &f->back;
	struct lb_nat *row = &f->half.row;

	row->back = back;
	row->sport = other->dport;
	row->dport = other->sport;
	for (int i = 0; i < 16; i += 4) {
		env_store32(row->src.byte + i, env_load32(other->dst + i));
		env_store32(row->dst.byte + i, env_load32(other->src + i));
	}
}

/* Puts one of the two rows into a table. That of the replies must find its place empty. */
stage int nat_put(struct nat_flow *f, void *table, bool back)
{
	nat_fill(f, back);
	return bpf_map_update_elem(table, back ? &f->back : &f->out, &f->half,
				   back ? BPF_NOEXIST : BPF_ANY);
}

stage void nat_drop(const struct nat_flow *f, void *table)
{
	(void)bpf_map_delete_elem(table, &f->out);
	(void)bpf_map_delete_elem(table, &f->back);
}

/* An earlier flow of the same client and port, to another real. */
stage void nat_forget(struct nat_flow *f)
{
	const struct lb_nat *old = nat_find(&f->out);

	if (!old || old->real == f->half.row.real)
		return;
	nat_key_mirrored(&f->back, old, f->out.proto);
	nat_drop(f, &lbx_nat);
}

/* Both rows are in lbx_nat_half and belong together: the one of the replies, and its key. What is
 * left of a flow to another real goes. */
stage struct lb_nat_half *nat_find_pair(struct nat_flow *f, const struct pkt *p)
{
	struct lb_nat_half *half = bpf_map_lookup_elem(&lbx_nat_half, &f->out);
	__u32 differ;

	if (!half)
		return NULL;
	nat_key_mirrored(&f->back, &half->row, f->out.proto);
	half = bpf_map_lookup_elem(&lbx_nat_half, &f->back);
	if (!half || !nat_owns(f, &half->row))
		return NULL;
	differ = half->row.real ^ p->real_id;
	for (int i = 0; i < 16; i += 4)
		differ |= env_load32(f->back.src + i) ^ env_load32(p->real->ip.byte + i);
	if (!differ)
		return half;
	(void)bpf_map_delete_elem(&lbx_nat_half, &f->back);
	return NULL;
}

/* The client's own port first; a flow that asks in vain tries others. */
stage __u32 nat_port(const struct nat_flow *f, __u32 hash, __u32 round)
{
	if (!round)
		return f->ports >> 16;
	return NAT_PORT_FIRST + ((sched_mix(hash + round) & 0xffff) * NAT_PORTS >> 16);
}

/* The source that the packet gets where it is not the client's own. False: there is none. */
stage bool nat_source(const struct pkt *p, __u32 hash, struct lb_addr *to)
{
	const struct lb_pool *pool;
	__u32 service = p->real->service;

	if (!(real_flags(p) & LB_REAL_SNAT))
		return true;
	pool = bpf_map_lookup_elem(&lbx_pools, &service);
	if (!pool || !pool->count)
		return false;
	*to = pool->addr[hash % pool->count & (LB_POOL_MAX - 1)];
	return true;
}

/* Takes a source by the row of the replies. 0; -EEXIST: another flow has it; or another error. Who
 * finds no free one takes the last of those that are half-open from its flow. */
stage int nat_take(struct nat_flow *f, bool last)
{
	int err = nat_put(f, &lbx_nat_half, true); /* no more of it than a kernel before 6.4 says */
	struct lb_nat_half *half;

	if (err != -EEXIST)
		return err;
	half = bpf_map_lookup_elem(&lbx_nat_half, &f->back);
	if (half && nat_owns_now(f, &half->row))
		return 0;
	if (!last)
		return -EEXIST;
	(void)bpf_map_delete_elem(&lbx_nat_half, &f->back);
	return nat_put(f, &lbx_nat_half, true);
}

/*
 * The second row. Who had this source before may have been promoted since lbx_nat was asked, its
 * half-open row being lost: then one of the two sees the other, because each writes its row before
 * it looks for the other's.
 */
stage int nat_take_done(struct nat_flow *f)
{
	const struct lb_nat *back;
	int err = nat_put(f, &lbx_nat_half, false);

	back = nat_find(&f->back);
	if (!err && (!back || nat_owns_now(f, back)))
		return LB_CONTINUE;
	nat_drop(f, &lbx_nat_half);
	return LB_NAT_FULL;
}

/* The row of the replies as it is in this round. False: the service has no source. */
stage bool nat_name_back(const struct pkt *p, struct nat_flow *f, __u32 round)
{
	__u32 hash = sched_mix(f->ports ^ env_load32(f->out.src + 12) ^ env_load32(f->out.src + 4));
	__u32 port = p->real->port ? p->real->port : f->ports & 0xffff;
	struct lb_addr source;

	for (int i = 0; i < 16; i += 4)
		env_store32(source.byte + i, env_load32(f->out.src + i));
	if (!nat_source(p, hash + round, &source))
		return false;
	nat_key(&f->back, &p->real->ip, &source, port << 16 | nat_port(f, hash, round),
		f->out.proto);
	return true;
}

/* Takes a source, if no other flow has it to the same port of the real. LB_CONTINUE, NAT_PROMOTED,
 * NAT_TAKEN, or a drop. */
stage int nat_make(const struct pkt *p, struct nat_flow *f, __u32 round)
{
	const struct lb_nat *taken;
	int err;

	if (!nat_name_back(p, f, round))
		return LB_NAT_FULL;
	taken = nat_find(&f->back);
	if (taken && !nat_owns_now(f, taken))
		return NAT_TAKEN;
	if (taken) /* another CPU was first */
		return nat_put(f, &lbx_nat, false) ? LB_NAT_FULL : NAT_PROMOTED;
	err = nat_take(f, round == NAT_TRIES - 1);
	if (err)
		return err == -EEXIST ? NAT_TAKEN : LB_NAT_FULL;
	return nat_take_done(f);
}

/* Has the client answered what the real said? Who forges its address does not see that. Of a
 * datagram nothing but its coming later can be asked. */
stage bool nat_is_earned(const struct nat_flow *f, const struct lb_nat_half *back)
{
	if (!back->answered || f->out.proto != WIRE_TCP)
		return back->answered;
	return (f->flags & (TCP_SYN | TCP_RST | TCP_ACK)) == TCP_ACK &&
	       f->ack - back->answer + NAT_WINDOW <= 2 * NAT_WINDOW;
}

/* The two rows into lbx_nat. 0; -EEXIST: another flow has the source; or another error. */
stage int nat_put_both(struct nat_flow *f)
{
	int err = nat_put(f, &lbx_nat, true);
	const struct lb_nat *back;

	if (err == -EEXIST) {
		back = nat_find(&f->back);
		return back && nat_owns_now(f, back) ? 0 : -EEXIST; /* another CPU was first */
	}
	if (err)
		return err;
	err = nat_put(f, &lbx_nat, false);
	if (err)
		(void)bpf_map_delete_elem(&lbx_nat, &f->back);
	return err;
}

/* Where lbx_nat refuses, the half-open rows serve on. LB_CONTINUE, NAT_PROMOTED, or a drop: see
 * nat_take_done. */
stage int nat_promote(struct nat_flow *f)
{
	int err = nat_put_both(f);
	const struct lb_nat_half *half;

	if (err == -EEXIST)
		return LB_NAT_FULL;
	if (err) {
		stats_event(LB_EVENT_PROMOTE_FAILED);
		return LB_CONTINUE;
	}
	half = bpf_map_lookup_elem(&lbx_nat_half, &f->back);
	if (half && !nat_owns_now(f, &half->row)) {
		nat_drop(f, &lbx_nat);
		return LB_NAT_FULL;
	}
	nat_drop(f, &lbx_nat_half);
	return NAT_PROMOTED;
}

/* Do the tables of flow.h know the flow? */
stage bool nat_is_flow(const struct nat_flow *f, bool six)
{
	struct lb_flow4 key = {.dport = f->out.dport, .sport = f->out.sport, .proto = f->out.proto};

	if (six)
		return bpf_map_lookup_elem(&lbx_flows6, &f->out) ||
		       bpf_map_lookup_elem(&lbx_half6, &f->out);
	env_store32(key.src, env_load32(f->out.src + 12));
	env_store32(key.dst, env_load32(f->out.dst + 12));
	return bpf_map_lookup_elem(&lbx_flows4, &key) || bpf_map_lookup_elem(&lbx_half4, &key);
}

/* A datagram, a SYN, or what belongs to a flow that has begun. */
stage bool nat_may_make(const struct nat_flow *f, __u32 where)
{
	return f->out.proto == WIRE_UDP || where & NAT_SYN || nat_is_flow(f, nat_six(where));
}

/*
 * Sees to it that a client's packet that lbx_nat does not know, to this real, has its rows, if it
 * may: the middle of an unknown flow makes none. LB_CONTINUE: in lbx_nat_half; NAT_PROMOTED: in
 * lbx_nat; NAT_TAKEN: the next round, 0 to NAT_TRIES - 1, may do better; or a drop.
 */
int nat_settle(struct xdp_md *ctx, __u32 where, __u32 real, __u32 round);

separate int nat_settle(struct xdp_md *ctx, __u32 where, __u32 real, __u32 round)
{
	struct nat_flow f = {.half = {.row = {.real = real}}};
	struct lb_nat_half *back;
	struct pkt p = {};

	if (!nat_read_flow(ctx, where, &f) || !real_choose(&p, real))
		return LB_NO_REAL;
	nat_forget(&f);
	back = nat_find_pair(&f, &p);
	if (!back)
		return nat_may_make(&f, where) ? nat_make(&p, &f, round) : LB_MISS;
	nat_copy_client(&back->row, &f.half.row);
	return nat_is_earned(&f, back) ? nat_promote(&f) : LB_CONTINUE;
}

#endif
