# SPDX-License-Identifier: GPL-2.0-only
# Tests: unit (cmocka), packet cases, fuzz targets, end to end, lint. Included by the Makefile.

C_FILES   = $(shell find user bpf include tests bench -name '*.[ch]')
FUZZ_SRC := $(wildcard tests/fuzz/fuzz_*.c)
FUZZ_O   := build/fuzz
FUZZ     := $(FUZZ_SRC:tests/fuzz/%.c=$(FUZZ_O)/%)
FUZZ_SAN := -fsanitize=address,undefined -fno-omit-frame-pointer -fno-sanitize-recover=undefined
FUZZ_SECONDS ?= 60

## Demo
demo: ## show lbxdp at work in a lab of network namespaces (root; KEEP=1 leaves the lab up)
	tests/packages.sh demo
	$(MAKE) all
	tests/demo.sh up

demo-down: ## remove a lab that KEEP=1 left
	tests/demo.sh down

## Test
test: ## install what is needed (as root), build, run everything
	tests/packages.sh test
	tests/run

check: ## what needs no root: floors, format, unit tests, packet cases; under a minute
	tests/run floors fmt-check unit packet-native

$(O)/tests/unit/%: tests/unit/%.c $(LIB)
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) -Itests $(ALL_CFLAGS) -MMD -MP -o $@ $< $(LIB) -lcmocka $(LDLIBS)

unit: $(UNIT) ## unit tests only
	@bad=0; for t in $(UNIT); do $$t || bad=1; done; exit $$bad

# What test_upgrade.py comes from: maps of another layout. Where git has no history, nothing.
OLD := build/abi2/lbxdp
$(OLD):
	tests/old.sh 2 $(@D)

old: $(OLD) ## build the last lbxdp of ABI 2, which tests upgrade from

e2e: $(O)/lbxdp $(OLD) ## end-to-end tests only, in network namespaces (root); E2E="-k name" chooses
	LBXDP=$(abspath $(O)/lbxdp) LBXDP_OLD=$(abspath $(OLD)) /usr/bin/python3 -B -m pytest -q -p no:cacheprovider $(E2E) tests/e2e

ASAN := $(MAKE) O=build/asan SANITIZE=1 CFLAGS="-O1 -g"

asan: ## unit tests, packet cases and end-to-end tests under the sanitizers (root)
	$(ASAN) all unit packet-native
	$(MAKE) e2e-asan

# Every process looks for leaks before it ends: see tests/leaks.c.
e2e-asan: ## end-to-end tests under the sanitizers, leaks too (root); E2E="-k name" chooses
	$(ASAN) e2e

LEAKS_CALLS := _exit chroot close_range epoll_wait kill pidfd_send_signal seccomp_load

ifneq ($(SANITIZE),)
$(O)/lbxdp: $(O)/tests/leaks.o
$(O)/lbxdp: LDFLAGS += $(LEAKS_CALLS:%=-Wl,--wrap=%)
endif

$(O)/tests/%.o: tests/%.c
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

fuzz: $(FUZZ) ## each fuzz target for FUZZ_SECONDS
	FUZZ_SECONDS=$(FUZZ_SECONDS) tests/fuzz.sh $(FUZZ)

# The targets link a library that is instrumented as they are; fuzz_packet holds the whole pipeline.
$(FUZZ_O)/lib.made: $(USER_SRC) $(wildcard user/*/*.h) $(BPF_HDRS)
	$(MAKE) O=$(FUZZ_O) CC=$(CLANG) CFLAGS="-O1 -g -fsanitize=fuzzer-no-link $(FUZZ_SAN)" \
		$(FUZZ_O)/liblbxdp.a
	@touch $@

$(FUZZ_O)/fuzz_packet: tests/fuzz/fuzz_packet.c $(wildcard tests/packet/*.[ch]) $(BPF_HDRS)
	@mkdir -p $(@D)
	$(CLANG) -D_GNU_SOURCE -std=gnu11 -O1 -g $(WARN) -fsanitize=fuzzer $(FUZZ_SAN) -Iinclude -Ibpf \
		-Itests/packet $(PACKET_FUZZ_FLAGS) -o $@ $< $(PACKET_FUZZ_SRC)

$(FUZZ_O)/fuzz_%: tests/fuzz/fuzz_%.c $(FUZZ_O)/lib.made
	$(CLANG) $(CPPFLAGS) -std=gnu11 -O1 -g $(WARN) -fsanitize=fuzzer $(FUZZ_SAN) -o $@ $< \
		$(FUZZ_O)/liblbxdp.a $(LDLIBS)

floors: ## no file includes upward (design: base < core, io < parts < daemon < cli)
	tests/floors.sh

fmt: ## format all C files
	@clang-format -i $(C_FILES)

fmt-check: ## fail where make fmt would change a file
	@clang-format --dry-run -Werror $(C_FILES)

lint: all $(O)/lbxdp.yaml.5 ## clang-tidy, limits of size, man pages
	tests/lint.sh $(O)

-include tests/packet/rules.mk
-include tests/kernel/rules.mk
-include tests/vm/rules.mk

.PHONY: test check unit old e2e asan e2e-asan fuzz floors fmt fmt-check lint demo demo-down
