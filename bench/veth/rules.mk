# SPDX-License-Identifier: GPL-2.0-only
# Frames a second through veth. BENCH_VETH="--rounds 9 --seconds 2" changes the run.

VETH_O := $(O)/bench/veth
VETH_BPF_CFLAGS := -O2 -g -mcpu=v3 -target bpf -std=gnu11 -Wall -Wextra -Werror \
                   -I/usr/include/$(shell uname -m)-linux-gnu

bench-veth: $(O)/lbxdp $(VETH_O)/generate $(VETH_O)/sink.bpf.o ## DR, routing, DNAT (root)
	LBXDP=$(abspath $(O)/lbxdp) python3 -B bench/veth/bench.py --build $(VETH_O) $(BENCH_VETH)

$(VETH_O)/%.bpf.o: bench/veth/%.bpf.c bench/veth/frame.h bench/veth/rules.mk
	@mkdir -p $(@D)
	$(CLANG) $(VETH_BPF_CFLAGS) -c -o $@ $<

$(VETH_O)/generate.skel.h: $(VETH_O)/generate.bpf.o
	$(BPFTOOL) gen skeleton $< name generate_bpf > $@

$(VETH_O)/generate: bench/veth/generate.c bench/veth/frame.h $(VETH_O)/generate.skel.h
	$(CC) -D_GNU_SOURCE -I$(VETH_O) $(ALL_CFLAGS) -o $@ $< -lbpf

.PHONY: bench-veth
