# SPDX-License-Identifier: GPL-2.0-only
# Packet cases: one table, run natively under sanitizers and in the kernel.

PACKET := tests/packet
PACKET_CASES := $(PACKET)/cases.c $(PACKET)/cases_parse.c $(PACKET)/cases_flow.c \
                $(PACKET)/cases_route.c $(PACKET)/cases_answer.c $(PACKET)/cases_acl.c $(PACKET)/cases_guard.c \
                $(PACKET)/cases_trace.c $(PACKET)/cases_pick.c \
                $(PACKET)/cases_fragment.c $(PACKET)/cases_related.c \
                $(PACKET)/cases_flood.c $(PACKET)/cases_fast.c $(PACKET)/cases_origin.c \
                $(PACKET)/cases_via.c $(PACKET)/cases_nat.c $(PACKET)/cases_nat_half.c \
                $(PACKET)/cases_nat_acl.c $(PACKET)/cases_nat_fragment.c \
                $(PACKET)/cases_nat_flood.c \
                $(PACKET)/frame.c $(PACKET)/world.c $(PACKET)/tap.c
PACKET_HDRS  := $(wildcard $(PACKET)/*.h) $(wildcard bpf/*.h) $(wildcard include/lbxdp/*.h)
# Tables of cases leave out what is zero.
PACKET_CFLAGS := -std=gnu11 $(WARN) -Wno-missing-field-initializers -O1 -g -D_GNU_SOURCE \
                 -Iinclude -Ibpf -I$(PACKET)
PACKET_SAN   := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer

$(O)/packet-native: $(PACKET_CASES) $(PACKET)/native.c $(PACKET)/host_env.c $(PACKET_HDRS)
	@mkdir -p $(@D)
	$(CC) $(PACKET_CFLAGS) $(PACKET_SAN) -o $@ $(filter %.c,$^)

$(O)/packet-kernel: $(PACKET_CASES) $(PACKET)/kernel.c $(PACKET_HDRS) $(O)/lbxdp.skel.h $(O)/guard.skel.h
	$(CC) $(PACKET_CFLAGS) -I$(O) -o $@ $(filter %.c,$^) -lbpf -lelf -lz

packet-native: $(O)/packet-native ## packet cases natively under sanitizers
	$<

packet-kernel: $(O)/packet-kernel ## packet cases through the kernel's test run (root)
	$<

verifier: $(O)/lbxdp.bpf.o $(O)/tproxy.bpf.o $(O)/via.bpf.o $(O)/guard.bpf.o ## instructions and stack against the baselines (root)
	$(PACKET)/verifier.sh $(O)/lbxdp.bpf.o $(PACKET)/verifier.baseline
	$(PACKET)/verifier.sh $(O)/tproxy.bpf.o $(PACKET)/verifier-tproxy.baseline
	$(PACKET)/verifier.sh $(O)/via.bpf.o $(PACKET)/verifier-via.baseline
	$(PACKET)/verifier.sh $(O)/guard.bpf.o $(PACKET)/verifier-guard.baseline

# Another compiler lays code out otherwise, and what it makes of it the verifier may refuse.
OTHER_CLANG ?= clang-19
OTHER_BPF := $(if $(shell command -v $(OTHER_CLANG) 2>/dev/null),lbxdp tproxy via guard)

$(O)/other/%.bpf.o: bpf/%.bpf.c $(BPF_HDRS) Makefile
	@mkdir -p $(@D)
	$(OTHER_CLANG) $(BPF_CFLAGS) -c -o $@ $<

verifier-other: $(OTHER_BPF:%=$(O)/other/%.bpf.o) ## the same of what OTHER_CLANG (clang-19) makes of it (root)
	@$(if $(OTHER_BPF),,echo "ok 1 - verifier # skip $(OTHER_CLANG) is not installed")
	@for p in $(OTHER_BPF); do \
		$(PACKET)/verifier.sh $(O)/other/$$p.bpf.o \
			$(PACKET)/verifier$$(echo -$$p | sed s/-lbxdp//).baseline || exit 1; \
		echo "ok - $$p, $(OTHER_CLANG)"; \
	done

.PHONY: packet-native packet-kernel verifier verifier-other

# For tests/fuzz/fuzz_packet.c.
PACKET_FUZZ_SRC := $(PACKET)/host_env.c $(PACKET)/frame.c
PACKET_FUZZ_FLAGS := -Wno-missing-field-initializers
