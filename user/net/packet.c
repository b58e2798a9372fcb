/* SPDX-License-Identifier: GPL-2.0-only */
#include "net/packet.h"

#include <arpa/inet.h>
#include <linux/if_arp.h>
#include <linux/if_ether.h>
#include <netinet/icmp6.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <string.h>

enum { HOPS = 64, ND_HOPS = 255 };

struct ethernet {
	uint8_t to[6], from[6];
	uint16_t type;
} __attribute__((packed));

struct arp {
	struct ethernet ethernet;
	uint16_t hardware, protocol;
	uint8_t hardware_len, protocol_len;
	uint16_t operation;
	uint8_t sender_mac[6], sender[4], target_mac[6], target[4];
} __attribute__((packed));

struct advertisement {
	struct ethernet ethernet;
	struct ip6_hdr ip;
	struct nd_neighbor_advert na;
	struct nd_opt_hdr option;
	uint8_t mac[6];
} __attribute__((packed));

uint32_t packet_sum(uint32_t sum, const void *bytes, size_t len)
{
	const uint8_t *at = bytes;

	for (size_t i = 0; i + 1 < len; i += 2)
		sum += (uint32_t)at[i] << 8 | at[i + 1];
	if (len & 1)
		sum += (uint32_t)at[len - 1] << 8;
	return sum;
}

uint16_t packet_fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons((uint16_t)~sum);
}

/* To everybody, from mac. */
static struct arp arp_of(uint16_t operation, const uint8_t mac[6], const struct addr *sender,
			 const struct addr *target)
{
	struct arp a = {
		.ethernet = {.to = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, .type = htons(ETH_P_ARP)},
		.hardware = htons(ARPHRD_ETHER),
		.protocol = htons(ETH_P_IP),
		.hardware_len = 6,
		.protocol_len = 4,
		.operation = htons(operation),
	};

	memcpy(a.ethernet.from, mac, 6);
	memcpy(a.sender_mac, mac, 6);
	memcpy(a.sender, sender->byte + 12, 4);
	memcpy(a.target, target->byte + 12, 4);
	return a;
}

size_t packet_garp(uint8_t frame[PACKET_ROOM], const uint8_t mac[6], const struct addr *vip,
		   bool reply)
{
	struct arp a = arp_of(reply ? ARPOP_REPLY : ARPOP_REQUEST, mac, vip, vip);

	if (reply) /* Linux heeds a gratuitous reply only when both MACs are the same */
		memcpy(a.target_mac, mac, 6);
	memcpy(frame, &a, sizeof(a));
	return sizeof(a);
}

/* Of the pseudo header that TCP and ICMPv6 checksums cover. */
static uint32_t pseudo_sum(const struct packet_ends *e, uint8_t proto, size_t len)
{
	size_t skip = addr_is_v4(&e->src) ? 12 : 0;
	uint32_t sum = packet_sum(proto + (uint32_t)len, e->src.byte + skip, 16 - skip);

	return packet_sum(sum, e->dst.byte + skip, 16 - skip);
}

static struct ip6_hdr ip6_header(const struct packet_ends *e, uint8_t proto, size_t len)
{
	struct ip6_hdr ip = {
		.ip6_flow = htonl(6U << 28),
		.ip6_plen = htons((uint16_t)len),
		.ip6_nxt = proto,
		.ip6_hlim = proto == IPPROTO_ICMPV6 ? ND_HOPS : HOPS,
	};

	memcpy(&ip.ip6_src, e->src.byte, 16);
	memcpy(&ip.ip6_dst, e->dst.byte, 16);
	return ip;
}

size_t packet_advertisement(uint8_t frame[PACKET_ROOM], const uint8_t mac[6],
			    const struct addr *vip)
{
	const struct packet_ends e = {.src = *vip, .dst = {{0xff, 2, [15] = 1}}};
	const size_t len = sizeof(struct nd_neighbor_advert) + sizeof(struct nd_opt_hdr) + 6;
	struct advertisement a = {
		.ethernet = {.to = {0x33, 0x33, 0, 0, 0, 1},        .type = htons(ETH_P_IPV6)},
		.option = {.nd_opt_type = ND_OPT_TARGET_LINKADDR, .nd_opt_len = 1          },
	};

	memcpy(a.ethernet.from, mac, 6);
	memcpy(a.mac, mac, 6);
	a.ip = ip6_header(&e, IPPROTO_ICMPV6, len);
	a.na.nd_na_type = ND_NEIGHBOR_ADVERT;
	a.na.nd_na_flags_reserved = ND_NA_FLAG_OVERRIDE;
	memcpy(&a.na.nd_na_target, vip->byte, 16);
	a.na.nd_na_cksum = packet_fold(packet_sum(pseudo_sum(&e, IPPROTO_ICMPV6, len), &a.na, len));
	memcpy(frame, &a, sizeof(a));
	return sizeof(a);
}

/* To the solicited-node group (RFC 4861 4.3, RFC 4291 2.7.1). */
static size_t solicitation(uint8_t frame[PACKET_ROOM], const uint8_t mac[6],
			   const struct addr *from, const struct addr *vip)
{
	struct packet_ends e = {.src = *from, .dst = {{0xff, 2, [11] = 1, [12] = 0xff}}};
	const size_t len = sizeof(struct nd_neighbor_solicit) + sizeof(struct nd_opt_hdr) + 6;
	struct advertisement s = {
		.ethernet = {.type = htons(ETH_P_IPV6)},
		.option = { .nd_opt_type = ND_OPT_SOURCE_LINKADDR,          .nd_opt_len = 1},
	};

	memcpy(e.dst.byte + 13, vip->byte + 13, 3);
	packet_group_mac(s.ethernet.to, vip);
	memcpy(s.ethernet.from, mac, 6);
	memcpy(s.mac, mac, 6);
	s.ip = ip6_header(&e, IPPROTO_ICMPV6, len);
	s.na.nd_na_type = ND_NEIGHBOR_SOLICIT; /* of the same form */
	memcpy(&s.na.nd_na_target, vip->byte, 16);
	s.na.nd_na_cksum = packet_fold(packet_sum(pseudo_sum(&e, IPPROTO_ICMPV6, len), &s.na, len));
	memcpy(frame, &s, sizeof(s));
	return sizeof(s);
}

size_t packet_question(uint8_t frame[PACKET_ROOM], const uint8_t mac[6], const struct addr *from,
		       const struct addr *vip)
{
	struct arp a;

	if (!addr_is_v4(vip))
		return solicitation(frame, mac, from, vip);
	a = arp_of(ARPOP_REQUEST, mac, from, vip);
	memcpy(frame, &a, sizeof(a));
	return sizeof(a);
}

static bool arp_claims(const uint8_t *frame, size_t len, struct addr *vip, uint8_t mac[6])
{
	static const uint8_t nobody[4];
	struct arp a;

	if (len < sizeof(a))
		return false;
	memcpy(&a, frame, sizeof(a));
	if (a.hardware != htons(ARPHRD_ETHER) || a.protocol != htons(ETH_P_IP) ||
	    a.hardware_len != 6 || a.protocol_len != 4 || !memcmp(a.sender, nobody, 4))
		return false;
	*vip = addr_from_v4(a.sender);
	memcpy(mac, a.sender_mac, 6);
	return true;
}

/* With its option it says the MAC; without, it is that of the frame. Nobody sends other options
 * before it, or headers between (RFC 4861 4.4). */
static bool advertisement_claims(const uint8_t *frame, size_t len, struct addr *vip, uint8_t mac[6])
{
	struct advertisement a = {};
	const size_t least = offsetof(struct advertisement, option);

	if (len < least)
		return false;
	memcpy(&a, frame, len < sizeof(a) ? len : sizeof(a));
	if (a.ip.ip6_nxt != IPPROTO_ICMPV6 || a.ip.ip6_hlim != ND_HOPS ||
	    a.na.nd_na_type != ND_NEIGHBOR_ADVERT || a.na.nd_na_code != 0)
		return false;
	*vip = addr_from_v6(&a.na.nd_na_target);
	memcpy(mac, a.ethernet.from, 6);
	if (len >= sizeof(a) &&
	    ntohs(a.ip.ip6_plen) >= sizeof(a) - sizeof(a.ethernet) - sizeof(a.ip) &&
	    a.option.nd_opt_type == ND_OPT_TARGET_LINKADDR && a.option.nd_opt_len == 1)
		memcpy(mac, a.mac, 6);
	return true;
}

bool packet_claims(const uint8_t *frame, size_t len, struct addr *vip, uint8_t mac[6])
{
	struct ethernet e;

	if (len < sizeof(e))
		return false;
	memcpy(&e, frame, sizeof(e));
	if (e.type == htons(ETH_P_ARP))
		return arp_claims(frame, len, vip, mac);
	return e.type == htons(ETH_P_IPV6) && advertisement_claims(frame, len, vip, mac);
}

static size_t write_ip4(uint8_t *at, const struct packet_ends *e, size_t len)
{
	struct iphdr ip = {
		.version = 4,
		.ihl = 5,
		.tot_len = htons((uint16_t)(sizeof(ip) + len)),
		.frag_off = htons(IP_DF),
		.ttl = HOPS,
		.protocol = IPPROTO_TCP,
	};

	memcpy(&ip.saddr, e->src.byte + 12, 4);
	memcpy(&ip.daddr, e->dst.byte + 12, 4);
	ip.check = packet_fold(packet_sum(0, &ip, sizeof(ip)));
	memcpy(at, &ip, sizeof(ip));
	return sizeof(ip);
}

size_t packet_tcp(uint8_t packet[PACKET_ROOM], const struct packet_ends *e, uint8_t flags,
		  uint32_t seq, uint32_t ack)
{
	struct tcphdr tcp = {
		.source = htons(e->sport),
		.dest = htons(e->dport),
		.seq = htonl(seq),
		.ack_seq = htonl(ack),
		.doff = sizeof(tcp) / 4,
	};
	struct ip6_hdr ip6 = ip6_header(e, IPPROTO_TCP, sizeof(tcp));
	size_t head = sizeof(ip6);

	tcp.th_flags = flags;
	tcp.check =
		packet_fold(packet_sum(pseudo_sum(e, IPPROTO_TCP, sizeof(tcp)), &tcp, sizeof(tcp)));
	if (addr_is_v4(&e->src))
		head = write_ip4(packet, e, sizeof(tcp));
	else
		memcpy(packet, &ip6, sizeof(ip6));
	memcpy(packet + head, &tcp, sizeof(tcp));
	return head + sizeof(tcp);
}

size_t packet_ack(uint8_t packet[PACKET_ROOM], const struct packet_ends *e, uint32_t seq,
		  uint32_t ack)
{
	return packet_tcp(packet, e, TH_ACK, seq, ack);
}

size_t packet_frame(uint8_t *frame, const uint8_t to[6], const uint8_t from[6], size_t len)
{
	bool v4 = frame[PACKET_ETHERNET] >> 4 == 4;
	struct ethernet e = {.type = htons(v4 ? ETH_P_IP : ETH_P_IPV6)};

	memcpy(e.to, to, sizeof(e.to));
	memcpy(e.from, from, sizeof(e.from));
	memcpy(frame, &e, sizeof(e));
	return sizeof(e) + len;
}

/* How long the IP header is that a TCP header follows, and its ends; 0: there is none. */
static size_t read_ip4(const uint8_t *at, size_t len, struct packet_ends *e)
{
	struct iphdr ip;

	if (len < sizeof(ip))
		return 0;
	memcpy(&ip, at, sizeof(ip));
	if (ip.version != 4 || ip.ihl != 5 || ip.protocol != IPPROTO_TCP ||
	    ip.frag_off & htons(IP_MF | IP_OFFMASK))
		return 0;
	e->src = addr_from_v4(&ip.saddr);
	e->dst = addr_from_v4(&ip.daddr);
	return sizeof(ip);
}

static size_t read_ip6(const uint8_t *at, size_t len, struct packet_ends *e)
{
	struct ip6_hdr ip;

	if (len < sizeof(ip))
		return 0;
	memcpy(&ip, at, sizeof(ip));
	if (ip.ip6_vfc >> 4 != 6 || ip.ip6_nxt != IPPROTO_TCP)
		return 0;
	e->src = addr_from_v6(&ip.ip6_src);
	e->dst = addr_from_v6(&ip.ip6_dst);
	return sizeof(ip);
}

bool packet_segment(const uint8_t *frame, size_t len, struct packet_segment *out)
{
	struct ethernet e;
	struct tcphdr tcp;
	size_t head = 0;

	if (len < sizeof(e))
		return false;
	memcpy(&e, frame, sizeof(e));
	memcpy(out->mac, e.from, sizeof(out->mac));
	frame += sizeof(e);
	len -= sizeof(e);
	if (e.type == htons(ETH_P_IP))
		head = read_ip4(frame, len, &out->ends);
	else if (e.type == htons(ETH_P_IPV6))
		head = read_ip6(frame, len, &out->ends);
	if (!head || len - head < sizeof(tcp))
		return false;
	memcpy(&tcp, frame + head, sizeof(tcp));
	out->ends.sport = ntohs(tcp.source);
	out->ends.dport = ntohs(tcp.dest);
	out->flags = tcp.th_flags;
	out->seq = ntohl(tcp.seq);
	out->ack = ntohl(tcp.ack_seq);
	return true;
}

void packet_group_mac(uint8_t mac[6], const struct addr *vip)
{
	const uint8_t group[3] = {0x33, 0x33, 0xff};

	memcpy(mac, group, 3);
	memcpy(mac + 3, vip->byte + 13, 3);
}
