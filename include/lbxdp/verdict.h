/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Every way a packet can end, and every event worth a counter on the way. Counters, metrics, docs
 * and traces are made from these two lists.
 */
#ifndef LBXDP_VERDICT_H
#define LBXDP_VERDICT_H

/* name, XDP action, what it means. FORWARDED is derived from the reals' counters and never counted
 * on its own; its action becomes XDP_REDIRECT where the real is behind another interface. */
/* clang-format off */
#define LB_VERDICTS(V)                                                                             \
	V(FORWARDED,      XDP_TX,   "sent to a real server")                                       \
	V(NOT_OURS,       XDP_PASS, "no service on this address and port; left to the host")       \
	V(CHECK_ANSWER,   XDP_PASS, "answer to a health check through a VIP; left to the host")     \
	V(ARP_REPLY,      XDP_TX,   "ARP request for a VIP answered")                              \
	V(ARP_CONFLICT,   XDP_PASS, "another host claims a VIP by ARP")                            \
	V(ND_REPLY,       XDP_TX,   "neighbour solicitation for a VIP answered")                   \
	V(ND_INVALID,     XDP_DROP, "neighbour solicitation for a VIP that RFC 4861 7.1.1 forbids")\
	V(ND_CONFLICT,    XDP_PASS, "another host claims a VIP by neighbour advertisement")        \
	V(ECHO_REPLY,     XDP_TX,   "ping of a VIP answered")                                      \
	V(ANSWER_LIMIT,   XDP_DROP, "ARP or ND for a VIP, above 20,000 answers a second")          \
	V(RESET,          XDP_TX,   "flow of a halted or dead real answered with a reset")         \
	V(ACL,            XDP_DROP, "the service's allow_from or deny_from refuses the client")    \
	V(BAD_SOURCE,     XDP_DROP, "source address that no host has, or that is a VIP")           \
	V(MISS,           XDP_DROP, "middle of an unknown flow: on_miss: drop, or a translated fragment") \
	V(NAT_REPLY,      XDP_TX,   "reply or ICMP error of a NAT flow sent to its client")         \
	V(NAT_FULL,       XDP_DROP, "no free source port for a NAT flow")                          \
	V(HOP_LIMIT,      XDP_DROP, "packet of a NAT flow with no hop left")                       \
	V(NO_REAL,        XDP_DROP, "the service has no usable real and no backup")                \
	V(FULL,           XDP_DROP, "every real of the service has its max_connections")           \
	V(NO_NEIGHBOUR,   XDP_DROP, "the flow's real has no known MAC address")                    \
	V(FRAGMENT,       XDP_DROP, "later fragment whose first is not known, or fragment of ICMP") \
	V(FRAGMENT_TINY,  XDP_DROP, "first fragment too short for its transport header (RFC 1858)") \
	V(FRAGMENT_OVERLAP, XDP_DROP, "fragment of bytes that came before, or past the end (RFC 5722)")\
	V(BAD_FRAGMENT,   XDP_DROP, "fragment of an impossible length (RFC 791, RFC 8200 4.5)")    \
	V(ICMP_NO_FLOW,   XDP_DROP, "ICMP error of a service that quotes no running flow")         \
	V(ICMP_LIMITED,   XDP_DROP, "ICMP error above the service's rate limit")                   \
	V(BAD_ETHERNET,   XDP_DROP, "frame shorter than its Ethernet and VLAN headers")            \
	V(BAD_ARP,        XDP_DROP, "ARP packet cut short")                                        \
	V(BAD_IP,         XDP_DROP, "IP header cut short, or wrong version or header length")      \
	V(BAD_LENGTH,     XDP_DROP, "IP length larger than the frame or smaller than its headers") \
	V(BAD_EXTENSION,  XDP_DROP, "IPv6 extension headers cut short or too many")                \
	V(ROUTING_HEADER, XDP_DROP, "IPv6 routing header type 0 (RFC 5095)")                       \
	V(BAD_TCP,        XDP_DROP, "TCP header cut short or with a wrong data offset")            \
	V(BAD_UDP,        XDP_DROP, "UDP header cut short or with a wrong length")                 \
	V(BAD_ICMP,       XDP_DROP, "ICMP header for a VIP, or what an error quotes, cut short")

/* name, what it means. Events do not end a packet. */
#define LB_EVENTS(E)                                                                               \
	E(FLOW_MISS,      "packet in the middle of an unknown flow, sent by the stateless hash")   \
	E(FLOOD,          "new flow sent by the stateless hash: its service is in flood mode")     \
	E(TABLE_FULL,     "new flow sent by the stateless hash: the established table is nearly full")\
	E(PROMOTE_FAILED, "flow kept half-open: the established table refused its entry")          \
	E(HALF_OPEN_FAILED, "flow sent without an entry: the half-open table refused it")          \
	E(FLOW_REPLACED,  "SYN on a closing or expired flow scheduled anew")                       \
	E(ICMP_ERROR,     "ICMP error sent to the real whose flow it quotes")                      \
	E(FRAGMENT_FOLLOWED, "later fragment sent to the real of its first")
/* clang-format on */

enum lb_verdict {
	LB_CONTINUE = -1, /* not a verdict: go on to the next stage */
#define LB_ENUM(name, action, help) LB_##name,
	LB_VERDICTS(LB_ENUM)
#undef LB_ENUM
};

enum lb_event {
#define LB_ENUM(name, help) LB_EVENT_##name,
	LB_EVENTS(LB_ENUM)
#undef LB_ENUM
};

/* Not enumerators, so that a switch over every verdict is complete without them. */
#define LB_VERDICT_ONE(name, action, help) +1
#define LB_VERDICT_COUNT                   (0 LB_VERDICTS(LB_VERDICT_ONE))
#define LB_EVENT_ONE(name, help)           +1
#define LB_EVENT_COUNT                     (0 LB_EVENTS(LB_EVENT_ONE))

#endif
