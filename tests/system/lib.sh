# shellcheck shell=sh
# SPDX-License-Identifier: Apache-2.0
# What system tests share; to be read with `. tests/system/lib.sh` from the root of the source tree.
#
#   $scratch         a folder of the test's own, in memory where there is such a place: a slow disk must
#                    not hold made-up counters up. ERGON_STATE_DIR lies in it.
#   $processes       ended at the end of the test; at_end, where the test defines it, is called first
set -eu

needs() { # COMMAND...: the test is skipped where one is missing
	for needed; do
		command -v "$needed" >/dev/null || {
			echo "skipped: no $needed"
			exit 77
		}
	done
}

fail() {
	echo "FAILED: $*" >&2
	for log in err log; do [ ! -f "$scratch/$log" ] || tail -n 5 "$scratch/$log" >&2; done
	exit 1
}

scratch=$(mktemp -d -p /dev/shm ergon-test-XXXXXX 2>/dev/null || mktemp -d)
chmod 755 "$scratch"
processes=''
at_end() { :; }
finish() {
	at_end
	for process in $processes; do kill "$process" 2>/dev/null || true; done
	rm -rf "$scratch"
}
trap finish EXIT
export ERGON_STATE_DIR="$scratch/state"

# A machine below DIR whose RAPL counters advance at known power, until the test ends; its process is
# $machine. See tests/fixtures/fake_rapl.c for the options.
start_machine() { # DIR [options]
	"$ERGON_BUILD_DIR/tests/fake_rapl" "$@" &
	machine=$!
	processes="$processes $machine"
	for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
		[ ! -f "$1/ready" ] || return 0
		sleep 0.1
	done
	for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
		[ ! -f "$1/ready" ] || return 0
		sleep 1
	done
	fail "the made-up machine below $1 does not start"
}
