#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Fails on a function of more than 100 lines or a file of more than 1,000; reads clang-formatted C,
# where a function body opens with a brace alone in column 0 and closes the same way.
# usage: sh tools/size.sh [--report]      (--report also lists the ten longest of each)
set -eu
cd "$(dirname "$0")/.."
report=0
[ "${1:-}" != --report ] || report=1
for folder in include src plugins bindings tests bench tools; do
	[ ! -d "$folder" ] || find "$folder" -type f \( -name '*.c' -o -name '*.h' \)
done | LC_ALL=C sort | xargs awk -v report="$report" -v function_max=100 -v file_max=1000 '
function end_file() {
	if (file == "") return
	files++
	if (last > file_longest) { file_longest = last; file_name = file }
	if (last > file_max) { print file ":1: " last " lines; at most " file_max; bad++ }
	if (report) print "file " last " " file | listing
}
# The name in front of the first parenthesis of a signature.
function name_of(text) {
	sub(/[ \t]*\(.*/, "", text); sub(/.*[ \t*]/, "", text)
	return text
}
BEGIN { listing = "sort -k1,1 -k2,2rn | awk \"n[\\$1]++ < 10\"" }
FNR == 1 { end_file(); file = FILENAME; head = 0; inside = 0 }
{ last = FNR }
inside && /^}/ {
	lines = FNR - begin + 1
	functions++
	if (lines > longest) { longest = lines; longest_name = name "() " file ":" begin }
	if (lines > function_max) { print file ":" begin ": " name "() has " lines " lines; at most " function_max; bad++ }
	if (report) print "function " lines " " name "() " file ":" begin | listing
	inside = 0; head = 0
	next
}
inside { next }
/^{[ \t]*$/ && head { inside = 1; begin = head; name = name_of(signature); next }
/^[A-Za-z_]/ && !/;[ \t]*$/ { if (!head) { head = FNR; signature = $0 } else signature = signature " " $0; next }
/^[ \t]+[^ \t]/ && head && !/;[ \t]*$/ { signature = signature " " $0; next }
{ head = 0 }
END {
	end_file()
	if (report) close(listing)
	print "size: longest function " longest + 0 " lines: " longest_name
	print "size: longest file " file_longest + 0 " lines: " file_name
	print "size: " functions + 0 " functions in " files + 0 " files"
	exit bad > 0
}'
