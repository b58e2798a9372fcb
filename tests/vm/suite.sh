#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# suite.sh BUILD: what `make test-vm` runs inside. Every part is run, whatever became of the others.
build=$1 bad=0

part() {
	name=$1
	shift
	echo "== $name, Linux $(uname -r)"
	"$@" || { bad=1 && echo "== $name: FAILED"; }
}

modprobe veth
part "packet cases" "$build/packet-kernel"
part "verifier" tests/packet/verifier.sh "$build/lbxdp.bpf.o" tests/packet/verifier.baseline
for t in "$build"/tests/kernel/test_*; do
	[ ! -x "$t" ] || part "$(basename "$t")" "$t"
done
part "Direct Routing and the dispatcher, end to end" env LBXDP="$build/lbxdp" LBXDP_PATIENCE=6 \
	/usr/bin/python3 -B -m pytest -q -p no:cacheprovider tests/e2e/test_dispatcher.py \
	tests/e2e/test_forwarding.py tests/e2e/test_orders.py tests/e2e/test_reload.py
exit $bad
