#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Every link of our Markdown files to a file of ours must lead somewhere. usage: sh tools/links.sh
set -eu
cd "$(dirname "$0")/.."
bad=0 links=0
for page in *.md docs/*.md; do
	[ -f "$page" ] || continue
	for link in $(grep -oE '\]\([^) ]+\)' "$page" | sed 's/^](//; s/)$//; s/#.*//'); do
		case $link in http://* | https://* | mailto:*) continue ;; esac
		links=$((links + 1))
		[ -e "$(dirname "$page")/$link" ] || { echo "$page: link to $link, which is not there"; bad=1; }
	done
done
echo "links: $links links between our pages"
exit $bad
