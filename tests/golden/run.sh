#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Golden tests: commands and their exact output, one story a file. tests/golden/NAME.golden:
#
#   # comment                        before the first command only
#   # needs: PATH                    skipped, with a message, where PATH (from the source tree) is absent
#   $ ergon help nothing             a line for sh; ends with \ to go on in the next line
#   ergon help: no command ...       what it prints on both streams, exactly;
#   took {{[0-9.]+}} s               {{...}} is an extended regular expression (of awk)
#   ? 2                              its exit status where that is not 0
#
# Blank lines at the end of an output do not count. Every file runs in an empty folder of its own with
# the built ergon on PATH, data/ and tests/ of the source tree linked in, shared/ where ../shared is,
# ERGON_STATE_DIR=state, NO_COLOR=1, COLUMNS=80, no terminal.
#
# usage: sh tests/golden/run.sh [NAME...]      ERGON: the binary (default build/ergon)
#        GOLDEN_UPDATE=1: write what was printed into the files instead (read the diff before you commit)
set -eu
source=$(cd "$(dirname "$0")/../.." && pwd)
ergon=${ERGON:-$source/build/ergon}
[ -x "$ergon" ] || { echo "golden: no binary at $ergon; run make first"; exit 1; }
scratch=$(mktemp -d "${TMPDIR:-/tmp}/ergon-golden-XXXXXX")
trap 'rm -rf "$scratch"' EXIT
trap 'exit 1' HUP INT TERM
mkdir "$scratch/bin"
ln -s "$ergon" "$scratch/bin/ergon"

# Cuts a golden file into N.cmd, N.want and N.status.
cut_up() {
	awk -v to="$2" '
	/^\$ / { n++; more = 1; cmd = sprintf("%s/%03d.cmd", to, n); want = sprintf("%s/%03d.want", to, n)
		 printf "" > want; print "0" > sprintf("%s/%03d.status", to, n); close(sprintf("%s/%03d.status", to, n))
		 $0 = substr($0, 3); print > cmd; more = /\\$/; next }
	more { print > cmd; more = /\\$/; next }
	/^\? [0-9]+$/ && n { print substr($0, 3) > sprintf("%s/%03d.status", to, n); next }
	n { print > want }
	' "$1"
}

# Prints $1 (wanted) with every line whose {{...}} matches the same line of $2 (seen) replaced by that line,
# so that what diff then shows is what really differs. Blank lines at the end are dropped from both.
settle() {
	awk -v seen="$2" '
	function literal(text,   i, c, out) {
		for (i = 1; i <= length(text); i++) {
			c = substr(text, i, 1)
			out = out (c ~ /[A-Za-z0-9 _]/ ? c : c == "^" ? "\\^" : c == "\\" ? "\\\\" : c == "]" ? "\\]" : "[" c "]")
		}
		return out
	}
	function pattern(text,   out, at, close_at) {
		while ((at = index(text, "{{")) && (close_at = index(substr(text, at), "}}"))) {
			out = out literal(substr(text, 1, at - 1)) "(" substr(text, at + 2, close_at - 3) ")"
			text = substr(text, at + close_at + 1)
		}
		return "^" out literal(text) "$"
	}
	{ have = (getline line < seen) > 0
	  print have && /\{\{/ && line ~ pattern($0) ? line : $0 }' "$1" | trim
}
trim() { awk '/^[ \t]*$/ { blank = blank $0 "\n"; next } { printf "%s%s\n", blank, $0; blank = "" }'; }

# One golden file; output goes to the caller. 0 passed, 1 failed, 77 skipped.
run_file() {
	file=$1 work=$scratch/$2 bad=0
	need=$(sed -n 's/^# needs: *//p' "$file" | head -n 1)
	if [ -n "$need" ] && [ ! -e "$source/$need" ]; then
		echo "skip $2: $need is not here"
		return 77
	fi
	mkdir -p "$work/cut" "$work/in"
	cut_up "$file" "$work/cut"
	ln -s "$source/tests" "$work/in/tests"
	[ ! -d "$source/data" ] || ln -s "$source/data" "$work/in/data"
	[ ! -d "$source/../shared" ] || ln -s "$source/../shared" "$work/in/shared"
	[ -n "${GOLDEN_UPDATE:-}" ] && sed '/^\$ /,$d' "$file" >"$work/new"
	for cmd in "$work"/cut/*.cmd; do
		[ -e "$cmd" ] || { echo "$file: no command in it"; return 1; }
		base=${cmd%.cmd}
		status=0
		(
			cd "$work/in"
			unset LS_COLORS XDG_DATA_HOME ERGON_DATA_DIR || :
			PATH=$scratch/bin:$PATH HOME=$work/in TMPDIR=$work/in LC_ALL=C TZ=UTC
			ERGON_STATE_DIR=state NO_COLOR=1 COLUMNS=80 TERM=dumb
			export PATH HOME TMPDIR LC_ALL TZ ERGON_STATE_DIR NO_COLOR COLUMNS TERM
			exec timeout 120 sh "$cmd"
		) </dev/null >"$base.raw" 2>&1 || status=$?
		trim <"$base.raw" >"$base.seen"
		settle "$base.want" "$base.seen" >"$base.settled"
		if [ -n "${GOLDEN_UPDATE:-}" ]; then
			update "$base" "$status" >>"$work/new"
			continue
		fi
		if ! diff -u -L wanted -L printed "$base.settled" "$base.seen" >"$base.diff"; then
			printf '\n%s: the output differs (- wanted, + printed) of\n' "$file"
			sed 's/^/  $ /' "$cmd"
			sed 1,2d "$base.diff"
			bad=1
		fi
		if [ "$status" != "$(cat "$base.status")" ]; then
			printf '\n%s: exit status %s, wanted %s, of\n' "$file" "$status" "$(cat "$base.status")"
			sed 's/^/  $ /' "$cmd"
			bad=1
		fi
	done
	[ -z "${GOLDEN_UPDATE:-}" ] || cat "$work/new" >"$file"
	return "$bad"
}

# What was printed, with the wanted line kept wherever it (or its pattern) fits.
update() {
	sed '1s/^/$ /' "$1.cmd"
	if cmp -s "$1.settled" "$1.seen"; then trim <"$1.want"; else cat "$1.seen"; fi
	[ "$2" = 0 ] || echo "? $2"
	echo
}

passed=0 failed=0 skipped=0
[ $# -gt 0 ] || set -- "$source"/tests/golden/*.golden
for file; do
	[ -e "$file" ] || file=$source/tests/golden/$file.golden
	name=$(basename "$file" .golden)
	result=0
	run_file "$file" "$name" || result=$?
	case $result in
	0) passed=$((passed + 1)) ;;
	77) skipped=$((skipped + 1)) ;;
	*) failed=$((failed + 1)); echo "FAILED $name" ;;
	esac
done
echo "golden: $passed files passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
