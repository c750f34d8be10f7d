#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Opens reports in the distribution's Chromium: every figure drawn, no console error, no request to
# any host, nothing too wide at 360 px, light and dark. Screenshots stay in the build folder.
set -eu

skip() {
	echo "skipped: $1"
	exit 77
}

chromium=
for name in chromium chromium-browser google-chrome; do
	if command -v "$name" >/dev/null 2>&1; then
		chromium=$(command -v "$name")
		break
	fi
done
[ -n "$chromium" ] || skip "no Chromium on this machine"
command -v node >/dev/null 2>&1 || skip "no node on this machine"
command -v npm >/dev/null 2>&1 || skip "no npm on this machine"
[ ! -e "$ERGON_BUILD_DIR/web/figures-left-out" ] ||
	skip "this build has no figures: $(cat "$ERGON_BUILD_DIR/web/figures-left-out")"

work=$ERGON_BUILD_DIR/browser
source=tests/system/browser
mkdir -p "$work"
if ! cmp -s "$source/package-lock.json" "$work/installed"; then
	cp "$source/package.json" "$source/package-lock.json" "$source/.npmrc" "$work/"
	(cd "$work" && npm ci --ignore-scripts --prefer-offline --loglevel=error \
		--fetch-retries=2 --fetch-retry-mintimeout=1000) >"$work/npm.log" 2>&1 ||
		skip "npm could not fetch playwright-core"
	cp "$source/package-lock.json" "$work/installed"
fi

# A browser wants a home that it can write to.
export HOME="$work/home" XDG_CONFIG_HOME="$work/home" XDG_CACHE_HOME="$work/home"
mkdir -p "$HOME"

look() {
	NODE_MODULES="$work/node_modules" node "$source/check.mjs" "$@"
}

"$ERGON" report tests/fixtures/report/*.json -o "$work/report.html"
look "$work/report.html" "$work" "$chromium" '</script><script>alert(1)</script>'

# The same page from real results of this machine.
rm -rf "$work/turn"
"$ERGON" --quiet cycle --budget 4s --out "$work/turn" >/dev/null
look "$work/turn/report.html" "$work/turn" "$chromium"
echo "screenshots: $work/report-*.png $work/turn/report-*.png"
