#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# verifier.sh OBJECT BASELINE: loads the program, prints what it costs the verifier, and fails when
# a figure is above the baseline by more than the tolerance (percent). Lower figures only ask for a
# new baseline. Nothing is attached or pinned for longer than the load.
set -eu

object=$1 baseline=$2 tolerance=10
pin=/sys/fs/bpf/lbxdp_verifier_$$
log=$(mktemp)
trap 'rm -f "$pin" "$log"' EXIT

if [ "$(id -u)" != 0 ]; then
	echo "verifier: needs root" >&2
	exit 1
fi
bpftool -d prog load "$object" "$pin" >"$log" 2>&1 || {
	grep -v '^libbpf: ' "$log" | tail -20 >&2
	exit 1
}

# The stack of a call chain cannot exceed 512; the log lists that of each function.
instructions=$(sed -n 's/^processed \([0-9]*\) insns.*/\1/p' "$log")
stack=$(sed -n 's/^stack depth //p' "$log" | tr + '\n' | awk '{ if ($1 > m) m = $1 } END { print m + 0 }')
size=$(bpftool prog show pinned "$pin" | sed -n 's/.*xlated \([0-9]*\)B.*/\1/p')

status=0
compare() {
	limit=$(awk -v name="$1" '$1 == name { print $2 }' "$baseline")
	echo "$1 $2 (baseline $limit)"
	if [ -z "$limit" ] || [ "$2" -gt $((limit + limit * tolerance / 100)) ]; then
		echo "verifier: $1: $2 is more than $tolerance % above $limit" >&2
		status=1
	fi
}
compare instructions "$instructions"
compare stack "$stack"
compare bytes "$size"
exit $status
