#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Runs each fuzz target given for FUZZ_SECONDS, two side by side, and reports in TAP. What a target
# learnt stays under build/fuzz/corpus; tests/fuzz/seeds/TARGET, if it is there, is where it begins.
cd "$(dirname "$0")/.." || exit 1
seconds=${FUZZ_SECONDS:-60}
logs=build/fuzz/logs

one() {
	name=$(basename "$1")
	corpus=build/fuzz/corpus/$name
	seeds=tests/fuzz/seeds/$name
	mkdir -p "$corpus" "$logs"
	[ -d "$seeds" ] || seeds=
	ASAN_OPTIONS=detect_leaks=1 "$1" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=4096 \
		-artifact_prefix="$logs/$name-" -print_final_stats=1 "$corpus" $seeds >"$logs/$name" 2>&1
	echo $? >"$logs/$name.exit"
}

echo "1..$#"
running=0
for target; do
	one "$target" &
	running=$((running + 1))
	if [ "$running" = 2 ]; then
		wait
		running=0
	fi
done
wait

n=0
bad=0
for target; do
	n=$((n + 1))
	name=$(basename "$target")
	runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$logs/$name")
	if [ "$(cat "$logs/$name.exit")" = 0 ]; then
		echo "ok $n - $name: ${runs:-0} inputs in $seconds s"
	else
		echo "not ok $n - $name"
		tail -n 60 "$logs/$name" | sed 's/^/# /'
		bad=1
	fi
done
exit $bad
