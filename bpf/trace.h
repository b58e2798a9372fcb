/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Shows packets to those who look (`lbxdp trace`). Nobody looks nearly always: then one word of
 * lbx_settings, which is read anyway, is all that it costs. It is the tick until which the daemon
 * wants it, so that a dead daemon leaves no tracing on.
 *
 * A packet is noted before anything answers in its place, and told of when its verdict is known.
 */
#ifndef LBXDP_BPF_TRACE_H
#define LBXDP_BPF_TRACE_H

#include "parse.h"
#include "vip.h"

_Static_assert(LB_VERDICT_COUNT <= 64, "a filter has a bit for each verdict");

stage struct lb_trace *trace_row(void)
{
	const __u32 zero = 0;

	return bpf_map_lookup_elem(&lbx_trace_seen, &zero);
}

stage void trace_transport(const struct pkt *p, enum lb_verdict v, struct lb_trace *t)
{
	t->proto = p->proto;
	if (v != LB_CONTINUE)
		return;
	t->sport = p->ports >> 16;
	t->dport = p->ports;
	t->flags = p->flags;
}

stage void trace_ip4(struct pkt *p, struct lb_trace *t)
{
	enum lb_verdict v;

	if (parse_ip4_start(p) != LB_CONTINUE)
		return;
	pkt_src(p, &t->src);
	pkt_dst(p, &t->dst);
	t->proto = p->ip4->proto;
	v = parse_ip4(p);
	if (v == LB_CONTINUE)
		trace_transport(p, parse_transport(p), t);
}

stage void trace_ip6(struct pkt *p, struct lb_trace *t)
{
	enum lb_verdict v;

	if (parse_ip6_start(p) != LB_CONTINUE)
		return;
	pkt_src(p, &t->src);
	pkt_dst(p, &t->dst);
	t->proto = p->ip6->next;
	v = parse_ip6(p);
	if (v == LB_CONTINUE)
		trace_transport(p, parse_transport(p), t);
}

/* Who asks or claims, and for what. */
stage void trace_arp(struct pkt *p, struct lb_trace *t)
{
	struct arp_packet *arp = pkt_take(p, sizeof(*arp));

	if (!arp)
		return;
	pkt_addr4(&t->src, env_load32(arp->sender_ip));
	pkt_addr4(&t->dst, env_load32(arp->target_ip));
}

/* Notes what the frame says, in this CPU's row. */
int trace_see(struct xdp_md *ctx);

separate int trace_see(struct xdp_md *ctx)
{
	struct pkt p = {.ctx = ctx};
	struct lb_trace *t = trace_row();

	if (!t)
		return 0;
	__builtin_memset(t, 0, sizeof(*t));
	t->time = bpf_ktime_get_ns();
	t->ifindex = ctx->ingress_ifindex;
	t->length = bpf_xdp_get_buff_len(ctx);
	pkt_fetch(&p);
	if (parse_ethernet(&p) != LB_CONTINUE)
		return 0;
	t->type = bpf_ntohs(p.type);
	if (t->type == WIRE_IP4)
		trace_ip4(&p, t);
	else if (t->type == WIRE_IP6)
		trace_ip6(&p, t);
	else if (t->type == WIRE_ARP)
		trace_arp(&p, t);
	return 0;
}

/* That of the real, or of the port: one that has no real drops packets, too. */
stage __u32 trace_service(const struct lb_trace *t)
{
	struct lb_endpoint key = {.vip = t->dst, .port = t->dport, .proto = t->proto};
	__u32 real_id = t->real, *service;
	struct lb_real *real;

	if (real_id) {
		real = bpf_map_lookup_elem(&lbx_reals, &real_id);
		return real ? real->service : 0;
	}
	service = t->dport ? bpf_map_lookup_elem(&lbx_endpoints, &key) : NULL;
	return service ? *service : 0;
}

/* What goes to the host unread goes unseen: only where the address is a VIP is there news. */
stage bool trace_concerns(const struct lb_trace *t)
{
	struct lb_addr key = t->dst;

	return t->verdict != LB_NOT_OURS || bpf_map_lookup_elem(&lbx_vips, &key);
}

stage bool trace_from(const struct lb_trace_filter *f, const struct lb_trace *t)
{
	__u32 differ = 0;

	for (int i = 0; i < 16; i += 4)
		differ |= (env_load32(&t->src.byte[i]) ^ env_load32(&f->client.byte[i])) &
			  env_load32(&f->mask.byte[i]);
	return !differ;
}

stage bool trace_wanted(const struct lb_trace_filter *f, const struct lb_trace *t)
{
	if (!READ_ONCE(f->on) || (f->service && f->service != t->service))
		return false;
	return f->verdicts >> (t->verdict & 63) & 1 && trace_from(f, t);
}

/* Of what is wanted, as much as there is left. */
stage bool trace_take(struct lb_trace_filter *f)
{
	if ((__s64)READ_ONCE(f->left) > 0 && __sync_fetch_and_add(&f->left, -1) > 0)
		return true;
	__sync_fetch_and_add(&f->missed, 1);
	return false;
}

/* Whoever asked in time switches it off. */
stage bool trace_over(struct lb_settings *s)
{
	__u32 until = READ_ONCE(s->trace), now = bpf_ktime_get_coarse_ns() >> LB_TICK_SHIFT;

	if (!until || (__s32)(now - until) <= 0)
		return !until;
	(void)__sync_val_compare_and_swap(&s->trace, until, 0);
	return true;
}

stage void trace_tell(struct lb_trace *t)
{
	for (__u32 i = 0; i < LB_TRACE_VIEWERS; i++) {
		__u32 index = i;
		struct lb_trace_filter *f = bpf_map_lookup_elem(&lbx_trace_filters, &index);

		if (f && trace_wanted(f, t) && trace_take(f))
			t->viewers |= 1U << i;
	}
	if (t->viewers)
		(void)bpf_ringbuf_output(&lbx_trace, t, sizeof(*t), BPF_RB_NO_WAKEUP);
}

/* Tells of the packet that trace_see noted last. */
int trace_say(__u32 verdict, __u32 real);

separate int trace_say(__u32 verdict, __u32 real)
{
	const __u32 zero = 0;
	struct lb_settings *s = bpf_map_lookup_elem(&lbx_settings, &zero);
	struct lb_trace *t = trace_row();

	if (!s || !t || !t->time || trace_over(s))
		return 0;
	t->verdict = verdict;
	t->real = real;
	t->service = trace_service(t);
	if (trace_concerns(t))
		trace_tell(t);
	t->time = 0; /* told */
	return 0;
}

#endif
