# SPDX-License-Identifier: GPL-2.0-only
# Benchmarks. Each takes its ratios within one run and writes a dated table, and a plot where one
# helps, to bench/results. Never part of `make test`. One after the other, also under make -j.

BENCH_RULES := $(sort $(wildcard bench/*/rules.mk))
-include $(BENCH_RULES)

## Bench
bench: all ## measure everything: bench-packet, -veth, -checks, -l7, -scale (root)
	tests/packages.sh bench
	@set -e; for b in $(patsubst bench/%/rules.mk,bench-%,$(BENCH_RULES)); do $(MAKE) $$b; done

.PHONY: bench
