# SPDX-License-Identifier: GPL-2.0-only
# What size costs: main's own code over real maps. BENCH_SCALE="ROUNDS CHANGES SECONDS" changes the
# run. On a machine that others use too, the clock needs a session that goes first:
# setsid -w sh -c 'echo -15 >/proc/self/autogroup; make bench-scale'

SCALE_BENCH := $(O)/bench/scale
SCALE_PLAYED := admin_wake net_egress net_iface_at net_iface_named net_neighbour \
                net_route_connected net_suspect proxies_adjust proxies_hold_real \
                proxies_hold_service proxy_client_clear_real proxy_client_clear_service wake_start

bench-scale: $(SCALE_BENCH)/scale ## 100,000 reals, 100,000 prefixes, a million flows (root)
	$< $(BENCH_SCALE) | python3 -B bench/scale/report.py bench/results

$(SCALE_BENCH)/scale: bench/scale/scale.c bench/scale/sweep.c bench/scale/host.c \
                      bench/scale/host.h $(LIB)
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) -Ibench $(ALL_CFLAGS) $(SCALE_PLAYED:%=-Wl,--wrap=%) -o $@ \
		$(filter %.c,$^) $(LIB) $(LDLIBS)

.PHONY: bench-scale
