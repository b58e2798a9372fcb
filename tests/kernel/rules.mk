# SPDX-License-Identifier: GPL-2.0-only
# Tests of dataplane/ and net/ against the running kernel. Root; each works in namespaces of its own.

KERNEL_TESTS := $(patsubst tests/kernel/%.c,$(O)/tests/kernel/%,$(wildcard tests/kernel/test_*.c))

$(O)/tests/kernel/%: tests/kernel/%.c tests/kernel/lab.c $(LIB)
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) -Itests $(ALL_CFLAGS) -MMD -MP -o $@ $< tests/kernel/lab.c $(LIB) -lcmocka $(LDLIBS)

kernel-tests: $(KERNEL_TESTS) ## loader and network against this kernel (root)
	@for t in $(KERNEL_TESTS); do $$t || exit 1; done

.PHONY: kernel-tests
