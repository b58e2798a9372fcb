/* SPDX-License-Identifier: GPL-2.0-only */
/* The maps of checks through a VIP, which the XDP program shares with the tc program of via.bpf.c.
 */
#ifndef LBXDP_BPF_VIA_MAPS_H
#define LBXDP_BPF_VIA_MAPS_H

#include "env.h"

#include "lbxdp/abi.h"

/* clang-format off */
LB_MAP(lbx_vias, BPF_MAP_TYPE_HASH, __u32, struct lb_via, LB_VIAS_MAX, BPF_F_NO_PREALLOC);
LB_MAP(lbx_via_ports, BPF_MAP_TYPE_ARRAY, __u32, struct lb_via_port, LB_VIA_PORTS, BPF_F_MMAPABLE);
/* clang-format on */

/* The row of the check that connects from this local port; NULL: none does. */
stage struct lb_via *via_row(__u32 port)
{
	__u32 index = port - LB_VIA_PORT_FIRST, check;
	struct lb_via_port *row;

	if (port < LB_VIA_PORT_FIRST)
		return NULL;
	row = bpf_map_lookup_elem(&lbx_via_ports, &index);
	if (!row || !row->check)
		return NULL;
	check = row->check;
	return bpf_map_lookup_elem(&lbx_vias, &check);
}

#endif
