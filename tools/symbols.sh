#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The symbols that the built libergon.so exports, sorted. usage: sh tools/symbols.sh [BUILD-FOLDER]
set -eu
cd "$(dirname "$0")/.."
nm -D --defined-only "${1:-build}/libergon.so" | awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }' | LC_ALL=C sort
