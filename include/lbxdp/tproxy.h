/* SPDX-License-Identifier: GPL-2.0-only */
/* TProxy: what the tc program, the policy rule and the filter's name agree on. */
#ifndef LBXDP_TPROXY_H
#define LBXDP_TPROXY_H

enum {
	/* One bit of the packet's mark, so that other marks stay as they are. */
	LB_TPROXY_MARK = 1 << 29,
	/* The routing table of the instance without a name; others count on from it. */
	LB_TPROXY_TABLE = 0x6c620000,
	LB_TPROXY_TABLES = 0x10000,
	/* Of the rule: after that of the table "local", before all that people use. */
	LB_TPROXY_RULE_PRIORITY = 108,
	/* Of the filter among those on an interface. */
	LB_TPROXY_FILTER_PRIORITY = 108,
};

#endif
