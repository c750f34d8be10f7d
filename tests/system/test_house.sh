#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The layer and size checks: they pass on this tree, and they fail, naming the line, on trees that break the rules.
set -eu
scratch=$(mktemp -d "${TMPDIR:-/tmp}/ergon-house-XXXXXX")
trap 'rm -rf "$scratch"' EXIT
fail() { echo "test_house: $*"; exit 1; }
# wants TEXT COMMAND...: the command fails and says TEXT.
wants() {
	text=$1
	shift
	if "$@" >"$scratch/out" 2>&1; then fail "passed, but must fail: $*"; fi
	grep -qF -- "$text" "$scratch/out" || { cat "$scratch/out"; fail "does not say '$text'"; }
}
# broken FILE INCLUDE: a tree with one file that has that include in line 2.
broken() {
	rm -rf "$scratch/tree"
	mkdir -p "$scratch/tree/tools" "$scratch/tree/$(dirname "$1")"
	cp tools/layers.txt tools/layers.sh tools/size.sh "$scratch/tree/tools"
	printf '/* one */\n#include %s\n' "$2" >"$scratch/tree/$1"
}

sh tools/layers.sh
sh tools/size.sh

while read -r file include says; do
	broken "$file" "$include"
	wants "$file:2: $says" sh "$scratch/tree/tools/layers.sh"
done <<'END'
src/base/x.c "spec/device.h" src/base must not include spec/device.h
src/model/x.c "optimize/sim/engine.h" src/model must not include
src/model/ops/x.c <time.h> src/model/ops is pure
src/optimize/sim/x.h "ergon/env.h" src/optimize/sim is pure
src/measure/x.c "understand/sweep.h" src/measure must not include
src/base/x.c "arena.h" write "base/..."
src/attic/x.c "base/arena.h" src/attic has no line
END
broken src/model/x.c '"base/arena.h"'
sh "$scratch/tree/tools/layers.sh" || fail "a good include is refused"

{
	printf 'static int long_one(int a,\n                    int b)\n{\n'
	i=0
	while [ $i -lt 98 ]; do echo '	b++;'; i=$((i + 1)); done
	echo '}'
} >"$scratch/tree/src/model/x.c"
wants 'src/model/x.c:1: long_one() has 102 lines' sh "$scratch/tree/tools/size.sh"
awk 'BEGIN { for (i = 0; i < 1001; i++) print "" }' >"$scratch/tree/src/model/x.c"
wants 'src/model/x.c:1: 1001 lines' sh "$scratch/tree/tools/size.sh"
