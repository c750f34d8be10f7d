#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Simulation sweeps: the same bytes from 1 and 2 workers, 1, 2 and 4 ranks of a real mpirun, after a rank
# was killed in mid-sweep, and after the whole sweep was killed and begun again.
set -eu
ERGON=${ERGON:-build/ergon}
case $ERGON in /*) ;; *) ERGON=$PWD/$ERGON ;; esac
work=$(mktemp -d "${TMPDIR:-/tmp}/ergon-sweep-XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
cd "$work"
fail() {
	echo "FAILED: $*"
	tail -n 20 ./*.err 2>/dev/null || :
	exit 1
}

"$ERGON" trace generate --jobs 16 --cluster 2x4:t4 --load 0.9 --seed 3 --output jobs.csv --quiet
# pollux takes a second or so a run, the others nothing: enough to be killed in the midst of.
sweep() {
	folder=$1
	shift
	"$@" "$ERGON" simulate --cluster 2x4:t4 --trace jobs.csv --oracle model --interval 360s --restart-cost 30s \
		--sweep load=0.5:1:0.5 --policies pollux,zeus,easy --seeds 2 --folder "$folder" --json "$folder.json" \
		--quiet $workers >"$folder.out" 2>"$folder.err"
}
same() {
	cmp -s one.json "$1.json" || fail "$1 differs from one worker's result: $(cmp one.json "$1.json" 2>&1)"
	echo "ok: $2"
}
count_done() { find "$1/done" -name '*.json' 2>/dev/null | wc -l; }
wait_for_results() { # until $1 holds two or more, while process $2 lives
	while [ "$(count_done "$1")" -lt 2 ] && kill -0 "$2" 2>/dev/null; do sleep 0.02; done
}

workers="--workers 1"
sweep one env || fail "one worker"
[ "$(grep -c '"policy": "pollux"' one.json)" -ge 4 ] || fail "one worker: runs are missing"
workers="--workers 2"
sweep two env || fail "two workers"
same two "two workers give one worker's bytes"

# Killed as a whole, and begun again: what was done stays done.
sweep again env &
leader=$!
wait_for_results again "$leader"
pid=$(find again/alive -type f | sed -n 's/.*-\([0-9]*\)-[0-9a-f]*$/\1/p' | head -n 1)
[ -z "$pid" ] || kill -9 "$pid" 2>/dev/null || :
wait "$leader" 2>/dev/null || :
before=$(count_done again)
sweep again env || fail "a sweep that was begun again"
[ "$before" -ge 2 ] || fail "nothing was done before the kill"
same again "killed after $before of 12 runs and begun again: the same bytes"

# A folder serves one sweep only.
if "$ERGON" simulate --cluster 2x4:t4 --trace jobs.csv --policy easy --seeds 2 --folder two >/dev/null 2>other.err; then
	fail "another sweep was let into the folder"
fi
grep -q 'another campaign' other.err || fail "no word about the other campaign"

if ! command -v mpirun >/dev/null 2>&1; then
	echo "ok: workers; mpirun (openmpi-bin) is not installed: ranks were not tested"
	exit 0
fi
# As in a container: root, more ranks than processors.
OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1
OMPI_MCA_plm_rsh_agent=/bin/false
export OMPI_ALLOW_RUN_AS_ROOT OMPI_ALLOW_RUN_AS_ROOT_CONFIRM OMPI_MCA_rmaps_base_oversubscribe OMPI_MCA_plm_rsh_agent
workers="--workers 1"
for ranks in 1 2 4; do
	sweep "ranks$ranks" mpirun -n "$ranks" --bind-to none || fail "mpirun -n $ranks: $(cat "ranks$ranks.err")"
	same "ranks$ranks" "mpirun -n $ranks gives the same bytes"
done

sweep lost mpirun -n 3 --bind-to none --enable-recovery &
leader=$!
wait_for_results lost "$leader"
victim=$(find lost/alive -type f | sed -n 's/.*-\([0-9]*\)-[0-9a-f]*$/\1/p' | head -n 1)
[ -n "$victim" ] || fail "no rank to kill"
before=$(count_done lost)
kill -9 "$victim" || fail "the rank was gone before it could be killed"
wait "$leader" 2>/dev/null || : # mpirun reports the lost rank by its status
[ -f lost.json ] || fail "no result after a rank was lost: $(cat lost.err)"
same lost "a rank killed after $before of 12 runs: the same bytes"
