#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# `ergon measure --mpi` under a real Open MPI: each node is counted once, whatever becomes of ranks.
. tests/system/lib.sh
needs mpirun mpicc python3 # of openmpi-bin and libopenmpi-dev
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
mpicc -O1 -o "$scratch/mpi_sum" tests/fixtures/mpi_sum.c
start_machine "$scratch/sys"
ranks() { # N words...
	n=$1
	shift
	mpirun --oversubscribe -np "$n" "$@"
}
measure() { # words of ergon measure --mpi
	echo "$ERGON" measure --mpi --sysfs "$scratch/sys" --json "$scratch/run.json" --mpi-folder "$scratch" "$@"
}
check() { # what must hold of the document
	python3 -c "
import json, sys
d = json.load(open('$scratch/run.json'))
t, e, n = d['duration_s'], d['total']['energy_j'], d['nodes']
statuses = {r['rank']: r['exit_status'] for node in n for r in node['ranks']}
print(f'{e:.1f} J in {t:.2f} s: {e / t:.1f} W on {len(n)} nodes, ranks {statuses}')
assert d['kind'] == 'ergon.measure'
assert $1, d
"
}

# One node: 2 and 4 ranks take what one meter shows, 134 W, and no multiple of it.
for n in 2 4; do
	# shellcheck disable=SC2046
	out=$(ranks $n $(measure) -- "$scratch/mpi_sum" 0.7 2>"$scratch/err") || fail "$n ranks"
	[ "$out" = "sum $((n * (n - 1) / 2))" ] || fail "the program's own output: $out"
	[ "$(grep -c '^measured energy' "$scratch/err")" = 1 ] || fail "not one table"
	grep -q "^ranks  *$n on 1 node" "$scratch/err" || fail "the ranks are not told"
	check "abs(e / t / 134 - 1) < 0.02 and set(statuses.values()) == {0} and len(statuses) == $n"
done
[ "$("$ERGON" runs --json - | grep -c '"run"')" = 2 ] || fail "the history has a run a rank"

# Two nodes by other names, whose results meet in a folder: the sum of both meters.
cat >"$scratch/as_nodes" <<'NODE'
#!/bin/sh
half=$((OMPI_COMM_WORLD_SIZE / 2))
export ERGON_NODE_NAME=node$((OMPI_COMM_WORLD_RANK / half)) OMPI_COMM_WORLD_LOCAL_SIZE=$half
export OMPI_COMM_WORLD_LOCAL_RANK=$((OMPI_COMM_WORLD_RANK % half))
exec "$@"
NODE
chmod +x "$scratch/as_nodes"
# shellcheck disable=SC2046
ranks 4 "$scratch/as_nodes" $(measure) -- "$scratch/mpi_sum" 0.7 >/dev/null 2>"$scratch/err" || fail "two nodes"
[ "$(grep -c '^measured energy' "$scratch/err")" = 1 ] || fail "two nodes: not one table"
grep -q '^node1  *2 ' "$scratch/err" || fail "no row for node1"
check "abs(e / t / 268 - 1) < 0.05 and len(n) == 2 and d['missing_ranks'] == 0 and len(statuses) == 4"
check "any(x['name'] == 'node1/package-0/dram' for x in d['domains'])"
[ -z "$(find "$scratch" -name 'mpi-*' -type d)" ] || fail "the shared folder is left behind"

# A node that never reports is said to be missing; nobody waits for ever.
# shellcheck disable=SC2046
ranks 4 "$scratch/as_nodes" sh -c 'if [ $ERGON_NODE_NAME = node1 ]; then sleep 1; else exec "$@"; fi' sh \
	$(measure --mpi-wait 1s) -- sleep 0.3 2>"$scratch/err" || fail "a node without ergon"
check "len(n) == 1 and d['missing_ranks'] == 2 and abs(e / t / 134 - 1) < 0.1"
grep -q '^! 2 of 4 ranks did not report' "$scratch/err" || fail "the missing ranks are not told"

# A rank whose command is killed, and one that is killed together with its ergon: the table comes,
# with the node counted once, and mpirun fails as it would without us.
# shellcheck disable=SC2016
for victim in '$$' '$PPID'; do
	rm -f "$scratch/run.json"
	# shellcheck disable=SC2046
	ranks 4 $(measure --mpi-wait 2s) -- sh -c \
		"[ \$OMPI_COMM_WORLD_RANK != 2 ] || { sleep 0.5; kill -9 $victim; }; sleep 20" \
		2>"$scratch/err" && fail "mpirun does not see the dead rank"
	[ "$(grep -c '^measured energy' "$scratch/err")" = 1 ] || fail "a dead rank: not one table"
	check "abs(e / t / 134 - 1) < 0.05 and t < 10 and statuses[2] in (137, None)"
done

# Without a launcher it is one process; a variable that makes no sense is an error.
# shellcheck disable=SC2046
$(measure) -- sleep 0.3 2>"$scratch/err" || fail "without a launcher"
check "len(n) == 1 and list(statuses) == [0]"
OMPI_COMM_WORLD_RANK=7 OMPI_COMM_WORLD_SIZE=4 "$ERGON" measure --mpi -- true 2>"$scratch/err" &&
	status=0 || status=$?
[ "$status" = 2 ] || fail "rank 7 of 4: exit status $status"
grep -q 'rank 7 of 4' "$scratch/err" || fail "rank 7 of 4 is not named"
echo ok
