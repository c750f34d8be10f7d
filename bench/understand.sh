#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Triad against the STREAM method, GEMM against OpenBLAS called bare, and
# GEMM of bf16 and int8 against the roof of their unit, as ratios in one run: the sides take
# turns, and the best of each counts, as in STREAM. Prints one line a ratio: name, ours, theirs, ratio.
set -eu
ergon=${ERGON:-build/ergon}
rounds=${ROUNDS:-5}
elements=${ELEMENTS:-55050240} # each array four times a cache of 105 MB
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
${CC:-cc} -std=gnu17 -O2 bench/openblas_gemm.c -ldl -lm -o "$work/openblas" # the same library, called bare
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
		"$work/openblas" 1536 $precision 6 >>"$work/openblas.$precision.txt"
	done
	for precision in bf16 int8; do
		"$ergon" kernel gemm --size 1536 --precision $precision --repeat 60 --json "$work/gemm.$precision.$i" >/dev/null 2>&1 || true
		"$ergon" kernel dotacc --precision $precision --repeat 12 --json "$work/dotacc.$precision.$i" >/dev/null 2>&1 || true
	done
	i=$((i + 1))
done
printf '%-24s %12s  %12s  %s\n' what ours reference ratio
ratio "triad / STREAM" "$(best bytes "$work"/triad.*)" "$(sort -g "$work/stream.txt" | tail -1)"
for precision in f64 f32; do
	bare=$(sort -g "$work/openblas.$precision.txt" | tail -1)
	ratio "gemm blas $precision / bare" "$(best flops "$work"/gemm.$precision.blas.*)" "$bare"
	ratio "own gemm $precision / bare" "$(best flops "$work"/gemm.$precision.openmp.*)" "$bare"
done
for precision in bf16 int8; do # against the roof of this processor; it may have no unit for them
	[ ! -e "$work/dotacc.$precision.0" ] ||
	  ratio "gemm $precision / dotacc" "$(best flops "$work"/gemm.$precision.*)" "$(best flops "$work"/dotacc.$precision.*)"
done

# Two profiles of this machine, one after the other: for how many of the results do the two 95%
# intervals overlap? About 95% of them should; a machine that others use moves between the two.
budget=${BUDGET:-60s}
for run in 1 2; do
	ERGON_STATE_DIR=$work "$ergon" bench --budget "$budget" --no-save --json "$work/bench.$run" >/dev/null
done
python3 - "$work/bench.1" "$work/bench.2" <<'PY'
import json, sys
a, b = (json.load(open(name)) for name in sys.argv[1:])
key = lambda k: (k["name"], k["paradigm"], k["precision"], k["level"])
second = {key(k): k for k in b["kernels"]}
pairs = [(k, second[key(k)]) for k in a["kernels"] if key(k) in second]
def widths(k):
    return k["time_half_width_s"] / k["time_s"] if k["time_half_width_s"] is not None else float("nan")
agree = [abs(x["time_s"] - y["time_s"]) <= x["time_half_width_s"] + y["time_half_width_s"] for x, y in pairs]
half = sorted(widths(k) for pair in pairs for k in pair)
print(f"two profiles, {a['rounds']} rounds each: {sum(agree)} of {len(pairs)} results agree within their "
      f"intervals ({100 * sum(agree) / len(pairs):.0f}%); median half width {100 * half[len(half) // 2]:.0f}%")
for (x, y), ok in zip(pairs, agree):
    if not ok:
        print(f"  apart: {' '.join(str(v) for v in key(x) if v)}: "
              f"{x['gflops']:.3g} +-{100 * widths(x):.0f}% against {y['gflops']:.3g} +-{100 * widths(y):.0f}% GFLOP/s")
PY
