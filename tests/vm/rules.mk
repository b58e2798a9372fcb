# SPDX-License-Identifier: GPL-2.0-only
# Another kernel: Debian's own, in an emulated machine over this machine's files, which it cannot
# change. KERNEL=linux-image-6.1.0-50-amd64 chooses another one that apt can fetch. SUITE="e2e" names
# parts of the suite, BENCH_VM="--rounds 9" changes the measurement.

VM_DIR   := $(O)/machine
VM_BENCH := $(addprefix $(O)/bench/veth/,generate sink.bpf.o bare.bpf.o)
VM_RUN    = tests/packages.sh vm && tests/vm/prepare.sh $(VM_DIR) && tests/vm/run.sh $(VM_DIR) $(abspath $(O))

test-vm: all $(O)/packet-kernel $(KERNEL_TESTS) $(VM_BENCH) ## Debian's kernel: packets, loader, DR end to end, bench-vm (root; 15-35 min)
	$(VM_RUN) suite bench

bench-vm: all $(VM_BENCH) ## DR beside IPVS on Debian's kernel, instructions counted (root)
	$(VM_RUN) bench

export SUITE BENCH_VM
.PHONY: test-vm bench-vm
