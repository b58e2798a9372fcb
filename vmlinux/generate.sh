#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Writes vmlinux.h anew from this kernel's BTF: of all its types, those named here. Enumerations
# without a name are kept when they define one of the constants.
set -eu

types='__u8 __u16 __u32 __u64 __s32 __s64 __be16 __be32 __wsum bool _Bool xdp_action xdp_md
bpf_map_type bpf_hdr_start_off __sk_buff bpf_sock bpf_sock_tuple bpf_sk_lookup sk_action'
constants='BPF_F_NO_PREALLOC BPF_ANY BPF_F_CURRENT_NETNS BPF_TCP_LISTEN BPF_RB_NO_WAKEUP false'
out=${1:-$(dirname "$0")/vmlinux.h}

{
	cat <<-'HEADER'
	/* SPDX-License-Identifier: GPL-2.0-only */
	/* Kernel types the data plane uses. Made by vmlinux/generate.sh; do not edit. */
	#ifndef LBXDP_VMLINUX_H
	#define LBXDP_VMLINUX_H

	#define NULL ((void *)0)

	HEADER
	bpftool btf dump file /sys/kernel/btf/vmlinux format c |
	awk -v types="$types" -v constants="$constants" '
	BEGIN {
		split(types, t); for (i in t) want[t[i]]
		split(constants, c); for (i in c) constant[c[i]]
	}
	# A definition is one line that ends in ";", or lines up to one that begins with "}".
	!block && /^typedef .*;$/ {
		name = $NF; sub(/;/, "", name)
		if (name in want) print $0 "\n"
		next
	}
	!block && /^(struct|union|enum) .*\{$|^enum \{$/ {
		block = 1; text = ""; keep = ($2 in want)
	}
	block {
		text = text $0 "\n"
		word = $1; sub(/,/, "", word)
		if (word in constant) keep = 1
		if (/^}/) { block = 0; if (keep) print text }
	}'
	echo '#endif'
} > "$out.tmp"
mv "$out.tmp" "$out"
