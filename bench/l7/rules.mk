# SPDX-License-Identifier: GPL-2.0-only
# Layer 7 beside HAProxy and nginx. BENCH_L7="--rounds 9 --seconds 4" changes the run, and
# BENCH_L7="--only HTTP, --idle 0 --out /tmp/l7" measures a part of it.

bench-l7: $(O)/lbxdp ## CPU time, p99 and memory of the layer-7 proxy beside HAProxy and nginx (root)
	LBXDP=$(abspath $(O)/lbxdp) python3 -B bench/l7/bench.py $(BENCH_L7)

.PHONY: bench-l7
