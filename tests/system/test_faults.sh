#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A disk that is full, permission denied everywhere, a folder that cannot be written: the command runs
# as it would without ergon, and one line says what is missing.
set -eu
scratch=$(mktemp -d -p /dev/shm 2>/dev/null || mktemp -d)
chmod 755 "$scratch"
trap 'chmod -R u+rwX "$scratch"; rm -rf "$scratch"' EXIT
fail() {
	echo "FAIL: $*" >&2
	[ ! -f "$scratch/err" ] || cat "$scratch/err" >&2
	exit 1
}
printf 'time_s,package-0:energy_j\n0,0\n1000,100000\n' >"$scratch/run.csv"
export ERGON_STATE_DIR="$scratch/state"
"$ERGON" measure -q --sensors "replay:$scratch/run.csv" -- true || fail "a first run"

# Files may grow to 200 blocks and no further: as on a full disk, every write beyond fails.
(ulimit -f 200 && exec "$ERGON" measure -i 200us --sensors "replay:$scratch/run.csv" -- sh -c 'sleep 3; exit 9') \
	2>"$scratch/err" && status=0 || status=$?
[ "$status" = 9 ] || fail "full disk: exit status $status"
grep -q 'the run is not kept' "$scratch/err" || fail "nobody says that the run is not kept"
grep -q '^measured energy: .*100 W' "$scratch/err" || fail "no table"
"$ERGON" show 1 >/dev/null || fail "the store does not open afterwards"
"$ERGON" measure -q --sensors "replay:$scratch/run.csv" -- true || fail "a run afterwards"
"$ERGON" show last --json - | grep -q '"finished": true' || fail "the run afterwards is not kept"
(ulimit -f 0 && exec "$ERGON" measure -q --no-store --sensors "replay:$scratch/run.csv" --json "$scratch/full.json" -- true) \
	2>"$scratch/err" && fail "a document that could not be written"
[ ! -e "$scratch/full.json" ] || fail "half a document"
# The command itself still dies of what it should die of.
(ulimit -f 1 && exec "$ERGON" measure -q --no-store -- sh -c "exec dd if=/dev/zero of=$scratch/big bs=4096 count=10" 2>/dev/null) &&
	status=0 || status=$?
[ "$status" = 153 ] || fail "SIGXFSZ of the command: exit status $status"

[ "$(id -u)" = 0 ] && command -v setpriv >/dev/null || {
	echo "ok, without the part that needs root to become somebody else"
	exit 0
}
# Nothing may be read and nothing written.
mkdir -p "$scratch/closed/class/powercap/intel-rapl:0" "$scratch/closed/class/hwmon/hwmon0" "$scratch/bin" "$scratch/locked"
for file in class/powercap/intel-rapl:0/name class/powercap/intel-rapl:0/energy_uj class/hwmon/hwmon0/name stat cpuinfo; do
	echo 1 >"$scratch/closed/$file"
done
cp "$ERGON" "$scratch/bin/"
cp -r data "$scratch/data"
chmod -R a+rX "$scratch/bin" "$scratch/data"
chmod -R 000 "$scratch/closed"
chmod 700 "$scratch/locked"
nobody() { (cd / && setpriv --reuid nobody --regid nogroup --clear-groups env ERGON_DATA_DIR="$scratch/data" \
	ERGON_STATE_DIR="$scratch/locked/state" "$scratch/bin/ergon" "$@" --sysfs "$scratch/closed" \
	--procfs "$scratch/closed" --devfs "$scratch/closed"); }
nobody sensors >"$scratch/sensors" || fail "sensors"
grep -q '^rapl_powercap' "$scratch/sensors" || fail "rapl_powercap is not listed"
(cd / && setpriv --reuid nobody --regid nogroup --clear-groups env ERGON_DATA_DIR="$scratch/data" \
	ERGON_STATE_DIR="$scratch/locked/state" "$scratch/bin/ergon" measure --sysfs "$scratch/closed" \
	--procfs "$scratch/closed" --devfs "$scratch/closed" -- sh -c 'exit 4') 2>"$scratch/err" && status=0 || status=$?
[ "$status" = 4 ] || fail "closed everywhere: exit status $status"
grep -q 'the run is not kept' "$scratch/err" || fail "nobody says that the run is not kept"
nobody top --once --interval 200ms >"$scratch/top" || fail "top"
grep -q '^ergon top' "$scratch/top" || fail "top shows nothing"
echo ok
