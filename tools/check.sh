#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Everything that must hold before a change goes in. One line a step; the end of the log of each that
# fails; at the end, alone on a line:  check: N passed, N failed, N skipped
#
# usage: sh tools/check.sh [STEP...]     all steps, or those named (see the list at the end)
#        JOBS: at once (default: processors)    FUZZ_SECONDS: for each fuzz target (default 5)
#        KEEP_GOING=1: also after the build failed
# shellcheck disable=SC2317 # the steps are called by name
set -u
cd "$(dirname "$0")/.." || exit 1
LC_ALL=C
export LC_ALL
JOBS=${JOBS:-$(nproc 2>/dev/null || echo 2)}
FUZZ_SECONDS=${FUZZ_SECONDS:-5}
logs=build/check
mkdir -p "$logs"
passed=0 failed=0 skipped=0
chosen=" $* "
began=$(date +%s)

have() { command -v "$1" >/dev/null 2>&1; }

# What a step may say: nothing (one test, by its status), or in $logs/NAME.count "passed failed skipped";
# status 77: skipped, and the last line of its log says why.
step() {
	name=$1
	title=$2
	case $chosen in "  " | *" $name "*) ;; *) return 0 ;; esac
	log=$logs/$name.log
	rm -f "$logs/$name.count"
	start=$(date +%s)
	status=0
	("step_$name") >"$log" 2>&1 </dev/null || status=$?
	seconds=$(($(date +%s) - start))
	p=0 f=0 s=0
	if [ -f "$logs/$name.count" ]; then
		read -r p f s <"$logs/$name.count"
		[ "$status" = 0 ] || [ "$f" -gt 0 ] || f=1
	else
		case $status in 0) p=1 ;; 77) s=1 ;; *) f=1 ;; esac
	fi
	passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
	word=ok
	[ "$s" = 0 ] || [ "$p" -gt 0 ] || word=skip
	[ "$f" = 0 ] || word=FAILED
	detail=
	[ ! -f "$logs/$name.count" ] || detail=": $p passed"
	[ ! -f "$logs/$name.count" ] || [ "$f" = 0 ] || detail="$detail, $f failed"
	[ ! -f "$logs/$name.count" ] || [ "$s" = 0 ] || detail="$detail, $s skipped"
	[ "$status" != 77 ] || detail=": $(tail -n 1 "$log")"
	printf '%-6s %4d s  %s%s\n' "$word" "$seconds" "$title" "$detail"
	[ "$word" = FAILED ] || { sed -n 's/^note: /               /p' "$log"; return 0; }
	echo "---------- the end of $log:"
	[ "$(wc -l <"$log")" -lt 60 ] || grep -E 'error:|FAILED' "$log" | head -n 20
	tail -n 60 "$log"
	echo "----------"
	return 1
}

finish() {
	printf '%s min %s s in all\n' $((($(date +%s) - began) / 60)) $((($(date +%s) - began) % 60))
	echo "check: $passed passed, $failed failed, $skipped skipped"
	[ "$failed" = 0 ]
	exit
}

# Configures preset $1 with the rest as further arguments, and builds.
build() {
	preset=$1
	shift
	cmake --preset "$preset" "$@" && cmake --build --preset "$preset" -j "$JOBS"
}

# ctest in build folder $1 for labels $2, test by test: cmocka's own counts, and programs that died.
run_tests() {
	status=0
	ctest --test-dir "$1" -L "$2" -j "$JOBS" --output-on-failure >"$logs/$name.ctest" || status=$?
	cat "$logs/$name.ctest"
	# cmocka's counts where there are any, else ctest's; the golden test counts its files.
	awk '
	FNR != NR { if (/\*\*\*Skipped/) skipped++; if (/ tests failed out of [0-9]+$/) { dead = $4; done = $9 } next }
	/^\[  PASSED  \] [0-9]+ test/ { unit_passed += $4 }
	/^\[  FAILED  \] [0-9]+ test/ { unit_failed += $4 }
	/^\[  SKIPPED \] [0-9]+ test/ { unit_skipped += $4 }
	/^golden: [0-9]+ files passed/ { golden = 1; golden_passed = $2; golden_failed = $5; golden_skipped = $7 }
	END {
		done -= dead + skipped
		if (unit_passed + unit_failed + unit_skipped) {
			done = unit_passed; skipped += unit_skipped
			if (unit_failed > dead) dead = unit_failed
		}
		if (golden) {
			if (golden_failed) dead--; else done--
			done += golden_passed; dead += golden_failed; skipped += golden_skipped
		}
		print done + 0, dead + 0, skipped + 0
	}' "$1/Testing/Temporary/LastTest.log" "$logs/$name.ctest" >"$logs/$name.count"
	sed -n 's/^\(skip\(ped\)\{0,1\}[: ].*\)/note: \1/p; s/^\(\[  SKIPPED \] [a-z_]*\)$/note: \1/p' "$1/Testing/Temporary/LastTest.log" | sort -u
	return "$status"
}

sources() { find include src plugins bindings tests bench -type f \( -name '*.c' -o -name '*.h' \) 2>/dev/null | sort; }

step_build() { build dev && [ -x build/ergon ]; }
step_unit() { run_tests build '^unit$'; }
step_system() { run_tests build '^system$'; }
step_layers() { sh tools/layers.sh; }
step_size() { sh tools/size.sh && sh tools/size.sh | sed -n 's/^size: longest/note: longest/p'; }

step_asan() {
	build asan -DERGON_FIGURES=OFF || return 1
	UBSAN_OPTIONS=print_stacktrace=1 run_tests build/asan '^unit$'
}

step_format() {
	have clang-format || { echo "clang-format is not installed"; return 77; }
	sources | xargs clang-format --dry-run -Werror
}

step_cppcheck() {
	have cppcheck || { echo "cppcheck is not installed"; return 77; }
	mkdir -p build/cppcheck
	cppcheck --quiet -j "$JOBS" --std=c11 --language=c --error-exitcode=1 --inline-suppr \
		--enable=warning,performance,portability --suppressions-list=tools/cppcheck.txt \
		--cppcheck-build-dir=build/cppcheck --template='{file}:{line}: {severity}: {message} [{id}]' \
		-D_GNU_SOURCE -DERGON_VERSION='""' -DERGON_INSTALLED_DATA='""' -Iinclude -Isrc src
}

step_tidy() {
	have clang-tidy || { echo "clang-tidy is not installed"; return 77; }
	[ -f build/compile_commands.json ] || { echo "not built"; return 1; }
	# "shallow": the analyser looks into one function at a time; deep, it takes five times as long.
	set -- --extra-arg=-Xclang --extra-arg=-analyzer-config --extra-arg=-Xclang --extra-arg=mode=shallow
	find src -name '*.c' | sort | xargs -P "$JOBS" -n 6 clang-tidy -p build --quiet "$@" --warnings-as-errors="*" >"$logs/tidy.all" 2>&1 && return 0
	echo "all of it, with the paths that lead there: $logs/tidy.all"
	grep -E " (error|warning): |Error " "$logs/tidy.all" | sort -u
	return 1
}

step_shell() {
	have shellcheck || { echo "shellcheck is not installed"; return 77; }
	shellcheck -S warning run .ci/run bench/*.sh tools/*.sh tests/golden/*.sh tests/system/*.sh
}

# clang's warnings are errors here as well: this is the build with the other compiler.
step_clang() {
	have clang || { echo "clang is not installed"; return 77; }
	echo 'int LLVMFuzzerTestOneInput(const unsigned char *d, unsigned long n) { return d[0] == n; }' >"$logs/probe.c"
	preset=fuzz
	if ! clang -fsanitize=fuzzer,address "$logs/probe.c" -o "$logs/probe"; then
		echo "note: clang has no fuzzer runtime here (libclang-rt): compiled, but nothing to fuzz"
		preset=tidy
		set -- -DCMAKE_C_CLANG_TIDY=
	fi
	build "$preset" -DERGON_WERROR=ON -DERGON_FIGURES=OFF "$@"
}

fuzz_one() {
	target=$1
	fuzz_name=$(basename "$target" | sed 's/^fuzz_//')
	mkdir -p "build/check/corpus/$fuzz_name" "tests/fuzz/corpus/$fuzz_name"
	set -- "$target"
	[ ! -f "tests/fuzz/fuzz_$fuzz_name.dict" ] || set -- "$target" -dict="tests/fuzz/fuzz_$fuzz_name.dict"
	if ERGON_DATA_DIR="$PWD/data" "$@" -max_total_time="$FUZZ_SECONDS" -timeout=10 -rss_limit_mb=2048 -max_len=65536 -verbosity=0 \
		-artifact_prefix="build/check/$fuzz_name-" "build/check/corpus/$fuzz_name" \
		"tests/fuzz/corpus/$fuzz_name" >"$logs/fuzz-$fuzz_name.log" 2>&1; then
		echo "passed $fuzz_name"
	else
		echo "FAILED $fuzz_name"
		tail -n 40 "$logs/fuzz-$fuzz_name.log"
	fi
}

step_fuzz() {
	set -- build/fuzz/fuzz/fuzz_*
	[ -x "$1" ] || { echo "no fuzz target was built (see step clang)"; return 77; }
	rm -rf build/check/corpus
	running=0
	for target; do
		fuzz_one "$target" &
		running=$((running + 1))
		[ $((running % JOBS)) != 0 ] || wait
	done
	wait
	! grep -q '^FAILED' "$logs/fuzz.log"
	status=$?
	awk '/^passed / { p++ } /^FAILED / { f++ } END { print p + 0, f + 0, 0 }' "$logs/fuzz.log" >"$logs/fuzz.count"
	return "$status"
}

step_symbols() {
	have nm || { echo "nm is not installed"; return 77; }
	sh tools/symbols.sh >"$logs/symbols.txt"
	diff -u tools/symbols.txt "$logs/symbols.txt" || { echo "the exported symbols differ from tools/symbols.txt: make symbols"; return 1; }
}

step_docs() {
	build/ergon help --markdown >"$logs/reference.md" || return 1
	diff -u docs/reference.md "$logs/reference.md" || { echo "docs/reference.md is not current: make docs"; return 1; }
	sh tools/links.sh
}

tree_state() { git status --porcelain --untracked-files=all 2>/dev/null; git diff HEAD 2>/dev/null | cksum; }
step_clean() {
	[ -f "$logs/tree-before" ] || { echo "no git work tree here"; return 77; }
	tree_state | diff "$logs/tree-before" - || { echo "the check itself changed the tree"; return 1; }
}

echo "check: $JOBS jobs at once, ${FUZZ_SECONDS} s for each fuzz target; logs in $logs"
[ -d ../shared ] || echo "check: ../shared is not here: tests on its data are skipped"
rm -f "$logs/tree-before"
! have git || ! git rev-parse HEAD >/dev/null 2>&1 || tree_state >"$logs/tree-before"

step layers "includes obey the layers"
step size "functions and files are short"
step build "build, warnings are errors" || [ -n "${KEEP_GOING:-}" ] || finish
step unit "unit tests"
step system "system and golden tests"
step docs "generated reference is current, links lead somewhere"
step symbols "exported symbols are the known ones"
step format "clang-format"
step shell "shellcheck"
step cppcheck "cppcheck"
step tidy "clang-tidy"
step asan "unit tests with AddressSanitizer and UBSan"
step clang "build with clang, warnings are errors"
step fuzz "fuzz targets"
step clean "the tree is as it was"
finish
