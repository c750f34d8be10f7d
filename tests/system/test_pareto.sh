#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Every group of every GPU of the published power-limit measurements, against a brute-force search
# written independently of ergon's code (no sorting, no pivoting, quadratic dominance).
set -eu
table=../shared/data/measured/zeus_training_power.csv
[ -f "$table" ] || { echo "skipped: $table is absent"; exit 77; }
command -v python3 >/dev/null || { echo "skipped: no python3"; exit 77; }
out=$(mktemp)
trap 'rm -f "$out"' EXIT
"$ERGON" pareto "$table" --group gpu,model,batch_size_per_gpu,model_config.optimizer \
  --time epoch_time_s --power avg_power_w --json - >"$out"
python3 - "$table" "$out" <<'PY'
import csv, json, re, sys
runs = {}
for line in csv.DictReader(open(sys.argv[1])):
    run = runs.setdefault(line["run_id"], dict(line))
    run[line["metric"]] = line["value"]
groups, skipped = {}, 0
for run in runs.values():
    if not run.get("epoch_time_s") or not run.get("avg_power_w"):
        skipped += 1
        continue
    optimizer = re.search(r"optimizer=(\w+)", run["model_config"]).group(1)
    key = (run["gpu"], run["model"], run["batch_size_per_gpu"], optimizer)
    t, p = float(run["epoch_time_s"]), float(run["avg_power_w"])
    groups.setdefault(key, []).append((t, t * p, run["run_id"]))
doc = json.load(open(sys.argv[2]))
assert doc["kind"] == "ergon.pareto" and doc["version"] == 1
assert doc["rows"]["skipped"] == skipped, (doc["rows"], skipped)
found = {tuple(g["group"].values()): g for g in doc["groups"]}
assert found.keys() == groups.keys(), "different groups"
for key, rows in groups.items():
    g = found[key]
    def dominated(r):
        return any(o[0] <= r[0] and o[1] <= r[1] and (o[0] < r[0] or o[1] < r[1]) for o in rows)
    front = {r[2] for r in rows if not dominated(r)}
    assert {r["run_id"] for r in g["front"]} == front, key
    assert abs(g["min_energy"]["energy_j"] - min(r[1] for r in rows)) <= 1e-9 * g["min_energy"]["energy_j"], key
    assert abs(g["min_edp"]["edp_js"] - min(r[0] * r[1] for r in rows)) <= 1e-9 * g["min_edp"]["edp_js"], key
    assert g["min_edp"]["run_id"] in front and g["min_energy"]["run_id"] in front and g["sentence"], key
    stretch = {r["lever"]: r["time_s"] for r in g["points"]}
    if g["curve"]:
        low, high = min(stretch, key=float), max(stretch, key=float)
        assert f"takes {stretch[low] / stretch[high]:.2f} times" in g["curve"], (key, g["curve"])
per_gpu = {}
for key in groups:
    per_gpu[key[0]] = per_gpu.get(key[0], 0) + 1
for gpu, n in sorted(per_gpu.items()):
    print(f"{gpu}: {n} groups")
for g in doc["groups"][:3]:
    print(" ", ", ".join(g["group"].values()) + ":", g["sentence"] + ";", g["curve"])
print(f"{len(groups)} groups, {sum(map(len, groups.values()))} runs agree with brute force")
PY
