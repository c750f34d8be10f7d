#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Fuzzes every trace reader by itself, and what else a simulation reads (cluster, series, failures, tables,
# answers of an external policy), under libFuzzer with AddressSanitizer and UBSan; prints executions by reader. What a reader trips over lies in build/fuzz-readers/NAME-crash-*.
#
# usage: sh bench/fuzz_readers.sh [SECONDS [JOBS [READER...]]]     600 s each, one process a processor
set -eu
cd "$(dirname "$0")/.."
seconds=${1:-600} jobs=${2:-$(nproc)}
shift $(($# < 2 ? $# : 2))
out=build/fuzz-readers
mkdir -p "$out"
if [ ! -x build/fuzz/fuzz/fuzz_trace ] || [ ! -x build/fuzz/fuzz/fuzz_external ]; then
	cmake --preset fuzz -DERGON_FIGURES=OFF >"$out/build.log" 2>&1 &&
		cmake --build --preset fuzz -j "$jobs" --target fuzz_trace fuzz_cluster fuzz_site fuzz_external >>"$out/build.log" 2>&1 ||
		{ tail -n 20 "$out/build.log"; exit 1; }
fi
if [ $# = 0 ]; then
	set -- ergon pollux swf gavel shockwave philly philly-json helios alibaba-2023 alibaba-2020 tiresias batsim sacct cluster \
		series series-json failures options gavel-throughputs zeus-traces tables external
fi

# One reader: its own corpus grows in $out/NAME.corpus and is kept for the next run.
fuzz() {
	name=$1 target=trace
	case $name in
	cluster | external) target=$name ;;
	series | series-json | failures | options | gavel-throughputs | zeus-traces | tables) target=site ;;
	esac
	mkdir -p "$out/$name.corpus" "$out/$name.seeds"
	for seed in tests/fuzz/corpus/$target/*; do
		case $target/$(basename "$seed") in
		trace/"$name" | trace/"$name"-lenient | trace/"$name"-sniffed | cluster/* | external/* | site/"$name"*) cp "$seed" "$out/$name.seeds" ;;
		esac
	done
	status=0
	dict=tests/fuzz/fuzz_$target.dict
	[ -e "$dict" ] || dict=tests/fuzz/fuzz_cluster.dict
	ERGON_DATA_DIR=$PWD/data ERGON_FUZZ_FORMAT=$name ERGON_FUZZ_KIND=$name build/fuzz/fuzz/fuzz_$target -dict="$dict" \
		-max_total_time="$seconds" -timeout=20 -rss_limit_mb=2048 -max_len=16384 -print_final_stats=1 \
		-artifact_prefix="$out/$name-" "$out/$name.corpus" "$out/$name.seeds" >"$out/$name.log" 2>&1 || status=$?
	executions=$(sed -n 's/^stat::number_of_executed_units: *//p' "$out/$name.log")
	coverage=$(grep -o 'cov: [0-9]*' "$out/$name.log" | tail -n 1)
	verdict="no finding"
	[ "$status" = 0 ] || verdict="FINDING, see $out/$name.log"
	printf '%-17s %12s executions  %6s s  %-10s %s\n' "$name" "${executions:-0}" "$seconds" "$coverage" "$verdict"
	return "$status"
}

running=0
rm -f "$out/failed"
for reader; do
	(fuzz "$reader" || echo "$reader" >>"$out/failed") &
	running=$((running + 1))
	# POSIX sh has no "wait for any": readers go in batches of equal length.
	[ $((running % jobs)) != 0 ] || wait
done
wait
[ ! -e "$out/failed" ]
