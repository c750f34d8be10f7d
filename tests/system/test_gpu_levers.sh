#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Levers of a GPU on an emulated one, through the made-up NVML, with real processes: a sweep finds the
# power limit of least energy-delay product that is known by arithmetic, and the GPU is put back
# whatever becomes of ergon. The sweeps run in counted time (fixtures/counted_time.c), which only the
# work and sleeping move on, so every figure is exact however busy the machine is; the kills run in
# real time. KILLS: how many kill -9.
set -eu
kills=${KILLS:-10}
command -v python3 >/dev/null || { echo "skipped: no python3"; exit 77; }
[ -x "$ERGON_BUILD_DIR/tests/emulated_gpu_job" ] || { echo "skipped: no emulated GPU was built"; exit 77; }
work=$(mktemp -d -p /dev/shm 2>/dev/null || mktemp -d)
trap 'rm -rf "$work"' EXIT
export ERGON_STATE_DIR="$work/state" EMULATED_GPU="$work/gpu"
export LD_LIBRARY_PATH="$ERGON_BUILD_DIR/tests/fake_nvml"
# The made-up NVML is not built for a sanitizer's runtime to come second.
job="$ERGON_BUILD_DIR/tests/emulated_gpu_job"
fail() { echo "FAILED: $*"; exit 1; }
state() { "$job" show | awk '{ print $1, $2, $3 }' | tr '\n' ';'; }
found=$(state)
[ "$found" = "500000 0 0;500000 0 0;" ] || fail "the emulated GPU begins as $found"

# P (P - 100)^(-1/3) is least at 150 W; of these limits that is 150 by arithmetic, and 110 is worst.
limits=110:470:40
counted="$ERGON_BUILD_DIR/tests/libcounted_time.so"
[ -e "$counted" ] || { echo "skipped: no counted time was built"; exit 77; }
in_counted_time() { # ERGON'S-ARGS
	EMULATED_GPU="$work/counted" EMULATED_TIME=1 LD_PRELOAD="$counted" \
		ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}verify_asan_link_order=0" \
		"$ERGON" --sysfs "$work/none" "$@"
}
sweep() {
	in_counted_time sweep --sensors nvml "$@" --json - -- "$job" run 0.1
}
put_back() { # AFTER-WHAT
	now=$(EMULATED_GPU="$work/counted" state)
	[ "$now" = "$found" ] || fail "not put back after $1: $now"
}
sweep --lever gpu0.power=$limits --repeat 3 >"$work/sweep.json"
put_back "a sweep"
sweep --lever gpu0.power=$limits --repeat 3 --adaptive >"$work/adaptive.json"
put_back "an adaptive sweep"
sweep --lever gpu0.clock=700,1050,1350 --repeat 2 >"$work/clock.json"
put_back "a sweep of clocks"
sweep --lever gpu0.memclock=min:max:2 --repeat 1 >"$work/memclock.json"
put_back "a sweep of memory clocks"
python3 - "$work" <<'PY' || fail "the sweeps"
import json, sys
load = lambda name: json.load(open(f"{sys.argv[1]}/{name}.json"))
full, adaptive, clock = load("sweep"), load("adaptive"), load("clock")
# The total counts both GPUs: the other is parked at 1 W.
edp = lambda p: (p + 1) * ((p - 100) / 400) ** (-1 / 3)
limits = range(110, 471, 40)
known = min(limits, key=edp)
def check(point, power, time):
    for sample in point.get("samples", []):
        # The energy counter counts millijoules.
        assert abs(sample["time_s"] / time - 1) < 1e-6, (point["settings"], sample, time)
        assert abs(sample["energy_j"] / (power * time) - 1) < 1e-3, (point["settings"], sample)
for name, d in (("full grid", full), ("adaptive", adaptive)):
    got = d["min_edp"]["settings"]["gpu0.power"]
    print(f"{name}: least EDP at {got:g} W, known {known} W, {d['runs']} runs")
    assert got == known, (name, got, known)
    assert d["provenance"] == "measured"
    for p in d["points"]:
        f6 = (p["settings"]["gpu0.power"] - 100) / 400
        check(p, 101 + 400 * f6, 0.1 * f6 ** (-1 / 6))
assert full["runs"] == 30
# Every run is exact, so one of each point that the search looks at is enough, and two of its end.
assert adaptive["runs"] <= 0.4 * full["runs"], adaptive["runs"]
for p in clock["points"]:
    f = p["settings"]["gpu0.clock"] / 1400
    check(p, 101 + 400 * f ** 6, 0.1 / f)
assert [p["settings"]["gpu0.memclock"] for p in load("memclock")["points"]] == [800, 1600]
PY

# What the GPU waits for shows at two clocks of its own; utilisation alone does not tell.
for share in 1 0; do
	EMULATED_PACE=1 in_counted_time characterize -p 10% --json "$work/class.$share.json" -- \
		"$job" run 0.1 $share >/dev/null 2>"$work/err" || fail "characterize: $(cat "$work/err")"
	put_back characterize
done
FAKE_NVML_REFUSES=1 EMULATED_PACE=1 in_counted_time characterize --json "$work/class.closed.json" -- \
	"$job" run 0.1 >/dev/null 2>"$work/err" || fail "characterize without the right: $(cat "$work/err")"
python3 - "$work" <<'PY' || fail "what the GPU waits for"
import json, sys
load = lambda name: json.load(open(f"{sys.argv[1]}/class.{name}.json"))
for name, expected in (("1", "compute-bound"), ("0", "memory-bound"), ("closed", "unknown")):
    d = load(name)
    print(f"share {name}: {d['class']}: {d['because']}")
    assert d["class"] == expected, d["class"]
    if name != "closed": # exact: the GPU's clock shows in all of the time, or in none
        clock = d["evidence"]["clock_sensitivity"]
        assert abs(clock["ratio"] - float(name)) < 1e-5 and clock["half_width"] < 1e-5, clock
    assert d["evidence"]["gpu"]["gpu"] == 0 and d["evidence"]["gpu"]["busy"] > 0.9
assert "utilisation does not say what with" in load("closed")["because"]
assert "as root" in load("closed")["because"]
PY

refuses() { # STATUS WORDS-EXPECTED ARGS...
	code=$1 expect=$2; shift 2
	status=0
	"$ERGON" --sysfs "$work/none" sweep "$@" -- "$job" run 0.01 >"$work/out" 2>"$work/err" || status=$?
	[ "$status" -eq "$code" ] || fail "sweep $*: exit $status, expected $code: $(cat "$work/err")"
	grep -q -- "$expect" "$work/err" || fail "sweep $*: no '$expect' in: $(cat "$work/err")"
	[ "$(state)" = "$found" ] || fail "not as found after sweep $*"
}
refuses 2 "at most 500" --lever gpu0.power=600
refuses 2 "the nearest is 1000" --lever gpu0.clock=1001
refuses 2 "no GPU 7" --lever gpu7.power=min:max:3
refuses 2 "did you mean 'gpuN.power'" --lever gpu0.powr=100
FAKE_NVML_REFUSES=1 refuses 1 "as root" --lever gpu0.power=200
FAKE_NVML_REFUSES=1 refuses 1 "as root" --lever gpu1.clock=700

i=0
slowest=0
while [ "$i" -lt "$kills" ]; do
	"$ERGON" --sysfs "$work/none" sweep --lever gpu0.power=110:500:30 --lever gpu1.clock=350:1400:350 \
		--lever gpu0.memclock=800,1600 -- "$job" run 0.005 >/dev/null 2>&1 &
	ergon=$!
	sleep "0.$(awk -v s="$i" 'BEGIN { srand(s + 1); printf "%03d", 20 + 400 * rand() }')"
	kill -9 "$ergon" 2>/dev/null || fail "the sweep ended by itself"
	wait "$ergon" 2>/dev/null || true
	tries=0
	until [ "$(state)" = "$found" ]; do
		tries=$((tries + 1))
		[ "$tries" -lt 100 ] || fail "kill $i: after 1 s: $(state), expected $found"
		sleep 0.01
	done
	[ "$tries" -le "$slowest" ] || slowest=$tries
	i=$((i + 1))
done
echo "$kills of $kills kills: everything back, at the latest after ${slowest}0 ms"
