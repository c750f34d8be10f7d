#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Every benchmark, one after the other; `make bench` builds first. Leave the machine alone meanwhile.
# What needs data in ../shared is left out, with a line, where it is absent.
# usage: sh bench/run.sh      ERGON, ERGON_BUILD_DIR: another build
set -eu
cd "$(dirname "$0")/.."
build=${ERGON_BUILD_DIR:-build}
ERGON=${ERGON:-$build/ergon}
export ERGON
traces=../shared/data/traces

title() { printf '\n## %s\n' "$*"; }

title "cost of a sample (one line a case; beside it a bare loop of pread)"
if [ -x "$build/bench/bench_sampler" ]; then "$build/bench/bench_sampler" 1; else echo "left out: $build/bench/bench_sampler is not built"; fi

title "what measuring does to the measured (STREAM with and without, wakes, a process a sample)"
if [ -x "$build/bench/bench_overhead" ]; then "$build/bench/bench_overhead" 20 0.5; else echo "left out: $build/bench/bench_overhead is not built"; fi

title "kernels against STREAM and OpenBLAS (ratio above 1: ours is faster)"
if command -v python3 >/dev/null 2>&1; then sh bench/understand.sh; sh bench/understand_classes.sh; else echo "left out: no python3"; fi

title "phases: a series that this machine records, with changes that are known"
if [ -x "$build/bench/bench_phases" ]; then "$build/bench/bench_phases"; else echo "left out: $build/bench/bench_phases is not built"; fi

title "the predictor: microseconds a prediction"
if [ -x "$build/bench/bench_predict" ]; then ERGON_DATA_DIR=data "$build/bench/bench_predict"; else echo "left out: $build/bench/bench_predict is not built"; fi

title "search: configurations a second"
if [ -x "$build/bench/bench_search" ]; then ERGON_DATA_DIR=data "$build/bench/bench_search"; else echo "left out: $build/bench/bench_search is not built"; fi

title "simulator: jobs, events and decisions a second by policy"
if command -v python3 >/dev/null 2>&1; then sh bench/simulate.sh; else echo "left out: no python3"; fi

title "language models against published servers and operators (relative error)"
if [ -f ../shared/data/measured/vidur_llm_ops.csv ]; then python3 bench/llm.py; else echo "left out: no ../shared/data/measured"; fi

title "simulator on published traces (its authors' simulator: 15.4 s for tiresias, 57.2 s for optimus)"
for n in 1 2 3 4 6; do
	trace=$traces/pollux/workloads/workload-$n.csv
	[ -f "$trace" ] || { echo "left out: no $trace"; continue; }
	echo "workload-$n"
	"$ERGON" simulate --cluster 16x4:t4 --interval 60s --restart-cost 30s --oracle "measured:$traces/pollux/traces" \
		--trace "$trace" --policy tiresias,optimus --json - |
		awk '/"policies"/ { line = "" }
			/"(name|jct_mean_s|energy_j|wall_s)":/ { sub(/,$/, ""); line = line " " $1 " " $2 }
			/"wall_s"/ { print " " line; line = "" }'
done

title "simulator on 3,145 jobs of a cluster of 240 processors"
if [ -f "$traces/swf/hpc2n.swf" ]; then
	"$ERGON" simulate --cluster 240x1:cpu --oracle duration --trace "$traces/swf/hpc2n.swf" --policy fifo --json - |
		grep -E '"(wait_mean_s|makespan_end_s|wall_s)"'
else
	echo "left out: no $traces/swf/hpc2n.swf"
fi
