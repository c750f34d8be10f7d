#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What is made from the command table: help that fits a terminal, a man page without warnings, completion
# that completes.
set -eu
scratch=$(mktemp -d "${TMPDIR:-/tmp}/ergon-help-XXXXXX")
trap 'rm -rf "$scratch"' EXIT
fail() { echo "test_help: $*"; exit 1; }

commands=$("$ERGON" help --completion bash | sed -n "s/^_ergon_commands='\(.*\)'/\1/p")
case " $commands " in *" help "*) ;; *) fail "no commands listed" ;; esac
for command in $commands; do
	"$ERGON" "$command" --help >"$scratch/$command" </dev/null || fail "ergon $command --help fails"
	awk -v c="$command" 'length($0) > 80 { print c ": " length($0) " columns: " $0; bad = 1 }
		/[ \t]$/ { print c ": blanks at the end: [" $0 "]"; bad = 1 }
		END { exit bad }' "$scratch/$command" || fail "help of $command"
	grep -q '^Examples:' "$scratch/$command" || fail "$command has no example"
	"$ERGON" help >"$scratch/all"
	grep -q "^  $command " "$scratch/all" || fail "ergon help does not list $command"
	"$ERGON" help --markdown >"$scratch/reference"
	grep -qx "### ergon $command" "$scratch/reference" || fail "the reference lacks $command"
done

if command -v man >/dev/null && man --version >/dev/null 2>&1; then
	"$ERGON" help --man >"$scratch/ergon.1"
	MANROFFSEQ='' MANWIDTH=80 LC_ALL=C.UTF-8 man --warnings -l "$scratch/ergon.1" >"$scratch/page" 2>"$scratch/warnings" </dev/null || fail "man refuses the page"
	[ ! -s "$scratch/warnings" ] || { cat "$scratch/warnings"; fail "man warns of the page"; }
	for command in $commands; do
		grep -q "ergon $command" "$scratch/page" || fail "the man page lacks $command"
	done
else
	echo "skip the man page: man is not installed"
fi

# propose WORDS... : what bash proposes for the last word.
cat >"$scratch/complete.bash" <<'END'
source "$1"
shift
COMP_WORDS=(ergon "$@")
COMP_CWORD=$#
_ergon
printf '%s\n' "${COMPREPLY[@]}"
END
"$ERGON" help --completion bash >"$scratch/ergon.bash"
propose() { (cd "$scratch" && bash complete.bash ergon.bash "$@" | tr '\n' ' '); }
[ "$(propose hel)" = "help " ] || fail "completes hel to '$(propose hel)'"
[ "$(propose help --mark)" = "--markdown " ] || fail "completes help --mark to '$(propose help --mark)'"
[ "$(propose --quiet hel)" = "help " ] || fail "an option in front of the command"
[ "$(propose --sysfs / hel)" = "help " ] || fail "an option with a value in front of the command"
[ "$(propose help --sysfs complete.b)" = "complete.bash " ] || fail "a path as an option's value"
[ "$(propose trace conv)" = "convert " ] || fail "completes trace conv to '$(propose trace conv)'"
[ "$(propose trace info complete.b)" = "complete.bash " ] || fail "a file behind a subcommand"
for shell in zsh fish; do
	"$ERGON" help --completion "$shell" >"$scratch/ergon.$shell"
	if command -v "$shell" >/dev/null; then
		"$shell" -n "$scratch/ergon.$shell" || fail "$shell does not read its completion"
	fi
done
