#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The Python package against the library that was just built.
set -eu
command -v python3 >/dev/null || {
	echo "skipped: no python3"
	exit 77
}
if command -v nm >/dev/null && nm -D "$ERGON_BUILD_DIR/libergon.so" 2>/dev/null | grep -q __asan_init; then
	echo "skipped: a library with AddressSanitizer cannot be loaded into python"
	exit 77
fi
ERGON_LIBRARY=$ERGON_BUILD_DIR/libergon.so ERGON_DATA_DIR=$PWD/data \
	python3 bindings/python/tests/test_ergon.py
