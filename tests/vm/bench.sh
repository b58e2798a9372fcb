#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# bench.sh BUILD [OPTIONS]: bench-veth inside boot.sh's machine, IPVS among its ways. The machine
# counts instructions and takes each for as long as the next, so its times say how many there were.
build=$1
shift
modprobe veth
LBXDP=$build/lbxdp /usr/bin/python3 -B bench/veth/bench.py --build "$build/bench/veth" --out /tmp/bench "$@" &&
	cat /tmp/bench/*-veth.md
