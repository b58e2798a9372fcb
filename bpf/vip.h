/* SPDX-License-Identifier: GPL-2.0-only */
/* Whose address is it? A filter of a few nanoseconds that spares all other traffic, and the truth.
 */
#ifndef LBXDP_BPF_VIP_H
#define LBXDP_BPF_VIP_H

#include "maps.h"
#include "pkt.h"
#include "rate.h"

#include "lbxdp/vip_filter.h"

/* False: certainly no VIP. */
stage bool vip_maybe(const __u32 word[4])
{
	__u32 bit = lb_vip_filter_bit(word), index = bit >> 6;
	__u64 *bits = bpf_map_lookup_elem(&lbx_vip_filter, &index);

	return bits && *bits >> (bit & 63) & 1;
}

stage bool vip_maybe4(__be32 addr)
{
	const __u32 word[4] = {0, 0, PKT_MAPPED, addr};

	return vip_maybe(word);
}

stage struct lb_vip *vip_find4(__be32 addr)
{
	struct lb_addr key;

	if (!vip_maybe4(addr))
		return NULL;
	pkt_addr4(&key, addr);
	return bpf_map_lookup_elem(&lbx_vips, &key);
}

stage struct lb_vip *vip_find6(const __be32 addr[4])
{
	struct lb_addr key;

	if (!vip_maybe(addr))
		return NULL;
	pkt_addr6(&key, addr);
	return bpf_map_lookup_elem(&lbx_vips, &key);
}

/* The packet's destination. */
stage struct lb_vip *vip_find(const struct pkt *p)
{
	struct lb_addr key;

	pkt_dst(p, &key);
	return bpf_map_lookup_elem(&lbx_vips, &key);
}

/*
 * An active node answers for its VIPs. One whose daemon has been silent for longer than
 * node.orphan_timeout does not, so that a peer can take them over (F24).
 */
stage bool vip_answers(const struct lb_vip *vip)
{
	const __u32 zero = 0;
	const struct lb_settings *s = bpf_map_lookup_elem(&lbx_settings, &zero);
	__u32 now;

	if (!vip->active || !s)
		return false;
	if (!s->orphan_timeout)
		return true;
	now = bpf_ktime_get_coarse_ns() >> LB_TICK_SHIFT;
	return (__s32)(now - s->heartbeat) <= (__s32)s->orphan_timeout;
}

/* A packet that cannot be used is dropped only where it is ours: the filter may have erred. */
stage enum lb_verdict vip_blame(const struct pkt *p, enum lb_verdict v)
{
	return v == LB_NOT_OURS || !vip_find(p) ? LB_NOT_OURS : v;
}

/* Takes note of who claims an address, and where: the halves of the address as they lie in memory,
 * the MAC in the low 48 bits likewise. The count means little; the row is what the daemon reads. */
int vip_claim(struct xdp_md *ctx, __u64 first, __u64 second, __u64 mac);

separate int vip_claim(struct xdp_md *ctx, __u64 first, __u64 second, __u64 mac)
{
	struct lb_claim key = {.ifindex = ctx->ingress_ifindex};
	const __u64 one = 1;
	__u64 *count;

	env_store32(&key.vip.byte[0], first);
	env_store32(&key.vip.byte[4], first >> 32);
	env_store32(&key.vip.byte[8], second);
	env_store32(&key.vip.byte[12], second >> 32);
	for (int i = 0; i < 6; i++)
		key.mac[i] = mac >> 8 * i;
	count = bpf_map_lookup_elem(&lbx_claims, &key);
	if (count)
		__sync_fetch_and_add(count, 1);
	else
		bpf_map_update_elem(&lbx_claims, &key, &one, BPF_ANY);
	return 0;
}

/* RFC 5227, RFC 4862: somebody else says it owns our address. */
stage void vip_conflict(const struct pkt *p, struct lb_vip *vip, const __be32 addr[4],
			const __u8 mac[6])
{
	__u64 number = 0;

	pkt_copy_mac(vip->conflict_mac, mac);
	__sync_fetch_and_add(&vip->conflicts, 1);
	for (int i = 0; i < 6; i++)
		number |= (__u64)mac[i] << 8 * i;
	(void)vip_claim(p->ctx, addr[0] | (__u64)addr[1] << 32, addr[2] | (__u64)addr[3] << 32,
			number);
}

/* The interface the packet came in by, with our MAC, or NULL. */
stage struct lb_iface *vip_iface(const struct pkt *p)
{
	__u32 ifindex = p->ctx->ingress_ifindex;

	return bpf_map_lookup_elem(&lbx_ifaces, &ifindex);
}

/* F8: an interface answers so many ARP requests and solicitations a tick, whoever asks. */
stage bool vip_answers_enough(struct lb_iface *iface)
{
	__u32 now = bpf_ktime_get_coarse_ns() >> LB_TICK_SHIFT;

	return rate_count(&iface->answers, now, LB_ANSWERS_A_TICK) > LB_ANSWERS_A_TICK;
}

#endif
