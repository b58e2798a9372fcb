# SPDX-License-Identifier: GPL-2.0-only
# Another kernel: Debian's own, in an emulated machine over this machine's files, which it cannot
# change. KERNEL=linux-image-6.1.0-50-amd64 chooses another one that apt can fetch.

VM_DIR := $(O)/machine

test-vm: all $(O)/packet-kernel $(KERNEL_TESTS) ## packet cases, loader, DR end to end on Debian's kernel (root; ~15 min)
	tests/packages.sh vm
	tests/vm/prepare.sh $(VM_DIR)
	tests/vm/boot.sh $(VM_DIR) 3600 tests/vm/suite.sh $(abspath $(O))

bench-vm: all $(O)/bench/veth/generate $(O)/bench/veth/sink.bpf.o ## DR beside IPVS, instructions counted (root)
	tests/packages.sh vm
	tests/vm/prepare.sh $(VM_DIR)
	CPUS=1 THREADS=single QEMU_EXTRA="-icount shift=1,sleep=off" tests/vm/boot.sh $(VM_DIR) 3600 \
		tests/vm/bench.sh $(abspath $(O)) --rounds 3 --seconds 0.2 --flows 64 $(BENCH_VM)

.PHONY: test-vm bench-vm
