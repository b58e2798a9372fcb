#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# The demo: `tests/demo.sh` shows lbxdp in a lab of network namespaces and clears the lab away;
# with KEEP=1 it stays, until `tests/demo.sh down`.
set -eu
cd "$(dirname "$0")/.."

if [ "$(id -u)" != 0 ]; then
	echo "the demo makes network namespaces: run it as root, e.g. sudo make demo" >&2
	exit 1
fi
case "${1:-up}" in
up)
	tests/packages.sh demo
	exec /usr/bin/python3 tests/lab/demo.py up
	;;
down) exec /usr/bin/python3 tests/lab/demo.py down ;;
*)
	echo "usage: $0 [up|down]" >&2
	exit 2
	;;
esac
