/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Rules of the host's packet filter that name the VIP of a Direct Routing service. XDP takes those
 * packets before netfilter sees them, so that such a rule does nothing. Pure.
 */
#ifndef LBXDP_CORE_FILTER_RULES_H
#define LBXDP_CORE_FILTER_RULES_H

#include "core/finding.h"
#include "core/model.h"

/*
 * Reads the rules as `nft -n -a list ruleset` or `iptables-save` write them (both may stand in one
 * text) and adds a finding for each that names a VIP of m's Direct Routing: the address itself, or
 * a network or range that differs from it in its last byte only. A rule for ports that no such
 * service of the VIP has is meant for layer 7 and left alone (R24, R87).
 */
void filter_rules_examine(const char *text, const struct model *m, struct findings *out);

#endif
