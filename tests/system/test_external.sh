#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A policy from outside, in Python on a pipe and in C as a library, gives the figures of the same
# policy inside; whatever it does wrong is one sentence.
set -eu
ergon=${ERGON:-build/ergon}
command -v python3 >/dev/null || { echo "python3 is missing"; exit 77; }
compiler=$(command -v "${CC:-cc}" || command -v gcc || command -v clang) ||
	{ echo "no C compiler"; exit 77; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

"$ergon" trace generate --jobs 60 --seed 3 --load 1.3 --cluster 2x4:t4,1x8:v100 \
	--output "$folder/jobs.csv" >/dev/null
"$compiler" -Wall -Wextra -Werror -shared -fPIC -Iinclude -o "$folder/libsrtf.so" \
	examples/policies/srtf.c

figures() { # DOCUMENT: the second policy's, without what depends on the clock of this machine
	python3 - "$1" "$2" <<'PYTHON'
import json, sys
policy = json.load(open(sys.argv[1]))["policies"][int(sys.argv[2])]
for key in ("name", "summary", "wall_s", "jobs_per_wall_s", "events_per_wall_s", "decisions"):
    policy.pop(key, None)
print(json.dumps(policy, sort_keys=True))
PYTHON
}

for cluster in 4x4:t4 2x4:t4,1x8:v100; do
	for outside in "python3 examples/policies/srtf.py" "$folder/libsrtf.so"; do
		"$ergon" simulate -c $cluster -t "$folder/jobs.csv" -o model --restart-cost 30s \
			--audit -p srtf,external --external "$outside" --json "$folder/out.json" >/dev/null
		figures "$folder/out.json" 0 >"$folder/inside"
		figures "$folder/out.json" 1 >"$folder/outside"
		cmp "$folder/inside" "$folder/outside" ||
			{ echo "$outside on $cluster: not the figures of srtf"; exit 1; }
	done
done

fails() { # EXPECTED COMMAND
	code=0
	"$ergon" simulate -c 2x4:t4,1x8:v100 -t "$folder/jobs.csv" -o model -p external \
		--external-timeout 500ms --external "$2" >"$folder/text" 2>&1 || code=$?
	[ $code -eq 2 ] || { echo "'$2': exit $code"; cat "$folder/text"; exit 1; }
	grep -q -- "$1" "$folder/text" || { echo "'$2' does not say '$1':"; cat "$folder/text"; exit 1; }
	[ "$(grep -c 'ergon simulate:' "$folder/text")" -eq 1 ] || { cat "$folder/text"; exit 1; }
}
greet='read line; echo "{\"type\":\"hello\",\"protocol\":1}"; read line;'
fails 'ended with status 3' 'exit 3'
fails 'killed by signal 9' 'kill -9 $$'
fails 'no answer for 0.5 s' 'sleep 60'
fails 'no answer for 0.5 s' "$greet sleep 60"
fails 'closed its output' 'exec >&-; sleep 60'
fails 'no such command' 'no-such-command-here'
fails 'line 1 of what it said is no JSON object' 'echo good morning; read line'
fails 'as its first line' 'echo "{\"type\":\"hello\",\"protocol\":99}"; read line'
fails 'expected type plan or estimate' "$greet echo '{\"type\":\"plam\"}'; read line"
fails 'palce' "$greet echo '{\"type\":\"plan\",\"palce\":[]}'; read line"
fails 'wants 9 t4, only 8 are free' \
	"$greet echo '{\"type\":\"plan\",\"place\":[{\"job\":0,\"group\":0,\"gpus\":9}]}'; read line"
fails 'has not arrived or is done' \
	"$greet echo '{\"type\":\"plan\",\"place\":[{\"job\":59,\"group\":0,\"gpus\":1}]}'; read line"
fails 'nodes\[0\]: expected' \
	"$greet echo '{\"type\":\"plan\",\"place\":[{\"job\":0,\"nodes\":[[0]]}]}'; read line"
fails 'cannot open the library' "$folder/none.so"
echo 'int nothing;' >"$folder/none.c"
"$compiler" -shared -fPIC -o "$folder/none.so" "$folder/none.c"
fails 'exports no ergon_policy' "$folder/none.so"
code=0
"$ergon" simulate -c 4x4:t4 -t "$folder/jobs.csv" -o model -p external >"$folder/text" 2>&1 || code=$?
[ $code -eq 2 ] && grep -q 'needs --external' "$folder/text"
echo "external policies: as inside, and 15 ways to fail, each one sentence"
