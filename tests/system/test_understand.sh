#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# kernel, bench and sweep as a user meets them: documents, exit statuses, one clear line for bad input.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export ERGON_STATE_DIR="$work/state"
fail() { echo "FAILED: $*"; exit 1; }

refuses() { # WORDS-EXPECTED ARGS... : exit 2, one line on stderr that holds the words, nothing on stdout
	expect=$1; shift
	status=0
	"$ERGON" "$@" >"$work/out" 2>"$work/err" || status=$?
	[ "$status" -eq 2 ] || fail "ergon $*: exit $status, expected 2"
	[ "$(wc -l <"$work/err")" -eq 1 ] || fail "ergon $*: not one line: $(cat "$work/err")"
	grep -q -- "$expect" "$work/err" || fail "ergon $*: no '$expect' in: $(cat "$work/err")"
	[ ! -s "$work/out" ] || fail "ergon $*: wrote to standard output"
}
refuses "did you mean 'gemm'" kernel gem
refuses "did you mean 'triad'" bench --kernel triaf
refuses "no paradigm 'cuda'" kernel gemm --paradigm cuda
refuses "expected a size" kernel gemm --size 40000
refuses "runs on one thread" kernel gemm --paradigm simd --threads 2
refuses "did you mean 'cpu.threads'" sweep --lever cpu.thread=1:2 -- true
refuses "expected {batch} in the command" sweep --lever arg:batch=1,2 -- true
refuses "is empty" sweep --lever cpu.threads=4:1 -- true
refuses "expected a command" sweep --lever cpu.threads=1
refuses "at least one" sweep -- true
refuses "no-such-command" sweep --lever env:A=1 -- no-such-command
refuses "fails at every setting: exit status 3" sweep --lever env:A=1,2 -- sh -c 'exit 3'
printf "a,b\n1,2\n1,2\n" >"$work/t.csv"
refuses "no column .t." pareto "$work/t.csv" --time t --power b
refuses "no-such-file" pareto no-such-file.csv --time t --power p

"$ERGON" kernel triad --size 4096 --repeat 50 --json - | python3 -c '
import json, sys
k = json.load(sys.stdin)["kernel"]
assert k["passes"] == 50 and k["bytes"] == 4096 * 24 and k["gbps"] > 0 and k["relative_error"] == 0' ||
	fail "kernel document"

"$ERGON" bench --budget 2s --kernel fma --no-save --json - | python3 -c '
import json, sys
d = json.load(sys.stdin)
assert d["kind"] == "ergon.bench" and d["version"] == 1
assert d["roofs"]["flops_per_s"]["f64"] > 0 and d["kernels"], d
for k in d["kernels"]:
    assert k["gflops"] > 0 and k["provenance"] in ("measured", "modelled", None)' || fail "bench document"

"$ERGON" bench --budget 4s --kernel chase --no-save --json - | python3 -c '
import json, sys
d = json.load(sys.stdin)
assert 0 < d["latency_s"]["DRAM"] < 1 and not d["roofs"]["bytes_per_s"], d
assert len(d["latency_s"]) == len(d["machine"]["caches"]) + 1, d' || fail "latencies"

# The child sees the lever; the document is whole; the command must not write to our output.
"$ERGON" sweep --lever arg:n=1,3 --lever env:MODE=a,b --repeat 2 --json - -- \
	sh -c 'echo noise; echo "$MODE {n} $OMP_NUM_THREADS" >>"$0"; i=0; while [ $i -lt {n}0000 ]; do i=$((i+1)); done' \
	"$work/log" >"$work/sweep.json"
python3 - "$work/sweep.json" <<'PY' || fail "sweep document"
import json, sys
d = json.load(open(sys.argv[1]))
assert d["kind"] == "ergon.sweep" and len(d["points"]) == 4 and d["sentence"]
assert [l["name"] for l in d["levers"]] == ["arg:n", "env:MODE"]
assert {(p["settings"]["arg:n"], p["settings"]["env:MODE"]) for p in d["points"]} == \
    {("1", "a"), ("1", "b"), ("3", "a"), ("3", "b")}
for p in d["points"]:
    assert p["runs"] == 2 and p["time_s"] > 0
assert d["baseline"]["settings"] == {"arg:n": "1", "env:MODE": "a"}
PY
[ "$(wc -l <"$work/log")" -eq 9 ] || fail "expected 8 runs and a warm-up, found $(wc -l <"$work/log")"

"$ERGON" sweep --lever cpu.threads=1:2 --repeat 1 -- sh -c 'echo "$OMP_NUM_THREADS {cpu.threads}" >>"$0"' \
	"$work/threads" >/dev/null 2>&1
sort -u "$work/threads" | tr '\n' ',' | grep -qx '1 1,2 2,' || fail "cpu.threads: $(cat "$work/threads")"
refuses "no-such-command" characterize -- no-such-command
refuses "exit status 3" characterize -- sh -c 'exit 3'
"$ERGON" characterize --json - -- sleep 0.5 | grep -q '"class": "idle"' || fail "sleep is not idle"

printf 't,p\n0,10\n1,10\n2,10\n3,10\n4,10\n5,50\n6,50\n7,50\n8,50\n9,50\n' >"$work/series.csv"
"$ERGON" phases "$work/series.csv" --time t --power p --json - | python3 -c '
import json, sys
p = json.load(sys.stdin)["phases"]
assert [x["samples"] for x in p] == [5, 5] and p[1]["energy_j"] == 200, p
assert [x["kind"] for x in p] == [0, 1], p' || fail "phases"
awk 'BEGIN { print "t,p"; for (i = 0; i < 200; i++) print i ",", (int(i / 20) % 2 ? 80 : 20) + i % 3 }' |
	tr -d " " >"$work/loop.csv"
"$ERGON" phases "$work/loop.csv" --time t --power p --json "$work/phases.json" >"$work/out"
python3 - "$work/phases.json" <<'PY' || fail "recurring phases"
import json, sys
d = json.load(open(sys.argv[1]))
assert [p["kind"] for p in d["phases"]] == [0, 1] * 5 and d["kinds"] == 2, d
assert d["period_s"] == 40, d["period_s"]
PY
grep -q "2 kinds" "$work/out" || fail "no kinds in: $(cat "$work/out")"
"$ERGON" report "$work/phases.json" --format md --output - | grep -q "in a loop of 40.0 s" || fail "report of phases"
printf '{"kind":"ergon.bench","version":1,"roofs":{"flops_per_s":{"f64":1e11,"f32":2e11},"bytes_per_s":{"DRAM":2e10}}}' \
	>"$work/profile.json"
awk 'BEGIN { print "t,p,gbps,f64_gflops"
	for (i = 0; i < 60; i++) print i "," (i < 20 ? "60,18,2" : i < 40 ? "90,1,80" : "20,0,0") }' >"$work/rates.csv"
"$ERGON" phases "$work/rates.csv" --time t --power p --profile "$work/profile.json" --idle-power 20 \
	--json "$work/rates.json" >"$work/out"
python3 - "$work/rates.json" <<'PY' || fail "classes of phases"
import json, sys
p = json.load(open(sys.argv[1]))["phases"]
assert [x["class"] for x in p] == ["memory-bandwidth-bound", "compute-bound", "idle"], p
assert "90% of the memory bandwidth" in p[0]["evidence"], p
PY
grep -q "memory-bandwidth-bound" "$work/out" || fail "no class in: $(cat "$work/out")"
"$ERGON" report "$work/rates.json" --format md --output - >"$work/out"
grep -q "phases below the roofs" "$work/out" || fail "no roofline of phases"
refuses "expected \"ergon.bench\"" phases "$work/rates.csv" --time t --power p --profile "$work/rates.json"
# A kept run and its export have the same phases; its own powers need no names.
{ echo "time_s,package-0:energy_j,dram:energy_j"
	awk 'BEGIN { for (i = 0; i <= 60; i++) { e += i > 30 ? 5 : 1; printf "%.1f,%.1f,%.1f\n", i / 10, e, 0.2 * i } }'
} >"$work/run.csv"
"$ERGON" phases "$work/run.csv" --json - | python3 -c '
import json, sys
d = json.load(sys.stdin)
assert [round(p["means"]["power_w"]) for p in d["phases"]] == [12, 52], d
assert abs(d["phases"][1]["begin_s"] - 3.05) < 0.01, d' || fail "phases of a recording"
"$ERGON" measure -i 20ms -- sleep 0.5 >/dev/null 2>&1
"$ERGON" phases last --json - | grep -q '"file": "run ' || fail "phases of a kept run"
refuses "no run 'last-99'" phases last-99
refuses "package-0:power_w" phases "$work/run.csv" --power package-0:energy_w
refuses "expected a time after" phases "$work/t.csv" --time a --power b
echo "kernel, bench, sweep, characterize and phases behave"
