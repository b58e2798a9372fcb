/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ARP for the VIPs (RFC 826). A request is answered in place, on every attached interface, while
 * this node is active. A claim by another host is counted, never answered (F7).
 */
#ifndef LBXDP_BPF_ARP_H
#define LBXDP_BPF_ARP_H

#include "stats.h"
#include "vip.h"

enum {
	ARP_ETHERNET = 1,
	ARP_REQUEST = 1,
	ARP_REPLY = 2,
};

stage bool arp_is_ethernet_ip4(const struct arp_packet *arp)
{
	return arp->hardware == bpf_htons(ARP_ETHERNET) && arp->protocol == bpf_htons(WIRE_IP4) &&
	       arp->hardware_len == 6 && arp->protocol_len == 4;
}

stage void arp_reply(struct pkt *p, struct arp_packet *arp, const struct lb_iface *iface)
{
	__u32 vip = env_load32(arp->target_ip);

	arp->operation = bpf_htons(ARP_REPLY);
	pkt_copy_mac(arp->target_mac, arp->sender_mac);
	env_store32(arp->target_ip, env_load32(arp->sender_ip));
	pkt_copy_mac(arp->sender_mac, iface->mac);
	env_store32(arp->sender_ip, vip);
	pkt_copy_mac(p->eth->dst, arp->target_mac);
	pkt_copy_mac(p->eth->src, iface->mac);
}

/* Only an active node minds: on a standby another host rightly holds the address. */
stage bool arp_claims_vip(const struct pkt *p, const struct arp_packet *arp,
			  const struct lb_iface *iface)
{
	const __be32 addr[4] = {0, 0, PKT_MAPPED, env_load32(arp->sender_ip)};
	struct lb_vip *vip = vip_find4(addr[3]);

	if (!vip || !vip_answers(vip) || pkt_same_mac(arp->sender_mac, iface->mac))
		return false;
	vip_conflict(p, vip, addr, arp->sender_mac);
	return true;
}

stage enum lb_verdict arp_pipeline(struct pkt *p)
{
	struct arp_packet *arp = pkt_take(p, sizeof(*arp));
	struct lb_iface *iface = vip_iface(p);
	struct lb_vip *vip;

	if (!arp)
		return LB_BAD_ARP;
	if (!iface || !arp_is_ethernet_ip4(arp))
		return LB_NOT_OURS;
	if (arp_claims_vip(p, arp, iface))
		return LB_ARP_CONFLICT;
	if (arp->operation != bpf_htons(ARP_REQUEST) || arp->sender_mac[0] & 1)
		return LB_NOT_OURS;
	vip = vip_find4(env_load32(arp->target_ip));
	if (!vip || !vip_answers(vip) || pkt_same_mac(arp->sender_mac, iface->mac))
		return LB_NOT_OURS;
	if (vip_answers_enough(iface))
		return LB_ANSWER_LIMIT;
	arp_reply(p, arp, iface);
	stats_add(&vip->arp_replies, 1);
	return LB_ARP_REPLY;
}

/* The ARP message at this offset of the frame. */
int arp_answer(struct xdp_md *ctx, __u32 l3);

separate int arp_answer(struct xdp_md *ctx, __u32 l3)
{
	struct pkt p = {.ctx = ctx, .l3 = l3};

	if (!pkt_reopen(&p))
		return LB_NOT_OURS;
	return arp_pipeline(&p);
}

#endif
