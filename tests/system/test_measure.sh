#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# `ergon measure` on a machine whose RAPL counters advance at known power, and as a guest towards
# the command that it runs.
. tests/system/lib.sh

# Every domain within TOLERANCE of its power times the time, the total without overlap or duplicate.
check_energies() { # JSON TOLERANCE NAME=WATTS...
	python3 - "$@" <<'PY'
import json, sys
d = json.load(open(sys.argv[1]))
t = d["duration_s"]
domains = {x["name"]: x for x in d["domains"]}
tolerance = float(sys.argv[2])
for row in sys.argv[3:]:
    name, watts = row.split("=")
    got = d["total"]["energy_j"] if name == "total" else domains[name]["energy_j"]
    want = float(watts) * t
    error = got / want - 1
    print(f"{name}: {got:.3f} J, expected {want:.3f} J, error {100 * error:+.3f}%")
    assert abs(error) < tolerance, name
assert domains["package-1"]["wraps"] == 1 or len(sys.argv) < 10, "no wrap was met"
assert domains["package-0@mmio"]["duplicate_of"] == "package-0"
assert d["total"]["provenance"] == "measured"
a = d["attribution"]
shares = a["command_j"] + a["idle_j"] + a["others_j"] + a["unattributed_j"]
assert abs(shares - d["total"]["energy_j"]) < 1e-5, a  # whole microjoules a domain
PY
}

start_machine "$scratch/sys"
"$ERGON" measure --sysfs "$scratch/sys" --json "$scratch/run.json" -- sleep 5 2>"$scratch/table"
head -1 "$scratch/table" | grep -q '^measured energy' || fail "the first line does not say measured"
check_energies "$scratch/run.json" 0.005 package-0=50 package-0/core=30 package-0/dram=8 package-1=70 \
	package-1/core=40 package-1/dram=6 package-0@mmio=50 total=134

start_machine "$scratch/psys" --psys --renamed
"$ERGON" measure --sysfs "$scratch/psys" --json "$scratch/psys.json" -- sleep 1 2>/dev/null
check_energies "$scratch/psys.json" 0.1 package-0=50 psys=150 total=150

# A guest: standard streams and exit status are the command's own.
out=$(echo through | "$ERGON" measure -q -- sh -c 'cat; echo err >&2; exit 7' 2>"$scratch/err") &&
	status=0 || status=$?
[ "$status" = 7 ] || fail "exit status $status instead of 7"
[ "$out" = through ] || fail "standard output: $out"
[ "$(cat "$scratch/err")" = err ] || fail "standard error: $(cat "$scratch/err")"
"$ERGON" measure -- "$scratch/nothing" 2>"$scratch/err" && status=0 || status=$?
[ "$status" = 127 ] || fail "not found: exit status $status"
"$ERGON" measure -- "$scratch" 2>"$scratch/err" && status=0 || status=$?
[ "$status" = 126 ] || fail "not executable: exit status $status"
"$ERGON" measure -- sh -c 'kill -9 $$' 2>/dev/null && status=0 || status=$?
[ "$status" = 137 ] || fail "killed: exit status $status"

# Signals are passed on, and the table is printed all the same.
for signal in INT TERM; do
	rm -f "$scratch/up"
	# A shell starts background jobs with SIGINT ignored; the command sets its own trap in python.
	python3 - "$ERGON" "$scratch" $signal <<'PY'
import os, signal, subprocess, sys, time
ergon, scratch, name = sys.argv[1:]
number = getattr(signal, "SIG" + name)
child = ("import signal,sys,time,pathlib\n"
         "signal.signal(signal.SIG%s, lambda *a: sys.exit(42))\n"
         "pathlib.Path(%r).touch()\ntime.sleep(30)\n" % (name, scratch + "/up"))
p = subprocess.Popen([ergon, "measure", "--", sys.executable, "-c", child],
                     stderr=subprocess.PIPE, text=True,
                     preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
while not os.path.exists(scratch + "/up"):
    time.sleep(0.02)
os.kill(p.pid, number)
err = p.communicate(timeout=20)[1]
assert p.returncode == 42, (name, p.returncode, err)
assert "energy" in err.splitlines()[0], err
PY
done

# Without any sensor: modelled, and said so on the first line.
"$ERGON" measure --sysfs "$scratch/none" -- true 2>"$scratch/table"
head -1 "$scratch/table" | grep -q '^modelled energy' || fail "modelled is not said at once"
"$ERGON" sensors --sysfs "$scratch/none" >"$scratch/sensors"
for driver in rapl_powercap rapl_perf rapl_msr hwmon nvml battery cpu_model dram_model replay; do
	grep -q "^$driver " "$scratch/sensors" || fail "$driver is not listed"
done

# A result that could not be written is refused before the command runs.
for path in "$scratch/no/folder/run.json" "$scratch"; do
	rm -f "$scratch/ran"
	"$ERGON" measure --json "$path" -- touch "$scratch/ran" 2>"$scratch/err" && status=0 || status=$?
	[ "$status" = 2 ] || fail "--json $path: exit status $status"
	[ ! -f "$scratch/ran" ] || fail "--json $path: the command ran all the same"
done

# Where nothing can be read nothing is known, which is not 0.
printf 'time_s,package-0:energy_j\n0,\n100,\n' >"$scratch/gap.csv"
"$ERGON" measure --sensors "replay:$scratch/gap.csv" --json "$scratch/gap.json" -- sleep 0.3 \
	2>"$scratch/table"
grep -q '^no energy known' "$scratch/table" || fail "an unknown energy is not called so"
grep -q '^energy x delay  -$' "$scratch/table" || fail "an unknown product is printed"
grep -q '"energy_j": null' "$scratch/gap.json" || fail "an unknown energy is a number"

# NVIDIA's library, as far as its ABI goes.
LD_LIBRARY_PATH="$ERGON_BUILD_DIR/tests/fake_nvml" "$ERGON" measure --sysfs "$scratch/none" \
	--json "$scratch/gpu.json" -- sleep 1 2>/dev/null
python3 - "$scratch/gpu.json" <<'PY'
import json, sys
d = json.load(open(sys.argv[1]))
gpus = {x["name"]: x for x in d["domains"] if x["driver"] == "nvml"}
assert set(gpus) == {"gpu-0", "gpu-1"}, gpus
for g in gpus.values():
    assert g["in_total"] and g["provenance"] == "measured"
    assert abs(g["average_power_w"] / 300 - 1) < 0.1, g
assert d["total"]["provenance"] == "measured and modelled"
PY

# Whose energy it was: a GPU's process gets the GPU's, and all shares add up to the total.
# shellcheck disable=SC2016
LD_LIBRARY_PATH="$ERGON_BUILD_DIR/tests/fake_nvml" FAKE_GPU_PID=$$ "$ERGON" measure --sysfs "$scratch/sys" \
	--by process --no-store --json "$scratch/shares.json" -- sh -c 'i=0; while [ $i -lt 200000 ]; do i=$((i + 1)); done; sleep 1' \
	2>"$scratch/table"
grep -q '^process ' "$scratch/table" || fail "no table by process"
python3 - "$scratch/shares.json" $$ <<'PY'
import json, sys
d = json.load(open(sys.argv[1]))
a = d["attribution"]
for key in "processes", "cgroups", "containers", "jobs":
    total = sum(row["energy_uj"] for row in a[key] + a["rest"])
    assert total == a["total_uj"], (key, total, a["total_uj"])
gpu = {x["name"]: x for x in d["domains"]}["gpu-0"]["energy_j"]
user = [p for p in a["processes"] if p.get("pid") == int(sys.argv[2])]
print(f"GPU 0: {gpu:.1f} J, its process: {user[0]['gpu_j']:.1f} J")
assert abs(user[0]["gpu_j"] / gpu - 1) < 1e-6
assert any(p.get("in_command") for p in a["processes"])
PY

# The history.
"$ERGON" runs | grep -q 'sleep 5' || fail "the run is not kept"
"$ERGON" show 1 | grep -q 'package-1/dram' || fail "the run cannot be shown"
"$ERGON" show 1 --json - | python3 -m json.tool >/dev/null || fail "show --json is no JSON"
"$ERGON" compare 1 2 | grep -q 'total energy' || fail "runs cannot be compared"

# What is exported can be played back; what is recorded survives kill -9.
"$ERGON" export 1 --output "$scratch/run.csv"
"$ERGON" measure --sensors "replay:$scratch/run.csv" --json "$scratch/again.json" -- sleep 1 2>/dev/null
python3 - "$scratch/again.json" <<'PY'
import json, sys
d = json.load(open(sys.argv[1]))
p = {x["name"]: x for x in d["domains"]}["package-1"]
assert abs(p["average_power_w"] / 70 - 1) < 0.05, p
PY
for format in json perfetto; do
	"$ERGON" export 1 --format $format | python3 -m json.tool >/dev/null || fail "$format is no JSON"
done
"$ERGON" export 1 --format influx | grep -q '^ergon,domain=package-0/dram,provenance=measured energy_j=' ||
	fail "no line protocol"
"$ERGON" export 1 --format cvs 2>"$scratch/err" && status=0 || status=$?
[ "$status" = 2 ] || fail "export --format cvs: exit status $status"
grep -q "did you mean 'csv'" "$scratch/err" || fail "no suggestion of a format"
"$ERGON" record --sysfs "$scratch/sys" --interval 10ms 2>/dev/null &
recorder=$!
sleep 2.5
kill -9 $recorder
wait $recorder 2>/dev/null || true
"$ERGON" show last --json "$scratch/killed.json" >/dev/null
python3 - "$scratch/killed.json" <<'PY'
import json, sys
d = json.load(open(sys.argv[1]))
assert d["finished"] is False and d["duration_s"] > 1, d
power = d["series"]["power_w"]["total"]
assert abs(sum(power) / len(power) / 134 - 1) < 0.1, power
PY

# A recording: what it emits and costs, its power over time, and another held against it.
for seconds in 0.5 1; do
	"$ERGON" record --sysfs "$scratch/sys" --duration $seconds --grid FR --price 0.25 2>"$scratch/told"
	grep -q '^kept as run' "$scratch/told" || fail "record"
	grep -q '^carbon .*gCO2e at 56 g/kWh (France' "$scratch/told" || fail "no carbon: $(cat "$scratch/told")"
done
"$ERGON" show last --json "$scratch/recorded.json" >/dev/null
"$ERGON" compare last-1 last --json "$scratch/compared.json" >/dev/null
python3 - "$scratch/recorded.json" <<'PY'
import json, sys
d = json.load(open(sys.argv[1]))
kwh = d["total"]["energy_j"] / 3.6e6
assert abs(d["carbon"]["g_co2e"] / kwh / 56 - 1) < 1e-9 and abs(d["cost"]["amount"] / kwh / 0.25 - 1) < 1e-9, d
times, powers = d["series"]["time_s"], d["series"]["power_w"]
below = sum(p * (t - s) for p, s, t in zip(powers["total"], [0] + times, times))
assert abs(below / d["total"]["energy_j"] - 1) < 0.05, (below, d["total"])
assert "package-0@mmio" not in powers and len(powers["package-1"]) == len(times)
PY
"$ERGON" report "$scratch/recorded.json" "$scratch/compared.json" --format md -o "$scratch/report.md" >/dev/null
grep -q '% more' "$scratch/report.md" && grep -q 'differs for sure' "$scratch/report.md" || fail "no comparison in the report"
"$ERGON" top --sysfs "$scratch/sys" --once --grid FR --price 0.25 | grep -q '^CO2e .* 7[.][345][0-9] g an hour (FR: 56 g/kWh); cost ' ||
	fail "top shows no carbon"

# Bad input: one line, exit status 2.
for words in '--sensors rapl_powrcap' '--interval 0' '--grid XX' '--repeat -1' '--sensors replay'; do
	# shellcheck disable=SC2086
	"$ERGON" measure $words -- true 2>"$scratch/err" && status=0 || status=$?
	[ "$status" = 2 ] || fail "measure $words: exit status $status"
	[ "$(wc -l <"$scratch/err")" = 1 ] || fail "measure $words: more than one line"
done
grep -q replay:FILE "$scratch/err" || fail "no hint at the missing file"
echo ok
