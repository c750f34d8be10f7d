#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# One turn of the cycle as a user meets it: whole or not there, with and without rights, sensors and a
# network; wrong input is refused before anything is measured.
set -u

work=$(mktemp -d "${TMPDIR:-/tmp}/ergon-cycle-XXXXXX")
chmod 755 "$work"
trap 'rm -rf "$work"' EXIT
failures=0

fail() {
	echo "FAILED: $1"
	failures=$((failures + 1))
}

# Every file is there, nothing else is, and the documents are what a report is made of.
whole() {
	[ "$(ls "$1" | tr '\n' ' ')" = "bench.json measure.json predict.json recommend.json report.html simulate.json sweep.json trace.csv " ] ||
		fail "$2: the folder holds $(ls "$1" | tr '\n' ' ')"
	"$ERGON" report "$1"/*.json --format md -o "$work/again.md" || fail "$2: its documents make no report"
	for section in Measure Understand Model Optimize; do
		grep -q "^## $section" "$work/again.md" || fail "$2: no section $section"
	done
	grep -q '</html>' "$1/report.html" || fail "$2: the report is not whole"
	! grep -Eq '(src|href)="?https?:' "$1/report.html" || fail "$2: the report points at a host"
}

left_over() {
	[ -z "$(find "$work" -maxdepth 1 -name '*.part-*')" ] || fail "$1: a half-made folder is left"
}

# 1. No sensor at all: said on the first line; the story names each pillar.
mkdir "$work/sys"
"$ERGON" --sysfs "$work/sys" cycle --budget 4s --out "$work/a" >"$work/out" 2>"$work/err" || {
	cat "$work/out" "$work/err"
	fail "cycle exits with $?"
}
head -n 1 "$work/out" | grep -q 'modelled' || fail "the first line does not say that power is modelled"
for word in Measure Understand Model Optimize Report; do
	grep -q "^$word" "$work/out" || fail "the story lacks $word"
done
[ "$(awk 'length > 80' "$work/out" | wc -l)" -le 1 ] || fail "the story is wider than 80 columns"
whole "$work/a" "no sensor"
grep -q '"provenance": "modelled"' "$work/a/measure.json" || fail "modelled energy is not marked"
left_over "no sensor"

# 2. Nothing is overwritten, and wrong input shows at once.
refused() {
	expected=$1
	shift
	begin=$(date +%s)
	"$ERGON" cycle "$@" >"$work/out" 2>"$work/err"
	status=$?
	[ $status = 2 ] || fail "cycle $*: exit $status, expected 2"
	[ "$(wc -l <"$work/err")" = 1 ] || fail "cycle $*: $(cat "$work/err")"
	grep -q -- "$expected" "$work/err" || fail "cycle $*: says $(cat "$work/err")"
	[ ! -s "$work/out" ] || fail "cycle $*: measures before it looks"
	[ $(($(date +%s) - begin)) -lt 20 ] || fail "cycle $*: takes long to refuse"
	left_over "cycle $*"
}
refused 'new or empty folder' --out "$work/a"
refused 'cannot create' --out "$work/no/such/place"
refused "did you mean 'resnet50'" --out "$work/b" --model resnet5
refused 'zz9' --out "$work/b" --device zz9
refused 'cluster' --out "$work/b" --cluster 3y4
refused 'cannot open' --out "$work/b" --trace "$work/absent.csv"
printf 'name,arrival_s,gpus\na,0,1000\n' >"$work/large.csv"
refused '1000' --out "$work/b" --trace "$work/large.csv"
[ ! -e "$work/b" ] || fail "a refused turn leaves a folder"

# 3. Interrupted: nothing is left, and it says so.
"$ERGON" cycle --budget 60s --out "$work/c" >"$work/out" 2>"$work/err" &
pid=$!
sleep 2
kill -TERM $pid
wait $pid
[ $? = 1 ] || fail "an interrupted turn exits with $?"
grep -q 'interrupted' "$work/err" || fail "an interrupted turn says $(cat "$work/err")"
[ ! -e "$work/c" ] || fail "an interrupted turn leaves a folder"
left_over interrupted

# 4. As nobody, without a network: where this test may become another user.
if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null 2>&1; then
	mkdir "$work/nobody"
	chmod 777 "$work/nobody"
	alone=
	unshare -n true 2>/dev/null && alone="unshare -n"
	# Through a shell: what setpriv itself starts is still looked up with its rights.
	if setpriv --reuid=65534 --regid=65534 --clear-groups sh -c 'test -r data/devices && "$1" --version' sh "$ERGON" \
		>/dev/null 2>&1; then
		HOME=/nonexistent $alone setpriv --reuid=65534 --regid=65534 --clear-groups \
			"$ERGON" cycle --budget 4s --out "$work/nobody/turn" >"$work/out" 2>"$work/err" ||
			fail "as nobody: $(cat "$work/err")"
		whole "$work/nobody/turn" "as nobody"
	else
		echo "not tried as nobody: the build folder is closed to others"
	fi
else
	echo "not tried as nobody: this test does not run as root"
fi

[ $failures = 0 ] || exit 1
echo "the cycle holds"
