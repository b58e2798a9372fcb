#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# run.sh DIR BUILD suite|bench...: boots a machine of prepare.sh's DIR for each, one after the other,
# whatever became of the one before. The last line adds up what they say. The machine that measures
# has one CPU and counts its instructions. Its kernel does not zero pages when they are taken: each
# word would count as an instruction.
dir=$1 build=$2
shift 2
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# shellcheck disable=SC2086 # lists of words
suite() {
	tests/vm/boot.sh "$dir" 5400 tests/vm/suite.py "$build" ${SUITE:-}
}

# shellcheck disable=SC2086
bench() {
	CPUS=1 THREADS=single QEMU_EXTRA="-icount shift=0" KERNEL_EXTRA=init_on_alloc=0 \
		tests/vm/boot.sh "$dir" 3600 tests/vm/bench.sh "$build" \
		--rounds 3 --frames 32768 --flows 64 ${BENCH_VM:-} | tests/vm/files.sh bench/results
}

for machine; do
	"$machine" 2>&1 | tee -a "$log"
	tail -n 1 "$log" | grep -q ' skipped$' || echo "0 passed, 1 failed, 0 skipped" >>"$log"
done
awk '/^[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$/ { passed += $1; failed += $3; skipped += $5 }
	END { print passed " passed, " failed " failed, " skipped " skipped"; exit failed > 0 }' "$log"
