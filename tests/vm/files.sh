#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# files.sh DIR: writes the files that bench.sh prints between its marks into DIR; the rest goes on.
mkdir -p "$1"
exec awk -v dir="$1" '
	/^FILE-ENDS$/ { close(file); print "written: " file; file = ""; next }
	file != ""    { print > file; next }
	/^FILE-BEGINS [0-9a-z.-]+$/ { file = dir "/" $2; printf "" > file; next }
	{ print; fflush() }'
