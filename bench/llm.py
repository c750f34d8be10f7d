#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Predictions for language models against published measurements, to which nothing is fitted here.

Servers (tokens/s and joules a token of continuous batching; prompts of 300 and answers of 600 tokens
are assumed, as the source states neither), and single operators of a layer by token count.

usage: bench/llm.py [MEASURED]      a folder with mlenergy_llm_decode.csv and vidur_llm_ops.csv
"""
import collections
import csv
import json
import os
import statistics
import subprocess
import sys
import tempfile

ERGON = os.environ.get("ERGON", "build/ergon")
SERVED = {"Llama-3.1-8B-Instruct": "llama3-8b", "Llama-3.1-70B-Instruct": "llama3-70b",
          "Llama-3.3-70B-Instruct": "llama3-70b"}
STRIDE = 7  # every so manyth operator: a second of predictions, not a minute


def ask(*words):
    done = subprocess.run([ERGON, "predict", *words, "--json", "-"], capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    return json.loads(done.stdout)


def config_of(text):
    return dict(part.split("=", 1) for part in text.split(";") if "=" in part)


def servers(path):
    runs, errors = collections.defaultdict(dict), collections.defaultdict(list)
    with open(path) as file:
        for row in csv.DictReader(file):
            runs[row["run_id"]][row["metric"]] = row
    for run in runs.values():
        row = run["tokens_per_s"]
        model = SERVED.get(row["model"])
        if not model or row["precision"] != "bf16" or "avg_power_w" not in run:
            continue
        ways, gpus = config_of(row["model_config"])["TP"], float(row["gpu_count"])
        said = ask("-m", model, "-d", "h100", "--mode", "inference", "--prefill", "300", "--decode",
                   "600", "-b", row["batch_size_per_gpu"], "-t", ways, "-g", ways)
        rate = float(row["value"])
        energy = float(run["avg_power_w"]["value"]) * gpus / rate
        errors[row["model"], "tokens/s"].append(said["tokens_per_s"] / rate - 1)
        errors[row["model"], "J/token"].append(said["energy_per_token_j"] / energy - 1)
    return errors


def layer_of(row):
    """The operator as a model file: width of its input, layers."""
    d, ffn, heads, kv = (int(row[name]) for name in ("d_model", "ffn", "heads", "kv_heads"))
    ways, up = int(row["tp"]), 1 if row["model"].startswith("phi") else 2
    keys = (heads // ways + 2 * max(1, kv // ways)) * (d // heads)
    products = {"attn_pre_proj": (d, keys), "attn_post_proj": (d // ways, d),
                "mlp_up_proj": (d, up * ffn // ways), "mlp_down_proj": (ffn // ways, d)}
    if row["op"] not in products:
        return None
    width, out = products[row["op"]]
    return [{"op": "reshape", "c": width}, {"op": "linear", "out": out, "bias": False}]


def operators(path):
    errors = collections.defaultdict(list)
    with open(path) as file, tempfile.TemporaryDirectory() as folder:
        rows = [row for row in csv.DictReader(file) if layer_of(row)]
        for row in rows[::STRIDE]:
            model = os.path.join(folder, "op.json")
            tokens = int(row["num_tokens"])
            with open(model, "w") as out:
                json.dump({"name": row["op"], "optimizer": "none", "layers": layer_of(row),
                           "input": {"kind": "tokens", "sequence": tokens}}, out)
            device = "a100" if row["gpu"].startswith("A100") else "h100"
            said = ask("-m", model, "-d", device, "-b", "1", "-p", "fp16", "--infer", "--runtime", "compiled")
            errors[row["gpu"], "products, 512 tokens and more" if tokens >= 512 else
                   "products, fewer tokens"].append(said["device_time_s"] * 1e3 / float(row["latency_ms"]) - 1)
    return errors


def main():
    folder = sys.argv[1] if len(sys.argv) > 1 else "../shared/data/measured"
    print(f"{'what':24} {'quantity':32} {'n':>4} {'mean':>7} {'median':>7} {'bias':>7}")
    for errors in (servers(os.path.join(folder, "mlenergy_llm_decode.csv")),
                   operators(os.path.join(folder, "vidur_llm_ops.csv"))):
        for (what, quantity), values in sorted(errors.items()):
            off = [abs(value) for value in values]
            print(f"{what:24} {quantity:32} {len(values):4} {statistics.mean(off):7.1%} "
                  f"{statistics.median(off):7.1%} {statistics.mean(values):+7.1%}")


if __name__ == "__main__":
    main()
