# SPDX-License-Identifier: GPL-2.0-only
# ns a packet beside a reference program. BENCH_PACKET="ROUNDS PACKETS" changes the run.

PACKET_BENCH := $(O)/bench/packet

bench-packet: $(PACKET_BENCH)/bench ## ns a packet, lbxdp beside a reference program (root)
	$< $(BENCH_PACKET) | python3 -B bench/packet/report.py bench/results

$(PACKET_BENCH)/bench.bpf.o: bench/packet/bench.bpf.c $(BPF_HDRS)
	@mkdir -p $(@D)
	$(CLANG) $(BPF_CFLAGS) -c -o $@ $<

$(PACKET_BENCH)/bench.skel.h: $(PACKET_BENCH)/bench.bpf.o
	$(BPFTOOL) gen skeleton $< name bench_bpf > $@

$(PACKET_BENCH)/bench: bench/packet/bench.c tests/packet/frame.c tests/packet/frame.h \
                       $(PACKET_BENCH)/bench.skel.h $(O)/lbxdp.skel.h
	$(CC) -D_GNU_SOURCE -Iinclude -Itests/packet -I$(O) -I$(PACKET_BENCH) $(ALL_CFLAGS) -o $@ \
		$(filter %.c,$^) -lbpf -lelf -lz

.PHONY: bench-packet
