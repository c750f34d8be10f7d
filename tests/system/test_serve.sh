#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# `ergon serve --socket`: counters that only root may read, measured by user nobody: by the command
# and by the Python package. Then kill -9, a stale socket, users who are not permitted.
. tests/system/lib.sh
[ "$(id -u)" = 0 ] || {
	echo "skipped: only root can play both users"
	exit 77
}
needs setpriv python3
server=''
at_end() { [ -z "$server" ] || kill "$server" 2>/dev/null || true; }
# What user nobody must be able to reach, wherever the build lies.
mkdir "$scratch/bin" "$scratch/python" "$scratch/nobody"
cp "$ERGON" "$scratch/bin/ergon"
cp -r data "$scratch/data"
cp -r bindings/python/ergon "$scratch/python/"
[ ! -f "$ERGON_BUILD_DIR/libergon.so" ] || cp "$ERGON_BUILD_DIR/libergon.so" "$scratch/"
chmod -R a+rX "$scratch"
chown nobody "$scratch/nobody"
export ERGON_DATA_DIR="$scratch/data" ERGON_SOCKET="$scratch/ergon.sock"
as() { # USER command...
	user=$1
	shift
	(cd "$scratch" && setpriv --reuid "$user" --regid nogroup --clear-groups \
		env ERGON_STATE_DIR="$scratch/nobody" "$@")
}
start_machine "$scratch/sys"
chmod -R a+rX "$scratch/sys"
chmod 600 "$scratch"/sys/class/powercap/*/energy_uj
as nobody cat "$scratch/sys/class/powercap/intel-rapl:0/energy_uj" 2>/dev/null &&
	fail "the counters are open to everybody: this test shows nothing"
start() { # options of ergon serve
	"$ERGON" serve --sysfs "$scratch/sys" --socket "$ERGON_SOCKET" "$@" >"$scratch/server" 2>"$scratch/err" &
	server=$!
	for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
		grep -q '^serving 8 channels' "$scratch/server" && return
		sleep 0.1
	done
	fail "the server does not start"
}
stop() {
	kill "$server"
	wait "$server" || fail "the server ended with status $?"
	server=''
}

# Without a server: a model stands in, and the message says how to change it.
as nobody "$scratch/bin/ergon" measure --sysfs "$scratch/sys" -- true 2>"$scratch/table"
head -1 "$scratch/table" | grep -q '^modelled energy' || fail "nobody reads the counters"
as nobody "$scratch/bin/ergon" sensors --sysfs "$scratch/sys" | grep -q 'sudo ergon serve' ||
	fail "ergon sensors does not name the server"

start --allow nobody --user daemon
[ "$(ps -o user= -p "$server")" = daemon ] || fail "the server is still $(ps -o user= -p "$server")"
grep -q '^CapEff:.*0000000000000000$' "/proc/$server/status" || fail "the server keeps capabilities"
as nobody "$scratch/bin/ergon" measure --sysfs "$scratch/sys" --no-store --json - -- sleep 3 \
	>"$scratch/run.json" 2>/dev/null
python3 - "$scratch/run.json" <<'PY'
import json, sys
d = json.load(open(sys.argv[1]))
t = d["total"]
truth = 134 * d["duration_s"]
print(f"nobody: {t['energy_j']:.1f} J, truth {truth:.1f} J, 95%: {t['energy_low_j']:.1f} to {t['energy_high_j']:.1f} J")
assert t["provenance"] == "measured"
assert {x["driver"] for x in d["domains"]} == {"daemon"}
assert t["energy_low_j"] <= truth <= t["energy_high_j"]
assert abs(t["energy_j"] / truth - 1) < 0.07
PY

# The Python package, which opens its meter by itself.
if nm -D "$ERGON_BUILD_DIR/libergon.so" 2>/dev/null | grep -q __asan_init; then
	echo "without python: a library with AddressSanitizer cannot be loaded into it"
else
	as nobody env PYTHONPATH="$scratch/python" ERGON_LIBRARY="$scratch/libergon.so" python3 - <<'PY' || fail "python"
import os, time
import ergon
assert os.geteuid() != 0
with ergon.measure("x") as m:
    time.sleep(3)
print(m)
domains = {d["driver"] for d in m.domains.values() if d["name"].startswith("package-1")}
assert domains == {"daemon"}, m.domains
assert m.provenance.startswith("measured")
assert abs(m.domains["package-1"]["energy_j"] / (70 * m.duration_s) - 1) < 0.07, m.domains
PY
fi

# Others are told which group or user would be needed.
as games "$scratch/bin/ergon" sensors --sysfs "$scratch/sys" >"$scratch/sensors"
grep -q '^daemon *closed' "$scratch/sensors" || fail "a user who is not permitted is served"
stop

# By a group: the kernel keeps the others out.
start --group daemon --user daemon
as nobody "$scratch/bin/ergon" sensors --sysfs "$scratch/sys" | grep -q '^daemon *closed' ||
	fail "no member of the group, and yet served"
(cd "$scratch" && setpriv --reuid nobody --regid nogroup --groups daemon "$scratch/bin/ergon" sensors \
	--sysfs "$scratch/sys") | grep -q '^daemon *ready' || fail "a member of the group is not served"

# kill -9 in the middle of a measurement: a gap, and the next server takes the stale socket's place.
as nobody "$scratch/bin/ergon" measure -q --sysfs "$scratch/sys" --sensors daemon -- true 2>/dev/null &&
	fail "closed, yet measured by name"
kill -9 "$server"
wait "$server" 2>/dev/null || true
[ -S "$ERGON_SOCKET" ] || fail "kill -9 leaves the socket"
start --allow nobody
as nobody "$scratch/bin/ergon" measure --sysfs "$scratch/sys" --no-store --json "$scratch/nobody/gap.json" -- \
	sleep 4 2>"$scratch/table" &
client=$!
sleep 1
kill -9 "$server"
wait "$server" 2>/dev/null || true
sleep 0.5
start --allow nobody
wait $client || fail "the client does not survive its server"
python3 - "$scratch/nobody/gap.json" <<'PY'
import json, sys
d = json.load(open(sys.argv[1]))
p = {x["name"]: x for x in d["domains"]}["package-1"]
print(f"kill -9 of the server: {p['energy_j']:.1f} J seen, gap {p['gap_s']:.2f} s, at most {p['energy_high_j']:.1f} J")
assert p["gap_s"] > 0.3 and p["gaps"] >= 1
assert p["energy_j"] <= 70 * d["duration_s"] * 1.02, "energy out of nothing"
assert p["energy_high_j"] >= 70 * d["duration_s"] * 0.97
PY
grep -q '^! package-1: no reading' "$scratch/table" || fail "the gap is not shown"

# A second server, a file in the way, users that do not exist: one line, exit status 2.
echo precious >"$scratch/file"
for words in "--socket $ERGON_SOCKET" "--socket $scratch/file" '--allow no-such-user' '--group no-such-group' \
	'--user no-such-user --socket s2' '--period 1ms'; do
	# shellcheck disable=SC2086
	(cd "$scratch" && timeout 10 "$ERGON" serve --sysfs "$scratch/sys" $words >/dev/null 2>err2) && status=0 || status=$?
	[ "$status" = 2 ] || fail "serve $words: exit status $status"
	[ "$(wc -l <"$scratch/err2")" = 1 ] || fail "serve $words: not one line"
done
[ "$(cat "$scratch/file")" = precious ] || fail "a file was replaced"
stop
! [ -S "$ERGON_SOCKET" ] || fail "root's server leaves its socket"
echo ok
