#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# What the compilers do not say: clang-tidy (its checks and the limits of a function's size are in
# .clang-tidy), the length of files, the man pages. Usage: tests/lint.sh BUILD_DIR.
cd "$(dirname "$0")/.." || exit 1
build=${1:-build}
bad=0

tidy() {
	clang-tidy --quiet "$1" -- -std=gnu11 -D_GNU_SOURCE -DLBXDP_VERSION='""' \
		-DLBXDP_COMMIT='""' -Iinclude -Iuser -I"$build" 2>/dev/null | sed "s|$PWD/||"
}

tidy_bpf() {
	clang-tidy --quiet bpf/lbxdp.bpf.c bpf/tproxy.bpf.c bpf/via.bpf.c bpf/guard.bpf.c -- -target bpf -O2 -mcpu=v3 -std=gnu11 -Ivmlinux -Iinclude \
		-Ibpf 2>/dev/null | sed "s|$PWD/||"
}

if [ "$2" = one ]; then
	tidy "$3"
	exit 0
fi

said=$({
	find user -name '*.c' | sort | xargs -P "$(nproc)" -n 1 "$0" "$build" one
	tidy_bpf
} | grep -E '(warning|error):|\(threshold ' | awk '!seen[$0]++')
if [ -n "$said" ]; then
	echo "$said"
	bad=1
fi

long=$(find user bpf include -name '*.[ch]' -exec \
	awk 'END { if (FNR > 500) print FILENAME ": " FNR " lines, more than 500" }' {} \;)
if [ -n "$long" ]; then
	echo "$long"
	bad=1
fi

for page in docs/*.[1-8] "$build/lbxdp.yaml.5"; do
	mandoc -T lint -W warning "$page" || bad=1
done
exit $bad
