/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Lists of layer 7 on the ways that XDP does not see (R82): an interface that is not ours, a
 * tunnel, the host itself. The kernel asks when a segment for this host belongs to no connection
 * and a listener is looked for. Services without a list have no endpoint, and cost one lookup.
 */
#ifndef LBXDP_BPF_GUARD_H
#define LBXDP_BPF_GUARD_H

#include "acl.h"

/* The kernel does not say which flags the segment has: nearly all that look for a listener would
 * begin a connection. */
enum { GUARD_KIND = TCP_SYN | WIRE_TCP << 8 };

/* May the client, of IPv6 if six, not have the service that listens there? Counts as XDP does. */
stage bool guard_refuses(const struct lb_addr *client, const struct lb_endpoint *at, bool six)
{
	const __u32 *id = bpf_map_lookup_elem(&lbx_endpoints, at);
	struct lb_service *s = id ? bpf_map_lookup_elem(&lbx_services, id) : NULL;

	if (!s || !acl_gate(s).host || acl_ask(s, client, six, GUARD_KIND) != LB_ACL)
		return false;
	stats_verdict(LB_ACL);
	return true;
}

#endif
