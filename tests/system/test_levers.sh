#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Levers of the machine on an emulated processor: a sweep finds the optimum that is known by
# arithmetic, and the machine is put back whatever becomes of ergon. KILLS: how many kill -9.
set -eu
kills=${KILLS:-10}
command -v python3 >/dev/null || { echo "skipped: no python3"; exit 77; }
[ -x "$ERGON_BUILD_DIR/tests/emulated_cpu_job" ] || { echo "skipped: no emulated job was built"; exit 77; }
# In memory where there is such a place: a slow disk must not hold the made-up counter up.
work=$(mktemp -d -p /dev/shm 2>/dev/null || mktemp -d)
sys=$work/sys
emulator=
stop() { [ -z "$emulator" ] || kill "$emulator" 2>/dev/null || true; rm -rf "$work"; }
trap stop EXIT
export ERGON_STATE_DIR="$work/state"
fail() { echo "FAILED: $*"; exit 1; }
python3 tests/fixtures/emulated_cpu.py make "$sys"
python3 tests/fixtures/emulated_cpu.py run "$sys" &
emulator=$!
until grep -q '[1-9]' "$sys/class/powercap/intel-rapl:0/energy_uj"; do sleep 0.01; done
state() { cat "$sys"/devices/system/cpu/cpufreq/policy0/scaling_m*_freq \
	"$sys"/devices/system/cpu/cpufreq/policy0/scaling_governor \
	"$sys"/class/powercap/intel-rapl:0/constraint_0_power_limit_uw | tr '\n' ' '; }
found=$(state)

# Time 1.2 / f s and a start, power 5 + f^4 W: least energy at 0.8 GHz, least EDP at 1.6 GHz of these;
# both hold for starts of up to 0.2 s, so that a busy machine does not matter.
"$ERGON" --sysfs "$sys" sweep --lever cpu.freq=800:3200:800 --repeat 3 --sensors rapl_powercap \
	--json - -- sh -c 'sleep "$(awk "{ print 1200000 / \$1 }" "$0")"' \
	"$sys/devices/system/cpu/cpufreq/policy0/scaling_max_freq" >"$work/sweep.json"
python3 - "$work/sweep.json" <<'PY' || fail "the sweep"
import json, statistics, sys
d = json.load(open(sys.argv[1]))
assert d["min_energy"]["settings"]["cpu.freq"] == 800, d["min_energy"]
assert d["min_edp"]["settings"]["cpu.freq"] == 1600, d["min_edp"]
assert d["provenance"] == "measured" and d["baseline"]["settings"]["cpu.freq"] == 3200
for p in d["points"]:
    f = p["settings"]["cpu.freq"] / 1000
    # The median: one run in which the emulator was kept waiting is no fault of the sweep.
    power_w = statistics.median(s["energy_j"] / s["time_s"] for s in p["samples"])
    assert abs(power_w / (5 + f ** 4) - 1) < 0.1, p
print(d["sentence"])
PY
[ "$(state)" = "$found" ] || fail "not put back after a sweep: $(state)"

# A command that fails, and an interrupt, end with the machine as it was found.
"$ERGON" --sysfs "$sys" sweep --lever cpu.governor=powersave --repeat 1 -- false 2>/dev/null || true
[ "$(state)" = "$found" ] || fail "not put back after a failure: $(state)"

# The clock probe, from the lever to the class: a command whose CPU time goes with the clock, one
# whose does not. From 800 to 3200 MHz: four times as long, and as long.
while read -r share class; do
	"$ERGON" --sysfs "$sys" characterize --precision 10% --budget 20s --json "$work/class.json" -- \
		"$ERGON_BUILD_DIR/tests/emulated_cpu_job" "$share" "$sys/devices/system/cpu/cpufreq/policy0/scaling_max_freq" >/dev/null
	python3 - "$work/class.json" "$class" <<'PY' || fail "characterize, share $share"
import json, sys
d = json.load(open(sys.argv[1]))
print(f"clock probe: {d['class']}: {d['because']}")
assert d["class"] == sys.argv[2], d
PY
	[ "$(state)" = "$found" ] || fail "not put back after characterize: $(state)"
done <<ROWS
1 compute-bound
0 memory-bound
ROWS

i=0
slowest=0
while [ "$i" -lt "$kills" ]; do
	"$ERGON" --sysfs "$sys" sweep --lever cpu.freq=800:3200:300 --lever cpu.cap=50,100 \
		--lever cpu.governor=performance,powersave -- sleep 0.01 >/dev/null 2>&1 &
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
