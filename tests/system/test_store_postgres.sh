#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs in a real PostgreSQL server, started here as an ordinary user in a folder of its own.
. tests/system/lib.sh
needs python3
bin=$(find /usr/lib/postgresql -maxdepth 2 -name bin 2>/dev/null | sort -V | tail -1)
[ -n "$bin" ] && [ -x "$bin/initdb" ] || {
	echo "skipped: no PostgreSQL server (Debian: postgresql)"
	exit 77
}
as_user() { "$@"; }
[ "$(id -u)" != 0 ] || as_user() { (cd "$scratch" && setpriv --reuid nobody --regid nogroup --clear-groups "$@"); }
at_end() {
	as_user "$bin/pg_ctl" -D "$scratch/db" -m immediate stop >/dev/null 2>&1 || true
}
mkdir "$scratch/db" "$scratch/socket"
[ "$(id -u)" != 0 ] || chown nobody "$scratch/db" "$scratch/socket"
: >"$scratch/log"
chmod 666 "$scratch/log"
as_user "$bin/initdb" -D "$scratch/db" -U ergon -A trust --no-sync -E UTF8 --locale=C >"$scratch/initdb" 2>&1 ||
	fail "initdb: $(tail -3 "$scratch/initdb")"
start() {
	as_user "$bin/pg_ctl" -D "$scratch/db" -w -l "$scratch/log" \
		-o "-c listen_addresses='' -c unix_socket_directories='$scratch/socket' -c fsync=off" start >/dev/null ||
		fail "the server does not start"
}
start
url="postgresql://ergon@/postgres?host=$scratch/socket"
start_machine "$scratch/sys"
measure() { "$ERGON" measure -q --sysfs "$scratch/sys" --store "$url" "$@"; }

# An empty database: no run yet, and reading makes no tables.
"$ERGON" runs --store "$url" | grep -q 'No run has been kept' || fail "an empty database"
"$ERGON" show last --store "$url" 2>"$scratch/err" && status=0 || status=$?
[ "$status" = 2 ] || fail "show last of an empty database: status $status"

# Two that begin at once both find the tables made.
measure -- sleep 0.6 &
first=$!
measure -- sleep 0.6 || fail "the second of two"
wait $first || fail "the first of two"
# Statements have no text of ours in them, whatever the command is called.
measure -- sh -c true "x'); DROP TABLE runs; --" || fail "quotes"
measure -- sh -c true "$(printf 'x\377\376 \303\251')" || fail "bytes that are no UTF-8"
"$ERGON" runs --store "$url" --json "$scratch/runs.json"
python3 - "$scratch/runs.json" <<'PY'
import json, sys
runs = json.load(open(sys.argv[1]))["runs"]
assert [r["run"] for r in runs] == [4, 3, 2, 1], runs
assert "DROP TABLE" in runs[1]["command"] and "??" in runs[0]["command"], runs
assert all(r["finished"] for r in runs)
assert abs(runs[3]["energy_j"] / runs[3]["duration_s"] / 134 - 1) < 0.05, runs[3]
PY
"$ERGON" show 1 --store "$url" | grep -q 'package-1/dram' || fail "show"
"$ERGON" compare 1 2 --store "$url" | grep -q 'total energy' || fail "compare"
"$ERGON" export 1 --store "$url" --output "$scratch/run.csv"
[ "$(wc -l <"$scratch/run.csv")" -ge 6 ] || fail "export has no samples"
[ ! -e "$ERGON_STATE_DIR/runs.sqlite" ] || fail "the state folder was used all the same"
ERGON_STORE="$url" "$ERGON" runs | grep -q 'sleep 0.6' || fail "ERGON_STORE"
"$ERGON" show 77 --store "$url" 2>"$scratch/err" && status=0 || status=$?
[ "$status" = 2 ] || fail "show 77: status $status"

# kill -9 of a recorder: its samples are there.
"$ERGON" record -q --sysfs "$scratch/sys" --store "$url" --interval 20ms 2>/dev/null &
recorder=$!
sleep 2
kill -9 $recorder
wait $recorder 2>/dev/null || true
"$ERGON" show last --store "$url" --json "$scratch/killed.json" >/dev/null
python3 - "$scratch/killed.json" <<'PY'
import json, sys
d = json.load(open(sys.argv[1]))
assert d["finished"] is False and d["duration_s"] > 0.5, d
PY

# The server goes away in the middle of a run: the run goes on, and one line says that it is not kept.
"$ERGON" measure --sysfs "$scratch/sys" --store "$url" -- sh -c 'sleep 2; exit 5' 2>"$scratch/err" &
run=$!
sleep 0.7
as_user "$bin/pg_ctl" -D "$scratch/db" -m immediate stop >/dev/null
wait $run && status=0 || status=$?
[ "$status" = 5 ] || fail "the server went away: exit status $status"
grep -q 'the run is not kept' "$scratch/err" || fail "nobody says that the run is not kept"
grep -q '^measured energy' "$scratch/err" || fail "no table"
# It is not there at all: the command runs, with a line; reading fails with one.
measure_err=$("$ERGON" measure --sysfs "$scratch/sys" --store "postgres://anna:secret@localhost:1/db" -- true 2>&1) ||
	fail "without a server the command is not run"
echo "$measure_err" | grep -q 'the run is not kept' || fail "not told that nothing is kept"
! echo "$measure_err" | grep -q secret || fail "the password is shown"
"$ERGON" runs --store "$url" 2>"$scratch/err" && status=0 || status=$?
[ "$status" = 1 ] && [ "$(wc -l <"$scratch/err")" = 1 ] || fail "runs without a server: status $status"
start
"$ERGON" runs --store "$url" | grep -q 'sleep 0.6' || fail "after a crash of the server"

# What a newer ergon wrote is left alone; another scheme is refused.
as_user psql -q -h "$scratch/socket" -U ergon postgres -c 'UPDATE ergon_schema SET version = 99' 2>"$scratch/err" ||
	as_user "$bin/psql" -q -h "$scratch/socket" -U ergon postgres -c 'UPDATE ergon_schema SET version = 99'
"$ERGON" runs --store "$url" 2>"$scratch/err" && status=0 || status=$?
[ "$status" = 2 ] && grep -q 'newer ergon' "$scratch/err" || fail "a newer history: status $status"
"$ERGON" runs --store mysql://h/d 2>"$scratch/err" && status=0 || status=$?
[ "$status" = 2 ] && grep -q 'postgres://' "$scratch/err" || fail "mysql: status $status"
echo ok
