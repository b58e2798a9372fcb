/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Every map. The loader sets the size of lbx_flows4, lbx_flows6 and lbx_nat; the other sizes are
 * those of abi.h. Info maps are for people and for adoption; no packet reads them.
 */
#ifndef LBXDP_BPF_MAPS_H
#define LBXDP_BPF_MAPS_H

#include "env.h"
#include "via_maps.h"

#include "lbxdp/abi.h"
#include "lbxdp/verdict.h"

enum {
	LB_FLOWS_DEFAULT = 65536,
	LB_HALF_OPEN_MAX = 65536,
	LB_PERSIST_MAX = 131072,
};

/* clang-format off */
LB_MAP(lbx_vip_filter, BPF_MAP_TYPE_ARRAY, __u32, __u64, LB_VIP_FILTER_WORDS, BPF_F_MMAPABLE);
LB_MAP(lbx_vips, BPF_MAP_TYPE_HASH, struct lb_addr, struct lb_vip, LB_VIPS_MAX, 0);
LB_MAP(lbx_claims, BPF_MAP_TYPE_LRU_HASH, struct lb_claim, __u64, LB_CLAIMS_MAX, 0);
LB_MAP(lbx_endpoints, BPF_MAP_TYPE_HASH, struct lb_endpoint, __u32, LB_ENDPOINTS_MAX,
       BPF_F_NO_PREALLOC);
LB_MAP(lbx_services, BPF_MAP_TYPE_ARRAY, __u32, struct lb_service, LB_SERVICES_MAX, BPF_F_MMAPABLE);
LB_MAP(lbx_acl, BPF_MAP_TYPE_LPM_TRIE, struct lb_acl_key, __u32, LB_ACL_MAX, BPF_F_NO_PREALLOC);
LB_MAP(lbx_slots, BPF_MAP_TYPE_ARRAY, __u32, struct lb_slots, LB_SLOTS_MAX / 2, BPF_F_MMAPABLE);
LB_MAP(lbx_svc_info, BPF_MAP_TYPE_HASH, __u32, struct lb_service_info, LB_SERVICES_MAX,
       BPF_F_NO_PREALLOC);
LB_MAP(lbx_reals, BPF_MAP_TYPE_ARRAY, __u32, struct lb_real, LB_REALS_MAX, BPF_F_MMAPABLE);
LB_MAP(lbx_real_info, BPF_MAP_TYPE_HASH, __u32, struct lb_real_info, LB_REALS_MAX,
       BPF_F_NO_PREALLOC);
LB_MAP(lbx_real_conns, BPF_MAP_TYPE_ARRAY, __u32, struct lb_real_conns, LB_REALS_MAX,
       BPF_F_MMAPABLE);
LB_MAP(lbx_real_stats, BPF_MAP_TYPE_PERCPU_ARRAY, __u32, struct lb_real_stats, LB_REALS_MAX, 0);
LB_MAP(lbx_flows4, BPF_MAP_TYPE_HASH, struct lb_flow4, struct lb_flow, LB_FLOWS_DEFAULT, 0);
LB_MAP(lbx_flows6, BPF_MAP_TYPE_HASH, struct lb_flow6, struct lb_flow, LB_FLOWS_DEFAULT, 0);
LB_MAP(lbx_half4, BPF_MAP_TYPE_LRU_HASH, struct lb_flow4, struct lb_flow, LB_HALF_OPEN_MAX, 0);
LB_MAP(lbx_half6, BPF_MAP_TYPE_LRU_HASH, struct lb_flow6, struct lb_flow, LB_HALF_OPEN_MAX, 0);
LB_MAP(lbx_fragments, BPF_MAP_TYPE_LRU_HASH, struct lb_datagram, struct lb_fragments,
       LB_DATAGRAMS_MAX, 0);
LB_MAP(lbx_icmp, BPF_MAP_TYPE_ARRAY, __u32, __u64, LB_SERVICES_MAX, 0);
LB_MAP(lbx_persist, BPF_MAP_TYPE_LRU_HASH, struct lb_persist_key, struct lb_persist, LB_PERSIST_MAX,
       0);
LB_MAP(lbx_nat, BPF_MAP_TYPE_HASH, struct lb_flow6, struct lb_nat, LB_FLOWS_DEFAULT,
       BPF_F_NO_PREALLOC);
LB_MAP(lbx_nat_half, BPF_MAP_TYPE_LRU_HASH, struct lb_flow6, struct lb_nat_half, LB_HALF_OPEN_MAX,
       0);
LB_MAP(lbx_nat_brief, BPF_MAP_TYPE_ARRAY, __u32, struct lb_nat_brief, 1 << LB_NAT_BRIEF_SHIFT, 0);
LB_MAP(lbx_pools, BPF_MAP_TYPE_HASH, __u32, struct lb_pool, LB_SERVICES_MAX, BPF_F_NO_PREALLOC);
LB_MAP(lbx_settings, BPF_MAP_TYPE_ARRAY, __u32, struct lb_settings, 1, BPF_F_MMAPABLE);
LB_MAP(lbx_verdicts, BPF_MAP_TYPE_PERCPU_ARRAY, __u32, __u64, LB_VERDICT_COUNT, 0);
LB_MAP(lbx_floods, BPF_MAP_TYPE_PERCPU_ARRAY, __u32, __u64, LB_SERVICES_MAX, 0);
LB_MAP(lbx_events, BPF_MAP_TYPE_PERCPU_ARRAY, __u32, __u64, LB_EVENT_COUNT, 0);
LB_MAP(lbx_ifaces, BPF_MAP_TYPE_HASH, __u32, struct lb_iface, LB_IFACES_MAX, 0);
LB_MAP(lbx_tx, BPF_MAP_TYPE_DEVMAP_HASH, __u32, __u32, LB_IFACES_MAX, 0);
LB_MAP(lbx_trace_filters, BPF_MAP_TYPE_ARRAY, __u32, struct lb_trace_filter, LB_TRACE_VIEWERS,
       BPF_F_MMAPABLE);
LB_MAP(lbx_trace_seen, BPF_MAP_TYPE_PERCPU_ARRAY, __u32, struct lb_trace, 1, 0);
LB_RING(lbx_trace, LB_TRACE_BYTES);
/* clang-format on */

#endif
