#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The Fortran module against the library that was just built.
set -eu
command -v gfortran >/dev/null || {
	echo "skipped: no gfortran"
	exit 77
}
if nm -D "$ERGON_BUILD_DIR/libergon.so" 2>/dev/null | grep -q __asan_init; then
	echo "skipped: the library is built with AddressSanitizer"
	exit 77
fi
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
printf 'time_s,package-0:energy_j\n0,0\n1000,100000\n' >"$scratch/run.csv"
gfortran -std=f2008 -Wall -Wextra -Werror -J "$scratch" -o "$scratch/test" bindings/fortran/ergon.f90 \
	bindings/fortran/tests/test_ergon.f90 -L"$ERGON_BUILD_DIR" -lergon
LD_LIBRARY_PATH="$ERGON_BUILD_DIR" ERGON_DATA_DIR="$PWD/data" "$scratch/test" "$scratch/run.csv"
