#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Builds the last lbxdp whose maps had an earlier LB_ABI_VERSION, from git's history, into a
# directory: what upgrades are tested from. A tree without that history gets none, and says so.
# Usage: tests/old.sh VERSION DIRECTORY
set -eu
cd "$(dirname "$0")/.."
mkdir -p "$2"
exec 9> "$2/lock"
flock 9
[ -x "$2/lbxdp" ] && exit

# The commit that took the definition away, and the one before it.
next=$(git log -1 --format=%H -G "^#define LB_ABI_VERSION $1\$" -- include/lbxdp/abi.h || true)
if ! tree=$(git rev-parse --quiet --verify "${next:-none}^{commit}~1"); then
	echo "tests/old.sh: git has no lbxdp of ABI version $1 here"
	exit
fi
rm -rf "$2/src"
mkdir "$2/src"
git archive "$tree" | tar -x -C "$2/src"
env -u MAKEFLAGS -u MAKELEVEL -u O make -C "$2/src" --no-print-directory -j"$(nproc)" CC=gcc all
mv "$2/src/build/lbxdp" "$2/lbxdp"
rm -rf "$2/src"
