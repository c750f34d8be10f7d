#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# A run under the marker, a wattmeter's trace made from it with a known offset, gain and idle power
# (as a rack's meter would have recorded), and `ergon calibrate meter` finding them again.
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

# The marker is played for real; the machine's models stand in where it has no sensor.
"$ERGON" --quiet calibrate meter --marker --duration 12s
"$ERGON" export last >"$scratch/run.csv"
python3 - "$scratch/run.csv" >"$scratch/trace.csv" <<'END'
import csv, sys
rows = list(csv.reader(open(sys.argv[1])))
head, rows = rows[0], [[float(x or 'nan') for x in r] for r in rows[1:]]
columns = [i for i, h in enumerate(head) if h.split(':')[0] in ('package-0', 'dram')]
time = [r[0] for r in rows]
energy = [sum(r[i] for i in columns) for r in rows]
def at(t):
    for i in range(len(time) - 1):
        if time[i + 1] >= t:
            part = (t - time[i]) / (time[i + 1] - time[i])
            return energy[i] + part * (energy[i + 1] - energy[i])
    return energy[-1]
print('time_s,power_w')
t = time[0] + 0.25
while t < time[-1] - 0.1:
    print('%.3f,%.4f' % (t + 1000 - 7.5, 1.25 * (at(t) - at(t - 0.2)) / 0.2 + 40))
    t += 0.2
END
"$ERGON" calibrate meter --reference "$scratch/trace.csv" last --json "$scratch/fit.json" \
	--sum "$(sed -n '1s/,/ /gp' "$scratch/run.csv" | tr ' ' '\n' | sed -n 's/:energy_j//p' |
		grep -E '^(package-0|dram)$' | paste -sd+)" >"$scratch/out"
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
"$ERGON" measure --calibrated --json "$scratch/m.json" -- sleep 0.3 2>"$scratch/err" ||
	fail "$(cat "$scratch/err")"
grep -q '^calibrated ' "$scratch/err" || fail "no line: $(cat "$scratch/err")"
grep -q '"calibrated"' "$scratch/m.json" || fail "not in the document"

# Errors name file, line and column.
printf 'time_s,power_w\n1,5\n0,6\n' >"$scratch/bad.csv"
"$ERGON" calibrate meter --reference "$scratch/bad.csv" last 2>"$scratch/err" && fail "took it"
grep -q 'bad.csv:3' "$scratch/err" || fail "no place: $(cat "$scratch/err")"
"$ERGON" calibrate meter last 2>"$scratch/err" && fail "no trace, no error"
grep -q -- '--marker' "$scratch/err" || fail "no hint"
echo "passed"
