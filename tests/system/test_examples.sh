#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Every example of every --help, word for word as a user would copy it, in a folder that has the files
# which they name. One that goes on for long has begun well where it has not failed after LIMIT
# seconds.
. tests/system/lib.sh
needs python3 timeout
limit=${LIMIT:-1}
start_machine "$scratch/sys"
mkdir "$scratch/bin" "$scratch/here" "$scratch/tables" "$scratch/home"
export HOME="$scratch/home" OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 TERM=dumb
export OMPI_MCA_rmaps_base_oversubscribe=1 ERGON_DATA_DIR="$PWD/data"
cat >"$scratch/bin/ergon" <<END
#!/bin/sh
exec "$ERGON" --sysfs "$scratch/sys" "\$@"
END
chmod +x "$scratch/bin/ergon"
PATH="$scratch/bin:$PATH"
mkdir -p "$HOME/.local/share/bash-completion/completions"
"$ERGON" help --completion bash | sed -n "s/^_ergon_commands='\(.*\)'/\1/p" | tr ' ' '\n' >"$scratch/commands"

cd "$scratch/here"
python3 - "$scratch/tables/zeus_training_power.csv" <<'PY'
import math, os, sys
with open(sys.argv[1], "w") as f: # of the published shape; the numbers are made up
    print("run_id,source,gpu,gpu_count,model,model_config,task,precision,batch_size_per_gpu,"
          "seq_len_or_resolution,power_limit_w,metric,value,notes", file=f)
    nets = (("resnet50", "ResNet-50;dataset=imagenet", 224), ("shufflenetv2", "ShuffleNet-v2; CIFAR-100;dataset=cifar100", 32))
    for i, (limit, net) in enumerate((limit, net) for limit in (100, 150, 200, 250) for net in nets):
        head = (f"r{i},zeus_nsdi23,V100-PCIe-32GB,1,{net[0]},{net[1]};optimizer=adadelta,"
                f"train,fp32,128,{net[2]},{limit}")
        print(f"{head},epoch_time_s,{4000 - 4 * limit},", file=f)
        print(f"{head},avg_power_w,{0.9 * limit},", file=f)
def table(path, columns, rows):
    with open(path, "w") as f:
        print(",".join(columns), *(",".join(map(str, r)) for r in rows), sep="\n", file=f)
table("runs.csv", ["threads", "time_s", "energy_j"], [(1, 8, 100), (2, 5, 90), (4, 4, 120)])
table("samples.csv", ["time_s", "t", "power_w", "gpu_busy", "gbps", "gflops"],
      [(i / 10, i / 10, 50 + 100 * (i // 40 % 2) + math.sin(i), i // 40 % 2, 5 + 5 * (i // 40 % 2), 9)
       for i in range(400)])
table("trace.csv", ["time_s", "power_w"], [(i / 10, 140 + 60 * (i // 7 % 2)) for i in range(60)])
with open("hpc2n.swf", "w") as f:
    print("; Version: 2.2", file=f)
    for i in range(1, 31):
        print(i, i * 60, 0, 600, i % 4 + 1, -1, -1, i % 4 + 1, 900, -1, 1, 1, 1, -1, 1, -1, -1, -1, file=f)
for name, text in (("train.py", "import time; time.sleep(0.05)\n"), ("Makefile", "all:\n\t@sleep 0.1\n")):
    open(name, "w").write(text)
for name in ("a.out", "solver"):
    open(name, "w").write("#!/bin/sh\nsleep 0.1\n")
    os.chmod(name, 0o755)
PY
cp "$scratch/tables/zeus_training_power.csv" .
ergon trace generate --jobs 40 --load 0.8 --cluster 16x4:t4 -o jobs.csv >/dev/null
for _ in 1 2 3 4 5 6 7 8 9 10 11 12; do ergon measure -q -- true; done
ergon measure -q --json before.json -- true
ergon measure -q --json after.json -- true
ergon bench -q --budget 1s --kernel triad --json bench.json >/dev/null
ergon sweep -q --lever arg:n=1,2 --repeat 1 --json sweep.json -- "sleep" "0.0{n}" >/dev/null

# What a machine of its own is needed for: users, a wattmeter, a terminal (test_serve, test_calibrate
# and test_top have those).
elsewhere() {
	case $1 in
	"ergon serve "* | "ergon calibrate cpu --sensors meter"* | "ergon calibrate meter --reference"*) return 0 ;;
	"ergon top" | "ergon top --by "*) return 0 ;;
	*mpirun*) ! command -v mpirun >/dev/null ;;
	*"| jq"*) ! command -v jq >/dev/null ;;
	*"| man"*) ! command -v man >/dev/null ;;
	*) return 1 ;;
	esac
}
wrong() {
	echo "WRONG: $*"
	head -n 5 "$scratch/err"
	wrongs=$((wrongs + 1))
}
try() { # EXAMPLE
	elsewhere "$1" && {
		echo "not here: $1"
		return 0
	}
	case $1 in *"ergon model "*) cd "$scratch/tables" ;; *) cd "$scratch/here" ;; esac
	status=0
	timeout "$limit" bash -o pipefail -c "$1" >"$scratch/out" 2>"$scratch/err" </dev/null || status=$?
	case $status in
	0 | 124) tried=$((tried + 1)) ;;
	*) wrong "exit status $status of: $1" ;;
	esac
	[ "$status" = 124 ] || ! grep -q '^ergon [a-z]*: ' "$scratch/err" || wrong "complains: $1"
	case $1 in *--json\ -* | *perfetto* | *"--man"*) return 0 ;; esac
	python3 - "$scratch/out" "$scratch/err" <<'PY' || wrong "wider than a terminal: $1"
import sys
wide = [line for path in sys.argv[1:] for line in open(path, encoding="utf-8").read().split("\n")
        if len(line) > 80 and " /" not in line and "://" not in line and not line.startswith("ergon ")]
print(*(f"{len(line)} columns: {line}" for line in wide[:3]), sep="\n", end="\n" if wide else "")
sys.exit(bool(wide))
PY
}
tried=0 wrongs=0
while read -r command; do
	"$ERGON" "$command" --help </dev/null | sed -n '/^Examples:$/,/^$/{/^  /p;}' | sed -e ':a' -e '/\\$/{N;s/\\\n//;ba' -e '}' >"$scratch/examples"
	[ -s "$scratch/examples" ] || fail "$command has no example"
	while read -r example; do
		try "$example"
	done <"$scratch/examples"
done <"$scratch/commands"
echo "$tried examples run"
[ "$wrongs" = 0 ] || fail "$wrongs examples are wrong"
[ "$tried" -ge 40 ] || fail "only $tried examples were tried"
