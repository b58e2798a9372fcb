#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# bench.sh BUILD [OPTIONS]: bench-veth inside boot.sh's machine, IPVS among its ways. The machine
# counts instructions and takes each for as long as the next, so its times say how many there were.
# What it wrote is printed for files.sh; the last line counts it as one test.
build=$1
shift
modprobe veth
if LBXDP=$build/lbxdp /usr/bin/python3 -B bench/veth/bench.py --build "$build/bench/veth" --out /tmp/bench "$@"; then
	for file in /tmp/bench/*; do
		echo "FILE-BEGINS $(basename "$file")"
		cat "$file"
		echo "FILE-ENDS"
	done
	echo "1 passed, 0 failed, 0 skipped"
else
	echo "0 passed, 1 failed, 0 skipped"
	exit 1
fi
