/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Flows as the client's half of them shows: one hash lookup for an established packet. A stage
 * returns LB_FORWARDED with p->real chosen, LB_RESET, a drop, or LB_CONTINUE: no flow, go on.
 *
 * Counters are exact over all CPUs because each change has one winner: of a state, by
 * compare-and-swap; of an entry, by the delete or insert that succeeds. An entry leaves through
 * LB_FLOW_CLOSING, so that whoever deletes it need not know what it was.
 */
#ifndef LBXDP_BPF_FLOW_H
#define LBXDP_BPF_FLOW_H

#include "acl.h"
#include "flood.h"
#include "origin.h"
#include "pick.h"
#include "sched.h"
#include "stats.h"

enum { FLOW_CAS_TRIES = 3 };

/* One family's tables; constants, once inlined. */
struct flow_tables {
	void *flows, *half;
	bool six;
};

#define FLOW_TABLES4 ((struct flow_tables){&lbx_flows4, &lbx_half4, false})
#define FLOW_TABLES6 ((struct flow_tables){&lbx_flows6, &lbx_half6, true})

/* Keys are written as whole words; see env_load64. */
stage void flow_key4(const struct pkt *p, struct lb_flow4 *key)
{
	env_store64(key->src, env_load64(&p->ip4->src));
	env_store64(&key->dport, p->ports | (__u64)p->proto << 32);
}

stage void flow_key6(const struct pkt *p, struct lb_flow6 *key)
{
	for (int i = 0; i < 2; i++) {
		env_store64(key->src + 8 * i, env_load64(p->ip6->src + 2 * i));
		env_store64(key->dst + 8 * i, env_load64(p->ip6->dst + 2 * i));
	}
	env_store64(&key->dport, p->ports | (__u64)p->proto << 32);
}

stage bool flow_is_syn(const struct pkt *p)
{
	return pkt_flags_begin(p->flags);
}

stage __u32 flow_tick(void)
{
	return bpf_ktime_get_coarse_ns() >> LB_TICK_SHIFT;
}

/*
 * The same, cheaper. It is asked for once a jiffy and kept beside the number of that: jiffies are
 * one load, the clock is a call. The clock moves with them, so that the tick is late by a jiffy at
 * most.
 */
stage __u32 flow_clock(struct lb_settings *s)
{
	__u32 jiffy = bpf_jiffies64(), tick;
	__u64 kept = READ_ONCE(s->clock);

	if (likely((__u32)(kept >> 32) == jiffy))
		return kept;
	tick = flow_tick();
	s->clock = (__u64)jiffy << 32 | tick;
	return tick;
}

/* Signed, because another CPU may have seen the next tick already. */
stage bool flow_expired(const struct pkt *p, const struct lb_flow *f, __u32 state)
{
	__u32 timeout = p->settings->timeout[state & 7];

	return (__s32)(p->now - f->seen) > (__s32)timeout;
}

stage void flow_touch(const struct pkt *p, struct lb_flow *f)
{
	if (f->seen != p->now)
		f->seen = p->now;
}

stage void flow_count(struct pkt *p, struct flow_tables t, __s64 change)
{
	stats_add(t.six ? &p->settings->count6 : &p->settings->count4, change);
}

stage bool flow_change(struct lb_flow *f, __u32 from, __u32 to)
{
	return __sync_val_compare_and_swap(&f->state, from, to) == from;
}

/*
 * Active to closing: of all who ask at once, one counts. Tried again where another CPU moved the
 * flow on meanwhile. f is a row of a flow table; returns its real.
 */
__u32 flow_close(struct lb_flow *f);

separate __u32 flow_close(struct lb_flow *f)
{
	struct lb_real_conns *conns = f ? real_conns(f->real) : NULL;

	if (!conns)
		return 0;
	for (int i = 0; i < FLOW_CAS_TRIES; i++) {
		__u32 state = READ_ONCE(f->state);

		if (state == LB_FLOW_CLOSING || state == LB_FLOW_DENIED) /* counted as closing */
			break;
		if (!flow_change(f, state, LB_FLOW_CLOSING))
			continue;
		stats_add(&conns->closed, 1);
		stats_add(&conns->closing_begun, 1);
		break;
	}
	return f->real;
}

/* After the delete that succeeded. */
int flow_ended(__u32 real, __u32 six);

separate int flow_ended(__u32 real, __u32 six)
{
	const __u32 zero = 0;
	struct lb_settings *s = bpf_map_lookup_elem(&lbx_settings, &zero);
	struct lb_real_conns *conns = real_conns(real);

	if (conns)
		stats_add(&conns->closing_ended, 1);
	if (s)
		stats_add(six ? &s->count6 : &s->count4, -1);
	return 0;
}

stage void flow_remove(struct flow_tables t, const void *key, struct lb_flow *f)
{
	__u32 real = flow_close(f);

	if (!bpf_map_delete_elem(t.flows, key))
		(void)flow_ended(real, t.six);
}

/* Its client may not use the service any more; every packet is answered with a reset. */
stage bool flow_denied(const struct lb_flow *f)
{
	return f->state == LB_FLOW_DENIED;
}

/*
 * Whether the entry ends with this packet, and as what the packet goes on. A client's RST ends
 * none but a denied one: only the real can tell whether it is the client's (RFC 5961 3).
 */
stage bool flow_ends(const struct pkt *p, const struct lb_flow *f, enum lb_verdict *v)
{
	*v = LB_CONTINUE;
	if (flow_expired(p, f, f->state))
		return true;
	if (flow_is_syn(p))
		return f->state == LB_FLOW_CLOSING || flow_denied(f) || !real_keeps(p);
	if (p->flags & TCP_RST) {
		*v = LB_FORWARDED;
		return flow_denied(f);
	}
	if (p->proto == WIRE_TCP)
		*v = LB_RESET;
	return real_resets(p) || flow_denied(f);
}

/* A RST keeps nothing alive, or the shorter timeout would begin in the past. */
stage bool flow_lives(const struct pkt *p, const struct lb_flow *f)
{
	return !(p->flags & TCP_RST) || f->state != LB_FLOW_CLOSING;
}

/* What only some packets of an established flow ask for. */
stage enum lb_verdict flow_turn(struct pkt *p, struct flow_tables t, const void *key,
				struct lb_flow *f)
{
	enum lb_verdict v;

	if (flow_ends(p, f, &v)) {
		/* A denied one stays, so that a client that lost the reset gets another. */
		if (v != LB_RESET || !flow_denied(f))
			flow_remove(t, key, f);
		p->replaced = true;
		return v;
	}
	if (flow_lives(p, f))
		flow_touch(p, f);
	if (p->flags & (TCP_FIN | TCP_RST))
		(void)flow_close(f);
	else if (f->state == LB_FLOW_NEW && !(p->flags & TCP_SYN))
		(void)flow_change(f, LB_FLOW_NEW, LB_FLOW_ESTABLISHED);
	return LB_FORWARDED;
}

stage enum lb_verdict flow_established(struct pkt *p, struct flow_tables t, const void *key,
				       struct lb_flow *f)
{
	if (unlikely(!real_choose(p, f->real)))
		return LB_NO_REAL;
	if (unlikely(p->flags & (TCP_SYN | TCP_FIN | TCP_RST) || f->state == LB_FLOW_NEW ||
		     flow_denied(f) || real_resets(p) || flow_expired(p, f, f->state)))
		return flow_turn(p, t, key, f);
	flow_touch(p, f);
	return LB_FORWARDED;
}

/* The client's second packet. Where the table refuses, the half-open entry serves on. */
stage void flow_promote(struct pkt *p, struct flow_tables t, const void *key, struct lb_flow *half)
{
	struct lb_flow f = {.real = half->real, .service = half->service, .seen = p->now};
	struct lb_real_conns *conns = real_conns(f.real);
	int err; /* no more of it than a kernel before 6.4 returns */

	f.state = p->proto == WIRE_UDP ? LB_FLOW_UDP
		  : p->flags & TCP_FIN ? LB_FLOW_CLOSING
				       : LB_FLOW_NEW;
	err = bpf_map_update_elem(t.flows, key, &f, BPF_NOEXIST);
	if (err && err != -EEXIST) {
		stats_event(LB_EVENT_PROMOTE_FAILED);
		return;
	}
	(void)bpf_map_delete_elem(t.half, key);
	if (err || !conns) /* another CPU was first, and counted */
		return;
	flow_count(p, t, 1);
	stats_add(&conns->opened, 1);
	if (p->real)
		(void)real_is_full(p->real,
				   conns); /* notes it, though flows may end before the next */
	if (f.state == LB_FLOW_CLOSING) {
		stats_add(&conns->closed, 1);
		stats_add(&conns->closing_begun, 1);
	}
}

/*
 * The half-open entry of key; *is becomes what it says. Another CPU may delete the entry and give
 * its memory to another flow while we read: only what a second look-up confirms is believed.
 */
stage struct lb_flow *flow_find_half(struct flow_tables t, const void *key, struct lb_flow *is)
{
	struct lb_flow *half = bpf_map_lookup_elem(t.half, key);

	if (!half)
		return NULL;
	*is = *half;
	half = bpf_map_lookup_elem(t.half, key);
	return half && half->real == is->real ? half : NULL;
}

stage enum lb_verdict flow_half_open(struct pkt *p, struct flow_tables t, const void *key)
{
	struct lb_flow is, *half = flow_find_half(t, key, &is);
	enum lb_verdict v;

	if (!half)
		return LB_CONTINUE;
	if (!real_choose(p, is.real))
		return LB_NO_REAL;
	if (flow_ends(p, &is, &v)) {
		(void)bpf_map_delete_elem(t.half, key);
		p->replaced = true;
		return v;
	}
	if (p->flags & TCP_RST)
		return LB_FORWARDED;
	flow_touch(p, half);
	if (!flow_is_syn(p))
		flow_promote(p, t, key, &is);
	return LB_FORWARDED;
}

/* The watermark with its hysteresis, judged where a flow begins. */
stage bool flow_table_full(struct lb_settings *s, bool six, __u32 now)
{
	__u32 *full = six ? &s->full6 : &s->full4;
	__u64 count = READ_ONCE(*(six ? &s->count6 : &s->count4));
	__u32 was = READ_ONCE(*full), is = count >= (was ? s->flows_low + 1ULL : s->flows_high);

	if (is != was)
		*full = is;
	if (is && READ_ONCE(s->full_seen) != now)
		s->full_seen = now;
	return is;
}

/* The half-open entry of a flow whose real is chosen; datagrams may be told to make none. */
stage enum lb_verdict flow_remember(struct pkt *p, struct flow_tables t, const void *key,
				    struct lb_service *s, __u32 service)
{
	struct lb_flow f = {
		.real = p->real_id, .service = service, .seen = p->now, .state = LB_FLOW_HALF_OPEN};
	struct lb_real_conns *conns = real_conns(f.real);

	if (!(sched_policy(s).flags & LB_POLICY_ONE_PACKET) &&
	    bpf_map_update_elem(t.half, key, &f, BPF_ANY))
		stats_event(LB_EVENT_HALF_OPEN_FAILED);
	if (conns)
		stats_add(&conns->connections, 1);
	return LB_FORWARDED;
}

/* Can it be a client's second packet? */
stage bool flow_answers(__u32 flags)
{
	return (flags & (TCP_SYN | TCP_ACK | TCP_RST | TCP_FIN)) == TCP_ACK;
}

/* What is done with a packet that no entry knows: one of these, or an enum lb_event that says why
 * its real is chosen by the hash and not remembered. */
enum flow_plan {
	FLOW_TICKET = 64, /* the next real in turn, and an entry */
	FLOW_AGAIN,       /* the same, in place of an entry that ended */
	FLOW_ANSWER,      /* the real that the hash gives it without an entry, and an entry */
	FLOW_DROP,
};

/* A packet that begins a flow. Datagrams do not say whether they do: one of a flow that went by the
 * hash, as long as such a flow can live, goes on by it and gets its entry now. */
stage int flow_plan_start(struct lb_service *s, struct lb_settings *settings, __u32 kind, __u32 now,
			  bool six)
{
	bool udp = kind >> 8 == WIRE_UDP;
	enum flood flood;

	if (udp && sched_policy(s).flags & LB_POLICY_ONE_PACKET) /* no entry is asked for */
		return FLOW_TICKET;
	flood = flood_counts(s, now);
	if (flood > (udp ? FLOOD_FEW : FLOOD_NONE))
		return LB_EVENT_FLOOD;
	if (flow_table_full(settings, six, now))
		return LB_EVENT_TABLE_FULL;
	flood = flood_node_counts(s, settings, now, false);
	if (flood > (udp ? FLOOD_FEW : FLOOD_NONE))
		return LB_EVENT_FLOOD;
	if (udp && flood_lately(s, settings, now, settings->timeout[LB_FLOW_UDP]))
		return FLOW_ANSWER;
	return FLOW_TICKET;
}

/* The middle of a flow makes no entry, but for that of a flow that could not have one, of which no
 * more in a window get one than there are; the others' next ACKs ask again. While there are flows
 * without entries, they are not dropped. */
stage int flow_plan_middle(struct lb_service *s, struct lb_settings *settings, __u32 kind,
			   __u32 now, bool six)
{
	if (flow_table_full(settings, six, now))
		return LB_EVENT_FLOW_MISS;
	if (flow_answers(kind) && flood_lately(s, settings, now, FLOOD_GRACE))
		return flood_node_counts(s, settings, now, true) == FLOOD_MANY ? LB_EVENT_FLOW_MISS
									       : FLOW_ANSWER;
	return s->on_miss == LB_ON_MISS_DROP ? FLOW_DROP : LB_EVENT_FLOW_MISS;
}

stage int flow_decide(struct lb_service *s, __u32 kind, __u32 now, bool six, bool again)
{
	const __u32 zero = 0;
	struct lb_settings *settings = bpf_map_lookup_elem(&lbx_settings, &zero);
	int plan;

	if (!s || !settings)
		return FLOW_DROP;
	if (!pkt_starts(kind))
		return flow_plan_middle(s, settings, kind, now, six);
	plan = flow_plan_start(s, settings, kind, now, six);
	return plan == FLOW_TICKET && again && kind >> 8 == WIRE_TCP ? FLOW_AGAIN : plan;
}

/* kind is pkt_kind, now is in ticks; again: an entry of the flow ended with this packet. Returns
 * enum flow_plan, with NAT_HASHED where the hash says which real. */
int flow_plan(struct lb_service *s, __u32 kind, __u32 now, __u32 six, __u32 again);

separate int flow_plan(struct lb_service *s, __u32 kind, __u32 now, __u32 six, __u32 again)
{
	int plan = flow_decide(s, kind, now, six, again);

	return plan < FLOW_TICKET || plan == FLOW_ANSWER ? plan | NAT_HASHED : plan;
}

/* LB_CONTINUE, or the end of a packet for which there is no real. */
stage enum lb_verdict flow_choose(struct pkt *p, struct lb_service *s, __u32 service,
				  struct lb_ring ring, __u32 plan)
{
	if (plan == FLOW_DROP)
		return LB_CONTINUE;
	if (plan == FLOW_TICKET || plan == FLOW_AGAIN)
		return pick(p, s, service, ring);
	return pick_unremembered(p, s, service) ? LB_CONTINUE : LB_NO_REAL;
}

/* A packet of no entry that may use its service, which has reals. */
stage enum lb_verdict flow_serve(struct pkt *p, struct flow_tables t, const void *key,
				 struct lb_service *s, __u32 service, struct lb_ring ring)
{
	__u32 said = flow_plan(s, pkt_kind(p), p->now, t.six, p->replaced);
	__u32 plan = said & ~(__u32)NAT_HASHED;
	enum lb_verdict v = flow_choose(p, s, service, ring, plan);

	p->hashed = said & NAT_HASHED;
	if (unlikely(v != LB_CONTINUE))
		return v;
	if (plan == LB_EVENT_FLOW_MISS || plan == FLOW_DROP)
		stats_add(&s->missed, 1);
	if (plan == FLOW_DROP)
		return LB_MISS;
	if (plan == FLOW_AGAIN)
		stats_event(LB_EVENT_FLOW_REPLACED);
	if (plan >= FLOW_TICKET)
		return flow_remember(p, t, key, s, service);
	if (plan == LB_EVENT_FLOOD)
		stats_flood(service);
	else
		stats_event(plan);
	return LB_FORWARDED;
}

/* No entry knows this packet. s is its service, or NULL where nobody has looked yet. */
stage enum lb_verdict flow_new(struct pkt *p, struct flow_tables t, const void *key,
			       struct lb_service *s, __u32 service)
{
	struct lb_ring ring;
	enum lb_verdict v;

	p->real = NULL; /* of an entry that ended */
	p->real_id = 0;
	if (!s)
		s = sched_service(p, &service);
	if (!s)
		return LB_NOT_OURS;
	v = acl_judge(p, s);
	if (likely(v == LB_CONTINUE))
		v = origin_judge(p);
	if (unlikely(v != LB_CONTINUE))
		return v;
	ring = sched_ring(s);
	if (ring.count)
		return flow_serve(p, t, key, s, service, ring);
	stats_add(&s->unrouted, 1);
	return LB_NO_REAL;
}

stage enum lb_verdict flow_pipeline(struct pkt *p, struct flow_tables t, const void *key)
{
	enum lb_verdict v = LB_CONTINUE;
	struct lb_service *s = NULL;
	struct lb_flow *f;
	__u32 service = 0;

	p->now = flow_clock(p->settings);
	f = bpf_map_lookup_elem(t.flows, key);
	if (!f && flow_is_syn(p))
		s = sched_service(p, &service);
	if (!f && !(s && flood_settled(s, p->settings, p->now))) {
		v = flow_half_open(p, t, key);
		/* Between the two look-ups another CPU may have promoted the flow: then it is in
		 * the table that was asked first. Only a SYN is sure to begin one. */
		if (v == LB_CONTINUE && !p->replaced && !flow_is_syn(p))
			f = bpf_map_lookup_elem(t.flows, key);
	}
	if (f)
		v = flow_established(p, t, key, f);
	return v == LB_CONTINUE ? flow_new(p, t, key, s, service) : v;
}

#endif
