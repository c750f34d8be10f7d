#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# `ergon calibrate cpu` and `dram` on a machine that is busy with what they do and nothing else, and
# whose RAPL counters follow that by a law that is known: they find the law, keep it, and a user who
# may not read the counters is then told by the model what the counters would have.
. tests/system/lib.sh
needs python3
mkdir "$scratch/proc"
cp /proc/cpuinfo "$scratch/proc"
start_machine "$scratch/sys" --follow "$scratch/proc"

follow() { # COMMAND...: its CPU time is the machine's
	"$@" >"$scratch/told" 2>"$scratch/err" &
	processes="$processes $!"
	echo $! >"$scratch/proc/pid"
	wait $!
}
calibrate() { follow "$ERGON" calibrate --sysfs "$scratch/sys" --procfs "$scratch/proc" "$@"; }

for words in "cpu" "dram --dry-run"; do
	what=${words%% *}
	# shellcheck disable=SC2086
	calibrate $words --duration 400ms --json "$scratch/$what.json" || fail "calibrate $words"
	grep -q '^P = ' "$scratch/told" || fail "calibrate $words says: $(cat "$scratch/told")"
done
python3 - "$scratch/state/calibration.json" <<'PY' || fail "not what is to be kept"
import json, sys
kept = json.load(open(sys.argv[1]))
assert "cpu" in kept and "dram" not in kept, kept # --dry-run keeps nothing
PY
python3 - "$scratch/cpu.json" 20 30 "$scratch/dram.json" 4 2 <<'PY'
import json, sys
for path, idle, busy in zip(sys.argv[1::3], sys.argv[2::3], sys.argv[3::3]):
    d = json.load(open(path))
    assert d["kind"] == "ergon.calibration", d
    # Counters may be there or not; a model of the busy time alone always is.
    model = [m for m in d["models"] if set(m["coefficients"]) == {"time", "busy"}][0]
    c, error = model["coefficients"], model["relative_error"]
    print(f"{d['what']}: {c['time']:.3g} + {c['busy']:.3g} x busy W (truth {idle} + {busy}), "
          f"{100 * error:.1f}% off for loads left out")
    assert abs(c["time"] / float(idle) - 1) < 0.25 and abs(c["busy"] / float(busy) - 1) < 0.15, model
    assert 0 <= error < 0.1, model
PY

# The same seconds, by the counters and by the models that were kept.
python3 -c 'import time
end = time.time() + 20
while time.time() < end: pass' &
processes="$processes $!"
echo $! >"$scratch/proc/pid"
sleep 0.5
"$ERGON" measure -q --no-store --sysfs "$scratch/sys" --procfs "$scratch/proc" --json "$scratch/by-sys.json" -- \
	"$ERGON" measure -q --no-store --sysfs "$scratch/none" --procfs "$scratch/proc" --json "$scratch/by-none.json" -- \
	sleep 2 || fail "measure"
python3 - "$scratch/by-sys.json" "$scratch/by-none.json" <<'PY'
import json, sys
measured, modelled = ([d for d in json.load(open(p))["domains"] if d["name"] == "package-0"][0] for p in sys.argv[1:])
assert measured["provenance"] == "measured" and modelled["provenance"] == "modelled", modelled
a, b = measured["average_power_w"], modelled["average_power_w"]
print(f"measured {a:.1f} W, modelled {b:.1f} W")
assert a > 22 and abs(b / a - 1) < 0.2, (a, b)
PY

# Nothing to calibrate by, or a channel that is not there: one line, no model.
rm -r "$scratch/state"
"$ERGON" calibrate cpu --sysfs "$scratch/none" --duration 300ms 2>"$scratch/err" && fail "calibrated by nothing"
[ "$(wc -l <"$scratch/err")" = 1 ] || fail "more than one line"
"$ERGON" calibrate cpu --sysfs "$scratch/sys" --channel packge-0 --duration 300ms 2>"$scratch/err" && fail "a channel that is not there"
[ "$(wc -l <"$scratch/err")" = 1 ] && grep -q "did you mean 'package-0'" "$scratch/err" || fail "an unknown channel"
[ ! -e "$scratch/state/calibration.json" ] || fail "a failed calibration was kept"
