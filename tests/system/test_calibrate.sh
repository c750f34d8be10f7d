#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# A run, a wattmeter's trace of the same machine with a known offset, gain and idle power, and
# `ergon calibrate meter` finding them again, keeping and applying them; the marker is played.
set -eu
scratch=$(mktemp -d "${TMPDIR:-/tmp}/ergon-calibrate-XXXXXX")
trap 'rm -rf "$scratch"' EXIT
command -v python3 >/dev/null || { echo "no python3: skipped"; exit 77; }
ERGON_STATE_DIR=$scratch/state
ERGON_CONFIG_DIR=$scratch
export ERGON_STATE_DIR ERGON_CONFIG_DIR

fail() { echo "FAILED: $*" >&2; exit 1; }

# Nothing is kept yet.
"$ERGON" measure --calibrated -- true 2>"$scratch/err" && fail "applied what is not there"
grep -q 'ergon calibrate meter' "$scratch/err" || fail "no hint: $(cat "$scratch/err")"

# A run whose power steps at odd moments (a recording played back, so that other load on this machine
# does not matter), and what a meter with a clock and an amplifier of its own would have shown.
python3 - "$scratch" <<'END'
import sys
steps = [0.6180339887498949 * (i + 1) % 1 for i in range(40)]
edges, at = [], 0.4
for s in steps:
    edges.append(at)
    at += 0.15 + 0.5 * s
def drawn(t):
    busy = sum(max(0, min(b, t) - a) for a, b in zip(edges[::2], edges[1::2]))
    return 20 * t + 70 * busy
with open(sys.argv[1] + '/machine.csv', 'w') as f:
    print('time_s,package-0:energy_j,dram:energy_j', file=f)
    for i in range(1100):
        print('%.2f,%.5f,%.5f' % (i / 100, drawn(i / 100), 5 * i / 100), file=f)
with open(sys.argv[1] + '/trace.csv', 'w') as f:
    print('time_s,power_w', file=f)
    for i in range(2, 34):
        t = i / 5
        mean = (drawn(t) + 5 * t - drawn(t - 0.2) - 5 * (t - 0.2)) / 0.2
        print('%.3f,%.4f' % (t + 1000 - 7.5, 1.25 * mean + 40), file=f)
END
"$ERGON" --quiet measure -i 10ms --sensors "replay:$scratch/machine.csv" -- sleep 7
"$ERGON" calibrate meter --reference "$scratch/trace.csv" last --json "$scratch/fit.json" >"$scratch/out"
cat "$scratch/out"
python3 - "$scratch/fit.json" <<'END'
import json, sys
fit = json.load(open(sys.argv[1]))
assert fit['kind'] == 'ergon.calibration' and fit['what'] == 'meter', fit
assert abs(fit['gain'] - 1.25) < 0.0125, fit['gain']
assert abs(fit['shift_s'] + 992.5) < 0.02, fit['shift_s']
assert abs(fit['offset_w'] - 40) < 2, fit['offset_w']
END
grep -q 'kept' "$scratch/out" || fail "not kept"

# And applied when asked.
"$ERGON" measure --calibrated --json "$scratch/m.json" --sensors "replay:$scratch/machine.csv" -- \
	sleep 0.3 2>"$scratch/err" || fail "$(cat "$scratch/err")"
grep -q '^calibrated ' "$scratch/err" || fail "no line: $(cat "$scratch/err")"
grep -q '"calibrated"' "$scratch/m.json" || fail "not in the document"

# The marker is a load of busy and idle, kept as a run.
"$ERGON" --quiet calibrate meter --marker --duration 2s
"$ERGON" show last --json - | grep -q 'calibrate marker' || fail "the marker's run is not kept"

# Errors name file, line and column.
printf 'time_s,power_w\n1,5\n0,6\n' >"$scratch/bad.csv"
"$ERGON" calibrate meter --reference "$scratch/bad.csv" last 2>"$scratch/err" && fail "took it"
grep -q 'bad.csv:3' "$scratch/err" || fail "no place: $(cat "$scratch/err")"
"$ERGON" calibrate meter last 2>"$scratch/err" && fail "no trace, no error"
grep -q -- '--marker' "$scratch/err" || fail "no hint"
echo "passed"
