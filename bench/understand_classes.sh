#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The six kernels of the authors' study (gemm, stencil, spmv, triad, dist, montecarlo) as commands of
# their own: the class that `ergon characterize` gives each on this machine, what else it looked at,
# and what it says of probes that are closed here. Prints one block a kernel; KERNELS replaces the
# list ("NAME:SIZE:PRECISION:PASSES"), BUDGET the time for each probe.
set -eu
ergon=${ERGON:-build/ergon}
budget=${BUDGET:-2m}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# One thread each: on a busy machine, threads that spin at barriers are CPU time without work.
# Sizes far from the borders: gemm and dist fit the cache that a core has to itself (on a virtual
# machine little may be left of the last one), the others stream through memory. A fixed number of
# passes, some seconds' worth: what runs for a time cannot be compared with itself.
for kernel in ${KERNELS:-gemm:192:f64:12000 stencil:0:f64:60 spmv:0:f64:20 triad:33554432:f64:30 dist:0:f64:20 montecarlo:0:f64:400}; do
	name=${kernel%%:*} rest=${kernel#*:}
	size=${rest%%:*} rest=${rest#*:}
	precision=${rest%%:*} passes=${rest#*:}
	set -- kernel "$name" --precision "$precision" --paradigm simd --repeat "$passes"
	[ "$size" = 0 ] || set -- "$@" --size "$size"
	ERGON_STATE_DIR=$work "$ergon" --quiet characterize --budget "$budget" --json "$work/$name" -- "$ergon" "$@" >/dev/null 2>"$work/err" || {
		echo "$name: $(cat "$work/err")"
		continue
	}
	python3 - "$work/$name" "$name" <<'PY'
import json, sys
d = json.load(open(sys.argv[1]))
print(f"{sys.argv[2]}: {d['class']}: {d['because']}")
def closed(value, path=""):
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == "absent_because" and inner:
                yield path, inner
            yield from closed(inner, key if not path else f"{path}.{key}")
for where, why in closed(d):
    print(f"    {where}: {why}")
PY
done
