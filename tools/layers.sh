#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Holds every #include below src/ against tools/layers.txt and names file:line of each that breaks it.
# usage: sh tools/layers.sh [ROOT]        (ROOT: a source tree; default: the one around this script)
set -eu
root=${1:-$(dirname "$0")/..}
cd "$root"
find src -type f \( -name '*.c' -o -name '*.h' \) | LC_ALL=C sort | xargs grep -n '^[[:space:]]*#[[:space:]]*include' /dev/null |
awk -v rules=tools/layers.txt '
function folder(path) { sub(/\/[^\/]*$/, "", path); return path }
function is_pure(path,   p) {
	for (p in pure) if (index(path "/", p "/") == 1) return 1
	return 0
}
function broken(why) { print where ": " why; bad++ }
BEGIN {
	while ((getline line < rules) > 0) {
		sub(/#.*/, "", line)
		n = split(line, word, " ")
		if (n == 0) continue
		if (word[1] == "may") known[word[2]] = 1
		for (i = 2; i <= n; i++) {
			if (word[1] == "may" && i > 2) may[word[2], word[i]] = 1
			if (word[1] == "loads" && i > 2) loads[word[2], word[i]] = 1
			if (word[1] == "pure") pure[word[i]] = 1
			if (word[1] == "outside") outside[word[i]] = 1
		}
	}
	if (!("base" in known)) { print rules ": cannot be read"; exit 2 }
}
{
	split($0, part, ":")
	where = part[1] ":" part[2]
	path = substr(part[1], 5)
	text = $0
	if (text !~ /include[ \t]*["<][^">]*[">]/) next
	quoted = text ~ /include[ \t]*"/
	sub(/^.*include[ \t]*["<]/, "", text); sub(/[">].*$/, "", text)
	includes++
	from = folder(path); top = from; sub(/\/.*/, "", top)
	if (!(top in known)) { broken("src/" top " has no line in " rules); next }
	if (is_pure(from) && (text in outside) && !((path, text) in loads))
		broken("src/" from " is pure and must not include " text)
	if (!quoted || text ~ /^ergon\//) next
	to = text; sub(/\/.*/, "", to)
	if (text !~ /\//) { broken("write \"" top "/...\": includes are relative to src/"); next }
	if (to == top || (top, to) in may) next
	if (!(to in known)) next
	broken("src/" top " must not include " text)
}
END {
	if (bad) { print bad " forbidden includes; the arrows stand in " rules; exit 1 }
	print "layers: " includes + 0 " includes obey " rules
}'
