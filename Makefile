# SPDX-License-Identifier: GPL-2.0-only
# lbxdp. `make help` lists the targets.

ifeq ($(origin CC),default)
CC      := gcc
endif
CLANG   ?= clang
BPFTOOL ?= bpftool
O       ?= build
PREFIX  ?= /usr/local
PKGS    := libbpf libxdp openssl yaml-0.1 libmnl libcap libseccomp
VERSION := $(shell cat VERSION)

WARN    := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wno-unused-parameter
WARN    += $(if $(WERROR),-Werror)
SAN     := $(if $(SANITIZE),-fsanitize=address -fsanitize=undefined -fno-omit-frame-pointer -fno-sanitize-recover=undefined)
CFLAGS  ?= -O2 -g
CPPFLAGS += -D_GNU_SOURCE -DLBXDP_VERSION='"$(VERSION)"' -Iinclude -Iuser -I$(O)
ALL_CFLAGS = -std=gnu11 $(WARN) $(CFLAGS) $(SAN) -fstack-protector-strong
LDLIBS  := $(shell pkg-config --libs $(PKGS) 2>/dev/null) -lelf -lz

BPF_CFLAGS := -O2 -g -mcpu=v3 -target bpf -std=gnu11 -Wall -Wextra -Werror -Wno-unused-parameter \
              -Ivmlinux -Iinclude -Ibpf

BPF_HDRS := $(wildcard bpf/*.h) $(wildcard include/lbxdp/*.h) vmlinux/vmlinux.h
USER_SRC := $(wildcard user/*/*.c)
USER_OBJ := $(USER_SRC:%.c=$(O)/%.o)
LIB      := $(O)/liblbxdp.a
UNIT     := $(patsubst tests/unit/%.c,$(O)/tests/unit/%,$(wildcard tests/unit/test_*.c))

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SUFFIXES:

# V=1 shows the commands.
Q   := $(if $(V),,@)
say  = @$(if $(V),:,printf '  %-7s %s\n' $(1) $(2))

## Build and install
all: $(O)/lbxdp ## build the program (WERROR=1, CC=clang, SANITIZE=1)

install: all $(O)/lbxdp.yaml.5 ## install under PREFIX, with man pages, completion and systemd unit
	configs/install.sh install "$(DESTDIR)" "$(PREFIX)" "$(O)"

uninstall: ## remove what install put there (the configuration stays)
	configs/install.sh uninstall "$(DESTDIR)" "$(PREFIX)" "$(O)"

clean: ## remove everything that was built
	rm -rf build

vmlinux: ## regenerate vmlinux/vmlinux.h from this kernel's BTF, cut down to what is used
	vmlinux/generate.sh

$(O)/lbxdp: $(O)/user/main.o $(LIB)
	$(call say,LINK,$@)
	$(Q)$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(LIB): $(USER_OBJ)
	$(call say,AR,$@)
	@rm -f $@
	$(Q)ar rcs $@ $^

$(O)/user/%.o: user/%.c Makefile VERSION
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(O)/%.bpf.o: bpf/%.bpf.c $(BPF_HDRS) Makefile
	$(call say,BPF,$<)
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) -c -o $@.tmp $<
	$(Q)$(BPFTOOL) gen object $@ $@.tmp
	@rm -f $@.tmp

$(O)/%.skel.h: $(O)/%.bpf.o
	$(call say,SKEL,$@)
	$(Q)$(BPFTOOL) gen skeleton $< name $(subst .,_,$*)_bpf > $@

# What the build metric says; a tarball has no git.
COMMIT := $(shell git describe --always --dirty 2>/dev/null || echo unknown)
$(O)/user/daemon/snapshot.o: CPPFLAGS += -DLBXDP_COMMIT='"$(COMMIT)"'

$(filter $(O)/user/dataplane/%,$(USER_OBJ)): $(O)/lbxdp.skel.h $(O)/tproxy.skel.h $(O)/via.skel.h \
                                           $(O)/guard.skel.h

$(O)/lbxdp.yaml.5: docs/lbxdp.yaml.5.in $(O)/lbxdp
	$(call say,MAN,$@)
	$(Q)sed -e '/^@KEYS@$$/{r /dev/stdin' -e 'd}' $< < <($(O)/lbxdp schema --mdoc) > $@

SHELL := /bin/bash
-include $(shell find $(O) -name '*.d' 2>/dev/null)

include tests/rules.mk
include bench/rules.mk

## Other
help: ## this list
	@awk -F':.*## ' '/^## /{printf "\n%s\n", substr($$0, 4)} /^[a-z0-9-]+:.*## /{printf "  %-12s %s\n", $$1, $$2}' \
		Makefile tests/rules.mk tests/packet/rules.mk tests/kernel/rules.mk tests/vm/rules.mk bench/rules.mk

.PHONY: all install uninstall clean vmlinux help
