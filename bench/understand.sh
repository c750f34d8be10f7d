#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Triad against the STREAM method and GEMM against OpenBLAS, as ratios in one run: the two sides take
# turns, and the best of each counts, as in STREAM. Prints one line a ratio: name, ours, theirs, ratio.
set -eu
ergon=${ERGON:-build/ergon}
rounds=${ROUNDS:-5}
elements=${ELEMENTS:-55050240} # each array four times a cache of 105 MB
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# The flags of ergon's own kernels (cmake/parts/kernels.cmake).
${CC:-cc} -std=gnu17 -O3 -g1 -ffp-contract=fast -fopenmp bench/stream_triad.c -o "$work/stream"

best() { # FIELD FILE... : the largest value
	python3 -c 'import json,sys
print(max(json.load(open(f))["kernel"]["bytes" if sys.argv[1] == "bytes" else "flops"] / json.load(open(f))["kernel"]["time_min_s"] for f in sys.argv[2:]))' "$@"
}
ratio() { awk -v n="$1" -v a="$2" -v b="$3" 'BEGIN { printf "%-24s %8.2f G/s  %8.2f G/s  %.3f\n", n, a / 1e9, b / 1e9, a / b }'; }

i=0
while [ "$i" -lt "$rounds" ]; do
	"$work/stream" "$elements" 8 >>"$work/stream.txt"
	"$ergon" kernel triad --size "$elements" --repeat 8 --json "$work/triad.$i" >/dev/null
	for precision in f64 f32; do
		for paradigm in blas openmp; do
			"$ergon" kernel gemm --size 1536 --precision $precision --paradigm $paradigm \
			  --repeat 6 --json "$work/gemm.$precision.$paradigm.$i" >/dev/null
		done
	done
	i=$((i + 1))
done
printf '%-24s %12s  %12s  %s\n' what ours reference ratio
ratio "triad / STREAM" "$(best bytes "$work"/triad.*)" "$(sort -g "$work/stream.txt" | tail -1)"
for precision in f64 f32; do
	ratio "gemm $precision / OpenBLAS" "$(best flops "$work"/gemm.$precision.openmp.*)" \
	  "$(best flops "$work"/gemm.$precision.blas.*)"
done
