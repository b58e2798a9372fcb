# SPDX-License-Identifier: GPL-2.0-only
# CPU of the probe process. BENCH_CHECKS="CHECKS INTERVAL_MS SECONDS" changes the run.

CHECKS_BENCH := $(O)/bench/checks

bench-checks: $(CHECKS_BENCH)/checks ## CPU of 2,000 health checks every 2 s, a type each
	bench/checks/run.sh $< $(BENCH_CHECKS)

$(CHECKS_BENCH)/checks: bench/checks/checks.c $(LIB)
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -o $@ $< $(LIB) $(LDLIBS)

.PHONY: bench-checks
